"""The two charts about predictions: predicted beside what happened, and chances beside how often it happened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import pandas as pd

from panel.publish.charts import INK, PALETTE, POINTS, QUIET, SUBTITLE_WIDTH, TITLE_WIDTH, as_svg, config, title
from panel.publish.figures import Reader, everybody
from panel.publish.outlook import PREDICTED, REALISED, newest, past
from panel.publish.outlook_words import OUTLOOK_WORDS

HEADER_WIDTH, CELL_WIDTH = 66, 30  # marks on a line above a whole chart, and above one of several


@dataclass(frozen=True, kw_only=True)
class OutlookChart:
    """
    A chart of predictions: its words, its points for the picture, and the same points as rows of a table.

    `points` have question, outcome (or answers), said, came, low, high and status; null where hidden.
    """

    key: str
    title: str
    subtitle: Sequence[str]
    said_aloud: str
    how: str
    points: pd.DataFrame
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def outlook_charts(predictions: pd.DataFrame, reader: Reader, marks: Sequence[str]) -> Iterator[OutlookChart]:
    """
    Yield the charts of which there is anything to draw, each about everybody and the newest reading.

    Args:
        predictions: schema.ESTIMATES as published, `in_order`. Not modified.
        reader: the language.
        marks: lines that stand under every title, such as SYNTHETIC.
    """
    read = predictions[predictions["from_wave"].notna()]
    last = everybody(newest(read))
    t = OUTLOOK_WORDS[reader.language]
    compared = _compared(last, reader)
    if len(compared):
        yield _chart("predicted-and-happened", "compare", compared, (t["said"], reader.words["outcome"]), reader, marks)
    reliability = _reliability(last, reader)
    if len(reliability):
        yield _chart("reliability", "reliability", reliability, (t["said"], t["answers"]), reader, marks)


def _chart(
    key: str, name: str, points: pd.DataFrame, about: tuple[str, str], reader: Reader, marks: Sequence[str]
) -> OutlookChart:
    t = OUTLOOK_WORDS[reader.language]
    sides = {
        "compare": (reader.words["predicted"], reader.words["realised"]),
        "reliability": (t["said_chance"], t["happened_to"]),
    }
    waves, status = f"{t['made']} – {t['read'].lower()}", reader.words["status"]
    return OutlookChart(
        key=key,
        title=t[f"{name}_title"],
        subtitle=[t[f"{name}_sub"], *marks],
        said_aloud=t[f"{name}_alt"],
        how=t[f"{name}_how"],
        points=points,
        columns=(*about, *sides[name], waves, reader.words["n"], status),
        rows=list(points[["question", "outcome", "shown_said", "shown_came", "waves", "n", "state"]].itertuples(
            index=False, name=None
        )),
    )  # fmt: skip


def _compared(last: pd.DataFrame, reader: Reader) -> pd.DataFrame:
    sides = last[last["statistic"].isin([*PREDICTED, *REALISED])]
    pairs: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sides.to_dict("records"):
        value = "event" if pd.isna(row["value"]) else str(row["value"])
        side = "said" if row["statistic"] in PREDICTED else "came"
        pairs.setdefault((str(row["indicator"]), value), {})[side] = row
    both = [(key, pair) for key, pair in pairs.items() if len(pair) == 2]
    return pd.DataFrame([_point(question, value, pair, reader) for (question, value), pair in both])


def _reliability(last: pd.DataFrame, reader: Reader) -> pd.DataFrame:
    bins: dict[tuple[str, str], dict[str, Any]] = {}
    for row in last[last["statistic"].isin(["bin_probability", "bin_frequency"])].to_dict("records"):
        side = "said" if row["statistic"] == "bin_probability" else "came"
        bins.setdefault((str(row["indicator"]), str(row["value"])), {})[side] = row
    both = [(key, pair) for key, pair in bins.items() if len(pair) == 2]
    return pd.DataFrame([_point(question, f"{value} %", pair, reader) for (question, value), pair in both])


def _point(question: str, value: str, pair: dict[str, Any], reader: Reader) -> dict[str, Any]:
    said, came = pair["said"], pair["came"]
    interval = reader.interval(came)
    return {
        "question": reader.indicator(question),
        "outcome": value if "%" in value else past(value, came["variable"], reader),
        "said": _number(said["estimate"]),
        "came": _number(came["estimate"]),
        "low": _number(came["low"]),
        "high": _number(came["high"]),
        "status": str(came["status"]),
        "shown_said": reader.shown(said),
        "shown_came": reader.shown(came) + (f" ({interval})" if interval else ""),
        "waves": f"{reader.wave(came['from_wave'])} – {reader.wave(came['wave'])}",
        "n": "" if pd.isna(came["n"]) else f"{int(came['n'])}",
        "state": reader.status(came),
    }


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else min(max(float(value), 0.0), 1.0)


def drawn_outlook(
    predictions: pd.DataFrame, reader: Reader, marks: Sequence[str]
) -> Iterator[tuple[OutlookChart, str]]:
    """Yield each chart with its SVG element."""
    for chart in outlook_charts(predictions, reader, marks):
        yield chart, outlook_svg(chart, reader)


def outlook_svg(chart: OutlookChart, reader: Reader) -> str:
    """Return a chart as an SVG element that says what it is and loads nothing."""
    drawn = outlook_specification(chart, reader)
    return as_svg(drawn, f"{chart.title}. {chart.said_aloud}", key=chart.key, language=reader.language)


def outlook_specification(chart: OutlookChart, reader: Reader) -> dict[str, Any]:
    """Return the Vega-Lite specification: a strip a question of rows a outcome, or a square a question of chances."""
    import altair as alt

    values = chart.points[["question", "outcome", "said", "came", "low", "high", "status"]].astype("object")
    several = chart.key == "reliability"
    width = CELL_WIDTH if several else HEADER_WIDTH
    rows = values.assign(question=["\n".join(wrap(each, width)) for each in values["question"]])
    layer = _square(alt, reader) if several else _strip(alt, reader)
    header = alt.Header(labelExpr="split(datum.label, '\\n')", labelFontSize=13, labelAnchor="start", labelAlign="left")
    questions = list(dict.fromkeys(rows["question"]))
    subtitle = [part for line in chart.subtitle for part in wrap(line, SUBTITLE_WIDTH)]
    drawn = alt.FacetChart(
        data=alt.NamedData(name=POINTS),
        title=title(alt, wrap(chart.title, TITLE_WIDTH), subtitle),
        config=config(alt),
        facet=alt.Facet("question:N", title=None, sort=questions, header=header),
        columns=3 if several else 1,
        spec=layer,
        spacing=26,
    )
    if not several:
        drawn = drawn.resolve_scale(y="independent")
    spec: dict[str, Any] = drawn.to_dict(validate=False)
    return spec | {"datasets": {POINTS: rows.where(rows.notna(), None).to_dict("records")}}


def _percent(alt: Any) -> Any:
    return alt.Axis(format="%", tickCount=5, gridColor="#e6e9ec", domain=False, ticks=False, labelFontSize=12)


def _strip(alt: Any, reader: Reader) -> Any:
    words = reader.words
    names = [words["predicted"], words["realised"]]
    y = alt.Y("outcome:N", title=None, sort=None, axis=alt.Axis(labelFontSize=12, labelLimit=180, ticks=False))
    whole = alt.Scale(domain=[0, 1])
    x = alt.X("came:Q", title=None, scale=whole, axis=_percent(alt))
    base = alt.Chart().encode(y=y)
    rule = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2, color=PALETTE[0])
    scale = alt.Scale(domain=names, range=list(PALETTE[1::-1]))
    legend = alt.Legend(orient="top", title=None, labelFontSize=13, symbolSize=90)
    colour = alt.Color("kind:N", scale=scale, legend=legend)
    told, seen = (
        base.transform_filter(f"isValid(datum.{column})")
        .transform_calculate(kind=json.dumps(name))
        .mark_point(size=80, strokeWidth=2, opacity=1)
        for column, name in zip(("said", "came"), names, strict=True)
    )
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=names, range=["diamond", "circle"]), legend=legend)
    hidden = base.transform_filter("!isValid(datum.came) || !isValid(datum.said)").mark_text(
        align="left", fontSize=11, fontStyle="italic", color=QUIET
    )
    return alt.LayerChart(
        layer=[
            rule.encode(x=alt.X("low:Q", scale=whole), x2=alt.X2("high:Q")),
            told.encode(x=alt.X("said:Q", scale=whole), color=colour, shape=shape),
            seen.encode(x=x, color=colour, shape=shape, fill=_hollow(alt)),
            hidden.encode(x=alt.XValue(4), text=alt.value(words["hidden_short"])),
        ],
        width=470,
        height=alt.Step(30),
    )


def _hollow(alt: Any) -> Any:
    return alt.condition("datum.status == 'provisional'", alt.value("white"), alt.value(PALETTE[0]))


def _square(alt: Any, reader: Reader) -> Any:
    t, whole = OUTLOOK_WORDS[reader.language], alt.Scale(domain=[0, 1])
    x = alt.X("said:Q", title=t["said_chance"], scale=whole, axis=_percent(alt))
    y = alt.Y("came:Q", title=t["happened_to"], scale=whole, axis=_percent(alt))
    base = alt.Chart().transform_filter("isValid(datum.came) && isValid(datum.said)")
    equal = base.mark_rule(strokeDash=[4, 4], color=INK, opacity=0.5).encode(
        x=alt.XDatum(0, scale=whole), y=alt.YDatum(0, scale=whole), x2=alt.X2Datum(1), y2=alt.Y2Datum(1)
    )
    rule = base.mark_rule(strokeWidth=2, color=PALETTE[0]).encode(
        x=x, y=alt.Y("low:Q", title=t["happened_to"], scale=whole), y2=alt.Y2("high:Q")
    )
    dot = base.mark_point(size=60, strokeWidth=2, opacity=1, color=PALETTE[0]).encode(x=x, y=y, fill=_hollow(alt))
    return alt.LayerChart(layer=[equal, rule, dot], width=170, height=170)
