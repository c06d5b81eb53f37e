"""The parts of a net change: by hand, by R's net change, and by the laws they must keep."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.disclose import protect
from panel.errors import EstimateError
from panel.estimate import Amount, Label, Sample, decomposition, everybody, grouping, to_frame
from panel.estimate.decomposition import parts_of_change
from panel.schema import PERSON_WAVES, WEIGHTS
from tests.unit import release_factory
from tests.unit.oracle_samples import BESIDE, EXACT, data, expected, near

STUDY = release_factory.study()
FEW = settings(max_examples=20, deadline=None)
PARTS = ("stayers", "entrants", "leavers", "switchers_in", "switchers_out")
Row = tuple[str, int, int, float | None, float, str]
BY_HAND: list[Row] = [  # member, wave, class, amount, weight, psu
    ("stays", 1, 1, 10.0, 1.0, "a"),
    ("stays", 2, 1, 14.0, 1.0, "a"),
    ("also", 1, 1, 20.0, 1.0, "b"),
    ("also", 2, 1, 22.0, 1.0, "b"),
    ("leaves", 1, 1, 30.0, 2.0, "c"),
    ("comes", 2, 1, 8.0, 2.0, "d"),
    ("goes", 1, 1, 5.0, 1.0, "e"),
    ("goes", 2, 2, 50.0, 1.0, "e"),
    ("joins", 1, 2, 60.0, 1.0, "f"),
    ("joins", 2, 1, 28.0, 1.0, "f"),
    ("silent", 1, 1, None, 1.0, "g"),
    ("silent", 2, 1, 18.0, 1.0, "g"),
]


def sample_of(rows: list[Row]) -> Sample:
    """Return the sample of these person-waves."""
    frame = pd.DataFrame(rows, columns=["member", "wave", "emp_class", "profit", "weight", "psu"])
    weights = frame[["member", "wave", "weight"]].assign(kind="cross-sectional", waves=frame["wave"].astype("str"))
    made = WEIGHTS.coerce(weights.assign(design_weight=0.0))
    panel = PERSON_WAVES.coerce(frame.drop(columns="weight").assign(cohort=1, stratum="s"), STUDY.variables)
    return Sample(STUDY, panel, made, label="cross-sectional", keys=("member", "wave"))


def asked(sample: Sample, factor: float = 1.0) -> Amount:
    """Return the profit in waves 1 and 2."""
    return Amount(variable="profit", values=factor * sample.number("profit"), waves=(1, 2))


def told(sample: Sample, *, by_class: bool = False, factor: float = 1.0) -> pd.DataFrame:
    """Return the figures by group and statistic."""
    groups = grouping(sample, STUDY.domain("work")) if by_class else everybody(sample)
    domain = "work" if by_class else None
    labels = [
        Label(indicator="profit", variable="profit", domain=domain, group=key, denominator=key, unit="EUR")
        for key in groups.keys
    ]
    figures = decomposition(sample, labels, asked(sample, factor), groups, method="model-assisted")
    return to_frame(figures).set_index(["group", "statistic"])


def some_rows(seed: int) -> list[Row]:
    """Return person-waves of thirty members who stay, come, leave, change class and are silent by chance."""
    draw = np.random.default_rng(seed)
    rows: list[Row] = []
    for member in range(30):
        for wave in (1, 2):
            if member > 1 and draw.random() < 0.25:
                continue
            group = 1 if member < 2 else int(draw.integers(1, 3))
            amount = float(draw.normal(100, 30)) if member < 2 or draw.random() < 0.9 else None
            rows.append((f"m{member}", wave, group, amount, float(draw.uniform(0.5, 3)), f"p{member % 15}"))
    return rows


def test_the_parts_are_those_of_arithmetic():
    """Stayers 15 to 18; the rest by how far they lie from those, each by its weight."""
    found = told(sample_of(BY_HAND), by_class=True)
    first = (10 + 20 + 2 * 30 + 5) / 5
    second = (14 + 22 + 2 * 8 + 28 + 18) / 6
    group = found.index[0][0]
    wanted = {
        "change": second - first,
        "change_by_stayers": 18 - 15,
        "change_by_entrants": (2 * (8 - 18) + (18 - 18)) / 6,
        "change_by_leavers": -2 * (30 - 15) / 5,
        "change_by_switchers_in": (28 - 18) / 6,
        "change_by_switchers_out": -(5 - 15) / 5,
    }
    own = found.loc[group]
    assert own["estimate"].to_dict() == pytest.approx(wanted)
    assert own["n"].to_dict() == {
        "change": 4, "change_by_stayers": 2, "change_by_entrants": 2, "change_by_leavers": 1,
        "change_by_switchers_in": 1, "change_by_switchers_out": 1,
    }  # fmt: skip


def test_of_everybody_nobody_changes_group():
    """Who changes class stays in the whole, so a change of everybody has three parts at most."""
    found = told(sample_of(BY_HAND))
    assert [name for _, name in found.index] == [
        "change", "change_by_stayers", "change_by_entrants", "change_by_leavers"
    ]  # fmt: skip


@FEW
@given(st.integers(0, 10_000))
def test_the_parts_add_up_to_the_net_change_and_so_do_their_influences(seed):
    """Whoever stays, comes, leaves or switches: the sum is the difference of two means, for every row's influence."""
    sample = sample_of(some_rows(seed))
    groups, amount = grouping(sample, STUDY.domain("work")), asked(sample)
    found = parts_of_change(sample, amount, groups)
    parts = [each for name, each in found.pieces.items() if name != "change"]
    y, net, pull = amount.values, 0.0, np.zeros(len(sample.wave))
    for wave, sign in ((1, -1), (2, 1)):
        inside = sample.rows(wave) & (groups.codes == 0) & np.isfinite(y)
        level = float(np.average(y[inside], weights=sample.weight[inside]))
        net += sign * level
        pull[inside] += sign * (y[inside] - level) / sample.weight[inside].sum()
    whole = sample.totals(pull)
    assert sum(float(each.value[0]) for each in parts) == pytest.approx(net, abs=1e-10)
    assert found.pieces["change"].value[0] == pytest.approx(net, abs=1e-10)
    moved = [found.strands.influence(0, each.slope, 1).totals for each in (*parts, found.pieces["change"])]
    assert np.sum(moved[:-1], axis=0) == pytest.approx(whole, abs=1e-10)
    assert moved[-1] == pytest.approx(whole, abs=1e-10)


def test_the_influence_of_a_psu_is_how_the_figures_move_with_its_weight():
    """Every PSU a little heavier, then lighter: net change and parts move as its influence says."""
    rows, step = some_rows(4), 1e-5
    sample = sample_of(rows)
    groups = grouping(sample, STUDY.domain("work"))
    found = parts_of_change(sample, asked(sample), groups)
    assert len(found.pieces) == 6
    psus = list(dict.fromkeys(row[5] for row in rows))
    moved = []
    for psu in psus:
        values = []
        for sign in (1, -1):
            other = [(*row[:4], row[4] * (1 + sign * step * (row[5] == psu)), row[5]) for row in rows]
            made = parts_of_change(sample_of(other), asked(sample), groups)
            values.append({name: each.value for name, each in made.pieces.items()})
        moved.append({name: (each - values[1][name]) / (2 * step) for name, each in values[0].items()})
    for name, each in found.pieces.items():
        for place in (0, 1):
            wanted = [by_psu[name][place] for by_psu in moved]
            assert found.strands.influence(place, each.slope, 1).totals == pytest.approx(wanted, rel=1e-5, abs=1e-6)


@FEW
@given(st.integers(0, 10_000), st.floats(0.01, 1000))
def test_order_names_and_scale_change_nothing_else(seed, factor):
    """Rows shuffled, PSUs renamed, amounts in other money: the same figures, in that money."""
    rows = some_rows(seed)
    before = told(sample_of(rows), by_class=True)
    order = np.random.default_rng(seed + 1).permutation(len(rows))
    other = [(*rows[place][:5], f"house {rows[place][5]}") for place in order]
    after = told(sample_of(other), by_class=True, factor=factor).loc[before.index]
    for name in ("estimate", "se", "low", "high"):
        wanted = before[name].to_numpy(float) * factor
        assert after[name].to_numpy(float) == pytest.approx(wanted, rel=1e-7, abs=1e-8 * factor)
    assert after["n"].tolist() == before["n"].tolist()


@FEW
@given(st.integers(0, 10_000))
def test_people_said_twice_in_their_psu_do_not_shrink_the_error(seed):
    """A copy of every member in the same PSU is no more evidence."""
    rows = some_rows(seed)
    twice = rows + [(f"copy of {row[0]}", *row[1:]) for row in rows]
    before, after = told(sample_of(rows), by_class=True), told(sample_of(twice), by_class=True)
    for name in ("estimate", "se"):
        assert after[name].to_numpy(float) == pytest.approx(before[name].to_numpy(float), rel=1e-7, abs=1e-9)


def _nobody_answers() -> list[Row]:
    return [(member, wave, work, None, weight, psu) for member, wave, work, _, weight, psu in BY_HAND]


def _no_weight() -> list[Row]:
    return [(*row[:4], 0.0, row[5]) for row in BY_HAND]


def _nobody_shared() -> list[Row]:
    return [(f"{row[0]} {row[1]}", *row[1:]) for row in BY_HAND]


@pytest.mark.parametrize(
    "rows",
    [_nobody_answers(), _no_weight(), _nobody_shared(), [row for row in BY_HAND if row[1] == 1]],
    ids=["no amounts", "zero weights", "no member in both", "one wave only"],
)
def test_what_has_no_stayers_is_a_sentence(rows):
    """Nobody with amounts in both waves: an error that names variable and waves, never a NaN."""
    with pytest.raises(EstimateError, match="'profit' and a weight in both waves 1 and 2"):
        told(sample_of(rows))


def test_a_single_psu_is_refused():
    """All in one PSU: nothing is known of the error, so there is no figure."""
    with pytest.raises(EstimateError, match="single PSU"):
        told(sample_of([(*row[:5], "one") for row in BY_HAND]))


def test_a_hidden_part_takes_a_second_with_it():
    """One part about too few is hidden, and the smallest of the others, so that the sum does not give it away."""
    rows = {"change": 60, "change_by_stayers": 40, "change_by_entrants": 3, "change_by_leavers": 20}
    found: dict[str, Any] = {
        "indicator": "profit", "statistic": list(rows), "variable": "profit", "group": "all", "from_wave": 1, "wave": 2,
        "estimate": [1.0, 2.0, -3.0, 2.0], "se": 1.0, "low": 0.0, "high": 2.0, "n": list(rows.values()), "n_eff": 30.0,
        "unit": "EUR", "weight": "cross-sectional 1 and 2", "status": "final",
    }  # fmt: skip
    from panel.schema import ESTIMATES

    table = protect(ESTIMATES.coerce(pd.DataFrame(found)), threshold=10)
    assert table["status"].tolist() == ["final", "final", "hidden", "hidden"]
    assert protect(table, threshold=10).equals(table)


@pytest.mark.shared
@BESIDE[1]
@pytest.mark.parametrize("status", ["employee", "hybrid", "zzp"])
def test_the_net_change_is_that_of_the_oracle(status):
    """o05: the net change by class of worker and its standard error, with the parts adding up to it."""
    raw = data("panel_small")
    rows = raw.assign(emp_class=(raw["status"] == status).map({True: 1, False: 2}), profit=raw["income"])
    frame = rows.rename(columns={"w": "weight", "hh": "psu", "id": "member"})
    frame["member"], frame["psu"] = frame["member"].astype("str"), frame["psu"].astype("str")
    sample = _of_frame(frame)
    groups = grouping(sample, STUDY.domain("work"))
    for pair, wanted in expected("o05")["change_income_by_status"][status].items():
        first, second = map(int, pair.split("_"))
        amount = Amount(variable="profit", values=sample.number("profit"), waves=(first, second))
        found = parts_of_change(sample, amount, groups)
        parts = [each for name, each in found.pieces.items() if name != "change"]
        matrix = found.strands.matrix(0, np.stack([each.slope for each in parts]))
        figure = wanted["diff"]["contrast"]
        assert sum(float(each.value[0]) for each in parts) == near(figure["est"], rel=EXACT)
        assert float(np.sqrt(matrix.sum())) == near(figure["se"], rel=EXACT)


def _of_frame(frame: pd.DataFrame) -> Sample:
    weights = frame[["member", "wave", "weight"]].assign(kind="cross-sectional", waves=frame["wave"].astype("str"))
    made = WEIGHTS.coerce(weights.assign(design_weight=0.0))
    names = ["member", "wave", "emp_class", "profit", "psu", "stratum"]
    panel = PERSON_WAVES.coerce(frame[names].assign(cohort=1, stratum=frame["stratum"].astype("str")), STUDY.variables)
    return Sample(STUDY, panel, made, label="cross-sectional", keys=("member", "wave"))
