"""What a tick does with an action that goes wrong: put off, given up, told."""

from __future__ import annotations

import errno
import sqlite3
from datetime import timedelta

import pytest

from panel.actions import ledger
from panel.errors import StorageError, WaveState, may_pass
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
    ledger.tick(made.app, lambda claimed: ledger.perform(made.app, claimed))
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
    made = ledger.tick(two.app, lambda claimed: ledger.perform(two.app, claimed))
    assert [(each.study, each.kind) for each in made.left_out] == [(STUDY, "DefinitionError")]
    assert two.app.store.wave_states("millers") == {1: "open"}
    assert two.app.store.wave_states(STUDY) == {1: "staged"}
    assert (entry(two, "open").state, entry(two, "open").attempts) == ("planned", 0)
    assert [(each.check, each.is_over) for each in two.app.store.incidents(STUDY)] == [("calendar:left_out", False)]
    mended(two)
    made = ledger.tick(two.app, lambda claimed: ledger.perform(two.app, claimed))
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
    made = ledger.tick(two.app, lambda claimed: ledger.perform(two.app, claimed))
    assert [each.error for each in made.left_out] == [error]
    assert two.app.store.wave_states("millers") == {1: "open"}
    assert not two.app.store.incidents(STUDY)


def test_days_are_counted_of_the_studies_that_can_be_read(two):
    """The counts of the others are kept."""
    ledger.tick(two.app, lambda claimed: ledger.perform(two.app, claimed))
    broken(two)
    counted = ledger.count_days(two.app)
    assert (counted.total, [each.study for each in counted.left_out]) == (1, [STUDY])


def test_an_action_of_a_study_that_became_unreadable_is_settled(two):
    """Broken while it is being done: its failure is told all the same, with the wave by its number."""

    def do(claimed):
        if claimed.entry.study == STUDY:
            broken(two)
        ledger.perform(two.app, claimed)

    made = ledger.tick(two.app, do)
    assert made.failed == 1
    assert entry(two, "open").state == "failed"
    assert [each.check for each in two.app.store.incidents(STUDY)] == ["calendar:not_done"]
    assert two.app.store.wave_states("millers") == {1: "open"}
