"""
How representative those who stayed are: the R-indicator, its parts by variable and category, and who leaves.

    R = 1 - 2 S(p),   S^2 = sum w (p - m)^2 / sum w, times n / (n - 1) of equal weights

p being the estimated propensity to stay and m its mean: 1 where all are as likely to stay, 0 where half surely stay and
half surely leave. The propensities are of a weighted logit on x, so each estimate moves with its own row and with the
slopes; both are influence, summed to PSUs by the kernel as any other.

Source: Schouten, Cobben and Bethlehem (2009), Survey Methodology 35; Shlomo, Skinner and Schouten (2012), Journal of
Statistical Planning and Inference 142; parts: Schouten, Shlomo and Skinner (2011), Journal of Official Statistics 27.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from panel.errors import EstimateError
from panel.estimate.grouping import Grouping
from panel.estimate.kernel import Design, covariance, t_quantile


@dataclass(frozen=True)
class Spread:
    """A standard deviation of propensities, or a part of one, with its standard error; None where it has none."""

    value: float
    se: float | None


@dataclass(frozen=True)
class Propensities:
    """
    The members who were due, whether they stayed, and their propensity to by a weighted logit on `x`.

    `design` is of these rows, `weight` is before any adjustment. A class a column is a logit, too.
    """

    stayed: np.ndarray
    chance: np.ndarray
    x: np.ndarray
    weight: np.ndarray
    design: Design

    @cached_property
    def share(self) -> np.ndarray:
        """Return each member's share of all weight."""
        return np.asarray(self.weight / self.weight.sum())

    @cached_property
    def mean(self) -> float:
        """Return the mean propensity."""
        return float((self.share * self.chance).sum())

    @cached_property
    def away(self) -> np.ndarray:
        """Return how far each propensity is from the mean."""
        return np.asarray(self.chance - self.mean)

    @cached_property
    def slope(self) -> np.ndarray:
        """Return how each propensity moves with the slopes of the logit, less the mean of that: rows by columns."""
        own = (self.chance * (1 - self.chance))[:, None] * self.x
        return np.asarray(own - np.einsum("i,ip->p", self.share, own))

    @cached_property
    def pull(self) -> np.ndarray:
        """Return the weighted influence of each row on the slopes: rows by columns."""
        held = self.weight * self.chance * (1 - self.chance)
        bread = np.linalg.pinv(np.einsum("ip,i,iq->pq", self.x, held, self.x), hermitian=True)
        surprise = self.weight * (self.stayed - self.chance)
        return np.asarray(np.einsum("ip,pq->iq", surprise[:, None] * self.x, bread))

    @cached_property
    def matrix(self) -> np.ndarray:
        """Return the covariance matrix of the slopes, by PSUs."""
        return covariance(self.design.totals(self.pull.T).T, self.design)

    @cached_property
    def degrees(self) -> int:
        """Return the degrees of freedom."""
        return self.design.degrees_of_freedom(self.weight > 0)

    def variance(self, own: np.ndarray, along: np.ndarray) -> float:
        """Return the variance of an estimate: `own` is the influence of rows, `along` how it moves with the slopes."""
        weighted = self.share * own + np.einsum("ip,p->i", self.pull, along)
        return float(covariance(self.design.totals(weighted), self.design)[0, 0])


@dataclass(frozen=True)
class Representativity:
    """An R-indicator with its standard error and interval, and the same with the bias of estimating taken off."""

    value: float
    adjusted: float
    se: float | None
    interval: tuple[float, float]
    adjusted_interval: tuple[float, float]


def r_indicator(of: Propensities) -> Representativity:
    """
    Return the R-indicator of propensities.

        adjusted S^2 = sum w (p - m)^2 / sum w + V(m) - tr(B C),   V(S^2) = V_kernel + 2 tr(B C B C)

    C is the covariance of the slopes, B the mean of z z' about its mean, z = p (1 - p) x, and V(m) the sampling
    variance of the mean propensity. Estimated propensities vary even where true ones do not: tr(B C) is what that
    adds. Under simple random sampling these are the formulas of Shlomo, Skinner and Schouten (2012, eq. 10 and
    section 4), but for one: there z is not taken about its mean, which counts the error of the overall level, too, and
    takes m (1 - m) / n more off; of propensities all alike that leaves S^2 below 0 on average, ours at 0. Intervals
    are those of S^2, carried through, and never leave 0 to 1.

    Oracle: o10 (kept apart; 1 - 2 S); both corrections written out by loops in tests/unit/test_representativity.py.

    Raises:
        EstimateError: all weights are zero, or a stratum has one PSU and the study made no choice.
    """
    plain = float((of.share * of.away**2).sum())
    held = 1 - float((of.share**2).sum())
    spread = plain / held if held > 0 else 0.0
    b = np.einsum("i,ip,iq->pq", of.share, of.slope, of.slope)
    product = np.einsum("pq,qr->pr", b, of.matrix)
    along = 2 * np.einsum("i,ip->p", of.share * of.away, of.slope)
    level = of.variance(of.away, np.zeros(of.x.shape[1]))
    adjusted = max(plain + level - float(np.trace(product)), 0.0)
    v = of.variance(of.away**2 - plain, along) + 2 * float(np.einsum("pq,qp->", product, product))
    se = float(np.sqrt(max(v, 0.0)))
    reach = t_quantile(of.degrees) * se
    return Representativity(
        _r(spread), _r(adjusted), se / float(np.sqrt(spread)) if spread > 0 else None,
        (_r(spread + reach), _r(spread - reach)), (_r(adjusted + reach), _r(adjusted - reach)),
    )  # fmt: skip


def _r(square: float) -> float:
    """Return R of a variance of propensities, which is 0 at least and a quarter at most."""
    return 1 - 2 * float(np.sqrt(min(max(square, 0.0), 0.25)))


@dataclass(frozen=True)
class Partial:
    """What a variable, or one of its categories, has to do with unequal propensities."""

    unconditional: Spread
    conditional: Spread


@dataclass(frozen=True)
class Partials:
    """The partial R-indicators of a variable, and by place those of its categories that have members."""

    whole: Partial
    categories: dict[int, Partial]


def partials(of: Propensities, divisions: Sequence[Grouping]) -> Iterator[Partials]:
    """
    Yield for each of some variables its partial R-indicators, whole and by category.

        unconditional  P(k) = sqrt(N_k / N) (m_k - m),             P^2 = sum_k P(k)^2
        conditional    C(k)^2 = sum_{i in k} w (p_i - m_l(i))^2 / N,  C^2 = sum_k C(k)^2

    m_k is the mean propensity of category k, m_l that of the cell l which all other variables cut out. P is how much
    propensities differ between the categories: below 0, those of a category stay less than others. C is what is left
    of that within cells alike in everything else. P^2 and C^2 are S^2 at most. Members in none of a variable's groups
    are a category, -1. A variable that is 0 exactly has no standard error.

    Source: Schouten, Shlomo and Skinner (2011), eq. 8 to 14; standard errors by the kernel. Oracle: none holds them;
    by hand and against refitted jackknife replicates in tests/unit/test_representativity.py.

    Args:
        of: the propensities.
        divisions: the variables, by rows of `of`.
    """
    for place, each in enumerate(divisions):
        others = [other.codes for at, other in enumerate(divisions) if at != place]
        cells = _cells(others, len(of.chance))
        kinds = [int(code) for code in np.unique(each.codes)]
        between = {code: _between(of, each.codes == code) for code in kinds}
        within = {code: _within(of, each.codes == code, cells) for code in kinds}
        everybody = np.ones(len(of.chance), dtype=bool)
        yield Partials(
            Partial(_root(of, list(between.values())), _spread(of, _within(of, everybody, cells))),
            {code: Partial(_plain(of, between[code]), _spread(of, within[code])) for code in kinds},
        )


@dataclass(frozen=True)
class _Moved:
    """A value, the influence of each row on it, and how it moves with the slopes."""

    value: float
    own: np.ndarray
    along: np.ndarray


def _between(of: Propensities, inside: np.ndarray) -> _Moved:
    """Return P(k) of one category."""
    mine = of.share * inside
    size = float(mine.sum())
    if size == 0:
        return _Moved(0.0, np.zeros(len(inside)), np.zeros(of.x.shape[1]))
    away = float((mine * of.away).sum()) / size
    root = np.sqrt(size)
    own = root * (inside * (of.away - away) / size - of.away) + away * (inside - size) / (2 * root)
    return _Moved(float(root * away), own, root * np.einsum("i,ip->p", mine, of.slope) / size)


def _within(of: Propensities, inside: np.ndarray, cells: np.ndarray) -> _Moved:
    """Return C(k)^2 of one category: how far its members are from the mean of the cells they lie in."""
    held = np.bincount(cells, weights=of.share)
    safe = np.where(held > 0, held, 1.0)
    centre = np.bincount(cells, weights=of.share * of.away) / safe
    off = of.away - centre[cells]
    mine = of.share * inside
    value = float((mine * off**2).sum())
    lean = np.bincount(cells, weights=mine * off) / safe
    own = inside * off**2 - value - 2 * off * lean[cells]
    columns = [np.bincount(cells, weights=of.share * column) / safe for column in of.slope.T]
    slope = of.slope - np.stack(columns, axis=1)[cells]
    return _Moved(value, own, 2 * np.einsum("i,ip->p", mine * off, slope))


def _cells(codes: Sequence[np.ndarray], rows: int) -> np.ndarray:
    """Return the cell of each row that variables cut out together; one cell where there are none."""
    if not codes:
        return np.zeros(rows, dtype=np.int64)
    return np.asarray(np.unique(np.stack(codes), axis=1, return_inverse=True)[1]).ravel()


def _plain(of: Propensities, found: _Moved) -> Spread:
    v = of.variance(found.own, found.along)
    return Spread(found.value, float(np.sqrt(v)) if v > 0 else None)


def _root(of: Propensities, found: Sequence[_Moved]) -> Spread:
    """Return the root of the sum of squares."""
    value = float(np.sqrt(sum(each.value**2 for each in found)))
    if value < 1e-12:
        return Spread(0.0, None)
    own = np.sum([each.value / value * each.own for each in found], axis=0)
    along = np.sum([each.value / value * each.along for each in found], axis=0)
    return _plain(of, _Moved(value, own, along))


def _spread(of: Propensities, square: _Moved) -> Spread:
    """Return the root of a square."""
    value = float(np.sqrt(max(square.value, 0.0)))
    if value < 1e-12:
        return Spread(0.0, None)
    return _plain(of, _Moved(value, square.own / (2 * value), square.along / (2 * value)))


@dataclass(frozen=True)
class LogOdds:
    """How much higher the logarithm of the odds to leave is in a category than in the first of its variable."""

    value: float
    se: float


def log_odds(of: Propensities, slopes: np.ndarray) -> list[LogOdds | None]:
    """
    Return for each column of x how it moves the odds to leave, the other columns alike.

    Slopes are those of the weighted logit of staying; their covariance is the sandwich of the kernel,
    J^-1 V(scores) J^-1. None for a column whose members all stayed or all left: its odds are zero or without end.

    Source: Binder (1983), International Statistical Review 51. Oracle: none holds this logit; its likelihood is
    maximised independently in tests/unit/test_representativity.py.

    Args:
        of: the propensities.
        slopes: the slope of each column in the logit of staying.

    Raises:
        EstimateError: nobody left.
    """
    counted = of.weight > 0
    if of.stayed[counted].all():
        raise EstimateError("Nobody who was due left, so who leaves cannot be told.", fix="choose other waves")
    se = np.sqrt(np.diag(of.matrix))
    out: list[LogOdds | None] = []
    for at, column in enumerate(of.x.T):
        own = of.stayed[counted & (column != 0)]
        mixed = len(own) > 0 and own.any() and not own.all()
        out.append(LogOdds(-float(slopes[at]), float(se[at])) if mixed else None)
    return out
