"""Problems, their history, and the messages about them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text
from sqlmodel import Field

from panel.store.tables.base import Base


class Incident(Base, table=True):
    """One problem of one check, as it stands. Its history is in incident_event."""

    __tablename__ = "incident"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'acknowledged', 'silenced', 'resolved', 'reopened')", name="state"),
        Index(None, "study", "fingerprint"),
    )
    id: str = Field(primary_key=True)
    fingerprint: str
    study: str
    suite: str
    check: str
    subgroup: str
    severity: str
    owner: str
    why: str = Field(sa_type=Text)
    state: str
    opened_at: datetime
    since: datetime
    seen_at: datetime
    wave: int
    failing_waves: str
    passed_wave: int | None
    occurrences: int
    checked_count: int
    failing_count: int
    is_broken: bool
    is_failing: bool
    is_muted: bool
    is_synthetic: bool
    told: str = Field(sa_type=Text)
    told_count: int
    told_share: float
    until: datetime | None
    by: str
    note: str = Field(sa_type=Text)
    resolved_at: datetime | None
    escalated_at: datetime | None


class IncidentEvent(Base, table=True):
    """One line of an incident's history. Append-only."""

    __tablename__ = "incident_event"
    id: int | None = Field(default=None, primary_key=True)
    incident: str = Field(foreign_key="incident.id", index=True)
    at: datetime
    event: str
    from_state: str
    to_state: str
    by: str
    note: str = Field(sa_type=Text)
    until: datetime | None
    wave: int | None
    checked_count: int | None
    failing_count: int | None
    is_muted: bool


class Outbox(Base, table=True):
    """
    A message to one target, from the transaction that made it until it was taken in or given up.

    Moments of `due` and `lease_until` are seconds of the database's own clock, which all workers share.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'sent', 'dead')", name="state"),
        Index(None, "state", "due"),
    )
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    study: str
    incident: str = Field(index=True)
    target: str
    timing: str
    notice: str
    message: str = Field(sa_type=Text)
    state: str
    attempts: int
    due: float
    lease: str | None
    lease_until: float
    reason: str
    created_at: datetime
    sent_at: datetime | None
