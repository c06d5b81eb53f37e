"""The sample, its members and their cases: what stands, and the histories that are only added to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, update

from panel.errors import UnknownKey, printable
from panel.model.case import Case, CaseEvent, move
from panel.model.member import Member, MemberEvent, SampleFault, SampleLoad
from panel.ports.cases import DayCount
from panel.schema import PRELOAD
from panel.store import tables
from panel.store.base import PART, Database, made, put, row_of, utc

LOAD = tables.SampleLoad.__table__  # type: ignore[attr-defined]
LOAD_ROW = tables.SampleRow.__table__  # type: ignore[attr-defined]
MEMBER = tables.Member.__table__  # type: ignore[attr-defined]
MEMBER_EVENT = tables.MemberEvent.__table__  # type: ignore[attr-defined]
CODE = tables.AccessCode.__table__  # type: ignore[attr-defined]
CASE = tables.MemberCase.__table__  # type: ignore[attr-defined]
CASE_EVENT = tables.CaseEvent.__table__  # type: ignore[attr-defined]
FREEZE = tables.PreloadFreeze.__table__  # type: ignore[attr-defined]
DAY = tables.FieldworkDay.__table__  # type: ignore[attr-defined]


class Cases(Database):
    """The part of the store that says who was asked, and what came of it."""

    def add_sample(self, load: SampleLoad, members: Sequence[Member], faults: Sequence[SampleFault]) -> SampleLoad:
        """Keep what a sample file brought; see ports.CaseStore."""
        with self._writes() as connection:
            found = connection.execute(select(LOAD).where(LOAD.c.id == load.id)).first()
            if found is not None:
                return _load(found, is_repeat=True)
            known = set(connection.execute(select(MEMBER.c.member).where(MEMBER.c.study == load.study)).scalars())
            fresh = [each for each in members if each.member not in known]
            late = len(members) - len(fresh)  # came in by another load since this one was read
            kept = replace(load, added=load.added - late, known=load.known + late)
            row = {LOAD_NAMES.get(name, name): value for name, value in row_of(kept).items() if name != "is_repeat"}
            connection.execute(insert(LOAD).values(**row))
            put(connection, LOAD_ROW, [{**row_of(each), "load": load.id} for each in faults])
            put(connection, MEMBER, [row_of(each) for each in fresh])
            put(connection, MEMBER_EVENT, [_joined(each, load) for each in fresh])
            return kept

    def sample_loads(self, study: str) -> Sequence[SampleLoad]:
        """Return the sample files of a study, oldest first."""
        with self._reads() as connection:
            rows = connection.execute(select(LOAD).where(LOAD.c.study == study).order_by(LOAD.c.at, LOAD.c.id))
            return [_load(row, is_repeat=False) for row in rows]

    def sample_faults(self, load: str) -> Sequence[SampleFault]:
        """Return the rows of a sample file that were held, in the order of the file."""
        with self._reads() as connection:
            rows = connection.execute(select(LOAD_ROW).where(LOAD_ROW.c.load == load).order_by(LOAD_ROW.c.row))
            return [SampleFault(row=row.row, column=row.column, reason=row.reason) for row in rows]

    def members(self, study: str) -> Sequence[Member]:
        """Return the members of a study by id."""
        with self._reads() as connection:
            query = select(MEMBER).where(MEMBER.c.study == study).order_by(MEMBER.c.member)
            return [made(Member, row) for row in connection.execute(query)]

    def member(self, study: str, member: str) -> Member:
        """Return one member, or raise UnknownKey."""
        with self._reads() as connection:
            row = connection.execute(select(MEMBER).where(*_of_member(MEMBER, study, member))).first()
        if row is None:
            raise UnknownKey(
                f"Study '{printable(study)}' has no member '{printable(member)}'.", fix=f"panelctl members list {study}"
            )
        return made(Member, row)

    def move_members(self, events: Sequence[MemberEvent]) -> int:
        """Append events and move their members; see ports.CaseStore."""
        with self._writes() as connection:  # one writer at a time: nobody moves them in between
            states = _member_states(connection, events)
            taken = []
            for each in events:
                if states.get((each.study, each.member)) == each.from_state:
                    states[each.study, each.member] = each.to_state
                    taken.append(each)
            put(connection, MEMBER_EVENT, [row_of(each) for each in taken])
            _change_all(connection, MEMBER, ("study", "member"), [_moved_member(each) for each in taken])
        return len(taken)

    def member_events(self, study: str, member: str) -> Sequence[MemberEvent]:
        """Return the history of a member, oldest first."""
        with self._reads() as connection:
            query = select(MEMBER_EVENT).where(*_of_member(MEMBER_EVENT, study, member)).order_by(MEMBER_EVENT.c.id)
            return [made(MemberEvent, row) for row in connection.execute(query)]

    def add_cases(self, cases: Sequence[Case], events: Sequence[CaseEvent]) -> int:
        """Keep new cases with their first events; see ports.CaseStore."""
        with self._writes() as connection:
            places = {(each.study, each.wave) for each in cases}
            known = {key for place in places for key in _states(connection, *place)}
            fresh = [each for each in cases if _key(each) not in known]
            new = {_key(each) for each in fresh}
            put(connection, CASE, [row_of(each) for each in fresh])
            put(connection, CASE_EVENT, [row_of(each) for each in events if _key(each) in new])
        return len(fresh)

    def cases(self, study: str, wave: int | None = None, member: str | None = None) -> Sequence[Case]:
        """Return cases by wave and member."""
        with self._reads() as connection:
            rows = connection.execute(_narrowed(CASE, study, wave, member).order_by(CASE.c.wave, CASE.c.member))
            return [made(Case, row) for row in rows]

    def case_events(self, study: str, wave: int | None = None, member: str | None = None) -> Sequence[CaseEvent]:
        """Return the histories of cases, oldest line first."""
        with self._reads() as connection:
            rows = connection.execute(_narrowed(CASE_EVENT, study, wave, member).order_by(CASE_EVENT.c.id))
            return [made(CaseEvent, row) for row in rows]

    def case_states(self, study: str, wave: int) -> Mapping[str, str]:
        """Return the state of every case of a wave by member."""
        with self._reads() as connection:
            return {member: state for (_, _, member), state in _states(connection, study, wave).items()}

    def case_history(self, study: str, wave: int) -> Mapping[str, Collection[str]]:
        """Return which events happened to each case of a wave, by member, each once."""
        happened: defaultdict[str, set[str]] = defaultdict(set)
        rows = _narrowed(CASE_EVENT, study, wave, None).with_only_columns(CASE_EVENT.c.member, CASE_EVENT.c.event)
        with self._reads() as connection:
            for member, event in connection.execute(rows):
                happened[member].add(event)
        return happened

    def case_keys(self, study: str, wave: int, source: str) -> Collection[tuple[str, str]]:
        """Return (member, key) of every event of a wave that came from a source."""
        rows = _narrowed(CASE_EVENT, study, wave, None).where(CASE_EVENT.c.source == source)
        with self._reads() as connection:
            query = rows.with_only_columns(CASE_EVENT.c.member, CASE_EVENT.c.key)
            return {(member, key) for member, key in connection.execute(query)}

    def contacted(self, study: str, wave: int) -> int:
        """Return how many members of a wave were contacted."""
        contacts = _narrowed(CASE_EVENT, study, wave, None).where(CASE_EVENT.c.event == "contact").subquery()
        with self._reads() as connection:
            return int(connection.execute(select(func.count(contacts.c.member.distinct()))).scalar() or 0)

    def move_cases(self, events: Sequence[CaseEvent]) -> int:
        """Append events in order and move their cases; see ports.CaseStore."""
        with self._writes() as connection:
            places = {(each.study, each.wave) for each in events}
            states = {key: state for place in places for key, state in _states(connection, *place).items()}
            taken = {key for place in places for key in _event_keys(connection, *place)}
            fresh = [line for each in events if (line := _taken(each, states, taken)) is not None]
            put(connection, CASE_EVENT, fresh)
            _change_all(connection, CASE, ("study", "wave", "member"), [_moved_case(each) for each in fresh])
            return len(fresh)

    def finalise_cases(self, cases: Sequence[Case]) -> None:
        """Keep the computed outcome of cases, and when; an override that stands is left."""
        with self._writes() as connection:
            for each in cases:
                here = _of_case(each.study, each.wave, each.member)
                values = {"computed": each.computed, "finalised_at": each.finalised_at}
                connection.execute(update(CASE).where(*here).values(**values))

    def override_outcome(self, study: str, wave: int, member: str, code: str, *, by: str, reason: str) -> None:
        """Let another outcome count than the computed one, or raise UnknownKey."""
        with self._writes() as connection:
            values = {"overridden": code, "override_by": by, "override_reason": reason}
            if not connection.execute(update(CASE).where(*_of_case(study, wave, member)).values(**values)).rowcount:
                raise _no_case(study, wave, member)

    def add_codes(self, study: str, wave: int, hashes: Mapping[str, str], *, by: str, at: datetime) -> Sequence[str]:
        """Keep the hashes of access codes by member; see ports.CaseStore."""
        place = {"study": study, "wave": wave, "by": by, "issued_at": at}
        with self._writes() as connection:
            query = select(CODE.c.member).where(CODE.c.study == study, CODE.c.wave == wave)
            had = set(connection.execute(query).scalars())
            fresh = [member for member in hashes if member not in had]
            put(connection, CODE, [{**place, "member": member, "hash": hashes[member]} for member in fresh])
        return fresh

    def code_holder(self, code_hash: str) -> Case | None:
        """Return the case that a code opens, None where there is none."""
        same = [CODE.c[name] == CASE.c[name] for name in ("study", "wave", "member")]
        query = select(CASE).join(CODE, and_(*same)).where(CODE.c.hash == code_hash)
        with self._reads() as connection:
            row = connection.execute(query).first()
        return made(Case, row) if row else None

    def coded(self, study: str, wave: int) -> Sequence[str]:
        """Return the members who have a code for a wave."""
        query = select(CODE.c.member).where(CODE.c.study == study, CODE.c.wave == wave).order_by(CODE.c.member)
        with self._reads() as connection:
            return list(connection.execute(query).scalars())

    def keep_day(self, study: str, wave: int, counts: Sequence[DayCount], at: datetime) -> None:
        """Replace the counts of the days given; other days stay as they were."""
        place = {"study": study, "wave": wave, "at": at}
        with self._writes() as connection:
            for day in {each.day for each in counts}:
                connection.execute(delete(DAY).where(DAY.c.study == study, DAY.c.wave == wave, DAY.c.day == day))
            put(connection, DAY, [{**row_of(each), **place} for each in counts])

    def days(self, study: str, wave: int) -> Sequence[DayCount]:
        """Return the counts of a wave by day, domain, group and state."""
        query = select(DAY).where(DAY.c.study == study, DAY.c.wave == wave)
        with self._reads() as connection:
            rows = connection.execute(query.order_by(DAY.c.day, DAY.c.domain, DAY.c.group, DAY.c.state))
            return [made(DayCount, row) for row in rows]

    def freeze_preload(self, study: str, wave: int, frame: pd.DataFrame, *, by: str, at: datetime) -> str:
        """Keep what is fed forward into a wave, with a line on record, and return its SHA-256."""
        rows = PRELOAD.coerce(frame)[PRELOAD.names]
        here = (PART.c.study == study, PART.c.kind == "preload", PART.c.wave == wave)
        with self._writes() as connection:
            self._keep_part(connection, rows, study=study, kind="preload", wave=wave)
            sha256 = str(connection.execute(select(PART.c.sha256).where(*here)).scalar_one())
            line = {"study": study, "wave": wave, "sha256": sha256, "row_count": len(rows), "by": by, "at": at}
            connection.execute(insert(FREEZE).values(**line))
        return sha256

    def preload(self, study: str, wave: int) -> pd.DataFrame:
        """Return what was last frozen to be fed forward into a wave."""
        with self._reads() as connection:
            parts = [each for each in self._parts(connection, study=study, kind="preload") if each.wave == wave]
        return PRELOAD.coerce(self._frame(parts[0])) if parts else PRELOAD.empty()

    def preload_freezes(self, study: str, wave: int) -> Sequence[str]:
        """Return the SHA-256 of each preload that was frozen for a wave, oldest first."""
        query = select(FREEZE.c.sha256).where(FREEZE.c.study == study, FREEZE.c.wave == wave).order_by(FREEZE.c.id)
        with self._reads() as connection:
            return list(connection.execute(query).scalars())


LOAD_NAMES = {"rows": "row_count"}


def _load(row: Any, *, is_repeat: bool) -> SampleLoad:
    names = {each.name: LOAD_NAMES.get(each.name, each.name) for each in fields(SampleLoad) if each.name != "is_repeat"}
    values = {name: getattr(row, column) for name, column in names.items()}
    return SampleLoad(**{**values, "at": utc(row.at)}, is_repeat=is_repeat)


def _joined(member: Member, load: SampleLoad) -> dict[str, Any]:
    event = MemberEvent(
        study=load.study,
        member=member.member,
        event="load",
        from_state="",
        to_state=member.state,
        scope="",
        by=load.by,
        reason=f"sample {load.cohort}",
        at=load.at,
    )
    return row_of(event)


def _of_member(table: Any, study: str, member: str) -> tuple[Any, ...]:
    return (table.c.study == study, table.c.member == member)


def _of_case(study: str, wave: int, member: str) -> tuple[Any, ...]:
    return (CASE.c.study == study, CASE.c.wave == wave, CASE.c.member == member)


def _narrowed(table: Any, study: str, wave: int | None, member: str | None) -> Any:
    query = select(table).where(table.c.study == study)
    query = query if wave is None else query.where(table.c.wave == wave)
    return query if member is None else query.where(table.c.member == member)


def _key(found: Case | CaseEvent) -> tuple[str, int, str]:
    return (found.study, found.wave, found.member)


def _states(connection: Connection, study: str, wave: int) -> dict[tuple[str, int, str], str]:
    query = select(CASE.c.member, CASE.c.state).where(CASE.c.study == study, CASE.c.wave == wave)
    return {(study, wave, row.member): row.state for row in connection.execute(query)}


def _event_keys(connection: Connection, study: str, wave: int) -> set[tuple[str, int, str, str]]:
    query = select(CASE_EVENT.c.member, CASE_EVENT.c.key).where(CASE_EVENT.c.study == study, CASE_EVENT.c.wave == wave)
    return {(study, wave, row.member, row.key) for row in connection.execute(query)}


def _taken(
    event: CaseEvent, states: dict[tuple[str, int, str], str], taken: set[tuple[str, int, str, str]]
) -> dict[str, Any] | None:
    """Return the line of one event, from the state its case is in by now; None where its key is taken."""
    case = _key(event)
    if (*case, event.key) in taken:
        return None
    if case not in states:
        raise _no_case(*case)
    state = states[case]
    to = move(state, event.event)
    states[case] = to
    taken.add((*case, event.key))
    return {**row_of(event), "from_state": state, "to_state": to}


def _moved_case(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event makes of its case; the reason stays where the event has none and moves nothing."""
    values: dict[str, Any] = {name: line[name] for name in ("study", "wave", "member")}
    values |= {"state": line["to_state"], "since": line["at"]}
    return values | ({"why": line["why"]} if line["to_state"] != line["from_state"] or line["why"] else {})


def _moved_member(event: MemberEvent) -> dict[str, Any]:
    place = {"study": event.study, "member": event.member}
    return {**place, "state": event.to_state, "scope": event.scope, "since": event.at}


def _member_states(connection: Connection, events: Sequence[MemberEvent]) -> dict[tuple[str, str], str]:
    query = select(MEMBER.c.study, MEMBER.c.member, MEMBER.c.state).where(
        MEMBER.c.study.in_({each.study for each in events})
    )
    if len(events) < FEW:
        query = query.where(MEMBER.c.member.in_([each.member for each in events]))
    return {(row.study, row.member): row.state for row in connection.execute(query)}


FEW = 500
"""So many are looked up one by one; of more all are read, for a database takes no statement of any length."""


def _change_all(connection: Connection, table: Any, key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    """Give rows new values in the order of the list, in one statement for all that set the same columns."""
    last: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        place = tuple(row[name] for name in key)
        last[place] = {**last.get(place, {}), **row}
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in last.values():
        alike.setdefault(tuple(row), []).append({f"new_{name}": value for name, value in row.items()})
    for names, values in alike.items():
        here = (table.c[name] == bindparam(f"new_{name}") for name in key)
        fresh: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names if name not in key}
        connection.execute(update(table).where(*here).values(**fresh), values)


def _no_case(study: str, wave: int, member: str) -> UnknownKey:
    return UnknownKey(
        f"Member '{printable(member)}' has no case in wave {wave} of {printable(study)}.",
        fix=f"panelctl cases issue {study} {wave}",
    )
