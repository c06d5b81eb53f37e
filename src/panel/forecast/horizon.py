"""
The view to the target year: what was predicted at the baseline, and what has come of it, year by year.

Everybody counts who made a claim at the baseline that could be read, whether or not they stayed: those whose outcome
was seen stand for the others by the inverse of their probability of being seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panel.estimate import Figure, Label, Sample, Slice, method_of, slices
from panel.estimate.part import Part
from panel.forecast.censoring import Seen, leavers
from panel.forecast.claims import OUTCOMES, UNCLEAR, WORD, Answers, Said, happened, is_in_prices, needs_start, said
from panel.forecast.due import is_due, year_of
from panel.forecast.linear import average, combine, difference
from panel.forecast.telling import Teller, Told
from panel.model.instrument import Prediction, Question

WEIGHTED = "weighted by the inverse probability of being seen"


def horizon(sample: Sample, waves: list[int]) -> Iterator[Figure]:
    """
    Yield the figures of the view to the target year: `wave` is that of the reading.

    Of a direction, `value` is fall, same or rise; of a probability it is event. `horizon_predicted`, what was said at
    the baseline (a probability counts as its mean). For every later wave up to the target year: `horizon_happened`,
    the share whose value then is so; `horizon_to_come`, what was predicted less that, and `horizon_to_come_of_others`,
    as a share of those for whom it is not so: what must still happen. `horizon_unseen`, the share of claims without
    an outcome; `horizon_tipping`, the share of those for whom it would have to be so for the prediction to be just
    right, and `horizon_tipping_apart`, by how much that differs from those who were seen. `horizon_brier` and
    `horizon_hit_rate` score the claims of all, censored ones weighted for. A claim that no answer resolves has what
    was predicted, and the two ends of what that can mean (`best_case_low`, `best_case_high`).

    Args:
        sample: cross-sectional weights of every wave.
        waves: wave numbers in order.
    """
    base = sample.study.baseline
    if base not in waves:
        return
    for question in sample.study.instrument_of(base).predictions:
        told = question.predicts
        if told is not None and told.horizon == "target":
            yield from _Outlook.of(sample, question, told).figures([wave for wave in waves if wave > base])


@dataclass(frozen=True)
class _Outlook:
    """The rows of the baseline, and which of them made a claim in answer to a question that could be read."""

    sample: Sample
    question: Question
    told: Prediction
    part: Part
    now: Answers
    said: Said
    claimed: np.ndarray
    slices: tuple[Slice, ...]

    @classmethod
    def of(cls, sample: Sample, question: Question, told: Prediction) -> _Outlook:
        base, part = sample.study.baseline, sample.part(sample.study.baseline)
        answers = Answers(sample.study, base, sample.frame.iloc[part.places].reset_index(drop=True))
        found = said(answers, question, told)
        claimed = found.known
        if told.variable and needs_start(told):
            claimed = claimed & sample.known(told.variable)[part.places]
        own = tuple(
            Slice(each.domain, each.group, each.name, each.inside[part.places] & claimed) for each in slices(sample)
        )
        return cls(sample, question, told, part, answers, found, claimed, own)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Return the outcomes that are followed."""
        return OUTCOMES if self.told.is_directed else ("event",)

    def figures(self, later: list[int]) -> Iterator[Figure]:
        """Yield what was predicted, and for each later wave what came of it."""
        if not self.claimed.any():
            return
        study, base = self.sample.study, self.sample.study.baseline
        for each in self.slices:
            if each.inside.any():
                yield from self._teller(each, base).figures(self._predicted(each.inside))
        for wave in later:
            if is_due(study, self.told, base, wave):
                came, seen = self._outcome(wave)
                if seen.seen.any():
                    for each in self.slices:
                        yield from self._by(wave, each, came, seen)

    def _predicted(self, inside: np.ndarray) -> Iterator[Told]:
        names = (*self.outcomes, UNCLEAR) if self.told.kind == "direction" else self.outcomes
        clear = inside & (self.said.category != UNCLEAR)
        for value in names:
            share = average(self._claimed(value), self.part.weight, inside)
            yield Told("horizon_predicted", share, value)
            if not self.told.variable and self.told.is_directed and value in OUTCOMES and clear.any():
                own = average(self._claimed(value), self.part.weight, clear)
                yield Told("best_case_low", combine(own.value / 2, [own], [0.5]), value)
                yield Told("best_case_high", combine((1 + own.value) / 2, [own], [0.5]), value)

    def _claimed(self, value: str) -> np.ndarray:
        """Return how much each claim says that an outcome comes: 0 or 1, or its probability."""
        if self.told.kind == "probability":
            return self.said.probability
        if self.told.kind == "category":
            return np.isin(self.said.category, [str(code) for code in self.told.yes]).astype(float)
        return np.asarray((self.said.category == value).astype(float))

    def _outcome(self, wave: int) -> tuple[np.ndarray, Seen]:
        own = np.arange(len(self.sample.wave))[self.part.places]
        found = self.sample.row_of(wave)[self.sample.member[own]]
        here, whole = np.flatnonzero(found >= 0), Answers(self.sample.study, wave, self.sample.frame)
        came = np.full(len(found), "", dtype=WORD)
        came[here] = happened(self.now.take(here, self.told), whole.take(found[here], self.told), self.told)
        claims = np.where(self.claimed, self.part.weight, 0.0)
        return came, Seen.of((came != "") & self.claimed, self._covariates(), claims)

    def _covariates(self) -> list[np.ndarray]:
        """Return the group of each domain, and what was said: a category, or a quarter of the probabilities."""
        groups = [self.sample.groups(domain.key)[self.part.places] for domain in self.sample.study.domains]
        if self.told.kind == "probability":
            quarter = np.minimum(np.nan_to_num(self.said.probability, nan=-1.0) * 4, 3)
            return [*groups, np.floor(quarter).astype(np.int64)]
        return [*groups, pd.factorize(self.said.category, sort=True)[0]]

    def _by(self, wave: int, each: Slice, came: np.ndarray, seen: Seen) -> Iterator[Figure]:
        inside = each.inside
        if not (inside & seen.seen).any():
            return
        teller = self._teller(each, wave)
        for value in self.outcomes:
            yield from teller.figures(self._reading(value, inside, came, seen))
        yield from teller.figures(self._scores(inside, came, seen))

    def _reading(self, value: str, inside: np.ndarray, came: np.ndarray, seen: Seen) -> Iterator[Told]:
        so = (came == value).astype(float)
        told, met = average(self._claimed(value), self.part.weight, inside), seen.mean(so, inside)
        to_come = difference(told, met)
        yield Told("horizon_happened", met, value)
        yield Told("horizon_to_come", to_come, value, "points")
        if met.value < 1:
            of_others = to_come.value / (1 - met.value)
            slopes = [1 / (1 - met.value), (told.value - 1) / (1 - met.value) ** 2]
            yield Told("horizon_to_come_of_others", combine(of_others, [told, met], slopes), value, "points")
        if (inside & ~seen.seen).any():
            found = leavers(self._claimed(value), so, seen.seen, inside, self.part.weight)
            yield Told("horizon_unseen", found.share, value)
            yield Told("horizon_tipping", found.needed, value, "points")
            yield Told("horizon_tipping_apart", found.apart, value, "points")

    def _scores(self, inside: np.ndarray, came: np.ndarray, seen: Seen) -> Iterator[Told]:
        if self.told.kind == "probability":
            square = (self.said.probability - (came == "event")) ** 2
            yield Told("horizon_brier", seen.mean(square, inside), unit="score")
        elif self.told.is_directed:
            clear = inside & (self.said.category != UNCLEAR)
            if (clear & seen.seen).any():
                yield Told("horizon_hit_rate", seen.mean((self.said.category == came).astype(float), clear))

    def _teller(self, each: Slice, wave: int) -> Teller:
        study, base = self.sample.study, self.sample.study.baseline
        made, read = year_of(study, base), year_of(study, wave)
        years = f"year {read - made} of {study.target_year - made}"
        method = method_of(study) if wave == base else f"{method_of(study)}, {years}, {WEIGHTED}"
        priced = is_in_prices(study, self.told) and self.sample.is_provisional(base, wave)
        is_money = bool(self.told.variable) and study.variable(self.told.variable).kind == "money"
        label = Label(
            indicator=self.question.key,
            variable=self.told.variable or self.question.variable.name,
            domain=each.domain,
            group=each.group,
            denominator=f"{each.name} who predicted at the baseline",
            unit="share",
            terms=self.told.terms if is_money else "",
        )
        return Teller(
            part=self.part,
            label=label,
            waves=(base if wave != base else None, wave),
            weight=f"{self.sample.label} {base}",
            method=method,
            is_provisional=wave != base and (read < study.target_year or priced),
        )
