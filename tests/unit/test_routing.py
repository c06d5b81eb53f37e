"""`alerts.toml`: read whole, faults all at once, and who hears of what."""

from datetime import UTC, datetime

import pytest

from panel.errors import DefinitionError
from panel.model.load_routing import load_routing
from panel.settings import Settings, address_of
from tests.unit.watch_factory import ROUTES

LABELS = {
    "study": "s",
    "suite": "panel",
    "check": "panel:size",
    "wave": "2026",
    "owner": "operator",
    "severity": "info",
}


def test_no_file_tells_nobody():
    """Without a file there are incidents and no targets."""
    assert load_routing("").routes(LABELS) == ()


def test_every_fault_is_told_at_once():
    """Each with its key, and none hides another."""
    text = """
digest_hour = 24
time_zone = "Mars/Olympus"
fallback = ["nobody"]
colour = "red"
[[target]]
key = "chat"
kind = "carrier pigeon"
address_variable = "slack://T/B/xyz"
[[target]]
key = "chat"
kind = "email"
[[rule]]
name = "r"
match = {severity = "critcal", moon = "full"}
targets = ["chatt"]
repeat_hours = 0
[[rule]]
name = "r"
targets = []
escalate_to = ["boss"]
"""
    with pytest.raises(DefinitionError) as caught:
        load_routing(text)
    told = str(caught.value)
    for part in (
        "digest_hour", "time_zone", "nobody", "'colour'", "carrier pigeon", "the address itself", "address_file",
        "critcal", "'moon'", "Did you mean 'chat'?", "repeat_hours", "is there already", "names no target", "boss",
    ):  # fmt: skip
        assert part in told, part
    assert "xyz" not in told


def test_the_first_rule_that_matches_decides_unless_it_goes_on():
    """Rules are asked in order; every label named must fit; what none matches goes to the fallback."""
    rules = """
[[rule]]
name = "watcher"
match = {check = ["panel:*", "x"], wave = "2026"}
targets = ["chat"]
timing = "at_once"
goes_on = true
[[rule]]
name = "operator"
match = {owner = "operator"}
targets = ["mail", "chat"]
[[rule]]
name = "never"
match = {owner = "operator"}
targets = ["boss"]
"""
    routing = load_routing(ROUTES.split("[[rule]]")[0] + rules)
    told = {each.target: each.timing for each in routing.routes(LABELS)}
    assert told == {"chat": "at_once", "mail": "digest"}
    other = routing.routes({**LABELS, "owner": "analyst", "wave": "2027", "severity": "critical"})
    assert [(each.target, each.timing) for each in other] == [("mail", "at_once")]


def test_the_digest_keeps_to_the_wall_clock():
    """Eight in the morning is eight in the morning, in summer and in winter."""
    routing = load_routing("")
    assert routing.digest_after(datetime(2026, 7, 1, 6, tzinfo=UTC)) == datetime(2026, 7, 2, 6, tzinfo=UTC)
    assert routing.digest_after(datetime(2026, 10, 24, 7, tzinfo=UTC)) == datetime(2026, 10, 25, 7, tzinfo=UTC)


def test_a_target_that_is_down_is_stood_in_for():
    """Without it, its rules fall back; without a fallback, every other target hears."""
    routing = load_routing(ROUTES)
    assert [each.target for each in routing.without("mail").routes(LABELS)] == ["chat", "boss"]
    assert [each.target for each in routing.without("chat").routes(LABELS)] == ["mail"]


def test_addresses_come_from_variables_or_files(tmp_path, monkeypatch):
    """The file of routes has none; an address that nobody set is none."""
    (tmp_path / "secret").write_text("ntfy://host/topic\n")
    text = f"""
fallback = ["a"]
[[target]]
key = "a"
kind = "ntfy"
address_variable = "PANEL_TEST_A"
[[target]]
key = "b"
kind = "ntfy"
address_file = "{tmp_path / "secret"}"
"""
    first, second = load_routing(text).targets
    assert (address_of(first), address_of(second)) == (None, "ntfy://host/topic")
    monkeypatch.setenv("PANEL_TEST_A", "ntfy://other/topic")
    assert address_of(first) == "ntfy://other/topic"


def test_the_file_is_in_the_home_or_where_the_environment_says(tmp_path):
    """PANEL_ALERTS names another file."""
    (tmp_path / "alerts.toml").write_text("digest_hour = 7")
    (tmp_path / "other.toml").write_text("digest_hour = 9")
    environment = {"PANEL_HOME": str(tmp_path)}
    assert Settings.from_environment(environment=environment).read_alerts() == "digest_hour = 7"
    environment["PANEL_ALERTS"] = str(tmp_path / "other.toml")
    assert Settings.from_environment(environment=environment).read_alerts() == "digest_hour = 9"
