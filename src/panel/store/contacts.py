"""Contacts and the record of why they were allowed or held: selected in one transaction, leased, fenced."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, exists, func, insert, select, update

from panel.model import case as cases
from panel.model.contact import CONTACT as MACHINE
from panel.model.contact import PUT_OFF, Circumstances, Contact, ContactCount, ContactDecision, Ruling, rank
from panel.ports import Reacting
from panel.ports.contacts import Judging
from panel.store import tables
from panel.store.alerts import keep_reaction
from panel.store.base import Database, put, row_of, utc

CONTACT = tables.Contact.__table__  # type: ignore[attr-defined]
DECISION = tables.ContactDecision.__table__  # type: ignore[attr-defined]
CASE = tables.MemberCase.__table__  # type: ignore[attr-defined]
CASE_EVENT = tables.CaseEvent.__table__  # type: ignore[attr-defined]
MEMBER = tables.Member.__table__  # type: ignore[attr-defined]
RESPONSE = tables.Response.__table__  # type: ignore[attr-defined]
WAVE = tables.Wave.__table__  # type: ignore[attr-defined]
_FIELDS = [each.name for each in fields(Contact) if each.name != "token"]
_LATEST = 1_000.0  # seconds after which a contact that is put off without a date is judged again


class Contacts(Database):
    """The part of the store that says what is sent to whom, and why not."""

    def circumstances(self, study: str, wave: int) -> Mapping[str, Circumstances]:
        """Return what is known of everybody who has a case in the wave; see ports.ContactStore."""
        with self._reads() as connection:
            return _circumstances(connection, study, wave)

    def select_contacts(self, wanted: Sequence[Contact], judge: Judging) -> Sequence[ContactDecision]:
        """Keep contacts that are allowed or put off, and every decision; see ports.ContactStore."""
        if not wanted:
            return []
        first = wanted[0]
        with self._writes() as connection:
            seconds = self._moment(connection)
            now = datetime.fromtimestamp(seconds, UTC)
            known = _circumstances(connection, first.study, first.wave)
            there = _keys(connection, first)
            rulings = [
                (each, judge(each, known[each.member], now))
                for each in wanted
                if each.key not in there and each.member in known
            ]
            put(
                connection,
                CONTACT,
                [_row(each, made, seconds, now) for each, made in rulings if made.verdict != "held"],
            )
            decisions = [_decision(each, made, "selection", now) for each, made in rulings]
            said = _said(connection, first)
            put(connection, DECISION, [row_of(each) for each in decisions if said.get(each.member) != _says(each)])
        return decisions

    def lease_contact(self, seconds: float, judge: Judging) -> Contact | None:
        """Lease the contact that is due next and that may leave now; see ports.ContactStore."""
        while True:
            with self._writes() as connection:
                now = self._moment(connection)
                row = connection.execute(_due(now).limit(1)).first()
                if row is None:
                    return None
                contact, at = _contact(row), datetime.fromtimestamp(now, UTC)
                made = judge(contact, _known(connection, contact), at)
                put(connection, DECISION, [row_of(_decision(contact, made, "sending", at))])
                if made.verdict == "allowed":
                    token = uuid.uuid4().hex
                    _change(connection, row.id, lease=token, lease_until=now + seconds)
                    return replace(contact, token=token)
                _put_by(connection, row.id, made, now, at)

    def contact_sent(self, contact: Contact) -> bool:
        """Note that it was taken in, and move its case; see ports.ContactStore."""
        with self._writes() as connection:
            at = datetime.fromtimestamp(self._moment(connection), UTC)
            mine = self._contact_over(connection, contact, state="sent", reason="", ended_at=at)
            if mine:
                _move_case(connection, contact, at)
        return mine

    def contact_postponed(self, contact: Contact, reason: str, seconds: float) -> bool:
        """Note that it was not taken in, and make it due after so many seconds."""
        with self._writes() as connection:
            return self._contact_over(connection, contact, reason=reason, due=self._moment(connection) + seconds)

    def contact_over(self, contact: Contact, event: str, reason: str, reaction_of: Reacting | None = None) -> bool:
        """End it by an event, and keep what follows in the same transaction; see ports.ContactStore."""
        with self._writes() as connection:
            now = self._moment(connection)
            at = datetime.fromtimestamp(now, UTC)
            state = MACHINE.after("waiting", event)
            mine = self._contact_over(connection, contact, state=state, reason=reason, ended_at=at)
            if mine:
                line = Ruling(verdict="held", reason=reason)
                put(connection, DECISION, [row_of(_decision(contact, line, "sending", at))])
            if mine and reaction_of is not None:
                keep_reaction(connection, now, contact.study, reaction_of)
        return mine

    def _contact_over(self, connection: Connection, contact: Contact, **values: Any) -> bool:
        mine = (CONTACT.c.lease == contact.token, CONTACT.c.state == "waiting")
        changed = update(CONTACT).where(*mine)
        attempts = CONTACT.c.attempts + 1
        return bool(
            connection.execute(changed.values(lease=None, lease_until=0.0, attempts=attempts, **values)).rowcount
        )

    def retry_contacts(self, keys: Sequence[str]) -> int:
        """Make contacts due again that were held, given up or bounced; see ports.ContactStore."""
        count = 0
        with self._writes() as connection:
            now = self._moment(connection)
            at = datetime.fromtimestamp(now, UTC)
            for key in keys:
                row = connection.execute(select(CONTACT).where(CONTACT.c.key == key)).first()
                if row is None or row.state == "waiting" or MACHINE.after(row.state, "retry") is None:
                    continue
                _change(connection, row.id, state="waiting", attempts=0, due=now, ended_at=None)
                line = Ruling(verdict="later", reason="retried_by_hand")
                put(connection, DECISION, [row_of(_decision(_contact(row), line, "hand", at))])
                count += 1
        return count

    def contacts(self, study: str | None = None, wave: int | None = None) -> Sequence[Contact]:
        """Return contacts, oldest first."""
        query = select(CONTACT).order_by(CONTACT.c.id)
        if study is not None:
            query = query.where(CONTACT.c.study == study)
        if wave is not None:
            query = query.where(CONTACT.c.wave == wave)
        with self._reads() as connection:
            return [_contact(row) for row in connection.execute(query)]

    def waiting_contacts(self) -> int:
        """Return how many contacts are due or will be."""
        query = select(func.count()).select_from(CONTACT).where(CONTACT.c.state == "waiting")
        with self._reads() as connection:
            return int(connection.execute(query).scalar() or 0)

    def contact_states(self) -> Mapping[str, int]:
        """Return how many contacts are in each state, over all studies."""
        query = select(CONTACT.c.state, func.count().label("times")).group_by(CONTACT.c.state)
        with self._reads() as connection:
            return {row.state: row.times for row in connection.execute(query)}

    def due_contacts(self) -> Sequence[Contact]:
        """Return those that are due now, in the order in which they would leave."""
        with self._reads() as connection:
            return [_contact(row) for row in connection.execute(_due(self._moment(connection)))]

    def contact_decisions(
        self, study: str, wave: int | None = None, member: str | None = None
    ) -> Sequence[ContactDecision]:
        """Return the record of why contacts were allowed or held, oldest line first."""
        query = select(DECISION).where(DECISION.c.study == study).order_by(DECISION.c.id)
        if wave is not None:
            query = query.where(DECISION.c.wave == wave)
        if member is not None:
            query = query.where(DECISION.c.member == member)
        names = [each.name for each in fields(ContactDecision)]
        with self._reads() as connection:
            rows = connection.execute(query).all()
        return [ContactDecision(**{name: _aware(getattr(row, name)) for name in names}) for row in rows]

    def contact_counts(self, study: str, wave: int) -> Sequence[ContactCount]:
        """Return how many members each contact of a wave reached or did not, and why; see ports.ContactStore."""
        with self._reads() as connection:
            rows = [*connection.execute(_kept_counts(study, wave)), *connection.execute(_refused_counts(study, wave))]
        counts: Counter[tuple[str, int, str, str]] = Counter()
        for kind, ordinal, outcome, reason, members in rows:
            counts[kind, ordinal, outcome, "" if outcome == "sent" else reason] += members
        return [
            ContactCount(kind=kind, ordinal=ordinal, outcome=outcome, reason=reason, members=members)
            for (kind, ordinal, outcome, reason), members in sorted(counts.items(), key=_in_order)
        ]

    def oldest_due_contact(self, study: str) -> float | None:
        """Return for how many seconds a contact has been due, or refused again and again; see ports.ContactStore."""
        waits = (CONTACT.c.study == study, CONTACT.c.state == "waiting")
        same = [DECISION.c[name] == CONTACT.c[name] for name in ("study", "wave", "member", "kind", "ordinal")]
        tried = (
            CONTACT.c.attempts > 0,
            CONTACT.c.reason.not_in(PUT_OFF),
            DECISION.c.stage == "sending",
            DECISION.c.verdict == "allowed",
        )
        with self._reads() as connection:
            now = self._moment(connection)
            due = connection.execute(select(func.min(CONTACT.c.due)).where(*waits)).scalar()
            query = select(func.min(DECISION.c.at)).join(CONTACT, and_(*same)).where(*waits, *tried)
            refused = connection.execute(query).scalar()
        since = [each for each in (due, utc(refused).timestamp() if refused else None) if each is not None]
        return now - min(since) if since and min(since) <= now else None


def _kept_counts(study: str, wave: int) -> Any:
    names = (CONTACT.c.kind, CONTACT.c.ordinal, CONTACT.c.state, CONTACT.c.reason)
    return select(*names, func.count()).where(CONTACT.c.study == study, CONTACT.c.wave == wave).group_by(*names)


def _refused_counts(study: str, wave: int) -> Any:
    """Return the query for what was held when it was selected, by the last word on it, and never became a contact."""
    here = (DECISION.c.study == study, DECISION.c.wave == wave)
    thing = ("member", "kind", "ordinal", "channel")
    last = select(func.max(DECISION.c.id)).where(*here).group_by(*(DECISION.c[name] for name in thing))
    same = (CONTACT.c[name] == DECISION.c[name] for name in ("study", "wave", *thing))
    names = (DECISION.c.kind, DECISION.c.ordinal, DECISION.c.verdict, DECISION.c.reason)
    held = (DECISION.c.id.in_(last), DECISION.c.verdict == "held", ~exists().where(*same))
    return select(*names, func.count()).where(*here, *held).group_by(*names)


def _in_order(count: tuple[tuple[str, int, str, str], int]) -> tuple[int, str, str]:
    (kind, ordinal, outcome, reason), _ = count
    return rank(kind, ordinal), outcome, reason


def _due(now: float) -> Any:
    due = (CONTACT.c.state == "waiting", CONTACT.c.due <= now, CONTACT.c.lease_until <= now)
    return select(CONTACT).where(*due).order_by(CONTACT.c.due, CONTACT.c.id)


def _keys(connection: Connection, like: Contact) -> set[str]:
    query = select(CONTACT.c.key).where(CONTACT.c.study == like.study, CONTACT.c.wave == like.wave)
    return set(connection.execute(query).scalars())


def _row(contact: Contact, made: Ruling, now: float, at: datetime) -> dict[str, Any]:
    values = {**row_of(contact), "due": _later(made, now), "lease": None, "lease_until": 0.0, "reason": made.reason}
    del values["token"]
    return values | {"created_at": at, "ended_at": None}


def _later(made: Ruling, now: float) -> float:
    if made.verdict != "later":
        return now
    return made.until.timestamp() if made.until else now + _LATEST


def _put_by(connection: Connection, id_: int, made: Ruling, now: float, at: datetime) -> None:
    """Keep a contact back: for good, or until it is judged again."""
    if made.verdict == "held":
        _change(connection, id_, state="held", reason=made.reason, ended_at=at)
    else:
        _change(connection, id_, reason=made.reason, due=_later(made, now))


def _change(connection: Connection, id_: int, **values: Any) -> None:
    connection.execute(update(CONTACT).where(CONTACT.c.id == id_).values(**values))


def _decision(contact: Contact, made: Ruling, stage: Any, at: datetime) -> ContactDecision:
    return ContactDecision(
        study=contact.study,
        wave=contact.wave,
        member=contact.member,
        kind=contact.kind,
        ordinal=contact.ordinal,
        channel=contact.channel,
        stage=stage,
        verdict=made.verdict,
        reason=made.reason,
        at=at,
    )


def _says(decision: Any) -> tuple[str, str]:
    return decision.verdict, decision.reason


def _said(connection: Connection, like: Contact) -> dict[str, tuple[str, str]]:
    """Return the newest decision of each member about contacts like this one at selection."""
    query = select(DECISION).where(
        DECISION.c.study == like.study,
        DECISION.c.wave == like.wave,
        DECISION.c.kind == like.kind,
        DECISION.c.ordinal == like.ordinal,
        DECISION.c.stage == "selection",
    )
    return {row.member: _says(row) for row in connection.execute(query.order_by(DECISION.c.id))}


def _circumstances(
    connection: Connection, study: str, wave: int, member: str | None = None
) -> dict[str, Circumstances]:
    """Return what is known of one member, or of everybody with a case, read in the transaction that uses it."""

    def rows(table: Any, *more: Any) -> Iterable[Any]:
        mine = () if member is None else (table.c.member == member,)
        return connection.execute(select(table).where(table.c.study == study, *mine, *more))

    states = {row.member: row for row in _states(connection, study, wave, member)}
    said = defaultdict(set)
    for row in rows(RESPONSE, RESPONSE.c.wave == wave):
        said[row.member].add(row.disposition)
    sent, bounced, ranks = _history(rows(CONTACT, CONTACT.c.state.in_(["sent", "bounced"])), wave)
    return {
        each: Circumstances(
            member=each,
            wave_state=row.wave_state or "planned",
            case_state=row.case_state,
            member_state=row.member_state or "",
            dispositions=frozenset(said[each]),
            last_sent=sent.get(each),
            bounced_at=bounced.get(each),
            ranks_sent=frozenset(ranks[each]),
        )
        for each, row in states.items()
    }


def _known(connection: Connection, contact: Contact) -> Circumstances:
    """Return what is known of the member of a contact; of one without a case that nobody was asked."""
    nobody = Circumstances(member=contact.member, wave_state="planned", case_state="", member_state="")
    return _circumstances(connection, contact.study, contact.wave, contact.member).get(contact.member, nobody)


def _states(connection: Connection, study: str, wave: int, member: str | None) -> Iterable[Any]:
    """Return the state of each case with those of its wave and its member: one query, for every letter asks it."""
    fielded = select(WAVE.c.state).where(WAVE.c.study == study, WAVE.c.number == wave).scalar_subquery()
    who = and_(MEMBER.c.study == CASE.c.study, MEMBER.c.member == CASE.c.member)
    query = select(
        CASE.c.member,
        CASE.c.state.label("case_state"),
        MEMBER.c.state.label("member_state"),
        fielded.label("wave_state"),
    ).select_from(CASE.outerjoin(MEMBER, who))
    mine = () if member is None else (CASE.c.member == member,)
    return connection.execute(query.where(CASE.c.study == study, CASE.c.wave == wave, *mine))


def _history(rows: Iterable[Any], wave: int) -> Iterator[Any]:
    sent: dict[str, datetime] = {}
    bounced: dict[str, datetime] = {}
    ranks: defaultdict[str, set[int]] = defaultdict(set)
    for row in rows:
        at = utc(row.ended_at)
        newest = sent if row.state == "sent" else bounced
        newest[row.member] = max(at, newest.get(row.member, at))
        if row.state == "sent" and row.wave == wave:
            ranks[row.member].add(rank(row.kind, row.ordinal))
    return iter((sent, bounced, ranks))


def _move_case(connection: Connection, contact: Contact, at: datetime) -> None:
    """Let the case know of the contact, once, where its state takes it."""
    here = (CASE.c.study == contact.study, CASE.c.wave == contact.wave, CASE.c.member == contact.member)
    event = {"study": contact.study, "wave": contact.wave, "member": contact.member, "key": f"contact:{contact.key}"}
    known = exists().where(*(CASE_EVENT.c[name] == value for name, value in event.items()))
    row = connection.execute(select(CASE.c.state, known.label("is_known")).where(*here)).first()
    state = row.state if row else ""
    to = cases.MOVES.get((state, "contact"))
    if row is None or to is None or row.is_known:
        return
    line = {"event": "contact", "from_state": state, "to_state": to, "source": "contact", "why": contact.kind}
    connection.execute(insert(CASE_EVENT).values(**event, **line, by="outbox", at=at, recorded_at=at))
    if to != state:
        connection.execute(update(CASE).where(*here).values(state=to, since=at))


def _contact(row: Any) -> Contact:
    return Contact(**{name: getattr(row, name) for name in _FIELDS})


def _aware(value: Any) -> Any:
    return utc(value) if isinstance(value, datetime) else value
