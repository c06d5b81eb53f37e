"""Who belongs to which group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panel.model.study import Domain

MOST_CODES = 10_000
"""Whole numbers this close together are their own places in a table."""


def domain_codes(frame: pd.DataFrame, domain: Domain) -> np.ndarray:
    """Return for each row the place of its group in a domain, -1 where it has none."""
    known, values = _numbered(frame[domain.variable])
    place = np.full(len(values) + 1, -1, dtype=np.int32)  # the last for a missing value, whose code is -1
    for group_place, group in enumerate(domain.groups):
        place[:-1][pd.Series(values).isin(list(group.codes)).to_numpy(dtype=bool)] = group_place
    return place[known]


def _numbered(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return which value each row has (-1 where missing), and the values: few of them, for many rows."""
    if column.dtype.kind not in "iu" or column.empty or column.hasnans:
        codes, values = pd.factorize(column)
        return codes, np.asarray(values)
    least, most = int(column.min()), int(column.max())
    if most - least > MOST_CODES:
        codes, values = pd.factorize(column)
        return codes, np.asarray(values)
    return column.to_numpy(dtype=np.int64) - least, np.arange(least, most + 1)
