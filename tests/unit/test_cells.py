"""Cells of the from-to tables of many groups at once are those the kernel gives for each by itself."""

import numpy as np
import pytest

from panel.estimate import everybody
from panel.estimate.cells import Cells
from panel.estimate.pooling import Pool
from panel.estimate.steps import Steps, Taken
from tests.unit.panel_factory import people_of, small


@pytest.fixture(scope="module", params=["households", "members"])
def cells(request):
    """Return cells of three groups by chance in R's small panel, drawn by household and by member."""
    people = small()
    if request.param == "members":
        sample = people.release.sample
        frame = sample.frame.assign(weight=sample.weight, psu=sample.frame["member"])
        people = people_of(frame[["member", "wave", "emp_class", "role", "profit", "weight", "stratum", "psu"]])
    pair = people.release.pair((1, 2))
    taken = Taken.of(Steps((pair,), 1), "role", lambda each: everybody(each.now))
    owner = np.random.default_rng(7).integers(-1, 3, len(taken.inside))
    groups = Pool(taken.steps, np.where(taken.inside, owner, -1), 3)
    return Cells(taken.steps, groups, taken.source * len(taken.codes) + taken.target, taken.codes)


def test_a_sum_of_cells_is_that_of_the_kernel(cells):
    """Value, error and linearised variable, of a cell, of several, and of any coefficients."""
    for coefficients in (np.eye(9)[1], np.eye(9)[2] + np.eye(9)[5], np.random.default_rng(1).normal(size=9)):
        values, errors = cells.values(coefficients), cells.se(coefficients)
        for group in range(3):
            one = cells.steps.mean(np.append(coefficients, 0.0)[cells.cell], cells.groups.owner == group)
            assert values[group] == pytest.approx(one.value, rel=1e-12)
            assert errors[group] == pytest.approx(np.sqrt(cells.steps.covariance([one])[0, 0]), rel=1e-11)


def test_cells_vary_together_as_the_kernel_says(cells):
    """The whole covariance matrix of a group, weighting credited."""
    for group in range(3):
        hits = [cells.cell == cell for cell in range(9)]
        each = [cells.steps.mean(hit, cells.groups.owner == group) for hit in hits]
        wanted = cells.steps.covariance(each)
        assert cells.covariance(group) == pytest.approx(wanted, abs=1e-12 * np.abs(wanted).max())
