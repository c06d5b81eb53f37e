"""The codebook: what every variable of a study means, as a table and as a page. Pure; the instrument is its truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from panel.model.instrument import MISSING_REASONS, Instrument, Question, Variable
from panel.model.study import Study
from panel.model.text import Text

COLUMNS = (
    "name", "instrument", "section", "position",
    "question_nl", "question_en", "label_nl", "label_en", "section_nl", "section_en",
    "concept", "kind", "unit", "minimum", "maximum", "values_nl", "values_en", "off_scale",
    "missing_nl", "missing_en", "asked", "route", "derived_from", "sensitivity", "resolves_with", "is_opinion", "waves",
)  # fmt: skip
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "codebook": "Codebook", "contents": "Contents", "derived": "Derived variables", "values": "Values",
        "code": "Code", "meaning": "Meaning", "question": "Question", "concept": "Concept", "kind": "Kind",
        "unit": "Unit", "range": "Range", "asked": "Asked", "route": "Asked only if", "derived_from": "Computed as",
        "sensitivity": "Sensitivity", "waves": "Waves", "instrument": "Instrument", "missing": "Missing reasons",
        "every": "in every wave", "first": "in a member's first wave", "later": "from a member's second wave on",
        "never": "never: computed from other variables", "none": "none",
        "quasi": "could help to recognise a person; coarsened in a release",
        "open_text": "open text; left out of a release", "off_scale": "off the scale",
        "missing_intro": "Where there is no value, the column with the suffix __missing says why.",
        "skip": "Skip to the contents", "population": "Population", "whole": "whole number", "decimal": "number",
        "money": "amount, nominal", "share": "share, 0 to 100", "probability": "probability in percent, 0 to 100",
        "single": "one answer of a list", "multi": "several answers of a list", "text": "text", "date": "date",
        "resolves_with": "Prediction, resolved by", "opinion": "Opinion",
        "is_opinion": "yes: never shown to a member again",
    },
    "nl": {
        "codebook": "Codeboek", "contents": "Inhoud", "derived": "Afgeleide variabelen", "values": "Waarden",
        "code": "Code", "meaning": "Betekenis", "question": "Vraag", "concept": "Begrip", "kind": "Soort",
        "unit": "Eenheid", "range": "Bereik", "asked": "Gesteld", "route": "Alleen gesteld als",
        "derived_from": "Berekend als", "sensitivity": "Gevoeligheid", "waves": "Golven", "instrument": "Vragenlijst",
        "missing": "Redenen van ontbreken", "every": "in elke golf", "first": "in de eerste golf van een lid",
        "later": "vanaf de tweede golf van een lid", "never": "nooit: berekend uit andere variabelen", "none": "geen",
        "quasi": "kan helpen een persoon te herkennen; in een uitgave vergroofd",
        "open_text": "open tekst; niet in een uitgave", "off_scale": "buiten de schaal",
        "missing_intro": "Waar geen waarde staat, zegt de kolom met het achtervoegsel __missing waarom.",
        "skip": "Naar de inhoud", "population": "Populatie", "whole": "geheel getal", "decimal": "getal",
        "money": "bedrag, nominaal", "share": "aandeel, 0 tot 100", "probability": "kans in procenten, 0 tot 100",
        "single": "één antwoord uit een lijst", "multi": "meer antwoorden uit een lijst", "text": "tekst",
        "date": "datum", "resolves_with": "Voorspelling, uitgekomen volgens", "opinion": "Mening",
        "is_opinion": "ja: wordt een lid nooit opnieuw getoond",
    },
}  # fmt: skip


def codebook(study: Study) -> pd.DataFrame:
    """
    Describe every variable of every instrument version.

    Returns:
        One row per (instrument, name), in the order of the files, columns COLUMNS, all text but `position`. `waves`
        lists the keys of the waves that field the version, and is "" for a version that none fields.
    """
    rows = [row for instrument in study.instruments for row in _rows(study, instrument)]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"position": "int64"})


def codebook_html(study: Study, language: str) -> str:
    """
    Return the codebook as one page in `language`: no scripts, nothing loaded from elsewhere, every text escaped.

    A text that the study lacks in `language` is shown in the first language it has.
    """
    instruments = [
        {"version": each.version, "waves": _waves(study, each), "sections": list(_sections(each, language))}
        for each in study.instruments
    ]
    return render(
        "codebook.html.j2",
        study=study,
        language=language,
        t=words(language),
        instruments=instruments,
        missing=[(reason, label.in_(language)) for reason, label in MISSING_REASONS],
    )


def words(language: str) -> dict[str, str]:
    """Return the fixed words of the page in `language`, English where there is no translation."""
    return WORDS.get(language, WORDS["en"])


def render(template: str, **values: Any) -> str:
    """Fill one of the package's templates; every value is escaped, and a name that is not given is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("panel", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def _rows(study: Study, instrument: Instrument) -> Iterator[dict[str, object]]:
    waves = _waves(study, instrument)
    labels = {section.key: section.label for section in instrument.sections}
    for position, question in enumerate(instrument.questions, start=1):
        section = labels.get(question.section, Text.plain(question.section))
        asked = {
            "section": question.section,
            "section_nl": section.in_("nl"),
            "section_en": section.in_("en"),
            "question_nl": question.text.in_("nl"),
            "question_en": question.text.in_("en"),
            "asked": question.asked,
            "route": question.route or "",
            "resolves_with": resolution(question),
            "is_opinion": "yes" if question.is_opinion else "",
        }
        yield {
            **_facts(question.variable),
            **asked,
            "instrument": instrument.version,
            "waves": waves,
            "position": position,
        }
    for position, each in enumerate(instrument.derived, start=len(instrument.questions) + 1):
        derived = {"asked": "never", "derived_from": each.expression, "section": "derived"}
        yield {
            **_facts(each.variable),
            **derived,
            "instrument": instrument.version,
            "waves": waves,
            "position": position,
        }


def _facts(variable: Variable) -> dict[str, object]:
    facts: dict[str, object] = dict.fromkeys(COLUMNS, "")
    return facts | {
        "name": variable.name,
        "label_nl": variable.label.in_("nl"),
        "label_en": variable.label.in_("en"),
        "concept": variable.concept or "",
        "kind": variable.kind,
        "unit": variable.unit or "",
        "minimum": _number(variable.minimum),
        "maximum": _number(variable.maximum),
        "values_nl": _pairs(variable, "nl"),
        "values_en": _pairs(variable, "en"),
        "off_scale": "; ".join(map(str, variable.off_scale)),
        "missing_nl": "; ".join(f"{reason} = {label.in_('nl')}" for reason, label in MISSING_REASONS),
        "missing_en": "; ".join(f"{reason} = {label.in_('en')}" for reason, label in MISSING_REASONS),
        "sensitivity": variable.sensitivity,
    }


def _sections(instrument: Instrument, language: str) -> Iterator[dict[str, object]]:
    known = {section.key: section.label.in_(language) for section in instrument.sections}
    for key in dict.fromkeys([*known, *(question.section for question in instrument.questions)]):
        entries = [
            {"variable": question.variable, "question": question, "expression": "", "resolves": resolution(question)}
            for question in instrument.questions
            if question.section == key
        ]
        if entries:
            yield {"key": key, "label": known.get(key, key), "entries": entries}
    if instrument.derived:
        entries = [
            {"variable": each.variable, "question": None, "expression": each.expression, "resolves": ""}
            for each in instrument.derived
        ]
        yield {"key": "derived", "label": words(language)["derived"], "entries": entries}


def resolution(question: Question) -> str:
    """Return in one text which variable resolves the prediction of `question`, how and when; "" where it is none."""
    predicts = question.predicts
    if predicts is None:
        return ""
    named = {"target": "target year", "next": "next wave"}
    horizon = named.get(str(predicts.horizon), f"{predicts.horizon} years")
    event = f", event {predicts.event}" if predicts.event else ""
    return f"{predicts.variable or 'nothing a member answers'} ({predicts.kind}, horizon {horizon}{event})"


def _pairs(variable: Variable, language: str) -> str:
    return "; ".join(f"{value.code} = {value.label.in_(language)}" for value in variable.values)


def _waves(study: Study, instrument: Instrument) -> str:
    return ", ".join(wave.key for wave in study.waves if wave.instrument == instrument.version)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"


class Codebook(Mapping[str, Variable]):
    """The variables of a study by name."""

    def __init__(self, study: Study) -> None:
        self._study = study

    def __getitem__(self, name: str) -> Variable:
        return self._study.variable(name)

    def __iter__(self) -> Iterator[str]:
        return (variable.name for variable in self._study.variables)

    def __len__(self) -> int:
        return len(self._study.variables)
