"""Hold the suites of a study against its instruments, and try every check once on rows made for the purpose."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pandas as pd

from panel.checks import SuiteChecker
from panel.checks.history import rows_of
from panel.errors import DefinitionError, Fault, PanelError, Where
from panel.model.instrument import Instrument, Variable
from panel.model.results import STAGES, Stage
from panel.model.study import Study
from panel.schema import PERSON_WAVES, RESPONSES

_MEMBERS = 12
_SUBMITTED = pd.Timestamp("2027-10-05T12:00:00", tz="UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """
    What a stage of one instrument has.

    `written` are checks from files, `implied` those of the instrument, `waiting` those that need what the platform
    measures and the instrument does not carry, `idle` entries for which the study has no subject; then by action.
    """

    study: str
    instrument: str
    stage: str
    written: int
    implied: int
    judged: int
    waiting: int
    idle: int
    flag: int
    hold_cell: int
    hold_row: int
    block_wave: int
    catalogue: str


def lint(checker: SuiteChecker, study: Study) -> tuple[Linted, ...]:
    """
    Return what each stage of each instrument has, having tried every check on rows of the right kinds.

    Raises:
        DefinitionError: with every fault of every stage: what the files have wrong, a check that could not run, one
            that was lost, and a threshold of the study that fits no check of any stage.
    """
    faults: list[Fault] = []
    found: list[Linted] = []
    fitting: set[str] = set()
    for wave in _first_waves(study):
        for stage in STAGES:
            try:
                found.append(_stage(checker, study, wave, stage, faults, fitting))  # type: ignore[arg-type]
            except PanelError as error:
                faults += error.faults or [Fault(error.what, error.where, error.fix)]
    for threshold in study.thresholds:
        if not faults and threshold.check not in fitting:
            faults.append(Fault("has a threshold and is no check", Where(file="study.toml", check=threshold.check)))
    if faults:
        distinct = tuple(dict.fromkeys(faults))
        raise DefinitionError(f"The suites of {study.key} have {len(distinct)} faults.", faults=distinct)
    return tuple(found)


def _first_waves(study: Study) -> list[int]:
    """Return one wave for each instrument that is fielded."""
    return list({wave.instrument: wave.number for wave in reversed(study.waves)}.values())


def _stage(
    checker: SuiteChecker, study: Study, wave: int, stage: Stage, faults: list[Fault], fitting: set[str]
) -> Linted:
    instrument = study.instrument_of(wave)
    frame = sample(instrument, wave, stage)
    suites = checker.suites(study, instrument, stage, rows_of(frame, study, wave, stage))
    fitting |= {name for each in suites.entries for name in (each.entry.id, each.template)}
    gate = checker.check(study, instrument, wave, stage, frame)
    fitting |= {verdict.check for verdict in gate.verdicts}
    judged = {verdict.check for verdict in gate.verdicts}
    faults += [
        Fault(f"could not run: {verdict.observed or 'it raised'}", Where(check=verdict.check))
        for verdict in gate.verdicts
        if verdict.state == "broken"
    ]
    lost = [each.entry.id for each in suites.entries if each.entry.id not in judged]
    faults += [Fault("is written and was not judged", Where(check=each)) for each in lost if _has_say(each, suites)]
    actions = Counter(verdict.action for verdict in gate.verdicts)
    return Linted(
        study=study.key,
        instrument=instrument.version,
        stage=stage,
        written=len(suites.entries),
        implied=len(gate.verdicts) - len(judged & {each.entry.id for each in suites.entries}),
        judged=len(gate.verdicts),
        waiting=len(suites.waiting),
        idle=len(suites.idle),
        flag=actions["flag"],
        hold_cell=actions["hold_cell"],
        hold_row=actions["hold_row"],
        block_wave=actions["block_wave"],
        catalogue=" ".join(sorted({verdict.catalogue for verdict in gate.verdicts} - {""}, key=_numbered)),
    )


def _has_say(check: str, suites: object) -> bool:
    """Say whether a check that was not judged should have been: it takes nothing from an earlier wave."""
    found = {each.entry.id: each for each in suites.entries}  # type: ignore[attr-defined]
    return not found[check].taken and found[check].entry.table == "rows"


def _numbered(name: str) -> tuple[str, int]:
    return name[0], int(name[1:])


def sample(instrument: Instrument, wave: int, stage: Stage) -> pd.DataFrame:
    """Return a few rows of the instrument's kinds: of the wave, and at stage panel of the one before as well."""
    waves = [wave] if stage == "responses" else [max(wave - 1, 0), wave]
    rows = [(number, member) for number in dict.fromkeys(waves) for member in range(_MEMBERS)]
    base = pd.DataFrame(
        {
            "member": [f"member-{member}" for _, member in rows],
            "wave": [number for number, _ in rows],
            "response": [f"response-{number}-{member}" for number, member in rows],
            "submitted_at": _SUBMITTED,
            "disposition": "complete",
            "revision": 1,
            "cohort": [1 if member else number for number, member in rows],
        }
    )
    answers = {each.name: [_value(each, number + member) for number, member in rows] for each in instrument.variables}
    frame = pd.concat([base, pd.DataFrame(answers, index=base.index)], axis=1)
    kind = RESPONSES if stage == "responses" else PERSON_WAVES
    return kind.coerce(frame, instrument.variables)


def _value(variable: Variable, place: int) -> object:
    if variable.kind == "single" and variable.codes:
        return variable.codes[place % len(variable.codes)]
    if variable.is_numeric:
        low = 0.0 if variable.minimum is None else variable.minimum
        high = low + 10_000 if variable.maximum is None else variable.maximum
        return float(int(low + (high - low) * (place % 5) / 5))
    return str(variable.codes[0]) if variable.codes else "a text"
