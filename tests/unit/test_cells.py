"""Figures made of the cells of many groups at once are those the kernel gives for each by itself."""

import numpy as np
import pytest

from panel.estimate.cells import Cells
from panel.estimate.pooling import Pool
from panel.estimate.steps import Steps
from tests.unit.panel_factory import people_of, small

MANY = 4
GROUPS = 3


@pytest.fixture(scope="module", params=["households", "members"])
def people(request):
    """Return R's small panel, drawn by household (a PSU has several rows) and by member."""
    people = small()
    if request.param == "households":
        return people
    sample = people.release.sample
    frame = sample.frame.assign(weight=sample.weight, psu=sample.frame["member"])
    return people_of(frame[["member", "wave", "emp_class", "role", "profit", "weight", "stratum", "psu"]])


@pytest.fixture(scope="module", params=["one step", "all steps"])
def cells(request, people):
    """Return cells of groups by chance, of the steps of a year: the first, or all, in which members come again."""
    steps = Steps.of(people.release.sample, people.release.weights, 1, people.release.pair)
    if request.param == "one step":
        steps = Steps(steps.pairs[:1], 1)
    draw = np.random.default_rng(7)
    owner, cell = (draw.integers(low, high, len(steps.weight)) for low, high in ((-1, GROUPS), (0, MANY)))
    return Cells(steps, Pool(steps, owner, GROUPS), cell, MANY)


def by_itself(cells, group, hit, base):
    """Return the mean of a number a cell over the rows of some cells (a mask) of a group."""
    return cells.steps.mean(hit[cells.cell], (cells.groups.owner == group) & base[cells.cell])


@pytest.mark.parametrize("kind", ["a cell", "several", "any numbers", "of some"])
def test_a_figure_of_cells_is_that_of_the_kernel(cells, kind):
    """Value, error and how it moves with each cell: covariances between steps counted, a PSU being a row or many."""
    hit, base = np.eye(MANY)[1], np.full(MANY, fill_value=True)
    if kind == "several":
        hit = hit + np.eye(MANY)[3]
    elif kind == "any numbers":
        hit = np.random.default_rng(1).normal(size=MANY)
    elif kind == "of some":
        base = np.array([False, True, True, False])
    found = cells.ratio(hit, base)
    errors = cells.se(found.slopes)
    for group in range(GROUPS):
        one = by_itself(cells, group, hit, base)
        assert found.value[group] == pytest.approx(one.value, rel=1e-12)
        assert errors[group] == pytest.approx(np.sqrt(cells.steps.covariance([one])[0, 0]), rel=1e-11)


def test_what_everybody_does_has_no_error(cells):
    """A share of one is one: where squares nearly cancel, the kernel itself is asked."""
    found = cells.figure(np.ones(MANY))
    assert found.value == pytest.approx(1, abs=1e-12)
    assert (cells.se(found.slopes) < 1e-9).all()


def test_nobody_has_no_error(cells):
    """A group without rows has a figure of zero and an error of zero, which nobody is told."""
    nobody = Cells(cells.steps, Pool(cells.steps, np.full(len(cells.cell), -1), 2), cells.cell, MANY)
    found = nobody.figure(np.ones(MANY))
    assert (found.value.tolist(), nobody.se(found.slopes).tolist()) == ([0, 0], [0, 0])


def test_cells_vary_together_as_the_kernel_says(cells):
    """The whole covariance matrix of a group, weighting credited."""
    every = np.full(MANY, fill_value=True)
    for group in range(GROUPS):
        wanted = cells.steps.covariance([by_itself(cells, group, hit, every) for hit in np.eye(MANY)])
        assert cells.covariance(group) == pytest.approx(wanted, abs=1e-12 * np.abs(wanted).max())
