"""What must fit together in a study: every name that is used is there."""

from __future__ import annotations

from collections.abc import Iterable

from panel.errors import PanelError, did_you_mean, printable
from panel.model.instrument import REASONS, Code, Variable
from panel.model.people import DISPOSITIONS
from panel.model.reading import Faults
from panel.model.study import Group, Indicator, Study
from panel.model.validate_instrument import is_key, listed, repeated, validate_instrument

STUDY, BENCHMARKS, PRICES = "study.toml", "benchmarks.toml", "price-index.toml"
SHARES_TOLERANCE = 0.001
EVERYBODY = "all"  # how estimates name the group that is no group


def validate(study: Study, faults: Faults) -> None:
    """
    Add a fault for everything in `study` that does not fit together.

    What depends on a file that could not be read is not judged: the file is at fault, not who names its content.
    """
    for instrument in study.instruments:
        if f"instrument-{instrument.version}.toml" not in faults.unread:
            validate_instrument(instrument, study, faults)
    if PRICES not in faults.unread:
        _prices(study, faults)
    if any(file == STUDY or file.startswith("instrument-") for file in faults.unread):
        return
    if not study.instruments:
        faults.add("there is no instrument", file=STUDY, fix="add an instrument-VERSION.toml")
    for check in (
        _itself,
        _versions,
        _waves,
        _domains,
        _indicators,
        _transitions,
        _layout,
        _sampling,
        _weighting,
        _margins,
    ):
        check(study, faults)


def _itself(study: Study, faults: Faults) -> None:
    if not is_key(study.key):
        faults.add(f"is '{printable(study.key)}'", file=STUDY, key="key", fix="use letters, digits, - and _")
    for key, number in (("horizon_years", study.horizon_years), ("disclosure_threshold", study.disclosure_threshold)):
        if number < 1:
            faults.add(f"is {number}", file=STUDY, key=key, fix="write 1 or more")


def _versions(study: Study, faults: Faults) -> None:
    """Refuse one name with two meanings: a changed question is a new variable of the same concept."""
    first: dict[str, tuple[str, Variable]] = {}
    for instrument in study.instruments:
        for place, variable in _placed(instrument.questions, "question") + _placed(instrument.derived, "derived"):
            version, known = first.setdefault(variable.name, (instrument.version, variable))
            if version == instrument.version or variable.name in faults.doubtful:
                continue
            differs = [
                what
                for what, one, other in (
                    ("kind", known.kind, variable.kind),
                    ("unit", known.unit, variable.unit),
                    ("values", _meanings(known), _meanings(variable)),
                )
                if one != other
            ]
            for what in differs:
                faults.add(
                    f"'{printable(variable.name)}' has other {what} than in version {printable(version)}",
                    file=f"instrument-{instrument.version}.toml",
                    key=f"{place}.{what}",
                    fix="give the changed question a new variable of the same concept",
                )


def _placed(items: Iterable[object], name: str) -> list[tuple[str, Variable]]:
    return [(f"{name}[{number}]", item.variable) for number, item in enumerate(items)]  # type: ignore[attr-defined]


def _meanings(variable: Variable) -> tuple[tuple[Code, tuple[tuple[str, str], ...]], ...]:
    return tuple(sorted(((value.code, value.label.entries) for value in variable.values), key=repr))


def _waves(study: Study, faults: Faults) -> None:
    numbers = [wave.number for wave in study.waves]
    for place, number in enumerate(numbers):
        if number != place + 1:
            key = f"wave[{place}].number"
            faults.add(f"is {number}, not {place + 1}", file=STUDY, key=key, fix="number the waves 1, 2, 3, … in order")
    for place, (one, other) in enumerate(zip(study.waves, study.waves[1:], strict=False), 1):
        if other.fieldwork.start <= one.fieldwork.end:
            what = f"begins on {other.fieldwork.start}, before wave {one.number} has ended"
            faults.add(what, file=STUDY, key=f"wave[{place}].fieldwork", fix="fieldwork periods may not overlap")
    if numbers and study.baseline not in _numbers(study):
        fix = f"write one of {', '.join(map(str, _numbers(study)))}"
        faults.add(f"is {study.baseline}, no wave", file=STUDY, key="baseline", fix=fix)
    versions = [instrument.version for instrument in study.instruments]
    for place, wave in enumerate(study.waves):
        if wave.instrument not in versions:
            near = did_you_mean(wave.instrument, versions)
            what = f"'{printable(wave.instrument)}' is no instrument"
            faults.add(what, file=STUDY, key=f"wave[{place}].instrument", fix=near)
    _wave_keys(study, faults)


def _numbers(study: Study) -> list[int]:
    """Return the numbers that the waves must have."""
    return list(range(1, len(study.waves) + 1))


def _wave_keys(study: Study, faults: Faults) -> None:
    numbers = set(_numbers(study))
    for place, name in repeated(wave.key for wave in study.waves):
        faults.add(f"'{printable(name)}' stands twice", file=STUDY, key=f"wave[{place}].key", fix="give each its own")
    for place, wave in enumerate(study.waves):
        key = f"wave[{place}].key"
        if not is_key(wave.key):
            faults.add(f"is '{printable(wave.key)}'", file=STUDY, key=key, fix="use letters, digits, - and _")
        elif wave.key.isdecimal() and int(wave.key) in numbers - {place + 1}:
            fix = "name waves by year, or by their own number"
            faults.add(f"'{wave.key}' is another wave's number", file=STUDY, key=key, fix=fix)


def _variable(study: Study, name: str, key: str, faults: Faults) -> Variable | None:
    if name in faults.doubtful:
        return None
    try:
        return study.variable(name)
    except PanelError as error:
        faults.add(f"'{printable(name)}' is no variable", file=STUDY, key=f"{key}.variable", fix=error.fix)
        return None


def _codes(codes: Iterable[Code], variable: Variable, key: str, faults: Faults) -> None:
    for code in codes:
        if code not in variable.codes:
            fix = f"its codes: {listed(variable.codes)}" if variable.codes else "it has no codes"
            faults.add(f"{printable(code)!r} is no code of {variable.name}", file=STUDY, key=key, fix=fix)


def _domains(study: Study, faults: Faults) -> None:
    for place, name in repeated(domain.key for domain in study.domains):
        faults.add(f"'{printable(name)}' stands twice", file=STUDY, key=f"domain[{place}].key", fix="give each its own")
    for place, domain in enumerate(study.domains):
        variable = _variable(study, domain.variable, f"domain[{place}]", faults)
        for number, name in repeated(group.key for group in domain.groups):
            where = f"domain[{place}].group[{number}].key"
            faults.add(f"'{printable(name)}' stands twice", file=STUDY, key=where, fix="give each its own")
        seen: set[Code] = set()
        for number, group in enumerate(domain.groups):
            _group(group, seen, variable, f"domain[{place}].group[{number}]", faults)
            seen |= set(group.codes)


def _group(group: Group, seen: set[Code], variable: Variable | None, key: str, faults: Faults) -> None:
    if group.key == EVERYBODY:
        faults.add("'all' stands for everybody", file=STUDY, key=f"{key}.key", fix="choose another")
    if not group.codes:
        faults.add("names no codes", file=STUDY, key=f"{key}.codes", fix="say which codes belong to it")
    for code in group.codes:
        if code in seen:
            what = f"{printable(code)!r} is in two groups"
            faults.add(what, file=STUDY, key=f"{key}.codes", fix="groups may not overlap")
    if variable:
        _codes(group.codes, variable, f"{key}.codes", faults)


def _groups(study: Study, domain: str, groups: Iterable[str], key: str, file: str, faults: Faults) -> None:
    try:
        known = [group.key for group in study.domain(domain).groups]
    except PanelError as error:
        faults.add(f"'{printable(domain)}' is no domain", file=file, key=f"{key}.domain", fix=error.fix)
        return
    inner = "shares" if file == BENCHMARKS else "groups"
    for group in groups:
        if group not in known:
            what = f"'{printable(group)}' is no group of {printable(domain)}"
            faults.add(what, file=file, key=f"{key}.{inner}", fix=did_you_mean(group, known))


def _indicators(study: Study, faults: Faults) -> None:
    for place, name in repeated(indicator.key for indicator in study.indicators):
        what = f"'{printable(name)}' stands twice"
        faults.add(what, file=STUDY, key=f"indicator[{place}].key", fix="give each its own")
    for place, indicator in enumerate(study.indicators):
        key = f"indicator[{place}]"
        variable = _variable(study, indicator.variable, key, faults)
        if variable:
            _statistic(indicator, variable, study, key, faults)
        if indicator.domain is not None:
            _groups(study, indicator.domain, indicator.groups, key, STUDY, faults)
        elif indicator.groups:
            faults.add("are of no domain", file=STUDY, key=f"{key}.groups", fix="say of which domain")
        if indicator.published and indicator.published.wave not in _numbers(study):
            what = f"is {indicator.published.wave}, no wave"
            faults.add(what, file=STUDY, key=f"{key}.published.wave", fix="name the wave it is comparable with")


def _statistic(indicator: Indicator, variable: Variable, study: Study, key: str, faults: Faults) -> None:
    if indicator.statistic == "share":
        if not indicator.codes:
            faults.add("counts no codes", file=STUDY, key=f"{key}.codes", fix="say which codes count")
        _codes(indicator.codes, variable, f"{key}.codes", faults)
    elif not variable.is_numeric and variable.dtype != "Int64":
        what = f"a {variable.kind} variable has no {indicator.statistic}"
        faults.add(what, file=STUDY, key=f"{key}.statistic", fix="count a share of codes instead")
    if indicator.in_real_terms:
        where = f"{key}.in_real_terms"
        if variable.kind != "money":
            faults.add(f"{variable.name} is {variable.kind}, not money", file=STUDY, key=where, fix="leave it out")
        if study.prices is None:
            faults.add("needs a price index", file=STUDY, key=where, fix=f"add {PRICES}")


def _transitions(study: Study, faults: Faults) -> None:
    for place, transition in enumerate(study.transitions):
        key = f"transition[{place}]"
        variable = _variable(study, transition.variable, key, faults)
        if variable and variable.kind != "single":
            fix = "a from-to table needs a variable of kind single"
            faults.add(f"{variable.name} is {variable.kind}", file=STUDY, key=f"{key}.variable", fix=fix)
        if transition.domain is not None:
            _groups(study, transition.domain, (), key, STUDY, faults)


def _layout(study: Study, faults: Faults) -> None:
    numbers = _numbers(study)
    dispositions = [each for each, _ in DISPOSITIONS]
    for place, given in enumerate(study.layout.given_weights):
        for number in set(given.waves) - set(numbers):
            faults.add(f"names {number}, no wave", file=STUDY, key=f"layout.given_weight[{place}].waves")
    for text, number in study.layout.wave_codes:
        if number not in numbers:
            faults.add(f"is {number}, no wave", file=STUDY, key=f"layout.wave_codes.{text}", fix="name a wave's number")
    for kind, pairs, known in (
        ("outcomes", study.layout.outcomes, dispositions),
        ("missing", study.layout.missing, REASONS),
    ):
        for text, meaning in pairs:
            if meaning not in known:
                what = f"is '{printable(meaning)}', no {'disposition' if kind == 'outcomes' else 'missing reason'}"
                faults.add(what, file=STUDY, key=f"layout.{kind}.{text}", fix=did_you_mean(meaning, known))


def _sampling(study: Study, faults: Faults) -> None:
    for stratum, share in study.layout.sampled_share:
        if not 0 < share <= 1:
            where, fix = f"layout.sampled_share.{stratum}", "give the PSUs drawn over the PSUs there were"
            faults.add(f"is {share:g}, no sampling fraction", file=STUDY, key=where, fix=fix)


def _weighting(study: Study, faults: Faults) -> None:
    known = [domain.key for domain in study.domains]
    for name in study.weighting.nonresponse_domains:
        if name not in known:
            what = f"'{printable(name)}' is no domain"
            faults.add(what, file=STUDY, key="weighting.nonresponse_domains", fix=did_you_mean(name, known))
    if study.weighting.nonresponse == "classes" and not known:
        fix = "add a domain, or choose propensity or none"
        faults.add("needs a domain to make classes of", file=STUDY, key="weighting.nonresponse", fix=fix)


def _margins(study: Study, faults: Faults) -> None:
    margins = study.benchmarks.margins if study.benchmarks else ()
    for place, name in repeated(margin.domain for margin in margins):
        what = f"'{printable(name)}' stands twice"
        faults.add(what, file=BENCHMARKS, key=f"margin[{place}].domain", fix="give each domain one margin")
    for place, margin in enumerate(margins):
        key = f"margin[{place}]"
        _groups(study, margin.domain, [group for group, _ in margin.shares], key, BENCHMARKS, faults)
        total = sum(share for _, share in margin.shares)
        if abs(total - 1) > SHARES_TOLERANCE:
            what, fix = f"add up to {total:.4f}, not to 1", "give shares of 1, not percentages"
            faults.add(what, file=BENCHMARKS, key=f"{key}.shares", fix=fix)
        for group, share in margin.shares:
            if not 0 < share <= 1:
                what, fix = f"is {share:g}", "a share lies above 0 and is at most 1; leave an empty group out"
                faults.add(what, file=BENCHMARKS, key=f"{key}.shares.{group}", fix=fix)


def _prices(study: Study, faults: Faults) -> None:
    if study.prices is None:
        return
    years = [point.year for point in study.prices.points]
    for place, year in repeated(map(str, years)):
        faults.add(f"{year} stands twice", file=PRICES, key=f"year[{place}].year", fix="give each year one index")
    for place, point in enumerate(study.prices.points):
        if point.index <= 0:
            faults.add(f"is {point.index:g}", file=PRICES, key=f"year[{place}].index", fix="an index is above zero")
    if years and study.prices.base_year not in years:
        fix = "give the base year its index"
        faults.add(f"{study.prices.base_year} is not among the years", file=PRICES, key="base_year", fix=fix)
