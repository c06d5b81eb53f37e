"""Event studies and regressions through the verbs: R's figures, the gap's difference in differences, sentences."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import panel.analysis
from panel.cli import change
from panel.cli.main import run
from panel.errors import EstimateError, UnknownKey, UnknownVariable
from tests.unit.oracle_samples import BESIDE, EXACT, data, expected, near
from tests.unit.panel_factory import ROLES, STATUS, opened, people_of, row, small, study

PAIR = ("zzp", "employee")


def plain(rows: list[tuple[str, int, int, float | None]], **overrides):
    """Return the panel of members with a class and an amount wave by wave."""
    frame = pd.DataFrame(rows, columns=["member", "wave", "emp_class", "profit"])
    frame = frame.assign(role=1, weight=1.0, stratum="s", psu=frame["member"])
    return people_of(frame, study(**({"disclosure_threshold": 1} | overrides)))


def four(*, third: float | None = 40.0, **overrides):
    """Return two zzp and two employees in three waves; the amount of the first in the third is told."""
    paths = {"a": (1, 10, 20, third), "b": (1, 30, 34, 50), "c": (2, 5, 6, 9), "d": (2, 7, 10, 13)}
    rows = [(who, wave, own[0], own[wave]) for who, own in paths.items() for wave in (1, 2, 3)]
    return plain(rows, **overrides).by("work")


def balanced():
    """Return those of R's small panel who answered all four waves."""
    raw = data("panel_small")
    raw = raw[raw.groupby("id")["wave"].transform("size") == 4].sort_values(["id", "wave"])
    frame = raw.assign(
        emp_class=raw["status"].map(STATUS), role=raw["role"].map(ROLES), profit=raw["income"], member=raw["id"],
        weight=raw["w"], psu=raw["hh"],
    )  # fmt: skip
    columns = ["member", "wave", "emp_class", "role", "profit", "weight", "stratum", "psu"]
    return opened(people_of(frame[columns], study(disclosure_threshold=1)))


@pytest.mark.shared
@BESIDE[1]
def test_without_effects_it_is_the_difference_in_differences_of_the_oracle():
    """
    o05 did_1_4 by a regression of everybody, and the years between as svyglm has them.

    R: svyglm(income ~ g * factor(wave), subset(design, status is zzp or employee)); survey 4.1.
    """
    found = small().by("work").event_study("profit", groups=PAIR, member_effects=False)
    wanted = expected("o05")["did_1_4"]["contrast"]
    got = row(found, "event_effect", wave=4, group="zzp-employee")
    assert (got["estimate"], got["se"]) == near((wanted["est"], wanted["se"]), rel=EXACT)
    for wave, value, se in ((2, -1600.34074200843, 363.724104547888), (3, -2925.69942697401, 482.616741441049)):
        got = row(found, "event_effect", wave=wave, group="zzp-employee")
        assert (got["estimate"], got["se"]) == near((value, se), rel=EXACT)
    assert (found["from_wave"] == 1).all()
    assert found["method"].str.endswith("no effects of members").all()


@pytest.mark.shared
@BESIDE[1]
def test_covariates_are_held_constant_as_in_svyglm():
    """R: svyglm(income ~ g * factor(wave) + role, ...), by role, the first of ours being creator, as R's."""
    found = small().by("work").event_study("profit", groups=PAIR, member_effects=False, covariates=["role"])
    got = row(found, "event_effect", wave=4, group="zzp-employee")
    assert (got["estimate"], got["se"]) == near((-5605.379560593356, 559.758842399473), rel=EXACT)
    for code, value, se in (("2", -419.728967821856, 544.570183174201), ("3", -290.226153242033, 664.905254623701)):
        got = row(found, "coefficient", domain="role", group=code)
        assert (got["estimate"], got["se"]) == near((value, se), rel=EXACT)


@pytest.mark.shared
@BESIDE[1]
def test_effects_of_members_are_those_of_svyglm_on_differences_from_own_means():
    """R: svyglm(y ~ 0 + w2 + w3 + w4 + e2 + e3 + e4), all less ave(., id), of those who answered four waves."""
    found = balanced().by("work").event_study("profit", groups=PAIR)
    for wave, value, se in (
        (2, -1685.29168208905, 286.312734714094),
        (3, -3094.90283965571, 390.033631081340),
        (4, -5459.15227291346, 464.381765566962),
    ):
        got = row(found, "event_effect", wave=wave, group="zzp-employee")
        assert (got["estimate"], got["se"]) == near((value, se), rel=EXACT)
    assert set(found["weight"]) == {"longitudinal 1-2-3-4"}


@pytest.mark.shared
@BESIDE[1]
def test_a_regression_within_members_is_that_of_svyglm():
    """R: svyglm(y ~ 0 + w2 + w3 + w4 + mixed + executor), all less ave(., id); n counts who changed role."""
    people = balanced()
    found = people.regression("profit", covariates=["role"])
    for where, value, se in (
        ({"wave": 2, "from_wave": 1, "group": "all"}, 822.673856600298, 130.934802078653),
        ({"wave": 4, "group": "all"}, 1958.598496793011, 242.829198791253),
        ({"group": "2"}, -199.014349470278, 279.311497335447),
        ({"group": "3"}, 223.631670247474, 319.945047241784),
    ):
        got = row(found, "coefficient", **where)
        assert (got["estimate"], got["se"]) == near((value, se), rel=EXACT)
    frame = people.release.table("person_waves")
    was = frame["role"].eq(2).groupby(frame["member"]).nunique()
    assert row(found, "coefficient", group="2")["n"] == (was > 1).sum()


@pytest.mark.shared
@BESIDE[1]
@pytest.mark.parametrize("rule", ["first", "both", "second"])
def test_of_two_waves_it_is_the_gap_s_change_within_the_same_members(rule):
    """A law: balanced, in two waves, an event study with effects of members is the difference of mean changes."""
    people = small().by("work")
    one = row(people.event_study("profit", groups=PAIR, waves=(1, 3), rule=rule), "event_effect", group="zzp-employee")
    two = row(people.gap("profit", groups=PAIR, waves=(1, 3), rule=rule), "gap_change", group="zzp-employee")
    assert (one["estimate"], one["se"], one["n"]) == near((two["estimate"], two["se"], two["n"]), rel=1e-10)
    assert (one["low"], one["high"]) == near((two["low"], two["high"]), rel=1e-10)


def test_effects_by_hand():
    """Means of zzp 20, 27, 45 and employees 6, 8, 11: apart by 5 in the second wave, by 20 in the third."""
    found = four().event_study("profit", groups=PAIR)
    assert found["estimate"].tolist() == near([5.0, 20.0])
    other = four().event_study("profit", groups=PAIR, base=2)
    assert other["estimate"].tolist() == near([-5.0, 15.0])
    assert other[["from_wave", "wave"]].to_numpy().tolist() == [[2, 1], [2, 3]]


def test_who_is_seen_once_is_counted_and_said():
    """An amount missing in two of three waves leaves a member with nothing to be compared with."""
    rows = [
        ("a", 1, 1, 3.0),
        ("a", 2, 1, 5.0),
        ("a", 3, 1, 6.0),
        ("z", 1, 1, 9.0),
        ("z", 2, 1, None),
        ("z", 3, 1, None),
    ]
    rows += [("b", wave, 1, 2.0 * wave) for wave in (1, 2, 3)]
    found = plain(rows).regression("profit")
    assert found["denominator"].str.endswith("; 1 members seen once left out").all()
    assert found["n"].tolist() == [2, 2]


def test_the_least_cell_is_what_is_counted():
    """An amount that is missing in one wave takes a member off the figure of that wave only."""
    found = four(third=None).event_study("profit", groups=PAIR)
    assert found["n"].tolist() == [2, 1]


def test_a_group_with_few_is_hidden():
    """Two members a group and a threshold of three: nothing is told."""
    found = four(disclosure_threshold=3).event_study("profit", groups=PAIR)
    assert (found["status"] == "hidden").all()
    assert found["estimate"].isna().all()


def test_a_category_with_few_hides_its_covariate():
    """One category that few changed into: what the others are held against would tell of it."""
    draw = np.random.default_rng(3)
    rows = []
    for member in range(60):
        for wave in (1, 2, 3):
            role = 3 if member < 2 and wave == 2 else 1 + int(draw.integers(2))
            rows.append((f"m{member}", wave, 1, role, draw.normal(), 1.0, "s", f"m{member}"))
    frame = pd.DataFrame(rows, columns=["member", "wave", "emp_class", "role", "profit", "weight", "stratum", "psu"])
    found = people_of(frame, study(disclosure_threshold=5)).regression("profit", covariates=["role"])
    assert set(found[found["domain"] == "role"]["status"]) == {"hidden"}
    assert set(found[found["domain"].isna()]["status"]) == {"final"}


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda people: people.event_study("profit", groups=("zzp", "zzp")), EstimateError, "apart from itself"),
        (lambda people: people.event_study("profit", groups=("zzp", "hybrid")), EstimateError, "Nobody of 'hybrid'"),
        (lambda people: people.event_study("profit", groups=("zzp", "hybird")), UnknownKey, "hybird"),
        (lambda people: people.event_study("profit", groups=PAIR, waves=(1,)), EstimateError, "within wave 1"),
        (lambda people: people.event_study("profit", groups=PAIR, waves=(1, 2), base=3), EstimateError, "base, wave 3"),
        (lambda people: people.event_study("profit", groups=PAIR, rule="last"), EstimateError, "no rule 'last'"),
        (lambda people: people.event_study("role", groups=PAIR), UnknownVariable, "not a number"),
        (lambda people: people.event_study("profit", groups=PAIR, covariates=["roel"]), UnknownVariable, "roel"),
        (lambda people: people.regression("profit"), EstimateError, "'work employee' changes within nobody"),
        (
            lambda people: people.event_study("profit", groups=PAIR, member_effects=False, covariates=["work"]),
            EstimateError, "'work employee' follows from the covariates before it",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_a_sentence(ask, error, said):
    """Groups, waves, bases, rules and covariates that have no answer: each is named."""
    with pytest.raises(error, match=said):
        ask(four())


def test_a_group_that_is_not_there_at_the_base_is_named():
    """By the group of then, nobody was an employee in the first wave."""
    rows = [(who, wave, 1 if who == "a" or wave == 1 else 2, 1.0 * wave) for who in "abc" for wave in (1, 2)]
    with pytest.raises(EstimateError, match=r"Nobody of 'employee' has a value of 'profit' and a weight in wave 1\."):
        plain(rows).by("work").event_study("profit", groups=PAIR, member_effects=False)


def test_waves_without_a_weight_name_those_that_have_one():
    """Of four waves, three that are no pair and not all of them."""
    rows = [(who, wave, 1 + (who == "b"), 1.0 * wave) for who in "abcd" for wave in (1, 2, 3, 4)]
    with pytest.raises(EstimateError, match=r"Waves 1-2-4 have no longitudinal weight; .*1-2-3-4, 3-4"):
        plain(rows).by("work").event_study("profit", groups=PAIR, waves=(1, 2, 4))


def test_intervals_hold_together_over_waves():
    """All effects of an event study at once: wider than each by itself, and said."""
    people = plain([
        (f"m{who}", wave, 1 + who % 2, float(np.sin(7 * who * wave)) + wave) for who in range(40) for wave in (1, 2, 3)
    ])  # fmt: skip
    one = people.by("work").event_study("profit", groups=PAIR)
    two = people.by("work", simultaneous=True).event_study("profit", groups=PAIR)
    assert two["estimate"].tolist() == one["estimate"].tolist()
    assert ((two["high"] - two["low"]) > (one["high"] - one["low"])).all()
    assert two["method"].str.endswith("simultaneous over 2").all()


@pytest.mark.parametrize(
    ("command", "statistic"),
    [
        (
            "event-study small -v profit --by work -g zzp -g employee -w 2025 -w 2027 --base 2027 -c role",
            "event_effect",
        ),
        ("event-study small -v profit --by work -g zzp -g employee --everybody --simultaneous", "event_effect"),
        ("regression small -v profit -c role", "coefficient"),
        ("regression small -v profit --by work --everybody", "coefficient"),
        ("hazard-model small -v role --source 1 --target 2 -c work --baseline wave", "hazard_ratio"),
    ],
)
def test_the_commands_say_what_the_verbs_say(monkeypatch, capsys, command, statistic):
    """Options reach the verb, and its figures come out as JSON and as tables."""
    draw = np.random.default_rng(5)
    rows = [
        (f"m{who}", wave, 1 + who % 2, 1 + int(draw.integers(2)), 1000 + 40 * draw.normal(), 1.0, "s", f"m{who}")
        for who in range(60)
        for wave in (1, 2, 3)
    ]
    frame = pd.DataFrame(rows, columns=["member", "wave", "emp_class", "role", "profit", "weight", "stratum", "psu"])
    people = people_of(frame, study(disclosure_threshold=5))
    store = SimpleNamespace(release=lambda *_: SimpleNamespace(panel=lambda: people))
    monkeypatch.setattr(panel.analysis, "Connection", lambda _: store)
    monkeypatch.setattr(change, "connect", lambda: SimpleNamespace(store=None))
    assert run([*command.split(), "--format", "json"]) == 0
    found = pd.DataFrame(json.loads(capsys.readouterr().out))
    own = found[found["statistic"] == statistic]
    assert len(own)
    assert np.isfinite(own["estimate"].astype(float)).all()
    assert run([*command.split(), "--format", "table"]) == 0
    assert statistic in capsys.readouterr().out


def test_how_many_were_seen_once_is_not_told_of_a_hidden_figure():
    """A count in the words of a denominator goes with the figure."""
    rows = [(who, wave, 1, 1.0 * wave if who != "z" or wave == 1 else None) for who in "abz" for wave in (1, 2)]
    found = plain(rows, disclosure_threshold=3).regression("profit")
    assert set(found["status"]) == {"hidden"}
    assert found["denominator"].tolist() == ["everybody with an answer; some members seen once left out"]
