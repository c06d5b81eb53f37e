"""Scores of probabilities against events, each with its linearised variable for the variance kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from panel.estimate.estimators import Estimand, kish
from panel.forecast.linear import average, combine, difference, quotient
from panel.forecast.logit import fit

LEAST = 0.005  # half of the smallest step of an answer in per cent: what 0 and 100 count as in the logit


@dataclass(frozen=True)
class Bins:
    """
    Bins of probabilities that are fixed in advance: from one edge up to the next, and focal answers of their own.

    The last edge belongs to the last bin. A focal answer is taken out of the bin it would lie in.
    """

    edges: tuple[float, ...]
    focal: tuple[float, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the names of the bins in per cent, in rising order; a focal answer after the bin that holds it."""
        return tuple(name for name, _ in self._ordered())

    def _ordered(self) -> list[tuple[str, tuple[float, int]]]:
        spans = zip(self.edges, self.edges[1:], strict=False)
        between = [(f"{100 * low:g}-{100 * high:g}", (low, 1)) for low, high in spans]
        alone = [(f"{100 * each:g}", (each, 0 if each == self.edges[0] else 2)) for each in self.focal]
        return sorted(between + alone, key=lambda named: (*named[1], named[0]))

    def of(self, p: np.ndarray) -> np.ndarray:
        """Return the place of each probability among `labels`."""
        names = list(self.labels)
        between = np.clip(np.searchsorted(self.edges, p + 1e-12, side="right") - 1, 0, len(self.edges) - 2)
        spans = [f"{100 * low:g}-{100 * high:g}" for low, high in zip(self.edges, self.edges[1:], strict=False)]
        places = np.array([names.index(span) for span in spans])[between]
        for each in self.focal:
            places[np.isclose(p, each, rtol=0, atol=1e-12)] = names.index(f"{100 * each:g}")
        return places


BINS = Bins(edges=(0.0, 0.2, 0.4, 0.6, 0.8, 1.0), focal=(0.0, 0.5, 1.0))


def scores(p: np.ndarray, o: np.ndarray, weights: np.ndarray, bins: Bins = BINS) -> dict[str, Estimand]:
    """
    Return the scores of probabilities `p` against events `o` (0 or 1).

    `brier` (Brier 1950, Monthly Weather Review 78, eq. 2, for one of the two classes) and `skill`, 1 - brier /
    uncertainty, where there is any; `reliability`, `resolution`, `uncertainty` and `within_bin`, which is what bins
    hide, so that brier = reliability - resolution + uncertainty + within_bin (Murphy 1973, Journal of Applied
    Meteorology 12; Stephenson, Coelho and Jolliffe 2008, Weather and Forecasting 23); `bias`, mean p - mean o;
    `mean_probability`, `realised_frequency`; `auc`, `calibration_intercept` and `calibration_slope`, where they have a
    meaning. Oracle: o12.
    """
    said, came = average(p, weights), average(o, weights)
    found = {
        "mean_probability": said,
        "realised_frequency": came,
        "bias": difference(said, came),
        "brier": average((p - o) ** 2, weights),
    }
    found |= murphy(p, o, weights, bins)
    if found["uncertainty"].value > 0:
        ratio = quotient(found["brier"], found["uncertainty"])
        found["skill"] = combine(1 - ratio.value, [ratio], [-1.0])
    return found | calibration(p, o, weights) | auc(p, o, weights)


def reliability_curve(
    p: np.ndarray, o: np.ndarray, weights: np.ndarray, bins: Bins = BINS
) -> Mapping[str, tuple[Estimand, Estimand]]:
    """Return for each bin with anybody in it the mean probability and the share that it happened to. Oracle: o12."""
    places = bins.of(p)
    return {
        name: (average(p, weights, places == place), average(o, weights, places == place))
        for place, name in enumerate(bins.labels)
        if (places == place).any()
    }


def murphy(p: np.ndarray, o: np.ndarray, weights: np.ndarray, bins: Bins = BINS) -> dict[str, Estimand]:
    """Return the parts of the Brier score over fixed bins; see `scores`."""
    places = bins.of(p)
    total = weights.sum()
    held = np.bincount(places, weights=weights, minlength=len(bins.labels))
    safe = np.where(held > 0, held, 1.0)
    said, came = (np.bincount(places, weights=weights * y, minlength=len(held)) / safe for y in (p, o))
    base = float((weights * o).sum() / total)
    gap, lift = (said - came)[places], (came - base)[places]
    inner_p, inner_o = p - said[places], o - came[places]
    each = {
        "reliability": (gap**2, 2 * gap * (inner_p - inner_o)),
        "resolution": (lift**2, 2 * lift * inner_o),
        "uncertainty": (np.full(len(p), base * (1 - base)), (1 - 2 * base) * (o - base)),
    }
    found = {name: _mean_with(y, moved, weights) for name, (y, moved) in each.items()}
    score = average((p - o) ** 2, weights)
    parts = [score, found["reliability"], found["resolution"], found["uncertainty"]]
    signs = [1.0, -1.0, 1.0, -1.0]
    value = sum(sign * part.value for sign, part in zip(signs, parts, strict=True))
    return found | {"within_bin": combine(value, parts, signs)}


def _mean_with(y: np.ndarray, moved: np.ndarray, weights: np.ndarray) -> Estimand:
    """Return the mean of `y`, which a row moves by `moved` beside its own part in the mean."""
    total = float(weights.sum())
    value = float((weights * y).sum()) / total
    return Estimand(value, (y - value + moved) / total, len(y), kish(weights), np.ones(len(y), dtype=bool))


def calibration(p: np.ndarray, o: np.ndarray, weights: np.ndarray) -> dict[str, Estimand]:
    """
    Return intercept and slope of the logit of the event on the logit of the probability: 0 and 1 where all is well.

    0 and 100 % count as half a per cent from there. Nothing, where the event or the probability does not vary.

    Source: Cox (1958), Biometrika 45. Oracle: o12 (`cal_slope`).
    """
    if np.ptp(o) == 0 or np.ptp(p) == 0:
        return {}
    inside = np.clip(p, LEAST, 1 - LEAST)
    x = np.stack([np.ones(len(p)), np.log(inside / (1 - inside))], axis=1)
    model = fit(x, o, weights)
    if model is None:
        return {}
    linear = model.linear(x, o)
    rows, effective = np.ones(len(p), dtype=bool), kish(weights)
    return {
        f"calibration_{name}": Estimand(float(model.coefficients[place]), linear[:, place], len(p), effective, rows)
        for place, name in enumerate(("intercept", "slope"))
    }


def auc(p: np.ndarray, o: np.ndarray, weights: np.ndarray) -> dict[str, Estimand]:
    """
    Return how often one to whom it happened had said a higher probability than one to whom it did not; ties are half.

    Its linearised variable is that of a ratio of two-sample sums (Hanley and McNeil 1982, Radiology 143, weighted).
    Nothing, where it happened to all or to nobody. Oracle: o12.
    """
    if np.ptp(o) == 0:
        return {}
    _, places = np.unique(p, return_inverse=True)
    yes, no = (np.bincount(places, weights=weights * each) for each in (o, 1 - o))
    below_no, below_yes = (np.cumsum(each) - each / 2 for each in (no, yes))
    all_yes, all_no = float(yes.sum()), float(no.sum())
    value = float((yes * below_no).sum()) / (all_yes * all_no)
    over, under = (below_no / all_no)[places], (1 - below_yes / all_yes)[places]
    linear = np.where(o == 1, (over - value) / all_yes, (under - value) / all_no)
    return {"auc": Estimand(value, linear, len(p), kish(weights), np.ones(len(p), dtype=bool))}
