"""What each member said would happen, and whether it did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panel.estimate import Pair
from panel.evaluate import evaluate
from panel.model.expression import parse
from panel.model.instrument import Prediction, Question

OUTCOMES = ("fall", "same", "rise")


@dataclass(frozen=True)
class Claims:
    """
    The predictions that members made at one wave about another, one a member of a pair.

    `said` is the category predicted (fall, same, rise, unclear, or a code), `probability` between 0 and 1 where one
    was asked, `happened` the category realised or 1.0 / 0.0 for an event; NaN or "" where it is not known.
    """

    said: np.ndarray
    probability: np.ndarray
    outcome: np.ndarray
    event: np.ndarray


def claims(pair: Pair, question: Question, told: Prediction) -> Claims:
    """
    Return the claims of a question over a pair of waves.

    A direction is realised by the relative change of the variable beyond the prediction's threshold; a first amount of
    zero or less has a direction only by the sign of the change. A probability or category is realised by its event.
    """
    answer = pair.now.need(question.variable.name)
    nothing = np.full(len(answer), np.nan)
    blank = np.full(len(answer), "", dtype=object)
    if told.kind == "direction":
        return Claims(_directions(answer, told), nothing, _realised(pair, told), nothing)
    happened = _event(pair, told)
    if told.kind == "probability":
        return Claims(blank, answer.to_numpy(dtype=float, na_value=np.nan) / 100, blank, happened)
    said = answer.astype("str").fillna("").to_numpy(dtype=object)
    return Claims(said, nothing, blank, happened)


def _directions(answer: pd.Series, told: Prediction) -> np.ndarray:
    said = np.full(len(answer), "", dtype=object)
    for code, direction in told.directions:
        said[(answer == code).fillna(value=False).to_numpy(dtype=bool)] = direction
    return said


def _amounts(pair: Pair, told: Prediction) -> tuple[np.ndarray, np.ndarray]:
    real = told.terms == "real"
    return tuple(  # type: ignore[return-value]
        sample.number(told.variable, in_real_terms=real) for sample in (pair.now, pair.then)
    )


def _realised(pair: Pair, told: Prediction) -> np.ndarray:
    now, then = _amounts(pair, told)
    band = told.threshold * np.abs(now)
    out = np.full(len(now), "", dtype=object)
    with np.errstate(invalid="ignore"):
        out[np.abs(then - now) <= band] = "same"
        out[then - now > band] = "rise"
        out[then - now < -band] = "fall"
    return out


def _event(pair: Pair, told: Prediction) -> np.ndarray:
    if pair.now.study.variable(told.variable).is_numeric:
        now, then = (pd.Series(pd.array(each, dtype="Float64")) for each in _amounts(pair, told))
        now, then = (each.mask(np.isnan(each.to_numpy(dtype=float, na_value=np.nan))) for each in (now, then))
    else:
        now, then = (each.need(told.variable).reset_index(drop=True) for each in (pair.now, pair.then))
    frame = pd.DataFrame({"now": now, "then": then})
    expression = parse(told.event or "null")
    happened = evaluate(expression, frame).astype("boolean")
    return happened.to_numpy(dtype=float, na_value=np.nan)
