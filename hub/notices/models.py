"""Who was told of what."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, new_id, now


class Notice(Base):
    """One event, told to one person. Shown only while `policy` lets a membership of the person hear of it.

    `membership_id`: the one in which the person could hear of it when it was written. `mailed_at`: when a mail server
    took the mail that told it, alone or among others.
    """

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("person_id", "event_id"), Index("ix_notice_person_read", "person_id", "read_at"))
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    event_id: Mapped[str] = mapped_column(ForeignKey("event.id"), index=True)
    subject_kind: Mapped[str] = mapped_column(String(30))
    subject_id: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=now)
    read_at: Mapped[datetime | None]
    mailed_at: Mapped[datetime | None]
