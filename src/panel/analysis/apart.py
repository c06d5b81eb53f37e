"""How far groups stand apart, and whether they drew apart."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from panel.analysis.subject import Subject
from panel.disclose import HIDDEN, protect
from panel.errors import EstimateError
from panel.estimate import GAPS, Rule, Sides, gaps, middle_of, ruled
from panel.model.study import Domain


class Apart(Subject):
    """Questions about two groups."""

    def gap(
        self, variable: str, *, groups: tuple[str, str], waves: tuple[int | str, int | str], middle: str = "mean",
        in_real_terms: bool = False, rule: Rule = "both",
    ) -> pd.DataFrame:  # fmt: skip
        """
        Return the gap between two groups of the division in two waves, and how it changed (difference in differences).

        Under the cross-sectional weight: everybody, by the group they are in at each wave. Under the longitudinal
        weight: the same members in both waves, by the group that `rule` says. See `panel.estimate.gaps`.

        Args:
            variable: a number.
            groups: keys of the two groups: how far the first stands from the second.
            waves: the earlier and the later.
            middle: "mean" or "median".
            in_real_terms: amounts in prices of the index's base year.
            rule: of the longitudinal weight: "both" (in the group in both waves), "first" or "second".

        Raises:
            UnknownKey: the division has no such group.
            EstimateError: `by` divided nothing, or a group has nobody in a wave.
        """
        self._number(variable)
        division = self._divided_by_groups(groups)
        sides = self._sides(variable, self._pair_of(waves), middle, in_real_terms, rule)
        labels = self._in_terms(self._labels(variable), in_real_terms)
        if self.weight == "longitudinal":
            labels = self._by_rule(labels, rule)
        keys = [each.key for each in division.groups]
        places = (keys.index(groups[0]), keys.index(groups[1]))
        one, other = (labels[place] for place in places)
        words = f"{one.denominator}, less {other.denominator}"
        label = replace(one, group=f"{one.group}-{other.group}", denominator=words)
        table = self._frame(gaps(sides, labels, label, places, method=self._method))
        return self._without_hidden_sides(table, groups)

    def _without_hidden_sides(self, table: pd.DataFrame, groups: tuple[str, str]) -> pd.DataFrame:
        """Return the table protected, without a gap to a level that is hidden: it could be had by adding them."""
        threshold = self.release.study.disclosure_threshold
        shown = protect(table, threshold=threshold)
        is_gap = shown["statistic"].isin(GAPS)
        if not (shown.loc[shown["group"].isin(groups), "status"] == HIDDEN).any():
            return shown
        return protect(shown.assign(status=shown["status"].mask(is_gap, HIDDEN)), threshold=threshold)

    def _divided_by_groups(self, groups: tuple[str, str]) -> Domain:
        if self.division is None:
            raise EstimateError("A gap is between two groups of a division.", fix="by(domain).gap(...)")
        for key in groups:
            self.division.group(key)
        if groups[0] == groups[1]:
            raise EstimateError(f"Group '{groups[0]}' has no gap to itself.", fix="name two groups")
        return self.division

    def _sides(self, variable: str, waves: tuple[int, int], middle: str, in_real_terms: bool, rule: Rule) -> Sides:
        sample, count, kind = self._sample, len(self._labels(variable)), middle_of(middle)
        provisional = in_real_terms and sample.is_provisional(*waves)
        if self.weight == "cross-sectional":
            values = sample.number(variable, in_real_terms=in_real_terms)
            sides = Sides.of_everybody(sample, waves, values, self._groups(sample).codes, count, kind)
        else:
            pair = self._pair(waves)
            codes = ruled(self._groups(pair.now), self._groups(pair.then), rule).codes
            both = [each.number(variable, in_real_terms=in_real_terms) for each in (pair.now, pair.then)]
            sides = Sides.of_members(pair, both, codes, count, kind)
        return replace(sides, is_provisional=provisional, is_joint=self.is_simultaneous)
