"""What custom expectations compute, against SciPy, arithmetic by hand and simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon

from panel.checks import statistics

SEEDS = range(200)
PEOPLE, OCCUPATIONS = 700, 40


def alarm(measure, now, before):
    """Say whether two samples' counts are further apart than floor and chance allow, as the suites ask."""
    limit = max(0.1, statistics.limit_by_chance(measure, now, before, 0.99))
    return bool(measure(now, before) > limit)


def occupations(draw):
    """Return the shares of 40 occupations, uneven as they are."""
    shares = draw.dirichlet(np.full(OCCUPATIONS, 1.2))
    return (shares + 0.004) / (shares + 0.004).sum()


@pytest.mark.parametrize("measure", [statistics.psi, statistics.js_distance])
def test_two_samples_of_one_population_raise_no_alarm(measure):
    """Of 200 pairs of 700 people in 40 occupations at most 5 % raise a drift alert."""
    alarms = 0
    for seed in SEEDS:
        draw = np.random.default_rng(seed)
        shares = occupations(draw)
        now, before = (draw.multinomial(PEOPLE, shares).astype(float) for _ in range(2))
        alarms += alarm(measure, now, before)
    assert alarms <= 0.05 * len(SEEDS)


@pytest.mark.parametrize("measure", [statistics.psi, statistics.js_distance])
def test_a_shift_of_fifteen_points_is_found(measure):
    """Fifteen points from the largest occupations to a small one are found in at least 95 % of 200 pairs."""
    found = 0
    for seed in SEEDS:
        draw = np.random.default_rng(seed)
        shares = occupations(draw)
        shifted, left = shares.copy(), 0.15
        for place in np.argsort(shares)[::-1]:
            taken = min(left, 0.5 * shifted[place])
            shifted[place] -= taken
            left -= taken
        shifted[np.argmin(shares)] += 0.15
        now, before = draw.multinomial(PEOPLE, shifted), draw.multinomial(PEOPLE, shares)
        found += alarm(measure, now.astype(float), before.astype(float))
    assert found >= 0.95 * len(SEEDS)


def test_the_distance_is_that_of_scipy():
    """Jensen-Shannon of smoothed shares, base 2, is SciPy's."""
    now, before = np.array([30.0, 5, 65]), np.array([10.0, 40, 50])
    shares = [(each + 0.5) / (each + 0.5).sum() for each in (now, before)]
    assert statistics.js_distance(now, before) == pytest.approx(jensenshannon(*shares, base=2))


def test_psi_is_its_sum_by_hand():
    """Of 60/40 against 40/60 with half a count added: twice (60.5 - 40.5)/101 times ln(60.5/40.5)."""
    by_hand = 2 * (20 / 101) * np.log(60.5 / 40.5)
    assert statistics.psi(np.array([60.0, 40]), np.array([40.0, 60])) == pytest.approx(by_hand)


def test_an_empty_category_has_a_finite_distance():
    """A code that nobody gave before is a distance, not infinity."""
    assert np.isfinite(statistics.psi(np.array([50.0, 0]), np.array([0.0, 50])))


@pytest.mark.parametrize(
    ("value", "typical", "factor", "meant"),
    [
        (3_000, 36_000, 12, 36_000), (40, 40_000, 1_000, 40_000), (3_500, 36_000, 10, 35_000),
        (300, 30_000, 100, 30_000),
        (360_000, 30_000, -12, 30_000), (30_000, 30_000, 0, None), (12_000, 36_000, 0, None), (-3_000, 36_000, 0, None),
        (0, 36_000, 0, None), (3_000, float("nan"), 0, None),
    ],
)  # fmt: skip
def test_a_unit_slip_is_the_nearest_factor(value, typical, factor, meant):
    """A tenth, twelfth, hundredth or thousandth of what one usually says, or so many times it; else no slip."""
    units = (10.0, 12.0, 100.0, 1_000.0)
    found, proposed = statistics.slip_factor(np.array([float(value)]), np.array([float(typical)]), units, 1.2)
    assert found[0] == factor
    assert np.isnan(proposed[0]) if meant is None else proposed[0] == pytest.approx(meant)


def test_random_loss_is_representative_and_selective_loss_is_not():
    """Losing a fifth at random leaves R near 1; losing 40 % of one half and none of the other gives 1 - 2 x 0.2."""
    draw = np.random.default_rng(1)
    half = pd.Series(np.repeat([0, 1], 2_000))
    at_random = draw.random(4_000) < 0.8
    selective = np.where(half == 1, draw.random(4_000) < 0.6, True)
    assert statistics.r_indicator(at_random, [half]) > 0.95
    assert statistics.r_indicator(selective, [half]) == pytest.approx(1 - 2 * 0.2, abs=0.03)


def test_a_group_lags_behind_only_surely():
    """Half of 100 against nine tenths of 300 lags by 0.4 less 1.645 standard errors; 6 of 12 say nothing sure."""
    back = np.array([True] * 50 + [False] * 50 + [True] * 270 + [False] * 30)
    group = np.arange(400) < 100
    error = np.sqrt(0.25 / 100 + 0.09 / 300)
    assert statistics.lag_behind(back, group) == pytest.approx(0.4 - 1.645 * error)
    small = np.array([True] * 8 + [False] * 4 + [True] * 270 + [False] * 30)
    assert statistics.lag_behind(small, np.arange(312) < 12) < 0.05
    assert statistics.lag_behind(small, np.arange(312) < 5) == 0


def test_heaps_are_multiples_of_the_base():
    """Of 1000, 2500, 3000 and a loss of 4000 three are multiples of a thousand; zero does not count."""
    assert statistics.heaped_share(pd.Series([1000, 2500, 3000, -4000, 0, None]), 1000) == 0.75


def test_newcomers_of_the_same_people_are_alike():
    """Two halves of one population differ surely in about one of a hundred samples; an eighth more is seen."""
    false = found = 0
    for seed in SEEDS:
        draw = np.random.default_rng(seed)
        one, other = draw.normal(30, 8, 150), draw.normal(30, 8, 550)
        false += statistics.apart(pd.Series(one), pd.Series(other)) > 0
        found += statistics.apart(pd.Series(one + 4), pd.Series(other)) > 0
    assert false <= 0.03 * len(SEEDS)
    assert found >= 0.95 * len(SEEDS)


def test_modified_z_is_that_of_iglewicz_and_hoaglin():
    """0.6745 times the distance to the median over the median distance, of logs; losses have none."""
    values = pd.Series([1.0, 10.0, 100.0, 1_000.0, 10_000_000.0, -5.0])
    z = statistics.modified_z(values)
    assert z[4] == pytest.approx(0.6745 * np.log(1e5) / np.log(10))
    assert np.isnan(z[5])


def test_the_largest_gap_is_over_the_groups_of_the_population():
    """60 of 100 against 0.5 is a tenth; who is in no group does not count."""
    assert statistics.largest_gap({"a": 60, "b": 40, "nan": 50}, {"a": 0.5, "b": 0.5}) == pytest.approx(0.1)
