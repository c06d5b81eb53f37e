"""The figures about predictions by what a reader asks of them, and the ledger counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from panel.forecast.ledger import STATES
from panel.model.study import Study

View = Literal["outcomes", "scores", "revisions", "horizon"]
VIEWS: tuple[View, ...] = ("outcomes", "scores", "revisions", "horizon")

OUTCOME_STATISTICS = (
    "predicted_share", "realised_share", "realised_given_predicted", "mean_probability", "realised_frequency", "bias",
    "right_share", "too_gloomy_share", "too_hopeful_share",
)  # fmt: skip
_REVISIONS = ("revision_", "revised_", "clear_now_", "martingale_")


def view_of(figures: pd.DataFrame) -> pd.Series:
    """
    Return for each figure about predictions the view it belongs to.

    outcomes: what was predicted, what happened, who was right; revisions: how members changed their minds; horizon:
    the view to the target year; scores: all else, the reliability curve too.

    Args:
        figures: schema.ESTIMATES as `predictions` returns them. Not modified.
    """
    statistic = figures["statistic"].astype("str")
    views = pd.Series("scores", index=figures.index)
    views[statistic.isin(OUTCOME_STATISTICS)] = "outcomes"
    views[statistic.str.startswith(_REVISIONS)] = "revisions"
    views[statistic.str.startswith("horizon_") | figures["from_wave"].isna()] = "horizon"
    return views


def questions_of(study: Study) -> tuple[str, ...]:
    """Return the keys of the questions that predict, in any version of the instrument."""
    keys = [each.key for instrument in study.instruments for each in instrument.predictions]
    return tuple(dict.fromkeys(keys))


@dataclass(frozen=True)
class Year:
    """
    The view to the target year of one outcome, in one group, at one wave.

    `figures` are rows of schema.ESTIMATES by statistic without its "horizon_"; `predicted` is that of the baseline.
    """

    question: str
    domain: str | None
    group: str
    value: str
    wave: int
    figures: Mapping[str, pd.Series]


def years(figures: pd.DataFrame) -> Iterator[Year]:
    """
    Yield what was predicted at the baseline beside what has come of it, by question, group, outcome and wave.

    A claim that no answer resolves, or whose first later wave is still to come, has the baseline alone.

    Args:
        figures: schema.ESTIMATES as `predictions` returns them, protected or not. Not modified.
    """
    rows = figures[view_of(figures) == "horizon"]
    place = ["indicator", "domain", "group", "value"]
    for key, own in rows.groupby(place, sort=False, dropna=False):
        question, domain, group, value = ("" if pd.isna(each) else str(each) for each in key)
        base = _named(own[own["from_wave"].isna()])
        later = own[own["from_wave"].notna()]
        if not base:  # the scores of all outcomes together
            continue
        waves = sorted(set(later["wave"])) or [own["wave"].iloc[0]]
        for wave in waves:
            found = base | _named(later[later["wave"] == wave])
            yield Year(question, domain or None, group, value, int(wave), found)


def _named(rows: pd.DataFrame) -> dict[str, pd.Series]:
    return {str(row["statistic"]).removeprefix("horizon_"): row for _, row in rows.iterrows()}


def tally(claims: pd.DataFrame) -> pd.DataFrame:
    """
    Count the ledger: a row for each question and wave in which claims were made.

    `question, wave, due_year, claims_count`, a column for each state (`open_count` ... `void_count`), `true_count` and
    `untrue_count` of the resolved ones that said something that could come true, `corrected_count`. Not protected.

    Args:
        claims: schema.CLAIMS. Not modified.
    """
    counted = claims[["question", "wave", "due_year"]].assign(
        claims_count=1,
        **{f"{state}_count": (claims["state"] == state).astype("int64") for state in STATES},
        true_count=claims["is_true"].fillna(value=False).astype("int64"),
        untrue_count=(~claims["is_true"].fillna(value=True).astype(bool)).astype("int64"),
        corrected_count=claims["is_corrected"].astype("int64"),
    )
    return counted.groupby(["question", "wave", "due_year"], sort=True).sum().reset_index()
