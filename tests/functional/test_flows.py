"""The flows leave their history with Prefect, register as deployments, and speak to nobody outside."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.functional.conftest import Command

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.prefect

GUARD = """
import os, socket
_connect, _look_up = socket.socket.connect, socket.getaddrinfo
def _inside(host):
    return host is None or str(host) in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "") or str(host).startswith("127.")
def _note(what):
    with open(os.environ["GUARD_LOG"], "a") as file:
        file.write(what + "\\n")
    raise OSError("no address outside this machine may be used")
def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not _inside(address[0]):
        _note("connect " + str(address[0]))
    return _connect(self, address)
def getaddrinfo(host, *rest, **more):
    if not _inside(host):
        _note("look up " + str(host))
    return _look_up(host, *rest, **more)
socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
"""


def ask(address, path, **body):
    """Ask Prefect's API."""
    request = urllib.request.Request(
        f"{address}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def simulated(home, **environment):
    """Return a home with an open wave and a small delivery."""
    command = Command(home, **environment)
    command.done("init")
    command.done("study", "load", "creative-ai")
    command.done("simulate", "creative-ai", "--members", "80", "--wave", "2025")
    return command


def test_a_close_leaves_its_history_with_prefect(tmp_path, prefect_address):
    """The flow run and each of its steps are there, completed, with the keys as parameters."""
    command = simulated(tmp_path / "home", PREFECT_API_URL=prefect_address)
    command.done("wave", "open", "creative-ai", "2025")
    command.done("wave", "close", "creative-ai", "2025")
    runs = ask(prefect_address, "flow_runs/filter", flow_runs={"name": {"any_": ["close-creative-ai-2025"]}})
    mine = max(runs, key=lambda run: run["start_time"])
    assert mine["state_type"] == "COMPLETED"
    assert mine["parameters"] == {"study": "creative-ai", "wave": "2025"}
    steps = {}
    for _ in range(60):
        found = ask(prefect_address, "task_runs/filter", task_runs={"flow_run_id": {"any_": [mine["id"]]}})
        steps = {run["name"].rsplit("-", 1)[0]: run["state_type"] for run in found}
        if len(found) == 10 and set(steps.values()) == {"COMPLETED"}:
            break
        time.sleep(0.5)
    assert set(steps) == {"closing", "collect", "check", "merge", "weigh", "estimate", "release", "closed", "deliver"}
    assert set(steps.values()) == {"COMPLETED"}


def test_the_flows_register_as_deployments(prefect_address, tmp_path):
    """`prefect deploy` registers the flows of deploy/prefect.yaml from a folder that is not the project; one asks."""
    environment = {**os.environ, "PREFECT_API_URL": prefect_address, "DO_NOT_TRACK": "1"}
    prefect = [sys.executable, "-m", "prefect"]
    pool = [*prefect, "work-pool", "create", "panel", "--type", "process"]
    subprocess.run(pool, env=environment, cwd=tmp_path, capture_output=True, check=True)
    deploy = [*prefect, "--no-prompt", "deploy", "--all", "--prefect-file", str(ROOT / "deploy" / "prefect.yaml")]
    outcome = subprocess.run(deploy, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    found = {each["entrypoint"]: each for each in ask(prefect_address, "deployments/filter")}
    waves = {f"panel.flows.waves.{name}" for name in ("open_wave", "close_wave", "track_study")}
    asks = found.pop("panel.flows.calendar.do_due")
    assert set(found) == waves
    assert not any(each["schedules"] for each in found.values())
    assert [each["schedule"]["interval"] for each in asks["schedules"]] == [60.0]
    assert (asks["work_pool_name"], asks["parameters"], asks["paused"]) == ("panel", {}, False)
    assert asks["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"


def test_nothing_phones_home(tmp_path):
    """The main job, on a server of its own, looks up and reaches no address outside this machine."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    log = tmp_path / "guard.log"
    environment = {"PYTHONPATH": str(tmp_path / "guard"), "GUARD_LOG": str(log)}
    command = simulated(tmp_path / "home", **environment)
    command.environment.pop("PREFECT_API_URL", None)
    command.done("track", "creative-ai")
    assert not log.exists(), log.read_text()
