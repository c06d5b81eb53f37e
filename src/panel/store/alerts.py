"""Incidents, their history, and the outbox: messages leased by the database's clock, fenced, at least once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from panel.errors import UnknownKey, did_you_mean, printable
from panel.model.incident import Incident, IncidentEvent, Message, Outgoing, Parcel, Posted, Reaction
from panel.ports import Reacting
from panel.store import tables
from panel.store.base import Database, put, utc

INCIDENT = tables.Incident.__table__  # type: ignore[attr-defined]
EVENT = tables.IncidentEvent.__table__  # type: ignore[attr-defined]
OUTBOX = tables.Outbox.__table__  # type: ignore[attr-defined]
MOST_IN_A_PARCEL = 40
"""Lines that every channel takes whole."""
STORM = 4
"""From so many messages on that are due at once for one target, they go as one parcel."""


class Alerts(Database):
    """The part of the store that says what is wrong, who knows, and who is still to be told."""

    def react(self, study: str, reaction_of: Reacting) -> Reaction:
        """Keep what follows from the incidents of a study as they stand, in one transaction; see ports.Store."""
        with self._writes() as connection:
            return keep_reaction(connection, self._moment(connection), study, reaction_of)

    def incidents(self, study: str | None = None) -> Sequence[Incident]:
        """Return every incident, oldest first."""
        with self._reads() as connection:
            return _incidents(connection, study)

    def incident(self, key: str) -> Incident:
        """Return an incident by its id, or raise UnknownKey."""
        with self._reads() as connection:
            row = connection.execute(select(INCIDENT).where(INCIDENT.c.id == key)).first()
            if row is None:
                known = connection.execute(select(INCIDENT.c.id)).scalars().all()
                fix = did_you_mean(key, known) or "panelctl alerts --all lists them"
                raise UnknownKey(f"There is no incident '{printable(key)}'.", fix=fix)
        return _incident(row)

    def incident_events(self, key: str) -> Sequence[IncidentEvent]:
        """Return the history of an incident, oldest first."""
        names = [each.name for each in fields(IncidentEvent)]
        query = select(EVENT).where(EVENT.c.incident == key).order_by(EVENT.c.id)
        with self._reads() as connection:
            rows = connection.execute(query).all()
        return [IncidentEvent(**{name: _aware(getattr(row, name)) for name in names}) for row in rows]

    def posted(self, incident: str | None = None) -> Sequence[Posted]:
        """Return what became of the messages about one incident, or of all, oldest first."""
        query = select(OUTBOX).order_by(OUTBOX.c.id)
        if incident is not None:
            query = query.where(OUTBOX.c.incident == incident)
        names = [each.name for each in fields(Posted)]
        with self._reads() as connection:
            return [Posted(**{name: _aware(getattr(row, name)) for name in names}) for row in connection.execute(query)]

    def lease(self, seconds: float, *, avoiding: Sequence[str] = (), singly: Sequence[str] = ()) -> Parcel | None:
        """Lease what is due next for a target not in `avoiding`, a digest or a storm as one; see ports.Store."""
        with self._writes() as connection:
            now = self._moment(connection)
            due = (OUTBOX.c.state == "waiting", OUTBOX.c.due <= now, OUTBOX.c.lease_until <= now)
            query = select(OUTBOX).where(*due).order_by(OUTBOX.c.due, OUTBOX.c.id)
            if avoiding:
                query = query.where(OUTBOX.c.target.not_in(list(avoiding)))
            first = connection.execute(query.limit(1)).first()
            if first is None:
                return None
            same = [getattr(OUTBOX.c, name) == getattr(first, name) for name in ("timing", "target", "attempts")]
            rows = connection.execute(query.where(*same).limit(MOST_IN_A_PARCEL)).all()
            if first.timing == "at_once" and (len(rows) < STORM or first.target in singly):
                rows = [first]
            token = uuid.uuid4().hex
            ids = [row.id for row in rows]
            leased = update(OUTBOX).where(OUTBOX.c.id.in_(ids)).values(lease=token, lease_until=now + seconds)
            connection.execute(leased)
        return Parcel(
            token=token,
            target=first.target,
            timing=first.timing,
            attempts=first.attempts,
            messages=tuple(_message(row.message) for row in rows),
        )

    def sent(self, parcel: Parcel, at: datetime) -> bool:
        """Note that a parcel was taken in; False where its lease went to somebody else meanwhile."""
        return self._settle(parcel, state="sent", sent_at=at, reason="")

    def postpone(self, parcel: Parcel, reason: str, seconds: float) -> bool:
        """Note that a parcel was not taken in, and try again after so many seconds."""
        return self._settle(parcel, reason=reason, seconds=seconds)

    def give_up(self, parcel: Parcel, reason: str, reactions: Mapping[str, Reacting]) -> bool:
        """Make dead letters of a parcel, and keep what follows in each study in the same transaction."""
        return self._settle(parcel, state="dead", reason=reason, reactions=reactions)

    def _settle(
        self,
        parcel: Parcel,
        *,
        seconds: float = 0.0,
        reactions: Mapping[str, Reacting] | None = None,
        **values: Any,
    ) -> bool:
        mine = OUTBOX.c.lease == parcel.token
        with self._writes() as connection:
            now = self._moment(connection)
            changed = update(OUTBOX).where(mine, OUTBOX.c.state == "waiting")
            attempts = OUTBOX.c.attempts + 1
            found = connection.execute(
                changed.values(lease=None, lease_until=0.0, due=now + seconds, attempts=attempts, **values)
            )
            if found.rowcount:
                for study, reaction_of in (reactions or {}).items():
                    keep_reaction(connection, now, study, reaction_of)
        return bool(found.rowcount)

    def waiting_messages(self) -> int:
        """Return how many messages are due or will be, dead letters left out."""
        query = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.state == "waiting")
        with self._reads() as connection:
            return int(connection.execute(query).scalar() or 0)


def keep_reaction(connection: Connection, now: float, study: str, reaction_of: Reacting) -> Reaction:
    """Keep a reaction in the transaction of what caused it; `now` is the database's moment in seconds."""
    reaction = reaction_of(_incidents(connection, study))
    for incident in {each.id: each for each in reaction.incidents}.values():
        values = _values(incident)
        found = connection.execute(update(INCIDENT).where(INCIDENT.c.id == incident.id).values(**values)).rowcount
        if not found:
            connection.execute(insert(INCIDENT).values(**values))
    put(connection, EVENT, [asdict(each) for each in reaction.events])
    keys = [each.message.key for each in reaction.outgoing]
    there = set(connection.execute(select(OUTBOX.c.key).where(OUTBOX.c.key.in_(keys))).scalars()) if keys else set()
    put(connection, OUTBOX, [_posting(each, now) for each in reaction.outgoing if each.message.key not in there])
    return reaction


def _posting(outgoing: Outgoing, now: float) -> dict[str, Any]:
    message = outgoing.message
    return {
        "key": message.key,
        "study": message.study,
        "incident": message.incident,
        "target": outgoing.target,
        "timing": outgoing.timing,
        "notice": message.notice,
        "message": json.dumps(asdict(message), default=datetime.isoformat, ensure_ascii=False),
        "state": "waiting",
        "attempts": 0,
        "due": now if outgoing.timing == "at_once" else outgoing.due_at.timestamp(),
        "lease": None,
        "lease_until": 0.0,
        "reason": "",
        "created_at": message.at,
        "sent_at": None,
    }


def _message(text: str) -> Message:
    kept = json.loads(text)
    return Message(**{**kept, **{name: datetime.fromisoformat(kept[name]) for name in ("at", "opened_at")}})


def _incidents(connection: Connection, study: str | None) -> list[Incident]:
    query = select(INCIDENT).order_by(INCIDENT.c.opened_at, INCIDENT.c.id)
    if study is not None:
        query = query.where(INCIDENT.c.study == study)
    return [_incident(row) for row in connection.execute(query)]


def _values(incident: Incident) -> dict[str, Any]:
    told = [[target, at.isoformat()] for target, at in incident.told]
    return {
        **asdict(incident),
        "fingerprint": incident.fingerprint,
        "failing_waves": json.dumps(incident.failing_waves),
        "told": json.dumps(told),
    }


def _incident(row: Any) -> Incident:
    kept = {each.name: _aware(getattr(row, each.name)) for each in fields(Incident)}
    kept["failing_waves"] = tuple(json.loads(row.failing_waves))
    kept["told"] = tuple((target, datetime.fromisoformat(at)) for target, at in json.loads(row.told))
    return Incident(**kept)


def _aware(value: Any) -> Any:
    return utc(value) if isinstance(value, datetime) else value
