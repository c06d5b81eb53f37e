"""The book of contact details: sealed before it reaches its database."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol

from panel.contacts.vault import Vault
from panel.ports.contacts import Addressee

ADDRESS = "address"


class Rows(Protocol):
    """Where sealed rows are kept; see store.contact_book.SealedRows."""

    def put(self, rows: Iterable[Any], *, are_new_only: bool = False) -> None:
        """Keep rows in one transaction."""
        ...

    def rows(self, *, study: str | None = None, member: str | None = None, part: str | None = None) -> Sequence[Any]:
        """Return rows."""
        ...

    def since(self, study: str, part: str, member: str | None = None) -> Mapping[str, datetime]:
        """Return since when rows are as they are."""
        ...

    def remove(self, study: str, members: Iterable[str]) -> int:
        """Remove the rows of members."""
        ...


class SealedBook:
    """
    Implements ports.Book: every row sealed for its place, opened one at a time.

    `row_of` makes a row of study, member, part, sealed and changed_at; `now` tells the time.
    """

    def __init__(self, rows: Rows, vault: Vault, row_of: Any, now: Any) -> None:
        self._rows, self._vault, self._row_of, self._now = rows, vault, row_of, now

    def keep(self, study: str, addressees: Mapping[str, Addressee], at: datetime) -> Mapping[str, int]:
        """Keep addressees by member; see ports.Book."""
        counts: Counter[str] = Counter()
        old = {row.member: self._open(row) for row in self._rows.rows(study=study, part=ADDRESS)}
        fresh = []
        for member, each in addressees.items():
            text = json.dumps(asdict(each), ensure_ascii=False, sort_keys=True)
            counts["unchanged" if old.get(member) == text else "changed" if member in old else "added"] += 1
            if old.get(member) != text:
                fresh.append(self._sealed(study, member, ADDRESS, text, at))
        self._rows.put(fresh)
        return counts

    def find(self, study: str, member: str) -> Addressee | None:
        """Return who a member is; see ports.Book."""
        for row in self._rows.rows(study=study, member=member, part=ADDRESS):
            return Addressee(**json.loads(self._open(row)))
        return None

    def address_since(self, study: str, member: str | None = None) -> Mapping[str, datetime]:
        """Return since when the address of each member, or of one, is as it is."""
        return self._rows.since(study, ADDRESS, member)

    def keep_codes(self, study: str, wave: int, codes: Mapping[str, str]) -> Mapping[str, str]:
        """Keep access codes but for members who have one; see ports.Book."""
        part, at = _code(wave), self._now()
        self._rows.put(
            (self._sealed(study, member, part, code, at) for member, code in codes.items()), are_new_only=True
        )
        return {row.member: self._open(row) for row in self._rows.rows(study=study, part=part)}

    def code(self, study: str, wave: int, member: str) -> str:
        """Return the access code of a member in a wave, "" where there is none."""
        return next((self._open(row) for row in self._rows.rows(study=study, member=member, part=_code(wave))), "")

    def forget(self, study: str, members: Iterable[str]) -> int:
        """Remove what is kept of members; see ports.Book."""
        return self._rows.remove(study, members)

    def reseal(self) -> int:
        """Seal everything anew by the newest key, dates as they were; return how many rows."""
        rows = self._rows.rows()
        self._rows.put(self._sealed(row.study, row.member, row.part, self._open(row), row.changed_at) for row in rows)
        return len(rows)

    def _sealed(self, study: str, member: str, part: str, text: str, at: datetime) -> Any:
        sealed = self._vault.seal(text, _place(study, member, part))
        return self._row_of(study=study, member=member, part=part, sealed=sealed, changed_at=at)

    def _open(self, row: Any) -> str:
        return self._vault.open(row.sealed, _place(row.study, row.member, row.part))


def _place(study: str, member: str, part: str) -> str:
    return "\0".join((study, member, part))


def _code(wave: int) -> str:
    return f"code:{wave}"
