"""Every command about waves, members, cases, the sample and releases: what it prints as JSON, and its exit codes."""

from __future__ import annotations

import hashlib
import json
import sqlite3

import pytest

from panel.actions import fieldwork, fold
from panel.app import open_app
from panel.cli.main import run
from panel.cli.progress import PARTS
from tests.unit.study_factory import FILES, S
from tests.unit.test_panel_rates import THIRD
from tests.unit.test_preload import FED
from tests.unit.test_sample import written

HEADING = "wave,member,outcome,job,income_eur,band,bread_share,cake_share,outlook,chance,submitted_at,w12"


class Say:
    """The command in a home with the bakers; each call gives what was printed as JSON."""

    def __init__(self, home, capsys):
        self.home, self.capsys = home, capsys

    def __call__(self, *words, code=0):
        assert run(words) == code, self.capsys.readouterr().err
        out = self.capsys.readouterr().out
        return json.loads(out) if "json" in words else out

    def refused(self, *words, code):
        """Say something that is refused; return the sentence."""
        assert run(words) == code, self.capsys.readouterr()
        told = self.capsys.readouterr().err
        assert "Traceback" not in told
        assert "fix:" in told or code == 2
        return told

    def act(self, do, *words):
        """Let a use case happen that the command leaves to a flow."""
        app = open_app()
        do(app, "bakers", *words)
        app.store.close()

    def everything(self):
        """Return a hash of the whole database and of every file of the home beside it."""
        found = hashlib.sha256()
        with sqlite3.connect(self.home / "panel.db") as connection:
            for line in connection.iterdump():
                found.update(line.encode())
        for path in sorted(each for each in self.home.rglob("*") if each.is_file() and "panel.db" not in each.name):
            found.update(str(path).encode() + path.read_bytes())
        return found.hexdigest()


@pytest.fixture
def say(tmp_path, monkeypatch, capsys):
    """Return the command in a home with three waves of bakers and two members in the sample of the first."""
    for name in ("PANEL_CONTACTS_URL", "PANEL_CONTACTS_KEY_FILE", "PANEL_MAIL_URL", "PANEL_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PANEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PANEL_PERMISSIONS", "codes,members")
    folder = tmp_path / "bakers"
    folder.mkdir()
    for name, text in {**FILES, S: FILES[S] + FED + THIRD}.items():
        (folder / name).write_text(text)
    told = Say(tmp_path / "home", capsys)
    told("init")
    told("study", "load", str(folder))
    told("sample", "load", "bakers", "2025", str(written(tmp_path / "s.csv", "ann,north", "bob,south")))
    return told


def members(say):
    """Return the ids of the members."""
    return [each["member"] for each in say("members", "list", "bakers", "-f", "json")]


def states(say):
    """Return the state of each wave."""
    return {each["wave"]: each["state"] for each in say("waves", "bakers", "-f", "json")}


BECAUSE = ("--reason", "a test")
LATE = ("--until", "2027-12-10")


def test_a_wave_is_moved_by_the_command_each_move_with_its_reason(say):
    """Taken off, put back, postponed, staged, unstaged, paused, resumed, extended, reopened, archived, cancelled."""
    moves = [
        ("unplan", "2027", BECAUSE, "draft"),
        ("plan", "2027", (), "planned"),
        ("postpone", "2027", ("--from", "2027-11-01", *LATE, *BECAUSE), "planned"),
        ("stage", "2025", (), "staged"),
        ("unstage", "2025", BECAUSE, "planned"),
    ]
    for event, wave, options, to in moves:
        (told,) = say("wave", event, "bakers", wave, *options, "-f", "json")
        assert told["to_state"] == to
    (row,) = [each for each in say("waves", "bakers", "-f", "json") if each["wave"] == "2027"]
    assert (row["start"], row["end"]) == ("2027-11-01", "2027-12-10")
    say.act(fieldwork.open_wave, "2025")
    later = ("--until", "2026-02-01", *BECAUSE)
    for event, options, to in (
        ("pause", BECAUSE, "paused"),
        ("resume", (), "open"),
        ("extend", later, "open"),
    ):
        assert say("wave", event, "bakers", "2025", *options, "-f", "json")[0]["to_state"] == to
    say.act(fieldwork.begin_close, "2025")
    say.act(fieldwork.finish_close, "2025")
    assert say("wave", "archive", "bakers", "2025", "-f", "json")[0]["to_state"] == "archived"
    say("wave", "cancel", "bakers", "2026", *BECAUSE)
    say.act(fieldwork.open_wave, "2027")
    say.act(fieldwork.begin_close, "2027")
    some_day = ("--until", "2199-12-01", *BECAUSE)  # a day to come, whenever this runs
    assert say("wave", "reopen", "bakers", "2027", *some_day, "-f", "json")[0]["to_state"] == "open"
    assert states(say) == {"2025": "archived", "2026": "cancelled", "2027": "open"}
    history = say("wave", "history", "bakers", "2025", "-f", "json")
    assert [each["event"] for each in history] == [
        "stage", "unstage", "stage", "open", "pause", "resume", "extend", "close", "finalise", "archive",
    ]  # fmt: skip
    assert {each["reason"] for each in history if each["event"] in ("unstage", "pause", "extend")} == {"a test"}
    assert all(each["by"] for each in history)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("wave", "pause", "bakers", "2025", *BECAUSE), 16, "legal here"),
        (("wave", "archive", "bakers", "2025"), 16, "legal here"),
        (("wave", "stage", "bakers", "2052"), 15, "2025"),
        (("wave", "cancel", "bakers", "2025"), 2, "--reason"),
        (("wave", "cancel", "bakers", "2025", "--reason", " "), 16, "reason"),
        (("wave", "postpone", "bakers", "2026", "--until", "2025-01-01", *BECAUSE), 16, "after 2025-11-30"),
        (("wave", "status", "bakers", "2025", "--show", "moon"), 2, "next_steps"),
        (("wave", "history", "bakers", "1999"), 15, "1999"),
        (("sample", "list", "nobody"), 15, "nobody"),
        (("members", "list", "nobody"), 15, "nobody"),
        (("members", "erasures", "nobody"), 15, "nobody"),
        (("releases", "nobody"), 15, "nobody"),
    ],
)
def test_what_a_wave_does_not_allow_is_refused_with_its_code(say, words, code, said):
    """The exit code is that of the error, the sentence says what is legal; nothing has changed after it."""
    before = say.everything()
    assert said in say.refused(*words, code=code)
    assert say.everything() == before


@pytest.mark.parametrize(
    ("event", "wave", "options", "to"),
    [
        ("unplan", "2027", BECAUSE, "draft"),
        ("postpone", "2027", (*LATE, *BECAUSE), "planned"),
        ("stage", "2025", (), "staged"),
        ("open", "2025", (), "open"),
        ("cancel", "2025", BECAUSE, "cancelled"),
    ],
)
def test_a_dry_run_of_a_planned_wave_changes_nothing(say, event, wave, options, to):
    """It says where the wave would be, and neither the database nor a file of the home is another after it."""
    before = say.everything()
    (told,) = say("wave", event, "bakers", wave, *options, "--dry-run", "-f", "json")
    assert told["to_state"] == to
    assert say.everything() == before


def test_a_dry_run_of_a_wave_in_the_field_changes_nothing(say):
    """Pause, extend, close and a tick say what they would do; a retraction, that there is nothing to retract."""
    say.act(fieldwork.open_wave, "2025")
    before = say.everything()
    later = ("--until", "2026-02-01", *BECAUSE)
    for event, options, to in (("pause", BECAUSE, "paused"), ("extend", later, "open"), ("close", (), "closing")):
        (told,) = say("wave", event, "bakers", "2025", *options, "--dry-run", "-f", "json")
        assert told["to_state"] == to
    say.refused("retract", "bakers", "2025.1", *BECAUSE, "--dry-run", code=15)
    assert say("tick", "--dry-run") is not None
    assert say.everything() == before


@pytest.mark.parametrize("show", PARTS)
def test_every_part_of_a_wave_is_json(say, show):
    """A list of rows, empty where there is nothing; the whole has every part."""
    say.act(fieldwork.open_wave, "2025")
    assert isinstance(say("wave", "status", "bakers", "2025", "--show", show, "-f", "json"), list)
    whole = say("wave", "status", "bakers", "2025", "-f", "json")
    assert {"sent", "held", "contacted", "expected", show} <= set(whole)
    overview = say("wave", "status", "bakers", "-f", "json")
    assert [each["state"] for each in overview] == ["open", "planned", "planned"]


def test_members_are_moved_and_shown_by_id(say):
    """Traced, found, deceased; each on record; what is not legal or not there exits with its code."""
    first, second = members(say)
    say("members", "move", "bakers", first, "trace", *BECAUSE)
    assert [each["member"] for each in say("members", "list", "bakers", "--state", "tracing", "-f", "json")] == [first]
    say("members", "move", "bakers", first, "find", *BECAUSE)
    history = say("members", "show", "bakers", first, "-f", "json")
    assert [each["event"] for each in history] == ["load", "trace", "find"]
    assert "legal here" in say.refused("members", "move", "bakers", second, "find", *BECAUSE, code=25)
    say.refused("members", "move", "bakers", second, "fly", *BECAUSE, code=25)
    say.refused("members", "move", "bakers", "m-nobody", "trace", *BECAUSE, code=15)
    say.refused("members", "show", "bakers", "m-nobody", code=15)
    say.refused("members", "withdraw", "bakers", first, "--scope", "somewhat", *BECAUSE, code=25)
    (done,) = say("members", "withdraw", "bakers", first, "--scope", "no_contact", *BECAUSE, "-f", "json")
    assert (done["member"], done["scope"]) == (first, "no_contact")
    assert say("members", "erasures", "bakers", "-f", "json") == []


def test_cases_are_issued_moved_finalised_and_rated(say):
    """A refusal by hand is 2.11, silence of somebody never heard of 3.11; rates are told by wave and cohort."""
    first, second = members(say)
    (issued,) = say("cases", "issue", "bakers", "2025", "-f", "json")
    assert (issued["members"], issued["added"]) == (2, 2)
    say("cases", "move", "bakers", "2025", first, "refuse", *BECAUSE)
    assert [each["member"] for each in say("cases", "list", "bakers", "2025", "--state", "refused", "-f", "json")] == [
        first
    ]
    assert "legal here" in say.refused("cases", "move", "bakers", "2025", first, "contact", code=24)
    say.refused("cases", "move", "bakers", "2025", second, "screen_out", "--reason", "no reason that it takes", code=24)
    say.refused("cases", "move", "bakers", "2025", "m-nobody", "refuse", code=15)
    outcomes = say("cases", "finalise", "bakers", "2025", "-f", "json")
    assert {each["outcome"]: each["cases"] for each in outcomes} == {"2.11": 1, "3.11": 1}
    say.refused("cases", "override", "bakers", "2025", second, "9.99", *BECAUSE, code=24)
    say("cases", "override", "bakers", "2025", second, "2.20", *BECAUSE)
    (row,) = [each for each in say("cases", "list", "bakers", "2025", "-f", "json") if each["member"] == second]
    assert (row["computed"], row["overridden"]) == ("3.11", "2.20")
    rates = {each["key"]: each for each in say("cases", "rates", "bakers", "2025", "-f", "json")}
    assert (rates["COMR"]["numerator"], rates["COMR"]["denominator"]) == (0, 2)
    assert rates["retention"]["value"] is None
    assert say("cases", "rates", "bakers", "2026", "-f", "json") == []
    say.refused("cases", "rates", "bakers", "1999", code=15)


def test_a_sample_is_loaded_listed_and_fed_forward(say, tmp_path, monkeypatch):
    """A wrong row is held, a wrong column refused; what was fed forward is frozen, and counted once they answered."""
    (load,) = say("sample", "list", "bakers", "-f", "json")
    assert (load["rows"], load["added"], load["held"]) == (2, 2, 0)
    wrong = written(tmp_path / "w.csv", "cas,west", "dan,north")
    (told,) = say("sample", "load", "bakers", "2025", str(wrong), "-f", "json")
    assert (told["rows"], told["added"], told["held"]) == (2, 1, 1)
    named = written(tmp_path / "n.csv", "eve,Eve", heading="member,name")
    say.refused("sample", "load", "bakers", "2025", str(named), code=11)
    say.act(fieldwork.open_wave, "2025")
    first = written(tmp_path / "one.csv", "one,ann,done,1,10,,50,50,1,20,2025-10-01T10:00:00Z,1", heading=HEADING)
    say("collect", "bakers", "2025", str(first), "-f", "json")
    say.act(fold.merge)
    say.act(fieldwork.begin_close, "2025")
    say("wave", "stage", "bakers", "2026")
    assert {each["variable"]: each["value"] for each in say("sample", "preload", "bakers", "2026", "-f", "json")} == {
        "job": "1",
        "income_eur": "10",
    }
    say.act(fieldwork.open_wave, "2026")
    second = written(tmp_path / "two.csv", "two,ann,done,2,10,,50,50,1,20,2026-10-01T10:00:00Z,1", heading=HEADING)
    say("collect", "bakers", "2026", str(second))
    told = say("sample", "preload", "bakers", "2026", "--outcomes", "-f", "json")
    assert {(each["variable"], each["outcome"], each["basis"]) for each in told} == {
        ("job", "changed", "inferred"),
        ("income_eur", "confirmed", "inferred"),
    }
    arms = say("sample", "preload", "bakers", "2026", "--arms", "-f", "json")
    assert {each["variable"]: (each["dependent_share"], each["independent_n"]) for each in arms} == {
        "job": (1.0, 0),
        "income_eur": (0.0, 0),
    }
    codes = tmp_path / "codes.csv"
    say("sample", "codes", "bakers", "2026", str(codes))
    assert codes.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("PANEL_PERMISSIONS", "")
    assert "permission" in say.refused("sample", "preload", "bakers", "2026", code=19)
    say.refused("sample", "codes", "bakers", "2026", str(tmp_path / "more.csv"), code=19)


def test_a_release_in_the_making_is_told_and_no_step_is_taken_out_of_turn(say, tmp_path):
    """What was taken in is ingested; weights before the gates are refused with the code of a release's state."""
    assert say("releases", "bakers", "-f", "json") == []
    say.act(fieldwork.open_wave, "2025")
    line = "one,ann,done,1,10,,50,50,1,20,2025-10-01T10:00:00Z,1"
    say("collect", "bakers", "2025", str(written(tmp_path / "one.csv", line, heading=HEADING)))
    for words in (("weigh",), ("estimate",)):
        assert "is ingested" in say.refused(*words, "bakers", "2025", code=26)
    say.refused("releases", "bakers", "2025.9", code=15)
    say.refused("retract", "bakers", "2025.9", *BECAUSE, code=15)
    say.refused("retract", "bakers", "2025.1", code=2)


def test_a_list_of_a_study_that_is_not_there_is_not_an_empty_list(say):
    """Whoever mistypes a study is told so, and does not read that it has no members."""
    for words in (("sample", "list"), ("members", "list"), ("members", "erasures"), ("waves",), ("actions", "list")):
        assert "bakers" in say.refused(*words, "backers", code=15)
