"""A process of its own for a command, forked from one that has imported the program already: seconds are saved."""

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TextIO

SECONDS = 600
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "tests.functional.preloaded"])


@dataclass(frozen=True)
class Started:
    """A command that runs, and what it writes to stderr while it does."""

    process: ForkServerProcess
    stderr: TextIO

    def kill(self) -> None:
        """Kill it, which it cannot know of (signal 9)."""
        self.process.kill()


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `panelctl` to its end with these arguments and this environment, and return what it printed."""
    with tempfile.TemporaryDirectory(prefix="panelctl-") as folder:
        said = [Path(folder) / name for name in ("stdout", "stderr")]
        process = _forked(arguments, environment, *said)
        process.join(SECONDS)
        if process.is_alive():
            process.kill()
            raise subprocess.TimeoutExpired(arguments, SECONDS)
        stdout, stderr = (path.read_text("utf-8") if path.exists() else "" for path in said)
    return subprocess.CompletedProcess(arguments, process.exitcode, stdout, stderr)


@contextmanager
def started(arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator[Started]:
    """Start `panelctl` with these arguments and this environment; when the block is left, it has ended."""
    reader, writer = _FORKS.Pipe(duplex=False)
    process = _forked(arguments, environment, Path(os.devnull), writer)
    writer.close()
    try:
        with reader, open(reader.fileno(), encoding="utf-8", closefd=False) as stderr:
            yield Started(process, stderr)
        process.join(SECONDS)
        if process.is_alive():
            raise subprocess.TimeoutExpired(arguments, SECONDS)
    finally:
        process.kill()
        process.join()


def _forked(
    arguments: Sequence[str], environment: Mapping[str, str], stdout: Path, stderr: Path | Connection
) -> ForkServerProcess:
    process = _FORKS.Process(target=_command, args=(list(arguments), dict(environment), stdout, stderr))
    process.start()
    return process


def _command(arguments: list[str], environment: dict[str, str], *said: Path | Connection) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, place in enumerate(said, start=1):
        is_file = isinstance(place, Path)
        file = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if is_file else place.fileno()
        os.dup2(file, descriptor)
        os.close(file) if is_file else place.close()
    sys.argv = ["panelctl", *arguments]
    from panel.cli.main import main

    try:
        main()
    finally:
        atexit._run_exitfuncs()  # a forked process ends without them
