"""Every year-on-year change at once."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from panel.analysis.levels import Levels
from panel.errors import EstimateError
from panel.estimate import Figure, Rule, ruled, series, stayers


class Yearly(Levels):
    """Questions about a number in all waves that lie equally far apart."""

    def year_on_year(
        self, variable: str, *, years: int = 1, in_real_terms: bool = False, groups: Rule = "first"
    ) -> pd.DataFrame:
        """
        Return how a number changed from each year to the next, over all waves.

        Under the longitudinal weight within the same members, between every two waves that have such a weight; under
        the cross-sectional weight everybody then against everybody later, from one joint covariance of all waves. Only
        waves whose reference years lie exactly so far apart: a gap of two years is never called one. A year's figures
        are those of `change`.

        Args:
            variable: a number.
            years: how far apart the waves of a change lie.
            in_real_terms: amounts in prices of the index's base year, nominal otherwise.
            groups: of the same members: "first" (in the group in the earlier wave), "both" or "second".

        Raises:
            UnknownVariable: it is no number.
            EstimateError: no two waves lie so far apart, nobody has a value in two of them, or there is no price index.
        """
        self._number(variable)
        pairs = self._apart_by(years)
        if self.weight == "cross-sectional":
            found = self._of_everybody(variable, pairs, in_real_terms=in_real_terms)
        else:
            found = [
                each for pair in pairs for each in self._of_members(variable, pair, groups, in_real_terms=in_real_terms)
            ]
        return self._protected(found, variable, sorted({wave for pair in pairs for wave in pair}))

    def _apart_by(self, years: int) -> list[tuple[int, int]]:
        """Return the pairs of waves so many years apart; those with a longitudinal weight, where that is used."""
        study, weights, every = self.release.study, self._weights, list(combinations(self._sample.waves, 2))
        is_crossed = self.weight == "cross-sectional"
        if not is_crossed:
            known = set(weights.loc[weights["kind"] == "longitudinal", "waves"])
            every = [pair for pair in every if "-".join(map(str, pair)) in known]
        apart = {pair: study.wave(pair[1]).reference_year - study.wave(pair[0]).reference_year for pair in every}
        found = [pair for pair, distance in apart.items() if distance == years]
        if not found:
            there = ", ".join(map(str, sorted(set(apart.values())))) or "none"
            weight = "" if is_crossed else " with a longitudinal weight"
            raise EstimateError(
                f"No two waves{weight} are {years} years apart; there are: {there}.",
                fix="ask for years that lie between waves",
            )
        return found

    def _of_everybody(
        self, variable: str, pairs: list[tuple[int, int]], *, in_real_terms: bool
    ) -> list[Figure]:  # fmt: skip
        sample, measure = self._sample, self._mean_of(variable, in_real_terms=in_real_terms)
        waves = sorted({wave for pair in pairs for wave in pair})
        told = series(sample, measure, self._groups(sample), waves, method=self._method, between=pairs)
        return [each for each in told if each.from_wave is not None]

    def _of_members(
        self, variable: str, waves: tuple[int, int], groups: Rule, *, in_real_terms: bool
    ) -> list[Figure]:  # fmt: skip
        pair = self._pair(waves)
        labels = self._by_rule(self._in_terms(self._labels(variable), in_real_terms), groups)
        rule = ruled(self._groups(pair.now), self._groups(pair.then), groups)
        return stayers(pair, labels, variable, rule, in_real_terms=in_real_terms, method=self._method)
