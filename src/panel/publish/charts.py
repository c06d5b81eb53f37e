"""Charts of a release: one Altair specification each, rendered to SVG when the release is made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from textwrap import wrap
from typing import Any

import pandas as pd

# four hues that stay apart for colour-blind readers, and shapes for readers who see none
# (palette of the UK Government Analysis Function)
PALETTE = ("#12436D", "#F46A25", "#28A197", "#801650")
SHAPES = ("circle", "square", "triangle-up", "diamond")
INK, QUIET = "#1b1f24", "#57606a"
BAND_LIMIT, WHISKER_LIMIT = 2, 4
FONT = "sans-serif"
TITLE_WIDTH, SUBTITLE_WIDTH = 52, 68  # marks on a line that fit the chart in the widest fallback font
POINTS = "points"
# what is a chart's own, in the place of which a layout has
TITLE, SUBTITLE, SERIES, WHENS, COLOURS, MARKS, RANGE, HIDDEN = (
    f"own:{name}" for name in ("title", "subtitle", "series", "whens", "colours", "marks", "range", "hidden")
)
LOCALES: dict[str, Any] = {"nl": "nl-NL"}


@dataclass(frozen=True, kw_only=True)
class Chart:
    """
    One chart: its words, and one row per point.

    `points` has the columns when, series, estimate, low, high, status; null in `estimate` where a figure is hidden.
    `unit` is that of the estimates; shares and ratios are drawn as per cent.
    """

    key: str
    title: str
    subtitle: Sequence[str]
    description: str
    points: pd.DataFrame
    whens: Sequence[str]
    series: Sequence[str]
    unit: str
    hidden: str


def specification(chart: Chart) -> dict[str, Any]:
    """
    Return the Vega-Lite specification: bands for one or two series, whiskers to four, small multiples above.

    Altair copies and validates a chart over and over while it is built, so it builds one a layout, with placeholders
    for what is a chart's own; its validation of our own literals is done once, in the tests.
    """
    drawn = _layout(min(len(chart.series), WHISKER_LIMIT + 1), chart.unit)
    filled: dict[str, Any] = _filled(drawn, _own(chart))
    return filled | {"datasets": {POINTS: _values(chart)}}


def _own(chart: Chart) -> dict[str, Any]:
    """Return what stands in the place of each placeholder."""
    series, many = list(chart.series), len(chart.series) > WHISKER_LIMIT
    top = chart.points[["estimate", "high"]].max().max()
    return {
        TITLE: wrap(chart.title, TITLE_WIDTH),
        SUBTITLE: [part for line in chart.subtitle for part in wrap(line, SUBTITLE_WIDTH)],
        SERIES: series,
        WHENS: list(chart.whens),
        COLOURS: [PALETTE[0]] * len(series) if many else list(PALETTE[: len(series)]),
        MARKS: [SHAPES[0]] * len(series) if many else list(SHAPES[: len(series)]),
        RANGE: [0, min(1.0, float(top) * 1.08)] if pd.notna(top) and top > 0 else [0, 1],
        HIDDEN: chart.hidden,
    }


def _filled(part: Any, own: dict[str, Any]) -> Any:
    """Return a part of a specification with placeholders replaced: a list of one by a list, one alone by a text."""
    if isinstance(part, dict):
        return {name: _filled(each, own) for name, each in part.items()}
    if isinstance(part, list):
        if len(part) == 1 and isinstance(part[0], str) and part[0] in own:
            return own[part[0]]
        return [_filled(each, own) for each in part]
    return own[part] if isinstance(part, str) and part in own else part


@cache
def _layout(series: int, unit: str) -> dict[str, Any]:
    """Return the specification of a number of series (beyond the whiskers' limit all are alike) and a unit."""
    import altair as alt

    layers = _layers(alt, series, unit)
    whole = {"data": alt.NamedData(name=POINTS), "title": title(alt, [TITLE], [SUBTITLE]), "config": config(alt)}
    if series > WHISKER_LIMIT:
        drawn: Any = alt.FacetChart(
            spec=alt.LayerChart(layer=layers, width=190, height=140),
            facet=alt.Facet("series:N", title=None, sort=[SERIES], header=alt.Header(labelFontSize=13)),
            columns=3,
            **whole,
        )
    else:
        drawn = alt.LayerChart(layer=layers, width=560, height=260, **whole)
    spec: dict[str, Any] = drawn.to_dict(validate=False)
    return spec


def title(alt: Any, lines: Sequence[str], subtitle: Sequence[str]) -> Any:
    """Return a title of lines that fit the chart."""
    return alt.TitleParams(
        text=list(lines), subtitle=list(subtitle), anchor="start", fontSize=17, subtitleFontSize=13, color=INK,
        subtitleColor=QUIET, offset=14,
    )  # fmt: skip


def config(alt: Any) -> Any:
    """Return the looks that all charts share."""
    return alt.Config(font=FONT, background="white", view=alt.ViewConfig(stroke=None))


def svg(chart: Chart, language: str) -> str:
    """Return the chart as an SVG element that says what it is to a screen reader and loads nothing."""
    return as_svg(specification(chart), f"{chart.title}. {chart.description}", key=chart.key, language=language)


def as_svg(specification: dict[str, Any], said: str, *, key: str, language: str) -> str:
    """Return a specification as an SVG element that reads `said` aloud, its ids begun with `key`, loading nothing."""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(specification, format_locale=LOCALES.get(language))
    names = re.sub(r'\bid="([^"]+)"', rf'id="{key}-\1"', drawn)
    names = names.replace("url(#", f"url(#{key}-").replace('href="#', f'href="#{key}-')
    label = escape(said, quote=True)
    return names.replace("<svg ", f'<svg role="img" aria-label="{label}" lang="{language}" ', 1)


def _values(chart: Chart) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for row in chart.points.to_dict("records"):
        numbers = {name: None if pd.isna(row[name]) else float(row[name]) for name in ("estimate", "low", "high")}
        if chart.unit == "share":  # an interval may run past what a share can be; the picture may not
            numbers |= {name: min(max(value, 0.0), 1.0) for name, value in numbers.items() if value is not None}
        rows.append({"when": str(row["when"]), "series": str(row["series"]), "status": str(row["status"])} | numbers)
    return rows


def _layers(alt: Any, series: int, unit: str) -> Any:
    dodged = BAND_LIMIT < series <= WHISKER_LIMIT
    legend = (
        None
        if series > WHISKER_LIMIT or series == 1
        else alt.Legend(
            orient="top", title=None, labelFontSize=13, labelLimit=260, columns=2, symbolSize=90, symbolOpacity=1
        )
    )
    plain = alt.Scale(domain=[SERIES], range=[COLOURS])
    x = alt.X("when:O", sort=[WHENS], title=None, axis=alt.Axis(labelAngle=0, labelFontSize=12, grid=False))
    y = alt.Y("estimate:Q", title=None, scale=_scale(alt, unit), axis=_axis(alt, unit))
    offset = {"xOffset": alt.XOffset("series:N", sort=[SERIES])} if dodged else {}
    base = alt.Chart().encode(x=x, **offset)
    seen = base.transform_filter("isValid(datum.estimate)")
    colour = alt.Color("series:N", scale=plain, legend=legend)
    line = base.mark_line(strokeWidth=2, opacity=0.45 if dodged else 1).encode(y=y, color=colour)  # null breaks it
    points = seen.mark_point(size=70, strokeWidth=2, opacity=1).encode(
        y=y,
        color=colour,
        shape=alt.Shape("series:N", scale=alt.Scale(domain=[SERIES], range=[MARKS]), legend=legend),
        fill=alt.condition(
            "datum.status == 'provisional'", alt.value("white"), alt.Fill("series:N", scale=plain, legend=None)
        ),
    )
    return [_range(alt, base, colour, y, dodged=dodged), line, points, _hidden(alt, base)]


def _range(alt: Any, base: Any, colour: Any, y: Any, *, dodged: bool) -> Any:
    low, high = y.copy(), alt.Y2("high:Q")
    low.shorthand = "low:Q"
    if dodged:
        return base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2).encode(y=low, y2=high, color=colour)
    return base.mark_area(opacity=0.16).encode(y=low, y2=high, color=colour)


def _hidden(alt: Any, base: Any) -> Any:
    return (
        base.transform_filter("datum.status == 'hidden'")
        .mark_text(angle=270, align="left", fontSize=11, fontStyle="italic", color=QUIET)
        .encode(y=alt.YValue("height"), text=alt.value(HIDDEN))
    )


def _scale(alt: Any, unit: str) -> Any:
    return alt.Scale(domain=[RANGE], nice=True) if unit == "share" else alt.Scale(zero=False, nice=True)


def _axis(alt: Any, unit: str) -> Any:
    form = "%" if unit in ("share", "ratio", "points") else ",.0f"
    return alt.Axis(format=form, tickCount=5, gridColor="#e6e9ec", domain=False, ticks=False, labelFontSize=12)
