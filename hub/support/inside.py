"""What the secretariat and assignment know beside public evidence, in the words of matching. Never for a State's eyes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts.models import FOCAL_POINT, SECRETARIAT, Membership, Person
from hub.network.models import STATE, Entity
from hub.support import experts
from hub.support.models import (
    CONTRIBUTOR,
    LEAD,
    Answer,
    AnswerVector,
    Party,
    Release,
    RequestObjective,
    SupportRequest,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hub.matching.types import ExpertFacts, Inside, PastAnswer


def for_reader(session: Session, membership: Membership | None) -> "Inside | None":
    """`read` for an active member of the secretariat; None for everybody else."""
    if membership is None or not membership.active or membership.role != SECRETARIAT:
        return None
    return read(session)


def read(session: Session) -> "Inside":
    """As the database is now. Its caller answers for who sees what comes of it."""
    from hub.matching.types import Inside  # noqa: PLC0415 - matching is not needed to write a request

    return Inside(
        open_requests=_open_requests(session),
        acceptance=experts.acceptance(session),
        days=experts.speed(session),
        answered=_answered(session),
        ready=frozenset(_ready(session)),
        experts=_experts(session),
        answers=_answers(session),
    )


def _open_requests(session: Session) -> Mapping[str, tuple[str, ...]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for entity, request in session.execute(
        select(Party.entity_id, Party.request_id)
        .join(SupportRequest, SupportRequest.id == Party.request_id)
        .where(
            Party.role.in_((LEAD, CONTRIBUTOR)),
            Party.state == "accepted",
            Party.until.is_(None),
            SupportRequest.status.in_(experts.AT_WORK),
        )
        .order_by(Party.entity_id, Party.request_id)
        .distinct()
    ):
        found[entity].append(request)
    return {entity: tuple(requests) for entity, requests in found.items()}


def _answered(session: Session) -> Mapping[str, tuple[tuple[str, frozenset[int]], ...]]:
    objectives: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for entity, request, number in session.execute(
        select(Answer.entity_id, Answer.request_id, RequestObjective.number)
        .join(RequestObjective, RequestObjective.request_id == Answer.request_id)
        .where(Answer.status == "sent")
        .order_by(Answer.entity_id, Answer.request_id)
    ):
        objectives[entity, request].add(number)
    found: defaultdict[str, list[tuple[str, frozenset[int]]]] = defaultdict(list)
    for (entity, request), numbers in objectives.items():
        found[entity].append((request, frozenset(numbers)))
    return {entity: tuple(requests) for entity, requests in found.items()}


def _answers(session: Session) -> "Mapping[str, tuple[tuple[PastAnswer, ...], NDArray[np.float32]]]":
    """The sent answers whose words the encoder has seen, by model."""
    import numpy as np  # noqa: PLC0415 - as above

    from hub.matching.types import PastAnswer  # noqa: PLC0415 - as above

    found: defaultdict[str, list[tuple[PastAnswer, NDArray[np.float32]]]] = defaultdict(list)
    for id_, request, entity, member, release, model, values in session.execute(
        select(
            Answer.id,
            Answer.request_id,
            Answer.entity_id,
            Answer.membership_id,
            Release.id,
            AnswerVector.model,
            AnswerVector.values,
        )
        .join(AnswerVector, AnswerVector.answer_id == Answer.id)
        .outerjoin(Release, Release.answer_id == Answer.id)
        .where(Answer.status == "sent")
        .order_by(Answer.id)
    ):
        found[model].append((PastAnswer(id_, request, entity, member, release), np.frombuffer(values, np.float32)))
    return {
        model: (tuple(one for one, _ in each), np.stack([vector for _, vector in each]))
        for model, each in found.items()
    }


def _ready(session: Session) -> Iterable[str]:
    """States with a focal point who can act."""
    return session.scalars(
        select(Membership.entity_id)
        .join(Person, Person.id == Membership.person_id)
        .join(Entity, Entity.id == Membership.entity_id)
        .where(
            Entity.kind == STATE,
            Membership.role == FOCAL_POINT,
            Membership.until.is_(None),
            Membership.confirmed_at.is_not(None),
            Person.disabled_at.is_(None),
        )
    )


def _experts(session: Session) -> "tuple[ExpertFacts, ...]":
    from hub.matching.types import ExpertFacts  # noqa: PLC0415 - as above

    loads = experts.expert_loads(session)
    return tuple(
        ExpertFacts(
            id=one.membership_id,
            name=one.name,
            entity_id=one.entity_id,
            languages=one.languages,
            objectives=one.objectives,
            countries=one.countries,
            own_states=one.own_states,
            capacity=one.capacity,
            load=loads.get(one.membership_id, 0),
            absent=one.absent,
        )
        for one in experts.directory(session)
    )
