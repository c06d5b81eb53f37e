"""Where waves stand: all at a glance, or one counted each day, held against earlier waves, with what is next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from panel.actions.cases import feed
from panel.actions.rates import DONE, wave_rates, wave_retention
from panel.calendar import agenda, counted
from panel.model.case import Case
from panel.model.member import Member
from panel.model.people import INTERVIEWED, WaveStatus
from panel.model.progress import Curve, DayDone, GroupDone, NextAction, WaveView, margin_of_error, outlook
from panel.model.study import Study, Wave
from panel.ports import Adapters, DayCount

UNKNOWN = "unknown"
MOST_DUE = 3
"""Actions of the calendar that are told as next steps."""
OVER = ("done", "skipped")
"""States of an action that is no longer to be done."""


def overview(app: Adapters, study_key: str) -> tuple[WaveStatus, ...]:
    """Return where every wave of a study stands, planned ones included."""
    study = app.study(study_key)
    states = app.store.wave_states(study.key)
    tracking = app.store.tracking(study.key)
    standing = app.store.release_states(study.key)
    released = {each.wave: each.key for each in app.store.releases(study.key) if standing[each.key] == "published"}
    members = Counter(tracking.loc[~tracking["disposition"].isin(["not_yet"]), "wave"].tolist())
    interviewed = Counter(tracking.loc[tracking["disposition"].isin(INTERVIEWED), "wave"].tolist())
    return tuple(
        _status(app, study, wave, states.get(wave.number, "planned"), members, interviewed, released)
        for wave in study.waves
    )


def _status(
    app: Adapters,
    study: Study,
    wave: Wave,
    state: str,
    members: Counter[int],
    interviewed: Counter[int],
    released: dict[int, str],
) -> WaveStatus:
    held = app.store.held(study.key, wave.number)
    return WaveStatus(
        study=study.key,
        number=wave.number,
        key=wave.key,
        state=state,
        fieldwork=f"{wave.fieldwork.start:%Y-%m-%d} – {wave.fieldwork.end:%Y-%m-%d}",
        members=members[wave.number],
        interviewed=interviewed[wave.number],
        deliveries=len(app.store.deliveries(study.key, wave.number)),
        rows_held=int(held["variable"].isna().sum()),
        cells_held=int(held["variable"].notna().sum()),
        released=released.get(wave.number),
    )


def snapshot(app: Adapters, study_key: str, wave: int | str) -> date:
    """
    Count the cases of a wave as they stand, by state and group, and keep the count as today's.

    Counting again on the same day replaces the count; days that are over stay as they were counted then. Today is by
    the study's time zone.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    return _count(app, study, number, app.store.cases(study.key, number), app.store.members(study.key))


def _count(app: Adapters, study: Study, number: int, cases: Sequence[Case], members: Sequence[Member]) -> date:
    """Count cases and keep the count as today's."""
    today = _today(app, study)
    tally: Counter[tuple[str, str, str]] = Counter()
    groups = _groups(app, study, number, members)
    for case in cases:
        tally["", "", case.state] += 1
        for domain, group in groups.get(case.member, {}).items():
            tally[domain, group, case.state] += 1
    counts = [
        DayCount(day=today, domain=domain, group=group, state=state, cases=count)
        for (domain, group, state), count in sorted(tally.items())
    ]
    if counts:
        app.store.keep_day(study.key, number, counts, app.clock.now())
    return today


def _today(app: Adapters, study: Study) -> date:
    return app.clock.now().astimezone(ZoneInfo(study.time_zone)).date()


def _groups(app: Adapters, study: Study, wave: int, members: Sequence[Member]) -> Mapping[str, Mapping[str, str]]:
    """Return the groups of each member by domain: stratum, cohort, and the study's own by the last interview before."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for each in members:
        found[each.member] = {"stratum": each.stratum or UNKNOWN, "cohort": each.cohort}
        found[each.member] |= {domain.key: UNKNOWN for domain in study.domains}
    earlier = [each.number for each in study.waves if each.number < wave]
    if not study.domains or not earlier or not found:
        return found
    names = sorted({each.variable for each in study.domains})
    panel = app.store.person_waves(study.key, earlier, names)
    last = panel.sort_values("wave").drop_duplicates("member", keep="last").set_index("member")
    for domain in study.domains:
        of_code = {code: group.key for group in domain.groups for code in group.codes}
        for member, code in last[domain.variable].dropna().items() if domain.variable in last else ():
            if member in found:
                found[str(member)][domain.key] = of_code.get(code, UNKNOWN)
    return found


def view(app: Adapters, study_key: str, wave: int | str) -> WaveView:
    """
    Return one wave as its operator sees it; today's count is kept on the way.

    Every number is of cases: the same as a count of the table of cases. A wave without cases has zeros, and says what
    to do.
    """
    study = app.study(study_key)
    found = study.wave(wave)
    fed = feed(app, study.key, found.number)
    members, cases = app.store.members(study.key), app.store.cases(study.key, found.number)
    today = _count(app, study, found.number, cases, members)
    states = Counter(each.state for each in cases)
    issued = len(cases) - states["not_issued"]
    done = sum(states[each] for each in DONE)
    target = study.sample.target or issued
    day = (today - found.fieldwork.start).days
    seen = outlook(done, target, day, _earlier_curves(app, study, found))
    effect = _design_effect(app, study, found.number)
    contacts = tuple(app.store.contact_counts(study.key, found.number))
    coming = next_actions(app, study, found)
    final = bool(cases) and all(each.finalised_at for each in cases)
    return WaveView(
        study=study.key,
        wave=found.key,
        state=app.store.wave_states(study.key).get(found.number, "planned"),
        day=day,
        target=target,
        issued=issued,
        not_issued=states["not_issued"],
        done=done,
        expected=seen.expected,
        ahead=None if seen.expected is None else done - seen.expected,
        forecast=seen.forecast,
        forecast_low=seen.low,
        forecast_high=seen.high,
        design_effect=effect,
        margin_now=margin_of_error(done, effect),
        margin_forecast=margin_of_error(seen.forecast, effect),
        contacted=app.store.contacted(study.key, found.number),
        sent=sum(each.members for each in contacts if each.outcome == "sent"),
        held=sum(each.members for each in contacts if each.outcome == "held"),
        unlisted=fed.unlisted,
        is_final=final,
        states=tuple(sorted(states.items())),
        rates=wave_rates(app, study, found, cases, is_final=final),
        retention=wave_retention(app, study, found, cases, members),
        days=_days(app, study, found),
        groups=_by_group(app, study, found, today),
        contacts=contacts,
        actions=coming,
        next_steps=(*_next(app, study, found, cases, members, fed.unlisted), *_told(coming)),
    )


def _earlier_curves(app: Adapters, study: Study, wave: Wave) -> list[Curve]:
    return [
        Curve(wave=each.key, by_day={(day - each.fieldwork.start).days: done for day, done in _done(app, study, each)})
        for each in study.waves
        if each.number < wave.number
    ]


def _done(app: Adapters, study: Study, wave: Wave) -> list[tuple[date, int]]:
    """Return (day, interviews so far) as they were counted."""
    counts: dict[date, int] = defaultdict(int)
    for each in app.store.days(study.key, wave.number):
        if not each.domain:
            counts[each.day] += each.cases if each.state in DONE else 0
    return sorted(counts.items())


def _days(app: Adapters, study: Study, wave: Wave) -> tuple[DayDone, ...]:
    rows = _done(app, study, wave)
    before = [0, *(done for _, done in rows)]
    return tuple(
        DayDone(day=str(day), new=done - was, done=done) for (day, done), was in zip(rows, before, strict=False)
    )


def _by_group(app: Adapters, study: Study, wave: Wave, today: date) -> tuple[GroupDone, ...]:
    issued: Counter[tuple[str, str]] = Counter()
    done: Counter[tuple[str, str]] = Counter()
    for each in app.store.days(study.key, wave.number):
        if each.day == today and each.domain and each.state != "not_issued":
            issued[each.domain, each.group] += each.cases
            done[each.domain, each.group] += each.cases if each.state in DONE else 0
    return tuple(
        GroupDone(domain=domain, group=group, issued=count, done=done[domain, group], share=done[domain, group] / count)
        for (domain, group), count in sorted(issued.items())
    )


def _design_effect(app: Adapters, study: Study, wave: int) -> float:
    """Return Kish's effect of the newest cross-sectional weights before this wave; 1 where there are none."""
    for number in sorted((each.number for each in study.waves if each.number < wave), reverse=True):
        weights = app.store.weights(study.key, number)
        own = weights.loc[(weights["kind"] == "cross-sectional") & (weights["wave"] == number), "weight"]
        if own.sum() > 0:
            return float(len(own) * (own**2).sum() / own.sum() ** 2)
    return 1.0


def _next(
    app: Adapters, study: Study, wave: Wave, cases: Sequence[Case], members: Sequence[Member], unlisted: int
) -> tuple[str, ...]:
    """Return what is to be done, most pressing first: counts that differ are told, and stop nothing."""
    due = sum(each.entry_wave <= wave.number for each in members)
    state = app.store.wave_states(study.key).get(wave.number, "planned")
    steps = []
    if not due:
        steps.append(f"load a sample: panelctl sample load {study.key} {wave.key} FILE")
    if len(cases) < due:
        steps.append(f"{due - len(cases)} members have no case: panelctl cases issue {study.key} {wave.key}")
    if unlisted and due:
        steps.append(f"{unlisted} members answered and are in no sample: load them, or find out who they are")
    if state == "closed" and cases and not all(each.finalised_at for each in cases):
        steps.append(f"outcomes are not final: panelctl cases finalise {study.key} {wave.key}")
    held = app.store.held(study.key, wave.number)
    if len(held):
        steps.append(f"{len(held)} rows or cells are held: panelctl quarantine list {study.key} --wave {wave.key}")
    return tuple(steps)


def next_actions(app: Adapters, study: Study, wave: Wave) -> tuple[NextAction, ...]:
    """
    Return what the calendar still has for a wave, in the order in which it is done, with its state in the ledger.

    An action that is done or skipped is left out. Where nobody keeps the ledger, what is still to come is planned, and
    nothing is known of what has passed.
    """
    now = app.clock.now()
    entries = {(each.kind, each.ordinal): each for each in app.store.actions(study.key, wave.number)}
    due = counted(agenda(study), app.store.reopened(study.key))
    found = []
    for each in (each for each in due if each.wave == wave.number):
        entry = entries.get((each.kind, each.ordinal))
        if entry.state in OVER if entry else each.at < now:
            continue
        found.append(
            NextAction(
                action=each.kind,
                ordinal=each.ordinal,
                state=entry.state if entry else "planned",
                due=f"{each.local:%Y-%m-%d %H:%M}",
                is_late=each.at < now,
                reason=entry.reason if entry else "",
            )
        )
    return tuple(found)


def _told(coming: Sequence[NextAction]) -> list[str]:
    """Return the first actions as sentences; what is late or went wrong says so."""
    return [f"{each.due} {_standing(each)}: {each.action} {each.ordinal}" for each in coming[:MOST_DUE]]


def _standing(action: NextAction) -> str:
    if action.state in ("failed", "missed", "partial"):
        return f"{action.state}, retry or skip it"
    return "late" if action.is_late else "due"
