"""Quantiles, own change, thresholds, balances and contrasts of one's own: R through the verbs, hand counts, laws."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.analysis import Term
from panel.errors import EstimateError, UnknownKey
from tests.unit.oracle_samples import BESIDE, EXACT, expected, near
from tests.unit.panel_factory import opened, people_of, row, small, study
from tests.unit.test_panel_gaps import members

FEW = settings(max_examples=15, deadline=None)
TWO = study((2025, 2026), disclosure_threshold=1)


@pytest.mark.shared
@BESIDE[1]
def test_own_change_is_that_of_the_oracle():
    """o05 through the verb: stayers' mean change by class, and percentiles of the relative change."""
    people, wanted = opened(small()).by("work"), expected("o05")
    found = people.individual("profit", waves=(1, 2))
    for group, figure in wanted["stayers_mean_change_by_status"].items():
        got = row(found, "own_change_mean", group=group)
        assert (got["estimate"], got["se"]) == near((figure["est"], figure["se"]), rel=EXACT)
    found, table = people.individual("profit", waves=(1, 2), kind="relative"), wanted["median_pct_change_by_status"]
    for place, group in enumerate(table["status"]):
        for p in (10, 25, 50, 75, 90):
            got = row(found, f"own_change_p{p}", group=group)
            assert got["estimate"] == near(table[f"pc12.{p / 100:g}"][place], rel=1e-6, abs=1e-12)


@pytest.mark.shared
@BESIDE[1]
@pytest.mark.parametrize("interval", ["logit", "beta", "mean", "asin", "likelihood"])
def test_thresholds_are_those_of_the_oracle(interval):
    """o05 through the verb: who fell, stayed and rose by class beyond five per cent, and the intervals of R."""
    found = opened(small()).by("work").thresholds("profit", waves=(1, 2), beyond=0.05, interval=interval)
    wanted = expected("o05")
    for name, figure in wanted["share_dec_unch_inc_by_status"].items():
        group, move = name.split(":cat12")
        got = row(found, f"threshold_share_{ {'dec': 'fell', 'unch': 'same', 'inc': 'rose'}[move] }", group=group)
        assert (got["estimate"], got["se"]) == near((figure["est"], figure["se"]), rel=EXACT)
    got, rule = row(found, "threshold_share_fell", group="zzp"), wanted["share_dec_ci_zzp"][interval]
    rel = 1e-4 if interval == "likelihood" else EXACT  # R reads the ends off a spline; see test_oracles_change
    assert (got["low"], got["high"]) == near((rule["lo"], rule["hi"]), rel=rel)
    assert interval in got["method"]


@pytest.mark.shared
@BESIDE[1]
def test_a_contrast_of_one_s_own_is_that_of_the_oracle():
    """o05 through the verb: difference in differences and the change of a ratio, as anybody may write them."""
    people, wanted = small().by("work"), expected("o05")
    terms = {
        f"{group} {wave}": Term(variable="profit", group=group, wave=wave)
        for group in ("zzp", "employee")
        for wave in (1, 4)
    }
    for function, key in (
        (lambda v: (v[1] - v[0]) - (v[3] - v[2]), "did_1_4"),
        (lambda v: v[1] / v[3] - v[0] / v[2], "gap_ratio_change_1_4"),
    ):
        got = row(people.contrast(function, terms, name=key), "contrast")
        figure = wanted[key]["contrast"]
        assert (got["estimate"], got["se"]) == near((figure["est"], figure["se"]), rel=EXACT)
        assert (got["indicator"], got["from_wave"], got["wave"]) == (key, 1, 4)
    levels = people.contrast(lambda v: v[0], terms, name="x")
    got, figure = row(levels, "mean", group="zzp", wave=1), wanted["by_status_wave"]["zzp.1"]
    assert (got["estimate"], got["se"]) == near((figure["est"], figure["se"]), rel=EXACT)


@pytest.mark.shared
@BESIDE[1]
def test_a_contrast_of_any_statistic_is_the_verb_s_own():
    """Change of a Gini index, a median and a share as contrasts: the same figures and errors as their verbs give."""
    people = opened(small())
    for term, table, name in (
        ({"statistic": "gini"}, people.inequality("profit", waves=(1, 4)), "change"),
        ({"statistic": "quantile"}, people.quantile("profit", waves=(1, 4)), "quantile_change"),
    ):
        terms = {str(wave): Term(variable="profit", wave=wave, **term) for wave in (1, 4)}
        got = row(people.contrast(lambda v: v[1] - v[0], terms, name="c"), "contrast")
        own = row(table, name)
        assert (got["estimate"], got["se"]) == near((own["estimate"], own["se"]), rel=1e-9)
    terms = {str(wave): Term(variable="role", wave=wave, statistic="share", codes=(3,)) for wave in (1, 4)}
    got = row(people.contrast(lambda v: v[1] - v[0], terms, name="c", unit="points"), "contrast")
    assert got["estimate"] == pytest.approx(
        float(np.diff(people.share("role", codes=[3])["estimate"].iloc[[0, 3]].to_numpy(float))[0])
    )


def test_a_contrast_of_a_hidden_level_is_hidden():
    """Two hybrids: their level and what is made of it go; a contrast of the others stays."""
    steps = [(1, 1, 10.0 + n, 20.0) for n in range(14)] + [(2, 2, 60.0 + n, 70.0) for n in range(15)]
    people = people_of(members(*steps, *[(3, 3, 40.0, 45.0)] * 2), study((2025, 2026), disclosure_threshold=10))
    one, few = (
        {each: Term(variable="profit", wave=1, group=each) for each in groups}
        for groups in (("zzp", "employee"), ("zzp", "hybrid"))
    )
    assert row(people.by("work").contrast(lambda v: v[0] - v[1], one, name="c"), "contrast")["status"] == "final"
    found = row(people.by("work").contrast(lambda v: v[0] - v[1], few, name="c"), "contrast")
    assert found["status"] == "hidden"
    assert pd.isna(found["estimate"])


def _term(**more: str) -> Term:
    return Term(variable="profit", wave=1, **more)


AMOUNTS = [(10, 20), (20, 20), (40, 42), (50, 25), (0, 30), (-5, 10)]
"""Doubled, stayed, +5 %, halved, from nothing, from a loss."""
HAND = opened(people_of(members(*[(1, 1, *map(float, each)) for each in AMOUNTS]), TWO))


@pytest.mark.parametrize(
    ("asked", "shares"),
    [
        ({"beyond": 0.0}, [1, 1, 2, 2]),
        ({"beyond": 0.05}, [1, 2, 1, 2]),
        ({"beyond": 10, "kind": "amount"}, [1, 3, 2, 0]),
        ({"beyond": 0.5, "kind": "arc"}, [1, 2, 3, 0]),
    ],
)
def test_thresholds_count_everybody_once_and_openly(asked, shares):
    """Who fell, stayed, rose beyond the threshold and has no base, of six; on the threshold is not beyond it."""
    found = HAND.thresholds("profit", waves=(1, 2), **asked)
    got = [row(found, f"threshold_share_{name}")["estimate"] for name in ("fell", "same", "rose", "no_base")]
    assert got == pytest.approx([each / 6 for each in shares])


def test_arc_change_treats_a_doubling_and_a_halving_alike():
    """Two thirds up, two thirds down; from nothing is two, from a loss beyond all."""
    found = HAND.individual("profit", waves=(1, 2), kind="arc")
    arcs = sorted(2 * (b - a) / (a + b) for a, b in AMOUNTS)
    assert row(found, "own_change_mean")["estimate"] == pytest.approx(np.mean(arcs))
    assert row(found, "own_change_p50")["estimate"] == pytest.approx(arcs[2])
    relative = row(HAND.individual("profit", waves=(1, 2), kind="relative"), "own_change_mean")
    assert relative["estimate"] == pytest.approx(np.mean([1, 0, 0.05, -0.5]))
    assert "2 without a base left out" in relative["denominator"]


def test_a_quantile_is_told_with_its_rule_and_changes_with_the_overlap():
    """Medians of 10 and 20 by hand; a closed panel shifted by a constant has a median change without error."""
    found = HAND.quantile("profit", wave=1, p=0.5)
    assert row(found, "quantile", value="0.5")["estimate"] == 10
    assert "rule math" in found["method"].iloc[0]
    frame = members(*[(1, 1, 100.0 + 3 * n, 107.0 + 3 * n) for n in range(40)])
    change = row(opened(people_of(frame, TWO)).quantile("profit", waves=(1, 2)), "quantile_change")
    assert change["estimate"] == pytest.approx(7.0)
    assert change["se"] == pytest.approx(0.0, abs=1e-9)


def test_a_balance_is_positive_less_negative():
    """Of six two say 1, one says 3, the rest neither: a sixth; the change is that of the balance."""
    frame = members(*[(code, later, 1.0, 1.0) for code, later in [(1, 1), (1, 3), (3, 3), (2, 2), (2, 1), (2, 2)]])
    found = opened(people_of(frame, TWO, weight="cross-sectional")).balance(
        "role", positive=[1], negative=[3], waves=(1, 2)
    )
    assert found["statistic"].tolist() == ["balance", "balance", "change"]
    assert found["estimate"].tolist() == pytest.approx([1 / 6, 0.0, -1 / 6])
    assert set(found["unit"]) == {"points"}


@FEW
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_shares_add_up_percentiles_are_in_order_and_money_scales(seed, factor):
    """For any amounts: four shares are one, percentiles rise, and in other money all amounts are in that money."""
    draw = np.random.default_rng(seed)
    steps = [(1, 1, *draw.normal(100, 60, 2).round(2)) for _ in range(20)]
    scaled = [(*step[:2], step[2] * factor, step[3] * factor) for step in steps]
    one, two = (opened(people_of(members(*each), TWO)) for each in (steps, scaled))
    found = one.thresholds("profit", waves=(1, 2), beyond=0.1)
    assert found["estimate"].sum() == pytest.approx(1.0)
    before, after = (each.individual("profit", waves=(1, 2)) for each in (one, two))
    levels = before.loc[before["statistic"] != "own_change_mean", "estimate"].to_numpy(float)
    assert (np.diff(levels) >= 0).all()
    for name in ("estimate", "se"):
        assert after[name].to_numpy(float) == pytest.approx(before[name].to_numpy(float) * factor, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda: HAND.thresholds("profit", waves=(1, 2), beyond=-1), EstimateError, "zero or more"),
        (lambda: HAND.thresholds("profit", waves=(1, 2), beyond=0, kind="relativ"), UnknownKey, "no 'relativ'"),
        (lambda: HAND.thresholds("profit", waves=(1, 2), beyond=0, interval="bta"), UnknownKey, "no 'bta'"),
        (lambda: HAND.quantile("profit", p=1.5), EstimateError, "between 0 and 1"),
        (lambda: HAND.quantile("profit", rule="hf77"), UnknownKey, "hf77"),
        (lambda: HAND.balance("role", positive=[1], negative=[1]), EstimateError, "some codes against others"),
        (lambda: HAND.contrast(lambda v: v[0], {}, name="c"), EstimateError, "there are none"),
        (lambda: HAND.contrast(abs, {"a": _term(statistic="mode")}, name="c"), UnknownKey, "mode"),
        (lambda: HAND.contrast(lambda v: 1 / (v[0] - v[0]), {"a": _term()}, name="c"), EstimateError, "no finite"),
        (lambda: HAND.contrast(abs, {"a": _term(group="zzp")}, name="c"), EstimateError, "division"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_a_sentence(ask, error, said):
    """A wrong word, an empty question, a function that divides by zero: said, never a NaN."""
    with pytest.raises(error, match=said):
        ask()
