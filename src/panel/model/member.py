"""Members of the sample: their states, how far a withdrawal reaches, and the codes by which they enter a wave."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from panel.errors import MemberState
from panel.model.machine import machine

Scope = Literal["", "no_contact", "no_use", "erase"]
SCOPES: tuple[Scope, ...] = ("no_contact", "no_use", "erase")
"""How far a withdrawal reaches, each level farther than the one before."""

MEMBER = machine(
    "member",
    initial="recruited",
    means={
        "answer": "record an interview",
        "lapse": "say that the member has been silent for too long",
        "trace": "look for the member",
        "find": "say that the member was found",
        "withdraw": "record that the member gives no leave any more, and how far",
        "die": "record a death",
        "rejoin": "take the member in again, who asked for it",
    },
    table="""
               answer     lapse      trace    find       withdraw   die        rejoin
    recruited  active     dormant    tracing  -          withdrawn  deceased   -
    active     active     dormant    tracing  -          withdrawn  deceased   -
    dormant    active     dormant    tracing  -          withdrawn  deceased   recruited
    tracing    active     tracing    tracing  recruited  withdrawn  deceased   -
    withdrawn  withdrawn  withdrawn  -        -          withdrawn  withdrawn  recruited
    deceased   deceased   deceased   -        -          withdrawn  deceased   -
    """,
)
STATES, EVENTS, MOVES = MEMBER.states, MEMBER.events, MEMBER.moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member as it stands. `cohort` names the sample it was drawn in, `entry_wave` is the first wave it is due."""

    study: str
    member: str
    stratum: str
    cohort: str
    entry_wave: int
    state: str
    scope: Scope
    since: datetime
    loaded_at: datetime

    @property
    def may_be_contacted(self) -> bool:
        """Say whether anybody may write to this member."""
        return self.state not in ("withdrawn", "deceased")

    @property
    def may_be_used(self) -> bool:
        """Say whether the answers of this member may enter the panel."""
        return self.scope not in ("no_use", "erase")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEvent:
    """One line of a member's history."""

    study: str
    member: str
    event: str
    from_state: str
    to_state: str
    scope: Scope
    by: str
    reason: str
    at: datetime


def move(state: str, event: str) -> str:
    """
    Return the state of a member after an event.

    Raises:
        MemberState: it is not legal; says which are.
    """
    to = MOVES.get((state, event))
    if to is None:
        legal = ", ".join(MEMBER.legal(state))
        raise MemberState(f"A member that is {state} takes no '{event}'.", fix=f"legal here: {legal}")
    return to


def deeper(old: Scope, new: Scope) -> Scope:
    """
    Return the scope of a withdrawal that is asked for beside one that stands.

    Raises:
        MemberState: the one that stands reaches farther; nothing that was given up comes back by asking for less.
    """
    order: tuple[Scope, ...] = ("", *SCOPES)
    if order.index(new) < order.index(old):
        raise MemberState(f"The withdrawal that stands ({old}) reaches farther than {new}.", fix="nothing to do")
    return new


ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""The 31 marks of access codes, a prime number of them: without 0, 1, I, L and O, which are taken for one another."""
CODE_MARKS = 9
"""Marks before the check mark: 31 ** 9 codes, so that of a million issued one in 26 million guesses is right."""


def check_mark(body: str) -> str:
    """Return the mark that completes a code: weights 2, 3, ... modulo 31, so one wrong mark or two swapped show."""
    total = sum(place * ALPHABET.index(mark) for place, mark in enumerate(body, 2))
    return ALPHABET[total % len(ALPHABET)]


def plain_code(text: str) -> str:
    """Return a code as typed in one form: capitals, without spaces and dashes."""
    return "".join(mark for mark in text.upper() if mark not in " -")


def is_code(text: str) -> bool:
    """Say whether `text` may be a code: of the right length and marks, and with the right check mark."""
    plain = plain_code(text)
    if len(plain) != CODE_MARKS + 1 or any(mark not in ALPHABET for mark in plain):
        return False
    return check_mark(plain[:-1]) == plain[-1]


def code_hash(code: str, *, study: str, wave: int, key: bytes) -> str:
    """Return what is kept of a code: a keyed hash, from which nobody without the key can guess it."""
    text = f"access\0{study}\0{wave}\0{plain_code(code)}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLoad:
    """What became of every row of a sample file: `rows` = `added` + `known` + `held`."""

    id: str
    study: str
    wave: int
    cohort: str
    filename: str
    sha256: str
    rows: int
    added: int
    known: int
    held: int
    by: str
    at: datetime
    is_repeat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFault:
    """A row of a sample file that was held, and why; without its content."""

    row: int
    column: str
    reason: str
