"""Commands about contacts: who members are, who is written to and why not, and what waits to be sent."""

from __future__ import annotations

import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from panel.cli.operate import Form, StudyKey, WaveKey, connect
from panel.cli.output import Format, emit
from panel.cli.people import MemberId
from panel.errors import DeliveryFailed, UnknownKey, printable
from panel.ports import Adapters
from panel.settings import Settings

Kind = Annotated[str, typer.Argument(metavar="KIND", help="invite, remind or thank.")]
Ordinal = Annotated[int, typer.Option("--ordinal", "-n", min=1, help="Which of several, e.g. the second reminder.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]


def connect_to_members() -> Adapters:
    """Return the adapters that may reach contact details."""
    from panel.app import open_correspondence

    return open_correspondence(Settings.from_environment())


def contacts_key(form: Form = Format.auto) -> None:
    """
    Make the key of contact details; where there is one, a new one that seals from now on.

    Example: panelctl contacts key
    """
    from panel.app import make_contacts_key

    settings = Settings.from_environment()
    make_contacts_key(settings)
    emit({"file": str(settings.contacts_keys.path), "keys": len(settings.contacts_keys.read())}, form)


def contacts_reseal(form: Form = Format.auto) -> None:
    """
    Seal everything anew by the newest key; after that, the older ones can be taken out of the file.

    Example: panelctl contacts reseal
    """
    emit({"resealed": connect_to_members().correspondence().book.reseal()}, form)


def contacts_load(
    study: StudyKey,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV of member, name, email and, if wanted, language.")],
    form: Form = Format.auto,
) -> None:
    """
    Take in who members are: the whole file, or nothing where a row is wrong.

    Example: panelctl contacts load creative-ai members.csv
    """
    from panel.actions.address_book import load_contacts

    emit([load_contacts(connect_to_members(), study, file)], form)


def contacts_show(study: StudyKey, member: MemberId, form: Form = Format.auto) -> None:
    """
    Say who a member is; needs PANEL_PERMISSIONS=members, and is logged.

    Example: panelctl contacts show creative-ai m0123456789abcdef
    """
    from panel.actions.address_book import show_contact

    emit([show_contact(connect_to_members(), study, member)], form)


def contacts_forget(study: StudyKey, member: MemberId, form: Form = Format.auto) -> None:
    """
    Remove who a member is; nothing can be sent to them after that.

    Example: panelctl contacts forget creative-ai m0123456789abcdef
    """
    from panel.actions.address_book import forget_contact

    emit({"forgotten": forget_contact(connect_to_members(), study, member)}, form)


def contacts_preview(
    study: StudyKey,
    wave: WaveKey,
    kind: Kind,
    ordinal: Ordinal = 1,
    language: Annotated[str, typer.Option(help="Language of the template.")] = "nl",
) -> None:
    """
    Show a letter as it would be, to somebody who is nobody; needs no contact details.

    Example: panelctl contacts preview creative-ai 2026 invite --language nl
    """
    from panel.actions.post import preview
    from panel.app import letters

    text = preview(connect(), letters(), study, wave, kind=kind, ordinal=ordinal, language=language)
    sys.stdout.write(f"{text.subject}\n\n{text.body}")


def contacts_select(
    study: StudyKey,
    wave: WaveKey,
    kind: Kind,
    ordinal: Ordinal = 1,
    is_dry_run: DryRun = False,
    form: Form = Format.auto,
) -> None:
    """
    Put letters to everybody who may be written to into the outbox; again, it adds only who has come since.

    Example: panelctl contacts select creative-ai 2026 remind --ordinal 2 --dry-run
    """
    from panel.actions.contacts import select, would_select

    act = would_select if is_dry_run else select
    made = act(connect_to_members(), study, wave, kind, ordinal)
    emit([{**asdict(made), "reasons": "; ".join(f"{reason}: {count}" for reason, count in made.reasons)}], form)


def contacts_decisions(
    study: StudyKey,
    wave: WaveKey,
    member: Annotated[str | None, typer.Option(help="Only this one, line by line; needs the permission.")] = None,
    form: Form = Format.auto,
) -> None:
    """
    Say why contacts of a wave were allowed or held: counted, or line by line for one member.

    Example: panelctl contacts decisions creative-ai 2026 --format json
    """
    from panel.actions.permissions import see_members

    app = connect()
    number = app.study(study).wave(wave).number
    if member is not None:
        see_members(app, "decisions about contacts")
    rows = [asdict(each) for each in app.store.contact_decisions(study, number, member)]
    names = ["kind", "ordinal", "stage", "verdict", "reason"]
    frame = pd.DataFrame(rows, columns=["at", "member", *names])
    emit(frame if member else frame.groupby(names, as_index=False).size(), form, title=f"{study}/{wave}: contacts")


def outbox_list(
    study: Annotated[str | None, typer.Option("--study", "-s", help="Only this study.")] = None,
    state: Annotated[str | None, typer.Option(help="waiting, sent, held, bounced or dead.")] = None,
    form: Form = Format.auto,
) -> None:
    """
    List letters to members, by their key: where they stand, attempts and why; never to whom.

    Example: panelctl outbox list --state dead --format json
    """
    from panel.model.contact import Contact

    rows = [asdict(each) for each in connect().store.contacts(study) if state in (None, each.state)]
    names = [each.name for each in fields(Contact) if each.name not in ("member", "token")]
    emit(pd.DataFrame(rows, columns=names), form, title="Outbox")


def outbox_retry(
    key: Annotated[list[str] | None, typer.Argument(metavar="[KEY]...", help="Keys of letters; or --dead.")] = None,
    is_dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
    is_dry_run: DryRun = False,
    form: Form = Format.auto,
) -> None:
    """
    Let letters be tried again that were given up, held or bounced; whether they may leave is judged anew.

    Example: panelctl outbox retry --dead --dry-run
    """
    app = connect()
    dead = [each.key for each in app.store.contacts() if each.state == "dead"] if is_dead else []
    keys = [*(key or ()), *dead]
    known = {each.key for each in app.store.contacts()}
    if strange := [each for each in key or () if each not in known]:
        raise UnknownKey(f"There is no letter '{printable(strange[0])}'.", fix="panelctl outbox list")
    again = [each.key for each in app.store.contacts() if each.key in keys and each.state not in ("waiting", "sent")]
    emit({"retried": len(again) if is_dry_run else app.store.retry_contacts(again)}, form)


def outbox_send(is_dry_run: DryRun = False, form: Form = Format.auto) -> None:
    """
    Send what is due; run it every few minutes, any number at a time. Exits with 23 where letters were given up.

    Example: panelctl outbox send --dry-run
    """
    from panel.actions.post import Due, send, would_send

    app = connect_to_members()
    if is_dry_run:
        names = [each.name for each in fields(Due) if each.name != "member"]
        emit(pd.DataFrame([asdict(each) for each in would_send(app)], columns=names), form)
        return
    made = send(app)
    emit([made], form)
    if made.dead:
        raise DeliveryFailed(f"{made.dead} letters were given up.", fix="panelctl outbox list --state dead says why")


def register(program: typer.Typer) -> None:
    """Add the commands about contacts."""
    contacts = typer.Typer(help="Who members are, and who is written to.", no_args_is_help=True, rich_markup_mode=None)
    outbox = typer.Typer(help="Letters to members.", no_args_is_help=True, rich_markup_mode=None)
    program.add_typer(contacts, name="contacts")
    program.add_typer(outbox, name="outbox")
    contacts.command("key")(contacts_key)
    contacts.command("reseal")(contacts_reseal)
    contacts.command("load")(contacts_load)
    contacts.command("show")(contacts_show)
    contacts.command("forget")(contacts_forget)
    contacts.command("preview")(contacts_preview)
    contacts.command("select")(contacts_select)
    contacts.command("decisions")(contacts_decisions)
    outbox.command("list")(outbox_list)
    outbox.command("retry")(outbox_retry)
    outbox.command("send")(outbox_send)
