"""How far calibrated weights may move from design weights, and what each step away costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from panel.errors import EstimateError

Method = Literal["raking", "linear", "logit"]
METHODS: tuple[Method, ...] = ("raking", "linear", "logit")
MOST = 500.0
"""An exponent beyond which a weight has left every reasonable number; kept finite so that steps can be judged."""


@dataclass(frozen=True)
class Distance:
    """
    A calibration distance by its inverse: the ratio of calibrated to design weight is `ratio(x'lambda)`.

    "linear" is 1 + u (the regression estimator), "raking" exp(u) (iterative proportional fitting), both cut at the
    bounds where there are any; "logit" stays between its bounds by its shape, and needs them.

    Source: Deville and Särndal (1992), JASA 87, table 1 (cases 1, 2, 6 and 7). Oracle: o03.
    """

    method: Method = "raking"
    low: float = 0.0
    high: float = np.inf

    @classmethod
    def of(cls, method: Method, bounds: tuple[float, float] | None = None) -> Distance:
        """
        Return the distance of a method; without bounds raking stays above nothing, and linear may go anywhere.

        Raises:
            EstimateError: bounds that 1 does not lie between, or logit without bounds.
        """
        if bounds is None:
            if method == "logit":
                raise EstimateError("The logit method needs bounds.", fix="give bounds around 1, such as 0.2 and 5")
            return cls(method, 0.0 if method == "raking" else -np.inf)
        low, high = bounds
        if not (low < 1 < high) or (method != "linear" and low < 0):
            raise EstimateError(
                f"Weights cannot be held between {low:g} and {high:g} times the design weight.",
                fix="give bounds around 1, such as 0.2 and 5",
            )
        return cls(method, low, high)

    @property
    def _edges(self) -> tuple[float, float]:
        """Return the arguments between which the ratio moves."""
        if self.method == "linear":
            return self.low - 1, self.high - 1
        return (float(np.log(self.low)) if self.low > 0 else -MOST), min(float(np.log(self.high)), MOST)

    def ratio(self, u: np.ndarray) -> np.ndarray:
        """Return calibrated over design weight."""
        if self.method == "logit":
            odds, _ = self._logit(u)
            return np.asarray(self.low + (self.high - self.low) * odds)
        inside = np.clip(u, *self._edges)
        return np.asarray(1 + inside if self.method == "linear" else np.exp(inside))

    def slope(self, u: np.ndarray) -> np.ndarray:
        """Return the derivative of the ratio."""
        if self.method == "logit":
            odds, pace = self._logit(u)
            return np.asarray((self.high - self.low) * odds * (1 - odds) * pace)
        low, high = self._edges
        moves = (u > low) & (u < high)
        return np.where(moves, 1.0 if self.method == "linear" else np.exp(np.clip(u, low, high)), 0.0)

    def integral(self, u: np.ndarray) -> np.ndarray:
        """Return the integral of the ratio, up to a constant: convex, so that calibration has one answer."""
        if self.method == "logit":
            _, pace = self._logit(u)
            start = np.log((self.high - 1) / (1 - self.low))
            return np.asarray(self.low * u + (self.high - self.low) / pace * np.logaddexp(start, pace * u))
        inside = np.clip(u, *self._edges)
        edge = self.ratio(u)
        grown = inside + inside**2 / 2 if self.method == "linear" else edge
        return np.asarray(grown + edge * (u - inside))

    def _logit(self, u: np.ndarray) -> tuple[np.ndarray, float]:
        """Return where between its bounds a ratio lies, and how fast it moves there."""
        pace = (self.high - self.low) / ((1 - self.low) * (self.high - 1))
        start = np.log((1 - self.low) / (self.high - 1))
        return 1 / (1 + np.exp(-np.clip(start + pace * u, -MOST, MOST))), pace
