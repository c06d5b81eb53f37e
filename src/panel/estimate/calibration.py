"""What calibration takes off the variance: residuals on the margins, in place of the variable itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """The margins of one wave as indicator columns, for the rows that were calibrated."""

    rows: np.ndarray  # places of the calibrated rows
    x: np.ndarray  # rows by columns
    projection: np.ndarray | None  # (X' D X)^-1 X' D

    @classmethod
    def of(cls, rows: np.ndarray, domains: Sequence[np.ndarray], design_weight: np.ndarray) -> Calibration:
        """
        Return the calibration of `rows` (a mask) to the groups of `domains`, starting from `design_weight`.

        Rows in no group of a margin keep the share they had: that share is a column of its own.
        """
        places = np.flatnonzero(rows)
        if not domains:
            return cls(places, np.empty((len(places), 0)), None)
        x = indicators([codes[places] for codes in domains])
        weighted = x * design_weight[places][:, None]
        return cls(places, x, np.linalg.pinv(weighted.T @ x) @ weighted.T)

    def credited(self, linear: np.ndarray) -> np.ndarray:
        """
        Return u - x'B, B the regression of u on the margins under design weights; u elsewhere.

        Source: Deville and Särndal (1992), JASA 87, eq. 3.4. Oracle: o03 (`calibrate`).
        """
        if self.projection is None:
            return linear
        out = linear.copy()
        own = linear[self.rows]
        out[self.rows] = own - self.x @ (self.projection @ own)
        return out


def indicators(codes: Sequence[np.ndarray]) -> np.ndarray:
    """Return a column for each group of each margin, those in none together; the first margin has them all."""
    columns = []
    for place, each in enumerate(codes):
        groups = np.unique(each)
        columns += [(each == group).astype(float) for group in groups[1 if place else 0 :]]
    return np.stack(columns, axis=1)
