"""Letters arrive although senders are killed and the mail server fails, hangs or is late; none to who must not."""

import asyncio
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from panel.contacts.vault import new_key
from tests.unit.contact_factory import Office, response

WARDEN = Path(__file__).with_name("post_warden.py")
SAYS = ("complete", "refused", "withdrawn")
COUNT, KILLS = 1_000, 20


class Sink:
    """A mail server that refuses, hangs, and takes letters in without saying so in time; remembers what it took in."""

    def __init__(self):
        self.chance = random.Random(3)
        self.arrived, self.faults = [], Counter()

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - the library's name
        """Take a letter in, or do one of the things that mail servers do."""
        drawn = self.chance.random()
        if drawn < 0.15:
            self.faults["refused"] += 1
            return "451 4.3.0 later"
        if drawn < 0.17:
            self.faults["hung"] += 1
            await asyncio.sleep(1.0)
            return "451 4.3.0 later"
        headers = envelope.content.partition(b"\r\n\r\n")[0].decode()
        key = next(line.partition(": ")[2] for line in headers.splitlines() if line.startswith("Idempotency-Key"))
        self.arrived.append((key, envelope.rcpt_tos[0]))
        if drawn < 0.19:
            self.faults["late"] += 1
            await asyncio.sleep(1.0)
        return "250 taken"


@pytest.fixture
def sink():
    """Serve mail while a test runs."""
    handler = Sink()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    handler.port = port
    yield handler
    controller.stop()


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_every_letter_arrives_and_none_to_who_answered_refused_or_withdrew(request, tmp_path, sink, database):
    """Senders killed twenty times: each letter arrives, duplicates carry the same key, none is given up."""
    url = request.getfixturevalue("postgres_url") if database == "postgres" else ""
    key = new_key()
    office = Office(tmp_path, url, members=COUNT, key=key)
    office.open()
    assert office.select().allowed == COUNT
    early, during = office.members[:30], office.members[-COUNT // 16 :]
    for number, member in enumerate(early):
        response(office, member, SAYS[number % 3])
    warden = subprocess.Popen(
        [
            *(sys.executable, str(WARDEN), url or f"sqlite:///{tmp_path / 'panel.db'}", str(tmp_path), key),
            *(str(sink.port), str(KILLS), "11"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(WARDEN.parents[2])},
    )
    seen = {}
    for number, member in enumerate(during):  # they answer while letters are leaving
        response(office, member, SAYS[number % 3])
        seen[member] = len(office.store.contact_decisions("bakers", member=member))
        time.sleep(0.03)
    out, err = warden.communicate(timeout=240)
    assert warden.returncode == 0, err[-2000:]
    assert int(out) >= KILLS, "the senders were done before they were killed often enough"
    assert min(sink.faults[each] for each in ("refused", "hung", "late")) >= COUNT // 100

    decisions = office.store.contact_decisions("bakers")
    for member, before in seen.items():
        after = [each for each in decisions if each.member == member][before:]
        assert all(each.verdict == "held" for each in after), "a letter left after its member had said something"
    arrived = Counter(sink.arrived)
    assert not {address.partition("@")[0] for _, address in arrived} & set(early)
    attempts = Counter(each.member for each in decisions if (each.stage, each.verdict) == ("sending", "allowed"))
    assert all(count <= attempts[address.partition("@")[0]] for (_, address), count in arrived.items())

    contacts = office.store.contacts("bakers")
    held = {each.member for each in contacts if each.state == "held"}
    assert {each.state for each in contacts} == {"sent", "held"}
    assert held <= {*early, *during}
    assert set(early) <= held
    keys = {each.member: each.key for each in contacts}
    assert {address.partition("@")[0] for _, address in arrived} >= set(keys) - held
    assert all(keys[address.partition("@")[0]] == told for told, address in arrived)
    assert sum(arrived.values()) > len(arrived)  # late answers and kills alone see to that
    office.close()
