"""Who was lost: by hand on ten members, and by the laws that bounds and patterns must keep."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.errors import EstimateError
from panel.estimate import Cohort, Guess, Label, Sample, bounds, leavers, patterns, to_frame
from panel.schema import WEIGHTS
from tests.unit.held_panel import STUDY, members, person_waves

FEW = settings(max_examples=20, deadline=None)
SHARE = Label(indicator="a", variable="profit", domain=None, group="all", denominator="all", unit="share")
EUROS = Label(indicator="a", variable="profit", domain=None, group="all", denominator="all", unit="EUR")
NUMBERS = ["estimate", "se", "low", "high"]


def rows_of(patterns: dict[str, str], weight: dict[str, float], profit: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Return person-waves of members who answered the waves that have a 1 in their pattern."""
    return [
        {"member": member, "wave": wave + 1, "weight": weight.get(member, 1.0), "profit": profit[member][wave]}
        for member, pattern in patterns.items()
        for wave, sign in enumerate(pattern)
        if sign == "1"
    ]


def sample_of(rows: list[dict[str, Any]]) -> Sample:
    """Return the sample of these person-waves, under the weights they come with."""
    frame = person_waves(rows)
    own = frame[["member", "wave"]].assign(
        weight=[row.get("weight", 1.0) for row in rows], design_weight=0.0, kind="cross-sectional", waves="1"
    )
    return Sample(
        STUDY, frame.drop(columns="weight", errors="ignore"), WEIGHTS.coerce(own), label="w", keys=("member", "wave")
    )


WHO = {"a": "111", "b": "111", "c": "110", "d": "101", "e": "100", "f": "100", "g": "111", "h": "110"}
HEAVY = {"c": 2.0, "e": 3.0}
SAID = {name: [10.0 * (place + 1), 20.0, 11.0 * (place + 1)] for place, name in enumerate(WHO)}


@pytest.fixture
def cohort() -> Cohort:
    """Return eight members, two of them with more weight: eleven in all."""
    return Cohort.of(sample_of(rows_of(WHO, HEAVY, SAID)), (1, 2, 3))


def everybody(cohort: Cohort) -> np.ndarray:
    """Return one group of all."""
    return np.zeros(len(cohort.sample.wave), dtype=int)


def told(figures: list[Any]) -> dict[tuple[str, str | None, int, str], Any]:
    """Return figures by statistic, value, wave and weight."""
    table = to_frame(figures)
    values = [None if value != value else value for value in table["value"]]
    return {
        (row.statistic, value, row.wave, row.weight): row for value, row in zip(values, table.itertuples(), strict=True)
    }


def test_patterns_are_those_of_arithmetic(cohort):
    """Three stay, four leave, one comes back: of eight members, and of a weight of eleven."""
    found = told(patterns(cohort, [SHARE], everybody(cohort), method="model-assisted"))
    plain = {
        key[:2]: row.estimate for key, row in found.items() if key[3] == "unweighted" and key[0] != "response_share"
    }
    assert plain == pytest.approx({
        ("attrition_share", "stayed"): 3 / 8, ("attrition_share", "left"): 4 / 8,
        ("attrition_share", "interrupted"): 1 / 8, ("pattern_share", "111"): 3 / 8, ("pattern_share", "110"): 2 / 8,
        ("pattern_share", "101"): 1 / 8, ("pattern_share", "100"): 2 / 8,
    })  # fmt: skip
    assert found["response_share", None, 2, "w 1"].estimate == pytest.approx(6 / 11)
    assert found["response_share", None, 3, "w 1"].estimate == pytest.approx(4 / 11)
    assert found["attrition_share", "left", 3, "w 1"].estimate == pytest.approx(7 / 11)
    assert {row.n for row in found.values()} == {8}


def test_the_error_of_a_pattern_is_that_of_a_share(cohort):
    """Unweighted, without strata: p (1 - p) / (n - 1)."""
    found = told(patterns(cohort, [SHARE], everybody(cohort), method="model-assisted"))
    assert found["pattern_share", "110", 3, "unweighted"].se == pytest.approx(np.sqrt(0.25 * 0.75 / 7))


def test_who_died_was_not_due():
    """A member who left the scope is in no denominator; one who answered every wave was, whatever was noted."""
    sample = sample_of(rows_of(WHO, HEAVY, SAID))
    found = told(
        patterns(Cohort.of(sample, (1, 2, 3), {"e", "a"}), [SHARE], np.zeros(len(sample.wave), int), method="m")
    )
    assert found["response_share", None, 2, "unweighted"].n == 7
    assert found["pattern_share", "111", 3, "unweighted"].estimate == pytest.approx(3 / 7)


def test_leavers_are_held_against_stayers(cohort):
    """By hand: weighted means 113.33/3 of a, b, g against c to f and h; its error that of two domain means."""
    found = told(leavers(cohort, [EUROS], cohort.sample.number("profit"), everybody(cohort), method="m"))
    stay, leave = (10 + 20 + 70) / 3, (2 * 30 + 40 + 3 * 50 + 60 + 80) / 8
    assert found["stayers_level", None, 3, "w 1"].estimate == pytest.approx(stay)
    assert found["leavers_level", None, 3, "w 1"].estimate == pytest.approx(leave)
    row = found["leavers_difference", None, 3, "w 1"]
    assert (row.estimate, row.n) == (pytest.approx(leave - stay), 3)
    weights, y = np.array([1, 1, 2, 1, 3, 1, 1, 1.0]), np.array([10, 20, 30, 40, 50, 60, 70, 80.0])
    stays = np.array([1, 1, 0, 0, 0, 0, 1, 0], bool)
    z = weights * np.where(stays, -(y - stay) / 3, (y - leave) / 8)
    assert row.se == pytest.approx(np.sqrt(8 / 7 * (z**2).sum()))
    spread = [np.average((y - m) ** 2, weights=weights * s) for m, s in ((stay, stays), (leave, ~stays))]
    made = (leave - stay) / np.sqrt(sum(spread) / 2)
    assert found["leavers_standardised_difference", None, 3, "w 1"].estimate == pytest.approx(made)


def test_the_error_of_the_standardised_difference_is_that_of_the_jackknife():
    """Linearised, it lies within 2 % of the error of leaving each of 300 members out."""
    rows = members(300, 5)
    sample = sample_of(rows)
    cohort = Cohort.of(sample, (1, 2))
    found = told(leavers(cohort, [EUROS], sample.number("profit"), everybody(cohort), method="m"))
    y, stays = sample.number("profit")[cohort.part.places], cohort.stayed

    def made(keep: np.ndarray) -> float:
        one, two = y[stays & keep], y[~stays & keep]
        return float((two.mean() - one.mean()) / np.sqrt((one.var() + two.var()) / 2))

    left = np.array([made(np.arange(300) != each) for each in range(300)])
    spread = np.sqrt(299 / 300 * ((left - left.mean()) ** 2).sum())
    assert found["leavers_standardised_difference", None, 2, "w 1"].se == pytest.approx(spread, rel=0.02)


def test_bounds_are_means_with_the_worst_put_in(cohort):
    """Of a weight of eleven, four were seen in the last wave; the others are put at the floor and at the ceiling."""
    guess = Guess(np.full(8, 0.0), np.full(8, 100.0))
    found = told(bounds(cohort, [EUROS], cohort.sample.number("profit"), guess, everybody(cohort), method="m"))
    seen = 11 + 22 + 44 + 77
    assert found["unseen_share", None, 3, "w 1"].estimate == pytest.approx(7 / 11)
    assert found["bound_least", None, 3, "w 1"].estimate == pytest.approx(seen / 11)
    assert found["bound_most", None, 3, "w 1"].estimate == pytest.approx((seen + 700) / 11)
    before = (10 + 20 + 2 * 30 + 40 + 3 * 50 + 60 + 70 + 80) / 11
    assert found["change_bound_least", None, 3, "w 1"].estimate == pytest.approx(seen / 11 - before)
    y = np.array([11, 22, 100, 44, 100, 100, 77, 100.0])
    w = np.array([1, 1, 2, 1, 3, 1, 1, 1.0])
    z = w * (y - np.average(y, weights=w)) / 11
    assert found["bound_most", None, 3, "w 1"].se == pytest.approx(np.sqrt(8 / 7 * (z**2).sum()))


@FEW
@given(st.integers(0, 10_000), st.floats(0.05, 0.95))
def test_bounds_hold_what_everybody_would_have_said(seed, stay):
    """Whatever decides who is lost, the level and the change of all who were due lie between the bounds."""
    draw = np.random.default_rng(seed)
    whole = [{"member": f"m{i}", "wave": w, "profit": float(draw.uniform(0, 100))} for i in range(40) for w in (1, 2)]
    kept = [row for row in whole if row["wave"] == 1 or draw.random() < stay * (0.3 + row["profit"] / 150)]
    if sum(row["wave"] == 2 for row in kept) == 0:
        return
    cohort = Cohort.of(sample_of(kept), (1, 2))
    guess = Guess(np.zeros(40), np.full(40, 100.0))
    found = told(bounds(cohort, [EUROS], cohort.sample.number("profit"), guess, everybody(cohort), method="m"))
    level, before = (np.mean([row["profit"] for row in whole if row["wave"] == wave]) for wave in (2, 1))
    ends = {key[0]: row.estimate for key, row in found.items()}
    assert ends["bound_least"] - 1e-9 <= level <= ends["bound_most"] + 1e-9
    assert ends["change_bound_least"] - 1e-9 <= level - before <= ends["change_bound_most"] + 1e-9
    assert ends["bound_most"] - ends["bound_least"] == pytest.approx(100 * ends["unseen_share"])


@FEW
@given(st.integers(0, 10_000))
def test_patterns_add_up_and_order_and_scale_change_nothing(seed):
    """Patterns are one together, and so are the three ways; shuffled and under other weights all is the same."""
    rows = members(40, seed)
    table = to_frame(_all(rows))
    kinds = table[table["weight"] == "w 1"].groupby("statistic")["estimate"].sum()
    assert kinds[["attrition_share", "pattern_share"]].tolist() == pytest.approx([1.0, 1.0])
    shuffled = [
        row | {"weight": 7.0, "psu": f"house {row['member']}"} for row in np.random.default_rng(seed).permutation(rows)
    ]
    again = to_frame(_all(shuffled))
    keys = ["statistic", "value", "wave", "weight"]
    for name in NUMBERS:
        one, two = (each.sort_values(keys)[name].tolist() for each in (table, again))
        assert two == pytest.approx(one, rel=1e-9, abs=1e-12)


def _all(rows: list[dict[str, Any]]) -> list[Any]:
    sample = sample_of(rows)
    return patterns(Cohort.of(sample, (1, 2, 3)), [SHARE], np.zeros(len(sample.wave), int), method="m")


def test_people_said_twice_in_their_psu_do_not_shrink_the_error():
    """A copy of every member in the same PSU is no more evidence."""
    rows = [row | {"psu": row["member"]} for row in members(30, 3)]
    twice = rows + [row | {"member": "copy of " + row["member"]} for row in rows]
    before, after = (to_frame(_all(each)) for each in (rows, twice))
    assert after["se"].tolist() == pytest.approx(before["se"].tolist(), rel=1e-9)


def test_what_cannot_be_told_is_a_sentence():
    """One wave, an empty group, nobody lost, a wave nobody shares, zero weights: each names what is wrong."""
    rows = members(12, 2, waves=(1, 2), stay=2.0)
    sample = sample_of(rows)
    y, none = sample.number("profit"), np.full(len(sample.wave), -1)
    with pytest.raises(EstimateError, match="two waves or more, not within wave 1"):
        Cohort.of(sample, (1,))
    with pytest.raises(EstimateError, match="Nobody answered wave 5"):
        Cohort.of(sample, (5, 6))
    with pytest.raises(EstimateError, match="Nobody answered wave 1 with a weight"):
        Cohort.of(sample_of([row | {"weight": 0.0 if row["wave"] == 1 else 1.0} for row in rows]), (1, 2))
    cohort = Cohort.of(sample, (1, 2))
    with pytest.raises(EstimateError, match="Nobody of all answered wave 1"):
        patterns(cohort, [SHARE], none, method="m")
    with pytest.raises(EstimateError, match="members who were lost, with a value of 'profit'"):
        leavers(cohort, [EUROS], y, everybody(cohort), method="m")
    apart = Cohort.of(sample, (1, 3))
    guess = Guess(np.zeros(12), np.ones(12))
    with pytest.raises(EstimateError, match="value of 'profit' in wave 3"):
        bounds(apart, [EUROS], y, guess, everybody(apart), method="m")
    with pytest.raises(EstimateError, match="above the most"):
        bounds(cohort, [EUROS], y, Guess(guess.most, guess.least), everybody(cohort), method="m")


def test_a_single_psu_is_refused_by_name():
    """A stratum with one PSU has no variance to tell."""
    rows = [row | {"psu": "one"} for row in members(12, 2)]
    with pytest.raises(EstimateError, match="single PSU"):
        _all(rows)
