"""Fieldwork as the operator sees it: counted each day, held against earlier waves, with what to do next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from panel.actions.cases import coded, feed
from panel.calendar import agenda, counted
from panel.model.case import Case
from panel.model.member import Member
from panel.model.progress import Curve, DayDone, GroupDone, WaveView, margin_of_error, outlook
from panel.model.rates import Rate, dispositions, participation_rates, response_rates, retention
from panel.model.study import Study, Wave
from panel.ports import Adapters, DayCount

DONE = ("complete", "partial")
UNKNOWN = "unknown"
MOST_DUE = 3
"""Actions of the calendar that are told as next steps."""


def snapshot(app: Adapters, study_key: str, wave: int | str) -> date:
    """
    Count the cases of a wave as they stand, by state and group, and keep the count as today's.

    Counting again on the same day replaces the count; days that are over stay as they were counted then. Today is by
    the study's time zone.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    today = _today(app, study)
    cases = app.store.cases(study.key, number)
    tally: Counter[tuple[str, str, str]] = Counter()
    groups = _groups(app, study, number)
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


def _groups(app: Adapters, study: Study, wave: int) -> Mapping[str, Mapping[str, str]]:
    """Return the groups of each member by domain: stratum, cohort, and the study's own by the last interview before."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for each in app.store.members(study.key):
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
    today = snapshot(app, study.key, found.number)
    cases = app.store.cases(study.key, found.number)
    states = Counter(each.state for each in cases)
    issued = len(cases) - states["not_issued"]
    done = sum(states[each] for each in DONE)
    target = study.sample.target or issued
    day = (today - found.fieldwork.start).days
    seen = outlook(done, target, day, _earlier_curves(app, study, found))
    effect = _design_effect(app, study, found.number)
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
        contacted=len(
            {each.member for each in app.store.case_events(study.key, found.number) if each.event == "contact"}
        ),
        unlisted=fed.unlisted,
        is_final=final,
        states=tuple(sorted(states.items())),
        rates=_rates(app, study, found, cases, is_final=final),
        retention=_retention(app, study, found, cases),
        days=_days(app, study, found),
        groups=_by_group(app, study, found, today),
        next_steps=_next(app, study, found, cases, fed.unlisted),
    )


def _contacted(app: Adapters, study: Study, wave: int) -> int:
    return len({each.member for each in app.store.case_events(study.key, wave) if each.event == "contact"})


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


def _rates(app: Adapters, study: Study, wave: Wave, cases: Sequence[Case], *, is_final: bool) -> tuple[Rate, ...]:
    """Return the rates by the name the kind of sample allows; before the end as if it ended now."""
    judged = cases if is_final else coded(app, study, wave.number, cases)
    found = dispositions(Counter(each.outcome for each in judged if each.outcome))
    if study.is_probability_sample:
        return response_rates(found, study.sample.eligible_share)
    return participation_rates(found, sum(each.state != "not_issued" for each in cases))


def _retention(app: Adapters, study: Study, wave: Wave, cases: Sequence[Case]) -> tuple[Rate, ...]:
    """Return, of each cohort that entered before, the share of those interviewed at entry that is interviewed now."""
    members = {each.member: each for each in app.store.members(study.key)}
    now = {each.member for each in cases if each.state in DONE}
    due: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for number in {each.entry_wave for each in members.values() if each.entry_wave < wave.number}:
        for each in app.store.cases(study.key, number):
            if _entered_with(members.get(each.member), each):
                due[members[each.member].cohort] += 1
                kept[members[each.member].cohort] += each.member in now
    return tuple(retention(kept[cohort], count, cohort) for cohort, count in sorted(due.items()))


def _entered_with(member: Member | None, case: Case) -> bool:
    return member is not None and member.entry_wave == case.wave and case.state in DONE


def _design_effect(app: Adapters, study: Study, wave: int) -> float:
    """Return Kish's effect of the newest cross-sectional weights before this wave; 1 where there are none."""
    for number in sorted((each.number for each in study.waves if each.number < wave), reverse=True):
        weights = app.store.weights(study.key, number)
        own = weights.loc[(weights["kind"] == "cross-sectional") & (weights["wave"] == number), "weight"]
        if own.sum() > 0:
            return float(len(own) * (own**2).sum() / own.sum() ** 2)
    return 1.0


def _next(app: Adapters, study: Study, wave: Wave, cases: Sequence[Case], unlisted: int) -> tuple[str, ...]:
    """Return what is to be done, most pressing first: counts that differ are told, and stop nothing."""
    due = sum(each.entry_wave <= wave.number for each in app.store.members(study.key))
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
    return (*steps, *_due(app, study, wave))


def _due(app: Adapters, study: Study, wave: Wave) -> list[str]:
    """Return what the calendar has for this wave from now on, by local time."""
    due = counted(agenda(study), app.store.reopened(study.key))
    coming = [each for each in due if each.wave == wave.number and each.at >= app.clock.now()]
    return [f"{each.local:%Y-%m-%d %H:%M} due: {each.kind} {each.ordinal}" for each in coming[:MOST_DUE]]
