"""Corrections where the database decides: what is read after a decision, and two decisions at once."""

import pytest

from hub.accounts.models import EXPERT
from hub.errors import StaleVersion
from hub.knowledge import corrections
from hub.network import vocabulary
from hub.notices import notices
from hub.worker import Worker
from tests import factories, signing


@pytest.mark.both_databases
def test_a_confirmed_correction_is_what_every_reader_gets(hub, session):
    iom = factories.agency(session, "iom", objectives={6: "primary"})
    expert, secretariat = factories.member(session, EXPERT, iom), factories.secretariat(session)
    session.commit()
    assert vocabulary.agencies(session)[0].objectives == {6: "primary"}

    for field, value in (("objectives", {"7": "secondary"}), ("languages", ["fr", "ar"]), ("mandate", "Another.")):
        corrections.confirm(session, secretariat, corrections.propose(session, expert, field, value, "").id)

    with hub.database.session() as other:
        assert vocabulary.agencies(other)[0].objectives == {7: "secondary"}
        assert vocabulary.agencies(other)[0].mandate == "Another."
        assert corrections.record(other, "iom")["languages"] == ["ar", "fr"]


@pytest.mark.both_databases
def test_of_two_decisions_at_once_one_wins(hub, session):
    iom = factories.agency(session, "iom")
    expert, secretariat = factories.member(session, EXPERT, iom), factories.secretariat(session)
    row = corrections.propose(session, expert, "languages", ["fr"], "")

    with hub.database.session() as other:
        corrections.refuse(other, other.merge(secretariat), row.id, note="No.")

    with pytest.raises(StaleVersion):
        corrections.confirm(session, secretariat, row.id)
    assert corrections.record(session, "iom")["languages"] == []


@pytest.mark.parametrize("decision", [corrections.confirm, corrections.refuse])
def test_the_agency_is_told_what_was_decided_and_nobody_else_is(client, hub, session, decision):
    iom = factories.agency(session, "iom")
    expert, colleague = (factories.member(session, EXPERT, iom) for _ in range(2))
    other = factories.member(session, EXPERT, factories.agency(session, "ilo"))
    secretariat = factories.secretariat(session)
    row = corrections.propose(session, expert, "languages", ["fr"], "Words of the agency")
    decision(session, secretariat, row.id, note="Words of the secretariat")
    Worker(hub).run_once()

    for who, count in ((expert, 1), (colleague, 1), (other, 0), (secretariat, 0)):
        assert notices.count_unread(session, who) == count
    (told,) = notices.listing(session, expert).rows
    assert (told.request, told.offer, told.event.action) == (None, None, f"correction_{row.status}")
    assert told.event.data == {"correction": row.id, "field": "languages"}
    signing.sign_in(client, expert)
    assert "/en/record" in client.get("/en/notices").text
    assert client.get(f"/en/notices/{told.notice.id}").location == "/en/record"
