"""What contacts need of the outside: a place for them, one for contact details, letters, and a mail server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from panel.errors import Fault, SettingsError
from panel.model.contact import Circumstances, Contact, ContactCount, ContactDecision, Reach, Ruling

if TYPE_CHECKING:
    from panel.model.study import Study
    from panel.ports.alerts import Reacting

Judging = Callable[[Contact, Circumstances, datetime], Ruling]
"""Says whether a contact may leave, called inside the transaction that keeps what follows; the clock's is the
database's."""


class ContactStore(Protocol):
    """Keeps contacts and the record of why each was allowed or held; never a name or an address."""

    def circumstances(self, study: str, wave: int) -> Mapping[str, Circumstances]:
        """Return, by member, what is known of everybody who has a case in the wave."""
        ...

    def select_contacts(self, wanted: Sequence[Contact], judge: Judging) -> Sequence[ContactDecision]:
        """
        Keep contacts of one study and wave that are allowed or only put off, all in one transaction.

        What is there already stays as it is and is not judged again. Every decision is on record, once while it stays
        the same. Return the decisions.
        """
        ...

    def lease_contact(self, seconds: float, judge: Judging) -> Contact | None:
        """
        Lease the contact that is due next and that `judge` allows now, for so many seconds of the database's clock.

        What it holds or puts off on the way is kept, with the reason on record. None where nothing is left.
        """
        ...

    def contact_sent(self, contact: Contact) -> bool:
        """Note that it was taken in, and move its case; False where the lease went to somebody else meanwhile."""
        ...

    def contact_postponed(self, contact: Contact, reason: str, seconds: float) -> bool:
        """Note that it was not taken in, and make it due after so many seconds."""
        ...

    def contact_over(self, contact: Contact, event: str, reason: str, reaction_of: Reacting | None = None) -> bool:
        """End it by an event (hold, bounce, give_up), and keep what follows in the same transaction."""
        ...

    def retry_contacts(self, keys: Sequence[str]) -> int:
        """Make contacts due again that were held, given up or bounced; they are judged before they leave."""
        ...

    def contacts(self, study: str | None = None, wave: int | None = None) -> Sequence[Contact]:
        """Return contacts, oldest first."""
        ...

    def waiting_contacts(self) -> int:
        """Return how many contacts are due or will be."""
        ...

    def contact_states(self) -> Mapping[str, int]:
        """Return how many contacts are in each state, over all studies."""
        ...

    def due_contacts(self) -> Sequence[Contact]:
        """Return those that are due now, in the order in which they would leave."""
        ...

    def contact_decisions(
        self, study: str, wave: int | None = None, member: str | None = None
    ) -> Sequence[ContactDecision]:
        """Return the record of why contacts were allowed or held, oldest line first."""
        ...

    def contact_counts(self, study: str, wave: int) -> Sequence[ContactCount]:
        """Return how many members each contact of a wave reached or did not, and why; held at selection too."""
        ...

    def oldest_due_contact(self, study: str) -> float | None:
        """
        Return for how many seconds the contact that is due longest has waited, None where none is due.

        One that was tried and not taken in has waited since it was first tried, however often it was put off.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Who somebody is outside the panel."""

    name: str
    email: str
    language: str


class Book(Protocol):
    """Keeps contact details and access codes, sealed; apart from everything else."""

    def keep(self, study: str, addressees: Mapping[str, Addressee], at: datetime) -> Mapping[str, int]:
        """Keep addressees by member, in one transaction; return how many were added, changed and unchanged."""
        ...

    def find(self, study: str, member: str) -> Addressee | None:
        """Return who a member is, None where nobody said."""
        ...

    def address_since(self, study: str, member: str | None = None) -> Mapping[str, datetime]:
        """Return since when the address of each member, or of one, is as it is."""
        ...

    def keep_codes(self, study: str, wave: int, codes: Mapping[str, str]) -> Mapping[str, str]:
        """Keep access codes by member, but for members who have one, and return those that hold now."""
        ...

    def code(self, study: str, wave: int, member: str) -> str:
        """Return the access code of a member in a wave, "" where there is none."""
        ...

    def forget(self, study: str, members: Iterable[str]) -> int:
        """Remove what is kept of members, codes too; return how many there were."""
        ...

    def reseal(self) -> int:
        """Seal everything anew by the newest key; return how many rows."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail as it leaves."""

    key: str
    to: str
    to_name: str
    sender: str
    sender_name: str
    reply_to: str
    opt_out: str
    language: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What the mail server said: taken in, not now, or that there is no such address; the reason without an address."""

    outcome: Literal["taken", "refused", "bounced"]
    reason: str = ""


class Mailer(Protocol):
    """Hands letters to a mail server."""

    def send(self, letter: Letter) -> Handover:
        """
        Hand over one letter; never raises for what the server or the network does.

        The letter's key is in `Message-ID` and in `Idempotency-Key`, the same for every attempt.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFacts:
    """Everything a template may use."""

    name: str
    link: str
    deadline: str
    study_title: str
    opt_out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterText:
    """A letter's subject and body."""

    subject: str
    body: str


class Letters(Protocol):
    """Makes letters of a study's templates."""

    def faults(self, study: Study, files: Mapping[str, str]) -> Sequence[Fault]:
        """Return every fault of a study's templates."""
        ...

    def compose(
        self, files: Mapping[str, str], *, kind: str, ordinal: int, language: str, facts: LetterFacts
    ) -> LetterText:
        """
        Return a letter.

        Raises:
            DefinitionError: there is no such template, or it cannot be used.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Correspondence:
    """Contact details, and the way to members."""

    book: Book
    mailer: Mailer | None
    letters: Letters

    def reaches(self, study: str, wave: int) -> Callable[[str], Reach]:
        """Return a look-up of who can be reached, as it is now."""
        since, codes = self.book.address_since(study), self.book.keep_codes(study, wave, {})
        return lambda member: Reach(address_since=since.get(member), has_code=member in codes)


def no_correspondence() -> Correspondence:
    """
    Refuse contact details: what every process gets that was not opened to write to members.

    Raises:
        SettingsError: always.
    """
    raise SettingsError(
        "This process can not reach contact details.",
        fix="write to members by `panelctl contacts` and `panelctl outbox`, where PANEL_CONTACTS_KEY_FILE is set",
    )
