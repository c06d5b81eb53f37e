"""Read suites from files, and refuse whatever would pass unseen."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from panel.checks.entries import ACTIONS, SEVERITIES, Entry
from panel.errors import DefinitionError, Fault, PanelError, Where, did_you_mean, printable
from panel.model.expression import parse
from panel.model.results import Stage
from panel.model.study import Study

EVERY_STUDY = "any"
_OWN_KEYS = {"id", "type", "holds", "why", "severity", "owner", "action", "columns", "table"}


@dataclass(frozen=True)
class FileEntry:
    """An entry as a file has it: judged by GX's own words, or by an expression that must hold of each row."""

    entry: Entry
    holds: str | None


def shipped() -> Traversable:
    """Return the folder of suites that ships with the package."""
    return files("panel.expectations")


def load_suites(folder: Traversable, study: Study, stage: Stage, known: Iterable[str]) -> tuple[FileEntry, ...]:
    """
    Return the entries of a stage: those of every study, then those of this one.

    Args:
        folder: suites as `STUDY/STAGE.toml`, and `any/STAGE.toml`.
        study: whose.
        stage: responses or panel.
        known: the columns an entry may name.

    Raises:
        DefinitionError: with every fault: a file that is not TOML or empty, an unknown key, type, column or severity,
            a missing reason, an id twice, an expression that does not parse, a bare date.
    """
    faults: list[Fault] = []
    entries: list[FileEntry] = []
    columns = set(known)
    for name in (f"{EVERY_STUDY}/{stage}.toml", f"{study.key}/{stage}.toml"):
        file = folder.joinpath(*name.split("/"))
        if file.is_file():
            entries += _entries(name, file.read_text("utf-8"), columns, faults)
    ids = [each.entry.id for each in entries]
    repeated = sorted({each for each in ids if ids.count(each) > 1})
    faults += [Fault(f"two checks have the id '{each}'", Where(check=each), "give each its own") for each in repeated]
    if faults:
        raise DefinitionError(f"The suites of stage {stage} have {len(faults)} faults.", faults=faults)
    return tuple(entries)


def _entries(name: str, text: str, columns: set[str], faults: list[Fault]) -> list[FileEntry]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults.append(Fault(f"not TOML: {printable(error)}", Where(file=name), "correct the syntax"))
        return []
    rows = found.pop("expect", [])
    only = "a suite has [[expect]] entries only"
    faults += [Fault("is not a key of a suite", Where(file=name, key=key), only) for key in found]
    if not rows:
        faults.append(
            Fault("the suite is empty, so it would always pass", Where(file=name), "add an entry or delete the file")
        )
    return [each for number, row in enumerate(rows) if (each := _entry(row, f"{name}", number, columns, faults))]


def _entry(row: Mapping[str, Any], file: str, number: int, columns: set[str], faults: list[Fault]) -> FileEntry | None:
    place = f"expect[{number}]"
    before = len(faults)

    def fault(what: str, key: str, fix: str | None = None) -> None:
        faults.append(Fault(what, Where(file=file, key=f"{place}.{key}"), fix))

    for key in ("id", "why"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            fault("is not there", key, 'a check without a reason is refused: add why = "…"')
    _one_of(row, "severity", SEVERITIES, "warning", fault)
    _one_of(row, "action", ACTIONS, "flag", fault)
    _one_of(row, "table", ("rows", "facts"), "rows", fault)
    if ("type" in row) == ("holds" in row):
        fault("needs one of type and holds", "type", "write GX's type and arguments, or an expression that must hold")
        return None
    named = [*row.get("columns", []), *_named(row)]
    unknown = [each for each in named if each not in columns] if row.get("table", "rows") == "rows" else []
    for column in unknown:
        fault(f"'{printable(column)}' is no column", "columns", did_you_mean(str(column), columns))
    if "holds" in row:
        _expression(row["holds"], columns, fault)
    return None if len(faults) > before else _made(row)


def _made(row: Mapping[str, Any]) -> FileEntry:
    arguments = {key: value for key, value in row.items() if key not in _OWN_KEYS}
    column = f"holds:{row['id']}"
    made = Entry(
        id=row["id"],
        expectation=row.get("type", "expect_column_values_to_be_in_set"),
        arguments=arguments if "type" in row else {"column": column, "value_set": [1.0], **arguments},
        columns=tuple(row.get("columns", [])) or tuple(_named(row)),
        table=row.get("table", "rows"),
        severity=row.get("severity", "warning"),
        owner=row.get("owner", "operator"),
        why=row["why"],
        action=row.get("action", "flag"),
    )
    return FileEntry(made, row.get("holds"))


def _one_of(row: Mapping[str, Any], key: str, options: tuple[str, ...], default: str, fault: Any) -> None:
    value = row.get(key, default)
    if value not in options:
        fault(f"is {printable(value)!r}", key, f"one of {', '.join(options)}")


def _named(row: Mapping[str, Any]) -> list[str]:
    listed = row.get("column_list", [])
    one = [row[key] for key in ("column", "column_A", "column_B") if isinstance(row.get(key), str)]
    return [*one, *(listed if isinstance(listed, list) else [])]


def _expression(text: object, columns: set[str], fault: Any) -> None:
    try:
        names = parse(str(text)).names
    except PanelError as error:
        fault(error.what, "holds", error.fix)
        return
    for name in names:
        if name not in columns:
            fault(f"reads '{printable(name)}', which is no column", "holds", did_you_mean(name, columns))
