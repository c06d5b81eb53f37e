"""Commands of the analyst that fit a regression: event studies, effects of members, ratios of hazards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from panel.cli.change import Amount, Division, Of, Real, Together, people
from panel.cli.figures import Figures
from panel.cli.flows import Coded, Years
from panel.cli.operate import Form, StudyKey
from panel.cli.output import Format

if TYPE_CHECKING:
    from panel.estimate import Rule

Covariates = Annotated[
    list[str] | None, typer.Option("--covariate", "-c", help="A domain or coded variable; may be given several times.")
]
Waves = Annotated[
    list[str] | None,
    typer.Option("--wave", "-w", help="One of the waves, the option several times; by default all that are weighted."),
]
Everybody = Annotated[
    bool,
    typer.Option("--everybody", help="Everybody of each wave, no effects of members; the same members by default."),
]


def event_study(
    study: StudyKey,
    variable: Amount,
    groups: Annotated[list[str], typer.Option("--group", "-g", help="Two groups, the option twice.")],
    by: Annotated[str, typer.Option("--by", help="The domain or coded variable of the groups.")],
    waves: Waves = None,
    base: Annotated[str | None, typer.Option(help="The wave others are held against; the first by default.")] = None,
    everybody: Everybody = False,
    covariates: Covariates = None,
    rule: Annotated[
        str,
        typer.Option(help="Whose group counts, of the same members: first (wave), both (every wave), second (last)."),
    ] = "first",
    real: Real = False,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show how much more one group moved than another, from a base wave to every other: a regression on the panel.

    Example: panelctl event-study creative-ai -v income_eur --by employment -g zzp -g employee --base 2025
    """
    if len(groups) != 2:
        raise typer.BadParameter("It is about two groups: --group zzp --group employee.", param_hint="--group")
    panel = people(study, release, by, simultaneous=simultaneous)
    table = panel.event_study(
        variable, groups=(groups[0], groups[1]), waves=waves or (), base=base, member_effects=not everybody,
        covariates=covariates or (), in_real_terms=real, rule=cast("Rule", rule),
    )  # fmt: skip
    Figures(panel.release.study, table).emit(form, title=f"Event study of {variable}")


def regression(
    study: StudyKey,
    variable: Amount,
    covariates: Covariates = None,
    waves: Waves = None,
    everybody: Everybody = False,
    by: Division = None,
    real: Real = False,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show what goes with an amount: coefficients of waves and covariates, with effects of members unless --everybody.

    Example: panelctl regression creative-ai -v income_eur --covariate main_role
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    table = panel.regression(
        variable, covariates=covariates or (), waves=waves or (), member_effects=not everybody, in_real_terms=real
    )
    Figures(panel.release.study, table).emit(form, title=f"Regression of {variable}")


def hazard_model(
    study: StudyKey,
    variable: Coded,
    source: Annotated[list[str], typer.Option("--source", help="A code to move from; may be given several times.")],
    target: Annotated[list[str], typer.Option("--target", help="A code to move to; may be given several times.")],
    covariates: Covariates = None,
    baseline: Annotated[
        str, typer.Option(help="The hazard by year of the spell, by wave in which a step begins, or constant.")
    ] = "spell",
    years: Years = 1,
    by: Division = None,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show what the hazard of a move goes with: ratios of hazards by covariates, and their logarithms.

    Example: panelctl hazard-model creative-ai -v main_role --source 1 --target 2 --by employment
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    table = panel.hazard_model(
        variable, source=source, target=target, covariates=covariates or (), baseline=baseline, years=years
    )
    Figures(panel.release.study, table).emit(form, title=f"Ratios of hazards of {variable}")


def register(program: typer.Typer) -> None:
    """Add the commands."""
    for command in (event_study, regression, hazard_model):
        program.command()(command)
