"""Verdicts about cells and rows, and decisions about them. Append-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import select

from panel.model.quarantine import Decision, RowVerdict, Standing
from panel.store import tables
from panel.store.base import Database, put, utc

VERDICT = tables.RowVerdict.__table__  # type: ignore[attr-defined]
DECIDED = tables.RowDecision.__table__  # type: ignore[attr-defined]
_FIELDS = [each.name for each in fields(RowVerdict)]


class Quarantine(Database):
    """The part of the store that says what is held, and who released it."""

    def add_row_verdicts(self, study: str, wave: int, verdicts: Sequence[RowVerdict], at: datetime) -> int:
        """Append the verdicts that differ from the newest of their key by value or rule; see ports.Store."""
        with self._writes() as connection:
            newest = self._newest(connection, study, wave)
            fresh = [
                each for each in verdicts if each.key not in newest or newest[each.key].verdict.subject != each.subject
            ]
            put(connection, VERDICT, [{**asdict(each), "at": at} for each in fresh])
        return len(fresh)

    def decide(self, verdict: RowVerdict, decision: Decision) -> None:
        """Append a decision about one verdict."""
        about = {name: getattr(verdict, name) for name in _FIELDS if name in DECIDED.c}
        with self._writes() as connection:
            put(connection, DECIDED, [{**about, **asdict(decision)}])

    def standing(self, study: str, wave: int | None = None) -> Sequence[Standing]:
        """Return the newest verdict of every key with its decision, by wave, check, member and variable."""
        with self._reads() as connection:
            found = self._newest(connection, study, wave).values()
        return sorted(found, key=lambda each: (each.verdict.wave, each.verdict.check, *each.verdict.key))

    def decided(self, study: str) -> Sequence[Standing]:
        """Return those of `standing` that somebody decided about, reading only waves that have a decision."""
        with self._reads() as connection:
            waves = (
                connection.execute(select(DECIDED.c.wave).where(DECIDED.c.study == study).distinct()).scalars().all()
            )
            found = [each for wave in sorted(waves) for each in self._newest(connection, study, wave).values()]
        return [each for each in found if each.decision]

    def _newest(self, connection: Any, study: str, wave: int | None) -> Mapping[tuple[int, str, str, str], Standing]:
        decisions = {
            (row.wave, row.member, row.variable, row.check, row.version, row.value_digest): Decision(
                outcome=row.outcome, by=row.by, reason=row.reason, at=utc(row.at), value=row.value
            )
            for row in connection.execute(_of(DECIDED, study, wave))
        }
        newest = {}
        for row in connection.execute(_of(VERDICT, study, wave)):
            verdict = RowVerdict(**{name: getattr(row, name) for name in _FIELDS})
            newest[verdict.key] = Standing(verdict=verdict, since=utc(row.at), decision=decisions.get(verdict.subject))
        return newest


def _of(table: Any, study: str, wave: int | None) -> Any:
    query = select(table).where(table.c.study == study).order_by(table.c.id)
    return query if wave is None else query.where(table.c.wave == wave)
