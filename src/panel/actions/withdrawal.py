"""Withdraw a member, as far as was asked: no contact, no further use, or everything erased."""

from __future__ import annotations

import getpass
import hashlib
import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from panel.actions.cases import act, member_event
from panel.actions.fold import fielded_waves, merge
from panel.actions.releases import changed
from panel.actions.set_up import inbox
from panel.errors import MemberState, SourceError, UnknownKey, Where, did_you_mean
from panel.harmonise.identity import plain_id, pseudonyms
from panel.model import case as machine
from panel.model.member import SCOPES, Member, SampleLoad, Scope, deeper
from panel.model.study import Study
from panel.ports import Adapters

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """
    What a withdrawal did.

    `releases` had been made with the member's answers in them and are not rewritten; `unread` are deliveries, and files
    in inboxes, that cannot be read, so that nobody knows whether the member has a line there.
    """

    member: str
    scope: Scope
    cases: int
    deliveries: int
    rows: int
    releases: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def withdraw(app: Adapters, study_key: str, member: str, scope: Scope, *, reason: str) -> Withdrawn:
    """
    Withdraw a member on record, and return what was done. Asking again for the same goes on where it was cut off.

    `no_contact`: nobody writes to the member any more; what was answered stays in use. `no_use`: besides, its
    person-waves are in no panel, weight or figure that is made from now on; what was received stays. `erase`: besides,
    every answer is removed from the database, from all files beside it and from the bytes of the deliveries, whose
    lines of this member are blanked; nothing of the member is taken in again. What remains is the member's id, that it
    was erased, when and by whom, and the hashes of the files before and after.

    Raises:
        UnknownKey: neither the sample nor any response has this member.
        MemberState: the withdrawal that stands reaches farther, or no reason is given.
    """
    if scope not in SCOPES:
        raise MemberState(f"'{scope}' is no level of withdrawal.", fix=did_you_mean(scope, SCOPES))
    if not reason.strip():
        raise MemberState("No reason is given.", fix="say why, or who asked; it is kept with your name")
    study = app.study(study_key)
    found = _listed(app, study, member)
    event = member_event(app, found, "withdraw", reason=reason)
    if (found.state, found.scope) != ("withdrawn", scope):
        app.store.move_members([replace(event, scope=deeper(found.scope, scope))])
    cases = _refuse_open_cases(app, study, member)
    done = Withdrawn(member=member, scope=scope, cases=cases, deliveries=0, rows=0)
    if scope == "erase":
        done = replace(_erase(app, study, member, reason), cases=cases)
    if scope != "no_contact" and fielded_waves(app, study):
        merge(app, study.key)
        changed(app, study, study.waves[0].number, "a member withdrew")
    log.warning("withdrew study=%s scope=%s", study.key, scope)
    return done


def _listed(app: Adapters, study: Study, member: str) -> Member:
    """Return the member of the sample; who answered without being listed is listed first, so that it is on record."""
    try:
        return app.store.member(study.key, member)
    except UnknownKey:
        index = app.store.response_index(study.key)
        waves = index.loc[index["member"] == member, "wave"]
        if waves.empty:
            raise
    wave, now, by = int(waves.min()), app.clock.now(), getpass.getuser()
    cohort = study.wave(wave).key
    load = SampleLoad(
        id=hashlib.sha256(f"{study.key}\0{member}".encode()).hexdigest()[:16], study=study.key, wave=wave,
        cohort=cohort, filename="", sha256="", rows=1, added=1, known=0, held=0, by=by, at=now,
    )  # fmt: skip
    made = Member(
        study=study.key, member=member, stratum="", cohort=cohort, entry_wave=wave, state="active", scope="",
        since=now, loaded_at=now,
    )  # fmt: skip
    app.store.add_sample(load, [made], [])
    return app.store.member(study.key, member)


def _refuse_open_cases(app: Adapters, study: Study, member: str) -> int:
    """Let the cases that are still open say that the member withdrew, so that nobody contacts it."""
    open_cases = [each for each in app.store.cases(study.key, member=member) if each.state not in machine.FINAL]
    for each in open_cases:
        act(app, study.key, each.wave, member, "refuse", why="withdrawn", key="withdrawal", source="withdrawal")
    return len(open_cases)


def _erase(app: Adapters, study: Study, member: str, reason: str) -> Withdrawn:
    rewritten, unread = {}, []
    for delivery in app.store.deliveries(study.key):
        content = app.store.content(delivery.id)
        try:
            blanked = without(app, study, delivery.filename, content, {member})
        except SourceError:
            unread.append(delivery.id)
            continue
        if blanked != content:
            rewritten[delivery.id] = blanked
    by, now = getpass.getuser(), app.clock.now()
    app.store.erase(study.key, member, rewritten, by=by, reason=reason, at=now)
    unread += _clear_inboxes(app, study, member)
    steps = app.store.erasure_steps(study.key, member)
    return Withdrawn(
        member=member,
        scope="erase",
        cases=0,
        deliveries=len(rewritten),
        rows=sum(each.row_count for each in steps),
        releases=tuple(sorted({each.key for each in steps if each.subject == "release"})),
        unread=tuple(unread),
    )


def without(app: Adapters, study: Study, filename: str, content: bytes, members: Collection[str]) -> bytes:
    """
    Return the bytes of a delivery with the lines of these members blanked; the same bytes where they have none.

    Raises:
        SourceError: it cannot be read, or has no column of member ids.
    """
    source = app.source_for(filename, content)
    texts = source.table(filename, content).rename(columns=lambda name: str(name).strip())
    column = study.layout.member
    if column not in texts:
        raise SourceError(f"There is no column '{column}'.", where=Where(file=filename, row=1))
    ids = texts[column].map(plain_id)
    made = pseudonyms(ids, study=study.key, key=app.pseudonym_key)
    rows = frozenset(int(row) for row in made.index[made.isin(set(members)) & (ids != "")])
    return source.blanked(filename, content, rows) if rows else content


def _clear_inboxes(app: Adapters, study: Study, member: str) -> list[str]:
    """Blank the lines in the inboxes too, which are collected again at every close; return what cannot be read."""
    unread = []
    for wave in study.waves:
        for path in sorted(inbox(app, study, wave.number).glob("[!.]*")):
            content = path.read_bytes()
            try:
                blanked = without(app, study, path.name, content, {member})
            except SourceError:
                unread.append(f"{wave.key}/{path.name}")
                continue
            if blanked != content:
                _replace(path, blanked)
    return unread


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.blanked")
    draft.write_bytes(content)
    draft.replace(path)
