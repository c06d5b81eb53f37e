"""What a suite says: one entry a check, from a file or from the instrument."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from panel.model.results import Severity
from panel.model.text import Text

ACTIONS = ("flag", "hold_cell", "hold_row", "block_wave")
TABLES = ("rows", "facts", "earlier")
HOLDS = "holds:"
"""Columns of this prefix say of each row whether a check holds: 1, 0, or missing where it has no say."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """
    One check. It is judged on a table: `rows` of the wave, `facts` about the wave, or members of the wave `earlier`.

    `expectation` and `arguments` are Great Expectations' own. `columns` are the variables it is about; with the action
    `hold_cell` they are held in the rows that fail, with `hold_row` the whole rows are, and with `block_wave` the wave
    goes no further. `catalogue` is the entry of the catalogue (S1 to S18, X1 to X12) that it belongs to, `version`
    counts changes of the rule, `subgroup` says about whom it is, and `proposes` names the column of `rows` with the
    value that a failing cell was probably meant to have.
    """

    id: str
    expectation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    table: str = "rows"
    severity: Severity = "warning"
    owner: str = "operator"
    why: Text = field(default_factory=lambda: Text.plain(""))
    action: str = "flag"
    version: int = 1
    catalogue: str = ""
    subgroup: str = ""
    proposes: str = ""

    def canonical(self) -> str:
        """Return the entry as one text, for the suite's digest."""
        parts = [self.id, self.expectation, dict(self.arguments), self.columns, self.table, self.severity, self.action]
        more = [list(self.why.entries), self.version, self.catalogue, self.subgroup, self.proposes, self.owner]
        return json.dumps([*parts, *more], sort_keys=True, default=str)


def digest(entries: tuple[Entry, ...]) -> str:
    """Return the SHA-256 of a suite, in any order of entries."""
    return hashlib.sha256("\n".join(sorted(entry.canonical() for entry in entries)).encode()).hexdigest()


def both(nl: str, en: str) -> Text:
    """Return a reason in Dutch and English."""
    return Text((("nl", nl), ("en", en)))


def holding(entry_id: str, column: str, **more: Any) -> Entry:
    """Return an entry over a column that says of each row whether it holds: 1, 0, or missing where it has no say."""
    return Entry(
        id=entry_id,
        expectation="expect_column_values_to_be_in_set",
        arguments={"column": column, "value_set": [1.0]},
        **more,
    )


def at_most(entry_id: str, fact: str, most: float, **more: Any) -> Entry:
    """Return an entry over a fact about the whole wave that may not exceed a number."""
    return Entry(
        id=entry_id,
        expectation="expect_column_max_to_be_between",
        arguments={"column": fact, "max_value": most},
        table="facts",
        **more,
    )
