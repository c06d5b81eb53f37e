"""Predictions on the page of a release: who was right, what happened, and what must still happen, in words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import pandas as pd

from panel.forecast import BINS, Year, questions_of, years
from panel.model.study import Study
from panel.publish.figures import Reader, Row, everybody, main_domain, records
from panel.publish.outlook_words import MEASURES, OUTLOOK_WORDS

PREDICTED = ("predicted_share", "predicted_yes_share", "mean_probability")
REALISED = ("realised_share", "realised_frequency")
VERDICTS = ("right", "too_gloomy", "too_hopeful")
PAST = {"fall": "fell", "same": "stayed", "rise": "rose"}


def outlook(predictions: pd.DataFrame, reader: Reader) -> dict[str, object]:
    """
    Return what the page shows of predictions, charts apart, finished and in words.

    Args:
        predictions: schema.ESTIMATES as published, `in_order`. Not modified.
        reader: the language.
    """
    own = OUTLOOK_WORDS[reader.language]
    base, target = reader.wave(reader.study.baseline), str(reader.study.target_year)
    read = predictions[predictions["from_wave"].notna()]
    last = newest(read)
    return {
        "t": {name: text.replace("{base}", base).replace("{year}", target) for name, text in own.items()},
        "right": list(_verdicts(last, reader)),
        "years": list(_years(predictions, reader)),
        "given": list(_given(everybody(last), reader)),
        "measures": list(_measures(everybody(predictions), reader)),
        "pairs": list(_pairs(everybody(read), reader)),
    }


def in_order(predictions: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return figures by question as asked, by group as listed, everybody first, and by outcome or chance, rising."""
    questions = {key: place for place, key in enumerate(questions_of(study))}
    listed = [(each.key, group.key) for each in study.domains for group in each.groups]
    groups = {place: number for number, place in enumerate(listed, start=1)}
    values = {each: place for place, each in enumerate((*BINS.labels, "fall", "same", "rise", "unclear"))}
    asked = (each for instrument in study.instruments for each in instrument.predictions)
    codes = {(each.key, str(code)): place for each in asked for place, code in enumerate(each.variable.codes)}
    names, domains, parts, said = (
        predictions[name].to_numpy(dtype=object) for name in ("indicator", "domain", "group", "value")
    )
    ranks = [
        (questions.get(name, len(questions)), groups.get((domain, part), 0), codes.get((name, one), values.get(one, 0)))
        for name, domain, part, value in zip(names, domains, parts, said, strict=True)
        for one in [str(value).split(">")[0]]
    ]
    return predictions.iloc[sorted(range(len(ranks)), key=ranks.__getitem__)]


def newest(read: pd.DataFrame) -> pd.DataFrame:
    """Return of figures about pairs of waves those of each question's newest reading, made as early as there is."""
    waves = read.groupby("indicator")[["wave"]].transform("max")["wave"]
    last = read[(read["wave"] == waves) & read["statistic"].isin(_READ)]
    first = last.groupby("indicator")[["from_wave"]].transform("min")["from_wave"]
    return last[last["from_wave"] == first]


_READ = (
    *PREDICTED, *REALISED, "realised_given_predicted", *(f"{each}_share" for each in VERDICTS), "bin_frequency",
    "bin_probability",
)  # fmt: skip


def _verdicts(last: pd.DataFrame, reader: Reader) -> Iterator[dict[str, object]]:
    """Yield a row for each question and group, everybody first: its shares, and the widths of its bar."""
    domain = main_domain(reader.study)
    rows = last[last["statistic"].isin([f"{each}_share" for each in VERDICTS])]
    rows = rows[(rows["group"] == "all") | (rows["domain"] == (domain.key if domain else ""))]
    for (question, _, group), own in rows.groupby(["indicator", "domain", "group"], sort=False, dropna=False):
        named = {str(row["value"]): row for row in records(own)}
        some = next(iter(named.values()))
        yield {
            "label": reader.indicator(str(question)),
            "group": reader.group(some["domain"], group),
            "is_first": group == "all",
            "from": reader.wave(some["from_wave"]),
            "to": reader.wave(some["wave"]),
            "status": reader.status(some) if some["status"] == "provisional" else "",
            "cells": [{"kind": each, **_figure(named.get(each), reader)} for each in VERDICTS],
        }


def _figure(row: Row | None, reader: Reader) -> dict[str, object]:
    if row is None:
        return {"figure": "–", "interval": "", "width": 0}
    width = 0.0 if pd.isna(row["estimate"]) else min(max(float(row["estimate"]), 0.0), 1.0)
    return {"figure": reader.shown(row), "interval": reader.interval(row), "width": round(width * 100)}


def _years(predictions: pd.DataFrame, reader: Reader) -> Iterator[dict[str, object]]:
    """Yield the view to the target year of each question: a line in words for everybody, and a table a division."""
    for question, found in groupby(years(predictions), key=lambda year: year.question):
        own = list(found)
        parts = {key: list(part) for key, part in groupby(own, key=lambda year: year.domain)}
        yield {
            "label": reader.indicator(question),
            "lines": list(_lines([year for year in own if year.group == "all"], reader)),
            "parts": [
                {"label": _division(key, reader), "rows": list(_year_rows(part, reader))} for key, part in parts.items()
            ],
        }


def _division(key: str | None, reader: Reader) -> str:
    return reader.study.domain(key).label.in_(reader.language) if key else reader.words["everybody"]


def _year_rows(found: list[Year], reader: Reader) -> Iterator[dict[str, object]]:
    for (group, _), own in groupby(found, key=lambda year: (year.group, year.value)):
        for place, year in enumerate(own):
            row = year.figures.get("predicted")
            if row is None:
                continue
            yield {
                "group": reader.group(year.domain, group),
                "outcome": reader.outcome(row["variable"], year.value),
                "is_first": place == 0,
                "predicted": _figure(row, reader),
                "by": reader.wave(year.wave) if "happened" in year.figures else "",
                "happened": _figure(year.figures.get("happened"), reader),
                "to_come": _figure(year.figures.get("to_come"), reader)["figure"],
                "unseen": _figure(year.figures.get("unseen"), reader)["figure"],
                "needed": _needed(year, reader),
            }


def _needed(year: Year, reader: Reader) -> str:
    """Return what would have to hold of the unseen as a share, "–" where no share of them would do."""
    row = year.figures.get("tipping")
    if row is None or pd.isna(row["estimate"]):
        return "–" if row is None else reader.shown(row)
    return reader.shown({**row, "unit": "share"}) if 0 <= float(row["estimate"]) <= 1 else "–"


def _lines(found: list[Year], reader: Reader) -> Iterator[str]:
    """Yield a sentence or two about each outcome at its newest wave; nothing where a figure of it is hidden."""
    for _, own in groupby(found, key=lambda year: year.value):
        year = list(own)[-1]
        said = year.figures.get("predicted")
        if year.value == "unclear" or said is None or any(pd.isna(row["estimate"]) for row in year.figures.values()):
            continue
        yield " ".join(_sentences(year, said, reader))


def _sentences(year: Year, said: Row, reader: Reader) -> Iterator[str]:
    figures, study = year.figures, reader.study
    shown = {name: reader.shown(row) for name, row in figures.items()}
    words = OUTLOOK_WORDS[reader.language]
    base, told = reader.wave(study.baseline), shown["predicted"]
    opening = words["open_chance" if year.value == "event" else "open_said"]
    yield opening.format(base=base, predicted=told, outcome=reader.outcome(said["variable"], year.value))
    if "best_case_low" in shown:
        yield words["then_possible"].format(low=shown["best_case_low"], high=shown["best_case_high"])
    if "happened" not in shown:
        return
    follows = words[_stands(year, study.target_year, study.wave(year.wave).fieldwork.start.year)]
    between = reader.interval(figures["happened"])
    yield follows.format(
        year=reader.wave(year.wave), happened=shown["happened"], range=between, to_come=shown["to_come"]
    )
    if "unseen" in shown:
        needed = _needed(year, reader)
        line = words["then_safe" if needed == "–" else "then_unseen"]
        yield line.format(unseen=shown["unseen"], needed=needed)


def _stands(year: Year, target: int, now: int) -> str:
    """Return the key of the sentence that says how what happened compares with what was predicted, chance allowed."""
    low, high = (float(year.figures["to_come"][side]) for side in ("low", "high"))
    if low > 0:
        return "then_more" if now < target else "then_short"
    return "then_less" if high < 0 else "then_even"


def _given(last: pd.DataFrame, reader: Reader) -> Iterator[dict[str, object]]:
    """Yield for each question what happened to those who said one thing or another: a row a saying."""
    rows = last[last["statistic"] == "realised_given_predicted"]
    for question, own in rows.groupby("indicator", sort=False):
        told = records(own)
        cells: dict[str, dict[str, Row]] = {}
        for row in told:
            said, happened = str(row["value"]).split(">")
            cells.setdefault(said, {})[happened] = row
        came = sorted({str(row["value"]).split(">")[1] for row in told}, key=lambda each: [*PAST, each].index(each))
        variable = told[0]["variable"]
        yield {
            "label": reader.indicator(str(question)),
            "from": reader.wave(told[0]["from_wave"]),
            "to": reader.wave(told[0]["wave"]),
            "columns": [past(each, variable, reader) for each in came],
            "rows": [
                {
                    "label": _said(said, str(question), variable, reader),
                    "cells": [_figure(found.get(each), reader) for each in came],
                }
                for said, found in cells.items()
            ],
        }


def past(came: str, variable: object, reader: Reader) -> str:
    """Return what happened in words: fell, stayed the same, rose, or what the event is called."""
    return OUTLOOK_WORDS[reader.language].get(PAST.get(came, ""), "") or reader.outcome(variable, came)


def _said(said: str, question: str, variable: object, reader: Reader) -> str:
    """Return what was said: a direction in words, or the label that the question has for a code."""
    for instrument in reversed(reader.study.instruments):
        for each in instrument.predictions:
            if each.key == question and said in map(str, each.variable.codes):
                return reader.value(each.variable.name, said)
    return reader.outcome(variable, said)


def _measures(rows: pd.DataFrame, reader: Reader) -> Iterator[dict[str, object]]:
    """Yield for each question the measures that can be said in words: newest wave, made as early as there is."""
    words = OUTLOOK_WORDS[reader.language]
    own = rows[rows["statistic"].isin(MEASURES) & rows["from_wave"].notna() & (rows["status"] != "hidden")]
    for question, found in own.groupby("indicator", sort=False):
        by_name = {
            str(row["statistic"]): row
            for row in records(found.sort_values(["wave", "from_wave"], ascending=[True, False]))
        }
        yield {
            "label": reader.indicator(str(question)),
            "rows": [
                {
                    "measure": words[name],
                    "waves": f"{reader.wave(by_name[name]['from_wave'])} – {reader.wave(by_name[name]['wave'])}",
                    **_figure(by_name[name], reader),
                }
                for name in MEASURES
                if name in by_name
            ],
        }


def _pairs(rows: pd.DataFrame, reader: Reader) -> Iterator[dict[str, object]]:
    """Yield for each question what was predicted beside what happened, for every pair of waves."""
    compared = rows[rows["statistic"].isin([*PREDICTED, *REALISED])].sort_values(["from_wave", "wave"], kind="stable")
    for question, own in compared.groupby("indicator", sort=False):
        table: dict[tuple[int, int, str], dict[str, Row]] = {}
        for row in records(own):
            value = "event" if pd.isna(row["value"]) else str(row["value"])
            side = "predicted" if row["statistic"] in PREDICTED else "realised"
            table.setdefault((int(row["from_wave"]), int(row["wave"]), value), {})[side] = row
        yield {
            "label": reader.indicator(str(question)),
            "rows": [
                {
                    "from": reader.wave(first),
                    "to": reader.wave(last),
                    "value": _said(value, str(question), own["variable"].iloc[0], reader),
                    "predicted": _figure(sides.get("predicted"), reader),
                    "realised": _figure(sides.get("realised"), reader),
                }
                for (first, last, value), sides in table.items()
            ],
        }
