"""Commands of the monitor: suites, quality, quarantine and alerts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from panel.cli.operate import Form
from panel.cli.output import Format, emit


def checks_lint(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY]", help="Key of a study that ships; all of them.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Suites in another folder than the shipped one.")] = None,
    form: Form = Format.auto,
) -> None:
    """
    Hold the suites against the instruments and try every check once; any fault exits with 10.

    Example: panelctl checks lint creative-ai
    """
    from panel.checks import SuiteChecker
    from panel.checks.lint import lint
    from panel.model.load import load_study
    from panel.sources.studyfile import shipped_studies, study_files

    checker = SuiteChecker(folder)
    keys = [study] if study else list(shipped_studies())
    emit([row for key in keys for row in lint(checker, load_study(study_files(key)))], form, title="suites")


def register(program: typer.Typer) -> None:
    """Add the monitor's commands."""
    checks = typer.Typer(help="Suites of checks.", no_args_is_help=True, rich_markup_mode=None)
    program.add_typer(checks, name="checks")
    checks.command("lint")(checks_lint)
