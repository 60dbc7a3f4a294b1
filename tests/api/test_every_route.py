"""Every route that can be read, tried at once on one private request with everything that can hang on it.

Reading changes nothing, by HEAD as little as by GET; and no word, number or id of the request reaches who has no part in it.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from hub.accounts import people
from hub.accounts.models import ADMINISTRATOR, EXPERT, FOCAL_POINT, Membership
from hub.database import Base, new_id, now
from hub.events import Event
from hub.logs import JsonFormatter
from hub.notices.models import Notice
from hub.search.embedding import HashEmbedder
from hub.support import (
    attachments,
    calendar_feed,
    contributions,
    delivery,
    links,
    offers,
    peers,
    ratings,
    register,
    requests,
    snapshots,
    translations,
    triage,
    wanted,
)
from hub.support.filestore import FileStore
from hub.support.models import DeclaredConflict, SupportRequest
from hub.support.requests import RequestData
from hub.support.translations import TranslationData
from hub.support.written import AnswerData, PlanData
from hub.wiring import Hub
from hub.worker import Worker
from indexer.rebuild import rebuild
from tests import factories, signing
from tests.unit.support.papers import upload

ASKED, HIDDEN = "quixmarvel", "zyndolite"
MARK = f"{ASKED} {HIDDEN}"
"""Both stand in all that anybody wrote in the request, and nowhere else; an outsider guesses one of them."""
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


@dataclass
class Scene:
    """Portugal asks, IOM leads, UNHCR contributes; WHO refused, an expert of UNICEF declared a conflict; Morocco was asked as
    a peer and stayed out. Ghana and ILO have no part in it, though ILO gives the offer that Portugal wants.
    """

    row: SupportRequest
    ana: Membership
    secretary: Membership
    iom: Membership
    unhcr: Membership
    outsiders: dict[str, Membership]
    names: dict[str, list[str]]
    """Argument of an address -> values of it that are the request's own."""
    ids: set[str] = field(default_factory=set)
    """Of the request and of all that hangs on it: for nobody but those who take part."""


@pytest.fixture
def scene(hub: Hub, session: Session, words: None) -> Scene:
    ana = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    secretary = factories.secretariat(session)
    iom, unhcr, who, unicef, ilo = (
        factories.member(session, EXPERT, factories.agency(session, code))
        for code in ("iom", "unhcr", "who", "unicef", "ilo")
    )
    factories.member(session, EXPERT, unicef.entity)
    morocco = factories.member(session, FOCAL_POINT, factories.state(session, "MAR"))
    ghana = factories.member(session, FOCAL_POINT, factories.state(session, "GHA"))
    document = factories.document(session, title="A public practice", countries=("PRT",), objectives=(6,))
    session.commit()
    hub.embedder = HashEmbedder()

    data = RequestData(f"Title {MARK}", f"Description {MARK}", "en", (6,), summary=f"Summary {MARK}")
    row = requests.draft(session, ana, data, submit=True)
    row = triage.ask(session, secretary, row.id, version=row.version, note=f"Question {MARK}")
    row = requests.reply(session, ana, row.id, version=row.version, note=f"Reply {MARK}")
    for agency, role in (("who", "lead"), ("unicef", "contributor"), ("unhcr", "contributor")):
        row = triage.send(
            session,
            secretary,
            row.id,
            agency,
            version=row.version,
            role=role,
            confirm_unverified=True,
            ranked=("iom",),
            adjustment=f"Adjusted {MARK}",
        )
    row = peers.ask_peer(session, secretary, row.id, version=row.version, country="MAR")
    row = peers.stay_out(session, morocco, row.id, version=row.version)
    row = delivery.refuse(session, who, row.id, version=row.version, reason="other", note=f"Refused {MARK}")
    row = triage.send(session, secretary, row.id, "iom", version=row.version, confirm_unverified=True)
    row = delivery.declare(session, unicef, row.id, version=row.version, reason="financial")
    row = delivery.accept(session, iom, row.id, version=row.version)
    row = delivery.accept(session, unhcr, row.id, version=row.version)
    offer = offers.create(
        session,
        ilo,
        offers.OfferData("expertise", "Public offer", "Advice", "public", offers.today() + timedelta(days=60)),
    )
    row = wanted.want(session, ana, row.id, offer.id)
    row = delivery.propose(session, iom, row.id, PlanData(f"Plan {MARK}", (f"Step {MARK}",)), version=row.version)
    row = requests.agree(session, ana, row.id, version=row.version)
    written = AnswerData(f"Contribution {MARK}", "en", (document.slug,))
    contribution = contributions.contribute(session, unhcr, row.id, written, version=row.version)
    session.refresh(row)
    answer = delivery.answer(session, iom, row.id, AnswerData(f"Answer {MARK}", "en"), version=row.version)
    row = ratings.rate(session, ana, row.id, answer.id, score=4, word=f"Word {MARK}")
    register.release(session, ana, row.id, answer.id, f"Released {MARK}", language="en")
    session.refresh(row)
    row = requests.close(session, ana, row.id, version=row.version)
    row = requests.reopen(session, ana, row.id, version=row.version, note=f"Again {MARK}")
    draft = delivery.save_answer_draft(session, iom, row.id, AnswerData(f"Draft {MARK}", "en"))
    store = FileStore(hub.settings.files, hub.settings.largest_file)
    file = attachments.add(session, ana, store, row.id, upload(filename=f"Letter {MARK}.pdf"))
    translation = translations.put(
        session, ana, row.id, ("request", row.id), TranslationData("fr", {"title": f"Titre {MARK}"})
    )
    link, token = links.create(
        session,
        secretary,
        row.id,
        links.LinkData("MAR", f"Asked {MARK}", language="en", kind="words"),
        secret_key=hub.settings.secret_key,
    )
    links.answer(session, token, text=f"Told {MARK}")
    quarter = snapshots.newest_due(now())
    snapshots.make(session, quarter)
    Worker(hub).run_once()
    rebuild(hub)
    session.expire_all()

    about = Event.subject_id == row.id
    written_ids = {
        row.id,
        row.reference,
        answer.id,
        draft.id,
        contribution.id,
        file.id,
        translation.id,
        link.id,
        token,
        *(plan.id for plan in row.plans),
        *session.scalars(select(DeclaredConflict.id).where(DeclaredConflict.request_id == row.id)),
        *session.scalars(select(Event.id).where(about)),
        *session.scalars(select(Notice.id).where(Notice.subject_id == row.id)),
    }
    return Scene(
        row=row,
        ana=ana,
        secretary=secretary,
        iom=iom,
        unhcr=unhcr,
        outsiders={
            "ghana": ghana,
            "morocco": morocco,
            "ilo": ilo,
            "who": who,
            "administrator": factories.member(session, ADMINISTRATOR),
        },
        names={
            "name": [row.id, row.reference],
            "id_": [file.id, row.id, answer.id],
            "token": [token],
            "notice_id": [session.scalars(select(Notice.id).where(Notice.subject_id == row.id)).first() or UNKNOWN],
            "quarter": [quarter],
            "run_id": [row.id],
            "membership_id": [ana.id],
            "kind": ["request"],
            "group": ["search"],
            "form": ["csv", "json", "atom"],
            "language": ["en"],
        },
        ids=written_ids,
    )


QUERIES = (
    "",
    "?q={mark}",
    "?q=title+{mark}&country=PRT&objective=6",
    "?state=PRT&objective=6&status=answered&limit=100",
)
"""What is asked of an address that names nothing."""


def readable(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and rule.endpoint != "static"]


def addresses(app: Flask, rule: Rule, names: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Each address of the rule with the request's own values, and the same address with ids that never were."""
    urls = app.url_map.bind("localhost")
    arguments = sorted(rule.arguments)
    for values in product(*(names[each] for each in arguments)):
        chosen = dict(zip(arguments, values, strict=True))
        never = {name: UNKNOWN if name in {"name", "id_", "notice_id", "run_id"} else chosen[name] for name in chosen}
        yield urls.build(rule.endpoint, chosen), urls.build(rule.endpoint, never)


def look(client: FlaskClient, address: str, method: str = "GET", **more: Any) -> tuple[int, str]:
    """Status, and all that the answer says: headers and body."""
    with client.open(address, method=method, **more) as response:
        headers = "".join(f"{name}: {value}\n" for name, value in response.headers)
        return response.status_code, headers + "\n" + response.get_data().decode("utf-8", "replace")


def without(text: str, *asked: str) -> str:
    """The text without what was asked for: an answer may say that again."""
    for value in sorted(asked, key=len, reverse=True):
        for form in (value, quote(value, safe="")):
            text = text.replace(form, "ASKED")
    return text


def contents(session: Session) -> dict[str, list[str]]:
    """Every row of every table."""
    session.rollback()
    tables = Base.metadata.sorted_tables
    return {table.name: sorted(map(repr, session.execute(select(table)).all())) for table in tables}


FORM = {
    "title": "Ours",
    "description": "Ours",
    "text": "Ours",
    "note": "Ours",
    "question": "Ours",
    "because": "Ours",
    "do": "send",
    "version": "99",
    "choice": "yes",
    "language": "fr",
    "entity": "GHA",
    "kind": "words",
    "mail": "none",
    "name": "Somebody Else",
    "email": "somebody@example.org",
    "role": "expert",
    "entity_id": "iom",
    "capacity": "3",
    "password": signing.PASSWORD,
    "repeat": signing.PASSWORD,
    "new_password": signing.PASSWORD,
    "audience": "public",
}
"""Fields of many forms: should a view take what was only to be looked at for a form that was sent, it finds something to do."""


@pytest.mark.slow
def test_reading_changes_nothing_whoever_reads(app: Flask, client: FlaskClient, session: Session, scene: Scene) -> None:
    invited, welcome = people.invite(
        session, scene.secretary, name="New", email="new@example.org", role=EXPERT, entity_id="iom", ttl_s=600
    )
    _, question = links.create(
        session,
        scene.secretary,
        scene.row.id,
        links.LinkData("MAR", "Still open", language="en", kind="words"),
        secret_key=app.extensions["hub"].settings.secret_key,
    )
    calendar = calendar_feed.create(session, scene.ana)
    names = {name: values[:1] for name, values in scene.names.items()}
    names |= {"token": [welcome or "", question, calendar], "membership_id": [scene.iom.id]}
    session.commit()
    tried = 0
    for who in (None, scene.ana, scene.iom, scene.unhcr, scene.secretary):
        if who is not None:
            signing.sign_in(client, who)
        before = contents(session)
        for rule in readable(app):
            for address, _ in addresses(app, rule, names):
                status, _ = look(client, address)
                head, _ = look(client, address, "HEAD", data={**FORM, "key": new_id()})
                assert head == status, f"HEAD {address} for {who and who.role}"
                tried += status == 200
        after = contents(session)
        assert [table for table in before if before[table] != after[table]] == [], who and who.role
        if who is not None:
            signing.sign_out(client)
    assert invited.person.password_hash is None
    assert tried > 100


@pytest.mark.slow
def test_no_route_tells_an_outsider_of_a_private_request(
    app: Flask, client: FlaskClient, session: Session, scene: Scene
) -> None:
    feeds = {name: calendar_feed.create(session, who) for name, who in scene.outsiders.items()}
    session.commit()
    for name, who in {"visitor": None, **scene.outsiders}.items():
        if who is not None:
            signing.sign_in(client, who)
        names = {**scene.names, "token": [feeds.get(name, UNKNOWN)]}
        for rule in readable(app):
            named = rule.arguments - {"language", "form"}
            for (address, never), query in product(addresses(app, rule, names), ("",) if named else QUERIES):
                asked = query.format(mark=ASKED)
                status, text = look(client, address + asked)
                if never != address:
                    assert status == look(client, never)[0], f"{name} is told that {address} is there"
                text = without(text, address)
                assert HIDDEN not in text.lower(), f"{address}{asked} for {name}"
                assert [one for one in scene.ids if one in text and one not in address] == [], f"{address} for {name}"
        assert HIDDEN not in client.get(f"/api/v1/suggest?q={HIDDEN[:4]}").text
        if who is not None:
            signing.sign_out(client)


@pytest.mark.slow
def test_those_who_take_part_find_it_and_the_log_keeps_none_of_its_words(
    app: Flask, client: FlaskClient, session: Session, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """What makes the test above mean something: the same walk by insiders meets all that was written."""
    caplog.set_level(logging.INFO)
    caplog.handler.setFormatter(JsonFormatter())
    names = {**scene.names, "name": [scene.row.id]}
    seen = ""
    for who in (scene.ana, scene.iom, scene.unhcr, scene.secretary):
        signing.sign_in(client, who)
        for rule in readable(app):
            for address, _ in addresses(app, rule, names):
                seen += look(client, address)[1]
        signing.sign_out(client)
    for words in (
        *(
            "Title",
            "Description",
            "Summary",
            "Question",
            "Reply",
            "Adjusted",
            "Refused",
            "Plan",
            "Step",
            "Contribution",
        ),
        *("Answer", "Word", "Released", "Again", "Draft", "Letter", "Titre", "Asked", "Told"),
    ):
        assert f"{words} {MARK}" in seen, words
    assert HIDDEN not in caplog.text
