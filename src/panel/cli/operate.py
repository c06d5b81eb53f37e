"""Commands of the operator: set up, field a wave, take deliveries in, answer the gate."""

from __future__ import annotations

import math
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from panel.cli.output import Format, emit
from panel.errors import PanelError, SettingsError
from panel.ports import Adapters
from panel.settings import Settings

if TYPE_CHECKING:
    from panel.diagnosis.finding import Finding

StudyKey = Annotated[str, typer.Argument(metavar="STUDY", help="Key of a loaded study, e.g. creative-ai.")]
WaveKey = Annotated[str, typer.Argument(metavar="WAVE", help="Key or number of a wave, e.g. 2027.")]
Form = Annotated[Format, typer.Option("--format", "-f", help="table, csv or json; by default a table on a terminal.")]


def connect() -> Adapters:
    """Return the adapters that the environment names."""
    from panel.app import open_app

    return open_app(Settings.from_environment())


def init(form: Form = Format.auto) -> None:
    """
    Make the home, its pseudonym key and the database, or upgrade a database of an earlier version.

    Example: PANEL_HOME=./panel-data panelctl init
    """
    from panel.app import migrate

    settings = Settings.from_environment()
    settings.make_home()
    revision = migrate(settings)
    database = "PostgreSQL" if settings.database_url.startswith("postgres") else "SQLite"
    emit({"home": str(settings.home), "database": database, "revision": revision}, form)


def doctor(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where `panelctl serve` answers.")] = 8700,
    form: Form = Format.auto,
) -> None:
    """
    Say whether this installation is sound and its calendar is kept; fail when something is not.

    Example: panelctl doctor
    """
    from panel.diagnosis import diagnose

    findings = [*diagnose(Settings.from_environment(), port), *_runs()]
    emit(findings, form, title="panelctl doctor")
    bad = [finding for finding in findings if finding.state == "bad"]
    if bad:
        raise SettingsError(f"{len(bad)} of {len(findings)} checks are bad: {bad[0].what}.", fix=bad[0].fix)


def _runs() -> list[Finding]:
    """Return what a Prefect server of the user's has of runs that died; a home's own closes them when it starts."""
    from panel.diagnosis.finding import finding

    if not os.environ.get("PREFECT_API_URL"):
        return []
    what = "Prefect runs of actions end"
    try:
        with flows_api():
            from panel.flows.reconcile import count_runs

            found = count_runs(connect())
    except PanelError as error:
        return [finding(what, error.what, error.fix or "start the Prefect server")]
    told = f"{found.left_behind} left behind, {found.crashed} closed as crashed in {found.days} days"
    return [finding(what, told, "`panelctl tick` closes them" if found.left_behind else "")]


def study_load(study: Annotated[str, typer.Argument(metavar="STUDY")], form: Form = Format.auto) -> None:
    """
    Validate a study's files whole and keep them: a folder, or the key of a study that ships.

    Example: panelctl study load db/studies/creative-ai
    """
    from panel.actions.set_up import load_study

    loaded = load_study(connect(), study)
    found = loaded.study
    questions = len(found.instruments[-1].questions)
    emit(
        {
            "study": found.key,
            "title": str(found.title),
            "waves": len(found.waves),
            "questions": questions,
            "target_year": found.target_year,
            "sha256": loaded.sha256,
        },
        form,
    )


def study_list(form: Form = Format.auto) -> None:
    """
    List the studies that are loaded.

    Example: panelctl study list --format json
    """
    app = connect()
    rows = [(key, str(app.study(key).title), len(app.study(key).waves)) for key in app.store.study_keys()]
    emit(pd.DataFrame(rows, columns=["study", "title", "waves"]), form)


def simulate(
    study: StudyKey,
    wave: Annotated[list[str] | None, typer.Option("--wave", "-w", help="Only these waves.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people.")] = 2025,
    members: Annotated[int | None, typer.Option(min=20, help="Members at baseline; the plan's own by default.")] = None,
    form: Form = Format.auto,
) -> None:
    """
    Write SYNTHETIC deliveries into the inboxes of a study's waves.

    Example: panelctl simulate creative-ai --seed 7 --members 730
    """
    from panel.actions.set_up import simulate as act

    paths = act(connect(), study, waves=wave or (), seed=seed, members=members)
    emit([{"file": str(path), "bytes": path.stat().st_size} for path in paths], form)


def track(study: StudyKey) -> None:
    """
    Take a study through its horizon: open and close every wave that has deliveries, in order.

    Example: panelctl track creative-ai
    """
    with flows_api():
        from panel.flows.waves import track_study

        keys = track_study(study)
    for key in keys:
        typer.echo(key)


def collect(
    study: StudyKey,
    wave: WaveKey,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="The wave's inbox by default.")
    ] = None,
    form: Form = Format.auto,
) -> None:
    """
    Take deliveries in: keep the bytes, then the rows; every row is accepted, held or ignored with a reason.

    Example: panelctl collect creative-ai 2026 export-2026.csv
    """
    from panel.actions.intake import collect as act

    receipts = pd.DataFrame([_receipt(receipt) for receipt in act(connect(), study, wave, files or None)])
    emit(receipts, form, title=f"{study}/{wave}: receipts")


def _receipt(receipt: object) -> dict[str, object]:
    names = ("delivery", "filename", "rows", "accepted", "held", "ignored", "held_cells", "revisions", "is_repeat")
    row = {name: getattr(receipt, name) for name in names}
    return row | {"reasons": "; ".join(f"{reason}: {count}" for reason, count in getattr(receipt, "reasons", ()))}


def check(
    study: StudyKey,
    wave: WaveKey,
    stage: Annotated[str, typer.Option(help="responses (before merge) or panel (before release).")] = "responses",
    override: Annotated[str | None, typer.Option(metavar="CHECK", help="Let this failed check pass.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; stored, and shown in the release.")] = None,
    form: Form = Format.auto,
) -> None:
    """
    Judge a stage of a wave; a critical failure exits with 13. Or override one failed check, on record.

    Example: panelctl check creative-ai 2026 --stage panel --override panel:cohort --reason "flood in week 43"
    """
    from panel.actions import gate

    if stage not in ("responses", "panel"):
        raise typer.BadParameter(f"'{stage}' is neither responses nor panel", param_hint="--stage")
    if override and not reason:
        raise typer.BadParameter("an override needs a reason", param_hint="--reason")
    app = connect()
    if override and reason:
        gate.override(app, study, wave, stage, override, reason=reason)  # type: ignore[arg-type]
    failure: PanelError | None = None
    try:
        gate.check(app, study, wave, stage)  # type: ignore[arg-type]
    except PanelError as error:
        failure = error
    emit(_verdicts(app, study, wave, stage), form, title=f"{study}/{wave}: {stage}")
    if failure:
        raise failure


def _verdicts(app: Adapters, study: str, wave: str, stage: str) -> pd.DataFrame:
    number = app.study(study).wave(wave).number
    verdicts = [each for gate in app.store.gates(study, number) if gate.stage == stage for each in gate.verdicts]
    names = ("check", "severity", "state", "checked_count", "failing_count", "owner", "why")
    frame = pd.DataFrame([{name: getattr(each, name) for name in names} for each in verdicts], columns=list(names))
    frame["override"] = [each.override.reason if each.override else "" for each in verdicts]
    order = {"broken": 0, "failed": 1, "passed": 2}
    return frame.sort_values(
        ["state", "check"], key=lambda column: column.map(order) if column.name == "state" else column
    )


def merge(study: StudyKey, form: Form = Format.auto) -> None:
    """
    Fold every response kept into the panel. Twice is once.

    Example: panelctl merge creative-ai
    """
    from panel.actions.fold import merge as act

    emit([act(connect(), study)], form)


def rebuild(study: StudyKey, form: Form = Format.auto) -> None:
    """
    Derive the panel and its figures anew from the deliveries, and compare the digest with the newest release.

    Example: panelctl rebuild creative-ai
    """
    from panel.actions.publication import rebuild as act

    emit([act(connect(), study)], form)


def register(program: typer.Typer) -> None:
    """Add the operator's commands."""
    study = typer.Typer(help="Study files.", no_args_is_help=True, rich_markup_mode=None)
    program.command()(init)
    program.command()(doctor)
    program.add_typer(study, name="study")
    study.command("load")(study_load)
    study.command("list")(study_list)
    program.command()(simulate)
    for command in (track, collect, check, merge, rebuild):
        program.command()(command)


def flows_api(patience: float = math.inf) -> AbstractContextManager[str]:
    """Return what makes a Prefect API available to the flows; `patience` is how long it waits for another process."""
    from panel.flows.server import prefect_api

    connect()  # a home that is not set up is said before a server is started
    served: AbstractContextManager[str] = prefect_api(Settings.from_environment().home, patience)
    return served
