"""Commands of the analyst that ask a release anew: what a net change is made of, and how groups stand apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from panel.cli.figures import Figures
from panel.cli.operate import Form, StudyKey, connect
from panel.cli.output import Format

if TYPE_CHECKING:
    from panel.analysis import Panel
    from panel.estimate import Rule
    from panel.estimate import Variance as OfErrors

Amount = Annotated[str, typer.Option("--variable", "-v", help="A number, e.g. income_eur.")]
From = Annotated[str, typer.Option("--from", help="The earlier wave.")]
To = Annotated[str, typer.Option("--to", help="The later wave.")]
Division = Annotated[str | None, typer.Option("--by", help="Divide by this domain or coded variable.")]
Real = Annotated[bool, typer.Option("--real", help="In prices of one year; nominal by default.")]
Groups = Annotated[str, typer.Option(help="In the group in the first wave, in the second, or in both.")]
Together = Annotated[bool, typer.Option("--simultaneous", help="Intervals of all groups that hold together.")]
Everybody = Annotated[
    bool, typer.Option("--everybody", help="Everybody then against everybody now; the same members by default.")
]
Variance = Annotated[str, typer.Option(help="Of everybody's change: kernel, fixed-overlap or rao-wu.")]
Replicates = Annotated[int, typer.Option(help="How often rao-wu draws the sample again.")]
Seed = Annotated[int, typer.Option(help="Of these draws: the same seed gives the same figures.")]
Of = Annotated[str | None, typer.Option("--release", help="Of this release; the newest by default.")]


def people(study: str, release: str | None, by: str | None, *, simultaneous: bool = False) -> Panel:
    """Return the panel of a release, divided where asked; with intervals that hold together where asked."""
    from panel.analysis import Connection

    if simultaneous and not by:
        raise typer.BadParameter("Intervals hold together over groups: name --by, too.", param_hint="--simultaneous")
    found = Connection(connect().store).release(study, release).panel()
    return found.by(by, simultaneous=simultaneous) if by else found


def decomposition(
    study: StudyKey,
    variable: Amount,
    first: From,
    second: To,
    by: Division = None,
    real: Real = False,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show a net change of a mean, and what stayers, entrants, leavers and those who changed group add to it.

    Example: panelctl decomposition creative-ai -v income_eur --from 2025 --to 2026 --by employment
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    table = panel.decomposition(variable, waves=(first, second), in_real_terms=real)
    Figures(panel.release.study, table).emit(form, title=f"Net change of {variable}")


def change(
    study: StudyKey,
    variable: Amount,
    first: From,
    second: To,
    by: Division = None,
    groups: Groups = "first",
    everybody: Everybody = False,
    real: Real = False,
    variance: Variance = "kernel",
    replicates: Replicates = 500,
    seed: Seed = 1,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show how a number changed between two waves: within the same members, or between everybody then and now.

    Example: panelctl change creative-ai -v income_eur --from 2025 --to 2026 --by employment --groups both
    """
    panel = replace(
        people(study, release, by, simultaneous=simultaneous), weight="cross-sectional" if everybody else "longitudinal"
    )
    table = panel.change(
        variable, waves=(first, second), in_real_terms=real, groups=of_members(groups),
        variance=cast("OfErrors", variance), replicates=replicates, seed=seed,
    )  # fmt: skip
    Figures(panel.release.study, table).emit(form, title=f"Change of {variable}")


def year_on_year(
    study: StudyKey,
    variable: Amount,
    by: Division = None,
    years: Annotated[int, typer.Option(help="How far apart the waves of a change lie.")] = 1,
    groups: Groups = "first",
    everybody: Everybody = False,
    real: Real = False,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show how a number changed from each year to the next, over all waves.

    Example: panelctl year-on-year creative-ai -v income_eur --by employment --everybody
    """
    panel = replace(
        people(study, release, by, simultaneous=simultaneous), weight="cross-sectional" if everybody else "longitudinal"
    )
    table = panel.year_on_year(variable, years=years, in_real_terms=real, groups=of_members(groups))
    Figures(panel.release.study, table).emit(form, title=f"{variable}, year on year")


def composite(
    study: StudyKey,
    variable: Amount,
    first: From,
    second: To,
    by: Division = None,
    real: Real = False,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show the net change of a mean by cross-sections, within stayers, and by the steadiest mean of both.

    Example: panelctl composite creative-ai -v income_eur --from 2025 --to 2026 --by employment
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    table = panel.composite(variable, waves=(first, second), in_real_terms=real)
    Figures(panel.release.study, table).emit(form, title=f"Net change of {variable}")


def chained(
    study: StudyKey,
    variable: Amount,
    first: From,
    second: To,
    by: Division = None,
    groups: Groups = "first",
    real: Real = False,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show how matched members' amounts moved from wave to wave, and the chain of these steps over all of them.

    Example: panelctl chained creative-ai -v income_eur --from 2025 --to 2028 --by employment
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    rule = of_members(groups)
    table = panel.chained(variable, waves=(first, second), in_real_terms=real, groups=rule)
    Figures(panel.release.study, table).emit(form, title=f"Chained change of {variable}")


def gap(
    study: StudyKey,
    variable: Amount,
    groups: Annotated[list[str], typer.Option("--group", "-g", help="Two groups, the option twice.")],
    first: From,
    second: To,
    by: Annotated[str, typer.Option("--by", help="The domain or coded variable of the groups.")],
    middle: Annotated[str, typer.Option(help="mean or median")] = "mean",
    real: Real = False,
    rule: Annotated[
        str,
        typer.Option(help="Whose group counts: current: of everybody, then; of the same members: both, first, second"),
    ] = "current",
    same_members: Annotated[bool, typer.Option("--same-members", help="The same as --rule both.")] = False,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show how far one group stands from another in two waves, and whether they drew apart.

    By --rule current both groups are everybody who is in them at that wave. The other rules follow the same members:
    those in the same group in both waves, or by the group they were in first, or second.

    Example: panelctl gap creative-ai -v income_eur --by employment -g zzp -g employee --from 2025 --to 2026
    """
    if len(groups) != 2:
        raise typer.BadParameter("A gap is between two groups: --group zzp --group employee.", param_hint="--group")
    asked = _rule("both" if same_members and rule == "current" else rule)
    panel = people(study, release, by, simultaneous=simultaneous)
    weighted = replace(panel, weight="cross-sectional" if asked == "current" else "longitudinal")
    table = weighted.gap(
        variable, groups=(groups[0], groups[1]), waves=(first, second), middle=middle, in_real_terms=real,
        rule="both" if asked == "current" else asked,
    )  # fmt: skip
    Figures(panel.release.study, table).emit(form, title=f"Gap in {variable}")


def _rule(text: str) -> Rule | Literal["current"]:
    """Return a rule of groups of everybody or of the same members, or say which there are."""
    return "current" if text == "current" else of_members(text, also="current, ", option="--rule")


def of_members(text: str, also: str = "", option: str = "--groups") -> Rule:
    """Return a rule of groups of the same members, or say which there are."""
    from panel.estimate import RULES

    for known in RULES:
        if text == known:
            return known
    raise typer.BadParameter(f"'{text}' is none of {also}{', '.join(RULES)}", param_hint=option)


def mobility(
    study: StudyKey,
    variable: Annotated[str, typer.Option("--variable", "-v", help="A coded variable, e.g. main_role.")],
    first: From,
    second: To,
    by: Division = None,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show how much movement there is between the categories of an answer, by the group members were in first.

    Example: panelctl mobility creative-ai -v main_role --from 2025 --to 2026 --by employment
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    Figures(panel.release.study, panel.mobility(variable, waves=(first, second))).emit(form, title="Mobility")


def register(program: typer.Typer) -> None:
    """Add the commands."""
    for command in (change, year_on_year, composite, chained, decomposition, gap, mobility):
        program.command()(command)
