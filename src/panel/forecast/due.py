"""When a claim is read: as it stands in between, and for good."""

from __future__ import annotations

from panel.model.instrument import Prediction
from panel.model.study import Study


def due_wave(study: Study, told: Prediction, made: int) -> int | None:
    """Return the wave in which a claim made at a wave resolves, by years of fieldwork; None where none is planned."""
    if told.horizon == "next":
        later = [wave.number for wave in study.waves if wave.number > made]
        return min(later, default=None)
    year = due_year(study, told, made)
    found = [wave.number for wave in study.waves if wave.number > made and wave.fieldwork.start.year == year]
    return max(found, default=None)


def due_year(study: Study, told: Prediction, made: int) -> int:
    """Return the year in which a claim made at a wave resolves."""
    if told.horizon == "target":
        return study.target_year
    if told.horizon == "next":
        wave = due_wave(study, told, made)
        return year_of(study, made if wave is None else wave)
    return year_of(study, made) + told.horizon


def is_due(study: Study, told: Prediction, made: int, read: int) -> bool:
    """
    Say whether a claim made at one wave is read at another.

    One over a number of years is read that many years on, by the years of fieldwork. One for the target year is read
    in every later wave, up to the target year and not beyond it. One that no answer resolves is never read.
    """
    if not told.variable:
        return False
    if told.horizon == "target":
        return read > made and year_of(study, read) <= study.target_year
    return read == due_wave(study, told, made)


def year_of(study: Study, wave: int) -> int:
    """Return the year in which the fieldwork of a wave began."""
    return study.wave(wave).fieldwork.start.year
