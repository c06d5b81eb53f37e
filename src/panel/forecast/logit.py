"""A weighted logit, and what each row does to its coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

ROUNDS = 60
CLOSE = 1e-11


@dataclass(frozen=True)
class Logit:
    """Coefficients of a weighted logit, the fitted probabilities, and the inverse of the information."""

    coefficients: np.ndarray
    fitted: np.ndarray
    inverse: np.ndarray

    def linear(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the linearised variables of the coefficients, rows by coefficients: I^-1 x (y - p)."""
        return np.asarray((x * (y - self.fitted)[:, None]) @ self.inverse)


def fit(x: np.ndarray, y: np.ndarray, weights: np.ndarray, *, ridge: float = 0.0) -> Logit | None:
    """
    Return the maximum of the weighted likelihood by Newton's method, None where it has none (all alike, or separable).

    The weights are survey weights: see Binder (1983), International Statistical Review 51, for the standard errors
    that `Logit.linear` gives through the kernel. Checked by oracle o12 (`cal_slope`), R's svyglm.

    Args:
        x: rows by covariates, the first column ones.
        y: 0 or 1 a row.
        weights: a weight a row.
        ridge: added to the information, as a share of the rows, so that a group in which all are alike has a fit.
    """
    beta = np.zeros(x.shape[1])
    scaled = weights / weights.mean()
    penalty = ridge * len(y) * np.eye(x.shape[1])
    for _ in range(ROUNDS):
        p = expit(x @ beta)
        information = (x * (scaled * p * (1 - p))[:, None]).T @ x + penalty
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, x.T @ (scaled * (y - p)) - penalty @ beta)
        beta = beta + step
        if np.max(np.abs(step)) < CLOSE:
            fitted = expit(x @ beta)
            final = (x * (weights * fitted * (1 - fitted))[:, None]).T @ x + penalty * weights.mean()
            return Logit(beta, fitted, np.linalg.inv(final))
    return None
