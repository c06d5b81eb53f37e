"""Commands of the analyst: weights, figures, change, transitions, predictions."""

from __future__ import annotations

import json
from typing import Annotated

import pandas as pd
import typer

from panel.cli.operate import Form, StudyKey, WaveKey, connect
from panel.cli.output import Format, emit, readable
from panel.errors import UnknownKey, did_you_mean

By = Annotated[str | None, typer.Option(help="Only this domain of the study, e.g. employment.")]
At = Annotated[str | None, typer.Option("--wave", "-w", help="As computed at this wave; the newest by default.")]


def weigh(study: StudyKey, wave: WaveKey, form: Form = Format.auto) -> None:
    """
    Compute the weights of a wave and show their diagnostics.

    Example: panelctl weigh creative-ai 2026
    """
    from panel.actions.figures import weigh as act

    app = connect()
    act(app, study, wave)
    number = app.study(study).wave(wave).number
    rows = json.loads(app.store.weight_diagnostics(study, number))
    flat = [{name: value for name, value in row.items() if not isinstance(value, (list, dict))} for row in rows]
    emit(pd.DataFrame(flat), form, title=f"{study}/{wave}: weights")


def estimate(study: StudyKey, wave: WaveKey, form: Form = Format.auto) -> None:
    """
    Compute every figure of a study up to a wave.

    Example: panelctl estimate creative-ai 2027 --format csv > estimates.csv
    """
    from panel.actions.figures import estimate as act

    _emit(act(connect(), study, wave), form, title=f"{study}/{wave}: estimates")


def trends(
    study: StudyKey,
    indicator: Annotated[str | None, typer.Option("--indicator", "-i", help="Only this indicator.")] = None,
    by: By = None,
    wave: At = None,
    form: Form = Format.auto,
) -> None:
    """
    Show levels wave by wave and the change between every pair of waves, with intervals.

    Example: panelctl trends creative-ai --indicator income_eur --by employment
    """
    table = _table(study, wave, "estimates")
    table = table[table["statistic"] != "transition"]
    _emit(_only(_only(table, "indicator", indicator), "domain", by), form, title=f"{study}: trends")


def transitions(
    study: StudyKey,
    variable: Annotated[str | None, typer.Option("--variable", "-v", help="Only this variable.")] = None,
    by: By = None,
    wave: At = None,
    form: Form = Format.auto,
) -> None:
    """
    Show who moved from what to what between two waves: shares of those who were there, with intervals.

    Example: panelctl transitions creative-ai --variable main_role --by employment
    """
    table = _table(study, wave, "estimates")
    table = table[table["statistic"] == "transition"]
    _emit(_only(_only(table, "variable", variable), "domain", by), form, title=f"{study}: transitions")


def predictions(
    study: StudyKey,
    question: Annotated[str | None, typer.Option("--question", help="Only this question.")] = None,
    by: By = None,
    wave: At = None,
    form: Form = Format.auto,
) -> None:
    """
    Show what members predicted against what has happened to them since.

    Example: panelctl predictions creative-ai --question exp1_income_p
    """
    table = _table(study, wave, "predictions")
    _emit(_only(_only(table, "indicator", question), "domain", by), form, title=f"{study}: predictions")


def _table(study_key: str, wave: str | None, name: str) -> pd.DataFrame:
    app = connect()
    study = app.study(study_key)
    numbers = [study.wave(wave).number] if wave else [each.number for each in reversed(study.waves)]
    for number in numbers:
        table = app.store.estimates(study.key, number, name)
        if len(table):
            return table
    raise UnknownKey(
        f"Study '{study.key}' has no figures yet.", fix=f"panelctl wave close {study.key} {wave or study.waves[0].key}"
    )


def _only(table: pd.DataFrame, column: str, wanted: str | None) -> pd.DataFrame:
    if wanted is None:
        return table
    known = table[column].dropna().unique()
    if wanted not in known:
        raise UnknownKey(f"No figure has the {column} '{wanted}'.", fix=did_you_mean(wanted, known))
    return table[table[column] == wanted]


def _emit(table: pd.DataFrame, form: Format, *, title: str) -> None:
    import sys

    as_table = form is Format.table or (form is Format.auto and sys.stdout.isatty())
    emit(readable(table) if as_table else table, form, title=title)


def register(program: typer.Typer) -> None:
    """Add the analyst's commands."""
    for command in (weigh, estimate, trends, transitions, predictions):
        program.command()(command)
