"""What hands letters over: SMTP against a real mail server, and the mailbox that stands in for it in tests."""

import socket
import time
from dataclasses import replace
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller

from panel.contacts.smtp import SmtpMailer, is_bounce
from panel.errors import SettingsError
from panel.ports.contacts import Handover, Letter
from tests.unit.contact_factory import Mailbox

LETTER = Letter(
    key="0123456789abcdef", to="ank@mail.example", to_name="Ank de Vries, m.é.", sender="panel@bakers.example",
    sender_name="Bakkerspanel", reply_to="help@bakers.example", opt_out="https://bakers.example/stop/X", language="nl",
    subject="Uw vragenlijst – één", body="Beste Ank,\n\n.\nFrom hier: €\n",
)  # fmt: skip


class Server:
    """A mail server that remembers what it took in, and says of recipients and letters what it is told to."""

    def __init__(self):
        self.taken, self.says_of_recipient, self.says_of_letter = [], "250 ok", "250 taken"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - the library's name
        """Take a recipient or refuse."""
        if self.says_of_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.says_of_recipient

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        """Take a letter in or refuse."""
        if self.says_of_letter.startswith("250"):
            self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.says_of_letter


class Far:
    """A mailer, and how its far end is told to answer."""

    def __init__(self, mailer, server=None):
        self.mailer, self.server = mailer, server

    def refuse(self, outcome):
        """Refuse what comes, for now or for good."""
        if self.server is None:
            self.mailer.says = lambda _: Handover(outcome=outcome, reason="recipient")
        else:
            self.server.says_of_recipient = "550 5.1.1 nobody" if outcome == "bounced" else "451 4.3.0 later"

    def keys(self):
        """Return the key of each letter that arrived."""
        if self.server is None:
            return self.mailer.keys()
        return [each["Idempotency-Key"] for each in self.server.taken]


@pytest.fixture
def server():
    """Serve mail."""
    handler = Server()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    handler.port = port
    yield handler
    controller.stop()


@pytest.fixture(params=["mailbox", "smtp"])
def far(request):
    """Return each mailer."""
    if request.param == "mailbox":
        return Far(Mailbox())
    server = request.getfixturevalue("server")
    return Far(SmtpMailer(f"smtp://127.0.0.1:{server.port}", seconds=2), server)


def test_a_letter_that_is_taken_in_arrives_with_its_key_every_time(far):
    """Two attempts at one letter carry the same key."""
    assert [far.mailer.send(LETTER).outcome for _ in range(2)] == ["taken", "taken"]
    assert far.keys() == [LETTER.key, LETTER.key]


@pytest.mark.parametrize("outcome", ["refused", "bounced"])
def test_a_refusal_is_said_without_the_address_and_nothing_raised(far, outcome):
    """For now, or because there is no such address."""
    far.refuse(outcome)
    said = far.mailer.send(LETTER)
    assert said.outcome == outcome
    assert "ank" not in said.reason
    assert far.keys() == []


def test_the_mail_says_who_writes_and_how_to_stop(server):
    """Headers and text arrive as they were meant, in any script, a dot alone on its line too."""
    assert SmtpMailer(f"smtp://127.0.0.1:{server.port}").send(LETTER) == Handover(outcome="taken")
    (mail,) = server.taken
    assert mail["Message-ID"] == "<0123456789abcdef@bakers.example>"
    assert mail["Subject"] == LETTER.subject
    assert mail["To"].addresses[0].display_name == LETTER.to_name
    assert mail["List-Unsubscribe"] == "<https://bakers.example/stop/X>"
    assert mail.get_content().replace("\r\n", "\n") == LETTER.body


@pytest.mark.parametrize("said", ["451 4.3.0 later", "554 5.7.1 spam", "552 5.3.4 too big"])
def test_a_server_that_refuses_the_letter_is_tried_again(server, said):
    """A refusal of the content says nothing of the address: it is no bounce."""
    server.says_of_letter = said
    made = SmtpMailer(f"smtp://127.0.0.1:{server.port}").send(LETTER)
    assert (made.outcome, server.taken) == ("refused", [])


@pytest.mark.parametrize(
    ("code", "said", "is_one"),
    [
        (550, b"5.1.1 no such user", True),
        (550, b"no such user", True),
        (550, b"5.7.1 relaying denied", False),
        (552, b"5.2.2 mailbox full", False),
        (554, b"5.7.1 blocked", False),
        (450, b"4.2.1 try later", False),
    ],
)
def test_only_what_is_said_of_the_address_is_a_bounce(code, said, is_one):
    """Our server's policy, a full box and a delay are not."""
    assert is_bounce(code, said) is is_one


def test_a_server_that_is_away_or_hangs_is_said_within_the_time(server):
    """Nobody listens; somebody listens and says nothing."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        made = SmtpMailer(f"smtp://127.0.0.1:{silent.getsockname()[1]}", seconds=0.3).send(LETTER)
        assert made.outcome == "refused"
        assert time.monotonic() - began < 5
    assert SmtpMailer("smtp://127.0.0.1:9", seconds=0.3).send(LETTER).outcome == "refused"
    assert server.taken == []


def test_encryption_is_asked_for_and_not_done_without(server):
    """A server without STARTTLS is not given the letter; another machine is never written to in the open."""
    made = SmtpMailer(f"smtp+starttls://127.0.0.1:{server.port}", seconds=1).send(LETTER)
    assert (made.outcome, server.taken) == ("refused", [])
    for url in ("smtp://mail.example:25", "mail.example", "https://mail.example", "smtp://localhost:x"):
        with pytest.raises(SettingsError) as refused:
            SmtpMailer(url)
        assert url not in str(refused.value)


def test_an_address_that_makes_no_mail_is_refused(server):
    """A line break in an address reaches no server."""
    made = SmtpMailer(f"smtp://127.0.0.1:{server.port}").send(replace(LETTER, to="a@b.example\r\nBcc: c@d.example"))
    assert (made.outcome, server.taken) == ("refused", [])
