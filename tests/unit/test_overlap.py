"""Covariances made of the rows of each group and what weighting takes off are those of the kernel."""

from dataclasses import replace

import numpy as np
import pytest

from panel.estimate import Sample
from panel.estimate.grouped import Grouped, means
from panel.estimate.joint import Joint
from panel.estimate.kernel import covariance
from panel.estimate.pairs import Pair
from panel.estimate.split import Split
from panel.schema import TRACKING
from panel.weigh import longitudinal
from tests.unit.test_groups import panel, sample


def levels(drawn: Sample, y: np.ndarray) -> dict[int, Grouped]:
    """Return the mean of `y` by class in each wave."""
    code = drawn.groups("emp_class")
    found = {}
    for wave in (1, 2, 3):
        places = drawn.part(wave).places
        own = np.where(np.isfinite(y[places]), code[places], -1)
        found[wave] = means(y[places], drawn.part(wave).weight, Split.of(own, 3))
    return found


def by_kernel(drawn: Sample, found: dict[int, Grouped], place: int) -> np.ndarray:
    """Return the covariance of a group's levels from a number for each PSU and wave."""
    columns = [drawn.totals_by_group(drawn.part(wave), each)[place] for wave, each in found.items()]
    return covariance(np.stack(columns, axis=1), drawn.variance_design)


@pytest.mark.parametrize("psus", [90, 11])
@pytest.mark.parametrize("rules", [{}, {"trim": (0.5, 1.4)}])
@pytest.mark.parametrize("sampled", [{}, {"s0": 0.4}])
def test_the_joint_covariance_is_that_of_the_kernel(psus, rules, sampled):
    """Persons or clusters, trimmed or not, with and without a sampling fraction: to the last digits."""
    drawn = sample(panel(psus=psus), **rules)
    drawn.study = replace(drawn.study, layout=replace(drawn.study.layout, sampled_share=tuple(sampled.items())))
    found = levels(drawn, drawn.number("profit_eur"))
    joint = Joint(drawn, found)
    assert (drawn.crowd(drawn.part(1)) is not None) == (psus == 90)
    for place, matrix in enumerate(joint.matrix((1, 2, 3))):
        assert matrix == pytest.approx(by_kernel(drawn, found, place), rel=1e-11, abs=1e-13)


def test_degrees_of_freedom_count_the_psus_of_either_wave():
    """PSUs in either wave less the strata they lie in, whichever way they are counted."""
    drawn = sample(panel(psus=90))
    joint = Joint(drawn, levels(drawn, drawn.number("profit_eur")))
    for one, two in ((1, 1), (1, 2), (2, 3)):
        present = [drawn.present(drawn.part(wave), joint.found[wave]) for wave in (one, two)]
        assert list(joint.degrees(one, two)) == [drawn.design.degrees(row) for row in present[0] | present[1]]


def test_a_figure_that_margins_explain_has_no_error():
    """What weights were raked to is known: where squares nearly cancel, the kernel itself is asked."""
    drawn = sample(panel(psus=90))
    y = (drawn.frame["sex"] == 1).to_numpy(dtype=float)
    everybody = {}
    for wave in (1, 2, 3):
        part = drawn.part(wave)
        everybody[wave] = means(y[part.places], part.weight, Split.of(np.zeros(len(part.weight), dtype=int), 1))
    joint = Joint(drawn, everybody)
    crowd = drawn.crowd(drawn.part(1))
    assert crowd is not None
    assert not crowd.pulls(everybody[1]).is_sound.any()
    assert np.sqrt(np.abs(joint.matrix((1, 2, 3)))).max() < 1e-9


@pytest.mark.parametrize("rules", [{}, {"trim": (0.5, 1.4)}])
def test_those_who_were_lost_count_as_they_do_in_the_kernel(rules):
    """With estimated propensities, members who did not answer have influence too, however it is summed."""
    frame = panel(psus=90)
    drawn = sample(frame, **rules)
    tracking = TRACKING.coerce(
        frame[["member", "wave"]].assign(cohort=1, is_returning=True, disposition="complete", is_interviewed=True)
    )
    weights = longitudinal(frame, tracking, study=drawn.study, waves=(1, 2)).rows
    pair = Pair.of(drawn, weights, (1, 2))
    y, code = pair.now.number("profit_eur")[pair.part.places], pair.now.groups("emp_class")[pair.part.places]
    found = means(y, pair.part.weight, Split.of(np.where(np.isfinite(y), code, -1), 3))
    crowd = pair.now.crowd(pair.part)
    assert crowd is not None
    assert crowd.lost is not None
    wanted = [
        covariance(pair.now.totals_by_group(pair.part, found, range(place, place + 1)).T, pair.now.variance_design)
        for place in range(3)
    ]
    assert pair.now.variances(pair.part, found) == pytest.approx(np.ravel(wanted), rel=1e-11)
