"""Contacts: what is sent to a member in a wave, and the rules that allow or hold it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from panel.model.machine import machine
from panel.model.people import INTERVIEWED
from panel.model.text import Text

Kind = Literal["invite", "remind", "thank"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EMAIL = "email"
PUT_OFF: tuple[str, ...] = ("wave_paused", "too_recent", "outside_hours")
"""Reasons for which a contact waits as it should."""
UNREACHED: tuple[str, ...] = ("no_address", "no_code")
"""Reasons for which a contact is held though its member may be written to: something was not loaded."""

CONTACT = machine(
    "contact",
    initial="waiting",
    means={
        "send": "record that the mail server took it in",
        "hold": "keep it back for good, for a reason on record",
        "bounce": "record that there is no such address",
        "give_up": "stop trying after the last attempt, and alert",
        "retry": "let it be tried again, by hand",
    },
    table="""
             send  hold  bounce   give_up  retry
    waiting  sent  held  bounced  dead     waiting
    held     -     -     -        -        waiting
    dead     -     -     -        -        waiting
    bounced  -     -     -        -        waiting
    sent     -     -     -        -        -
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRules:
    """
    How a study writes to its members; `[contact]` of the study file.

    `sender` and `reply_to` are addresses. `link` and `opt_out` hold `{code}`, in whose place the member's access code
    is put. Hours and spacing are those of the calendar.
    """

    sender: str
    sender_name: Text
    reply_to: str
    link: str
    opt_out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """
    One thing to send: of a study, wave, member, kind, channel and ordinal there is one.

    `key` is the same for every attempt, so that whoever gets two can tell. `moment` is the time of the database's clock
    at which it was leased or kept, `token` the lease.
    """

    key: str
    study: str
    wave: int
    member: str
    kind: Kind
    ordinal: int
    channel: str = EMAIL
    state: str = "waiting"
    attempts: int = 0
    reason: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """
    What the panel knows of a member in a wave at a moment, as far as it decides whether anybody may write.

    `dispositions` are those of the responses kept for the wave. `last_sent` is when anything was last sent to the
    member, in any wave; `ranks_sent` says what was sent in this one (see `rank`).
    """

    member: str
    wave_state: str
    case_state: str
    member_state: str
    dispositions: frozenset[str] = frozenset()
    last_sent: datetime | None = None
    bounced_at: datetime | None = None
    ranks_sent: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Whether a member can be reached: since when the address is as it is, and whether there is a code to enter by."""

    address_since: datetime | None
    has_code: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """`allowed`, `held` for good, or `later`, with a reason as a code, and where known the moment until when."""

    verdict: Literal["allowed", "held", "later"]
    reason: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDecision:
    """One line of the record of why a contact was allowed or held, when it was selected or about to be sent."""

    study: str
    wave: int
    member: str
    kind: str
    ordinal: int
    channel: str
    stage: Literal["selection", "sending", "hand"]
    verdict: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactCount:
    """
    How many members of a wave a contact reached, or not, and why.

    `outcome` is sent, waiting, held, bounced or dead; what was held when it was selected counts as held. `reason` says
    why it is held, put off or given up, "" where it is simply sent or due.
    """

    kind: str
    ordinal: int
    outcome: str
    reason: str
    members: int


def rank(kind: str, ordinal: int) -> int:
    """Return the place of a contact in its wave: an invitation before the first reminder, and so on; thanks last."""
    return {"invite": 0, "remind": ordinal, "thank": 1_000}[kind]


def quiet_until(now: datetime, allowed: tuple[time, time], zone: str) -> datetime | None:
    """Return when contacts may leave again, None where they may now; both ends of `allowed`, wall time, included."""
    here = now.astimezone(ZoneInfo(zone))
    first, last = allowed
    if first <= here.time() <= last:
        return None
    day = here.date() + timedelta(days=here.time() > last)
    return datetime.combine(day, first, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def ruling(
    contact: Contact,
    known: Circumstances,
    reach: Reach,
    *,
    now: datetime,
    spacing_days: int,
    quiet: datetime | None = None,
) -> Ruling:
    """
    Say whether a contact may leave now; code and not configuration, so that nobody can leave a rule out.

    Held for good are those who died, withdrew, refused, do not belong or were not asked; an invitation or reminder to
    somebody who has answered, and thanks to somebody who has not; what a later contact has overtaken; whoever has no
    address, or one from which mail came back; and everything once the wave is over. Later comes what a pause, the
    spacing between contacts, or the hour puts off; `quiet` is when the hours in which contacts may leave begin again.
    """
    reason = _person(contact, known) or _order(contact, known) or _address(contact, known, reach)
    if reason:
        return Ruling(verdict="held", reason=reason)
    if known.wave_state == "paused":
        return Ruling(verdict="later", reason="wave_paused")
    if known.wave_state != "open":
        return Ruling(verdict="held", reason="wave_not_open")
    free = known.last_sent + timedelta(days=spacing_days) if known.last_sent else now
    if contact.kind != "thank" and now < free:
        return Ruling(verdict="later", reason="too_recent", until=free)
    if quiet is not None:
        return Ruling(verdict="later", reason="outside_hours", until=quiet)
    return Ruling(verdict="allowed")


def _person(contact: Contact, known: Circumstances) -> str:
    said = known.dispositions
    has_answered = known.case_state in ("complete", "partial") or bool(said & set(INTERVIEWED))
    if known.member_state == "deceased" or "deceased" in said:
        return "deceased"
    if known.member_state == "withdrawn" or "withdrawn" in said:
        return "withdrawn"
    if known.case_state == "refused" or "refused" in said:
        return "refused"
    if known.case_state == "ineligible" or "out_of_scope" in said:
        return "ineligible"
    if known.case_state in ("not_issued", "listed", ""):
        return "not_issued"
    if contact.kind == "thank":
        return "" if has_answered else "not_answered"
    return "answered" if has_answered else ""


def _order(contact: Contact, known: Circumstances) -> str:
    later = any(each > rank(contact.kind, contact.ordinal) for each in known.ranks_sent)
    return "overtaken" if later else ""


def _address(contact: Contact, known: Circumstances, reach: Reach) -> str:
    if reach.address_since is None:
        return "no_address"
    if known.bounced_at is not None and known.bounced_at >= reach.address_since:
        return "bounced"
    return "" if reach.has_code or contact.kind == "thank" else "no_code"
