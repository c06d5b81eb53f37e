"""Rates of a wave and of the panel, by the names that the kind of sample allows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from panel.actions.cases import coded
from panel.model.case import Case
from panel.model.member import Member
from panel.model.panel_rates import CohortWave, cohort_rates, whole_panel
from panel.model.rates import Rate, dispositions, participation_rates, response_rates, retention
from panel.model.study import Study, Wave
from panel.ports import Adapters

DONE = ("complete", "partial")
"""States of a case that brought an interview."""
ALL = "all"
"""In the place of a cohort: the whole panel."""


def wave_rates(app: Adapters, study: Study, wave: Wave, cases: Sequence[Case], *, is_final: bool) -> tuple[Rate, ...]:
    """Return the rates by the name the kind of sample allows; before the end as if it ended now."""
    judged = cases if is_final else coded(app, study, wave.number, cases)
    found = dispositions(Counter(each.outcome for each in judged if each.outcome))
    if study.is_probability_sample:
        return response_rates(found, study.sample.eligible_share)
    return participation_rates(found, sum(each.state != "not_issued" for each in cases))


def wave_retention(
    app: Adapters, study: Study, wave: Wave, cases: Sequence[Case], sample: Sequence[Member]
) -> tuple[Rate, ...]:
    """Return, of each cohort that entered before, the share of those interviewed at entry that is interviewed now."""
    members = {each.member: each for each in sample}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRate:
    """One rate of a cohort, or of `all` of the panel, in a wave; `is_final` once the wave is finalised."""

    wave: str
    cohort: str
    key: str
    label: str
    formula: str
    numerator: float
    denominator: float
    value: float | None
    is_final: bool


def panel_rates(app: Adapters, study_key: str, wave: int | str | None = None) -> tuple[PanelRate, ...]:
    """
    Return the rates that follow the panel from its recruitment on, by wave and cohort, under the names its sample has.

    A wave that is not finalised is judged as if it ended now; a wave without cases has none. See model.panel_rates.
    """
    study = app.study(study_key)
    members = {each.member: each for each in app.store.members(study.key)}
    fielded = _Fielded(members)
    found: list[PanelRate] = []
    for each in study.waves:
        cases = app.store.cases(study.key, each.number)
        if not cases:
            continue
        fielded.add(each.number, cases)
        if wave is None or study.wave(wave).number == each.number:
            is_final = all(case.finalised_at for case in cases)
            judged = cases if is_final else coded(app, study, each.number, cases)
            found += _of_wave(study, each, fielded.cohorts(study, judged), is_final=is_final)
    return tuple(found)


class _Fielded:
    """Who was interviewed in the waves so far, in order: at entry, and in every wave since."""

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._members = members
        self._entered: set[str] = set()
        self._steady: set[str] = set()
        self._now: set[str] = set()

    def add(self, wave: int, cases: Sequence[Case]) -> None:
        self._now = {each.member for each in cases if each.state in DONE and each.member in self._members}
        fresh = {each for each in self._now if self._members[each].entry_wave == wave}
        self._entered |= fresh
        self._steady = (self._steady & self._now) | fresh

    def cohorts(self, study: Study, cases: Sequence[Case]) -> list[CohortWave]:
        """Return the counts of every cohort that has a case in the wave added last, of its cases with outcome."""
        cohort_of = {each.member: self._members[each.member].cohort for each in cases if each.member in self._members}
        codes: dict[str, Counter[str]] = defaultdict(Counter)
        issued: Counter[str] = Counter()
        for each in cases:
            if each.member in cohort_of and each.state != "not_issued":
                issued[cohort_of[each.member]] += 1
                codes[cohort_of[each.member]][each.outcome or ""] += 1
        joined = Counter(each.cohort for each in self._members.values())
        recruited = {each.cohort: each for each in study.sample.recruited}
        return [
            CohortWave(
                cohort=cohort,
                joined=joined[cohort],
                issued=issued[cohort],
                found=dispositions(codes[cohort]),
                entered=self._count(self._entered, cohort),
                present=self._count(self._entered & self._now, cohort),
                steady=self._count(self._steady, cohort),
                recruited=recruited.get(cohort),
            )
            for cohort in sorted(set(cohort_of.values()))
        ]

    def _count(self, members: Iterable[str], cohort: str) -> int:
        return sum(self._members[each].cohort == cohort for each in members)


def _of_wave(study: Study, wave: Wave, cohorts: Sequence[CohortWave], *, is_final: bool) -> list[PanelRate]:
    kind = study.is_probability_sample
    named = [(each.cohort, rate) for each in cohorts for rate in cohort_rates(each, is_probability_sample=kind)]
    named += [(ALL, rate) for rate in whole_panel(cohorts)] if kind else []
    return [
        PanelRate(
            wave=wave.key,
            cohort=cohort,
            key=rate.key,
            label=rate.label,
            formula=rate.formula,
            numerator=rate.numerator,
            denominator=rate.denominator,
            value=rate.value,
            is_final=is_final,
        )
        for cohort, rate in named
    ]
