"""What `panelctl doctor` says of fieldwork: actions, letters, and the process that sees to them."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from panel.actions import ledger
from panel.diagnosis.fieldwork import fieldwork
from panel.errors import WaveState
from panel.schedule import HealthEndpoint
from tests.unit.study_factory import FILES
from tests.unit.test_ticking import raising
from tests.unit.watch_factory import START, Watch

STUDY = "bakers"
CALENDAR, READ = "actions of the calendar are done", "studies can be read"
LETTERS, SERVE = "letters to members leave", "`panelctl serve` is well"


@pytest.fixture
def port():
    """Return a port at which nothing answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]


@pytest.fixture
def watch(tmp_path):
    """Watch the small study when its first wave is to be staged."""
    made = Watch(tmp_path)
    ledger.plan(made.app, STUDY)
    made.clock.at = made.app.store.actions(STUDY, 1)[0].due
    yield made
    made.app.store.close()


def found(watch, port, what):
    """Return one finding."""
    (one,) = [each for each in fieldwork(watch.app, port) if each.what == what]
    return one


def test_an_installation_at_rest_is_good(tmp_path, port):
    """Nothing is due and nothing waits: no finding asks for anything, with `serve` on another machine."""
    watch = Watch(tmp_path)
    assert {each.state for each in fieldwork(watch.app, port)} == {"good"}
    assert "does not run on this machine" in found(watch, port, SERVE).found
    watch.app.store.close()


def test_what_nobody_sees_to_is_overdue(watch, port):
    """Just due is good; ten minutes later nobody keeps the calendar, also where nobody ever looked at it."""
    assert found(watch, port, CALENDAR).found.startswith("1 due, 0 overdue, 0 running")
    assert found(watch, port, CALENDAR).state == "good"
    watch.clock.pass_(minutes=11)
    one = found(watch, port, CALENDAR)
    assert (one.state, one.found.startswith("1 due, 1 overdue")) == ("bad", True)
    assert "panelctl serve" in one.fix
    watch.app.store.keep_study("new", {**FILES, "study.toml": FILES["study.toml"].replace('"bakers"', '"new"')}, START)
    assert found(watch, port, CALENDAR).found.startswith("2 due, 2 overdue")


def test_what_is_held_left_behind_and_put_off_is_told_apart(watch, port):
    """A lease that lives is running, one that ended is left behind, and what passes is waited for: none is bad yet."""
    claimed = watch.app.store.claim(60.0, by="me", missing=ledger._missed(watch.app))
    assert "0 overdue, 1 running, 0 left behind" in found(watch, port, CALENDAR).found
    watch.clock.pass_(minutes=11)
    assert "0 overdue, 0 running, 1 left behind" in found(watch, port, CALENDAR).found
    assert watch.app.store.defer(claimed, 3_600.0, reason="locked", by="me")
    one = found(watch, port, CALENDAR)
    assert (one.state, "1 due, 0 overdue, 0 running, 0 left behind, 1 put off" in one.found) == ("good", True)


def test_what_failed_is_bad_and_what_waits_for_it_is_not_overdue(watch, port):
    """The fix is to decide; the later actions of the wave are due, and wait."""
    ledger.tick(watch.app, raising(WaveState("no"), 1))
    watch.clock.at = watch.app.store.actions(STUDY, 1)[1].due + timedelta(hours=1)
    one = found(watch, port, CALENDAR)
    assert one.state == "bad"
    assert one.found == "1 due, 0 overdue, 0 running, 0 left behind, 0 put off, 1 failed, 0 missed"
    assert "panelctl actions retry" in one.fix


def test_a_study_that_cannot_be_read_is_named(watch, port):
    """The others are counted all the same."""
    files = {**FILES, "study.toml": FILES["study.toml"].replace("currency", "curency")}
    watch.app.store.keep_study(STUDY, files, watch.clock.at)
    one = found(watch, port, READ)
    assert (one.state, one.found) == ("bad", "0 can, bakers cannot (DefinitionError)")


@pytest.mark.parametrize(
    ("jobs", "state", "said"),
    [
        ({"calendar": "ok", "alerts": "ok"}, "good", "2 jobs are well"),
        ({"calendar": "has not run yet"}, "good", "calendar: has not run yet"),
        ({"calendar": "hangs: no step for 4000 s", "alerts": "ok"}, "bad", "calendar: hangs: no step for 4000 s"),
    ],
)
def test_serve_is_asked_how_it_is(watch, jobs, state, said):
    """Its own words are passed on; well is good."""
    endpoint = HealthEndpoint(0, lambda: jobs)
    endpoint.start()
    one = found(watch, endpoint.port, SERVE)
    endpoint.stop()
    assert (one.state, one.found) == (state, said)
