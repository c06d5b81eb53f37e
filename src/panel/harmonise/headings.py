"""What a delivery has columns for: all that is required, and nothing that names a person."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from panel.errors import Fault, SourceError, Where, did_you_mean, printable
from panel.model.instrument import Instrument, Question
from panel.model.study import Layout, Study

_CONTACT_HEADING = re.compile(
    r"(?<![a-z])(e[-_ ]?mail([-_ ]?ad(d)?res(s)?)?|((tele|cell|mobile)[-_ ]?)?phone([-_ ]?(number|nr|no))?"
    r"|telefoon(nummer)?|mobiel(nummer)?|iban|bsn|street|straat(naam)?|ad(d)?res(s)?|postcode|zip([-_ ]?code)?"
    r"|surname|(first|last|full)[-_ ]?name|achternaam|voornaam)(?![a-z])"
)
# Every part is bounded, so that a long hostile cell cannot make the search slow.
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[a-z]{2,}", re.IGNORECASE)
_IBAN = re.compile(r"\bNL[0-9]{2} ?[A-Z]{4} ?[0-9]{4} ?[0-9]{4} ?[0-9]{2}\b", re.IGNORECASE)
_PHONE = re.compile(r"((\+|00)[1-9][0-9]{0,2}[- ]?(\(0\))?|0)6[- ]?([0-9][- ]?){8}|\+[0-9]{10,14}")
_LONGEST_CONTACT = 400


def is_fielded(question: Question, wave: int) -> bool:
    """Say whether everybody may be asked `question` in `wave`: facts are asked first, some questions only later."""
    return question.asked == "every" or (wave == 1) == (question.asked == "first")


def unread(texts: pd.DataFrame, study: Study, instrument: Instrument, wave: int) -> tuple[str, ...]:
    """
    Return the headings that nobody reads.

    Raises:
        SourceError: a required column is absent (all that are, each with the nearest heading), a heading stands twice,
            or a column that nobody reads looks like contact details.
    """
    names = [str(name) for name in texts.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SourceError(
            f"The heading has '{printable(twice)}' more than once.",
            where=Where(row=1),
            fix="keep one column of each name",
        )
    _need(names, _required(study.layout, instrument, wave))
    read = _read(study.layout, instrument) | {each.shown for each in study.sample.preload}
    rest = tuple(name for name in names if name not in read)
    _refuse_contacts(texts, rest)
    return rest


def _required(layout: Layout, instrument: Instrument, wave: int) -> list[str]:
    placed = (layout.member, layout.wave, layout.outcome, layout.stratum, layout.psu, layout.design_weight)
    asked = (each.column for each in instrument.questions if each.is_required and is_fielded(each, wave))
    return list(dict.fromkeys([*filter(None, placed), *asked]))


def _read(layout: Layout, instrument: Instrument) -> set[str | None]:
    placed = {layout.member, layout.wave, layout.submitted_at, layout.outcome, layout.stratum, layout.psu}
    weights = {layout.design_weight, *(given.column for given in layout.given_weights)}
    return placed | weights | {question.column for question in instrument.questions}


def _need(names: Sequence[str], required: Sequence[str]) -> None:
    absent = [name for name in required if name not in names]
    if not absent:
        return
    shown = [printable(name) for name in names]
    count = "A required column is" if len(absent) == 1 else f"{len(absent)} required columns are"
    raise SourceError(
        f"{count} not in the file.",
        faults=[Fault("is not there", Where(column=name), did_you_mean(name, shown)) for name in absent],
        fix="is this a file of this study and wave? Export it with every column of the instrument",
    )


def _refuse_contacts(texts: pd.DataFrame, unread: Sequence[str]) -> None:
    """Refuse what is not asked for and names a person: what we do not need we must not have."""
    for name in unread:
        if _CONTACT_HEADING.search(name.casefold()) or any(map(_is_contact, texts[name].unique())):
            raise SourceError(
                f"The column '{printable(name)}' looks like contact details, which do not belong here.",
                where=Where(column=name),
                fix="remove the column from the export, and send the file again",
            )


def _is_contact(cell: str) -> bool:
    text = cell[:_LONGEST_CONTACT].strip()
    return bool(("@" in text and _EMAIL.search(text)) or _IBAN.search(text) or _PHONE.fullmatch(text))
