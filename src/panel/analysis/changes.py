"""What changed between two waves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from panel.analysis.levels import Levels
from panel.estimate import Dynamics, Pair, Rule, dynamics, ruled, stayers


class Changes(Levels):
    """Questions about a number in two waves."""

    def change(self, variable: str, *, waves: tuple[int | str, int | str]) -> pd.DataFrame:
        """
        Return how a number changed between two waves, nominal.

        Under the longitudinal weight: within the same members, by the group they were in first. Under the
        cross-sectional weight: everybody in the later wave against everybody in the earlier, with the overlap in the
        standard error.

        Raises:
            EstimateError: the release has no longitudinal weight for these two waves.
        """
        self._number(variable)
        first, second = self._pair_of(waves)
        if self.weight == "cross-sectional":
            values = self._sample.number(variable)
            table = self._levels(variable, "mean", values, np.isfinite(values), None, waves=[first, second])
            return table[table["statistic"].isin(["change", "relative_change"])].reset_index(drop=True)
        pair = Pair.of(self._sample, self._weights, (first, second))
        labels, groups = self._labels(variable), self._groups(pair.now)
        return self._protected(stayers(pair, labels, variable, groups, in_real_terms=False, method=self._method))

    def dynamics(
        self, variable: str, *, waves: tuple[int | str, int | str], threshold: float = 0.0, groups: Rule = "both",
        in_real_terms: bool = True,
    ) -> pd.DataFrame:  # fmt: skip
        """
        Return the table of income dynamics between two waves, as CBS publishes it (StatLine 83781NED), by group.

        The median and P20, P40, P60, P80 of members' own relative change; the shares that fell, stayed and rose by
        more than `threshold`, and the share whose first amount gives no such change (zero or negative); how many stand
        in the group. See `panel.estimate.dynamics`.

        Args:
            variable: an amount.
            waves: the earlier and the later.
            threshold: a relative change that still counts as none; 0 as CBS has it.
            groups: "both" (in the same group in both waves, as CBS has it), "first" or "second" (in the group then).
            in_real_terms: amounts in prices of the index's base year.

        Raises:
            UnknownVariable: it is no number.
            EstimateError: these two waves have no longitudinal weight, nobody gave both amounts, there is no price
                index for real terms, or the threshold is negative.
        """
        self._number(variable)
        pair = Pair.of(self._sample, self._weights, self._pair_of(waves))
        rule = ruled(self._groups(pair.now), self._groups(pair.then), groups)
        labels = [
            replace(
                each,
                terms="real" if in_real_terms else "nominal",
                unit="ratio",
                denominator=f"{each.denominator} in both waves",
            )
            for each in self._labels(variable)
        ]
        asked = Dynamics(variable=variable, threshold=threshold, in_real_terms=in_real_terms)
        return self._protected(dynamics(pair, labels, asked, rule, method=self._method))
