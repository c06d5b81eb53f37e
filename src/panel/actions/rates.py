"""Rates of a wave and of the panel, by the names that the kind of sample allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from panel.actions.cases import coded
from panel.model.case import Case
from panel.model.member import Member
from panel.model.rates import Rate, dispositions, participation_rates, response_rates, retention
from panel.model.study import Study, Wave
from panel.ports import Adapters

DONE = ("complete", "partial")
"""States of a case that brought an interview."""


def wave_rates(app: Adapters, study: Study, wave: Wave, cases: Sequence[Case], *, is_final: bool) -> tuple[Rate, ...]:
    """Return the rates by the name the kind of sample allows; before the end as if it ended now."""
    judged = cases if is_final else coded(app, study, wave.number, cases)
    found = dispositions(Counter(each.outcome for each in judged if each.outcome))
    if study.is_probability_sample:
        return response_rates(found, study.sample.eligible_share)
    return participation_rates(found, sum(each.state != "not_issued" for each in cases))


def wave_retention(app: Adapters, study: Study, wave: Wave, cases: Sequence[Case]) -> tuple[Rate, ...]:
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
