"""Read an instrument file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from panel.errors import did_you_mean, printable
from panel.model.instrument import (
    KINDS,
    Code,
    Derived,
    Instrument,
    Prediction,
    Question,
    Section,
    SumGroup,
    Value,
    Variable,
)
from panel.model.reading import Faults, Table, parse_toml
from panel.model.text import Text

DIRECTIONS = ("fall", "same", "rise", "unclear")
RANGES = {"share": (0.0, 100.0), "probability": (0.0, 100.0)}


@dataclass(frozen=True)
class Scale:
    """Values that several questions share."""

    values: tuple[Value, ...]
    off_scale: tuple[Code, ...] = ()
    groups: tuple[tuple[str, tuple[Code, ...]], ...] = ()


def read_instrument(file: str, text: str, languages: tuple[str, ...], faults: Faults) -> Instrument:
    """Return the instrument of a file; what is wrong with it is added to `faults`."""
    top = parse_toml(file, text, faults)
    version = file.removeprefix("instrument-").removesuffix(".toml")
    said = top.get("version", str)
    if said and said != version:
        fix = f"rename the file to instrument-{printable(said)}.toml, or correct the version"
        top.fault(f"is '{printable(said)}', which the file name does not say", "version", fix)
    scales = _scales(top.table("scales"), languages)
    sections = tuple(_section(each, languages) for each in top.tables("section"))
    keys = [section.key for section in sections]
    instrument = Instrument(
        version=version,
        sections=sections,
        questions=tuple(_question(each, languages, scales, keys) for each in top.tables("question", is_required="yes")),
        sum_groups=tuple(_sum_group(each) for each in top.tables("sum_group")),
        derived=tuple(_derived(each, languages, scales) for each in top.tables("derived")),
    )
    top.done()
    return instrument


def _scales(table: Table, languages: tuple[str, ...]) -> dict[str, Scale]:
    scales: dict[str, Scale] = {}
    for name in list(table.data):
        inner = table.table(name)
        scales[name] = _scale(inner, languages, scales)
        inner.done()
    return scales


def _scale(table: Table, languages: tuple[str, ...], scales: dict[str, Scale]) -> Scale:
    base = _extended(table, scales)
    values = [*base.values, *(_value(each, languages) for each in table.tables("values", is_required="yes"))]
    codes = [value.code for value in values]
    if not values and table.has("values"):
        table.fault("is empty", "values", "give at least one value")
    if len(set(codes)) < len(codes):
        table.fault("repeats a code", "values", "give every value a code of its own")
    if len({type(code) for code in codes}) > 1:
        table.fault("mixes numbers and texts as codes", "values", "use one kind of code")
    found = Scale(tuple(values), table.codes("off_scale") or base.off_scale, table.code_lists("groups") or base.groups)
    _known(table, "off_scale", found.off_scale, codes)
    for name, members in found.groups:
        _known(table, f"groups.{name}", members, codes)
    return found


def _extended(table: Table, scales: dict[str, Scale]) -> Scale:
    """Return the earlier scale that this one adds values to, an empty one where it stands alone."""
    name = table.get("extends", str, None)
    if name is not None and name not in scales:
        table.fault(f"is '{printable(name)}', no earlier scale", "extends", did_you_mean(name, scales))
    return scales.get(name, Scale(()))


def _value(table: Table, languages: tuple[str, ...]) -> Value:
    """Return a value; the label stands beside the code, and a code that is a text may be its own label."""
    code = table.code("code")
    if isinstance(code, str) and not any(table.has(language) for language in languages):
        label = Text(tuple((language, code) for language in languages))
    else:
        label = table.own_text(languages)
    value = Value(code, label, table.list_of("synonyms", str))
    table.done()
    return value


def _known(table: Table, key: str, used: tuple[Code, ...], codes: list[Code]) -> None:
    for code in used:
        if code not in codes:
            table.fault(f"has the code {printable(code)!r}, which is not among the values", key)


def _section(table: Table, languages: tuple[str, ...]) -> Section:
    section = Section(key=table.get("key", str), label=table.text("label", languages))
    table.done()
    return section


def _question(table: Table, languages: tuple[str, ...], scales: dict[str, Scale], sections: list[str]) -> Question:
    key = table.get("key", str)
    text = table.text("text", languages)
    question = Question(
        key=key,
        section=table.one_of("section", sections or [""], sections[0] if sections else ""),
        text=text,
        column=table.get("column", str, key),
        asked=table.one_of("asked", ("every", "first", "later"), "every"),
        route=table.expression("route"),
        check=table.expression("check"),
        is_required=table.get("required", bool, False),
        is_opinion=table.get("opinion", bool, False),
        predicts=_prediction(table.table("predicts")) if table.has("predicts") else None,
        variable=_variable(table, table.get("variable", str, key), text, languages, scales),
    )
    table.done()
    return question


def _variable(
    table: Table,
    name: str,
    text: Text,
    languages: tuple[str, ...],
    scales: dict[str, Scale],
) -> Variable:
    before = len(table.faults.found)
    kind = table.one_of("kind", KINDS)
    has_values = kind in ("single", "multi") or (
        table.data.get("kind") not in KINDS and (table.has("values") or table.has("scale"))
    )
    scale = _scale_of(table, languages, scales) if has_values else Scale(())
    low, high = RANGES.get(kind, (None, None))
    variable = Variable(
        name=name,
        label=table.text("label", languages, text),
        kind=kind,
        unit=table.get("unit", str, None),
        values=scale.values,
        minimum=table.get("minimum", float, low),
        maximum=table.get("maximum", float, high),
        concept=table.get("concept", str, None),
        is_immutable=table.get("immutable", bool, False),
        is_core=table.get("core", bool, False),
        sensitivity=table.one_of("sensitivity", ("none", "quasi", "open_text"), "none"),
        off_scale=scale.off_scale,
        groups=scale.groups,
    )
    if len(table.faults.found) > before:
        table.faults.doubtful.add(name)
    return variable


def _scale_of(table: Table, languages: tuple[str, ...], scales: dict[str, Scale]) -> Scale:
    if table.has("values"):
        return _scale(table, languages, {})
    name = table.get("scale", str)
    if name and name not in scales:
        table.fault(f"is '{printable(name)}', no scale of this instrument", "scale", did_you_mean(name, scales))
    return scales.get(name, Scale(()))


def _prediction(table: Table) -> Prediction:
    directions: list[tuple[Code, str]] = []
    for direction, codes in table.code_lists("directions"):
        if direction not in DIRECTIONS:
            table.fault(f"has '{printable(direction)}'", "directions", did_you_mean(direction, DIRECTIONS))
        directions += [(code, direction) for code in codes]
    prediction = Prediction(
        variable=table.get("variable", str, ""),
        kind=table.one_of("kind", ("direction", "amount", "probability", "category")),
        horizon=_horizon(table),
        event=table.expression("event"),
        threshold=table.get("threshold", float, 0.0),
        band=table.one_of("band", ("relative", "log"), "relative"),
        directions=tuple(directions),
        yes=table.codes("yes"),
        better=_better(table),
        terms=table.one_of("terms", ("nominal", "real"), "nominal"),
    )
    table.done()
    return prediction


def _better(table: Table) -> Any:
    return table.one_of("better", ("fall", "rise", "event", "no_event")) if table.has("better") else None


def _horizon(table: Table) -> Literal["target", "next"] | int:
    given = table.get("horizon", object)
    if given in ("target", "next"):
        return given
    if isinstance(given, int) and not isinstance(given, bool) and given >= 1:
        return given
    if table.has("horizon"):
        table.fault(f"is {printable(given)!r}", "horizon", 'write "target", "next" or a number of years')
    return 1


def _sum_group(table: Table) -> SumGroup:
    group = SumGroup(
        key=table.get("key", str),
        members=table.list_of("members", str, ...),
        total=table.get("total", float, 100.0),
        tolerance=table.get("tolerance", float, 0.0),
    )
    table.done()
    return group


def _derived(table: Table, languages: tuple[str, ...], scales: dict[str, Scale]) -> Derived:
    name = table.get("name", str)
    label = table.text("label", languages)
    if not table.has("expression"):
        table.fault("is not there", "expression", "say how it is computed")
    derived = Derived(
        expression=table.expression("expression") or "null", variable=_variable(table, name, label, languages, scales)
    )
    table.done()
    return derived
