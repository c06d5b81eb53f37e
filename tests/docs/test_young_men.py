"""The tutorial on the 545 young men: every command runs, and every figure on the page is right."""

import csv
import io
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
