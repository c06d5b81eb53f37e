"""The from-to table of every group as shares of all, and how its cells vary together, for flows and tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from panel.estimate.grouped import Grouped
from panel.estimate.overlap import SMALL, products
from panel.estimate.pooling import Leg, Pool
from panel.estimate.rows import Influence
from panel.estimate.steps import Steps, Taken


@dataclass(frozen=True)
class Cells:
    """
    The shares of the cells of each group's from-to table, of the steps of one pair, and their joint covariance.

    A figure is a sum of cells, each times a coefficient: sum_c b_c p_c. All figures of all groups take their errors
    from one pass over the rows, for no row is in two cells:

        V(b'p) = (b - b'p 1)' V(t) (b - b'p 1),   t_c = sum w 1(c) / W,   W the weight of the group as it is

    Cells of a group are in the order of `codes`: source by target. Source: as `panel.estimate.kernel`; held to it in
    tests/unit/test_cells.py.
    """

    steps: Steps
    groups: Pool
    cell: np.ndarray  # of each row, -1 where it is in no group
    codes: tuple[object, ...]

    @classmethod
    def of(cls, taken: Taken, count: int) -> Cells:
        """Return the cells of `count` groups."""
        groups = Pool(taken.steps, np.where(taken.inside, taken.groups, -1), count)
        cell = np.where(taken.inside, taken.source * len(taken.codes) + taken.target, -1)
        return cls(taken.steps, groups, cell, taken.codes)

    @property
    def many(self) -> int:
        """Return how many cells a group has."""
        return len(self.codes) ** 2

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
        (leg,) = self._fine.legs
        nothing = np.zeros(self._fine.count)
        pull = self.groups.split.mass(self.steps.weight).inverse
        pulls = leg.crowd.pulls(Grouped(nothing, nothing, nothing, nothing > 0, leg.split, pull))
        slopes = [self._by_group(each) for each in pulls.slopes]
        sums = self._by_group(pulls.sums)
        matrix = -np.einsum("gch,gdh,h->gcd", sums, sums, 1 / np.maximum(leg.crowd.design.drawn, 1), optimize=True)
        for slope, own in zip(slopes, self._crossed(leg, pulls.own), strict=True):
            both = np.einsum("gcq,gdq->gcd", slope, own, optimize=True)
            matrix -= both + both.transpose(0, 2, 1)
        for (one, two), held in products(leg.crowd, leg.crowd, slice(None), slice(None)).items():
            matrix += np.einsum("gcp,pq,gdq->gcd", slopes[one], held, slopes[two], optimize=True)
        squares = self._by_group(pulls.squares)
        matrix[:, range(self.many), range(self.many)] += squares
        return matrix, squares

    def _crossed(self, leg: Leg, own: np.ndarray) -> list[np.ndarray]:
        """Return for each auxiliary of the weighting its sum over the rows of each cell, times what they do to it."""
        crowd, split = leg.crowd, leg.split
        places = split.rows if crowd.lost is None else crowd.part.at(split.rows)
        found = (each.among(split.owner, split.count, places).sums(own) for each in crowd.auxiliaries)
        return [self._by_group(each) for each in found]

    def _by_group(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(self.groups.count, self.many, *values.shape[1:])

    def values(self, coefficients: np.ndarray) -> np.ndarray:
        """Return a figure of each group."""
        return np.einsum("gc,c->g", self.shares, coefficients)

    def se(self, coefficients: np.ndarray) -> np.ndarray:
        """Return the standard error of a figure of each group."""
        if self._joint is None:
            return self.groups.se(self.pull(coefficients))
        matrix, squares = self._joint
        slope = coefficients - self.values(coefficients)[:, None]
        variance = np.einsum("gcd,gc,gd->g", matrix, slope, slope, optimize=True)
        sound = variance >= SMALL * np.einsum("gc,gc->g", squares, slope**2)
        se = np.sqrt(np.maximum(variance, 0.0))
        return se if sound.all() else np.where(sound, se, self.groups.se(self.pull(coefficients)))

    def pull(self, coefficients: np.ndarray) -> np.ndarray:
        """Return the linearised variable of a figure, by row of the groups' `split`."""
        split = self.groups.split
        value = np.take(self.values(coefficients), split.owner)
        return np.asarray((coefficients[split.at(self.cell)] - value) * split.mass(self.steps.weight).inverse)

    def influences(self, coefficients: np.ndarray) -> Sequence[Influence | None]:
        """Return the influence of a figure of each group, where it was asked for."""
        return self.groups.influences(self.pull(coefficients)) if self.steps.is_joint else [None] * self.groups.count

    def covariance(self, group: int) -> np.ndarray:
        """Return the covariance matrix of the shares of a group: cells by cells."""
        seen = np.flatnonzero(self.counts[group])
        if self._joint is not None:
            matrix, squares = self._joint
            turn = np.eye(self.many) - self.shares[group][:, None]  # row c: the slope of the share of c on t
            out = np.asarray(turn @ matrix[group] @ turn.T)
            if (np.diag(out)[seen] >= SMALL * (turn**2 @ squares[group])[seen]).all():
                return out
        totals = [self.groups.totals(group, self.pull(np.eye(self.many)[cell])) for cell in seen]
        out = np.zeros((self.many, self.many))
        out[np.ix_(seen, seen)] = self.steps.covariance_of(totals)
        return out
