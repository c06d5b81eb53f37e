"""The ledger of actions, on SQLite and on a real PostgreSQL, by the database's own clock."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from panel.calendar import agenda
from panel.errors import StorageError, UnknownKey, WaveState
from panel.model.action import MOST_LAPSES, Entry
from panel.model.incident import Reaction
from tests.contract.deliveries import NOW, STUDY

LONG_AGO = NOW - timedelta(days=9_000)
DUE = tuple(
    replace(each, at=NOW - timedelta(days=30) + timedelta(minutes=number), not_after=NOW + timedelta(days=9_000))
    for number, each in enumerate(each for each in agenda(STUDY) if each.wave == 1)
)


def plan(store, due=DUE, since=LONG_AGO):
    """Put actions into the ledger."""
    return store.plan_actions(STUDY.key, due, since=since, by="me", at=NOW)


def claim(store, seconds=60.0):
    """Claim what is next."""
    return store.claim(seconds, by="me", missing=lambda _entry: lambda _known: Reaction())


def settle(store, claimed, outcome="complete"):
    """Note what came of it."""
    return store.settle(claimed, outcome, reason="", by="me", reacting=None)


def kinds(store):
    """Return the actions with their states."""
    return [(each.kind, each.state) for each in store.actions(STUDY.key)]


def test_planning_twice_is_planning_once(store):
    """The same calendar changes nothing; another time is a replan; one that is gone is skipped."""
    assert (plan(store), plan(store)) == (4, 0)
    later = (replace(DUE[0], at=DUE[0].at + timedelta(seconds=1)), *DUE[1:3])
    assert plan(store, later) == 2
    assert kinds(store)[0] == ("stage", "planned")
    assert dict(kinds(store))["finalise"] == "skipped"


def test_what_was_due_before_the_study_was_here_is_nobodys(store):
    """It is in the ledger, skipped, with the reason."""
    plan(store, since=NOW)
    assert {state for _, state in kinds(store)} == {"skipped"}
    assert claim(store) is None


def test_what_comes_back_on_the_calendar_is_planned_again(store):
    """A wave that is taken off and put on again is not lost; what was skipped by hand stays so."""
    plan(store)
    store.move_action(STUDY.key, 1, "open", 1, "skip", by="me", reason="by hand", at=NOW)
    assert plan(store, ()) == 3
    assert {state for _, state in kinds(store)} == {"skipped"}
    assert (plan(store), plan(store)) == (3, 0)
    assert dict(kinds(store)) == {"stage": "planned", "open": "skipped", "close": "planned", "finalise": "planned"}
    told = [(each.event, each.reason) for each in store.action_events(STUDY.key, 1, "stage", 1)]
    assert told == [("skip", "no longer on the calendar"), ("retry", "on the calendar again")]


def test_a_past_wave_that_is_put_off_is_planned_again(store):
    """What was due before the study was here is nobody's only as long as that is when it is due."""
    plan(store, since=NOW)
    put_off = tuple(replace(each, at=each.at + timedelta(days=90)) for each in DUE)
    assert plan(store, put_off, since=NOW) == 4
    assert {state for _, state in kinds(store)} == {"planned"}


def test_actions_are_done_one_after_the_other_in_order(store):
    """While one is held nothing of its wave is given out; each is given out once."""
    plan(store)
    done = []
    while (claimed := claim(store)) is not None:
        assert claim(store) is None
        done.append(claimed.entry.kind)
        assert settle(store, claimed)
        assert not settle(store, claimed)
    assert done == ["stage", "open", "close", "finalise"]
    assert all(each.lateness > 86_400 and each.done_at for each in store.actions(STUDY.key))


def test_a_lease_that_ended_goes_to_another_and_fences_the_first(store):
    """Who held it can neither renew nor complete it; the key of its effects stays the same."""
    plan(store)
    first = claim(store, -1.0)
    second = claim(store)
    assert first.entry.key == second.entry.key
    assert not store.renew(first, 60)
    assert not settle(store, first)
    assert store.renew(second, 60)
    assert settle(store, second)
    (entry,) = [each for each in store.actions(STUDY.key) if each.kind == "stage"]
    assert (entry.state, entry.attempts) == ("done", 2)
    told = [each.event for each in store.action_events(STUDY.key, 1, "stage", 1)]
    assert told == ["claim", "lapse", "complete"]


def test_a_failed_action_keeps_the_later_ones_waiting_until_somebody_decides(store):
    """Nothing overtakes it (ONS: exercise_end before go_live); retried or skipped by hand, the wave goes on."""
    plan(store)
    settle(store, claim(store), "fail")
    assert claim(store) is None
    moved = store.move_action(STUDY.key, 1, "stage", 1, "retry", by="me", reason="mended", at=NOW)
    assert moved.state == "planned"
    settle(store, claim(store), "fail")
    store.move_action(STUDY.key, 1, "stage", 1, "skip", by="me", reason="by hand", at=NOW)
    assert claim(store).entry.kind == "open"
    with pytest.raises(WaveState, match="skipped"):
        store.move_action(STUDY.key, 1, "stage", 1, "skip", by="me", reason="again", at=NOW)
    with pytest.raises(UnknownKey):
        store.move_action(STUDY.key, 1, "remind", 7, "skip", by="me", reason="x", at=NOW)


@pytest.mark.parametrize(("late", "state"), [("run", "running"), ("skip", "skipped"), ("ask", "missed")])
def test_what_is_too_late_is_done_left_out_or_asked_about(store, late, state):
    """By the policy of the action; missed, what follows is kept in the same transaction."""
    asked = []
    over = replace(DUE[0], late=late, not_after=NOW - timedelta(days=20))
    plan(store, (over, *DUE[1:]))
    store.claim(60, by="me", missing=lambda entry: lambda _known: asked.append(entry.kind) or Reaction())
    assert dict(kinds(store))["stage"] == state
    assert asked == (["stage"] if state == "missed" else [])


@pytest.mark.parametrize("late", ["skip", "ask"])
def test_what_was_too_late_is_done_once_somebody_says_so(store, late):
    """A retry by hand gives it a day, also when the calendar is looked at again in between."""
    due = (replace(DUE[0], late=late, not_after=NOW - timedelta(days=20)), *DUE[1:])
    plan(store, due)
    claimed = claim(store)
    assert claimed is None or claimed.entry.kind == "open"
    store.move_action(STUDY.key, 1, "stage", 1, "retry", by="me", reason="do it", at=NOW)
    assert plan(store, due) == 0
    assert claim(store).entry.kind == "stage"


def test_history_is_never_changed_or_removed(store):
    """The database itself refuses."""
    plan(store)
    claim(store)
    for statement in ("DELETE FROM wave_action_event", "UPDATE wave_action_event SET event = 'x'"):
        with pytest.raises(StorageError, match="never changed"), store._writes() as connection:
            connection.execute(text(statement))


def test_an_action_that_ends_every_worker_is_given_up_and_told(store):
    """Five workers in a row were gone: no sixth has it (SRM: an error that looped for ever); a retry begins anew."""
    plan(store)
    told = []
    for _ in range(MOST_LAPSES):
        assert claim(store, -1.0).entry.kind == "stage"
    assert (
        store.claim(60, by="me", missing=lambda entry: lambda _known: told.append(entry.reason) or Reaction()) is None
    )
    assert dict(kinds(store))["stage"] == "failed"
    assert len(told) == 1
    assert "5 workers in a row were gone" in told[0]
    events = [each.event for each in store.action_events(STUDY.key, 1, "stage", 1)]
    assert events == ["claim", *["lapse"] * (MOST_LAPSES - 1), "fail"]
    store.move_action(STUDY.key, 1, "stage", 1, "retry", by="me", reason="more memory", at=NOW)
    assert claim(store).entry.lapses == 0


def test_one_that_was_done_after_all_is_not_counted_against(store):
    """Only workers that are gone in a row count: whoever puts it back was not."""
    plan(store)
    for _ in range(MOST_LAPSES - 1):
        claim(store, -1.0)
    last = claim(store)
    assert last.entry.lapses == MOST_LAPSES - 1
    assert store.defer(last, 0.0, reason="locked", by="me")
    assert claim(store).entry.lapses == 0


def test_what_is_put_back_waits_and_keeps_what_comes_after_it_waiting(store):
    """It is not given out before its time, nor is what comes after it; its setbacks are counted and end with it."""
    plan(store)
    first = claim(store)
    assert store.defer(first, 3_600.0, reason="the database was locked", by="me")
    assert not store.defer(first, 3_600.0, reason="again", by="me")
    assert claim(store) is None
    (entry,) = [each for each in store.actions(STUDY.key) if each.kind == "stage"]
    assert (entry.state, entry.setbacks, entry.reason) == ("planned", 1, "the database was locked")
    assert entry.not_before is not None
    store.move_action(STUDY.key, 1, "stage", 1, "skip", by="me", reason="by hand", at=NOW)
    second = claim(store)
    assert store.defer(second, -1.0, reason="locked", by="me")
    again = claim(store)
    assert (again.entry.kind, again.entry.setbacks, again.entry.attempts) == ("open", 1, 2)
    settle(store, again)
    (entry,) = [each for each in store.actions(STUDY.key) if each.kind == "open"]
    assert (entry.state, entry.setbacks) == ("done", 0)


def test_pauses_grow_and_end():
    """Half a minute, two, ten and thirty minutes; the fifth setback in a row is the last."""
    entry = Entry(
        study="s", wave=1, kind="open", ordinal=1, state="running", due=NOW, precedence=1, late="run", not_after=NOW
    )
    assert [replace(entry, setbacks=number).pause for number in range(5)] == [30.0, 120.0, 600.0, 1_800.0, None]
