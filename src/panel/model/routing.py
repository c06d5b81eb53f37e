"""Who hears of what: targets, and ordered rules over an incident's labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Literal
from zoneinfo import ZoneInfo

Kind = Literal["email", "slack", "teams", "mattermost", "ntfy", "webhook"]
KINDS: tuple[Kind, ...] = ("email", "slack", "teams", "mattermost", "ntfy", "webhook")
LABELS = ("study", "suite", "check", "wave", "owner", "severity")
Timing = Literal["at_once", "digest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    A place where alerts arrive. Its address is a secret, so it stands elsewhere.

    `address_variable` names the environment variable that has it, `address_file` the file (as secrets of a container
    are files).
    """

    key: str
    kind: Kind
    address_variable: str = ""
    address_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    Which incidents go to which targets, when, and how often again.

    `match` has patterns (`panel:*`) by label; one of them must fit each label named. Without `timing`, what is critical
    goes at once and the rest with the daily digest. With `goes_on`, rules below are asked as well.
    """

    name: str
    match: tuple[tuple[str, tuple[str, ...]], ...] = ()
    targets: tuple[str, ...] = ()
    timing: Timing | None = None
    repeat_hours: float = 24.0
    escalate_after_hours: float = 4.0
    escalate_to: tuple[str, ...] = ()
    goes_on: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether every label named fits one of its patterns."""
        return all(any(fnmatchcase(labels[name], each) for each in patterns) for name, patterns in self.match)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One target of an incident, when it hears, and after how long again."""

    target: str
    timing: Timing
    repeat_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Who hears of a critical incident that nobody took on within the hours."""

    after_hours: float
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """
    Everything that `alerts.toml` says. Without targets incidents are recorded and nobody is told.

    What no rule matches goes to `fallback`, and so do alerts about targets that do not answer. `heartbeat` hears every
    `heartbeat_hours` that alerts are being delivered: its silence is the alarm.
    """

    targets: tuple[Target, ...] = ()
    rules: tuple[Rule, ...] = ()
    fallback: tuple[str, ...] = ()
    heartbeat: str = ""
    heartbeat_hours: float = 24.0
    digest_hour: int = 8
    time_zone: str = "Europe/Amsterdam"

    def target(self, key: str) -> Target | None:
        """Return a target by key, or None where the file no longer has it."""
        return next((each for each in self.targets if each.key == key), None)

    def routes(self, labels: Mapping[str, str]) -> tuple[Route, ...]:
        """Return each target that hears of an incident with these labels, once, by the first rule that names it."""
        severe = labels["severity"] == "critical"
        found: dict[str, Route] = {}
        for rule in self._asked(labels):
            timing = rule.timing or ("at_once" if severe else "digest")
            for key in rule.targets:
                found.setdefault(key, Route(target=key, timing=timing, repeat_hours=rule.repeat_hours))
        if not found:
            late: Timing = "at_once" if severe else "digest"
            found = {key: Route(target=key, timing=late, repeat_hours=24.0) for key in self.fallback}
        return tuple(found.values())

    def escalation(self, labels: Mapping[str, str]) -> Escalation | None:
        """Return who hears next, by the first rule that says so; None where none does."""
        for rule in self._asked(labels):
            if rule.escalate_to:
                return Escalation(after_hours=rule.escalate_after_hours, targets=rule.escalate_to)
        return None

    def _asked(self, labels: Mapping[str, str]) -> Iterator[Rule]:
        for rule in self.rules:
            if rule.matches(labels):
                yield rule
                if not rule.goes_on:
                    return

    def without(self, target: str) -> Routing:
        """Return the same without a target that does not answer: the fallback, else every other one, stands in."""
        rest = tuple(each.key for each in self.targets if each.key != target)
        rules = [
            replace(rule, targets=_less(rule.targets, target), escalate_to=_less(rule.escalate_to, target))
            for rule in self.rules
        ]
        return replace(self, rules=tuple(rules), fallback=_less(self.fallback, target) or rest)

    def is_digest_hour(self, at: datetime) -> bool:
        """Say whether the daily digest goes out within this hour."""
        return at.astimezone(ZoneInfo(self.time_zone)).hour == self.digest_hour

    def digest_after(self, at: datetime) -> datetime:
        """Return the next moment of the daily digest, in UTC."""
        local = at.astimezone(ZoneInfo(self.time_zone))
        moment = datetime.combine(local.date(), time(self.digest_hour), tzinfo=local.tzinfo)
        if moment <= local:
            moment = datetime.combine(local.date() + timedelta(days=1), time(self.digest_hour), tzinfo=local.tzinfo)
        return moment.astimezone(UTC)


def _less(keys: tuple[str, ...], target: str) -> tuple[str, ...]:
    return tuple(key for key in keys if key != target)
