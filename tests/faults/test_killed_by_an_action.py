"""An action that kills whoever does it is given up; the worker after that lives, and does the rest."""

import os
import signal
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from panel.model.action import MOST_LAPSES
from panel.model.incident import Reaction
from panel.store import SqlStore, migrate
from tests.faults.test_killed_ledger import actions


def work(url, home, deadly):
    """Do what is due until nothing is; be killed by one action."""
    store = SqlStore(url, home, busy_seconds=60.0)
    while claimed := store.claim(60.0, by=str(os.getpid()), missing=lambda _entry: lambda _known: Reaction()):
        if claimed.entry.key == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        store.settle(claimed, "complete", reason="", by="me", reacting=None)
    store.close()


def ended_by(url, home, deadly):
    """Return the signal that ended a worker, 0 where it went home."""
    pid = os.fork()
    if pid == 0:
        try:
            work(url, home, deadly)
        finally:
            os._exit(0)
    status = os.waitpid(pid, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_an_action_that_kills_its_workers_is_given_up(request, tmp_path, database):
    """Five real processes die of it; the next one lives, all other waves are done, its own waits for somebody."""
    url = request.getfixturevalue("postgres_url") if database == "postgres" else f"sqlite:///{tmp_path / 'panel.db'}"
    migrate(url)
    store = SqlStore(url, tmp_path)
    store.plan_actions("chaos", actions(15), since=datetime(2000, 1, 1, tzinfo=UTC), by="me", at=datetime.now(UTC))
    deadly = "chaos/2/open/1"
    ends = []
    while not ends or ends[-1]:
        ends.append(ended_by(url, tmp_path, deadly))
        with store._writes() as connection:  # a minute later
            connection.execute(text("UPDATE wave_action SET lease_until = 0 WHERE state = 'running'"))
        assert len(ends) < 20
    assert ends == [*[signal.SIGKILL] * MOST_LAPSES, 0]
    states = {each.key: each.state for each in store.actions("chaos")}
    assert states.pop(deadly) == "failed"
    waiting = {key for key, state in states.items() if state == "planned"}
    assert waiting == {f"chaos/2/{kind}/1" for kind in ("invite", "remind", "thank")}
    assert {state for key, state in states.items() if key not in waiting} == {"done"}
    store.close()
