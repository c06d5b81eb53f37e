"""What the checks said and what people decided about it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text
from sqlmodel import Field

from panel.store.tables.base import Base


class Gate(Base, table=True):
    """One run of the suites over a stage of a wave. Append-only."""

    __tablename__ = "gate"
    __table_args__ = (Index(None, "study", "wave", "stage"),)
    id: int | None = Field(default=None, primary_key=True)
    study: str
    wave: int
    stage: str
    suite_digest: str
    data_digest: str
    verdicts: str = Field(sa_type=Text)
    at: datetime


class OverrideDecision(Base, table=True):
    """A decision to let a failed check pass, for the rows that failed then. Append-only."""

    __tablename__ = "override_decision"
    id: int | None = Field(default=None, primary_key=True)
    study: str = Field(index=True)
    wave: int
    stage: str
    check: str
    by: str
    reason: str = Field(sa_type=Text)
    failing_digest: str
    at: datetime


class RowVerdict(Base, table=True):
    """What a check said of one cell or row, whenever the value or the rule is another. Append-only."""

    __tablename__ = "row_verdict"
    __table_args__ = (Index(None, "study", "wave"),)
    id: int | None = Field(default=None, primary_key=True)
    study: str
    wave: int
    member: str
    variable: str
    check: str
    version: int
    severity: str
    owner: str
    action: str
    why: str = Field(sa_type=Text)
    value_digest: str
    proposed: str | None
    at: datetime


class RowDecision(Base, table=True):
    """What somebody decided about one value that a check failed. Append-only."""

    __tablename__ = "row_decision"
    __table_args__ = (
        CheckConstraint("outcome IN ('accept', 'correct', 'reject')", name="outcome"),
        Index(None, "study", "wave"),
    )
    id: int | None = Field(default=None, primary_key=True)
    study: str
    wave: int
    member: str
    variable: str
    check: str
    version: int
    value_digest: str
    outcome: str
    value: str | None
    by: str
    reason: str = Field(sa_type=Text)
    at: datetime
