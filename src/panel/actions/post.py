"""Send what waits in the outbox of contacts, at least once, and never to somebody who must not be written to."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from panel.actions.contacts import judge, rules_of
from panel.actions.delivery import Pace
from panel.actions.incidents import react
from panel.actions.sightings import scene_of
from panel.errors import DefinitionError, PanelError, SettingsError
from panel.model.contact import Circumstances, Contact, Reach, Ruling
from panel.model.incident import Sighting
from panel.model.member import code_hash
from panel.model.study import Study
from panel.ports import Adapters, Reacting
from panel.ports.contacts import Addressee, Correspondence, Handover, Letter, LetterFacts, Letters, LetterText, Mailer

log = logging.getLogger(__name__)
UNDELIVERED = "contacts:undelivered"
PATIENT = Pace(first_seconds=60.0, most_seconds=7_200.0, attempts=16, lease_seconds=180.0, patience=5)
"""Sixteen attempts in about a day; a lease outlives every pause that the mail server may make."""
_MONTHS = {
    "nl": [
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ],
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What a run did: contacts sent, put off, bounced, given up and held in it, and how many still wait."""

    sent: int
    postponed: int
    bounced: int
    dead: int
    held: int
    waiting: int


def send(app: Adapters, pace: Pace = PATIENT, chance: Callable[[], float] = random.random) -> Posted:
    """
    Send every contact that is due and may leave; any number of workers may run this at a time.

    Whether a contact may leave is judged anew in the transaction that leases it. A worker that is killed between
    sending and noting it leaves the contact to be sent again, with the same key, unless it may not leave any more.
    After `patience` refusals in a row the rest waits for the next run.
    """
    post = app.correspondence()
    if post.mailer is None:
        raise SettingsError("No mail server is named.", fix="set PANEL_MAIL_URL, a secret; `panelctl contacts --help`")
    _forget_erased(app, post)
    desk = _Desk(app, post)
    counts: Counter[str] = Counter()
    refused = 0
    while refused < pace.patience and (contact := app.store.lease_contact(pace.lease_seconds, desk.judge)):
        outcome = desk.attempt(contact, post.mailer)
        counts[_settle(app, contact, outcome, pace, chance())] += 1
        refused = refused + 1 if outcome.outcome == "refused" else 0
    for key in sorted(desk.studies):
        _all_clear(app, key)
    made = Posted(
        sent=counts["sent"],
        postponed=counts["postponed"],
        bounced=counts["bounced"],
        dead=counts["dead"],
        held=desk.held,
        waiting=app.store.waiting_contacts(),
    )
    log.info("contacts sent=%d postponed=%d bounced=%d dead=%d", made.sent, made.postponed, made.bounced, made.dead)
    return made


def may_send(app: Adapters) -> bool:
    """Say whether this process may reach contact details and knows a mail server."""
    try:
        return app.correspondence().mailer is not None
    except SettingsError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A contact that is due, and what would come of it now."""

    key: str
    study: str
    wave: int
    member: str
    kind: str
    ordinal: int
    attempts: int
    verdict: str
    reason: str


def would_send(app: Adapters) -> tuple[Due, ...]:
    """Return what `send` would do to each contact that is due, changing nothing."""
    desk = _Desk(app, app.correspondence())
    now, found = app.clock.now(), []
    for each in app.store.due_contacts():
        known = app.store.circumstances(each.study, each.wave)
        made = desk.judge(each, known.get(each.member, _unknown(each)), now)
        names = ("key", "study", "wave", "member", "kind", "ordinal", "attempts")
        said = {name: getattr(each, name) for name in names}
        found.append(Due(**said, verdict=made.verdict, reason=made.reason))
    return tuple(found)


def _unknown(contact: Contact) -> Circumstances:
    return Circumstances(member=contact.member, wave_state="planned", case_state="", member_state="")


def _settle(app: Adapters, contact: Contact, outcome: Handover, pace: Pace, chance: float) -> str:
    """Note what came of an attempt, and return it as a word."""
    if outcome.outcome == "taken":
        app.store.contact_sent(contact)
        return "sent"
    log.warning("not sent contact=%s attempt=%d: %s", contact.key, contact.attempts + 1, outcome.reason)
    if outcome.outcome == "bounced":
        app.store.contact_over(contact, "bounce", "bounced")
        return "bounced"
    if contact.attempts + 1 < pace.attempts:
        app.store.contact_postponed(contact, outcome.reason, pace.pause(contact.attempts, chance))
        return "postponed"
    app.store.contact_over(contact, "give_up", outcome.reason, _about(app, contact.study, contact.wave, 1))
    return "dead"


class _Desk:
    """Judges and composes contacts, and reads each study once."""

    def __init__(self, app: Adapters, post: Correspondence) -> None:
        self._app, self._post = app, post
        self.studies: dict[str, Study] = {}
        self.held = 0
        self._files: dict[str, Mapping[str, str]] = {}

    def study(self, key: str) -> Study:
        """Return a study as it was when this run first met it."""
        if key not in self.studies:
            self.studies[key], self._files[key] = self._app.study(key), self._app.store.study_files(key)
        return self.studies[key]

    def judge(self, contact: Contact, known: Circumstances, now: datetime) -> Ruling:
        """Say whether a contact may leave, by what is known now; one of a study that cannot be read waits."""
        try:
            study = self.study(contact.study)
        except PanelError:
            return Ruling(verdict="later", reason="study_unreadable")
        made = judge(study, lambda member: self._reach(contact, member))(contact, known, now)
        self.held += made.verdict == "held"
        return made

    def _reach(self, contact: Contact, member: str) -> Reach:
        since = self._post.book.address_since(contact.study, member).get(member)
        return Reach(address_since=since, has_code=self._opens(contact))

    def _opens(self, contact: Contact) -> bool:
        """Say whether the code in the book opens the member's wave: it does not where another one was handed out."""
        code = self._post.book.code(contact.study, contact.wave, contact.member)
        name = code_hash(code, study=contact.study, wave=contact.wave, key=self._app.pseudonym_key)
        holder = self._app.store.code_holder(name) if code else None
        return holder is not None and holder.member == contact.member

    def attempt(self, contact: Contact, mailer: Mailer) -> Handover:
        """Make the letter and hand it over; a fault of ours puts it off, like one of the server."""
        try:
            letter = compose(self.study(contact.study), self._files[contact.study], self._post, contact)
        except PanelError as error:
            return Handover(outcome="refused", reason=type(error).__name__)
        return mailer.send(letter)


def compose(study: Study, files: Mapping[str, str], post: Correspondence, contact: Contact) -> Letter:
    """
    Return the letter of a contact.

    Raises:
        DefinitionError: there is no template, it cannot be used, or nobody knows who the member is.
    """
    who = post.book.find(study.key, contact.member)
    if who is None:
        raise DefinitionError("There is no address.", fix="panelctl contacts load")
    rules = rules_of(study)
    language = who.language if who.language in study.languages else study.languages[0]
    code = post.book.code(study.key, contact.wave, contact.member)
    facts = facts_of(study, contact.wave, language, name=who.name, code=code)
    text = post.letters.compose(files, kind=contact.kind, ordinal=contact.ordinal, language=language, facts=facts)
    return Letter(
        key=contact.key,
        to=who.email,
        to_name=who.name,
        sender=rules.sender,
        sender_name=rules.sender_name.in_(language),
        reply_to=rules.reply_to,
        opt_out=facts.opt_out,
        language=language,
        subject=text.subject,
        body=text.body,
    )


def facts_of(study: Study, wave: int, language: str, *, name: str, code: str) -> LetterFacts:
    """Return what a template may use."""
    rules = rules_of(study)
    return LetterFacts(
        name=name,
        link=rules.link.replace("{code}", code),
        deadline=in_words(study.wave(wave).fieldwork.end, language),
        study_title=study.title.in_(language),
        opt_out=rules.opt_out.replace("{code}", code),
    )


def in_words(day: date, language: str) -> str:
    """Return a day in words, as in 30 november 2026."""
    return f"{day.day} {_MONTHS.get(language, _MONTHS['en'])[day.month - 1]} {day.year}"


def preview(
    app: Adapters, letters: Letters, study_key: str, wave: int | str, *, kind: str, ordinal: int, language: str
) -> LetterText:
    """Return a letter as it would be, to somebody who is nobody, with a code that opens nothing."""
    study = app.study(study_key)
    who = Addressee(name="Robin Voorbeeld", email="robin@example.org", language=language)
    facts = facts_of(study, study.wave(wave).number, language, name=who.name, code="SAMPLE")
    files = app.store.study_files(study.key)
    return letters.compose(files, kind=kind, ordinal=ordinal, language=language, facts=facts)


def _forget_erased(app: Adapters, post: Correspondence) -> None:
    """Remove the contact details of members whose withdrawal asks for it, whoever recorded that."""
    for key in app.store.study_keys():
        gone = [each.member for each in app.store.members(key) if each.scope == "erase"]
        if gone and post.book.forget(key, gone):
            log.info("forgot contact details study=%s of members who were erased", key)


def _about(app: Adapters, study_key: str, wave: int, count: int) -> Reacting:
    why = (
        "Letters to members were given up. `panelctl outbox list --state dead` says why, `panelctl outbox retry` tries "
        "again."
    )
    seen = Sighting(
        study=study_key, suite="contacts", check=UNDELIVERED, wave=wave, outcome="failed" if count else "passed",
        why=why, checked_count=count, failing_count=count,
    )  # fmt: skip
    scene = scene_of(app, app.study(study_key))
    return lambda known: react([seen], known, scene)


def _all_clear(app: Adapters, study_key: str) -> None:
    """Resolve what is open about letters given up, once none is."""
    is_open = any(each.check == UNDELIVERED and not each.is_over for each in app.store.incidents(study_key))
    contacts = app.store.contacts(study_key) if is_open else ()
    if contacts and not any(each.state == "dead" for each in contacts):
        wave = max(each.wave for each in contacts)
        app.store.react(study_key, _about(app, study_key, wave, 0))
