"""What is sent to members, and why it was or was not; no name and no address."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from panel.model.contact import CONTACT
from panel.store.tables.base import Base

_STATES = ", ".join(f"'{each}'" for each in CONTACT.states)


class Contact(Base, table=True):
    """
    One contact, from the transaction that selected it until it was taken in, held, bounced or given up.

    Moments of `due` and `lease_until` are seconds of the database's own clock, which all workers share.
    """

    __tablename__ = "contact"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        UniqueConstraint("study", "wave", "member", "kind", "channel", "ordinal"),
        Index(None, "state", "due"),
        Index(None, "study", "member"),
    )
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    study: str
    wave: int
    member: str
    kind: str
    channel: str
    ordinal: int
    state: str
    attempts: int
    due: float
    lease: str | None
    lease_until: float
    reason: str
    created_at: datetime
    ended_at: datetime | None


class ContactDecision(Base, table=True):
    """Why a contact was allowed or held, at selection and at each attempt to send it. Append-only."""

    __tablename__ = "contact_decision"
    __table_args__ = (Index(None, "study", "wave", "member"),)
    id: int | None = Field(default=None, primary_key=True)
    study: str
    wave: int
    member: str
    kind: str
    ordinal: int
    channel: str
    stage: str
    verdict: str
    reason: str
    at: datetime
