"""What members predicted at a wave, set against what has happened to them since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import stdtr

from panel.estimate import Figure, Label, Pair, Sample, method_of, slices, to_frame
from panel.estimate.part import Part
from panel.forecast.claims import OUTCOMES, Answers, direction, happened, is_in_prices, read_columns, said
from panel.forecast.due import is_due, year_of
from panel.forecast.horizon import horizon
from panel.forecast.pairing import pair_of
from panel.forecast.readings import Read, further, main
from panel.forecast.revisions import martingale_p, revisions
from panel.forecast.telling import Teller, Told
from panel.model.instrument import Prediction, Question
from panel.model.study import Study


def predictions(study: Study, person_waves: pd.DataFrame, weights: pd.DataFrame, *, wave: int) -> pd.DataFrame:
    """
    Return how predictions compare with what happened to the same members, by horizon year and group.

    A prediction over a number of years is read in the wave that many years on, one about the next wave in the next
    wave. One for the target year is read in every later wave: until the target year those are readings in between,
    "interim, 2 of 5 years" in `method`, and provisional; so is a figure in real terms while a price index is. Groups
    are those of the wave the prediction was made in. "Impossible to predict" is a line of its own in what was
    predicted. A member counts who answered both waves, and whose claim and outcome are both known; the figures of the
    five-year view (`panel.forecast.horizon`) count all who made a claim at the baseline.

    `docs/reference/predictions.md` lists the statistics; `panel.forecast.probabilities`, `categories`, `revisions` and
    `censoring` have their definitions and sources. Readings in between, and groups smaller than the study's threshold,
    get the first of them only. Standard errors are by linearisation, see `panel.estimate.kernel`.

    Args:
        study: whose instruments say which question predicts what.
        person_waves: all waves so far, held cells set aside. Not modified.
        weights: schema.WEIGHTS; a pair of waves without a longitudinal weight of its own is read under the
            cross-sectional weight of the later wave, and the column `weight` says so.
        wave: the newest wave.

    Returns:
        schema.ESTIMATES, `indicator` the question, unprotected; empty where nothing can be read yet.
    """
    waves = sorted(int(each) for each in person_waves["wave"].unique() if each <= wave)
    if not any(study.instrument_of(each).predictions for each in waves):
        return to_frame([])
    cross = weights[weights["kind"] == "cross-sectional"]
    sample = Sample(study, person_waves[read_columns(study)], cross, label="cross-sectional", keys=("member", "wave"))
    figures = list(horizon(sample, waves))
    for each in combinations(waves, 2):
        read, revised = _read_over(study, each), _revised_over(study, each)
        pair = pair_of(sample, weights, each) if read or revised else None
        if pair is not None:
            found = _PairOfWaves(pair, max((wave for wave in waves if wave < each[0]), default=None))
            figures += [figure for question, told in read for figure in found.read(question, told)]
            figures += [figure for question, told in revised for figure in found.revised(question, told)]
    return to_frame(figures)


def _read_over(study: Study, waves: tuple[int, int]) -> list[tuple[Question, Prediction]]:
    """Return the questions of the earlier wave that are read in the later, and how."""
    asked = study.instrument_of(waves[0]).predictions
    return [(each, each.predicts) for each in asked if each.predicts and is_due(study, each.predicts, *waves)]


def _revised_over(study: Study, waves: tuple[int, int]) -> list[tuple[Question, Prediction]]:
    """Return the questions about the target year that both of two waves in succession ask."""
    first, second = (study.instrument_of(wave) for wave in waves)
    following = [each.number for each in study.waves if each.number > waves[0]]
    if not following or min(following) != waves[1]:
        return []
    return [
        (each, each.predicts)
        for each in first.predictions
        if each.predicts and each.predicts.horizon == "target" and second.has(each.variable.name)
    ]


@dataclass(frozen=True)
class _PairOfWaves:
    """The members of two waves, and the wave before, where there was one."""

    pair: Pair
    before: int | None

    @property
    def study(self) -> Study:
        """Return the study."""
        return self.pair.now.study

    @cached_property
    def answers(self) -> tuple[Answers, Answers]:
        """Return what the members answered in either wave, in the same order."""
        frames = (self.pair.now.frame, self.pair.then.frame)
        first, second = (Answers(self.study, *each) for each in zip(self.pair.waves, frames, strict=True))
        return first, second

    def read(self, question: Question, told: Prediction) -> Iterator[Figure]:
        """Yield the figures of a question's claims of the earlier wave, as read in the later."""
        now, then = self.answers
        claimed, outcome = said(now, question, told), happened(now, then, told)
        known = claimed.known & (outcome != "") & (self.pair.now.weight > 0)
        bad = self._bad_year(now, told)
        whole = Read(told, claimed.category, claimed.probability, outcome, bad, self.pair.now.weight)
        years = self._years(told)
        for rows, label in self._slices(question, told, known, "who predicted, and whose outcome is known"):
            teller = self._teller(told, rows, label, years)
            read = whole.take(np.flatnonzero(rows))
            yield from teller.figures(main(read))
            if not years.startswith("interim") and len(read.weights) >= self.study.disclosure_threshold:
                more = list(further(read))
                yield from teller.figures(more)
                yield from _joint_tests(teller, more)

    def revised(self, question: Question, told: Prediction) -> Iterator[Figure]:
        """Yield how claims about the target year were revised between the two waves."""
        first, second = (said(each, question, told) for each in self.answers)
        known = first.known & second.known & (self.pair.now.weight > 0)
        unit = "points" if told.kind == "probability" else "score"
        units = {"revision_mean": unit, "revision_slope": "score"}
        for rows, label in self._slices(question, told, known, "who predicted at both waves"):
            places = np.flatnonzero(rows)
            if len(places) < self.study.disclosure_threshold and label.domain is not None:
                continue
            teller = self._teller(told, rows, label, "revision", is_read=False)
            one, two = (replace(each, **_taken(each, places)) for each in (first, second))
            found = revisions(one, two, teller.part.weight)
            told_all = [Told(name, each, value, units.get(name, "share")) for (name, value), each in found.items()]
            yield from teller.figures(told_all)
            mean, steep = found.get(("revision_mean", None)), found.get(("revision_slope", None))
            if mean is not None and steep is not None:
                p = martingale_p(mean, steep, teller.part.weight, teller.part.design)
                yield teller.probability("martingale_p", p, mean)

    def _bad_year(self, now: Answers, told: Prediction) -> np.ndarray:
        """Return 1 where the variable had fallen in the year before the claim, 0 where not, NaN where not known."""
        unknown = np.full(len(now.frame), np.nan)
        if self.before is None or not self.study.variable(told.variable).is_numeric:
            return unknown
        whole = self.pair.now.whole
        found = whole.row_of(self.before)[self.pair.now.member]
        there = np.flatnonzero(found >= 0)
        before = Answers(self.study, self.before, whole.frame).take(found[there], told)
        first, second = before.numbers(told), now.take(there, told).numbers(told)
        moved = direction(first, second, max(told.threshold, 0.05), told.band)
        unknown[there] = np.select([moved == "fall", moved != ""], [1.0, 0.0], np.nan)
        return unknown

    def _slices(
        self, question: Question, told: Prediction, known: np.ndarray, whom: str
    ) -> Iterator[tuple[np.ndarray, Label]]:
        for each in slices(self.pair.now):
            rows = each.inside & known
            if rows.any():
                yield rows, label_of(self.study, question, told, each.domain, each.group, f"{each.name} {whom}")

    def _teller(self, told: Prediction, rows: np.ndarray, label: Label, years: str, *, is_read: bool = True) -> Teller:
        priced = is_in_prices(self.study, told) and self.pair.now.is_provisional(*self.pair.waves)
        return Teller(
            part=Part.of(self.pair.now.design, self.pair.now.weight, rows),
            label=label,
            waves=self.pair.waves,
            weight=self.pair.now.label,
            method=f"{method_of(self.study)}, {years}",
            is_provisional=is_read and (years.startswith("interim") or priced),
        )

    def _years(self, told: Prediction) -> str:
        made, read = (year_of(self.study, wave) for wave in self.pair.waves)
        target = self.study.target_year
        if told.horizon == "target" and read < target:
            return f"interim, {read - made} of {target - made} years"
        return "next wave" if told.horizon == "next" else f"year {read - made}"


def _taken(each: object, places: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[places] for name, values in vars(each).items()}


def label_of(
    study: Study, question: Question, told: Prediction, domain: str | None, group: str, denominator: str
) -> Label:
    """Return what a figure of a question's claims is about."""
    is_money = bool(told.variable) and study.variable(told.variable).kind == "money"
    return Label(
        indicator=question.key,
        variable=told.variable or question.variable.name,
        domain=domain,
        group=group,
        denominator=denominator,
        unit="share",
        terms=told.terms if is_money else "",
    )


def _joint_tests(teller: Teller, found: list[Told]) -> Iterator[Figure]:
    """Yield the p values of the modal and the median rule over all categories, by Bonferroni."""
    for rule in ("modal", "median"):
        margins = [each for each in found if each.statistic == f"{rule}_margin"]
        if len(margins) == len(OUTCOMES):
            figures = teller.figures(margins)
            ps = [_one_sided(figure, teller, each) for figure, each in zip(figures, margins, strict=True)]
            yield teller.probability(f"{rule}_rule_p", min(1.0, len(ps) * min(ps)), margins[0].found)


def _one_sided(figure: Figure, teller: Teller, told: Told) -> float:
    """Return the p value of the hypothesis that a margin is not below zero."""
    if figure.se <= 0:
        return 1.0 if figure.estimate >= 0 else 0.0
    return float(stdtr(teller.part.design.degrees_of_freedom(told.found.rows), figure.estimate / figure.se))
