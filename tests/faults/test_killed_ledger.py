"""Every action takes effect once although workers are killed and their clocks are wrong."""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from panel.calendar import Due
from panel.model.agenda import KINDS
from panel.store import SqlStore, migrate

WARDEN = Path(__file__).with_name("ledger_warden.py")
SEEDS = range(int(os.environ.get("PANEL_TEST_SEEDS", "1")))
"""One seed by default; PANEL_TEST_SEEDS=5 for the whole of it."""


def actions(count):
    """Return so many actions of many waves, all of them due."""
    start = datetime.now(UTC) - timedelta(days=1)
    kinds = KINDS[:5]
    return [
        Due(
            study="chaos", wave=1 + number // len(kinds), wave_key="", kind=kinds[number % len(kinds)], ordinal=1,
            local=start.replace(tzinfo=None), zone="UTC", at=start + timedelta(seconds=number),
            precedence=number % len(kinds), late="run", not_after=start,
        )
        for number in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_every_action_takes_effect_once(request, tmp_path, database, seed):
    """1,500 actions, four workers, fifty kills, clocks an hour to a day off: none missed, none twice, order kept."""
    url = request.getfixturevalue("postgres_url") if database == "postgres" else f"sqlite:///{tmp_path / 'panel.db'}"
    migrate(url)
    store = SqlStore(url, tmp_path)
    due = actions(1_500)
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    for _ in range(2):  # two servers plan the same calendar
        store.plan_actions("chaos", due, since=long_ago, by="me", at=datetime.now(UTC))
    outcome = subprocess.run(
        [sys.executable, str(WARDEN), url, str(tmp_path), "50", str(seed)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(WARDEN.parents[2])},
    )
    assert outcome.returncode == 0, outcome.stderr[-2000:]
    assert int(outcome.stdout) >= 50, "the workers were done before they were killed often enough"
    entries = store.actions("chaos")
    keys = {each.key.replace("/", "-") for each in entries}
    assert Counter(each.state for each in entries) == {"done": 1_500}
    assert {each.name for each in (tmp_path / "effects").iterdir()} == keys
    delivered = Counter((tmp_path / "deliveries").read_text(encoding="utf-8").split())
    assert set(delivered) == keys  # a duplicate of a delivery has the same key
    assert all(each.lateness > 0 for each in entries)
    done = sorted(entries, key=lambda each: each.done_at)
    for wave in {each.wave for each in entries}:
        assert [each.precedence for each in done if each.wave == wave] == list(range(5))
    store.close()
