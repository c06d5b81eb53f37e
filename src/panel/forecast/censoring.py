"""
Claims whose outcome was seen, made to stand for those whose was not.

Each seen claim counts for the inverse of its probability of being seen, given what is known from the moment it was
made: inverse probability of censoring weights (Graf, Schmoor, Sauerbrei and Schumacher 1999, Statistics in Medicine
18, eq. 3, with one time of reading and the censoring modelled by a logit on covariates).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from panel.estimate.estimators import Estimand, kish
from panel.forecast.linear import average, combine
from panel.forecast.logit import fit

LEAST_PROPENSITY = 0.05
RIDGE = 1e-6


@dataclass(frozen=True)
class Seen:
    """
    Which claims were seen, and with what probability.

    `linear` are the linearised variables of the propensity's coefficients over their covariates `x`: a mean over the
    seen claims owes part of its variance to them (Beaumont 2005, JRSS B 67; Kim and Kim 2007, Canadian Journal of
    Statistics 35).
    """

    seen: np.ndarray
    weights: np.ndarray
    propensity: np.ndarray
    x: np.ndarray
    linear: np.ndarray

    @classmethod
    def of(cls, seen: np.ndarray, covariates: Sequence[np.ndarray], weights: np.ndarray) -> Seen:
        """
        Return the propensity of claims to be seen, by a logit on groups.

        Args:
            seen: which outcomes are known (a mask).
            covariates: codes, one array a covariate; -1 is a group like any other.
            weights: a weight a claim; zero for rows that are none.
        """
        x = _indicators(covariates, len(seen))
        lost = (weights > 0) & ~seen
        model = None if not lost.any() or not seen.any() else fit(x, seen.astype(float), weights, ridge=RIDGE)
        if model is None:
            plain = np.full(len(seen), max(float(weights[seen].sum() / weights.sum()), LEAST_PROPENSITY))
            return cls(seen, weights, plain, x[:, :0], np.zeros((len(seen), 0)))
        propensity = np.maximum(model.fitted, LEAST_PROPENSITY)
        return cls(seen, weights, propensity, x, model.linear(x, seen.astype(float)))

    def mean(self, y: np.ndarray, rows: np.ndarray) -> Estimand:
        """Return the mean of `y` over the claims of `rows`, by the seen ones among them; at least one is."""
        here = rows & self.seen
        factor = np.where(here, 1 / self.propensity, 0.0)
        total = float((self.weights * factor).sum())
        value = float((self.weights * factor * np.where(here, y, 0.0)).sum()) / total
        off = factor * (np.where(here, y, 0.0) - value) / total
        inner = off * (1 - self.propensity) * (self.propensity > LEAST_PROPENSITY)
        slopes = np.einsum("i,ip->p", self.weights * inner, self.x)
        linear = off - np.einsum("ip,p->i", self.linear, slopes)
        return Estimand(value, linear, int(np.count_nonzero(here)), kish((self.weights * factor)[here]), rows)


@dataclass(frozen=True)
class Leavers:
    """
    What those who were not seen would have to be like to overturn a reading.

    `share` of claims not seen; `needed`, the share among them at which what happened to all would be just what was
    predicted: below 0 or above 1 nothing they could have met overturns the reading; `apart`, by how much that differs
    from those who were seen.

    Source: the tipping point analysis of Yan, Lee and Li (2009), Journal of Biopharmaceutical Statistics 19.
    """

    share: Estimand
    needed: Estimand
    apart: Estimand


def leavers(said: np.ndarray, came: np.ndarray, seen: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> Leavers:
    """
    Return what the unseen claims of `rows` would have to be like; some are seen and some are not.

    Args:
        said: what each claim predicted, a number; its mean is the prediction.
        came: what happened to the seen, 0 or 1.
        seen: which outcomes are known (a mask).
        rows: whose claims (a mask).
        weights: a weight a claim.
    """
    lost = average((~seen).astype(float), weights, rows)
    told = average(said, weights, rows)
    met = average(np.where(seen, came, 0.0), weights, rows & seen)
    value = (told.value - (1 - lost.value) * met.value) / lost.value
    slopes = [1 / lost.value, -(1 - lost.value) / lost.value, (met.value - value) / lost.value]
    needed = combine(value, [told, met, lost], slopes)
    unseen = int(np.count_nonzero(rows & ~seen))
    needed = Estimand(needed.value, needed.linear, min(unseen, met.n), needed.n_eff, rows)
    apart = combine(value - met.value, [needed, met], [1.0, -1.0])
    return Leavers(lost, needed, apart)


def _indicators(covariates: Sequence[np.ndarray], size: int) -> np.ndarray:
    columns = [np.ones(size)]
    for codes in covariates:
        columns += [(codes == group).astype(float) for group in np.unique(codes)[1:]]
    return np.stack(columns, axis=1)
