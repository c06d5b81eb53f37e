"""Read a study's files into a Study, validated whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from panel.errors import printable
from panel.model.instrument import Instrument
from panel.model.load_calendar import read_calendar, read_period
from panel.model.load_contact import read_contact
from panel.model.load_instrument import read_instrument
from panel.model.load_sample import read_sample
from panel.model.reading import Faults, Table, parse_toml
from panel.model.study import (
    INDICES,
    Benchmarks,
    Domain,
    GivenWeight,
    Group,
    Indicator,
    Layout,
    Margin,
    PriceIndex,
    PricePoint,
    Published,
    Study,
    Threshold,
    Transition,
    Wave,
    WeightingRules,
)
from panel.model.validate import BENCHMARKS, PRICES, STUDY, validate


def load_study(files: Mapping[str, str]) -> Study:
    """
    Return the study that `files` describe.

    Args:
        files: TOML texts by file name: `study.toml`, one `instrument-VERSION.toml` or more, and where there are any
            `benchmarks.toml` and `price-index.toml`. Other files are left alone.

    Raises:
        DefinitionError: with every fault of every file, each with its file, key path and a fix.
    """
    return _loaded(tuple(files.items()))


@lru_cache(maxsize=16)
def _loaded(items: tuple[tuple[str, str], ...]) -> Study:
    """Return the study of these files; the same texts are the same frozen study, and every step asks for it."""
    files = dict(items)
    faults = Faults()
    if STUDY not in files:
        faults.add("is not there", file=STUDY, fix="a study folder has a study.toml")
        faults.stop("The study")
    top = parse_toml(STUDY, files[STUDY], faults)
    if top.is_broken:  # without its languages no other file can be judged, save for being TOML
        for name in _instruments(files) + [each for each in (BENCHMARKS, PRICES) if each in files]:
            parse_toml(name, files[name], faults)
        faults.stop("The study")
    languages = _languages(top)
    instruments = tuple(read_instrument(name, files[name], languages, faults) for name in _instruments(files))
    study = _study(top, languages, instruments, files, faults)
    faults.settle()
    validate(study, faults)
    faults.stop(f"Study '{printable(study.key)}'")
    return study


def _instruments(files: Mapping[str, str]) -> list[str]:
    """Return the names of the instrument files, oldest version first."""
    return sorted((name for name in files if name.startswith("instrument-") and name.endswith(".toml")), key=_natural)


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a sort key by which version 2025.10 comes after 2025.9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _languages(top: Table) -> tuple[str, ...]:
    languages = top.list_of("languages", str, ...)
    if top.has("languages") and len(set(languages)) < max(len(languages), 1):
        top.fault("is empty or repeats a language", "languages", 'write as in ["nl", "en"]')
    title = top.data.get("title")
    return tuple(dict.fromkeys(languages or (title if isinstance(title, dict) else ()))) or ("en",)


def _study(
    top: Table,
    languages: tuple[str, ...],
    instruments: tuple[Instrument, ...],
    files: Mapping[str, str],
    faults: Faults,
) -> Study:
    is_probability_sample = top.get("is_probability_sample", bool)
    study = Study(
        key=top.get("key", str),
        title=top.text("title", languages),
        population=top.text("population", languages),
        languages=languages,
        time_zone=_zone(top),
        currency=top.get("currency", str, "EUR"),
        is_probability_sample=is_probability_sample,
        baseline=top.get("baseline", int),
        horizon_years=top.get("horizon_years", int),
        disclosure_threshold=top.get("disclosure_threshold", int, 10),
        waves=tuple(_wave(each) for each in top.tables("wave", is_required="yes")),
        instruments=instruments,
        domains=tuple(_domain(each, languages) for each in top.tables("domain")),
        indicators=tuple(_indicator(each, languages) for each in top.tables("indicator")),
        transitions=tuple(_transition(each) for each in top.tables("transition")),
        layout=_layout(top.table("layout")),
        weighting=_weighting(top.table("weighting")),
        thresholds=tuple(_threshold(each) for each in top.tables("threshold")),
        sample=read_sample(
            top.table("sample"),
            instruments,
            is_probability_sample=is_probability_sample,
        ),
        contact=read_contact(top.table("contact"), languages) if top.has("contact") else None,
        calendar=read_calendar(top.table("calendar")),
        benchmarks=_benchmarks(parse_toml(BENCHMARKS, files[BENCHMARKS], faults)) if BENCHMARKS in files else None,
        prices=_prices(parse_toml(PRICES, files[PRICES], faults)) if PRICES in files else None,
    )
    top.done()
    return study


def _zone(top: Table) -> str:
    name = top.get("time_zone", str)
    try:
        ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        top.fault(f"is '{printable(name)}', no IANA time zone", "time_zone", 'write as in "Europe/Amsterdam"')
        return "UTC"
    return str(name or "UTC")


def _wave(table: Table) -> Wave:
    wave = Wave(
        number=table.get("number", int),
        key=table.get("key", str),
        fieldwork=read_period(table, "fieldwork"),
        reference=read_period(table, "reference"),
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
        statistic=table.one_of("statistic", ("share", "mean", "median", *INDICES)),
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


def _threshold(table: Table) -> Threshold:
    threshold = Threshold(
        check=table.get("check", str),
        argument=table.get("argument", str),
        value=table.get("value", float),
        reason=table.get("reason", str),
    )
    if table.has("reason") and not threshold.reason.strip():
        table.fault("is empty", "reason", "say why this study needs another limit")
    table.done()
    return threshold


def _layout(table: Table) -> Layout:
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
        outcomes=table.pairs("outcomes", str),
        missing=table.pairs("missing", str),
        wave_codes=table.pairs("wave_codes", int),
        holds_every_wave=table.get("holds_every_wave", bool, False),
        sampled_share=table.pairs("sampled_share", float),
        lonely_psu=table.one_of("lonely_psu", ("fail", "adjust", "average", "certainty", "remove"), "fail"),
    )
    table.done()
    return layout


def _weighting(table: Table) -> WeightingRules:
    limits = tuple(table.list_of("trim", float, ()))
    if limits and not (len(limits) == 2 and 0 <= limits[0] < 1 < limits[1]):
        table.fault("are not two numbers around 1", "trim", "write as in [0.3, 3.0], times the mean weight")
        limits = ()
    rules = WeightingRules(
        calibration=table.one_of("calibration", ("raking", "linear", "logit"), "raking"),
        trim=(limits[0], limits[1]) if limits else None,
        nonresponse=table.one_of("nonresponse", ("propensity", "classes", "none"), "propensity"),
        nonresponse_domains=tuple(table.list_of("nonresponse_domains", str, ())),
    )
    table.done()
    return rules


def _benchmarks(table: Table) -> Benchmarks:
    bounds = tuple(float(each) for each in table.list_of("weight_bounds", float, (0.2, 5.0)))
    if not (len(bounds) == 2 and 0 < bounds[0] < 1 < bounds[1]):
        table.fault("are not two numbers around 1", "weight_bounds", "write as in [0.2, 5.0]")
        bounds = (0.2, 5.0)
    margins = []
    for each in table.tables("margin"):
        margins.append(
            Margin(domain=each.get("domain", str), shares=each.pairs("shares", float), source=each.get("source", str))
        )
        if not each.has("shares"):
            each.fault("is not there", "shares", "say which share of the population each group is")
        each.done()
    made = Benchmarks(
        frame=table.get("frame", str),
        version=table.get("version", str),
        margins=tuple(margins),
        weight_bounds=(bounds[0], bounds[1]),
    )
    table.done()
    return made


def _prices(table: Table) -> PriceIndex:
    points = []
    for each in table.tables("year", is_required="yes"):
        points.append(
            PricePoint(each.get("year", int), each.get("index", float), each.get("is_provisional", bool, False))
        )
        each.done()
    index = PriceIndex(source=table.get("source", str), base_year=table.get("base_year", int), points=tuple(points))
    table.done()
    return index
