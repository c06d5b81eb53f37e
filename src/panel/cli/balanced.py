"""The command that tells a change by who answered every wave, by available pairs, and by everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from panel.cli.change import Amount, Division, From, Groups, Of, Real, To, Together, of_members, people
from panel.cli.figures import Figures
from panel.cli.operate import Form, StudyKey
from panel.cli.output import Format

if TYPE_CHECKING:
    from panel.analysis import Panel


def balanced(
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
    Show how a number moved by those who answered every wave, beside available pairs and everybody.

    Example: panelctl balanced creative-ai -v income_eur --from 2025 --to 2030 --by employment
    """
    panel = people(study, release, by, simultaneous=simultaneous)
    table = panel.balanced(
        variable, waves=_between(panel, first, second), in_real_terms=real, groups=of_members(groups)
    )
    Figures(panel.release.study, table).emit(form, title=f"{variable} by definitions of the sample")


def _between(panel: Panel, first: str, second: str) -> list[int | str]:
    """Return all waves of the release from the first to the last, both named."""
    known = panel.release.study
    ends = sorted(known.wave(each).number for each in (first, second))
    within = [each for each in panel.release.sample.waves if ends[0] < each < ends[1]]
    return [*ends, *within]


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command()(balanced)
