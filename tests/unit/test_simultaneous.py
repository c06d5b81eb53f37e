"""Intervals that hold together: against Šidák's, the multivariate t of scipy, the laws, and by counting."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from panel.analysis import Panel, Term
from panel.errors import EstimateError
from panel.estimate import Label, to_frame
from panel.estimate.kernel import Design, covariance, t_quantile
from panel.estimate.rows import Figure, Influence
from panel.estimate.simultaneous import alpha, simultaneous
from tests.unit.held_panel import STUDY, members, panel_of, person_waves

FEW = settings(max_examples=15, deadline=None)
PEOPLE = panel_of(person_waves(members(400, 8)))
LEVELS = {str(wave): Term(variable="profit", group="self", wave=wave) for wave in (1, 2)}


def test_one_figure_has_its_ordinary_interval():
    """Nothing to hold together: five in a hundred, to the last digit."""
    assert alpha(np.ones((1, 1)), [7]) == pytest.approx(0.05, abs=1e-15)


def test_figures_that_move_as_one_have_their_ordinary_interval():
    """Five estimates with a correlation of one are one."""
    assert alpha(np.ones((5, 5)), [9] * 5) == pytest.approx(0.05, abs=1e-15)


@pytest.mark.parametrize("count", [2, 5, 12])
def test_independent_figures_have_sidaks(count):
    """1 - 0.95^(1/k), with as good as endless degrees of freedom."""
    assert alpha(np.eye(count), [10**7] * count) == pytest.approx(1 - 0.95 ** (1 / count), rel=0.02)


@pytest.mark.parametrize(("count", "rho", "degrees"), [(3, 0.5, 8), (4, 0.0, 20), (3, -0.3, 5), (5, 0.8, 30)])
def test_the_reach_is_that_of_the_multivariate_t(count, rho, degrees):
    """The box of that reach holds 95 % of scipy's multivariate t."""
    matrix = np.full((count, count), rho) + (1 - rho) * np.eye(count)
    reach = stats.t.isf(alpha(matrix, [degrees] * count) / 2, degrees)
    whole = stats.multivariate_t(shape=matrix, df=degrees, seed=1)
    inside = whole.cdf(np.full(count, reach), lower_limit=np.full(count, -reach))
    assert inside == pytest.approx(0.95, abs=0.002)


@FEW
@given(st.integers(2, 6), st.integers(0, 10_000), st.integers(2, 60))
def test_the_level_lies_between_bonferroni_and_the_ordinary(count, seed, degrees):
    """For any correlation, and the same again: never narrower than by itself, never wider than Bonferroni's."""
    root = np.random.default_rng(seed).normal(size=(count, count + 1))
    matrix = np.corrcoef(root)
    found = alpha(matrix, [degrees] * count)
    assert 0.05 / count <= found <= 0.05 * (1 + 1e-9)
    assert alpha(matrix, [degrees] * count) == found


def figure(value: float, totals: np.ndarray, design: Design, *, unit: str = "EUR", group: str = "all") -> Figure:
    """Return a figure with an interval of its own and its influence."""
    se = float(np.sqrt(len(totals) / (len(totals) - 1) * ((totals - totals.mean()) ** 2).sum()))
    degrees = len(totals) - 1
    reach = t_quantile(degrees) * se
    label = Label(indicator="i", variable="v", domain="d", group=group, denominator="all", unit=unit)
    return Figure(
        label=label, statistic="mean", wave=1, estimate=value, se=se, low=value - reach, high=value + reach, n=50,
        n_eff=50.0, weight="w", method="model-assisted", influence=Influence(totals, design, degrees),
    )  # fmt: skip


def drawn(draw: np.random.Generator, truths: np.ndarray, n: int = 25) -> list[Figure]:
    """Return the means of groups of one sample in which all groups share a part of their chance."""
    shared = draw.normal(size=n)
    design = Design(np.arange(n), np.zeros(n, int), ("",), np.zeros(1))
    out = []
    for place, truth in enumerate(truths):
        y = truth + 0.6 * shared + draw.normal(size=n)
        out.append(figure(float(y.mean()), (y - y.mean()) / n, design, group=str(place)))
    return out


def test_all_hold_ninety_five_times_in_a_hundred():
    """300 samples of 25 in six groups: ordinary intervals all hold in far fewer than 95 %, these in 92 to 98 %."""
    draw, truths = np.random.default_rng(3), np.arange(6.0)
    plain, together = 0, 0
    for _ in range(300):
        found = drawn(draw, truths)
        for count, told in enumerate((found, simultaneous(found))):
            holds = all(each.low <= truth <= each.high for each, truth in zip(told, truths, strict=True))
            plain, together = plain + (holds and count == 0), together + (holds and count == 1)
    assert plain < 260
    assert 276 <= together <= 294


def test_a_figure_without_influence_is_refused_by_name():
    """What has no joint covariance says so."""
    (one,) = drawn(np.random.default_rng(1), np.zeros(1))
    with pytest.raises(EstimateError, match="'mean' have no intervals that hold together"):
        simultaneous([replace(one, influence=None)])


IN_PARTS = {
    "decomposition": lambda people: people.decomposition("profit", waves=(1, 2)),
    "composite": lambda people: people.composite("profit", waves=(1, 2)),
    "chained": lambda people: people.chained("profit", waves=(1, 3)),
    "gap": lambda people: people.gap("profit", groups=("self", "staff"), waves=(1, 2)),
    "gap in medians": lambda people: people.gap("profit", groups=("self", "staff"), waves=(1, 2), middle="median"),
    "everybody's gap": lambda people: replace(people, weight="cross-sectional").gap(
        "profit", groups=("self", "staff"), waves=(1, 2)
    ),
    "contrast": lambda people: people.contrast(lambda v: v[1] / v[0] - 1, LEVELS, name="rise"),
}
MOVES = {
    "pooled": lambda people: people.pooled("role"),
    "flows": lambda people: people.flows("role", waves=(1, 2)),
    "hazards": lambda people: people.hazards("role", source=1, target=2),
}
ASKED = {
    "mean": lambda people: people.mean("profit", wave=1),
    "median": lambda people: people.median("profit", wave=1),
    "share": lambda people: people.share("role", codes=[1], wave=1),
    "gini": lambda people: people.inequality("profit", wave=1),
    "change": lambda people: people.change("profit", waves=(1, 2)),
    "everybody's change": lambda people: replace(people, weight="cross-sectional").change("profit", waves=(1, 2)),
    "dynamics": lambda people: people.dynamics("profit", waves=(1, 2), in_real_terms=False),
    "transitions": lambda people: people.transitions("role", waves=(1, 2)),
    "mobility": lambda people: people.mobility("role", waves=(1, 2)),
    "response": lambda people: people.response(waves=(1, 2)),
    "leavers": lambda people: people.leavers("profit", waves=(1, 2)),
    "bounds": lambda people: people.bounds("role", codes=[1], waves=(1, 2)),
    **IN_PARTS,
    **MOVES,
}


@pytest.mark.parametrize("asked", ASKED)
def test_every_table_of_groups_can_hold_together(asked):
    """Figures, errors and counts stay as they are, intervals are wider, and the method says over how many."""
    plain, wide = (ASKED[asked](PEOPLE.by("work", simultaneous=each)) for each in (False, True))
    for name in ("statistic", "value", "group", "estimate", "se", "n", "status"):
        assert wide[name].equals(plain[name]), name
    varies = plain["se"] > 0
    assert (wide["low"] <= plain["low"])[varies].all()
    assert (wide["high"] >= plain["high"])[varies].all()
    assert (wide["low"] < plain["low"])[varies].any()
    assert wide["method"].str.contains("simultaneous over").all()
    assert not plain["method"].str.contains("simultaneous").any()


class Seen(Panel):
    """A panel that keeps the figures it told last, influences included."""

    last: ClassVar[list[Figure]] = []

    def _frame(self, figures: Sequence[Figure]) -> pd.DataFrame:
        self.last[:] = figures
        return super()._frame(figures)


def seen(asked: str, *, together: bool = True) -> list[Figure]:
    """Return the figures of a question by class, before what is hidden is."""
    people = PEOPLE.by("work", simultaneous=together)
    ASKED[asked](Seen(people.release, people.weight, people.division, people.conditions, people.is_simultaneous))
    return list(Seen.last)


@pytest.mark.parametrize("asked", IN_PARTS | MOVES)
def test_the_influence_of_every_figure_gives_its_own_error(asked):
    """Through the kernel, over PSUs that all figures of the question share; a weight taken as known has none."""
    figures = seen(asked)
    for each in figures:
        assert each.influence is not None
        own = float(np.sqrt(covariance(each.influence.totals, each.influence.design)[0, 0]))
        assert own == pytest.approx(0.0 if each.statistic == "composite_weight" else each.se, rel=1e-10, abs=1e-12)
        reach = t_quantile(each.influence.degrees) * each.se
        if each.label.unit != "share" and each.statistic not in ("median", "composite_weight"):
            assert each.high - each.low == pytest.approx(2 * reach, rel=1e-12)
    assert len({len(each.influence.totals) for each in figures if each.influence}) == 1


@pytest.mark.parametrize("asked", IN_PARTS | MOVES)
def test_nothing_more_is_made_where_it_is_not_asked(asked):
    """An ordinary question carries no influence."""
    assert all(each.influence is None for each in seen(asked, together=False))


def test_the_influences_of_the_parts_add_up_to_that_of_the_net_change():
    """Stayers, entrants, leavers and switchers: each PSU moves their sum as it moves the net change."""
    for group in ("self", "staff"):
        own = {each.statistic: each.influence.totals for each in seen("decomposition") if each.label.group == group}
        net = own.pop("change")
        assert np.sum(list(own.values()), axis=0) == pytest.approx(net, abs=1e-9 * np.abs(net).max())


@pytest.mark.parametrize(
    ("asked", "statistic"),
    [("decomposition", "change"), ("composite", "stayers_change"), ("chained", "chained_change")],
)
def test_figures_of_two_groups_apart_have_sidaks_two(asked, statistic):
    """Classes share nobody but what is weighted with them: the reach is as good as that of Šidák's t of two."""
    plain, wide = (IN_PARTS[asked](PEOPLE.by("work", simultaneous=each)) for each in (False, True))
    own = plain["statistic"] == statistic
    assert own.sum() == 2
    ratio = ((wide["high"] - wide["estimate"]) / (plain["high"] - plain["estimate"]))[own]
    assert ratio.tolist() == pytest.approx([stats.norm.isf((1 - 0.95**0.5) / 2) / stats.norm.isf(0.025)] * 2, rel=0.01)


def test_hazards_of_two_groups_apart_have_sidaks_two():
    """On the scale of the logit; a member may be in one class in one step and in the other in another."""
    plain, wide = (MOVES["hazards"](PEOPLE.by("work", simultaneous=each)) for each in (False, True))
    own = plain["statistic"] == "pooled_hazard"
    assert own.sum() == 2
    middle, one, two = (
        np.log(each / (1 - each)) for each in (plain["estimate"][own], plain["high"][own], wide["high"][own])
    )
    wanted = stats.norm.isf((1 - 0.95**0.5) / 2) / stats.norm.isf(0.025)
    assert ((two - middle) / (one - middle)).tolist() == pytest.approx([wanted] * 2, rel=0.01)


def test_two_groups_apart_have_sidaks_two():
    """Classes share nobody: the mean of each reaches as far as Šidák's t of two."""
    plain, wide = (PEOPLE.by("work", simultaneous=each).mean("profit", wave=1) for each in (False, True))
    ratio = (wide["high"] - wide["estimate"]) / (plain["high"] - plain["estimate"])
    n = plain["n"].astype(int)
    wanted = [t_quantile(each - 1, 0.95**0.5) / t_quantile(each - 1) for each in n]
    assert ratio.tolist() == pytest.approx(wanted, rel=0.004)


@pytest.mark.parametrize(
    "ask",
    [
        lambda people: people.quantile("profit", p=0.3, waves=(1, 2)),
        lambda people: people.corrected("role", waves=(1, 2), slips=0.001),
    ],
    ids=["quantile", "corrected"],
)
def test_an_answer_that_cannot_refuses(ask):
    """The option is never passed over in silence."""
    with pytest.raises(EstimateError, match="no intervals that hold together"):
        ask(PEOPLE.by("work", simultaneous=True))


@pytest.mark.parametrize("asked", ["decomposition", "composite", "chained", "gap"])
def test_what_is_hidden_stays_hidden(asked):
    """Too few in a part, a link or a level: the same figures are hidden, without an interval of either kind."""
    rows = members(34, 8, stay=0.6)
    for row in rows:
        row["emp_class"] = 3 - row["emp_class"] if row["wave"] > 1 and row["member"] < "m0004" else row["emp_class"]
    people = panel_of(person_waves(rows), study=replace(STUDY, disclosure_threshold=9))
    plain, wide = (IN_PARTS[asked](people.by("work", simultaneous=each)) for each in (False, True))
    hidden = plain["status"] == "hidden"
    assert hidden.sum() > 0
    assert wide["status"].equals(plain["status"])
    assert wide.loc[hidden, ["estimate", "se", "low", "high", "n", "n_eff"]].isna().all(axis=None)


def test_a_frame_says_nothing_of_influence():
    """The output frame is the one of every estimate."""
    found = drawn(np.random.default_rng(2), np.zeros(2))
    assert list(to_frame(simultaneous(found)).columns) == list(to_frame(found).columns)
