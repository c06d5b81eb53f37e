"""Commands of the analyst about moves between the answers of a question."""

from __future__ import annotations

from typing import Annotated

import typer

from panel.cli.change import Division, From, Of, To, Together, people
from panel.cli.figures import Figures
from panel.cli.operate import Form, StudyKey
from panel.cli.output import Format

Coded = Annotated[str, typer.Option("--variable", "-v", help="A coded variable, e.g. main_role.")]
Years = Annotated[int, typer.Option("--years", help="How many years lie between the waves of a step.")]


def pooled(
    study: StudyKey,
    variable: Coded,
    years: Years = 1,
    by: Division = None,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show who moved from what to what over the steps of all years together; only steps of as many years are put together.

    Example: panelctl pooled creative-ai -v main_role --years 1 --by employment
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    Figures(panel.release.study, panel.pooled(variable, years=years)).emit(form, title=f"Transitions of {variable}")


def flows(
    study: StudyKey,
    variable: Coded,
    first: From,
    second: To,
    by: Division = None,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show flows between answers as shares of all: from each to each, in, out, and what is left of both.

    Example: panelctl flows creative-ai -v main_role --from 2025 --to 2026
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    table = panel.flows(variable, waves=(first, second))
    Figures(panel.release.study, table).emit(form, title=f"Flows of {variable}")


def repeated(
    study: StudyKey,
    variable: Coded,
    first: From,
    second: To,
    by: Division = None,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show who moved over several years, beside what the moves of each year, one after the other, would make.

    Example: panelctl repeated creative-ai -v main_role --from 2025 --to 2027
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    table = panel.repeated(variable, waves=(first, second))
    Figures(panel.release.study, table).emit(form, title=f"Transitions of {variable}, and their steps repeated")


def independence(
    study: StudyKey,
    variable: Coded,
    first: From,
    second: To,
    by: Division = None,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Test whether where members end depends on where they began, and whether the sizes of the categories moved.

    Example: panelctl independence creative-ai -v main_role --from 2025 --to 2026
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    table = panel.independence(variable, waves=(first, second))
    Figures(panel.release.study, table).emit(form, title=f"Tests of the from-to table of {variable}")


def corrected(
    study: StudyKey,
    variable: Coded,
    first: From,
    second: To,
    slips: Annotated[float, typer.Option(help="The share of answers that name a wrong category; an assumption.")],
    by: Division = None,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show the from-to table as it would be had nobody slipped, if so many answers name a wrong category.

    Example: panelctl corrected creative-ai -v main_role --from 2025 --to 2026 --slips 0.01
    """
    panel = people(study, release, by)
    table = panel.corrected(variable, waves=(first, second), slips=slips)
    Figures(panel.release.study, table).emit(form, title=f"Transitions of {variable} without slips")


def hazards(
    study: StudyKey,
    variable: Coded,
    source: Annotated[list[str], typer.Option("--source", help="A code to move from; may be given several times.")],
    target: Annotated[list[str], typer.Option("--target", help="A code to move to; may be given several times.")],
    years: Years = 1,
    by: Division = None,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show how many of those in a category move to another, wave by wave and by year of the spell, and how many have not.

    Example: panelctl hazards creative-ai -v main_role --source 1 --target 2 --by employment
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    table = panel.hazards(variable, source=source, target=target, years=years)
    Figures(panel.release.study, table).emit(form, title=f"Hazards of {variable}")


def register(program: typer.Typer) -> None:
    """Add the commands."""
    for command in (pooled, flows, repeated, corrected, independence, hazards):
        program.command()(command)
