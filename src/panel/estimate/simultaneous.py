"""
Intervals that hold for several figures at once: the largest of correlated t's instead of each by itself.

    P(all j: theta_j in estimate_j -/+ t_j(1 - a*) se_j) = 95 %,   a* the 5 % point of min_j p_j,

p_j being the two-sided probability of t_j = |Z_j| / sqrt(chi2_j / df_j), Z of the correlation matrix of the estimates.
Where all have the same degrees of freedom this is the multivariate t; otherwise each keeps its own. One figure, or
figures that move as one, have their ordinary interval; independent ones Šidák's. The draws are quasi-random with a
fixed seed: the same figures give the same intervals.

Source: Hothorn, Bretz and Westfall (2008), Biometrical Journal 50; Montiel Olea and Plagborg-Møller (2019), Journal of
Applied Econometrics 34 (sup-t). Checked against Šidák's and the multivariate t of scipy in
tests/unit/test_simultaneous.py.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from scipy.special import gammaincinv, ndtri, stdtr

from panel.errors import EstimateError
from panel.estimate.estimators import logit_interval
from panel.estimate.kernel import covariance, t_quantile
from panel.estimate.rows import Figure, Influence

DRAWS = 1 << 15
SEED = 20_190_101
NEGLIGIBLE = 1e-10
AT_ONCE = 1 << 22
"""As many numbers are drawn at once: some 32 MiB."""


def simultaneous(figures: Sequence[Figure]) -> list[Figure]:
    """
    Return figures whose 95 % intervals hold together: all figures of one statistic, over groups, answers and waves.

    Shares are widened on the scale of the logit, others on their own; a median keeps the asymmetry of Woodruff's
    interval. How many hold together is said in `method`.

    Args:
        figures: each with its influence.

    Raises:
        EstimateError: a figure came without influence; names its statistic.
    """
    families: dict[Hashable, list[int]] = defaultdict(list)
    for place, figure in enumerate(figures):
        families[figure.statistic].append(place)
    out = list(figures)
    for statistic, places in families.items():
        own = [figures[place] for place in places]
        influences = [each.influence for each in own if each.influence is not None]
        if len(influences) < len(own):
            raise EstimateError(
                f"Figures of '{statistic}' have no intervals that hold together.",
                fix="ask for each by itself: by(domain) without simultaneous",
            )
        level = 1 - alpha(correlations(influences), [each.degrees for each in influences])
        for place, figure, influence in zip(places, own, influences, strict=True):
            out[place] = _widened(figure, influence.degrees, level, len(own))
    return out


def correlations(influences: Sequence[Influence]) -> np.ndarray:
    """Return the correlation matrix of estimates; what does not vary has a diagonal of 0."""
    matrix = covariance(np.stack([each.totals for each in influences], axis=1), influences[0].design)
    spread = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    varies = spread > 0
    safe = np.where(varies, spread, 1.0)
    return np.asarray(matrix / safe / safe[:, None])


def alpha(correlation: np.ndarray, degrees: Sequence[int], level: float = 0.95) -> float:
    """
    Return how improbable, two-sided, each of several estimates may be so that all hold with the probability `level`.

    Args:
        correlation: of the estimates; a diagonal of 0 where one does not vary.
        degrees: degrees of freedom of each.
        level: with which all hold.
    """
    varies = np.diag(correlation) > 0.5
    root = _root(correlation[np.ix_(varies, varies)]) if varies.any() else np.ones((1, 1))
    if root.shape[1] <= 1:
        return 1 - level  # one figure, or several that move as one
    freedom = np.asarray(degrees, dtype=float)[varies]
    lowest = np.concatenate([_smallest(each, root, freedom) for each in _draws(root.shape[1] + 1, len(root))])
    found = float(np.quantile(lowest, 1 - level))
    return min(max(found, (1 - level) / len(root)), 1 - level)  # Bonferroni's and the ordinary one are exact ends


def _root(correlation: np.ndarray) -> np.ndarray:
    """Return a root of a correlation matrix: estimates by independent draws."""
    values, vectors = np.linalg.eigh(correlation)
    held = values > NEGLIGIBLE * max(float(values.max(initial=0.0)), 1e-300)
    return np.asarray(vectors[:, held] * np.sqrt(values[held]))


def _draws(columns: int, estimates: int) -> list[np.ndarray]:
    """Return quasi-random points in chunks, strictly between 0 and 1."""
    from scipy.stats import qmc  # a second at the start of every command, for who asks this only

    whole = np.clip(qmc.Sobol(columns, seed=SEED).random(DRAWS), 1e-12, 1 - 1e-12)
    return np.array_split(whole, max(1, DRAWS * max(estimates, columns) // AT_ONCE))


def _smallest(points: np.ndarray, root: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Return the least two-sided probability among the estimates, in each draw."""
    z = np.abs(np.einsum("rk,jk->rj", ndtri(points[:, 1:]), root))
    least = np.ones(len(points))
    for own in np.unique(degrees):
        largest = z[:, degrees == own].max(axis=1) / np.sqrt(2 * gammaincinv(own / 2, points[:, 0]) / own)
        least = np.minimum(least, 2 * stdtr(own, -largest))
    return least


def _widened(figure: Figure, degrees: int, level: float, count: int) -> Figure:
    """Return a figure with the interval of a level, made from the one it has."""
    said = f"{figure.method}, simultaneous over {count}"
    ratio = t_quantile(degrees, level) / t_quantile(degrees)
    value, low, high = figure.estimate, figure.low, figure.high
    if figure.label.unit != "share":
        return replace(figure, low=value - ratio * (value - low), high=value + ratio * (high - value), method=said)
    if not (0 < value < 1 and figure.se > 0):
        low, high = logit_interval(value, figure.se, degrees, figure.n_eff, level)
        return replace(figure, low=low, high=high, method=said)
    middle = _logit(value)
    ends = (1 / (1 + math.exp(-(middle + ratio * (_logit(end) - middle)))) for end in (low, high))
    low, high = ends
    return replace(figure, low=low, high=high, method=said)


def _logit(share: float) -> float:
    inside = min(max(share, 1e-15), 1 - 1e-15)
    return math.log(inside / (1 - inside))
