"""One row a figure: the frame every estimate comes in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

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


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: what it is about, and how sure it is."""

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


def to_frame(figures: list[Figure]) -> pd.DataFrame:
    """Return figures as schema.ESTIMATES, in the order given; what cannot be told is null, never a number."""
    rows = []
    for figure in figures:
        row = vars(figure) | vars(figure.label)
        del row["label"]
        row["status"] = "provisional" if row.pop("is_provisional") else "final"
        rows.append({name: _finite(value) for name, value in row.items()})
    if not rows:
        return ESTIMATES.empty()
    return ESTIMATES.coerce(pd.DataFrame(rows))[ESTIMATES.names]


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not np.isfinite(value) else value
