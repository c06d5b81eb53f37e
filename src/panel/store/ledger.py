"""The ledger of actions: each once, leased by the database's clock, fenced, in order."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, exists, insert, or_, select, update

from panel.calendar import Due
from panel.errors import UnknownKey, printable
from panel.model.action import MOST_LAPSES, SETTLED, ActionEvent, Claimed, Entry, Outcome, move
from panel.ports.alerts import Reacting
from panel.ports.ledger import Missing
from panel.store import tables
from panel.store.alerts import keep_reaction
from panel.store.base import Database, utc

ACTION = tables.WaveAction.__table__  # type: ignore[attr-defined]
EVENT = tables.WaveActionEvent.__table__  # type: ignore[attr-defined]
_KEY = ("study", "wave", "kind", "ordinal")
_OFF = "no longer on the calendar"
_OVER = "was due before the study was loaded here"
_GONE = f"{MOST_LAPSES} workers in a row were gone while they did it: it may be what ends them"
_AFRESH = {"lapses": 0, "setbacks": 0, "not_before": 0.0}
_ORDER = (ACTION.c.due, ACTION.c.precedence, ACTION.c.ordinal, ACTION.c.wave, ACTION.c.study)


class Actions(Database):
    """The part of the store that says what is to be done, and what was."""

    def plan_actions(self, study: str, due: Sequence[Due], *, since: datetime, by: str, at: datetime) -> int:
        """Put actions into the ledger and give those still planned their time; see ports.Ledger."""
        with self._writes() as connection:
            rows = connection.execute(select(ACTION).where(ACTION.c.study == study)).all()
            known = {(row.wave, row.kind, row.ordinal): row for row in rows}
            wanted = {(each.wave, each.kind, each.ordinal): each for each in due}
            changed, now = 0, self._moment(connection)
            for key, each in wanted.items():
                changed += _planned(connection, known.get(key), each, since=since, now=now, by=by, at=at)
            for key, row in known.items():
                if key not in wanted and row.state in ("planned", "failed", "missed"):
                    _happened(connection, row, "skip", by=by, reason=_OFF, at=at)
                    changed += 1
        return changed

    def claim(self, seconds: float, *, by: str, missing: Missing, without: Collection[str] = ()) -> Claimed | None:
        """Claim the action that is to be done next; see ports.Ledger."""
        with self._writes() as connection:
            now = self._moment(connection)
            while (row := connection.execute(_next(now, without)).first()) is not None:
                at = datetime.fromtimestamp(now, UTC)
                lateness = max(now - row.due, 0.0)
                event = "lapse" if row.state == "running" else "claim"
                lapses = row.lapses + (event == "lapse")
                if lapses >= MOST_LAPSES:
                    given_up = {"lease": None, "lease_until": 0.0}
                    _happened(connection, row, "fail", given_up, by=by, reason=_GONE, at=at, lateness=lateness)
                    keep_reaction(connection, now, row.study, missing(replace(_entry(row), reason=_GONE)))
                    continue
                if event == "claim" and now > row.not_after and row.late != "run":
                    left = "miss" if row.late == "ask" else "skip"
                    why = f"{lateness / 3600:.1f} hours late"
                    _happened(connection, row, left, by=by, reason=why, at=at, lateness=lateness)
                    if left == "miss":
                        keep_reaction(connection, now, row.study, missing(replace(_entry(row), reason=why)))
                    continue
                token = uuid.uuid4().hex
                lease = {"lease": token, "lease_until": now + seconds, "lapses": lapses, "attempts": row.attempts + 1}
                _happened(connection, row, event, lease, by=by, reason="", at=at, lateness=lateness)
                entry = replace(_entry(row), state="running", attempts=row.attempts + 1, lapses=lapses)
                return Claimed(entry=entry, token=token, lateness=lateness)
        return None

    def defer(self, claimed: Claimed, seconds: float, *, reason: str, by: str) -> bool:
        """Put a claimed action back, to be tried again after so many seconds; see ports.Ledger."""
        mine = (ACTION.c.lease == claimed.token, ACTION.c.state == "running")
        with self._writes() as connection:
            row = connection.execute(select(ACTION).where(*mine)).first()
            if row is None:
                return False
            now = self._moment(connection)
            free = {"lease": None, "lease_until": 0.0, "lapses": 0}
            later = {"setbacks": row.setbacks + 1, "not_before": now + seconds}
            at = datetime.fromtimestamp(now, UTC)
            _happened(connection, row, "defer", free | later, by=by, reason=reason, at=at, lateness=claimed.lateness)
        return True

    def renew(self, claimed: Claimed, seconds: float) -> bool:
        """Hold a claimed action longer; see ports.Ledger."""
        mine = (ACTION.c.lease == claimed.token, ACTION.c.state == "running")
        with self._writes() as connection:
            until = self._moment(connection) + seconds
            return bool(connection.execute(update(ACTION).where(*mine).values(lease_until=until)).rowcount)

    def settle(self, claimed: Claimed, outcome: Outcome, *, reason: str, by: str, reacting: Reacting | None) -> bool:
        """Note what came of a claimed action, once; see ports.Ledger."""
        mine = (ACTION.c.lease == claimed.token, ACTION.c.state == "running")
        with self._writes() as connection:
            row = connection.execute(select(ACTION).where(*mine)).first()
            if row is None:
                return False
            now = self._moment(connection)
            at = datetime.fromtimestamp(now, UTC)
            done = {**_AFRESH, "lease": None, "lease_until": 0.0, "lateness": claimed.lateness, "done_at": at}
            _happened(connection, row, outcome, done, by=by, reason=reason, at=at, lateness=claimed.lateness)
            if reacting is not None:
                keep_reaction(connection, now, row.study, reacting)
        return True

    def move_action(
        self, study: str, wave: int, kind: str, ordinal: int, event: str, *, by: str, reason: str, at: datetime
    ) -> Entry:
        """Let an event happen to an action by hand; see ports.Ledger."""
        here = and_(*(ACTION.c[name] == value for name, value in zip(_KEY, (study, wave, kind, ordinal), strict=True)))
        with self._writes() as connection:
            row = connection.execute(select(ACTION).where(here)).first()
            if row is None:
                what = f"The ledger has no {printable(kind)} {ordinal} of wave {wave} of {printable(study)}."
                raise UnknownKey(what, fix=f"panelctl actions list {printable(study)}")
            now = self._moment(connection)
            more = {**_AFRESH, "not_after": max(row.not_after, now + 86_400)} if event == "retry" else {}
            _happened(connection, row, event, more, by=by, reason=reason, at=at)
            return _entry(connection.execute(select(ACTION).where(here)).one())

    def held_actions(self) -> Mapping[str, int]:
        """Return the actions that a worker holds now, by key, with the number of the attempt."""
        with self._reads() as connection:
            held = (ACTION.c.state == "running", ACTION.c.lease_until > self._moment(connection))
            rows = connection.execute(select(ACTION).where(*held)).all()
        return {_entry(row).key: row.attempts for row in rows}

    def actions(self, study: str, wave: int | None = None) -> Sequence[Entry]:
        """Return the actions of a study in the order in which they are done."""
        query = select(ACTION).where(ACTION.c.study == study).order_by(*_ORDER)
        if wave is not None:
            query = query.where(ACTION.c.wave == wave)
        with self._reads() as connection:
            return [_entry(row) for row in connection.execute(query)]

    def action_events(self, study: str, wave: int, kind: str, ordinal: int) -> Sequence[ActionEvent]:
        """Return the history of an action, oldest first."""
        place = zip(_KEY, (study, wave, kind, ordinal), strict=True)
        query = select(EVENT).where(*(EVENT.c[name] == value for name, value in place)).order_by(EVENT.c.id)
        names = [each.name for each in fields(ActionEvent) if each.name != "at"]
        with self._reads() as connection:
            rows = connection.execute(query).all()
        return [ActionEvent(**{name: getattr(row, name) for name in names}, at=utc(row.at)) for row in rows]


def _next(now: float, without: Collection[str]) -> Any:
    """Return the query for the action to do next: due, free, and nothing of its wave before it unsettled."""
    earlier = ACTION.alias("earlier")
    before = or_(
        earlier.c.due < ACTION.c.due,
        and_(earlier.c.due == ACTION.c.due, earlier.c.precedence < ACTION.c.precedence),
        and_(
            earlier.c.due == ACTION.c.due,
            earlier.c.precedence == ACTION.c.precedence,
            earlier.c.ordinal < ACTION.c.ordinal,
        ),
    )
    waits = exists().where(
        earlier.c.study == ACTION.c.study,
        earlier.c.wave == ACTION.c.wave,
        earlier.c.state.not_in(SETTLED),
        before,
    )
    free = or_(
        and_(ACTION.c.state == "planned", ACTION.c.due <= now, ACTION.c.not_before <= now),
        and_(ACTION.c.state == "running", ACTION.c.lease_until <= now),
    )
    return select(ACTION).where(free, ~waits, ACTION.c.study.not_in(without)).order_by(*_ORDER).limit(1)


def _planned(connection: Connection, row: Any, due: Due, *, since: datetime, now: float, by: str, at: datetime) -> int:
    timing = {
        "due": due.at.timestamp(),
        "precedence": due.precedence,
        "late": due.late,
        "not_after": _not_after(row, due, now),
    }
    if row is None:
        key = {"study": due.study, "wave": due.wave, "kind": due.kind, "ordinal": due.ordinal}
        is_over = due.at < since
        rest = {**_AFRESH, "attempts": 0, "lateness": None, "lease": None, "lease_until": 0.0, "done_at": None}
        reason = _OVER if is_over else ""
        state = "skipped" if is_over else "planned"
        connection.execute(insert(ACTION).values(**key, **timing, **rest, state=state, reason=reason))
        return 1
    if row.state == "skipped" and row.reason in (_OFF, _OVER) and due.at >= since:
        _happened(connection, row, "retry", {**_AFRESH, **timing}, by=by, reason="on the calendar again", at=at)
        return 1
    if row.state != "planned" or all(getattr(row, name) == value for name, value in timing.items()):
        return 0
    _happened(connection, row, "replan", timing, by=by, reason="", at=at)
    return 1


def _not_after(row: Any, due: Due, now: float) -> float:
    """Return until when an action may be done; the day that a retry gave it outlives a look at the calendar."""
    planned = due.not_after.timestamp()
    has_respite = row is not None and row.due == due.at.timestamp() and planned < now < row.not_after
    return float(row.not_after) if has_respite else planned


def _happened(
    connection: Connection,
    row: Any,
    event: str,
    values: Mapping[str, Any] | None = None,
    *,
    by: str,
    reason: str,
    at: datetime,
    lateness: float = 0.0,
) -> None:
    """Let an event happen to an action and append it to its history."""
    state = move(row.state, event)
    key = {name: getattr(row, name) for name in _KEY}
    here = and_(*(ACTION.c[name] == value for name, value in key.items()))
    told_reason = {"reason": reason} if reason else {}
    connection.execute(update(ACTION).where(here).values(state=state, **told_reason, **(values or {})))
    told = {"event": event, "from_state": row.state, "to_state": state, "by": by, "reason": reason}
    connection.execute(insert(EVENT).values(**key, **told, lateness=lateness, at=at))


def _entry(row: Any) -> Entry:
    kept = {each.name: getattr(row, each.name) for each in fields(Entry)}
    moments: dict[str, datetime | None] = {
        name: datetime.fromtimestamp(kept[name], UTC) for name in ("due", "not_after")
    }
    moments |= {"not_before": datetime.fromtimestamp(row.not_before, UTC) if row.not_before else None}
    return Entry(**{**kept, **moments, "done_at": utc(row.done_at) if row.done_at else None})
