"""Read TOML tables key by key, and gather every fault with its file and key path."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

from panel.errors import DefinitionError, Fault, Where, did_you_mean, printable
from panel.model.expression import parse
from panel.model.text import Text

Kind = TypeVar("Kind")
_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")


class Faults:
    """Every fault found so far."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, what: str, *, file: str, key: str | None = None, fix: str | None = None) -> None:
        """Add a fault at a key of a file."""
        self.found.append(Fault(what, Where(file=file, key=key), fix))

    def stop(self, subject: str) -> None:
        """Raise a DefinitionError with all faults, if there are any."""
        if self.found:
            count = "one fault" if len(self.found) == 1 else f"{len(self.found)} faults"
            raise DefinitionError(f"{subject} has {count}.", faults=self.found)


def parse_toml(file: str, text: str, faults: Faults) -> Table:
    """Return the file's top table; a syntax error is a fault with its row and column."""
    try:
        return Table(tomllib.loads(text), file, "", faults)
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.search(str(error))
        row, column = (int(found[1]), found[2]) if found else (None, None)
        what = f"not TOML: {printable(str(error).split(' (at')[0])}"
        faults.found.append(Fault(what, Where(file=file, row=row, column=column), "correct the syntax"))
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
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
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
        return self._text(key, self.get(key, dict), languages)

    def _text(self, key: str, given: dict[str, Any], languages: Sequence[str]) -> Text:
        entries = []
        for language in languages:
            text = given.get(language)
            if isinstance(text, str) and text.strip():
                entries.append((language, text))
            elif given:
                self.fault(f"has no text in '{language}'", key, f'add {language} = "…"')
        for language in given:
            if language not in languages:
                self.fault(f"has a text in '{printable(language)}', no language of the study", key)
        return Text(tuple(entries) or (("en", ""),))

    def day(self, key: str) -> date:
        """Return a date."""
        value = self.get(key, date)
        return value if isinstance(value, date) else date(1970, 1, 1)

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
        wrong = [item for item in items if not isinstance(item, kind) or isinstance(item, bool)]
        for item in wrong:
            self.fault(f"holds {printable(item)!r}, not {_NAMES.get(kind, 'a code')}", key)
        return tuple(item for item in items if not any(item is each for each in wrong))

    def codes(self, key: str, default: Any = ()) -> tuple[int | str, ...]:
        """Return a list of codes."""
        return self.list_of(key, (int, str), default)  # type: ignore[arg-type]

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

    def pairs(self, key: str) -> tuple[tuple[str, Any], ...]:
        """Return the items of the table under a key, in the order of the file."""
        return tuple(self.get(key, dict, {}).items())

    def expression(self, key: str) -> str | None:
        """Return the text of an expression that parses."""
        text = self.get(key, str, None)
        if text is not None:
            try:
                parse(text)
            except DefinitionError as error:
                self.fault(error.what, key, error.fix)
                return None
        return text  # type: ignore[no-any-return]

    def done(self) -> None:
        """Report every key that nobody read."""
        for key in self.data:
            if key not in self._read:
                self.fault(f"'{printable(key)}' is not a key here", key, did_you_mean(key, self._read))


def _empty(kind: type) -> Any:
    return kind() if kind in (str, int, float, bool, list, dict) else None
