"""A process of its own for a command, forked from one that has imported the program already: seconds are saved."""

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 600
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["panel.app", "panel.cli.main", "panel.checks.custom", __name__])
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # as the program says it before it imports the library


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `panelctl` to its end with these arguments and this environment, and return what it printed."""
    with tempfile.TemporaryDirectory(prefix="panelctl-") as folder:
        said = [Path(folder) / name for name in ("stdout", "stderr")]
        process = _FORKS.Process(target=_command, args=(list(arguments), dict(environment), list(map(str, said))))
        process.start()
        process.join(SECONDS)
        if process.is_alive():
            process.kill()
            raise subprocess.TimeoutExpired(arguments, SECONDS)
        stdout, stderr = (path.read_text("utf-8") if path.exists() else "" for path in said)
    return subprocess.CompletedProcess(arguments, process.exitcode, stdout, stderr)


def _command(arguments: list[str], environment: dict[str, str], said: list[str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, path in enumerate(said, start=1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    sys.argv = ["panelctl", *arguments]
    from panel.cli.main import main

    try:
        main()
    finally:
        atexit._run_exitfuncs()  # a forked process ends without them
