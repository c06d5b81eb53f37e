"""The language of routes, checks and derived variables, over frames."""

from __future__ import annotations

import pandas as pd
import pytest

from panel.errors import DefinitionError, UnknownVariable
from panel.evaluate import evaluate, holds
from panel.model.expression import parse
from panel.schema import REASON_DTYPE, reason_column

NA = None
FRAME = pd.DataFrame(
    {
        "i": pd.array([1, NA, 3, 0], "Int64"),
        "j": pd.array([NA, 2, 3, 0], "Int64"),
        "f": pd.array([1.5, NA, 0.0, -2.0], "Float64"),
        "s": pd.array(["a", NA, "b", ""], "str"),
        "none": pd.array([NA] * 4, "str"),
        reason_column("i"): pd.Categorical(["", "refused", "", ""], dtype=REASON_DTYPE),
    },
    index=[7, 5, 3, 1],
)


def value(text: str, frame: pd.DataFrame = FRAME, **extra: object) -> list[object]:
    """Return the value of an expression for every row, None where it is missing."""
    result = evaluate(parse(text), frame, extra)
    assert result.index.equals(frame.index)
    return [None if pd.isna(each) else each for each in result]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i == 1", [True, NA, False, False]), ("i != 1", [False, NA, True, True]), ("i > j", [NA, NA, False, False]),
        ("1 < i <= 3", [False, NA, True, False]), ("f < i", [False, NA, True, True]),
        ("s == 'a'", [True, NA, False, False]),
        ("s < 'b'", [True, NA, False, True]), ("i in (1, 3)", [True, NA, True, False]),
        ("i not in (1, 3)", [False, NA, False, True]), ("s in ('a', 'c')", [True, NA, False, False]),
        ("i in (1)", [True, NA, False, False]), ("i in (j, 1)", [True, NA, True, True]),
        ("i in (j, 9)", [NA, NA, True, True]), ("i not in (j, 9)", [NA, NA, False, False]),
        ("i is null", [False, True, False, False]), ("i is not null", [True, False, True, True]),
        ("i + j is null", [True, True, False, False]), ("reason(i) == 'refused'", [False, True, False, False]),
        ("reason(i) == ''", [True, False, True, True]),
    ],
)  # fmt: skip
def test_a_comparison_with_what_is_missing_is_missing(text, expected):
    """Only `is null` and `reason` answer about a missing value; every other comparison is then missing."""
    assert value(text) == expected


KLEENE = pd.DataFrame({"p": pd.array([1, 1, 1, 0, 0, 0, NA, NA, NA], "Int64"), "q": pd.array([1, 0, NA] * 3, "Int64")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p == 1 and q == 1", [True, False, NA, False, False, False, NA, False, NA]),
        ("p == 1 or q == 1", [True, True, True, True, False, NA, True, NA, NA]),
        ("not p == 1", [False, False, False, True, True, True, NA, NA, NA]),
        ("p == 1 and q == 1 and p == 1", [True, False, NA, False, False, False, NA, False, NA]),
    ],
)
def test_logic_has_three_values(text, expected):
    """Kleene's tables (1952, section 64): false and unknown is false, true or unknown is true."""
    assert value(text, KLEENE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i + f", [2.5, NA, 3.0, -2.0]), ("i - 1", [0.0, NA, 2.0, -1.0]), ("i * f", [1.5, NA, 0.0, 0.0]),
        ("f / i", [1.5, NA, 0.0, NA]), ("1 / 0", [NA] * 4), ("-f", [-1.5, NA, 0.0, 2.0]), ("-3", [-3] * 4),
        ("i + null", [NA] * 4), ("null", [NA] * 4), ("2 + 3 * 4", [14.0] * 4), ("(2 + 3) * 4", [20.0] * 4),
        ("total(i, j)", [1.0, 2.0, 6.0, 0.0]), ("total(i, f, 1)", [3.5, 1.0, 4.0, -1.0]),
        ("total(i)", [1.0, NA, 3.0, 0.0]), ("lowest(i, f)", [1.0, NA, 0.0, -2.0]),
        ("highest(i, j)", [1.0, 2.0, 3.0, 0.0]),
        ("first_known(j, f)", [1.5, 2.0, 3.0, 0.0]), ("first_known(none, s)", ["a", NA, "b", ""]),
        ("i if f > 0 else j", [1.0, NA, 3.0, 0.0]), ("null if i == 1 else i", [NA, NA, 3.0, 0.0]),
        ("'x' if i == 1 else s", ["x", NA, "b", ""]), ("1 if i == 1 else 2 if i == 3 else 3", [1.0, NA, 2.0, 3.0]),
        ("s", ["a", NA, "b", ""]), ("3", [3] * 4),
    ],
)  # fmt: skip
def test_arithmetic_leaves_what_is_missing_missing(text, expected):
    """A sum with a missing part is missing, save by `total`; a division by zero is missing too."""
    assert value(text) == expected


def test_other_names_may_be_given():
    """`wave_year` is one number for all rows, or one a row."""
    assert value("wave_year - i", wave_year=2026) == [2025.0, NA, 2023.0, 2026.0]
    by_row = pd.Series([1, 2, 3, 4], index=FRAME.index)
    assert value("wave_year - i", wave_year=by_row) == [0.0, NA, 0.0, 4.0]


def test_a_column_goes_before_a_name_that_is_given():
    """What respondents said is not hidden by a constant of the same name."""
    assert value("i", i=9) == [1, NA, 3, 0]


def test_what_is_missing_does_not_hold():
    """A condition that is missing is false where somebody must act on it."""
    assert holds(parse("i == 1 or j == 2"), FRAME).tolist() == [True, True, False, False]
    assert holds(parse("i > 0"), FRAME).tolist() == [True, False, True, False]
    assert holds(parse("null"), FRAME).tolist() == [False] * 4


def test_an_empty_frame_has_an_empty_answer():
    """No rows in, no rows out."""
    assert value("i + 1 > 2 and s in ('a', 'b')", FRAME.iloc[:0]) == []


def test_the_frame_is_not_touched():
    """Evaluation changes nothing in its input."""
    before = FRAME.copy(deep=True)
    value("-(f if i == 1 else j) + total(i, j)")
    pd.testing.assert_frame_equal(FRAME, before)


def test_an_unknown_name_is_answered_with_the_nearest():
    """The frame's columns and the names given are what there is."""
    with pytest.raises(UnknownVariable, match="no variable 'wave_yaer'") as caught:
        evaluate(parse("wave_yaer + 1"), FRAME, {"wave_year": 2026})
    assert "wave_year" in caught.value.fix


@pytest.mark.parametrize("text", ["s + 1", "s > 1", "i and s", "-s", "total(s, i)", "'a' if i else 'b'"])
def test_a_text_is_no_number_and_no_truth(text):
    """What cannot be computed is a fault of the definition, and the message holds no answer."""
    frame = FRAME.assign(s=pd.array(["secret"] * 4, "str"), i=pd.array([1, NA, 3, 0], "Int64"))
    with pytest.raises(DefinitionError) as caught:
        evaluate(parse(text), frame)
    assert "secret" not in str(caught.value)


def test_a_number_is_no_condition():
    """A condition must be true or false; 3 is neither."""
    with pytest.raises(DefinitionError, match="is not a condition"):
        holds(parse("i + 1"), FRAME)


def test_a_reason_needs_its_column():
    """`reason(x)` is about a variable whose reasons stand beside it."""
    with pytest.raises(UnknownVariable, match="no reason column of 'j'"):
        value("reason(j) == ''")
