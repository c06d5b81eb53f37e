import pandas as pd
import pytest

from panel.harmonise import derive, hold_cells, with_sources
from panel.schema import HELD, REASON_DTYPE
from tests import factories as given


@pytest.fixture
def panel():
    """Return two members in two waves: one on own account, one employed."""
    of = given.STUDY
    merge = given.merged(
        {
            1: "member | wave | job | profit | born\na | 1 | 1 | 500 | 1980\nb | 1 | 1 | 300 | 1990",
            2: "member | wave | job | profit | born\na | 2 | 1 | 600 | 1980\nb | 2 | 1 | 200 | 1990",
        },
        of=of,
    )
    return pd.concat(list(merge.person_waves.values()), ignore_index=True)


def held(member, wave, variable):
    """Return one held cell."""
    cell = {"wave": wave, "member": member, "variable": variable, "check": "c", "reason": "r"}
    return HELD.coerce(pd.DataFrame([cell]))


def told(frame, name):
    """Return a variable by member and wave, or why it is missing."""
    rows = frame.sort_values(["wave", "member"])
    values = zip(rows["wave"], rows[name], rows[f"{name}__missing"], strict=True)
    return [(int(wave), str(reason) if pd.isna(value) else float(value)) for wave, value, reason in values]


def test_a_held_cell_is_missing_and_what_derives_from_it_too(panel):
    """The cell and its derived variable are invalid in that person-wave, and stay everywhere else."""
    first = panel["member"][0]
    before = panel.copy(deep=True)
    clean = hold_cells(panel, held(first, 2, "profit"), given.STUDY)
    assert told(clean, "profit") == [(1, 500.0), (1, 300.0), (2, "invalid"), (2, 200.0)]
    assert told(clean, "income") == [(1, 500.0), (1, 300.0), (2, "invalid"), (2, 200.0)]
    assert told(clean, "age") == told(panel, "age")
    pd.testing.assert_frame_equal(panel, before)


def test_a_few_columns_are_held_like_all(panel):
    """Reading only a derived variable and its sources gives what reading everything gives."""
    cell = held(panel["member"][0], 2, "profit")
    few = with_sources(given.STUDY, ["income"])
    assert few == ["income", "profit", "wage"]
    names = ["member", "wave", *few, *(f"{name}__missing" for name in few)]
    whole, part = (hold_cells(frame, cell, given.STUDY) for frame in (panel, panel[names]))
    pd.testing.assert_frame_equal(whole[names], part)


def test_cells_of_nobody_change_nothing(panel):
    """A held cell of a member or wave that is not in the frame leaves it as it is."""
    pd.testing.assert_frame_equal(hold_cells(panel, held("nobody", 1, "profit"), given.STUDY), panel)


def test_a_derived_variable_is_missing_for_the_first_reason_that_is_not_the_route(panel):
    """Not applicable where that holds for all sources, else the reason of the first other source."""
    one = panel[panel["wave"] == 1].copy()
    one["profit"] = pd.array([pd.NA, pd.NA], dtype=one["profit"].dtype)
    one["wage__missing"] = pd.Categorical(["not_applicable"] * 2, dtype=REASON_DTYPE)
    one["profit__missing"] = pd.Categorical(["refused", "not_applicable"], dtype=REASON_DTYPE)
    fresh = derive(one, given.STUDY.instruments[0], wave_year=2025)
    assert sorted(fresh["income__missing"].astype("str")) == ["not_applicable", "refused"]
