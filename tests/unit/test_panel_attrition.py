"""What an analyst asks about attrition: the panel's verbs, what they hide, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest

from panel.disclose import protect
from panel.errors import EstimateError, UnknownVariable
from panel.model.study import WeightingRules
from tests.unit.held_panel import STUDY, members, panel_of, person_waves

PEOPLE = panel_of(person_waves(members(400, 8)))


def row(table, **wanted):
    """Return the one row with these values; None stands for null."""
    for name, value in wanted.items():
        table = table[table[name].isna() if value is None else table[name] == value]
    assert len(table) == 1, table
    return table.iloc[0]


def test_response_counts_who_came():
    """The shares are those of the rows that are there, by the class members had first."""
    rows = members(400, 8)
    first = {each["member"]: each["emp_class"] for each in rows if each["wave"] == 1}
    own = [member for member, work in first.items() if work == 1]
    came = sum(each["wave"] == 3 and each["member"] in own for each in rows)
    table = PEOPLE.by("work").response()
    found = row(table, statistic="response_share", wave=3, group="self", weight="unweighted")
    assert (found.estimate, found.n) == (pytest.approx(came / len(own)), len(own))
    assert found.denominator == "Self-employed in the first wave, due in the others"


def test_who_died_is_not_counted():
    """Members who died before the second wave were not due in it."""
    rows = members(400, 8)
    came = {each["member"] for each in rows if each["wave"] == 2}
    dead = sorted({each["member"] for each in rows} - came)[:20]
    table = panel_of(person_waves(rows), gone=[(member, 2) for member in dead]).response(waves=(1, 2))
    assert row(table, statistic="response_share", weight="unweighted").n == 380


def test_leavers_are_told_of_numbers_and_of_answers():
    """A difference is in the unit of the variable, or in points; where marks who is meant."""
    table = PEOPLE.leavers("profit", waves=(1, 2))
    levels = {name: row(table, statistic=name).estimate for name in ("stayers_level", "leavers_level")}
    apart = row(table, statistic="leavers_difference")
    assert (apart.estimate, apart.unit) == (pytest.approx(levels["leavers_level"] - levels["stayers_level"]), "EUR")
    marked = PEOPLE.where(work="self").leavers("role", codes=[1], waves=(1, 2))
    assert row(marked, statistic="leavers_difference").unit == "points"
    assert row(marked, statistic="stayers_level").n < row(table, statistic="stayers_level").n


def test_bounds_take_a_floor_and_ceiling_or_a_drift():
    """The drift of those who were lost gives a narrower range than the worst case, both around what was seen."""
    worst = PEOPLE.bounds("profit", waves=(1, 2), low=0, high=60_000)
    stated = PEOPLE.bounds("profit", waves=(1, 2), drift=(-0.1, 0.1))
    for name in ("bound", "change_bound"):
        ends = [row(each, statistic=f"{name}_{end}").estimate for each in (worst, stated) for end in ("least", "most")]
        assert ends[0] < ends[2] < ends[3] < ends[1]
    share = PEOPLE.bounds("role", codes=[1], waves=(1, 2))
    assert 0 < row(share, statistic="bound_least").estimate < row(share, statistic="bound_most").estimate < 1


def test_representativity_has_the_indicator_and_its_parts():
    """R, R adjusted, and for the class of worker both parts, whole and by group; leaving has the odds of the others."""
    table = PEOPLE.representativity(waves=(1, 2))
    assert row(table, statistic="r_indicator").estimate <= row(table, statistic="r_indicator_adjusted").estimate <= 1
    whole = row(table, statistic="partial_unconditional", value="work").estimate
    parts = [row(table, statistic="partial_unconditional", group=group).estimate for group in ("self", "staff")]
    assert whole**2 == pytest.approx(sum(each**2 for each in parts))
    rows = members(400, 8)
    work = {each["member"]: each["emp_class"] for each in rows if each["wave"] == 1}
    came = {each["member"] for each in rows if each["wave"] == 2}
    cells = [[sum(work[m] == k and (m in came) == stay for m in work) for stay in (True, False)] for k in (1, 2)]
    odds = row(PEOPLE.leaving(waves=(1, 2)), group="staff")
    assert odds.estimate == pytest.approx(np.log(cells[1][1] / cells[1][0] / (cells[0][1] / cells[0][0])), rel=1e-4)
    assert odds.se == pytest.approx(np.sqrt(sum(1 / each for cell in cells for each in cell)), rel=0.01)


def few(leaving: int):
    """Return a panel of two classes of 60 in which some of one and 20 of the other leave."""
    rows = [
        {"member": f"m{number:03d}", "wave": wave, "emp_class": 1 + number // 60, "role": 1, "profit": float(number)}
        for number in range(120)
        for wave in (1, 2)
        if wave == 1 or number >= 60 + 20 or leaving <= number < 60
    ]
    return panel_of(person_waves(rows))


@pytest.mark.parametrize("leaving", [1, 2])
def test_one_or_two_who_left_are_not_told(leaving):
    """No figure says that one or two of a class left, in any verb, nor lets it be had from the other class."""
    people = few(leaving)
    for table in (people.by("work").response(), people.by("work").leavers("profit"), people.leaving()):
        assert (table[table["domain"] == "work"]["status"] == "hidden").all()
    assert (people.representativity()["status"] == "hidden").all()
    worst = people.by("work").bounds("profit", waves=(1, 2), low=0, high=200)
    assert (worst["status"] == "hidden").all()


def test_enough_who_left_are_told():
    """With twelve of one class and twenty of the other nothing is hidden, and protecting again changes nothing."""
    people = few(12)
    by_class = people.by("work")
    tables = [
        by_class.response(), by_class.leavers("profit"), people.leaving(), people.representativity(),
        by_class.bounds("profit", waves=(1, 2), low=0, high=200),
    ]  # fmt: skip
    for table in tables:
        assert (table["status"] == "final").all(), table
        assert protect(table, threshold=10).equals(table)


def test_what_goes_together_is_hidden_together():
    """Five of a class left, below the threshold of ten: the levels, differences and bounds of both classes go."""
    people = few(5).by("work")
    for table in (people.leavers("profit"), people.bounds("profit", waves=(1, 2), drift=(-0.1, 0.1))):
        assert (table["status"] == "hidden").all()
        assert table["estimate"].isna().all()
    assert (people.response()["status"] == "final").all()


def test_propensities_are_of_the_domains_the_study_names():
    """Nothing to explain staying by: R is 1 and has no parts."""
    study = replace(STUDY, domains=(), indicators=(), transitions=(), weighting=WeightingRules(nonresponse="none"))
    table = panel_of(person_waves(members(60, 1), study), study=study).representativity(waves=(1, 2))
    assert row(table, statistic="r_indicator").estimate == pytest.approx(1.0, abs=1e-6)
    assert len(table) == 2


@pytest.mark.parametrize(
    ("ask", "kind", "said"),
    [
        (lambda people: people.response(waves=(1,)), EstimateError, "not within wave 1"),
        (lambda people: people.by("work").representativity(), EstimateError, "not by 'work'"),
        (lambda people: people.by("work").leaving(), EstimateError, "not by 'work'"),
        (lambda people: people.leavers("role"), UnknownVariable, "not a number"),
        (lambda people: people.leavers("wage"), UnknownVariable, "no variable 'wage'"),
        (lambda people: people.bounds("profit", waves=(1, 2)), EstimateError, "worst case has no end"),
        (lambda people: people.bounds("profit", waves=(1, 2), low=9, high=1), EstimateError, "above the most"),
        (lambda people: people.bounds("profit", waves=(1, 2), drift=(0.1, -0.1)), EstimateError, "above the most"),
        (lambda people: people.bounds("role", waves=(1, 2), codes=[1], low=0), EstimateError, "between 0 and 1"),
        (lambda people: people.where(emp_class=3).response(), EstimateError, "Nobody of all"),
        (lambda people: people.where(emp_class=3).representativity(), EstimateError, "Nobody of everybody"),
    ],
)
def test_what_cannot_be_told_is_a_sentence(ask, kind, said):
    """What is wrong, and with what."""
    with pytest.raises(kind, match=said):
        ask(PEOPLE)
