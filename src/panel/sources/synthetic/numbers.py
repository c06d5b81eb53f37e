"""Amounts, counts and percentages as SYNTHETIC people give them: skewed, lumpy and rounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import Generator
from scipy.special import ndtr, ndtri

from panel.model.instrument import Variable
from panel.sources.synthetic.scene import Scene

Shape = Mapping[str, Any]


def amount(scene: Scene, shape: Shape, variable: Variable, draw: Generator) -> np.ndarray:
    """Return lognormal amounts by class, moved by the index; a share are losses of 30 % of what they would be."""
    level = scene.by_class(shape["mean_log"]) + scene.by_class(shape["spread"]) * scene.push(shape["person"])
    values = np.exp(level + scene.index(shape)) * scene.by_class(shape.get("factor", 1.0))
    values = np.where(draw.random(scene.size) < shape.get("losses", 0.0), -0.3 * values, values)
    low = shape.get("least", variable.minimum)
    high = shape.get("most", 0.9 * variable.maximum if variable.maximum else None)
    return np.clip(_rounded(values, draw), low, high).astype(object)


def _rounded(values: np.ndarray, draw: Generator) -> np.ndarray:
    """Round as people do: most to a thousand, some to five thousand, a few not at all."""
    step = draw.choice([1, 100, 1_000, 5_000], size=len(values), p=[0.05, 0.10, 0.55, 0.30])
    size = np.abs(values)
    step = np.where(size < 5_000, np.minimum(step, 100), step)
    step = np.where(size < 500, np.minimum(step, 5), step)
    return np.round(values / step) * step


def count(scene: Scene, shape: Shape, variable: Variable, draw: Generator) -> np.ndarray:
    """Return Poisson-lognormal counts within the range of the instrument."""
    level = np.log(scene.by_class(shape["mean"])) + scene.index(shape)
    spread = float(shape.get("spread", 0.0))
    values = draw.poisson(np.exp(level - spread**2 / 2 + spread * draw.normal(size=scene.size)))
    return np.clip(values, variable.minimum, variable.maximum).astype(int).astype(object)


def percent(scene: Scene, shape: Shape, _: Variable, draw: Generator) -> np.ndarray:
    """Return a percentage: a normal index through its distribution function, on fives, with a focal 50."""
    middle = ndtri(scene.by_class(shape["mean"]))
    spread = float(shape.get("spread", 0.8))
    index = middle * np.sqrt(1 + spread**2) + scene.index(shape) + spread * draw.normal(size=scene.size)
    values = np.round(100 * ndtr(index))
    fives = draw.random(scene.size) < shape.get("fives", 0.8)
    values = np.where(fives, np.round(values / 5) * 5, values)
    focal = draw.random(scene.size) < float(shape.get("fifty", 0.0))
    return np.where(focal, 50, values).astype(int).astype(object)


def from_another(scene: Scene, shape: Shape, variable: Variable, draw: Generator) -> np.ndarray:
    """Return a multiple of another answer, a part of it, or the band it falls in."""
    of = scene.made[shape["of"]].astype(float)
    if shape["kind"] == "multiple":
        factor = 1 + np.exp(draw.normal(np.log(shape.get("over", 0.4)), 0.6, len(of)))
        values = np.maximum(_rounded(np.abs(of) * factor, draw), np.maximum(of, 0))
        return np.clip(values, variable.minimum, variable.maximum).astype(object)
    if shape["kind"] == "part":
        whole = of.astype(int)
        return np.clip(draw.binomial(whole, shape.get("share", 0.6)), np.minimum(whole, 1), whole).astype(object)
    return (np.searchsorted(np.array(shape["edges"]), of, side="right") + 1).astype(object)
