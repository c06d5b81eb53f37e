"""
Keep two workers delivering and kill one of them at random, again and again, as `kill -9` does; then let them finish.

Run as a script: database address, home, number of kills, seed. It imports everything once and forks, so that a worker
that is killed is replaced at once. Prints how many were killed.
"""

import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from apprise import Apprise

from panel.actions.delivery import Pace, deliver_due
from panel.alerts import AppriseSender
from panel.model.load_routing import load_routing
from panel.ports import Adapters
from panel.settings import address_of
from panel.store import SqlStore

ROUTES = """
fallback = ["hook"]

[[target]]
key = "hook"
kind = "webhook"
address_variable = "PANEL_TEST_HOOK"
"""
HURRY = Pace(first_seconds=0.05, most_seconds=0.2, attempts=100, lease_seconds=0.5, patience=1_000_000)


class SystemClock:
    """The machine's clock."""

    def now(self):
        """Return the present moment."""
        return datetime.now(UTC)


def work(url, home):
    """Deliver until nothing waits."""
    store = SqlStore(url, Path(home))
    app = Adapters(
        home=Path(home), store=store, checker=None, publisher=None, clock=SystemClock(),
        sender=AppriseSender(address_of), routing=load_routing(ROUTES),
        pseudonym_key=b"", permissions=frozenset(), source_for=None, study_files=None, held_cells=None,
        simulate=None,
    )  # fmt: skip
    while deliver_due(app, HURRY).waiting:
        time.sleep(0.02)


def start(url, home):
    """Fork a worker and return its process id."""
    pid = os.fork()
    if pid == 0:
        try:
            work(url, home)
        finally:
            os._exit(0)
    return pid


def main(url, home, kills, seed):
    """Kill and replace workers; return how many died by it."""
    chance = random.Random(int(seed))
    Apprise.instantiate(os.environ["PANEL_TEST_HOOK"])  # its plugins are read before the fork
    workers, killed = [start(url, home) for _ in range(2)], 0
    while killed < int(kills):
        time.sleep(chance.uniform(0.02, 0.15))
        number = chance.randrange(len(workers))
        os.kill(workers[number], signal.SIGKILL)
        _, status = os.waitpid(workers[number], 0)
        killed += os.WIFSIGNALED(status)
        if not os.WIFSIGNALED(status):
            break  # it had nothing left to do
        workers[number] = start(url, home)
    for worker in workers:
        try:
            os.waitpid(worker, 0)
        except ChildProcessError:
            continue
    sys.stdout.write(str(killed))


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore", DeprecationWarning)
    main(*sys.argv[1:])
