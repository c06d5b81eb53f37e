"""What must hold of every verb of the panel, whatever its members say: parts add up, order and names mean nothing."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.analysis import Panel, Term
from tests.unit.panel_factory import opened, people_of, study

SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=2, deadline=None)
YEARS = (2025, 2026, 2027)
PAIR = (1, 2)
TERMS = {str(wave): Term(variable="profit", wave=wave) for wave in PAIR}
AMOUNTS: dict[str, Callable[[Panel], pd.DataFrame]] = {
    "mean": lambda people: people.mean("profit"),
    "median": lambda people: people.median("profit"),
    "quantile": lambda people: people.quantile("profit", p=0.3, waves=PAIR),
    "inequality": lambda people: people.inequality("profit", waves=PAIR),
    "change": lambda people: people.change("profit", waves=PAIR),
    "year on year": lambda people: people.year_on_year("profit"),
    "balanced": lambda people: people.balanced("profit"),
    "composite": lambda people: people.composite("profit", waves=PAIR),
    "chained": lambda people: people.chained("profit", waves=(1, 3)),
    "individual": lambda people: people.individual("profit", waves=PAIR),
    "thresholds": lambda people: people.thresholds("profit", waves=PAIR, beyond=0.1),
    "ranks": lambda people: people.ranks("profit", waves=PAIR, parts=3),
    "dynamics": lambda people: people.dynamics("profit", waves=PAIR, in_real_terms=False),
    "decomposition": lambda people: people.decomposition("profit", waves=PAIR),
    "contrast": lambda people: people.contrast(lambda v: v[1] - v[0], TERMS, name="rise", unit="EUR"),
    "gap": lambda people: people.by("work").gap("profit", groups=("zzp", "employee"), waves=PAIR),
    "event study": lambda people: people.by("work").event_study("profit", groups=("zzp", "employee")),
    "event study of everybody": lambda people: people.by("work").event_study(
        "profit", groups=("zzp", "employee"), member_effects=False
    ),
    "regression": lambda people: people.by("work").regression("profit", covariates=["role"], waves=PAIR),
}
ANSWERS: dict[str, Callable[[Panel], pd.DataFrame]] = {
    "share": lambda people: people.share("role", codes=[1]),
    "balance": lambda people: people.balance("role", positive=[1], negative=[3], waves=PAIR),
    "transitions": lambda people: people.transitions("role", waves=PAIR),
    "mobility": lambda people: people.mobility("role", waves=PAIR),
    "corrected": lambda people: people.corrected("role", waves=PAIR, slips=0.001),
    "pooled": lambda people: people.pooled("role"),
    "repeated": lambda people: people.repeated("role", waves=(1, 3)),
    "flows": lambda people: people.flows("role", waves=PAIR),
    "independence": lambda people: people.independence("role", waves=PAIR),
    "hazards": lambda people: people.hazards("role", source=1, target=2),
    "hazard model": lambda people: people.hazard_model("role", source=1, target=(2, 3), baseline="wave"),
}
VERBS = AMOUNTS | ANSWERS
IN_MONEY = ("EUR",)


def drawn(seed: int, members: int = 48) -> pd.DataFrame:
    """Return three waves of members who stay, come, leave, change class and role by chance, two to a household."""
    draw = np.random.default_rng(seed)
    rows = []
    for member in range(members):
        income = float(draw.lognormal(10, 0.5))
        for wave in (1, 2, 3):
            if member > 11 and draw.random() < 0.2:
                continue
            income *= float(draw.lognormal(0, 0.1))
            work, role = (member % 2 + 1, member % 3 + 1) if member < 12 else draw.integers(1, 4, 2)
            rows.append((member, wave, work, role, income, draw.uniform(0.5, 3), f"s{member % 2}", member // 2))
    frame = pd.DataFrame(rows, columns=["member", "wave", "emp_class", "role", "profit", "weight", "stratum", "psu"])
    return frame.assign(psu=frame["stratum"] + "h" + frame["psu"].astype(str), member="m" + frame["member"].astype(str))


def asked(frame: pd.DataFrame, verb: str) -> pd.DataFrame:
    """Return what a verb answers, nothing hidden, in an order of its own."""
    found = VERBS[verb](opened(people_of(frame, study(YEARS, disclosure_threshold=1))))
    keys = ["indicator", "statistic", "value", "group", "from_wave", "wave"]
    shown = found[found["status"] != "hidden"]
    return shown.sort_values(keys).set_index(keys)[["estimate", "se", "unit", "n"]]


def same(one: pd.DataFrame, two: pd.DataFrame, factor: np.ndarray | float = 1.0) -> None:
    """Hold two answers against each other: the same figures, the second times a factor."""
    assert two.index.equals(one.index)
    for name in ("estimate", "se"):
        left, right = (each[name].to_numpy(float, na_value=np.nan) for each in (one, two))
        scale = np.nanmax(np.abs(left * factor)) if np.isfinite(left).any() else 1.0
        assert right == pytest.approx(left * factor, rel=1e-7, abs=1e-8 * scale, nan_ok=True)


@pytest.mark.parametrize("verb", VERBS)
@FEW
@given(seed=SEEDS)
def test_the_order_of_rows_and_the_names_of_psus_change_nothing(verb, seed):
    """Shuffled, members, PSUs and strata called otherwise: every figure and error of every verb is the same."""
    frame = drawn(seed)
    other = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    other = other.assign(
        psu="house " + other["psu"], stratum="region " + other["stratum"], member="z" + other["member"]
    )
    same(asked(frame, verb), asked(other, verb))


@pytest.mark.parametrize("verb", AMOUNTS)
@FEW
@given(seed=SEEDS, factor=st.sampled_from([0.01, 12.5, 1000.0]))
def test_scaling_incomes_scales_estimates(verb, seed, factor):
    """Amounts in other money: estimates in money and their errors are in that money, shares and ratios the same."""
    frame = drawn(seed)
    one, two = asked(frame, verb), asked(frame.assign(profit=frame["profit"] * factor), verb)
    same(one, two, np.where(one["unit"].isin(IN_MONEY), factor, 1.0))


@pytest.mark.parametrize("verb", VERBS)
@FEW
@given(seed=SEEDS)
def test_the_scale_of_weights_changes_nothing(verb, seed):
    """Weights that add up to the population or to the sample: every figure is the same."""
    frame = drawn(seed)
    same(asked(frame, verb), asked(frame.assign(weight=frame["weight"] * 250), verb))


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"median", "quantile", "individual", "change", "dynamics"}))
@FEW
@given(seed=SEEDS)
def test_people_said_twice_in_their_psu_do_not_shrink_the_error(verb, seed):
    """A copy of every member in the same PSU is no more evidence; quantiles step, so they have a test of their own."""
    frame = drawn(seed)
    twice = pd.concat([frame, frame.assign(member="copy of " + frame["member"])], ignore_index=True)
    one, two = asked(frame, verb), asked(twice, verb)
    both = one.index.intersection(two.index)  # of twice as many members less is hidden
    same(one.loc[both], two.loc[both])


@FEW
@given(seed=SEEDS)
def test_stayers_entrants_leavers_and_switchers_are_the_net_change(seed):
    """For everybody and for every class: the parts of a net change add up to it."""
    people = opened(people_of(drawn(seed), study(YEARS)))
    for found in (people.decomposition("profit", waves=PAIR), people.by("work").decomposition("profit", waves=PAIR)):
        parts = found[found["statistic"].str.startswith("change_by_")].groupby("group")["estimate"].sum()
        net = found[found["statistic"] == "change"].set_index("group")["estimate"]
        assert parts.to_dict() == pytest.approx(net.to_dict(), rel=1e-9, abs=1e-6)


@FEW
@given(seed=SEEDS)
def test_rows_of_from_to_tables_and_cells_of_flows_are_one(seed):
    """By class and role: whoever was somewhere is somewhere now."""
    people = opened(people_of(drawn(seed), study(YEARS))).by("work")
    for table in (people.transitions("role", waves=PAIR), people.pooled("role")):
        rows = table.assign(source=table["value"].str.split(">").str[0]).groupby(["group", "source"])["estimate"].sum()
        assert rows.to_numpy(float) == pytest.approx(1.0)
    cells = people.flows("role", waves=PAIR)
    whole = cells[cells["statistic"] == "flow_share"].groupby("group")["estimate"].sum()
    assert whole.to_numpy(float) == pytest.approx(1.0)
    net = cells[cells["statistic"] == "flow_net"].groupby("group")["estimate"].sum()
    assert net.to_numpy(float) == pytest.approx(0.0, abs=1e-10)


@FEW
@given(seed=SEEDS, much=st.floats(-1e5, 1e5))
def test_an_amount_added_to_a_member_moves_nothing_within_members(seed, much):
    """A constant of each member's own, in every wave: event studies and regressions with effects do not see it."""
    frame = drawn(seed)
    own = frame["member"].str.removeprefix("m").astype(int) * much
    for verb in ("event study", "regression"):
        same(asked(frame, verb), asked(frame.assign(profit=frame["profit"] + own), verb))
