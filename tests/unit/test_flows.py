"""Flows, pooled transitions, tests and hazards: R's figures through the analyst's verbs, arithmetic by hand, laws."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.cli.estimates import sections
from panel.errors import EstimateError, UnknownVariable
from panel.estimate import holm
from tests.unit.oracle_samples import BESIDE, EXACT, expected, near
from tests.unit.panel_factory import ROLES, STATUS, opened, people_of, row, small, study

FEW = settings(max_examples=15, deadline=None)


def walks(*paths: tuple[int | None, ...], psu: str | None = None) -> pd.DataFrame:
    """Return the person-waves of members with these roles wave by wave; None for a wave that was missed."""
    rows = [
        (f"m{number}", wave, 1, role, 1.0, 1.0, "s", psu or f"p{number}")
        for number, path in enumerate(paths)
        for wave, role in enumerate(path, start=1)
        if role is not None
    ]
    return pd.DataFrame(rows, columns=["member", "wave", "emp_class", "role", "profit", "weight", "stratum", "psu"])


def asked(*paths: tuple[int | None, ...], years: tuple[int, ...] = (2025, 2026, 2027, 2028)):
    """Return the panel of members with these roles, hiding nothing."""
    return opened(people_of(walks(*paths), study(years)))


def guarded(*paths: tuple[int | None, ...]):
    """Return the panel of members with these roles, with a threshold of ten."""
    return people_of(walks(*paths), study(disclosure_threshold=10))


@pytest.mark.shared
@BESIDE[1]
def test_pooled_transitions_are_those_of_the_oracle():
    """o07 through the verb: every row share of all years' steps, with standard errors."""
    found, wanted = opened(small(only_steps=True)).pooled("role"), expected("o07")["pooled_row_props"]
    for name, figure in wanted.items():
        source, target = (ROLES[each] for each in name.split(":to"))
        got = row(found, "pooled_transition", value=f"{source}>{target}")
        assert (got["estimate"], got["se"]) == near((figure["est"], figure["se"]), rel=EXACT)
    assert len(wanted) == len(found) == 9
    assert found["denominator"].str.endswith("steps of 1 year").all()


@pytest.mark.shared
@BESIDE[1]
def test_flows_are_those_of_the_oracle():
    """o07 through the verb: cells, in, out and net."""
    found, wanted = opened(small()).flows("role", waves=(1, 2)), expected("o07")
    for name, figure in wanted["cells"].items():
        source, target = (ROLES[each] for each in name.removeprefix("interaction(role_1, role_2)").split("."))
        got = row(found, "flow_share", value=f"{source}>{target}")
        assert (got["estimate"], got["se"]) == near((figure["est"], figure["se"]), rel=EXACT)
    code = str(ROLES["executor"])
    sides = {"flow_in": wanted["inflow_outflow"]["into"], "flow_out": wanted["inflow_outflow"]["outof"]}
    for name, figure in (sides | {"flow_net": wanted["net"]["contrast"]}).items():
        got = row(found, name, value=code)
        assert (got["estimate"], got["se"]) == near((figure["est"], figure["se"]), rel=EXACT)


@pytest.mark.shared
@BESIDE[1]
def test_the_test_of_the_table_is_that_of_the_oracle():
    """o07 through the verb: Rao and Scott's F, its p, and the degrees of freedom said."""
    found, wanted = small().independence("role", waves=(1, 2)), expected("o07")["chisq_F"]
    f, p = row(found, "independence_f"), row(found, "independence_p")
    assert (f["estimate"], p["estimate"]) == near((wanted["F"], wanted["p"]), rel=EXACT)
    assert f"F({wanted['ndf']:.4g}, {wanted['ddf']:.6g})" in f["denominator"]
    assert pd.isna(f["se"])


@pytest.mark.shared
@BESIDE[1]
def test_hazards_are_those_of_the_oracle():
    """o07 through the verb: of creators by year and class, the share that executes a year later."""
    found = opened(small(only_steps=True)).by("work").hazards("role", source=ROLES["creator"], target=ROLES["executor"])
    wanted = expected("o07")["hazard"]
    for name, figure in wanted.items():
        year, status = name.split(".")
        got = row(found, "hazard", group=status, from_wave=int(year))
        assert (got["estimate"], got["se"]) == near((figure["est"], figure["se"]), rel=EXACT)
    assert {name.split(".")[1] for name in wanted} == set(STATUS)


def test_pooled_transitions_count_steps_and_members():
    """Of four steps that begin in 1 one goes to 2: a quarter, of three members."""
    found = asked((1, 1, 2), (1, 1, None), (2, 1, 1)).pooled("role")
    got = row(found, "pooled_transition", value="1>2")
    assert (got["estimate"], got["n"]) == (pytest.approx(1 / 4), 3)
    assert got["denominator"].endswith("4 steps of 1 year")
    assert (got["from_wave"], got["wave"]) == (1, 3)


def test_a_gap_of_two_years_is_never_called_one():
    """Waves of 2025, 2026 and 2028: one step of a year, two of two, one of three; none of four."""
    people = asked((1, 2, 1), (1, 1, 1), (2, 2, 2), years=(2025, 2026, 2028))
    assert row(people.pooled("role"), "pooled_transition", value="1>2")["wave"] == 2
    two = people.pooled("role", years=2)
    assert set(zip(two["from_wave"], two["wave"], strict=True)) == {(2, 3)}
    assert two["denominator"].str.endswith("steps of 2 years").all()
    with pytest.raises(EstimateError, match=r"are 4 years apart; there are: 1, 2, 3\."):
        people.pooled("role", years=4)


def test_flows_are_those_of_arithmetic():
    """Of five two went from 1 to 2 and one came back: two fifths, a fifth, and a fifth net."""
    found = asked((1, 2), (1, 2), (2, 1), (1, 1), (2, 2)).flows("role", waves=(1, 2))
    assert row(found, "flow_share", value="1>2")["estimate"] == pytest.approx(2 / 5)
    assert row(found, "flow_in", value="2")["estimate"] == pytest.approx(2 / 5)
    assert row(found, "flow_out", value="2")["estimate"] == pytest.approx(1 / 5)
    assert row(found, "flow_net", value="2")["estimate"] == pytest.approx(1 / 5)


def test_homogeneity_of_two_categories_is_the_square_of_net_over_its_error():
    """With two categories Wald's F is (net / se) squared on 1 and d degrees of freedom."""
    from scipy import stats

    people = asked(*[(1, 2)] * 9, *[(2, 1)] * 4, *[(1, 1)] * 10, *[(2, 2)] * 7)
    net = row(people.flows("role", waves=(1, 2)), "flow_net", value="2")
    found = people.independence("role", waves=(1, 2))
    f = (net["estimate"] / net["se"]) ** 2
    assert row(found, "homogeneity_f")["estimate"] == pytest.approx(f, rel=1e-10)
    assert row(found, "homogeneity_p")["estimate"] == pytest.approx(stats.f.sf(f, 1, 29), rel=1e-10)


def test_holms_p_by_hand():
    """Of four the least times four, the next times three, two, one; never below one before it, never above one."""
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02], rel=1e-15)
    assert holm(np.array([0.9, 0.6])).tolist() == [1.0, 1.0]
    assert holm(np.array([0.02])).tolist() == [0.02]
    assert len(holm(np.array([]))) == 0


def of_classes(*paths: tuple[int, ...]) -> pd.DataFrame:
    """Return the person-waves of members with a class, then these roles wave by wave."""
    frame = walks(*(path[1:] for path in paths))
    classes = {f"m{number}": path[0] for number, path in enumerate(paths)}
    return frame.assign(emp_class=frame["member"].map(classes))


def test_tests_of_groups_hold_together_by_holm():
    """Of two classes the lesser p is doubled, the other is at least that; F and what is said of it stay as they are."""
    loose = [(1, 1, 1)] * 9 + [(1, 1, 2)] * 4 + [(1, 2, 1)] * 7 + [(1, 2, 2)] * 8
    people = opened(people_of(of_classes(*loose, *[(2, *path[1:]) for path in loose[2:-2]]), study()))
    plain, both = (people.by("work", simultaneous=each).independence("role", waves=(1, 2)) for each in (False, True))
    for name in ("independence", "homogeneity"):
        f, p = (plain["statistic"] == f"{name}_{each}" for each in "fp")
        low, high = sorted(plain.loc[p, "estimate"])
        assert 0 < low < 0.5
        assert low < high
        assert sorted(both.loc[p, "estimate"]) == pytest.approx([2 * low, max(2 * low, high)], rel=1e-14)
        assert both.loc[p, "method"].tolist() == [f"{each}, Holm over 2" for each in plain.loc[p, "method"]]
        assert both[f].equals(plain[f])


def test_a_hidden_test_moves_no_p_of_another_group():
    """A class of which a cell is hidden has no test, and what is told of the other is as if it were not there."""
    shown = [(1, 1, 1)] * 12 + [(1, 1, 2)] * 11 + [(1, 2, 1)] * 13 + [(1, 2, 2)] * 20
    few = [(2, 1, 1)] * 30 + [(2, 1, 2)] + [(2, 2, 2)] * 30 + [(2, 2, 1)] * 10
    people = people_of(of_classes(*shown, *few), study(disclosure_threshold=10))
    plain, both = (people.by("work", simultaneous=each).independence("role", waves=(1, 2)) for each in (False, True))
    assert plain["status"].tolist() == both["status"].tolist()
    assert (both["status"] == "hidden").any()
    p = both["statistic"].isin(["independence_p", "homogeneity_p"]) & (both["status"] != "hidden")
    assert both.loc[p, "estimate"].tolist() == plain.loc[p, "estimate"].tolist()
    assert both.loc[p, "method"].str.endswith(", Holm over 1").all()


def test_a_life_table_by_hand():
    """Three begin in 1 at the first wave; one moves at once, one after two years, one goes elsewhere."""
    found = asked((1, 2, 2, 2), (1, 1, 2, 2), (1, 1, 3, 3), (3, 1, 1, 1)).hazards("role", source=1, target=2)
    hazard = found[found["statistic"] == "spell_hazard"].set_index("value")["estimate"]
    assert hazard.to_dict() == {"year 1": pytest.approx(1 / 4), "year 2": pytest.approx(1 / 3)}
    survival = found[found["statistic"] == "spell_survival"].set_index("value")["estimate"]
    assert survival.to_dict() == {"year 1": pytest.approx(3 / 4), "year 2": pytest.approx(1 / 2)}
    assert row(found, "pooled_hazard")["estimate"] == pytest.approx(2 / 7)
    assert row(found, "hazard", from_wave=3)["estimate"] == 0
    assert "3 members there when first seen" in row(found, "spell_hazard", value="year 1")["denominator"]
    assert "2 members there when first seen" in row(found, "spell_hazard", value="year 2")["denominator"]


def test_a_wave_that_was_missed_ends_a_spell():
    """Seen in 1, missed, seen in 1 again: the clock begins anew, for nobody knows what was between."""
    found = asked((1, None, 1, 1), (1, 1, 1, 2)).hazards("role", source=1, target=2)
    hazard = found[found["statistic"] == "spell_hazard"].set_index("value")
    assert hazard["n"].to_dict() == {"year 1": 2, "year 2": 1, "year 3": 1}
    assert hazard.loc["year 3", "estimate"] == 1.0


def test_a_clustered_design_of_repeats_is_not_more_evidence():
    """Every member twice in the same PSU: shares and errors as before, in all four questions."""
    paths = [(1, 2, 2), (1, 1, 2), (2, 1, 1), (3, 3, 1), (1, 1, 1), (2, 2, 3), (3, 1, 2), (2, 3, 3)]
    once = walks(*paths)
    twice = pd.concat([once, once.assign(member="copy of " + once["member"])], ignore_index=True)
    one, two = (opened(people_of(frame, study())) for frame in (once, twice))
    for ask in (
        lambda people: people.pooled("role"),
        lambda people: people.flows("role", waves=(1, 2)),
        lambda people: people.hazards("role", source=1, target=2),
    ):
        assert ask(two)["se"].tolist() == pytest.approx(ask(one)["se"].tolist(), rel=1e-9)


@FEW
@given(st.lists(st.tuples(*[st.integers(1, 3)] * 3), min_size=6, max_size=30), st.floats(0.01, 100))
def test_rows_and_cells_add_up_and_order_names_and_scale_change_nothing(paths, factor):
    """Pooled rows and all cells are one, net flows nothing in sum, survival falls; shuffled and scaled all the same."""
    frame = walks(*paths)
    other = frame.sample(frac=1, random_state=len(paths)).assign(weight=factor)
    other["psu"] = "house " + other["psu"]
    before, after = (opened(people_of(each, study())) for each in (frame, other))
    pooled, crossed = before.pooled("role"), before.flows("role", waves=(1, 2))
    rows = pooled.groupby(pooled["value"].str.split(">").str[0])["estimate"].sum()
    assert rows.tolist() == pytest.approx([1.0] * len(rows))
    assert crossed.loc[crossed["statistic"] == "flow_share", "estimate"].sum() == pytest.approx(1.0)
    assert crossed.loc[crossed["statistic"] == "flow_net", "estimate"].sum() == pytest.approx(0.0, abs=1e-12)
    for one, two in ((pooled, after.pooled("role")), (crossed, after.flows("role", waves=(1, 2)))):
        for name in ("estimate", "se"):
            assert two[name].tolist() == pytest.approx(one[name].tolist(), rel=1e-8, abs=1e-9)
    if (frame["role"] == 1).any() and (frame.loc[frame["wave"] < 3, "role"] == 1).any():
        told = before.hazards("role", source=1, target=2)
        lived = told.loc[told["statistic"] == "spell_survival", "estimate"].to_numpy(float)
        assert (np.diff(lived) <= 1e-12).all()


def test_survival_after_a_hidden_hazard_is_hidden():
    """The second year of the spell is of nine members: its hazard goes, and the survival that would tell it."""
    paths = [(1, 1, 1, 1)] * 5 + [(1, 1, 2, 2)] * 4 + [(1, 2, 2, 2)] * 20
    found = guarded(*paths).hazards("role", source=1, target=2)
    status = found.set_index(["statistic", "value"])["status"]
    assert status[("spell_survival", "year 1")] == "final"
    assert set(status[[("spell_hazard", "year 2"), ("spell_survival", "year 2")]]) == {"hidden"}
    words = found.loc[found["status"] == "hidden", "denominator"]
    assert words.str.contains("some members there when first seen, some steps of 1 year").any()
    assert not words.str.contains(r"\d+ (?:steps|members)").any()


def test_what_the_table_hides_flows_and_tests_do_not_tell():
    """One member went from 1 to 2: no cell, side or test of the group tells so."""
    people = guarded(*[(1, 1)] * 20, (1, 2), *[(2, 2)] * 20, *[(2, 1)] * 6)
    cells = people.transitions("role", waves=(1, 2))
    assert set(cells.loc[cells["value"] == "1>2", "status"]) == {"hidden"}
    found = people.flows("role", waves=(1, 2))
    assert set(found.loc[found["value"].isin(["1>2"]), "status"]) == {"hidden"}
    assert set(found.loc[found["statistic"].isin(["flow_in", "flow_out", "flow_net"]), "status"]) == {"hidden"}
    assert set(people.independence("role", waves=(1, 2))["status"]) == {"hidden"}


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda people: people.pooled("roel"), UnknownVariable, "roel"),
        (lambda people: people.flows("role", waves=(1, 3)), EstimateError, "Nobody in these groups answered 'role'"),
        (lambda people: people.hazards("role", source=1, target=1), EstimateError, "none of them both"),
        (lambda people: people.hazards("role", source=3, target=1), EstimateError, "Nobody in these groups has 'role'"),
        (lambda people: people.by("work").where(role=3).pooled("role"), EstimateError, "both ends of a step of 1 year"),
    ],
    ids=["no such variable", "a wave nobody answered", "no move", "nobody at risk", "an empty domain"],
)  # fmt: skip
def test_what_cannot_be_told_is_a_sentence(ask, error, said):
    """Never an empty table, never a NaN: an error that names what is missing."""
    frame = walks((1, 2, 1), (2, 2, 2), (1, 1, 2))
    frame["role"] = frame["role"].astype("Int64").mask(frame["wave"] == 3)
    people = people_of(frame, study(disclosure_threshold=1))
    with pytest.raises(error, match=said):
        ask(people)


def test_a_single_psu_is_refused():
    """All in one PSU: no error can be told, and that is said."""
    people = people_of(walks((1, 2, 2), (2, 2, 1), psu="one"), study(disclosure_threshold=1))
    with pytest.raises(EstimateError, match="single PSU"):
        people.pooled("role")


def test_a_year_of_a_spell_is_not_taken_for_an_answer():
    """A person reads "year 1", not the label of code 1."""
    people = asked(*[(1, 2, 2)] * 5, *[(1, 1, 2)] * 5)
    found = people.hazards("role", source=1, target=2)
    spell = next(each for each in sections(found, people.release.study) if "spell_hazard" in each.title)
    assert spell.rows["answer"].tolist() == ["year 1", "year 2"]
