"""Machines of states: every pair of a state and an event, and what the documentation says of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from panel.errors import ReleaseState, WaveState
from panel.model.action import ACTION
from panel.model.contact import CONTACT
from panel.model.load import load_study
from panel.model.machine import machine
from panel.model.release import MADE, RELEASE
from panel.model.release import after as released
from panel.model.wave import IN_FIELD, NEED_A_REASON, WAVE, after, moved_to
from tests.unit.study_factory import FILES

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "machines.md"
MACHINES = [WAVE, ACTION, RELEASE, CONTACT]


def reached(from_state, of):
    """Return every state that some events lead to."""
    seen, left = {from_state}, [from_state]
    while left:
        here = left.pop()
        fresh = {of.after(here, event) for event in of.legal(here)} - seen
        seen |= fresh
        left += fresh
    return seen


@pytest.mark.parametrize("of", MACHINES, ids=lambda each: each.name)
def test_every_pair_of_state_and_event_has_an_answer(of):
    """The table is total: a legal pair leads to a state that it has, any other is refused with what is legal."""
    assert len(of.moves) == len(of.states) * len(of.events)
    for state in of.states:
        for event in of.events:
            assert of.after(state, event) in (None, *of.states)
            assert (event in of.legal(state)) == (of.after(state, event) is not None)


@pytest.mark.parametrize("of", MACHINES, ids=lambda each: each.name)
def test_every_state_is_reached_and_can_end(of):
    """From the first state every other is reached, and from each some end is."""
    assert reached(of.initial, of) == set(of.states)
    assert of.final
    for state in of.states:
        assert reached(state, of) & set(of.final), state


@pytest.mark.parametrize("of", MACHINES, ids=lambda each: each.name)
def test_the_documentation_draws_this_machine(of):
    """Diagram and table in the reference are those the machine makes of itself."""
    text = DOCS.read_text(encoding="utf-8")
    assert of.diagram() in text
    assert of.table() in text


@pytest.mark.parametrize(("state", "event"), [pair for pair, to in WAVE.moves.items() if to is None])
def test_what_is_not_legal_is_answered_with_what_is_and_why(state, event):
    """The message names the state, what the event is for and where it belongs; the fix names every legal event."""
    with pytest.raises(WaveState) as refused:
        after(state, [event])
    assert f"is {state}" in refused.value.what
    assert WAVE.means[event] in refused.value.what
    legal = WAVE.legal(state)
    named = set(re.split(r"[ ,:]+", refused.value.fix)) & set(WAVE.events)
    assert named == set(legal)


@pytest.mark.parametrize(("state", "event"), [pair for pair, to in RELEASE.moves.items() if to is None])
def test_what_is_not_legal_for_a_release_is_answered_with_what_is_and_why(state, event):
    """The message names the release, its state and what the event is for; the fix names every legal event."""
    with pytest.raises(ReleaseState) as refused:
        released("2026.1", state, event)
    assert f"Release 2026.1 is {state}" in refused.value.what
    assert RELEASE.means[event] in refused.value.what
    legal = RELEASE.legal(state)
    assert [each for each in legal if f"{each} ({RELEASE.means[each]})" not in refused.value.fix] == []
    assert legal or "it is over" in refused.value.fix


def test_nothing_is_published_past_a_gate():
    """Every way from the start to a release that was made goes through validated, weighted, estimated and reviewed."""
    for needed in ("validated", "weighted", "estimated", "reviewed"):
        seen, left = {RELEASE.initial}, [RELEASE.initial]
        while left:
            here = left.pop()
            fresh = {RELEASE.after(here, event) for event in RELEASE.legal(here)} - seen - {needed}
            seen |= fresh
            left += fresh
        assert not seen & set(MADE), needed


def test_what_was_published_is_never_in_the_making_again():
    """From a release that was made no event leads back; retracted is for good."""
    for state in MADE:
        assert reached(state, RELEASE) <= set(MADE)
    assert RELEASE.final == ("retracted",)


def test_no_transition_is_lost_when_a_state_is_named_twice():
    """A table in which a row replaces another, or leads nowhere, is none (ONS commit 283d1d13 lost one so)."""
    means = {"go": "go", "stop": "stop"}
    for rows in ("on - off\noff on -\non on off", "on - away\noff on -", "on - off\noff on"):
        with pytest.raises(ValueError, match=r"not whole|shorter"):
            machine("lamp", initial="on", means=means, table=f"go stop\n{rows}")
    with pytest.raises(ValueError, match="not whole"):
        machine("lamp", initial="on", means={"go": "go"}, table="go stop\non - off\noff on -")


def test_several_events_happen_in_order_or_not_at_all():
    """Opening a planned wave stages it first; a step that is not legal in between is named."""
    assert after("planned", ["stage", "open", "pause"]) == ("staged", "open", "paused")
    with pytest.raises(WaveState, match="is open: 'stage'"):
        after("planned", ["stage", "open", "stage"])


def test_what_departs_from_the_plan_needs_a_reason_and_is_never_the_plan_itself():
    """The events that need a reason are events; staging, opening and closing are none of them."""
    assert set(NEED_A_REASON) < set(WAVE.events)
    assert not {"plan", "stage", "open", "close", "finalise"} & set(NEED_A_REASON)
    assert set(IN_FIELD) < set(WAVE.states)


def test_fieldwork_is_moved_within_its_window_only():
    """It begins before it ends, after the wave before and before the next; the message names the window."""
    study = load_study(FILES)
    first, second = study.waves[:2]
    kept = moved_to(study, first.number, end=first.fieldwork.end)
    assert kept == first.fieldwork
    for end in (first.fieldwork.start.replace(year=1999), second.fieldwork.start):
        with pytest.raises(WaveState) as refused:
            moved_to(study, first.number, end=end)
        assert str(second.fieldwork.start) in refused.value.fix
