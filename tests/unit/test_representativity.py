"""How representative those who stayed are: against loops over people, refits, another optimiser, and its laws."""

import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from panel.errors import EstimateError
from panel.estimate import Grouping
from panel.estimate.kernel import Design
from panel.estimate.representativity import Propensities, log_odds, partials, r_indicator
from panel.weigh import by_logit

FEW = settings(max_examples=20, deadline=None)


def drawn(seed: int, n: int = 240, *, clustered: bool = False, unequal: float = 0.6) -> dict[str, np.ndarray]:
    """Return two variables, weights, PSUs and strata of members, and who stayed."""
    draw = np.random.default_rng(seed)
    one, two = draw.integers(0, 3, n), draw.integers(0, 2, n)
    psu = np.arange(n) // 3 if clustered else np.arange(n)
    chance = 1 / (1 + np.exp(-(1.0 - unequal * one + 0.5 * two)))
    weight = draw.uniform(0.5, 2, n) if clustered else np.ones(n)
    return {"one": one, "two": two, "psu": psu, "weight": weight, "stayed": draw.random(n) < chance}


def fitted(data: dict[str, np.ndarray], weight: np.ndarray | None = None) -> Propensities:
    """Return the propensities by a logit on both variables."""
    w = data["weight"] if weight is None else weight
    columns = [np.ones(len(w)), data["one"] == 1, data["one"] == 2, data["two"] == 1]
    x = np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)
    return Propensities(data["stayed"], by_logit(x, data["stayed"], w).propensity, x, w, alone(data["psu"], len(w)))


def alone(psu: np.ndarray, rows: int) -> Design:
    """Return the design of PSUs: two strata in turn where they are clusters, else one."""
    units = int(psu.max()) + 1
    if units == rows:
        return Design(psu, np.zeros(units, int), ("",), np.zeros(1))
    return Design(psu, np.arange(units) % 2, ("a", "b"), np.zeros(2))


def divided(data: dict[str, np.ndarray]) -> list[Grouping]:
    """Return both variables as divisions."""
    return [Grouping("one", ("a", "b", "c"), (), data["one"]), Grouping("two", ("d", "e"), (), data["two"])]


def test_the_indicator_is_one_less_twice_the_spread():
    """By hand: of six likely at a half and four at nine tenths, S is 0.2066 and R 0.587."""
    chance = np.array([0.5] * 6 + [0.9] * 4)
    x = np.stack([np.ones(10), chance > 0.6], axis=1).astype(float)
    of = Propensities(np.arange(10) % 2 == 0, chance, x, np.ones(10), alone(np.arange(10), 10))
    assert r_indicator(of).value == pytest.approx(1 - 2 * np.std(chance, ddof=1))


def test_the_corrections_are_those_of_the_paper_written_out():
    """Shlomo, Skinner and Schouten's sums by loops: the bias but for the mean of z, and the variance."""
    data = drawn(3, 600)
    of, n = fitted(data), 600
    z = (of.chance * (1 - of.chance))[:, None] * of.x
    square = np.var(of.chance, ddof=1)
    bias = sum(each @ of.matrix @ each for each in z) / n - square / n
    level = z.mean(axis=0) @ of.matrix @ z.mean(axis=0)
    assert level == pytest.approx(np.mean(of.chance * (1 - of.chance)) / n, rel=0.01)
    found = r_indicator(of)
    assert (1 - found.adjusted) ** 2 / 4 == pytest.approx(np.var(of.chance) - (bias - level), rel=1e-9)
    away, pull = z - z.mean(axis=0), of.chance - of.chance.mean()
    a, b = away.T @ pull / n, away.T @ away / n
    own = np.var(pull**2, ddof=1) / n
    v = 4 * a @ of.matrix @ a + 2 * np.trace(b @ of.matrix @ b @ of.matrix) + own
    assert found.se == pytest.approx(np.sqrt(v / square), rel=0.05)  # ours keeps what both sources share


def jackknifed(data: dict[str, np.ndarray], statistic: object) -> np.ndarray:
    """Return the standard errors from leaving each PSU out in turn and fitting anew."""
    of = fitted(data)
    stratum, psu = of.design.stratum, data["psu"]
    total = 0.0
    for kind in np.unique(stratum):
        own = np.flatnonzero(stratum == kind)
        each = []
        for unit in own:
            factor = np.where(psu == unit, 1e-12, np.where(stratum[psu] == kind, len(own) / (len(own) - 1), 1.0))
            each.append(statistic(fitted(data, data["weight"] * factor)))  # type: ignore[operator]
        found = np.array(each)
        total = total + (len(own) - 1) / len(own) * ((found - found.mean(axis=0)) ** 2).sum(axis=0)
    return np.sqrt(total)


def parts(of: Propensities, data: dict[str, np.ndarray]) -> list[object]:
    """Return every part: whole ones, and those of categories."""
    found = list(partials(of, divided(data)))
    told = [each.whole for each in found] + [part for each in found for part in each.categories.values()]
    return [spread for part in told for spread in (part.unconditional, part.conditional)]


def test_the_errors_of_the_parts_are_those_of_the_jackknife():
    """Clustered, stratified, weighted: errors of all fourteen parts lie within 8 % of refitting without each PSU."""
    data = drawn(11, 360, clustered=True, unequal=1.0)
    wanted = jackknifed(data, lambda of: np.array([spread.value for spread in parts(of, data)]))
    found = np.array([spread.se for spread in parts(fitted(data), data)])
    assert found == pytest.approx(wanted, rel=0.08)


def test_the_parts_are_those_of_loops_over_members():
    """Between the means of categories, and within the cells of the other variable."""
    data = drawn(5)
    of, n = fitted(data), 240
    found = list(partials(of, divided(data)))
    mean = of.chance.mean()
    by_hand = [
        sum((of.chance[data["one"] == k].mean() - mean) ** 2 * (data["one"] == k).sum() / n for k in range(3)) ** 0.5,
        sum((of.chance[i] - of.chance[data["two"] == data["two"][i]].mean()) ** 2 for i in range(n)) ** 0.5 / n**0.5,
    ]
    assert [found[0].whole.unconditional.value, found[0].whole.conditional.value] == pytest.approx(by_hand)
    own = data["one"] == 2
    sign = (of.chance[own].mean() - mean) * (own.sum() / n) ** 0.5
    assert found[0].categories[2].unconditional.value == pytest.approx(sign)


@FEW
@given(st.integers(0, 10_000), st.floats(0.0, 1.5))
def test_parts_add_up_and_never_exceed_the_whole(seed, unequal):
    """Squares of categories are that of their variable, which is S^2 at most; R lies between 0 and 1."""
    data = drawn(seed, 150, unequal=unequal)
    of = fitted(data)
    whole = float((of.share * of.away**2).sum())
    for each in partials(of, divided(data)):
        for name in ("unconditional", "conditional"):
            total = getattr(each.whole, name).value ** 2
            assert sum(getattr(part, name).value ** 2 for part in each.categories.values()) == pytest.approx(total)
            assert total <= whole * (1 + 1e-9)
    found = r_indicator(of)
    assert 0 <= found.value <= found.adjusted <= 1
    low, high = found.adjusted_interval
    assert 0 <= low <= found.adjusted <= high <= 1


@FEW
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_order_and_scale_change_nothing(seed, factor):
    """Shuffled members and other units of weight leave the indicator and its error as they are."""
    data = drawn(seed, 120)
    order = np.random.default_rng(seed).permutation(120)
    before = r_indicator(fitted(data))
    shuffled = {name: each[order] for name, each in data.items()} | {"psu": data["psu"]}
    after = r_indicator(fitted(shuffled, np.full(120, factor)))
    told = [(each.value, each.adjusted, each.se) for each in (before, after)]
    assert told[1] == pytest.approx(told[0], rel=1e-6)


def test_equal_chances_are_one():
    """Who stays has nothing to do with anybody's class: R is 1 exactly, and has no part."""
    data = {"one": np.repeat([0, 1, 2], 40), "two": np.tile([0, 1], 60), "psu": np.arange(120), "weight": np.ones(120)}
    data["stayed"] = np.tile([True, True, True, False], 30)[np.argsort(np.lexsort((data["two"], data["one"])))]
    of = fitted(data)
    flat = Propensities(of.stayed, np.full(120, 0.75), of.x, of.weight, of.design)
    found = r_indicator(flat)
    assert (found.value, found.adjusted) == (pytest.approx(1.0, abs=1e-7), 1.0)
    assert all(spread.value == pytest.approx(0.0, abs=1e-9) for spread in parts(flat, data))
    assert found.adjusted_interval[1] == 1.0
    assert found.adjusted_interval[0] < 1.0


def test_when_all_stay_the_indicator_is_one():
    """Nobody was lost: 1, without an interval to speak of, and who leaves is a sentence."""
    data = drawn(1, 60) | {"stayed": np.ones(60, dtype=bool)}
    found = r_indicator(fitted(data))
    assert (found.value, found.se, found.interval) == (1.0, None, (1.0, 1.0))
    with pytest.raises(EstimateError, match="Nobody who was due left"):
        log_odds(fitted(data), np.zeros(4))


def test_the_adjusted_indicator_is_unbiased_and_covered():
    """Of 300 samples of 400, S^2 adjusted is right on average, as the plain one is not; intervals hold R 95 in 100."""
    draw, truth = np.random.default_rng(7), []
    one, two = draw.integers(0, 3, 20_000), draw.integers(0, 2, 20_000)
    chance = 1 / (1 + np.exp(-(1.2 - 0.4 * one + 0.3 * two)))
    r = 1 - 2 * chance.std(ddof=1)
    for _ in range(300):
        rows = draw.choice(20_000, 400, replace=False)
        data = {"one": one[rows], "two": two[rows], "psu": np.arange(400), "weight": np.ones(400)}
        found = r_indicator(fitted(data | {"stayed": draw.random(400) < chance[rows]}))
        low, high = found.adjusted_interval
        truth.append(((1 - found.value) ** 2 / 4, (1 - found.adjusted) ** 2 / 4, low <= r <= high))
    plain, adjusted, covered = np.array(truth).mean(axis=0)
    noise = np.array(truth)[:, 1].std() / np.sqrt(300)
    assert abs(adjusted - chance.var()) < 3 * noise
    assert plain - chance.var() > 3 * noise
    assert 0.91 <= covered <= 0.985


def slopes_of(of: Propensities) -> np.ndarray:
    """Return the slopes that maximise the weighted likelihood, by another optimiser."""

    def loss(beta: np.ndarray) -> float:
        eta = of.x @ beta
        return float((of.weight * (np.logaddexp(0, eta) - of.stayed * eta)).sum())

    return np.asarray(minimize(loss, np.zeros(of.x.shape[1]), method="BFGS", options={"gtol": 1e-9}).x)


def test_the_log_odds_are_those_of_another_optimiser_and_the_jackknife():
    """Slopes to six digits; errors within 8 % of refitting without each PSU."""
    data = drawn(13, 360, clustered=True)
    of = fitted(data)
    found = log_odds(of, by_logit(of.x, of.stayed, of.weight).slopes)
    assert [each.value for each in found] == pytest.approx(-slopes_of(of), rel=1e-3, abs=1e-4)

    def slopes(each: Propensities) -> np.ndarray:
        return np.asarray(by_logit(each.x, each.stayed, each.weight).slopes)

    assert [each.se for each in found] == pytest.approx(jackknifed(data, slopes), rel=0.08)


R_CODE = """
suppressMessages(library(survey))
d <- read.csv(file("stdin"))
design <- svydesign(~psu, strata = ~stratum, weights = ~weight, data = d)
fit <- suppressWarnings(svyglm(stayed ~ factor(one) + factor(two), design, family = quasibinomial))
p <- fitted(fit)
cat(sprintf("%.12g", c(coef(fit), SE(fit), 1 - 2 * sqrt(cov.wt(cbind(p), wt = d$weight)$cov[1]))), sep = "\\n")
"""


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R with survey is not installed here")
def test_the_logit_is_that_of_r():
    """R's svyglm gives the same slopes, errors and R-indicator, but for the ridge of ours."""
    data = drawn(13, 360, clustered=True)
    of = fitted(data)
    columns = [data["one"], data["two"], data["psu"], of.design.stratum[data["psu"]], data["weight"]]
    rows = zip(*columns, data["stayed"].astype(int), strict=True)
    text = "one,two,psu,stratum,weight,stayed\n" + "\n".join(",".join(map(str, row)) for row in rows)
    run = subprocess.run(["Rscript", "-e", R_CODE], input=text, capture_output=True, text=True, check=False)
    if "no package called" in run.stderr:
        pytest.skip("R is here, its package survey is not")
    wanted = [float(line) for line in run.stdout.split()]
    found = log_odds(of, by_logit(of.x, of.stayed, of.weight).slopes)
    assert [-each.value for each in found] == pytest.approx(wanted[:4], rel=1e-4)
    assert [each.se for each in found] == pytest.approx(wanted[4:8], rel=1e-4)
    assert r_indicator(of).value == pytest.approx(wanted[8], rel=1e-4)


def test_a_category_nobody_left_has_no_odds():
    """Its odds are zero: no row, not a number without end."""
    data = drawn(4, 120)
    data["stayed"] = data["stayed"] | (data["two"] == 1)
    of = fitted(data)
    found = log_odds(of, by_logit(of.x, of.stayed, of.weight).slopes)
    assert found[3] is None
    assert found[1] is not None
