"""
Hold the R-indicator, bounds and intervals that hold together against SYNTHETIC populations whose truth is known.

    python benchmarks/attrition_coverage.py --runs 1500 --seed 1

Each run draws 400 of 40,000 members without strata; who stays depends on two variables, or on nothing. The variance of
propensities is told plain, adjusted by us, and adjusted as Shlomo, Skinner and Schouten (2012) have it. Bounds are of
an income that makes those with more of it leave; the six means are of classes that share a part of their chance.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from panel.estimate.estimators import mean
from panel.estimate.kernel import Design, covariance, t_quantile
from panel.estimate.representativity import Propensities, r_indicator
from panel.estimate.rows import Influence
from panel.estimate.simultaneous import alpha, correlations
from panel.weigh import by_logit

PEOPLE, SAMPLE, CLASSES, PSUS = 40_000, 400, 6, 25


@dataclass(frozen=True)
class Population:
    """Two variables and the chance to stay of each member."""

    one: np.ndarray
    two: np.ndarray
    chance: np.ndarray

    @classmethod
    def of(cls, draw: np.random.Generator, slope: float) -> Population:
        """Return a population in which both variables move the chance by `slope`, more or less."""
        one, two = draw.integers(0, 4, PEOPLE), draw.integers(0, 3, PEOPLE)
        return cls(one, two, 1 / (1 + np.exp(-(1.2 - 0.4 * slope * one + 0.3 * slope * two))))


def alone(rows: int) -> Design:
    """Return the design of members drawn one by one."""
    return Design(np.arange(rows), np.zeros(rows, dtype=int), ("",), np.zeros(1))


def indicators(of: Population, draw: np.random.Generator, runs: int) -> Iterator[tuple[float, ...]]:
    """Yield S^2 plain, adjusted by us and by the paper; R plain and adjusted; whether the interval holds R."""
    truth = 1 - 2 * of.chance.std(ddof=1)
    for _ in range(runs):
        rows = draw.choice(PEOPLE, SAMPLE, replace=False)
        columns = [
            np.ones(SAMPLE),
            *(of.one[rows] == each for each in (1, 2, 3)),
            *(of.two[rows] == 1, of.two[rows] == 2),
        ]
        x = np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)
        stayed = draw.random(SAMPLE) < of.chance[rows]
        made = Propensities(stayed, by_logit(x, stayed, np.ones(SAMPLE)).propensity, x, np.ones(SAMPLE), alone(SAMPLE))
        z = (made.chance * (1 - made.chance))[:, None] * x
        plain = float(np.var(made.chance, ddof=1))
        trace = float(np.einsum("ip,pq,iq->", z, np.linalg.inv(z.T @ x), z)) / SAMPLE
        own = np.einsum("ip,pq,iq->", made.slope, made.matrix, made.slope) / SAMPLE
        found = r_indicator(made)
        low, high = found.adjusted_interval
        yield (
            plain,
            plain - float(own),
            plain * (1 + 1 / SAMPLE) - trace,
            found.value,
            found.adjusted,
            low <= truth <= high,
        )


def bounded(draw: np.random.Generator, runs: int) -> float:
    """Return how often the outer interval of the worst case holds the mean, of incomes in 0 to 100 that drive out."""
    income = np.clip(draw.normal(50, 18, PEOPLE), 0, 100)
    held = 0
    for _ in range(runs):
        y = income[draw.choice(PEOPLE, SAMPLE, replace=False)]
        stayed = draw.random(SAMPLE) < 1 - y / 130
        ends = []
        for sign, unseen in ((-1, 0.0), (1, 100.0)):
            found = mean(np.where(stayed, y, unseen), np.ones(SAMPLE), np.ones(SAMPLE, dtype=bool))
            se = float(np.sqrt(covariance(found.linear, alone(SAMPLE))[0, 0]))
            ends.append(found.value + sign * t_quantile(SAMPLE - 1) * se)
        held += ends[0] <= income.mean() <= ends[1]
    return 100 * held / runs


def together(draw: np.random.Generator, runs: int) -> tuple[float, float]:
    """Return how often the ordinary intervals of six classes all hold, and how often those made to."""
    held = np.zeros(2)
    for _ in range(runs):
        y = 0.6 * draw.normal(size=PSUS) + draw.normal(size=(CLASSES, PSUS))
        totals = (y - y.mean(axis=1, keepdims=True)) / PSUS
        influences = [Influence(row, alone(PSUS), PSUS - 1) for row in totals]
        se = np.sqrt(np.diag(covariance(totals.T, alone(PSUS))))
        level = 1 - alpha(correlations(influences), [PSUS - 1] * CLASSES)
        for place, reach in enumerate((t_quantile(PSUS - 1), t_quantile(PSUS - 1, level))):
            held[place] += (np.abs(y.mean(axis=1)) <= reach * se).all()
    ordinary, wide = 100 * held / runs
    return float(ordinary), float(wide)


def main() -> None:
    """Run, count and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=1500)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    draw = np.random.default_rng(given.seed)
    print(f"{given.runs} runs, seed {given.seed}; SYNTHETIC")
    for slope in (1.0, 0.0):
        of = Population.of(draw, slope)
        found = np.array(list(indicators(of, draw, given.runs))).mean(axis=0)
        print(f"S^2 {of.chance.var(ddof=1):.5f}: plain {found[0]:.5f}, ours {found[1]:.5f}, the paper's {found[2]:.5f}")
        print(f"  R {1 - 2 * of.chance.std(ddof=1):.4f}: plain {found[3]:.4f}, adjusted {found[4]:.4f}, "
              f"interval holds {100 * found[5]:.1f} %")  # fmt: skip
    print(f"worst-case bounds with their intervals hold the mean {bounded(draw, given.runs):.1f} %")
    ordinary, wide = together(draw, given.runs)
    print(f"six classes all at once: ordinary {ordinary:.1f} %, holding together {wide:.1f} %")


if __name__ == "__main__":
    main()
