"""The quality report of a wave: what was checked, what failed and what is held, by count, without any answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

import pandas as pd

from panel.cite import SYNTHETIC
from panel.codebook import render
from panel.model.results import Gate, Verdict
from panel.model.study import Study
from panel.publish.content import held_counts

REPORTS = {"en": "quality.html", "nl": "quality.nl.html"}
_FIRST = {"broken": 0, "failed": 1}
_SEVERE = {"critical": 0, "warning": 1, "info": 2}


def quality_pages(
    study: Study, wave: int, gates: Sequence[Gate], held: pd.DataFrame, *, is_synthetic: bool
) -> dict[str, str]:
    """
    Return the quality report of a wave by file name, in either language; it loads nothing from elsewhere.

    No answer, no member and no observed value is in it: counts, ids of checks, reasons and decisions.

    Args:
        study: the study.
        wave: its number.
        gates: of any waves; those of the wave are told.
        held: schema.HELD, of any waves. Not modified.
        is_synthetic: whether answers are made up, which is then said on top.
    """
    verdicts = [(gate.stage, verdict) for gate in gates if gate.wave == wave for verdict in gate.verdicts]
    counted = held_counts(held[held["wave"] == wave])
    return {
        name: _page(study, wave, verdicts, counted, SYNTHETIC[language] if is_synthetic else "", language)
        for language, name in REPORTS.items()
    }


def _page(
    study: Study,
    wave: int,
    verdicts: Sequence[tuple[str, Verdict]],
    held: pd.DataFrame,
    synthetic: str,
    language: str,
) -> str:
    words = WORDS[language]
    found = sorted(
        (pair for pair in verdicts if pair[1].state != "passed"),
        key=lambda pair: (_FIRST[pair[1].state], _SEVERE[pair[1].severity], pair[0], pair[1].check),
    )
    return render(
        "quality.html.j2",
        language=language,
        t=words,
        study=study,
        wave=study.wave(wave).key,
        synthetic=synthetic,
        version=version("panel-tracker"),
        cards=_cards([verdict for _, verdict in verdicts], held, words),
        findings=[_finding(stage, verdict, words) for stage, verdict in found],
        held=[
            {"check": check, "variable": None if pd.isna(variable) else variable, "count": count}
            for check, variable, count in held[["check", "variable", "held_count"]].itertuples(index=False, name=None)
        ],
        passed=[
            {"check": verdict.check, "stage": words[stage], "checked": verdict.checked_count}
            for stage, verdict in verdicts
            if verdict.state == "passed"
        ],
    )


def _cards(verdicts: Sequence[Verdict], held: pd.DataFrame, words: Mapping[str, str]) -> list[dict[str, object]]:
    count = {state: sum(each.state == state for each in verdicts) for state in ("passed", "failed", "broken")}
    stops = sum(each.blocks for each in verdicts)
    is_cell = held["variable"].notna()
    cells, rows = (int(held.loc[here, "held_count"].sum()) for here in (is_cell, ~is_cell))
    return [
        {"label": words["checks"], "count": len(verdicts), "note": f"{count['passed']} {words['passed']}"},
        {"label": words["failed"], "count": count["failed"], "note": f"{stops} {words['stopping']}"},
        {"label": words["broken"], "count": count["broken"], "note": words["broken_note"]},
        {"label": words["cells"], "count": cells, "note": f"{rows} {words['rows']}"},
    ]


def _finding(stage: str, verdict: Verdict, words: Mapping[str, str]) -> dict[str, object]:
    by = verdict.override
    return {
        "check": verdict.check,
        "catalogue": verdict.catalogue,
        "stage": words[stage],
        "state": words[verdict.state],
        "severity": words[verdict.severity],
        "action": words[verdict.action],
        "owner": verdict.owner,
        "failing": verdict.failing_count or "",
        "checked": verdict.checked_count,
        "why": verdict.why,
        "override": f"{by.by}: {by.reason}" if by else "",
    }


WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Quality of wave", "skip": "To the findings",
        "about": "Every check of this wave, before its answers were merged and before they were weighed. Counts only: "
        "no answer and no member is shown.",
        "findings": "What failed", "check": "Check", "stage": "Stage", "state": "State", "severity": "Severity",
        "action": "Action", "owner": "Owner", "failing": "Failing", "checked": "Checked", "why": "Why it matters",
        "overridden": "Let pass by", "nothing": "Every check passed.", "held": "What is held",
        "variable": "Variable", "held_count": "Held", "whole_row": "the whole row", "nothing_held": "Nothing is held.",
        "passed_title": "What passed", "passed": "passed", "failed": "failed", "broken": "could not run",
        "broken_note": "never counted as passed", "checks": "checks", "stopping": "stop the wave",
        "cells": "cells held", "rows": "rows held", "responses": "responses", "panel": "panel",
        "critical": "critical", "warning": "warning", "info": "information", "flag": "flag", "hold_cell": "hold cell",
        "hold_row": "hold row", "block_wave": "stop the wave", "made": "Made with",
        "offline": "This page loads nothing from elsewhere.",
    },
    "nl": {
        "title": "Kwaliteit van golf", "skip": "Naar de bevindingen",
        "about": "Elke controle van deze golf, voordat antwoorden werden samengevoegd en voordat ze werden gewogen. "
        "Alleen aantallen: geen antwoord en geen lid is te zien.",
        "findings": "Wat niet klopt", "check": "Controle", "stage": "Stap", "state": "Uitkomst", "severity": "Ernst",
        "action": "Gevolg", "owner": "Eigenaar", "failing": "Onjuist", "checked": "Bekeken",
        "why": "Waarom het ertoe doet",
        "overridden": "Doorgelaten door", "nothing": "Elke controle is doorstaan.", "held": "Wat is vastgehouden",
        "variable": "Variabele", "held_count": "Vastgehouden", "whole_row": "de hele rij",
        "nothing_held": "Er is niets vastgehouden.",
        "passed_title": "Wat klopt", "passed": "doorstaan", "failed": "niet doorstaan", "broken": "kon niet draaien",
        "broken_note": "telt nooit als doorstaan", "checks": "controles", "stopping": "houden de golf tegen",
        "cells": "cellen vastgehouden", "rows": "rijen vastgehouden", "responses": "reacties", "panel": "panel",
        "critical": "kritiek", "warning": "waarschuwing", "info": "informatie", "flag": "melden",
        "hold_cell": "cel vasthouden", "hold_row": "rij vasthouden", "block_wave": "golf tegenhouden",
        "made": "Gemaakt met", "offline": "Deze pagina laadt niets van elders.",
    },
}  # fmt: skip
