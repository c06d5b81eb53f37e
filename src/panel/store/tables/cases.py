"""The sample: who was asked in, what became of each member and case, and what was erased or fed forward."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint
from sqlmodel import Field

from panel.store.tables.base import Base


class SampleLoad(Base, table=True):
    """A sample file that was loaded, by the hash of study, wave and bytes. Append-only."""

    __tablename__ = "sample_load"
    __table_args__ = (CheckConstraint("row_count = added + known + held", name="rows_conserved"),)
    id: str = Field(primary_key=True)
    study: str = Field(index=True)
    wave: int
    cohort: str
    filename: str
    sha256: str
    row_count: int
    added: int
    known: int
    held: int
    by: str
    at: datetime


class SampleRow(Base, table=True):
    """A row of a sample file that was held, with the reason and without its content. Append-only."""

    __tablename__ = "sample_row"
    load: str = Field(primary_key=True, foreign_key="sample_load.id")
    row: int = Field(primary_key=True)
    column: str
    reason: str = Field(sa_type=Text)


class Member(Base, table=True):
    """A member as it stands. Contact details lie elsewhere; its history is in member_event."""

    __tablename__ = "member"
    __table_args__ = (
        CheckConstraint(
            "state IN ('recruited', 'active', 'dormant', 'tracing', 'withdrawn', 'deceased')", name="state"
        ),
        CheckConstraint("scope IN ('', 'no_contact', 'no_use', 'erase')", name="scope"),
    )
    study: str = Field(primary_key=True)
    member: str = Field(primary_key=True)
    stratum: str
    cohort: str
    entry_wave: int
    state: str
    scope: str
    since: datetime
    loaded_at: datetime


class MemberEvent(Base, table=True):
    """One line of a member's history. Append-only."""

    __tablename__ = "member_event"
    __table_args__ = (Index(None, "study", "member"),)
    id: int | None = Field(default=None, primary_key=True)
    study: str
    member: str
    event: str
    from_state: str
    to_state: str
    scope: str
    by: str
    reason: str = Field(sa_type=Text)
    at: datetime


class AccessCode(Base, table=True):
    """The keyed hash of the code by which a member enters a wave; the code itself is nowhere."""

    __tablename__ = "access_code"
    study: str = Field(primary_key=True)
    wave: int = Field(primary_key=True)
    member: str = Field(primary_key=True)
    hash: str = Field(unique=True)
    issued_at: datetime
    by: str


class MemberCase(Base, table=True):
    """One member in one wave as it stands. Its history is in case_event."""

    __tablename__ = "member_case"
    __table_args__ = (
        CheckConstraint(
            "state IN ('listed', 'issued', 'contacted', 'started', 'partial', 'complete', 'refused', 'ineligible', "
            "'unreachable', 'break_off', 'not_issued')",
            name="state",
        ),
    )
    study: str = Field(primary_key=True)
    wave: int = Field(primary_key=True)
    member: str = Field(primary_key=True)
    state: str
    why: str
    since: datetime
    computed: str | None
    overridden: str | None
    override_by: str
    override_reason: str = Field(sa_type=Text)
    finalised_at: datetime | None


class CaseEvent(Base, table=True):
    """One line of a case's history; of one `key` a case has one. Append-only."""

    __tablename__ = "case_event"
    __table_args__ = (UniqueConstraint("study", "wave", "member", "key"),)
    id: int | None = Field(default=None, primary_key=True)
    study: str
    wave: int
    member: str
    event: str
    from_state: str
    to_state: str
    source: str
    key: str
    why: str = Field(sa_type=Text)
    by: str
    at: datetime
    recorded_at: datetime


class Erasure(Base, table=True):
    """The tombstone of a member: rows of it are never taken in again. Never removed."""

    __tablename__ = "erasure"
    __table_args__ = (CheckConstraint("state IN ('running', 'unlinking', 'done')", name="state"),)
    study: str = Field(primary_key=True)
    member: str = Field(primary_key=True)
    state: str
    by: str
    reason: str = Field(sa_type=Text)
    at: datetime
    done_at: datetime | None


class ErasureStep(Base, table=True):
    """What an erasure removed or wrote anew: rows of a table, a stored file under its old and new hash. Append-only."""

    __tablename__ = "erasure_step"
    __table_args__ = (Index(None, "study", "member"),)
    id: int | None = Field(default=None, primary_key=True)
    study: str
    member: str
    subject: str
    key: str
    old_sha256: str
    new_sha256: str
    row_count: int
    at: datetime


class PreloadFreeze(Base, table=True):
    """The hash of what was fed forward into a wave, each time it was staged. Append-only."""

    __tablename__ = "preload_freeze"
    id: int | None = Field(default=None, primary_key=True)
    study: str = Field(index=True)
    wave: int
    sha256: str
    row_count: int
    by: str
    at: datetime


class FieldworkDay(Base, table=True):
    """How many cases of a group stood in each state at the end of a day of fieldwork, as it was then."""

    __tablename__ = "fieldwork_day"
    study: str = Field(primary_key=True)
    wave: int = Field(primary_key=True)
    day: date = Field(primary_key=True)
    domain: str = Field(primary_key=True)
    group: str = Field(primary_key=True)
    state: str = Field(primary_key=True)
    cases: int
    at: datetime
