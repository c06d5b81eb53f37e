"""Flows between the categories of an answer: who went from one to another, came, went, what is left; all years."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.special import fdtrc

from panel.estimate.between import Between
from panel.estimate.cells import Cells
from panel.estimate.grouped import Grouped
from panel.estimate.grouping import Grouping
from panel.estimate.independence import of_table
from panel.estimate.pairs import Pair
from panel.estimate.pooling import Pool
from panel.estimate.rows import Figure, Label
from panel.estimate.steps import Steps, Taken

TESTS = ("independence_f", "independence_p", "homogeneity_f", "homogeneity_p")
SIDES = ("flow_in", "flow_out", "flow_net")
UNITS = ("share", "share", "points")


def flows(pair: Pair, labels: Sequence[Label], variable: str, groups: Grouping, *, method: str) -> list[Figure]:
    """
    Return gross flows of each group: the share of all who went from a category to another, in, out and net.

        p_ab = sum w 1(a then, b now) / sum w,   in_c = sum_(a != c) p_ac,   out_c = sum_(b != c) p_cb,   in_c - out_c

    Cells of a group (`flow_share`, "from>to") add up to one, in and out are shares of the same members, and in less out
    is how much the category's share moved within them: small net flows hide large gross ones.

    Source: kernel, shares and their differences as ratios. Oracle: o07 (cells, inflow_outflow, net).

    Args:
        pair: the two waves.
        labels: what the figures of each group are about.
        variable: a coded variable.
        groups: who is in which, by rows of `pair.now`.
        method: how the intervals are meant.

    Raises:
        EstimateError: nobody of these groups answered in both waves; names the variable.
    """
    crossed = _crossed(pair, labels, variable, groups, method)
    return [figure for row in zip(*crossed.flows(labels), strict=True) for figure in row if figure is not None]


def tests_of_table(
    pair: Pair, labels: Sequence[Label], variable: str, groups: Grouping, *, method: str
) -> list[Figure]:
    """
    Return for each group whether where one ends depends on where one began, and whether the margins moved at all.

    `independence_f` is Rao and Scott's second-order F (see `panel.estimate.independence`); `homogeneity_f` Wald's test
    that every category is as large now as then, W = net' V^-1 net of all categories but one, as F = (d - k + 2) W /
    ((k - 1) d) on k - 1 and d - k + 2 degrees of freedom, d those of the design. Each is followed by its p; degrees of
    freedom stand in the denominator. A group with one category on either side has no test.

    Source: Rao and Scott (1984), Annals of Statistics 12; Korn and Graubard (1990), American Statistician 44 (F of a
    Wald statistic). Oracle: o07 (chisq_F); homogeneity by o07 (net) where there are two categories.

    Args and errors: as `flows`.
    """
    crossed = _crossed(pair, labels, variable, groups, method)
    return [figure for place, label in enumerate(labels) for figure in crossed.tests(label, place)]


def pooled_transitions(taken: Taken, labels: Sequence[Label], *, method: str) -> list[Figure]:
    """
    Return the from-to table of a coded variable over the steps of all years together, row shares.

    Whoever is in a category when a step begins counts once for each such step; rows add up to one, and a member's
    steps are one PSU. Only steps of the same number of years are put together.

    Source: kernel, row shares as ratios of sums over person-steps. Oracle: o07 (pooled_row_props, males_union).

    Args:
        taken: the steps, by group of the earlier wave.
        labels: what the figures of each group are about.
        method: how the intervals are meant.
    """
    steps, codes = taken.steps, taken.codes
    told, many = steps.told(method), len(codes)
    pool = Pool(steps, np.where(taken.inside, taken.groups * many + taken.source, -1), len(labels) * many)
    cells = Cells(steps, pool, taken.target, many)
    found = [cells.figure(end) for end in np.eye(many)]
    errors = [cells.se(each.slopes) for each in found]
    joint = [cells.influences(each.slopes, pool.degrees) for each in found]
    return [
        told.figure(
            replace(steps.words(label, int(pool.rows[cell])), unit="share", value=f"{source}>{target}"),
            "pooled_transition", value=float(each.value[cell]), se=float(se[cell]), degrees=pool.degrees[cell],
            n=int(pool.n[cell]), n_eff=float(pool.n_eff[cell]), influence=influence[cell],
        )
        for place, label in enumerate(labels)
        for cell, source in enumerate(codes, start=place * many)
        if pool.rows[cell]
        for target, each, se, influence in zip(codes, found, errors, joint, strict=True)
    ]  # fmt: skip


def without_errors(pair: Pair) -> Pair:
    """Return a pair whose figures have their values and counts but no errors: to see which of them are hidden."""
    return _Counted(**{each.name: getattr(pair, each.name) for each in fields(pair)} | {"is_joint": False})


class _Counted(Pair):
    def degrees(self, found: Grouped) -> list[int]:
        return [1] * found.count

    def figures(
        self, labels: Sequence[Label], statistic: str, found: Grouped, degrees: Sequence[int], *, method: str,
        is_provisional: bool = False,
    ) -> list[Figure | None]:  # fmt: skip
        nothing = np.full(found.count, np.nan)
        counted = replace(found, se=nothing, low=nothing, high=nothing)
        return super().figures(labels, statistic, counted, degrees, method=method, is_provisional=is_provisional)


@dataclass(frozen=True)
class _Crossed:
    cells: Cells  # source by target
    codes: tuple[object, ...]
    told: Between

    @property
    def _many(self) -> int:
        return len(self.codes)

    def flows(self, labels: Sequence[Label]) -> list[list[Figure | None]]:
        """Return the cells, then what came, went and was left of both by category: for each a figure a group."""
        codes, columns = self.codes, []
        names = [f"{source}>{target}" for source in codes for target in codes]
        for name, cell in zip(names, np.eye(self.cells.many), strict=True):
            own = [replace(label, value=name, unit="share") for label in labels]
            columns.append(self._figures(own, "flow_share", cell))
        for at, code in enumerate(codes):
            ends, begins = self._ends(at), self._begins(at)
            came, went = ends * (1 - begins), begins * (1 - ends)
            for side, unit, cells in zip(SIDES, UNITS, (came, went, ends - begins), strict=True):
                own = [replace(label, value=str(code), unit=unit) for label in labels]
                columns.append(self._figures(own, side, cells))
        return columns

    def _begins(self, at: int) -> np.ndarray:
        """Return which cells begin in a category: a number a cell."""
        return np.repeat(np.eye(self._many)[at], self._many)

    def _ends(self, at: int) -> np.ndarray:
        return np.tile(np.eye(self._many)[at], self._many)

    def _figures(self, labels: Sequence[Label], statistic: str, coefficients: np.ndarray) -> list[Figure | None]:
        pool, found = self.cells.groups, self.cells.figure(coefficients)
        se, joint = self.cells.se(found.slopes), self.cells.influences(found.slopes, pool.degrees)
        return [
            self.told.figure(
                label, statistic, value=float(found.value[place]), se=float(se[place]), degrees=pool.degrees[place],
                n=int(pool.n[place]), n_eff=float(pool.n_eff[place]), influence=joint[place],
            )
            if pool.rows[place]
            else None
            for place, label in enumerate(labels)
        ]  # fmt: skip

    def tests(self, label: Label, place: int) -> Iterator[Figure]:
        """Yield the tests of a group; none where it has one category on either side."""
        cells, many = self.cells, self._many
        counts = cells.counts[place].reshape(many, many)
        first, second = (np.flatnonzero(counts.sum(axis=axis)) for axis in (1, 0))
        if min(len(first), len(second)) < 2:
            return
        spread, d, own = cells.covariance(place), cells.groups.degrees[place], np.ix_(first, second)
        inside = np.arange(cells.many).reshape(many, many)[own].ravel()
        table = cells.shares[place].reshape(many, many)[own]
        found = of_table(table, spread[np.ix_(inside, inside)], int(counts.sum()), d)
        yield from self._test(label, "independence", found.f, (found.between, found.within), place)
        moving = np.union1d(first, second)[:-1]
        net = np.stack([self._ends(at) - self._begins(at) for at in moving])
        matrix, values, k = net @ spread @ net.T, net @ cells.shares[place], len(moving)
        if np.linalg.matrix_rank(matrix) == k and d - k + 1 > 0:
            wald = float(values @ np.linalg.solve(matrix, values))
            yield from self._test(label, "homogeneity", wald * (d - k + 1) / (k * d), (k, d - k + 1), place)

    def _test(self, label: Label, name: str, f: float, degrees: tuple[float, float], place: int) -> Iterator[Figure]:
        n, n_eff = int(self.cells.groups.n[place]), float(self.cells.groups.n_eff[place])
        words = replace(label, unit="F", denominator=f"{label.denominator}, F({degrees[0]:.4g}, {degrees[1]:.6g})")
        p = float(fdtrc(*degrees, f))
        for each, statistic, value in ((words, f"{name}_f", f), (replace(words, unit="p"), f"{name}_p", p)):
            yield self.told.figure(each, statistic, value=value, se=np.nan, degrees=1, n=n, n_eff=n_eff)


def _crossed(pair: Pair, labels: Sequence[Label], variable: str, groups: Grouping, method: str) -> _Crossed:
    first, second = (pair.now.study.wave(wave).reference_year for wave in pair.waves)
    steps = Steps((pair,), second - first)
    taken = Taken.of(steps, variable, lambda _: groups)
    pool = Pool(steps, np.where(taken.inside, taken.groups, -1), len(labels))
    many = len(taken.codes)
    cells = Cells(steps, pool, taken.source * many + taken.target, many**2)
    return _Crossed(cells, taken.codes, replace(steps.told(method), weight=pair.now.label))
