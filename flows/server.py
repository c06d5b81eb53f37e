"""
The Prefect API of the embedded default: one child process, supervised, for as long as flows run.

Prefect keeps run history, retries and logs; the panel database keeps the truth. Where PREFECT_API_URL names a server,
that one is used and no child is started. Nothing here imports Prefect until the settings that keep it quiet are set.
"""

from __future__ import annotations

import ctypes
import fcntl
import logging
import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from panel.errors import SettingsError, StorageError

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}
"""Prefect neither phones home nor prints tracebacks; its recorder writes in batches, which SQLite needs."""

_READY_WITHIN_SECONDS = 120
_SIGNAL_WHEN_PARENT_DIES = 1  # PR_SET_PDEATHSIG of prctl(2)
_PRCTL = ctypes.CDLL(None).prctl


@contextmanager
def prefect_api(home: Path, patience: float = math.inf) -> Iterator[str]:
    """
    Make a Prefect API available to the flows called inside the block, and yield its address.

    One process at a time runs flows in one home; a second one waits for it, `patience` seconds at most. Runs that an
    earlier process left behind, because it was killed, are marked as crashed.

    Raises:
        SettingsError: the server did not become ready; its last words are in `home/prefect/server.log`. Or the one
            that PREFECT_API_URL names does not answer, or another process ran flows all the while. Each may pass.
    """
    given = os.environ.get("PREFECT_API_URL")
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    if given:
        _must_answer(given)
        with _client_settings(given):
            yield given
        return
    folder = home / "prefect"
    os.environ.setdefault("PREFECT_HOME", str(folder))
    with _alone_in(folder, patience), served(folder, meanwhile=_import_flows) as address, _client_settings(address):
        _mark_crashed()
        try:
            yield address
        finally:
            _send_what_waits()


def _must_answer(address: str) -> None:
    try:
        urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=10).close()  # noqa: S310 - the user's own server
    except urllib.error.HTTPError:
        return  # it asks who we are, so it is there
    except (OSError, ValueError) as error:
        raise SettingsError(
            "The Prefect server at PREFECT_API_URL does not answer.",
            fix="start it, correct the address, or unset it: a server of this home is used then",
            passes=not isinstance(error, ValueError),
        ) from None


@contextmanager
def _alone_in(folder: Path, patience: float) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        what = f"{folder} cannot be used: {error.strerror}."
        raise StorageError(what, fix="free space, or set PANEL_HOME") from error
    with lock:
        _take(lock, patience)
        yield


def _take(lock: IO[str], patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                what = "Another process runs flows in this home."
                raise SettingsError(what, fix="wait until it is done", passes=True) from None
            time.sleep(0.1)
        else:
            return


def _import_flows() -> None:
    import panel.flows.waves  # noqa: F401 - seconds that the server needs too, on the other core


@contextmanager
def served(folder: Path, meanwhile: Callable[[], None] | None = None) -> Iterator[str]:
    """
    Run a Prefect server with its database in `folder` while the block runs, and yield its address.

    `meanwhile` is done while the server starts, which takes seconds; what it raises ends the server.

    Raises:
        SettingsError: the server did not become ready; its last words are in `folder/server.log`.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}/api"
    with (folder / "server.log").open("w") as log:
        server = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"]
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and fixed arguments
            [*server, "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"],
            env={**os.environ, **QUIET, "PREFECT_HOME": str(folder)},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - prctl is all it calls, looked up before: threads may be running
            start_new_session=True,
        )
    try:
        if meanwhile:
            meanwhile()
        _wait_until_ready(child, address, folder)
        yield address
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _die_with_parent() -> None:
    _PRCTL(_SIGNAL_WHEN_PARENT_DIES, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(child: subprocess.Popen[bytes], address: str, folder: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address}/ready", timeout=2).close()  # noqa: S310 - our own loopback address
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise SettingsError(
        "The Prefect server of this home did not start.",
        fix=f"read {folder / 'server.log'}; `panelctl doctor` names packages that do not fit together",
        passes=True,
    )


@contextmanager
def _client_settings(address: str) -> Iterator[None]:
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    # Short flows in this process: a heartbeat would keep each one waiting for its thread to end.
    with temporary_settings({PREFECT_API_URL: address, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


def _send_what_waits() -> None:
    """Let Prefect's client send the events it still holds, while there is a server to take them."""
    from prefect.events.worker import EventsWorker

    logging.getLogger(EventsWorker.__name__).setLevel(logging.ERROR)  # a queue that empties is no news
    EventsWorker.drain_all()


def _mark_crashed() -> None:
    """Close the runs of a killed process: this home is ours alone, so nothing else can be running in it."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.states import Crashed

    running = FlowRunFilter.model_validate({"state": {"type": {"any_": ["RUNNING", "PENDING"]}}})
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=running):
            state: Any = Crashed(message="The process that ran this was killed; running it again is safe.")
            client.set_flow_run_state(run.id, state, force=True)
