"""Figures of steps in many groups at once are those the kernel gives for each by itself."""

import numpy as np
import pytest

from panel.estimate.pooling import Pool
from panel.estimate.steps import Steps
from tests.unit.panel_factory import people_of, small


@pytest.fixture(scope="module", params=["households", "members"])
def steps(request):
    """Return the steps of a year in R's small panel, drawn by household (a PSU has several rows) and by member."""
    people = small()
    if request.param == "members":
        sample = people.release.sample
        frame = sample.frame.assign(weight=sample.weight, psu=sample.frame["member"])
        people = people_of(frame[["member", "wave", "emp_class", "role", "profit", "weight", "stratum", "psu"]])
    return Steps.of(people.release.sample, people.release.weights, 1, people.release.pair)


def test_the_error_of_every_group_is_that_of_the_kernel(steps):
    """Covariances between steps counted, whether a PSU is a row or many."""
    draw = np.random.default_rng(5)
    owner = draw.integers(-1, 3, len(steps.weight))
    pool = Pool(steps, owner, 3)
    hit = draw.random(len(owner)) < 0.3
    found = pool.mean(hit)
    for group, se in enumerate(pool.se(found.pull)):
        one = steps.mean(hit, owner == group)
        assert found.value[group] == pytest.approx(one.value, rel=1e-12)
        assert se == pytest.approx(np.sqrt(steps.covariance([one])[0, 0]), rel=1e-11)
        assert (pool.n[group], pool.n_eff[group]) == (one.n, pytest.approx(one.n_eff, rel=1e-12))
        assert pool.degrees[group] == steps.degrees(one.rows)
        assert pool.rows[group] == (owner == group).sum()


def test_what_everybody_does_has_no_error(steps):
    """A share of one is one: where squares nearly cancel, the kernel itself is asked."""
    pool = Pool(steps, np.zeros(len(steps.weight), dtype=int), 1)
    found = pool.mean(np.ones(len(steps.weight)))
    assert found.value[0] == pytest.approx(1, abs=1e-12)
    assert pool.se(found.pull)[0] < 1e-9


def test_nobody_is_no_member(steps):
    """Of a pool without rows: no members, an effective number of none, an error of none."""
    pool = Pool(steps, np.full(len(steps.weight), -1), 2)
    assert pool.rows.tolist() == pool.n.tolist() == pool.n_eff.tolist() == [0, 0]
    assert pool.degrees == [1, 1]
    assert pool.se(pool.mean(np.ones(len(steps.weight))).pull).tolist() == [0, 0]
