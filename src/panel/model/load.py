"""Read a study's files into a Study, validated whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from panel.errors import printable
from panel.model.instrument import Instrument
from panel.model.load_instrument import read_instrument
from panel.model.people import DISPOSITIONS
from panel.model.reading import Faults, Table, parse_toml
from panel.model.study import (
    Benchmarks,
    Domain,
    GivenWeight,
    Group,
    Indicator,
    Layout,
    Margin,
    Period,
    PriceIndex,
    PricePoint,
    Published,
    Study,
    Transition,
    Wave,
)
from panel.model.validate import validate

STUDY, BENCHMARKS, PRICES = "study.toml", "benchmarks.toml", "price-index.toml"


def load_study(files: Mapping[str, str]) -> Study:
    """
    Return the study that `files` describe.

    Args:
        files: TOML texts by file name: `study.toml`, one `instrument-VERSION.toml` or more, and where there are any
            `benchmarks.toml` and `price-index.toml`. Other files are left alone.

    Raises:
        DefinitionError: with every fault of every file, each with its file, key path and a fix.
    """
    faults = Faults()
    if STUDY not in files:
        faults.add("is not there", file=STUDY, fix="a study folder has a study.toml")
        faults.stop("The study")
    top = parse_toml(STUDY, files[STUDY], faults)
    languages = top.list_of("languages", str, ...) or ("en",)
    instruments = tuple(
        read_instrument(name, text, languages, faults)
        for name, text in sorted(files.items())
        if name.startswith("instrument-") and name.endswith(".toml")
    )
    study = _study(top, languages, instruments, files, faults)
    validate(study, faults, is_broken=top.is_broken)
    faults.stop(f"Study '{printable(study.key)}'")
    return study


def _study(
    top: Table,
    languages: tuple[str, ...],
    instruments: tuple[Instrument, ...],
    files: Mapping[str, str],
    faults: Faults,
) -> Study:
    study = Study(
        key=top.get("key", str),
        title=top.text("title", languages),
        population=top.text("population", languages),
        languages=languages,
        time_zone=_zone(top),
        currency=top.get("currency", str, "EUR"),
        is_probability_sample=top.get("is_probability_sample", bool),
        baseline=top.get("baseline", int),
        horizon_years=top.get("horizon_years", int),
        disclosure_threshold=top.get("disclosure_threshold", int, 10),
        waves=tuple(_wave(each) for each in top.tables("wave", is_required="yes")),
        instruments=instruments,
        domains=tuple(_domain(each, languages) for each in top.tables("domain")),
        indicators=tuple(_indicator(each, languages) for each in top.tables("indicator")),
        transitions=tuple(_transition(each) for each in top.tables("transition")),
        layout=_layout(top.table("layout")),
        benchmarks=_benchmarks(parse_toml(BENCHMARKS, files[BENCHMARKS], faults)) if BENCHMARKS in files else None,
        prices=_prices(parse_toml(PRICES, files[PRICES], faults)) if PRICES in files else None,
    )
    top.done()
    return study


def _zone(top: Table) -> str:
    name = top.get("time_zone", str)
    try:
        ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        top.fault(f"is '{printable(name)}', no IANA time zone", "time_zone", 'write as in "Europe/Amsterdam"')
        return "UTC"
    return str(name or "UTC")


def _period(table: Table, key: str) -> Period:
    inner = table.table(key)
    if not table.has(key):
        table.fault("is not there", key, f"add {key} = {{start = 2027-10-01, end = 2027-11-30}}")
        return Period(start=inner_day(), end=inner_day())
    period = Period(start=inner.day("start"), end=inner.day("end"))
    inner.done()
    if period.start > period.end:
        table.fault("starts after it ends", key, "exchange start and end")
    return period


def inner_day() -> Any:
    """Return the day that stands in for one that is not there."""
    from datetime import date

    return date(1970, 1, 1)


def _wave(table: Table) -> Wave:
    wave = Wave(
        number=table.get("number", int),
        key=table.get("key", str),
        fieldwork=_period(table, "fieldwork"),
        reference=_period(table, "reference"),
        instrument=table.get("instrument", str),
    )
    table.done()
    return wave


def _domain(table: Table, languages: tuple[str, ...]) -> Domain:
    groups = []
    for each in table.tables("group", is_required="yes"):
        groups.append(
            Group(key=each.get("key", str), label=each.text("label", languages), codes=each.codes("codes", ...))
        )
        each.done()
    domain = Domain(
        key=table.get("key", str),
        label=table.text("label", languages),
        variable=table.get("variable", str),
        groups=tuple(groups),
    )
    table.done()
    return domain


def _indicator(table: Table, languages: tuple[str, ...]) -> Indicator:
    published = None
    if table.has("published"):
        inner = table.table("published")
        published = Published(
            value=inner.get("value", float), wave=inner.get("wave", int), source=inner.get("source", str)
        )
        inner.done()
    indicator = Indicator(
        key=table.get("key", str),
        label=table.text("label", languages),
        variable=table.get("variable", str),
        statistic=table.one_of("statistic", ("share", "mean", "median")),
        codes=table.codes("codes"),
        domain=table.get("domain", str, None),
        groups=table.list_of("groups", str),
        in_real_terms=table.get("in_real_terms", bool, False),
        published=published,
    )
    table.done()
    return indicator


def _transition(table: Table) -> Transition:
    transition = Transition(variable=table.get("variable", str), domain=table.get("domain", str, None))
    table.done()
    return transition


def _layout(table: Table) -> Layout:
    known = dict(DISPOSITIONS)
    outcomes = table.pairs("outcomes")
    for text, meaning in outcomes:
        if meaning not in known:
            table.fault(f"maps '{printable(text)}' to '{printable(meaning)}', no disposition", "outcomes")
    given = []
    for each in table.tables("given_weight"):
        given.append(GivenWeight(waves=each.list_of("waves", int, ...), column=each.get("column", str)))
        each.done()
    layout = Layout(
        member=table.get("member", str, "member"),
        wave=table.get("wave", str, "wave"),
        submitted_at=table.get("submitted_at", str, None),
        outcome=table.get("outcome", str, None),
        stratum=table.get("stratum", str, None),
        psu=table.get("psu", str, None),
        design_weight=table.get("design_weight", str, None),
        given_weights=tuple(given),
        outcomes=outcomes,
        missing=table.pairs("missing"),
        wave_codes=table.pairs("wave_codes"),
        holds_every_wave=table.get("holds_every_wave", bool, False),
    )
    table.done()
    return layout


def _benchmarks(table: Table) -> Benchmarks:
    bounds = table.list_of("weight_bounds", (int, float), (0.2, 5.0))  # type: ignore[arg-type]
    margins = []
    for each in table.tables("margin"):
        shares = tuple((str(key), float(share)) for key, share in each.pairs("shares"))
        if abs(sum(share for _, share in shares) - 1) > 0.001:
            each.fault(f"add up to {sum(share for _, share in shares):.4f}, not to 1", "shares")
        margins.append(Margin(domain=each.get("domain", str), shares=shares, source=each.get("source", str)))
        each.done()
    made = Benchmarks(
        frame=table.get("frame", str),
        version=table.get("version", str),
        margins=tuple(margins),
        weight_bounds=(float(bounds[0]), float(bounds[1])) if len(bounds) == 2 else (0.2, 5.0),
    )
    table.done()
    return made


def _prices(table: Table) -> PriceIndex:
    points = []
    for each in table.tables("year", is_required="yes"):
        point = PricePoint(each.get("year", int), each.get("index", float), each.get("is_provisional", bool, False))
        if point.index <= 0:
            each.fault("is not above zero", "index")
        each.done()
        points.append(point)
    index = PriceIndex(source=table.get("source", str), base_year=table.get("base_year", int), points=tuple(points))
    if points and index.base_year not in [point.year for point in points]:
        table.fault(f"{index.base_year} is not among the years", "base_year")
    table.done()
    return dataclasses.replace(index, points=tuple(sorted(points, key=lambda point: point.year)))
