"""A study's way from design weights to weights, to be gone once, or again in every replicate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panel.estimate.explained import classes, covariates
from panel.estimate.margins import targets_of
from panel.estimate.part import rows_at
from panel.model.study import Study
from panel.weigh.calibrate import Raker
from panel.weigh.diagnostics import Made
from panel.weigh.distance import Distance
from panel.weigh.propensity import Response, by_class, by_logit
from panel.weigh.trim import trim

LEAST_PROPENSITY = 0.05


@dataclass(frozen=True)
class Recipe:
    """The calibration and trimming of one set of members, by a study's rules."""

    raker: Raker
    limits: tuple[float, float] | None
    members: int

    @classmethod
    def of(cls, frame: pd.DataFrame, study: Study) -> Recipe:
        """Return the recipe for person-waves of one wave. Not modified."""
        targets, rules = targets_of(frame, study), study.weighting
        if not targets:
            return cls(Raker.of([]), rules.trim, len(frame))
        bounds = study.benchmarks.weight_bounds if study.benchmarks else None
        return cls(Raker.of(targets, Distance.of(rules.calibration, bounds)), rules.trim, len(frame))

    def make(self, design: np.ndarray) -> Made:
        """Return weights that add up to the members, and each step on the way to them."""
        found = self.raker.weights(design, float(self.members))
        if self.limits is None:
            return Made(found.weights, design, targets=self.raker.targets, found=found)
        cut = trim(found.weights, *self.limits)
        return Made(cut.weights, design, targets=self.raker.targets, found=found, cut=cut)


def response_of(due: pd.DataFrame, stayed: np.ndarray, design: np.ndarray, study: Study) -> Response | None:
    """Return the propensities of the members who were due, by the study's rule; None where it has none."""
    if study.weighting.nonresponse == "none":
        return None
    if study.weighting.nonresponse == "classes":
        found = classes(due, study)
        return by_class(found.codes, stayed, design, found.names)
    return by_logit(covariates(due, study), stayed, design)


def by_wave(person_waves: pd.DataFrame, study: Study) -> Callable[[np.ndarray], np.ndarray]:
    """
    Return what makes the cross-sectional weights of every wave from design weights, for `Replicates.estimate`.

    Takes a design weight for each row of `person_waves`, every wave together, and returns a weight for each.
    """
    wave = person_waves["wave"].to_numpy(dtype=np.int64)
    places = [rows_at(wave == each) for each in np.unique(wave)]
    recipes = [Recipe.of(person_waves.iloc[own], study) for own in places]

    def anew(design: np.ndarray) -> np.ndarray:
        out = np.zeros(len(design))
        for own, recipe in zip(places, recipes, strict=True):
            out[own] = recipe.make(design[own]).weights
        return out

    return anew


def of_stayers(due: pd.DataFrame, stayed: np.ndarray, study: Study) -> Callable[[np.ndarray], np.ndarray]:
    """
    Return what makes a longitudinal weight from design weights, propensity and calibration, for `Replicates.estimate`.

    Takes a design weight for each of the members who were due (person-waves of the first wave), and returns a weight
    for each, zero for who did not stay.
    """
    recipe = Recipe.of(due[stayed].reset_index(drop=True), study)

    def anew(design: np.ndarray) -> np.ndarray:
        response, out = response_of(due, stayed, design, study), np.zeros(len(design))
        chance = 1.0 if response is None else np.maximum(response.propensity, LEAST_PROPENSITY)[stayed]
        out[stayed] = recipe.make(design[stayed] / chance).weights
        return out

    return anew
