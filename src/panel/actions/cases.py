"""A case for every member and wave: issued, fed by responses and by hand, closed with an outcome code."""

from __future__ import annotations

import getpass
import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from panel.errors import CaseState, WaveState, did_you_mean
from panel.model import case as machine
from panel.model.case import EVENT_OF_DISPOSITION, OUTCOMES, Case, CaseEvent
from panel.model.member import Member, MemberEvent
from panel.model.member import move as move_member
from panel.model.people import INTERVIEWED
from panel.model.study import Study
from panel.ports import Adapters

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What issuing a wave did: members of the sample, cases that are new, and those of them not issued."""

    study: str
    wave: int
    members: int
    added: int
    not_issued: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """What responses did to cases; `unlisted` are members who answered and are not in the sample."""

    study: str
    wave: int
    moved: int
    unlisted: int
    disregarded: int


def issue(app: Adapters, study_key: str, wave: int | str) -> Issued:
    """
    Make a case for every member who has entered by this wave; those who may not be asked are not issued, and why.

    Issuing again adds who has been loaded since, and leaves the others as they are.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    members = [each for each in app.store.members(study.key) if each.entry_wave <= number]
    before = app.store.case_states(study.key, number)
    now, by = app.clock.now(), getpass.getuser()
    made = [_new_case(each, number, now) for each in members if each.member not in before]
    added = app.store.add_cases(made, [_first_event(each, by) for each in made]) if made else 0
    withheld = sum(each.state == "not_issued" for each in made)
    log.info("issued wave=%s/%d added=%d not_issued=%d", study.key, number, added, withheld)
    return Issued(study=study.key, wave=number, members=len(members), added=added, not_issued=withheld)


def _new_case(member: Member, wave: int, at: datetime) -> Case:
    why = member.state if member.state in ("withdrawn", "deceased", "dormant") else ""
    state = machine.move(machine.INITIAL, "withhold" if why else "issue")
    return Case(study=member.study, wave=wave, member=member.member, state=state, why=why, since=at)


def _first_event(case: Case, by: str) -> CaseEvent:
    return CaseEvent(
        study=case.study,
        wave=case.wave,
        member=case.member,
        event="withhold" if case.state == "not_issued" else "issue",
        from_state=machine.INITIAL,
        to_state=case.state,
        source="sample",
        key="issue",
        why=case.why,
        by=by,
        at=case.since,
        recorded_at=case.since,
    )


def feed(app: Adapters, study_key: str, wave: int | str) -> Fed:
    """
    Let every response kept for a wave move its case, once; late, repeated and crossing responses are no harm.

    What was missed by a crash is made up for the next time. A member loaded since the wave was issued gets a case
    first, so nobody who answers is missing from the books.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    index = app.store.response_index(study.key)
    index = index[index["wave"] == number]
    members = app.store.members(study.key) if len(index) else ()
    if not members:
        return Fed(study=study.key, wave=number, moved=0, unlisted=0, disregarded=0)
    known = {each.member for each in members}
    listed = index[index["member"].isin(known)]
    states = app.store.case_states(study.key, number)
    if not set(listed["member"]) <= set(states):
        issue(app, study.key, number)
        states = app.store.case_states(study.key, number)
    seen = app.store.case_keys(study.key, number, "response")
    events = _of_responses(study.key, number, listed[listed["member"].isin(states)], states, seen, app.clock.now())
    moved = app.store.move_cases(events.legal)
    _follow(app, members, listed)
    unlisted = int(index.loc[~index["member"].isin(known), "member"].nunique())
    return Fed(study=study.key, wave=number, moved=moved, unlisted=unlisted, disregarded=events.disregarded)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Events:
    legal: Sequence[CaseEvent]
    disregarded: int


def _of_responses(
    study: str,
    wave: int,
    index: pd.DataFrame,
    states: Mapping[str, str],
    seen: Collection[tuple[str, str]],
    now: datetime,
) -> _Events:
    """Return what responses say of their cases, in the order in which they were given."""
    state = dict(states)
    moments = index["submitted_at"].fillna(index["received_at"])
    rows = index.assign(moment=moments).sort_values(["moment", "response"])
    legal, disregarded = [], 0
    for row in rows.itertuples(index=False):
        event = EVENT_OF_DISPOSITION.get(str(row.disposition))
        key = f"response:{row.response}"
        if event is None or (row.member, key) in seen:
            continue
        to = machine.MOVES[state[row.member], event]
        if to is None:
            disregarded += 1
            continue
        why = str(row.disposition) if row.disposition in _TELLING else ""
        legal.append(
            CaseEvent(
                study=study, wave=wave, member=row.member, event=event, from_state=state[row.member], to_state=to,
                source="response", key=key, why=why, by="intake", at=row.moment.to_pydatetime(), recorded_at=now,
            )
        )  # fmt: skip
        state[row.member] = to
    return _Events(legal=legal, disregarded=disregarded)


_TELLING = ("unable", "deceased", "withdrawn")
"""Dispositions that are the reason of a case as well."""


def _follow(app: Adapters, known: Sequence[Member], index: pd.DataFrame) -> None:
    """
    Let members follow what deliveries say: who was interviewed is active, who died or withdrew is not contacted again.

    A withdrawal told by a delivery reaches as far as no contact; more is for the member to ask.
    """
    told = {
        "answer": set(index.loc[index["disposition"].isin(INTERVIEWED), "member"]),
        "die": set(index.loc[index["disposition"] == "deceased", "member"]),
        "withdraw": set(index.loc[index["disposition"] == "withdrawn", "member"]),
    }
    here = {"answer": ("recruited", "dormant", "tracing")}
    events = []
    for each in known:
        for event, members in told.items():
            if each.member in members and each.state in here.get(event, _ALIVE):
                found = member_event(app, each, event, reason=f"{event}: told by a delivery")
                events.append(replace(found, scope="no_contact") if event == "withdraw" else found)
    app.store.move_members(events)


_ALIVE = ("recruited", "active", "dormant", "tracing")


def member_event(app: Adapters, member: Member, event: str, *, reason: str) -> MemberEvent:
    """Return the event that moves a member, or raise MemberState."""
    return MemberEvent(
        study=member.study,
        member=member.member,
        event=event,
        from_state=member.state,
        to_state=move_member(member.state, event),
        scope="" if event == "rejoin" else member.scope,
        by=getpass.getuser(),
        reason=reason,
        at=app.clock.now(),
    )


def act(
    app: Adapters,
    study_key: str,
    wave: int | str,
    member: str,
    event: str,
    *,
    why: str = "",
    key: str = "",
    source: str = "hand",
) -> Case:
    """
    Move one case by hand, or for a contact that was made, and return it. The same `key` twice is once.

    Somebody who left the sector is no `screen_out`: leaving is an outcome of the study.

    Raises:
        UnknownKey: there is no such case.
        CaseState: the event is not legal in its state, or a case is screened out without a reason that counts.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    if event not in machine.EVENTS:
        raise CaseState(f"A case takes no '{event}'.", fix=did_you_mean(event, machine.EVENTS))
    if event == "screen_out" and why not in machine.WHY_INELIGIBLE:
        raise CaseState(
            "A case is ineligible only where the member never belonged to the population.",
            fix=f"give one of {', '.join(machine.WHY_INELIGIBLE)}; who left the sector stays in: it is an outcome",
        )
    now = app.clock.now()
    name = key or f"{source}:{event}:{now.isoformat()}"
    app.store.move_cases(
        [
            CaseEvent(
                study=study.key, wave=number, member=member, event=event, from_state="", to_state="", source=source,
                key=name, why=why, by=getpass.getuser(), at=now, recorded_at=now,
            )
        ]
    )  # fmt: skip
    return app.store.cases(study.key, number, member)[0]


def finalise(app: Adapters, study_key: str, wave: int | str) -> Mapping[str, int]:
    """
    Give every case of a wave its outcome code, computed from its history, and return how many have each.

    Finalising again computes anew, so that late answers count; what somebody overrode stays overridden. Members who
    have been silent for as many waves as the study says become dormant.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    feed(app, study.key, number)
    found = app.store.cases(study.key, number)
    if not found:
        return {}
    done = coded(app, study, number, found)
    app.store.finalise_cases(done)
    _lapse(app, study, number)
    counts: dict[str, int] = defaultdict(int)
    for case in done:
        counts[case.outcome or "not issued"] += 1
    log.info("finalised wave=%s/%d cases=%d", study.key, number, len(done))
    return dict(sorted(counts.items()))


def coded(app: Adapters, study: Study, wave: int, found: Sequence[Case]) -> list[Case]:
    """Return cases of a wave with the outcome they would have if it ended now; nothing is kept."""
    history = app.store.case_history(study.key, wave)
    index = app.store.response_index(study.key)
    known = set(index.loc[(index["wave"] < wave) & index["disposition"].isin(INTERVIEWED), "member"])
    now = app.clock.now()
    return [
        replace(
            each,
            computed=machine.outcome(each.state, each.why, history.get(each.member, ()), is_known=each.member in known),
            finalised_at=now,
        )
        for each in found
    ]


def _lapse(app: Adapters, study: Study, wave: int) -> None:
    """Make dormant who gave no interview in the last waves, as many as the study says, each of them a case."""
    last = range(wave - study.sample.dormant_after + 1, wave + 1)
    silent: dict[str, int] = defaultdict(int)
    for number in last:
        for each in app.store.cases(study.key, number):
            silent[each.member] += each.state not in ("complete", "partial", "not_issued")
    asleep = [
        each
        for each in app.store.members(study.key)
        if silent[each.member] == len(last) and each.state in ("recruited", "active")
    ]
    reason = f"no interview in {len(last)} waves"
    app.store.move_members([member_event(app, each, "lapse", reason=reason) for each in asleep])


def override(app: Adapters, study_key: str, wave: int | str, member: str, code: str, *, reason: str) -> Case:
    """
    Let another outcome count than the one computed, on record.

    Raises:
        WaveState: the wave is not finalised, so that there is nothing to override.
        CaseState: the code is none, or no reason is given.
        UnknownKey: there is no such case.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    if code not in OUTCOMES or not reason.strip():
        fix = did_you_mean(code, OUTCOMES) if code not in OUTCOMES else "say why; it is kept with your name"
        raise CaseState(f"'{code}' is no outcome code." if code not in OUTCOMES else "No reason is given.", fix=fix)
    found = app.store.cases(study.key, number, member)
    if found and found[0].finalised_at is None:
        raise WaveState(
            f"Wave {study.wave(number).key} is not finalised.", fix=f"panelctl cases finalise {study.key} {number}"
        )
    app.store.override_outcome(study.key, number, member, code, by=getpass.getuser(), reason=reason)
    return app.store.cases(study.key, number, member)[0]
