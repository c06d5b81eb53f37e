"""Commands of the analyst about distributions: quantiles, inequality, own change, thresholds, balances of opinion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from panel.cli.change import Amount, Division, From, Groups, Of, Real, Replicates, Seed, To, of_members, people
from panel.cli.figures import Figures
from panel.cli.operate import Form, StudyKey
from panel.cli.output import Format

if TYPE_CHECKING:
    from panel.estimate import Kind, Variance

First = Annotated[str | None, typer.Option("--from", help="The earlier wave, for the change.")]
Second = Annotated[str | None, typer.Option("--to", help="The later wave, for the change.")]
OfKind = Annotated[str, typer.Option(help="relative (to the first), amount, or arc (relative to the middle of both).")]
Interval = Annotated[str, typer.Option(help="Of a share: logit, beta, wilson, likelihood, asin or mean.")]


def quantile(
    study: StudyKey,
    variable: Amount,
    first: First = None,
    second: Second = None,
    share: Annotated[float, typer.Option("--share", "-p", help="The share below; 0.5 is the median.")] = 0.5,
    rule: Annotated[str, typer.Option(help="How a quantile lies between values: math, school, hf1 to hf9.")] = "math",
    interval: Annotated[str, typer.Option(help="Of the share below: mean, xlogit, beta, asin, wilson.")] = "mean",
    by: Division = None,
    real: Real = False,
    variance: Annotated[str, typer.Option(help="Of the change: kernel or rao-wu.")] = "kernel",
    replicates: Replicates = 500,
    seed: Seed = 1,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show a quantile of a number in every wave, or in two and how it changed.

    Example: panelctl quantile creative-ai -v income_eur -p 0.9 --from 2025 --to 2026 --by employment
    """
    panel = people(study, release, by)
    table = panel.quantile(
        variable, p=share, waves=_both(first, second), rule=rule, interval=interval, in_real_terms=real,
        variance=cast("Variance", variance), replicates=replicates, seed=seed,
    )  # fmt: skip
    Figures(panel.release.study, table).emit(form, title=f"Quantile of {variable}")


def inequality(
    study: StudyKey,
    variable: Amount,
    first: First = None,
    second: Second = None,
    index: Annotated[str, typer.Option(help="gini, quintile_share_ratio, p90_p10, theil, atkinson, others.")] = "gini",
    by: Division = None,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show an index of inequality in every wave, or in two and how it changed.

    Example: panelctl inequality creative-ai -v income_eur --index quintile_share_ratio --from 2025 --to 2026
    """
    panel = people(study, release, by)
    table = panel.inequality(variable, index=index, waves=_both(first, second))
    Figures(panel.release.study, table).emit(form, title=f"Inequality of {variable}")


def individual(
    study: StudyKey,
    variable: Amount,
    first: From,
    second: To,
    kind: OfKind = "amount",
    by: Division = None,
    groups: Groups = "first",
    real: Real = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show members' own change of a number between two waves: its mean and percentiles.

    Example: panelctl individual creative-ai -v income_eur --from 2025 --to 2026 --kind arc --by employment
    """
    panel = people(study, release, by)
    table = panel.individual(
        variable, waves=(first, second), kind=cast("Kind", kind), in_real_terms=real, groups=of_members(groups)
    )
    Figures(panel.release.study, table).emit(form, title=f"Own change of {variable}")


def thresholds(
    study: StudyKey,
    variable: Amount,
    first: From,
    second: To,
    beyond: Annotated[float, typer.Option(help="The change that still counts as none: 0.05, or an amount.")],
    kind: OfKind = "relative",
    interval: Interval = "logit",
    by: Division = None,
    groups: Groups = "first",
    real: Real = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show how many members fell, stayed and rose beyond a threshold, and of how many no such change can be told.

    Example: panelctl thresholds creative-ai -v income_eur --from 2025 --to 2026 --beyond 0.05 --by employment
    """
    panel = people(study, release, by)
    table = panel.thresholds(
        variable, waves=(first, second), beyond=beyond, kind=cast("Kind", kind), interval=interval, in_real_terms=real,
        groups=of_members(groups),
    )  # fmt: skip
    Figures(panel.release.study, table).emit(form, title=f"Change of {variable} beyond {beyond:g}")


def ranks(
    study: StudyKey,
    variable: Amount,
    first: From,
    second: To,
    parts: Annotated[int, typer.Option(help="5 for fifths, 10 for tenths.")] = 5,
    by: Division = None,
    groups: Groups = "first",
    real: Real = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show how members' amounts changed by the fifth of the distribution they began in.

    Example: panelctl ranks creative-ai -v income_eur --from 2025 --to 2026 --parts 5
    """
    panel = people(study, release, by)
    table = panel.ranks(variable, waves=(first, second), parts=parts, in_real_terms=real, groups=of_members(groups))
    Figures(panel.release.study, table).emit(form, title=f"Change of {variable} by where members began")


def balance(
    study: StudyKey,
    variable: Annotated[str, typer.Option("--variable", "-v", help="A coded variable.")],
    positive: Annotated[list[str], typer.Option("--positive", help="A code that counts as one.")],
    negative: Annotated[list[str], typer.Option("--negative", help="A code that counts as minus one.")],
    first: First = None,
    second: Second = None,
    by: Division = None,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show the balance of an opinion: positive less negative answers, in every wave, or in two and how it changed.

    Example: panelctl balance creative-ai -v main_role --positive 1 --negative 2 --negative 3
    """
    panel = people(study, release, by)
    table = panel.balance(variable, positive=positive, negative=negative, waves=_both(first, second))
    Figures(panel.release.study, table).emit(form, title=f"Balance of {variable}")


def _both(first: str | None, second: str | None) -> tuple[str, str] | None:
    if (first is None) != (second is None):
        raise typer.BadParameter("A change is between two waves: --from 2025 --to 2026.", param_hint="--from and --to")
    return None if first is None or second is None else (first, second)


def register(program: typer.Typer) -> None:
    """Add the commands."""
    for command in (quantile, inequality, individual, thresholds, ranks, balance):
        program.command()(command)
