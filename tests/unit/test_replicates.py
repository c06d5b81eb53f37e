"""Replicates: by hand where a pencil reaches, and against the kernel where both must agree."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import hadamard

from panel.errors import EstimateError
from panel.estimate.berger_priam import fixed_overlap_covariance
from panel.estimate.contrasts import difference
from panel.estimate.estimators import quantile_point
from panel.estimate.kernel import Design, covariance
from panel.estimate.replicates import brought, jackknife, rao_wu
from panel.model.study import WeightingRules
from panel.weigh import by_wave, of_stayers
from tests.unit.test_weigh import answers, study

Y = np.array([1.0, 2.0, 6.0, 4.0, 8.0])
ONES = np.ones(5)


def people(strata: list[int], *, share: list[float] | None = None) -> Design:
    """Return a design in which every row is a PSU."""
    names = tuple("ab"[: max(strata) + 1])
    return Design(np.arange(len(strata)), np.array(strata), names, np.array(share or [0.0] * len(names)))


def the_total(weights: np.ndarray) -> np.ndarray:
    """Return the weighted total."""
    return np.array([(weights * Y).sum()])


@pytest.mark.parametrize("strata", [[0, 0, 0, 0, 0], [0, 0, 0, 1, 1]])
@pytest.mark.parametrize("share", [0.0, 0.25])
def test_the_jackknife_of_a_total_is_its_linear_variance(strata, share):
    """A total is linear, so leaving PSUs out gives the variance of the kernel, fractions and strata included."""
    where = people(strata, share=[share] * (max(strata) + 1))
    found = jackknife(where).estimate(the_total, ONES)
    assert found.matrix == pytest.approx(covariance(where.totals(Y), where))
    assert found.convention.kind == ("jk1" if max(strata) == 0 else "jkn")


def test_rao_wu_has_the_linear_variance_of_a_total_in_the_long_run():
    """Twenty thousand replicates: within 3 % of the kernel's variance, with a fifth of the population drawn."""
    where = people([0, 0, 0, 1, 1], share=[0.2, 0.0])
    found = rao_wu(where, 20_000, seed=1).estimate(the_total, ONES)
    assert found.matrix == pytest.approx(covariance(where.totals(Y), where), rel=0.03)
    assert str(found.convention) == ("Rao-Wu bootstrap, 20000 replicates about their mean, scale 1/19999, seed 1")


def test_a_psu_has_one_factor_in_every_wave():
    """Two waves of the same people move together: the change of a constant gap has no variance."""
    where = Design(np.array([0, 1, 2, 0, 1, 2]), np.zeros(3, dtype=int), ("",), np.zeros(1))
    y = np.array([1.0, 2.0, 6.0, 3.0, 4.0, 8.0])
    found = rao_wu(where, 50, seed=3).estimate(
        lambda w: np.array([(w * y)[3:].sum() / w[3:].sum() - (w * y)[:3].sum() / w[:3].sum()]), np.ones(6)
    )
    assert found.se == pytest.approx([0.0], abs=1e-12)


def test_the_same_seed_gives_the_same_replicates():
    """Once drawn is drawn: the seed is on record, and gives the same again."""
    one, two, other = (rao_wu(people([0] * 5), 10, seed=seed).drawn for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_balanced_replicates_that_a_file_brings():
    """
    Two PSUs in each of two strata, half-samples from a Hadamard matrix: exactly the linear variance of a total.

    (4 - 1)^2 + (6 - 2)^2 = 25; Fay's with rho 0.5 too.
    """
    y, order = np.array([1.0, 4.0, 2.0, 6.0]), hadamard(4)[:, 1:3]
    for kind, rho in (("brr", 0.0), ("fay", 0.5)):
        sign = np.repeat(order, 2, axis=1).T * np.array([1, -1, 1, -1])[:, None]
        weights = 1 + (1 - rho) * sign
        found = brought(weights, np.ones(4), kind, rho=rho).estimate(lambda w: np.array([(w * y).sum()]), np.ones(4))
        assert found.matrix[0, 0] == pytest.approx(25.0)
    assert str(found.convention).endswith("4 replicates about the estimate, scale 1/(R (1 - 0.5)^2)")


def test_the_centre_and_the_scale_are_what_differ_between_programs():
    """Estimates 1, 2 and 6 about their mean 3: 14; about an estimate of 2: 17; thirds and halves of them."""
    weights = np.array([[1.0, 2.0, 6.0]])
    for centre, total in (("mean", 14.0), ("estimate", 17.0)):
        each = brought(weights, np.array([2.0]), "bootstrap", centre=centre)
        assert each.estimate(lambda w: w, np.array([2.0])).matrix[0, 0] == pytest.approx(total / 3)
        scaled = brought(weights, np.array([2.0]), "bootstrap", centre=centre, scales=np.full(3, 0.5))
        assert scaled.estimate(lambda w: w, np.array([2.0])).matrix[0, 0] == pytest.approx(total / 2)


def test_a_jackknife_of_a_quantile_is_refused():
    """It is wrong for a median, so it is not given: the sentence says what to use."""
    with pytest.raises(EstimateError, match="quantile") as refused:
        jackknife(people([0] * 5)).estimate(lambda w: np.array([quantile_point(Y, w, 0.5)]), ONES, of="quantile")
    assert "Rao-Wu" in (refused.value.fix or "")


def test_rao_wu_of_a_median():
    """Of the five values any may be the median of a replicate; its variance is that of their draws."""
    found = rao_wu(people([0] * 5), 4000, seed=5).estimate(
        lambda w: np.array([quantile_point(Y, w, 0.5)]), ONES, of="quantile"
    )
    values, counts = np.unique(found.replicates, return_counts=True)
    assert set(values) <= set(Y)
    assert counts[values == 4.0] > counts[values == 1.0]


@pytest.mark.parametrize("make", [jackknife, lambda where: rao_wu(where, 5, seed=1)])
def test_replicates_of_a_lonely_psu_are_refused_unless_certain(make):
    """One PSU can be neither left out nor drawn again; taken as certain it stays in every replicate."""
    where = people([0, 0, 0, 1])
    with pytest.raises(EstimateError, match="'b'"):
        make(where)
    with pytest.raises(EstimateError, match="adjust"):
        make(replace(where, lonely="adjust"))
    made = make(replace(where, lonely="certainty"))
    assert {made.factors(place)[3] for place in range(len(made.drawn))} == {1.0}
    with pytest.raises(EstimateError, match="no rows here"):
        make(people([0, 0, 0, 0]).take(np.array([0, 1])))


@pytest.mark.parametrize("weights", [np.array([[np.nan]]), np.array([[-1.0]]), np.ones((2, 1))])
def test_replicate_weights_that_are_none_are_refused(weights):
    """Missing, negative, or of another file: a sentence."""
    with pytest.raises(EstimateError, match="replicate weights"):
        brought(weights, np.ones(1), "brr")


def test_what_a_kind_needs_is_asked_for():
    """JKn weights do not say which stratum a replicate is of; a constant is Fay's only."""
    with pytest.raises(EstimateError, match="scale"):
        brought(np.ones((2, 2)), np.ones(2), "jkn")
    with pytest.raises(EstimateError, match="rho"):
        brought(np.ones((2, 2)), np.ones(2), "brr", rho=0.3)


def test_a_replicate_without_anybody_of_the_domain_is_a_sentence():
    """A mean of one person is of nobody where that person was not drawn: never a NaN."""
    only = np.array([1.0, 0, 0, 0, 0])
    with np.errstate(invalid="ignore"), pytest.raises(EstimateError, match="no finite estimate"):
        jackknife(people([0] * 5)).estimate(lambda w: np.array([(w * only * Y).sum() / (w * only).sum()]), ONES)


def test_weighting_is_done_anew_in_each_replicate():
    """Raked to half men in every replicate, the share of men has no error; with fixed weights it has."""
    frame = pd.concat([answers([1, 1, 1, 2, 2]), answers([1, 2, 1, 2, 2], wave=2)], ignore_index=True)
    where = Design.of(frame)
    men = (frame["emp_class"] == 1).to_numpy(float)
    first = (frame["wave"] == 1).to_numpy(float)

    def share(weights: np.ndarray) -> np.ndarray:
        return np.array([(weights * men * first).sum() / (weights * first).sum()])

    anew = by_wave(frame, study(bounds=(0.01, 100.0)))
    drawn = jackknife(where)
    assert drawn.estimate(share, np.ones(10), reweigh=anew).se == pytest.approx([0.0], abs=1e-9)
    assert drawn.estimate(share, np.ones(10)).se[0] > 0.1


def test_propensities_are_estimated_anew_in_each_replicate():
    """Half of the men and all women stayed: in each replicate those who stayed add up to the members of its draw."""
    due, stayed = answers([1, 1, 1, 1, 2, 2, 2, 2]), np.array([1, 1, 0, 0, 1, 1, 1, 1], dtype=bool)
    anew = of_stayers(due, stayed, study(half=None, weighting=WeightingRules(nonresponse="classes")))
    design = np.array([2.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    made = anew(design)
    assert made[~stayed].tolist() == [0.0, 0.0]
    assert made[:2].sum() / made.sum() == pytest.approx(0.5)


def test_with_full_overlap_both_ways_agree():
    """Where everybody stays there is nothing to hold fixed: the covariance is the kernel's, and so is the change's."""
    where = people([0, 0, 0, 0])
    totals = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 4.0], [6.0, 5.0]])
    matrix = fixed_overlap_covariance(totals, np.ones((4, 2), dtype=bool), where)
    assert matrix == pytest.approx(covariance(totals, where))
    apart = covariance(totals[:, 1] - totals[:, 0], where)[0, 0]
    assert difference(np.zeros(2), matrix).se ** 2 == pytest.approx(apart)


def test_without_an_overlap_there_is_nothing_to_hold_fixed():
    """Two waves of other people: refused, with what to use instead."""
    apart = np.array([[True, False], [True, False], [False, True], [False, True]])
    with pytest.raises(EstimateError, match="no overlap"):
        fixed_overlap_covariance(np.ones((4, 2)), apart, people([0, 0, 0, 0]))
