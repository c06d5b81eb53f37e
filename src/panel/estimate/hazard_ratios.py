"""Ratios of hazards: what a move from one wave to the next goes with, by a complementary log-log model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from panel.errors import EstimateError, did_you_mean, printable
from panel.estimate.effects import Covariate
from panel.estimate.estimators import Estimand, kish
from panel.estimate.hazards import hazard_model
from panel.estimate.kernel import covariance
from panel.estimate.rows import Figure, Influence, Label
from panel.estimate.spells import Move, at_risk_of
from panel.estimate.steps import Taken

Baseline = Literal["spell", "wave", "constant"]
BASELINES: tuple[Baseline, ...] = get_args(Baseline)
RATIOS = ("log_hazard_ratio", "hazard_ratio")


@dataclass(frozen=True)
class HazardRatios:
    """
    The logarithms of the ratios, and how many members of each category moved or did not, whichever are fewer.

    `least` is in the order of `figures`, of the category and of the one it is held against.
    """

    figures: list[Figure]
    least: list[int]


def hazard_ratios(
    taken: Taken, covariates: Sequence[Covariate], label: Label, move: Move, baseline: str, *, method: str,
    is_joint: bool = False,
) -> HazardRatios:  # fmt: skip
    """
    Return the model of a hazard by covariates: `log_hazard_ratio` of each category against the first.

        log(-log(1 - h)) = a_d + x' b

    a_d is one for each year of the spell ("spell"), for each wave in which a step begins ("wave"), or the same always
    ("constant"). Years, or waves, in which nobody or everybody moved say nothing of b; they are left out, and the
    denominator says so. exp(b) is the ratio of hazards in continuous time of which waves see the end only.

    Source: Prentice and Gloeckler (1978), Biometrics 34; Binder (1983), International Statistical Review 51. Oracle:
    o07 (cloglog); svyglm in tests/unit/test_hazard_ratios.py.

    Args:
        taken: the steps, all in one group.
        covariates: by rows of the steps, as members were when a step began.
        label: what a figure is about.
        move: from where to where.
        baseline: what the hazard of those in the first categories depends on.
        method: how the intervals are meant.
        is_joint: whether figures carry their influence.

    Raises:
        EstimateError: there is no such baseline, nobody is at risk, all or none of a category moved, or covariates
            cannot be told apart; names it.
    """
    if baseline not in BASELINES:
        raise EstimateError(f"There is no baseline '{printable(baseline)}'.", fix=did_you_mean(baseline, BASELINES))
    at_risk, moved, spells = at_risk_of(taken, move)
    rows = np.logical_and.reduce([at_risk, *(each.codes >= 0 for each in covariates)])
    without = int(np.count_nonzero(at_risk & ~rows))
    if not rows.any():
        raise EstimateError(
            f"Nobody at risk has an answer to all of {', '.join(printable(each.key) for each in covariates)}.",
            fix="leave one out",
        )
    time = _time(taken, baseline, spells.year)
    said = "" if time is None else _silent(time, rows, moved)
    if time is not None:
        rows = rows & _speaks(time, rows, moved)
        if not rows.any():
            raise EstimateError("All or none of those at risk moved, so nothing can explain who does.")
    every = [*covariates, *([time] if time is not None else [])]
    x: dict[str, np.ndarray] = {}
    for each in every:
        _refuse_all_or_none(each, rows, moved, taken, is_time=each is time)
        x |= each.columns(rows)
    if not x:
        raise EstimateError(
            "The model of hazards has no covariate with two categories among those at risk.",
            fix="name covariates, or another baseline",
        )
    model = hazard_model(x, moved, taken.steps.weight, rows)
    words = f"; {without} steps without an answer left out" if without else ""
    told = taken.steps.words(replace(label, denominator=label.denominator + said + words), int(rows.sum()))
    made = _Ratios(taken, model.coefficients, told, moved, f"{method}, cloglog, baseline {baseline}", is_joint)
    found = [
        made.of(each, place, each.present(rows)[0], rows, is_time=each is time)
        for each in every
        for place in each.present(rows)[1:]
    ]
    return HazardRatios([figure for figure, _ in found], [least for _, least in found])


def as_ratio(figure: Figure) -> Figure:
    """
    Return exp(b) of the logarithm of a ratio, its interval exp of both ends.

    The standard error is that of the delta method, exp(b) se(b); simultaneous ends stay so.
    """
    value = float(np.exp(figure.estimate))
    return replace(
        figure, label=replace(figure.label, unit="times"), statistic="hazard_ratio", estimate=value,
        se=value * figure.se, low=float(np.exp(figure.low)), high=float(np.exp(figure.high)), influence=None,
    )  # fmt: skip


def _time(taken: Taken, baseline: str, years: np.ndarray) -> Covariate | None:
    if baseline == "constant":
        return None
    if baseline == "spell":
        return Covariate("spell", tuple(f"year {each}" for each in range(1, int(years.max()) + 1)), years - 1)
    waves = [pair.waves[0] for pair in taken.steps.pairs]
    return Covariate("wave", tuple(f"wave {each}" for each in waves), np.searchsorted(waves, taken.steps.begun))


def _speaks(time: Covariate, rows: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Return which rows are of a year, or wave, in which some moved and some did not (a mask)."""
    mixed = [each for each in time.present(rows) if np.ptp(moved[rows & (time.codes == each)].astype(float)) > 0]
    return np.isin(time.codes, mixed)


def _silent(time: Covariate, rows: np.ndarray, moved: np.ndarray) -> str:
    speaks = _speaks(time, rows, moved)
    lost = [time.groups[each] for each in time.present(rows & ~speaks)]
    return f"; {', '.join(lost)} left out, in which all or none moved" if lost else ""


def _refuse_all_or_none(each: Covariate, rows: np.ndarray, moved: np.ndarray, taken: Taken, *, is_time: bool) -> None:
    for place in [] if is_time else each.present(rows):
        own = moved[rows & (each.codes == place) & (taken.steps.weight > 0)]
        if len(own) and np.ptp(own.astype(float)) == 0:
            raise EstimateError(
                f"{'All' if own[0] else 'None'} of '{printable(each.key)}' {printable(each.groups[place])} at risk "
                "moved, so there is no ratio of hazards to others.",
                fix="leave it out, or put categories together",
            )


@dataclass(frozen=True)
class _Ratios:
    taken: Taken
    coefficients: dict[str, Estimand]
    label: Label
    moved: np.ndarray
    method: str
    is_joint: bool

    def of(self, each: Covariate, place: int, against: int, rows: np.ndarray, *, is_time: bool) -> tuple[Figure, int]:
        """Return the figure of a category, and the fewest who moved or did not of the two it compares."""
        steps, estimand = self.taken.steps, self.coefficients[each.name(place)]
        totals = steps.totals(estimand.linear)
        cells = [rows & (each.codes == one) for one in (place, against)]
        counts = [self._members(cell) for cell in cells]
        least = min(self._members(cell & hit) for cell in cells for hit in (self.moved, ~self.moved))
        smaller = cells[int(np.argmin(counts))]
        label = each.label(self.label, place, against)
        if is_time:
            words = f"{each.groups[place]} {label.value}"
            label = replace(self.label, value=words)
        degrees = steps.degrees(estimand.rows)
        figure = steps.told(self.method).figure(
            replace(label, unit="log hazard"), "log_hazard_ratio", value=estimand.value,
            se=float(np.sqrt(max(covariance(totals, steps.whole.design)[0, 0], 0.0))), degrees=degrees, n=min(counts),
            n_eff=kish(np.bincount(steps.member[smaller], weights=steps.weight[smaller])),
            influence=Influence(totals, steps.whole.design, degrees) if self.is_joint else None,
        )  # fmt: skip
        return figure, least

    def _members(self, rows: np.ndarray) -> int:
        return int(np.count_nonzero(np.bincount(self.taken.steps.member[rows])))
