"""Releases, and what happened to each."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text
from sqlmodel import Field

from panel.model.release import RELEASE
from panel.store.tables.base import Base

_STATES = ", ".join(f"'{each}'" for each in RELEASE.states)


class Release(Base, table=True):
    """The identity of every release that was made. Append-only."""

    __tablename__ = "release"
    study: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    wave: int
    digest: str
    path: str
    is_synthetic: bool
    created_at: datetime
    manifest: str = Field(sa_type=Text)


class ReleaseEvent(Base, table=True):
    """Each move of a release, in the making or made; the last one says its state. Append-only."""

    __tablename__ = "release_event"
    __table_args__ = (
        CheckConstraint(f"to_state IN ({_STATES})", name="to_state"),
        Index(None, "study", "key"),
    )
    id: int | None = Field(default=None, primary_key=True)
    study: str
    key: str
    wave: int
    event: str
    from_state: str
    to_state: str
    by: str
    reason: str = Field(sa_type=Text)
    at: datetime
