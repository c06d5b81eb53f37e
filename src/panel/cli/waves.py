"""Commands about waves: plan, stage, open, pause, move, close; each can be tried dry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import pandas as pd
import typer

from panel.calendar import Due
from panel.cli.operate import Form, StudyKey, WaveKey, connect, flows_api
from panel.cli.output import Format, emit
from panel.cli.progress import wave_status

Why = Annotated[str, typer.Option("--reason", "-r", help="Why; stored with your name and the time.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]
Until = Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="The new last day of fieldwork.")]
From = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The new first day; as it is by default.")
]


def waves(study: StudyKey, form: Form = Format.auto) -> None:
    """
    List the waves of a study: state, fieldwork, and which steps are legal now.

    Example: panelctl waves creative-ai --format json
    """
    from panel.model.wave import steps

    app = connect()
    found, states = app.study(study), app.store.wave_states(study)
    rows = [(each, states.get(each.number, "planned")) for each in found.waves]
    emit(
        [
            {
                "wave": each.key,
                "state": state,
                "start": str(each.fieldwork.start),
                "end": str(each.fieldwork.end),
                "instrument": each.instrument,
                "legal": ", ".join(steps(state)),
            }
            for each, state in rows
        ],
        form,
        title=f"{study}: waves",
    )


def calendar(
    study: StudyKey,
    years: Annotated[int, typer.Option(min=1, help="So many years from today.")] = 5,
    everything: Annotated[bool, typer.Option("--all", help="What is past too, and all that is to come.")] = False,
    form: Form = Format.auto,
) -> None:
    """
    Show what falls due when: wall time, the moment it means, and what becomes of it when it is late.

    Example: panelctl calendar creative-ai --years 5
    """
    from panel.actions.ledger import calendar_of

    app = connect()
    now = app.clock.now()
    until = now + timedelta(days=366 * years)
    due = [each for each in calendar_of(app, app.study(study)) if everything or now <= each.at <= until]
    names = ["wave", "action", "ordinal", "local", "zone", "utc", "late", "not_after", "note"]
    emit(pd.DataFrame([_row(each) for each in due], columns=names), form, title=f"{study}: calendar")


def _row(due: Due) -> tuple[object, ...]:
    at, not_after = (f"{each:%Y-%m-%dT%H:%MZ}" for each in (due.at, due.not_after))
    local = f"{due.local:%a %Y-%m-%d %H:%M}"
    return due.wave_key, due.kind, due.ordinal, local, due.zone, at, due.late, not_after, due.note


def wave_history(study: StudyKey, wave: WaveKey, form: Form = Format.auto) -> None:
    """
    Show what happened to a wave: every move, who, when and why.

    Example: panelctl wave history creative-ai 2026
    """
    from panel.actions.fieldwork import history

    emit(list(history(connect(), study, wave)), form, title=f"{study}/{wave}: history")


def wave_open(study: StudyKey, wave: WaveKey, dry: Dry = False, form: Form = Format.auto) -> None:
    """
    Open a wave for fieldwork; one that is planned is staged first.

    Example: panelctl wave open creative-ai 2025
    """
    if dry:
        _show(_Asked(study, wave, "open"), form)
        return
    with flows_api():
        from panel.flows.waves import open_wave

        key = open_wave(study, wave)
    typer.echo(f"{study}/{key} is open", err=True)


def wave_close(study: StudyKey, wave: WaveKey, dry: Dry = False, form: Form = Format.auto) -> None:
    """
    Close a wave: collect, check, merge, check, weigh, estimate, release. Run it again after a crash.

    Example: panelctl wave close creative-ai 2025
    """
    if dry:
        _show(_Asked(study, wave, "close"), form)
        return
    with flows_api():
        from panel.flows.waves import close_wave

        key = close_wave(study, wave)
    typer.echo(key)


def wave_plan(study: StudyKey, wave: WaveKey, dry: Dry = False, form: Form = Format.auto) -> None:
    """
    Put a wave back on the calendar that was taken off it.

    Example: panelctl wave plan creative-ai 2027
    """
    _move(_Asked(study, wave, "plan"), dry, form)


def wave_unplan(study: StudyKey, wave: WaveKey, reason: Why = "", dry: Dry = False, form: Form = Format.auto) -> None:
    """
    Take a planned wave off the calendar.

    Example: panelctl wave unplan creative-ai 2027 --reason "the budget is not settled"
    """
    _move(_Asked(study, wave, "unplan", reason), dry, form)


def wave_stage(study: StudyKey, wave: WaveKey, dry: Dry = False, form: Form = Format.auto) -> None:
    """
    Freeze what a wave will field: instrument, suites, schedule and sample, each by its hash.

    Example: panelctl wave stage creative-ai 2027
    """
    _move(_Asked(study, wave, "stage"), dry, form)


def wave_unstage(study: StudyKey, wave: WaveKey, reason: Why, dry: Dry = False, form: Form = Format.auto) -> None:
    """
    Let what was frozen change again.

    Example: panelctl wave unstage creative-ai 2027 --reason "a question was corrected"
    """
    _move(_Asked(study, wave, "unstage", reason), dry, form)


def wave_pause(study: StudyKey, wave: WaveKey, reason: Why, dry: Dry = False, form: Form = Format.auto) -> None:
    """
    Send nothing for a while; answers are still taken in.

    Example: panelctl wave pause creative-ai 2026 --reason "the survey platform is down"
    """
    _move(_Asked(study, wave, "pause", reason), dry, form)


def wave_resume(study: StudyKey, wave: WaveKey, dry: Dry = False, form: Form = Format.auto) -> None:
    """
    Go on with a wave that was paused.

    Example: panelctl wave resume creative-ai 2026
    """
    _move(_Asked(study, wave, "resume"), dry, form)


def wave_extend(
    study: StudyKey, wave: WaveKey, until: Until, reason: Why, dry: Dry = False, form: Form = Format.auto
) -> None:
    """
    Move the end of fieldwork of a wave that is in the field.

    Example: panelctl wave extend creative-ai 2026 --until 2026-12-14 --reason "half of what was expected"
    """
    _move(_Asked(study, wave, "extend", reason, end=until.date()), dry, form)


def wave_postpone(
    study: StudyKey,
    wave: WaveKey,
    until: Until,
    reason: Why,
    start: From = None,
    dry: Dry = False,
    form: Form = Format.auto,
) -> None:
    """
    Move the fieldwork of a planned wave.

    Example: panelctl wave postpone creative-ai 2027 --from 2027-11-01 --until 2027-12-20 --reason "elections"
    """
    _move(_Asked(study, wave, "postpone", reason, start.date() if start else None, until.date()), dry, form)


def wave_reopen(
    study: StudyKey, wave: WaveKey, until: Until, reason: Why, dry: Dry = False, form: Form = Format.auto
) -> None:
    """
    Take a wave that is closing back into the field, until a day after which the calendar closes it once more.

    Example: panelctl wave reopen creative-ai 2026 --until 2026-12-20 --reason "a strike of the post"
    """
    _move(_Asked(study, wave, "reopen", reason, end=until.date()), dry, form)


def wave_archive(study: StudyKey, wave: WaveKey, dry: Dry = False, form: Form = Format.auto) -> None:
    """
    Put a closed wave away; nothing can be corrected in it after that.

    Example: panelctl wave archive creative-ai 2025
    """
    _move(_Asked(study, wave, "archive"), dry, form)


def wave_cancel(study: StudyKey, wave: WaveKey, reason: Why, dry: Dry = False, form: Form = Format.auto) -> None:
    """
    Call off a wave that was not opened.

    Example: panelctl wave cancel creative-ai 2030 --reason "no funding"
    """
    _move(_Asked(study, wave, "cancel", reason), dry, form)


@dataclass(frozen=True, slots=True)
class _Asked:
    study: str
    wave: str
    event: str
    reason: str = ""
    start: date | None = None
    end: date | None = None

    def prepared(self, app: Any) -> Any:
        from panel.actions.fieldwork import prepare

        return prepare(app, self.study, self.wave, self.event, reason=self.reason, start=self.start, end=self.end)


def _move(asked: _Asked, dry: bool, form: Format) -> None:
    if dry:
        _show(asked, form)
        return
    from panel.actions.fieldwork import carry_out

    app = connect()
    emit([_told(carry_out(app, asked.prepared(app)))], form)


def _show(asked: _Asked, form: Format) -> None:
    emit([_told(asked.prepared(connect()))], form, title="would happen")


def _told(move: Any) -> dict[str, object]:
    row = asdict(move)
    named = {name: row[name] for name in ("study", "key", "from_state", "to_state", "reason")}
    return {
        **named,
        "events": ", ".join(move.events),
        "start": str(move.fieldwork.start),
        "end": str(move.fieldwork.end),
        "frozen": ", ".join(f"{each.part} {each.sha256[:12]} ({each.count})" for each in move.frozen),
        "obstacles": "; ".join(move.obstacles),
    }


def register(program: typer.Typer) -> None:
    """Add the commands about waves."""
    program.command()(waves)
    program.command()(calendar)
    group = typer.Typer(help="Waves.", no_args_is_help=True, rich_markup_mode=None)
    program.add_typer(group, name="wave")
    commands: dict[str, Callable[..., None]] = {
        "status": wave_status, "history": wave_history, "plan": wave_plan, "unplan": wave_unplan,
        "postpone": wave_postpone, "stage": wave_stage, "unstage": wave_unstage, "open": wave_open,
        "pause": wave_pause, "resume": wave_resume, "extend": wave_extend, "close": wave_close,
        "reopen": wave_reopen, "archive": wave_archive, "cancel": wave_cancel,
    }  # fmt: skip
    for name, command in commands.items():
        group.command(name)(command)
