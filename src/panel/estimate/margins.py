"""The margins of a study as arrays, and the cells they cut the members into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panel.estimate.domains import domain_codes
from panel.model.study import Margin, Study

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
    margins = study.benchmarks.margins if study.benchmarks else ()
    return [_target(frame, margin, study) for margin in margins]


def _target(frame: pd.DataFrame, margin: Margin, study: Study) -> Target:
    domain = study.domain(margin.domain)
    names = tuple(name for name, _ in margin.shares)
    place = {group.key: names.index(group.key) for group in domain.groups if group.key in names}
    lookup = np.array([place.get(group.key, -1) for group in domain.groups] + [-1])
    shares = np.array([share for _, share in margin.shares])
    return Target(margin.domain, names, lookup[domain_codes(frame, domain)], shares / shares.sum())


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
        return cls(of, np.stack(columns[::-1], axis=1), tuple(names[::-1]))

    @classmethod
    def of_rows(cls, x: np.ndarray, names: Sequence[str]) -> Cells:
        """Return a cell for each row, for auxiliary variables that are not groups."""
        return cls(np.arange(len(x)), x, tuple((name, "") for name in names))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of a number a row, by cell."""
        return np.bincount(self.of, weights=values, minlength=len(self.x))


def _renumbered(crossed: np.ndarray, possible: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which cell each row is in, and the key of each cell; only cells with rows count."""
    if possible > MOST_CELLS:
        keys, of = np.unique(crossed, return_inverse=True)
        return of, keys
    there = np.zeros(possible, dtype=bool)
    there[crossed] = True
    return (np.cumsum(there) - 1)[crossed], np.flatnonzero(there)
