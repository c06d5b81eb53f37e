"""Read `alerts.toml` into a Routing, validated whole."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from panel.errors import did_you_mean, printable
from panel.model.reading import Faults, Table, parse_toml
from panel.model.results import RANKS
from panel.model.routing import KINDS, LABELS, Routing, Rule, Target

ALERTS = "alerts.toml"


def load_routing(text: str) -> Routing:
    """
    Return who hears of what.

    Args:
        text: the TOML of `alerts.toml`; "" says that nobody does.

    Raises:
        DefinitionError: with every fault, each with its key path and a fix.
    """
    faults = Faults()
    top = parse_toml(ALERTS, text, faults)
    targets = tuple(_target(table) for table in top.tables("target"))
    rules = tuple(_rule(table) for table in top.tables("rule"))
    routing = Routing(
        targets=targets,
        rules=rules,
        fallback=top.list_of("fallback", str),
        heartbeat=top.get("heartbeat", str, ""),
        heartbeat_hours=_hours(top, "heartbeat_hours", 24.0),
        digest_hour=_hour(top),
        time_zone=_zone(top),
    )
    top.done()
    faults.settle()
    _validate(routing, top)
    faults.stop(f"'{ALERTS}'")
    return routing


def _target(table: Table) -> Target:
    variable, file = table.get("address_variable", str, ""), table.get("address_file", str, "")
    if bool(variable) == bool(file):
        fix = "name the environment variable, or the file, that has the address; the address itself is a secret"
        table.fault("needs one of address_variable and address_file", fix=fix)
    if "://" in variable:
        table.fault("is the address itself", "address_variable", "put it in the environment and name the variable here")
    target = Target(
        key=table.get("key", str),
        kind=table.one_of("kind", KINDS),
        address_variable=variable,
        address_file=file,
    )
    table.done()
    return target


def _rule(table: Table) -> Rule:
    matched = table.table("match")
    match = tuple((name, _patterns(matched, name)) for name in matched.data if name in LABELS)
    matched.done()
    timing = table.one_of("timing", ("at_once", "digest"), None)
    rule = Rule(
        name=table.get("name", str),
        match=match,
        targets=table.list_of("targets", str, ...),
        timing=timing,
        repeat_hours=_hours(table, "repeat_hours", 24.0),
        escalate_after_hours=_hours(table, "escalate_after_hours", 4.0),
        escalate_to=table.list_of("escalate_to", str),
        goes_on=table.get("goes_on", bool, False),
    )
    table.done()
    return rule


def _patterns(table: Table, name: str) -> tuple[str, ...]:
    """Return the patterns of a label: one text, or a list of them."""
    given = table.data[name]
    found: tuple[str, ...] = (table.get(name, str),) if isinstance(given, str) else table.list_of(name, str)
    if not found or not all(found):
        table.fault("has no pattern", name, 'write a text, as in "panel:*", or a list of them')
    if name == "severity":
        for each in found:
            if "*" not in each and each not in RANKS:
                table.fault(f"'{printable(each)}' is no severity", name, did_you_mean(each, RANKS))
    return found


def _hours(table: Table, key: str, otherwise: float) -> float:
    hours: float = table.get(key, float, otherwise)
    if hours <= 0:
        table.fault(f"is {hours:g}", key, "write a number of hours above 0")
        return otherwise
    return hours


def _hour(top: Table) -> int:
    hour: int = top.get("digest_hour", int, 8)
    if not 0 <= hour <= 23:
        top.fault(f"is {hour}", "digest_hour", "write a whole hour from 0 to 23")
        return 8
    return hour


def _zone(top: Table) -> str:
    name: str = top.get("time_zone", str, "Europe/Amsterdam")
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        top.fault(f"is '{printable(name)}', no IANA time zone", "time_zone", 'write as in "Europe/Amsterdam"')
        return "Europe/Amsterdam"
    return name


def _validate(routing: Routing, top: Table) -> None:
    """Hold names against each other."""
    keys = [each.key for each in routing.targets]
    _once(top, "target", "key", keys)
    _once(top, "rule", "name", [each.name for each in routing.rules])
    for number, rule in enumerate(routing.rules):
        place = f"rule[{number}]"
        if not rule.targets:
            top.fault("names no target", f"{place}.targets", "name at least one")
        _known(top, f"{place}.targets", rule.targets, keys)
        _known(top, f"{place}.escalate_to", rule.escalate_to, keys)
    _known(top, "fallback", routing.fallback, keys)
    _known(top, "heartbeat", (routing.heartbeat,) if routing.heartbeat else (), keys)
    if routing.targets and not routing.fallback:
        top.fault("is not there", "fallback", "name who hears of what no rule matches, as in fallback = ['mail']")


def _once(top: Table, kind: str, key: str, names: list[str]) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            top.fault(f"'{printable(name)}' is there already", f"{kind}[{number}].{key}", "give each a name of its own")


def _known(top: Table, place: str, named: tuple[str, ...], keys: list[str]) -> None:
    for name in named:
        if name not in keys:
            top.fault(f"there is no target '{printable(name)}'", place, did_you_mean(name, set(keys)))
