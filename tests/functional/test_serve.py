"""The one process that keeps the calendar: it answers how it is, stops when asked, and catches up."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from panel.actions import ledger
from panel.actions.delivery import deliver
from panel.errors import SettingsError
from panel.schedule import HealthEndpoint, Job, Ticker, Unwell
from tests.unit.watch_factory import Watch

STUDY = "bakers"


def asked(port, path):
    """Return the status and the text of a request."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def endpoint():
    """Serve the health of jobs that a test sets."""
    said = {}
    made = HealthEndpoint(0, lambda: said)
    made.start()
    yield made, said
    made.stop()


def test_health_is_one_exact_path(endpoint):
    """Well is 200 and unwell 503; any other path, or that path with anything added, is nothing."""
    served, said = endpoint
    said["calendar"] = "ok"
    assert asked(served.port, "/health") == (200, json.dumps({"jobs": said, "ok": True}))
    for path in ("/", "/health/", "/health?x=1", "/healthz", "/../health", "/metrics"):
        assert asked(served.port, path) == (404, "")
    said["alerts"] = "failed: StorageError"
    assert asked(served.port, "/health")[0] == 503


def test_a_port_that_is_taken_is_said(endpoint):
    """With another to choose."""
    with pytest.raises(SettingsError, match="is taken"):
        HealthEndpoint(endpoint[0].port, dict)


def test_a_job_that_fails_is_unwell_and_runs_again():
    """Its error is named by kind, never by text; the other jobs go on."""
    runs, well = [], threading.Event()

    def failing():
        runs.append(1)
        if len(runs) < 3:
            raise ValueError("a secret")
        well.set()

    ticker = Ticker({"a": Job(act=failing, every=0.02), "b": Job(act=lambda: None, every=0.02)})
    ticker.start()
    assert well.wait(10)
    assert ticker.stop()
    assert ticker.health["b"] == "ok"


def test_a_week_of_ticks_takes_no_more_memory(tmp_path):
    """672 quarters of an hour in seconds: every action due is done once, and memory stays where it was."""
    watch = Watch(tmp_path)
    watch.clock.at = datetime(2025, 9, 24, tzinfo=UTC)  # an hour and a night before the first wave is staged
    done, ended, sizes = [], threading.Event(), []

    def do(claimed):
        done.append(claimed.entry.key)
        ledger.perform(watch.app, claimed.entry)

    def look():
        ledger.tick(watch.app, do)
        deliver(watch.app)
        watch.clock.at += timedelta(minutes=15)
        sizes.append(1)
        if len(sizes) in (172, 672):
            gc.collect()
            sizes[-1] = tracemalloc.get_traced_memory()[0]
        if len(sizes) >= 672:
            ended.set()

    tracemalloc.start()
    ticker = Ticker({"calendar": Job(act=look, every=0.001)})
    ticker.start()
    assert ended.wait(120)
    assert ticker.stop()
    tracemalloc.stop()
    watch.app.store.close()
    assert done[:1] == [f"{STUDY}/1/stage/1"]
    assert len(done) == len(set(done))
    assert sizes[671] - sizes[171] < 1_000_000


def test_it_catches_up_after_it_was_down(tmp_path):
    """What fell due meanwhile is done at once and in order, and recorded as late."""
    watch = Watch(tmp_path)
    ledger.plan(watch.app, STUDY)
    entries = {each.kind: each for each in watch.app.store.actions(STUDY, 1)}
    watch.clock.at = entries["open"].due + timedelta(days=2)
    done, both = [], threading.Event()

    def do(claimed):
        done.append((claimed.entry.kind, claimed.lateness))
        ledger.perform(watch.app, claimed.entry)
        if len(done) == 2:
            both.set()

    ticker = Ticker({"calendar": Job(act=lambda: ledger.tick(watch.app, do), every=60.0)})
    ticker.start()
    assert both.wait(30)
    assert ticker.stop()
    assert [kind for kind, _ in done] == ["stage", "open"]
    assert done[1][1] == pytest.approx(2 * 86_400)
    assert watch.app.store.wave_states(STUDY) == {1: "open"}
    watch.app.store.close()


def test_what_has_not_run_yet_is_not_well():
    """Before its first run a job is not taken for one that went well."""
    assert Ticker({"calendar": Job(act=lambda: None, every=60.0)}).health == {"calendar": "has not run yet"}


def test_stopping_does_not_wait_for_what_hangs():
    """It stops within its limit, and says that something was left behind."""
    hangs, begun = threading.Event(), threading.Event()
    ticker = Ticker({"calendar": Job(act=lambda: begun.set() or hangs.wait(30), every=60.0)})
    ticker.start()
    assert begun.wait(10)
    before = time.monotonic()
    assert not ticker.stop(0.5)
    assert time.monotonic() - before < 5
    hangs.set()


def test_the_command_serves_and_stops_within_five_seconds_when_asked(tmp_path):
    """A real process: it says where it answers, is well, and ends with 0 soon after SIGTERM; and starts again."""
    env = {**os.environ, "PANEL_HOME": str(tmp_path / "home"), "PANEL_DATABASE_URL": ""}
    env.pop("PANEL_DATABASE_URL")
    command = [sys.executable, "-m", "panel.cli"]
    for words in (["init"], ["study", "load", "creative-ai"]):
        subprocess.run([*command, *words], env=env, check=True, capture_output=True, timeout=120)
    for _ in range(2):
        served = subprocess.Popen(
            [*command, "serve", "--port", "0", "--every", "0.5"], env=env, stderr=subprocess.PIPE, text=True
        )
        try:
            port = next(int(found[1]) for line in served.stderr if (found := re.search(r":(\d+)/health", line)))
            deadline = time.monotonic() + 60
            while json.loads(asked(port, "/health")[1])["jobs"] != {"calendar": "ok", "alerts": "ok", "days": "ok"}:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            before = time.monotonic()
            served.send_signal(signal.SIGTERM)
            assert served.wait(10) == 0
            assert time.monotonic() - before < 5
        finally:
            served.kill()
            served.stderr.close()
            served.wait()


def until(true, seconds=10.0):
    """Wait until something is so, or fail."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_job_that_hangs_is_unwell_although_its_last_run_went_well():
    """Once no step was seen within its limit the last "ok" counts for nothing, and the status is 503."""
    runs, hangs = [], threading.Event()

    def act():
        runs.append(1)
        if len(runs) > 1:
            hangs.wait(30)

    ticker = Ticker({"calendar": Job(act=act, every=0.05, within=0.3), "alerts": Job(act=lambda: None, every=0.05)})
    endpoint = HealthEndpoint(0, lambda: ticker.health)
    endpoint.start()
    ticker.start()
    until(lambda: len(runs) > 1)
    until(lambda: ticker.health["calendar"].startswith("hangs: no step for"))
    status, text = asked(endpoint.port, "/health")
    assert (status, json.loads(text)["ok"], ticker.health["alerts"]) == (503, False, "ok")
    hangs.set()
    until(lambda: ticker.health["calendar"] == "ok")
    assert ticker.stop()
    endpoint.stop()


def test_a_job_of_many_steps_does_not_hang():
    """A close after an outage takes longer than one action may; each step starts the limit anew."""
    found, told = [], threading.Event()

    def act():
        for _ in range(6):
            time.sleep(0.1)
            ticker.beat("calendar")
            found.append(ticker.health["calendar"])
        told.set()

    ticker = Ticker({"calendar": Job(act=act, every=60.0, within=0.4)})
    ticker.start()
    assert told.wait(10)
    assert set(found) == {"has not run yet"}
    assert ticker.stop()


def test_a_job_that_is_not_begun_any_more_is_unwell():
    """Where the scheduler itself is gone nothing hangs, and nothing runs either."""
    ticker = Ticker({"calendar": Job(act=lambda: None, every=0.05, within=0.2)})
    ticker.start()
    until(lambda: ticker.health["calendar"] == "ok")
    assert ticker.stop()
    until(lambda: ticker.health["calendar"].startswith("stopped: not begun for"))


def test_health_says_which_study_was_left_out():
    """A job that did what it could says in words what it could not."""

    def act():
        raise Unwell("bakers left out (DefinitionError)")

    ticker = Ticker({"calendar": Job(act=act, every=60.0)})
    ticker.start()
    until(lambda: ticker.health == {"calendar": "failed: bakers left out (DefinitionError)"})
    assert ticker.stop()
