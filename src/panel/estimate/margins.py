"""The margins of a study as arrays, and the cells they cut the members into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panel.estimate.domains import domain_codes
from panel.model.study import Domain, Margin, Study

MOST_CELLS = 1 << 22
"""Up to so many possible cells are counted in place; beyond, the cells that occur are sorted out first."""


@dataclass(frozen=True)
class Target:
    """One margin: for each row its group (-1 where it has none), and the share each group must have."""

    name: str
    groups: tuple[str, ...]
    codes: np.ndarray
    shares: np.ndarray

    def at(self, places: np.ndarray) -> Target:
        """Return the margin of some rows."""
        return Target(self.name, self.groups, self.codes[places], self.shares)


def targets_of(frame: pd.DataFrame, study: Study) -> list[Target]:
    """Return the margins of a study's benchmarks for some person-waves; empty where it has none."""
    return targets_by(lambda domain: domain_codes(frame, domain), study)


def targets_by(codes: Callable[[Domain], np.ndarray], study: Study) -> list[Target]:
    """Return the margins of a study's benchmarks, from what gives the group of each row in a domain."""
    margins = study.benchmarks.margins if study.benchmarks else ()
    return [_target(codes, margin, study) for margin in margins]


def _target(codes: Callable[[Domain], np.ndarray], margin: Margin, study: Study) -> Target:
    domain = study.domain(margin.domain)
    names = tuple(name for name, _ in margin.shares)
    place = {group.key: names.index(group.key) for group in domain.groups if group.key in names}
    lookup = np.array([place.get(group.key, -1) for group in domain.groups] + [-1])
    shares = np.array([share for _, share in margin.shares])
    return Target(margin.domain, names, lookup[codes(domain)], shares / shares.sum())


@dataclass(frozen=True)
class Cells:
    """
    The members in the same groups of every margin, together: whatever depends on the margins only is one number a cell.

    `x` has a column for each group of each margin, those in none of its groups a group of their own; all but the first
    margin leave their first group out where everybody has one, so that no column repeats others.
    """

    of: np.ndarray  # the cell of each row
    x: np.ndarray  # cells by columns
    names: tuple[tuple[str, str], ...]  # margin and group of each column
    ones: np.ndarray | None = None  # margins by cells: the column that has the one, past the last where none has

    @classmethod
    def cut(cls, targets: Sequence[Target]) -> Cells:
        """Return the cells of one or more margins."""
        crossed, possible = np.zeros(len(targets[0].codes), dtype=np.int64), 1
        for target in targets:
            crossed = crossed * (len(target.groups) + 1) + target.codes + 1
            possible *= len(target.groups) + 1
        of, keys = _renumbered(crossed, possible)
        columns: list[np.ndarray] = []
        names: list[tuple[str, str]] = []
        for place, target in reversed(list(enumerate(targets))):
            keys, code = np.divmod(keys, len(target.groups) + 1)
            present = np.unique(code)[1 if place else 0 :][::-1]
            columns += [(code == group).astype(float) for group in present]
            names += [(target.name, target.groups[group - 1] if group else "none of its groups") for group in present]
        x = np.stack(columns[::-1], axis=1)
        return cls(of, x, tuple(names[::-1]), _ones(x, names[::-1], targets))

    @classmethod
    def of_rows(cls, x: np.ndarray, names: Sequence[str]) -> Cells:
        """Return a cell for each row, for auxiliary variables that are not groups."""
        return cls(np.arange(len(x)), x, tuple((name, "") for name in names))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of a number a row, by cell."""
        return np.bincount(self.of, weights=values, minlength=len(self.x))

    def along(self, slope: np.ndarray) -> np.ndarray:
        """Return x'b of each cell."""
        if self.ones is None:
            return np.einsum("cp,p->c", self.x, slope)
        return np.asarray(np.append(slope, 0.0)[self.ones].sum(axis=0))

    def totals(self, mass: np.ndarray) -> np.ndarray:
        """Return the total of each column, of a number a cell."""
        if self.ones is None:
            return np.einsum("cp,c->p", self.x, mass)
        columns = self.x.shape[1]
        return np.bincount(self.ones.ravel(), weights=np.tile(mass, len(self.ones)), minlength=columns + 1)[:columns]

    def products(self, mass: np.ndarray) -> np.ndarray:
        """Return x'Dx, D a number a cell."""
        if self.ones is None:
            return np.einsum("cp,cq->pq", self.x * mass[:, None], self.x)
        wide = self.x.shape[1] + 1
        pairs = (self.ones[:, None, :] * wide + self.ones[None, :, :]).reshape(-1)
        held = np.bincount(pairs, weights=np.tile(mass, len(self.ones) ** 2), minlength=wide * wide)
        return held.reshape(wide, wide)[:-1, :-1]


def _ones(x: np.ndarray, names: Sequence[tuple[str, str]], targets: Sequence[Target]) -> np.ndarray:
    """Return for each margin and cell the column that has the one."""
    owner, columns = np.array([name for name, _ in names]), x.shape[1]
    own = [(x > 0) & (owner == target.name) for target in targets]
    return np.stack([np.where(each.any(axis=1), each.argmax(axis=1), columns) for each in own])


def _renumbered(crossed: np.ndarray, possible: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which cell each row is in, and the key of each cell; only cells with rows count."""
    if possible > MOST_CELLS:
        keys, of = np.unique(crossed, return_inverse=True)
        return of, keys
    there = np.zeros(possible, dtype=bool)
    there[crossed] = True
    return (np.cumsum(there) - 1)[crossed], np.flatnonzero(there)
