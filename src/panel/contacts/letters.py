"""Letters of templates: Jinja in a sandbox, with five names and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from panel.errors import DefinitionError, Fault, Where, printable
from panel.model.contact import KINDS
from panel.ports.contacts import LetterFacts, LetterText

if TYPE_CHECKING:
    from panel.model.study import Study

FOLDER = "templates/"
NAMES = frozenset(each.name for each in fields(LetterFacts))
_FILE = re.compile(r"templates/(invite|thank|remind(?:-[1-9]\d?)?)\.([a-z]{2,3})\.txt")
_SAMPLE = LetterFacts(
    name="Bobby\r\nBcc: x@evil.example {{ 7 * 7 }}",
    link="https://panel.example.org/a/SAMPLE",
    deadline="30 november 2026",
    study_title="A study",
    opt_out="https://panel.example.org/s/SAMPLE",
)
_MOST_SUBJECT, _MOST_BODY = 150, 20_000


class JinjaLetters:
    """Implements ports.Letters by templates of a study: a subject line, a blank line, and the body."""

    def faults(self, study: Study, files: Mapping[str, str]) -> Sequence[Fault]:
        """Return every fault of a study's templates; a study that writes to nobody needs none."""
        there = sorted(name for name in files if name.startswith(FOLDER))
        found = [_misnamed(name) for name in there if not _FILE.fullmatch(name)]
        found += [fault for name in there if _FILE.fullmatch(name) for fault in _faults(name, files[name])]
        if study.contact is not None:
            needed = [f"{FOLDER}{kind}.{language}.txt" for kind in KINDS for language in study.languages]
            fix = "add it: a subject line, a blank line, and the letter"
            found += [Fault("is not there", Where(file=name), fix) for name in needed if name not in files]
        return found

    def compose(
        self, files: Mapping[str, str], *, kind: str, ordinal: int, language: str, facts: LetterFacts
    ) -> LetterText:
        """Return a letter; see ports.Letters."""
        names = [f"{FOLDER}{kind}-{ordinal}.{language}.txt", f"{FOLDER}{kind}.{language}.txt"]
        name = next((each for each in names if each in files), "")
        if not name:
            raise DefinitionError(
                f"There is no template for '{printable(kind)}' in '{printable(language)}'.",
                where=Where(file=names[-1]),
                fix="add it and load the study again",
            )
        try:
            return _rendered(files[name], facts)
        except Exception as error:
            fix = "panelctl study load names every fault of it"
            raise DefinitionError("A template cannot be used.", where=Where(file=name), fix=fix) from error


def _misnamed(name: str) -> Fault:
    return Fault("is no name of a template", Where(file=name), "write as in templates/invite.nl.txt or remind-2.nl.txt")


def _faults(name: str, text: str) -> list[Fault]:
    from jinja2 import TemplateError, meta

    where = Where(file=name)
    lines = text.splitlines()
    if len(lines) < 3 or not lines[0].strip() or lines[1].strip():
        return [Fault("is not a subject line, a blank line and a letter", where, "divide it so")]
    try:
        used = meta.find_undeclared_variables(_environment().parse(text))
        strange = sorted(used - NAMES)
        known = ", ".join(sorted(NAMES))
        found = [Fault(f"uses '{printable(each)}'", where, f"there are: {known}") for each in strange]
        needed = {"opt_out"} if "/thank" in name else {"opt_out", "link"}
        found += [Fault(f"does not use '{each}'", where, f"add {{{{ {each} }}}}") for each in sorted(needed - used)]
        if not found:
            _rendered(text, _SAMPLE)
    except TemplateError as error:
        row = getattr(error, "lineno", None)
        return [Fault(f"cannot be read: {printable(error)}", Where(file=name, row=row), "correct it")]
    except Exception as error:  # noqa: BLE001 - a template is a small program: it can go wrong in any way
        return [Fault(f"cannot be used: {type(error).__name__}", where, "keep to names, if and for")]
    return found


def _rendered(text: str, facts: LetterFacts) -> LetterText:
    subject, _, body = text.replace("\r\n", "\n").partition("\n")
    values = {name: plain(value) for name, value in asdict(facts).items()}
    return LetterText(
        subject=plain(_template(subject).render(values))[:_MOST_SUBJECT],
        body=_template(body.lstrip("\n")).render(values)[:_MOST_BODY].rstrip() + "\n",
    )


@lru_cache(maxsize=64)
def _template(text: str) -> Any:
    """Return a template made ready; a round of letters has few templates and many members."""
    return _environment().from_string(text)


def plain(text: str) -> str:
    """Return a text as one line without control or bidirectional marks: it can add no header and move no cursor."""
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())


@cache
def _environment() -> Any:
    """Return Jinja's sandbox without loader, globals and most filters; a name that is not there is an error."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in ("upper", "lower", "capitalize", "trim", "default")}
    made.tests = {name: made.tests[name] for name in ("defined", "undefined")}
    return made
