"""Means over steps for many groups at once, with the covariance of every step with every other counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, pairwise

import numpy as np

from panel.estimate.grouped import Grouped, means
from panel.estimate.overlap import SMALL, Crowd, Pulls
from panel.estimate.pairs import Pair
from panel.estimate.part import Part
from panel.estimate.rows import Figure, Influence, Label
from panel.estimate.split import Split
from panel.estimate.steps import Steps, Taken


@dataclass(frozen=True)
class Leg:
    """The rows of one step that are in groups: where they are among those of the pool, and the PSUs of the step."""

    crowd: Crowd
    split: Split
    own: slice


@dataclass(frozen=True)
class Pool:
    """
    The rows of steps in groups, of which no row is in two: how many members, and how sure a figure of them is.

    `owner` is the group of each row, -1 where it is in none. A member with several steps is one member and one PSU.
    What all figures of the same groups share is made once. Source: as `panel.estimate.kernel`; held to it in
    tests/unit/test_pooling.py.
    """

    steps: Steps
    owner: np.ndarray
    count: int

    @cached_property
    def split(self) -> Split:
        """Return the rows that are in any group."""
        return Split.of(self.owner, self.count)

    @property
    def rows(self) -> np.ndarray:
        """Return how many rows each group has."""
        return self.split.n

    @cached_property
    def _members(self) -> tuple[np.ndarray, np.ndarray]:
        """Return how many members each group has, and Kish's effective number of them."""
        weight = self.split.at(self.steps.weight)
        if len(self.steps.pairs) == 1:  # a member has one step
            return self.split.n, self.split.mass(self.steps.weight).n_eff
        group, held = self._heads(self.split.at(self.steps.member), weight)
        # of nobody bincount makes whole numbers
        whole, squares = (
            np.bincount(group, weights=each, minlength=self.count).astype(float) for each in (held, held**2)
        )
        n_eff = np.divide(whole**2, squares, out=np.zeros_like(squares), where=squares > 0)
        return np.bincount(group, minlength=self.count), n_eff

    def _heads(self, key: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the group and the weight of each number that a group has any row of."""
        size = int(key.max(initial=0)) + 1
        keys = self.split.owner.astype(np.int64) * size + key
        order = np.argsort(keys, kind="stable")
        rising = keys[order]
        first = np.flatnonzero(np.diff(rising, prepend=-1))
        held = np.add.reduceat(weight[order], first) if len(first) else np.zeros(0)
        return rising[first] // size, held

    @property
    def n(self) -> np.ndarray:
        """Return how many members each group has."""
        return self._members[0]

    @property
    def n_eff(self) -> np.ndarray:
        """Return Kish's effective number of members of each group."""
        return self._members[1]

    @cached_property
    def degrees(self) -> list[int]:
        """Return the PSUs of each group less the strata they lie in; at least 1."""
        design = self.steps.whole.design
        psu = np.concatenate(
            [design.psu[pair.now.places[self.split.rows[own] - start]] for pair, start, own in self._spans]
        )
        strata, size = len(design.strata), len(design.stratum)
        seen = np.zeros(self.count * size, dtype=bool)
        seen[self.split.owner.astype(np.int64) * size + psu] = True
        group, unit = np.divmod(np.flatnonzero(seen), size)
        heads = np.bincount(group * strata + design.stratum[unit], minlength=self.count * strata)
        heads = heads.reshape(self.count, strata)
        return [int(each) for each in np.maximum(heads.sum(axis=1) - (heads > 0).sum(axis=1), 1)]

    def mean(self, hit: np.ndarray) -> Grouped:
        """Return the weighted mean of a number a row in each group; zero where a group has no weight."""
        return means(hit.astype(float), self.steps.weight, self.split)

    def errors(self, pulls: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return standard errors of several estimates of each group, from linearised variables by row of `split`."""
        if self.legs is None:
            return [np.sqrt([self._long(group, each) for group in range(self.count)]) for each in pulls]
        found = [[self._pulls(leg, each) for leg in self.legs] for each in pulls]
        variances = [np.sum([each.variance for each in own], axis=0) for own in found]
        for one, two in combinations(range(len(self.legs)), 2):  # of two steps what is shared by all is held once
            both = self.steps.whole.overlap(self.legs[one].crowd, self.legs[two].crowd)
            for place, own in enumerate(found):
                variances[place] = variances[place] + 2 * both.of(own[one], own[two]).covariance
        return [
            np.sqrt(self._sound(variance, np.sum([each.squares for each in own], axis=0), pull))
            for variance, own, pull in zip(variances, found, pulls, strict=True)
        ]

    def _sound(self, variance: np.ndarray, squares: np.ndarray, pull: np.ndarray) -> np.ndarray:
        """Return variances, the long way where they are small beside what they are the difference of."""
        sound = variance >= SMALL * squares
        return np.array([each if sound[group] else self._long(group, pull) for group, each in enumerate(variance)])

    def se(self, pull: np.ndarray) -> np.ndarray:
        """Return the standard error of an estimate of each group, from its linearised variable by row of `split`."""
        return self.errors([pull])[0]

    def influences(self, pull: np.ndarray) -> Sequence[Influence | None]:
        """Return the influence of an estimate of each group, where it was asked for."""
        if not self.steps.is_joint:
            return [None] * self.count
        design, degrees = self.steps.whole.design, self.degrees
        return [Influence(self.totals(group, pull), design, degrees[group]) for group in range(self.count)]

    def totals(self, group: int, pull: np.ndarray) -> np.ndarray:
        """Return the weighted influence of an estimate of a group by PSU of the whole sample."""
        linear, own = np.zeros(len(self.owner)), self.split.owner == group
        linear[self.split.rows[own]] = pull[own]
        return self.steps.totals(linear)

    @cached_property
    def _spans(self) -> list[tuple[Pair, int, slice]]:
        """Return the steps, where the rows of each begin, and which rows of `split` they are."""
        edges = np.cumsum([0, *(len(pair.now.weight) for pair in self.steps.pairs)])
        spans = pairwise(np.searchsorted(self.split.rows, edges))
        return [
            (pair, int(start), slice(int(first), int(last)))
            for pair, start, (first, last) in zip(self.steps.pairs, edges[:-1], spans, strict=True)
        ]

    @cached_property
    def legs(self) -> list[Leg] | None:
        """Return the steps by themselves; None where the PSUs of one have several rows each."""
        out = []
        for pair, start, own in self._spans:
            crowd = pair.now.crowd(pair.part)
            if crowd is None:
                return None
            rows = _in_part(self.split.rows[own] - np.int32(start), pair.part)
            split = Split(rows, self.split.owner[own], self.count, len(rows) == len(pair.part.weight))
            out.append(Leg(crowd, split, own))
        return out

    def _pulls(self, leg: Leg, pull: np.ndarray) -> Pulls:
        nothing = np.zeros(self.count)
        return leg.crowd.pulls(Grouped(nothing, nothing, nothing, nothing > 0, leg.split, pull[leg.own]))

    def _long(self, group: int, pull: np.ndarray) -> float:
        """Return the variance of the estimate of a group by the kernel itself."""
        return max(float(self.steps.covariance_of([self.totals(group, pull)])[0, 0]), 0.0)


def _in_part(rows: np.ndarray, part: Part) -> np.ndarray:
    """Return where rows of a sample, all of them in a part, are in the part."""
    return rows - part.places.start if isinstance(part.places, slice) else np.searchsorted(part.places, rows)


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
    found = [pool.mean(taken.target == end) for end in range(many)]
    errors = pool.errors([each.pull for each in found])
    joint = [pool.influences(each.pull) for each in found]
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
