"""How SYNTHETIC people answer: each variable from class, latents and what they said before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator
from scipy.special import ndtri

from panel.model.instrument import Instrument, Question, Variable
from panel.sources.synthetic.compose import composition
from panel.sources.synthetic.numbers import amount, count, from_another, percent
from panel.sources.synthetic.people import People, generator
from panel.sources.synthetic.plan import Plan
from panel.sources.synthetic.scene import Scene, typed

Shape = Mapping[str, Any]


def answers(people: People, plan: Plan, instrument: Instrument, *, seed: int, wave: int, year: int) -> pd.DataFrame:
    """
    Return what everybody would answer to every question of a wave, as values; routes are applied later.

    Facts and habits are remembered in `people.kept`, so that a person stays the same over the waves.
    """
    scene = Scene(people, plan, wave, year, {})
    grouped = {member: group for group in instrument.sum_groups for member in group.members}
    for question in _in_order(plan, instrument):
        name = question.variable.name
        if name not in grouped:
            scene.made[name] = _one(scene, question, generator(seed, name, wave))
        elif name not in scene.made:
            group = grouped[name]
            shape = plan.draws.get(group.key, {})
            scene.made.update(composition(scene, shape, group, generator(seed, group.key, wave)))
    return pd.DataFrame({name: scene.made[name] for name in (each.variable.name for each in instrument.questions)})


def remember(people: People, plan: Plan, truth: pd.DataFrame, places: np.ndarray) -> None:
    """Keep what people said this wave of the variables that later answers or retention look back on."""
    for name in plan.looked_back_on:
        last = people.last.get(name, np.full(len(people), None, dtype=object))
        last[places] = truth[name].to_numpy(dtype=object) if name in truth else None
        people.last[name] = last


def _in_order(plan: Plan, instrument: Instrument) -> Iterator[Question]:
    """Yield questions so that what an answer is drawn from comes before it."""
    by_name = {question.variable.name: question for question in instrument.questions}
    members = {group.key: group.members for group in instrument.sum_groups}
    draw_of = {name: key for key, names in members.items() for name in names}
    done: set[str] = set()

    def visit(name: str) -> Iterator[Question]:
        if name not in done:
            done.add(name)
            for source in plan.sources_of(draw_of.get(name, name)):
                if source in by_name:
                    yield from visit(source)
            yield by_name[name]

    for name in by_name:
        yield from visit(name)


def _one(scene: Scene, question: Question, draw: Generator) -> np.ndarray:
    variable = question.variable
    if variable.name == scene.plan.state:
        codes = {code: typed(code, variable) for code in set(scene.people.state)}
        return np.array([codes[code] for code in scene.people.state], dtype=object)
    shape = scene.plan.draws.get(variable.name, {})
    fresh = _DRAWN[shape["kind"]](scene, shape, variable, draw) if shape else _anything(variable, draw, scene.size)
    return _kept(scene.people, shape, variable.name, fresh, draw, is_fact=question.asked == "first")


def _kept(people: People, shape: Shape, name: str, fresh: np.ndarray, draw: Generator, *, is_fact: bool) -> np.ndarray:
    """Return values that stay with a person, but for the share that changes in a year."""
    stays = 1.0 if is_fact else float(shape.get("stays", 0.0))
    if stays == 0.0:
        return fresh
    before = people.kept.get(name, np.full(len(people), None, dtype=object))
    known = pd.notna(before) & (draw.random(len(people)) < stays)
    now = np.where(known, before, fresh).astype(object)
    people.kept[name] = now
    return now


def _shares(scene: Scene, shape: Shape, variable: Variable, draw: Generator) -> np.ndarray:
    out = np.empty(scene.size, dtype=object)
    uniform = draw.random(scene.size)
    for here, table in scene.tables(shape["shares"]):
        options, edges = _options(table, variable)
        out[here] = options[np.searchsorted(edges, uniform[here], side="right").clip(0, len(options) - 1)]
    return out


def _options(table: Mapping[str, float], variable: Variable) -> tuple[np.ndarray, np.ndarray]:
    options = np.array([typed(name, variable) for name in table], dtype=object)
    edges = np.cumsum(np.array(list(table.values()), dtype=float))
    return options, edges / edges[-1]


def _ordinal(scene: Scene, shape: Shape, variable: Variable, draw: Generator) -> np.ndarray:
    """
    Return answers on a scale: cut points on an index that give each class its shares at the first wave.

    `apart` are codes off the scale and the chance of each, which does not depend on the index.
    """
    index = scene.index(shape) + scene.scatter(shape) * draw.normal(size=scene.size)
    out = np.empty(scene.size, dtype=object)
    for here, table in scene.tables(shape["shares"]):
        options, edges = _options(table, variable)
        out[here] = options[np.searchsorted(ndtri(edges[:-1]), index[here])]
    for code, chance in shape.get("apart", {}).items():
        out[draw.random(scene.size) < scene.by_class(chance)] = typed(code, variable)
    return out


def _year(scene: Scene, shape: Shape, variable: Variable, draw: Generator) -> np.ndarray:
    """Return a year of birth of people aged 18 to 75, within the range of the instrument."""
    born = np.round(draw.normal(scene.year - shape["mean_age"], shape["sd"], scene.size))
    low, high = scene.year - 75, scene.year - 18
    return (
        np.clip(born, max(low, variable.minimum or low), min(high, variable.maximum or high)).astype(int).astype(object)
    )


def _text(scene: Scene, shape: Shape, _: Variable, __: Generator) -> np.ndarray:
    return np.full(scene.size, shape.get("says", ""), dtype=object)


def _changed(scene: Scene, shape: Shape, variable: Variable, _: Generator) -> np.ndarray:
    """Say whether the answer to another question is a different one from the last time."""
    last, now = scene.last(shape["of"]), scene.made[shape["of"]]
    yes, no = (typed(shape[key], variable) for key in ("yes", "no"))
    return np.array([no, yes], dtype=object)[(pd.notna(last) & (last != now)).astype(int)]


def _revised(scene: Scene, shape: Shape, variable: Variable, draw: Generator) -> np.ndarray:
    """Return what an amount of the last time turned out to be, of those whose answers then were as `where` says."""
    amount_then = scene.last(shape["of"])
    asked = pd.notna(amount_then)
    for name, code in shape.get("where", {}).items():
        asked &= np.array([str(each) == str(code) for each in scene.last(name)], dtype=bool)
    values = np.where(asked, amount_then, 0.0).astype(float)
    moved = draw.random(scene.size) < shape.get("revised", 1.0)
    values = np.where(moved, np.round(values * np.exp(draw.normal(0, shape.get("spread", 0.2), scene.size))), values)
    values = np.clip(values, variable.minimum, variable.maximum)
    return pd.Series(values, dtype=object).where(asked, None).to_numpy()


def _anything(variable: Variable, draw: Generator, size: int) -> np.ndarray:
    """Return any value of the instrument, all alike; a text says that it is synthetic, a date is of the year 2000."""
    if variable.kind == "text":
        return np.full(size, "", dtype=object)
    if variable.kind == "date":
        days = np.datetime64("2000-01-01") + draw.integers(0, 366, size).astype("timedelta64[D]")
        return np.datetime_as_string(days, unit="D").astype(object)
    if variable.kind == "single":
        return np.array(variable.codes, dtype=object)[draw.integers(0, len(variable.codes), size)]
    if variable.kind == "multi":
        return _several([str(code) for code in variable.codes], draw, size)
    low = 0.0 if variable.minimum is None else variable.minimum
    high = low + 100 if variable.maximum is None else variable.maximum
    values = draw.integers(int(np.ceil(low)), int(np.floor(high)) + 1, size)
    return values.astype(object)


def _several(codes: list[str], draw: Generator, size: int) -> np.ndarray:
    hits = draw.random((size, len(codes))) < 0.3
    distinct, places = np.unique(hits, axis=0, return_inverse=True)
    said = [";".join(code for code, hit in zip(codes, row, strict=True) if hit) for row in distinct]
    return np.array(said, dtype=object)[places.ravel()]


_DRAWN: dict[str, Callable[[Scene, Shape, Variable, Generator], np.ndarray]] = {
    "shares": _shares,
    "ordinal": _ordinal,
    "year": _year,
    "text": _text,
    "changed": _changed,
    "revised": _revised,
    "amount": amount,
    "count": count,
    "probability": percent,
    "share": percent,
    "multiple": from_another,
    "part": from_another,
    "band": from_another,
}
