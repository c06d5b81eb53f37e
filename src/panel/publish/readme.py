"""The README of a release's folder."""

from __future__ import annotations

from panel.cite import SYNTHETIC, citation
from panel.ports import ReleaseContent

_FILES = """
| file | what | for |
|---|---|---|
| `index.html`, `index.nl.html` | the page: figures, charts, checks, how to cite | everybody |
| `quality.html`, `quality.nl.html` | the quality report of the wave: checks and what is held, by count | everybody |
| `estimates.parquet`, `.csv` | every figure with its interval, n and status | everybody |
| `predictions.parquet`, `.csv` | what members predicted beside what happened | everybody |
| `codebook.csv`, `codebook.nl.html`, `codebook.en.html` | every variable, question and value | everybody |
| `checks.json`, `held.csv` | what was checked, what failed, what was held back, who let what pass and why | everybody |
| `charts/*.svg` | the charts of the page | everybody |
| `person_waves.parquet`, `.csv` | one row per member and wave, pseudonymous, coarsened | researchers |
| `tracking.parquet`, `.csv` | what came of every member in every wave | researchers |
| `weights.parquet`, `.csv` | cross-sectional and longitudinal weights | researchers |
| `claims.parquet`, `.csv` | the ledger: every prediction of every member, and what became of it | researchers |
| `weight_diagnostics.json` | how the weights were made | researchers |
| `manifest.json` | the digest, and size and SHA-256 of every file | everybody |
"""


def readme(content: ReleaseContent, digest: str) -> str:
    """Return the README of a release as Markdown."""
    study = content.study
    banner = [f"**{SYNTHETIC['en']}.**", ""] if content.is_synthetic else []
    lines = [
        f"# {_plain(study.title.in_('en'))}",
        "",
        *banner,
        f"Release of study `{study.key}`, waves up to {_plain(study.wave(content.wave).key)}.",
        f"Population: {_plain(study.population.in_('en'))}.",
        _FILES,
        "Rows about single members are for researchers under an agreement; they do not belong on a web site.",
        "Member numbers are pseudonyms. Words of members are left out; what could help to recognise somebody is",
        'coarsened: bands of five, and rare answers replaced by nothing with the reason "withheld".',
        f"A figure about fewer than {study.disclosure_threshold} members is hidden.",
        "In CSV files a text that a spreadsheet would take for a formula has an apostrophe before it.",
        "",
        "Cite as:",
        "",
        "> " + _plain(citation(study, wave=content.wave, digest=digest, is_synthetic=content.is_synthetic)),
        "",
        f"SHA-256 of the content: `{digest}`",
        "",
    ]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return a text of the study file on one line, with nothing that Markdown or HTML would act on."""
    return " ".join(text.split()).replace("<", "&lt;").replace("[", "\\[").replace("`", "'")
