"""What a net change of a mean is made of: those who stayed, came, left, and changed group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.estimators import Estimand, kish, mean
from panel.estimate.grouping import Grouping
from panel.estimate.kernel import t_quantile
from panel.estimate.rows import Figure, Label
from panel.estimate.sample import Sample

Part = Literal["stayers", "entrants", "leavers", "switchers_in", "switchers_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """An amount a row, and the two waves in which it is compared."""

    variable: str
    values: np.ndarray
    waves: tuple[int, int]
    is_provisional: bool = False


def parts_of_change(sample: Sample, amount: Amount, groups: Grouping, place: int) -> dict[Part, Estimand]:
    """
    Return the parts of the net change of a group's mean; they add up to it, and their influences to its influence.

        m2 - m1 = (s2 - s1) + pE (e2 - s2) + pI (i2 - s2) - pL (l1 - s1) - pO (o1 - s1)

    s are stayers (an amount and this group in both waves), e and l came and left (no amount in the other wave, or no
    group), i and o were in, or went to, another group; p their weighted part of the group in that wave. So entrants
    count by how much they differ from those who stayed. A part that nobody is in is left out: it is zero.

    Source: Melitz and Polanec (2015), RAND Journal of Economics 46, eq. 4; influences by Deville (1999). No program to
    hold it against: the law is tested, and the net change is oracle o05's.

    Args:
        sample: cross-sectional weights of both waves.
        amount: values by rows of the sample, NaN where missing.
        groups: who is in which, in each wave by the group of then.
        place: of the group.

    Raises:
        EstimateError: nobody of the group has an amount in both waves; names the group, variable and waves.
    """
    sides = tuple(_Side.of(sample, amount, groups, place, wave) for wave in amount.waves)
    if not sides[0].stayed.any():
        raise EstimateError(
            f"Nobody of '{printable(groups.keys[place])}' has a value of '{printable(amount.variable)}' and a weight "
            f"in both waves {amount.waves[0]} and {amount.waves[1]}.",
            fix="choose waves that share members, or another group",
        )
    earlier, later = sides
    found: dict[Part, Estimand | None] = {
        "stayers": _less(later.level, earlier.level),
        "entrants": later.part(later.alone),
        "leavers": _negative(earlier.part(earlier.alone)),
        "switchers_in": later.part(later.elsewhere),
        "switchers_out": _negative(earlier.part(earlier.elsewhere)),
    }
    return {name: each for name, each in found.items() if each is not None}


@dataclass(frozen=True)
class _Side:
    """One of the two waves: who of the group stayed, has no counterpart, or is elsewhere in the other (masks)."""

    values: np.ndarray
    weight: np.ndarray
    inside: np.ndarray
    stayed: np.ndarray
    elsewhere: np.ndarray

    @classmethod
    def of(cls, sample: Sample, amount: Amount, groups: Grouping, place: int, wave: int) -> _Side:
        own, other = sample.rows(wave), sample.row_of(next(each for each in amount.waves if each != wave))
        counterpart = np.where(own, other[sample.member], -1)
        answered = sample.is_weighted & np.isfinite(amount.values)
        inside = own & answered & (groups.codes == place)
        seen = inside & (counterpart >= 0) & sample.is_weighted[counterpart]
        code = groups.codes[counterpart]
        stayed = seen & (code == place) & answered[counterpart]
        return cls(amount.values, sample.weight, inside, stayed, seen & (code >= 0) & (code != place))

    @property
    def alone(self) -> np.ndarray:
        """Return who was not counted in the other wave, and is not known to be in another group there."""
        return self.inside & ~self.stayed & ~self.elsewhere

    @property
    def level(self) -> Estimand:
        """Return the mean of those who stayed."""
        return mean(self.values, self.weight, self.stayed)

    def part(self, rows: np.ndarray) -> Estimand | None:
        """Return p (m - s) of some rows; None where there are none."""
        if not rows.any():
            return None
        level, size = self.level, float(self.weight[self.inside].sum())
        apart = np.where(self.inside, self.values - level.value, 0.0)
        value = float((self.weight * apart)[rows].sum()) / size
        share = float(self.weight[rows].sum()) / size
        linear = (np.where(rows, apart, 0.0) - value * self.inside) / size - share * level.linear
        return Estimand(value, linear, int(rows.sum()), kish(self.weight[rows]), rows)


def _less(later: Estimand, earlier: Estimand) -> Estimand:
    least = min(later, earlier, key=lambda each: each.n_eff)
    return replace(
        least, value=later.value - earlier.value, linear=later.linear - earlier.linear, rows=later.rows | earlier.rows
    )


def _negative(found: Estimand | None) -> Estimand | None:
    return None if found is None else replace(found, value=-found.value, linear=-found.linear)


def decomposition(
    sample: Sample, labels: Sequence[Label], amount: Amount, groups: Grouping, *, method: str
) -> list[Figure]:
    """
    Return for each group the net change of its mean, and its parts (`change_by_...`), with standard errors.

    See `parts_of_change`. A group without stayers has no figure.

    Raises:
        EstimateError: no group has any.
    """
    out: list[Figure] = []
    refusal: EstimateError | None = None
    for place, label in enumerate(labels):
        try:
            parts = parts_of_change(sample, amount, groups, place)
        except EstimateError as error:
            refusal = refusal or error
            continue
        net = _sum(list(parts.values()), _group_sizes(sample, amount, groups, place))
        told = {"change": net} | {f"change_by_{name}": each for name, each in parts.items()}
        spread = np.sqrt(np.diag(sample.covariance(*(each.linear for each in told.values()))))
        out += [
            _figure(sample, label, name, each, float(se), amount, method)
            for (name, each), se in zip(told.items(), spread, strict=True)
        ]
    if not out and refusal is not None:
        raise refusal
    return out


def _group_sizes(sample: Sample, amount: Amount, groups: Grouping, place: int) -> Estimand:
    """Return of the group in the two waves the n that is less."""
    inside = np.isfinite(amount.values) & (groups.codes == place)
    levels = [mean(amount.values, sample.weight, inside & sample.rows(wave)) for wave in amount.waves]
    return min(levels, key=lambda each: each.n)


def _sum(parts: Sequence[Estimand], size: Estimand) -> Estimand:
    return Estimand(
        sum(each.value for each in parts),
        np.sum([each.linear for each in parts], axis=0),
        size.n,
        size.n_eff,
        np.logical_or.reduce([each.rows for each in parts]),
    )


def _figure(sample: Sample, label: Label, name: str, found: Estimand, se: float, amount: Amount, method: str) -> Figure:
    reach = t_quantile(sample.design.degrees_of_freedom(found.rows)) * se
    return Figure(
        label=label,
        statistic=name,
        from_wave=amount.waves[0],
        wave=amount.waves[1],
        estimate=found.value,
        se=se,
        low=found.value - reach,
        high=found.value + reach,
        n=found.n,
        n_eff=found.n_eff,
        weight=f"{sample.label} {amount.waves[0]} and {amount.waves[1]}",
        method=sample.design.said(method),
        is_provisional=amount.is_provisional,
    )
