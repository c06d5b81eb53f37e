"""Auxiliary variables of the weighting, by row and cell: what it takes off each row's influence is made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from panel.estimate.split import crossed


@dataclass(frozen=True)
class Auxiliary:
    """What weighting takes off each row: a scale a row, times the auxiliaries of its cell, times a slope a group."""

    scale: np.ndarray
    cell: np.ndarray
    x: np.ndarray  # cells by auxiliaries

    def among(self, owner: np.ndarray, count: int, at: np.ndarray | slice) -> Among:
        """Return these auxiliaries among the rows `at`, of which each is in a group."""
        cell, scale = (each[at] if isinstance(at, slice) else np.take(each, at) for each in (self.cell, self.scale))
        return Among(crossed(owner, cell, count, len(self.x)), scale, self.x, count)

    def products(self, other: Auxiliary, mine: np.ndarray | slice, theirs: np.ndarray | slice) -> np.ndarray:
        """Return the sum of products of these auxiliaries and others, over rows of both in pairs."""
        held, shape = self.scale[mine] * other.scale[theirs], (len(self.x), len(other.x))
        pairs = sparse.coo_array((held, (self.cell[mine], other.cell[theirs])), shape=shape).tocsr()
        return np.einsum("cp,cq->pq", self.x, pairs @ other.x)


@dataclass(frozen=True)
class Among:
    """Auxiliaries among the rows of a split: for each row its group and cell in one number, and its scale."""

    key: np.ndarray
    scale: np.ndarray
    x: np.ndarray
    count: int

    def sums(self, held: np.ndarray) -> np.ndarray:
        """Return for each group the sum of a number a row times the auxiliaries of the row."""
        cells, out = len(self.x), np.zeros((self.count, self.x.shape[1]))
        sums = np.bincount(self.key, weights=held * self.scale, minlength=self.count * cells).reshape(-1, cells)
        there = np.flatnonzero(sums.any(axis=1))
        out[there] = np.einsum("gc,cq->gq", sums[there], self.x)
        return out
