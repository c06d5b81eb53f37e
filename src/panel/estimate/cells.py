"""Shares of the cells of groups' tables over steps, ratios of them, and how they vary together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from panel.estimate.grouped import Grouped
from panel.estimate.overlap import SMALL, Pulls
from panel.estimate.pooling import Leg, Pool
from panel.estimate.rows import Influence
from panel.estimate.steps import Steps

AT_ONCE = 2
"""So many steps, or pairs of steps, are read side by side."""


@dataclass(frozen=True)
class Cells:
    """
    The shares of `many` cells of each group, of the members of one step or of several, and their joint covariance.

    No row is in two cells, so every figure made of them takes its error from one pass over the rows, and one over the
    rows of each two steps, for a member who takes both is one PSU. With t_c = sum w 1(c) / W, W the weight of the group
    as it is, a figure f that moves with t_c by a_c has

        V(f) = a' V(t) a

    `cell` is of each row from 0 to `many` - 1, anything where it is in no group. Source: as `panel.estimate.kernel`;
    held to it in tests/unit/test_cells.py.
    """

    steps: Steps
    groups: Pool
    cell: np.ndarray
    many: int

    @cached_property
    def _fine(self) -> Pool:
        """Return the rows by group and cell."""
        owner = np.where(self.groups.owner >= 0, self.groups.owner * self.many + self.cell, -1)
        return Pool(self.steps, owner, self.groups.count * self.many)

    @cached_property
    def counts(self) -> np.ndarray:
        """Return how many rows are in each cell: groups by cells."""
        return self._fine.rows.reshape(-1, self.many)

    @cached_property
    def shares(self) -> np.ndarray:
        """Return the share of each cell: groups by cells; zero of a group without weight."""
        held = self._fine.split.mass(self.steps.weight).held.reshape(-1, self.many)
        whole = held.sum(axis=1, keepdims=True)
        return np.divide(held, whole, out=np.zeros_like(held), where=whole > 0)

    @cached_property
    def _joint(self) -> tuple[np.ndarray, np.ndarray] | None:
        """
        Return the covariance of `t`, groups by cells by cells, and the sum of squares of each cell.

        None where it is to be had the long way only.
        """
        if self._fine.legs is None:
            return None
        with ThreadPoolExecutor(AT_ONCE) as beside:  # steps share no result, and are summed in order
            found = list(beside.map(self._pulls, self._fine.legs))
            matrix = np.sum(list(beside.map(self._own, self._fine.legs, found)), axis=0)
            pairs = [(self.steps.whole.overlap(one.crowd, two.crowd), one, two) for one, two in combinations(found, 2)]
            for both in beside.map(lambda each: each[0].of_cells(each[1], each[2], self.many), pairs):
                matrix += both + both.transpose(0, 2, 1)
        squares = np.sum([self._by_group(each.squares) for each in found], axis=0)
        matrix[:, range(self.many), range(self.many)] += squares
        return matrix, squares

    def _pulls(self, leg: Leg) -> Pulls:
        """Return what the rows of a step do to the `t` of its cells."""
        nothing = np.zeros(self._fine.count)
        pull = self.groups.split.mass(self.steps.weight).inverse[leg.own]
        return leg.crowd.pulls(Grouped(nothing, nothing, nothing, nothing > 0, leg.split, pull))

    def _own(self, leg: Leg, pulls: Pulls) -> np.ndarray:
        """Return the covariance of the `t` of one step, but for the squares of each cell."""
        slopes = [self._by_group(each) for each in pulls.slopes]
        sums = self._by_group(pulls.sums)
        matrix = -np.einsum("gch,gdh->gcd", sums, sums / np.maximum(leg.crowd.design.drawn, 1))
        for slope, own in zip(slopes, self._crossed(leg, pulls.own), strict=True):
            both = np.einsum("gcq,gdq->gcd", slope, own)
            matrix -= both + both.transpose(0, 2, 1)
        for (one, two), held in leg.crowd.products.items():
            matrix += np.einsum("gcq,gdq->gcd", np.einsum("gcp,pq->gcq", slopes[one], held), slopes[two])
        return np.asarray(matrix)

    def _crossed(self, leg: Leg, own: np.ndarray) -> list[np.ndarray]:
        """Return for each auxiliary of the weighting its sum over the rows of each cell, times what they do to it."""
        crowd, split = leg.crowd, leg.split
        places = split.rows if crowd.lost is None else crowd.part.at(split.rows)
        found = (each.among(split.owner, split.count, places).sums(own) for each in crowd.auxiliaries)
        return [self._by_group(each) for each in found]

    def _by_group(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(self.groups.count, self.many, *values.shape[1:])

    def figure(self, hit: np.ndarray) -> Made:
        """Return the sum of cells, each times a number (a number a cell), of each group: a share, or a difference."""
        return self.ratio(hit, np.ones(self.many))

    def ratio(self, hit: np.ndarray, base: np.ndarray) -> Made:
        """Return of the cells that count in `base` (a number a cell, 0 or 1) the mean of `hit`; 0 where nobody is."""
        held = np.einsum("gc,c->g", self.shares, base)
        whole = np.where(held > 0, held, 1.0)
        value = np.einsum("gc,c,c->g", self.shares, base, hit) / whole
        return Made(value, base * (hit - value[:, None]) / whole[:, None])

    def se(self, slopes: np.ndarray) -> np.ndarray:
        """Return the standard error of a figure of each group, from how it moves with each cell: groups by cells."""
        if self._joint is None:
            return np.sqrt([self._long(place, slopes) for place in range(self.groups.count)])
        matrix, squares = self._joint
        variance = np.einsum("gc,gc->g", np.einsum("gcd,gd->gc", matrix, slopes), slopes)
        sound = variance >= SMALL * np.einsum("gc,gc->g", squares, slopes**2)
        for place in np.flatnonzero(~sound):
            variance[place] = self._long(int(place), slopes)
        return np.sqrt(variance)

    def _long(self, group: int, slopes: np.ndarray) -> float:
        """Return the variance of the figure of a group by the kernel itself."""
        totals = self.groups.totals(group, self._pull(slopes))
        return max(float(self.steps.covariance_of([totals])[0, 0]), 0.0)

    def _pull(self, slopes: np.ndarray) -> np.ndarray:
        """Return the linearised variable of a figure, by row of the groups' `split`."""
        split = self.groups.split
        return np.asarray(slopes[split.owner, split.at(self.cell)] * split.mass(self.steps.weight).inverse)

    def influences(self, slopes: np.ndarray, degrees: Sequence[int]) -> Sequence[Influence | None]:
        """Return the influence of a figure of each group, where it was asked for."""
        if not self.steps.is_joint:
            return [None] * self.groups.count
        design, pull = self.steps.whole.design, self._pull(slopes)
        return [Influence(self.groups.totals(place, pull), design, own) for place, own in enumerate(degrees)]

    def covariance(self, group: int) -> np.ndarray:
        """Return the covariance matrix of the shares of a group: cells by cells."""
        seen = np.flatnonzero(self.counts[group])
        turn = np.eye(self.many) - self.shares[group][:, None]  # row c: the slope of the share of c on t
        if self._joint is not None:
            matrix, squares = self._joint
            out = np.asarray(turn @ matrix[group] @ turn.T)
            if (np.diag(out)[seen] >= SMALL * (turn**2 @ squares[group])[seen]).all():
                return out
        slopes = [self.figure(cell).slopes for cell in np.eye(self.many)[seen]]
        totals = [self.groups.totals(group, self._pull(each)) for each in slopes]
        out = np.zeros((self.many, self.many))
        out[np.ix_(seen, seen)] = self.steps.covariance_of(totals)
        return out


@dataclass(frozen=True)
class Made:
    """A figure of each group made of its cells: `value`, and `slopes`, how it moves with each (groups by cells)."""

    value: np.ndarray
    slopes: np.ndarray
