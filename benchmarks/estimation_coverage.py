"""
Count how often 95 % intervals hold the truth, on SYNTHETIC populations whose truth is known.

    python benchmarks/estimation_coverage.py --runs 1000 --seed 1

Each run draws 1,600 of 40,000 members in eight strata, keeps three quarters of them a year later, and fills up with
others; members who lost much answer less the second time. Each interval comes from the kernel (`panel.estimate`), each
is aimed at 93 to 97.5 %. Beside it: how often the same interval holds when both waves are taken as independent.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from panel.estimate.contrasts import Joint, difference, difference_in_differences, relative
from panel.estimate.estimators import mean, quantile, quantile_point
from panel.estimate.inequality import gini
from panel.estimate.kernel import Design
from panel.estimate.margins import Cells
from panel.estimate.replicates import rao_wu
from panel.estimate.response import ResponseCredit
from panel.weigh import by_logit

PEOPLE, STRATA, SAMPLE, KEPT, REPLICATES = 40_000, 8, 1_600, 0.75, 100
T = 1.96


@dataclass(frozen=True)
class Population:
    """Two years of income, a class and a stratum for each member."""

    now: np.ndarray
    then: np.ndarray
    is_zzp: np.ndarray
    stratum: np.ndarray
    places: list[np.ndarray]


@dataclass(frozen=True)
class Draw:
    """The members of both waves, once a row and wave, and the design of them all."""

    rows: np.ndarray
    wave: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    design: Design


def population(seed: int) -> Population:
    """Return a population: log-normal incomes, the self-employed lower, falling and less sure."""
    draw = np.random.default_rng(seed)
    stratum = np.repeat(np.arange(STRATA), PEOPLE // STRATA)
    is_zzp = draw.random(PEOPLE) < 0.4
    now = np.exp(9.8 + 0.08 * stratum - 0.15 * is_zzp + draw.normal(0, 0.5, PEOPLE))
    change = np.where(is_zzp, -0.06, 0.03) + draw.normal(0, np.where(is_zzp, 0.25, 0.12))
    places = [np.flatnonzero(stratum == each) for each in range(STRATA)]
    return Population(now, now * np.exp(change), is_zzp, stratum, places)


def drawn(of: Population, draw: np.random.Generator) -> Draw:
    """Return a sample of both waves with the overlap that was planned in each stratum."""
    size = SAMPLE // STRATA
    keep, first, second = round(size * KEPT), [], []
    for own in of.places:
        chosen = draw.choice(own, 2 * size - keep, replace=False)
        first.append(chosen[:size])
        second.append(chosen[size - keep :])
    rows = np.concatenate([*first, *second])
    wave = np.repeat([0, 1], SAMPLE)
    y = np.where(wave == 0, of.now[rows], of.then[rows])
    members, psu = np.unique(rows, return_inverse=True)
    share = np.full(STRATA, size / (PEOPLE / STRATA))
    design = Design(psu, of.stratum[members], tuple(map(str, range(STRATA))), share)
    return Draw(rows, wave, y, np.full(len(rows), PEOPLE / SAMPLE), design)


def truths(of: Population) -> dict[str, float]:
    """Return what each interval should hold."""
    ones = np.ones(PEOPLE)
    every = ones.astype(bool)
    zzp = of.is_zzp
    gap = of.then - of.now
    return {
        "net change": gap.mean(),
        "relative change": of.then.mean() / of.now.mean() - 1,
        "stayers' change": gap.mean(),
        "difference in differences": gap[zzp].mean() - gap[~zzp].mean(),
        "change in Gini": gini(of.then, ones, every).value - gini(of.now, ones, every).value,
        "change in median": quantile_point(of.then, ones, 0.5) - quantile_point(of.now, ones, 0.5),
        "change in median (Rao-Wu)": quantile_point(of.then, ones, 0.5) - quantile_point(of.now, ones, 0.5),
        "attrition-adjusted change": gap.mean(),
    }


Found = dict[str, tuple[float, float, float]]
"""By name the estimate, its standard error, and the standard error as if waves were independent."""


def estimates(of: Population, sample: Draw, draw: np.random.Generator) -> Found:
    """Return every estimate of one run."""
    y, w, wave, where = sample.y, sample.weight, sample.wave, sample.design
    zzp = of.is_zzp[sample.rows]
    levels = [mean(y, w, wave == each) for each in (0, 1)]
    groups = [mean(y, w, (wave == each) & (zzp == group)) for group in (True, False) for each in (0, 1)]
    medians = [quantile(y, w, wave == each, where) for each in (0, 1)]
    ginis = [gini(y, w, wave == each) for each in (0, 1)]
    out = {
        "net change": _told(where, [(e.value, w * e.linear) for e in levels], difference),
        "relative change": _told(where, [(e.value, w * e.linear) for e in levels], relative),
        "difference in differences": _told(where, [(e.value, w * e.linear) for e in groups], difference_in_differences),
        "change in Gini": _told(where, [(e.value, w * e.linear) for e in ginis], difference),
        "change in median": _told(where, [(e.value, w * e.linear) for e in medians], difference),
    }
    replicated = rao_wu(where, REPLICATES, seed=int(draw.integers(1 << 30))).estimate(
        lambda v: np.array([quantile_point(y[wave == e], v[wave == e], 0.5) for e in (0, 1)]), w, of="quantile"
    )
    apart = float(np.sqrt(np.trace(replicated.matrix)))
    made = difference(replicated.values, replicated.matrix)
    out["change in median (Rao-Wu)"] = (made.value, made.se, apart)
    return out | _of_stayers(of, sample, draw)


def _told(where: Design, found: list[tuple[float, np.ndarray]], contrast: object) -> tuple[float, float, float]:
    joint = Joint.of(where, {str(place): each for place, each in enumerate(found)})
    made = contrast(joint.values, joint.matrix)  # type: ignore[operator]
    wave = np.arange(len(found)) % 2
    apart = contrast(joint.values, np.where(wave[:, None] == wave, joint.matrix, 0.0))  # type: ignore[operator]
    return made.value, made.se, apart.se


def _of_stayers(of: Population, sample: Draw, draw: np.random.Generator) -> Found:
    """Return the change of who stayed, all of them, and of who answered, with the propensity estimated."""
    both = np.intersect1d(sample.rows[sample.wave == 0], sample.rows[sample.wave == 1])
    gap, ones = of.then[both] - of.now[both], np.full(len(both), PEOPLE / len(both))
    share = np.full(STRATA, len(both) / PEOPLE)
    where = Design(np.arange(len(both)), of.stratum[both], tuple(map(str, range(STRATA))), share)
    paired = mean(gap, ones, np.ones(len(both), dtype=bool))
    joint = Joint.of(where, {"all": (paired.value, ones * paired.linear)})
    apart = np.sqrt(sum(np.var(each[both]) for each in (of.now, of.then)) / len(both))
    x = np.stack([np.ones(len(both)), of.is_zzp[both], np.log(of.now[both]) - 10], axis=1)
    came = draw.random(len(both)) < 1 / (1 + np.exp(-(0.9 - 1.0 * x[:, 1] + 0.5 * x[:, 2])))
    chance = by_logit(x, came, ones).propensity
    adjusted = ones * came / chance
    found = mean(gap, adjusted, came)
    credit = ResponseCredit(came.astype(float), chance, Cells.of_rows(x, ["one", "zzp", "income"]), ones)
    kept = Joint.of(where, {"kept": (found.value, credit.influence(adjusted * found.linear))})
    return {
        "stayers' change": (paired.value, float(np.sqrt(joint.matrix[0, 0])), float(apart)),
        "attrition-adjusted change": (
            found.value,
            float(np.sqrt(kept.matrix[0, 0])),
            float(apart / came.mean() ** 0.5),
        ),
    }


def main() -> None:
    """Run, count and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    of, draw, started = population(given.seed), np.random.default_rng([given.seed, 1]), time.monotonic()
    wanted = truths(of)
    runs = [estimates(of, drawn(of, draw), draw) for _ in range(given.runs)]
    print(f"{given.runs} runs, seed {given.seed}, {time.monotonic() - started:.0f} s; SYNTHETIC")
    print(f"{'95 % interval of':<28}{'covers %':>9}{'se/sd':>7}{'bias/sd':>9}{'as independent %':>18}")
    for name, truth in wanted.items():
        value, se, apart = np.array([run[name] for run in runs]).T
        holds, naive = (100 * np.mean(np.abs(value - truth) <= T * each) for each in (se, apart))
        bias, spread = (value.mean() - truth) / value.std(ddof=1), se.mean() / value.std(ddof=1)
        print(f"{name:<28}{holds:>9.1f}{spread:>7.2f}{bias:>9.2f}{naive:>18.1f}")


if __name__ == "__main__":
    main()
