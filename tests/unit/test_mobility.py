"""How much movement there is: by hand, by R's row shares, and by the laws of the index."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.errors import EstimateError
from panel.estimate import Label, Pair, Sample, everybody, mobility, to_frame, transitions
from panel.estimate.estimators import mean
from panel.schema import PERSON_WAVES, WEIGHTS
from tests.unit.oracle_samples import BESIDE, EXACT, data, expected, near
from tests.unit.test_decomposition import STUDY

FEW = settings(max_examples=20, deadline=None)
LABEL = Label(indicator="emp_class", variable="emp_class", domain=None, group="all", denominator="all", unit="share")


def pair_of(frame: pd.DataFrame) -> Pair:
    """Return the pair of waves 1 and 2: member, wave, emp_class, weight, stratum, psu; the weight is wave 1's."""
    both = frame[frame["wave"].isin((1, 2))]
    first = both[both["wave"] == 1].set_index("member")["weight"]
    second = both[both["wave"] == 2].set_index("member")
    shared = first[first.index.isin(second.index)].reset_index()
    cross = both[["member", "wave", "weight"]].assign(kind="cross-sectional", waves=both["wave"].astype("str"))
    kept = shared.assign(kind="longitudinal", waves="1-2", wave=2)
    weights = WEIGHTS.coerce(pd.concat([cross, kept], ignore_index=True).assign(design_weight=0.0))
    panel = PERSON_WAVES.coerce(frame.drop(columns="weight").assign(cohort=1), STUDY.variables)
    own = weights[weights["kind"] == "cross-sectional"]
    sample = Sample(STUDY, panel, own, label="cross-sectional", keys=("member", "wave"))
    return Pair.of(sample, weights, (1, 2))


def moves(steps: list[tuple[int | None, int | None]], weight: float = 1.0, *, psu: str | None = None) -> pd.DataFrame:
    """Return the person-waves of members who went from one class to another."""
    rows = [
        (f"m{number}", wave, step[wave - 1], weight, "s", psu or f"p{number}")
        for number, step in enumerate(steps)
        for wave in (1, 2)
    ]
    frame = pd.DataFrame(rows, columns=["member", "wave", "emp_class", "weight", "stratum", "psu"])
    return frame.astype({"member": "str", "stratum": "str", "psu": "str"})


def told(pair: Pair) -> pd.DataFrame:
    """Return the figures of everybody by statistic."""
    found = mobility(pair, [LABEL], "emp_class", everybody(pair.now), method="model-assisted")
    return to_frame(found).set_index("statistic")


def test_mobility_is_that_of_arithmetic():
    """Of three in one class one moves, of two in another one: two of five, and (2 - 2/3 - 1/2) / 1."""
    found = told(pair_of(moves([(1, 1), (1, 1), (1, 2), (2, 2), (2, 1)])))
    assert found.loc["moved_share", "estimate"] == pytest.approx(2 / 5)
    assert found.loc["mobility", "estimate"] == pytest.approx(2 - 2 / 3 - 1 / 2)
    assert found["n"].tolist() == [5, 5]


@pytest.mark.parametrize(
    ("steps", "index"),
    [([(1, 1), (2, 2), (3, 3)] * 2, 0.0), ([(1, 1), (1, 2), (2, 1), (2, 2)], 1.0), ([(1, 2), (2, 1)] * 2, 2.0)],
    ids=["nobody moves", "the end does not depend on the beginning", "everybody moves"],
)
def test_the_index_has_the_values_that_name_it(steps, index):
    """Nobody moves: 0; where one ends does not depend on where one began: 1."""
    assert told(pair_of(moves(steps))).loc["mobility", "estimate"] == pytest.approx(index)


def test_one_category_has_no_index():
    """All began in one class: the share that moved is told, an index is not."""
    assert told(pair_of(moves([(1, 1), (1, 2), (1, 1)]))).index.tolist() == ["moved_share"]


@pytest.mark.shared
@BESIDE[1]
def test_the_index_is_made_of_the_row_shares_of_the_oracle():
    """o07: three less the shares that stayed, over two; its error by the joint covariance of those three shares."""
    raw, wanted = data("panel_small"), expected("o07")
    roles = {"creator": 1, "mixed": 2, "executor": 3}
    frame = raw.assign(emp_class=raw["role"].map(roles)).rename(columns={"w": "weight", "hh": "psu", "id": "member"})
    frame = frame.astype({"member": "str", "psu": "str", "stratum": "str"})
    pair = pair_of(frame[["member", "wave", "emp_class", "weight", "stratum", "psu"]])
    found = told(pair)
    kept = [wanted["row_props"][f"{role}:role_2{role}"]["est"] for role in roles]
    assert found.loc["mobility", "estimate"] == near((3 - sum(kept)) / 2, rel=EXACT)
    first, second = (each.need("emp_class").to_numpy(int) for each in (pair.now, pair.then))
    stayed = [mean((second == code).astype(float), pair.now.weight, first == code) for code in roles.values()]
    matrix = pair.now.covariance(*(each.linear for each in stayed))
    assert found.loc["mobility", "se"] == near(np.sqrt(matrix.sum()) / 2, rel=EXACT)
    assert found.loc["moved_share", "n"] == wanted["n"]


@FEW
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=6, max_size=40), st.floats(0.01, 100))
def test_rows_of_the_table_add_up_and_order_and_scale_change_nothing(steps, factor):
    """For any moves: every row of the from-to table is one; shuffled and under other weights all is the same."""
    pair = pair_of(moves(steps))
    cells = to_frame(transitions(pair, [LABEL], "emp_class", everybody(pair.now), method="model-assisted"))
    rows = cells.groupby(cells["value"].str.split(">").str[0])["estimate"].sum()
    assert rows.tolist() == pytest.approx([1.0] * len(rows))
    before = told(pair)
    frame = moves(steps, factor).sample(frac=1, random_state=len(steps))
    after = told(pair_of(frame.assign(psu="house " + frame["psu"])))
    assert after.index.tolist() == before.index.tolist()
    for name in ("estimate", "se"):
        assert after[name].tolist() == pytest.approx(before[name].tolist(), rel=1e-8, abs=1e-10)


def test_people_said_twice_in_their_psu_do_not_shrink_the_error():
    """A copy of every member in the same PSU is no more evidence."""
    frame = moves([(1, 1), (1, 1), (1, 2), (2, 2), (2, 1), (2, 3), (3, 3)])
    twice = pd.concat([frame, frame.assign(member="copy of " + frame["member"])], ignore_index=True)
    before, after = told(pair_of(frame)), told(pair_of(twice))
    assert after["se"].tolist() == pytest.approx(before["se"].tolist(), rel=1e-9)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (moves([(1, None), (2, None)]), "Nobody in these groups answered 'emp_class' in both waves 1 and 2"),
        (moves([(1, 2), (2, 1)], 0.0), "Nobody in these groups"),
        (moves([(1, 2), (2, 1)], psu="one"), "single PSU"),
        (moves([(1, 2), (2, 1)])[lambda each: each["wave"] == 1], "no longitudinal weight"),
    ],
    ids=["no answers", "zero weights", "single PSU", "a wave nobody shares"],
)
def test_what_cannot_be_told_is_a_sentence(frame, said):
    """Never a NaN: an error that names what is missing."""
    with pytest.raises(EstimateError, match=said):
        told(pair_of(frame))
