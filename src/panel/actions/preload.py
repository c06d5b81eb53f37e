"""Feed facts forward into a wave: prepared, frozen when it is staged, and held against what members said."""

from __future__ import annotations

import getpass

import pandas as pd

from panel.actions.fold import clean_panel, current_responses
from panel.errors import SettingsError
from panel.model.study import Study
from panel.ports import Adapters
from panel.preload import DEPENDENT, INDEPENDENT, compared, fed_forward, handled
from panel.schema import PRELOAD

MAY_SEE = "members"
"""The permission without which nobody sees what is fed forward: it is answers of members."""


def prepared(app: Adapters, study: Study, wave: int) -> pd.DataFrame:
    """
    Return what is to be fed forward into a wave as things stand (schema.PRELOAD).

    Of members who are due and may be asked; of everybody in the panel where no sample was loaded.
    """
    earlier = [each.number for each in study.waves if each.number < wave]
    if not earlier:
        return PRELOAD.empty()
    names = [each.variable for each in study.sample.preload]
    panel = clean_panel(app, study, earlier, names)
    sample = app.store.members(study.key)
    due = [each.member for each in sample if each.may_be_contacted and each.entry_wave <= wave] if sample else None
    return fed_forward(panel, study=study, wave=wave, members=due)


def as_staged(app: Adapters, study: Study, wave: int) -> pd.DataFrame:
    """Return what was frozen, where the wave is staged or later; else what would be now."""
    is_planned = app.store.wave_states(study.key).get(wave, "planned") in ("draft", "planned")
    return prepared(app, study, wave) if is_planned else app.store.preload(study.key, wave)


def freeze(app: Adapters, study: Study, wave: int) -> str | None:
    """Keep what is fed forward into a wave, on record, and return its SHA-256; None where the study feeds nothing."""
    if not study.sample.preload:
        return None
    frame = prepared(app, study, wave)
    return app.store.freeze_preload(study.key, wave, frame, by=getpass.getuser(), at=app.clock.now())


def shown(app: Adapters, study_key: str, wave: int | str) -> pd.DataFrame:
    """
    Return what is fed forward into a wave, for the platform that fields it.

    Members who are asked independently are not in it: nobody can show what is not handed over.

    Raises:
        SettingsError: without the permission `members`: these are answers.
    """
    if MAY_SEE not in app.permissions:
        raise SettingsError(
            "What is fed forward are answers of members; seeing them needs the permission 'members'.",
            fix=f"set PANEL_PERMISSIONS={MAY_SEE} for who may",
        )
    study = app.study(study_key)
    frame = as_staged(app, study, study.wave(wave).number)
    return frame[frame["arm"].fillna(DEPENDENT) != INDEPENDENT].reset_index(drop=True)


def outcomes(app: Adapters, study_key: str, wave: int | str) -> pd.DataFrame:
    """
    Return how many members confirmed, changed or never saw what was fed forward, by variable, mode and arm.

    `basis` says whether the delivery told what was shown, or it is inferred; shares are of a variable and arm.
    """
    frame = _handled(app, study_key, wave)
    counted = frame.groupby(["variable", "mode", "arm", "outcome", "basis"]).size().rename("members").reset_index()
    return counted.assign(share=counted["members"] / counted.groupby(["variable", "arm"])["members"].transform("sum"))


def arms(app: Adapters, study_key: str, wave: int | str) -> pd.DataFrame:
    """Return how often answers differ from the earlier ones with and without showing them; see preload.compared."""
    return compared(_handled(app, study_key, wave))


def _handled(app: Adapters, study_key: str, wave: int | str) -> pd.DataFrame:
    study = app.study(study_key)
    number = study.wave(wave).number
    return handled(app.store.preload(study.key, number), current_responses(app, study, number))
