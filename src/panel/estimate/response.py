"""What estimated propensities do to the variance: those who did not answer have influence, too."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from panel.estimate.kernel import Design
from panel.estimate.margins import Cells


@dataclass(frozen=True)
class ResponseCredit:
    """
    The members who were due, whether they answered, and their estimated propensity.

    The weighted influence of a member becomes

        z_i - d_i (r_i - p_i) x_i' M^-1 q,   M = sum d p (1 - p) x x',   q = sum z (1 - p) x

    z being what it was (nothing for who did not answer), d the weight before the adjustment, and x the covariates of
    the logit, or a column a class. Those who are over-represented by chance among the answers are corrected by their
    propensity, so an estimated one usually makes estimates steadier than a known one would.

    Source: Kim and Kim (2007), Canadian Journal of Statistics 35, eq. 9; Beaumont (2005), Survey Methodology 31.
    Checked against replicates that estimate the propensity anew (tests/unit/test_response.py).
    """

    answered: np.ndarray
    propensity: np.ndarray
    cells: Cells
    design_weight: np.ndarray

    @cached_property
    def _chance(self) -> np.ndarray:
        """Return the propensity of each cell."""
        chance = np.zeros(len(self.cells.x))
        chance[self.cells.of] = self.propensity
        return chance

    @cached_property
    def _spread(self) -> np.ndarray:
        held = self.cells.sums(self.design_weight) * self._chance * (1 - self._chance)
        return np.linalg.pinv(np.einsum("cp,c,cq->pq", self.cells.x, held, self.cells.x), hermitian=True)

    @cached_property
    def surprise(self) -> np.ndarray:
        """Return by how much each member answered more than was expected, in design weight."""
        return np.asarray(self.design_weight * (self.answered - self.propensity))

    def slopes(self, pull: np.ndarray) -> np.ndarray:
        """Return M^-1 q, from q; one row an estimate."""
        return np.einsum("pq,kq->kp", self._spread, pull)

    def influence(self, weighted: np.ndarray) -> np.ndarray:
        """
        Return the weighted influence of everybody who was due, from that of those who answered (zero elsewhere).

        Of one estimate, or of several, a row each.
        """
        rows = weighted.reshape(-1, weighted.shape[-1])
        held = np.stack([self.cells.sums(each) for each in rows]) * (1 - self._chance)
        pull = np.einsum("kc,cp->kp", held, self.cells.x)
        slope = np.einsum("kp,cp->kc", self.slopes(pull), self.cells.x)
        out = np.take(slope, self.cells.of, axis=1)
        out *= -self.surprise
        out += rows
        return out.reshape(weighted.shape)


@dataclass(frozen=True)
class Lost:
    """
    The credit of estimated propensities, and the design of those who answered and, after them, of the lost.

    The rows of a sample are the first of `credit`, `design` and `places`, which say where each is in the whole sample.
    """

    credit: ResponseCredit
    design: Design
    places: np.ndarray | None = None

    def influence(self, weighted: np.ndarray) -> np.ndarray:
        """Return the influence of everybody who was due, from that of those who answered."""
        whole = np.zeros((*weighted.shape[:-1], len(self.credit.answered)))
        whole[..., : weighted.shape[-1]] = weighted
        return self.credit.influence(whole)

    def totals(self, weighted: np.ndarray) -> np.ndarray:
        """Return by PSU the influence of everybody who was due, from that of those who answered."""
        return self.design.totals(self.influence(weighted))
