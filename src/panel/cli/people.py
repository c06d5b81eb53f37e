"""Commands of the operator: the sample, its members, and their cases."""

from __future__ import annotations

import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from panel.cli.operate import Form, StudyKey, WaveKey, connect
from panel.cli.output import Format, emit

MemberId = Annotated[str, typer.Argument(metavar="MEMBER", help="Id of a member, as in `members list`.")]
Why = Annotated[str, typer.Option("--reason", "-r", help="Why; stored with your name and the time.")]


def sample_load(
    study: StudyKey,
    wave: WaveKey,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a column member, and stratum if wanted.")],
    cohort: Annotated[str, typer.Option(help="Name of this sample; the key of the wave by default.")] = "",
    form: Form = Format.auto,
) -> None:
    """
    Load members who are due from a wave on; a wrong row is held with the reason, the others go in.

    Example: panelctl sample load creative-ai 2026 refreshment.csv --cohort refresh-2026
    """
    from panel.actions.sample import load_sample

    app = connect()
    load = load_sample(app, study, wave, file, cohort=cohort)
    for fault in app.store.sample_faults(load.id):
        typer.echo(f"row {fault.row}, column '{fault.column}': held: {fault.reason}", err=True)
    names = ("id", "cohort", "filename", "rows", "added", "known", "held", "is_repeat")
    emit({name: getattr(load, name) for name in names}, form)


def sample_list(study: StudyKey, form: Form = Format.auto) -> None:
    """
    List the sample files that were loaded, and what became of their rows.

    Example: panelctl sample list creative-ai
    """
    names = ["id", "wave", "cohort", "filename", "rows", "added", "known", "held", "by", "at"]
    app = connect()
    loads = app.store.sample_loads(app.study(study).key)
    rows = [{name: getattr(each, name) for name in names} for each in loads]
    emit(pd.DataFrame(rows, columns=names), form)


def sample_codes(
    study: StudyKey,
    wave: WaveKey,
    to: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, readable by you alone.")],
) -> None:
    """
    Make access codes for the cases that have none, and write them once; needs PANEL_PERMISSIONS=codes.

    Example: panelctl sample codes creative-ai 2026 codes.csv
    """
    from panel.actions.sample import issue_codes

    app = connect()
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        try:
            codes = issue_codes(app, study, wave)
        except BaseException:
            to.unlink()
            raise
        file.write("member,code\n")
        file.writelines(f"{each.member},{each.code}\n" for each in codes)
        file.flush()
        os.fsync(file.fileno())
    typer.echo(f"{len(codes)} codes; they are kept nowhere else", err=True)


def sample_preload(
    study: StudyKey,
    wave: WaveKey,
    outcomes: Annotated[bool, typer.Option("--outcomes", help="What members did with it, by count.")] = False,
    arms: Annotated[bool, typer.Option("--arms", help="Change with it, and in the share without.")] = False,
    form: Form = Format.auto,
) -> None:
    """
    Give what is fed forward into a wave, as it was frozen; needs PANEL_PERMISSIONS=members. Or count what came of it.

    Example: panelctl sample preload creative-ai 2026 --outcomes
    """
    from panel.actions import preload

    what = preload.arms if arms else preload.outcomes if outcomes else preload.shown
    emit(what(connect(), study, wave), form)


def members_list(
    study: StudyKey,
    state: Annotated[str | None, typer.Option(help="Only members in this state.")] = None,
    cohort: Annotated[str | None, typer.Option(help="Only members of this cohort.")] = None,
    form: Form = Format.auto,
) -> None:
    """
    List the members of a study by id.

    Example: panelctl members list creative-ai --state dormant
    """
    names = ["member", "stratum", "cohort", "entry_wave", "state", "scope", "since"]
    app = connect()
    members = app.store.members(app.study(study).key)
    found = [each for each in members if state in (None, each.state) and cohort in (None, each.cohort)]
    emit(pd.DataFrame([{name: getattr(each, name) for name in names} for each in found], columns=names), form)


def members_show(study: StudyKey, member: MemberId, form: Form = Format.auto) -> None:
    """
    Show everything that happened to a member and its cases, without any answer.

    Example: panelctl members show creative-ai m0123456789abcdef
    """
    app = connect()
    app.store.member(study, member)
    names = ["at", "wave", "event", "from_state", "to_state", "reason", "by"]
    own = [
        {"at": each.at, "wave": None, "event": each.event, "from_state": each.from_state, "to_state": each.to_state,
         "reason": " ".join(filter(None, (each.scope, each.reason))), "by": each.by}
        for each in app.store.member_events(study, member)
    ]  # fmt: skip
    cases = [
        {"at": each.at, "wave": each.wave, "event": each.event, "from_state": each.from_state,
         "to_state": each.to_state, "reason": each.why, "by": each.by}
        for each in app.store.case_events(study, member=member)
    ]  # fmt: skip
    rows = pd.DataFrame([*own, *cases], columns=names).sort_values("at", kind="stable", ignore_index=True)
    emit(rows.astype({"wave": "Int64"}), form, title=f"{study}: {member}")


def members_move(
    study: StudyKey,
    member: MemberId,
    event: Annotated[str, typer.Argument(metavar="EVENT", help="trace, find, die, lapse or rejoin.")],
    reason: Why,
) -> None:
    """
    Say what is known of a member: to be traced, found, deceased, dormant, back again.

    Example: panelctl members move creative-ai m0123456789abcdef trace --reason "letter came back"
    """
    from panel.actions.members import move

    typer.echo(f"{member} is {move(connect(), study, member, event, reason=reason).state}", err=True)


def members_withdraw(
    study: StudyKey,
    member: MemberId,
    scope: Annotated[str, typer.Option("--scope", "-s", help="no_contact, no_use or erase.")],
    reason: Why,
    form: Form = Format.auto,
) -> None:
    """
    Withdraw a member: no contact, no further use of its answers, or all of it erased, for ever.

    Example: panelctl members withdraw creative-ai m0123456789abcdef --scope no_use --reason "asked by mail"
    """
    from panel.actions.withdrawal import withdraw

    done = withdraw(connect(), study, member, scope, reason=reason)  # type: ignore[arg-type]
    emit([done], form)
    if done.releases:
        typer.echo(f"not rewritten: the releases {', '.join(done.releases)}; destroy their microdata", err=True)
    if done.unread:
        typer.echo(f"not searched, as they cannot be read: the deliveries {', '.join(done.unread)}", err=True)


def members_erasures(study: StudyKey, form: Form = Format.auto) -> None:
    """
    List what erasures removed and which files they wrote anew, by hash.

    Example: panelctl members erasures creative-ai
    """
    names = ["member", "subject", "key", "row_count", "old_sha256", "new_sha256", "at"]
    app = connect()
    store, study = app.store, app.study(study).key
    steps = [step for each in store.erasures(study) for step in store.erasure_steps(study, each.member)]
    emit(pd.DataFrame([{name: getattr(each, name) for name in names} for each in steps], columns=names), form)


def cases_issue(study: StudyKey, wave: WaveKey, form: Form = Format.auto) -> None:
    """
    Make a case for every member who is due; issuing again adds who came since.

    Example: panelctl cases issue creative-ai 2026
    """
    from panel.actions.cases import issue

    emit([issue(connect(), study, wave)], form)


def cases_list(
    study: StudyKey,
    wave: WaveKey,
    state: Annotated[str | None, typer.Option(help="Only cases in this state.")] = None,
    form: Form = Format.auto,
) -> None:
    """
    List the cases of a wave with their state and, once it is finalised, their outcome code.

    Example: panelctl cases list creative-ai 2026 --state refused
    """
    app = connect()
    names = ["member", "state", "why", "since", "computed", "overridden", "override_reason"]
    found = app.store.cases(study, app.study(study).wave(wave).number)
    rows = [{name: getattr(each, name) for name in names} for each in found if state in (None, each.state)]
    emit(pd.DataFrame(rows, columns=names), form, title=f"{study}/{wave}: cases")


def cases_move(
    study: StudyKey,
    wave: WaveKey,
    member: MemberId,
    event: Annotated[str, typer.Argument(metavar="EVENT", help="e.g. refuse, screen_out, lose, withhold.")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; of screen_out one of the reasons it takes.")] = "",
) -> None:
    """
    Move one case by hand, on record.

    Example: panelctl cases move creative-ai 2026 m0123456789abcdef refuse --reason "wrote back"
    """
    from panel.actions.cases import act

    typer.echo(f"{member} is {act(connect(), study, wave, member, event, why=reason).state}", err=True)


def cases_finalise(study: StudyKey, wave: WaveKey, form: Form = Format.auto) -> None:
    """
    Give every case of a wave its outcome code; run it again after late answers.

    Example: panelctl cases finalise creative-ai 2026
    """
    from panel.actions.cases import finalise

    counts = finalise(connect(), study, wave)
    emit(pd.DataFrame(list(counts.items()), columns=["outcome", "cases"]), form, title=f"{study}/{wave}: outcomes")


def cases_rates(
    study: StudyKey,
    wave: Annotated[str | None, typer.Argument(metavar="[WAVE]", help="Only this wave; every one by default.")] = None,
    form: Form = Format.auto,
) -> None:
    """
    Follow the panel from its recruitment on, by wave and cohort: cumulative response or participation, and retention.

    Example: panelctl cases rates creative-ai 2027 --format json
    """
    from panel.actions.rates import PanelRate, panel_rates

    names = [each.name for each in fields(PanelRate)]
    rows = [asdict(each) for each in panel_rates(connect(), study, wave)]
    emit(pd.DataFrame(rows, columns=names), form, title=f"{study}: rates")


def cases_override(study: StudyKey, wave: WaveKey, member: MemberId, code: str, reason: Why) -> None:
    """
    Let another outcome code count than the computed one, with a reason.

    Example: panelctl cases override creative-ai 2026 m0123456789abcdef 2.11 --reason "refused by telephone"
    """
    from panel.actions.cases import override

    typer.echo(f"{member}: {override(connect(), study, wave, member, code, reason=reason).outcome}", err=True)


def register(program: typer.Typer) -> None:
    """Add the commands about people."""
    sample = typer.Typer(help="The sample.", no_args_is_help=True, rich_markup_mode=None)
    members = typer.Typer(help="Members.", no_args_is_help=True, rich_markup_mode=None)
    cases = typer.Typer(help="Cases: a member in a wave.", no_args_is_help=True, rich_markup_mode=None)
    for name, group in (("sample", sample), ("members", members), ("cases", cases)):
        program.add_typer(group, name=name)
    sample.command("load")(sample_load)
    sample.command("list")(sample_list)
    sample.command("codes")(sample_codes)
    sample.command("preload")(sample_preload)
    members.command("list")(members_list)
    members.command("show")(members_show)
    members.command("move")(members_move)
    members.command("withdraw")(members_withdraw)
    members.command("erasures")(members_erasures)
    cases.command("issue")(cases_issue)
    cases.command("list")(cases_list)
    cases.command("move")(cases_move)
    cases.command("finalise")(cases_finalise)
    cases.command("rates")(cases_rates)
    cases.command("override")(cases_override)
