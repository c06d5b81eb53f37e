"""The monitor's commands, as a monitor types them."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from panel.cli.main import run

ROUTES = """
fallback = ["hook"]
[[target]]
key = "hook"
kind = "webhook"
address_variable = "PANEL_TEST_HOOK"
[[rule]]
name = "all"
targets = ["hook"]
timing = "at_once"
"""


class Hook(BaseHTTPRequestHandler):
    """A webhook that remembers."""

    def do_POST(self):
        """Take a message in."""
        self.server.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def hook():
    """Serve the webhook."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.taken = []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def typed(loaded, monkeypatch, capsys):
    """Return what runs a command in this process, and gives its exit code and what it printed."""
    for name in ("PANEL_HOME", "PANEL_PSEUDONYM_KEY"):
        monkeypatch.setenv(name, loaded.environment[name])

    def run_here(*arguments):
        code = run(arguments)
        return code, *capsys.readouterr()

    return run_here


def told(outcome):
    """Return the JSON that a command printed, which must have succeeded."""
    assert outcome[0] == 0, outcome[2]
    return json.loads(outcome[1])


@pytest.mark.prefect
def test_a_refused_close_reaches_its_target_and_is_seen_through(loaded, typed, hook, monkeypatch):
    """The gate refuses and the flow tells; a monitor takes it on, hands it over and resolves it, all on record."""
    loaded.environment["PANEL_TEST_HOOK"] = f"json://127.0.0.1:{hook.server_port}/hook"
    (loaded.home / "alerts.toml").write_text(ROUTES)
    loaded.done("wave", "open", "creative-ai", "2025")
    folder = loaded.home / "inbox" / "creative-ai" / "2025"
    folder.mkdir(parents=True, exist_ok=True)
    assert loaded("wave", "close", "creative-ai", "2025").returncode == 13
    monkeypatch.setenv("PANEL_TEST_HOOK", loaded.environment["PANEL_TEST_HOOK"])
    (arrived,) = hook.taken
    (alert,) = told(typed("alerts", "--format", "json"))
    assert (alert["check"], alert["severity"], alert["state"]) == ("gate:rows", "critical", "open")
    key = alert["incident"]
    assert key in arrived["title"]
    assert key in arrived["message"]
    assert typed("alerts", "ack", key, "--note", "it comes tomorrow", "--days", "2")[0] == 0
    assert typed("alerts", "assign", key, "analyst")[0] == 0
    shown = told(typed("alerts", "show", key, "--format", "json"))
    assert [each["event"] for each in shown["events"]] == ["failed", "acknowledge", "assign"]
    assert (shown["alert"]["owner"], shown["alert"]["state"]) == ("analyst", "acknowledged")
    assert [each["state"] for each in shown["posted"]] == ["sent", "waiting"]
    assert "it comes tomorrow" in typed("alerts", "show", key, "--format", "table")[1]
    assert told(typed("alerts", "deliver", "--format", "json"))[0]["sent"] == 1
    code, _, said = typed("alerts", "silence", key, "--until", "2099-01-01", "--reason", "never")
    assert (code, "90 days" in said) == (10, True)
    assert typed("alerts", "resolve", key, "--note", "done")[0] == 0
    assert typed("alerts", "ack", key, "--note", "late")[0] == 22
    assert told(typed("alerts", "--format", "json")) == []
    assert len(told(typed("alerts", "--all", "--format", "json"))) == 1


def test_targets_are_tried_and_what_is_wrong_is_said(loaded, typed, hook, monkeypatch):
    """Taken in is said; no address exits with 23, a name that is not there with 15, a broken file with 10."""
    (loaded.home / "alerts.toml").write_text(ROUTES)
    code, _, said = typed("alerts", "test", "hook")
    assert (code, "no address is set" in said) == (23, True)
    code, found, _ = typed("doctor", "--format", "csv")
    assert (code, "set the address of hook" in found) == (19, True)
    monkeypatch.setenv("PANEL_TEST_HOOK", f"json://127.0.0.1:{hook.server_port}/hook")
    assert "set the address" not in typed("doctor", "--format", "csv")[1]
    assert told(typed("alerts", "test", "hook", "--format", "json"))[0]["target"] == "hook"
    assert len(hook.taken) == 1
    for arguments in (["test", "hok"], ["show", "ffff"], ["history", "creative-ai", "panel:moon"]):
        assert typed("alerts", *arguments)[0] == 15
    (loaded.home / "alerts.toml").write_text(ROUTES.replace("webhook", "wehbook") + 'colour = "red"')
    code, _, said = typed("alerts")
    assert (code, "2 faults" in said, "Traceback" in said) == (10, True, False)
