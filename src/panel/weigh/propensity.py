"""The propensity to answer: a weighted logit, or the response rate of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from panel.errors import EstimateError

ROUNDS = 50
RIDGE = 1e-6


@dataclass(frozen=True)
class Response:
    """
    Each row's estimated probability of having answered, and what it was estimated from.

    `x` are the covariates, rows by columns; classes are a column each. `slopes` are those of the logit; classes and
    answers of everybody have none.
    """

    propensity: np.ndarray
    x: np.ndarray
    slopes: np.ndarray | None = None


def by_logit(x: np.ndarray, answered: np.ndarray, weights: np.ndarray) -> Response:
    """
    Return each row's probability of having answered, by weighted logistic regression.

    Newton's method on the weighted likelihood, with a ridge of 1e-6 so that a group in which everybody answered has
    a propensity near one, and not none.

    Source: Kim and Kim (2007), Canadian Journal of Statistics 35; its variance is credited by
    `panel.estimate.response`.

    Args:
        x: rows by covariates, the first column ones.
        answered: who did.
        weights: a weight a row.

    Raises:
        EstimateError: nobody answered, or all weights are zero.
    """
    _need_answers(answered, weights)
    if answered.all():
        return Response(np.ones(len(answered)), x)
    y = answered.astype(float)
    w = weights / weights.mean()
    beta = np.zeros(x.shape[1])
    ridge = RIDGE * len(y) * np.eye(x.shape[1])
    for _ in range(ROUNDS):
        p = expit(x @ beta)
        gradient = x.T @ (w * (y - p)) - ridge @ beta
        step = np.linalg.solve((x * (w * p * (1 - p))[:, None]).T @ x + ridge, gradient)
        beta += step
        if np.max(np.abs(step)) < 1e-10:
            break
    return Response(np.asarray(expit(x @ beta)), x, beta)


def by_class(classes: np.ndarray, answered: np.ndarray, weights: np.ndarray, names: list[str]) -> Response:
    """
    Return the weighted response rate of each row's class.

    Source: Oh and Scheuren (1983), Incomplete Data in Sample Surveys 2. The same as a logit with a column a class.

    Args:
        classes: the class of each row.
        answered: who did.
        weights: a weight a row.
        names: of the classes, for the message.

    Raises:
        EstimateError: nobody in a class answered; names it.
    """
    _need_answers(answered, weights)
    due = np.bincount(classes, weights=weights, minlength=len(names))
    came = np.bincount(classes, weights=weights * answered, minlength=len(names))
    lost = (due > 0) & (came == 0)
    if lost.any():
        raise EstimateError(
            f"Nobody in the class '{names[int(np.argmax(lost))]}' answered, so nobody can stand for it.",
            fix="join the class with a like one, or use the propensity method",
        )
    rate = np.divide(came, due, out=np.ones_like(due), where=due > 0)
    return Response(rate[classes], (classes[:, None] == np.flatnonzero(due > 0)).astype(float))


def _need_answers(answered: np.ndarray, weights: np.ndarray) -> None:
    if not answered.any() or weights.sum() == 0:
        raise EstimateError("Nobody answered, or all weights are zero, so nobody can stand for those who did not.")
