"""Where each wave stands, how it came there, and what staging froze."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update

from panel.model.study import Period
from panel.model.wave import Frozen, WaveEvent, after
from panel.store import tables
from panel.store.base import Database, put, utc

WAVE = tables.Wave.__table__  # type: ignore[attr-defined]
EVENT = tables.WaveEvent.__table__  # type: ignore[attr-defined]
STAGING = tables.Staging.__table__  # type: ignore[attr-defined]
UNTOUCHED = "planned"
"""The state of a wave that the study names and no event happened to."""


class Waves(Database):
    """The part of the store that says where fieldwork stands."""

    def wave_states(self, study: str) -> Mapping[int, str]:
        """Return the state of every wave that an event happened to."""
        with self._reads() as connection:
            rows = connection.execute(select(WAVE.c.number, WAVE.c.state).where(WAVE.c.study == study))
            return {row.number: row.state for row in rows}

    def move_wave(
        self,
        study: str,
        wave: int,
        events: Sequence[str],
        *,
        at: datetime,
        by: str,
        reason: str,
        frozen: Sequence[Frozen] = (),
        fieldwork: Period | None = None,
    ) -> str:
        """Let events happen to a wave, in order, all in one transaction or none; see ports.WaveStore."""
        here = (WAVE.c.study == study, WAVE.c.number == wave)
        with self._writes() as connection:
            state = connection.execute(select(WAVE.c.state).where(*here)).scalar() or UNTOUCHED
            states = (state, *after(state, events))
            values: dict[str, Any] = {"state": states[-1]}
            if fieldwork is not None:
                values |= {"fieldwork_start": fieldwork.start, "fieldwork_end": fieldwork.end}
            if not connection.execute(update(WAVE).where(*here).values(**values)).rowcount:
                connection.execute(insert(WAVE).values(study=study, number=wave, **values))
            place = {"study": study, "number": wave, "at": at}
            moves = zip(events, states, states[1:], strict=False)
            told = {"by": by, "reason": reason}
            put(connection, EVENT, [{**place, **told, "event": e, "from_state": f, "to_state": t} for e, f, t in moves])
            put(connection, STAGING, [_row(each, place) for each in frozen])
        return states[-1]

    def wave_events(self, study: str, wave: int) -> Sequence[WaveEvent]:
        """Return the history of a wave, oldest first."""
        query = select(EVENT).where(EVENT.c.study == study, EVENT.c.number == wave).order_by(EVENT.c.id)
        names = [each.name for each in fields(WaveEvent) if each.name != "at"]
        with self._reads() as connection:
            rows = connection.execute(query).all()
        return [WaveEvent(**{name: getattr(row, name) for name in names}, at=utc(row.at)) for row in rows]

    def moved_fieldwork(self, study: str) -> Mapping[int, Period]:
        """Return the fieldwork of the waves where it was postponed or extended."""
        query = select(WAVE).where(WAVE.c.study == study, WAVE.c.fieldwork_end.is_not(None))
        with self._reads() as connection:
            return {
                row.number: Period(start=row.fieldwork_start, end=row.fieldwork_end)
                for row in connection.execute(query)
            }

    def reopened(self, study: str) -> Mapping[int, int]:
        """Return how often waves were reopened, for those that were."""
        query = (
            select(EVENT.c.number, func.count().label("times"))
            .where(EVENT.c.study == study, EVENT.c.event == "reopen")
            .group_by(EVENT.c.number)
        )
        with self._reads() as connection:
            return {row.number: row.times for row in connection.execute(query)}

    def staged(self, study: str, wave: int) -> Sequence[Frozen]:
        """Return what the last staging of a wave froze, by part."""
        here = (STAGING.c.study == study, STAGING.c.number == wave)
        last = select(func.max(STAGING.c.at)).where(*here).scalar_subquery()
        query = select(STAGING).where(*here, STAGING.c.at == last).order_by(STAGING.c.part, STAGING.c.id)
        with self._reads() as connection:
            rows = {row.part: row for row in connection.execute(query)}
        return [Frozen(part=part, sha256=row.sha256, count=row.item_count) for part, row in rows.items()]


def _row(frozen: Frozen, place: Mapping[str, Any]) -> dict[str, Any]:
    return {**place, "part": frozen.part, "sha256": frozen.sha256, "item_count": frozen.count}
