"""A small study that writes to its members: a sample, a book in memory, a mail server that only remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from panel.actions import fieldwork
from panel.actions.contacts import select
from panel.actions.delivery import Pace
from panel.actions.post import Posted, send
from panel.contacts.book import SealedBook
from panel.contacts.letters import JinjaLetters
from panel.contacts.vault import Vault, new_key
from panel.harmonise.identity import pseudonyms
from panel.model.member import Member, MemberEvent, SampleLoad
from panel.ports.contacts import Addressee, Correspondence, Handover, Letter
from panel.sources.files import source_for
from panel.store.contact_book import SealedRow, SealedRows
from tests.unit.study_factory import FILES
from tests.unit.watch_factory import Watch

CONTACT = """
[contact]
sender = "panel@bakers.example"
sender_name = {nl = "Bakkerspanel", en = "Bakers' panel"}
reply_to = "help@bakers.example"
link = "https://bakers.example/a/{code}"
opt_out = "https://bakers.example/stop/{code}"

[calendar]
allowed_hours = ["00:00", "23:59"]
spacing_days = 2
"""
TEMPLATE = "{{ study_title }}: KIND\n\nBeste {{ name }}, tot {{ deadline }}\n{{ link }}\n{{ opt_out }}\n"
TEMPLATES = {
    f"templates/{kind}.{language}.txt": TEMPLATE.replace("KIND", f"{kind} {language}")
    for kind in ("invite", "remind", "thank")
    for language in ("nl", "en")
}
WRITING = {**FILES, "study.toml": FILES["study.toml"].replace("[layout]", CONTACT + "\n[layout]", 1), **TEMPLATES}


class Mailbox:
    """Implements ports.Mailer: remembers what it took in; says of others what it is told to."""

    def __init__(self) -> None:
        self.taken: list[Letter] = []
        self.says: Callable[[Letter], Handover] = lambda _: Handover(outcome="taken")

    def send(self, letter: Letter) -> Handover:
        """Take a letter in, unless told otherwise."""
        said = self.says(letter)
        if said.outcome == "taken":
            self.taken.append(letter)
        return said

    def keys(self) -> list[str]:
        """Return the key of each letter taken in."""
        return [each.key for each in self.taken]


class Office:
    """A study with members who may be written to, and what a test asks of it."""

    def __init__(self, folder: Path, url: str = "", members: int = 3, key: str = "") -> None:
        self.watch = Watch(folder, url=url)
        self.clock, self.mailbox = self.watch.clock, Mailbox()
        self.store = self.watch.app.store
        self.store.keep_study("bakers", WRITING, self.clock.now())
        rows = SealedRows(f"sqlite:///{folder / 'contacts.db'}")
        self.book = SealedBook(rows, Vault([key or new_key()]), SealedRow, self.clock.now)
        post = Correspondence(book=self.book, mailer=self.mailbox, letters=JinjaLetters())
        self.app = replace(
            self.watch.app,
            correspondence=lambda: post,
            permissions=frozenset({"members"}),
            source_for=source_for,
            letter_faults=JinjaLetters().faults,
        )
        self.members = [f"m{number:016x}" for number in range(members)]
        if self.members:
            self.add(*self.members)

    def add(self, *members: str, wave: int = 1, is_listed: bool = True) -> None:
        """Draw members into the sample, with an address unless told otherwise."""
        at = self.clock.now()
        load = SampleLoad(
            id=f"load-{members[0]}", study="bakers", wave=wave, cohort="c", filename="f", sha256="s",
            rows=len(members), added=len(members), known=0, held=0, by="x", at=at,
        )  # fmt: skip
        made = [
            Member(
                study="bakers", member=each, stratum="", cohort="c", entry_wave=wave, state="recruited", scope="",
                since=at, loaded_at=at,
            )
            for each in members
        ]  # fmt: skip
        self.store.add_sample(load, made, [])
        if is_listed:
            self.book.keep("bakers", {each: addressee(each) for each in members}, at)

    def open(self, wave: int = 1) -> None:
        """Put a wave in the field."""
        self.watch.checker.digest = lambda _study: "suites"
        fieldwork.open_wave(self.app, "bakers", wave)

    def move(self, event: str, wave: int = 1) -> None:
        """Let an event happen to a wave."""
        fieldwork.carry_out(self.app, fieldwork.prepare(self.app, "bakers", wave, event, reason="told to"))

    def select(self, kind: str = "invite", ordinal: int = 1, wave: int = 1):
        """Select, and return what that did."""
        return select(self.app, "bakers", wave, kind, ordinal)

    def send(self, pace: Pace | None = None) -> Posted:
        """Send what is due."""
        return send(self.app, pace, lambda: 1.0) if pace else send(self.app, chance=lambda: 1.0)

    def person(self, member: str, event: str, scope: str = "") -> None:
        """Record what happened to a member."""
        found = self.store.member("bakers", member)
        state = {"withdraw": "withdrawn", "die": "deceased", "rejoin": "recruited"}[event]
        line = MemberEvent(
            study="bakers", member=member, event=event, from_state=found.state, to_state=state, scope=scope, by="x",
            reason="told us", at=self.clock.now(),
        )  # fmt: skip
        assert self.store.move_members([line]) == 1

    def reasons(self, member: str, stage: str) -> list[tuple[str, str]]:
        """Return (verdict, reason) of the record about a member at a stage."""
        rows = self.store.contact_decisions("bakers", member=member)
        return [(each.verdict, each.reason) for each in rows if each.stage == stage]

    def states(self) -> Mapping[str, str]:
        """Return the state of each contact by member."""
        return {each.member: each.state for each in self.store.contacts("bakers")}

    def close(self) -> None:
        """Let go of the databases."""
        self.store.close()
        self.book._rows.close()


def addressee(member: str, language: str = "nl") -> Addressee:
    """Return who a member is."""
    return Addressee(name=f"Bakker {member[-4:]}", email=f"{member}@mail.example", language=language)


def response(office: Office, member: str, disposition: str, wave: int = 1, at: datetime | None = None) -> None:
    """Keep a response of a member, as a delivery brings it."""
    import pandas as pd

    from panel.schema import HELD, IGNORED, RESPONSES

    when = at or office.clock.now()
    delivery = office.store.receive(
        study="bakers", wave=wave, content=f"{member}{disposition}{when}".encode(), filename="f.csv", source="file",
        is_synthetic=False, at=when,
    )  # fmt: skip
    frame = pd.DataFrame(
        {
            "response": [f"{member}-{disposition}"], "member": [member], "wave": [wave], "submitted_at": [when],
            "received_at": [when], "delivery": [delivery.id], "row": [2], "disposition": [disposition],
        }
    )  # fmt: skip
    office.store.accept(delivery.id, RESPONSES.coerce(frame), HELD.empty(), IGNORED.empty())


__all__ = ["CONTACT", "TEMPLATES", "WRITING", "Mailbox", "Office", "addressee", "pseudonyms", "response"]
