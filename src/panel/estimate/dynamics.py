"""Income dynamics: how members' own amounts changed, as CBS tells it of classes of workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.grouped import Grouped, means
from panel.estimate.grouping import Grouping
from panel.estimate.pairs import Pair
from panel.estimate.rows import Figure, Label
from panel.estimate.split import Split

Rule = Literal["both", "first", "second"]
RULES: tuple[Rule, ...] = get_args(Rule)
PERCENTILES = (20, 40, 60, 80)
NEGLIGIBLE = 1e-12
"""Beyond the threshold by so little is on it: 420 of 400 is five per cent, whatever a double makes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamics:
    """What is asked: of which amount, from which relative change on it has moved, and in which prices."""

    variable: str
    threshold: float = 0.0
    in_real_terms: bool = True


def ruled(first: Grouping, second: Grouping, rule: Rule) -> Grouping:
    """
    Return who is in which group over two waves, by rows of either.

    "both" takes those in the same group in both waves (the equal transitions of CBS), "first" and "second" those in it
    then. Members who change class are in no group of "both": compare the rules to see what they do.

    Raises:
        EstimateError: there is no such rule.
    """
    if rule not in RULES:
        raise EstimateError(f"There is no rule '{printable(rule)}' of groups.", fix=f"one of {', '.join(RULES)}")
    if rule == "both":
        return first.among(first.codes == second.codes)
    return first if rule == "first" else second


def dynamics(pair: Pair, labels: Sequence[Label], asked: Dynamics, groups: Grouping, *, method: str) -> list[Figure]:
    """
    Return, for each group, the median and percentiles of members' relative change, and who fell, stayed and rose.

    The relative change is (y2 - y1) / y1, of members whose first amount is above zero, with Woodruff's intervals. The
    shares count everybody who gave both amounts: fell (below minus the threshold), stayed, rose (above it), and those
    whose first amount is zero or negative, of whom no relative change can be told, as a line of their own
    (`dynamics_share_no_base`); the four add up to one. `n` of a figure are the members it counts.

    Source: CBS, StatLine 83781NED, columns; kernel for standard errors. Oracle: o05 (median_pct_change_by_status,
    share_dec_unch_inc_by_status).

    Args:
        pair: the two waves, with their longitudinal weight.
        labels: what the figures of each group are about, in ratios.
        asked: the amount, the threshold and the prices.
        groups: who is in which, by rows of the pair.
        method: how the intervals are meant.

    Raises:
        EstimateError: the threshold is negative or no number, or nobody gave both amounts.
    """
    if not 0 <= asked.threshold < np.inf:
        raise EstimateError("The threshold is a share of the first amount, zero or more.", fix="threshold=0.05")
    first, second = (
        each.number(asked.variable, in_real_terms=asked.in_real_terms)[pair.part.places]
        for each in (pair.now, pair.then)
    )
    both = np.isfinite(first) & np.isfinite(second)
    codes = np.where(both, groups.codes[pair.part.places], -1)
    if (codes < 0).all():
        raise EstimateError(
            f"Nobody in these groups gave '{asked.variable}' in both waves {pair.waves[0]} and {pair.waves[1]}.",
            fix="choose waves that both asked it, or other groups",
        )
    has_base = both & (first > 0)
    change = np.divide(second, first, out=np.ones_like(first), where=has_base) - 1
    told = _Told(pair, labels, codes, method, asked.in_real_terms and pair.now.is_provisional(*pair.waves))
    return told.by_group([*told.percentiles(change, has_base), *told.shares(change, has_base, asked.threshold)])


@dataclass(frozen=True)
class _Told:
    """Figures of every group about one pair of waves."""

    pair: Pair
    labels: Sequence[Label]
    codes: np.ndarray
    method: str
    is_provisional: bool

    def percentiles(self, change: np.ndarray, has_base: np.ndarray) -> list[list[Figure | None]]:
        """Return the median and the percentiles of the relative change."""
        own = Split.of(np.where(has_base, self.codes, -1), len(self.labels))
        asked = [("dynamics_median", 0.5), *((f"dynamics_p{each}", each / 100) for each in PERCENTILES)]
        if not len(own.rows):
            return [[None] * len(self.labels) for _ in asked]
        found = [(name, self.pair.now.quantiles(self.pair.part, change, own, p=p)) for name, p in asked]
        return [self._figures(self.labels, name, each) for name, each in found]

    def shares(self, change: np.ndarray, has_base: np.ndarray, threshold: float) -> list[list[Figure | None]]:
        """Return the shares that fell, stayed, rose, and had no base to tell a change from."""
        reach = threshold + NEGLIGIBLE
        moves = {
            "fell": has_base & (change < -reach),
            "same": has_base & (np.abs(change) <= reach),
            "rose": has_base & (change > reach),
            "no_base": ~has_base,
        }
        labels = [replace(each, unit="share") for each in self.labels]
        weight, split = self.pair.part.weight, Split.of(self.codes, len(labels))
        return [
            self._figures(labels, f"dynamics_share_{name}", means(hit.astype(float), weight, split))
            for name, hit in moves.items()
        ]

    def _figures(self, labels: Sequence[Label], statistic: str, found: Grouped) -> list[Figure | None]:
        degrees = self.pair.degrees(found)
        return self.pair.figures(
            labels, statistic, found, degrees, method=self.method, is_provisional=self.is_provisional
        )

    def by_group(self, columns: Sequence[Sequence[Figure | None]]) -> list[Figure]:
        """Return the figures, those of a group together."""
        return [figure for row in zip(*columns, strict=True) for figure in row if figure is not None]
