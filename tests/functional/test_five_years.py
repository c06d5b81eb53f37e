"""`creative-ai` from its baseline to its target year, through the real flows, on synthetic people."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functional.conftest import Command

pytestmark = pytest.mark.prefect
ROOT = Path(__file__).parents[2]
WAVES = ("2025", "2026", "2027", "2028", "2029", "2030")


@pytest.fixture(scope="module")
def five_years(tmp_path_factory: pytest.TempPathFactory, prefect_address: str) -> Command:
    """Return a home in which 240 synthetic members went through all six waves."""
    command = Command(tmp_path_factory.mktemp("five") / "home", PREFECT_API_URL=prefect_address)
    command.done("init")
    command.done("study", "load", "creative-ai")
    command.done("simulate", "creative-ai", "--members", "240", "--seed", "3")
    command.done("track", "creative-ai")
    return command


def test_every_wave_is_closed_and_released(five_years):
    """Six waves, six releases, and every member has a tracking row for each."""
    status = json.loads(five_years.done("wave", "status", "creative-ai", "--format", "json"))
    assert [(row["key"], row["state"], row["released"]) for row in status] == [
        (wave, "closed", f"{wave}.1") for wave in WAVES
    ]
    assert all(0 < row["interviewed"] <= row["members"] for row in status)


def test_tracking_again_does_nothing_twice(five_years):
    """A study that is done stays as it is."""
    assert five_years.done("track", "creative-ai") == ""
    assert five_years.done("release", "creative-ai", "2030", "--format", "csv").splitlines()[1].startswith("2030.1,")


def test_the_same_file_again_is_a_repeat(five_years, tmp_path):
    """Delivering a file a second time returns the first receipt and changes nothing."""
    (original,) = (five_years.home / "inbox" / "creative-ai" / "2027").iterdir()
    copy = tmp_path / original.name
    shutil.copy(original, copy)
    (row,) = csv.DictReader(io.StringIO(five_years.done("collect", "creative-ai", "2027", str(copy))))
    assert row["is_repeat"] == "True"
    assert int(row["rows"]) == int(row["accepted"]) + int(row["held"]) + int(row["ignored"])


def test_figures_carry_their_uncertainty_and_base(five_years):
    """Every shown figure has an interval, n, effective n and a denominator; a hidden one has none of the numbers."""
    rows = list(csv.DictReader(io.StringIO(five_years.done("trends", "creative-ai", "--format", "csv"))))
    shown = [row for row in rows if row["status"] != "hidden"]
    assert len(shown) > 100
    assert all(row["n"] and row["n_eff"] and row["denominator"] and row["low"] and row["high"] for row in shown)
    hidden = [row for row in rows if row["status"] == "hidden"]
    assert all(not (row["n"] or row["estimate"] or row["se"]) for row in hidden)


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/cite-a-release.md"])
def test_the_python_of_the_documentation_runs(five_years, page):
    """Every line of Python that an analyst is shown gives something that says what it is."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    outcome = subprocess.run(
        [sys.executable, "-i", "-c", ""], input=code, capture_output=True, text=True, env=five_years.environment
    )
    assert "Error" not in outcome.stderr, outcome.stderr
    assert "SYNTHETIC" in outcome.stdout  # the line to cite


@pytest.fixture
def typed(five_years, monkeypatch, capsys):
    """Return a way to run the command in this process, where starting one would take longer than the command."""
    for name in ("PANEL_HOME", "PANEL_PSEUDONYM_KEY"):
        monkeypatch.setenv(name, five_years.environment[name])

    def run(*arguments: str) -> tuple[int, str, str]:
        from panel.cli.main import run as panelctl

        code = panelctl(["predictions", "creative-ai", *arguments])
        return (code, *capsys.readouterr())

    return run


@pytest.mark.parametrize("form", ["table", "csv", "json"])
@pytest.mark.parametrize("show", ["outcomes", "scores", "revisions", "horizon", "ledger", "claims"])
def test_predictions_are_shown_in_every_form(typed, show, form):
    """Each view of the predictions prints as a table, as CSV and as JSON, the last two with the same rows."""
    code, text, _ = typed("--show", show, "--question", "exp5_income", "-f", form)
    assert code == 0
    if form == "table":
        assert "exp5_inc" in text
    else:
        rows = json.loads(text) if form == "json" else list(csv.DictReader(io.StringIO(text)))
        column = "question" if show in ("ledger", "claims") else "indicator"
        assert {row[column] for row in rows} == {"exp5_income"}


def test_the_ledger_counts_what_it_holds(typed):
    """The counts by state are those of the claims, one by one, and a state and a member can be picked."""
    (counted, *_) = json.loads(typed("--show", "ledger", "-f", "json")[1])
    picked = ("--show", "claims", "--question", counted["question"], "-f", "json")
    claims = [row for row in json.loads(typed(*picked)[1]) if row["wave"] == counted["wave"]]
    assert len(claims) == counted["claims_count"]
    assert sum(row["state"] == "resolved" for row in claims) == counted["resolved_count"]
    member = claims[0]["member"]
    own = json.loads(typed(*picked, "--member", member, "--state", claims[0]["state"])[1])
    assert {(row["member"], row["state"]) for row in own} == {(member, claims[0]["state"])}


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--question", "exp5_incom"], 15, "exp5_income"),
        (["--by", "employmen"], 15, "employment"),
        (["--wave", "2052"], 15, "Did you mean"),
        (["--show", "claims", "--state", "resolve"], 15, "resolved"),
        (["--show", "claims", "--member", "nobody"], 15, "No claim has that member"),
        (["--show", "ledger", "--by", "employment"], 2, "no groups"),
        (["--state", "resolved"], 2, "--show ledger"),
        (["--show", "horizons"], 2, "horizon"),
    ],
)
def test_a_view_of_predictions_that_is_not_there_is_answered(typed, options, code, said):
    """An unknown question, group, wave, state or member is answered with the nearest, a wrong pair of options too."""
    found, _, told = typed(*options)
    assert (found, said in told) == (code, True)


ASKED_OF_PREDICTIONS = """
import panel
people = panel.connect().release("creative-ai").panel()
print(people.predictions("exp5_income")["statistic"].isin(["predicted_share", "realised_share"]).any())
print(sorted(people.by("employment").predictions(show="horizon")["group"].unique()))
print(people.predictions(show="scores")["statistic"].isin(["brier"]).any())
ledger = people.predictions("exp5_income", show="ledger")
print(len(people.predictions("exp5_income", show="claims")) == ledger["claims_count"].sum())
for ask in (
    lambda: people.predictions("exp5_incom"),
    lambda: people.predictions(show="horizons"),
    lambda: people.by("main_role").predictions(),
    lambda: people.where(employment="zzp").predictions(),
    lambda: people.by("employment").predictions(show="ledger"),
):
    try:
        ask()
    except panel.PanelError as error:
        print(type(error).__name__, error.fix)
"""


def test_an_analyst_asks_for_predictions(five_years):
    """`people.predictions` has figures, groups, scores, the horizon and the ledger, and refuses what it has not."""
    run = subprocess.run(
        [sys.executable, "-c", ASKED_OF_PREDICTIONS], capture_output=True, text=True, env=five_years.environment
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[:4] == ["True", "['employee', 'employer', 'none', 'zzp']", "True", "True"]
    kinds = [line.split()[0] for line in lines[4:]]
    assert kinds == ["UnknownKey", "UnknownKey", "UnknownKey", "EstimateError", "EstimateError"]
    assert "exp5_income" in lines[4]
    assert "horizon" in lines[5]


ASKED_OF_INEQUALITY = """
import panel
people = panel.connect().release("creative-ai").panel().by("employment")
found = people.inequality("income_eur", waves=("2025", "2030"))
print(sorted(found["statistic"].unique()), found["unit"].unique().tolist())
own = found[(found["group"] == "zzp") & found["estimate"].notna()]
first, last = (own[(own["statistic"] == "gini") & (own["wave"] == wave)]["estimate"].item() for wave in (1, 6))
print(0 < first < 1, abs(own[own["statistic"] == "change"]["estimate"].item() - (last - first)) < 1e-12)
published = people.release.estimates()
published = published[(published["indicator"] == "income_eur_gini") & (published["group"] == "zzp")]
print(published[(published["statistic"] == "gini") & (published["wave"] == 6)]["estimate"].item() == last)
try:
    people.inequality("income_eur", index="ginni")
except panel.PanelError as error:
    print(error.fix)
"""


def test_an_analyst_asks_for_inequality(five_years):
    """`people.inequality` has the index, its change, what the release published, and a word for a wrong name."""
    run = subprocess.run(
        [sys.executable, "-c", ASKED_OF_INEQUALITY], capture_output=True, text=True, env=five_years.environment
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0] == "['change', 'gini', 'relative_change'] ['index', 'ratio']"
    assert lines[1:3] == ["True True", "True"]
    assert "gini" in lines[3]


def test_the_command_tells_who_was_lost(five_years):
    """`panelctl attrition` counts who came as the tracking does, and answers each of its questions in one frame."""
    asked = ["attrition", "creative-ai", "--from", "2025", "--format", "json"]
    rows = json.loads(five_years.done(*asked, "--to", "2026"))
    own = {row["statistic"]: row for row in rows if row["weight"] == "unweighted" and row["value"] in (None, "11")}
    status = json.loads(five_years.done("wave", "status", "creative-ai", "--format", "json"))
    assert own["response_share"]["n"] == status[0]["interviewed"]
    assert own["response_share"]["estimate"] == own["pattern_share"]["estimate"] < 1
    (r,) = (
        row
        for row in json.loads(five_years.done(*asked, "--to", "2030", "--show", "representativity"))
        if row["statistic"] == "r_indicator"
    )
    assert 0 < r["estimate"] < 1
    assert r["low"] < r["estimate"] < r["high"]
    bounds = ["--show", "bounds", "-v", "income_eur", "--drift", "-0.2", "0.1", "--to", "2030"]
    ends = {row["statistic"]: row["estimate"] for row in json.loads(five_years.done(*asked, *bounds))}
    assert ends["change_bound_least"] < ends["change_bound_most"]


@pytest.mark.parametrize(
    "command", [["change"], ["composite"], ["chained"], ["decomposition"], ["gap", "-g", "zzp", "-g", "employee"]],
    ids=lambda command: command[0],
)  # fmt: skip
def test_the_command_makes_intervals_hold_together(five_years, command):
    """`--simultaneous` widens the intervals of all classes, says over how many, and moves nothing else."""
    asked = [*command, "creative-ai", "-v", "income_eur", "--from", "2025", "--to", "2026", "--by", "employment"]
    plain, wide = (json.loads(five_years.done(*asked, *more, "--format", "json")) for more in ((), ("--simultaneous",)))
    assert [row["estimate"] for row in wide] == [row["estimate"] for row in plain]
    shown = [(one, two) for one, two in zip(plain, wide, strict=True) if one["estimate"] is not None]
    told = [(one, two) for one, two in shown if one["se"] is not None]
    assert all(two["low"] <= one["low"] <= one["high"] <= two["high"] for one, two in told)
    assert all("simultaneous over" in two["method"] for _, two in shown)


@pytest.mark.parametrize(
    "command",
    [
        ["pooled"],
        ["flows", "--from", "2025", "--to", "2026"],
        ["hazards", "--source", "1", "--target", "2"],
    ],
    ids=lambda command: command[0],
)
def test_the_command_makes_moves_hold_together(five_years, command):
    """`--simultaneous` widens intervals, says over how many, and hides what is hidden without it."""
    asked = [command[0], "creative-ai", "-v", "main_role", *command[1:], "--by", "employment", "--format", "json"]
    plain, wide = (json.loads(five_years.done(*asked, *more)) for more in ((), ("--simultaneous",)))
    assert [row["status"] for row in wide] == [row["status"] for row in plain]
    shown = [(one, two) for one, two in zip(plain, wide, strict=True) if one["estimate"] is not None]
    assert shown
    for one, two in shown:
        assert one["estimate"] == two["estimate"]
        assert two["low"] <= one["low"] <= one["high"] <= two["high"]
        assert "simultaneous over" in two["method"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--to", "2026", "--show", "leavers"], 2, "--variable"),
        (["--to", "2026", "--show", "response", "-v", "income_eur"], 2, "not about response"),
        (["--to", "2026", "--show", "bounds", "-v", "income_eur"], 21, "worst case has no end"),
        (["--to", "2052"], 15, "2052"),
        (["--to", "2026", "--simultaneous"], 2, "--by"),
    ],
)
def test_attrition_that_cannot_be_told_is_a_sentence(five_years, options, code, said):
    """A missing or needless option is usage; a worst case without limits an estimate; an unknown wave a key."""
    outcome = five_years("attrition", "creative-ai", "--from", "2025", *options)
    assert (outcome.returncode, said in outcome.stderr) == (code, True), outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_too_early_to_say_is_a_line_of_its_own(five_years):
    """The off-scale answer has its own figure in every wave, and stays in the denominator."""
    table = five_years.done("trends", "creative-ai", "--indicator", "ai_income_fell", "--format", "csv")
    rows = [row for row in csv.DictReader(io.StringIO(table)) if row["statistic"] == "share_unclear"]
    assert {row["wave"] for row in rows} == {"1", "2", "3", "4", "5", "6"}


def test_no_log_line_holds_an_answer(five_years, tmp_path, prefect_address):
    """A run with canary answers leaves none of them in what it logs."""
    (original,) = (five_years.home / "inbox" / "creative-ai" / "2025").iterdir()
    heading, *rows = csv.reader(io.StringIO(original.read_text("utf-8")))
    column = heading.index("remarks") if "remarks" in heading else heading.index("profit_eur")
    for row in rows:
        row[column] = "CANARY-4711"
    target = tmp_path / "canary.csv"
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([heading, *rows])
    command = Command(tmp_path / "home", PREFECT_API_URL=prefect_address)
    command.done("init")
    command.done("study", "load", "creative-ai")
    command.done("wave", "open", "creative-ai", "2025")
    printed = [command("collect", "creative-ai", "2025", str(target)), command("wave", "close", "creative-ai", "2025")]
    assert all("CANARY-4711" not in outcome.stdout + outcome.stderr for outcome in printed)
