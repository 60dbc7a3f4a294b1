"""What the operator of the machine does by `hub user` and `hub init --demo`."""

import pytest

from hub.accounts import console, demo, people
from hub.accounts.models import ADMINISTRATOR, EXPERT, FOCAL_POINT
from hub.errors import Invalid, NotFound, Unauthenticated
from tests import factories

PASSWORD = "several unrelated words"


def add(session, email="first@example.org", **more):
    factories.secretariat_office(session)
    fields = {"name": "First", "role": ADMINISTRATOR, "entity_id": "secretariat", "ttl_s": 3600, **more}
    return console.add(session, email=email, **fields)


def test_the_operator_adds_the_first_administrator_who_sets_a_password_by_link(session):
    membership, token = add(session)

    people.use_link(session, token, PASSWORD)

    assert people.enter(session, people.authenticate(session, "first@example.org", PASSWORD, demo_allowed=False)) is (
        membership
    )


def test_a_known_person_gets_a_second_membership(session):
    first, token = add(session)
    people.use_link(session, token, PASSWORD)
    factories.agency(session, "ilo")

    second, _ = add(session, role=EXPERT, entity_id="ilo")

    assert second.person_id == first.person_id
    assert console.listing(session) == [
        {
            "email": "first@example.org",
            "name": "First",
            "status": "active",
            "demo": False,
            "memberships": ["administrator of secretariat", "expert of ilo"],
        }
    ]


def test_adding_somebody_again_gives_a_link_to_set_another_password(session):
    first, token = add(session)
    people.use_link(session, token, PASSWORD)

    same, token = add(session, entity_id=None)
    people.use_link(session, token, "other unrelated words")

    assert same is first
    assert people.authenticate(session, "first@example.org", "other unrelated words", demo_allowed=False)


def test_the_operator_confirms_a_waiting_focal_point_by_adding_them(session):
    waiting = factories.member(session, FOCAL_POINT, factories.state(session), confirmed=False, email="a@example.org")

    same, _ = add(session, "a@example.org", role=FOCAL_POINT, entity_id="PRT")

    assert same is waiting
    assert waiting.active


@pytest.mark.parametrize(
    ("field", "value"), [("role", "king"), ("entity_id", "atlantis"), ("email", "nobody"), ("language", "xx")]
)
def test_a_mistake_is_named_by_field(session, field, value):
    with pytest.raises(Invalid) as refused:
        add(session, **{field: value})

    assert list(refused.value.errors) == [field]


def test_the_operator_disables_an_account(session):
    _, token = add(session)
    people.use_link(session, token, PASSWORD)

    console.disable(session, "First@example.org")

    with pytest.raises(Unauthenticated):
        people.authenticate(session, "first@example.org", PASSWORD, demo_allowed=False)
    with pytest.raises(Invalid):
        add(session)
    assert console.listing(session)[0]["status"] == "disabled"


def test_an_unknown_address_is_said_to_be_unknown(session):
    with pytest.raises(NotFound):
        console.disable(session, "nobody@example.org")


def test_demo_accounts_are_made_once_labelled_and_with_a_password_that_works(session):
    for code in ("PRT", "GHA"):
        factories.state(session, code)
    for code in ("ilo", "iom"):
        factories.agency(session, code)
    factories.secretariat_office(session)

    made = demo.create_demo(session)

    assert [email for _, email, _ in made] == [email for _, email, _, _ in demo.ACCOUNTS]
    for name, email, password in made:
        person = people.authenticate(session, email, password, demo_allowed=True)
        assert person.is_demo
        assert name == person.name
        assert name.endswith("(demo)")
        assert people.enter(session, person).active
    assert demo.create_demo(session) == []


def test_demo_accounts_need_the_vocabulary(session):
    with pytest.raises(NotFound, match="vocabulary"):
        demo.create_demo(session)
