"""What a net change of a mean is made of: those who stayed, came, left, and changed group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.between import Between
from panel.estimate.grouped import Grouped, means
from panel.estimate.grouping import Grouping
from panel.estimate.rows import Figure, Label
from panel.estimate.sample import Sample
from panel.estimate.split import Split
from panel.estimate.strands import Strand, Strands, degrees_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """
    An amount a row, and the two waves in which it is compared.

    Figures carry their influence where they are `is_joint`.
    """

    variable: str
    values: np.ndarray
    waves: tuple[int, int]
    is_provisional: bool = False
    is_joint: bool = False


@dataclass(frozen=True)
class Piece:
    """
    The net change of each group, or a part of it: so many times each strand.

    `there` says which groups have anybody in it; for others it is zero.
    """

    value: np.ndarray
    slope: np.ndarray
    n: np.ndarray
    n_eff: np.ndarray
    there: np.ndarray
    degrees: list[int]


@dataclass(frozen=True)
class Decomposed:
    """
    The net change of every group (`change`) and its parts (`change_by_...`), and the strands they are made of.

    A group without stayers is not `there`.
    """

    strands: Strands
    there: np.ndarray
    pieces: dict[str, Piece]


def parts_of_change(sample: Sample, amount: Amount, groups: Grouping) -> Decomposed:
    """
    Return the net change of each group's mean and its parts; they add up to it, and their influences to its influence.

        m2 - m1 = (s2 - s1) + pE (e2 - s2) + pI (i2 - s2) - pL (l1 - s1) - pO (o1 - s1)

    s are stayers (an amount and this group in both waves), e and l came and left (no amount in the other wave, or no
    group), i and o were in, or went to, another group; p their weighted part of the group in that wave. So entrants
    count by how much they differ from those who stayed. A part that nobody is in is zero, and not there.

    Source: Melitz and Polanec (2015), RAND Journal of Economics 46, eq. 4; influences by Deville (1999). No program to
    hold it against: the law is tested, and the net change is oracle o05's.

    Args:
        sample: cross-sectional weights of both waves.
        amount: values by rows of the sample, NaN where missing.
        groups: who is in which, in each wave by the group of then.

    Raises:
        EstimateError: nobody of any group has an amount in both waves; names the groups, variable and waves.
    """
    earlier, later = (_Side.of(sample, amount, groups, wave) for wave in amount.waves)
    if not (earlier.stayed.there & later.stayed.there).any():
        named = ", ".join(f"'{printable(key)}'" for key in groups.keys)
        raise EstimateError(
            f"Nobody of {named} has a value of '{printable(amount.variable)}' and a weight in both waves "
            f"{amount.waves[0]} and {amount.waves[1]}.",
            fix="choose waves that share members, or another group",
        )
    made = {
        "change": ((-1.0, earlier.whole), (1.0, later.whole)),
        "change_by_stayers": ((-1.0, earlier.stayed), (1.0, later.stayed)),
        "change_by_entrants": ((1.0, later.alone),),
        "change_by_leavers": ((-1.0, earlier.alone),),
        "change_by_switchers_in": ((1.0, later.elsewhere),),
        "change_by_switchers_out": ((-1.0, earlier.elsewhere),),
    }
    told = {name: terms for name, terms in made.items() if any(term.there.any() for _, term in terms)}
    every = [each for terms in told.values() for each in terms]
    strands = Strands(sample, [term.strand for _, term in every])
    signs, pieces = np.diag([sign for sign, _ in every]), {}
    for name, terms in told.items():
        own, signs = signs[: len(terms)], signs[len(terms) :]
        pieces[name] = _piece(name, sample, terms, own.sum(axis=0))
    return Decomposed(strands, earlier.stayed.there & later.stayed.there, pieces)


@dataclass(frozen=True)
class _Term:
    """What moves the net change of every group in one wave, and the rows it is about."""

    strand: Strand
    about: Strand

    @property
    def there(self) -> np.ndarray:
        """Return which groups have anybody it is about."""
        return self.about.found.there


@dataclass(frozen=True)
class _Side:
    """One of the two waves: of every group the mean, that of those who stayed, and what others add to it."""

    whole: _Term
    stayed: _Term
    alone: _Term
    elsewhere: _Term

    @classmethod
    def of(cls, sample: Sample, amount: Amount, groups: Grouping, wave: int) -> _Side:
        part, count = sample.part(wave), len(groups.keys)
        values = amount.values[part.places]
        codes = np.where(np.isfinite(values), groups.codes[part.places], -1)
        (other,) = (each for each in amount.waves if each != wave)
        counterpart = sample.row_of(other)[sample.member[part.places]]
        seen = (codes >= 0) & (counterpart >= 0) & sample.is_weighted[counterpart]
        then = groups.codes[counterpart]
        stayed = seen & (then == codes) & np.isfinite(amount.values[counterpart])
        elsewhere = seen & (then >= 0) & (then != codes)
        whole, level = (
            means(values, part.weight, Split.of(each, count)) for each in (codes, np.where(stayed, codes, -1))
        )  # fmt: skip
        apart = _Apart(sample, wave, whole, level, stayed[whole.rows], values - level.value[codes])
        one, two = (Strand.of_wave(sample, wave, each) for each in (whole, level))
        return cls(_Term(one, one), _Term(two, two), apart.of(~stayed & ~elsewhere), apart.of(elsewhere))


@dataclass(frozen=True)
class _Apart:
    """How far the rows of a wave lie from those of their group who stayed; `stayed` is about the rows of `whole`."""

    sample: Sample
    wave: int
    whole: Grouped
    level: Grouped
    stayed: np.ndarray
    values: np.ndarray

    def of(self, rows: np.ndarray) -> _Term:
        """Return p (m - s) of some rows (a mask), p being their weighted part of their group."""
        whole, weight = self.whole, self.sample.part(self.wave).weight
        mine, owner = rows[whole.rows], whole.owner
        codes = np.full(len(weight), -1, dtype=owner.dtype)
        codes[whole.rows[mine]] = owner[mine]
        own = means(self.values, weight, Split.of(codes, whole.count))
        size, held = (
            np.bincount(each.owner, weights=weight[each.rows], minlength=whole.count) for each in (whole, own)
        )
        size = np.where(size > 0, size, 1.0)
        value = held / size * own.value
        pull = np.where(mine, self.values[whole.rows], 0.0) - value[owner]
        pull[self.stayed] -= held[self.level.owner] * self.level.pull
        found = replace(whole, value=value, pull=pull / size[owner])
        return _Term(*(Strand.of_wave(self.sample, self.wave, each) for each in (found, own)))


def _piece(name: str, sample: Sample, terms: Sequence[tuple[float, _Term]], slope: np.ndarray) -> Piece:
    about = [term.about for _, term in terms]
    first, last = about[0].found, about[-1].found
    fewer = last.n < first.n if name == "change" else last.n_eff < first.n_eff  # who stayed is as many in both
    return Piece(
        np.sum([sign * term.strand.found.value for sign, term in terms], axis=0), slope,
        np.where(fewer, last.n, first.n), np.where(fewer, last.n_eff, first.n_eff),
        np.logical_and.reduce([term.there for _, term in terms]), degrees_of(sample.design, about),
    )  # fmt: skip


def decomposition(
    sample: Sample, labels: Sequence[Label], amount: Amount, groups: Grouping, *, method: str
) -> list[Figure]:
    """
    Return for each group the net change of its mean, and its parts (`change_by_...`), with standard errors.

    See `parts_of_change`. A group without stayers has no figure.

    Raises:
        EstimateError: no group has any.
    """
    found = parts_of_change(sample, amount, groups)
    told = Between(
        waves=amount.waves, weight=f"{sample.label} {amount.waves[0]} and {amount.waves[1]}",
        method=sample.design.said(method), is_provisional=amount.is_provisional,
    )  # fmt: skip
    return [
        figure
        for place, label in enumerate(labels)
        if found.there[place]
        for figure in _of_group(found, label, place, told, is_joint=amount.is_joint)
    ]


def _of_group(found: Decomposed, label: Label, place: int, told: Between, *, is_joint: bool) -> Iterator[Figure]:
    own = {name: each for name, each in found.pieces.items() if each.there[place]}
    spread = np.sqrt(found.strands.variances(place, np.stack([each.slope for each in own.values()])))
    words = replace(label, unit="points") if label.unit == "share" else label
    for se, (name, each) in zip(spread, own.items(), strict=True):
        degrees = each.degrees[place]
        yield told.figure(
            words, name, value=float(each.value[place]), se=float(se), degrees=degrees, n=int(each.n[place]),
            n_eff=float(each.n_eff[place]),
            influence=found.strands.influence(place, each.slope, degrees) if is_joint else None,
        )  # fmt: skip
