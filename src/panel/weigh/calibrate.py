"""Move weights as little as can be until known totals or shares are met, and say what that cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.margins import Cells, Target
from panel.weigh.distance import Distance

MOST_ROUNDS = 200
TOLERANCE = 1e-12
ACCEPTED = 1e-9
"""The largest error in a share, or relative in a total, with which weights count as calibrated."""


@dataclass(frozen=True)
class Calibrated:
    """Weights that meet every total, their ratio to the design weights, the rounds it took and the largest error."""

    weights: np.ndarray
    ratio: np.ndarray
    rounds: int
    error: float


def rake(
    design: np.ndarray,
    targets: Sequence[Target],
    *,
    distance: Distance | None = None,
    total: float | None = None,
) -> Calibrated:
    """
    Return weights near `design` whose shares are those of every target, adding up to `total`.

    By raking, unless another distance is given; bounds are then times the mean ratio, as design weights are first
    brought to the total. Rows in no group of a margin keep the share they have.

    Source: Deming and Stephan (1940); Deville, Särndal and Sautory (1993), JASA 88. Oracle: o03.

    Args:
        design: a weight a row, none negative.
        targets: the margins, each with a code a row.
        distance: raking without bounds where not told.
        total: what the weights add up to; those of `design` where not told.

    Raises:
        EstimateError: a group with a share has no rows or no weight, or margins and bounds cannot be met together;
            names the margin and the group.
    """
    return Raker.of(targets, distance).weights(design, total)


@dataclass(frozen=True)
class Raker:
    """Margins made ready to be met again and again from other design weights, as replicates do."""

    targets: tuple[Target, ...]  # a code a row
    inside: tuple[Target, ...]  # a code a cell
    cells: Cells | None
    distance: Distance

    @classmethod
    def of(cls, targets: Sequence[Target], distance: Distance | None = None) -> Raker:
        """Return the raker of some margins."""
        if not targets:
            return cls((), (), None, distance or Distance())
        cells = Cells.cut(targets)
        first = np.zeros(len(cells.x), dtype=np.int64)
        first[cells.of] = np.arange(len(cells.of))
        return cls(tuple(targets), tuple(each.at(first) for each in targets), cells, distance or Distance())

    def weights(self, design: np.ndarray, total: float | None = None) -> Calibrated:
        """Return weights near `design` that meet every margin; see `rake`."""
        _need_weights(design)
        whole = float(design.sum())
        start = design if total is None else design * (total / whole)
        if self.cells is None:
            return Calibrated(start, np.ones(len(start)), 0, 0.0)
        mass = self.cells.sums(start)
        for target in self.inside:
            _need_members(mass, target)
        return _calibrated(start, mass, self.cells, _totals(mass, self.cells, self.inside), self.distance)


def calibrate(design: np.ndarray, cells: Cells, totals: np.ndarray, *, distance: Distance | None = None) -> Calibrated:
    """
    Return weights near `design` whose totals of the auxiliary variables are `totals`.

    Newton's method on the convex dual, with steps held back until it falls: where the totals can be met, it gets there.

    Source: Deville and Särndal (1992), JASA 87, eq. 2.4 and 3.1. Oracle: o03 (all distances, greg_api99).

    Args:
        design: a weight a row, none negative.
        cells: which cell each row is in, and the auxiliary variables of each cell.
        totals: what each auxiliary variable must add up to.
        distance: raking without bounds where not told.

    Raises:
        EstimateError: the totals cannot be met; names the first that stays off.
    """
    _need_weights(design)
    return _calibrated(design, cells.sums(design), cells, totals, distance or Distance())


def _calibrated(
    design: np.ndarray, mass: np.ndarray, cells: Cells, totals: np.ndarray, distance: Distance
) -> Calibrated:
    scale = np.maximum(np.abs(totals), np.abs(cells.totals(mass)))
    dual = _Dual(mass, cells, totals, np.where(scale > 0, scale, 1.0), distance)
    solved = _solve(dual)
    if solved.error > ACCEPTED:
        raise _unmet(mass, cells, totals, dual.scale, distance)
    ratio = distance.ratio(solved.u)[cells.of]
    return Calibrated(design * ratio, ratio, solved.rounds, solved.error)


@dataclass(frozen=True)
class _Dual:
    """What calibration makes least: convex in a number a total, its slope how far each total is exceeded."""

    mass: np.ndarray
    cells: Cells
    totals: np.ndarray
    scale: np.ndarray
    distance: Distance

    def u(self, at: np.ndarray) -> np.ndarray:
        return self.cells.along(at / self.scale)

    def value(self, at: np.ndarray) -> float:
        return float((self.mass * self.distance.integral(self.u(at))).sum() - (self.totals / self.scale * at).sum())

    def slope(self, at: np.ndarray) -> np.ndarray:
        return np.asarray((self.cells.totals(self.mass * self.distance.ratio(self.u(at))) - self.totals) / self.scale)

    def bend(self, at: np.ndarray) -> np.ndarray:
        products = self.cells.products(self.mass * self.distance.slope(self.u(at)))
        return np.asarray(products / np.outer(self.scale, self.scale))


@dataclass(frozen=True)
class _Solved:
    u: np.ndarray
    rounds: int
    error: float


def _solve(dual: _Dual) -> _Solved:
    at = np.zeros(len(dual.totals))
    left = dual.slope(at)
    rounds, error = 0, float(np.max(np.abs(left)))
    while error >= TOLERANCE and rounds < MOST_ROUNDS and np.isfinite(at).all():
        rounds += 1
        at, left = _along(dual, at, _step(dual.bend(at), left, float(dual.mass.sum())), left)
        error = float(np.max(np.abs(left)))
    return _Solved(dual.u(at), rounds, error)


def _step(bend: np.ndarray, left: np.ndarray, held: float) -> np.ndarray:
    """Return Newton's step; a careful one where the dual is flat some way."""
    try:
        step = np.linalg.solve(bend, -left)
    except np.linalg.LinAlgError:
        step = np.linalg.lstsq(bend, -left, rcond=1e-12)[0]
    if not np.max(np.abs(left + bend @ step)) < 0.5 * np.max(np.abs(left)):
        step = np.linalg.solve(bend + 1e-3 / held * np.eye(len(left)), -left)
    return np.asarray(step)


def _along(dual: _Dual, at: np.ndarray, step: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the point along a step where the dual has fallen, or the totals are nearer, and what is left there."""
    there = at + step
    now = dual.slope(there)
    if np.max(np.abs(now)) < 0.5 * np.max(np.abs(left)):
        return there, now
    here, falls, size = dual.value(at), float((left * step).sum()), 1.0
    while size > 1e-12 and not dual.value(there) < here + 1e-4 * size * falls:
        size /= 2
        there = at + size * step
    return there, dual.slope(there)


def _totals(design: np.ndarray, cells: Cells, targets: Sequence[Target]) -> np.ndarray:
    """Return the total of each column: the shares of a margin, less what those in none of its groups keep."""
    wanted: dict[tuple[str, str], float] = {}
    whole = float(design.sum())
    for target in targets:
        outside = float(design[target.codes < 0].sum())
        for group, share in zip(target.groups, target.shares, strict=True):
            wanted[target.name, group] = share * (whole - outside)
        wanted[target.name, "none of its groups"] = outside
    return np.array([wanted[name] for name in cells.names])


def _need_weights(design: np.ndarray) -> None:
    if not np.all(design >= 0) or design.sum() == 0:
        raise EstimateError(
            "All design weights are zero, or one is negative or missing.", fix="correct the design weights"
        )


def _need_members(design: np.ndarray, target: Target) -> None:
    inside = target.codes >= 0
    present = np.bincount(target.codes[inside], weights=design[inside], minlength=len(target.groups))
    for place, share in enumerate(target.shares):
        if share > 0 and present[place] == 0:
            raise EstimateError(
                f"The margin '{printable(target.name)}' cannot be met: nobody is in its group "
                f"'{printable(target.groups[place])}'.",
                fix="join the group with another in benchmarks.toml, or drop the margin",
            )


def _unmet(mass: np.ndarray, cells: Cells, totals: np.ndarray, scale: np.ndarray, distance: Distance) -> EstimateError:
    """Return the error that names the total which stays furthest off, however the weights are chosen."""
    from scipy.optimize import linprog  # a fifth of a second at the start of every command, for a margin unmet only

    totals, x, (rows, columns) = totals / scale, (cells.x * mass[:, None] / scale).T, cells.x.T.shape
    slack = np.hstack([np.eye(rows), -np.eye(rows)])
    found = linprog(
        np.concatenate([np.zeros(columns), np.ones(2 * rows)]),
        A_eq=np.hstack([x, slack]),
        b_eq=totals,
        bounds=[(None if np.isneginf(distance.low) else distance.low, distance.high)] * columns
        + [(0, None)] * 2 * rows,
    )
    off = np.abs(found.x[columns : columns + rows] - found.x[columns + rows :]) if found.success else np.zeros(rows)
    margin, group = cells.names[int(np.argmax(off))]
    where = f"The margin '{printable(margin)}'" + (f" (group '{printable(group)}')" if group else "")
    within = (
        f" within weights of {distance.low:g} to {distance.high:g} times the mean" if distance.high < np.inf else ""
    )
    return EstimateError(
        f"{where} cannot be met together with the others{within}.",
        fix="join small groups of the margin, drop it, or widen weight_bounds in benchmarks.toml",
    )
