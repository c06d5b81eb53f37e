"""Commands of the analyst: weights, figures, change, transitions."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Annotated, Any

import pandas as pd
import typer

from panel.cli.estimates import print_estimates
from panel.cli.operate import Form, StudyKey, WaveKey, connect
from panel.cli.output import Format, emit, for_a_person
from panel.errors import UnknownKey, did_you_mean
from panel.model.study import Study

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

    app = connect()
    Figures(app.study(study), act(app, study, wave)).emit(form, title=f"Estimates at {wave}")


def trends(
    study: StudyKey,
    indicator: Annotated[str | None, typer.Option("--indicator", "-i", help="Only this indicator.")] = None,
    by: By = None,
    wave: At = None,
    form: Form = Format.auto,
) -> None:
    """
    Show levels wave by wave and the change between every pair of waves, with intervals.

    Example: panelctl trends creative-ai --indicator income_eur_median --by employment
    """
    figures = Figures.kept(study, wave, "estimates")
    trend = replace(figures, table=figures.table[figures.table["statistic"] != "transition"])
    trend.only("indicator", indicator).only("domain", by).emit(form, title="Trends")


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
    moves = Figures.kept(study, wave, "estimates").only("statistic", "transition")
    moves.only("variable", variable).only("domain", by).emit(form, title="Transitions")


def dynamics(
    study: StudyKey,
    variable: Annotated[str, typer.Option("--variable", "-v", help="An amount, e.g. income_eur.")],
    first: Annotated[str, typer.Option("--from", help="The earlier wave.")],
    second: Annotated[str, typer.Option("--to", help="The later wave.")],
    by: Annotated[str | None, typer.Option(help="Divide by this domain or coded variable.")] = None,
    threshold: Annotated[float, typer.Option(help="A relative change that still counts as none, e.g. 0.05.")] = 0.0,
    groups: Annotated[str, typer.Option(help="In the group in both waves, in the first or in the second.")] = "both",
    nominal: Annotated[bool, typer.Option("--nominal", help="In the euros of each year; real by default.")] = False,
    simultaneous: Annotated[
        bool, typer.Option("--simultaneous", help="Intervals of all groups that hold together.")
    ] = False,
    release: Annotated[str | None, typer.Option(help="Of this release; the newest by default.")] = None,
    form: Form = Format.auto,
) -> None:
    """
    Show the income dynamics of the same members between two waves, as CBS publishes them, by class of worker.

    Example: panelctl dynamics creative-ai -v income_eur --from 2025 --to 2026 --by employment
    """
    from panel.analysis import Connection

    if simultaneous and not by:
        raise typer.BadParameter("Intervals hold together over groups: name --by, too.", param_hint="--simultaneous")
    found = Connection(connect().store).release(study, release)
    people = found.panel().by(by, simultaneous=simultaneous) if by else found.panel()
    table = people.dynamics(
        variable, waves=(first, second), threshold=threshold, groups=_rule(groups), in_real_terms=not nominal
    )
    Figures(found.study, table).emit(form, title=f"Dynamics of {variable}")


def _rule(text: str) -> Any:
    from panel.estimate import RULES

    if text not in RULES:
        raise typer.BadParameter(f"'{text}' is none of {', '.join(RULES)}", param_hint="--groups")
    return text


@dataclass(frozen=True)
class Figures:
    """Figures of a study as kept (schema.ESTIMATES), narrowed down and written to stdout."""

    study: Study
    table: pd.DataFrame

    @classmethod
    def kept(cls, study_key: str, wave: str | None, name: str) -> Figures:
        """Return a table of figures as computed at a wave, by default the newest that has any, or raise UnknownKey."""
        app = connect()
        study = app.study(study_key)
        numbers = [study.wave(wave).number] if wave else [each.number for each in reversed(study.waves)]
        for number in numbers:
            table = app.store.estimates(study.key, number, name)
            if len(table):
                return cls(study, table)
        next_step = f"panelctl wave close {study.key} {wave or study.waves[0].key}"
        raise UnknownKey(f"Study '{study.key}' has no figures yet.", fix=next_step)

    def only(self, column: str, wanted: str | None) -> Figures:
        """Return those with `wanted` in a column (all where it is None), or raise UnknownKey with a suggestion."""
        if wanted is None:
            return self
        known = self.table[column].dropna().unique()
        if wanted not in known:
            raise UnknownKey(f"No figure has the {column} '{wanted}'.", fix=did_you_mean(wanted, known))
        return Figures(self.study, self.table[self.table[column] == wanted])

    def emit(self, form: Format, *, title: str) -> None:
        """Write them to stdout: sections where a person looks, else every column."""
        if for_a_person(form):
            print_estimates(self.table, self.study, title=title)
        else:
            emit(self.table, form)


def register(program: typer.Typer) -> None:
    """Add the analyst's commands."""
    for command in (weigh, estimate, trends, transitions, dynamics):
        program.command()(command)
