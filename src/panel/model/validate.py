"""What must fit together in a study: every name that is used is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from panel.errors import PanelError, did_you_mean, printable
from panel.model.expression import parse
from panel.model.instrument import Code, Instrument, Question, Variable
from panel.model.reading import Faults
from panel.model.study import Study

_EVERYWHERE = frozenset({"wave_year"})


def validate(study: Study, faults: Faults, *, is_broken: bool) -> None:
    """Add a fault for everything in `study` that does not fit together."""
    for instrument in study.instruments:
        _instrument(instrument, study, faults)
    _versions(study, faults)
    if is_broken:
        return
    if not study.instruments:
        faults.add("there is no instrument", file="study.toml", fix="add an instrument-VERSION.toml")
    for check in (_waves, _domains, _indicators, _transitions, _layout, _benchmarks):
        check(study, faults)


def _instrument(instrument: Instrument, study: Study, faults: Faults) -> None:
    file = f"instrument-{instrument.version}.toml"
    names = [question.variable.name for question in instrument.questions]
    names += [derived.variable.name for derived in instrument.derived]
    for name in _repeated(names):
        faults.add(f"'{name}' names two variables", file=file, fix="give each its own name")
    for name in _repeated([question.column for question in instrument.questions]):
        faults.add(f"two questions are read from column '{printable(name)}'", file=file)
    for number, question in enumerate(instrument.questions):
        place = f"question[{number}]"
        seen = set(names[:number])
        _reads(question.route, seen, names, f"{place}.route", file, faults)
        _reads(question.check, seen | {question.variable.name}, names, f"{place}.check", file, faults)
        _prediction(question, instrument, study, f"{place}.predicts", file, faults)
    for number, group in enumerate(instrument.sum_groups):
        for member in group.members:
            if not instrument.has(member) or not instrument.variable(member).is_numeric:
                fix = did_you_mean(member, names)
                faults.add(
                    f"'{printable(member)}' is no numeric variable",
                    file=file,
                    key=f"sum_group[{number}].members",
                    fix=fix,
                )
    for number, derived in enumerate(instrument.derived):
        seen = set(names[: len(instrument.questions) + number])
        _reads(derived.expression, seen, names, f"derived[{number}].expression", file, faults)


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _reads(text: str | None, seen: set[str], names: list[str], key: str, file: str, faults: Faults) -> None:
    if text is None:
        return
    for name in parse(text).names:
        if name in seen or name in _EVERYWHERE:
            continue
        later = name in names
        what = f"reads '{name}', which is asked later" if later else f"reads '{name}', which is no variable"
        faults.add(what, file=file, key=key, fix="look back only" if later else did_you_mean(name, names))


def _prediction(question: Question, instrument: Instrument, study: Study, key: str, file: str, faults: Faults) -> None:
    told = question.predicts
    if told is None:
        return
    if not instrument.has(told.variable):
        known = [variable.name for variable in instrument.variables]
        fix = did_you_mean(told.variable, known)
        faults.add(f"'{printable(told.variable)}' is no variable", file=file, key=f"{key}.variable", fix=fix)
    if told.kind == "direction":
        for code in {code for code, _ in told.directions} ^ set(question.variable.codes):
            faults.add(
                f"code {code!r} is on one side only",
                file=file,
                key=f"{key}.directions",
                fix="give every code a direction",
            )
    elif told.event is None:
        faults.add("has no event", file=file, key=f"{key}.event", fix='write as in "then < 0.9 * now"')
    else:
        for name in set(parse(told.event).names) - {"now", "then"}:
            faults.add(f"reads '{name}'", file=file, key=f"{key}.event", fix="an event reads now and then only")
    if told.terms == "real" and study.prices is None:
        faults.add("needs a price index", file=file, key=f"{key}.terms", fix="add price-index.toml")


def _versions(study: Study, faults: Faults) -> None:
    """A changed question is a new variable: one name means one thing in every version."""
    first: dict[str, tuple[str, Variable]] = {}
    for instrument in study.instruments:
        for variable in instrument.variables:
            version, known = first.setdefault(variable.name, (instrument.version, variable))
            if (known.kind, known.unit, known.codes) != (variable.kind, variable.unit, variable.codes):
                faults.add(
                    f"'{variable.name}' has another kind, unit or codes than in {version}",
                    file=f"instrument-{instrument.version}.toml",
                    fix="give the changed question a new variable of the same concept",
                )


def _waves(study: Study, faults: Faults) -> None:
    numbers = [wave.number for wave in study.waves]
    if numbers != list(range(1, len(numbers) + 1)):
        faults.add(f"are numbered {numbers}", file="study.toml", key="wave", fix="number them 1, 2, 3, … in order")
    for name in _repeated([wave.key for wave in study.waves]):
        faults.add(f"two waves have the key '{name}'", file="study.toml", key="wave")
    for place, wave in enumerate(study.waves):
        versions = [instrument.version for instrument in study.instruments]
        if wave.instrument not in versions:
            fix = did_you_mean(wave.instrument, versions)
            faults.add(
                f"'{printable(wave.instrument)}' is no instrument",
                file="study.toml",
                key=f"wave[{place}].instrument",
                fix=fix,
            )
    for place, (one, other) in enumerate(zip(study.waves, study.waves[1:], strict=False), 1):
        if other.fieldwork.start <= one.fieldwork.end:
            faults.add("begins before the wave before it has ended", file="study.toml", key=f"wave[{place}].fieldwork")
    if study.baseline not in numbers:
        faults.add(f"is {study.baseline}, no wave", file="study.toml", key="baseline")


def _codes(
    codes: Iterable[Code], name: str, study: Study, key: str, faults: Faults, *, may_be_empty: bool = True
) -> None:
    try:
        variable = study.variable(name)
    except PanelError:
        fix = did_you_mean(name, [variable.name for variable in study.variables])
        faults.add(f"'{printable(name)}' is no variable", file="study.toml", key=f"{key}.variable", fix=fix)
        return
    codes = tuple(codes)
    if not codes and not may_be_empty:
        faults.add("counts no codes", file="study.toml", key=f"{key}.codes", fix="say which codes count")
    for code in codes:
        if code not in variable.codes:
            known = ", ".join(map(repr, variable.codes[:12])) or "none"
            faults.add(f"{code!r} is no code of {name}", file="study.toml", key=f"{key}.codes", fix=f"codes: {known}")


def _domains(study: Study, faults: Faults) -> None:
    for place, domain in enumerate(study.domains):
        codes = [code for group in domain.groups for code in group.codes]
        _codes(codes, domain.variable, study, f"domain[{place}]", faults)
        for code in {code for code in codes if codes.count(code) > 1}:
            faults.add(f"puts code {code!r} in two groups", file="study.toml", key=f"domain[{place}].group")
        for name in _repeated([group.key for group in domain.groups]):
            faults.add(f"has two groups '{name}'", file="study.toml", key=f"domain[{place}].group")


def _group_names(study: Study, domain: str | None, groups: Iterable[str], key: str, file: str, faults: Faults) -> None:
    if domain is None:
        return
    try:
        known = [group.key for group in study.domain(domain).groups]
    except PanelError as error:
        faults.add(f"'{printable(domain)}' is no domain", file=file, key=f"{key}.domain", fix=error.fix)
        return
    for group in groups:
        if group not in known:
            fix = did_you_mean(group, known)
            faults.add(f"'{printable(group)}' is no group of {domain}", file=file, key=f"{key}.groups", fix=fix)


def _indicators(study: Study, faults: Faults) -> None:
    for name in _repeated([indicator.key for indicator in study.indicators]):
        faults.add(f"two indicators have the key '{name}'", file="study.toml", key="indicator")
    for place, indicator in enumerate(study.indicators):
        key = f"indicator[{place}]"
        _codes(indicator.codes, indicator.variable, study, key, faults, may_be_empty=indicator.statistic != "share")
        _group_names(study, indicator.domain, indicator.groups, key, "study.toml", faults)
        if indicator.in_real_terms and study.prices is None:
            faults.add("needs a price index", file="study.toml", key=f"{key}.in_real_terms", fix="add price-index.toml")


def _transitions(study: Study, faults: Faults) -> None:
    for place, transition in enumerate(study.transitions):
        _codes((), transition.variable, study, f"transition[{place}]", faults)
        _group_names(study, transition.domain, (), f"transition[{place}]", "study.toml", faults)


def _layout(study: Study, faults: Faults) -> None:
    numbers = [wave.number for wave in study.waves]
    for given in study.layout.given_weights:
        if not set(given.waves) <= set(numbers):
            faults.add(
                f"is for waves {list(given.waves)}", file="study.toml", key="layout.given_weight", fix="name waves"
            )
    for text, number in study.layout.wave_codes:
        if number not in numbers:
            faults.add(
                f"'{printable(text)}' is wave {number}, which is not there", file="study.toml", key="layout.wave_codes"
            )
    for reason in _unknown_reasons(study):
        faults.add(f"'{printable(reason)}' is no missing reason", file="study.toml", key="layout.missing")


def _unknown_reasons(study: Study) -> Iterator[str]:
    from panel.model.instrument import REASONS

    yield from (reason for _, reason in study.layout.missing if reason not in REASONS)


def _benchmarks(study: Study, faults: Faults) -> None:
    margins = study.benchmarks.margins if study.benchmarks else ()
    for place, margin in enumerate(margins):
        groups = [group for group, _ in margin.shares]
        _group_names(study, margin.domain, groups, f"margin[{place}]", "benchmarks.toml", faults)
