"""What was said at one wave, and what became of it by another, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from panel.errors import EstimateError
from panel.evaluate import evaluate
from panel.model.expression import parse
from panel.model.instrument import Prediction, Question
from panel.model.study import Study
from panel.schema import PERSON_WAVES, reason_column

OUTCOMES = ("fall", "same", "rise")
EVENTS = ("no_event", "event")
UNCLEAR = "unclear"
WORD = f"<U{max(map(len, (*OUTCOMES, *EVENTS, UNCLEAR)))}"
"""The type of arrays of outcomes, as wide as the longest: such words are compared for less than Python's texts."""


def read_columns(study: Study) -> list[str]:
    """Return the columns of person-waves that reading predictions needs: fixed ones, questions, what resolves them."""
    asked = [each for instrument in study.instruments for each in instrument.predictions]
    told = [each.predicts.variable for each in asked if each.predicts and each.predicts.variable]
    names = [*(each.variable.name for each in asked), *told]
    wanted = [*PERSON_WAVES.names, *(column for name in names for column in (name, reason_column(name)))]
    return list(dict.fromkeys([*wanted, *(domain.variable for domain in study.domains)]))


@dataclass(frozen=True)
class Answers:
    """Person-waves of one wave, one row a member."""

    study: Study
    wave: int
    frame: pd.DataFrame

    def take(self, places: np.ndarray, told: Prediction | None = None) -> Answers:
        """Return some of the rows, in the order asked; of a prediction, only what its outcome is read from."""
        rows = self.frame if told is None else self.frame[["member", *filter(None, [told.variable])]]
        return Answers(self.study, self.wave, rows.take(places))

    def numbers(self, told: Prediction) -> np.ndarray:
        """
        Return the variable of a prediction as floats, NaN where missing; in prices of the base year where it says so.

        Raises:
            EstimateError: real terms are asked for, and the study has no price index.
        """
        values = self.frame[told.variable].to_numpy(dtype=float, na_value=np.nan)
        if not is_in_prices(self.study, told):
            return values
        prices = self.study.prices
        if prices is None:
            raise EstimateError(f"Study '{self.study.key}' has no price index.", fix="add price-index.toml")
        year = self.study.wave(self.wave).reference_year
        return np.asarray(values * (prices.point(prices.base_year).index / prices.point(year).index))


@dataclass(frozen=True)
class Said:
    """
    What each row said: a category (fall, same, rise, unclear, or a code) or a probability from 0 to 1.

    "" and NaN where nothing was said, or nothing that could come true.
    """

    category: np.ndarray
    probability: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Return which rows said something (a mask)."""
        return (self.category != "") | np.isfinite(self.probability)


def is_in_prices(study: Study, told: Prediction) -> bool:
    """Say whether a prediction is about an amount in real terms."""
    return bool(told.variable) and told.terms == "real" and study.variable(told.variable).kind == "money"


def said(answers: Answers, question: Question, told: Prediction) -> Said:
    """Return what each row said in answer to a question that predicts."""
    answer = answers.frame[question.variable.name]
    nothing, blank = np.full(len(answer), np.nan), np.full(len(answer), "", dtype=WORD)
    if told.kind == "probability":
        return Said(blank, answer.to_numpy(dtype=float, na_value=np.nan) / 100)
    if told.kind == "amount":
        amounts = _amounts(answers, answer, told)
        return Said(direction(answers.numbers(told), amounts, told.threshold, told.band), nothing)
    if told.kind == "direction":
        names = {str(code): name for code, name in told.directions}
    else:
        off = set(question.variable.off_scale)
        names = {str(code): UNCLEAR if code in off else str(code) for code in question.variable.codes}
    return Said(answer.astype("str").map(names).fillna("").to_numpy(dtype=object).astype(np.str_), nothing)


def _amounts(answers: Answers, answer: pd.Series, told: Prediction) -> np.ndarray:
    """Return amounts that were said, which are in the prices of the moment, in the terms of the prediction."""
    frame = answers.frame.assign(**{told.variable: answer})
    return Answers(answers.study, answers.wave, frame).numbers(told)


def direction(
    now: np.ndarray, then: np.ndarray, threshold: float, band: Literal["relative", "log"] = "relative"
) -> np.ndarray:
    """
    Return fall, same or rise by the change beyond a threshold, "" where either amount is not known.

    By `band` the change is relative to `now`, and a first amount of zero or less has a direction only by the sign of
    the change; or it is the difference of logarithms, which amounts of zero or less do not have.
    """
    out = np.full(len(now), "", dtype=WORD)
    with np.errstate(invalid="ignore", divide="ignore"):
        if band == "log":
            now, then = (np.log(np.where(each > 0, each, np.nan)) for each in (now, then))
        width = threshold if band == "log" else threshold * np.abs(now)
        out[np.abs(then - now) <= width] = "same"
        out[then - now > width] = "rise"
        out[then - now < -width] = "fall"
    return out


def happened(now: Answers, then: Answers, told: Prediction) -> np.ndarray:
    """Return what became of each row: fall, same or rise, event or no_event, "" where it is not known."""
    if told.is_directed:
        return direction(now.numbers(told), then.numbers(told), told.threshold, told.band)
    frame = pd.DataFrame({"now": _operand(now, told), "then": _operand(then, told)})
    truth = evaluate(parse(told.event or "null"), frame).astype("boolean")
    out = np.full(len(frame), "", dtype=WORD)
    for value, name in ((False, "no_event"), (True, "event")):
        out[(truth == value).fillna(value=False).to_numpy(dtype=bool)] = name
    return out


def _operand(answers: Answers, told: Prediction) -> pd.Series:
    if not answers.study.variable(told.variable).is_numeric:
        return answers.frame[told.variable].reset_index(drop=True)
    values = answers.numbers(told)
    return pd.Series(pd.array(values, dtype="Float64")).mask(np.isnan(values))


def needs_start(told: Prediction) -> bool:
    """Say whether the value of the moment at which a claim is made has a part in what resolves it."""
    return told.is_directed or "now" in parse(told.event or "null").names


def resolves_by(told: Prediction) -> str:
    """Return in one text what must happen, and in which terms."""
    if not told.variable:
        return ""
    terms = " in real terms" if told.terms == "real" else ""
    if told.event:
        return f"{told.event} of {told.variable}{terms}"
    width = f"{told.threshold:g} in logarithms" if told.band == "log" else f"{100 * told.threshold:g} %"
    return f"direction of {told.variable}{terms}, beyond {width}"
