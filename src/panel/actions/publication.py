"""Publish a wave, and rebuild everything from what was received."""

from __future__ import annotations

import getpass
import logging
from dataclasses import dataclass

from panel.actions.figures import estimate, weigh
from panel.actions.fold import clean_panel, fielded_waves, merge
from panel.actions.gate import check
from panel.actions.intake import read_delivery
from panel.actions.releases import advance, changed, made_of, need, next_key
from panel.errors import CheckFailed, ReleaseExists, ReleaseState, StorageError, UnknownKey, did_you_mean
from panel.model.results import ReleaseRecord
from panel.model.study import Study
from panel.ports import Adapters, ReleaseContent

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """The outcome of a rebuild: the digest of the newest wave's content before and after."""

    study: str
    waves: int
    deliveries: int
    responses: int
    digest: str
    release: str | None


def release(app: Adapters, study_key: str, wave: int | str) -> ReleaseRecord:
    """
    Write the immutable folder of a wave's release and record it.

    The same content is the same release: it is returned, not made again. Other content gets the next number, and the
    release it takes the place of is superseded.

    Raises:
        CheckFailed: a stage of the wave has no open gate.
        ReleaseState: the weights or figures of what the wave has now are not computed, or the very content was
            retracted.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    _need_gates(app, study, number)
    content = release_content(app, study, number)
    digest = app.publisher.digest(content)
    for each in made_of(app, study, number, "published"):
        if each.digest == digest:
            return _published(app, study, content, each.key)
    need(app, study, number, "review")
    _need_other_content(app, study, number, digest)
    advance(app, study, number, "review")
    record = _published(app, study, content, next_key(app, study, number))
    log.info("released wave=%s/%d release=%s digest=%s", study.key, number, record.key, record.digest[:12])
    return record


def _published(app: Adapters, study: Study, content: ReleaseContent, key: str) -> ReleaseRecord:
    folder = app.publisher.publish(content, app.home / "releases" / study.key / key)
    return app.store.save_release(
        ReleaseRecord(
            study=study.key,
            key=key,
            wave=content.wave,
            digest=folder.digest,
            path=str(folder.path),
            is_synthetic=content.is_synthetic,
            created_at=app.clock.now(),
            manifest=folder.manifest,
        ),
        by=getpass.getuser(),
    )


def _need_other_content(app: Adapters, study: Study, wave: int, digest: str) -> None:
    """Refuse to publish what was retracted again under another number."""
    for each in made_of(app, study, wave, "retracted"):
        if each.digest == digest:
            raise ReleaseState(
                f"This is the content of {study.key} {each.key}, which was retracted.",
                fix=f"correct what is wrong first: panelctl releases {study.key} {each.key} says why it was",
            )


def _need_gates(app: Adapters, study: Study, wave: int) -> None:
    passed = {gate.stage for gate in app.store.gates(study.key, wave) if gate.is_open}
    for stage in ("responses", "panel"):
        if stage not in passed:
            raise CheckFailed(
                f"Stage {stage} of {study.key}/{study.wave(wave).key} has no open gate, so it is not released.",
                fix=f"panelctl check {study.key} {study.wave(wave).key} --stage {stage}",
            )


def release_content(app: Adapters, study: Study, wave: int) -> ReleaseContent:
    """Return everything a release of `wave` publishes: all waves so far, without times, paths and delivery ids."""
    waves = [each for each in fielded_waves(app, study) if each <= wave]
    tracking = app.store.tracking(study.key)
    held = app.store.held(study.key)
    return ReleaseContent(
        study=study,
        wave=wave,
        is_synthetic=any(delivery.is_synthetic for delivery in app.store.deliveries(study.key)),
        person_waves=clean_panel(app, study, waves),
        tracking=tracking[tracking["wave"] <= wave].reset_index(drop=True),
        weights=app.store.weights(study.key, wave),
        weight_diagnostics=app.store.weight_diagnostics(study.key, wave),
        estimates=app.store.estimates(study.key, wave),
        predictions=app.store.estimates(study.key, wave, "predictions"),
        claims=app.store.claims(study.key, wave),
        held=held[held["wave"] <= wave].reset_index(drop=True),
        gates=[gate for gate in app.store.gates(study.key) if gate.wave <= wave],
        receipts=[receipt for receipt in app.store.receipts(study.key) if receipt.wave <= wave],
    )


def find_release(app: Adapters, study_key: str, key: str | None = None) -> ReleaseRecord:
    """Return a release by key whatever became of it, by default the newest that is published, or raise UnknownKey."""
    study = app.study(study_key)
    releases = {release.key: release for release in app.store.releases(study.key)}
    if not releases:
        raise UnknownKey(f"Study '{study.key}' has no release yet.", fix=f"panelctl wave close {study.key} WAVE")
    if key is None:
        states = app.store.release_states(study.key)
        standing = [each for each in releases.values() if states[each.key] == "published"]
        if standing:
            return standing[-1]
        raise UnknownKey(f"Every release of '{study.key}' was retracted.", fix=f"panelctl releases {study.key}")
    if key not in releases:
        raise UnknownKey(f"Study '{study.key}' has no release '{key}'.", fix=did_you_mean(key, releases))
    return releases[key]


def rebuild(app: Adapters, study_key: str) -> Rebuilt:
    """
    Read every delivery again, derive the panel, weights and estimates anew, and compare the digest with the release.

    What was received is never touched. A release is not rewritten.

    Raises:
        StorageError: the bytes of a delivery no longer give the responses that were kept.
        ReleaseExists: the rebuilt content differs from the newest release of the same wave.
    """
    study = app.study(study_key)
    deliveries = app.store.deliveries(study.key)
    responses = _reread(app, study)
    changed(app, study, study.waves[0].number, "derived anew")
    app.store.forget_derived(study.key)
    merge(app, study.key)
    closed = sorted(wave for wave, state in app.store.wave_states(study.key).items() if state in ("closed", "archived"))
    for wave in closed:
        check(app, study.key, wave, "panel")
        weigh(app, study.key, wave)
        estimate(app, study.key, wave)
    digest = app.publisher.digest(release_content(app, study, closed[-1])) if closed else ""
    newest = made_of(app, study, closed[-1], "published") if closed else []
    if newest and newest[-1].digest != digest:
        raise ReleaseExists(
            f"The rebuilt content of {study.key} differs from release {newest[-1].key}.",
            fix="compare the two: a correction that came after the release, or a newer version of this program",
        )
    return Rebuilt(
        study=study.key,
        waves=len(closed),
        deliveries=len(deliveries),
        responses=responses,
        digest=digest,
        release=newest[-1].key if newest else None,
    )


def _reread(app: Adapters, study: Study) -> int:
    index = app.store.response_index(study.key)
    read: set[tuple[int, str]] = set()
    for delivery in app.store.deliveries(study.key):
        if delivery.state == "parsed":
            read |= {(delivery.wave, response) for response in read_delivery(app, study, delivery).rows["response"]}
    kept = set(zip(index["wave"].tolist(), index["response"].tolist(), strict=True))
    if kept != read:
        raise StorageError(
            f"{len(kept ^ read)} responses of {study.key} no longer match their deliveries.",
            fix="restore the deliveries from the backup; the responses that are kept were not touched",
        )
    return len(kept)
