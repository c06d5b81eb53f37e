"""The estimates of all groups at once are those of each by itself, in value, influence, variance and interval."""

import numpy as np
import pytest

from panel.estimate import Sample
from panel.estimate.estimators import mean, quantile
from panel.estimate.grouped import Grouped, means
from panel.estimate.kernel import Design, Stage, covariance, variances
from panel.estimate.part import Part
from panel.estimate.split import Split
from tests.unit.test_groups import panel, sample


def of_wave(drawn: Sample) -> tuple[Part, np.ndarray, np.ndarray]:
    """Return the second wave of a sample: its part, amounts and classes (-1 without an amount)."""
    part = drawn.part(2)
    y, code = drawn.number("profit_eur")[part.places], drawn.groups("emp_class")[part.places]
    return part, y, np.where(np.isfinite(y), code, -1)


@pytest.mark.parametrize("psus", [90, 11])
@pytest.mark.parametrize("rules", [{}, {"trim": (0.5, 1.4)}])
def test_means_of_groups_are_those_of_each(psus, rules):
    """Persons or clusters as PSUs, trimmed or not: value, n, effective n, standard error and degrees of freedom."""
    drawn = sample(panel(psus=psus), **rules)
    part, y, code = of_wave(drawn)
    found = means(y, part.weight, Split.of(code, 3))
    spread, degrees = drawn.variances(part, found), drawn.degrees(part, found)
    for place in range(3):
        alone = mean(np.nan_to_num(y), part.weight, code == place)
        linear = part.spread(alone.linear, len(drawn.wave))
        assert found.value[place] == pytest.approx(alone.value, rel=1e-12)
        assert (found.n[place], found.n_eff[place]) == (alone.n, pytest.approx(alone.n_eff, rel=1e-12))
        assert spread[place] == pytest.approx(drawn.covariance(linear)[0, 0], rel=1e-9)
        assert degrees[place] == drawn.design.degrees_of_freedom(part.spread(alone.rows, len(drawn.wave)) > 0)


@pytest.mark.parametrize("psus", [90, 11])
def test_quantiles_of_groups_are_those_of_each(psus):
    """The third quartile of each class: value, Woodruff's interval, standard error and influence."""
    drawn = sample(panel(psus=psus))
    part, y, code = of_wave(drawn)
    found = drawn.quantiles(part, y, Split.of(code, 3), p=0.75)
    for place in range(3):
        own = quantile(y, part.weight, code == place, part.design, p=0.75, influence=part.influence)
        assert (found.value[place], found.low[place], found.high[place]) == (own.value, own.low, own.high)
        assert found.se[place] == pytest.approx(own.se, rel=1e-12)
        mine = found.owner == place
        assert found.pull[mine] == pytest.approx(own.linear[found.rows[mine]], rel=1e-9)


def test_a_few_groups_at_a_time_are_the_same(monkeypatch):
    """However many numbers are held at once, the variances are the same."""
    drawn = sample(panel(psus=90))
    part, y, code = of_wave(drawn)
    found = means(y, part.weight, Split.of(code, 3))
    whole = drawn.variances(part, found)
    monkeypatch.setattr("panel.estimate.sample.MOST_NUMBERS", 100)
    assert drawn.variances(part, found) == pytest.approx(whole, rel=1e-12)


def test_a_group_that_nobody_is_in_is_not_there():
    """No rows, or weights of zero only: not there, and the others are what they were."""
    y, weights = np.array([1.0, 3.0, 5.0]), np.array([1.0, 1.0, 0.0])
    found = means(y, weights, Split.of(np.array([0, 0, 2]), 3))
    assert isinstance(found, Grouped)
    assert found.there.tolist() == [True, False, False]
    assert (found.value[0], found.n.tolist()) == (2.0, [2, 0, 1])


@pytest.mark.parametrize("lonely", ["adjust", "average", "certainty", "remove"])
def test_variances_are_the_diagonal_of_the_covariance(lonely):
    """Two stages with fpc, a stratum with one PSU, PSUs without rows: the same numbers without the rest."""
    draw = np.random.default_rng(2)
    unit, stratum = np.repeat(np.arange(9), 4), np.repeat([0, 0, 0, 0, 1, 1, 1, 1, 2], 4)
    stages = [
        Stage(unit, np.repeat([20, 20, 20, 20, 30, 30, 30, 30, 5], 4), stratum),
        Stage(np.tile([0, 0, 1, 1], 9), np.full(36, 8)),
    ]
    design = Design.of_stages(stages, lonely=lonely).take(np.arange(3, 36))
    influence = draw.normal(size=(5, 33))
    one_by_one = np.stack([design.totals(each) for each in influence], axis=1)
    wanted = np.diag(covariance(one_by_one, design))
    assert variances(design.totals(influence), design) == pytest.approx(wanted, rel=1e-12)
