from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from panel.publish import FolderPublisher
from panel.publish.digest import canonical, table_hash
from tests.unit import release_factory as made

CELLS = st.one_of(st.none(), st.text(max_size=4))
ROWS = st.lists(
    st.tuples(st.integers(0, 5), CELLS, st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)))
)


def frame(rows: list[tuple[int, str | None, float | None]]) -> pd.DataFrame:
    """Return rows as a frame of a key, a text and a number."""
    return pd.DataFrame(rows, columns=["key", "text", "number"]).astype(
        {"key": "Int64", "text": "str", "number": "Float64"}
    )


def digest(**overrides: object) -> str:
    """Return the digest of the hand-made release with something replaced."""
    return FolderPublisher().digest(made.content(**overrides))


@settings(max_examples=60, deadline=None)
@drawn(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_does_not_count(rows: list[tuple[int, str | None, float | None]], random) -> None:
    """However the rows lie, also where the key repeats, and whatever the index, the hash is the same."""
    shuffled = list(rows)
    random.shuffle(shuffled)
    other = frame(shuffled)[["number", "key", "text"]]
    other.index = pd.Index(range(7, 7 + len(other)))
    assert table_hash(frame(rows), ["key"], digits=12) == table_hash(other, ["key"], digits=12)


@settings(max_examples=60, deadline=None)
@drawn(CELLS, CELLS)
def test_different_texts_have_different_canonical_texts(one: str | None, other: str | None) -> None:
    """Null, "", "null" and texts with quotes or separators in them never run into each other."""
    assert (canonical(one, 12) == canonical(other, 12)) == (one == other)


def test_cells_do_not_run_into_their_neighbours() -> None:
    """What stands in one column cannot be pushed into the next by a separator in the text."""
    one = pd.DataFrame({"a": ["x\x1f", "y"], "b": ["z", ""]})
    other = pd.DataFrame({"a": ["x", "y"], "b": ["\x1fz", ""]})
    assert table_hash(one, ["a"], digits=12) != table_hash(other, ["a"], digits=12)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (3, 12, "3"), (3.0, 12, "3"), (True, 12, "true"), (None, 12, "null"), (float("nan"), 12, "null"),
        (pd.NA, 12, "null"),
        (0.1 + 0.2, 12, "0.3"), (1 / 3, 9, "0.333333333"), (1e-17, 9, "0"), (-0.0, 9, "0"), ("3", 12, '"3"'),
        (2.0000000000001, 9, "2"), (12345678.912, 12, "12345678.912"),
    ],
)  # fmt: skip
def test_a_cell_has_one_text(value: object, digits: int, text: str) -> None:
    """Integers and floats of one value, and noise in the last bits, have one canonical text."""
    assert canonical(value, digits) == text


def test_dtypes_do_not_count() -> None:
    """A database that gives floats for whole numbers, or objects for text, gives the same hash."""
    one = pd.DataFrame({"wave": pd.array([1, 2], "Int64"), "text": pd.array(["a", None], "str")})
    other = pd.DataFrame({"wave": [1.0, 2.0], "text": pd.Series(["a", None], dtype="object")})
    assert table_hash(one, ["wave"], digits=12) == table_hash(other, ["wave"], digits=12)


def test_the_release_does_not_depend_on_how_answers_arrived() -> None:
    """Rows in any order, other delivery ids, rows of deliveries and times of decisions give the same digest."""
    content = made.content()
    other = replace(
        content,
        person_waves=content.person_waves.sample(frac=1, random_state=1),
        tracking=content.tracking.iloc[::-1],
        weights=content.weights.iloc[::-1],
        estimates=content.estimates.iloc[::-1],
        held=content.held.iloc[::-1].assign(delivery="elsewhere", row=77),
        gates=[made.gate(at=datetime(2027, 5, 5, tzinfo=UTC))],
    )
    assert FolderPublisher().digest(other) == FolderPublisher().digest(content)


def test_noise_in_the_last_bits_of_a_figure_does_not_count() -> None:
    """An estimate that differs by 1e-15, as sums in another order do, is the same figure."""
    estimates = made.estimates()
    noisy = estimates.assign(estimate=estimates["estimate"] * (1 + 1e-15), low=estimates["low"] + 1e-16)
    assert digest(estimates=noisy) == digest(estimates=estimates)


def test_whatever_is_said_counts() -> None:
    """An answer, a weight, a figure, a held cell, a verdict, a label, the wave or its being synthetic changes it."""
    content = made.content()
    answer = content.person_waves.assign(role=2)
    weight = content.weights.assign(weight=1.26)
    figure = content.estimates.assign(method="other")
    digests = [
        digest(), digest(person_waves=answer), digest(weights=weight), digest(estimates=figure), digest(gates=[]),
        digest(held=content.held.iloc[:1]), digest(is_synthetic=False), digest(wave=2),
        digest(study=replace(content.study, title=made.both("Anders", "Other"))),
        digest(study=replace(content.study, disclosure_threshold=5)),
    ]  # fmt: skip
    assert len(set(digests)) == len(digests)
