"""The page of a release: what a reader who knows no statistics needs, in one file per language, without a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import pandas as pd

from panel.cite import SYNTHETIC, citation
from panel.codebook import render
from panel.model.study import Indicator
from panel.ports import ReleaseContent
from panel.publish.charts import Chart, svg
from panel.publish.content import Table
from panel.publish.figures import (
    Reader,
    Row,
    attrition,
    changes,
    everybody,
    grouped,
    levels,
    main_domain,
    main_value,
    records,
    transitions,
)
from panel.publish.outlook import in_order, outlook
from panel.publish.outlook_charts import drawn_outlook
from panel.publish.words import WORDS, number

PAGES = {"en": "index.html", "nl": "index.nl.html"}
TINTS = 6


def pages(content: ReleaseContent, published: Sequence[Table], digest: str) -> dict[str, str]:
    """Return the files of the page by name: the page in either language, and every chart as an SVG."""
    frames = {table.name: table.frame for table in published}
    frames["predictions"] = in_order(frames["predictions"], content.study)
    files: dict[str, str] = {}
    for language, name in PAGES.items():
        reader = Reader(study=content.study, language=language)
        figures = []
        for chart in charts(content, frames, reader):
            drawn = svg(chart, language)
            files[f"charts/{chart.key}.{language}.svg"] = drawn
            figures.append({"chart": chart, "svg": _safe(drawn), "rows": _chart_rows(chart, frames, reader)})
        marks = [SYNTHETIC[language]] if content.is_synthetic else []
        foretold = [
            {"chart": chart, "svg": _safe(files.setdefault(f"charts/{chart.key}.{language}.svg", drawn))}
            for chart, drawn in drawn_outlook(frames["predictions"], reader, marks)
        ]
        files[name] = _page(content, frames, reader, digest, figures, foretold)
    return files


def charts(content: ReleaseContent, frames: dict[str, pd.DataFrame], reader: Reader) -> Iterator[Chart]:
    """Yield a chart for each indicator: everybody, and each group of the study's main division."""
    domain = main_domain(content.study)
    for indicator in content.study.indicators:
        rows = levels(frames["estimates"], indicator)
        yield from _chart(content, everybody(rows), indicator, reader, key=indicator.key, by=None)
        if domain:
            inside = rows[(rows["domain"] == domain.key) & (rows["group"] != "all")]
            if inside["group"].nunique() > 1:
                by = domain.label.in_(reader.language)
                own = main_value(inside, indicator)
                yield from _chart(content, own, indicator, reader, key=f"{indicator.key}-by-{domain.key}", by=by)


def _chart(
    content: ReleaseContent, rows: pd.DataFrame, indicator: Indicator, reader: Reader, *, key: str, by: str | None
) -> Iterator[Chart]:
    rows = rows.drop_duplicates(["value", "domain", "group", "wave"] if by else ["value", "wave"])
    if rows.empty:
        return
    label = indicator.label.in_(reader.language)
    if by:
        series = rows.apply(lambda row: reader.group(row["domain"], row["group"]), axis=1)
    elif rows["value"].nunique(dropna=False) > 1:
        series = rows.apply(lambda row: reader.value(row["variable"], row["value"]) or label, axis=1)
    else:
        series = pd.Series(reader.words["everybody"], index=rows.index)
    points = rows[["estimate", "low", "high", "status"]].assign(when=rows["wave"].map(reader.wave), series=series)
    yield Chart(
        key=key,
        title=f"{label}, {reader.words['by']} {by[:1].lower()}{by[1:]}" if by else label,
        subtitle=_subtitle(content, rows, indicator, reader),
        description=reader.words["chart_alt"],
        points=points,
        whens=[reader.wave(wave) for wave in sorted(set(rows["wave"]))],
        series=list(dict.fromkeys(series)),
        unit=str(rows["unit"].iloc[0]),
        hidden=reader.words["hidden_short"],
    )


def _subtitle(content: ReleaseContent, rows: pd.DataFrame, indicator: Indicator, reader: Reader) -> list[str]:
    unit = str(rows["unit"].iloc[0])
    terms = str(rows["terms"].iloc[0])
    said = [reader.words["share"] if unit == "share" else unit, reader.words.get(f"terms_{terms}", "")]
    first = ", ".join(each for each in (reader.among(indicator), *said) if each)
    return [first, *([SYNTHETIC[reader.language]] if content.is_synthetic else [])]


def _page(
    content: ReleaseContent,
    frames: dict[str, pd.DataFrame],
    reader: Reader,
    digest: str,
    figures: list[dict[str, object]],
    foretold: list[dict[str, object]],
) -> str:
    return render(
        "release.html.j2",
        study=content.study,
        language=reader.language,
        t=WORDS[reader.language],
        wave=reader.wave(content.wave),
        is_synthetic=content.is_synthetic,
        headlines=list(_headlines(frames["estimates"], reader)),
        figures=figures,
        change_tables=list(_change_tables(frames["estimates"], reader)),
        transition_tables=list(_transition_tables(frames["estimates"], reader)),
        outlook=outlook(frames["predictions"], reader) | {"charts": foretold},
        checks=_checks(frames, reader),
        attrition=_attrition(frames["tracking"], reader),
        cite=citation(
            content.study, wave=content.wave, digest=digest, is_synthetic=content.is_synthetic, language=reader.language
        ),
        digest=digest,
        hidden_how=WORDS[reader.language]["hidden_how"].format(n=content.study.disclosure_threshold),
        software=f"panel-tracker {version('panel-tracker')}",
    )


def _headlines(estimates: pd.DataFrame, reader: Reader) -> Iterator[dict[str, str]]:
    study = reader.study
    for indicator in study.indicators:
        wave = indicator.published.wave if indicator.published else study.baseline
        rows = main_value(everybody(levels(estimates, indicator)), indicator)
        for row in records(rows[rows["wave"] == wave].head(1)):
            published = indicator.published
            yield {
                "label": indicator.label.in_(reader.language),
                "figure": reader.shown(row),
                "interval": reader.interval(row),
                "among": reader.among(indicator),
                "published": reader.shown(row | {"estimate": published.value}) if published else "",
                "source": published.source if published else "",
            }


def _chart_rows(chart: Chart, frames: dict[str, pd.DataFrame], reader: Reader) -> list[dict[str, str]]:
    rows = frames["estimates"].loc[chart.points.index].assign(when=chart.points["when"], series=chart.points["series"])
    return [
        {
            "when": str(row["when"]),
            "series": str(row["series"]),
            "figure": reader.shown(row),
            "interval": reader.interval(row),
            "n": "" if pd.isna(row["n"]) else number(float(row["n"]), 0, reader.language),
            "held": reader.held(row),
            "status": reader.status(row),
        }
        for row in records(rows)
    ]


def _change_tables(estimates: pd.DataFrame, reader: Reader) -> Iterator[dict[str, object]]:
    """Yield, for each indicator, a row per pair of waves and a column per group of the main division."""
    domain = main_domain(reader.study)
    for indicator in reader.study.indicators:
        rows = changes(estimates, indicator)
        for statistic, part in rows.groupby("statistic"):
            total = everybody(part).assign(group="all")
            inside = part[(part["domain"] == domain.key) & (part["group"] != "all")] if domain else part.iloc[:0]
            table = pd.concat([total, inside]).drop_duplicates(["group", "from_wave", "wave"])
            if table.empty:
                continue
            known = [group.key for group in domain.groups] if domain else []
            groups = [each for each in ("all", *known) if (table["group"] == each).any()]
            yield {
                "label": indicator.label.in_(reader.language),
                "statistic": reader.words[str(statistic)],
                "groups": [reader.group(domain.key if domain else "", each) for each in groups],
                "rows": [
                    _change_row(pair, rows_of, groups, reader)
                    for pair, rows_of in grouped(records(table), "from_wave", "wave")
                ],
            }


def _change_row(pair: tuple[Any, ...], rows: list[Row], groups: list[str], reader: Reader) -> dict[str, object]:
    first, last = pair
    by_group = {str(row["group"]): row for row in rows}
    cells = [
        {"figure": reader.shown(by_group[group]), "interval": reader.interval(by_group[group])}
        if group in by_group
        else {"figure": "–", "interval": ""}
        for group in groups
    ]
    return {"from": reader.wave(first), "to": reader.wave(last), "cells": cells}


def _transition_tables(estimates: pd.DataFrame, reader: Reader) -> Iterator[dict[str, object]]:
    """Yield the from-to tables, the newest pair of waves of each variable first."""
    rows = transitions(estimates)
    pairs = rows["value"].astype("str").str.split(">", n=1, expand=True)
    if rows.empty or pairs.shape[1] < 2:
        return
    rows = rows.assign(origin=pairs[0], target=pairs[1], domain=rows["domain"].fillna(""))
    keys = ("indicator", "variable", "domain", "group", "from_wave", "wave")
    tables = sorted(grouped(records(rows), *keys), key=lambda each: (*map(str, each[0][:4]), -each[0][5], each[0][4]))
    seen: set[tuple[str, ...]] = set()
    for key, part in tables:
        _, variable, domain, group, first, last = key
        subject = tuple(map(str, key[:4]))
        yield {
            "label": reader.variable(str(variable)),
            "group": reader.group(domain, group),
            "from": reader.wave(first),
            "to": reader.wave(last),
            "is_first": subject not in seen,
            **_matrix(part, str(variable), reader),
        }
        seen.add(subject)


def _matrix(part: list[Row], variable: str, reader: Reader) -> dict[str, object]:
    origins, targets = (_in_order({row[side] for row in part}, variable, reader) for side in ("origin", "target"))
    cells = {(row["origin"], row["target"]): row for row in part}
    return {
        "columns": [reader.value(variable, target) for target in targets],
        "rows": [
            {
                "label": reader.value(variable, origin),
                "cells": [_cell(cells.get((origin, target)), reader) for target in targets],
            }
            for origin in origins
        ],
    }


def _in_order(found: set[str], variable: str, reader: Reader) -> list[str]:
    known = [str(code) for each in reader.study.variables if each.name == variable for code in each.codes]
    return [code for code in known if code in found] + sorted(found - set(known))


def _cell(row: Row | None, reader: Reader) -> dict[str, object]:
    if row is None:
        return {"figure": "–", "interval": "", "tint": 0}
    share = float(row["estimate"]) if row["unit"] == "share" and pd.notna(row["estimate"]) else 0.0
    return {
        "figure": reader.shown(row),
        "interval": reader.interval(row),
        "tint": min(int(share * TINTS), TINTS - 1),
    }


def _checks(frames: dict[str, pd.DataFrame], reader: Reader) -> dict[str, object]:
    verdicts = frames["checks"].assign(wave=frames["checks"]["wave"].map(reader.wave))
    notable = verdicts[(verdicts["state"] != "passed") | verdicts["overridden_by"].notna()]
    held = frames["held"].assign(wave=frames["held"]["wave"].map(reader.wave))
    return {
        "total": len(verdicts),
        "passed": int((verdicts["state"] == "passed").sum()),
        "notable": notable.astype("object").where(notable.notna(), "").to_dict("records"),
        "held": held.astype("object").where(held.notna(), "").to_dict("records"),
    }


def _attrition(tracking: pd.DataFrame, reader: Reader) -> dict[str, object]:
    rows = attrition(tracking)
    waves = sorted(set(rows["wave"]))
    table = []
    for cohort, part in rows.groupby("cohort"):
        answered = dict(zip(part["wave"], part["interviewed"] / part["members"], strict=True))
        size = int(part["members"].max())
        enough = size >= reader.study.disclosure_threshold
        shares = [f"{number(answered[wave] * 100, 0, reader.language)} %" if wave in answered else "" for wave in waves]
        table.append(
            {
                "cohort": reader.wave(cohort),
                "members": number(size, 0, reader.language) if enough else reader.hidden,
                "shares": shares if enough else [reader.words["hidden_short"] if share else "" for share in shares],
            }
        )
    return {"waves": [reader.wave(wave) for wave in waves], "rows": table}


def _safe(drawn: str) -> object:
    from markupsafe import Markup

    return Markup(drawn)  # noqa: S704  drawn by Vega from texts that it escapes itself
