"""Predictions beside what happened, as tables and a picture of bars."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from panel.publish.figures import Reader, Row, everybody, records

PREDICTED, REALISED = "predicted_share", "realised_share"


def outlook(predictions: pd.DataFrame, reader: Reader) -> Iterator[dict[str, object]]:
    """
    Yield for each prediction and pair of waves what was predicted beside what happened, for everybody.

    Rows of other statistics (scores, joint outcomes) follow as a list; groups are in the files of the release.
    """
    rows = everybody(predictions)
    keys = ["indicator", "from_wave", "wave"]
    for (indicator, first, last), part in rows.groupby(keys, dropna=False):
        yield {
            "label": reader.indicator(str(indicator)),
            "from": "" if pd.isna(first) else reader.wave(first),
            "to": "" if pd.isna(last) else reader.wave(last),
            "pairs": list(_pairs(part, reader)),
            "others": [_other(row, reader) for row in records(part[~part["statistic"].isin([PREDICTED, REALISED])])],
        }


def _pairs(part: pd.DataFrame, reader: Reader) -> Iterator[dict[str, object]]:
    compared = part[part["statistic"].isin([PREDICTED, REALISED])]
    for value, rows in compared.groupby("value", dropna=False, sort=False):
        by_statistic = {str(row["statistic"]): row for row in records(rows)}
        yield {
            "value": reader.outcome(rows["variable"].iloc[0], value),
            "predicted": _bar(by_statistic.get(PREDICTED), reader),
            "realised": _bar(by_statistic.get(REALISED), reader),
        }


def _bar(row: Row | None, reader: Reader) -> dict[str, object]:
    if row is None:
        return {"figure": "–", "interval": "", "width": 0}
    width = 0.0 if pd.isna(row["estimate"]) else min(max(float(row["estimate"]), 0.0), 1.0)
    return {"figure": reader.shown(row), "interval": reader.interval(row), "width": round(width * 100)}


def _other(row: Row, reader: Reader) -> dict[str, str]:
    statistic = str(row["statistic"])
    return {
        "measure": reader.words.get(statistic, statistic.replace("_", " ")),
        "value": reader.outcome(row["variable"], row["value"]),
        "figure": reader.shown(row),
        "interval": reader.interval(row),
    }
