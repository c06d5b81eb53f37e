"""Means over steps for many groups at once, with the covariance of every step with every other counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, pairwise

import numpy as np

from panel.estimate.estimators import kish
from panel.estimate.grouped import Grouped
from panel.estimate.overlap import SMALL, Pulls
from panel.estimate.pairs import Pair
from panel.estimate.part import Part
from panel.estimate.rows import Figure, Influence, Label
from panel.estimate.split import Split
from panel.estimate.steps import Steps, Taken


@dataclass(frozen=True)
class Mean:
    """A mean by group, and its linearised variable: a number a row of the steps."""

    value: np.ndarray
    linear: np.ndarray


@dataclass(frozen=True)
class Pool:
    """
    The rows of steps in groups, of which no row is in two: how many members, and how sure a figure of them is.

    `owner` is the group of each row, -1 where it is in none. A member with several steps is one member and one PSU.
    Source: as `panel.estimate.kernel`; held to it in tests/unit/test_pooling.py.
    """

    steps: Steps
    owner: np.ndarray
    count: int

    @cached_property
    def rows(self) -> np.ndarray:
        """Return how many rows each group has."""
        return np.bincount(self.owner[self.owner >= 0], minlength=self.count)

    @cached_property
    def _heads(self) -> list[np.ndarray]:
        """Return the weight of each member in each group, of those who have any row in it."""
        found = []
        for group in range(self.count):
            own = np.flatnonzero(self.owner == group)
            member = self.steps.member[own]
            there = np.bincount(member) > 0
            found.append(np.bincount(member, weights=self.steps.weight[own])[there])
        return found

    @property
    def n(self) -> np.ndarray:
        """Return how many members each group has."""
        return np.array([len(each) for each in self._heads])

    @cached_property
    def n_eff(self) -> np.ndarray:
        """Return Kish's effective number of members of each group."""
        return np.array([kish(each) for each in self._heads])

    @cached_property
    def degrees(self) -> list[int]:
        """Return the PSUs of each group less the strata they lie in; at least 1."""
        design, present = self.steps.whole.design, None
        for pair, own in self._by_pair(self.owner):
            rows = np.flatnonzero(own >= 0)
            here = design.present_by(own[rows], self.count, pair.now.places[rows])
            present = here if present is None else present | here
        return [design.degrees(each) for each in present] if present is not None else []

    def mean(self, hit: np.ndarray) -> Mean:
        """Return the weighted mean of a number a row in each group; zero where a group has no weight."""
        own = np.flatnonzero(self.owner >= 0)
        owner, weight, values = self.owner[own], self.steps.weight[own], hit[own].astype(float)
        held = np.bincount(owner, weights=weight, minlength=self.count).astype(float, copy=False)
        safe = np.where(held > 0, held, 1.0)
        value = np.bincount(owner, weights=weight * values, minlength=self.count) / safe
        linear = np.zeros(len(self.owner))
        linear[own] = (values - value[owner]) / safe[owner]
        return Mean(value, linear)

    def se(self, linear: np.ndarray) -> np.ndarray:
        """Return the standard error of an estimate of each group, from its linearised variable."""
        pulls = [self._pulls(pair, own, part) for (pair, own), (_, part) in zip(
            self._by_pair(self.owner), self._by_pair(linear), strict=True
        )]  # fmt: skip
        known = [each for each in pulls if each is not None]
        if len(known) < len(pulls):
            return np.sqrt([self._long(group, linear) for group in range(self.count)])
        variance = np.sum([each.variance for each in known], axis=0)
        for one, two in combinations(known, 2):
            variance = variance + 2 * self.steps.whole.overlap(one.crowd, two.crowd).of(one, two).covariance
        sound = variance >= SMALL * np.sum([each.squares for each in known], axis=0)
        return np.sqrt([
            each if sound[group] else self._long(group, linear) for group, each in enumerate(variance)
        ])  # fmt: skip

    def influences(self, linear: np.ndarray) -> Sequence[Influence | None]:
        """Return the influence of an estimate of each group, where it was asked for."""
        if not self.steps.is_joint:
            return [None] * self.count
        design, degrees = self.steps.whole.design, self.degrees
        return [Influence(self._totals(group, linear), design, degrees[group]) for group in range(self.count)]

    def _totals(self, group: int, linear: np.ndarray) -> np.ndarray:
        return self.steps.totals(np.where(self.owner == group, linear, 0.0))

    def _by_pair(self, values: np.ndarray) -> list[tuple[Pair, np.ndarray]]:
        edges = np.cumsum([0, *(len(pair.now.weight) for pair in self.steps.pairs)])
        spans = pairwise(edges)
        return [(pair, values[start:stop]) for pair, (start, stop) in zip(self.steps.pairs, spans, strict=True)]

    def _pulls(self, pair: Pair, owner: np.ndarray, linear: np.ndarray) -> Pulls | None:
        crowd = pair.now.crowd(pair.part)
        if crowd is None:
            return None
        own, nothing = np.flatnonzero(owner >= 0), np.zeros(self.count)
        found = Grouped(
            nothing, nothing, nothing, nothing > 0, Split(_in_part(own, pair.part), owner[own], self.count), linear[own]
        )
        return crowd.pulls(found)

    def _long(self, group: int, linear: np.ndarray) -> float:
        """Return the variance of the estimate of a group by the kernel itself."""
        return max(float(self.steps.covariance_of([self._totals(group, linear)])[0, 0]), 0.0)


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
    errors = [pool.se(each.linear) for each in found]
    joint = [pool.influences(each.linear) for each in found]
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
