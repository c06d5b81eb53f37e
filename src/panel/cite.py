"""How to cite a release: one line, with the digest that proves what was cited."""

from __future__ import annotations

from panel.model.results import ReleaseRecord
from panel.model.study import Study

SYNTHETIC = {
    "en": "SYNTHETIC DATA: simulated respondents, not findings about people",
    "nl": "SYNTHETISCHE DATA (SYNTHETIC): gesimuleerde respondenten, geen bevindingen over mensen",
}
SHOWN_DIGITS = 12


def cite(record: ReleaseRecord, study: Study, *, language: str = "en") -> str:
    """
    Return one line for a footnote: title, year, release, wave, the first twelve digits of the digest.

    A release of simulated respondents says SYNTHETIC in the line itself.
    """
    published = f"{study.title.in_(language)} ({record.created_at.year}), release {record.key}"
    return _line(published, study, record.wave, record.digest, language, is_synthetic=record.is_synthetic)


def citation(study: Study, *, wave: int, digest: str, is_synthetic: bool, language: str = "en") -> str:
    """Return the line as it stands in the folder itself, which knows its digest but not its date or key."""
    return _line(study.title.in_(language), study, wave, digest, language, is_synthetic=is_synthetic)


def _line(published: str, study: Study, wave: int, digest: str, language: str, *, is_synthetic: bool) -> str:
    word = "golf" if language == "nl" else "wave"
    line = f"{published}, {study.key}, {word} {study.wave(wave).key}. SHA-256 {digest[:SHOWN_DIGITS]}."
    return f"{line} [{SYNTHETIC.get(language, SYNTHETIC['en'])}]" if is_synthetic else line
