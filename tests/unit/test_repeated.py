"""Yearly moves one after the other, beside those of the whole span: by hand, by moving weights, on made chains."""

import numpy as np
import pandas as pd
import pytest

from panel.analysis import Panel
from panel.errors import EstimateError
from tests.unit.panel_factory import opened, people_of, row, study

ROLES = ((1, 1, 2), (1, 2, 2), (1, 2, 1), (1, 1, 1), (2, 2, 2), (2, 2, 1), (2, 1, 1), (2, 2, 2))
"""Of eight members: what they were in each of three waves."""


def rows_of(roles: np.ndarray, weights: np.ndarray | None = None) -> pd.DataFrame:
    """Return members of these roles, a column a wave; all of one class, each a PSU."""
    count, waves = roles.shape
    held = np.ones(count) if weights is None else weights
    return pd.DataFrame({
        "member": np.repeat([f"m{each:04d}" for each in range(count)], waves),
        "wave": np.tile(np.arange(1, waves + 1), count), "emp_class": 1, "role": roles.ravel(), "profit": 1.0,
        "weight": np.repeat(held, waves), "stratum": "s", "psu": np.repeat(np.arange(count).astype(str), waves),
    })  # fmt: skip


def people(roles: np.ndarray, weights: np.ndarray | None = None) -> Panel:
    """Return the panel of these members, which hides nothing."""
    return opened(people_of(rows_of(roles, weights)))


def test_a_product_by_hand():
    """Half of 1 stay in the first step, three of four in 2; then 2 of 3 in 1, and 3 of 5 in 2: 0.5 2/3 + 0.5 2/5."""
    table = people(np.array(ROLES)).repeated("role", waves=(1, 3))
    product, apart = (row(table, name, value="1>1") for name in ("transition_repeated", "transition_apart"))
    assert product["estimate"] == pytest.approx(0.5 * 2 / 3 + 0.5 * 2 / 5)
    assert apart["estimate"] == pytest.approx(0.5 - (0.5 * 2 / 3 + 0.5 * 2 / 5))
    assert (product["n"], product["from_wave"], product["wave"]) == (3, 1, 3)  # three are in 1 when the second begins
    assert row(table, "transition", value="1>1")["estimate"] == 0.5


def test_rows_add_up_to_one_and_differences_to_nothing():
    """What the steps make of a category is spread over all of them, as what members did is."""
    table = people(np.random.default_rng(1).integers(1, 4, (60, 4))).repeated("role", waves=(1, 4))
    for statistic, whole in (("transition", 1.0), ("transition_repeated", 1.0), ("transition_apart", 0.0)):
        own = table[table["statistic"] == statistic]
        assert own.groupby(own["value"].str[0])["estimate"].sum().to_numpy() == pytest.approx([whole] * 3, abs=1e-12)


def test_the_error_is_that_of_moving_weights():
    """A member who weighs a little more moves every figure as its error says: n / (n - 1) sum (z - mean z)^2."""
    roles, step = np.array(ROLES * 2)[:13], 1e-5
    weights = np.random.default_rng(2).uniform(0.5, 2.0, len(roles))
    table = people(roles, weights).repeated("role", waves=(1, 3))
    moved = []
    for member in range(len(roles)):
        ends = []
        for sign in (1, -1):
            other = weights.copy()
            other[member] *= 1 + sign * step
            ends.append(people(roles, other).repeated("role", waves=(1, 3))["estimate"].to_numpy(dtype=float))
        moved.append((ends[0] - ends[1]) / (2 * step))
    z = np.array(moved)
    wanted = np.sqrt(len(z) / (len(z) - 1) * ((z - z.mean(axis=0)) ** 2).sum(axis=0))
    assert table["se"].to_numpy(dtype=float) == pytest.approx(wanted, rel=1e-6)


def chain(draw: np.random.Generator, count: int, never: float) -> np.ndarray:
    """Return the roles of members over four waves; a share of them never moves, others do in a fifth of the steps."""
    moves = (draw.random((count, 3)) < 0.2) & (draw.random(count) >= never)[:, None]
    begun = draw.integers(0, 2, count)[:, None]
    return 1 + (np.hstack([begun, begun + np.cumsum(moves, axis=1)]) % 2)


def test_a_chain_that_is_one_differs_by_chance_only():
    """The present category alone matters: in 60 samples, 95 % intervals of the difference hold 0 in 51 or more."""
    draw, held = np.random.default_rng(3), 0
    for _ in range(60):
        table = people(chain(draw, 300, 0.0)).repeated("role", waves=(1, 4))
        apart = row(table, "transition_apart", value="1>1")
        held += bool(apart["low"] <= 0 <= apart["high"])
    assert held >= 51


def test_people_who_never_move_are_seen():
    """Where half never move, more are where they began after three years than the steps make expect."""
    apart = row(
        people(chain(np.random.default_rng(4), 3000, 0.5)).repeated("role", waves=(1, 4)),
        "transition_apart",
        value="1>1",
    )
    assert apart["low"] > 0


def test_steps_that_are_not_there_are_a_sentence():
    """Two waves that follow each other have nothing between; a group that a step has nobody of has no product."""
    with pytest.raises(EstimateError, match="No wave lies between 1 and 2"):
        people(np.array(ROLES)).repeated("role", waves=(1, 2))


def test_what_a_table_hides_has_no_product():
    """Where a step hides a cell of everybody's table, no product is shown; the span's own table hides what it would."""
    table = people_of(rows_of(np.array(ROLES * 10)), study(disclosure_threshold=35)).repeated("role", waves=(1, 3))
    assert table.loc[table["statistic"].str.startswith("transition_"), "estimate"].isna().all()
    assert table.loc[table["statistic"] == "transition", "estimate"].notna().any()
