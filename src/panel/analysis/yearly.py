"""Every year-on-year change at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pandas as pd

from panel.analysis.net import Net
from panel.errors import EstimateError
from panel.estimate import Rule, series


class Yearly(Net):
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
        waves = sorted({wave for pair in pairs for wave in pair})
        if self.weight == "cross-sectional":
            return self._of_everybody(variable, waves, pairs, in_real_terms=in_real_terms)
        found = [each for pair in pairs for each in self._stayers(variable, pair, groups, in_real_terms=in_real_terms)]
        return self._protected(found, variable, waves)

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
        self, variable: str, waves: Sequence[int], between: Sequence[tuple[int, int]], *, in_real_terms: bool
    ) -> pd.DataFrame:
        """Return the net change of a mean between pairs of waves, from one joint covariance of all waves."""
        sample, measure = self._sample, self._mean_of(variable, in_real_terms=in_real_terms)
        found = series(sample, measure, self._groups(sample), waves, method=self._method, between=between)
        return self._changes_of(found, variable, waves)
