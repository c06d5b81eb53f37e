"""What changed between two waves."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pandas as pd

from panel.analysis.net import Errors, Net
from panel.analysis.shown import together
from panel.disclose import HIDDEN, protect
from panel.errors import EstimateError
from panel.estimate import (
    COMPOSITE,
    Amount,
    Dynamics,
    Roads,
    Rule,
    Variance,
    chained,
    composite,
    dynamics,
    ruled,
)


class Changes(Net):
    """Questions about a number in two waves."""

    def change(
        self, variable: str, *, waves: tuple[int | str, int | str], in_real_terms: bool = False, groups: Rule = "first",
        variance: Variance = "kernel", replicates: int = 500, seed: int = 1,
    ) -> pd.DataFrame:  # fmt: skip
        """
        Return how a number changed between two waves.

        Under the longitudinal weight: within the same members, by the group that the rule says. Under the
        cross-sectional weight: everybody in the later wave against everybody in the earlier, with the overlap in the
        standard error; the rule says nothing there.

        Args:
            variable: a number.
            waves: the earlier and the later.
            in_real_terms: amounts in prices of the index's base year, nominal otherwise.
            groups: "first" (in the group in the earlier wave), "both" or "second".
            variance: of everybody: "kernel"; "fixed-overlap" (Berger and Priam: who stays, comes and goes taken as
                planned); or "rao-wu" (all weighting done anew in each draw of the sample). `method` says which.
            replicates: how many draws, of "rao-wu".
            seed: of the draws; the same seed gives the same figures.

        Raises:
            UnknownKey: there is no such variance.
            EstimateError: the release has no longitudinal weight for these two waves, or no price index; another
                variance was asked of the same members, or cannot be had of these weights and waves.
        """
        self._number(variable)
        first, second = self._pair_of(waves)
        errors = Errors(variance, replicates, seed)
        if self.weight == "cross-sectional":
            return self._net_change(variable, (first, second), errors, in_real_terms=in_real_terms)
        if variance != "kernel":
            raise EstimateError(
                f"The variance '{variance}' is of the net change of everybody, not of the same members.",
                fix='ask it under weight="cross-sectional" (--everybody)',
            )
        found = self._stayers(variable, (first, second), groups, in_real_terms=in_real_terms)
        return self._protected(found, variable, (first, second))

    def composite(
        self, variable: str, *, waves: tuple[int | str, int | str], in_real_terms: bool = False
    ) -> pd.DataFrame:
        """
        Return the net change of a mean by cross-sections, within stayers, and by the steadiest mean of both.

        Both weights are used, whatever the panel's own. Stayers are in the group in both waves. The four figures of a
        group are shown together or not at all. See `panel.estimate.composite`.

        Args:
            variable: a number.
            waves: the earlier and the later.
            in_real_terms: amounts in prices of the index's base year.

        Raises:
            UnknownVariable: it is no number.
            EstimateError: these waves have no longitudinal weight, nobody has both amounts, or there is no price index.
        """
        sample, numbers = self._sample, self._pair_of(waves)
        pair = self._pair(numbers)
        roads = Roads(
            sample=sample,
            pair=pair,
            amount=self._amount(variable, numbers, in_real_terms),
            everybody=self._groups(sample),
            stayers=ruled(self._groups(pair.now), self._groups(pair.then), "both"),
        )
        labels = self._in_terms(self._labels(variable), in_real_terms)
        table = self._frame(composite(roads, labels, method=self._method))
        return together(table, COMPOSITE, threshold=self.release.study.disclosure_threshold)

    def chained(
        self, variable: str, *, waves: tuple[int | str, int | str], in_real_terms: bool = False, groups: Rule = "first"
    ) -> pd.DataFrame:
        """
        Return how the sum of matched members' amounts moved from wave to wave, and the chain over all of them.

        Each step is between waves that follow each other in the release, and says which. Where a step is hidden, the
        chain of its group is. See `panel.estimate.chains`.

        Args:
            variable: an amount.
            waves: the first and the last.
            in_real_terms: amounts in prices of the index's base year.
            groups: whose members a step matches: "first" (in the group when it begins), "both" or "second".

        Raises:
            UnknownVariable: it is no number.
            EstimateError: a step has no longitudinal weight, no group has a chain, or there is no price index.
        """
        sample, (first, last) = self._sample, self._pair_of(waves)
        between = [each for each in sample.waves if first <= each <= last]
        pairs = [self._pair(step) for step in pairwise(between)]
        amount = self._amount(variable, (first, last), in_real_terms)
        labels = self._in_terms(self._labels(variable), in_real_terms)
        told = [
            replace(each, denominator=f"{each.denominator} in both waves of a step")
            for each in self._by_rule(labels, groups)
        ]
        found = chained(
            pairs, told, amount, lambda pair: ruled(self._groups(pair.now), self._groups(pair.then), groups),
            method=self._method,
        )  # fmt: skip
        return self._without_hidden_links(self._frame(found))

    def _without_hidden_links(self, table: pd.DataFrame) -> pd.DataFrame:
        limit = self.release.study.disclosure_threshold
        shown = protect(table, threshold=limit)
        lost = shown.loc[(shown["statistic"] == "matched_change") & (shown["status"] == HIDDEN), "group"]
        hide = (shown["statistic"] == "chained_change") & shown["group"].isin(lost) & (shown["status"] != HIDDEN)
        if not hide.any():
            return shown
        return protect(shown.assign(status=shown["status"].mask(hide, HIDDEN)), threshold=limit)

    def _amount(self, variable: str, waves: tuple[int, int], in_real_terms: bool) -> Amount:
        self._number(variable)
        return Amount(
            variable=variable,
            values=self._sample.number(variable, in_real_terms=in_real_terms),
            waves=waves,
            is_provisional=in_real_terms and self._sample.is_provisional(*waves),
            is_joint=self.is_simultaneous,
        )

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
        pair = self._pair(self._pair_of(waves))
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
