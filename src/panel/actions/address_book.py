"""Contact details of members: load, show, forget."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from panel.actions.permissions import see_members
from panel.errors import Fault, SourceError, UnknownKey, Where, printable
from panel.harmonise.identity import pseudonyms
from panel.model.load_contact import ADDRESS
from panel.model.study import Study
from panel.ports import Adapters
from panel.ports.contacts import Addressee

log = logging.getLogger(__name__)
_COLUMNS = ("member", "name", "email", "language")
_MOST_FAULTS, _LONGEST_NAME = 20, 100
_NOT_IN_A_NAME = ("://", "www.", "@", "<", ">", "{", "}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedContacts:
    """What became of a file: `rows` = `added` + `changed` + `unchanged`; who is in no sample; shared addresses."""

    study: str
    rows: int
    added: int
    changed: int
    unchanged: int
    not_in_sample: int
    shared_addresses: int


def load_contacts(app: Adapters, study_key: str, path: Path) -> LoadedContacts:
    """
    Take in a CSV of member (as deliveries write it), name, email and language; all of it, or nothing.

    Raises:
        SourceError: the file or a row of it is wrong; names rows and columns, and repeats no cell.
        SettingsError: this process can not reach contact details.
    """
    study = app.study(study_key)
    book = app.correspondence().book
    table = _table(app, path)
    faults = _faults(table, study)
    if faults:
        more = f", the first {_MOST_FAULTS} of them here" if len(faults) > _MOST_FAULTS else ""
        raise SourceError(f"{len(faults)} rows are wrong{more}; nothing was loaded.", faults=faults[:_MOST_FAULTS])
    addressees = _addressees(table, study, app.pseudonym_key)
    counts = book.keep(study.key, addressees, app.clock.now())
    sample = {each.member for each in app.store.members(study.key)}
    made = LoadedContacts(
        study=study.key,
        rows=len(table),
        added=counts.get("added", 0),
        changed=counts.get("changed", 0),
        unchanged=counts.get("unchanged", 0),
        not_in_sample=sum(member not in sample for member in addressees),
        shared_addresses=len(addressees) - len({each.email.casefold() for each in addressees.values()}),
    )
    log.info(
        "loaded contact details study=%s rows=%d added=%d changed=%d", study.key, made.rows, made.added, made.changed
    )
    return made


def _table(app: Adapters, path: Path) -> pd.DataFrame:
    try:
        content = path.read_bytes()
    except OSError as error:
        what = f"The file cannot be read: {error.strerror}."
        raise SourceError(what, where=Where(file=path.name), fix="check the path") from error
    table = app.source_for(path.name, content).table(path.name, content)
    lacking = [name for name in _COLUMNS[:3] if name not in table.columns]
    strange = [name for name in table.columns if name not in _COLUMNS]
    faults = [Fault(f"has no column '{name}'", fix="member, name, email, and language if wanted") for name in lacking]
    faults += [Fault(f"has a column '{printable(name)}' that is not kept", fix="leave it out") for name in strange]
    if faults:
        raise SourceError("The columns are wrong.", where=Where(file=path.name), faults=faults)
    return table


def _faults(table: pd.DataFrame, study: Study) -> list[Fault]:
    found = []
    first: dict[str, int] = {}
    for row, cells in zip(table.index, table.to_dict("records"), strict=True):
        for column, what in _row_faults(cells, study):
            found.append(Fault(what, Where(row=int(row), column=column)))
        member = str(cells["member"]).strip()
        if member and first.setdefault(member, int(row)) != int(row):
            found.append(Fault(f"is the member of row {first[member]} again", Where(row=int(row), column="member")))
    return found


def _row_faults(cells: Mapping[str, str], study: Study) -> list[tuple[str, str]]:
    name, found = cells["name"].strip(), []
    if not cells["member"].strip():
        found.append(("member", "is empty"))
    if not name or len(name) > _LONGEST_NAME or not name.isprintable() or any(x in name for x in _NOT_IN_A_NAME):
        found.append(("name", "is empty, too long, or holds marks or an address that no name has"))
    if not ADDRESS.fullmatch(cells["email"].strip()) or ".." in cells["email"] or ".@" in cells["email"]:
        found.append(("email", "is no e-mail address"))
    if cells.get("language", "").strip() not in ("", *study.languages):
        found.append(("language", f"is none of {', '.join(study.languages)}"))
    return found


def _addressees(table: pd.DataFrame, study: Study, key: bytes) -> dict[str, Addressee]:
    members = pseudonyms(table["member"], study=study.key, key=key)
    rows = table.to_dict("records")
    return {
        str(member): Addressee(
            name=row["name"].strip(),
            email=row["email"].strip(),
            language=row.get("language", "").strip() or study.languages[0],
        )
        for member, row in zip(members, rows, strict=True)
    }


def show_contact(app: Adapters, study_key: str, member: str) -> Addressee:
    """
    Return who a member is; that somebody looked is in the log.

    Raises:
        DisclosureRefused: without the permission `members`.
        UnknownKey: nobody said who that is.
    """
    see_members(app, "contact details")
    found = app.correspondence().book.find(app.study(study_key).key, member)
    if found is None:
        raise UnknownKey("Nobody said who that member is.", fix="panelctl contacts load brings names and addresses")
    return found


def forget_contact(app: Adapters, study_key: str, member: str) -> int:
    """
    Remove a member's contact details and codes; nothing more can be sent. Return 1, or 0 where there were none.

    Raises:
        UnknownKey: neither the book nor the sample knows the member: nothing was removed, and nobody must think so.
    """
    count = app.correspondence().book.forget(app.study(study_key).key, [member])
    if not count:
        app.store.member(study_key, member)
    log.info("forgot contact details study=%s member=%s found=%d", study_key, member, count)
    return count
