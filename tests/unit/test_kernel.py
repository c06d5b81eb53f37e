"""The variance kernel on samples small enough for a pencil."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from panel.errors import EstimateError
from panel.estimate.kernel import Design, Stage, covariance, t_quantile, variances


def design(psu: list[int], stratum: list[int], *, share: list[float] | None = None) -> Design:
    """Return a design: the PSU of each row, the stratum of each PSU."""
    names = tuple("abcdef"[: max(stratum) + 1])
    return Design(np.array(psu), np.array(stratum), names, np.array(share or [0.0] * len(names)))


def variance(z: list[float], where: Design, **options: str) -> float:
    """Return the variance of one estimate with this weighted influence."""
    return float(covariance(where.totals(np.array(z)), where, **options)[0, 0])


def test_psus_of_one_stratum():
    """PSU totals 1, 2 and 6 about 3: 3/2 of 4 + 1 + 9."""
    assert variance([1.0, 2.0, 6.0], design([0, 1, 2], [0, 0, 0])) == pytest.approx(21.0)


def test_strata_are_centred_apart():
    """Totals 1 and 3, and 10 and 14: 2 times (1 + 1) and 2 times (4 + 4)."""
    assert variance([1.0, 3.0, 10.0, 14.0], design([0, 1, 2, 3], [0, 0, 1, 1])) == pytest.approx(20.0)


def test_the_sampling_fraction_takes_off_its_share():
    """With half of the first stratum drawn, its 4 counts for 2."""
    where = design([0, 1, 2, 3], [0, 0, 1, 1], share=[0.5, 0.0])
    assert variance([1.0, 3.0, 10.0, 14.0], where) == pytest.approx(18.0)


def test_waves_of_one_psu_are_summed_before_they_are_squared():
    """A member's -5 in one wave and +6 in the next are a total of 1; apart they would be 61."""
    assert variance([-5.0, 6.0, 3.0], design([0, 0, 1], [0, 0])) == pytest.approx(4.0)


def test_a_psu_outside_the_domain_counts_with_zero():
    """Totals 1, 3 and nothing about 4/3: 3/2 of 1/9 + 25/9 + 16/9 = 7; two PSUs alone would give 4."""
    whole = design([0, 1, 2], [0, 0, 0])
    part = whole.take(np.array([0, 1]))
    assert variance([1.0, 3.0, 0.0], whole) == pytest.approx(7.0)
    assert variance([1.0, 3.0], part) == pytest.approx(7.0)


def test_a_part_of_a_part_remembers_everybody():
    """4 and 0 about 2, 6 and 0 about 3: 2 x (4 + 4) + 2 x (9 + 9), also where both zeros were left out in turn."""
    whole = design([0, 1, 2, 3], [0, 0, 1, 1])
    part = whole.take(np.array([0, 1, 2])).take(np.array([0, 2]))
    assert variance([4.0, 6.0], part) == pytest.approx(variance([4.0, 0.0, 6.0, 0.0], whole)) == pytest.approx(52.0)


def test_a_lonely_psu_is_refused_by_the_name_of_its_stratum():
    """One PSU says nothing of the spread in its stratum."""
    with pytest.raises(EstimateError) as refused:
        variance([1.0, 3.0, 7.0], design([0, 1, 2], [0, 0, 1]))
    assert "'b'" in refused.value.what
    assert "adjust" in (refused.value.fix or "")


@pytest.mark.parametrize(
    ("lonely", "wanted"), [("certainty", 4.0), ("remove", 4.0), ("average", 8.0), ("adjust", 13.0)]
)
def test_a_lonely_psu_by_decision(lonely, wanted):
    """2.5 and 4.5 give 4; -1 alone adds nothing, the mean of the others, or its distance from the grand mean 2."""
    assert variance([2.5, 4.5, -1.0], design([0, 1, 2], [0, 0, 1]), lonely=lonely) == pytest.approx(wanted)


def test_a_lonely_psu_outside_the_domain_raises_nothing():
    """The average is over strata the domain is in, as in R; a domain in such strata only has none."""
    whole = design([0, 1, 2], [0, 0, 1])
    assert variance([2.5, 4.5, 0.0], whole, lonely="average") == pytest.approx(4.0)
    both = np.array([[2.5, 0.0], [4.5, 1.0], [0.0, -1.0]])
    assert variances(both.T, replace(whole, lonely="average")) == pytest.approx([4.0, 2 * 1.0])
    with pytest.raises(EstimateError, match="single PSU, so there is no average"):
        variance([0.0, 0.0, 1.0], whole, lonely="average")


def test_degrees_of_freedom_are_counted_on_the_domain():
    """Three PSUs in two strata have anybody: one degree; an empty domain keeps one."""
    where = design([0, 0, 1, 2, 3], [0, 0, 1, 1])
    assert where.degrees_of_freedom(np.array([True, True, True, True, False])) == 1
    assert where.degrees_of_freedom(np.ones(5, dtype=bool)) == 2
    assert where.degrees_of_freedom(np.zeros(5, dtype=bool)) == 1


def test_what_a_study_leaves_out_is_filled_in():
    """No stratum is one stratum; a member without a PSU is one, in all waves; a PSU label counts within its stratum."""
    frame = pd.DataFrame({"member": ["a", "b", "a", "b"], "stratum": [None] * 4, "psu": [None] * 4}, dtype="str")
    where = Design.of(frame)
    assert (len(where.stratum), where.strata) == (2, ("",))
    assert where.psu.tolist() == [0, 1, 0, 1]
    nested = Design.of(frame.assign(stratum=["n", "n", "s", "s"], psu=["1", "2", "1", "2"]).astype("str"))
    assert len(nested.stratum) == 4


def two_stages(*, homes: float | None = 10.0) -> Design:
    """Return 2 of 10 towns drawn, and in them 2 of 4 and 2 of 2 homes."""
    towns = None if homes is None else np.full(4, homes)
    within = Stage(np.array(["x", "y", "x", "y"]), np.array([4.0, 4.0, 2.0, 2.0]))
    return Design.of_stages([Stage(np.array(["a", "a", "b", "b"]), towns), within])


def test_units_drawn_within_psus_add_their_variance():
    """
    Towns 4 and 6: (1 - 2/10) x 2 x 2 = 3.2. Homes 1 and 3 of the first: 2/10 x (1 - 2/4) x 2 x 2 = 0.4.

    The homes of the second town are all there are, and add nothing.
    """
    where = two_stages()
    assert covariance(where.totals(np.array([1.0, 3.0, 2.0, 4.0])), where)[0, 0] == pytest.approx(3.6)


def test_a_part_of_two_stages_remembers_the_homes_left_out():
    """A home outside the domain counts with zero in its town, as if it stood there with no influence."""
    where, part = two_stages(), two_stages().take(np.array([0, 2, 3]))
    whole = covariance(where.totals(np.array([1.0, 0.0, 2.0, 4.0])), where)
    assert covariance(part.totals(np.array([1.0, 2.0, 4.0])), part) == pytest.approx(whole)


def test_with_replacement_the_psus_carry_everything():
    """Without a number of towns the later stage adds nothing: 2 x (1 + 1)."""
    where = two_stages(homes=None)
    assert covariance(where.totals(np.array([1.0, 3.0, 2.0, 4.0])), where)[0, 0] == pytest.approx(4.0)


def test_a_stratum_drawn_whole_may_have_one_psu():
    """One of one has no sampling error, so nothing is refused."""
    where = design([0, 1, 2], [0, 0, 1], share=[0.0, 1.0])
    assert variance([2.5, 4.5, -1.0], where) == pytest.approx(4.0)


def test_more_drawn_than_there_were_is_refused():
    """Three units of two are no draw."""
    with pytest.raises(EstimateError, match="more than there were"):
        Design.of_stages([Stage(np.array(["a", "b", "c"]), np.full(3, 2.0))])


def test_an_average_of_nothing_is_refused():
    """Where every stratum has one PSU there is no variance to take the average of: never a NaN."""
    with pytest.raises(EstimateError, match="no average"):
        variance([1.0, 2.0], design([0, 1], [0, 1]), lonely="average")


def test_t_quantiles():
    """Printed in every table of t: 12.706 at one degree of freedom, 1.984 at a hundred."""
    assert [round(t_quantile(degrees), 3) for degrees in (1, 10, 100)] == [12.706, 2.228, 1.984]
