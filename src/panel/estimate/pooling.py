"""The rows of steps in many groups at once: how many members each has, what they weigh, and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from panel.estimate.overlap import Crowd
from panel.estimate.pairs import Pair
from panel.estimate.part import Part
from panel.estimate.split import Split
from panel.estimate.steps import Steps


@dataclass(frozen=True)
class Leg:
    """The rows of one step that are in groups: where they are among those of the pool, and the PSUs of the step."""

    crowd: Crowd
    split: Split
    own: slice


@dataclass(frozen=True)
class Pool:
    """
    The rows of steps in groups, of which no row is in two: how many members, and which steps they take.

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


def _in_part(rows: np.ndarray, part: Part) -> np.ndarray:
    """Return where rows of a sample, all of them in a part, are in the part."""
    return rows - part.places.start if isinstance(part.places, slice) else np.searchsorted(part.places, rows)
