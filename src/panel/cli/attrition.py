"""The command about who was lost between waves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from panel.cli.change import Division, From, Of, To, Together, people
from panel.cli.figures import Figures
from panel.cli.operate import Form, StudyKey
from panel.cli.output import Format

if TYPE_CHECKING:
    import pandas as pd

    from panel.analysis import Panel


class Shown(StrEnum):
    """What is told of those who were lost."""

    response = "response"
    representativity = "representativity"
    leaving = "leaving"
    leavers = "leavers"
    bounds = "bounds"


def attrition(
    study: StudyKey,
    first: From,
    second: To,
    show: Annotated[Shown, typer.Option(help="What is told of those who were lost.")] = Shown.response,
    variable: Annotated[str | None, typer.Option("--variable", "-v", help="For leavers and bounds.")] = None,
    codes: Annotated[list[int] | None, typer.Option("--code", help="The share of these answers; repeatable.")] = None,
    low: Annotated[float | None, typer.Option(help="The least a lost member could have said.")] = None,
    high: Annotated[float | None, typer.Option(help="The most a lost member could have said.")] = None,
    drift: Annotated[
        tuple[float, float] | None, typer.Option(help="Their least and most relative change: --drift -0.2 0.1.")
    ] = None,
    by: Division = None,
    simultaneous: Together = False,
    release: Of = None,
    form: Form = Format.auto,
) -> None:
    """
    Show who was lost between waves, how they differed, and what that can have done to the figures.

    Example: panelctl attrition creative-ai --from 2025 --to 2027 --show leavers -v income_eur
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    asked = _Asked(variable, tuple(codes) if codes else None, low, high, drift)
    waves = _between(panel, first, second) if show is Shown.response else [first, second]
    table = _table(panel, show, waves, asked)
    Figures(panel.release.study, table).emit(form, title=f"Attrition: {show.value}")


@dataclass(frozen=True)
class _Asked:
    """What was asked of one variable."""

    variable: str | None
    codes: tuple[int, ...] | None
    low: float | None
    high: float | None
    drift: tuple[float, float] | None

    def need(self) -> str:
        if self.variable is None:
            raise typer.BadParameter("Name what is compared: --variable income_eur.", param_hint="--variable")
        return self.variable

    def refuse(self, show: Shown) -> None:
        if (self.variable, self.codes, self.low, self.high, self.drift) != (None,) * 5:
            raise typer.BadParameter(
                f"--variable, --code, --low, --high and --drift are not about {show.value}.", param_hint="--show"
            )


def _table(panel: Panel, show: Shown, waves: list[str], asked: _Asked) -> pd.DataFrame:
    if show is Shown.bounds:
        return panel.bounds(
            asked.need(), waves=waves, codes=asked.codes, low=asked.low, high=asked.high, drift=asked.drift
        )
    if show is Shown.leavers:
        if (asked.low, asked.high, asked.drift) != (None,) * 3:
            raise typer.BadParameter("--low, --high and --drift are about bounds.", param_hint="--show")
        return panel.leavers(asked.need(), waves=waves, codes=asked.codes)
    asked.refuse(show)
    verbs = {
        Shown.response: panel.response,
        Shown.representativity: panel.representativity,
        Shown.leaving: panel.leaving,
    }
    return verbs[show](waves=waves)


def _between(panel: Panel, first: str, second: str) -> list[str]:
    """Return the keys of the waves of the release from one to another."""
    study = panel.release.study
    ends = sorted(study.wave(key).number for key in (first, second))
    fielded = {*panel.release.table("tracking")["wave"], *ends}
    return [wave.key for wave in study.waves if ends[0] <= wave.number <= ends[1] and wave.number in fielded]


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command()(attrition)
