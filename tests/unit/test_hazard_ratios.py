"""Ratios of hazards through the verb: R's complementary log-log model, arithmetic by hand, what is refused."""

import numpy as np
import pandas as pd
import pytest

from panel.errors import EstimateError, UnknownKey, UnknownVariable
from tests.unit.oracle_samples import BESIDE, expected, near
from tests.unit.panel_factory import opened, people_of, row, small, study
from tests.unit.test_flows import walks

MOVE = {"source": 1, "target": 3}


@pytest.mark.shared
@BESIDE[1]
def test_ratios_are_those_of_the_oracle():
    """
    o07 (cloglog) through the verb, to 1e-6: R stops its fit earlier, see test_oracles_moves.

    Its reference is the employee, ours the first group, zzp: the sign turns. R of the hybrid against zzp:
    svyglm(ev ~ factor(wave) + relevel(status, "zzp"), family = quasibinomial("cloglog"), epsilon = 1e-14).
    """
    found, wanted = small(only_steps=True).by("work").hazard_model("role", **MOVE, baseline="wave"), expected("o07")
    coef, se = wanted["cloglog"]["coef"], wanted["cloglog"]["se"]
    for where, value, error in (
        ({"group": "employee"}, -coef["statuszzp"], se["statuszzp"]),
        ({"group": "hybrid"}, -0.5286956484093964, 0.317277524441730),
        ({"value": "wave 2 against wave 1"}, coef["factor(per)2"], se["factor(per)2"]),
        ({"value": "wave 3 against wave 1"}, coef["factor(per)3"], se["factor(per)3"]),
    ):
        got = row(found, "log_hazard_ratio", **where)
        assert (got["estimate"], got["se"]) == near((value, error), rel=1e-6, abs=1e-7)


@pytest.mark.shared
@BESIDE[1]
def test_the_year_of_the_spell_is_that_counted_by_hand_in_r():
    """
    By year of the spell and class: R with sp, one more than that of the step before, where it was a creator's too.

    R: svyglm(ev ~ factor(sp) + relevel(status, "zzp"), subset(role == "creator"), quasibinomial("cloglog")).
    """
    found = small(only_steps=True).by("work").hazard_model("role", **MOVE)
    for where, value, error in (
        ({"group": "employee"}, 0.0595269088978601, 0.174751209099297),
        ({"group": "hybrid"}, -0.5325685208498744, 0.316855602874998),
        ({"value": "year 2 against year 1"}, 0.2340721386281427, 0.176960848946093),
        ({"value": "year 3 against year 1"}, 0.4022052235021718, 0.201357177567537),
    ):
        got = row(found, "log_hazard_ratio", **where)
        assert (got["estimate"], got["se"]) == near((value, error), rel=1e-6)
        ratio = row(found, "hazard_ratio", **where)
        assert ratio["estimate"] == near(np.exp(value), rel=1e-6)
        assert ratio["se"] == near(np.exp(value) * error, rel=1e-6)
        assert (ratio["low"], ratio["high"]) == near((np.exp(got["low"]), np.exp(got["high"])), rel=1e-12)


def cross(moved: dict[int, tuple[int, int]], **overrides):
    """Return two waves in which, by class of worker, so many of so many move from role 1 to 2."""
    paths = [(work, 2 if place < hit else 1) for work, (hit, all_of) in moved.items() for place in range(all_of)]
    frame = walks(*((1, then) for _, then in paths))
    frame["emp_class"] = [work for work, _ in paths for _ in (1, 2)]
    return people_of(frame, study(**({"disclosure_threshold": 1} | overrides))).by("work")


def test_a_ratio_by_hand():
    """8 of 20 against 5 of 20: log(1 - 0.25) / log(1 - 0.4), the error by the delta method of two shares."""
    found = cross({1: (8, 20), 2: (5, 20)}).hazard_model("role", source=1, target=2, baseline="constant")
    rates = [-np.log1p(-share) for share in (0.4, 0.25)]
    assert row(found, "hazard_ratio", group="employee")["estimate"] == near(rates[1] / rates[0])
    spread = [share / (20 * (1 - share) * rate**2) for share, rate in zip((0.4, 0.25), rates, strict=True)]
    se = row(found, "log_hazard_ratio", group="employee")["se"]
    assert se == near(np.sqrt(sum(spread) * 40 / 39))
    assert row(found, "hazard_ratio", group="employee")["n"] == 20


def test_years_in_which_nobody_moved_are_left_out_and_said():
    """In the third year nobody moved: it says nothing of classes, and the others are as without it."""
    paths = [(1, 2, None)] * 3 + [(1, 1, 2)] * 4 + [(1, 1, 1)] * 9
    longer = walks(*((*each, 1 if each[-1] == 1 else None) for each in paths))
    found = opened(people_of(longer, study())).hazard_model("role", source=1, target=2)
    assert found["denominator"].str.contains("; year 3 left out, in which all or none moved").all()
    assert set(found["value"]) == {"year 2 against year 1"}
    rates = [-np.log1p(-share) for share in (3 / 16, 4 / 13)]
    assert row(found, "hazard_ratio")["estimate"] == near(rates[1] / rates[0])


def test_a_class_in_which_one_moved_is_hidden():
    """One who moved could tell whether the other did: all ratios of that variable go."""
    found = cross({1: (8, 20), 2: (1, 20), 3: (6, 20)}, disclosure_threshold=10).hazard_model(
        "role", source=1, target=2, baseline="constant"
    )
    assert set(found["status"]) == {"hidden"}
    shown = cross({1: (8, 20), 2: (4, 20), 3: (6, 20)}, disclosure_threshold=10).hazard_model(
        "role", source=1, target=2, baseline="constant"
    )
    assert set(shown["status"]) == {"final"}


def test_what_is_held_against_the_same_wave_is_hidden_with_it():
    """One moved in the second wave: its ratio to the first goes, and that of the third wave with it."""
    paths = [(1, 2, None, None)] * 8 + [(1, 1, 2, None)] + [(1, 1, 1, 2)] * 6 + [(1, 1, 1, 1)] * 25
    found = people_of(walks(*paths), study(disclosure_threshold=5)).hazard_model(
        "role", source=1, target=2, baseline="wave"
    )
    assert set(found["value"]) == {"wave 2 against wave 1", "wave 3 against wave 1"}
    assert set(found["status"]) == {"hidden"}


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        ({"source": 1, "target": 1}, EstimateError, "none of them both"),
        ({"source": 1, "target": 9}, UnknownKey, "9"),
        ({"source": 3, "target": 2}, EstimateError, "Nobody in these groups has 'role' in 3"),
        ({"source": 1, "target": 2, "baseline": "yearly"}, EstimateError, "no baseline 'yearly'"),
        ({"source": 1, "target": 2, "covariates": ["wrok"]}, UnknownVariable, "wrok"),
        ({"source": 1, "target": 2}, EstimateError, "None of 'work' employee at risk moved"),
        ({"source": 1, "target": 2, "years": 2}, EstimateError, "2 years apart"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(ask, error, said):
    """Moves, baselines, covariates and categories that have no answer: each is named."""
    with pytest.raises(error, match=said):
        cross({1: (8, 20), 2: (0, 20)}).hazard_model("role", **ask)


def test_a_model_of_nothing_is_a_sentence():
    """No covariates and a constant baseline: there is nothing to compare."""
    with pytest.raises(EstimateError, match="no covariate with two categories"):
        opened(people_of(walks((1, 2), (1, 1)), study())).hazard_model("role", source=1, target=2, baseline="constant")


def test_simultaneous_intervals_are_made_of_logarithms():
    """The ends of a ratio are those of its logarithm, widened too."""
    people = cross({1: (8, 20), 2: (4, 20), 3: (6, 20)})
    wide = opened(people).by("work", simultaneous=True).hazard_model("role", source=1, target=2, baseline="constant")
    logs, ratios = (wide[wide["statistic"] == name] for name in ("log_hazard_ratio", "hazard_ratio"))
    assert np.exp(logs["low"].to_numpy(float)) == near(ratios["low"].to_numpy(float))
    assert pd.concat([logs, ratios])["method"].str.endswith("simultaneous over 2").all()
