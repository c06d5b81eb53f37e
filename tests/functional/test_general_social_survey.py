"""Real people: the General Social Survey panel of 2006, through the very same commands."""

import csv
import io
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.functional.conftest import Command

FILE = Path(__file__).parents[3] / "shared" / "data" / "gss_panel06_long.csv.gz"
pytestmark = [pytest.mark.shared, pytest.mark.prefect]


@pytest.fixture(scope="module")
def survey(tmp_path_factory, prefect_address) -> Command:
    """Return a home in which the three waves were fielded."""
    if not FILE.exists():
        pytest.skip("the General Social Survey panel is not beside the project")
    command = Command(tmp_path_factory.mktemp("gss") / "home", PREFECT_API_URL=prefect_address)
    command.done("init")
    command.done("study", "load", "gss-2006")
    for wave in ("2006", "2008", "2010"):
        command.done("wave", "open", "gss-2006", wave)
        command.done("collect", "gss-2006", wave, str(FILE))
        command.done("wave", "close", "gss-2006", wave)
    return command


def rows(text):
    """Return CSV as rows."""
    return list(csv.DictReader(io.StringIO(text)))


def test_as_many_are_interviewed_as_were(survey):
    """2,000, 1,536 and 1,276 members were interviewed, by the survey's own count."""
    status = json.loads(survey.done("wave", "status", "gss-2006", "--format", "json"))
    assert [row["interviewed"] for row in status] == [2000, 1536, 1276]
    assert [row["members"] for row in status] == [2000, 2000, 2000]


def test_every_attempt_has_its_outcome(survey):
    """The tracking table has a row for every member and wave, with what came of it."""
    import pandas as pd

    tracking = pd.read_parquet(survey.home / "releases" / "gss-2006" / "2010.1" / "tracking.parquet")
    assert len(tracking) == 6000
    second = Counter(tracking.loc[tracking["wave"] == 2, "disposition"])
    assert second["deceased"] == 40
    assert second["complete"] + second["partial"] == 1536
    assert sum(second.values()) == 2000


def test_self_employed_and_employees_move(survey):
    """Transitions between self-employed and someone else come weighted, with intervals, and rows that add up."""
    table = rows(survey.done("transitions", "gss-2006", "--variable", "wrkslf"))
    shown = [row for row in table if row["group"] == "all" and (row["from_wave"], row["wave"]) == ("1", "2")]
    shares = {row["value"]: float(row["estimate"]) for row in shown}
    assert sum(share for value, share in shares.items() if value.startswith("Self-Employed>")) == pytest.approx(1)
    assert 0.2 < shares["Self-Employed>Someone Else"] < 0.4  # 28 % of all pairs, unweighted, in the literature's count
    assert shares["Someone Else>Self-Employed"] < 0.06
    assert all(row["weight"] == "longitudinal 1-2" for row in shown)


def test_expected_job_loss_is_set_against_unemployment(survey):
    """Each answer on losing the job has its share unemployed two years on."""
    table = rows(survey.done("predictions", "gss-2006", "--question", "joblose"))
    told = {
        (row["from_wave"], row["value"]): row
        for row in table
        if row["statistic"] == "realised_given_predicted" and row["group"] == "all"
    }
    wanted = unemployed_two_years_on()
    assert {value for _, value in told} == {f"{said}>event" for said in ANSWERS}
    shown = [said for said in ANSWERS if told["1", f"{said}>event"]["status"] != "hidden"]
    assert "Not Likely" in shown
    for said in shown:
        share, count = wanted[said]
        row = told["1", f"{said}>event"]
        assert (float(row["estimate"]), int(row["n"])) == (pytest.approx(share), count)


ANSWERS = ("Very Likely", "Fairly Likely", "Not Too Likely", "Not Likely")


def unemployed_two_years_on():
    """Return share and number by answer in 2006, weighted for who was lost by 2008, straight from the file."""
    import pandas as pd

    frame = pd.read_csv(FILE, usecols=["firstid", "wave", "joblose", "wrkstat", "wtpannr12"])
    first, second = (frame[frame["wave"] == wave].set_index("firstid") for wave in (1, 2))
    both = first[["joblose"]].join(second[["wrkstat", "wtpannr12"]]).dropna()
    event = (both["wrkstat"] == "Unempl, Laid Off") * both["wtpannr12"]
    by = both["joblose"]
    shares = event.groupby(by).sum() / both["wtpannr12"].groupby(by).sum()
    return {said: (shares[said], int((by == said).sum())) for said in ANSWERS}


def test_few_who_feared_it_lost_the_job_and_are_not_told(survey):
    """One of 27 who thought it very likely was out of work two years on: the share of one person is hidden."""
    table = rows(survey.done("predictions", "gss-2006", "--question", "joblose"))
    own = [row for row in table if row["value"] == "Very Likely>event" and row["group"] == "all"]
    assert {(row["from_wave"], row["status"], row["estimate"]) for row in own} >= {("1", "hidden", "")}
    ledger = rows(survey.done("predictions", "gss-2006", "--show", "claims", "--question", "joblose"))
    said = [row for row in ledger if (row["wave"], row["said"], row["state"]) == ("1", "Very Likely", "resolved")]
    assert (len(said), sum(row["outcome"] == "event" for row in said)) == (27, 1)


def test_income_and_hours_are_told_with_their_uncertainty(survey):
    """Income and hours have levels and changes with standard errors in all three waves."""
    table = rows(survey.done("trends", "gss-2006"))
    for variable in ("conrinc", "hrs1"):
        levels = {row["wave"] for row in table if row["variable"] == variable and row["group"] == "all" and row["se"]}
        assert levels == {"1", "2", "3"}
