"""The ticker: APScheduler asks, again and again, what is due. It keeps nothing; the ledger does."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from panel.errors import SettingsError

log = logging.getLogger(__name__)
HEALTH = "/health"


class Unwell(Exception):
    """A job did what it could, and says in words that anybody may read what it could not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something that is done every so many seconds; `within` so many its next step, or its end, is to be seen."""

    act: Callable[[], object]
    every: float
    within: float = 900.0


class Ticker:
    """
    Runs jobs at intervals until it is stopped, each one at a time and never twice at once.

    A job that raises is logged by the kind of its error and runs again at its next time. Missed times are one run:
    what was due meanwhile is in the ledger. Its jobs are in memory only.
    """

    def __init__(self, jobs: Mapping[str, Job]) -> None:
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a run that is still at it is no news
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(len(jobs))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._jobs = dict(jobs)
        self._last: dict[str, str] = dict.fromkeys(jobs, "has not run yet")
        self._seen: dict[str, float] = dict.fromkeys(jobs, time.monotonic())
        self._at_it: set[str] = set()
        for name, job in jobs.items():
            run = self._guarded(name, job.act)
            now = datetime.now(UTC)
            self._scheduler.add_job(run, "interval", seconds=job.every, id=name, next_run_time=now)

    def _guarded(self, name: str, act: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            self._at_it.add(name)
            self.beat(name)
            try:
                act()
            except Unwell as error:
                self._last[name] = f"failed: {error}"
            except Exception as error:  # noqa: BLE001 - the ticker outlives its jobs
                log.error("job %s failed: %s", name, type(error).__name__)
                self._last[name] = f"failed: {type(error).__name__}"
            else:
                self._last[name] = "ok"
            finally:
                self.beat(name)
                self._at_it.discard(name)

        return run

    def beat(self, name: str) -> None:
        """Note that a job came a step further: one with many steps may take long, and hangs only in one of them."""
        self._seen[name] = time.monotonic()

    @property
    def health(self) -> Mapping[str, str]:
        """
        Return by job how its last run went.

        One that has not run yet is not well, nor is one that hangs: it has shown no step and no end within its limit,
        or was not begun again for as long after its time. What its last run came to says nothing then.
        """
        return {name: self._how(name, job) for name, job in self._jobs.items()}

    def _how(self, name: str, job: Job) -> str:
        silent = time.monotonic() - self._seen[name]
        if name in self._at_it and silent > job.within:
            return f"hangs: no step for {silent:.0f} s"
        if name not in self._at_it and silent > job.every + job.within:
            return f"stopped: not begun for {silent:.0f} s"
        return self._last[name]

    def start(self) -> None:
        """Begin; every job runs at once and then at its interval."""
        self._scheduler.start()

    def stop(self, within_seconds: float = 4.0) -> bool:
        """
        Start nothing more, and wait so long for what runs; return whether all of it ended.

        What did not end is left behind as by a kill: its lease ends, and another worker does it.
        """
        self._scheduler.pause()
        waiting = threading.Thread(target=self._scheduler.shutdown, kwargs={"wait": True}, daemon=True)
        waiting.start()
        waiting.join(within_seconds)
        return not waiting.is_alive()


class HealthEndpoint:
    """Answers `GET /health`, that path and no other: 200 where every job's last run went well, else 503."""

    def __init__(self, port: int, health: Callable[[], Mapping[str, str]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = health() if self.path == HEALTH else None
                is_well = found is not None and all(each == "ok" for each in found.values())
                self.send_response(404 if found is None else 200 if is_well else 503)
                body = b"" if found is None else json.dumps({"jobs": dict(found), "ok": is_well}).encode()
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing: the log is for the ledger."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError:
            raise SettingsError(
                f"Port {port} is taken, so nobody could ask how this is.", fix="choose another: --port 8701"
            ) from None
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
