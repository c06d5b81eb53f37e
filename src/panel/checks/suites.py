"""Read suites from files, and refuse whatever would pass unseen."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, get_args

from panel.checks.entries import ACTIONS, HOLDS, TABLES, Entry
from panel.checks.history import PARADATA
from panel.checks.subjects import EACH, filled, subjects
from panel.errors import DefinitionError, Fault, PanelError, Where, did_you_mean, printable
from panel.model.expression import parse
from panel.model.instrument import Instrument
from panel.model.results import RANKS, Stage
from panel.model.study import Study, Threshold
from panel.model.text import Text

EVERY_STUDY = "any"
LANGUAGES = ("nl", "en")
_OWN_KEYS = {
    "id", "type", "holds", "why", "severity", "owner", "action", "columns", "table", "version", "catalogue", "each",
    "needs", "limits", "proposes", "subgroup",
}  # fmt: skip
_COLUMN_KEYS = ("column", "column_A", "column_B", "group_column")
_BARE_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_CATALOGUE = re.compile(r"S([1-9]|1[0-8])|X([1-9]|1[0-2])")


@dataclass(frozen=True)
class FileEntry:
    """
    An entry as a file has it: judged by GX's own words, or by an expression that must hold of each row.

    `template` is its id before it was written out for a subject, `limits` are names that its expression may use, and
    `taken` are arguments that come from the wave before.
    """

    entry: Entry
    holds: str | None
    template: str
    limits: Mapping[str, float] = field(default_factory=dict)
    taken: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Suites:
    """
    The entries of a stage.

    `waiting` are the ids of those that need what the instrument does not carry yet, `idle` of those for which the
    study has no subject.
    """

    entries: tuple[FileEntry, ...]
    waiting: tuple[str, ...]
    idle: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """What an entry may name: columns of each table, and parameters that an argument may be taken from."""

    tables: Mapping[str, frozenset[str]]
    parameters: frozenset[str]


def shipped() -> Traversable:
    """Return the folder of suites that ships with the package."""
    return files("panel.expectations")


def files_digest(folder: Traversable, study: str) -> str:
    """Return a hash of the suites in `folder` that speak about a study, by name and content."""
    found = hashlib.sha256()
    for owner in ("any", study):
        for stage in get_args(Stage):
            file = folder.joinpath(owner, f"{stage}.toml")
            found.update(f"{owner}/{stage}\0{file.read_text(encoding='utf-8') if file.is_file() else ''}\0".encode())
    return found.hexdigest()


def load_suites(folder: Traversable, study: Study, instrument: Instrument, stage: Stage, known: Known) -> Suites:
    """
    Return the entries of a stage: those of every study, then those of this one, each written out for its subjects.

    Args:
        folder: suites as `STUDY/STAGE.toml`, and `any/STAGE.toml`, which must be there.
        study: whose.
        instrument: of the wave.
        stage: responses or panel.
        known: what an entry may name.

    Raises:
        DefinitionError: with every fault: a file that is absent, not TOML or empty, an unknown key, column, severity
            or action, a missing reason, an id twice, an expression that does not parse, a bare date.
    """
    reader = _Reader(study, instrument, known)
    for name in (f"{EVERY_STUDY}/{stage}.toml", f"{study.key}/{stage}.toml"):
        file = folder.joinpath(*name.split("/"))
        if file.is_file():
            reader.read(name, file.read_bytes())
        elif name.startswith(EVERY_STUDY):
            reader.faults.append(Fault("is not there, so nothing would be judged", Where(file=name)))
    ids = [each.entry.id for each in reader.entries]
    repeated = sorted({each for each in ids if ids.count(each) > 1})
    reader.faults += [
        Fault(f"two checks have the id '{each}'", Where(check=each), "give each its own") for each in repeated
    ]
    if reader.faults:
        raise DefinitionError(f"The suites of stage {stage} have {len(reader.faults)} faults.", faults=reader.faults)
    return Suites(tuple(reader.entries), tuple(reader.waiting), tuple(reader.idle))


def overridden(entries: Iterable[FileEntry], thresholds: Iterable[Threshold], faults: list[Fault]) -> list[FileEntry]:
    """Return the entries with the study's own thresholds; one that an entry has no place for is a fault."""
    found = list(entries)
    for threshold in thresholds:
        mine = [each for each in found if threshold.check in (each.entry.id, each.template)]
        for each in mine:
            place = found.index(each)
            if threshold.argument in each.limits:
                found[place] = replace(each, limits={**each.limits, threshold.argument: threshold.value})
            elif threshold.argument in each.entry.arguments:
                arguments = {**each.entry.arguments, threshold.argument: threshold.value}
                found[place] = replace(each, entry=replace(each.entry, arguments=arguments))
            else:
                options = [*each.limits, *(key for key in each.entry.arguments if key not in _COLUMN_KEYS)]
                where = Where(file="study.toml", check=threshold.check)
                what = f"has no threshold '{printable(threshold.argument)}'"
                faults.append(Fault(what, where, did_you_mean(threshold.argument, options)))
    return found


class _Reader:
    def __init__(self, study: Study, instrument: Instrument, known: Known) -> None:
        self.study, self.instrument, self.known = study, instrument, known
        self.entries: list[FileEntry] = []
        self.waiting: list[str] = []
        self.idle: list[str] = []
        self.faults: list[Fault] = []

    def read(self, name: str, content: bytes) -> None:
        try:
            found = tomllib.loads(content.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            self.faults.append(Fault(f"not TOML: {printable(error)}", Where(file=name), "correct the syntax"))
            return
        rows = found.pop("expect", [])
        only = "a suite has [[expect]] entries only"
        self.faults += [Fault("is not a key of a suite", Where(file=name, key=printable(key)), only) for key in found]
        if not isinstance(rows, list) or not rows:
            fix = "add an entry or delete the file"
            self.faults.append(Fault("the suite is empty, so it would always pass", Where(file=name), fix))
            return
        for number, row in enumerate(rows):
            self._entry(name, f"expect[{number}]", row)

    def _entry(self, file: str, place: str, row: object) -> None:
        before = len(self.faults)

        def fault(what: str, key: str, fix: str | None = None) -> None:
            self.faults.append(Fault(what, Where(file=file, key=f"{place}.{key}"), fix))

        if not isinstance(row, dict):
            fault("is not a table", "")
            return
        _shape(row, fault)
        if len(self.faults) > before:
            return
        known = self.known.tables[row.get("table", "rows")]
        if any(need not in self.known.tables["rows"] for need in row.get("needs", [])):
            self.waiting.append(row["id"])
            return
        rows = set(self.known.tables["rows"])
        chosen = subjects(row["each"], self.study, self.instrument, rows) if "each" in row else [{}]
        if not chosen:
            self.idle.append(row["id"])
        for subject in chosen:
            written = {key: filled(value, subject) for key, value in row.items()}
            made = _made(written, subject, row["id"])
            self._named(written, made, set(known), fault)
            self.entries.append(made)

    def _named(self, row: Mapping[str, Any], made: FileEntry, known: set[str], fault: Callable[..., None]) -> None:
        """Refuse a name that is not there: it would never be judged."""
        own = {*known, *made.limits, "wave_year"}
        for column in dict.fromkeys(_columns(row)):
            if column not in known:
                fault(f"'{printable(column)}' is no column", "columns", did_you_mean(str(column), known))
        for parameter in made.taken.values():
            if parameter not in self.known.parameters:
                fault(f"takes '{printable(parameter)}', which nothing computes", "from")
        if made.holds is not None:
            _expression(made.holds, own, fault)
        if made.entry.proposes and made.entry.proposes not in known:
            fault(f"'{printable(made.entry.proposes)}' is no column", "proposes")


def _shape(row: Mapping[str, Any], fault: Callable[..., None]) -> None:
    """Refuse an entry that does not say what it must, or says it in a way that is read otherwise than meant."""
    _said(row, fault)
    _one_of(row, "severity", tuple(RANKS), fault)
    _one_of(row, "action", ACTIONS, fault)
    _one_of(row, "table", TABLES, fault, "rows")
    _one_of(row, "each", tuple(EACH), fault, "question")
    if ("type" in row) == ("holds" in row):
        fault("needs one of type and holds", "type", "write GX's type and arguments, or an expression that must hold")
    for need in row.get("needs", []):
        if need not in PARADATA:
            fault(f"needs '{printable(need)}'", "needs", did_you_mean(str(need), PARADATA))
    mostly = row.get("mostly", 1)
    if isinstance(mostly, bool) or not isinstance(mostly, (int, float)) or not 0 < mostly <= 1:
        fault("is not above 0 and at most 1, so it would always or never pass", "mostly")
    for key in set(row) - _OWN_KEYS:
        _dates(key, row[key], fault)


def _said(row: Mapping[str, Any], fault: Callable[..., None]) -> None:
    for key in ("id", "owner"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            fault("is not there", key, f'add {key} = "…"')
    why = row.get("why")
    if not isinstance(why, dict) or set(why) != set(LANGUAGES) or not all(str(each).strip() for each in why.values()):
        fault("is not a reason in nl and en", "why", 'a check without a reason is refused: why = {nl = "…", en = "…"}')
    if type(row.get("version")) is not int or row["version"] < 1:
        fault("is not a whole number of 1 or more", "version", "count the changes of the rule: version = 1")
    if not _CATALOGUE.fullmatch(str(row.get("catalogue", "S1"))):
        fault(f"is {printable(row['catalogue'])!r}", "catalogue", "S1 to S18, or X1 to X12")


def _dates(key: str, value: object, fault: Callable[..., None]) -> None:
    """Refuse a day and a moment without offset: GX would compare them with moments in UTC, and raise."""
    if isinstance(value, list):
        for each in value:
            _dates(key, each, fault)
    bare = isinstance(value, date) and (not isinstance(value, datetime) or value.tzinfo is None)
    if bare or (isinstance(value, str) and _BARE_DATE.fullmatch(value)):
        fault(f"is the bare date {printable(value)}", key, "write a moment with its offset: 2027-10-01T00:00:00Z")


def _made(row: Mapping[str, Any], subject: Mapping[str, Any], template: str) -> FileEntry:
    arguments = {key: value for key, value in row.items() if key not in _OWN_KEYS}
    given = {
        key: value["from"] for key, value in arguments.items() if isinstance(value, dict) and set(value) == {"from"}
    }
    arguments |= {key: subject[name] for key, name in given.items() if name in subject}
    taken = {key: name for key, name in given.items() if name not in subject}
    made = Entry(
        id=row["id"],
        expectation=row.get("type", "expect_column_values_to_be_in_set"),
        arguments=arguments if "type" in row else {"column": f"{HOLDS}{row['id']}", "value_set": [1.0], **arguments},
        columns=tuple(row.get("columns", [])) or tuple(_columns(row)),
        table=row.get("table", "rows"),
        severity=row["severity"],
        owner=row["owner"],
        why=Text(tuple(row["why"].items())),
        action=row["action"],
        version=row["version"],
        catalogue=row.get("catalogue", ""),
        subgroup=row.get("subgroup", ""),
        proposes=row.get("proposes", ""),
    )
    return FileEntry(made, row.get("holds"), template, row.get("limits", {}), taken)


def _one_of(
    row: Mapping[str, Any], key: str, options: tuple[str, ...], fault: Callable[..., None], default: str = ""
) -> None:
    value = row.get(key, default)
    if value not in options:
        fault(f"is {printable(value)!r}", key, f"one of {', '.join(options)}")


def _columns(row: Mapping[str, Any]) -> list[str]:
    listed = row.get("column_list", [])
    one = [row[key] for key in _COLUMN_KEYS if isinstance(row.get(key), str)]
    more = row.get("columns", []) if row.get("table", "rows") == "rows" else []
    return [*one, *(listed if isinstance(listed, list) else []), *more]


def _expression(text: object, known: set[str], fault: Callable[..., None]) -> None:
    try:
        names = parse(str(text)).names
    except PanelError as error:
        fault(error.what, "holds", error.fix)
        return
    for name in names:
        if name not in known:
            fault(f"reads '{printable(name)}', which is no column", "holds", did_you_mean(name, known))
