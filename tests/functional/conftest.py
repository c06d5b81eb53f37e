"""Run the command as a user does: a process and a home of its own, one Prefect server for all."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.functional import forked


class Command:
    """`panelctl` in a home."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PANEL_")},
            "PANEL_HOME": str(home),
            "PANEL_PSEUDONYM_KEY": "a key for tests",
            "PANEL_CONTACTS_URL": "nowhere://",  # the pipeline runs without contact details, in every test
            "PANEL_CONTACTS_KEY_FILE": str(home / "no-such.key"),
            **environment,
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run to the end in a process of its own and return what it printed."""
        # what an environment asks of the interpreter, only a new one does
        if self.environment.get("PYTHONPATH") != os.environ.get("PYTHONPATH"):
            command = [sys.executable, "-m", "panel.cli", *arguments]
            return subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=forked.SECONDS)
        return forked.run(arguments, self.environment)

    def done(self, *arguments: str) -> str:
        """Run a command that must succeed and return its stdout."""
        outcome = self(*arguments)
        assert outcome.returncode == 0, f"{arguments}: {outcome.stderr}"
        return outcome.stdout

    def started(self, *arguments: str) -> AbstractContextManager[forked.Started]:
        """Start a command whose stderr is read line by line."""
        return forked.started(arguments, self.environment)


@pytest.fixture
def panelctl(tmp_path: Path, prefect_address: str) -> Command:
    """Return the command in a new home."""
    return Command(tmp_path / "home", PREFECT_API_URL=prefect_address)


@pytest.fixture(scope="session")
def loaded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with `creative-ai` loaded, to be copied."""
    command = Command(tmp_path_factory.mktemp("loaded") / "home")
    command.done("init")
    command.done("study", "load", "creative-ai")
    return command.home


@pytest.fixture
def loaded(panelctl: Command, loaded_home: Path) -> Command:
    """Return the command in a home of its own with `creative-ai` loaded."""
    shutil.copytree(loaded_home, panelctl.home)
    return panelctl


@pytest.fixture(scope="session")
def prefect_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve Prefect's API once for the whole session, as a user's own server would be."""
    from panel.flows import server

    with server.served(tmp_path_factory.mktemp("prefect")) as address:
        yield address
