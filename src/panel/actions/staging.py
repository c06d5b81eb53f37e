"""Freeze what a wave will field: each part by the hash of its content, so that a later change is seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

import pandas as pd

from panel.actions.preload import as_staged
from panel.calendar import agenda
from panel.model.study import Study, Wave
from panel.model.wave import Frozen
from panel.ports import Adapters
from panel.preload import INDEPENDENT


def parts(app: Adapters, study: Study, wave: Wave) -> tuple[Frozen, ...]:
    """
    Return what staging freezes of a wave, as it is now: instrument, suites, schedule, sample and preload.

    The sample is who was loaded for the wave or an earlier one, and who responded before it; what is kept of it is a
    hash and the count.
    """
    questions = study.instrument_of(wave.number).questions
    files = app.store.study_files(study.key)
    index = app.store.response_index(study.key)
    sampled = {each.member for each in app.store.members(study.key) if each.entry_wave <= wave.number}
    members = sorted(sampled | set(index.loc[index["wave"] < wave.number, "member"]))
    dates = [asdict(each) for each in agenda(study) if each.wave == wave.number]
    fed = as_staged(app, study, wave.number) if study.sample.preload else None
    return (
        _frozen("instrument", [files[f"instrument-{wave.instrument}.toml"]], len(questions)),
        _frozen("suites", [app.checker.digest(study)], 1),
        _frozen("schedule", [json.dumps(dates, default=str, sort_keys=True)], 1),
        _frozen("sample", members, len(members)),
        *(_templates(files) if study.contact is not None else ()),
        *(() if fed is None else (_frozen("preload", [_without_arm(fed).to_csv(index=False)], len(fed)),)),
    )


def _without_arm(fed: pd.DataFrame) -> pd.DataFrame:
    """Leave out the arms where nobody is asked independently: a wave staged before there were any still opens."""
    return fed if (fed["arm"] == INDEPENDENT).any() else fed.drop(columns="arm")


def _templates(files: Mapping[str, str]) -> tuple[Frozen, ...]:
    texts = [f"{name}\0{files[name]}" for name in sorted(files) if name.startswith("templates/")]
    return (_frozen("templates", texts, len(texts)),)


def _frozen(part: str, texts: Iterable[str], count: int) -> Frozen:
    return Frozen(part=part, sha256=hashlib.sha256("\0".join(texts).encode()).hexdigest(), count=count)
