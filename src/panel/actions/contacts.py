"""Say who is written to: invitations, reminders to who has not answered, thanks to who has."""

from __future__ import annotations

import getpass
import hashlib
import hmac
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from panel.actions.cases import issue
from panel.actions.sample import new_code
from panel.errors import DefinitionError, UnknownKey, WaveState, did_you_mean, printable
from panel.model.contact import (
    EMAIL,
    KINDS,
    UNREACHED,
    Circumstances,
    Contact,
    ContactDecision,
    ContactRules,
    Kind,
    Reach,
    Ruling,
    quiet_until,
    ruling,
)
from panel.model.member import code_hash
from panel.model.study import Study
from panel.ports import Adapters
from panel.ports.contacts import Correspondence, Judging

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """
    What a selection did: contacts that are allowed, put off and held, and those that were there already.

    `reasons` are (reason, count) pairs of what was held or put off.
    """

    study: str
    wave: int
    kind: str
    ordinal: int
    allowed: int
    later: int
    held: int
    already: int
    reasons: tuple[tuple[str, int], ...] = ()


def select(
    app: Adapters, study_key: str, wave: int | str, kind: str, ordinal: int = 1, at: datetime | None = None
) -> Selected:
    """
    Keep a contact for every case that may be written to, each with the reason, in one transaction.

    Selecting again adds whoever has come since or is no longer held, and nothing twice. `at` is when it fell due; who
    may be written to is judged by the moment of the selection.

    Raises:
        SettingsError: this process can not reach contact details.
        DefinitionError: the study does not say how it writes to members.
    """
    study = _writing(app, study_key, kind, ordinal)
    number = study.wave(wave).number
    issue(app, study.key, number)
    wanted = _contacts(app, study, number, kind, ordinal)
    post = app.correspondence()
    _provide_codes(app, post, study.key, number)
    already = {each.key for each in app.store.contacts(study.key, number)} & {each.key for each in wanted}
    decisions = app.store.select_contacts(wanted, judge(study, post.reaches(study.key, number)))
    made = _selected(study.key, number, kind, ordinal, len(already), decisions)
    log.info(
        "selected wave=%s/%d kind=%s-%d allowed=%d later=%d held=%d already=%d due=%s",
        *(study.key, number, kind, ordinal, made.allowed, made.later, made.held, made.already, at or "now"),
    )
    return made


def select_due(app: Adapters, study_key: str, wave: int, kind: str, ordinal: int, at: datetime) -> Selected:
    """
    Select what the calendar says is due. An invitation that reaches nobody is not done: it is for somebody to see to.

    Raises:
        WaveState: nobody is in the sample, or of none of them an address or a code is known.
        SettingsError, DefinitionError: as `select`.
    """
    made = select(app, study_key, wave, kind, ordinal, at)
    unknown = sum(count for reason, count in made.reasons if reason in UNREACHED)
    has_reached = made.allowed + made.later + made.already > 0
    if kind == "invite" and not has_reached and (unknown or not made.held):
        why = f"of {unknown} members there is no address or code" if unknown else "the sample is empty"
        fix = f"load what is missing, then panelctl actions retry {study_key} {wave} invite --ordinal {ordinal}"
        raise WaveState(f"Nobody was invited: {why}.", fix=fix)
    return made


def would_select(app: Adapters, study_key: str, wave: int | str, kind: str, ordinal: int = 1) -> Selected:
    """Return what `select` would do now, changing nothing; codes are taken to be there."""
    study = _writing(app, study_key, kind, ordinal)
    number = study.wave(wave).number
    wanted = _contacts(app, study, number, kind, ordinal)
    since = app.correspondence().book.address_since(study.key)
    say = judge(study, lambda member: Reach(address_since=since.get(member)))
    known = app.store.circumstances(study.key, number)
    there = {each.key for each in app.store.contacts(study.key, number)}
    now = app.clock.now()
    fresh = [each for each in wanted if each.key not in there]
    decisions = [_would(each, say(each, known[each.member], now), now) for each in fresh]
    return _selected(study.key, number, kind, ordinal, len(wanted) - len(fresh), decisions)


def _would(contact: Contact, made: Ruling, now: datetime) -> ContactDecision:
    return ContactDecision(
        study=contact.study, wave=contact.wave, member=contact.member, kind=contact.kind, ordinal=contact.ordinal,
        channel=contact.channel, stage="selection", verdict=made.verdict, reason=made.reason, at=now,
    )  # fmt: skip


def _selected(
    study: str, wave: int, kind: str, ordinal: int, already: int, decisions: Sequence[ContactDecision]
) -> Selected:
    verdicts = Counter(each.verdict for each in decisions)
    reasons = Counter(each.reason for each in decisions if each.reason)
    return Selected(
        study=study,
        wave=wave,
        kind=kind,
        ordinal=ordinal,
        allowed=verdicts["allowed"],
        later=verdicts["later"],
        held=verdicts["held"],
        already=already,
        reasons=tuple(sorted(reasons.items())),
    )


def _writing(app: Adapters, study_key: str, kind: str, ordinal: int) -> Study:
    """Return a study that says how it writes to members, and of something that can be sent."""
    if kind not in KINDS or ordinal < 1:
        raise UnknownKey(
            f"'{printable(kind)}' {ordinal} is nothing that is sent.", fix=did_you_mean(kind, KINDS) or "from 1 on"
        )
    study = app.study(study_key)
    rules_of(study)
    return study


def _contacts(app: Adapters, study: Study, wave: int, kind: str, ordinal: int) -> list[Contact]:
    return [
        Contact(
            key=contact_key(app.pseudonym_key, study.key, wave, each.member, kind, ordinal),
            study=study.key,
            wave=wave,
            member=each.member,
            kind=as_kind(kind),
            ordinal=ordinal,
        )
        for each in app.store.cases(study.key, wave)
    ]


def as_kind(kind: str) -> Kind:
    """Return a kind as one of those there are."""
    return next(each for each in KINDS if each == kind)


def contact_key(secret: bytes, study: str, wave: int, member: str, kind: str, ordinal: int) -> str:
    """Return the key of a contact: keyed, so that a mail's header tells nobody whose it is."""
    text = "\0".join(("contact", study, str(wave), member, kind, EMAIL, str(ordinal)))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()[:32]


def rules_of(study: Study) -> ContactRules:
    """
    Return how a study writes to its members.

    Raises:
        DefinitionError: it does not say.
    """
    if study.contact is None:
        raise DefinitionError(
            f"Study '{study.key}' does not say how it writes to members.",
            fix="add [contact] to study.toml and templates beside it, and load the study again",
        )
    return study.contact


def judge(study: Study, reach_of: Callable[[str], Reach]) -> Judging:
    """Return the judgement of a study's contacts."""

    def say(contact: Contact, known: Circumstances, now: datetime) -> Ruling:
        return ruling(
            contact,
            known,
            reach_of(contact.member),
            now=now,
            spacing_days=study.calendar.spacing_days,
            quiet=quiet_until(now, study.calendar.allowed, study.time_zone),
        )

    return say


def _provide_codes(app: Adapters, post: Correspondence, study: str, wave: int) -> None:
    """
    See to it that every case that is asked has a code that the book knows and that opens the wave.

    The book keeps it first: cut off after that, the same code is registered next time. A code that was handed out by
    other means stays the one that counts; its member has none in the book that opens, and is held for that.
    """
    asked = [each.member for each in app.store.cases(study, wave) if each.state != "not_issued"]
    registered = set(app.store.coded(study, wave))
    fresh = [member for member in asked if member not in registered]
    if not fresh:
        return
    kept = post.book.keep_codes(study, wave, {member: new_code() for member in fresh})
    hashes = {member: code_hash(kept[member], study=study, wave=wave, key=app.pseudonym_key) for member in fresh}
    app.store.add_codes(study, wave, hashes, by=getpass.getuser(), at=app.clock.now())
