"""Real people: earnings expected and earned in the New York Fed's survey, as the how-to shows, command by command."""

import csv
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.functional.conftest import Command

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "two-wave-claims.md").read_text("utf-8")
FILE = ROOT.parent / "shared" / "data" / "sce_labor_expectation_vs_realisation.csv.gz"
pytestmark = [pytest.mark.shared, pytest.mark.prefect]


@pytest.fixture(scope="module")
def printed(tmp_path_factory, prefect_address):
    """Run the page: lay the pairs out, run every command, and return what each printed."""
    if not FILE.exists():
        pytest.skip("the New York Fed's pairs are not beside the project")
    folder = tmp_path_factory.mktemp("earnings")
    (folder / FILE.name).symlink_to(FILE)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    command = Command(folder / "home", PREFECT_API_URL=prefect_address)
    (commands,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    out = {}
    for line in commands.strip().splitlines():
        words = [str(folder / word) if word == "pairs.csv" else word for word in line.split()[1:]]
        out[line] = command.done(*words)
    return out


def rows(text):
    """Return CSV as rows."""
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def pairs():
    """Return the pairs that the survey's users keep, with what was said and what came, straight from the file."""
    columns = ["userid", "lagincome", "expectation", "income", "filter1", "filter3"]
    frame = pd.read_csv(FILE, usecols=columns)
    frame = frame[(frame["lagincome"] > 0) & frame["filter1"] & frame["filter3"]]
    base = np.log(frame["lagincome"])
    told = {}
    for name, column in (("said", "expectation"), ("came", "income")):
        change = np.log(frame[column]) - base
        told[name] = np.select([change < -0.05, change > 0.05], ["fall", "rise"], "same")
    return frame.assign(**told)


def shown(printed):
    """Return share, standard error and number of each outcome, by what was predicted."""
    table = rows(printed["panelctl predictions sce-earnings"])
    own = [row for row in table if row["group"] == "all" and row["statistic"] == "realised_given_predicted"]
    return {row["value"]: (float(row["estimate"]), float(row["se"]), int(row["n"])) for row in own}


def test_of_those_who_expected_a_fall_most_did_not_see_one(printed):
    """45 % fell, 36 % stayed, 19 % rose; of those who expected the same or a rise 17/61/23 and 19/27/54."""
    found = shown(printed)
    table = {said: [round(100 * found[f"{said}>{came}"][0]) for came in KINDS] for said in KINDS}
    assert table == {"fall": [45, 36, 19], "same": [17, 61, 23], "rise": [19, 27, 54]}
    assert [found[f"{said}>same"][2] for said in KINDS] == [267, 2765, 753]


KINDS = ("fall", "same", "rise")


def test_a_person_with_two_pairs_is_one_psu(printed, pairs):
    """Standard errors are those of a mean over persons as clusters, worked out with pandas."""
    persons = pairs["userid"].nunique()
    every = pd.read_csv(FILE, usecols=["userid"])["userid"].nunique()
    assert persons < len(pairs)
    for value, (share, se, n) in shown(printed).items():
        said, came = value.split(">")
        own = pairs["said"] == said
        score = (own * ((pairs["came"] == came) - share) / own.sum()).groupby(pairs["userid"]).sum()
        variance = every / (every - 1) * (score**2).sum()  # persons without a pair that counts are there, with nought
        assert (n, se) == (own.sum(), pytest.approx(variance**0.5, rel=1e-9))


def test_the_pairs_that_differ_by_ten_to_fourteen_are_held(printed):
    """30 amounts wait for a decision under the check, and no more."""
    held = rows(printed["panelctl quarantine list sce-earnings --check hold:factor_of_ten_to_fourteen"])
    assert [(row["variable"], row["is_held"], row["wave"], row["count"]) for row in held] == [
        ("earnings", "True", "earned", "30")
    ]


def test_the_ledger_has_a_claim_for_each_pair_that_could_be_read(printed):
    """3,785 claims are resolved, as many true as the file says; those whose outcome is held are censored."""
    (counted,) = rows(printed["panelctl predictions sce-earnings --show ledger"])
    assert (counted["resolved_count"], counted["open_count"], counted["on_track_count"]) == ("3785", "0", "0")
    assert int(counted["claims_count"]) == 3785 + int(counted["censored_count"])


def test_as_many_claims_come_true_as_in_the_file(printed, pairs):
    """What was said and what came agree as often as in the file itself."""
    (counted,) = rows(printed["panelctl predictions sce-earnings --show ledger"])
    assert int(counted["true_count"]) == (pairs["said"] == pairs["came"]).sum()
