"""Commands of the monitor: suites, quality, quarantine and alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

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
    by_member: Annotated[
        bool, typer.Option("--members", help="Each cell and row by member; needs PANEL_PERMISSIONS=members.")
    ] = False,
    form: Form = Format.auto,
) -> None:
    """
    Count what checks failed, by check, variable and decision, the oldest first; or list it by member, without answers.

    Example: panelctl quarantine list creative-ai --wave 2026 --held
    """
    from panel.actions.permissions import see_members
    from panel.actions.quarantine import Waiting, WaitingCount, counted, waiting

    app = connect()
    if by_member:
        see_members(app, "quarantined cells and rows")
    rows = [each for each in waiting(app, study, wave, check=check) if each.is_held or not is_open]
    shown = _rows(rows, Waiting) if by_member else _rows(counted(rows), WaitingCount)
    emit(shown, form, title=f"{study}: quarantine")


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


def quality_overview(study: StudyKey, form: Form = Format.auto) -> None:
    """
    Count for every wave that was judged what passed, failed and could not run, and what is held and waits.

    Example: panelctl quality overview creative-ai
    """
    from panel.actions.quality import StageQuality, overview

    emit(_rows(overview(connect(), study), StageQuality), form, title=f"{study}: quality")


def quality_show(
    study: StudyKey,
    wave: WaveKey,
    everything: Annotated[bool, typer.Option("--all", help="Those that passed too.")] = False,
    form: Form = Format.auto,
) -> None:
    """
    Show the checks of a wave that failed or could not run, by count.

    Example: panelctl quality show creative-ai 2026
    """
    from panel.actions.quality import CheckQuality, of_wave

    found = [each for each in of_wave(connect(), study, wave) if everything or each.state != "passed"]
    emit(_rows(found, CheckQuality), form, title=f"{study}/{wave}: checks")


def quality_changes(study: StudyKey, wave: WaveKey, form: Form = Format.auto) -> None:
    """
    Show what the last run of a wave's suites says otherwise than the run before: rules, states, rows.

    Example: panelctl quality changes creative-ai 2026
    """
    from panel.actions.quality import CheckChange, changes

    emit(_rows(changes(connect(), study, wave), CheckChange), form, title=f"{study}/{wave}: changed verdicts")


def quality_rows(study: StudyKey, wave: WaveKey, check: Check, form: Form = Format.auto) -> None:
    """
    List the rows that a check failed, by id and without answers; needs PANEL_PERMISSIONS=members.

    Example: panelctl quality rows creative-ai 2026 panel:another_person
    """
    from panel.actions.quality import FailingRow, failing_rows

    emit(_rows(failing_rows(connect(), study, wave, check), FailingRow), form, title=f"{study}/{wave}: {check}")


def quality_report(
    study: StudyKey,
    wave: WaveKey,
    folder: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to; made if need be.")] = Path(),
) -> None:
    """
    Write the quality report of a wave as a page in English and Dutch, which loads nothing and shows no answer.

    Example: panelctl quality report creative-ai 2026 --output report
    """
    from panel.actions.quality import report
    from panel.errors import StorageError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, page in report(connect(), study, wave).items():
            (folder / name).write_text(page, encoding="utf-8")
            typer.echo(folder / name)
    except OSError as error:
        what = f"The report cannot be written to {folder}: {error.strerror}."
        raise StorageError(what, fix="choose a folder you may write to: --output FOLDER") from None


def _rows(rows: Sequence[Any], kind: type) -> pd.DataFrame:
    """Return rows as a frame that has its columns also where there is none."""
    return pd.DataFrame([asdict(each) for each in rows], columns=[each.name for each in fields(kind)])


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
    told = typer.Typer(help="How good the waves are.", no_args_is_help=True, rich_markup_mode=None)
    program.add_typer(told, name="quality")
    told.command("overview")(quality_overview)
    told.command("show")(quality_show)
    told.command("changes")(quality_changes)
    told.command("rows")(quality_rows)
    told.command("report")(quality_report)
