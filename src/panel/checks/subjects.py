"""One entry of a suite, many checks: for each amount, each group, each margin of the study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from panel.model.instrument import Instrument, Variable
from panel.model.study import Study

Subject = Mapping[str, Any]


def subjects(each: str, study: Study, instrument: Instrument, known: set[str]) -> list[Subject]:
    """
    Return what an entry with `each` is written out for: names to put into `{name}`, and values for `{from = …}`.

    A variable that the rows do not have (because this wave has another instrument) is no subject.
    """
    return [subject for subject in EACH[each](study, instrument) if subject.get("name", "") in known or each == "all"]


def _by_name(variables: Iterable[Variable]) -> list[Subject]:
    return [{"name": each.name} for each in variables]


def _followed(study: Study, instrument: Instrument) -> list[Subject]:
    """Single answers that figures are about: core, required, or the variable of a domain or an indicator."""
    used = {each.variable for each in study.domains} | {each.variable for each in study.indicators}
    used |= {question.variable.name for question in instrument.questions if question.is_required}
    return _by_name(
        each
        for each in instrument.variables
        if each.kind == "single" and not each.is_immutable and (each.is_core or each.name in used)
    )


def _groups(study: Study, instrument: Instrument) -> list[Subject]:
    del instrument
    return [
        {"name": domain.variable, "domain": domain.key, "group": group.key, "codes": list(group.codes)}
        for domain in study.domains
        for group in domain.groups
    ]


def _margins(study: Study, instrument: Instrument) -> list[Subject]:
    del instrument
    found: list[Subject] = []
    for margin in study.benchmarks.margins if study.benchmarks else ():
        domain = study.domain(margin.domain)
        named = {str(code): group.key for group in domain.groups for code in group.codes}
        found.append({"name": domain.variable, "domain": domain.key, "groups": named, "shares": dict(margin.shares)})
    return found


def _means(study: Study, instrument: Instrument) -> list[Subject]:
    names = dict.fromkeys(each.variable for each in study.indicators if each.statistic in ("mean", "median"))
    return [{"name": name} for name in names if instrument.has(name)]


def _facts(study: Study, instrument: Instrument) -> list[Subject]:
    """Immutable facts: of one that is asked once, a member may have been asked in two waves all the same."""
    del study
    return _by_name(question.variable for question in instrument.questions if question.variable.is_immutable)


def _study(study: Study, instrument: Instrument) -> list[Subject]:
    del instrument
    predictors = list(dict.fromkeys(domain.variable for domain in study.domains))
    return [{"predictors": predictors}] if predictors else []


def _amounts(study: Study, instrument: Instrument) -> list[Subject]:
    del study
    return _by_name(each.variable for each in instrument.questions if each.variable.kind == "money")


def _questions(study: Study, instrument: Instrument) -> list[Subject]:
    del study
    return _by_name(question.variable for question in instrument.questions if question.variable.kind != "text")


def _open_texts(study: Study, instrument: Instrument) -> list[Subject]:
    del study
    return _by_name(each for each in instrument.variables if each.kind == "text" and each.sensitivity == "open_text")


EACH: Mapping[str, Callable[[Study, Instrument], list[Subject]]] = {
    "all": _study,
    "asked_amount": _amounts,
    "question": _questions,
    "open_text": _open_texts,
    "followed": _followed,
    "group": _groups,
    "margin": _margins,
    "mean": _means,
    "fact": _facts,
}


def filled(value: Any, subject: Subject) -> Any:
    """Return a value of an entry with `{name}` and the like put in, also within lists and tables."""
    if isinstance(value, str):
        for key, text in subject.items():
            if isinstance(text, str):
                value = value.replace(f"{{{key}}}", text)
        return value
    if isinstance(value, list):
        return [filled(each, subject) for each in value]
    if isinstance(value, Mapping):
        return {key: filled(each, subject) for key, each in value.items()}
    return value
