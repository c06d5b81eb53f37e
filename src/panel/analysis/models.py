"""Regressions: how groups moved apart from a base wave, what goes with an amount, and what hazards depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from panel.analysis.flows import Flows
from panel.disclose import HIDDEN
from panel.errors import EstimateError, printable
from panel.estimate import (
    RULES,
    Asked,
    Covariate,
    Label,
    Move,
    Rule,
    Stacked,
    Taken,
    as_ratio,
    coefficients,
    event_study,
    grouping,
    hazard_ratios,
    simultaneous,
    to_frame,
    wave_sets,
)
from panel.model.instrument import Code

WHOSE: dict[Rule, str] = {
    "first": ", by the group of the first wave",
    "both": ", in the group in every wave",
    "second": ", by the group of the last wave",
}
FEWEST = 3
"""Fewer members of a category than this who moved, or did not, are not told."""


class Models(Flows):
    """Questions that a regression answers."""

    def event_study(
        self, variable: str, *, groups: tuple[str, str], waves: Sequence[int | str] = (), base: int | str | None = None,
        member_effects: bool = True, covariates: Sequence[str] = (), in_real_terms: bool = False, rule: Rule = "first",
    ) -> pd.DataFrame:  # fmt: skip
        """
        Return how much more one group of the division moved than another, from a base wave to every other.

        With effects of members: the same members in every wave, under the longitudinal weight of exactly these waves;
        each is compared with himself. Without: everybody of each wave, by the group of then. See
        `panel.estimate.effects.event_study`. Nothing here is an effect of something unless both groups would have moved
        alike without it.

        Args:
            variable: a number.
            groups: keys of the two groups: how much more the first moved.
            waves: two or more; by default the longest set with a longitudinal weight, or every wave without effects.
            base: the wave that others are held against; the first by default.
            member_effects: compare members with themselves.
            covariates: domains or coded variables to hold constant.
            in_real_terms: amounts in prices of the index's base year.
            rule: whose group counts, with effects of members: "first" (of the first of the waves), "both" (the same in
                all of them) or "second" (of the last).

        Raises:
            UnknownKey: the division has no such group.
            UnknownVariable: there is no such variable, or it is no number.
            EstimateError: `by` divided nothing, the waves have no longitudinal weight or do not hold the base, a group
                has nobody in a wave, or a covariate says nothing that others do not.
        """
        self._number(variable)
        if self.division is None:
            raise EstimateError("An event study is of two groups of a division.", fix="by(domain).event_study(...)")
        for key in groups:
            self.division.group(key)
        if groups[0] == groups[1]:
            raise EstimateError(f"Group '{groups[0]}' does not move apart from itself.", fix="name two groups")
        if rule not in RULES:
            raise EstimateError(f"There is no rule '{printable(rule)}' of groups.", fix=f"one of {', '.join(RULES)}")
        stacked = self._stacked(waves, member_effects)
        start = stacked.waves[0] if base is None else self._number_of(base)
        if start not in stacked.waves:
            raise EstimateError(
                f"The base, wave {start}, is none of waves {', '.join(map(str, stacked.waves))}.",
                fix="choose a base among them",
            )
        keys = [each.key for each in self.division.groups]
        places = (keys.index(groups[0]), keys.index(groups[1]))
        own = self._groups(self._sample).codes[stacked.places]
        own = stacked.by_member(own, rule) if member_effects else own
        one, other = (self._in_terms(self._labels(variable), in_real_terms)[place] for place in places)
        words = f"{one.denominator}, less {other.denominator}{WHOSE[rule] if member_effects else ''}"
        label = replace(one, group=f"{one.group}-{other.group}", denominator=words)
        asked = self._asked(stacked, variable, np.isin(own, places), covariates, label, member_effects, in_real_terms)
        return self._without_small_categories(self._frame(event_study(asked, own == places[0], groups, start)))

    def regression(
        self, variable: str, *, covariates: Sequence[str] = (), waves: Sequence[int | str] = (),
        member_effects: bool = True, in_real_terms: bool = False,
    ) -> pd.DataFrame:  # fmt: skip
        """
        Return what goes with an amount: the coefficients of waves, the division and covariates.

        With effects of members (fixed effects) everybody is compared with himself, so a category's coefficient is about
        those who came into it or left it. See `panel.estimate.effects.coefficients`.

        Args:
            variable: a number.
            covariates: domains or coded variables; the division is one of itself.
            waves: as of `event_study`.
            member_effects: compare members with themselves.
            in_real_terms: amounts in prices of the index's base year.

        Raises:
            UnknownVariable: there is no such variable, or it is no number.
            EstimateError: the waves have no longitudinal weight, nobody has a value, or a covariate says nothing that
                others do not; names it.
        """
        self._number(variable)
        stacked = self._stacked(waves, member_effects)
        (label,) = self._in_terms([self._label_of_all(variable)], in_real_terms)
        inside = self._inside(self._sample)[stacked.places]
        inside = stacked.by_member(np.where(inside, 0, -1), "first") == 0 if member_effects else inside
        asked = self._asked(
            stacked, variable, inside, self._explaining(covariates), label, member_effects, in_real_terms
        )
        if not (asked.rows & np.isfinite(asked.y)).any():
            raise EstimateError(self._nobody(variable, stacked.waves), fix="choose other groups, waves or variables")
        return self._without_small_categories(self._frame(coefficients(asked)))

    def hazard_model(
        self, variable: str, *, source: Code | Sequence[Code], target: Code | Sequence[Code],
        covariates: Sequence[str] = (), baseline: str = "spell", years: int = 1,
    ) -> pd.DataFrame:  # fmt: skip
        """
        Return what the hazard of a move goes with: ratios of hazards by the division and covariates, and their logs.

        Covariates are what members were when a step began. See `panel.estimate.hazard_ratios`. Where a category is
        about few members, or of it one or two moved or stayed, all ratios of its variable are hidden.

        Args:
            variable: a coded variable.
            source: code or codes to move from.
            target: code or codes to move to.
            covariates: domains or coded variables; the division is one of itself.
            baseline: the hazard by year of the "spell", by the "wave" in which a step begins, or "constant".
            years: how far apart the waves of a step lie.

        Raises:
            UnknownVariable: the release has no such variable.
            UnknownKey: the variable has no such code.
            EstimateError: no two waves lie so far apart, nobody is at risk, all or none of a category moved, or
                covariates cannot be told apart.
        """
        taken = self._taken(variable, years)
        move = Move(source=self._codes(variable, source), target=self._codes(variable, target))
        label = self._label_of_all(variable, unit="log hazard")
        found = hazard_ratios(
            taken, [self._when_begun(each, taken) for each in self._explaining(covariates)], label, move, baseline,
            method=self._method, is_joint=self.is_simultaneous,
        )  # fmt: skip
        logs = simultaneous(found.figures) if self.is_simultaneous else found.figures
        table = to_frame([*logs, *map(as_ratio, logs)])
        few = [0 < each < FEWEST for each in found.least] * 2
        return self._without_small_categories(
            table.assign(status=table["status"].mask(np.array(few, dtype=bool), HIDDEN))
        )

    def _when_begun(self, name: str, taken: Taken) -> Covariate:
        found = grouping(self._sample, self._domain(name))
        return Covariate(name, found.keys, taken.steps.each(lambda pair: found.codes[pair.now.places]))

    def _label_of_all(self, variable: str, *, unit: str | None = None) -> Label:
        """Return what a figure of all members is about, whatever divides them."""
        words = f"everybody{self._marked} with an answer"
        return replace(self._labels(variable, unit=unit)[0], domain=None, group="all", denominator=words)

    def _explaining(self, covariates: Sequence[str]) -> list[str]:
        """Return the names of covariates, the division first."""
        return list(dict.fromkeys([*([self.division.key] if self.division else []), *covariates]))

    def _stacked(self, waves: Sequence[int | str], member_effects: bool) -> Stacked:
        numbers = sorted({self._number_of(each) for each in waves})
        if not numbers:
            numbers = list(self._sample.waves)
            if member_effects:
                sets = wave_sets(self._weights)
                numbers = list(sets[0]) if sets else numbers
        if len(numbers) < 2:
            said = f"wave {numbers[0]}" if numbers else "no wave"
            raise EstimateError(f"Nothing moves within {said}.", fix="name two waves or more")
        if member_effects:
            return Stacked.of_members(self._sample, self._weights, numbers)
        return Stacked.of_everybody(self._sample, numbers)

    def _asked(
        self, stacked: Stacked, variable: str, rows: np.ndarray, covariates: Sequence[str], label: Label,
        member_effects: bool, in_real_terms: bool,
    ) -> Asked:  # fmt: skip
        sample = self._sample
        return Asked(
            stacked, sample.number(variable, in_real_terms=in_real_terms)[stacked.places], rows,
            [self._covariate(each, stacked) for each in covariates], label, self._method, member_effects,
            in_real_terms and sample.is_provisional(*stacked.waves), self.is_simultaneous,
        )  # fmt: skip

    def _covariate(self, name: str, stacked: Stacked) -> Covariate:
        found = grouping(self._sample, self._domain(name))
        return Covariate(name, found.keys, found.codes[stacked.places])

    def _without_small_categories(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the table protected; where a category is hidden, so are all that are held against the same one."""
        few = (table["n"] < self.release.study.disclosure_threshold) | (table["status"] == HIDDEN)
        against = table["value"].str.replace(r".*(?=against )", "", regex=True)
        told = list(zip(table["statistic"], table["domain"].fillna(""), against.fillna(""), strict=True))
        lost = {key for key, is_few in zip(told, few, strict=True) if is_few and key[2]}
        return self._hide(table, pd.Series([key in lost for key in told], index=table.index) | few)
