"""Who is there to take the next step of a request, as conditions on `SupportRequest`: whose task it is, and where nobody is left."""

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import aliased

from hub.accounts import policy
from hub.accounts.models import EXPERT, FOCAL_POINT, Membership, Person
from hub.support.delivery_models import DRAFT, HANDED, Contribution
from hub.support.models import LEAD, Answer, Party, SupportRequest


def _at_work(role: str) -> Select[str]:
    """Entities for which somebody can act in that role now."""
    return (
        select(Membership.entity_id)
        .join(Person, Person.id == Membership.person_id)
        .where(
            Membership.role == role,
            Membership.until.is_(None),
            Membership.confirmed_at.is_not(None),
            Person.disabled_at.is_(None),
        )
    )


def has_lead() -> ColumnElement[bool]:
    """An agency leads it or was asked to."""
    return exists().where(Party.request_id == SupportRequest.id, Party.role == LEAD, Party.until.is_(None))


def agency_deserted() -> ColumnElement[bool]:
    """An agency has it whose last expert left. One that never had an account is asked by other ways."""
    former = select(Membership.entity_id).where(Membership.role == EXPERT)
    return exists().where(
        Party.request_id == SupportRequest.id,
        Party.role.in_(policy.DELIVERY),
        Party.until.is_(None),
        Party.entity_id.in_(former),
        Party.entity_id.not_in(_at_work(EXPERT)),
    )


def state_deserted() -> ColumnElement[bool]:
    """None of the States that ask has a focal point."""
    return ~exists().where(
        Party.request_id == SupportRequest.id,
        Party.role.in_(policy.TEAM),
        Party.state == "active",
        Party.until.is_(None),
        Party.entity_id.in_(_at_work(FOCAL_POINT)),
    )


_worker, _person = aliased(Membership), aliased(Person)
"""Made once: that takes longer than a query."""


def for_me_or_anybody(membership: Membership) -> ColumnElement[bool]:
    """The agency's part is this expert's, nobody's, or somebody's who left."""
    somebody = exists().where(
        and_(
            _worker.id == Party.assignee_id,
            _worker.until.is_(None),
            _person.id == _worker.person_id,
            _person.disabled_at.is_(None),
        )
    )
    return exists().where(
        Party.request_id == SupportRequest.id,
        Party.entity_id == membership.entity_id,
        Party.role.in_(policy.DELIVERY),
        Party.until.is_(None),
        or_(Party.assignee_id.is_(None), Party.assignee_id == membership.id, ~somebody),
    )


def handed_something(membership: Membership) -> ColumnElement[bool]:
    """The membership's agency handed the lead a contribution."""
    return exists().where(
        Contribution.request_id == SupportRequest.id,
        Contribution.entity_id == membership.entity_id,
        Contribution.status == HANDED,
    )


def began_answer(membership: Membership) -> ColumnElement[bool]:
    """The membership's agency saved a draft answer and has not sent it."""
    return exists().where(
        Answer.request_id == SupportRequest.id, Answer.entity_id == membership.entity_id, Answer.status == "draft"
    )


def began_contribution(membership: Membership) -> ColumnElement[bool]:
    """It saved a draft of a contribution and has not handed it to the lead."""
    return exists().where(
        Contribution.request_id == SupportRequest.id,
        Contribution.entity_id == membership.entity_id,
        Contribution.status == DRAFT,
    )
