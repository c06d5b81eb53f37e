"""
Keep three workers writing to members and kill one of them at random, again and again; then let them finish.

Run as a script: database address, home, key, port of the mail server, number of kills, seed. Prints how many were
killed.
"""

import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from panel.actions.delivery import Pace
from panel.actions.post import send
from panel.contacts.book import SealedBook
from panel.contacts.letters import JinjaLetters
from panel.contacts.smtp import SmtpMailer
from panel.contacts.vault import Vault
from panel.model.load_routing import load_routing
from panel.ports import Adapters
from panel.ports.contacts import Correspondence
from panel.store import SqlStore
from panel.store.contact_book import SealedRow, SealedRows

HURRY = Pace(first_seconds=0.05, most_seconds=0.2, attempts=200, lease_seconds=1.5, patience=1_000_000)
WORKERS, PATIENCE_SECONDS = 3, 0.4


class SystemClock:
    """The machine's clock."""

    def now(self):
        """Return the present moment."""
        return datetime.now(UTC)


def work(url, home, key, port):
    """Send until nothing waits."""
    clock = SystemClock()
    book = SealedBook(SealedRows(f"sqlite:///{home}/contacts.db"), Vault([key]), SealedRow, clock.now)
    mailer = SmtpMailer(f"smtp://127.0.0.1:{port}", seconds=PATIENCE_SECONDS)
    post = Correspondence(book=book, mailer=mailer, letters=JinjaLetters())
    app = Adapters(
        home=Path(home), store=SqlStore(url, Path(home)), checker=None, publisher=None, clock=clock, sender=None,
        routing=load_routing(""), pseudonym_key=b"k", permissions=frozenset(), source_for=None, study_files=None,
        held_cells=None, simulate=None, correspondence=lambda: post,
    )  # fmt: skip
    while send(app, HURRY).waiting:
        time.sleep(0.02)


def start(*arguments):
    """Fork a worker and return its process id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work(*arguments)
            code = 0
        finally:
            os._exit(code)
    return pid


def main(url, home, key, port, kills, seed):
    """Kill and replace workers; return how many died by it."""
    chance = random.Random(int(seed))
    JinjaLetters().faults  # noqa: B018 - what it needs is imported before the fork
    workers, killed = [start(url, home, key, port) for _ in range(WORKERS)], 0
    while killed < int(kills):
        time.sleep(chance.uniform(0.05, 0.25))
        number = chance.randrange(len(workers))
        os.kill(workers[number], signal.SIGKILL)
        _, status = os.waitpid(workers[number], 0)
        killed += os.WIFSIGNALED(status)
        if not os.WIFSIGNALED(status):
            break  # it had nothing left to do
        workers[number] = start(url, home, key, port)
    for worker in workers:
        try:
            os.waitpid(worker, 0)
        except ChildProcessError:
            continue
    sys.stdout.write(str(killed))


if __name__ == "__main__":
    main(*sys.argv[1:])
