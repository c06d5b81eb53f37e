"""Regressions on person-waves: R's coefficients and errors from arrays, arithmetic by hand, and what has no answer."""

import numpy as np
import pandas as pd
import pytest

from panel.errors import EstimateError
from panel.estimate.regression import Regression, group_by_wave, regression
from tests.unit.oracle_samples import BESIDE, EXACT, Sampled, data, designed, near

SHARED = (pytest.mark.shared, BESIDE[1])
YEARS = range(1981, 1988)


def held(found: Regression, sample: Sampled, wanted: dict[str, tuple[float, float]], factor: float = 1.0) -> None:
    """Hold coefficients and standard errors, times a factor, against R's."""
    for name, (value, se) in wanted.items():
        estimand = found.estimand(name)
        assert estimand.value == near(value, rel=EXACT), name
        assert sample.se(estimand) * factor == near(se, rel=EXACT), name


def men() -> tuple[pd.DataFrame, np.ndarray, Sampled, float]:
    """Return young men's years, the number of each man, the sample, and what makes our errors plm's HC0."""
    frame = data("plm_males")
    member, names = pd.factorize(frame["nr"])
    sample = Sampled(frame, np.ones(len(frame)), designed(frame, member="nr", stratum=None, psu=None))
    return frame, member, sample, float(np.sqrt((len(names) - 1) / len(names)))


@pytest.mark.shared
@BESIDE[1]
def test_effects_of_members_are_those_of_plm():
    """
    Men's wages by union, marriage and year, each man with an effect of his own; his years are one cluster.

    R: plm(wage ~ u + m + factor(year), index = c("nr", "year"), model = "within") of plm 2.6;
    vcovHC(method = "arellano", type = "HC0"), which lacks the kernel's n / (n - 1) of the clusters.
    """
    frame, member, sample, factor = men()
    x = {"u": (frame["union"] == "yes").to_numpy(float), "m": (frame["married"] == "yes").to_numpy(float)}
    x |= {f"{year}": (frame["year"] == year).to_numpy(float) for year in YEARS}
    found = regression(x, frame["wage"].to_numpy(), sample.weights, sample.everybody, member=member)
    held(found, sample, {
        "u": (0.0833696790557839, 0.0230153692199013),
        "m": (0.0583371884852997, 0.0212957975451828),
        "1987": (0.4470369670567059, 0.0273277718734452),
    }, factor)  # fmt: skip
    assert (found.members, found.seen_once) == (545, 0)
    assert found.count(found.moved("u")) == frame.groupby("nr")["union"].nunique().eq(2).sum()


@pytest.mark.shared
@BESIDE[1]
def test_an_event_study_is_that_of_plm():
    """
    How men's wages drew apart from 1980 on, with effects of members.

    R: plm(wage ~ factor(year) + e1981 + ... + e1987, model = "within"), e the product of ethn == "black" and the year;
    vcovHC(method = "arellano", type = "HC0").
    """
    frame, member, sample, factor = men()
    first, wave = (frame["ethn"] == "black").to_numpy(), frame["year"].to_numpy()
    x = group_by_wave(wave, first, base=1980, within=True, waves=range(1980, 1988))
    found = regression(x, frame["wage"].to_numpy(), sample.weights, sample.everybody, member=member)
    values = (0.0234858270991278, -0.1233914699784652, -0.0780265849534372, -0.0714086118392665)
    errors = (0.0732586653605514, 0.0928030408416668, 0.0847693326712805, 0.0828492378783508)
    values += (-0.1720330995899277, -0.0619162914276409, -0.1536711187787060)
    errors += (0.0863533613744222, 0.0888479744827985, 0.0818049534778047)
    wanted = zip(YEARS, values, errors, strict=True)
    held(found, sample, {f"effect {year}": (value, se) for year, value, se in wanted}, factor)


@pytest.mark.shared
@BESIDE[1]
def test_weights_strata_psus_and_gaps_are_those_of_svyglm():
    """
    Incomes of zzp and employees, members in any two or more of four waves, weights, strata and households.

    R: y and every covariate less ave(., id), then svyglm(y ~ 0 + ..., svydesign(~hh, ~stratum, weights = ~w first)) of
    members with two rows or more; survey 4.1.
    """
    frame = data("panel_small").sort_values(["id", "wave"]).reset_index(drop=True)
    first = frame.groupby("id")[["status", "w"]].transform("first")
    frame = frame.assign(status=first["status"], w=first["w"])
    frame = frame[frame["status"].isin(["zzp", "employee"])].reset_index(drop=True)
    several = (frame.groupby("id")["wave"].transform("size") > 1).to_numpy()
    x = group_by_wave(
        frame["wave"].to_numpy(), (frame["status"] == "zzp").to_numpy(), base=1, within=True, waves=range(1, 5)
    )
    x |= {role: (frame["role"] == role).to_numpy(float) for role in ("mixed", "executor")}
    member, weight = pd.factorize(frame["id"])[0], frame["w"].to_numpy()
    found = regression(x, frame["income"].to_numpy(), weight, np.ones(len(frame), dtype=bool), member=member)
    assert (found.members, found.seen_once) == (1960, 287)
    design = designed(frame[several], member="id", stratum="stratum", psu="hh")

    class OfSeveral(Sampled):
        def covariance(self, *each):
            return super().covariance(*(replaced(one) for one in each))

    def replaced(one):
        from dataclasses import replace

        return replace(one, linear=one.linear[several])

    held(found, OfSeveral(frame[several], weight[several], design), {
        "wave 2": (1223.252849558107, 157.524444090978),
        "wave 4": (3441.767203668818, 277.936657464648),
        "effect 2": (-1581.422962126666, 237.765397112296),
        "effect 3": (-3079.108989417246, 328.006443957972),
        "effect 4": (-5299.762046044685, 394.903805273350),
        "mixed": (-237.473126230930, 230.951273086711),
        "executor": (148.353722026266, 259.644343252910),
    })  # fmt: skip


MEMBER = np.array([0, 0, 1, 1, 2, 2, 3])
WAVE = np.array([1, 2, 1, 2, 1, 2, 1])
Y = np.array([10.0, 14.0, 20.0, 22.0, 5.0, 11.0, 99.0])
ALL = np.ones(7, dtype=bool)


def test_two_waves_within_members_are_the_mean_change():
    """By hand: changes 4, 2 and 6 with weights 1, 2 and 1 have the mean 3.5; who is seen once has no say."""
    weight = np.array([1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 7.0])
    found = regression({"later": (WAVE == 2).astype(float)}, Y, weight, ALL, member=MEMBER)
    later = found.estimand("later")
    assert later.value == near(3.5)
    assert (later.n, found.seen_once) == (3, 1)
    influence = np.bincount(MEMBER, weights=weight * later.linear)
    assert influence == near(np.array([1 * 0.5 / 4, 2 * -1.5 / 4, 1 * 2.5 / 4, 0.0]))


def test_what_is_constant_within_a_member_moves_no_coefficient():
    """A constant added to all of a member's amounts, however large."""
    x = {"later": (WAVE == 2).astype(float), "on": np.array([0.0, 1, 0, 0, 1, 1, 0])}
    one = regression(x, Y, np.ones(7), ALL, member=MEMBER)
    two = regression(x, Y + 1e6 * MEMBER, np.ones(7), ALL, member=MEMBER)
    assert two.values == near(one.values, rel=1e-9)
    three = regression(x, Y * 250, np.ones(7), ALL, member=MEMBER)
    assert three.values == near(one.values * 250)


def test_without_effects_a_dummy_is_a_difference_of_means():
    """By hand: an intercept of the mean of the others, and how far those of the category stand from it."""
    found = regression({"later": (WAVE == 2).astype(float)}, Y, np.ones(7), ALL)
    assert found.values == near(np.array([134 / 4, 47 / 3 - 134 / 4]))


def test_missing_amounts_and_weights_of_zero_are_as_if_not_there():
    """A row without a value, and one without a weight, leave their members seen once."""
    y, weight = Y.copy(), np.ones(7)
    y[1], weight[3] = np.nan, 0.0
    found = regression({"later": (WAVE == 2).astype(float)}, y, weight, ALL, member=MEMBER)
    assert found.values == near(np.array([6.0]))
    assert (found.members, found.seen_once) == (1, 3)


@pytest.mark.parametrize(
    ("x", "rows", "y", "within", "said"),
    [
        ({"a": WAVE == 2, "twice a": 2.0 * (WAVE == 2)}, ALL, Y, True, "'twice a' follows from the covariates before"),
        ({"sex": MEMBER % 2}, ALL, Y, True, "'sex' changes within nobody"),
        ({"same": np.ones(7)}, ALL, Y, False, "'same' is the same for everybody"),
        ({"a": WAVE == 2}, WAVE == 1, Y, True, "Nobody has a value in two of the waves"),
        ({"a": WAVE == 2}, ALL, np.full(7, np.nan), True, "Nobody has a value and a weight"),
        ({"a": WAVE == 2}, ~ALL, Y, False, "Nobody has a value and a weight"),
    ],
)
def test_a_regression_without_an_answer_is_a_sentence(x, rows, y, within, said):
    """Covariates that follow from others, that never change, nobody, nobody twice: said, with the name."""
    with pytest.raises(EstimateError, match=said):
        regression(x, y, np.ones(7), rows, member=MEMBER, within=within)
