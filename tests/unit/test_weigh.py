"""Weights: raked to known shares, and for those who stayed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from panel.errors import EstimateError
from panel.estimate.margins import Target
from panel.model.study import Benchmarks, Domain, GivenWeight, Group, Layout, Margin, Study, WeightingRules
from panel.model.text import Text
from panel.schema import PERSON_WAVES, TRACKING
from panel.weigh import Distance, by_logit, cross_sectional, longitudinal, rake, trim
from tests.unit import release_factory

SEX = Domain(
    key="sex",
    label=Text.plain("Sex"),
    variable="emp_class",
    groups=tuple(Group(key=key, label=Text.plain(key), codes=(code,)) for key, code in (("m", 1), ("f", 2))),
)


def study(*, half: float | None = 0.5, bounds: tuple[float, float] = (0.2, 5.0), **overrides: object) -> Study:
    """Return a study whose margin says that a share `half` are men; without benchmarks where it is None."""
    margin = Margin(domain="sex", shares=(("m", half or 0.0), ("f", 1 - (half or 0.0))), source="register")
    benchmarks = (
        None if half is None else Benchmarks(frame="register", version="1", margins=(margin,), weight_bounds=bounds)
    )
    return replace(release_factory.study(), domains=(SEX,), benchmarks=benchmarks, **overrides)


def answers(codes: list[int | None], *, wave: int = 1, weights: list[float] | None = None) -> pd.DataFrame:
    """Return person-waves of members m0, m1, … with these codes."""
    rows = {
        "member": [f"m{place}" for place in range(len(codes))],
        "wave": wave,
        "emp_class": pd.array(codes, dtype="Int64"),
        "design_weight": weights or [1.0] * len(codes),
    }
    return PERSON_WAVES.coerce(pd.DataFrame(rows))


def tracked(members: int, later: dict[str, str], *, wave: int = 2) -> pd.DataFrame:
    """Return the outcome of every case in a later wave; complete where not told."""
    names = [f"m{place}" for place in range(members)]
    said = [later.get(name, "complete") for name in names]
    return TRACKING.coerce(
        pd.DataFrame(
            {"member": names, "wave": wave, "cohort": 1, "disposition": said,
             "is_interviewed": [each == "complete" for each in said], "is_returning": False}
        )
    )  # fmt: skip


def target(name: str, codes: list[int], shares: list[float]) -> Target:
    """Return a margin."""
    return Target(name, tuple(f"{name}{place}" for place in range(len(shares))), np.array(codes), np.array(shares))


def test_one_margin_is_met_in_one_step():
    """Three men and one woman, half and half: 2/3 each and 2."""
    made = cross_sectional(answers([1, 1, 1, 2]), study=study(), wave=1)
    assert made.rows["weight"].tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0])
    assert made.diagnostics["n_eff"] == 3.0
    assert made.diagnostics["kish_deff"] == pytest.approx(4 / 3, abs=1e-4)
    assert made.diagnostics["frame"] == "register 1"


def test_two_margins_are_met_together():
    """Deming and Stephan: whatever the start, both margins hold and the odds ratio stays."""
    first, second = [0, 0, 1, 1], [0, 1, 0, 1]
    start = np.array([4.0, 1.0, 2.0, 3.0])
    made = rake(start, [target("a", first, [0.7, 0.3]), target("b", second, [0.4, 0.6])]).weights
    shares = made / made.sum()
    assert (shares[:2].sum(), shares[[0, 2]].sum()) == pytest.approx((0.7, 0.4))
    assert made[0] * made[3] / (made[1] * made[2]) == pytest.approx(4.0 * 3.0 / (1.0 * 2.0))


def test_a_margin_with_an_empty_group_names_both():
    """A share that nobody can carry is refused by the names of margin and group."""
    with pytest.raises(EstimateError) as refused:
        cross_sectional(answers([1, 1, 1]), study=study(), wave=1)
    assert "'sex'" in refused.value.what
    assert "'f'" in refused.value.what


def test_margins_out_of_reach_of_the_bounds_are_refused():
    """One woman in a hundred cannot stand for half within five times the mean."""
    with pytest.raises(EstimateError, match="'sex'"):
        cross_sectional(answers([1] * 99 + [2]), study=study(), wave=1)


def test_members_of_unknown_group_keep_their_share():
    """One of five has no answer: a fifth of the weight stays there, the rest is half and half."""
    made = cross_sectional(answers([1, 1, 1, 2, None]), study=study(), wave=1)
    weights = made.rows["weight"].to_numpy(float)
    assert weights[4] / weights.sum() == pytest.approx(0.2)
    assert weights[:3].sum() == pytest.approx(weights[3])


@pytest.mark.parametrize("method", ["linear", "logit", "raking"])
def test_every_method_meets_the_margin(method):
    """One margin has one answer, whatever the distance."""
    rules = WeightingRules(calibration=method)
    made = cross_sectional(answers([1, 1, 1, 2]), study=study(weighting=rules), wave=1)
    assert made.rows["weight"].tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0])
    assert made.diagnostics["method"] == method
    assert made.diagnostics["margins"]["sex"] < 1e-9


def test_bounded_weights_stay_within_and_meet_the_margins():
    """Raking takes the corner of 2 to 3.2 times its weight; within 2.5 the other cells give way, and margins hold."""
    first, second = np.repeat([0, 0, 1, 1], [8, 4, 4, 4]), np.repeat([0, 1, 0, 1], [8, 4, 4, 4])
    targets = [target("a", first, [0.3, 0.7]), target("b", second, [0.3, 0.7])]
    free, held = (rake(np.ones(20), targets, distance=Distance.of("raking", each)) for each in (None, (0.1, 2.5)))
    assert free.ratio.max() > 2.5
    assert held.ratio.max() == pytest.approx(2.5)
    assert (held.weights[first == 0].sum(), held.weights[second == 0].sum()) == pytest.approx((6.0, 6.0))


def test_bounds_that_no_weights_can_keep_name_the_margin():
    """Half cannot be carried by one of ten within three times its weight: the sentence says which margin and bounds."""
    codes = [0] * 9 + [1]
    with pytest.raises(EstimateError, match=r"'a'.*within weights of 0.2 to 3 times"):
        rake(np.ones(10), [target("a", codes, [0.5, 0.5])], distance=Distance.of("raking", (0.2, 3.0)))


def test_margins_that_contradict_each_other_are_refused():
    """The same people cannot be half by one margin and nine in ten by another."""
    codes = [0, 0, 1, 1]
    with pytest.raises(EstimateError, match="cannot be met together"):
        rake(np.ones(4), [target("a", codes, [0.5, 0.5]), target("b", codes, [0.9, 0.1])])


@pytest.mark.parametrize("bounds", [(1.2, 3.0), (0.2, 0.9), (-1.0, 2.0)])
def test_bounds_lie_around_one(bounds):
    """Weights that may not stay what they are cannot be calibrated."""
    with pytest.raises(EstimateError, match="cannot be held"):
        Distance.of("logit", bounds)
    with pytest.raises(EstimateError, match="needs bounds"):
        Distance.of("logit")


def test_what_is_trimmed_is_shared_out():
    """Mean 2: 6 is cut to 4, the 2 shared by four; nothing is then outside."""
    cut = trim(np.array([1.0, 1.0, 1.0, 1.0, 6.0]), 0.0, 4.0)
    assert cut.weights.tolist() == [1.5, 1.5, 1.5, 1.5, 4.0]
    assert (cut.share, cut.count) == (pytest.approx(0.2), 1)


def test_trimming_goes_on_until_all_are_within():
    """2.9 of four is cut to 2; what is shared out lifts 1.9 beyond, so that is cut in turn."""
    cut = trim(np.array([1.9, 0.1, 0.1, 2.9]), 0.0, 2.0)
    assert cut.weights == pytest.approx([2.0, 0.5, 0.5, 2.0])


def test_limits_without_room_are_refused():
    """Weights with a mean of 2 cannot all lie below 1."""
    with pytest.raises(EstimateError, match="mean of 2"):
        trim(np.array([1.0, 3.0]), 0.0, 1.0)


def test_a_trimmed_study_says_what_it_gave_up():
    """The margin no longer holds: its error, what was moved, and the weight before are on record."""
    rules = WeightingRules(trim=(0.5, 1.5))
    made = cross_sectional(answers([1, 1, 1, 2]), study=study(weighting=rules), wave=1)
    assert made.rows["weight"].max() == 1.5
    assert made.rows["calibrated_weight"].max() == pytest.approx(2.0)
    assert made.diagnostics["trimmed_share"] == pytest.approx(0.125)
    assert made.diagnostics["margins"]["sex"] == pytest.approx(0.125)


def test_without_benchmarks_design_weights_stand():
    """Their proportions stay; they add up to the members."""
    made = cross_sectional(answers([1, 2], weights=[1.0, 3.0]), study=study(half=None), wave=1)
    assert made.rows["weight"].tolist() == pytest.approx([0.5, 1.5])


@pytest.mark.parametrize("weights", [[0.0, 0.0], [-1.0, 2.0]])
def test_design_weights_of_zero_or_below_are_refused(weights):
    """Nothing can be raked from nothing."""
    with pytest.raises(EstimateError, match="weights"):
        cross_sectional(answers([1, 2], weights=weights), study=study(), wave=1)


def test_a_propensity_of_one_group_is_its_response_rate():
    """With an intercept alone the logit gives the weighted rate: 3 of 1 + 1 + 2 + 1."""
    found = by_logit(np.ones((4, 1)), np.array([1, 0, 1, 0]), np.array([1.0, 1.0, 2.0, 1.0])).propensity
    assert found == pytest.approx(np.full(4, 0.6), abs=1e-5)


def test_those_who_stayed_stand_for_those_who_left():
    """Half of the men and all women stay: a man counts twice a woman, and margins of wave 1 hold."""
    first = answers([1, 1, 1, 1, 2, 2, 2, 2])
    second = answers([1] * 8, wave=2).iloc[[0, 1, 4, 5, 6, 7]]
    made = longitudinal(
        pd.concat([first, second], ignore_index=True), tracked(8, {"m2": "no_response", "m3": "refused"}),
        study=study(), waves=(1, 2),
    )  # fmt: skip
    weights = made.rows.set_index("member")["weight"]
    assert weights[["m0", "m1"]].sum() == pytest.approx(weights[["m4", "m5", "m6", "m7"]].sum())
    assert made.rows["waves"].unique().tolist() == ["1-2"]
    assert weights["m0"] / weights["m4"] == pytest.approx(2.0)


def _half_of_the_men_stayed() -> pd.DataFrame:
    first = answers([1, 1, 1, 1, 2, 2, 2, 2])
    return pd.concat([first, answers([1] * 8, wave=2).iloc[[0, 1, 4, 5, 6, 7]]], ignore_index=True)


def test_those_lost_are_kept_for_the_standard_errors():
    """Who was due and did not answer is there with no weight, its propensity, and the weight it would have had."""
    rules = WeightingRules(nonresponse="classes")
    made = longitudinal(
        _half_of_the_men_stayed(), tracked(8, {"m2": "no_response", "m3": "refused"}),
        study=study(half=None, weighting=rules), waves=(1, 2),
    )  # fmt: skip
    lost = made.rows[made.rows["kind"] == "lost"]
    assert sorted(lost["member"]) == ["m2", "m3"]
    assert (lost["weight"].tolist(), lost["propensity"].tolist()) == ([0.0, 0.0], [0.5, 0.5])
    kept = made.rows[made.rows["kind"] == "longitudinal"].set_index("member")
    assert kept["propensity"].to_dict() == {"m0": 0.5, "m1": 0.5, "m4": 1.0, "m5": 1.0, "m6": 1.0, "m7": 1.0}
    assert kept["weight"].to_dict() == pytest.approx(
        {"m0": 1.5, "m1": 1.5, "m4": 0.75, "m5": 0.75, "m6": 0.75, "m7": 0.75}
    )
    assert made.diagnostics["nonresponse"] == "classes"


def test_a_class_in_which_nobody_answered_is_named():
    """No man stayed, so nobody can stand for the men."""
    rows = _half_of_the_men_stayed()
    rows = rows[~((rows["wave"] == 2) & rows["member"].isin(["m0", "m1"]))]
    with pytest.raises(EstimateError, match="'sex m'"):
        longitudinal(
            rows, tracked(8, {}), study=study(half=None, weighting=WeightingRules(nonresponse="classes")), waves=(1, 2)
        )


def test_without_a_nonresponse_rule_design_weights_stand():
    """Nobody is made to stand for those who left, and nobody is lost."""
    made = longitudinal(
        _half_of_the_men_stayed(), tracked(8, {}),
        study=study(half=None, weighting=WeightingRules(nonresponse="none")), waves=(1, 2),
    )  # fmt: skip
    assert made.rows["weight"].tolist() == pytest.approx([1.0] * 6)
    assert made.rows["propensity"].isna().all()


def test_a_refreshment_cohort_has_its_own_propensity():
    """Three quarters of the first cohort stay and half of the newcomers: each stands for its own."""
    cohorts = [1, 1, 1, 1, 2, 2, 2, 2]
    first = answers([1] * 8).assign(cohort=pd.array(cohorts, dtype="Int64"))
    stay = answers([1] * 8, wave=2).assign(cohort=pd.array(cohorts, dtype="Int64")).iloc[[0, 1, 2, 4, 5]]
    made = longitudinal(
        pd.concat([first, stay], ignore_index=True), tracked(8, {}), study=study(half=None), waves=(1, 2)
    )
    weights = made.rows.set_index("member")["weight"]
    assert weights["m0"] / weights["m4"] == pytest.approx((4 / 3) / 2, rel=1e-4)


def test_who_joined_later_is_in_no_earlier_set():
    """A member who answers waves 2 and 3 is in that set, and not in the set from wave 1."""
    rows = pd.concat([answers([1, 1]), *(answers([1, 1, 2], wave=wave) for wave in (2, 3))], ignore_index=True)
    sets = {
        each: set(longitudinal(rows, tracked(3, {}), study=study(half=None), waves=each).rows["member"])
        for each in ((1, 2, 3), (2, 3))
    }
    assert sets == {(1, 2, 3): {"m0", "m1"}, (2, 3): {"m0", "m1", "m2"}}


def test_the_dead_are_not_counted_as_lost():
    """Without benchmarks: two of four men died, so the two others answered with propensity one."""
    first, second = answers([1, 1, 1, 1]), answers([1] * 4, wave=2).iloc[[0, 1]]
    made = longitudinal(
        pd.concat([first, second], ignore_index=True), tracked(4, {"m2": "deceased", "m3": "deceased"}),
        study=study(half=None), waves=(1, 2),
    )  # fmt: skip
    assert made.diagnostics["mean_propensity"] == pytest.approx(1.0, abs=1e-3)


def test_a_weight_that_the_delivery_brings_is_taken():
    """A given weight for exactly these waves stands as it is; members without one have none."""
    layout = Layout(given_weights=(GivenWeight(waves=(1, 2), column="w12"),))
    first = answers([1, 1, 2]).assign(**{"given_weight:w12": [1.5, None, 2.5]})
    rows = pd.concat([first, answers([1, 1, 2], wave=2)], ignore_index=True)
    made = longitudinal(rows, tracked(3, {}), study=study(layout=layout), waves=(1, 2))
    assert dict(zip(made.rows["member"], made.rows["weight"], strict=True)) == {"m0": 1.5, "m2": 2.5}


def test_waves_that_nobody_shares_are_a_sentence():
    """No member answered both waves: refused, and which waves."""
    rows = pd.concat([answers([1]), answers([1, 2], wave=2).iloc[[1]]], ignore_index=True)
    with pytest.raises(EstimateError, match="1, 2"):
        longitudinal(rows, tracked(2, {}), study=study(half=None), waves=(1, 2))
