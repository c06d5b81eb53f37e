"""Alerts arrive although workers are killed, replies are lost and requests refused."""

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.faults.delivery_warden import ROUTES
from tests.unit.watch_factory import Watch, verdict

WARDEN = Path(__file__).with_name("delivery_warden.py")


class Receiver(ThreadingHTTPServer):
    """A webhook that loses one reply in ten and refuses one request in ten; remembers the key and text of the rest."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Hook)
        self.chance = random.Random(7)
        self.lock = threading.Lock()
        self.keys, self.texts, self.faults = [], [], Counter()


class Hook(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Take a message in, lose the reply, or refuse it."""
        length = int(self.headers["Content-Length"])
        text = self.rfile.read(length).decode()
        if len(text.encode()) < length:
            return  # whoever sent it was killed on the way
        time.sleep(0.01)
        with self.server.lock:
            drawn = self.server.chance.random()
            if drawn >= 0.1:
                self.server.keys.append(self.headers["Idempotency-Key"])
                self.server.texts.append(text)
            self.server.faults["refused" if drawn < 0.1 else "lost" if drawn < 0.2 else "answered"] += 1
        if 0.1 <= drawn < 0.2:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(503 if drawn < 0.1 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def handle(self):
        """Serve, and say nothing of a client that was killed."""
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True

    def finish(self):
        """Let go of a connection, which may be closed already."""
        try:
            super().finish()
        except (OSError, ValueError):
            return

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def receiver():
    """Serve the webhook while a test runs."""
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("database", "count"), [("sqlite", 400), ("postgres", 120)])
def test_no_alert_is_lost_and_duplicates_are_known_by_their_incident(request, tmp_path, receiver, database, count):
    """Killed at random at least twenty times: every incident arrives, and one that arrives twice has the same key."""
    url = request.getfixturevalue("postgres_url") if database == "postgres" else ""
    watch = Watch(tmp_path, ROUTES, url)
    watch.run(*(verdict(f"panel:{number}") for number in range(count)))
    incidents = {each.id for each in watch.incidents()}
    watch.app.store.close()
    outcome = subprocess.run(
        [sys.executable, str(WARDEN), url or f"sqlite:///{tmp_path / 'panel.db'}", str(tmp_path), "20", "11"],
        capture_output=True,
        text=True,
        timeout=300,
        env={
            **os.environ,
            "PANEL_TEST_HOOK": f"json://127.0.0.1:{receiver.server_port}/hook",
            "PYTHONPATH": str(WARDEN.parents[2]),
        },
    )
    assert outcome.returncode == 0, outcome.stderr[-2000:]
    assert int(outcome.stdout) >= 20, "the workers were done before they were killed often enough"
    assert min(receiver.faults["lost"], receiver.faults["refused"]) >= count // 20
    told = Counter(receiver.keys)
    assert {key.split(".")[0] for key in told} == incidents
    assert len(incidents) == count == len(told)
    assert sum(told.values()) > count  # lost replies alone see to that
    for key, text in zip(receiver.keys, receiver.texts, strict=True):
        assert f"incident {key.split('.')[0]}" in text
    posted = Watch(tmp_path, ROUTES, url).app.store
    assert {each.state for each in posted.posted()} == {"sent"}
    posted.close()
