"""Figures made of several waves and pairs, for all groups at once, vary as the kernel says they do."""

import numpy as np
import pytest

from panel.estimate.grouped import Grouped, means
from panel.estimate.kernel import covariance
from panel.estimate.pairs import Pair
from panel.estimate.split import Split
from panel.estimate.strands import Strand, Strands, degrees_of
from panel.schema import TRACKING
from panel.weigh import longitudinal
from tests.unit.test_groups import panel, sample

COUNT = 3
SLOPES = np.array([[-1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-0.5, 0.5, 2.0]])


def strands_of(psus: int, **rules: object) -> Strands:
    """Return the mean by class in two waves, and the mean of the second by class of those who answered both."""
    frame = panel(psus=psus)
    drawn = sample(frame, **rules)
    tracking = TRACKING.coerce(
        frame[["member", "wave"]].assign(cohort=1, is_returning=True, disposition="complete", is_interviewed=True)
    )
    pair = Pair.of(drawn, longitudinal(frame, tracking, study=drawn.study, waves=(1, 2)).rows, (1, 2))
    y, codes = drawn.number("profit_eur"), drawn.groups("emp_class")

    def mean(weight: np.ndarray, rows: np.ndarray | slice) -> Grouped:
        return means(y[rows], weight, Split.of(np.where(np.isfinite(y[rows]), codes[rows], -1), COUNT))

    waves = [Strand.of_wave(drawn, wave, mean(drawn.part(wave).weight, drawn.part(wave).places)) for wave in (1, 2)]
    later = mean(pair.part.weight, pair.then.places[pair.part.places])
    return Strands(drawn, [*waves, Strand.of_pair(pair, later)])


@pytest.mark.parametrize("rules", [{}, {"trim": (0.5, 1.4)}])
@pytest.mark.parametrize("psus", [90, 11])
def test_covariances_are_those_of_the_influences(psus, rules):
    """Persons or clusters, trimmed or not, with estimated propensities: to the last digits, figure by figure."""
    made = strands_of(psus, **rules)
    assert (made.each[0].crowd is not None) == (made.each[2].crowd is not None) == (psus == 90)
    for place in range(COUNT):
        totals = [made.influence(place, slope, 1).totals for slope in SLOPES]
        wanted = covariance(np.stack(totals, axis=1), made.design)
        assert made.matrix(place, SLOPES) == pytest.approx(wanted, rel=1e-10, abs=1e-12 * wanted.max())
        assert made.variances(place, SLOPES) == pytest.approx(np.diag(wanted), rel=1e-10)


def test_the_influence_is_that_of_the_sample_and_of_the_pair():
    """With the row's own weight and all weighting credited: what the sample itself says of a linearised variable."""
    made = strands_of(90)
    for place in range(COUNT):
        for at in (0, 1):
            found, linear = made.each[at].found, np.zeros(len(made.whole.wave))
            own = found.owner == place
            linear[made.each[at].at[own]] = found.pull[own]
            assert made.influence(place, np.eye(3)[at], 1).totals == pytest.approx(made.whole.totals(linear), abs=1e-12)


def test_what_cancels_is_left_to_the_kernel():
    """A level less itself has no error at all, not one of the size of rounding."""
    made = strands_of(90)
    twice = Strands(made.whole, [made.each[0], made.each[0]])
    for place in range(COUNT):
        assert twice.variances(place, np.array([[1.0, -1.0]]))[0] == 0.0


@pytest.mark.parametrize("psus", [90, 11])
def test_degrees_of_freedom_count_a_psu_once(psus):
    """PSUs in any strand less the strata they lie in: of each group, and of two groups together."""
    made = strands_of(psus)
    present = np.logical_or.reduce([
        made.design.present_by(each.found.owner, COUNT, each.at) for each in made.each
    ])  # fmt: skip
    assert degrees_of(made.design, made.each) == [made.design.degrees(row) for row in present]
    assert degrees_of(made.design, made.each, merged=(0, 2)) == [made.design.degrees(present[0] | present[2])]
