"""Matched change between neighbouring waves, and the chain of its links over many years."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.between import Between
from panel.estimate.contrasts import chain
from panel.estimate.decomposition import Amount
from panel.estimate.estimators import Estimand, ratio
from panel.estimate.grouping import Grouping
from panel.estimate.kernel import covariance
from panel.estimate.pairs import Pair
from panel.estimate.rows import Figure, Label

GroupsOf = Callable[[Pair], Grouping]


@dataclass(frozen=True)
class _Link:
    pair: Pair
    found: Estimand
    totals: np.ndarray


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
    found = [
        figure
        for place, label in enumerate(labels)
        for figure in _of_group(pairs, label, place, amount, groups, method)
    ]
    if not found:
        raise EstimateError(
            f"No group has members with '{printable(amount.variable)}' above zero in sum in both waves of every step "
            f"from {amount.waves[0]} to {amount.waves[1]}.",
            fix="choose waves that all asked it, or other groups",
        )
    return found


def _of_group(
    pairs: Sequence[Pair], label: Label, place: int, amount: Amount, groups: GroupsOf, method: str
) -> Iterator[Figure]:
    links = [_link(pair, amount, groups(pair).codes == place) for pair in pairs]
    there = [each for each in links if each is not None]
    if len(there) < len(links):
        return
    whole = pairs[0].now.whole
    matrix = covariance(np.stack([each.totals for each in there], axis=1), whole.design)
    present = [whole.design.present(each.found.rows, each.pair.now.places) for each in there]
    words = replace(label, unit="ratio")
    for at, each in enumerate(there):
        told = Between(waves=each.pair.waves, weight=each.pair.now.label, method=whole.design.said(method),
                       is_provisional=amount.is_provisional)  # fmt: skip
        yield told.figure(
            words, "matched_change", value=each.found.value - 1, se=float(np.sqrt(max(matrix[at, at], 0.0))),
            degrees=whole.design.degrees(present[at]), n=each.found.n, n_eff=each.found.n_eff,
        )  # fmt: skip
    linked = chain([each.found.value for each in there], matrix)
    least = min((each.found for each in there), key=lambda found: found.n)
    told = Between(waves=amount.waves, weight="longitudinal, chained", method=whole.design.said(method),
                   is_provisional=amount.is_provisional)  # fmt: skip
    yield told.figure(
        words, "chained_change", value=linked.value, se=linked.se,
        degrees=whole.design.degrees(np.logical_or.reduce(present)), n=least.n, n_eff=least.n_eff,
    )  # fmt: skip


def _link(pair: Pair, amount: Amount, inside: np.ndarray) -> _Link | None:
    first, second = (amount.values[each.places] for each in (pair.now, pair.then))
    matched = inside & np.isfinite(first) & np.isfinite(second) & (pair.now.weight > 0)
    if not matched.any() or not (pair.now.weight * np.where(matched, first, 0.0)).sum() > 0:
        return None
    found = ratio(second, first, pair.now.weight, matched)
    return _Link(pair, found, pair.totals_of_whole(found.linear))
