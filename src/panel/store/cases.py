"""The sample, its members and their cases: what stands, and the histories that are only added to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, and_, delete, func, insert, select, update

from panel.errors import UnknownKey, printable
from panel.model.case import Case, CaseEvent, move
from panel.model.member import Member, MemberEvent, SampleFault, SampleLoad
from panel.ports.cases import DayCount
from panel.schema import PRELOAD
from panel.store import tables
from panel.store.base import PART, Database, put, utc

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
            row = {LOAD_NAMES.get(name, name): value for name, value in asdict(kept).items() if name != "is_repeat"}
            connection.execute(insert(LOAD).values(**row))
            put(connection, LOAD_ROW, [{**asdict(each), "load": load.id} for each in faults])
            put(connection, MEMBER, [asdict(each) for each in fresh])
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
            return [_made(Member, row) for row in connection.execute(query)]

    def member(self, study: str, member: str) -> Member:
        """Return one member, or raise UnknownKey."""
        with self._reads() as connection:
            row = connection.execute(select(MEMBER).where(*_of_member(MEMBER, study, member))).first()
        if row is None:
            raise UnknownKey(
                f"Study '{printable(study)}' has no member '{printable(member)}'.", fix=f"panelctl members list {study}"
            )
        return _made(Member, row)

    def move_members(self, events: Sequence[MemberEvent]) -> int:
        """Append events and move their members; see ports.CaseStore."""
        moved = 0
        with self._writes() as connection:
            for each in events:
                here = (*_of_member(MEMBER, each.study, each.member), MEMBER.c.state == each.from_state)
                values = {"state": each.to_state, "scope": each.scope, "since": each.at}
                if connection.execute(update(MEMBER).where(*here).values(**values)).rowcount:
                    put(connection, MEMBER_EVENT, [asdict(each)])
                    moved += 1
        return moved

    def member_events(self, study: str, member: str) -> Sequence[MemberEvent]:
        """Return the history of a member, oldest first."""
        with self._reads() as connection:
            query = select(MEMBER_EVENT).where(*_of_member(MEMBER_EVENT, study, member)).order_by(MEMBER_EVENT.c.id)
            return [_made(MemberEvent, row) for row in connection.execute(query)]

    def add_cases(self, cases: Sequence[Case], events: Sequence[CaseEvent]) -> int:
        """Keep new cases with their first events; see ports.CaseStore."""
        with self._writes() as connection:
            places = {(each.study, each.wave) for each in cases}
            known = {key for place in places for key in _states(connection, *place)}
            fresh = [each for each in cases if _key(each) not in known]
            new = {_key(each) for each in fresh}
            put(connection, CASE, [asdict(each) for each in fresh])
            put(connection, CASE_EVENT, [asdict(each) for each in events if _key(each) in new])
        return len(fresh)

    def cases(self, study: str, wave: int | None = None, member: str | None = None) -> Sequence[Case]:
        """Return cases by wave and member."""
        with self._reads() as connection:
            rows = connection.execute(_narrowed(CASE, study, wave, member).order_by(CASE.c.wave, CASE.c.member))
            return [_made(Case, row) for row in rows]

    def case_events(self, study: str, wave: int | None = None, member: str | None = None) -> Sequence[CaseEvent]:
        """Return the histories of cases, oldest line first."""
        with self._reads() as connection:
            rows = connection.execute(_narrowed(CASE_EVENT, study, wave, member).order_by(CASE_EVENT.c.id))
            return [_made(CaseEvent, row) for row in rows]

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
            return sum(_taken(connection, each, states, taken) for each in events)

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
        return _made(Case, row) if row else None

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
            put(connection, DAY, [{**asdict(each), **place} for each in counts])

    def days(self, study: str, wave: int) -> Sequence[DayCount]:
        """Return the counts of a wave by day, domain, group and state."""
        query = select(DAY).where(DAY.c.study == study, DAY.c.wave == wave)
        with self._reads() as connection:
            rows = connection.execute(query.order_by(DAY.c.day, DAY.c.domain, DAY.c.group, DAY.c.state))
            return [_made(DayCount, row) for row in rows]

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
    return asdict(event)


def _made(kind: Any, row: Any) -> Any:
    """Return a row as a value of the model, its moments aware."""
    values = {each.name: getattr(row, each.name) for each in fields(kind)}
    return kind(**{name: utc(value) if isinstance(value, datetime) else value for name, value in values.items()})


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
    connection: Connection,
    event: CaseEvent,
    states: dict[tuple[str, int, str], str],
    taken: set[tuple[str, int, str, str]],
) -> int:
    """Keep one event unless its key is taken, and say how many that were."""
    case = _key(event)
    if (*case, event.key) in taken:
        return 0
    if case not in states:
        raise _no_case(*case)
    state = states[case]
    to = move(state, event.event)
    put(connection, CASE_EVENT, [{**asdict(event), "from_state": state, "to_state": to}])
    values = {"state": to, "since": event.at} | ({"why": event.why} if to != state or event.why else {})
    connection.execute(update(CASE).where(*_of_case(*case)).values(**values))
    states[case] = to
    taken.add((*case, event.key))
    return 1


def _no_case(study: str, wave: int, member: str) -> UnknownKey:
    return UnknownKey(
        f"Member '{printable(member)}' has no case in wave {wave} of {printable(study)}.",
        fix=f"panelctl cases issue {study} {wave}",
    )
