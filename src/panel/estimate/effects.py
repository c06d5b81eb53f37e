"""Figures of regressions on the panel: how groups moved apart wave by wave, and what goes with an amount."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.between import Between
from panel.estimate.kernel import covariance
from panel.estimate.regression import Regression, group_by_wave, regression
from panel.estimate.rows import Figure, Influence, Label
from panel.estimate.stacked import Stacked


@dataclass(frozen=True)
class Covariate:
    """A domain or coded variable: its categories, and the place of each row's, -1 where it has none."""

    key: str
    groups: tuple[str, ...]
    codes: np.ndarray

    def present(self, rows: np.ndarray) -> list[int]:
        """Return the places of the categories that any of these rows (a mask) is in; the first is held against."""
        return sorted({int(each) for each in np.unique(self.codes[rows]) if each >= 0})

    def columns(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return 0 and 1 a row for each category but the first that these rows have."""
        return {self.name(place): (self.codes == place).astype(float) for place in self.present(rows)[1:]}

    def name(self, place: int) -> str:
        """Return what the column of a category is called."""
        return f"{self.key} {self.groups[place]}"

    def label(self, label: Label, place: int, against: int) -> Label:
        """Return what a figure of a category is about."""
        return replace(label, domain=self.key, group=self.groups[place], value=f"against {self.groups[against]}")


@dataclass(frozen=True)
class Asked:
    """
    What is regressed: an amount a row, who counts (a mask), the covariates, and whether members have effects.

    Figures carry their influence where they are `is_joint`.
    """

    stacked: Stacked
    y: np.ndarray
    rows: np.ndarray
    covariates: Sequence[Covariate]
    label: Label
    method: str
    member_effects: bool = True
    is_provisional: bool = False
    is_joint: bool = False

    @property
    def counts(self) -> np.ndarray:
        """Return which rows have an amount and a weight (a mask)."""
        return np.asarray(np.isfinite(self.y) & (self.stacked.weight > 0))


def event_study(asked: Asked, first: np.ndarray, names: tuple[str, str], base: int) -> list[Figure]:
    """
    Return how much more one group moved than another from a base wave to each other one: `event_effect`.

        y_it = a_i + c_t + sum_(t != base) d_t 1(i in first) 1(wave t) + x_it' g + e_it

    Without effects of members a_i is a + b 1(i in first), and d_t the difference in differences of everybody. With
    them and amounts in every wave d_t is that of the members' own changes. That of a wave before an event tells
    whether the groups moved alike until then: it is no proof that they would have after. Coefficients of covariates
    come with it, as of `coefficients`.

    Source: Binder (1983), International Statistical Review 51; Arellano (1987), Oxford Bulletin of Economics and
    Statistics 49; for the form, Freyaldenhoven, Hansen, Pérez and Shapiro (2021), NBER 29170. Oracle: o05 (did_1_4,
    and the stayers' changes); plm and svyglm in tests/unit/test_event_study.py.

    Args:
        asked: what is regressed; rows of other groups do not count.
        first: which rows are of the first group (a mask).
        names: of the groups.
        base: the wave that others are held against.

    Raises:
        EstimateError: nobody of a group has a value in a wave, or as `regression`; names them.
    """
    stacked, waves = asked.stacked, asked.stacked.waves
    _refuse_empty(asked, first, names)
    x = group_by_wave(stacked.wave, first, base=base, within=asked.member_effects, waves=waves)
    model = _Model.of(asked, x)
    _refuse_empty(asked, first, names, model.inside)
    return [
        *(
            model.figure(
                asked.label, "event_effect", f"effect {wave}", (base, wave),
                [model.inside & (first == side) & (stacked.wave == each)
                 for side in (True, False) for each in (base, wave)],
            )
            for wave in waves if wave != base
        ),
        *model.of_covariates(),
    ]  # fmt: skip


def coefficients(asked: Asked) -> list[Figure]:
    """
    Return the coefficients of waves and covariates on an amount: `coefficient`.

    Each category against the first that anybody is in, each wave against the first. With effects of members that of a
    category is how the amount of those who came into it moved beyond that of the others, and `n` counts the members who
    changed category; without, how far those in it stand from those in the first.

    Args and errors: as `event_study`. Oracle: plm and svyglm in tests/unit/test_event_study.py.
    """
    stacked, (start, *later) = asked.stacked, asked.stacked.waves
    for wave in stacked.waves:
        if not (asked.rows & asked.counts & (stacked.wave == wave)).any():
            raise EstimateError(
                f"Nobody has a value of '{printable(asked.label.variable)}' and a weight in wave {wave}.",
                fix="choose other waves",
            )
    model = _Model.of(asked, {f"wave {each}": (stacked.wave == each).astype(float) for each in later})
    cells = [model.inside & (stacked.wave == each) for each in stacked.waves]
    return [
        *(
            model.figure(asked.label, "coefficient", f"wave {each}", (start, each), [cells[0], cell])
            for each, cell in zip(later, cells[1:], strict=True)
        ),
        *model.of_covariates(),
    ]


def _refuse_empty(asked: Asked, first: np.ndarray, names: tuple[str, str], inside: np.ndarray | None = None) -> None:
    own = asked.rows & asked.counts if inside is None else inside
    for side, name in zip((True, False), names, strict=True):
        for wave in asked.stacked.waves:
            if not (own & (first == side) & (asked.stacked.wave == wave)).any():
                twice = "" if inside is None else " and one in another wave"
                raise EstimateError(
                    f"Nobody of '{printable(name)}' has a value of '{printable(asked.label.variable)}' and a weight "
                    f"in wave {wave}{twice}.",
                    fix="choose other groups or waves",
                )


@dataclass(frozen=True)
class _Model:
    """A regression, and which rows it is of (a mask); `words` is what a figure of it is about."""

    asked: Asked
    found: Regression
    inside: np.ndarray
    without: int

    @classmethod
    def of(cls, asked: Asked, x: dict[str, np.ndarray]) -> _Model:
        known = np.logical_and.reduce([asked.rows, *(each.codes >= 0 for each in asked.covariates)])
        for each in asked.covariates:
            x = x | each.columns(known & asked.counts)
        found = regression(
            x, asked.y, asked.stacked.weight, known, member=asked.stacked.member, within=asked.member_effects
        )
        inside = np.zeros(len(asked.y), dtype=bool)
        inside[found.places] = True
        return cls(asked, found, inside, int(np.count_nonzero(asked.rows & asked.counts & ~known)))

    def of_covariates(self) -> Iterator[Figure]:
        """Yield the coefficient of each category against the first of its covariate."""
        waves = self.asked.stacked.waves
        for each in self.asked.covariates:
            places = [place for place in range(len(each.groups)) if each.name(place) in self.found.names]
            against = each.present(self.inside)[0]
            for place in places:
                if self.asked.member_effects:
                    cells = [self._rows(self.found.moved(each.name(place)))]
                else:
                    cells = [self.inside & (each.codes == one) for one in (place, against)]
                label = each.label(self.asked.label, place, against)
                yield self.figure(label, "coefficient", each.name(place), (waves[0], waves[-1]), cells)

    def _rows(self, places: np.ndarray) -> np.ndarray:
        mask = np.zeros(len(self.inside), dtype=bool)
        mask[places] = True
        return mask

    def figure(
        self, label: Label, statistic: str, name: str, waves: tuple[int, int], cells: Sequence[np.ndarray]
    ) -> Figure:
        """Return a coefficient as a figure; it counts the members of the smallest of the cells it is made of."""
        asked, found = self.asked, self.found
        estimand = found.estimand(name)
        totals, design = asked.stacked.totals(estimand.linear), asked.stacked.design
        se = float(np.sqrt(max(covariance(totals, design)[0, 0], 0.0)))
        degrees = asked.stacked.degrees(estimand.rows)
        least = min(map(np.flatnonzero, cells), key=found.count)
        effects = "effects of members" if asked.member_effects else "no effects of members"
        told = Between(
            waves=waves, weight=asked.stacked.label, method=design.said(f"{asked.method}, {effects}"),
            is_provisional=asked.is_provisional,
        )  # fmt: skip
        return told.figure(
            replace(label, denominator=label.denominator + self._left_out()), statistic, value=estimand.value, se=se,
            degrees=degrees, n=found.count(least), n_eff=found.n_eff(least),
            influence=Influence(totals, design, degrees) if asked.is_joint else None,
        )  # fmt: skip

    def _left_out(self) -> str:
        names = ", ".join(each.key for each in self.asked.covariates)
        words = f"; {self.found.seen_once} members seen once left out" if self.found.seen_once else ""
        return words + (f"; {self.without} answers without {names} left out" if self.without else "")
