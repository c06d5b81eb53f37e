"""The actions of waves, each once, and their histories."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text
from sqlmodel import Field

from panel.model.action import ACTION
from panel.store.tables.base import Base

_STATES = ", ".join(f"'{each}'" for each in ACTION.states)


class WaveAction(Base, table=True):
    """An action of a wave; moments in seconds since 1970, by the database's clock."""

    __tablename__ = "wave_action"
    __table_args__ = (CheckConstraint(f"state IN ({_STATES})", name="state"), Index(None, "state", "due"))
    study: str = Field(primary_key=True)
    wave: int = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    state: str
    due: float
    precedence: int
    late: str
    not_after: float
    attempts: int
    lapses: int
    setbacks: int
    not_before: float
    lateness: float | None
    lease: str | None
    lease_until: float
    reason: str = Field(sa_type=Text)
    done_at: datetime | None


class WaveActionEvent(Base, table=True):
    """What happened to an action. Append-only."""

    __tablename__ = "wave_action_event"
    id: int | None = Field(default=None, primary_key=True)
    study: str = Field(index=True)
    wave: int
    kind: str
    ordinal: int
    event: str
    from_state: str
    to_state: str
    by: str
    reason: str = Field(sa_type=Text)
    lateness: float
    at: datetime
