"""
Hazards of a move from one wave to the next: of those at risk, how many move, and what it depends on.

A person who is at risk in several waves has a row for each, in one PSU, so that what repeats is not counted as new.
The share itself is `panel.estimate.estimators.mean` over those at risk. Left-truncated entry needs nothing more: who
enters late is at risk from then on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panel.errors import EstimateError
from panel.estimate.estimators import Estimand, kish

ROUNDS = 50
CLOSE = 1e-12
FLAT = 1e12  # beyond, the information says nothing of some coefficient


@dataclass(frozen=True)
class HazardModel:
    """Coefficients by name, each an estimate with its influence: exp of one is a ratio of hazards."""

    coefficients: dict[str, Estimand]
    rounds: int


@dataclass(frozen=True)
class Survival:
    """The share that has not moved after all of some periods, and how it moves with the hazard of each."""

    value: np.ndarray
    slope: np.ndarray


def survival(hazards: np.ndarray) -> Survival:
    """
    Return who has not moved after all periods, prod_t (1 - h_t), and its slope on each hazard, -prod of the others.

    Source: Kaplan and Meier (1958), JASA 53, in discrete time. Checked by hand in tests/unit/test_oracles_moves.py.

    Args:
        hazards: shares that move, groups by periods; periods are the last axis.

    Returns:
        `value` by group, and `slope` by group and period.
    """
    stayed = 1 - hazards
    others = [np.prod(np.delete(stayed, place, axis=-1), axis=-1) for place in range(hazards.shape[-1])]
    return Survival(np.prod(stayed, axis=-1), -np.stack(others, axis=-1))


def hazard_model(x: dict[str, np.ndarray], moved: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> HazardModel:
    """
    Return a model of discrete hazards: log(-log(1 - h)) is linear in `x`, so that exp(b) is a ratio of hazards.

    Source: Prentice and Gloeckler (1978), Biometrics 34; the linearised variables by Binder (1983), International
    Statistical Review 51. Oracle: o07 (cloglog).

    Args:
        x: a number a row for each covariate; an intercept is added, named "intercept".
        moved: 0 or 1 a row.
        weights: a weight a row.
        rows: who is at risk (a mask); covariates may be anything elsewhere.

    Raises:
        EstimateError: nobody is at risk, all or none moved, or the covariates cannot be told apart.
    """
    inside, event = weights[rows], moved[rows].astype(float)
    if not inside.sum() > 0:
        raise EstimateError("Nobody is at risk, so nothing has a hazard.")
    if np.ptp(event[inside > 0]) == 0:
        raise EstimateError("All or none of those at risk moved, so nothing can explain who does.")
    table = np.stack([np.ones(len(inside)), *(np.asarray(each, dtype=float)[rows] for each in x.values())], axis=1)
    share = float((inside * event).sum() / inside.sum())
    beta = np.append(np.log(-np.log1p(-share)), np.zeros(len(x)))
    for made in range(1, ROUNDS + 1):
        score, inverse = _step(table, event, inside, beta)
        step = np.einsum("pq,q->p", inverse, np.einsum("ip,i->p", score, inside))
        beta = beta + step
        if np.abs(step).max() < CLOSE:
            return _model(["intercept", *x], beta, table, event, weights, rows, made)
    raise EstimateError("The model of hazards does not settle.", fix="leave out covariates of few people")


def _step(table: np.ndarray, event: np.ndarray, weights: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the score of each row, and the inverse of the information."""
    rate = np.exp(np.einsum("ip,p->i", table, beta))
    hazard = np.clip(-np.expm1(-rate), 1e-15, 1 - 1e-15)
    slope = rate * np.exp(-rate)
    held = slope**2 / (hazard * (1 - hazard)) * weights
    information = np.einsum("ip,i,iq->pq", table, held, table)
    if np.linalg.cond(information) > FLAT:
        raise EstimateError(
            "The covariates of the hazards cannot be told apart.", fix="leave out those that follow from others"
        )
    score = table * (slope / (hazard * (1 - hazard)) * (event - hazard))[:, None]
    return score, np.linalg.inv(information)


def _model(
    names: list[str], beta: np.ndarray, table: np.ndarray, event: np.ndarray, weights: np.ndarray, rows: np.ndarray,
    rounds: int,
) -> HazardModel:  # fmt: skip
    score, inverse = _step(table, event, weights[rows], beta)
    moved = np.einsum("ip,pq->iq", score, inverse)
    found = {}
    for place, name in enumerate(names):
        linear = np.zeros(len(weights))
        linear[rows] = moved[:, place]
        found[name] = Estimand(float(beta[place]), linear, len(event), kish(weights[rows]), rows)
    return HazardModel(found, rounds)
