"""The rows of a part in groups, of which no row is in two, with what every estimate of them needs made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Split:
    """
    Which rows are in any group, and the group of each.

    `rows` are their places in rising order, `owner` the group of each from 0 to `count` - 1. Where every row is in a
    group (`is_whole`), an array of rows is taken as it is. What is made of a split by `made` lives as long as it does,
    so that estimates of the same groups share it; arrays are not to be written to.
    """

    rows: np.ndarray
    owner: np.ndarray
    count: int
    is_whole: bool = False
    _made: dict[tuple[object, ...], Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, codes: np.ndarray, count: int) -> Split:
        """
        Return the rows in groups.

        Args:
            codes: the group of each row, from 0 to `count` - 1, or -1.
            count: how many groups there are.
        """
        rows = np.flatnonzero(codes >= 0).astype(np.int32)
        return cls(rows, np.take(codes, rows).astype(np.int32), count, len(rows) == len(codes))

    def made(self, key: tuple[object, ...], make: Callable[[], Any]) -> Any:
        """Return what `make` gives, or gave before under the same key."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def at(self, values: np.ndarray) -> np.ndarray:
        """Return the numbers of the rows in any group, from a number a row."""
        return values if self.is_whole else np.take(values, self.rows)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of each group, from a number for each of its rows."""
        # of nobody bincount makes whole numbers
        return np.bincount(self.owner, weights=values, minlength=self.count).astype(float, copy=False)

    @property
    def n(self) -> np.ndarray:
        """Return how many rows each group has."""
        return np.asarray(self.made(("n",), lambda: np.bincount(self.owner, minlength=self.count)))

    def mass(self, weights: np.ndarray) -> Mass:
        """Return the weight of the rows and of each group, from a weight a row."""
        return self.made(("mass", id(weights)), lambda: Mass.of(self, weights))


@dataclass(frozen=True)
class Mass:
    """The weights of the rows of a split: `row` by row, `held` and Kish's effective number by group."""

    weights: np.ndarray  # kept, so that no other array takes its place in memory
    row: np.ndarray
    held: np.ndarray
    there: np.ndarray
    n_eff: np.ndarray
    inverse: np.ndarray  # one over the weight of the row's group

    @classmethod
    def of(cls, split: Split, weights: np.ndarray) -> Mass:
        """Return the mass of a split's rows."""
        row = split.at(weights)
        held, squares = split.sums(row), split.sums(row**2)
        n_eff = np.divide(held**2, squares, out=np.zeros_like(held), where=squares > 0)
        inverse = np.take(1 / np.where(held > 0, held, 1.0), split.owner)
        return cls(weights, row, held, held > 0, n_eff, inverse)


def crossed(owner: np.ndarray, code: np.ndarray, count: int, width: int) -> np.ndarray:
    """Return one number for the group of each row, of `count`, and its code, which is below `width`."""
    wide = owner if count * width < 1 << 31 else owner.astype(np.int64)
    return np.asarray(wide * width + code)
