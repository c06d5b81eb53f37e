"""Who belongs to which group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panel.model.study import Domain


def domain_codes(frame: pd.DataFrame, domain: Domain) -> np.ndarray:
    """Return for each row the place of its group in a domain, -1 where it has none."""
    codes = np.full(len(frame), -1, dtype=np.int64)
    values = frame[domain.variable]
    for place, group in enumerate(domain.groups):
        codes[values.isin(list(group.codes)).to_numpy(dtype=bool)] = place
    return codes
