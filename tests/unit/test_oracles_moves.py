"""Moves between categories: transitions, flows, the test of the table and hazards are those R gave (o07)."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from panel.errors import EstimateError
from panel.estimate.contrasts import difference
from panel.estimate.estimators import logit_interval, share_interval, total
from panel.estimate.hazards import hazard_model, survival
from panel.estimate.independence import rao_scott
from tests.unit.oracle_samples import BESIDE, EXACT, Sampled, data, designed, expected, near
from tests.unit.test_oracles_change import ROLES, STATUS, movers

pytestmark = BESIDE
__all__ = ["movers"]


@pytest.mark.parametrize("source", ROLES)
@pytest.mark.parametrize("target", ROLES)
def test_transitions(movers, source, target):
    """o07: row shares of the from-to table, their standard errors and logit intervals."""
    wanted, frame = expected("o07"), movers.frame
    rows = (frame["role_1"] == source).to_numpy()
    found = movers.mean((frame["role_2"] == target).astype(float), rows)
    movers.agrees(found, wanted["row_props"][f"{source}:role_2{target}"])
    rule = wanted["row_ci"][f"{source}->{target}"]
    degrees = movers.design.degrees_of_freedom(rows)
    interval = logit_interval(found.value, movers.se(found), degrees, found.n_eff)
    assert found.value == near(rule["est"], rel=EXACT)
    assert interval == near(tuple(rule["logit"]), rel=1e-6)  # R takes them from a fitted logit, converged to 1e-8
    by_beta = share_interval("beta", found, movers.se(found), degrees)
    assert by_beta == near(tuple(rule["beta"]), rel=1e-6)


@pytest.mark.parametrize("status", STATUS)
def test_transitions_by_class_of_worker(movers, status):
    """o07: the same table for each class of worker."""
    wanted, frame = expected("o07")["row_props_by_status"], movers.frame
    for source in ROLES:
        rows = ((frame["role_1"] == source) & (frame["status"] == status)).to_numpy()
        for target in ROLES:
            found = movers.mean((frame["role_2"] == target).astype(float), rows)
            movers.agrees(found, wanted[f"{status}.{source}:role_2{target}"])


def test_transitions_of_real_people():
    """o07: young men in and out of the union, year to year; each man is a PSU with all his years."""
    frame = data("plm_males").sort_values(["nr", "year"])
    moves = pd.concat(
        [
            frame[frame["year"] == first].merge(
                frame.loc[frame["year"] == second, ["nr", "union"]], on="nr", suffixes=("", "_next")
            )
            for first, second in pairwise(sorted(frame["year"].unique()))
        ],
        ignore_index=True,
    )
    men = Sampled(moves, np.ones(len(moves)), designed(moves, member="nr", stratum=None, psu=None))
    steps = moves.groupby(["union", "union_next"]).size().tolist()
    assert sorted(steps) == sorted(expected("o07")["males_union_counts"])
    for name, figure in expected("o07")["males_union"].items():
        source, target = name.split(":union_next")
        hit = (moves["union_next"] == target).astype(float)
        men.agrees(men.mean(hit, (moves["union"] == source).to_numpy()), figure)


def test_cells_of_the_table_and_net_flow(movers):
    """o07: shares and totals of all cells, those who come to and leave the executor's role, and the net of both."""
    wanted, frame, w = expected("o07"), movers.frame, movers.weights
    assert len(frame) == wanted["n"]
    held = [
        float(w[(frame["role_1"] == one) & (frame["role_2"] == two)].sum())
        for two in wanted["dimn"] for one in wanted["dimn"]
    ]  # fmt: skip
    assert held == near(wanted["table"], rel=EXACT)
    for one in ROLES:
        for two in ROLES:
            hit = ((frame["role_1"] == one) & (frame["role_2"] == two)).astype(float)
            name = f"interaction(role_1, role_2){one}.{two}"
            movers.agrees(movers.mean(hit), wanted["cells"][name])
            movers.agrees(total(hit.to_numpy(), w, movers.everybody), wanted["cell_totals"][name])
    into = movers.mean(((frame["role_1"] != "executor") & (frame["role_2"] == "executor")).astype(float))
    out_of = movers.mean(((frame["role_1"] == "executor") & (frame["role_2"] != "executor")).astype(float))
    movers.agrees(into, wanted["inflow_outflow"]["into"])
    movers.agrees(out_of, wanted["inflow_outflow"]["outof"])
    net = difference(np.array([out_of.value, into.value]), movers.covariance(out_of, into))
    figure = wanted["net"]["contrast"]
    assert (net.value, net.se) == near((figure["est"], figure["se"]), rel=EXACT)


@pytest.fixture(scope="module")
def moves() -> Sampled:
    """Return every step of every member from one wave to the next; a member's steps are in one PSU."""
    frame = data("panel_small")
    steps = [
        frame[frame["wave"] == first].merge(
            frame.loc[frame["wave"] == second, ["id", "role"]], on="id", suffixes=("", "_next")
        )
        for first, second in pairwise((1, 2, 3, 4))
    ]
    whole = pd.concat(steps, ignore_index=True)
    return Sampled(whole, whole["w"].to_numpy(), designed(whole, member="id", stratum="stratum", psu="hh"))


def test_transitions_over_all_pairs_of_waves(moves):
    """o07: row shares of the steps of all years together; members who step often are one PSU."""
    for name, figure in expected("o07")["pooled_row_props"].items():
        source, target = name.split(":to")
        hit = (moves.frame["role_next"] == target).astype(float)
        moves.agrees(moves.mean(hit, (moves.frame["role"] == source).to_numpy()), figure)


def test_hazards_of_becoming_an_executor(moves):
    """o07: of the creators of each year and class of worker, the share that executes a year later."""
    hit = (moves.frame["role_next"] == "executor").astype(float)
    wanted = expected("o07")["hazard"]
    for name, figure in wanted.items():
        year, status = name.split(".")
        at_risk = (moves.frame["role"] == "creator") & (moves.frame["wave"] == int(year))
        found = moves.mean(hit, (at_risk & (moves.frame["status"] == status)).to_numpy())
        assert found.value == near(figure["est"], rel=EXACT), name
        assert moves.se(found) == near(figure["se"], rel=EXACT), name
    assert len(wanted) == 9


def test_whether_the_role_depends_on_the_role_before(movers):
    """o07: Rao and Scott's F, its degrees of freedom and probability."""
    frame, wanted = movers.frame, expected("o07")["chisq_F"]
    one, other = (frame[name].map(list(ROLES).index).to_numpy() for name in ("role_1", "role_2"))
    found = rao_scott(one, other, movers.weights, movers.everybody, movers.design)
    ours = (found.f, found.between, found.within, found.p)
    assert ours == near(tuple(wanted[name] for name in ("F", "ndf", "ddf", "p")), rel=EXACT)


def test_a_model_of_hazards(moves):
    """
    o07: complementary log-log of the hazard of executing, by year and class of worker, to 1e-6.

    R stops its fit when the deviance moves by 1e-8, ours when coefficients move by 1e-12: the score there is nothing.
    """
    frame, wanted = moves.frame, expected("o07")["cloglog"]
    x = {f"factor(per){year}": (frame["wave"] == year).to_numpy(float) for year in (2, 3)}
    x |= {f"status{name}": (frame["status"] == name).to_numpy(float) for name in ("hybrid", "zzp")}
    event, at_risk = (frame["role_next"] == "executor").to_numpy(float), (frame["role"] == "creator").to_numpy()
    model = hazard_model(x, event, moves.weights, at_risk)
    for name, found in model.coefficients.items():
        known = "(Intercept)" if name == "intercept" else name
        assert found.value == near(wanted["coef"][known], rel=1e-6), name
        assert moves.se(found) == near(wanted["se"][known], rel=1e-6), name
        assert (moves.weights * found.linear).sum() == near(0, abs=1e-6)


def test_hazards_and_survival_without_a_model(moves):
    """One year after another: the share that has not moved is the product, its error by the delta method."""
    event = (moves.frame["role_next"] == "executor").to_numpy(float)
    at_risk = [((moves.frame["role"] == "creator") & (moves.frame["wave"] == year)).to_numpy() for year in (1, 2, 3)]
    hazards = [moves.mean(event, rows) for rows in at_risk]
    found = survival(np.array([each.value for each in hazards]))
    gradient = [-np.prod([1 - other.value for other in hazards if other is not each]) for each in hazards]
    assert found.value == near(np.prod([1 - each.value for each in hazards]), rel=1e-12)
    assert found.slope == near(np.array(gradient), rel=1e-12)


@pytest.mark.parametrize(
    ("x", "moved", "rows", "said"),
    [
        ([0.0, 1.0, 0.0], [1, 0, 1], [False] * 3, "Nobody is at risk"),
        ([0.0, 1.0, 0.0], [1, 1, 1], [True] * 3, "All or none"),
        ([2.0, 2.0, 2.0], [1, 0, 1], [True] * 3, "cannot be told apart"),
    ],
)
def test_a_hazard_without_a_meaning_is_a_sentence(x, moved, rows, said):
    """Nobody at risk, all alike, or covariates that follow from others: said."""
    with pytest.raises(EstimateError, match=said):
        hazard_model({"x": np.array(x)}, np.array(moved), np.ones(3), np.array(rows))


def test_an_answer_that_everybody_gives_is_a_sentence():
    """One category: no test, but a sentence."""
    design = designed(pd.DataFrame({"m": range(4)}), member="m", stratum=None, psu=None)
    with pytest.raises(EstimateError, match="everybody gives"):
        rao_scott(np.zeros(4), np.array([0, 1, 0, 1]), np.ones(4), np.ones(4, dtype=bool), design)
