"""Scores of what was said in words against what happened, each with its linearised variable."""

from __future__ import annotations

import numpy as np

from panel.estimate.estimators import Estimand
from panel.forecast.linear import average, combine, difference, quotient, shares


def hits(said: np.ndarray, came: np.ndarray, weights: np.ndarray, count: int) -> dict[str, Estimand]:
    """
    Return how often what was said happened, and how much of that chance would have done.

    `hit_rate`; `hit_by_chance`, the rate if what was said and what happened had nothing to do with each other;
    `hit_over_chance`, their difference, whose ratio to its standard error is the test of Pesaran and Timmermann (1992,
    Journal of Business and Economic Statistics 10), here by the design; `peirce`, that difference over the most it
    could be, which for yes and no is the share of hits less that of false alarms (Peirce 1884, Science 4).
    Oracle: o12 (`hit`, `hit_by`).

    Args:
        said: code of what was said, from 0 to `count` - 1.
        came: code of what happened, the same codes.
        weights: a weight a row.
        count: how many codes there are.
    """
    rate = average((said == came).astype(float), weights)
    told, was = shares(said, count, weights), shares(came, count, weights)
    by_chance = float(sum(one.value * other.value for one, other in zip(told, was, strict=True)))
    slopes = [each.value for each in was] + [each.value for each in told]
    chance = combine(by_chance, [*told, *was], slopes)
    over = difference(rate, chance)
    found = {"hit_rate": rate, "hit_by_chance": chance, "hit_over_chance": over}
    most = combine(1 - sum(each.value**2 for each in was), was, [-2 * each.value for each in was])
    return found | ({"peirce": quotient(over, most)} if most.value > 1e-12 else {})


def contingency(said: np.ndarray, came: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    """Return the weight of each pair of codes, what was said by what happened. Oracle: o12 (`contingency`)."""
    flat = np.bincount(said * count + came, weights=weights, minlength=count * count)
    return np.asarray(flat.reshape(count, count))


def modal_margin(code: int, said: np.ndarray, came: np.ndarray, weights: np.ndarray, count: int) -> Estimand | None:
    """
    Return by how much, among those who said `code`, it was the commonest outcome: its share less the next largest.

    Where people give the outcome they think likeliest, and are right about the chances, this is not below zero.

    Source: Das, Dominitz and van Soest (1999), JASA 94, the modal category assumption.
    """
    rows = said == code
    if not rows.any():
        return None
    came_to = [average((came == each).astype(float), weights, rows) for each in range(count)]
    rival = max((each for each in range(count) if each != code), key=lambda each: came_to[each].value)
    return difference(came_to[code], came_to[rival])


def median_margin(code: int, said: np.ndarray, came: np.ndarray, weights: np.ndarray) -> Estimand | None:
    """
    Return by how much, among those who said `code`, neither lower nor higher outcomes were the majority.

    One half less the larger of the two shares: where people give the median of what they think may happen, and are
    right about the chances, this is not below zero. Codes are in rising order.

    Source: Das, Dominitz and van Soest (1999), JASA 94, the median category assumption.
    """
    rows = said == code
    if not rows.any():
        return None
    below, above = (average(each.astype(float), weights, rows) for each in (came < code, came > code))
    larger = max(below, above, key=lambda each: each.value)
    return combine(0.5 - larger.value, [larger], [-1.0])


def best_case(yes: np.ndarray, event: np.ndarray, weights: np.ndarray) -> dict[str, Estimand]:
    """
    Return what the best of yes/no predictions could tell of how often a thing happens, and whether these did.

    With a share p saying yes, the share it happens to lies from p / 2 to (1 + p) / 2 where everybody says yes exactly
    if they think it more likely than not, and is right about the chances (Manski 1990, JASA 85). `best_case_low` and
    `best_case_high` are the two ends; `best_case_margin` how far the realised share lies inside the nearer end, below
    zero where it lies outside; `yes_margin` the share it happened to among those who said yes, less one half;
    `no_margin` one half less that share among those who said no. None of the last three is below zero in the best case.
    """
    said, came = average(yes.astype(float), weights), average(event.astype(float), weights)
    low = combine(said.value / 2, [said], [0.5])
    high = combine((1 + said.value) / 2, [said], [0.5])
    nearer = min(difference(came, low), difference(high, came), key=lambda each: each.value)
    found = {"best_case_low": low, "best_case_high": high, "best_case_margin": nearer}
    for name, rows, sign in (("yes_margin", yes, 1.0), ("no_margin", ~yes, -1.0)):
        if rows.any():
            share = average(event.astype(float), weights, rows)
            found[name] = combine(sign * (share.value - 0.5), [share], [sign])
    return found


def verdicts(worse: np.ndarray, right: np.ndarray, weights: np.ndarray) -> dict[str, Estimand]:
    """
    Return the shares of claims that were right, too gloomy and too hopeful.

    Args:
        worse: which claims said worse than what happened (a mask).
        right: which came true (a mask); the others were too hopeful.
        weights: a weight a row.
    """
    each = {"right_share": right, "too_gloomy_share": worse & ~right, "too_hopeful_share": ~worse & ~right}
    return {name: average(rows.astype(float), weights) for name, rows in each.items()}
