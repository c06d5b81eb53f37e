"""Who moved from one answer to another."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from panel.analysis.subject import Subject
from panel.disclose import HIDDEN, protect
from panel.estimate import Label, Pair, mobility, to_frame, transitions


class Moves(Subject):
    """Questions about a coded variable in two waves or more."""

    def transitions(self, variable: str, *, waves: tuple[int | str, int | str]) -> pd.DataFrame:
        """
        Return the from-to table of a coded variable: row shares, under the longitudinal weight of the two waves.

        Raises:
            UnknownVariable: the release has no such variable.
            EstimateError: these two waves have no longitudinal weight, or nobody of the groups answered both.
        """
        self._variable(variable)
        pair = self._pair(self._pair_of(waves))
        labels, groups = self._labels(variable, unit="share"), self._groups(pair.now)
        return self._protected(transitions(pair, labels, variable, groups, method=self._method), variable, pair.waves)

    def mobility(self, variable: str, *, waves: tuple[int | str, int | str]) -> pd.DataFrame:
        """
        Return how much movement there is between the categories of a coded variable, by members' first group.

        The share in another category, and the index of Prais and Shorrocks (see `panel.estimate.mobility`), under the
        longitudinal weight of the two waves. How many years lie between is in the denominator: movement over two years
        is not twice that over one. Where the from-to table hides who stayed in a category, what would give it away is
        hidden, too.

        Raises:
            UnknownVariable: the release has no such variable.
            EstimateError: these two waves have no longitudinal weight, or nobody answered both.
        """
        self._variable(variable)
        first, second = self._pair_of(waves)
        pair = self._pair((first, second))
        labels, groups = self._labels(variable, unit="share"), self._groups(pair.now)
        study = self.release.study
        years = study.wave(second).reference_year - study.wave(first).reference_year
        told = [replace(each, denominator=f"{each.denominator} in both waves, years apart: {years}") for each in labels]
        table = self._frame(mobility(pair, told, variable, groups, method=self._method))
        few = self._betrayed(pair, labels, variable)
        hide = [(row.statistic, row.group) in few for row in table.itertuples()]
        return protect(table.assign(status=table["status"].mask(hide, HIDDEN)), threshold=study.disclosure_threshold)

    def _betrayed(self, pair: Pair, labels: list[Label], variable: str) -> set[tuple[str, str]]:
        """Return the figures from which a hidden share of those who stayed in a category could be had."""
        limit = self.release.study.disclosure_threshold
        cells = to_frame(transitions(pair, labels, variable, self._groups(pair.now), method=self._method))
        cells["hidden"] = protect(cells, threshold=limit)["status"] == HIDDEN
        source, target = (cells["value"].str.split(">").str[side] for side in (0, 1))
        stayed = cells[(source == target) & cells["hidden"]].groupby("group")["n"].agg(["size", "sum"])
        few = stayed[(stayed["size"] == 1) | (stayed["sum"] < limit)].index
        return {("mobility", group) for group in stayed.index} | {("moved_share", group) for group in few}
