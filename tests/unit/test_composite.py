"""Composite and chained change: between the two roads by arithmetic, and R's chain, through the analyst's verbs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.errors import EstimateError
from panel.estimate.composite import best_share
from tests.unit.oracle_samples import BESIDE, EXACT, expected, near
from tests.unit.panel_factory import people_of, row, small, study
from tests.unit.test_panel_gaps import members

FEW = settings(max_examples=25, deadline=None)


@pytest.mark.shared
@BESIDE[1]
def test_both_ends_of_the_composite_are_those_of_the_oracle():
    """o05: net change of everybody by class, and stayers' change; the composite is steadier than either."""
    found, wanted = small().by("work").composite("profit", waves=(1, 2)), expected("o05")
    for group in ("zzp", "employee", "hybrid"):
        cross = wanted["change_income_by_status"][group]["1_2"]["diff"]["contrast"]
        got = row(found, "cross_sectional_change", group=group)
        assert (got["estimate"], got["se"]) == near((cross["est"], cross["se"]), rel=EXACT)
        stayed, best = row(found, "stayers_change", group=group), row(found, "composite_change", group=group)
        share = row(found, "composite_weight", group=group)["estimate"]
        assert best["estimate"] == near(share * stayed["estimate"] + (1 - share) * got["estimate"], rel=1e-12)
        assert best["se"] <= min(got["se"], stayed["se"]) * (1 + 1e-12)


@pytest.mark.shared
@BESIDE[1]
def test_the_composite_of_everybody_follows_from_the_joint_matrix():
    """o05 data, everybody: the weight and error of the composite by solving for the least variance on a grid."""
    people = small()
    found = people.composite("profit", waves=(1, 4))
    both = [row(found, name) for name in ("cross_sectional_change", "stayers_change")]
    share, best = row(found, "composite_weight")["estimate"], row(found, "composite_change")
    vc, vs = (each["se"] ** 2 for each in both)
    c = (best["se"] ** 2 - share**2 * vs - (1 - share) ** 2 * vc) / (2 * share * (1 - share))
    grid = np.linspace(0, 1, 100_001)
    spread = grid**2 * vs + (1 - grid) ** 2 * vc + 2 * grid * (1 - grid) * c
    assert grid[np.argmin(spread)] == pytest.approx(share, abs=1e-5)
    assert spread.min() == pytest.approx(best["se"] ** 2, rel=1e-9)


@pytest.mark.shared
@BESIDE[1]
def test_the_chain_of_the_panel_is_that_of_the_oracle():
    """o05 through the verb: every matched link and the chain over four waves, of those self-employed at the start."""
    found, wanted = small().by("work").chained("profit", waves=(1, 4)), expected("o05")
    for first in (1, 2, 3):
        got, figure = row(found, "matched_change", group="zzp", from_wave=first), wanted["matched_ratio_zzp"][first - 1]
        assert (got["estimate"], got["se"]) == near((figure["contrast"]["est"], figure["contrast"]["se"]), rel=EXACT)
    got, figure = row(found, "chained_change", group="zzp"), wanted["chained_index_zzp_1_4"]["contrast"]
    assert (got["estimate"], got["se"]) == near((figure["est"], figure["se"]), rel=EXACT)
    assert (got["from_wave"], got["wave"], got["unit"]) == (1, 4, "ratio")


def test_a_chain_is_the_product_of_its_links_by_hand():
    """30 to 40 euros, then 40 to 20 of the same two: a third up, half down, a third down over both."""
    import pandas as pd

    rows = [
        (f"m{number}", wave, 1, 1, amounts[wave - 1], 1.0, "s", f"p{number}")
        for number, amounts in enumerate([(10.0, 20.0, 5.0), (20.0, 20.0, 15.0)])
        for wave in (1, 2, 3)
    ]
    frame = pd.DataFrame(rows, columns=["member", "wave", "emp_class", "role", "profit", "weight", "stratum", "psu"])
    found = people_of(frame, study(disclosure_threshold=1)).chained("profit", waves=(1, 3))
    links = found[found["statistic"] == "matched_change"]["estimate"].tolist()
    assert links == pytest.approx([40 / 30 - 1, 20 / 40 - 1])
    assert row(found, "chained_change")["estimate"] == pytest.approx(20 / 30 - 1)


@FEW
@given(st.integers(0, 10_000))
def test_where_all_stayed_both_roads_are_one(seed):
    """A closed panel under one weight: cross-sectional, stayers' and composite change and error are the same."""
    draw = np.random.default_rng(seed)
    frame = members(*[(1, 1, *draw.normal(100, 20, 2).round(2)) for _ in range(12)])
    found = people_of(frame, study((2025, 2026), disclosure_threshold=1)).composite("profit", waves=(1, 2))
    told = found[found["statistic"] != "composite_weight"]
    assert told["estimate"].tolist() == pytest.approx([told["estimate"].iloc[0]] * 3, rel=1e-9, abs=1e-9)
    assert told["se"].tolist() == pytest.approx([told["se"].iloc[0]] * 3, rel=1e-9)


@FEW
@given(st.integers(0, 10_000))
def test_no_other_mean_of_both_is_steadier(seed):
    """For any covariance of two estimates the weight gives the least variance between 0 and 1."""
    a = np.random.default_rng(seed).normal(size=(2, 3))
    matrix = a @ a.T
    k = best_share(matrix)
    spread = [np.array([1 - each, each]) @ matrix @ np.array([1 - each, each]) for each in (k, *np.linspace(0, 1, 101))]
    assert spread[0] <= min(spread) * (1 + 1e-9)


def test_what_is_told_of_a_composite_is_told_together():
    """Of eleven hybrids only two stayed: no figure of theirs is left, nor of the group that would tell them."""
    steps = [(1, 1, 10.0 + n, 20.0) for n in range(14)] + [(2, 2, 60.0 + n, 70.0) for n in range(15)]
    steps += [(3, 3, 40.0, 45.0)] * 2 + [(3, 1, 41.0, 46.0)] * 9 + [(1, 3, 5.0, 6.0)] * 9
    people = people_of(members(*steps), study((2025, 2026), disclosure_threshold=10)).by("work")
    found = people.composite("profit", waves=(1, 2)).groupby("group")["status"].agg(set)
    assert found.to_dict() == {"hybrid": {"hidden"}, "zzp": {"hidden"}, "employee": {"final"}}


def test_a_chain_over_a_hidden_link_is_hidden():
    """A chain and all its other links would tell the one that is hidden."""
    import pandas as pd

    rows = [
        (f"m{number}", wave, 1, 1, 100.0 + number + wave, 1.0, "s", f"p{number}")
        for number in range(30)
        for wave in (1, 2, 3)
        if wave < 3 or number < 4
    ]
    frame = pd.DataFrame(rows, columns=["member", "wave", "emp_class", "role", "profit", "weight", "stratum", "psu"])
    found = people_of(frame, study(disclosure_threshold=10)).chained("profit", waves=(1, 3))
    assert found["status"].tolist() == ["final", "hidden", "hidden"]


@pytest.mark.parametrize("verb", ["composite", "chained"])
def test_what_cannot_be_told_is_a_sentence(verb):
    """Nobody with both amounts, and waves nobody shares: named, never a NaN."""
    silent = people_of(members((1, 1, 5.0, None), (1, 1, None, 6.0)), study((2025, 2026), disclosure_threshold=1))
    with pytest.raises(EstimateError, match="'profit'"):
        getattr(silent, verb)("profit", waves=(1, 2))
    apart = members((1, 1, 5.0, 6.0), (1, 1, 7.0, 6.0))
    apart = apart[(apart["member"] == "m0") == (apart["wave"] == 1)]
    with pytest.raises(EstimateError, match="no longitudinal weight"):
        getattr(people_of(apart, study((2025, 2026))), verb)("profit", waves=(1, 2))
