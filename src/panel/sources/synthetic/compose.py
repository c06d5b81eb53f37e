"""Parts that add up to a total, as SYNTHETIC people divide their time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import Generator

from panel.model.instrument import SumGroup
from panel.sources.synthetic.scene import Scene

_HABIT = 0.4  # noise of a year beside the habit of a person


def composition(scene: Scene, shape: Mapping[str, Any], group: SumGroup, draw: Generator) -> dict[str, np.ndarray]:
    """
    Return parts that add up to the total of a group, by variable.

    Logistic normal (Aitchison 1982) around the means of the plan, with the drift of each part by class; in steps of a
    twentieth of the total, by the largest remainder.
    """
    spread = float(shape.get("spread", 0.5))
    columns = []
    for name in group.members:
        mean = np.log(scene.by_class(shape.get("means", {}).get(name, 1.0)))
        drift = scene.by_class(shape.get("drift", {}).get(name, 0.0)) * (scene.wave - 1)
        noise = _HABIT * draw.normal(size=scene.size)
        columns.append(mean + drift + spread * (_habit(scene, name, draw) + noise))
    weights = np.exp(np.stack(columns, axis=1))
    exact = 20 * weights / weights.sum(axis=1, keepdims=True)
    whole = np.floor(exact).astype(int)
    short = 20 - whole.sum(axis=1)
    order = np.argsort(-(exact - whole), axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    parts = (whole + (rank < short[:, None])) * group.total / 20
    values = parts.astype(int) if float(group.total / 20).is_integer() else parts
    return {name: values[:, place].astype(object) for place, name in enumerate(group.members)}


def _habit(scene: Scene, name: str, draw: Generator) -> np.ndarray:
    """Return how far a person leans to a part, in standard deviations; the same in every wave."""
    fresh = draw.normal(size=scene.size)
    before = scene.people.kept.get(f"part:{name}", np.full(scene.size, None, dtype=object))
    known = before.astype(float)  # None becomes not a number
    habit = np.where(np.isnan(known), fresh, known)
    scene.people.kept[f"part:{name}"] = habit.astype(object)
    return habit
