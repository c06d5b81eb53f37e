"""Commands of the monitor: incidents, who takes them on, and what was delivered."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, fields
from datetime import UTC, datetime, time
from typing import Annotated

import pandas as pd
import typer

from panel.cli.operate import Form, StudyKey, connect
from panel.cli.output import Format, as_table, console, emit, for_a_person
from panel.errors import DeliveryFailed
from panel.model.incident import Incident

Key = Annotated[str, typer.Argument(metavar="INCIDENT", help="Id of an incident, as in every message about it.")]
Note = Annotated[str, typer.Option("--note", "-n", help="What is being done; stored with your name and the time.")]
_LISTED = ("incident", "severity", "state", "study", "wave", "check", "owner", "age_hours", "failing_count", "by")


def alerts_list(
    context: typer.Context,
    study: Annotated[str | None, typer.Option("--study", "-s", help="Only this study.")] = None,
    is_all: Annotated[bool, typer.Option("--all", "-a", help="Resolved ones too.")] = False,
    form: Form = Format.auto,
) -> None:
    """
    List what is open, the most severe and oldest first; see, take on, hand over and silence incidents.

    Example: panelctl alerts --study creative-ai --format json
    """
    from panel.actions.monitor import Alert, alerts

    if context.invoked_subcommand is not None:
        return
    app = connect()
    if not app.routing.targets:
        typer.echo("Nobody is told of alerts: alerts.toml in the home would name targets.", err=True)
    rows = [each for each in alerts(app, study) if is_all or each.state != "resolved"]
    frame = pd.DataFrame([asdict(each) for each in rows], columns=[each.name for each in fields(Alert)])
    emit(frame[list(_LISTED)] if for_a_person(form) else frame, form, title="Alerts")


def alerts_show(incident: Key, form: Form = Format.auto) -> None:
    """
    Show one incident: as it stands, its history, and what became of every message about it.

    Example: panelctl alerts show 3f9a1c07be
    """
    from panel.actions.monitor import account

    found = account(connect(), incident)
    if form is Format.json:
        sys.stdout.write(json.dumps(asdict(found), default=datetime.isoformat, ensure_ascii=False, indent=1) + "\n")
        return
    events, posted = (pd.DataFrame([asdict(each) for each in rows]) for rows in (found.events, found.posted))
    if not for_a_person(form):
        emit(events, form)
        return
    told = {**asdict(found.alert), "note": found.note, "failing_waves": ", ".join(found.failing_waves)}
    console().print(as_table(pd.DataFrame({"of": list(told), "is": list(told.values())}), f"Incident {incident}"))
    console().print(as_table(_short(events, "incident", "is_muted"), "History"))
    console().print(as_table(_short(posted, "key", "incident"), "Messages"))


def _short(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Return a frame for a person: without columns that say nothing, moments to the minute in UTC."""
    told = frame.drop(columns=[name for name in names if name in frame]).astype("object")
    told = told.map(lambda each: f"{each:%Y-%m-%d %H:%M}" if isinstance(each, datetime) else each)
    return told[[name for name in told if any(each not in ("", None) for each in told[name])]]


def alerts_ack(
    incident: Key,
    note: Note,
    days: Annotated[int, typer.Option(help="For how many days you take it on.")] = 7,
    form: Form = Format.auto,
) -> None:
    """
    Take an incident on: its targets hear nothing more of it until the date, unless it worsens.

    Example: panelctl alerts ack 3f9a1c07be --note "asked the bureau for the file anew" --days 3
    """
    from panel.actions.monitor import acknowledge

    _emit(acknowledge(connect(), incident, note=note, days=days), form)


def alerts_silence(
    incident: Key,
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day on which it is heard of again.")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; stored with your name and the time.")],
    form: Form = Format.auto,
) -> None:
    """
    Let nobody hear of an incident before a day, at most 90 days away, whatever happens to it.

    Example: panelctl alerts silence 3f9a1c07be --until 2027-01-15 --reason "the platform is being replaced"
    """
    from panel.actions.monitor import silence

    moment = datetime.combine(until.date(), time(), tzinfo=UTC)
    _emit(silence(connect(), incident, until=moment, reason=reason), form)


def alerts_assign(
    incident: Key,
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="Who has it now, e.g. analyst.")],
    note: Note = "",
    form: Form = Format.auto,
) -> None:
    """
    Give an incident another owner, whose targets hear of it.

    Example: panelctl alerts assign 3f9a1c07be analyst --note "it is in the weights"
    """
    from panel.actions.monitor import assign

    _emit(assign(connect(), incident, owner=owner, note=note), form)


def alerts_resolve(incident: Key, note: Note, form: Form = Format.auto) -> None:
    """
    Call an incident over. When its check fails again within a week, the same incident is back.

    Example: panelctl alerts resolve 3f9a1c07be --note "the bureau confirms: the sample was halved"
    """
    from panel.actions.monitor import resolve

    _emit(resolve(connect(), incident, note=note), form)


def _emit(incident: Incident, form: Format) -> None:
    names = ("id", "study", "check", "state", "owner", "until", "by", "note")
    emit({name: getattr(incident, name) for name in names}, form)


def alerts_history(
    study: StudyKey,
    check: Annotated[str, typer.Argument(metavar="CHECK", help="Id of a check, e.g. panel:retention_low.")],
    form: Form = Format.auto,
) -> None:
    """
    Say what a check said of every wave.

    Example: panelctl alerts history creative-ai panel:retention_low
    """
    from panel.actions.monitor import history

    emit(history(connect(), study, check), form, title=f"{study}: {check}")


def alerts_test(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Key of a target in alerts.toml.")],
    form: Form = Format.auto,
) -> None:
    """
    Send a test message to a target now; where it is not taken in, say why and exit with 23.

    Example: panelctl alerts test ops-mail
    """
    from panel.actions.monitor import try_target

    emit([try_target(connect(), target)], form)


def alerts_deliver(form: Form = Format.auto) -> None:
    """
    See to dates, escalations and runs that did not happen, and deliver what is due; exits with 23 on dead letters.

    Run it every few minutes; any number may run at a time, and a killed one loses nothing.

    Example: panelctl alerts deliver --format json
    """
    from panel.actions.delivery import deliver

    delivered = deliver(connect())
    emit([delivered], form)
    if delivered.dead:
        raise DeliveryFailed(
            f"{delivered.dead} messages were given up.",
            fix="panelctl alerts shows for which target; panelctl alerts test TARGET tries it",
        )


def register(program: typer.Typer) -> None:
    """Add the commands about alerts."""
    alerts = typer.Typer(help="Incidents and alerts.", rich_markup_mode=None)
    alerts.callback(invoke_without_command=True)(alerts_list)
    program.add_typer(alerts, name="alerts")
    alerts.command("show")(alerts_show)
    alerts.command("ack")(alerts_ack)
    alerts.command("silence")(alerts_silence)
    alerts.command("assign")(alerts_assign)
    alerts.command("resolve")(alerts_resolve)
    alerts.command("history")(alerts_history)
    alerts.command("test")(alerts_test)
    alerts.command("deliver")(alerts_deliver)
