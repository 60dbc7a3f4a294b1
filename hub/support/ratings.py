"""What the States that asked say of an answer: how good it was, and later whether it was used."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts import policy
from hub.accounts.models import Membership
from hub.errors import Forbidden, Invalid, NotFound
from hub.support import reading, steps
from hub.support.models import Rating, SupportRequest

SCORES = (1, 2, 3, 4, 5)
USED = ("yes", "partly", "not")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one State says of one answer now. `score` 1 to 5, `used` one of `USED`; None where it never said."""

    answer: str
    state: str
    score: int | None
    word: str
    used: str | None
    at: datetime


def rate(
    session: Session,
    membership: Membership | None,
    name: str,
    answer_id: str,
    *,
    score: int | None = None,
    word: str = "",
    used: str | None = None,
) -> SupportRequest:
    """Say it, or say it anew: what is left out stays as it was said before. The agencies that answered are told."""
    row = reading.get(session, membership, name)
    if membership is None or not policy.can(membership, "rate", row):
        raise Forbidden(reading.NOT_YOURS)
    answers = {one.id: one for one in reading.answers(session, membership, row) if one.status == "sent"}
    if answer_id not in answers:
        raise NotFound("There is no such answer.")
    if score is None and used is None and not word:
        raise Invalid({"score": ["Choose one."]})
    before = next(
        (
            one
            for one in verdicts(session, membership, row)
            if (one.answer, one.state) == (answer_id, membership.entity_id)
        ),
        None,
    )
    said = Rating(
        request_id=row.id,
        answer_id=answer_id,
        entity_id=membership.entity_id,
        membership_id=membership.id,
        score=score or (before.score if before else None),
        word=word or (before.word if before else ""),
        used=used or (before.used if before else None),
    )
    if before and (said.score, said.word, said.used) == (before.score, before.word, before.used):
        return row  # a double click
    session.add(said)
    steps.tell(
        session,
        membership,
        row,
        "rate",
        audience="parties",
        before=row.status,
        data={"answer": answer_id, "entity": answers[answer_id].entity_id},
    )
    session.commit()
    return row


def verdicts(session: Session, membership: Membership | None, row: SupportRequest) -> list[Verdict]:
    """The last word of each State on each answer, in the order in which they first spoke; for who reads the request in full."""
    if not policy.can(membership, "details", row):
        return []
    last: dict[tuple[str, str], Verdict] = {}
    for one in session.scalars(select(Rating).where(Rating.request_id == row.id).order_by(Rating.at, Rating.id)):
        last[one.answer_id, one.entity_id] = Verdict(
            one.answer_id, one.entity_id, one.score, one.word, one.used, one.at
        )
    return list(last.values())
