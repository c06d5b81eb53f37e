"""A case, one member in one wave: its machine, its history, and the outcome code it ends with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from panel.errors import CaseState
from panel.model.machine import machine

# A refusal is never contacted again, yet the member may still answer. An interview is never undone: what is corrected
# later stays an interview.
CASE = machine(
    "case",
    initial="listed",
    means={
        "issue": "let the member be asked",
        "withhold": "leave the member out of the wave, and say why",
        "contact": "record that something was sent",
        "start": "record that the questionnaire was opened",
        "save": "keep a partial interview",
        "complete": "keep a complete interview",
        "break_off": "record that the member stopped before there was enough",
        "refuse": "record a refusal",
        "screen_out": "record that the member never belonged to the population",
        "lose": "record that the member cannot be reached",
    },
    table="""
                 issue   withhold    contact    start    save     complete  break_off  refuse    screen_out  lose
    listed       issued  not_issued  -          -        -        -         -          -         -           -
    issued       -       not_issued  contacted  started  partial  complete  break_off  refused   ineligible  unreachable
    contacted    -       -           contacted  started  partial  complete  break_off  refused   ineligible  unreachable
    started      -       -           started    started  partial  complete  break_off  refused   ineligible  -
    partial      -       -           partial    partial  partial  complete  partial    refused   ineligible  -
    complete     -       -           -          complete complete complete  complete   complete  ineligible  -
    refused      -       -           -          started  partial  complete  break_off  refused   ineligible  -
    ineligible   -       -           -          -        partial  complete  -          -         ineligible  -
    unreachable  -       -           contacted  started  partial  complete  break_off  refused   ineligible  unreachable
    break_off    -       -           break_off  started  partial  complete  break_off  refused   ineligible  -
    not_issued   issued  not_issued  -          started  partial  complete  break_off  refused   ineligible  -
    """,
)
STATES, EVENTS, INITIAL, MOVES = CASE.states, CASE.events, CASE.initial, CASE.moves
FINAL: frozenset[str] = frozenset(STATES) - {"listed", "issued", "contacted", "started"}
"""States in which a wave may leave a case; late answers may still move it."""

EVENT_OF_DISPOSITION: Mapping[str, str] = {
    "complete": "complete",
    "partial": "save",
    "broke_off": "break_off",
    "refused": "refuse",
    "out_of_scope": "screen_out",
    "no_contact": "lose",
    "unable": "lose",
    "deceased": "lose",
    "withdrawn": "refuse",
}
"""What a response as received does to its case; other dispositions say nothing of a case."""
DISPOSITION_OF_STATE: Mapping[str, str] = {
    "complete": "complete",
    "partial": "partial",
    "break_off": "broke_off",
    "refused": "refused",
    "ineligible": "out_of_scope",
    "unreachable": "no_contact",
    "not_issued": "not_issued",
}
"""What the books say of a case without a response; silence for the states that are not named."""
WHY_INELIGIBLE: tuple[str, ...] = ("never_in_population", "abroad", "duplicate", "deceased")
WHY_NOT_ISSUED: tuple[str, ...] = ("withdrawn", "deceased", "dormant", "entered_later", "by_hand")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One member in one wave as it stands; `why` says why it was not issued, is ineligible or cannot be reached."""

    study: str
    wave: int
    member: str
    state: str
    why: str
    since: datetime
    computed: str | None = None
    overridden: str | None = None
    override_by: str = ""
    override_reason: str = ""
    finalised_at: datetime | None = None

    @property
    def outcome(self) -> str | None:
        """Return the outcome code that counts: the overriding one, else the computed one."""
        return self.overridden or self.computed


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """One line of a case's history. `key` makes it one: the same key twice is once."""

    study: str
    wave: int
    member: str
    event: str
    from_state: str
    to_state: str
    source: str
    key: str
    why: str
    by: str
    at: datetime
    recorded_at: datetime


def move(state: str, event: str) -> str:
    """
    Return the state after an event.

    Raises:
        CaseState: it is not legal; says which are.
    """
    to = MOVES.get((state, event))
    if to is None:
        raise CaseState(
            f"A case that is {state} takes no '{event}'.", fix=f"legal here: {', '.join(CASE.legal(state))}"
        )
    return to


OUTCOMES: Mapping[str, str] = {
    "1.1": "complete",
    "1.2": "partial or break-off with sufficient information",
    "2.11": "refusal",
    "2.12": "break-off",
    "2.20": "non-contact: nothing heard of somebody known to belong",
    "2.31": "death during the fieldwork",
    "2.32": "unable",
    "3.11": "not attempted: no invitation sent",
    "3.19": "nothing ever returned, of somebody never heard of before",
    "3.40": "invitation returned, of somebody never heard of before",
    "4.10": "not of the population, or issued in error",
}
"""Final codes for internet surveys of named persons: AAPOR, Standard Definitions (2015), table 4."""


def outcome(state: str, why: str, history: Collection[str], *, is_known: bool) -> str | None:
    """
    Return the AAPOR outcome code of a case whose wave is over; None for one that was not issued.

    Args:
        state: of the case.
        why: its reason.
        history: the events it took; a partial interview stays one, though its member refused to go on.
        is_known: whether the member was interviewed in an earlier wave, so that it is known to belong to the
            population. Of others silence leaves that open (3.x).

    Source: AAPOR (2015), Standard Definitions, 8th ed., internet surveys of specifically named persons.
    """
    if why == "deceased" and state in ("unreachable", "ineligible"):
        return "2.31"
    fixed = {
        "complete": "1.1", "partial": "1.2", "refused": "2.11", "break_off": "2.12", "started": "2.12",
        "ineligible": "4.10",
    }  # fmt: skip
    if state in ("refused", "break_off", "started") and "save" in history:
        return "1.2"
    if state in fixed:
        return fixed[state]
    if state in ("listed", "not_issued"):
        return None
    if why == "unable":
        return "2.32"
    if is_known:
        return "2.20"
    if state == "unreachable":
        return "3.40"
    return "3.19" if "contact" in history else "3.11"
