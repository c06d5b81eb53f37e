"""What delivers alerts: Apprise against a real web and mail server, and the sink that stands in for it in tests."""

import json
import socket
import threading
from dataclasses import replace
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller

from panel.alerts import AppriseSender
from panel.alerts.text import body, harmless, title
from panel.model.incident import Message
from panel.model.routing import Target
from tests.unit.watch_factory import START, Sink

MESSAGE = Message(
    key="ab12cd34ef.1.x", incident="ab12cd34ef", notice="opened", study="bakers", suite="panel", check="panel:size",
    subgroup="", wave="2026", severity="critical", owner="operator", why="It must hold.", occurrences=3,
    checked_count=100, failing_count=10, is_broken=False, is_synthetic=True, at=START, opened_at=START,
)  # fmt: skip
HOSTILE = (
    "<script>alert(1)</script> <!channel> @all *b* `c` [x](http://evil.example) \x1b[2J\u202e\r\nBcc: a@b.nl &amp;"
)


class Web(BaseHTTPRequestHandler):
    """Remembers what is posted; refuses with the status it is told to."""

    def do_POST(self):
        """Take in or refuse."""
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.server.status == 200:
            self.server.taken.append((text, self.headers))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        """Say nothing."""


class Mail:
    """Remembers mails; refuses with the status it is told to."""

    def __init__(self):
        self.taken, self.status = [], 200

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - the library's name
        """Take in or refuse."""
        if self.status != 200:
            return "451 later"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.taken.append((f"{mail['Subject']}\n{mail.get_body().get_content()}", mail))
        return "250 taken"


def free_port():
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    """A sender, a target, and what arrived there."""

    def __init__(self, sender, kind, far):
        self.sender, self.target, self.far = sender, Target(key="t", kind=kind, address_variable="X"), far

    def texts(self):
        """Return the text of everything that arrived."""
        return [
            json.dumps(json.loads(text), ensure_ascii=False) if text[:1] == "{" else text for text, _ in self.far.taken
        ]


@pytest.fixture
def web():
    """Serve the web."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.taken, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def mail():
    """Serve mail."""
    handler = Mail()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    handler.port = controller.port
    yield handler
    controller.stop()


class SinkFar:
    """What a sink took in, as a far end has it."""

    def __init__(self, sink):
        self.sink = sink
        sink.refuses = lambda _: "" if self.status == 200 else "not taken in"
        self.status = 200

    @property
    def taken(self):
        """Return each message as text."""
        return [(title(messages) + "\n" + body(messages), None) for _, messages in self.sink.taken]


@pytest.fixture(params=["sink", "webhook", "mattermost", "ntfy", "slack", "teams", "email"])
def bench(request, monkeypatch):
    """Return each kind of target with its sender."""
    kind = request.param
    if kind == "sink":
        sink = Sink()
        return Bench(sink, "webhook", SinkFar(sink))
    if kind == "email":
        far = request.getfixturevalue("mail")
        address = f"mailto://127.0.0.1:{far.port}?from=panel@example.org&to=ops@example.org&mode=insecure"
        return Bench(AppriseSender(lambda _: address), kind, far)
    far = request.getfixturevalue("web")
    place = f"127.0.0.1:{far.server_port}"
    if kind == "slack":  # its address is fixed in the plugin, so the plugin is pointed at the local server
        from apprise.plugins.slack import NotifySlack

        monkeypatch.setattr(NotifySlack, "webhook_url", f"http://{place}/slack")
    if kind == "teams":
        import apprise.plugins.workflows as workflows

        class Local:
            """The library's way to the network, with the local server in the place of the https host."""

            codes, RequestException = workflows.requests.codes, workflows.requests.RequestException

            @staticmethod
            def post(url, **more):
                """Post to the same path of the local server."""
                import requests

                return requests.post(f"http://{place}/{url.split('/', 3)[3]}", **more)

        monkeypatch.setattr(workflows, "requests", Local)
    address = {
        "webhook": f"json://{place}/hook",
        "mattermost": f"mmost://{place}/abcdefghijklmnop",
        "ntfy": f"ntfy://{place}/panel",
        "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "teams": "workflows://teams.example/643a03a03b2/s1gnature-abc",
    }[kind]
    return Bench(AppriseSender(lambda _: address), kind, far)


def test_a_message_arrives_whole_with_its_incident(bench):
    """Taken in is said, and the incident's id, the check and the label SYNTHETIC are in what arrived."""
    sent = bench.sender.send(bench.target, [MESSAGE])
    assert (sent.is_taken, sent.reason) == (True, "")
    (text,) = bench.texts()
    for part in ("ab12cd34ef", "panel:size", "SYNTHETIC", "10 of 100 rows", "It must hold."):
        assert part in text


def test_a_digest_names_every_incident(bench):
    """Several messages are one delivery, each with its incident."""
    others = [replace(MESSAGE, incident=f"{number:010d}", key=str(number)) for number in range(40)]
    bench.sender.send(bench.target, others)
    text = "".join(bench.texts())
    assert len(bench.texts()) == 1
    assert all(each.incident in text for each in others)


def test_a_refusal_is_said_and_nothing_raised(bench):
    """A target that refuses has not taken it in."""
    bench.far.status = 503
    sent = bench.sender.send(bench.target, [MESSAGE])
    assert (sent.is_taken, sent.reason, bench.far.taken) == (False, "not taken in", [])


def test_hostile_text_is_harmless(bench):
    """It pings nobody, opens no link, is no markup, adds no header and moves no cursor."""
    bench.sender.send(bench.target, [replace(MESSAGE, why=HOSTILE, owner=HOSTILE, subgroup=HOSTILE, check=HOSTILE)])
    (text,) = bench.texts()
    for part in ("<script", "<!channel", "@all", "*b*", "[x]", "http://evil", "\x1b", "\u202e", "\nBcc:", "&amp;"):
        assert part not in text, part
    if bench.target.kind == "email":
        assert bench.far.taken[0][1]["Bcc"] is None


def test_a_webhook_gets_an_idempotency_key(web):
    """The key is the same for every attempt at one message."""
    sender = AppriseSender(lambda _: f"json://127.0.0.1:{web.server_port}/hook")
    for _ in range(2):
        sender.send(Target(key="t", kind="webhook", address_variable="X"), [MESSAGE])
    assert [headers["Idempotency-Key"] for _, headers in web.taken] == [MESSAGE.key] * 2


def test_parcels_with_other_messages_are_no_duplicates(web):
    """The same several messages have the same key; with one more they have another, so none is taken for a repeat."""
    sender = AppriseSender(lambda _: f"json://127.0.0.1:{web.server_port}/hook")
    two = [MESSAGE, replace(MESSAGE, key="ab12cd34ef.2.x")]
    for several in (two, two, [*two, replace(MESSAGE, key="ab12cd34ef.3.x")]):
        sender.send(Target(key="t", kind="webhook", address_variable="X"), several)
    first, again, more = [headers["Idempotency-Key"] for _, headers in web.taken]
    assert first == again != more


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (None, "no address is set"),
        ("pigeon://loft", "the address is none that Apprise knows"),
        ("json://host/secret-token", "the address is not one of kind email"),
        (f"mailto://127.0.0.1:{free_port()}?from=p@e.org&to=o@e.org&mode=insecure", "not taken in"),
    ],
    ids=["none", "unknown", "another kind", "nobody there"],  # a port in a name differs between the workers of a run
)
def test_an_address_that_is_no_use_is_said_without_it(address, reason, caplog):
    """The reason and the log have neither the address nor a part of it."""
    sent = AppriseSender(lambda _: address).send(Target(key="t", kind="email", address_variable="X"), [MESSAGE])
    assert (sent.is_taken, sent.reason) == (False, reason)
    assert "secret-token" not in caplog.text + sent.reason
    assert "e.org" not in caplog.text


def test_harmless_text_stays_readable():
    """Ids, times and numbers are as they were."""
    assert harmless("panel:unanswered_more:profit_eur 12 % (2026-01-01)") == (
        "panel:unanswered_more:profit_eur 12 % (2026-01-01)"
    )
