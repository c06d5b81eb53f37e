"""The demonstration: the real commands on synthetic people, and a report a person can read."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pandas as pd
from rich.text import Text

from panel.actions import fieldwork, publication, set_up
from panel.app import migrate, open_app
from panel.cli.output import as_table, console, figure, readable
from panel.model.study import Study
from panel.ports import Adapters
from panel.publish.cite import cite
from panel.settings import Settings

STUDY = "creative-ai"
SIDE = "employment"


def demonstrate(home: Path, *, seed: int, members: int | None) -> None:
    """Run `creative-ai` from nothing to its last release in `home`, and print what came of it."""
    started = time.monotonic()
    os.environ["PANEL_HOME"] = str(home.absolute())
    settings = Settings.from_environment()
    settings.make_home()
    migrate(settings)
    app = open_app(settings)
    study = set_up.load_study(app, STUDY).study
    set_up.simulate(app, STUDY, seed=seed, members=members)
    _run_flows(settings)
    report(app, study)
    _say(f"Done in {time.monotonic() - started:.0f} s. Everything above is SYNTHETIC: no person answered.")


def _run_flows(settings: Settings) -> None:
    from panel.flows.server import prefect_api

    with prefect_api(settings.home):
        from panel.flows.waves import track_study

        track_study(STUDY)


def report(app: Adapters, study: Study) -> None:
    """Print the demonstration's tables from what the store keeps."""
    last = study.waves[-1].number
    estimates, predictions = (app.store.estimates(study.key, last, name) for name in ("estimates", "predictions"))
    record = publication.find_release(app, study.key)
    _say(f"{study.title} – SYNTHETIC data, release {record.key}", bold=True)
    _table(pd.DataFrame(_fieldwork(app, study)), "Where the waves stand")
    _table(_baseline(study, estimates), f"Baseline {study.wave(study.baseline).key} against the published figures")
    for key in ("income_eur_median", "assignments_count", "executor_share"):
        _table(_changes(study, estimates, key), f"{key}: change between every two years, by class of worker")
    _table(_roles(study, estimates), "From creator to executor: of those who were the first, the share that is now …")
    _table(_forecasts(predictions, last), "What members predicted, against what happened to them")
    _table(_held(app, study), "What the checks held back")
    _say(f"Release folder: {record.path}")
    _say(f"Page with charts: {Path(record.path) / 'index.html'}")
    _say(cite(record, study))


def _fieldwork(app: Adapters, study: Study) -> list[dict[str, object]]:
    names = ("key", "state", "members", "interviewed", "deliveries", "rows_held", "cells_held", "released")
    return [{name: getattr(row, name) for name in names} for row in fieldwork.wave_status(app, study.key)]


def _baseline(study: Study, estimates: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for indicator in study.indicators:
        if indicator.published is None:
            continue
        found = estimates[
            (estimates["indicator"] == indicator.key)
            & (estimates["wave"] == indicator.published.wave)
            & (estimates["statistic"] == indicator.statistic)
            & (estimates["group"] == "all")
        ].iloc[0]
        rows.append(
            {
                "indicator": str(indicator.label),
                "published": figure(indicator.published.value, "share"),
                "synthetic": figure(found["estimate"], "share"),
                "interval": f"{figure(found['low'], 'share')} … {figure(found['high'], 'share')}",
                "n": found["n"],
                "denominator": found["denominator"],
            }
        )
    return pd.DataFrame(rows)


def _changes(study: Study, estimates: pd.DataFrame, indicator: str) -> pd.DataFrame:
    chosen = estimates[
        (estimates["indicator"] == indicator)
        & (estimates["statistic"].isin(["change", "relative_change"]))
        & ((estimates["domain"] == SIDE) | (estimates["group"] == "all"))
    ]
    return _by_years(study, chosen).drop(columns=["indicator", "value", "denominator"])


def _roles(study: Study, estimates: pd.DataFrame) -> pd.DataFrame:
    chosen = estimates[
        (estimates["statistic"] == "transition")
        & (estimates["variable"] == "main_role")
        & (estimates["group"].isin(["all", "zzp", "employee"]))
    ]
    return _by_years(study, chosen).drop(columns=["indicator", "statistic", "denominator", "terms"])


def _forecasts(predictions: pd.DataFrame, last: int) -> pd.DataFrame:
    wanted = ["predicted_share", "realised_share", "mean_probability", "realised_frequency", "brier"]
    chosen = predictions[predictions["statistic"].isin(wanted) & (predictions["group"] == "all")]
    return readable(chosen[(chosen["wave"] == last) | (chosen["from_wave"] == last - 1)])


def _by_years(study: Study, chosen: pd.DataFrame) -> pd.DataFrame:
    table = readable(chosen)
    for column in ("from_wave", "wave"):
        table[column] = [study.wave(int(number)).key for number in table[column]]
    return table


def _held(app: Adapters, study: Study) -> pd.DataFrame:
    held = app.store.held(study.key)
    counted = held.groupby(["check", "wave"], dropna=False).size().unstack(fill_value=0)
    counted.columns = [study.wave(int(number)).key for number in counted.columns]
    return counted.reset_index()


def _table(frame: pd.DataFrame, title: str) -> None:
    console().print(as_table(frame, title))
    console().print()


def _say(text: str, *, bold: bool = False) -> None:
    console().print(Text(text, style="bold" if bold else ""))
    sys.stdout.flush()
