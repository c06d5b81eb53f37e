"""Who answered every wave, beside available pairs and everybody: hand counts, R's figures, laws, what is hidden."""

import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from panel.errors import EstimateError
from tests.unit.held_panel import members, panel_of, person_waves
from tests.unit.oracle_samples import BESIDE, EXACT, expected, near
from tests.unit.panel_factory import opened, people_of, row, small, study

THREE = study((2025, 2026, 2027), disclosure_threshold=1)


def counted() -> pd.DataFrame:
    """Return four members of three waves, of whom two are there every time and one gives no amount once."""
    rows = [
        ("a", 1, 10.0, 1.0), ("a", 2, 20.0, 1.0), ("a", 3, 30.0, 1.0),
        ("b", 1, 40.0, 3.0), ("b", 2, 40.0, 3.0), ("b", 3, 60.0, 3.0),
        ("c", 1, 99.0, 1.0), ("c", 2, None, 1.0), ("c", 3, 99.0, 1.0),
        ("d", 1, 50.0, 2.0), ("d", 2, 80.0, 2.0),
        ("e", 3, 70.0, 2.0),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["member", "wave", "profit", "weight"])
    return frame.assign(emp_class=1, role=1, stratum="s", psu=frame["member"])


def test_each_definition_is_counted_by_hand():
    """
    Balanced are a and b, weights 1 and 3: (10 + 120) / 4, (20 + 120) / 4, (30 + 180) / 4.

    In pairs 1-2 also d: (10 + 0 + 2 x 30) / 6. Everybody has c, d and e too.
    """
    found = people_of(counted(), THREE)
    table = opened(found).balanced("profit")
    for wave, level in ((1, 32.5), (2, 35.0), (3, 52.5)):
        got = row(table, "balanced_mean", wave=wave)
        assert (got["estimate"], got["n"]) == (level, 2)
        assert got["weight"] == "longitudinal 1-2-3"
    for (first, second), moved in {(1, 2): 2.5, (2, 3): 17.5, (1, 3): 20.0}.items():
        got = row(table, "balanced_change", from_wave=first, wave=second)
        assert (got["estimate"], got["n"]) == (moved, 2)
    pair = row(table, "stayers_change", from_wave=1, wave=2)
    assert (pair["estimate"], pair["n"], pair["weight"]) == (pytest.approx(70 / 6), 3, "longitudinal 1-2")
    assert row(table, "mean", wave=1)["estimate"] == pytest.approx((10 + 120 + 99 + 100) / 7)
    assert row(table, "mean", wave=1)["n"] == 4
    assert row(table, "change", from_wave=1, wave=3)["weight"] == "cross-sectional 1 and 3"


@pytest.mark.shared
@BESIDE[1]
def test_pairs_and_everybody_are_those_of_the_oracle():
    """o05: of two waves, balanced and available pairs are one, and both are R's stayers; everybody is R's change."""
    table, wanted = opened(small()).by("work").balanced("profit", waves=(1, 2)), expected("o05")
    for group, figure in wanted["stayers_mean_change_by_status"].items():
        for name in ("balanced_change", "stayers_change"):
            got = row(table, name, group=group)
            assert (got["estimate"], got["se"]) == near((figure["est"], figure["se"]), rel=EXACT)
        got = row(table, "change", group=group)
        crossed = wanted["change_income_by_status"][group]["1_2"]["diff"]["contrast"]
        assert (got["estimate"], got["se"]) == near((crossed["est"], crossed["se"]), rel=EXACT)


R = """
suppressMessages(library(survey))
frame <- read.csv(commandArgs(TRUE)[1])
wide <- reshape(frame[, c("id", "wave", "income")], idvar = "id", timevar = "wave", direction = "wide")
first <- merge(frame[!duplicated(frame$id), c("id", "hh", "stratum")], wide, by = "id")
begun <- frame[frame$wave == 1, c("id", "w")]
first <- merge(first, begun, by = "id", all.x = TRUE)
first$own <- complete.cases(first[, paste0("income.", 1:4)])
first$w[is.na(first$w)] <- 0
design <- svydesign(~hh, strata = ~stratum, weights = ~w, data = first, nest = TRUE)
kept <- subset(design, own)
for (each in list(~income.1, ~income.3, ~I(income.2 - income.1), ~I(income.4 - income.1))) {
  found <- svymean(each, kept)
  cat(sprintf("%.12f %.12f\\n", coef(found), SE(found)))
}
"""


@pytest.mark.shared
@BESIDE[1]
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_four_waves_are_those_of_r_s_survey(tmp_path):
    """R's panel of those who answered all four years, as a domain of its design: two levels and two changes."""
    script = tmp_path / "balanced.R"
    script.write_text(R, "utf-8")
    source = Path(__file__).parents[3] / "shared" / "oracles" / "data" / "panel_small.csv"
    run = subprocess.run(["Rscript", str(script), str(source)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    wanted = [tuple(map(float, line.split())) for line in run.stdout.splitlines()]
    table = opened(small()).balanced("profit")
    asked = [
        row(table, "balanced_mean", wave=1), row(table, "balanced_mean", wave=3),
        row(table, "balanced_change", from_wave=1, wave=2), row(table, "balanced_change", from_wave=1, wave=4),
    ]  # fmt: skip
    for got, figure in zip(asked, wanted, strict=True):
        assert (got["estimate"], got["se"]) == near(figure, rel=1e-7)


@pytest.mark.parametrize("rule", ["first", "both", "second"])
def test_years_add_up_and_levels_are_of_the_same_members(rule):
    """By every rule of groups: n is the same in every wave, changes are those of the levels, years add up."""
    people = opened(panel_of(person_waves(members(200, 8)))).by("work")
    table = people.balanced("profit", groups=rule)
    for group in ("self", "staff"):
        own = table[table["group"] == group]
        levels = own[own["statistic"] == "balanced_mean"].set_index("wave")
        moved = own[own["statistic"] == "balanced_change"].set_index(["from_wave", "wave"])["estimate"]
        assert levels["n"].nunique() == 1
        for (first, second), change in moved.items():
            assert change == pytest.approx(levels["estimate"][second] - levels["estimate"][first])
        assert sum(moved[step] for step in pairwise((1, 2, 3))) == pytest.approx(moved[1, 3])


def test_the_balanced_weight_credits_those_who_were_lost():
    """Weights made by a propensity: the error knows it was estimated, so it is not that of weights taken as given."""
    people = opened(panel_of(person_waves(members(200, 8))))
    weights = people.release.weights
    assert ((weights["kind"] == "lost") & (weights["waves"] == "1-2-3")).any()
    bare = weights[weights["kind"] != "lost"].assign(propensity=np.nan)
    fixed = opened(panel_of(people.release.table("person_waves"), weights=bare))
    credited, plain = (row(each.balanced("profit"), "balanced_mean", wave=1) for each in (people, fixed))
    assert credited["estimate"] == plain["estimate"]
    assert credited["se"] != pytest.approx(plain["se"], rel=1e-3)


def test_intervals_that_hold_together_are_wider_in_every_definition():
    """Over groups and waves, each definition by itself; nothing but the ends and the words moves."""
    people = panel_of(person_waves(members(200, 8)))
    plain = opened(people).by("work").balanced("profit")
    wide = replace(opened(people).by("work"), is_simultaneous=True).balanced("profit")
    assert (wide["estimate"] == plain["estimate"]).all()
    assert (wide["low"] <= plain["low"]).all()
    assert (wide["high"] >= plain["high"]).all()
    assert wide["method"].str.contains("simultaneous over").all()


def test_a_set_without_a_weight_names_those_there_are():
    """Nothing is made up of other waves' weights: the sentence says which sets the release has."""
    people = people_of(counted(), THREE)
    tables = people.release._tables
    tables["weights"] = tables["weights"][tables["weights"]["waves"] != "1-2-3"]
    with pytest.raises(EstimateError, match=r"Waves 1-2-3 have no longitudinal weight; .* has: 1-2, 1-3, 2-3"):
        people.balanced("profit", waves=(1, 2, 3))
    with pytest.raises(EstimateError, match="within one wave"):
        people.balanced("profit", waves=(1,))


def test_a_few_more_than_the_balanced_panel_are_not_told():
    """Pairs of 1 and 2 are the balanced panel and four more: below a threshold of ten the pairs are hidden."""
    rows = [
        {"member": f"m{x}", "wave": wave, "emp_class": 1, "role": 1, "profit": 100.0 * x + wave}
        for x in range(60)
        for wave in (1, 2, 3)
        if not (wave == 3 and x < 4)
    ]
    table = panel_of(person_waves(rows)).balanced("profit")
    first = row(table, "stayers_change", from_wave=1, wave=2)
    assert (first["status"], pd.isna(first["estimate"]), pd.isna(first["n"])) == ("hidden", True, True)
    assert row(table, "stayers_change", from_wave=1, wave=3)["status"] == "final"
    assert row(table, "balanced_change", from_wave=1, wave=2)["n"] == 56
