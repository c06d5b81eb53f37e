"""The weighted rows of one wave of a sample."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from panel.estimate.calibration import Calibration
from panel.estimate.grouped import Grouped
from panel.estimate.kernel import Design


def rows_at(rows: np.ndarray) -> np.ndarray | slice:
    """Return where a mask is true: a slice where those rows lie side by side, so that a part of an array is a view."""
    places = np.flatnonzero(rows)
    beside = len(places) > 0 and int(places[-1]) - int(places[0]) == len(places) - 1
    return slice(int(places[0]), int(places[-1]) + 1) if beside else places


@dataclass(frozen=True, eq=False)
class Part:
    """The weighted rows of one wave: where they are, their weights, the design they are of, and calibration."""

    places: np.ndarray | slice
    weight: np.ndarray
    whole: Design
    calibration: Calibration | None = None

    @classmethod
    def of(cls, design: Design, weight: np.ndarray, rows: np.ndarray, calibration: Calibration | None = None) -> Part:
        """Return the part of a sample that is `rows` (a mask); a view of it where they lie side by side."""
        where = rows_at(rows)
        return cls(where, weight[where], design, calibration)

    @cached_property
    def design(self) -> Design:
        """Return the design of these rows; PSUs without any of them count with zero."""
        places = self.places
        return self.whole.take(np.arange(places.start, places.stop) if isinstance(places, slice) else places)

    def spread(self, linear: np.ndarray, rows: int) -> np.ndarray:
        """Return a number for each of a sample's rows: that of these, and zero elsewhere; or several rows of them."""
        out = np.zeros((*linear.shape[:-1], rows))
        out[..., self.places] = linear
        return out

    def influence(self, linear: np.ndarray) -> np.ndarray:
        """Return weighted influence of these rows, with calibration credited."""
        return np.asarray(self.weight * (self.calibration.residuals(linear) if self.calibration else linear))

    def influences(self, found: Grouped, groups: range) -> np.ndarray:
        """Return the same for the estimates of some groups of these rows: groups by rows."""
        mine: np.ndarray | slice = slice(None)
        if len(groups) < found.count:
            mine = np.flatnonzero((found.owner >= groups.start) & (found.owner < groups.stop))
        owner, rows, pull = found.owner[mine] - groups.start, found.rows[mine], found.pull[mine]
        out = self._explained(owner, rows, pull, len(groups))
        out[owner, rows] += pull
        out *= self.weight
        return out

    def _explained(self, owner: np.ndarray, rows: np.ndarray, pull: np.ndarray, count: int) -> np.ndarray:
        """Return less what the margins explain of the estimates of groups: groups by rows."""
        if self.calibration is None or not self.calibration.cells.x.size:
            return np.zeros((count, len(self.weight)))
        fitted = self.calibration.fitted(self.calibration.by_cell(pull, owner, rows, count))
        out = np.take(-fitted, self.calibration.cells.of, axis=1)
        if self.calibration.cut is not None:
            out /= self.calibration.cut
        return out

    def at(self, rows: np.ndarray) -> np.ndarray:
        """Return where rows of the part are in the sample."""
        return rows + self.places.start if isinstance(self.places, slice) else self.places[rows]
