"""
Keep four workers doing actions and kill one of them at random, again and again; then let them finish.

Run as a script: database address, home, number of kills, seed. Each worker has a clock of its own that is an hour to a
day off. An action takes effect by making a file named by its key, which is made once; each delivery of it is a line.
Prints how many were killed.
"""

import os
import random
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from panel.model.incident import Reaction
from panel.store import SqlStore

LEASE_SECONDS = 3.0
"""Only a worker that is dead loses such a lease, on a busy machine too: five that are lost in a row end an action."""
SKEWS = (3_600.0, -3_600.0, 86_400.0, -86_400.0)


def work(url, home, number):
    """Do what is due until nothing is left to do."""
    real = time.time
    time.time = lambda: real() + SKEWS[number]  # whoever asked the worker's clock would be wrong by so much
    store = SqlStore(url, Path(home), busy_seconds=60.0)
    effects = Path(home) / "effects"
    while True:
        claimed = store.claim(LEASE_SECONDS, by=str(number), missing=lambda _entry: lambda _known: Reaction())
        if claimed is None:
            entries = store.actions("chaos")
            if not any(each.is_due for each in entries) or any(each.state == "failed" for each in entries):
                return
            time.sleep(0.02)
            continue
        name = claimed.entry.key.replace("/", "-")
        with suppress(FileExistsError):
            os.close(os.open(effects / name, os.O_CREAT | os.O_EXCL))
        with (Path(home) / "deliveries").open("a", encoding="utf-8") as lines:
            lines.write(f"{name}\n")
        time.sleep(0.001)
        store.settle(claimed, "complete", reason="", by=str(number), reacting=None)


def start(url, home, number):
    """Fork a worker and return its process id."""
    pid = os.fork()
    if pid == 0:
        try:
            work(url, home, number)
        finally:
            os._exit(0)
    return pid


def main(url, home, kills, seed):
    """Kill and replace workers; print how many died by it."""
    chance = random.Random(int(seed))
    (Path(home) / "effects").mkdir()
    workers, killed = [start(url, home, number) for number in range(4)], 0
    while killed < int(kills):
        time.sleep(chance.uniform(0.02, 0.12))
        number = chance.randrange(len(workers))
        os.kill(workers[number], signal.SIGKILL)
        _, status = os.waitpid(workers[number], 0)
        killed += os.WIFSIGNALED(status)
        if not os.WIFSIGNALED(status):
            break  # it had nothing left to do
        workers[number] = start(url, home, number)
    for worker in workers:
        with suppress(ChildProcessError):
            os.waitpid(worker, 0)
    sys.stdout.write(str(killed))


if __name__ == "__main__":
    main(*sys.argv[1:])
