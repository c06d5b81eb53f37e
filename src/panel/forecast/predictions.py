"""What members predicted at a wave, set against what has happened to them since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from panel.estimate import Figure, Label, Pair, Sample, Slice, method_of, slices, to_frame
from panel.estimate.estimators import mean
from panel.forecast.claims import OUTCOMES, Claims, claims
from panel.forecast.pairing import is_due, pair_of
from panel.model.instrument import Prediction, Question
from panel.model.study import Study


def predictions(study: Study, person_waves: pd.DataFrame, weights: pd.DataFrame, *, wave: int) -> pd.DataFrame:
    """
    Return how predictions compare with what happened to the same members, by horizon year and group.

    A prediction over a number of years is read in the wave that many years on. One for the target year is read in
    every later wave: until the target year those are readings in between, "interim, 2 of 5 years" in `method`, and
    provisional; so is a figure in real terms while a price index is. Groups are those of the wave the prediction was
    made in. "Impossible to predict" is a line of its own in what was predicted. A member counts who answered both
    waves, and whose claim and outcome are both known.

    Statistics: `predicted_share` and `realised_share` of each category; `realised_given_predicted` ("fall>rise": of
    those who predicted a fall, the share that rose; "Likely>event": of those who said so, the share it happened to);
    `mean_probability`, `realised_frequency`, `bias` (the one less the other) and `brier`, mean squared distance of
    probability and event (Brier 1950, Monthly Weather Review 78, eq. 2, for one of the two classes; oracle o12).
    Standard errors are by linearisation, see `panel.estimate.kernel`.

    Args:
        study: whose instruments say which question predicts what.
        person_waves: all waves so far, held cells set aside. Not modified.
        weights: schema.WEIGHTS; a pair of waves without a longitudinal weight of its own is read under the
            cross-sectional weight of the later wave, and the column `weight` says so.
        wave: the newest wave.

    Returns:
        schema.ESTIMATES, `indicator` the question, unprotected; empty where nothing can be read yet.
    """
    waves = sorted(int(each) for each in person_waves["wave"].unique() if each <= wave)
    due = [each for each in combinations(waves, 2) if _asked(study, each)]
    if not due:
        return to_frame([])
    cross = weights[weights["kind"] == "cross-sectional"]
    sample = Sample(study, person_waves, cross, label="cross-sectional", keys=("member", "wave"))
    figures = []
    for each in due:
        pair = pair_of(sample, weights, each)
        if pair is not None:
            figures += [figure for question, told in _asked(study, each) for figure in _question(pair, question, told)]
    return to_frame(figures)


def _asked(study: Study, waves: tuple[int, int]) -> list[tuple[Question, Prediction]]:
    """Return the questions of the earlier wave that are read in the later, and how."""
    asked = study.instrument_of(waves[0]).predictions
    return [(each, each.predicts) for each in asked if each.predicts and is_due(study, each.predicts, *waves)]


def _question(pair: Pair, question: Question, told: Prediction) -> Iterator[Figure]:
    found = claims(pair, question, told)
    study = pair.now.study
    made, read = (study.wave(number).fieldwork.start.year for number in pair.waves)
    is_interim = told.horizon == "target" and read < study.target_year
    years = f"interim, {read - made} of {study.target_year - made} years" if is_interim else f"year {read - made}"
    is_provisional = is_interim or (_is_in_prices(study, told) and pair.now.is_provisional(*pair.waves))
    for each in slices(pair.now):
        label = Label(
            indicator=question.key,
            variable=told.variable,
            domain=each.domain,
            group=each.group,
            denominator=f"{each.name} who predicted, and whose outcome is known",
            unit="share",
            terms=told.terms if study.variable(told.variable).kind == "money" else "",
        )
        make = _Maker(pair, each, label, f"{method_of(study)}, {years}", is_provisional)
        if told.kind == "direction":
            yield from _directions(make, found)
        elif told.kind == "probability":
            yield from _probabilities(make, found)
        else:
            yield from _categories(make, found)


def _is_in_prices(study: Study, told: Prediction) -> bool:
    return told.terms == "real" and study.variable(told.variable).kind == "money"


class _Maker:
    """Make figures about one slice of a pair."""

    def __init__(self, pair: Pair, each: Slice, label: Label, method: str, is_provisional: bool) -> None:
        self.pair = pair
        self.inside = each.inside & (pair.now.weight > 0)
        self.label = label
        self.method = method
        self.is_provisional = is_provisional

    def figure(
        self, statistic: str, y: np.ndarray, rows: np.ndarray, *, value: str | None = None, unit: str = "share"
    ) -> Iterator[Figure]:
        """Yield the mean of `y` over `rows`, where there are any."""
        inside = rows & self.inside
        if inside.any():
            found = mean(np.where(inside, y, 0.0).astype(float), self.pair.now.weight, inside)
            label = replace(self.label, value=value, unit=unit)
            yield self.pair.figure(label, statistic, found, method=self.method, is_provisional=self.is_provisional)


def _directions(make: _Maker, found: Claims) -> Iterator[Figure]:
    known = (found.said != "") & (found.outcome != "")
    for said in (*OUTCOMES, "unclear"):
        yield from make.figure("predicted_share", found.said == said, known, value=said)
    for outcome in OUTCOMES:
        yield from make.figure("realised_share", found.outcome == outcome, known, value=outcome)
    for said in (*OUTCOMES, "unclear"):
        rows = known & (found.said == said)
        for outcome in OUTCOMES:
            yield from make.figure(
                "realised_given_predicted", found.outcome == outcome, rows, value=f"{said}>{outcome}"
            )


def _probabilities(make: _Maker, found: Claims) -> Iterator[Figure]:
    known = np.isfinite(found.probability) & np.isfinite(found.event)
    yield from make.figure("mean_probability", found.probability, known)
    yield from make.figure("realised_frequency", found.event, known)
    yield from make.figure("bias", found.probability - found.event, known, unit="points")
    yield from make.figure("brier", (found.probability - found.event) ** 2, known, unit="score")


def _categories(make: _Maker, found: Claims) -> Iterator[Figure]:
    known = (found.said != "") & np.isfinite(found.event)
    for said in sorted(set(found.said[known].tolist())):
        yield from make.figure("predicted_share", found.said == said, known, value=said)
        rows = known & (found.said == said)
        yield from make.figure("realised_given_predicted", found.event, rows, value=f"{said}>event")
    yield from make.figure("realised_share", found.event, known, value="event")
