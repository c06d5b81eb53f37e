"""A full disk, a locked database, a newer one: a sentence, the right exit code, and nothing lost."""

import json
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functional.conftest import Command


@pytest.fixture(scope="module")
def delivered_home(loaded_home: Path, tmp_path_factory: pytest.TempPathFactory, prefect_address: str) -> Path:
    """Return a home with an open wave and a delivery in its inbox, to be copied."""
    home = tmp_path_factory.mktemp("delivered") / "home"
    command = Command(shutil.copytree(loaded_home, home), PREFECT_API_URL=prefect_address)
    command.done("simulate", "creative-ai", "--members", "60", "--wave", "2025")
    command.done("wave", "open", "creative-ai", "2025")
    return home


@pytest.fixture
def delivered(panelctl: Command, delivered_home: Path) -> Command:
    """Return the command in a home of its own with an open wave and a delivery in its inbox."""
    shutil.copytree(delivered_home, panelctl.home)
    return panelctl


def test_a_newer_database_is_left_alone(loaded):
    """A database that a newer version made is refused with 19, and what to do."""
    with sqlite3.connect(loaded.home / "panel.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    for command in (["wave", "status", "creative-ai"], ["init"]):
        outcome = loaded(*command)
        assert outcome.returncode == 19
        assert "newer version" in outcome.stderr
        assert "Traceback" not in outcome.stderr


def test_a_locked_database_is_said_after_waiting(loaded):
    """Another process that holds the database gives 20 and a sentence, after half a minute's patience."""
    holder = sqlite3.connect(loaded.home / "panel.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        outcome = loaded("wave", "open", "creative-ai", "2025")
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert outcome.returncode == 20
    assert "locked" in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize("kilobytes", [16, 64])
def test_a_full_disk_loses_nothing(delivered, kilobytes):
    """Where no file may grow further, taking in fails with 20, and works once there is room."""
    command = shlex.join([sys.executable, "-m", "panel.cli", "collect", "creative-ai", "2025"])
    outcome = subprocess.run(
        ["bash", "-c", f"ulimit -f {kilobytes}; exec {command}"],
        capture_output=True,
        text=True,
        env=delivered.environment,
    )
    assert outcome.returncode == 20, outcome.stderr
    assert "full" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    (receipt,) = json.loads(delivered.done("collect", "creative-ai", "2025", "--format", "json"))
    assert receipt["accepted"] >= 60
    assert receipt["rows"] == receipt["accepted"] + receipt["held"] + receipt["ignored"]


def test_a_changed_delivery_is_found_by_a_rebuild(delivered):
    """Bytes that changed on the disk stop a rebuild with 20, before anything is derived from them."""
    delivered.done("collect", "creative-ai", "2025")
    content = (delivered.home / "inbox" / "creative-ai" / "2025" / "creative-ai-2025.synthetic.csv").read_bytes()
    kept = next(
        path for path in (delivered.home / "blobs").rglob("*") if path.is_file() and path.read_bytes() == content
    )
    kept.write_bytes(content.replace(b"SYN", b"SYM"))
    outcome = delivered("rebuild", "creative-ai")
    assert outcome.returncode == 20
    assert "changed" in outcome.stderr
