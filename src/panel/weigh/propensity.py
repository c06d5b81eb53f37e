"""The propensity to answer: a weighted logit."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

ROUNDS = 50


def response_propensity(x: np.ndarray, answered: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """
    Return each row's probability of having answered, by weighted logistic regression.

    Newton's method on the weighted likelihood, with a ridge of 1e-6 so that a group in which everybody answered has
    a propensity near one, and not none.

    Args:
        x: rows by covariates, the first column ones.
        answered: who did.
        weights: a weight a row.
    """
    if answered.all():
        return np.ones(len(answered))
    y = answered.astype(float)
    w = weights / weights.mean()
    beta = np.zeros(x.shape[1])
    ridge = 1e-6 * len(y) * np.eye(x.shape[1])
    for _ in range(ROUNDS):
        p = expit(x @ beta)
        gradient = x.T @ (w * (y - p)) - ridge @ beta
        step = np.linalg.solve((x * (w * p * (1 - p))[:, None]).T @ x + ridge, gradient)
        beta += step
        if np.max(np.abs(step)) < 1e-10:
            break
    return np.asarray(expit(x @ beta))
