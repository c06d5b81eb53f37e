"""Read TOML tables key by key, and gather every fault with its file and key path."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from panel.errors import DefinitionError, Fault, Where, did_you_mean, printable
from panel.model.expression import parse
from panel.model.text import Text

Kind = TypeVar("Kind")
FIRST_DAY = date(1970, 1, 1)  # stands in for a day that cannot be read
_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
    date: "a day, as in 2027-10-01",
}
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")


class Faults:
    """Every fault found so far."""

    def __init__(self) -> None:
        self.found: list[Fault] = []
        self.unread: set[str] = set()  # files that are not TOML at all
        self.doubtful: set[str] = set()  # variables that could not be read: what uses them is not judged
        self._settled: list[tuple[str, str]] = []

    def add(self, what: str, *, file: str, key: str | None = None, fix: str | None = None) -> None:
        """Add a fault at a key of a file, unless that key was found unreadable before."""
        if key is None or not self._is_settled(file, key):
            self.found.append(Fault(what, Where(file=file, key=key), fix))

    def settle(self) -> None:
        """Let what was found so far stand alone: a key that could not be read is not judged for its stand-in value."""
        self._settled = [
            (fault.where.file, fault.where.key)
            for fault in self.found
            if fault.where and fault.where.file and fault.where.key
        ]

    def _is_settled(self, file: str, key: str) -> bool:
        inside = (f"{key}.", f"{key}[")
        return any(file == one and (key == other or other.startswith(inside)) for one, other in self._settled)

    def stop(self, subject: str) -> None:
        """Raise a DefinitionError with all faults, if there are any."""
        if self.found:
            count = "one fault" if len(self.found) == 1 else f"{len(self.found)} faults"
            raise DefinitionError(f"{subject} has {count}.", faults=self.found)


def parse_toml(file: str, text: str, faults: Faults) -> Table:
    """Return the file's top table; a syntax error is a fault with its row and column."""
    try:
        return Table(tomllib.loads(text), file, "", faults)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a plain ValueError
        found = _PLACE.search(str(error))
        row, column = (int(found[1]), found[2]) if found else (text.count("\n") + 1, None)
        what = f"not TOML: {printable(str(error).split(' (at')[0])}"
        faults.found.append(Fault(what, Where(file=file, row=row, column=column), "correct the syntax"))
        faults.unread.add(file)
        return Table({}, file, "", faults, is_broken=True)


class Table:
    """One TOML table, its place, and which of its keys have been read."""

    def __init__(self, data: dict[str, Any], file: str, path: str, faults: Faults, *, is_broken: bool = False) -> None:
        self.data = data
        self.file = file
        self.path = path
        self.faults = faults
        self.is_broken = is_broken
        self._read: set[str] = set()

    def place(self, key: str) -> str:
        """Return the key path of one of the table's keys."""
        return f"{self.path}.{key}" if self.path else key

    def fault(self, what: str, key: str = "", fix: str | None = None) -> None:
        """Add a fault at one of the table's keys, or at the table itself."""
        self.faults.add(what, file=self.file, key=self.place(key) if key else self.path or None, fix=fix)

    def has(self, key: str) -> bool:
        """Say whether the table has the key."""
        return key in self.data

    def get(self, key: str, kind: type[Kind], default: Any = ...) -> Any:
        """Return the value of a key; one that is absent or of another kind is a fault, and gives the default."""
        self._read.add(key)
        if key not in self.data:
            if default is ... and not self.is_broken:
                self.fault("is not there", key, f"add {key}, {_NAMES.get(kind, kind.__name__)}")
            return _empty(kind) if default is ... else default
        value = self.data[key]
        if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53:
            return float(value)
        if not isinstance(value, kind) or _is_odd(value, kind):
            self.fault(f"is {printable(value)!r}, not {_NAMES.get(kind, kind.__name__)}", key)
            return _empty(kind) if default is ... else default
        return value

    def one_of(self, key: str, options: Sequence[str], default: Any = ...) -> Any:
        """Return a text that is one of the options."""
        value = self.get(key, str, default)
        if self.has(key) and isinstance(self.data[key], str) and value not in options:
            self.fault(f"is '{printable(value)}'", key, did_you_mean(value, options))
            return options[0]
        return value

    def text(self, key: str, languages: Sequence[str], default: Any = ...) -> Any:
        """Return a text in every language of the study."""
        if not self.has(key) and default is not ...:
            self._read.add(key)
            return default
        given = self.get(key, dict)
        if not isinstance(self.data.get(key), dict):
            return Text(((languages[0], ""),))
        inner = Table(given, self.file, self.place(key), self.faults)
        text = inner.own_text(languages)
        inner.done()
        return text

    def own_text(self, languages: Sequence[str]) -> Text:
        """Return the text that stands in this table itself, one key a language."""
        entries = []
        for language in languages:
            text = self.get(language, str, "")
            is_text = isinstance(self.data.get(language, ""), str)
            if is_text and not text.strip():
                self.fault(f"has no text in '{printable(language)}'", language, f'add {language} = "…"')
            entries.append((language, text))
        return Text(tuple(entries))

    def day(self, key: str) -> date:
        """Return a date."""
        value = self.get(key, date)
        return value if isinstance(value, date) else FIRST_DAY

    def code(self, key: str) -> int | str:
        """Return a code: a whole number or a text."""
        self._read.add(key)
        value = self.data.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            self.fault(f"is {printable(value)!r}, not a code", key, "write a whole number, or a text in quotes")
            return 0
        return value

    def list_of(self, key: str, kind: type[Kind], default: Any = ()) -> tuple[Any, ...]:
        """Return a list whose items are all of one kind."""
        items = self.get(key, list, ... if default is ... else list(default))
        kept: list[Any] = []
        for item in items:
            if kind is float and isinstance(item, int) and not isinstance(item, bool):
                kept.append(float(item))
            elif isinstance(item, kind) and not _is_odd(item, kind):
                kept.append(item)
            else:
                self.fault(f"holds {printable(item)!r}, not {_NAMES.get(kind, kind.__name__)}", key)
        return tuple(kept)

    def codes(self, key: str, default: Any = ()) -> tuple[int | str, ...]:
        """Return a list of codes."""
        items = self.get(key, list, ... if default is ... else list(default))
        kept = []
        for item in items:
            if isinstance(item, (int, str)) and not isinstance(item, bool):
                kept.append(item)
            else:
                self.fault(f"holds {printable(item)!r}, not a code", key, "write whole numbers, or texts in quotes")
        return tuple(kept)

    def table(self, key: str) -> Table:
        """Return the table under a key, an empty one where it is not there."""
        return Table(self.get(key, dict, {}), self.file, self.place(key), self.faults, is_broken=not self.has(key))

    def tables(self, key: str, *, is_required: object = None) -> list[Table]:
        """Return the array of tables under a key."""
        items = self.get(key, list, ... if is_required else [])
        found = []
        for number, item in enumerate(items):
            path = f"{self.place(key)}[{number}]"
            if isinstance(item, dict):
                found.append(Table(item, self.file, path, self.faults))
            else:
                self.faults.add("is not a table", file=self.file, key=path)
        return found

    def pairs(self, key: str, kind: type[Kind]) -> tuple[tuple[str, Any], ...]:
        """Return the items of the table under a key, all of one kind, in the order of the file."""
        inner = self.table(key)
        return tuple((name, inner.get(name, kind)) for name in inner.data)

    def code_lists(self, key: str) -> tuple[tuple[str, tuple[int | str, ...]], ...]:
        """Return the items of the table under a key, each a list of codes, in the order of the file."""
        inner = self.table(key)
        return tuple((name, inner.codes(name)) for name in inner.data)

    def expression(self, key: str) -> str | None:
        """Return the text of an expression that parses."""
        text = self.get(key, str, None)
        if text is not None:
            try:
                parse(text)
            except DefinitionError as error:
                self.fault(error.what, key, error.fix)
                return None
        return text

    def done(self) -> None:
        """Report every key that nobody read."""
        for key in self.data:
            if key not in self._read:
                self.fault(f"'{printable(key)}' is not a key here", key, did_you_mean(key, self._read))


def _is_odd(value: object, kind: type) -> bool:
    """Say whether Python takes `value` for a `kind` and a reader would not: true is no 1, nan no number."""
    if kind is int or kind is float:
        return isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value))
    return kind is date and isinstance(value, datetime)


def _empty(kind: type) -> Any:
    return kind() if kind in (str, int, float, bool, list, dict) else None
