"""Charts of a release: one Altair specification each, rendered to SVG when the release is made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
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

    The points are put in last, by name: Altair copies and validates a chart over and over while it is built, and its
    validation of our own literals is done once, in the tests.
    """
    import altair as alt

    many = len(chart.series) > WHISKER_LIMIT
    layers = _layers(alt, chart, dodged=BAND_LIMIT < len(chart.series) <= WHISKER_LIMIT)
    whole = {"data": alt.NamedData(name=POINTS), "title": _title(alt, chart), "config": _config(alt)}
    if many:
        drawn: Any = alt.FacetChart(
            spec=alt.LayerChart(layer=layers, width=190, height=140),
            facet=alt.Facet("series:N", title=None, sort=list(chart.series), header=alt.Header(labelFontSize=13)),
            columns=3,
            **whole,
        )
    else:
        drawn = alt.LayerChart(layer=layers, width=560, height=260, **whole)
    spec: dict[str, Any] = drawn.to_dict(validate=False)
    return spec | {"datasets": {POINTS: _values(chart)}}


def _title(alt: Any, chart: Chart) -> Any:
    return alt.TitleParams(
        text=wrap(chart.title, TITLE_WIDTH),
        subtitle=[part for line in chart.subtitle for part in wrap(line, SUBTITLE_WIDTH)],
        anchor="start", fontSize=17, subtitleFontSize=13, subtitleColor=QUIET, color=INK, offset=14,
    )  # fmt: skip


def _config(alt: Any) -> Any:
    return alt.Config(font=FONT, background="white", view=alt.ViewConfig(stroke=None))


def svg(chart: Chart, language: str) -> str:
    """Return the chart as an SVG element that says what it is to a screen reader and loads nothing."""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(specification(chart), format_locale=LOCALES.get(language))
    names = re.sub(r'\bid="([^"]+)"', rf'id="{chart.key}-\1"', drawn)
    names = names.replace("url(#", f"url(#{chart.key}-").replace('href="#', f'href="#{chart.key}-')
    label = escape(f"{chart.title}. {chart.description}", quote=True)
    return names.replace("<svg ", f'<svg role="img" aria-label="{label}" lang="{language}" ', 1)


def _values(chart: Chart) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for row in chart.points.to_dict("records"):
        numbers = {name: None if pd.isna(row[name]) else float(row[name]) for name in ("estimate", "low", "high")}
        if chart.unit == "share":  # an interval may run past what a share can be; the picture may not
            numbers |= {name: min(max(value, 0.0), 1.0) for name, value in numbers.items() if value is not None}
        rows.append({"when": str(row["when"]), "series": str(row["series"]), "status": str(row["status"])} | numbers)
    return rows


def _layers(alt: Any, chart: Chart, *, dodged: bool) -> Any:
    series, many = list(chart.series), len(chart.series) > WHISKER_LIMIT
    colours = [PALETTE[0]] * len(series) if many else list(PALETTE[: len(series)])
    shapes = [SHAPES[0]] * len(series) if many else list(SHAPES[: len(series)])
    legend = (
        None
        if many or len(series) == 1
        else alt.Legend(
            orient="top", title=None, labelFontSize=13, labelLimit=260, columns=2, symbolSize=90, symbolOpacity=1
        )
    )
    plain = alt.Scale(domain=series, range=colours)
    x = alt.X("when:O", sort=list(chart.whens), title=None, axis=alt.Axis(labelAngle=0, labelFontSize=12, grid=False))
    y = alt.Y("estimate:Q", title=None, scale=_scale(alt, chart), axis=_axis(alt, chart))
    offset = {"xOffset": alt.XOffset("series:N", sort=series)} if dodged else {}
    base = alt.Chart().encode(x=x, **offset)
    seen = base.transform_filter("isValid(datum.estimate)")
    colour = alt.Color("series:N", scale=plain, legend=legend)
    line = base.mark_line(strokeWidth=2, opacity=0.45 if dodged else 1).encode(y=y, color=colour)  # null breaks it
    points = seen.mark_point(size=70, strokeWidth=2, opacity=1).encode(
        y=y,
        color=colour,
        shape=alt.Shape("series:N", scale=alt.Scale(domain=series, range=shapes), legend=legend),
        fill=alt.condition(
            "datum.status == 'provisional'", alt.value("white"), alt.Fill("series:N", scale=plain, legend=None)
        ),
    )
    return [_range(alt, base, colour, y, dodged=dodged), line, points, _hidden(alt, base, chart)]


def _range(alt: Any, base: Any, colour: Any, y: Any, *, dodged: bool) -> Any:
    low, high = y.copy(), alt.Y2("high:Q")
    low.shorthand = "low:Q"
    if dodged:
        return base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2).encode(y=low, y2=high, color=colour)
    return base.mark_area(opacity=0.16).encode(y=low, y2=high, color=colour)


def _hidden(alt: Any, base: Any, chart: Chart) -> Any:
    return (
        base.transform_filter("datum.status == 'hidden'")
        .mark_text(angle=270, align="left", fontSize=11, fontStyle="italic", color=QUIET)
        .encode(y=alt.YValue("height"), text=alt.value(chart.hidden))
    )


def _scale(alt: Any, chart: Chart) -> Any:
    if chart.unit == "share":
        top = chart.points[["estimate", "high"]].max().max()
        return alt.Scale(domain=[0, min(1.0, float(top) * 1.08)] if pd.notna(top) and top > 0 else [0, 1], nice=True)
    return alt.Scale(zero=False, nice=True)


def _axis(alt: Any, chart: Chart) -> Any:
    form = "%" if chart.unit in ("share", "ratio", "points") else ",.0f"
    return alt.Axis(format=form, tickCount=5, gridColor="#e6e9ec", domain=False, ticks=False, labelFontSize=12)
