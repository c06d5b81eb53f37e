"""The figures about predictions by what a reader asks of them, and the ledger counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from panel.forecast.ledger import STATES
from panel.model.study import Study

View = Literal["outcomes", "scores", "revisions", "horizon"]
VIEWS: tuple[View, ...] = ("outcomes", "scores", "revisions", "horizon")

OUTCOME_STATISTICS = (
    "predicted_share", "predicted_yes_share", "realised_share", "realised_given_predicted", "mean_probability",
    "realised_frequency", "bias", "right_share", "too_gloomy_share", "too_hopeful_share",
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


Place = tuple[str, ...]
Row = dict[str, Any]
_PLACE = ("indicator", "domain", "group", "value")


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
    figures: Mapping[str, Row]


def years(figures: pd.DataFrame) -> Iterator[Year]:
    """
    Yield what was predicted at the baseline beside what has come of it, by question, group, outcome and wave.

    A claim that no answer resolves, or whose first later wave is still to come, has the baseline alone.

    Args:
        figures: schema.ESTIMATES as `predictions` returns them, protected or not. Not modified.
    """
    base: dict[Place, dict[str, Row]] = {}
    later: dict[Place, dict[int, dict[str, Row]]] = {}
    for each in figures[view_of(figures) == "horizon"].to_dict("records"):
        row = {str(name): value for name, value in each.items()}
        place = tuple("" if pd.isna(row[name]) else str(row[name]) for name in _PLACE)
        at_base = pd.isna(row["from_wave"])
        named = base.setdefault(place, {}) if at_base else later.setdefault(place, {}).setdefault(int(row["wave"]), {})
        named[str(row["statistic"]).removeprefix("horizon_")] = row
    for place, found in base.items():  # the scores of all outcomes together have no baseline
        question, domain, group, value = place
        alone: dict[int, dict[str, Row]] = {int(next(iter(found.values()))["wave"]): {}}
        for wave, own in sorted(later.get(place, alone).items()):
            yield Year(question, domain or None, group, value, wave, found | own)


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
