"""Whether two answers have to do with each other, in a sample that was not drawn by lot one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from panel.errors import EstimateError
from panel.estimate.kernel import Design, covariance


@dataclass(frozen=True)
class Independence:
    """The test: F on two degrees of freedom, and the probability of as much or more by chance."""

    f: float
    between: float
    within: float
    p: float


def rao_scott(
    one: np.ndarray, other: np.ndarray, weights: np.ndarray, rows: np.ndarray, design: Design
) -> Independence:
    """
    Return the test of Rao and Scott, second order: Pearson's chi-square, put right for the design.

    The chi-square of the weighted shares is divided by the trace of the design effects of the interactions, and
    referred to F with Satterthwaite's degrees of freedom.

    Source: Rao and Scott (1984), Annals of Statistics 12; Thomas and Rao (1987), JASA 82. Oracle: o07 (chisq_F).

    Args:
        one: code of one answer, from 0; -1 outside `rows`.
        other: code of the other.
        weights: a weight a row.
        rows: who counts (a mask).
        design: PSUs and strata of all rows; the weights are taken as given.

    Raises:
        EstimateError: an answer has one category only.
    """
    first, second = (np.unique(codes[rows]) for codes in (one, other))
    if min(len(first), len(second)) < 2:
        raise EstimateError("An answer that everybody gives has nothing to do with another.")
    places = np.flatnonzero(rows)
    cell = np.searchsorted(first, one[places]) * len(second) + np.searchsorted(second, other[places])
    count, size, held = len(first) * len(second), float(weights[places].sum()), weights[places]
    shares = np.bincount(cell, weights=held, minlength=count) / size
    linear = np.zeros((count, len(weights)))
    linear[:, places] = ((cell == np.arange(count)[:, None]) - shares[:, None]) / size
    spread = covariance(design.totals(linear * weights).T, design)
    table = shares.reshape(len(first), len(second))
    return of_table(table, spread, len(places), design.degrees_of_freedom(rows))


def of_table(table: np.ndarray, spread: np.ndarray, n: int, degrees: int) -> Independence:
    """
    Return the test of Rao and Scott, second order, from the shares of a table and their covariance.

    Args:
        table: shares of all, the one answer by the other; none of a side is zero.
        spread: the covariance of the shares, the other answer running fastest.
        n: how many rows are in the table.
        degrees: of freedom of the design.
    """
    shares, expected = table.ravel(), np.outer(table.sum(axis=1), table.sum(axis=0)).ravel()
    pearson = n * float(((shares - expected) ** 2 / expected).sum())
    effects = _design_effects(shares, spread, n, *table.shape)
    trace = float(np.trace(effects))
    between = trace**2 / float((effects * effects.T).sum())
    f = pearson / trace
    return Independence(f, between, between * degrees, float(fdtrc(between, between * degrees, f)))


def holm(p: np.ndarray) -> np.ndarray:
    """
    Return p values of which one below 5 % is a chance of one in twenty for all together, however they hang together.

        p*_(i) = max_(j <= i) min(1, (m - j + 1) p_(j)),   p_(1) <= ... <= p_(m)

    Source: Holm (1979), Scandinavian Journal of Statistics 6. Checked by hand in tests/unit/test_flows.py.

    Args:
        p: of each test by itself; none missing.
    """
    rising = np.argsort(p, kind="stable")
    out = np.empty(len(p))
    out[rising] = np.maximum.accumulate(np.minimum(np.arange(len(p), 0, -1) * p[rising], 1.0))
    return out


def _design_effects(shares: np.ndarray, spread: np.ndarray, n: int, first: int, second: int) -> np.ndarray:
    """Return the covariance of the interactions over what it were in a simple random sample."""
    row, column = np.divmod(np.arange(first * second), second)
    rows, columns = row[:, None] == np.arange(1, first), column[:, None] == np.arange(1, second)
    main = np.column_stack([np.ones(first * second), rows, columns]).astype(float)
    crossed = (rows[:, :, None] & columns[:, None, :]).reshape(first * second, -1).astype(float)
    basis, _ = np.linalg.qr(main)
    contrasts = crossed - basis @ (basis.T @ crossed)
    inverse = np.divide(1.0, shares, out=np.zeros_like(shares), where=shares > 0)
    scaled = contrasts * inverse[:, None]
    plain = contrasts.T @ scaled / n
    return np.asarray(np.linalg.solve(plain, scaled.T @ spread @ scaled))
