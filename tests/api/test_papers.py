"""Files, questions by link, steps on behalf and translations as people and scripts meet them."""

import io
import json
import re
from html import unescape

import pytest
from sqlalchemy import select

from hub.support import attachments, delivery, triage
from hub.support.delivery import AnswerData
from hub.support.filestore import FileStore
from hub.support.papers import AnswerLink
from tests import signing
from tests.unit.support import papers

PDF = papers.PDF
DOCUMENT = papers.docx()


@pytest.fixture
def people(session, words):
    return papers.cast(session)


@pytest.fixture
def row(session, people):
    return papers.accepted(session, people)


@pytest.fixture
def browser(app):
    def open_for(membership):
        client = app.test_client()
        signing.sign_in(client, membership)
        return client

    return open_for


@pytest.fixture
def store(settings):
    return FileStore(settings.files, settings.largest_file)


def file_part(content=PDF, name="letter.pdf"):
    return (io.BytesIO(content), name)


def text_of(response):
    return unescape(response.get_data(as_text=True))


def saved(client, address, **more):
    """What a download gives, closed as a server would close it."""
    with client.get(address, **more) as response:
        response.get_data()
        return response


def path(row, more=""):
    return f"/en/requests/{row.id}{more}"


# Files


def test_a_file_is_added_found_and_saved_never_shown(browser, people, row):
    client = browser(people.ana)
    name = "Lettre ‘été’.pdf"
    response = signing.post(client, path(row, "/attachments"), {"file": file_part(name=name)})
    assert response.status_code == 303, text_of(response)
    page = text_of(client.get(path(row)))
    assert name in page
    address = re.search(r'href="(/api/v1/attachments/[^"]+)"', page).group(1)
    got = saved(client, address)
    assert got.data == PDF
    assert got.headers["Content-Type"] == "application/pdf"
    assert got.headers["Content-Disposition"].startswith("attachment;")
    assert "filename*=UTF-8''Lettre%20%E2%80%98%C3%A9t%C3%A9%E2%80%99.pdf" in got.headers["Content-Disposition"]
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Cache-Control"] == "no-store"
    assert got.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    for other, status in ((people.iom, 200), (people.secretary, 200), (people.unhcr, 404), (people.ghana, 404)):
        assert saved(browser(other), address).status_code == status


def test_a_visitor_gets_no_file(client, session, people, row, store):
    file = attachments.add(session, people.ana, store, row.id, papers.upload())
    assert client.get(f"/api/v1/attachments/{file.id}").status_code == 401


def test_what_is_no_file_of_ours_is_refused_on_the_form_in_words(browser, people, row, store):
    client = browser(people.ana)
    for content, sentence in (
        (b"MZ\x90\x00", "neither a PDF, a Word document (.docx) nor plain text"),
        (papers.docx(word__vbaProject="x"), "holds macros"),
        (b"", "This file is empty"),
        (b"%PDF-1.7 half", "damaged or incomplete"),
    ):
        response = signing.post(client, path(row, "/attachments"), {"file": file_part(content)})
        assert response.status_code == 422
        assert sentence in text_of(response)
    response = signing.post(client, path(row, "/attachments"), {})
    assert (response.status_code, "Choose a file." in text_of(response)) == (422, True)
    assert list(store.kept()) == []


@pytest.fixture
def small(hub):
    from dataclasses import replace

    hub.settings = replace(hub.settings, largest_file_mb=1)


def send_large(client, address, megabytes, **more):
    """Bytes of the body are made here: the client of the tests leaves a temporary file open for large ones."""
    body = {"file": file_part(b"a" * int(megabytes * (1 << 20)), "a.txt"), **more.pop("data", {})}
    content, boundary = encode_multipart(body)
    return client.post(address, data=content, content_type=f"multipart/form-data; boundary={boundary}", **more)


def encode_multipart(values):
    boundary = "boundary-of-a-test"
    parts = []
    for name, value in values.items():
        content, filename = (
            (value[0].read(), f'; filename="{value[1]}"') if isinstance(value, tuple) else (value.encode(), "")
        )
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'.encode() + content
        )
    return b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()]), boundary


def test_a_file_that_is_too_large_is_told_so_before_and_while_it_comes_in(small, browser, people, row, store):
    client = browser(people.ana)
    token = signing.csrf_token(client)
    for megabytes in (1.5, 4):
        response = send_large(client, path(row, "/attachments"), megabytes, data={"csrf_token": token})
        assert response.status_code == 413
        assert "A file has at most 1 MB." in text_of(response)
        headers = {"X-CSRFToken": token}
        response = send_large(client, f"/api/v1/requests/{row.id}/attachments", megabytes, headers=headers)
        assert response.status_code == 413
        assert response.mimetype == "application/problem+json"
        assert response.get_json()["type"].endswith("#too-large")
    assert list(store.kept()) == []


def test_a_visitor_and_other_forms_get_no_room_for_a_file(client, browser, people, row):
    assert send_large(client, path(row, "/attachments"), 3).status_code == 413
    ana = browser(people.ana)
    token = signing.csrf_token(ana)
    assert send_large(ana, "/en/requests/new", 3, data={"csrf_token": token}).status_code == 413
    assert send_large(ana, path(row, "/attachments"), 3, data={"csrf_token": token}).status_code == 303


def test_a_script_adds_lists_and_erases_files(client, session, people, row):
    headers = signing.bearer(people.iom)
    draft = delivery.save_answer_draft(session, people.iom, row.id, AnswerData("Soon"))
    address = f"/api/v1/requests/{row.reference}/attachments"
    made = client.post(
        address,
        data={"file": file_part(DOCUMENT, "report.docx"), "subject": "answer", "subject_id": draft.id},
        headers=headers,
    )
    assert made.status_code == 201, made.get_json()
    body = made.get_json()
    assert (body["name"], body["size"], body["subject"]) == ("report.docx", len(DOCUMENT), "answer")
    assert made.headers["Location"] == body["href"]
    assert client.get(address, headers=headers).get_json()["items"] == [body]
    assert client.get(address, headers=signing.bearer(people.ana)).get_json()["items"] == []
    assert client.get(body["href"], headers=signing.bearer(people.ana, "2")).status_code == 404
    assert saved(client, body["href"], headers=headers).data == DOCUMENT
    assert client.delete(body["href"], headers=headers).status_code == 204
    assert client.get(body["href"], headers=headers).status_code == 410
    assert client.post(address, data={"subject": "plan"}, headers=headers).status_code == 422
    assert client.post(address, data={"x": "1"}, headers=headers).status_code == 422


def test_a_file_is_erased_by_its_button_and_by_nobody_without_one(browser, session, people, row, store):
    file = attachments.add(session, people.ana, store, row.id, papers.upload())
    erase = path(row, f"/attachments/{file.id}/erase")
    iom = browser(people.iom)
    assert erase not in text_of(iom.get(path(row)))
    assert signing.post(iom, erase).status_code == 403
    ana = browser(people.ana)
    assert erase in text_of(ana.get(path(row)))
    assert signing.post(ana, erase).status_code == 303
    assert "letter.pdf" not in text_of(ana.get(path(row)))
    assert "erased a file" in text_of(ana.get(path(row)))


def test_a_file_that_vanished_from_the_disk_is_said_to_be_missing(client, session, people, row, store):
    file = attachments.add(session, people.ana, store, row.id, papers.upload())
    store.path(file.sha256).unlink()
    response = client.get(f"/api/v1/attachments/{file.id}", headers=signing.bearer(people.ana))
    assert response.status_code == 404
    assert "missing on the server" in response.get_json()["detail"]


# Questions by link


def ask(client, row, **form):
    form = {"entity": "GHA", "question": "Can you help?", "kind": "yes_no", "language": "en", **form}
    return signing.post(client, path(row, "/links"), form)


def test_a_question_goes_out_and_its_answer_comes_back_without_an_account(browser, app, people, row, caplog):
    secretariat = browser(people.secretary)
    made = text_of(ask(secretariat, row))
    address = re.search(r"<code[^>]*>http://[^/]+(/en/question/[\w-]+)</code>", made).group(1)
    assert address not in text_of(secretariat.get(path(row, "/links")))  # shown once
    visitor = app.test_client()
    for _ in range(2):
        page = text_of(visitor.get(address))
    assert "Can you help?" in page
    assert "Approved summary" in page
    assert "in private" not in page
    assert "Portugal" in page
    assert visitor.head(address).status_code == 200
    assert signing.post(visitor, address, {}, page=address).status_code == 422
    done = signing.post(visitor, address, {"choice": "yes", "text": "Gladly."}, page=address)
    assert (done.status_code, "Your answer is with the secretariat" in text_of(done)) == (200, True)
    assert done.headers["Referrer-Policy"] == "no-referrer"
    for response in (
        visitor.get(address),
        visitor.post(address, data={"csrf_token": signing.csrf_token(visitor, "/en/sign-in"), "choice": "no"}),
    ):
        assert response.status_code == 410
        assert "Ask the secretariat of the Network for a new one" in text_of(response)
    page = text_of(secretariat.get(path(row)))
    assert "Gladly." in page
    assert "answered the question asked by link" in page
    for other in (people.ana, people.iom):
        assert "Gladly." not in text_of(browser(other).get(path(row)))
    assert address.rsplit("/", 1)[1] not in caplog.text


def test_a_link_of_nobody_is_404_and_guessing_is_slowed_down(app, settings, hub):
    from dataclasses import replace

    from hub import create_app

    hub.settings = replace(hub.settings, sign_in_limit="3 per minute")
    visitor = create_app(hub=hub).test_client()
    assert [visitor.get("/en/question/guess").status_code for _ in range(4)] == [404, 404, 404, 429]


def test_links_are_taken_back_and_erased_by_their_buttons(browser, session, people, row):
    client = browser(people.secretary)
    ask(client, row)
    link = session.scalars(select(AnswerLink)).one()
    assert signing.post(client, path(row, f"/links/{link.id}/revoke")).status_code == 303
    assert "taken back" in text_of(client.get(path(row, "/links")))
    assert signing.post(client, path(row, f"/links/{link.id}/revoke")).status_code == 410
    assert signing.post(client, path(row, f"/links/{link.id}/erase")).status_code == 303
    assert "Can you help?" not in text_of(client.get(path(row, "/links")))
    assert "Can you help?" not in text_of(client.get(path(row)))
    assert signing.post(browser(people.ana), path(row, f"/links/{link.id}/erase")).status_code == 403


def test_what_is_wrong_with_a_question_stands_beside_it(browser, people, row):
    response = ask(browser(people.secretary), row, question="", entity="", address="nonsense")
    assert response.status_code == 422
    page = text_of(response)
    assert page.count("Fill this in.") >= 2
    assert "This is not an e-mail address." in page


def test_a_script_asks_by_link_too(client, people, row):
    headers = signing.bearer(people.secretary)
    address = f"/api/v1/requests/{row.id}/links"
    body = {"entity": "GHA", "question": "Can you help?", "language": "fr", "kind": "words"}
    made = client.post(address, json=body, headers=headers)
    assert made.status_code == 201, made.get_json()
    assert "/fr/question/" in made.get_json()["url"]
    listed = client.get(address, headers=headers).get_json()["items"]
    assert [(one["status"], "url" in one) for one in listed] == [("waits", False)]
    refused = client.post(address, json={**body, "address": "a@example.org"}, headers=headers)
    assert "No mail server" in refused.get_json()["errors"]["address"][0]
    assert client.post(f"/api/v1/links/{listed[0]['id']}/revoke", headers=headers).status_code == 204
    assert client.delete(f"/api/v1/links/{listed[0]['id']}", headers=headers).status_code == 204
    assert client.get(address, headers=signing.bearer(people.ana)).status_code == 403


# On behalf


def test_a_request_comes_by_letter(browser, session, people):
    client = browser(people.secretary)
    form = {
        "country": "GHA",
        "source": "note_verbale",
        "dated": "2026-11-03",
        "title": "From the letter",
        "description": "As the letter says",
        "gcm_objectives": ["6", "8"],
        "key": "k",
    }
    assert client.get("/en/requests/behalf").status_code == 200
    wrong = signing.post(client, "/en/requests/behalf", {**form, "source": "", "dated": "yesterday", "country": "XXX"})
    assert wrong.status_code == 422
    assert "From the letter" in text_of(wrong)
    made = signing.post(client, "/en/requests/behalf", {**form, "file": file_part()})
    assert made.status_code == 303, text_of(made)
    for who in (people.secretary, people.ghana):
        page = text_of(browser(who).get(made.location))
        assert "on behalf of \u2068Ghana\u2069 (note verbale of 3 Nov 2026) submitted the request." in page
        assert "letter.pdf" in page
    assert signing.post(browser(people.ana), "/en/requests/behalf", form).status_code == 403


def test_a_step_is_taken_for_an_agency_and_told_as_such(browser, session, people, row):
    client = browser(people.secretary)
    page = text_of(client.get(path(row, "/behalf")))
    assert "Send an answer" in page
    assert client.get(path(row, "/behalf?step=iom:answer")).status_code == 200
    form = {"step": "iom:answer", "version": row.version, "source": "email", "dated": "2026-11-03", "text": "Do this."}
    stale = signing.post(client, path(row, "/behalf"), {**form, "version": 1})
    assert (stale.status_code, "Do this." in text_of(stale)) == (409, True)
    assert signing.post(client, path(row, "/behalf"), {**form, "dated": ""}).status_code == 422
    done = signing.post(client, path(row, "/behalf"), form)
    assert done.status_code == 303, text_of(done)
    page = text_of(browser(people.ana).get(path(row)))
    assert "Do this." in page
    assert "(e-mail of 3 Nov 2026) sent an answer." in page


@pytest.mark.parametrize("step", ["iom:triage", "iom:nonsense", "GHA:withdraw", "PRT:accept", ":", "iom:"])
def test_no_other_step_has_a_form(browser, people, row, step):
    response = browser(people.secretary).get(path(row, f"/behalf?step={step}"))
    assert response.status_code in {200, 404, 409}
    assert 'name="dated"' not in text_of(response)


def test_the_words_are_changed_for_a_state(browser, session, people):
    row = papers.submitted(session, people)
    client = browser(people.secretary)
    assert "Title in private" in text_of(client.get(path(row, "/behalf?step=PRT:edit")))
    form = {"step": "PRT:edit", "version": row.version, "source": "call", "dated": "2026-11-03"}
    done = signing.post(client, path(row, "/behalf"), {**form, "title": "New", "description": "Words", "summary": ""})
    assert done.status_code == 303, text_of(done)
    session.refresh(row)
    assert (row.title, row.description, row.summary) == ("New", "Words", "")


def test_a_script_acts_on_behalf_too(client, session, people, row):
    headers = signing.bearer(people.secretary)
    source = {"source": "meeting", "dated": "2026-11-03"}
    made = client.post(
        "/api/v1/behalf/requests",
        json={**source, "country": "GHA", "title": "T", "description": "D"},
        headers={**headers, "Idempotency-Key": "one"},
    )
    assert (made.status_code, made.get_json()["status"]) == (201, "submitted")
    address = f"/api/v1/requests/{row.id}/behalf/unhcr/actions"
    taken = client.post(f"{address}/accept", json={**source, "version": row.version}, headers=headers)
    assert taken.status_code == 200, taken.get_json()
    events = client.get(f"/api/v1/requests/{row.id}/events", headers=headers).get_json()["items"]
    last = next(one for one in reversed(events) if one["action"] == "accept")
    assert (last["office"]["id"], last["on_behalf_of"]["id"]) == ("secretariat", "unhcr")
    assert (last["source"], last["dated"]) == ("meeting", "2026-11-03")
    assert client.post(f"{address}/answer", json=source, headers=headers).status_code == 422
    assert client.post(f"{address}/triage", json=source, headers=headers).status_code == 404
    refused = client.post(f"{address}/accept", json=source, headers=signing.bearer(people.ana))
    assert refused.status_code == 403


def test_a_state_changes_its_objectives_rates_and_publishes_by_letter(browser, session, people):
    row = papers.submitted(session, people)
    client = browser(people.secretary)
    source = {"source": "letter", "dated": "2026-11-03"}
    form = {**source, "step": "PRT:edit", "version": row.version, "title": "New", "description": "Words"}
    done = signing.post(client, path(row, "/behalf"), {**form, "gcm_objectives": ["8", "6"]})
    assert done.status_code == 303, text_of(done)
    session.refresh(row)
    assert [one.number for one in row.objectives] == [6, 8]
    assert text_of(client.get(path(row, "/behalf?step=PRT:edit"))).count(" checked") == 2

    row = triage.send(session, people.secretary, row.id, "iom", version=row.version)
    row = delivery.accept(session, people.iom, row.id, version=row.version)
    answer = delivery.answer(session, people.iom, row.id, AnswerData("Do this.", "en"), version=row.version)

    def say(step, **fields):
        page = text_of(client.get(path(row, f"/behalf?step=PRT:{step}")))
        chosen = {name: re.search(rf'name="{name}" value="({value})"', page)[1] for name, value in fields.items()}
        return signing.post(client, path(row, "/behalf"), {**source, "step": f"PRT:{step}", **extra, **chosen})

    extra = {"score": "5", "used": "yes"}
    assert say("rate", answer=answer.id).status_code == 303
    extra = {"text": "For everybody.", "language": "en"}
    assert say("release", answer=f"{answer.id}:").status_code == 303
    assert say("release", answer=f"{answer.id}:1").status_code == 303
    extra = {}
    for group in ("facts", "text", "answer"):
        assert say("publish", part=f'{group}:[^"]+').status_code == 303
    assert say("unpublish", part='text:[^"]+').status_code == 303
    assert signing.post(client, path(row, "/behalf"), {**source, "step": "PRT:publish"}).status_code == 422
    (entry,) = client.get("/api/v1/register").json["items"]
    assert (entry["text"], entry["facts"]["gcm_objectives"]) == (None, [6, 8])
    assert [one["text"] for one in entry["answers"]] == ["For everybody."]


def test_a_script_sends_the_letter_along_or_names_one_that_is_there(client, session, people, row):
    headers = signing.bearer(people.secretary)
    source = {"source": "letter", "dated": "2026-11-03"}
    words = {**source, "country": "GHA", "title": "T", "description": "D", "gcm_objectives": [6]}
    made = client.post(
        "/api/v1/behalf/requests", data={"body": json.dumps(words), "file": file_part()}, headers=headers
    )
    assert made.status_code == 201, made.json
    listed = client.get(f"/api/v1/requests/{made.json['id']}/attachments", headers=headers).json["items"]
    assert [(one["subject"], one["entity"], one["name"]) for one in listed] == [("source", "GHA", "letter.pdf")]

    actions = f"/api/v1/requests/{row.id}/behalf/iom/actions"
    step = {**source, "version": row.version}
    taken = client.post(f"{actions}/no_plan", data={"body": json.dumps(step), "file": file_part()}, headers=headers)
    assert taken.status_code == 200, taken.json
    (letter,) = client.get(f"/api/v1/requests/{row.id}/attachments", headers=headers).json["items"]
    answer = {**source, "version": taken.json["version"], "letter": letter["id"], "text": "Do this."}
    assert client.post(f"{actions}/answer", json=answer, headers=headers).status_code == 200
    for body, status in (("[]", 400), ("{", 400), ("{}", 422), ("[" * 100_000, 400)):
        sent = {"body": body, "file": file_part()}
        assert client.post(f"{actions}/withdraw", data=sent, headers=headers).status_code == status, body[:5]
    rating = {**source, "letter": letter["id"], "answer": "x", "score": 4}
    assert (
        client.post(actions.replace("iom", "PRT") + "/rate", json=rating, headers=headers).status_code == 422
    )  # the letter is IOM's


# Translations


def test_a_translation_is_written_beside_the_original_and_shown_beside_it(browser, people, row):
    client = browser(people.ana)
    assert "/translations/request/" in text_of(client.get(path(row)))
    address = path(row, f"/translations/request/{row.id}")
    assert "Words in private" in text_of(client.get(f"{address}?into=ar"))
    form = {"language": "ar", "title": "عنوان", "summary": "ملخص", "origin": "machine"}
    assert signing.post(client, address, {**form, "title": "", "summary": ""}).status_code == 422
    done = signing.post(client, address, form)
    assert done.status_code == 303, text_of(done)
    page = text_of(client.get(path(row)))
    assert "Translation (not binding)" in page
    assert "Original, the binding text" in page
    assert re.search(r'lang="ar" dir="rtl"><strong>عنوان', page)
    again = signing.post(client, address, form)
    assert (again.status_code, "Somebody else changed this translation" in text_of(again)) == (409, True)
    asked_only = text_of(browser(people.unhcr).get(path(row)))
    assert "ملخص" in asked_only
    assert "عنوان" not in asked_only
    assert "/translations/" not in asked_only
    remove = re.search(r'action="([^"]+/remove)"', text_of(client.get(f"{address}?into=ar"))).group(1)
    assert signing.post(client, remove).status_code == 303
    assert "ملخص" not in text_of(client.get(path(row)))


def test_a_script_translates_too(client, people, row):
    headers = signing.bearer(people.secretary)
    address = f"/api/v1/requests/{row.id}/translations"
    body = {"language": "fr", "title": "Titre", "description": "Mots"}
    made = client.post(f"{address}/request/{row.id}", json=body, headers=headers)
    assert made.status_code == 201, made.get_json()
    assert (made.get_json()["binding"], made.get_json()["outdated"]) == (False, False)
    assert client.post(f"{address}/request/{row.id}", json=body, headers=headers).status_code == 409
    changed = client.post(f"{address}/request/{row.id}", json={**body, "version": 1}, headers=headers)
    assert changed.get_json()["version"] == 2
    assert [one["texts"] for one in client.get(address, headers=headers).get_json()["items"]] == [
        {"title": "Titre", "description": "Mots"}
    ]
    assert client.get(address, headers=signing.bearer(people.ghana)).status_code == 404
    assert client.post(f"{address}/answer/{row.id}", json=body, headers=headers).status_code == 404
    assert client.delete(f"/api/v1/translations/{made.get_json()['id']}", headers=headers).status_code == 204
