"""Matched change between neighbouring waves, and the chain of its links over many years."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.between import Between
from panel.estimate.contrasts import chain
from panel.estimate.decomposition import Amount
from panel.estimate.grouped import Grouped, means
from panel.estimate.grouping import Grouping
from panel.estimate.pairs import Pair
from panel.estimate.rows import Figure, Influence, Label
from panel.estimate.split import Split
from panel.estimate.strands import Strand, Strands, degrees_of

GroupsOf = Callable[[Pair], Grouping]


def chained(
    pairs: Sequence[Pair], labels: Sequence[Label], amount: Amount, groups: GroupsOf, *, method: str
) -> list[Figure]:
    """
    Return for each group how the sum of matched members' amounts moved, wave by wave, and the chain of all links.

        R_t = sum_matched w y_t+1 / sum_matched w y_t - 1,   chain = prod (1 + R_t) - 1

    Each link compares the same members with themselves, so that who comes and goes moves nothing; the chain is what an
    amount would have become that moved like theirs in every step. The links share members, and their errors are joint.

    Source: matched-model index, ILO (2020), Consumer Price Index Manual, ch. 6; delta method. Oracle: o05
    (matched_ratio_zzp, chained_index_zzp_1_4).

    Args:
        pairs: neighbouring waves in order, each with its longitudinal weight.
        labels: what the figures of each group are about.
        amount: values by rows of the whole sample, NaN where missing; its first and last wave.
        groups: gives who is in which group, by rows of a pair.
        method: how the intervals are meant.

    Raises:
        EstimateError: no group has a chain: in some step nobody has both amounts, or the first add up to nothing.
    """
    links = [_ratios(pair, amount, groups(pair).codes, len(labels)) for pair in pairs]
    there = np.logical_and.reduce([each.there for each in links])
    if not there.any():
        raise EstimateError(
            f"No group has members with '{printable(amount.variable)}' above zero in sum in both waves of every step "
            f"from {amount.waves[0]} to {amount.waves[1]}.",
            fix="choose waves that all asked it, or other groups",
        )
    chains = _Chains.of(pairs, links, amount, method)
    return [
        figure
        for place, label in enumerate(labels)
        if there[place]
        for figure in chains.figures(replace(label, unit="ratio"), place)
    ]


def _ratios(pair: Pair, amount: Amount, codes: np.ndarray, count: int) -> Grouped:
    """Return of each group the sum of second amounts over that of first ones; u = (y2 - R y1) / sum w y1."""
    part = pair.part
    first, second = (amount.values[each.places][part.places] for each in (pair.now, pair.then))
    matched = np.isfinite(first) & np.isfinite(second)
    found = means(second, part.weight, Split.of(np.where(matched, codes[part.places], -1), count))
    below, weight = first[found.rows], part.weight[found.rows]
    size = np.bincount(found.owner, weights=weight, minlength=count)
    total = np.bincount(found.owner, weights=weight * below, minlength=count).astype(float, copy=False)
    there, safe = total > 0, np.where(total > 0, total, 1.0)
    value = found.value * size / safe
    pull = (second[found.rows] - value[found.owner] * below) / safe[found.owner]
    return replace(found, value=value, there=there, pull=pull)


@dataclass(frozen=True)
class _Chains:
    """The links of every group, how they vary together, and their degrees of freedom: by link, and of all together."""

    strands: Strands
    pairs: Sequence[Pair]
    links: Sequence[Grouped]
    amount: Amount
    method: str
    degrees: list[list[int]]
    whole_degrees: list[int]

    @classmethod
    def of(cls, pairs: Sequence[Pair], links: Sequence[Grouped], amount: Amount, method: str) -> _Chains:
        each = [Strand.of_pair(pair, link) for pair, link in zip(pairs, links, strict=True)]
        whole = pairs[0].now.whole
        degrees = [degrees_of(whole.design, [one]) for one in each]
        said = whole.design.said(method)
        return cls(Strands(whole, each), pairs, links, amount, said, degrees, degrees_of(whole.design, each))

    def figures(self, label: Label, place: int) -> Iterator[Figure]:
        """Yield the links of a group, and their chain."""
        values = np.array([link.value[place] for link in self.links])
        matrix = self.strands.matrix(place)
        for at, (pair, link) in enumerate(zip(self.pairs, self.links, strict=True)):
            degrees = self.degrees[at][place]
            yield self._told(pair.waves, pair.now.label).figure(
                label, "matched_change", value=float(values[at]) - 1, se=float(np.sqrt(max(matrix[at, at], 0.0))),
                degrees=degrees, n=int(link.n[place]), n_eff=float(link.n_eff[place]),
                influence=self._influence(place, np.arange(len(values)) == at, degrees),
            )  # fmt: skip
        linked, degrees = chain(values, matrix), self.whole_degrees[place]
        least = min(self.links, key=lambda link: link.n[place])
        yield self._told(self.amount.waves, "longitudinal, chained").figure(
            label, "chained_change", value=linked.value, se=linked.se, degrees=degrees, n=int(least.n[place]),
            n_eff=float(least.n_eff[place]), influence=self._influence(place, linked.slope, degrees),
        )  # fmt: skip

    def _told(self, waves: tuple[int, int], weight: str) -> Between:
        return Between(waves=waves, weight=weight, method=self.method, is_provisional=self.amount.is_provisional)

    def _influence(self, place: int, slope: np.ndarray, degrees: int) -> Influence | None:
        """Return the influence of a figure of a group, where it was asked for."""
        if not self.amount.is_joint:
            return None
        return self.strands.influence(place, slope, degrees)
