"""The files of a study as they were kept, and where each wave stands."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Text
from sqlmodel import Field

from panel.model.wave import WAVE
from panel.store.tables.base import Base

_STATES = ", ".join(f"'{each}'" for each in WAVE.states)


class StudyVersion(Base, table=True):
    """The files of a study, each time they changed. Append-only."""

    __tablename__ = "study_version"
    id: int | None = Field(default=None, primary_key=True)
    study: str = Field(index=True)
    sha256: str
    files: str = Field(sa_type=Text)
    kept_at: datetime


class InstrumentVersion(Base, table=True):
    """The hash under which an instrument was first kept: a version never changes. Append-only."""

    __tablename__ = "instrument_version"
    study: str = Field(primary_key=True)
    file: str = Field(primary_key=True)
    sha256: str


class Wave(Base, table=True):
    """The state of every wave that an event happened to, and its fieldwork where that was moved."""

    __tablename__ = "wave"
    __table_args__ = (CheckConstraint(f"state IN ({_STATES})", name="state"),)
    study: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    state: str
    fieldwork_start: date | None = None
    fieldwork_end: date | None = None


class WaveEvent(Base, table=True):
    """Each move of a wave from state to state, with the reason. Append-only."""

    __tablename__ = "wave_event"
    id: int | None = Field(default=None, primary_key=True)
    study: str = Field(index=True)
    number: int
    event: str
    from_state: str
    to_state: str
    by: str
    reason: str
    at: datetime


class Staging(Base, table=True):
    """What was frozen when a wave was staged, by part. Append-only; of several stagings the last one counts."""

    __tablename__ = "staging"
    id: int | None = Field(default=None, primary_key=True)
    study: str = Field(index=True)
    number: int
    part: str
    sha256: str
    item_count: int
    at: datetime
