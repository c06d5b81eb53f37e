"""Commands of the monitor: suites, quality, quarantine and alerts."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from panel.cli.operate import Form, StudyKey, WaveKey, connect
from panel.cli.output import Format, emit
from panel.model.quarantine import Outcome


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


Check = Annotated[str, typer.Argument(metavar="CHECK", help="Id of a check, e.g. hold:unit_of_profit.")]
Why = Annotated[str, typer.Option("--reason", "-r", help="Why; stored with your name and the time.")]
Members = Annotated[
    list[str] | None, typer.Option("--member", "-m", help="Only this member; all that the check failed by default.")
]


def quarantine_list(
    study: StudyKey,
    wave: Annotated[str | None, typer.Option("--wave", "-w", help="Only this wave.")] = None,
    check: Annotated[str | None, typer.Option("--check", "-c", help="Only this check.")] = None,
    is_open: Annotated[bool, typer.Option("--held", help="Only what is held and waits for a decision.")] = False,
    form: Form = Format.auto,
) -> None:
    """
    List what checks failed, by member and variable and without answers, the oldest first.

    Example: panelctl quarantine list creative-ai --wave 2026 --held
    """
    from panel.actions.quarantine import Waiting, waiting

    rows = [each for each in waiting(connect(), study, wave, check=check) if each.is_held or not is_open]
    frame = pd.DataFrame([asdict(each) for each in rows], columns=[each.name for each in fields(Waiting)])
    emit(frame, form, title=f"{study}: quarantine")


def quarantine_accept(study: StudyKey, wave: WaveKey, check: Check, reason: Why, member: Members = None) -> None:
    """
    Let answers stand that a check failed, on record: they count in every figure computed after.

    Example: panelctl quarantine accept creative-ai 2026 hold:unit_of_wage --reason "a year of unpaid leave" -m M1
    """
    _decide(study, wave, check, "accept", reason, member)


def quarantine_correct(
    study: StudyKey,
    wave: WaveKey,
    check: Check,
    reason: Why,
    member: Members = None,
    to: Annotated[str | None, typer.Option(help="The value; by default what the check proposes.")] = None,
) -> None:
    """
    Put another value in the place of what was said, on record; the answer itself stays as it came.

    Example: panelctl quarantine correct creative-ai 2026 hold:unit_of_profit --reason "a month given for a year"
    """
    _decide(study, wave, check, "correct", reason, member, to)


def quarantine_reject(study: StudyKey, wave: WaveKey, check: Check, reason: Why, member: Members = None) -> None:
    """
    Keep out of figures what a check failed, on record, also where the check only flags.

    Example: panelctl quarantine reject creative-ai 2026 panel:profit_is_turnover --reason "asked by phone" -m M1
    """
    _decide(study, wave, check, "reject", reason, member)


def _decide(
    study: str, wave: str, check: str, outcome: Outcome, reason: str, members: list[str] | None, to: str | None = None
) -> None:
    from panel.actions.quarantine import decide

    count = decide(connect(), study, wave, check, outcome, reason=reason, members=members or (), value=to)
    typer.echo(f"{count} decided; figures change when the wave is closed again", err=True)


def register(program: typer.Typer) -> None:
    """Add the monitor's commands."""
    checks = typer.Typer(help="Suites of checks.", no_args_is_help=True, rich_markup_mode=None)
    program.add_typer(checks, name="checks")
    checks.command("lint")(checks_lint)
    quarantine = typer.Typer(help="What checks hold.", no_args_is_help=True, rich_markup_mode=None)
    program.add_typer(quarantine, name="quarantine")
    quarantine.command("list")(quarantine_list)
    quarantine.command("accept")(quarantine_accept)
    quarantine.command("correct")(quarantine_correct)
    quarantine.command("reject")(quarantine_reject)
