"""What agencies and States can give, through the verbs that pages and API share."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.database import Outbox, now
from hub.errors import Forbidden, Gone, HubError, IllegalTransition, Invalid, NotFound, StaleVersion
from hub.events import Event
from hub.support import offers, reading, requests, triage, wanted
from hub.support.models import Offer, SupportRequest
from hub.support.offers import OfferData
from hub.support.requests import RequestData
from tests import factories

TODAY = offers.today()
WORDS = OfferData(
    kind="training",
    title="Training of labour inspectors",
    text="Three weeks on recruitment, with two trainers.",
    audience="public",
    until=TODAY + timedelta(days=90),
    objectives=(6,),
    places=("Europe",),
    languages=("en", "fr"),
    language="en",
)


@dataclass
class Cast:
    portugal: Membership
    ghana: Membership
    secretariat: Membership
    iom: Membership
    ilo: Membership


@pytest.fixture
def cast(session: Session) -> Cast:
    people = Cast(
        portugal=factories.member(session, FOCAL_POINT, factories.state(session, "PRT")),
        ghana=factories.member(
            session, FOCAL_POINT, factories.state(session, "GHA", regions=("Western Africa", "Africa"))
        ),
        secretariat=factories.secretariat(session),
        iom=factories.member(session, EXPERT, factories.agency(session, "iom")),
        ilo=factories.member(session, EXPERT, factories.agency(session, "ilo", verified=False)),
    )
    session.commit()
    return people


def ended(session: Session, offer: Offer) -> Offer:
    """The same offer after its last day."""
    offer.until = TODAY - timedelta(days=1)
    session.commit()
    return offer


def listed(session: Session, membership: Membership | None, **filters: Any) -> list[str]:
    return [offer.title for offer in offers.listing(session, membership, **filters).rows]


@pytest.mark.both_databases
def test_an_offer_is_made_changed_extended_and_withdrawn(session: Session, cast: Cast) -> None:
    made = offers.create(session, cast.iom, WORDS)
    assert (made.entity_id, made.version, made.on_behalf) == ("iom", 1, False)
    changed = offers.edit(session, cast.iom, made.id, replace(WORDS, places=("GHA",), objectives=(6, 22)), version=1)
    assert ([one.code for one in changed.places], changed.version) == (["GHA"], 2)
    later = offers.extend(session, cast.iom, made.id, until=WORDS.until + timedelta(days=30), version=2)
    assert later.until == WORDS.until + timedelta(days=30)
    assert offers.withdraw(session, cast.iom, made.id, version=3).status == "withdrawn"

    told = session.scalars(select(Event).where(Event.subject_id == made.id).order_by(Event.id)).all()
    assert [event.action for event in told] == ["create", "edit", "extend", "withdraw"]
    assert {event.audience for event in told} == {"public"}
    kept = offers.versions(session, cast.iom, made)
    assert [(one.version, one.data["places"], office.id) for one, office in kept] == [
        (4, ["GHA"], "iom"),
        (3, ["GHA"], "iom"),
        (2, ["GHA"], "iom"),
        (1, ["Europe"], "iom"),
    ]
    assert offers.versions(session, cast.ilo, made) == []


def test_an_offer_belongs_to_its_giver_and_the_secretariat_says_that_it_entered_one(
    session: Session, cast: Cast
) -> None:
    with pytest.raises(Forbidden):
        offers.create(session, cast.portugal, replace(WORDS, entity="GHA"))
    with pytest.raises(Forbidden):
        offers.create(session, factories.member(session, "administrator"), replace(WORDS, entity="iom"))
    with pytest.raises(Invalid, match="another look"):
        offers.create(session, cast.secretariat, WORDS)
    entered = offers.create(session, cast.secretariat, replace(WORDS, entity="GHA"))
    assert (entered.entity_id, entered.on_behalf) == ("GHA", True)
    assert offers.possible(cast.ghana, entered) == ("edit", "extend", "withdraw")
    assert offers.possible(cast.portugal, entered) == ()
    with pytest.raises(Forbidden):
        offers.withdraw(session, cast.portugal, entered.id, version=1)
    offers.withdraw(session, cast.ghana, entered.id, version=1)


@pytest.mark.both_databases
def test_filters_find_what_touches_a_place_and_what_is_not_limited(session: Session, cast: Cast) -> None:
    offers.create(session, cast.iom, replace(WORDS, title="Europe"))
    offers.create(
        session, cast.iom, replace(WORDS, title="Ghana", places=("GHA",), objectives=(22,), languages=("fr",))
    )
    offers.create(
        session, cast.iom, replace(WORDS, title="All", places=(), objectives=(), languages=(), kind="funding")
    )
    assert listed(session, None) == ["All", "Ghana", "Europe"]
    assert listed(session, None, place="Africa") == ["All", "Ghana"]
    assert listed(session, None, place="GHA") == ["All", "Ghana"]
    assert listed(session, None, place="Southern Europe") == ["All", "Europe"]
    assert listed(session, None, place="World") == ["All", "Ghana", "Europe"]
    assert listed(session, None, objective=22) == ["All", "Ghana"]
    assert listed(session, None, language="en") == ["All", "Europe"]
    assert listed(session, None, kind="funding") == ["All"]
    first = offers.listing(session, None, limit=2)
    assert first.total == 3
    assert [one.title for one in offers.listing(session, None, limit=2, cursor=first.cursor).rows] == ["Europe"]


Reader = Callable[[Cast], Membership | None]


@pytest.mark.parametrize(
    ("who", "public", "network"),
    [("visitor", True, False), ("ghana", True, True), ("ilo", True, True), ("secretariat", True, True)],
)
def test_an_offer_is_seen_by_those_its_giver_chose(
    session: Session, cast: Cast, who: str, public: bool, network: bool
) -> None:
    reader = None if who == "visitor" else getattr(cast, who)
    for audience, seen in (("public", public), ("network", network)):
        offer = offers.create(session, cast.iom, replace(WORDS, title=audience, audience=audience))
        assert (audience in listed(session, reader)) is seen
        assert (audience in [one.title for one in offers.open_now(session, reader)]) is seen
        if seen:
            assert offers.get(session, reader, offer.id).id == offer.id
        else:
            with pytest.raises(NotFound):
                offers.get(session, reader, offer.id)


def test_a_membership_that_ended_sees_what_a_visitor_sees(session: Session, cast: Cast) -> None:
    offers.create(session, cast.iom, replace(WORDS, audience="network"))
    cast.iom.until = now()
    session.commit()
    assert listed(session, cast.iom) == listed(session, cast.iom, mine=True) == []


@pytest.mark.parametrize(("audience", "error"), [("public", Gone), ("network", NotFound)])
def test_what_is_over_or_withdrawn_is_there_for_its_giver_only(
    session: Session, cast: Cast, audience: str, error: type[HubError]
) -> None:
    words = replace(WORDS, audience=audience)
    over = ended(session, offers.create(session, cast.iom, words))
    taken = offers.withdraw(session, cast.iom, offers.create(session, cast.iom, words).id, version=1)
    for offer, status in ((over, "expired"), (taken, "withdrawn")):
        with pytest.raises(error):
            offers.get(session, None, offer.id)
        with pytest.raises(Gone):
            offers.get(session, cast.ghana, offer.id)
        assert offers.status_of(offers.get(session, cast.iom, offer.id)) == status
    assert listed(session, cast.iom) == []
    assert len(listed(session, cast.iom, mine=True)) == 2
    assert offers.open_now(session, cast.iom) == []


def test_an_offer_ends_by_itself_once_and_can_be_extended_afterwards(session: Session, cast: Cast) -> None:
    offer = offers.create(session, cast.iom, WORDS)
    job = session.scalars(select(Outbox).where(Outbox.kind == offers.SUBJECT)).one()
    assert job.run_at.date() == WORDS.until + timedelta(days=1)
    offers.expire(None, session, job.payload)  # too early: nothing
    ended(session, offer)
    offers.expire(None, session, job.payload)
    session.commit()
    offers.expire(None, session, job.payload)
    count = select(func.count()).select_from(Event).where(Event.action == "expire")
    assert session.scalar(count) == 1
    offers.extend(session, cast.iom, offer.id, until=TODAY + timedelta(days=5), version=1)
    assert listed(session, None) == [WORDS.title]


def test_an_offer_that_begins_later_is_listed_and_not_yet_open(session: Session, cast: Cast) -> None:
    offers.create(session, cast.iom, replace(WORDS, starts_on=TODAY + timedelta(days=7)))
    assert listed(session, None) == [WORDS.title]
    assert offers.open_now(session, None) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"until": TODAY - timedelta(days=1)}, "until"),
        ({"until": TODAY, "starts_on": TODAY + timedelta(days=1)}, "until"),
        ({"until": date(TODAY.year + 9, 1, 1)}, "until"),
        ({"places": ("Atlantis",)}, "places"),
    ],
)
def test_what_cannot_be_is_refused_and_named(session: Session, cast: Cast, change: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        offers.create(session, cast.iom, replace(WORDS, **change))
    assert list(caught.value.errors) == [field]


def test_the_second_of_two_writers_is_told_and_nothing_withdrawn_is_changed(session: Session, cast: Cast) -> None:
    offer = offers.create(session, cast.iom, WORDS)
    offers.edit(session, cast.iom, offer.id, replace(WORDS, title="Ours"), version=1)
    with pytest.raises(StaleVersion) as caught:
        offers.edit(session, cast.secretariat, offer.id, replace(WORDS, title="Theirs"), version=1)
    assert caught.value.extra["version"] == 2
    offers.withdraw(session, cast.iom, offer.id, version=2)
    with pytest.raises(IllegalTransition):
        offers.extend(session, cast.iom, offer.id, until=TODAY, version=3)


@pytest.mark.both_databases
def test_sending_the_same_form_twice_makes_one_offer(session: Session, cast: Cast) -> None:
    first = offers.create(session, cast.iom, WORDS, key="k")
    assert offers.create(session, cast.iom, WORDS, key="k").id == first.id
    with pytest.raises(StaleVersion) as caught:
        offers.create(session, cast.iom, replace(WORDS, title="Another"), key="k")
    assert caught.value.extra["id"] == first.id
    assert offers.create(session, cast.ilo, WORDS, key="k").id != first.id


def test_an_unverified_agency_is_marked_in_what_matching_reads(session: Session, cast: Cast) -> None:
    offers.create(session, cast.ilo, WORDS)
    offers.create(session, cast.ghana, WORDS)
    found = offers.open_now(session, cast.portugal)
    assert [(one.entity_id, one.verified, one.places) for one in found] == [
        ("ilo", False, ("Europe",)),
        ("GHA", True, ("Europe",)),
    ]


# Beside a request


@pytest.fixture
def asked(session: Session, cast: Cast) -> SupportRequest:
    return requests.draft(
        session, cast.portugal, RequestData("Inspectors", "We need training.", "en", (6,)), submit=True
    )


def test_offers_beside_a_request_are_those_of_others_that_fit_it_the_nearest_first(
    session: Session, cast: Cast, asked: SupportRequest
) -> None:
    offers.create(session, cast.iom, replace(WORDS, title="Not limited", places=(), objectives=(), languages=()))
    offers.create(session, cast.iom, replace(WORDS, title="Near"))
    offers.create(session, cast.iom, replace(WORDS, title="Elsewhere", places=("Africa",)))
    offers.create(session, cast.iom, replace(WORDS, title="Something else", objectives=(22,)))
    offers.create(session, cast.portugal, replace(WORDS, title="Our own"))
    found = wanted.fitting(session, cast.portugal, asked)
    assert [(one.offer.title, one.objectives, one.place, one.language) for one in found] == [
        ("Near", (6,), True, True),
        ("Not limited", (), False, False),
    ]
    scored = wanted.fitting(session, cast.portugal, asked, {found[1].offer.id: 0.5})
    assert [(one.offer.title, one.score) for one in scored] == [("Not limited", 0.5), ("Near", None)]
    with pytest.raises(NotFound):
        wanted.want(session, cast.iom, asked.id, found[0].offer.id)


@pytest.mark.both_databases
def test_a_wanted_offer_waits_for_the_secretariat_until_its_giver_is_asked(
    session: Session, cast: Cast, asked: SupportRequest
) -> None:
    offer = offers.create(session, cast.iom, WORDS)
    wanted.want(session, cast.portugal, asked.id, offer.id)
    wanted.want(session, cast.portugal, asked.id, offer.id)
    assert [task.what for task in reading.tasks(session, cast.secretariat)].count("offer") == 1
    told = [entry for entry in reading.history(session, cast.portugal, asked) if entry.event.action == "offer_wanted"]
    assert [entry.target.id for entry in told if entry.target] == ["iom"]
    assert wanted.wanted_by_others(session, cast.iom, [offer]) == {offer.id: 1}
    assert wanted.wanted_by_others(session, cast.ilo, [offer]) == {}
    with pytest.raises(NotFound):
        reading.get(session, cast.iom, asked.id)

    triage.send(session, cast.secretariat, asked.id, "iom", version=asked.version)
    row = reading.get(session, cast.portugal, asked.id)
    assert [state for _, state in wanted.wants(session, cast.portugal, row)] == ["asked"]
    assert "offer" not in [task.what for task in reading.tasks(session, cast.secretariat)]


def test_a_wanted_offer_can_be_let_be_and_wanted_again(session: Session, cast: Cast, asked: SupportRequest) -> None:
    offer = offers.create(session, cast.iom, WORDS)
    wanted.want(session, cast.portugal, asked.id, offer.id)
    wanted.drop(session, cast.secretariat, asked.id, offer.id)
    assert "offer" not in [task.what for task in reading.tasks(session, cast.secretariat)]
    wanted.want(session, cast.portugal, asked.id, offer.id)
    actions = [entry.event.action for entry in reading.history(session, cast.portugal, asked)]
    assert actions[-3:] == ["offer_wanted", "offer_dropped", "offer_wanted"]
    with pytest.raises(Forbidden):
        wanted.want(session, cast.secretariat, asked.id, offer.id)


def test_an_offer_that_is_over_cannot_be_wanted(session: Session, cast: Cast, asked: SupportRequest) -> None:
    offer = ended(session, offers.create(session, cast.iom, WORDS))
    with pytest.raises(Gone):
        wanted.want(session, cast.portugal, asked.id, offer.id)
