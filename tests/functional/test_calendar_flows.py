"""Actions of the calendar as flows, on a real Prefect server: the ledger is the truth, and runs that died end."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from httpx import ConnectError
from panel.flows import calendar
from panel.flows.reconcile import close_dead_runs, count_runs
from panel.flows.server import prefect_api
from sqlalchemy import text

from panel.errors import SettingsError, may_pass
from panel.model.action import Claimed, Entry
from panel.store import SqlStore
from tests.functional.conftest import Command
from tests.unit.study_factory import FILES

NOW = datetime.now(UTC)
pytestmark = pytest.mark.prefect
DIES = """
import os, signal
from panel.actions import ledger
from panel.app import open_app
from panel.flows import calendar, steps
from panel.flows.server import prefect_api
from panel.settings import Settings
settings = Settings.from_environment()
ledger.needs_flow = lambda *_: True
steps.closing = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with prefect_api(settings.home):
    ledger.tick(open_app(settings), calendar.as_flow, lease_seconds=600.0)
"""
DOES = """
from panel.flows import calendar
from panel.flows.server import prefect_api
from panel.settings import Settings
with prefect_api(Settings.from_environment().home):
    print(calendar.do_due())
"""


def runs_of(address, study):
    """Return Prefect's runs of the actions of a study: key and state, oldest first."""
    body = {"flows": {"name": {"any_": ["calendar-action", "close-wave"]}}, "sort": "START_TIME_ASC"}
    request = urllib.request.Request(
        f"{address}/flow_runs/filter", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found = json.load(answer)
    return [(each["name"], each["state_type"]) for each in found if study in each["name"]]


def home_with(folder, address, *studies):
    """Return a command whose home has studies of which a wave was to be staged and opened yesterday, and its store."""
    command = Command(folder / "home", PREFECT_API_URL=address)
    command.done("init")
    store = SqlStore(f"sqlite:///{folder / 'home' / 'panel.db'}", folder / "home")
    today = datetime.now(UTC)
    first, last, later = today - timedelta(days=1), today + timedelta(days=30), today + timedelta(days=400)
    dated = FILES["study.toml"].replace("2025-10-01, end = 2025-11-30", f"{first:%Y-%m-%d}, end = {last:%Y-%m-%d}")
    dated = dated.replace("2026-10-01, end = 2026-11-30", f"{later:%Y-%m-%d}, end = {later + timedelta(9):%Y-%m-%d}")
    for key in studies:
        store.keep_study(key, {**FILES, "study.toml": dated.replace('"bakers"', f'"{key}"')}, first - timedelta(days=9))
    return command, store


def ran(script, command):
    """Return a script's process once it ended."""
    return subprocess.run(
        [sys.executable, "-c", script], env=command.environment, capture_output=True, text=True, timeout=120
    )


def test_a_run_that_died_is_closed_once_no_lease_holds_it(tmp_path, prefect_address, monkeypatch):
    """Killed in a step, Prefect has action and close running for ever; the ledger tells, and another worker does it."""
    command, store = home_with(tmp_path, prefect_address, "widows")
    assert ran(DIES, command).returncode == -signal.SIGKILL
    died = [("widows/1/stage/1", "RUNNING"), ("close-widows-2025", "RUNNING")]
    assert runs_of(prefect_address, "widows") == died
    monkeypatch.setenv("PREFECT_API_URL", prefect_address)
    app = type("App", (), {"store": store})
    with prefect_api(tmp_path):
        assert (count_runs(app).left_behind, close_dead_runs(app)) == (0, 0)  # its lease lives: it may be at work
        assert runs_of(prefect_address, "widows") == died
        with store._writes() as connection:
            connection.execute(text("UPDATE wave_action SET lease_until = 1"))
        assert count_runs(app).left_behind == 1
        doctor = command("doctor", "--format", "json")
        said = {each["what"]: each for each in json.loads(doctor.stdout)}["Prefect runs of actions end"]
        assert (doctor.returncode, said["state"]) == (19, "bad")
        assert said["found"].startswith("1 left behind")
        assert (close_dead_runs(app), close_dead_runs(app)) == (2, 0)
        assert (count_runs(app).left_behind, count_runs(app).crashed >= 1) == (0, True)
    assert runs_of(prefect_address, "widows") == [(name, "CRASHED") for name, _ in died]
    (told,) = json.loads(command.done("tick", "--format", "json"))
    assert (told["done"], told["failed"], told["left_out"]) == (2, 0, "")
    now = Counter(runs_of(prefect_address, "widows"))
    assert now["widows/1/stage/1", "COMPLETED"] == now["widows/1/open/1", "COMPLETED"] == 1
    assert store.wave_states("widows") == {1: "open"}
    store.close()


def test_two_runs_of_the_deployed_flow_do_each_action_once(tmp_path, prefect_address):
    """Side by side on one ledger, as two workers of a pool: twelve actions, each claimed and completed once."""
    keys = [f"pool{number}" for number in range(6)]
    command, store = home_with(tmp_path, prefect_address, *keys)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", DOES],
            env=command.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [each.communicate(timeout=120) for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert sum(int(out) for out, _ in said) == 12
    for key in keys:
        assert store.wave_states(key) == {1: "open"}
        for kind in ("stage", "open"):
            events = [each.event for each in store.action_events(key, 1, kind, 1)]
            assert [each for each in events if each != "replan"] == ["claim", "complete"]
    assert Counter(runs_of(prefect_address, "pool")) == {
        (f"{key}/1/{kind}/1", "COMPLETED"): 1 for key in keys for kind in ("stage", "open")
    }
    store.close()


def test_actions_are_done_also_where_prefect_is_away(tmp_path):
    """What was due is staged and opened without a run; that Prefect is away is said by the exit code."""
    command, store = home_with(tmp_path, "http://127.0.0.1:9/api", "alone")
    outcome = command("tick", "--format", "json")
    assert json.loads(outcome.stdout)[0]["done"] == 2
    assert (outcome.returncode, "does not answer" in outcome.stderr) == (19, True)
    assert store.wave_states("alone") == {1: "open"}
    store.close()


def test_a_home_of_its_own_closes_what_died_when_its_server_starts(tmp_path, monkeypatch):
    """Nobody else runs flows in it, so whatever its Prefect has as running is dead, by hand or by the calendar."""
    command, store = home_with(tmp_path, "", "embedded")
    command.environment.pop("PREFECT_API_URL")
    assert ran(DIES, command).returncode == -signal.SIGKILL
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(command.home / "prefect"))
    with prefect_api(command.home) as address:
        found = runs_of(address, "embedded")
    assert found == [("embedded/1/stage/1", "CRASHED"), ("close-embedded-2025", "CRASHED")]
    assert [each.event for each in store.action_events("embedded", 1, "stage", 1)] == ["claim"]
    store.close()


def test_a_server_that_goes_away_meanwhile_passes(monkeypatch):
    """Whatever its client raises then is no fault of the action: it is put off, and done once at the next try."""

    def act(_key, _attempt):
        raise ConnectError("refused")

    monkeypatch.setattr(calendar, "act", act)
    entry = Entry(
        study="s", wave=1, kind="open", ordinal=1, state="running", due=NOW, precedence=1, late="run", not_after=NOW
    )
    with pytest.raises(SettingsError, match="ConnectError") as refused:
        calendar.as_flow(Claimed(entry=entry, token="t", lateness=0.0))
    assert may_pass(refused.value)
