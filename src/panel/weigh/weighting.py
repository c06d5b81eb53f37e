"""Cross-sectional weights of a wave, and longitudinal weights of a set of waves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from panel.errors import EstimateError, printable
from panel.model.study import Study
from panel.schema import WEIGHTS
from panel.weigh.diagnostics import Made, diagnostics
from panel.weigh.recipe import LEAST_PROPENSITY, Recipe, response_of

OUT_OF_SCOPE = ("deceased", "out_of_scope")


@dataclass(frozen=True)
class Weighting:
    """One set of weights (schema.WEIGHTS) and how it came about."""

    rows: pd.DataFrame
    diagnostics: dict[str, Any]


def cross_sectional(person_waves: pd.DataFrame, *, study: Study, wave: int) -> Weighting:
    """
    Return weights that make one wave's members stand for the population: design weights calibrated to the benchmarks.

    By the study's distance, within its bounds, and trimmed where it says so. Members without a design weight have 1;
    those in no group of a margin keep their share. Where the study has no benchmarks the design weights stand as they
    are. Weights add up to the number of members.

    Args:
        person_waves: those of `wave`, with the variables of the margins. Not modified.
        study: domains, benchmarks and rules of weighting.
        wave: its number.

    Raises:
        EstimateError: a margin cannot be met; names it and the group.
    """
    design = person_waves["design_weight"].fillna(1.0).to_numpy(dtype=float)
    made = Recipe.of(person_waves, study).make(design)
    return _weighting(person_waves["member"], made, study, kind="cross-sectional", waves=(wave,))


def longitudinal(
    person_waves: pd.DataFrame, tracking: pd.DataFrame, *, study: Study, waves: Sequence[int]
) -> Weighting:
    """
    Return weights that make the members who answered every wave of a set stand for those of its first wave.

    A weight that the delivery brings for the set is taken as it is. Otherwise it is the design weight of the first
    wave over the estimated propensity to answer the others, calibrated to the benchmarks as of the first wave. Every
    cohort that answered the first wave is in it, those who joined in it too, each with its own propensity; members who
    joined later are not. Members who died or left the scope since are neither counted as lost nor given a weight.
    Members who were due and did not answer come with a weight of zero, as kind "lost": standard errors need them.

    Source: Kalton and Flores-Cervantes (2003), Journal of Official Statistics 19.

    Args:
        person_waves: with at least those of `waves`. Not modified.
        tracking: every case, for who was still in scope.
        study: domains, benchmarks, given weights, rules of weighting.
        waves: two or more wave numbers.

    Raises:
        EstimateError: nobody answered all of the waves, nobody in a class did, or a margin cannot be met.
    """
    first, *later = sorted(waves)
    start = person_waves[person_waves["wave"] == first].reset_index(drop=True)
    stayed = _answered_all(start["member"], person_waves, later)
    if not stayed.any():
        raise EstimateError(f"Nobody answered all of waves {', '.join(map(str, sorted(waves)))}.")
    given = next((each.column for each in study.layout.given_weights if set(each.waves) == set(waves)), None)
    if given is not None:
        return _given(start[stayed], given, study, tuple(sorted(waves)))
    gone = tracking.loc[tracking["wave"].isin(later) & tracking["disposition"].isin(OUT_OF_SCOPE), "member"]
    is_due = ~start["member"].isin(gone.unique()).to_numpy() | stayed
    return _adjusted(start[is_due].reset_index(drop=True), stayed[is_due], study, tuple(sorted(waves)))


def _given(start: pd.DataFrame, column: str, study: Study, waves: tuple[int, ...]) -> Weighting:
    own = start[f"given_weight:{column}"].to_numpy(dtype=float, na_value=np.nan)
    has = np.isfinite(own) & (own > 0)
    if not has.any():
        raise EstimateError(
            f"The weight '{printable(column)}' brought for waves {', '.join(map(str, waves))} is nowhere above 0.",
            fix="correct the column, or drop the given_weight from study.toml to have the weight computed",
        )
    return _weighting(start["member"][has], Made(own[has], None), study, kind="longitudinal", waves=waves)


def _adjusted(due: pd.DataFrame, stayed: np.ndarray, study: Study, waves: tuple[int, ...]) -> Weighting:
    design = due["design_weight"].fillna(1.0).to_numpy(dtype=float)
    response = response_of(due, stayed, design, study)
    chance = np.ones(len(due)) if response is None else np.maximum(response.propensity, LEAST_PROPENSITY)
    adjusted = design / chance
    made = Recipe.of(due[stayed].reset_index(drop=True), study).make(adjusted[stayed])
    whole = _weighting(
        due["member"][stayed], made, study, kind="longitudinal", waves=waves,
        propensity=None if response is None else chance[stayed],
    )  # fmt: skip
    if response is None:
        return whole
    whole.diagnostics["mean_propensity"] = round(float(chance.mean()), 4)
    whole.diagnostics["least_propensity"] = round(float(chance.min()), 4)
    lost = Made(np.zeros(int((~stayed).sum())), adjusted[~stayed])
    rows = _rows(due["member"][~stayed], lost, "lost", waves, chance[~stayed])
    return Weighting(pd.concat([whole.rows, rows], ignore_index=True), whole.diagnostics)


def _answered_all(members: pd.Series, person_waves: pd.DataFrame, waves: Sequence[int]) -> np.ndarray:
    """Return which of these members have a person-wave in every one of the waves (a mask)."""
    answered = np.ones(len(members), dtype=bool)
    for wave in waves:  # by an index: `isin` turns a long list of texts into Python objects one by one
        there = pd.Index(person_waves.loc[person_waves["wave"] == wave, "member"])
        answered &= there.get_indexer(members) >= 0
    return answered


def _weighting(
    members: pd.Series, made: Made, study: Study, *, kind: str, waves: tuple[int, ...],
    propensity: np.ndarray | None = None,
) -> Weighting:  # fmt: skip
    said = diagnostics(made, kind=kind, waves="-".join(map(str, waves)), study=study)
    return Weighting(_rows(members, made, kind, waves, propensity), said)


def _rows(
    members: pd.Series, made: Made, kind: str, waves: tuple[int, ...], propensity: np.ndarray | None
) -> pd.DataFrame:
    rows = {
        "member": members.reset_index(drop=True),
        "wave": waves[-1],
        "kind": kind,
        "waves": "-".join(map(str, waves)),
        "weight": made.weights,
        "design_weight": made.design if made.design is not None else np.nan,
        "calibrated_weight": made.found.weights if made.cut and made.found else np.nan,
        "propensity": np.nan if propensity is None else propensity,
    }
    return WEIGHTS.coerce(pd.DataFrame(rows))
