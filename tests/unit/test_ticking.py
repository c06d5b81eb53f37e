"""What a tick does with an action that goes wrong: put off, given up, told."""

from __future__ import annotations

import errno
import sqlite3
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from panel.actions import fieldwork, ledger
from panel.errors import DefinitionError, StorageError, WaveState, may_pass
from panel.model.action import PAUSES
from panel.store.engine import in_words
from tests.unit.study_factory import FILES
from tests.unit.watch_factory import START, Watch

STUDY = "bakers"


@pytest.fixture
def watch(tmp_path):
    """Watch the small study on the day its first wave opens, staged."""
    made = Watch(tmp_path)
    ledger.plan(made.app, STUDY)
    made.clock.at = entry(made, "stage").due
    ledger.tick(made.app, lambda claimed: ledger.perform(made.app, claimed.entry))
    made.clock.at = entry(made, "open").due
    yield made
    made.app.store.close()


def entry(watch, kind, wave=1):
    """Return an action as it stands."""
    return next(each for each in watch.app.store.actions(STUDY, wave) if each.kind == kind)


def raising(error, times):
    """Return what raises an error so many times and then does nothing."""
    left = [error] * times

    def do(_claimed):
        if left:
            raise left.pop()

    return do


def locked():
    """Return what the store says of a database that another process holds."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorname = "SQLITE_BUSY"
    return in_words(error)


@pytest.mark.parametrize(
    "error", [locked(), OSError(errno.ESTALE, "Stale file handle"), ConnectionRefusedError(), TimeoutError()]
)
def test_what_passes_is_tried_again_and_done(watch, error):
    """Kept twice, done the third time; nobody is told, all of it is on record."""
    do = raising(error, 2)
    seen = []
    for pause in (0.0, *PAUSES[:2]):
        watch.clock.at += timedelta(seconds=pause)
        seen.append(ledger.tick(watch.app, do))
    assert [(each.deferred, each.done, each.failed) for each in seen] == [(1, 0, 0), (1, 0, 0), (0, 1, 0)]
    assert entry(watch, "open").lateness == pytest.approx(sum(PAUSES[:2]))
    events = [each.event for each in watch.app.store.action_events(STUDY, 1, "open", 1)]
    assert events == ["claim", "defer", "claim", "defer", "claim", "complete"]
    assert not watch.app.store.incidents(STUDY)


def test_it_is_not_tried_before_its_time(watch):
    """A tick in between leaves it alone."""
    do = raising(locked(), 1)
    ledger.tick(watch.app, do)
    watch.clock.at += timedelta(seconds=PAUSES[0] - 1)
    assert ledger.tick(watch.app, do).done == 0
    watch.clock.at += timedelta(seconds=1)
    assert ledger.tick(watch.app, do).done == 1


def test_what_does_not_pass_after_all_has_failed_and_is_told(watch):
    """Kept five times in a row it is an incident; retried by hand it has all of its attempts anew."""
    do = raising(locked(), 6)
    for pause in (0.0, *PAUSES):
        watch.clock.at += timedelta(seconds=pause)
        last = ledger.tick(watch.app, do)
    assert (last.deferred, last.failed, entry(watch, "open").state) == (0, 1, "failed")
    assert [each.check for each in watch.app.store.incidents(STUDY)] == ["calendar:not_done"]
    ledger.by_hand(watch.app, STUDY, 1, "open", 1, "retry", reason="unlocked")
    assert ledger.tick(watch.app, do).deferred == 1


@pytest.mark.parametrize(
    "error",
    [
        WaveState("not so"),
        StorageError("The kept file is gone."),
        ValueError("a secret"),
        PermissionError(errno.EACCES, "no"),
        FileNotFoundError(errno.ENOENT, "gone"),
    ],
)
def test_what_stays_wrong_has_failed_at_once(watch, error):
    """It is not tried again, is an incident, and no text of an unexpected error is kept."""
    assert not may_pass(error)
    made = ledger.tick(watch.app, raising(error, 1))
    assert (made.deferred, made.failed) == (0, 1)
    with pytest.raises(WaveState, match="1 actions of the calendar could not be done"):
        made.must_be_whole()
    assert entry(watch, "open").state == "failed"
    assert "secret" not in entry(watch, "open").reason
    assert [each.check for each in watch.app.store.incidents(STUDY)] == ["calendar:not_done"]


def test_an_incident_says_that_workers_were_gone(watch):
    """Whoever is told reads why: not that something failed, but that it may be what ends the process."""
    for _ in range(5):
        watch.app.store.claim(-1.0, by="me", missing=ledger._missed(watch.app))
    assert ledger.tick(watch.app, lambda _claimed: None).done == 0
    watch.deliver()
    (incident,) = watch.app.store.incidents(STUDY)
    assert (incident.check, incident.is_over) == ("calendar:not_done", False)
    assert "5 workers in a row were gone" in incident.why


@pytest.fixture
def two(watch):
    """Watch two studies, of which a newer version can not read the files of the first by key."""
    other = FILES["study.toml"].replace(f'key = "{STUDY}"', 'key = "millers"', 1)
    watch.app.store.keep_study("millers", {**FILES, "study.toml": other}, START)
    return watch


def broken(watch):
    """Let the files of the first study be such as this version refuses."""
    files = {**FILES, "study.toml": FILES["study.toml"].replace("currency", "curency")}
    watch.app.store.keep_study(STUDY, files, watch.clock.at)


def mended(watch):
    """Let the files of the first study be read again."""
    files = {**FILES, "study.toml": FILES["study.toml"] + "\n"}
    watch.app.store.keep_study(STUDY, files, watch.clock.at + timedelta(seconds=1))


def test_a_study_that_cannot_be_read_keeps_nothing_from_the_others(two):
    """The wave of the other study opens; of this one nothing is done, and that is an incident until it is mended."""
    broken(two)
    made = ledger.tick(two.app, lambda claimed: ledger.perform(two.app, claimed.entry))
    assert [(each.study, each.kind) for each in made.left_out] == [(STUDY, "DefinitionError")]
    with pytest.raises(DefinitionError):
        made.must_be_whole()
    assert two.app.store.wave_states("millers") == {1: "open"}
    assert two.app.store.wave_states(STUDY) == {1: "staged"}
    assert (entry(two, "open").state, entry(two, "open").attempts) == ("planned", 0)
    assert [(each.check, each.is_over) for each in two.app.store.incidents(STUDY)] == [("calendar:left_out", False)]
    mended(two)
    made = ledger.tick(two.app, lambda claimed: ledger.perform(two.app, claimed.entry))
    assert made.left_out == ()
    assert two.app.store.wave_states(STUDY) == {1: "open"}
    assert [each.is_over for each in two.app.store.incidents(STUDY)] == [True]


def test_a_study_that_is_locked_is_left_out_and_nobody_is_woken(two, monkeypatch):
    """What passes is no incident: the next tick has it."""
    plan, error = ledger.plan, locked()

    def raising_for_one(app, key):
        if key == STUDY:
            raise error
        return plan(app, key)

    monkeypatch.setattr(ledger, "plan", raising_for_one)
    made = ledger.tick(two.app, lambda claimed: ledger.perform(two.app, claimed.entry))
    assert [each.error for each in made.left_out] == [error]
    assert two.app.store.wave_states("millers") == {1: "open"}
    assert not two.app.store.incidents(STUDY)


def test_days_are_counted_of_the_studies_that_can_be_read(two):
    """The counts of the others are kept."""
    ledger.tick(two.app, lambda claimed: ledger.perform(two.app, claimed.entry))
    broken(two)
    counted = ledger.count_days(two.app)
    assert (counted.total, [each.study for each in counted.left_out]) == (1, [STUDY])


def test_an_action_of_a_study_that_became_unreadable_is_settled(two):
    """Broken while it is being done: its failure is told all the same, with the wave by its number."""

    def do(claimed):
        if claimed.entry.study == STUDY:
            broken(two)
        ledger.perform(two.app, claimed.entry)

    made = ledger.tick(two.app, do)
    assert made.failed == 1
    assert entry(two, "open").state == "failed"
    assert [each.check for each in two.app.store.incidents(STUDY)] == ["calendar:not_done"]
    assert two.app.store.wave_states("millers") == {1: "open"}


def act(watch, event, **more):
    """Move the first wave by hand."""
    fieldwork.carry_out(watch.app, fieldwork.prepare(watch.app, STUDY, 1, event, **more))


def ended(watch):
    """Return the actions that end the first wave, with their states."""
    entries = watch.app.store.actions(STUDY, 1)
    return {(each.kind, each.ordinal): each.state for each in entries if each.kind in ("close", "finalise")}


def look(watch, kind, ordinal=1):
    """Tick when an action is due; finalising, which takes a flow, closes the wave at once."""
    ledger.plan(watch.app, STUDY)
    entries = watch.app.store.actions(STUDY, 1)
    watch.clock.at = next(each.due for each in entries if (each.kind, each.ordinal) == (kind, ordinal))

    def do(claimed):
        if ledger.needs_flow(watch.app, claimed.entry):
            fieldwork.finish_close(watch.app, STUDY, claimed.entry.wave)
        else:
            ledger.perform(watch.app, claimed.entry)

    return ledger.tick(watch.app, do)


def test_a_reopened_wave_is_closed_by_the_calendar_once_more(watch):
    """Closed by the calendar, reopened until a day: a second close and finalise are due after it, and are done."""
    look(watch, "close")
    assert ended(watch) == {("close", 1): "done", ("finalise", 1): "planned"}
    last = watch.clock.at.date() + timedelta(days=20)
    act(watch, "reopen", reason="a strike of the post", end=last)
    assert watch.app.study(STUDY).wave(1).fieldwork.end == last
    ledger.tick(watch.app, lambda claimed: pytest.fail(claimed.entry.key))
    assert ended(watch) == {
        ("close", 1): "done", ("finalise", 1): "skipped", ("close", 2): "planned", ("finalise", 2): "planned",
    }  # fmt: skip
    look(watch, "close", 2)
    assert watch.clock.at.astimezone(ZoneInfo("Europe/Amsterdam")).date() == last + timedelta(days=1)
    assert watch.app.store.wave_states(STUDY)[1] == "closing"
    look(watch, "finalise", 2)
    assert watch.app.store.wave_states(STUDY)[1] == "closed"
    assert ended(watch)["finalise", 2] == "done"


def test_a_wave_is_reopened_twice_and_ends_each_time(watch):
    """The third close is numbered on; none of the earlier ones is done again."""
    for ordinal in (1, 2, 3):
        look(watch, "close", ordinal)
        assert watch.app.store.wave_states(STUDY)[1] == "closing"
        if ordinal < 3:
            act(watch, "reopen", reason="more", end=watch.clock.at.date() + timedelta(days=3))
    closes = [state for (kind, _), state in sorted(ended(watch).items()) if kind == "close"]
    assert closes == ["done", "done", "done"]


def test_what_failed_before_a_wave_was_reopened_rests(watch):
    """A finalise that failed is skipped with its incident over, and does not keep the second close waiting."""
    look(watch, "close")
    watch.clock.at = entry(watch, "finalise").due
    ledger.tick(watch.app, raising(WaveState("a check failed"), 1))
    assert ended(watch)["finalise", 1] == "failed"
    act(watch, "reopen", reason="half of it is missing", end=watch.clock.at.date() + timedelta(days=9))
    ledger.plan(watch.app, STUDY)
    assert ended(watch)["finalise", 1] == "skipped"
    assert [each.is_over for each in watch.app.store.incidents(STUDY)] == [True]
    look(watch, "close", 2)
    assert ended(watch)["close", 2] == "done"


@pytest.mark.parametrize(("end", "said"), [(None, "new last day"), (date(2025, 10, 2), "it is over")])
def test_a_wave_is_not_reopened_without_a_day_to_come(watch, end, said):
    """Without a last day, or with one that is past, nobody would close it, or at once."""
    look(watch, "close")
    with pytest.raises(WaveState, match=said):
        act(watch, "reopen", reason="strike", end=end)
    assert watch.app.store.wave_states(STUDY)[1] == "closing"


def test_a_wave_is_not_reopened_into_the_next_one(watch):
    """Its new last day lies before the next wave begins."""
    look(watch, "close")
    second = watch.app.study(STUDY).wave(2).fieldwork.start
    with pytest.raises(WaveState, match="does not fit"):
        act(watch, "reopen", reason="strike", end=second)


@pytest.mark.parametrize(("seconds", "late"), [(61, 0), (300, 0), (301, 1)])
def test_what_a_timer_does_a_minute_after_its_time_is_in_time(watch, seconds, late):
    """Five minutes are no delay worth a count; to the second it is on record all the same."""
    watch.clock.at += timedelta(seconds=seconds)
    made = ledger.tick(watch.app, lambda _claimed: None)
    assert (made.done, made.late) == (1, late)
    made.must_be_whole()
    assert entry(watch, "open").lateness == pytest.approx(seconds)
