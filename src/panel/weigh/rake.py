"""Rake weights to known shares, within bounds, and say what that cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panel.errors import EstimateError

MOST_ROUNDS = 500
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Target:
    """One margin: for each row its group (-1 where it has none), and the share each group must have."""

    name: str
    groups: tuple[str, ...]
    codes: np.ndarray
    shares: np.ndarray


@dataclass(frozen=True)
class Raked:
    """Weights that meet every margin, with the rounds it took and the largest error left."""

    weights: np.ndarray
    rounds: int
    error: float


def rake(design: np.ndarray, targets: list[Target], *, bounds: tuple[float, float] | None = None) -> Raked:
    """
    Return weights near `design` whose shares are those of every target.

    Rows in no group of a margin keep the share they have. With `bounds`, no weight may leave `bounds` times the mean
    ratio to its design weight: what is cut is given back by raking again, in turn, until both hold.

    Source: Deming and Stephan (1940); Deville, Särndal and Sautory (1993), JASA 88. Oracle: o03.

    Raises:
        EstimateError: a group with a share has no rows or no weight, or margins and bounds cannot be met together;
            names the margin and the group.
    """
    if not np.all(design >= 0) or design.sum() == 0:
        raise EstimateError("All design weights are zero, or one is negative.", fix="correct the design weights")
    for target in targets:
        _need_members(design, target)
    weights = design.astype(float).copy()
    for turn in range(1, MOST_ROUNDS + 1):
        for target in targets:
            weights *= _factors(weights, target)[target.codes]
        error = max((_error(weights, target) for target in targets), default=0.0)
        outside = False
        if bounds is not None:
            weights, outside = _bounded(weights, design, bounds)
        if error < TOLERANCE and not outside:
            return Raked(weights, turn, error)
    worst = max(targets, key=lambda target: _error(weights, target))
    if _error(weights, worst) < 1e-6:
        return Raked(weights, MOST_ROUNDS, _error(weights, worst))
    raise EstimateError(
        f"The margin '{worst.name}' cannot be met together with the others"
        + (f" within weights of {bounds[0]:g} to {bounds[1]:g} times the mean." if bounds else "."),
        fix="join small groups of the margin, drop it, or widen weight_bounds in benchmarks.toml",
    )


def _need_members(design: np.ndarray, target: Target) -> None:
    present = _sums(design, target)
    for place, share in enumerate(target.shares):
        if share > 0 and present[place] == 0:
            raise EstimateError(
                f"The margin '{target.name}' cannot be met: nobody is in its group '{target.groups[place]}'.",
                fix="join the group with another in benchmarks.toml, or drop the margin",
            )


def _sums(weights: np.ndarray, target: Target) -> np.ndarray:
    inside = target.codes >= 0
    return np.bincount(target.codes[inside], weights=weights[inside], minlength=len(target.groups))


def _factors(weights: np.ndarray, target: Target) -> np.ndarray:
    """Return the factor of each group, and last that of rows in none, which is one."""
    sums = _sums(weights, target)
    wanted = target.shares * sums.sum()
    factors = np.divide(wanted, sums, out=np.zeros_like(sums), where=sums > 0)
    return np.append(factors, 1.0)


def _error(weights: np.ndarray, target: Target) -> float:
    sums = _sums(weights, target)
    return float(np.max(np.abs(sums / sums.sum() - target.shares)))


def _bounded(weights: np.ndarray, design: np.ndarray, bounds: tuple[float, float]) -> tuple[np.ndarray, bool]:
    change = np.divide(weights, design, out=np.ones_like(weights), where=design > 0)
    middle = float(weights.sum() / design.sum())
    low, high = bounds[0] * middle, bounds[1] * middle
    if change.min() >= low * (1 - 1e-9) and change.max() <= high * (1 + 1e-9):
        return weights, False
    return np.clip(change, low, high) * design, True
