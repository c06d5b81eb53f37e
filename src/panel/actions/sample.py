"""Load the sample, refresh it in later waves, and issue the codes by which members enter a wave."""

from __future__ import annotations

import getpass
import hashlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from panel.errors import SettingsError, SourceError, Where, did_you_mean, printable
from panel.harmonise.identity import plain_id, pseudonyms
from panel.model.case import Case
from panel.model.member import (
    ALPHABET,
    CODE_MARKS,
    Member,
    SampleFault,
    SampleLoad,
    check_mark,
    code_hash,
    is_code,
)
from panel.model.study import Study
from panel.ports import Adapters

log = logging.getLogger(__name__)
COLUMNS = ("member", "stratum")
MAY_EXPORT = "codes"
"""The permission without which no access code is written anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCode:
    """An access code in the clear, once: only its keyed hash is kept."""

    member: str
    code: str


def load_sample(app: Adapters, study_key: str, wave: int | str, path: Path, *, cohort: str = "") -> SampleLoad:
    """
    Load the members of a CSV file, who are due from `wave` on, and return what became of every row.

    A row that is wrong is held with the reason and the others go in. The same file for the same wave changes nothing.
    A member who is known stays as it is: with the same stratum it counts as known, with another the row is held.
    Contact details have no place here; a file with other columns is refused.

    Args:
        app: the adapters.
        study_key: the study.
        wave: key or number of the wave of entry.
        path: of the file: a column `member` with the id that deliveries use, and where wanted `stratum`.
        cohort: name of this sample; the key of the wave by default.

    Raises:
        SourceError: the file cannot be read, or has other columns.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    content = _bytes(path)
    texts = _table(app, path.name, content)
    name = hashlib.sha256(f"{study.key}\0{number}\0{hashlib.sha256(content).hexdigest()}".encode()).hexdigest()[:16]
    given = SampleLoad(
        id=name,
        study=study.key,
        wave=number,
        cohort=cohort or study.wave(wave).key,
        filename=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        rows=0,
        added=0,
        known=0,
        held=0,
        by=getpass.getuser(),
        at=app.clock.now(),
    )
    read = _read(app, study, texts, given)
    kept = app.store.add_sample(read.load, read.members, read.faults)
    log.info("sample study=%s wave=%d added=%d held=%d", study.key, number, kept.added, kept.held)
    return kept


@dataclass(frozen=True, kw_only=True)
class _Read:
    load: SampleLoad
    members: Sequence[Member]
    faults: Sequence[SampleFault]


def _read(app: Adapters, study: Study, texts: pd.DataFrame, load: SampleLoad) -> _Read:
    ids = texts["member"].map(plain_id)
    strata = texts["stratum"].map(str.strip) if "stratum" in texts else pd.Series("", index=texts.index)
    made = pseudonyms(ids, study=study.key, key=app.pseudonym_key)
    known = {each.member: each for each in app.store.members(study.key)}
    faults: list[SampleFault] = []
    members: dict[str, Member] = {}
    same = 0
    for row, external, member, stratum in zip(texts.index, ids, made, strata, strict=True):
        fault = _fault(study, int(row), external, stratum) or _clash(int(row), member, stratum, known, members)
        if fault:
            faults.append(fault)
        elif member in known:
            same += 1
        else:
            members[member] = _member(member, stratum, load)
    return _Read(
        load=replace(load, rows=len(texts), added=len(members), known=same, held=len(faults)),
        members=list(members.values()),
        faults=faults,
    )


def _member(member: str, stratum: str, load: SampleLoad) -> Member:
    return Member(
        study=load.study,
        member=member,
        stratum=stratum,
        cohort=load.cohort,
        entry_wave=load.wave,
        state="recruited",
        scope="",
        since=load.at,
        loaded_at=load.at,
    )


def _fault(study: Study, row: int, external: str, stratum: str) -> SampleFault | None:
    """Return what is wrong with a row by itself."""
    if not external:
        return SampleFault(row=row, column="member", reason="no member id")
    if not external.isprintable() or len(external) > 200:
        return SampleFault(row=row, column="member", reason="marks in the member id that cannot be seen, or too long")
    rules = study.sample
    if rules.strata and stratum not in rules.strata:
        near = did_you_mean(stratum, rules.strata)
        reason = f"'{printable(stratum, 40)}' is no stratum of the study" if stratum else "no stratum"
        return SampleFault(row=row, column="stratum", reason=f"{reason}. {near}" if near else reason)
    return None


def _clash(
    row: int, member: str, stratum: str, known: Mapping[str, Member], members: Mapping[str, Member]
) -> SampleFault | None:
    """Return what is wrong with a row beside others: in the same file, or loaded before."""
    if member in members:
        return SampleFault(row=row, column="member", reason="the member id stands in the file before")
    before = known.get(member)
    if before is None:
        return None
    if before.state in ("withdrawn", "deceased"):
        return SampleFault(row=row, column="member", reason=f"the member is {before.state}")
    if stratum and before.stratum != stratum:
        return SampleFault(row=row, column="stratum", reason="another stratum than the one the member was drawn in")
    return None


def _table(app: Adapters, filename: str, content: bytes) -> pd.DataFrame:
    texts = app.source_for(filename, content).table(filename, content)
    texts = texts.rename(columns=lambda name: str(name).strip())
    texts = texts[(texts != "").any(axis=1)]
    if "member" not in texts:
        raise SourceError(
            "The sample has no column 'member'.",
            where=Where(file=filename, row=1),
            fix="head the column of ids, the same that deliveries use, with 'member'",
        )
    others = [name for name in texts if name not in COLUMNS]
    if others:
        raise SourceError(
            f"The sample has the column {', '.join(repr(printable(name)) for name in others[:5])}.",
            where=Where(file=filename, row=1, column=printable(others[0])),
            fix=f"leave only {' and '.join(COLUMNS)}; contact details never enter the panel database",
        )
    return texts


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"The file cannot be read: {error.strerror}.", where=Where(file=str(path)), fix="check the path"
        ) from error


def issue_codes(app: Adapters, study_key: str, wave: int | str) -> tuple[IssuedCode, ...]:
    """
    Make an access code for every issued case that has none, and return the codes: now, and never again.

    Raises:
        SettingsError: without the permission `codes`.
    """
    if MAY_EXPORT not in app.permissions:
        raise SettingsError(
            "Access codes open questionnaires; seeing them needs the permission 'codes'.",
            fix=f"set PANEL_PERMISSIONS={MAY_EXPORT} for who may",
        )
    study = app.study(study_key)
    number = study.wave(wave).number
    had = set(app.store.coded(study.key, number))
    due = [each.member for each in app.store.cases(study.key, number) if each.state != "not_issued"]
    codes = {member: new_code() for member in due if member not in had}
    hashes = {
        member: code_hash(code, study=study.key, wave=number, key=app.pseudonym_key) for member, code in codes.items()
    }
    fresh = app.store.add_codes(study.key, number, hashes, by=getpass.getuser(), at=app.clock.now())
    log.info("codes study=%s wave=%d issued=%d", study.key, number, len(fresh))
    return tuple(IssuedCode(member=member, code=codes[member]) for member in fresh)


def new_code() -> str:
    """Return a random code: nine marks that cannot be mistaken for one another, and a check mark."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(CODE_MARKS))
    return body + check_mark(body)


def opened_by(app: Adapters, study_key: str, wave: int | str, code: str) -> Case | None:
    """Return the case that a code as typed opens, None where it opens none."""
    study = app.study(study_key)
    if not is_code(code):
        return None
    return app.store.code_holder(code_hash(code, study=study.key, wave=study.wave(wave).number, key=app.pseudonym_key))
