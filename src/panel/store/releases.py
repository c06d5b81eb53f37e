"""Releases: what each is, where it stands, and how it came there. Append-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from panel.errors import ReleaseExists
from panel.model.release import RELEASE as MACHINE
from panel.model.release import ReleaseEvent, after
from panel.model.results import ReleaseRecord
from panel.store import tables
from panel.store.base import Database, utc

RELEASE = tables.Release.__table__  # type: ignore[attr-defined]
EVENT = tables.ReleaseEvent.__table__  # type: ignore[attr-defined]


class Releases(Database):
    """The part of the store that says what was published, and what is on its way there."""

    def save_release(self, release: ReleaseRecord, *, by: str) -> ReleaseRecord:
        """Record a release as published, the one before it as superseded; see ports.ReleaseStore."""
        with self._writes() as connection:
            rows = connection.execute(select(RELEASE).where(RELEASE.c.study == release.study)).all()
            states = _states(connection, release.study)
            for row in rows:
                stands = states[row.key] == "published" and row.wave == release.wave
                if stands and row.digest == release.digest:
                    return _release(row)
                if row.key == release.key:
                    raise ReleaseExists(
                        f"Release {release.study} {release.key} exists with other content.",
                        fix="a release never changes; give the new content the next number",
                    )
            move = _Move(connection, release.study, release.wave, release.created_at, by, states)
            move(release.key, "publish", f"digest {release.digest[:12]}")
            for row in rows:
                if row.wave == release.wave and states[row.key] == "published":
                    move(row.key, "supersede", f"by {release.key}")
            connection.execute(insert(RELEASE).values(**asdict(release)))
        return release

    def releases(self, study: str) -> Sequence[ReleaseRecord]:
        """Return the releases of a study that were made, oldest first, whatever became of them."""
        query = select(RELEASE).where(RELEASE.c.study == study).order_by(RELEASE.c.created_at, RELEASE.c.key)
        with self._reads() as connection:
            return [_release(row) for row in connection.execute(query)]

    def release_states(self, study: str) -> Mapping[str, str]:
        """Return the state of every release by key, those in the making too."""
        with self._reads() as connection:
            return _states(connection, study)

    def move_release(
        self, study: str, key: str, wave: int, event: str, *, at: datetime, by: str, reason: str = ""
    ) -> str:
        """Let an event happen to a release, on record; see ports.ReleaseStore."""
        with self._writes() as connection:
            return _Move(connection, study, wave, at, by, _states(connection, study))(key, event, reason)

    def release_events(self, study: str, key: str) -> Sequence[ReleaseEvent]:
        """Return the history of a release, oldest first."""
        query = select(EVENT).where(EVENT.c.study == study, EVENT.c.key == key).order_by(EVENT.c.id)
        names = [each.name for each in fields(ReleaseEvent) if each.name != "at"]
        with self._reads() as connection:
            rows = connection.execute(query).all()
        return [ReleaseEvent(**{name: getattr(row, name) for name in names}, at=utc(row.at)) for row in rows]


class _Move:
    """Moves of the releases of one wave, in one transaction."""

    def __init__(
        self, connection: Connection, study: str, wave: int, at: datetime, by: str, states: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self._place = {"study": study, "wave": wave, "at": at, "by": by}
        self._states = states

    def __call__(self, key: str, event: str, reason: str) -> str:
        state = self._states.get(key, MACHINE.initial)
        to = after(key, state, event)
        moved = {"key": key, "event": event, "from_state": state, "to_state": to, "reason": reason}
        self._connection.execute(insert(EVENT).values(**self._place, **moved))
        return to


def _states(connection: Connection, study: str) -> Mapping[str, str]:
    last = select(func.max(EVENT.c.id)).where(EVENT.c.study == study).group_by(EVENT.c.key)
    rows = connection.execute(select(EVENT.c.key, EVENT.c.to_state).where(EVENT.c.id.in_(last)))
    return {row.key: row.to_state for row in rows}


def _release(row: Any) -> ReleaseRecord:
    return ReleaseRecord(
        study=row.study,
        key=row.key,
        wave=row.wave,
        digest=row.digest,
        path=row.path,
        is_synthetic=row.is_synthetic,
        created_at=utc(row.created_at),
        manifest=row.manifest,
    )
