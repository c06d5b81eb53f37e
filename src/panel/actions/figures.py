"""Weigh a wave and compute what changed."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from panel import weigh as weighing
from panel.actions.fold import as_first_given, as_said, clean_panel, held_variables
from panel.actions.releases import advance, need
from panel.disclose import protect
from panel.errors import EstimateError
from panel.estimate import report
from panel.estimate.held import beside_held, touched, touches_predictions
from panel.forecast import ledger
from panel.forecast import predictions as predict
from panel.model.study import Study
from panel.ports import Adapters
from panel.schema import ESTIMATES

log = logging.getLogger(__name__)


def weigh(app: Adapters, study_key: str, wave: int | str) -> pd.DataFrame:
    """
    Compute and keep the weights of a wave: cross-sectional for every wave so far, longitudinal for pairs of waves.

    The pairs are each wave with the next and the baseline with each later one; the whole run from the baseline comes
    with them. Returns the weights (schema.WEIGHTS).

    Raises:
        EstimateError: a margin cannot be met, and which.
        ReleaseState: the wave has no open gates.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    need(app, study, number, "weigh")
    waves = _waves_with_answers(app, study, number)
    panel = clean_panel(app, study, waves, _read(study))
    tracking = app.store.tracking(study.key)
    made = _made(study, panel, tracking, waves)
    rows = pd.concat([each.rows for each in made], ignore_index=True)
    app.store.save_weights(study.key, number, rows, json.dumps([each.diagnostics for each in made], sort_keys=True))
    advance(app, study, number, "weigh")
    log.info("weighed wave=%s/%d weights=%d sets=%d", study.key, number, len(rows), len(made))
    return rows


def wave_sets(study: Study, waves: list[int]) -> list[tuple[int, ...]]:
    """Return the sets of waves that get a longitudinal weight, of those with answers."""
    adjacent = set(pairwise(waves))
    from_baseline = {(study.baseline, wave) for wave in waves if wave > study.baseline and study.baseline in waves}
    whole = {tuple(wave for wave in waves if wave >= study.baseline)}
    return sorted({each for each in adjacent | from_baseline | whole if len(each) > 1})


def _read(study: Study) -> list[str]:
    """Return the variables that weights, figures and predictions read: a small part of a wide panel."""
    used = [each.variable for each in study.domains]
    used += [each.variable for each in study.indicators] + [each.variable for each in study.transitions]
    for question in (each for instrument in study.instruments for each in instrument.predictions):
        used += [question.variable.name, question.predicts.variable if question.predicts else ""]
    return [*used, *(f"given_weight:{each.column}" for each in study.layout.given_weights)]


def _waves_with_answers(app: Adapters, study: Study, up_to: int) -> list[int]:
    panel = app.store.person_waves(study.key, columns=[])
    waves = sorted(int(wave) for wave in panel["wave"].unique() if wave <= up_to)
    if up_to not in waves:
        raise EstimateError(
            f"Wave {study.key}/{study.wave(up_to).key} has no person-waves.",
            fix="collect a delivery and merge it first",
        )
    return waves


def estimate(app: Adapters, study_key: str, wave: int | str) -> pd.DataFrame:
    """
    Compute and keep every figure of the study up to a wave, protected against disclosure.

    Returns the estimates (schema.ESTIMATES): indicators, changes between all pairs of waves, transitions. What members
    predicted, set against what happened, is kept beside them as the table `predictions`, and each prediction with its
    state in the ledger of claims.

    Raises:
        ReleaseState: the wave has no weights of what it has now.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    need(app, study, number, "estimate")
    waves = _waves_with_answers(app, study, number)
    panel = clean_panel(app, study, waves, _read(study))
    claims = _keep_claims(app, study, panel, number)
    weights, tracking = app.store.weights(study.key, number), app.store.tracking(study.key)
    figures = report(study, panel, tracking, weights, wave=number)
    with_held = _with_held(app, study, number, waves, tracking, weights)
    tables = {
        "estimates": beside_held(figures, with_held.estimates),
        "predictions": beside_held(predict(study, panel, weights, wave=number), with_held.predictions),
    }
    kept = {name: protect(table, threshold=study.disclosure_threshold) for name, table in tables.items()}
    app.store.save_estimates(study.key, number, kept)
    advance(app, study, number, "estimate")
    count = sum(len(table) for table in kept.values())
    log.info("estimated wave=%s/%d figures=%d claims=%d", study.key, number, count, claims)
    return kept["estimates"]


def _keep_claims(app: Adapters, study: Study, panel: pd.DataFrame, wave: int) -> int:
    """Keep the ledger as of a wave and return how many claims it has; it is large, and nothing else needs it."""
    first_given = as_first_given(app, study, panel)
    claims = ledger(study, panel, app.store.tracking(study.key), wave=wave, first_given=first_given)
    app.store.save_claims(study.key, wave, claims)
    return len(claims)


@dataclass(frozen=True, slots=True, kw_only=True)
class _WithHeld:
    """The figures that held cells or rows touch, with nothing set aside."""

    estimates: pd.DataFrame
    predictions: pd.DataFrame


def _with_held(
    app: Adapters, study: Study, wave: int, waves: list[int], tracking: pd.DataFrame, weights: pd.DataFrame
) -> _WithHeld:
    """Return the figures that held cells or rows touch, with nothing set aside; weights are made anew for rows only."""
    held = held_variables(app, study, waves)
    part = study if held is None else touched(study, held)
    is_foretold = held is None or touches_predictions(study, held)
    if part is None and not is_foretold:
        return _WithHeld(estimates=ESTIMATES.empty(), predictions=ESTIMATES.empty())
    panel = as_said(app, study, waves, _read(study))
    if held is None:
        weights = pd.concat([each.rows for each in _made(study, panel, tracking, waves)], ignore_index=True)
    return _WithHeld(
        estimates=report(part, panel, tracking, weights, wave=wave) if part else ESTIMATES.empty(),
        predictions=predict(study, panel, weights, wave=wave) if is_foretold else ESTIMATES.empty(),
    )


def _made(study: Study, panel: pd.DataFrame, tracking: pd.DataFrame, waves: list[int]) -> list[weighing.Weighting]:
    made = [weighing.cross_sectional(panel[panel["wave"] == each], study=study, wave=each) for each in waves]
    return made + [weighing.longitudinal(panel, tracking, study=study, waves=each) for each in wave_sets(study, waves)]
