"""One row a figure: the frame every estimate comes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import pandas as pd

from panel.estimate.kernel import Design
from panel.schema import ESTIMATES


@dataclass(frozen=True, kw_only=True)
class Label:
    """What a figure is about."""

    indicator: str
    variable: str
    domain: str | None
    group: str
    denominator: str
    unit: str
    terms: str = ""
    value: str | None = None


@dataclass(frozen=True)
class Influence:
    """What the covariance of a figure with others needs: its weighted influence by PSU, and the design of those."""

    totals: np.ndarray
    design: Design
    degrees: int


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: what it is about, and how sure it is; its influence only where intervals are to hold together."""

    label: Label
    statistic: str
    wave: int
    estimate: float
    se: float
    low: float
    high: float
    n: int
    n_eff: float
    weight: str
    method: str
    from_wave: int | None = None
    is_provisional: bool = False
    influence: Influence | None = field(default=None, repr=False, compare=False)


def to_frame(figures: Sequence[Figure]) -> pd.DataFrame:
    """Return figures as schema.ESTIMATES, in the order given; what cannot be told is null, never a number."""
    if not figures:
        return ESTIMATES.empty()
    made: dict[str, object] = {name: [getattr(figure.label, name) for figure in figures] for name in _OF_LABEL}
    made |= {name: [getattr(figure, name) for figure in figures] for name in _OF_FIGURE}
    for name in _NUMBERS:
        values = np.array([getattr(figure, name) for figure in figures], dtype=float)
        made[name] = pd.arrays.FloatingArray(np.where(np.isfinite(values), values, 0.0), ~np.isfinite(values))
    made["status"] = ["provisional" if figure.is_provisional else "final" for figure in figures]
    return ESTIMATES.coerce(pd.DataFrame(made))[ESTIMATES.names]


_NUMBERS = ("estimate", "se", "low", "high", "n_eff")
_OF_LABEL = tuple(each.name for each in fields(Label))
_OF_FIGURE = ("statistic", "wave", "n", "weight", "method", "from_wave")
