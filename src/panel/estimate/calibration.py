"""What calibration takes off the variance: residuals on the margins, in place of the variable itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from panel.estimate.margins import Cells, Target


@dataclass(frozen=True)
class Free:
    """
    Margins in which some members have no group: their share is the sample's own, and so has a variance itself.

    `slope` by column: what a share moved to those without a group does to a fitted value; `lift` by cell: how far the
    members of a cell move that share, in calibrated weight.
    """

    slope: np.ndarray  # margins by columns
    lift: np.ndarray  # cells by margins


@dataclass(frozen=True)
class Calibration:
    """
    The margins of one wave, for the rows that were calibrated.

    Rows in the same groups of every margin form a cell and share a fitted value, so a regression on the margins needs
    sums by cell only. `cut` is the weight used over the calibrated weight, where weights were trimmed after.
    """

    rows: np.ndarray  # places of the calibrated rows
    design_weight: np.ndarray  # the same rows
    cells: Cells
    inverse: np.ndarray  # columns by columns: (X' D X)^-1
    free: Free | None = None
    cut: np.ndarray | None = None

    @classmethod
    def of(
        cls, rows: np.ndarray, targets: Sequence[Target], design_weight: np.ndarray,
        calibrated: np.ndarray | None = None, weight: np.ndarray | None = None,
    ) -> Calibration:  # fmt: skip
        """
        Return the calibration of `rows` (a mask) to `targets`, starting from `design_weight`.

        Rows in no group of a margin keep the share they had; with `calibrated`, the calibrated weights, the variance of
        that share is counted too. With `weight` beside them, the weights used where they were trimmed after.
        """
        places = np.flatnonzero(rows)
        own = design_weight[places]
        if not targets or not len(places):
            nothing = Cells(np.zeros(len(places), dtype=np.int64), np.zeros((1, 0)), ())
            return cls(places, own, nothing, np.zeros((0, 0)))
        inside = [target.at(places) for target in targets]
        cells = Cells.cut(inside)
        free = None if calibrated is None else _free(inside, cells, own, calibrated[places])
        return cls(places, own, cells, _inverse(cells, own), free, _cut(weight, calibrated, places))

    @classmethod
    def on(
        cls, x: np.ndarray, design_weight: np.ndarray, *, calibrated: np.ndarray | None = None,
        weight: np.ndarray | None = None,
    ) -> Calibration:  # fmt: skip
        """
        Return the calibration of every row to totals of `x`, rows by auxiliary variables.

        With `calibrated` and `weight`, weights before and after trimming, it is credited as far as it still holds.
        Oracle: o03 (greg_api99, trim).
        """
        cells = Cells.of_rows(x, [str(place) for place in range(x.shape[1])])
        places = np.arange(len(x))
        cut = _cut(weight, calibrated, places)
        return cls(places, design_weight, cells, _inverse(cells, design_weight), None, cut)

    def residuals(self, linear: np.ndarray) -> np.ndarray:
        """
        Return u - x'B of the calibrated rows, B the regression of u on the margins under design weights.

        Source: Deville and Särndal (1992), JASA 87, eq. 3.4; the share of those in no group by Särndal, Swensson and
        Wretman (1992), result 9.7.1 (auxiliary totals estimated from the sample). Oracle: o03 (every distance).
        """
        if not self.cells.x.size:
            return linear
        aimed = linear if self.cut is None else linear * self.cut
        fitted = self.fitted(self.cells.sums(self.design_weight * aimed)[None, :])[0]
        left = aimed - fitted[self.cells.of]
        return np.asarray(left if self.cut is None else left / self.cut)

    def by_cell(self, linear: np.ndarray, code: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
        """Return for each of `count` groups the sums by cell that `fitted` takes, of rows in one group each."""
        held = self.aimed_weight[places] * linear
        cells = len(self.cells.x)
        sums = np.bincount(code * cells + self.cells.of[places], weights=held, minlength=count * cells)
        return sums.reshape(count, cells)

    @cached_property
    def aimed_weight(self) -> np.ndarray:
        """Return the weight of each calibrated row in the regression: by design, with what trimming did to its aim."""
        return self.design_weight if self.cut is None else self.design_weight * self.cut

    @cached_property
    def basis(self) -> np.ndarray:
        """Return what fitted values are made of: the margins of each cell, and how far it moves the free shares."""
        return self.cells.x if self.free is None else np.hstack([self.cells.x, self.free.lift])

    def slopes(self, sums: np.ndarray) -> np.ndarray:
        """Return the slopes on `basis`, from the design-weighted sums by cell; one row an estimate."""
        slope = np.einsum("pq,kq->kp", self.inverse, np.einsum("kc,cp->kp", sums, self.cells.x))
        if self.free is None:
            return np.asarray(slope)
        return np.hstack([slope, -np.einsum("kp,mp->km", slope, self.free.slope)])

    def fitted(self, sums: np.ndarray) -> np.ndarray:
        """Return the fitted value of each cell, from the design-weighted sums by cell; one row an estimate."""
        return np.einsum("kp,cp->kc", self.slopes(sums), self.basis)

    def credited(self, linear: np.ndarray) -> np.ndarray:
        """Return the residuals in the calibrated rows, and u elsewhere."""
        if not self.cells.x.size:
            return linear
        own = linear[self.rows]
        if not own.any():  # an estimate of other waves
            return linear
        out = linear.copy()
        out[self.rows] = self.residuals(own)
        return out


def _cut(weight: np.ndarray | None, calibrated: np.ndarray | None, places: np.ndarray) -> np.ndarray | None:
    """Return the weights used over the calibrated ones; None where they are the same."""
    if weight is None or calibrated is None or np.array_equal(weight[places], calibrated[places]):
        return None
    return np.asarray(weight[places] / calibrated[places])


def _inverse(cells: Cells, design_weight: np.ndarray) -> np.ndarray:
    held = np.einsum("cp,c,cq->pq", cells.x, cells.sums(design_weight), cells.x)
    return np.linalg.pinv(held, hermitian=True)


def _free(targets: Sequence[Target], cells: Cells, design: np.ndarray, weight: np.ndarray) -> Free | None:
    """Return the margins with members in no group; None where everybody has one."""
    open_ones = [target for target in targets if (target.codes < 0).any()]
    if not open_ones:
        return None
    held, made = cells.sums(design), cells.sums(weight)
    ratio = np.divide(held, made, out=np.zeros_like(held), where=made > 0) * (made.sum() / held.sum())
    slopes, lifts = [], []
    for target in open_ones:
        outside = cells.sums((target.codes < 0).astype(float)) > 0
        share = float(held[outside].sum() / held.sum())
        wanted = dict(zip(target.groups, target.shares, strict=True))
        slopes.append([
            0.0 if margin != target.name else -wanted[group] if group in wanted else 1.0
            for margin, group in cells.names
        ])  # fmt: skip
        lifts.append((outside - share) * ratio)
    return Free(np.array(slopes), np.stack(lifts, axis=1))
