"""A wave: its machine, the dates that were moved, and what was frozen when it was staged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from panel.errors import WaveState, printable
from panel.model.machine import machine
from panel.model.study import Period, Study, Wave

WAVE = machine(
    "wave",
    initial="draft",
    means={
        "plan": "put it on the calendar",
        "unplan": "take it off the calendar",
        "postpone": "move its fieldwork",
        "stage": "freeze what will be fielded",
        "unstage": "let what was frozen change again",
        "open": "begin fieldwork",
        "pause": "send nothing for a while",
        "resume": "go on",
        "extend": "move the end of fieldwork",
        "close": "end fieldwork; late answers are still taken in",
        "reopen": "go back into the field",
        "finalise": "settle every case and publish",
        "amend": "take late corrections in and publish again",
        "archive": "put it away",
        "cancel": "never field it",
    },
    table="""
               plan     unplan  postpone  stage   unstage  open  pause   resume  extend  close    reopen  finalise  amend    archive   cancel
    draft      planned  -       -         -       -        -     -       -       -       -        -       -         -        -         cancelled
    planned    -        draft   planned   staged  -        -     -       -       -       -        -       -         -        -         cancelled
    staged     -        -       -         -       planned  open  -       -       -       -        -       -         -        -         cancelled
    open       -        -       -         -       -        -     paused  -       open    closing  -       -         -        -         -
    paused     -        -       -         -       -        -     -       open    paused  closing  -       -         -        -         -
    closing    -        -       -         -       -        -     -       -       -       -        open    closed    -        -         -
    closed     -        -       -         -       -        -     -       -       -       -        -       -         closing  archived  -
    archived   -        -       -         -       -        -     -       -       -       -        -       -         -        -         -
    cancelled  -        -       -         -       -        -     -       -       -       -        -       -         -        -         -
    """,  # noqa: E501 - a table is read as a whole
)
FIELDED: tuple[str, ...] = ("open", "paused", "closing", "closed", "archived")
"""States of a wave that was in the field."""
IN_FIELD: tuple[str, ...] = ("open", "paused")
"""States in which no other wave opens."""
NEED_A_REASON: tuple[str, ...] = ("postpone", "unstage", "pause", "extend", "reopen", "cancel")


BY_CLOSING: tuple[str, ...] = ("finalise", "amend")
"""Events that come with the step `close`: nobody asks for them by name."""


def steps(state: str) -> tuple[str, ...]:
    """Return what an operator may ask of a wave in a state, by the names of the commands."""
    asked = ["close" if event in BY_CLOSING else event for event in WAVE.legal(state)]
    return tuple(dict.fromkeys(asked))


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveEvent:
    """One move of a wave: which event, from what to what, who, when, why."""

    event: str
    from_state: str
    to_state: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """One thing that staging froze: its name, the SHA-256 of its content, and how many there were of it."""

    part: str
    sha256: str
    count: int


def after(state: str, events: Sequence[str]) -> tuple[str, ...]:
    """
    Return the states that events lead through, one after each.

    Raises:
        WaveState: one is not legal; says why, and what is.
    """
    states: list[str] = []
    for event in events:
        here = states[-1] if states else state
        to = WAVE.after(here, event)
        if to is None:
            may = ", ".join(WAVE.legal(here)) or "none: it is over"
            raise WaveState(f"The wave is {here}: {WAVE.refusal(event)}.", fix=f"legal here: {may}")
        states.append(to)
    return tuple(states)


def with_fieldwork(study: Study, moved: Mapping[int, Period]) -> Study:
    """Return the study with the fieldwork of waves that were postponed or extended; the files stay as they are."""
    if not moved:
        return study
    waves = tuple(replace(each, fieldwork=moved.get(each.number, each.fieldwork)) for each in study.waves)
    return replace(study, waves=waves)


def moved_to(study: Study, wave: int, *, start: date | None = None, end: date) -> Period:
    """
    Return the fieldwork of a wave that is moved.

    Raises:
        WaveState: it would end before it begins, before the wave before has ended, or after the next begins.
    """
    first = start or study.wave(wave).fieldwork.start
    before = [each.fieldwork.end for each in study.waves if each.number < wave]
    later = [each.fieldwork.start for each in study.waves if each.number > wave]
    earliest, latest = max(before, default=date.min), min(later, default=date.max)
    if not earliest < first <= end < latest:
        window = " and ".join(
            [*([f"begins after {earliest}"] if before else []), *([f"ends before {latest}"] if later else [])]
        )
        raise WaveState(
            f"Fieldwork from {first} to {end} does not fit.",
            fix=f"choose dates in order such that it {window}" if window else "choose an end on or after the start",
        )
    return Period(start=first, end=end)


def disturbances(before: Study, now: Study, states: Mapping[int, str]) -> tuple[str, ...]:
    """
    Return what another version of a study would change under waves that were begun, a sentence each.

    A wave that is staged or was in the field keeps its place and its key; one that was in the field keeps its first
    day and its questionnaire too, and its last day moves by `extend` only, with a reason on record. What else changes
    for a staged wave is told when it is to open.
    """
    there = {each.number: each for each in now.waves}
    return tuple(
        said
        for each in before.waves
        if (state := states.get(each.number)) in ("staged", *FIELDED)
        for said in _disturbed(each, there.get(each.number), state)
    )


def _disturbed(before: Wave, now: Wave | None, state: str) -> list[str]:
    """Return what is another for one wave that was begun."""
    this = f"wave {before.key} is {state}"
    if now is None:
        return [f"{this}: it cannot be left out"]
    found = [f"{this}: its key cannot be {printable(now.key)}"] if now.key != before.key else []
    if state == "staged":
        return found
    if now.fieldwork.start != before.fieldwork.start:
        found.append(f"{this}: its first day was {before.fieldwork.start}, not {now.fieldwork.start}")
    if now.fieldwork.end != before.fieldwork.end:
        found.append(f"{this}: its last day is {before.fieldwork.end}; only `panelctl wave extend` moves it")
    if now.instrument != before.instrument:
        what = f"questionnaire {printable(before.instrument)}, not {printable(now.instrument)}"
        found.append(f"{this}: it is fielded with {what}")
    return found
