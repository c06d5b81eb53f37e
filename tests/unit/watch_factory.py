"""A small study under watch: a clock that is set, checks that say what they are told, a sender that only remembers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from panel.model.incident import Message
from panel.model.load_routing import load_routing
from panel.model.results import Gate, Verdict
from panel.model.routing import Routing, Target
from panel.ports import Adapters, Sent
from panel.store import SqlStore, migrate
from tests.unit.study_factory import FILES

START = datetime(2025, 6, 2, 12, tzinfo=UTC)  # months before the first wave
ROUTES = """
fallback = ["mail"]

[[target]]
key = "chat"
kind = "mattermost"
address_variable = "PANEL_TEST_CHAT"

[[target]]
key = "mail"
kind = "email"
address_variable = "PANEL_TEST_MAIL"

[[target]]
key = "boss"
kind = "ntfy"
address_variable = "PANEL_TEST_BOSS"

[[rule]]
name = "criticals"
match = {severity = "critical"}
targets = ["chat", "mail"]
escalate_after_hours = 4
escalate_to = ["boss"]

[[rule]]
name = "the rest"
targets = ["mail"]
"""


class SetClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the moment that was set."""
        return self.at

    def pass_(self, **span: float) -> None:
        """Let time pass."""
        self.at += timedelta(**span)


class Sink:
    """Implements ports.Sender: remembers what it took in; refuses while told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, tuple[Message, ...]]] = []
        self.refuses: Callable[[str], str] = lambda _target: ""

    def send(self, target: Target, messages: Sequence[Message]) -> Sent:
        """Take the messages in, unless the target refuses."""
        reason = self.refuses(target.key)
        if not reason:
            self.taken.append((target.key, tuple(messages)))
        return Sent(is_taken=not reason, reason=reason)

    def told(self) -> list[tuple[str, str, str]]:
        """Return (target, notice, incident) of every message taken in, and forget them."""
        rows = [(target, each.notice, each.incident) for target, messages in self.taken for each in messages]
        self.taken.clear()
        return rows


class SaidChecker:
    """Implements ports.Checker: returns the verdicts that were set, or raises what was."""

    def __init__(self) -> None:
        self.says: tuple[Verdict, ...] | Exception = ()

    def digest(self, study: Any) -> str:
        """Return what the suites say, hashed or not."""
        return f"suites of {study.key}: {self.says!r}"

    def check(self, study: Any, instrument: Any, wave: int, stage: Any, frame: Any, known: Any = None) -> Gate:  # noqa: ARG002
        """Return the verdicts that were set."""
        if isinstance(self.says, Exception):
            raise self.says
        return Gate(study=study.key, wave=wave, stage=stage, suite_digest="s", data_digest="", verdicts=self.says)


def verdict(check: str = "panel:size", state: Any = "failed", **more: Any) -> Verdict:
    """Return a critical verdict about 10 of 100 rows."""
    fields: dict[str, Any] = {
        "expectation": "e", "columns": (), "severity": "critical", "owner": "operator", "why": "It must hold.",
        "checked_count": 100, "failing_count": 10 if state == "failed" else 0,
    }  # fmt: skip
    return Verdict(check=check, state=state, **fields | more)


class Watch:
    """The adapters around a store on a database of its own, and what a test asks of them."""

    def __init__(self, folder: Path, routes: str = ROUTES, url: str = "") -> None:
        self.clock, self.sink, self.checker = SetClock(), Sink(), SaidChecker()
        address = url or f"sqlite:///{folder / 'panel.db'}"
        migrate(address)
        store = SqlStore(address, folder, moment=lambda _: self.clock.now().timestamp())
        store.keep_study("bakers", FILES, self.clock.now())
        self.app = Adapters(
            home=folder,
            store=store,
            checker=self.checker,
            publisher=None,  # type: ignore[arg-type]
            clock=self.clock,
            sender=self.sink,
            routing=load_routing(routes),
            pseudonym_key=b"k",
            permissions=frozenset(),
            source_for=None,  # type: ignore[arg-type]
            study_files=None,  # type: ignore[arg-type]
            held_cells=None,  # type: ignore[arg-type]
            simulate=None,  # type: ignore[arg-type]
        )

    def route(self, routing: Routing) -> None:
        """Route otherwise from now on."""
        self.app = replace(self.app, routing=routing)

    def run(self, *verdicts: Verdict, wave: int = 1) -> None:
        """Judge the responses of a wave: these are the verdicts. What the gate refuses is no concern of the watch."""
        from panel.actions.gate import check
        from panel.errors import CheckFailed

        self.checker.says = verdicts
        with suppress(CheckFailed):
            check(self.app, "bakers", wave, "responses")

    def deliver(self) -> list[tuple[str, str, str]]:
        """Deliver what is due and return (target, notice, incident) of what arrived."""
        from panel.actions.delivery import deliver

        deliver(self.app)
        return self.sink.told()

    def incidents(self) -> list[Any]:
        """Return the incidents about checks of the suite."""
        return [each for each in self.app.store.incidents() if each.suite == "responses"]
