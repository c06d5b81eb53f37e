"""What calibration takes off the variance: residuals on the margins, in place of the variable itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """
    The margins of one wave, for the rows that were calibrated.

    Rows in the same groups of every margin form a cell and share a fitted value, so a regression on the margins needs
    sums by cell only.
    """

    rows: np.ndarray  # places of the calibrated rows
    cells: np.ndarray  # the cell of each of them
    design_weight: np.ndarray  # the same rows
    projection: np.ndarray | None  # cells by cells: X (X' D X)^-1 X'

    @classmethod
    def of(cls, rows: np.ndarray, domains: Sequence[np.ndarray], design_weight: np.ndarray) -> Calibration:
        """
        Return the calibration of `rows` (a mask) to the groups of `domains`, starting from `design_weight`.

        Rows in no group of a margin keep the share they had: that share is a column of its own.
        """
        places = np.flatnonzero(rows)
        own = design_weight[places]
        if not domains or not len(places):
            return cls(places, np.zeros(len(places), dtype=np.int64), own, None)
        codes = [each[places] for each in domains]
        crossed = np.zeros(len(places), dtype=np.int64)
        for each in codes:
            crossed = crossed * (int(each.max()) + 2) + each + 1
        _, first, cells = np.unique(crossed, return_index=True, return_inverse=True)
        x = indicators([each[first] for each in codes])
        held = np.bincount(cells, weights=own)
        return cls(places, cells, own, x @ np.linalg.pinv((x * held[:, None]).T @ x) @ x.T)

    def residuals(self, linear: np.ndarray) -> np.ndarray:
        """
        Return u - x'B of the calibrated rows, B the regression of u on the margins under design weights.

        Source: Deville and Särndal (1992), JASA 87, eq. 3.4. Oracle: o03 (`calibrate`).
        """
        if self.projection is None:
            return linear
        sums = np.bincount(self.cells, weights=self.design_weight * linear, minlength=len(self.projection))
        return np.asarray(linear - (self.projection @ sums)[self.cells])

    def credited(self, linear: np.ndarray) -> np.ndarray:
        """Return the residuals in the calibrated rows, and u elsewhere."""
        if self.projection is None:
            return linear
        out = linear.copy()
        out[self.rows] = self.residuals(linear[self.rows])
        return out


def indicators(codes: Sequence[np.ndarray]) -> np.ndarray:
    """Return a column for each group of each margin, those in none together; the first margin has them all."""
    columns = []
    for place, each in enumerate(codes):
        groups = np.unique(each)
        columns += [(each == group).astype(float) for group in groups[1 if place else 0 :]]
    return np.stack(columns, axis=1)
