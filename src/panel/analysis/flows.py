"""What flows between answers: over all years together, in and out, how soon, and whether it is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pandas as pd

from panel.analysis.subject import Subject
from panel.disclose import HIDDEN, protect
from panel.errors import EstimateError
from panel.estimate import (
    REPEATED,
    SIDES,
    Label,
    Move,
    Pair,
    Steps,
    Taken,
    corrected,
    flows,
    hazards,
    holm,
    pooled_transitions,
    repeated,
    tests_of_table,
    to_frame,
    transitions,
    without_errors,
)
from panel.model.instrument import Code


class Flows(Subject):
    """Questions about moves between the codes of a variable."""

    def pooled(self, variable: str, *, years: int = 1) -> pd.DataFrame:
        """
        Return the from-to table of a coded variable over all steps of so many years together, by members' first group.

        Only waves that lie exactly so far apart are put together, and the denominator says how many steps there are;
        `n` counts members. See `panel.estimate.flows`.

        Raises:
            UnknownVariable: the release has no such variable.
            EstimateError: no two waves with a longitudinal weight lie so far apart, or nobody answered both.
        """
        taken = self._taken(variable, years)
        return self._protected(pooled_transitions(taken, self._labels(variable, unit="share"), method=self._method))

    def flows(self, variable: str, *, waves: tuple[int | str, int | str]) -> pd.DataFrame:
        """
        Return gross flows between the codes of a variable, as shares of all: cells, in, out, and net.

        What the from-to table hides is hidden here, and what came and went of a group of which any cell is. See
        `panel.estimate.flows`.

        Raises:
            UnknownVariable: the release has no such variable.
            EstimateError: these two waves have no longitudinal weight, or nobody answered both.
        """
        pair, labels = self._crossing(variable, waves)
        table = self._frame(flows(pair, labels, variable, self._groups(pair.now), method=self._method))
        hidden = self._hidden_cells(pair, labels, variable)
        cells = [(row.group, row.value) in hidden for row in table.itertuples()]
        shown = self._hide(table, pd.Series(cells, index=table.index))
        lost = shown.loc[(shown["statistic"] == "flow_share") & (shown["status"] == HIDDEN), "group"]
        return self._hide(shown, shown["statistic"].isin(SIDES) & shown["group"].isin(lost))

    def corrected(self, variable: str, *, waves: tuple[int | str, int | str], slips: float) -> pd.DataFrame:
        """
        Return the from-to table as it would be had nobody slipped, if so many answers name a wrong category.

        A group of which the plain table hides a cell has no corrected one. See `panel.estimate.slips`.

        Args:
            variable: a coded variable.
            waves: the earlier and the later.
            slips: the share of answers that are slips: an assumption; try several.

        Raises:
            UnknownVariable: the release has no such variable.
            EstimateError: these two waves have no longitudinal weight, nobody answered both, slips is no share, or
                so many slips alone would make more moves than there are.
        """
        pair, labels = self._crossing(variable, waves)
        table = self._protected(
            corrected(pair, labels, variable, self._groups(pair.now), slips, method=self._method),
            variable, self._pair_of(waves),
        )  # fmt: skip
        lost = {group for group, _ in self._hidden_cells(pair, labels, variable)}
        return self._hide(table, table["group"].isin(lost))

    def repeated(self, variable: str, *, waves: tuple[int | str, int | str]) -> pd.DataFrame:
        """
        Return the from-to table of a span of years, beside what the tables of its steps, one after the other, make.

        Steps are between waves that follow each other in the release, by members' group when each begins. A group of
        which any of these tables hides a cell has no product. See `panel.estimate.repeated`.

        Args:
            variable: a coded variable.
            waves: the first and the last, with others between.

        Raises:
            UnknownVariable: the release has no such variable.
            EstimateError: no wave lies between; the span or a step has no longitudinal weight; or no group has members
                in every category that is passed through.
        """
        span, labels = self._crossing(variable, waves)
        first, last = span.waves
        between = [each for each in self._sample.waves if first <= each <= last]
        if len(between) < 3:
            raise EstimateError(
                f"No wave lies between {first} and {last}, so that there are no steps to repeat.",
                fix="choose waves further apart",
            )
        steps = [self._pair(step) for step in pairwise(between)]
        words = [
            replace(each, denominator=f"{each.denominator}; steps between waves {', '.join(map(str, between))}")
            for each in labels
        ]
        told = [
            *transitions(span, labels, variable, self._groups(span.now), method=self._method),
            *repeated(span, steps, words, variable, lambda pair: self._groups(pair.now), method=self._method),
        ]
        table, hidden = self._frame(told), self._hidden_cells(span, labels, variable)
        lost = {group for pair in (span, *steps) for group, _ in self._hidden_cells(pair, labels, variable)}
        cells = [row.statistic == "transition" and (row.group, row.value) in hidden for row in table.itertuples()]
        made = table["statistic"].isin(REPEATED) & table["group"].isin(lost)
        return self._hide(table, made | pd.Series(cells, index=table.index))

    def independence(self, variable: str, *, waves: tuple[int | str, int | str]) -> pd.DataFrame:
        """
        Return whether where members end depends on where they began, and whether the categories' sizes moved.

        Tests of the from-to table under its design, each with its p. A group of which the table hides a cell has no
        test. See `panel.estimate.flows.tests_of_table`. Where groups are to hold together, the p values that are shown
        are Holm's over the groups, each test by itself (`panel.estimate.independence.holm`); F stays as it is.

        Raises:
            UnknownVariable: the release has no such variable.
            EstimateError: these two waves have no longitudinal weight, or nobody answered both.
        """
        pair, labels = self._crossing(variable, waves)
        table = to_frame(tests_of_table(pair, labels, variable, self._groups(pair.now), method=self._method))
        lost = {group for group, _ in self._hidden_cells(pair, labels, variable)}
        shown = self._hide(table, table["group"].isin(lost))
        return _together(shown) if self.is_simultaneous else shown

    def hazards(
        self, variable: str, *, source: Code | Sequence[Code], target: Code | Sequence[Code], years: int = 1
    ) -> pd.DataFrame:
        """
        Return how many of those in a category move to another, by wave and by year of the spell, and how many have not.

        Where a hazard of the life table is hidden, so is the survival from there on. See `panel.estimate.spells`.

        Args:
            variable: a coded variable.
            source: code or codes to move from.
            target: code or codes to move to.
            years: how far apart the waves of a step lie.

        Raises:
            UnknownVariable: the release has no such variable.
            UnknownKey: the variable has no such code.
            EstimateError: no two waves lie so far apart, source and target overlap, or nobody is at risk.
        """
        taken = self._taken(variable, years)
        move = Move(source=self._codes(variable, source), target=self._codes(variable, target))
        table = self._frame(hazards(taken, self._labels(variable, unit="share"), move, method=self._method))
        shown = self._hide(table, pd.Series(False, index=table.index))
        while True:
            own = shown[(shown["statistic"] == "spell_hazard") & (shown["status"] == HIDDEN)]
            first = own.assign(year=own["value"].str.removeprefix("year ").astype(int)).groupby("group")["year"].min()
            year = pd.to_numeric(shown["value"].str.removeprefix("year "), errors="coerce")
            after = (shown["statistic"] == "spell_survival") & (year >= shown["group"].map(first))
            more = after & (shown["status"] != HIDDEN)
            if not more.any():
                return shown
            shown = self._hide(shown, more)

    def _taken(self, variable: str, years: int) -> Taken:
        self._variable(variable)
        steps = Steps.of(self._sample, self._weights, years, self._pair)
        return Taken.of(steps, variable, lambda pair: self._groups(pair.now))

    def _crossing(self, variable: str, waves: tuple[int | str, int | str]) -> tuple[Pair, list[Label]]:
        self._variable(variable)
        first, second = self._pair_of(waves)
        study = self.release.study
        years = study.wave(second).reference_year - study.wave(first).reference_year
        labels = [
            replace(each, denominator=f"{each.denominator} in both waves, years apart: {years}")
            for each in self._labels(variable, unit="share")
        ]
        return self._pair((first, second)), labels

    def _hidden_cells(self, pair: Pair, labels: list[Label], variable: str) -> set[tuple[str, str]]:
        """Return group and value of the cells that the from-to table of these groups hides."""
        told = transitions(without_errors(pair), labels, variable, self._groups(pair.now), method=self._method)
        cells = protect(to_frame(told), threshold=self.release.study.disclosure_threshold)
        lost = cells[cells["status"] == HIDDEN]
        return set(zip(lost["group"], lost["value"], strict=True))

    def _hide(self, table: pd.DataFrame, rows: pd.Series) -> pd.DataFrame:
        """Return the table protected, some rows of it hidden."""
        status = table["status"].mask(rows.to_numpy(dtype=bool), HIDDEN)
        return protect(table.assign(status=status), threshold=self.release.study.disclosure_threshold)


def _together(table: pd.DataFrame) -> pd.DataFrame:
    """Return tests whose p values hold together over the groups: of those shown, for none may tell of a hidden one."""
    out = table.copy()
    for statistic in ("independence_p", "homogeneity_p"):
        own = (table["statistic"] == statistic) & table["estimate"].notna()
        out.loc[own, "estimate"] = holm(table.loc[own, "estimate"].to_numpy(dtype=float))
        out.loc[own, "method"] = table.loc[own, "method"] + f", Holm over {int(own.sum())}"
    return out
