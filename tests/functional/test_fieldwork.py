"""Sample, cases and withdrawal by the command, as an operator types them."""

import json

import pytest

from tests.functional.conftest import Command


@pytest.fixture
def panelctl(tmp_path):
    """Return the command in a home with `creative-ai`, two members loaded for its first wave."""
    command = Command(tmp_path / "home", PANEL_PERMISSIONS="codes")
    command.done("init")
    command.done("study", "load", "creative-ai")
    (tmp_path / "sample.csv").write_text("member\nP-1\nP-2\nP-1\n")
    command.done("sample", "load", "creative-ai", "2025", str(tmp_path / "sample.csv"))
    return command


def listed(panelctl):
    """Return the ids of the members."""
    return [each["member"] for each in json.loads(panelctl.done("members", "list", "creative-ai", "-f", "json"))]


def test_an_operator_fields_a_sample(panelctl, tmp_path):
    """Load, issue, codes, a refusal by hand, outcomes, and the view of the wave; every command has JSON."""
    (load,) = json.loads(panelctl.done("sample", "list", "creative-ai", "-f", "json"))
    assert (load["rows"], load["added"], load["held"]) == (3, 2, 1)
    (issued,) = json.loads(panelctl.done("cases", "issue", "creative-ai", "2025", "-f", "json"))
    assert (issued["members"], issued["added"]) == (2, 2)
    codes = tmp_path / "codes.csv"
    panelctl.done("sample", "codes", "creative-ai", "2025", str(codes))
    assert len(codes.read_text().splitlines()) == 3
    assert codes.stat().st_mode & 0o077 == 0
    first, second = (
        each["member"] for each in json.loads(panelctl.done("members", "list", "creative-ai", "-f", "json"))
    )
    panelctl.done("cases", "move", "creative-ai", "2025", first, "refuse", "--reason", "wrote back")
    refusal = panelctl("cases", "move", "creative-ai", "2025", first, "contact")
    assert (refusal.returncode, "legal here" in refusal.stderr) == (24, True)
    outcomes = json.loads(panelctl.done("cases", "finalise", "creative-ai", "2025", "-f", "json"))
    assert {each["outcome"]: each["cases"] for each in outcomes} == {"2.11": 1, "3.11": 1}
    panelctl.done("cases", "override", "creative-ai", "2025", second, "2.20", "--reason", "seen at work")
    view = json.loads(panelctl.done("wave", "status", "creative-ai", "2025", "-f", "json"))
    assert (view["issued"], view["done"], view["is_final"]) == (2, 0, True)
    assert [each["key"] for each in view["rates"]] == ["participation", "completion"]


def test_a_member_withdraws_by_command(panelctl):
    """The tombstone is listed, the history tells it, and a withdrawal that reaches less far is refused."""
    first, _ = listed(panelctl)
    withdraw = ("members", "withdraw", "creative-ai", first, "--reason", "asked by mail")
    panelctl.done(*withdraw, "--scope", "erase")
    assert panelctl(*withdraw, "--scope", "no_use").returncode == 25
    history = json.loads(panelctl.done("members", "show", "creative-ai", first, "-f", "json"))
    assert [each["event"] for each in history] == ["load", "withdraw"]
    assert json.loads(panelctl.done("members", "erasures", "creative-ai", "-f", "json")) == []
