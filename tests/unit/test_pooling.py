"""Who is in many groups of steps at once is who is in each by itself."""

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


def test_who_is_in_a_group_is_counted_once(steps):
    """Members, their effective number and degrees of freedom are those of the steps by themselves."""
    owner = np.random.default_rng(5).integers(-1, 3, len(steps.weight))
    pool = Pool(steps, owner, 3)
    for group in range(3):
        one = steps.mean(np.ones(len(owner)), owner == group)
        assert (pool.n[group], pool.n_eff[group]) == (one.n, pytest.approx(one.n_eff, rel=1e-12))
        assert pool.degrees[group] == steps.degrees(one.rows)
        assert pool.rows[group] == (owner == group).sum()


def test_nobody_is_no_member(steps):
    """Of a pool without rows: no members, an effective number of none, and the least degrees there are."""
    pool = Pool(steps, np.full(len(steps.weight), -1), 2)
    assert pool.rows.tolist() == pool.n.tolist() == pool.n_eff.tolist() == [0, 0]
    assert pool.degrees == [1, 1]
