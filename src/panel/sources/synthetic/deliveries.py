"""Write what SYNTHETIC people answer as deliveries, with the slips people make; every slip goes into a ledger."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pandas as pd

from panel.evaluate import evaluate
from panel.model.expression import parse
from panel.model.instrument import Instrument, Question
from panel.model.study import Study, Wave
from panel.schema import reason_column
from panel.sources.synthetic.answers import answers
from panel.sources.synthetic.people import People, found, generator, next_wave
from panel.sources.synthetic.plan import Plan
from panel.sources.synthetic.slips import Ledger, repeat_some, slip

MARK = "is_synthetic"


@dataclass(frozen=True)
class Simulation:
    """Deliveries by wave as CSV bytes, the ledger of every injected slip, and the answers before any slip."""

    deliveries: Mapping[int, bytes]
    ledger: pd.DataFrame
    truth: pd.DataFrame


def simulate(
    study: Study, plan: Plan, *, seed: int, waves: Sequence[int] | None = None, members: int | None = None
) -> Simulation:
    """
    Return SYNTHETIC deliveries of a study, the same for the same seed and size.

    Every wave is made in order, so a wave's file does not depend on those after it. Each file has a column
    `is_synthetic`, and ids that begin with SYN.

    Args:
        study: its waves and instruments.
        plan: how people come about; see `load_plan`.
        seed: the same seed gives the same people.
        waves: which deliveries to return; all by default.
        members: people in the first wave; the plan's own by default.
    """
    size = members or plan.members
    wanted = set(waves or [wave.number for wave in study.waves])
    people = found(plan, seed=seed, members=size)
    deliveries, ledger, truths = {}, Ledger(), []
    for wave in study.waves:
        if wave.number > max(wanted):
            break
        if wave.number > 1:
            next_wave(people, plan, seed=seed, wave=wave.number, top_up_to=size)
        table, truth = _delivery(study, plan, people, wave, seed, ledger)
        truths.append(truth)
        if wave.number in wanted:
            deliveries[wave.number] = table
        people.answered_before = people.answered_before + people.answers
    return Simulation(deliveries, ledger.frame(), pd.concat(truths, ignore_index=True))


def external_ids(places: np.ndarray) -> np.ndarray:
    """Return ids as a panel's operator would give them: SYN, a number, and a check digit."""
    return np.array([f"SYN-{place + 1:06d}-{(7 * (place + 1)) % 11 % 10}" for place in places.tolist()], dtype=object)


def _delivery(
    study: Study, plan: Plan, people: People, wave: Wave, seed: int, ledger: Ledger
) -> tuple[bytes, pd.DataFrame]:
    instrument = study.instrument(wave.instrument)
    said = answers(people, plan, instrument, seed=seed, wave=wave.number, year=wave.fieldwork.start.year)
    places = np.flatnonzero(people.answers)
    said = said.iloc[places].reset_index(drop=True)
    ids = external_ids(places)
    truth = said.assign(member=ids, wave=wave.number)
    draw = generator(seed, "slips", wave.number)
    slipped = slip(said, ids, plan, instrument, draw, ledger, wave.number)
    silent = _silences(len(said), plan, instrument, generator(seed, "missing", wave.number))
    routed = _routed(slipped, silent, people.cohort[places], instrument, wave)
    texts = _texts(routed, study, instrument)
    texts = _off_route(texts, routed, slipped, ids, plan, instrument, draw, ledger, wave.number)
    frame = pd.DataFrame({question.column: texts[question.variable.name] for question in instrument.questions})
    layout = study.layout
    heads = {MARK: "1", layout.member: ids, layout.wave: _wave_text(study, wave)}
    if layout.submitted_at:
        heads[layout.submitted_at] = _moments(wave, len(ids), generator(seed, "moments", wave.number))
    for name in (layout.stratum, layout.psu, layout.design_weight, layout.outcome):
        if name:
            heads[name] = "1" if name != layout.outcome else _outcome_text(study)
    table = pd.concat([pd.DataFrame(heads, index=frame.index), frame], axis=1)
    table = repeat_some(table, study, plan, draw, ledger, wave.number)
    return _csv(table), truth


def _csv(table: pd.DataFrame) -> bytes:
    sink = io.StringIO()
    table.to_csv(sink, index=False, lineterminator="\n")
    return sink.getvalue().encode()


def _wave_text(study: Study, wave: Wave) -> str:
    return next((text for text, number in study.layout.wave_codes if number == wave.number), wave.key)


def _outcome_text(study: Study) -> str:
    return next((text for text, meaning in study.layout.outcomes if meaning == "complete"), "complete")


def _moments(wave: Wave, size: int, draw: np.random.Generator) -> list[str]:
    """Return a moment within fieldwork for each row, most of them early."""
    start = datetime.combine(wave.fieldwork.start, time(8), tzinfo=UTC)
    seconds = (wave.fieldwork.end - wave.fieldwork.start).days * 86_400
    after = (draw.beta(1, 3, size) * seconds * 0.9).astype(int)
    return [(start + timedelta(seconds=int(each))).strftime("%Y-%m-%dT%H:%M:%SZ") for each in after]


def _silences(size: int, plan: Plan, instrument: Instrument, draw: np.random.Generator) -> pd.DataFrame:
    """Return for each answer why it would not be given: "don't know", refused, or "" where it is."""
    out: dict[str, np.ndarray] = {}
    for question in instrument.questions:
        name = question.variable.name
        chances = {} if question.is_required else plan.missing.get(name, plan.missing.get("default", {}))
        edges = np.cumsum(list(chances.values()) or [0.0])
        reasons = np.array([*chances, ""], dtype=object) if chances else np.array(["", ""], dtype=object)
        out[name] = reasons[np.searchsorted(edges, draw.random(size), side="right")]
    return pd.DataFrame(out)


def _routed(
    said: pd.DataFrame, silent: pd.DataFrame, cohort: np.ndarray, instrument: Instrument, wave: Wave
) -> pd.DataFrame:
    """Return answers with nothing where a question was not asked of a person, or not answered."""
    seen = pd.DataFrame(index=said.index)
    for question in instrument.questions:
        name = question.variable.name
        asked = _asked(question, cohort, wave.number)
        if question.route:
            asked &= _on_route(question.route, seen)
        answered = asked & (silent[name] == "").to_numpy()
        values = said[name].where(answered, None)
        seen[name] = values if question.variable.dtype == "str" else values.astype("Float64")
        seen[reason_column(name)] = np.where(asked, silent[name], "not_applicable")
    return seen


def _asked(question: Question, cohort: np.ndarray, wave: int) -> np.ndarray:
    if question.asked == "every":
        return np.ones(len(cohort), dtype=bool)
    return (cohort == wave) if question.asked == "first" else (cohort < wave)


def _on_route(route: str, seen: pd.DataFrame) -> np.ndarray:
    return evaluate(parse(route), seen).astype("boolean").fillna(value=False).to_numpy(dtype=bool)


def _texts(routed: pd.DataFrame, study: Study, instrument: Instrument) -> pd.DataFrame:
    """Return answers as texts; "don't know" and refused as the layout writes them, blank where it has no text."""
    written = {reason: text for text, reason in study.layout.missing}
    texts: dict[str, pd.Series] = {}
    for question in instrument.questions:
        name = question.variable.name
        known = routed[name].notna()
        reasons = routed[reason_column(name)].map(lambda reason: written.get(reason, ""))
        texts[name] = routed[name].map(_written, na_action="ignore").astype("object").where(known, reasons)
    return pd.DataFrame(texts)


def _written(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _off_route(
    texts: pd.DataFrame,
    routed: pd.DataFrame,
    slipped: pd.DataFrame,
    ids: np.ndarray,
    plan: Plan,
    instrument: Instrument,
    draw: np.random.Generator,
    ledger: Ledger,
    wave: int,
) -> pd.DataFrame:
    """Let a few answer a question that their route skips."""
    names = [
        question.variable.name for question in instrument.questions if question.route and question.variable.is_numeric
    ]
    hit = np.flatnonzero(draw.random(len(texts)) < plan.errors.get("off_route", 0.0))
    for place in hit if names else []:
        name = names[int(draw.integers(0, len(names)))]
        if pd.isna(routed.at[place, name]):
            texts.at[place, name] = _written(slipped.at[place, name])
            ledger.add(wave, ids[place], "off_route", name)
    return texts
