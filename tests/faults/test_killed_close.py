"""Kill -9 during `wave close`, at every step, and run it again."""

import re
import shutil
from pathlib import Path

import pytest

from tests.functional.conftest import Command

STEPS = ("moved", "collected", "checked", "merged", "weighed", "estimated", "released")
"""The first words of the progress lines, one for each action that has just written to the store."""


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, prefect_address: str) -> Command:
    """Return a home with a wave that is open and has a delivery in its inbox."""
    home = tmp_path_factory.mktemp("kill") / "home"
    command = Command(home, PREFECT_API_URL=prefect_address)
    command.done("init")
    command.done("study", "load", "creative-ai")
    command.done("simulate", "creative-ai", "--members", "120", "--wave", "2025")
    command.done("wave", "open", "creative-ai", "2025")
    return command


@pytest.fixture(scope="module")
def undisturbed(ready: Command, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the digest of the release whose close was not disturbed."""
    command = _copy(ready, tmp_path_factory.mktemp("whole") / "home")
    command.done("wave", "close", "creative-ai", "2025")
    return _digest(command)


@pytest.mark.prefect
@pytest.mark.parametrize("step", STEPS)
def test_a_close_killed_at_any_step_ends_the_same(ready, undisturbed, tmp_path, step):
    """Killed right after a step wrote, the close run again loses nothing and does nothing twice."""
    command = _copy(ready, tmp_path / "home")
    assert _kill_at(command, step), f"the close never said '{step}'"
    command.done("wave", "close", "creative-ai", "2025")
    assert _digest(command) == undisturbed
    releases = [path.name for path in (command.home / "releases" / "creative-ai").iterdir() if path.name[0] != "."]
    assert releases == ["2025.1"]
    status = command.done("wave", "status", "creative-ai", "--format", "json")
    assert '"deliveries":1' in status.replace(" ", "").replace("\n", "")


def _copy(command: Command, home: Path) -> Command:
    shutil.copytree(command.home, home)
    return Command(home, PREFECT_API_URL=command.environment["PREFECT_API_URL"])


def _kill_at(command: Command, step: str) -> bool:
    with command.started("wave", "close", "creative-ai", "2025") as process:
        for line in process.stderr:
            if line.startswith(step):
                process.kill()
                return True
    return False


def _digest(command: Command) -> str:
    shown = command.done("show", "creative-ai", "--format", "csv")
    return re.search(r"digest,([0-9a-f]{64})", shown)[1]
