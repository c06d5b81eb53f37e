"""Verdicts about cells and rows, and decisions about them. Append-only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from panel.model.quarantine import Decision, RowVerdict, Standing
from panel.store import tables
from panel.store.base import Database, put, utc

VERDICT = tables.RowVerdict.__table__  # type: ignore[attr-defined]
DECIDED = tables.RowDecision.__table__  # type: ignore[attr-defined]
Key = tuple[int, str, str, str]
_FIELDS = [each.name for each in fields(RowVerdict)]


class Quarantine(Database):
    """The part of the store that says what is held, and who released it."""

    def add_row_verdicts(self, study: str, wave: int, verdicts: Sequence[RowVerdict], at: datetime) -> int:
        """Append the verdicts that differ from the newest of their key by value or rule; see ports.Store."""
        with self._writes() as connection:
            return append(connection, newest(connection, study, wave), verdicts, at)

    def decide(self, decisions: Iterable[tuple[RowVerdict, Decision]]) -> None:
        """Append decisions, each about one verdict, in one transaction."""
        named = [name for name in _FIELDS if name in DECIDED.c]
        rows = [{**{name: getattr(verdict, name) for name in named}, **asdict(each)} for verdict, each in decisions]
        with self._writes() as connection:
            put(connection, DECIDED, rows)

    def standing(self, study: str, wave: int | None = None) -> Sequence[Standing]:
        """Return the newest verdict of every key with its decision, by wave, check, member and variable."""
        with self._reads() as connection:
            found = newest(connection, study, wave).values()
        return sorted(found, key=lambda each: (each.verdict.wave, each.verdict.check, *each.verdict.key))

    def decided(self, study: str) -> Sequence[Standing]:
        """Return those of `standing` that somebody decided about, reading only waves that have a decision."""
        with self._reads() as connection:
            waves = (
                connection.execute(select(DECIDED.c.wave).where(DECIDED.c.study == study).distinct()).scalars().all()
            )
            found = [each for wave in sorted(waves) for each in newest(connection, study, wave).values()]
        return [each for each in found if each.decision]


def append(connection: Connection, known: Mapping[Key, Standing], verdicts: Sequence[RowVerdict], at: datetime) -> int:
    """Append the verdicts that differ from the newest of their key, in the transaction they belong to."""
    fresh = [each for each in verdicts if each.key not in known or known[each.key].verdict.subject != each.subject]
    put(connection, VERDICT, [{**{name: getattr(each, name) for name in _FIELDS}, "at": at} for each in fresh])
    return len(fresh)


def newest(connection: Connection, study: str, wave: int | None) -> dict[Key, Standing]:
    """Return the newest verdict of every key with the last decision about it."""
    decisions = {
        (row.wave, row.member, row.variable, row.check, row.version, row.value_digest): Decision(
            outcome=row.outcome, by=row.by, reason=row.reason, at=utc(row.at), value=row.value
        )
        for row in connection.execute(_of(DECIDED, study, wave))
    }
    found = {}
    for row in connection.execute(_of(VERDICT, study, wave)):
        verdict = RowVerdict(**{name: getattr(row, name) for name in _FIELDS})
        found[verdict.key] = Standing(verdict=verdict, since=utc(row.at), decision=decisions.get(verdict.subject))
    return found


def _of(table: Any, study: str, wave: int | None) -> Any:
    query = select(table).where(table.c.study == study).order_by(table.c.id)
    return query if wave is None else query.where(table.c.wave == wave)
