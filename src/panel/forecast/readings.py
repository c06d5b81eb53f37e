"""What is told of one question over the claims of one slice: which scores there are, by the kind of claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from panel.estimate.estimators import Estimand
from panel.forecast.categories import best_case, hits, median_margin, modal_margin, verdicts
from panel.forecast.claims import EVENTS, OUTCOMES, UNCLEAR
from panel.forecast.linear import average, difference
from panel.forecast.probabilities import reliability_curve, scores
from panel.forecast.telling import Told
from panel.model.instrument import Prediction

_UNITS = {"bias": "points", "brier": "score", "skill": "score", "auc": "score"} | dict.fromkeys(
    ("reliability", "resolution", "uncertainty", "within_bin", "calibration_intercept", "calibration_slope"), "score"
)
_MARGINS = {"best_case_margin", "yes_margin", "no_margin", "hit_over_chance", "peirce"}


@dataclass(frozen=True)
class Read:
    """
    The claims of one slice that were made and read: what was said, what happened, and whether the year before was bad.

    `category`, `probability` as in `Said`; `outcome` as in `happened`; `bad` is 1, 0, or NaN where the year before is
    not known. One row a claim, all known.
    """

    told: Prediction
    category: np.ndarray
    probability: np.ndarray
    outcome: np.ndarray
    bad: np.ndarray
    weights: np.ndarray

    def take(self, rows: np.ndarray) -> Read:
        """Return the claims at some places."""
        return Read(
            self.told, self.category[rows], self.probability[rows], self.outcome[rows], self.bad[rows],
            self.weights[rows],
        )  # fmt: skip


def main(read: Read) -> Iterator[Told]:
    """Yield what was predicted beside what happened, and how often members were right."""
    if read.told.is_directed:
        yield from _directions(read)
    elif read.told.kind == "probability":
        yield from _probabilities(read)
    else:
        yield from _categories(read)
    yield from _verdicts(read)


def _directions(read: Read) -> Iterator[Told]:
    w = read.weights
    kinds = (*OUTCOMES, UNCLEAR) if read.told.kind == "direction" else OUTCOMES
    for said in kinds:
        yield Told("predicted_share", average((read.category == said).astype(float), w), said)
    for came in OUTCOMES:
        yield Told("realised_share", average((read.outcome == came).astype(float), w), came)
    for said in kinds:
        rows = read.category == said
        if rows.any():
            for came in OUTCOMES:
                share = average((read.outcome == came).astype(float), w, rows)
                yield Told("realised_given_predicted", share, f"{said}>{came}")
    clear = read.category != UNCLEAR
    if clear.any():
        yield Told("bias", average(_error(read) * -1, w, clear), unit="score")


def _probabilities(read: Read) -> Iterator[Told]:
    came = (read.outcome == "event").astype(float)
    found = scores(read.probability, came, read.weights)
    for name, each in found.items():
        yield Told(name, each, unit=_UNITS.get(name, "share"))


def _categories(read: Read) -> Iterator[Told]:
    w, came = read.weights, (read.outcome == "event").astype(float)
    for said in sorted(set(read.category.tolist())):
        yield Told("predicted_share", average((read.category == said).astype(float), w), said)
        yield Told("realised_given_predicted", average(came, w, read.category == said), f"{said}>event")
    if read.told.yes:
        yes = np.isin(read.category, [str(code) for code in read.told.yes]).astype(float)
        yield Told("predicted_yes_share", average(yes, w), "event")
    yield Told("realised_share", average(came, w), "event")


def _codes(read: Read) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return code of what was said, of what happened, which claims have both, and the names of the codes."""
    if read.told.is_directed:
        names: tuple[str, ...] = OUTCOMES
        said = read.category
    else:
        names = EVENTS
        yes = read.probability >= 0.5
        if read.told.kind == "category":
            yes = np.isin(read.category, [str(code) for code in read.told.yes])
        said = np.where(yes, "event", "no_event")
    one, two = (np.select([each == name for name in names], range(len(names)), -1) for each in (said, read.outcome))
    has_say = read.category != UNCLEAR
    if read.told.kind == "category" and not read.told.yes:
        has_say = np.zeros(len(one), dtype=bool)
    return one, two, has_say & (two >= 0), names


def _verdicts(read: Read) -> Iterator[Told]:
    said, came, clear, names = _codes(read)
    better = read.told.better
    if read.told.kind == "probability":
        clear = clear & ~np.isclose(read.probability, 0.5)  # evens say neither
    if better is None or not clear.any():
        return
    up = 1 if better == names[-1] else -1
    worse = up * (said[clear] - came[clear]) < 0
    for name, each in verdicts(worse, said[clear] == came[clear], read.weights[clear]).items():
        yield Told(name, _spread(each, clear), name.removesuffix("_share"))


def further(read: Read) -> Iterator[Told]:
    """Yield hits against chance, the rules of best-case predictions, the reliability curve and errors after a fall."""
    said, came, clear, names = _codes(read)
    if clear.any():
        one, two, w = said[clear], came[clear], read.weights[clear]
        for name, each in hits(one, two, w, len(names)).items():
            yield Told(name, _spread(each, clear), unit="points" if name in _MARGINS else "share")
        for place, code in enumerate(names):
            if read.told.is_directed or code == "event":
                for name, each in best_case(one == place, two == place, w).items():
                    unit = "points" if name in _MARGINS else "share"
                    yield Told(name, _spread(each, clear), code, unit)
        if read.told.is_directed:
            yield from _rules(one, two, w, clear)
    if read.told.kind == "probability":
        yield from _curve(read)
    yield from _after_bad_year(read)


def _rules(said: np.ndarray, came: np.ndarray, w: np.ndarray, clear: np.ndarray) -> Iterator[Told]:
    for place, code in enumerate(OUTCOMES):
        for name, each in (
            ("modal_margin", modal_margin(place, said, came, w, len(OUTCOMES))),
            ("median_margin", median_margin(place, said, came, w)),
        ):
            if each is not None:
                yield Told(name, _spread(each, clear), code, "points")


def _curve(read: Read) -> Iterator[Told]:
    came = (read.outcome == "event").astype(float)
    for name, (said, happened) in reliability_curve(read.probability, came, read.weights).items():
        yield Told("bin_probability", said, name)
        yield Told("bin_frequency", happened, name)


def _error(read: Read) -> np.ndarray:
    """Return what happened less what was said: of an event, or of a direction as -1, 0 and 1."""
    if read.told.is_directed:
        said, came = (
            np.select([each == name for name in OUTCOMES], (-1.0, 0.0, 1.0), 0.0)
            for each in (read.category, read.outcome)
        )
        return np.asarray(came - said)
    return np.asarray((read.outcome == "event").astype(float) - read.probability)


def _after_bad_year(read: Read) -> Iterator[Told]:
    """Yield the mean error of those for whom the year before was a fall, of the others, and the difference."""
    if read.told.kind == "category":
        return
    unit = "score" if read.told.is_directed else "points"
    error = _error(read)
    after = [(read.bad == 1) & (read.category != UNCLEAR), (read.bad == 0) & (read.category != UNCLEAR)]
    if all(rows.any() for rows in after):
        fell, others = (average(error, read.weights, rows) for rows in after)
        yield Told("error_after_fall", fell, unit=unit)
        yield Told("error_otherwise", others, unit=unit)
        yield Told("error_gap", difference(fell, others), unit=unit)


def _spread(found: Estimand, rows: np.ndarray) -> Estimand:
    """Return an estimate over some rows as one over all of them."""
    if rows.all():
        return found
    linear, inside = np.zeros(len(rows)), np.zeros(len(rows), dtype=bool)
    linear[rows], inside[rows] = found.linear, found.rows
    return Estimand(found.value, linear, found.n, found.n_eff, inside)
