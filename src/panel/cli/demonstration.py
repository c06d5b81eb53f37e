"""The demonstration: the real commands on synthetic people, and a report a person can read."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pandas as pd
from rich.text import Text

from panel.actions import monitor, progress, publication, set_up
from panel.app import migrate, open_app
from panel.cite import cite
from panel.cli.output import as_table, console, figure
from panel.model.study import Study
from panel.ports import Adapters
from panel.settings import Settings

STUDY = "creative-ai"
SIDES = ("all", "zzp", "employee")
CHANGES = (
    ("income_eur_median", "real", "Median income from creative work, euros of 2025"),
    ("assignments_count", "", "Mean number of assignments"),
    ("executor_share", "", "Working time as executor, %"),
)


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
    for key, terms, name in CHANGES:
        _table(changes(study, estimates, key, terms), f"{name}: change from year to year, 95 % interval, n")
    _table(
        roles(study, estimates), "From creator to executor: of the creators in the first year, the share that is now …"
    )
    _table(forecasts(study, predictions), "What members predicted, against what happened to the same members")
    _table(_held(app, study), "What the checks held back: cells by check and wave")
    _table(_open_alerts(app, study), "Open alerts, the most severe first: panelctl alerts show INCIDENT")
    _say("Every figure with its standard error, effective n and denominator: panelctl trends, transitions, predictions")
    _say(f"Release folder: {record.path}")
    _say(f"Page with charts: {Path(record.path) / 'index.html'}")
    _say(cite(record, study))


def _fieldwork(app: Adapters, study: Study) -> list[dict[str, object]]:
    names = ("key", "state", "members", "interviewed", "deliveries", "rows_held", "cells_held", "released")
    return [{name: getattr(row, name) for name in names} for row in progress.overview(app, study.key)]


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


def changes(study: Study, estimates: pd.DataFrame, indicator: str, terms: str) -> pd.DataFrame:
    """Return net changes of an indicator: a row for each group and first year, a column for each later one."""
    chosen = estimates[
        (estimates["indicator"] == indicator)
        & (estimates["statistic"] == "change")
        & (estimates["terms"] == terms)
        & estimates["group"].isin(SIDES)
    ]
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in chosen.to_dict("records"):
        first, later = (study.wave(int(row[name])).key for name in ("from_wave", "wave"))
        cells.setdefault((row["group"], first), {})[f"to {later}"] = _cell(row)
    return _grid(cells, "group", "from")


def roles(study: Study, estimates: pd.DataFrame) -> pd.DataFrame:
    """Return where creators went: a row for each class of worker and role, a column for each pair of years."""
    labels = {str(value.code): str(value.label).lower() for value in study.variable("main_role").values}
    chosen = estimates[
        (estimates["statistic"] == "transition")
        & (estimates["variable"] == "main_role")
        & (estimates["group"].isin(SIDES))
        & (estimates["value"].str.startswith("1>"))
    ]
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in chosen.to_dict("records"):
        first, later = (study.wave(int(row[name])).key for name in ("from_wave", "wave"))
        target = labels[row["value"].split(">")[1]]
        cells.setdefault((row["group"], target), {})[f"{first} to {later}"] = _cell(row)
    return _grid(cells, "group", "is now")


def forecasts(study: Study, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return what was predicted at the baseline and in each wave about the next, beside what happened."""
    last = study.waves[-1].number
    kept = predictions[predictions["group"].isin(SIDES)]
    rows = []
    for (question, group, first, wave), table in kept.groupby(["indicator", "group", "from_wave", "wave"], sort=False):
        if wave - first not in (1, last - study.baseline) or (wave != last and first != study.baseline):
            continue
        named = {
            (row["statistic"], row["value"] if isinstance(row["value"], str) else ""): row
            for row in table.to_dict("records")
        }
        for said, happened, name in _PAIRS:
            if said in named and happened in named:
                given = named.get(("realised_given_predicted", f"{said[1]}>{said[1]}"))
                rows.append(
                    {
                        "question": question,
                        "made": study.wave(int(first)).key,
                        "read": study.wave(int(wave)).key,
                        "group": group,
                        "outcome": name,
                        "predicted": _cell(named[said], with_n=False),
                        "happened": _cell(named[happened]),
                        "of those who said so": _cell(given, with_n=False) if given else "",
                    }
                )
    return pd.DataFrame(rows)


_PAIRS = [
    *(((("predicted_share", each), ("realised_share", each), each)) for each in ("fall", "same", "rise")),
    (("mean_probability", ""), ("realised_frequency", ""), "event"),
]


def _cell(row: dict[str, object], *, with_n: bool = True) -> str:
    if row["status"] == "hidden":
        return "hidden"
    unit = row["unit"]
    interval = f"{figure(row['low'], unit)} … {figure(row['high'], unit)}"
    return f"{figure(row['estimate'], unit)}\n{interval}" + (f"\nn {row['n']}" if with_n else "")


def _grid(cells: dict[tuple[str, str], dict[str, str]], first: str, second: str) -> pd.DataFrame:
    columns = sorted({name for row in cells.values() for name in row})
    rows = [
        {first: one, second: two, **{name: row.get(name, "") for name in columns}} for (one, two), row in cells.items()
    ]
    return pd.DataFrame(rows)


def _held(app: Adapters, study: Study) -> pd.DataFrame:
    held = app.store.held(study.key)
    counted = held.groupby(["check", "wave"], dropna=False).size().unstack(fill_value=0)
    counted.columns = [study.wave(int(number)).key for number in counted.columns]
    return counted.reset_index()


def _open_alerts(app: Adapters, study: Study) -> pd.DataFrame:
    names = ("incident", "severity", "state", "wave", "check", "owner", "occurrences")
    found = [each for each in monitor.alerts(app, study.key) if each.state != "resolved"]
    return pd.DataFrame([{name: getattr(each, name) for name in names} for each in found], columns=list(names))


def _table(frame: pd.DataFrame, title: str) -> None:
    console().print(as_table(frame, title))
    console().print()


def _say(text: str, *, bold: bool = False) -> None:
    console().print(Text(text, style="bold" if bold else ""))
    sys.stdout.flush()
