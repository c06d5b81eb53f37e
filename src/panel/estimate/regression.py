"""
Regressions on person-waves, design-based: within members, or across everybody.

    b = (sum w x x')^-1 sum w x y,   u_i = (sum w x x')^-1 x_i (y_i - x_i' b)

With effects of members, y and x are less the member's own weighted mean over the waves: what never changes within a
member says nothing, and explains nothing away. The influence u goes through the one kernel, summed to the PSU, so that
a member's waves, and the members of a PSU, may depend on each other in any way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.estimators import Estimand, kish

FLAT = 1e-9  # of the variation of a covariate, what those before it must leave


@dataclass(frozen=True)
class Regression:
    """
    Coefficients by name, and what their influence is made of.

    `columns` are covariates as they were regressed on, `places` the rows that count; `members` is how many members
    those are of (rows, where no member was told), `seen_once` how many were left out for having one row.
    """

    names: tuple[str, ...]
    values: np.ndarray
    inverse: np.ndarray
    columns: np.ndarray
    left: np.ndarray
    places: np.ndarray
    weight: np.ndarray
    member: np.ndarray
    size: int
    members: int
    seen_once: int

    def estimand(self, name: str) -> Estimand:
        """Return a coefficient with its linearised variable, a number a row; `n` counts members."""
        place = self.names.index(name)
        linear = np.zeros(self.size)
        linear[self.places] = np.einsum("p,pi->i", self.inverse[place], self.columns) * self.left
        rows = np.zeros(self.size, dtype=bool)
        rows[self.places] = True
        return Estimand(float(self.values[place]), linear, self.members, self.n_eff(self.places), rows)

    def n_eff(self, places: np.ndarray) -> float:
        """Return the effective number of the members of some rows, each counted once with its largest weight."""
        held = np.zeros(int(self.member.max(initial=-1)) + 1)
        np.maximum.at(held, self.member[places], self.weight[places])
        return kish(held)

    def count(self, places: np.ndarray) -> int:
        """Return the number of members of some rows."""
        return int(np.count_nonzero(np.bincount(self.member[places])))

    def moved(self, name: str) -> np.ndarray:
        """Return the rows of the members in whom a covariate moves: those who say something of its coefficient."""
        column = self.columns[self.names.index(name)]
        spread = np.bincount(self.member[self.places], weights=np.abs(column))
        return np.asarray(self.places[spread[self.member[self.places]] > FLAT])


def regression(
    x: Mapping[str, np.ndarray], y: np.ndarray, weights: np.ndarray, rows: np.ndarray, *,
    member: np.ndarray | None = None, within: bool = True,
) -> Regression:  # fmt: skip
    """
    Return a weighted linear regression of `y` on `x`, with effects of members where `member` is told.

    Members with one row only are left out of the second, for nothing can be seen to change in them. Without effects of
    members an intercept is added, named "intercept". A weight that differs between the rows of a member is taken as it
    is.

    Source: Binder (1983), International Statistical Review 51 (linearisation); Arellano (1987), Oxford Bulletin of
    Economics and Statistics 49 (clusters of members). Checked against plm 2.6 (within, Arellano HC0, which is ours
    times (n - 1) / n of the PSUs) and svyglm of survey in tests/unit/test_regression.py.

    Args:
        x: a number a row for each covariate, by name; may be anything outside `rows`.
        y: a number a row, NaN where missing.
        weights: a weight a row.
        rows: who is meant (a mask).
        member: the number of each row's member, from 0; None for no members (a row is one).
        within: take effects of members; else `member` only counts them.

    Raises:
        EstimateError: nobody has a value, nobody is seen twice, or a covariate says nothing the others do not; names
            it.
    """
    places = np.flatnonzero(rows & np.isfinite(y) & (weights > 0))
    own = np.arange(len(y)) if member is None else member
    within, seen_once = within and member is not None, 0
    if within:
        several = np.bincount(own[places], minlength=1)[own[places]] > 1
        seen_once, places = int(np.count_nonzero(~several)), places[several]
    if not len(places):
        raise EstimateError(
            "Nobody has a value in two of the waves, so nothing is seen to change within anybody."
            if within and seen_once
            else "Nobody has a value and a weight, so there is nothing to regress."
        )
    weight, at = weights[places], own[places]
    named = dict(x) if within else {"intercept": np.ones(len(y)), **x}
    columns = np.empty((len(named), len(places)))
    for place, (name, column) in enumerate(named.items()):
        own_values = np.asarray(column, dtype=float)[places]
        _refuse_constant(name, own_values, at if within else None)
        columns[place] = own_values - (_means(own_values, weight, at) if within else 0.0)
    target = y[places] - (_means(y[places], weight, at) if within else 0.0)
    inverse = _inverse(columns, weight, tuple(named))
    pull = np.array([(each * weight * target).sum() for each in columns])
    values = np.einsum("pq,q->p", inverse, pull)
    left = target - np.einsum("p,pi->i", values, columns)
    values = values + np.einsum("pq,q->p", inverse, np.array([(each * weight * left).sum() for each in columns]))
    left = target - np.einsum("p,pi->i", values, columns)  # refined once: amounts are large, changes small
    count = int(np.count_nonzero(np.bincount(at)))
    return Regression(
        tuple(named), values, inverse, columns, left, places, weights, own, len(y), count, seen_once
    )  # fmt: skip


def group_by_wave(
    wave: np.ndarray, first: np.ndarray, *, base: int, within: bool, waves: Sequence[int]
) -> dict[str, np.ndarray]:
    """
    Return the covariates of an event study: each wave but the base, and each of these in the first of two groups.

    The coefficient of "effect t" is how much more the first group moved from the base to t than the second did:
    (a_t - a_base) - (b_t - b_base), where nothing else is in the model. Without effects of members the groups' own
    difference at the base, "group", is there, too.

    Args:
        wave: of each row.
        first: which rows are of the first group (a mask); all others are of the second.
        base: the wave that others are held against.
        within: whether effects of members are taken.
        waves: those that are asked about.
    """
    others = [each for each in waves if each != base]
    found = {f"wave {each}": (wave == each).astype(float) for each in others}
    if not within:
        found["group"] = first.astype(float)
    return found | {f"effect {each}": (first & (wave == each)).astype(float) for each in others}


def _means(values: np.ndarray, weight: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Return for each row the weighted mean of its member."""
    held = np.bincount(member, weights=weight)
    sums = np.bincount(member, weights=weight * values)
    return np.asarray(np.divide(sums, held, out=np.zeros_like(sums), where=held > 0)[member])


def _refuse_constant(name: str, column: np.ndarray, member: np.ndarray | None) -> None:
    if name == "intercept":
        return
    if member is None:
        if np.ptp(column) == 0:
            raise EstimateError(
                f"'{printable(name)}' is the same for everybody, so it explains nothing.", fix="leave it out"
            )
        return
    first = np.zeros(int(member.max(initial=-1)) + 1)
    first[member[::-1]] = column[::-1]
    if (column == first[member]).all():
        raise EstimateError(
            f"'{printable(name)}' changes within nobody, so effects of members leave it nothing to explain.",
            fix="leave it out, or take no effects of members",
        )


def _inverse(columns: np.ndarray, weight: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return (sum w x x')^-1, or raise EstimateError that names the first covariate that follows from others."""
    gram = np.empty((len(columns), len(columns)))
    for one, left in enumerate(columns):  # not by `@`: see kernel
        held = left * weight
        for two in range(one + 1):
            gram[one, two] = gram[two, one] = (held * columns[two]).sum()
    scale = np.sqrt(np.diag(gram))
    scale[scale == 0] = 1.0
    matrix = gram / scale / scale[:, None]
    for place, name in enumerate(names):
        before = matrix[:place, :place]
        told = matrix[place, :place] @ np.linalg.solve(before, matrix[:place, place]) if place else 0.0
        if matrix[place, place] - told < FLAT:
            raise EstimateError(
                f"'{printable(name)}' follows from the covariates before it, so it has no coefficient of its own.",
                fix="leave it out, or one of those before it",
            )
    return np.asarray(np.linalg.inv(matrix) / scale / scale[:, None])
