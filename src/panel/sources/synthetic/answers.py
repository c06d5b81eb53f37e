"""How SYNTHETIC people answer: each variable from class, latents and what they said before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator
from scipy import stats

from panel.model.instrument import Instrument, Variable
from panel.sources.synthetic.people import People, by_class, generator
from panel.sources.synthetic.plan import Plan


def answers(people: People, plan: Plan, instrument: Instrument, *, seed: int, wave: int, year: int) -> pd.DataFrame:
    """
    Return what everybody would answer to every question of a wave, as values; routes are applied later.

    Facts and habits are remembered in `people.kept`, so that a person stays the same over the waves.
    """
    made: dict[str, np.ndarray] = {}
    grouped = {member: group for group in instrument.sum_groups for member in group.members}
    for question in instrument.questions:
        variable = question.variable
        draw = generator(seed, variable.name, wave)
        if variable.name == plan.state:
            made[variable.name] = np.array([_typed(code, variable) for code in people.state], dtype=object)
        elif variable.name in grouped:
            group = grouped[variable.name]
            if variable.name == group.members[0]:
                shape = plan.draws.get(group.key, {})
                parts = _composition(
                    people, shape, list(group.members), group.total, generator(seed, group.key, wave), wave
                )
                made |= parts
        else:
            shape = plan.draws.get(variable.name, {})
            values = _answer(people, shape, variable, draw, made, wave, year)
            made[variable.name] = _kept(people, shape, variable.name, values, draw, question.asked == "first")
    return pd.DataFrame(made)


def _typed(code: str, variable: Variable) -> object:
    return next((each for each in variable.codes if str(each) == str(code)), code)


def _kept(
    people: People,
    shape: Mapping[str, Any],
    name: str,
    fresh: np.ndarray,
    draw: Generator,
    is_fact: bool,
) -> np.ndarray:
    """Return values that stay with a person, but for the share that changes in a year."""
    stays = 1.0 if is_fact else float(shape.get("stays", 0.0))
    if stays == 0.0:
        return fresh
    before = people.kept.get(name, np.full(len(people), None, dtype=object))
    known = np.array([value is not None for value in before]) & (draw.random(len(people)) < stays)
    now = np.where(known, before, fresh).astype(object)
    people.kept[name] = now
    return now


def _answer(
    people: People,
    shape: Mapping[str, Any],
    variable: Variable,
    draw: Generator,
    made: Mapping[str, np.ndarray],
    wave: int,
    year: int,
) -> np.ndarray:
    kind = shape.get("kind")
    if kind == "shares":
        return _shares(people, shape, variable, draw)
    if kind == "ordinal":
        return _ordinal(people, shape, variable, draw, wave)
    if kind == "amount":
        return _amount(people, shape, draw, wave)
    if kind == "count":
        return _count(people, shape, draw, wave)
    if kind in ("probability", "share"):
        return _percent(people, shape, draw, wave)
    if kind in ("multiple", "part", "band"):
        return _from_another(kind, shape, made[shape["of"]], draw)
    return _by_itself(shape, variable, draw, len(people), year)


def _count(people: People, shape: Mapping[str, Any], draw: Generator, wave: int) -> np.ndarray:
    level = np.log(by_class(shape["mean"], people)) + _index(people, shape, wave)
    spread = float(shape.get("spread", 0.0))
    return draw.poisson(np.exp(level - spread**2 / 2 + spread * draw.normal(size=len(people)))).astype(object)


def _from_another(kind: str, shape: Mapping[str, Any], other: np.ndarray, draw: Generator) -> np.ndarray:
    """Return a multiple of another answer, a part of it, or the band it falls in."""
    of = other.astype(float)
    if kind == "multiple":
        factor = 1 + np.exp(draw.normal(np.log(shape.get("over", 0.4)), 0.6, len(of)))
        return np.maximum(_rounded(np.abs(of) * factor, draw), np.maximum(of, 0)).astype(object)
    if kind == "part":
        whole = of.astype(int)
        return np.clip(draw.binomial(whole, shape.get("share", 0.6)), np.minimum(whole, 1), whole).astype(object)
    return (np.searchsorted(np.array(shape["edges"]), of, side="right") + 1).astype(object)


def _by_itself(shape: Mapping[str, Any], variable: Variable, draw: Generator, size: int, year: int) -> np.ndarray:
    """Return a year of birth, a fixed text, or any value of the instrument."""
    if shape.get("kind") == "year":
        born = np.round(draw.normal(year - shape["mean_age"], shape["sd"], size))
        return np.clip(born, year - 75, year - 18).astype(int).astype(object)
    if shape.get("kind") == "text" or variable.kind == "text":
        return np.full(size, shape.get("says", ""), dtype=object)
    return _anything(variable, draw, size)


def _anything(variable: Variable, draw: Generator, size: int) -> np.ndarray:
    """Return any value of the instrument, all alike."""
    if variable.kind == "single" and variable.codes:
        return np.array(variable.codes, dtype=object)[draw.integers(0, len(variable.codes), size)]
    if variable.kind == "multi":
        hits = draw.random((size, len(variable.codes))) < 0.3
        return np.array(
            [";".join(str(code) for code, hit in zip(variable.codes, row, strict=True) if hit) for row in hits],
            dtype=object,
        )
    low = 0 if variable.minimum is None else variable.minimum
    high = low + 100 if variable.maximum is None else variable.maximum
    values = draw.integers(int(low), int(high) + 1, size)
    return values.astype(object)


def _shares(people: People, shape: Mapping[str, Any], variable: Variable, draw: Generator) -> np.ndarray:
    out = np.empty(len(people), dtype=object)
    tables = shape["shares"]
    by_state = isinstance(next(iter(tables.values())), dict)
    uniform = draw.random(len(people))
    for code in np.unique(people.state.astype(str)):
        table = tables.get(code, tables.get("default")) if by_state else tables
        here = people.state.astype(str) == code
        options = np.array([_typed(name, variable) for name in table], dtype=object)
        edges = np.cumsum(np.array(list(table.values()), dtype=float))
        out[here] = options[np.searchsorted(edges / edges[-1], uniform[here], side="right").clip(0, len(options) - 1)]
    return out


def _index(people: People, shape: Mapping[str, Any], wave: int) -> np.ndarray:
    """Return the weighted sum of latents, with the drift of the answer itself since the first wave."""
    drift = by_class(shape.get("drift", 0.0), people) * (wave - 1)
    return sum((weight * people.latents[name] for name, weight in shape.get("index", {}).items()), drift)


def _scatter(people: People, shape: Mapping[str, Any]) -> float:
    """Return the noise that brings the spread of an index to about one at the first wave."""
    variance = sum(weight**2 * float(np.var(people.latents[name])) for name, weight in shape.get("index", {}).items())
    return float(np.sqrt(max(1 - variance, 0.04)))


def _ordinal(people: People, shape: Mapping[str, Any], variable: Variable, draw: Generator, wave: int) -> np.ndarray:
    """
    Return answers on a scale: cut points on an index that give each class its shares at the first wave.

    `apart` are codes off the scale and the chance of each, which does not depend on the index.
    """
    index = _index(people, shape, wave) + _scatter(people, shape) * draw.normal(size=len(people))
    out = np.empty(len(people), dtype=object)
    for code in np.unique(people.state.astype(str)):
        table = shape["shares"].get(code, shape["shares"]["default"])
        here = people.state.astype(str) == code
        options = np.array([_typed(name, variable) for name in table], dtype=object)
        edges = np.cumsum(np.array(list(table.values()), dtype=float))
        cuts = stats.norm.ppf(edges[:-1] / edges[-1])
        out[here] = options[np.searchsorted(cuts, index[here])]
    for code, chance in shape.get("apart", {}).items():
        out[draw.random(len(people)) < by_class(chance, people)] = _typed(code, variable)
    return out


def _amount(people: People, shape: Mapping[str, Any], draw: Generator, wave: int) -> np.ndarray:
    spread = by_class(shape["spread"], people)
    level = by_class(shape["mean_log"], people) + spread * people.latents[shape["person"]]
    values = np.exp(level + _index(people, shape, wave)) * by_class(shape.get("factor", 1.0), people)
    loss = draw.random(len(people)) < shape.get("losses", 0.0)
    values = np.where(loss, -0.3 * values, values)
    return np.clip(_rounded(values, draw), shape.get("least", -90_000), shape.get("most", 450_000)).astype(object)


def _rounded(values: np.ndarray, draw: Generator) -> np.ndarray:
    """Round as people do: most to a thousand, some to five or ten thousand, a few not at all."""
    step = draw.choice([1, 100, 1_000, 5_000], size=len(values), p=[0.05, 0.10, 0.55, 0.30])
    step = np.where(np.abs(values) < 5_000, np.minimum(step, 100), step)
    return np.round(values / step) * step


def _percent(people: People, shape: Mapping[str, Any], draw: Generator, wave: int) -> np.ndarray:
    """Return a percentage: a normal index through its distribution function, on fives, with focal 0, 50 and 100."""
    middle = stats.norm.ppf(by_class(shape["mean"], people))
    spread = float(shape.get("spread", 0.8))
    index = middle * np.sqrt(1 + spread**2) + _index(people, shape, wave) + spread * draw.normal(size=len(people))
    values = np.round(100 * stats.norm.cdf(index))
    fives = draw.random(len(people)) < 0.8
    values = np.where(fives, np.round(values / 5) * 5, values)
    focal = draw.random(len(people)) < float(shape.get("fifty", 0.0))
    return np.where(focal, 50, values).astype(int).astype(object)


def _composition(
    people: People, shape: Mapping[str, Any], members: list[str], total: float, draw: Generator, wave: int
) -> dict[str, np.ndarray]:
    """Return parts that add up to `total` in steps of five: logistic normal, with the drift of each part by class."""
    spread = float(shape.get("spread", 0.5))
    columns = []
    for name in members:
        mean = np.log(by_class(shape.get("means", {}).get(name, 1.0), people))
        drift = by_class(shape.get("drift", {}).get(name, 0.0), people) * (wave - 1)
        key = f"part:{name}"
        habit = people.kept.get(key, np.full(len(people), None, dtype=object))
        new = np.array([value is None for value in habit])
        habit = np.where(new, draw.normal(size=len(people)), habit).astype(object)
        people.kept[key] = habit
        columns.append(mean + drift + spread * habit.astype(float) + 0.4 * spread * draw.normal(size=len(people)))
    weights = np.exp(np.stack(columns, axis=1))
    exact = total / 5 * weights / weights.sum(axis=1, keepdims=True)
    whole = np.floor(exact).astype(int)
    short = np.round(total / 5 - whole.sum(axis=1)).astype(int)
    order = np.argsort(-(exact - whole), axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    parts = 5 * (whole + (rank < short[:, None]))
    return {name: parts[:, place].astype(object) for place, name in enumerate(members)}
