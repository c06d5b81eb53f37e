"""Flows between the categories of an answer: how many went from one to another, came, went, and what is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy import stats

from panel.estimate.between import Between
from panel.estimate.estimators import Estimand, mean
from panel.estimate.grouped import Grouped
from panel.estimate.grouping import Grouping
from panel.estimate.independence import rao_scott
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
    crossed = _crossed(pair, variable, groups, method)
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
    crossed = _crossed(pair, variable, groups, method)
    return [figure for place, label in enumerate(labels) for figure in crossed.tests(label, place)]


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
    taken: Taken
    told: Between

    @property
    def steps(self) -> Steps:
        return self.taken.steps

    def flows(self, labels: Sequence[Label]) -> list[list[Figure | None]]:
        """Return the cells, then what came, went and was left of both by category: for each a figure a group."""
        pool = Pool(self.steps, np.where(self.taken.inside, self.taken.groups, -1), len(labels))
        columns = []
        for at, source in enumerate(self.taken.codes):
            for end, target in enumerate(self.taken.codes):
                own = [replace(label, value=f"{source}>{target}", unit="share") for label in labels]
                hit = (self.taken.source == at) & (self.taken.target == end)
                columns.append(self._figures(pool, own, "flow_share", hit))
        for at, code in enumerate(self.taken.codes):
            ends, begins = self.taken.target == at, self.taken.source == at
            net = ends.astype(float) - begins.astype(float)
            for name, unit, hit in zip(SIDES, UNITS, (ends & ~begins, begins & ~ends, net), strict=True):
                own = [replace(label, value=str(code), unit=unit) for label in labels]
                columns.append(self._figures(pool, own, name, hit))
        return columns

    def _figures(self, pool: Pool, labels: Sequence[Label], statistic: str, hit: np.ndarray) -> list[Figure | None]:
        found = pool.mean(hit)
        se, joint = pool.se(found.linear), pool.influences(found.linear)
        return [
            self.told.figure(
                label, statistic, value=float(found.value[place]), se=float(se[place]), degrees=pool.degrees[place],
                n=int(pool.n[place]), n_eff=float(pool.n_eff[place]), influence=joint[place],
            )
            if pool.rows[place]
            else None
            for place, label in enumerate(labels)
        ]  # fmt: skip

    def _net(self, at: int, own: np.ndarray) -> Estimand:
        return self._mean((self.taken.target == at).astype(float) - (self.taken.source == at), own)

    def _mean(self, hit: np.ndarray, own: np.ndarray) -> Estimand:
        return mean(hit.astype(float), self.steps.weight, own)

    def tests(self, label: Label, place: int) -> Iterator[Figure]:
        """Yield the tests of a group; none where it has one category on either side."""
        own = self.taken.inside & (self.taken.groups == place)
        sides = [np.unique(each[own]) for each in (self.taken.source, self.taken.target)]
        if min(map(len, sides)) < 2:
            return
        steps, d = self.steps, self.steps.degrees(own)
        found = rao_scott(
            self.taken.source, self.taken.target, steps.weight, own, steps.whole.design, totals=steps.totals, degrees=d
        )
        yield from self._test(label, "independence", found.f, (found.between, found.within), own)
        moving = np.union1d(*sides)[:-1]
        net = [self._net(int(at), own) for at in moving]
        matrix, values, k = steps.covariance(net), np.array([each.value for each in net]), len(moving)
        if np.linalg.matrix_rank(matrix) == k and d - k + 1 > 0:
            wald = float(values @ np.linalg.solve(matrix, values))
            yield from self._test(label, "homogeneity", wald * (d - k + 1) / (k * d), (k, d - k + 1), own)

    def _test(
        self, label: Label, name: str, f: float, degrees: tuple[float, float], own: np.ndarray
    ) -> Iterator[Figure]:
        base = self._mean(own, own)
        words = replace(label, unit="F", denominator=f"{label.denominator}, F({degrees[0]:.4g}, {degrees[1]:.6g})")
        p = float(stats.f.sf(f, *degrees))
        for each, statistic, value in ((words, f"{name}_f", f), (replace(words, unit="p"), f"{name}_p", p)):
            yield self.told.figure(each, statistic, value=value, se=np.nan, degrees=1, n=base.n, n_eff=base.n_eff)


def _crossed(pair: Pair, variable: str, groups: Grouping, method: str) -> _Crossed:
    first, second = (pair.now.study.wave(wave).reference_year for wave in pair.waves)
    steps = Steps((pair,), second - first)
    taken = Taken.of(steps, variable, lambda _: groups)
    return _Crossed(taken, replace(steps.told(method), weight=pair.now.label))
