"""What custom expectations compute: pure functions, numbers in, one number out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

DRAWS = 400
SEED = 20_260
_SMOOTH = 0.5  # added to every count (Jeffreys), so that an empty category has a finite distance


def counted(values: pd.Series) -> dict[str, int]:
    """Return how often each known value occurs, by its text."""
    found = values.dropna().astype("str").value_counts()
    return {str(value): int(count) for value, count in found.items()}


def aligned(now: Mapping[str, int], before: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts of both over the categories of either, in one order."""
    names = sorted({*now, *before})
    pair = [np.array([each.get(name, 0) for name in names], dtype=float) for each in (now, before)]
    return pair[0], pair[1]


def psi(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """
    Return the population stability index of counts, along the last axis: the symmetric Kullback-Leibler divergence.

    Source: Yurdakul and Naranjo (2020), Statistical properties of the population stability index, eq. 1.
    """
    p, q = _shares(now), _shares(before)
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=-1))


def js_distance(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """
    Return the Jensen-Shannon distance of counts, along the last axis: base 2, from 0 to 1.

    Source: Endres and Schindelin (2003), A new metric for probability distributions; checked against SciPy.
    """
    p, q = _shares(now), _shares(before)
    middle = (p + q) / 2
    divergence = (p * np.log2(p / middle) + q * np.log2(q / middle)).sum(axis=-1) / 2
    return np.sqrt(np.maximum(divergence, 0.0))


def _shares(counts: np.ndarray) -> np.ndarray:
    smooth = counts + _SMOOTH
    return np.asarray(smooth / smooth.sum(axis=-1, keepdims=True))


def limit_by_chance(measure: object, now: np.ndarray, before: np.ndarray, quantile: float) -> float:
    """
    Return what a distance reaches by chance alone: its quantile over pairs of samples of the pooled shares.

    Two samples of one population of many categories are far apart at a panel's size, so that a fixed limit cries wolf.
    The draws have a fixed seed: the same counts have the same limit.
    """
    pooled = _shares(now + before)
    draw = np.random.default_rng(SEED)
    one = draw.multinomial(int(now.sum()), pooled, size=DRAWS).astype(float)
    other = draw.multinomial(int(before.sum()), pooled, size=DRAWS).astype(float)
    return float(np.quantile(measure(one, other), quantile))  # type: ignore[operator]


def heaped_share(values: pd.Series, base: float) -> float:
    """Return the share of the known values other than 0 that are multiples of `base`; NaN where there is none."""
    known = values.dropna().astype(float)
    known = known[known != 0]
    return float((known % base == 0).mean()) if len(known) else float("nan")


def largest_gap(now: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """Return the largest difference between shares of a sample and those of the population, over its groups."""
    total = sum(now.get(name, 0) for name in shares)
    whole = sum(shares.values())
    return max(abs(now.get(name, 0) / total - share / whole) for name, share in shares.items()) if total else 0.0


def lag_behind(is_back: np.ndarray, is_group: np.ndarray, sureness: float = 1.645) -> float:
    """
    Return by how much the share of a group that came back surely lags behind that of all others.

    It is the lower end of a one-sided 95 % interval of the difference (Wald): a small group that lost two of three by
    chance does not lag surely. Zero where the group or the others are fewer than ten.
    """
    inside, outside = is_back[is_group], is_back[~is_group]
    if min(len(inside), len(outside)) < 10:
        return 0.0
    low, high = inside.mean(), outside.mean()
    error = np.sqrt(low * (1 - low) / len(inside) + high * (1 - high) / len(outside))
    return float(max(high - low - sureness * error, 0.0))


def r_indicator(is_back: np.ndarray, groups: Sequence[pd.Series]) -> float:
    """
    Return the R-indicator: 1 - 2 S, where S is the standard deviation of the estimated response propensities.

    Propensities are fitted by least squares on the groups' dummies (main effects), and the variance that fitting
    itself brings is taken off, so that a panel that loses people at random has an indicator near 1.

    Source: Schouten, Cobben and Bethlehem (2009), Indicators for the representativeness of survey response, eq. 4;
    the correction follows Shlomo, Skinner and Schouten (2012), for a linear model.
    """
    size = len(is_back)
    dummies = [pd.get_dummies(each.astype("str"), drop_first=True, dtype=float) for each in groups]
    design = np.column_stack([np.ones(size), *(each.to_numpy() for each in dummies if each.shape[1])])
    answer = is_back.astype(float)
    fitted = design @ np.linalg.lstsq(design, answer, rcond=None)[0]
    rank = int(np.linalg.matrix_rank(design))
    noise = float(((answer - fitted) ** 2).sum() / max(size - rank, 1)) * (rank - 1) / size
    spread = max(float(fitted.var()) - noise, 0.0)
    return 1 - 2 * float(np.sqrt(spread))


def apart(one: pd.Series, other: pd.Series, sureness: float = 2.576) -> float:
    """
    Return by how many standard deviations two groups' means surely differ; 0 where the 99 % interval holds zero.

    Welch's standard error; zero where a group has fewer than thirty.
    """
    first, second = (each.dropna().astype(float).to_numpy() for each in (one, other))
    if min(len(first), len(second)) < 30:
        return 0.0
    error = np.sqrt(first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second))
    difference = abs(first.mean() - second.mean())
    spread = np.concatenate([first, second]).std(ddof=1)
    return float(max(difference - sureness * error, 0.0) / spread) if spread > 0 else 0.0


def slip_factor(
    value: np.ndarray, typical: np.ndarray, factors: Sequence[float], tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """
    Return by which unit a value is probably off its typical size, and the value that was probably meant.

    The factor is f where the value is about an f-th of the typical one, -f where it is about f times it, 0 where
    neither or where either is not above zero. "About" is within a factor of `tolerance`; of two the nearer one counts.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(typical / value)
    known = np.isfinite(ratio) & (value > 0) & (typical > 0)
    signed = np.array([sign * factor for factor in factors for sign in (1, -1)], dtype=float)
    shift = np.sign(signed) * np.log(np.abs(signed))
    distance = np.abs(np.where(known, ratio, 0.0)[:, None] - shift[None, :])
    nearest = distance.argmin(axis=1)
    near = known & (distance.min(axis=1) <= np.log(tolerance))
    factor = np.where(near, signed[nearest], 0.0)
    meant = np.where(
        factor > 0, value * factor, np.where(factor < 0, value / np.abs(np.where(near, factor, 1)), np.nan)
    )
    return factor, meant


def modified_z(values: pd.Series) -> pd.Series:
    """
    Return Iglewicz and Hoaglin's modified z of the logs of amounts above zero; missing elsewhere.

    Source: Iglewicz and Hoaglin (1993), How to detect and handle outliers: 0.6745 (x - median) / MAD.
    """
    logs = np.log(values.astype("Float64").where(values.astype("Float64") > 0).astype(float))
    centre = logs.median()
    mad = (logs - centre).abs().median()
    return 0.6745 * (logs - centre) / mad if mad and mad > 0 else logs * np.nan
