"""The tutorial on the 545 young men: every command runs, and every figure on the page is right."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.functional.conftest import Command

PAGE = (Path(__file__).parents[2] / "docs" / "tutorials" / "young-men.md").read_text("utf-8")


@pytest.fixture(scope="module")
def printed(tmp_path_factory, prefect_address):
    """Run the page's commands in order, in a home of their own, and return what each printed."""
    folder = tmp_path_factory.mktemp("men")
    command = Command(folder / "home", PREFECT_API_URL=prefect_address)
    out = {}
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for line in block.strip().splitlines():
            if line.startswith("python -c"):
                code = line.removeprefix('python -c "').removesuffix('"')
                subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
            else:
                words = [str(folder / word) if word == "men.csv" else word for word in line.split()[1:]]
                out[line] = command.done(*words)
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    run = subprocess.run([sys.executable, "-c", code], env=command.environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return out


def table(text):
    """Return CSV as rows."""
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def men():
    """Return the data as the package has them: a man a row, a year a column."""
    from linearmodels.datasets import wage_panel

    return wage_panel.load().pivot(index="nr", columns="year", values="lwage")


def test_all_answered_both_times(printed):
    """545 men are interviewed in both waves."""
    rows = table(printed["panelctl wave status young-men"])
    assert [row["interviewed"] for row in rows[:2]] == ["545", "545"]


def test_levels_are_the_plain_means(printed, men):
    """With nothing to weight, the means are those that pandas gives, and those on the page."""
    rows = table(printed["panelctl trends young-men --indicator lwage_mean"])
    levels = [float(row["estimate"]) for row in rows if row["statistic"] == "mean" and row["group"] == "all"]
    assert levels == pytest.approx([men[1980].mean(), men[1981].mean()], rel=1e-12)
    assert f"rose from {levels[0]:.3f} to {levels[1]:.3f}" in PAGE


def test_the_change_has_the_standard_error_of_a_paired_difference(printed, men):
    """A balanced panel's change has the textbook standard error: that of the mean of 545 differences."""
    rows = table(printed["panelctl trends young-men --indicator lwage_mean"])
    change = next(row for row in rows if row["statistic"] == "change" and row["group"] == "all")
    differences = men[1981] - men[1980]
    assert float(change["estimate"]) == pytest.approx(differences.mean(), rel=1e-12)
    assert float(change["se"]) == pytest.approx(differences.std(ddof=1) / np.sqrt(545), rel=1e-12)
    strangers = np.sqrt((men[1980].var(ddof=1) + men[1981].var(ddof=1)) / 545)
    assert f"{differences.mean():.3f}, has a standard error of {float(change['se']):.3f}" in PAGE
    assert f"{strangers:.3f}: the same men" in PAGE.replace("\n", " ")


def test_the_dynamics_are_those_of_the_men_themselves(printed, men):
    """Median and shares of 545 relative changes, counted by pandas; a logarithm of zero or less has none."""
    rows = table(printed["panelctl dynamics young-men -v lwage --from 1980 --to 1981 --nominal"])
    found = {row["statistic"]: float(row["estimate"]) for row in rows}
    based = men[men[1980] > 0]
    ratio = based[1981] / based[1980] - 1
    assert found["dynamics_median"] == pytest.approx(ratio.sort_values().iloc[(len(ratio) + 1) // 2 - 1], rel=1e-12)
    counts = [(ratio < 0).sum(), (ratio == 0).sum(), (ratio > 0).sum(), len(men) - len(based)]
    names = [f"dynamics_share_{each}" for each in ("fell", "same", "rose", "no_base")]
    assert [found[name] for name in names] == pytest.approx([count / len(men) for count in counts])


def test_transitions_are_the_plain_shares(printed):
    """With nothing to weight, row shares are those of a cross table."""
    from linearmodels.datasets import wage_panel

    wide = wage_panel.load().pivot(index="nr", columns="year", values="occupation")
    counts = wide.groupby([1980, 1981]).size().unstack(fill_value=0)
    shares = counts.div(counts.sum(axis=1), axis=0)
    rows = table(printed["panelctl transitions young-men --variable occupation"])
    shown = [row for row in rows if row["group"] == "all" and row["status"] != "hidden"]
    assert len(shown) >= 49
    for row in shown:
        first, second = (int(code) for code in row["value"].split(">"))
        assert float(row["estimate"]) == pytest.approx(shares.loc[first].get(second, 0.0), abs=1e-9)


@pytest.fixture(scope="module")
def unions():
    """Return who was in a union: a man a row, a year a column."""
    from linearmodels.datasets import wage_panel

    return wage_panel.load().pivot(index="nr", columns="year", values="union")


def test_the_gap_is_that_of_the_men_by_the_group_they_began_in(printed, men, unions):
    """`panelctl gap --rule first`: levels, gaps and difference in differences that pandas gives."""
    rows = table(printed[next(line for line in printed if line.startswith("panelctl gap"))])
    own = unions[1980] == 1
    found = {(row["statistic"], row["wave"]): float(row["estimate"]) for row in rows if row["statistic"] != "mean"}
    gaps = [men.loc[own, year].mean() - men.loc[~own, year].mean() for year in (1980, 1981)]
    assert [found[("gap", wave)] for wave in "12"] == pytest.approx(gaps, rel=1e-12)
    assert found[("gap_change", "2")] == pytest.approx(gaps[1] - gaps[0], rel=1e-12)
    assert {row["denominator"] for row in rows if row["group"] == "member"} == {
        "Union member with an answer, by the group of the earlier wave"
    }


def test_the_decomposition_adds_up_to_the_change_of_the_group(printed, men, unions):
    """`panelctl decomposition`: the parts are the change of the mean of whoever was in the union that year."""
    rows = table(printed["panelctl decomposition young-men -v lwage --from 1980 --to 1981 --by union"])
    for group, code in (("member", 1), ("no_member", 0)):
        own = {row["statistic"]: float(row["estimate"]) for row in rows if row["group"] == group}
        wanted = np.subtract(*(men.loc[unions[year] == code, year].mean() for year in (1981, 1980)))
        assert own["change"] == pytest.approx(wanted, rel=1e-12)
        parts = [value for name, value in own.items() if name.startswith("change_by_")]
        assert len(parts) == 3
        assert sum(parts) == pytest.approx(wanted, rel=1e-10)


def test_mobility_is_that_of_the_cross_table(printed, unions):
    """`panelctl mobility --format json`: who joined or left, and two less those who stayed, as JSON."""
    rows = json.loads(printed["panelctl mobility young-men -v union --from 1980 --to 1981 --format json"])
    found = {row["statistic"]: row for row in rows}
    stayed = [(unions.loc[unions[1980] == code, 1981] == code).mean() for code in (0, 1)]
    assert found["moved_share"]["estimate"] == pytest.approx((unions[1980] != unions[1981]).mean(), rel=1e-12)
    assert found["mobility"]["estimate"] == pytest.approx(2 - sum(stayed), rel=1e-12)
    assert found["mobility"]["denominator"].endswith("years apart: 1")


def test_all_roads_to_the_change_of_a_closed_panel_are_one(printed, men):
    """`panelctl composite`: cross-sections, stayers and composite give the mean of 545 differences."""
    rows = table(printed["panelctl composite young-men -v lwage --from 1980 --to 1981"])
    found = {row["statistic"]: float(row["estimate"]) for row in rows}
    wanted = (men[1981] - men[1980]).mean()
    names = ("cross_sectional_change", "stayers_change", "composite_change")
    assert [found[name] for name in names] == pytest.approx([wanted] * 3, rel=1e-10)


def test_matched_hours_move_as_their_sums(printed, unions):
    """`panelctl chained` and `panelctl change --groups both`: sums and means of hours that pandas gives."""
    from linearmodels.datasets import wage_panel

    hours = wage_panel.load().pivot(index="nr", columns="year", values="hours")
    own = hours[unions[1980] == 1]
    rows = table(printed["panelctl chained young-men -v hours --from 1980 --to 1981 --by union"])
    found = {row["statistic"]: float(row["estimate"]) for row in rows if row["group"] == "member"}
    wanted = own[1981].sum() / own[1980].sum() - 1
    assert [found["matched_change"], found["chained_change"]] == pytest.approx([wanted, wanted], rel=1e-12)
    rows = table(printed["panelctl change young-men -v hours --from 1980 --to 1981 --by union --groups both"])
    found = {row["statistic"]: float(row["estimate"]) for row in rows if row["group"] == "member"}
    stayed = hours[(unions[1980] == 1) & (unions[1981] == 1)]
    assert found["stayers_mean_change"] == pytest.approx((stayed[1981] - stayed[1980]).mean(), rel=1e-12)


def test_flows_tests_and_hazards_are_those_of_the_cross_table(printed, unions):
    """`panelctl flows`, `independence`, `pooled`, `hazards`: counts by pandas, Wald's F from net and its error."""
    rows = table(printed["panelctl flows young-men -v union --from 1980 --to 1981"])
    found = {(row["statistic"], row["value"]): row for row in rows}
    joined, left = ((unions[1980] == code) & (unions[1981] == 1 - code) for code in (0, 1))
    assert float(found[("flow_in", "1")]["estimate"]) == pytest.approx(joined.mean(), rel=1e-12)
    assert float(found[("flow_out", "1")]["estimate"]) == pytest.approx(left.mean(), rel=1e-12)
    net = found[("flow_net", "1")]
    assert float(net["estimate"]) == pytest.approx(joined.mean() - left.mean(), abs=1e-12)
    rows = table(printed["panelctl independence young-men -v union --from 1980 --to 1981"])
    tests = {row["statistic"]: float(row["estimate"]) for row in rows}
    assert tests["homogeneity_f"] == pytest.approx((float(net["estimate"]) / float(net["se"])) ** 2, rel=1e-9)
    assert tests["independence_p"] < 1e-6
    rows = json.loads(printed["panelctl hazards young-men -v union --source 0 --target 1 --format json"])
    share = unions.loc[unions[1980] == 0, 1981].mean()
    hazard = {row["statistic"]: row["estimate"] for row in rows}
    assert hazard["hazard"] == hazard["spell_hazard"] == pytest.approx(share, rel=1e-12)
    assert hazard["spell_survival"] == pytest.approx(1 - share, rel=1e-12)
    rows = table(printed["panelctl pooled young-men -v union --years 1 --by ethnicity"])
    assert {row["group"] for row in rows} == {"black", "hispanic", "other"}
    assert all("steps of 1 year" in row["denominator"] for row in rows)


def test_quantiles_inequality_own_change_and_balances_are_those_of_pandas(printed, men, unions):
    """The commands about distributions: levels, changes and shares counted anew, nothing weighted."""
    from linearmodels.datasets import wage_panel

    hours = wage_panel.load().pivot(index="nr", columns="year", values="hours").astype(float)
    rows = table(printed["panelctl quantile young-men -v lwage -p 0.1 --from 1980 --to 1981"])
    tenth = [men[year].sort_values().iloc[int(np.ceil(0.1 * 545)) - 1] for year in (1980, 1981)]
    assert [float(row["estimate"]) for row in rows[:2]] == pytest.approx(tenth, rel=1e-12)
    assert float(rows[2]["estimate"]) == pytest.approx(tenth[1] - tenth[0], rel=1e-9)
    rows = table(printed["panelctl inequality young-men -v hours --from 1980 --to 1981"])
    for row, year in zip(rows, (1980, 1981), strict=False):
        y = hours[year].to_numpy()
        assert float(row["estimate"]) == pytest.approx(np.abs(y[:, None] - y).mean() / 2 / y.mean(), rel=1e-12)
    arc = 2 * (hours[1981] - hours[1980]) / (hours[1981] + hours[1980])
    rows = table(printed["panelctl individual young-men -v hours --from 1980 --to 1981 --kind arc"])
    found = {row["statistic"]: float(row["estimate"]) for row in rows}
    assert found["own_change_mean"] == pytest.approx(arc.mean(), rel=1e-12)
    assert found["own_change_p50"] == pytest.approx(arc.median(), rel=1e-12)
    ratio = hours[1981] / hours[1980] - 1
    rows = table(printed["panelctl thresholds young-men -v hours --from 1980 --to 1981 --beyond 0.1 --interval wilson"])
    found = {row["statistic"]: float(row["estimate"]) for row in rows if row["estimate"]}
    assert found["threshold_share_fell"] == pytest.approx((ratio < -0.1 - 1e-12).mean(), rel=1e-12)
    assert found["threshold_share_rose"] == pytest.approx((ratio > 0.1 + 1e-12).mean(), rel=1e-12)
    rows = table(printed["panelctl balance young-men -v union --positive 1 --negative 0 --from 1980 --to 1981"])
    wanted = [2 * unions[year].mean() - 1 for year in (1980, 1981)]
    assert [float(row["estimate"]) for row in rows[:2]] == pytest.approx(wanted, rel=1e-12)


def test_tables_without_slips_and_change_by_quarter(printed, unions):
    """`panelctl corrected` by undoing the matrix of slips; `panelctl ranks` has four quarters of three figures."""
    rows = table(printed["panelctl corrected young-men -v union --from 1980 --to 1981 --slips 0.02"])
    cells = np.array([[((unions[1980] == a) & (unions[1981] == b)).mean() for b in (0, 1)] for a in (0, 1)])
    undo = np.linalg.inv(np.array([[0.98, 0.02], [0.02, 0.98]]))
    true = undo @ cells @ undo.T
    found = {row["value"]: float(row["estimate"]) for row in rows}
    assert found["0>1"] == pytest.approx(true[0, 1] / true[0].sum(), rel=1e-9)
    rows = table(printed["panelctl ranks young-men -v hours --from 1980 --to 1981 --parts 4"])
    assert {row["value"] for row in rows} == {"1", "2", "3", "4"}
    assert len(rows) == 12
