"""Who belongs where: a sample's rows divided into groups, of which no row is in two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from panel.estimate.sample import Sample
from panel.model.study import Domain

ALL = "all"


@dataclass(frozen=True)
class Slice:
    """A domain and group, or everybody, and who is in it (a mask)."""

    domain: str | None
    group: str
    name: str
    inside: np.ndarray


@dataclass(frozen=True)
class Grouping:
    """
    Everybody, or the groups of a domain: their keys and names, and for each row the place of its group.

    `codes` are -1 for rows in none.
    """

    domain: str | None
    keys: tuple[str, ...]
    names: tuple[str, ...]
    codes: np.ndarray

    def among(self, inside: np.ndarray) -> Grouping:
        """Return the same groups, of which only the rows of a mask are members."""
        return self if inside.all() else Grouping(self.domain, self.keys, self.names, np.where(inside, self.codes, -1))

    def slices(self) -> Iterator[Slice]:
        """Yield the groups one by one."""
        for place, (key, name) in enumerate(zip(self.keys, self.names, strict=True)):
            yield Slice(self.domain, key, name, self.codes == place)


def everybody(sample: Sample) -> Grouping:
    """Return one group of all rows."""
    return Grouping(None, (ALL,), ("everybody",), np.zeros(len(sample.wave), dtype=np.int32))


def grouping(sample: Sample, domain: Domain) -> Grouping:
    """Return the groups of a domain, by the answers of each row."""
    keys, names = zip(*((group.key, str(group.label)) for group in domain.groups), strict=True)
    return Grouping(domain.key, keys, names, sample.groups(domain))


def groupings(sample: Sample, *, leaving_out: str | None = None) -> list[Grouping]:
    """Return everybody, and every domain of the study but one."""
    domains = [each for each in sample.study.domains if each.key != leaving_out]
    return [everybody(sample), *(grouping(sample, each) for each in domains)]


def slices(sample: Sample, *, leaving_out: str | None = None) -> Iterator[Slice]:
    """Yield everybody, and every group of every domain but one."""
    for each in groupings(sample, leaving_out=leaving_out):
        yield from each.slices()


def inside_groups(sample: Sample, domain: str | None, groups: Sequence[str]) -> np.ndarray:
    """Return who is in one of these groups of a domain (a mask); everybody, where none is named."""
    if domain is None or not groups:
        return np.ones(len(sample.wave), dtype=bool)
    whole = sample.study.domain(domain)
    places = [place for place, group in enumerate(whole.groups) if group.key in groups]
    return np.isin(sample.groups(whole), places)
