"""Write what SYNTHETIC people answer as deliveries, with the slips people make; every slip goes into a ledger."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

import numpy as np
import pandas as pd

from panel.model.study import Study, Wave
from panel.schema import reason_column
from panel.sources.synthetic.answers import answers, remember
from panel.sources.synthetic.people import People, found, generator, next_wave
from panel.sources.synthetic.plan import Plan
from panel.sources.synthetic.routing import heard, off_route, routed
from panel.sources.synthetic.slips import Ledger, enter, exchanged, repeat_some

MARK = "is_synthetic"


@dataclass(frozen=True)
class Simulation:
    """
    Deliveries by wave as CSV bytes, the ledger of every injected slip, and the answers without any.

    `ledger` has one row a slip: wave, member (as in the file), kind, variable. `truth` has one row an interview:
    member (who it really is), shown_as (the id in the file), wave, and each variable as it would stand in the file
    had nobody slipped; null where nothing was asked or answered. A file's cell differs from the truth exactly where
    the ledger says so, corrections aside.
    """

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

    Raises:
        UnknownKey: the study has no such wave.
    """
    size = members or plan.members
    wanted = {study.wave(number).number for number in waves or [wave.number for wave in study.waves]}
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
    instrument, number = study.instrument(wave.instrument), wave.number
    everybody = answers(people, plan, instrument, seed=seed, wave=number, year=wave.fieldwork.start.year)
    places = np.flatnonzero(people.answers)
    said = everybody.iloc[places].reset_index(drop=True)
    draw = generator(seed, "slips", number)
    ids = external_ids(places)
    shown = exchanged(ids, plan, draw, ledger, number)
    open_to = heard(said, people.cohort[places], plan, instrument, number, generator(seed, "missing", number))
    entered = enter(said, open_to.answered, plan, instrument, draw)
    written = routed(entered.answers, open_to, instrument)
    truth = said.where(written[list(said)].notna(), None)
    for slip in entered.slips:
        if pd.notna(written.at[slip.place, slip.variable]):
            ledger.add(number, shown[slip.place], slip.kind, slip.named)
    for place, name in off_route(written, open_to, plan, instrument, draw):
        written.at[place, name] = entered.answers.at[place, name]
        ledger.add(number, shown[place], "off_route", name)
    remember(people, plan, truth, places)
    frame = _texts(written, study, wave)
    heads = _heads(study, wave, shown, generator(seed, "moments", number))
    table = pd.concat([pd.DataFrame(heads, index=frame.index), frame], axis=1)
    table = repeat_some(table, study, plan, draw, ledger, number)
    return _csv(table), truth.assign(member=ids, shown_as=shown, wave=number)


def _heads(study: Study, wave: Wave, ids: np.ndarray, draw: np.random.Generator) -> dict[str, object]:
    """Return the columns that are not answers; everybody is a PSU of one stratum, and weighs 1."""
    layout = study.layout
    heads: dict[str, object] = {MARK: "1", layout.member: ids, layout.wave: _wave_text(study, wave)}
    if layout.submitted_at:
        heads[layout.submitted_at] = _moments(wave, len(ids), draw)
    fixed = {layout.stratum: "1", layout.psu: ids, layout.design_weight: "1", layout.outcome: _outcome_text(study)}
    given = {weight.column: "1" for weight in layout.given_weights if wave.number == max(weight.waves)}
    return heads | {name: value for name, value in fixed.items() if name} | given


def _csv(table: pd.DataFrame) -> bytes:
    sink = io.StringIO()
    table.to_csv(sink, index=False, lineterminator="\n")
    return sink.getvalue().encode()


def _wave_text(study: Study, wave: Wave) -> str:
    return next((text for text, number in study.layout.wave_codes if number == wave.number), wave.key)


def _outcome_text(study: Study) -> str:
    return next((text for text, meaning in study.layout.outcomes if meaning == "complete"), "complete")


def _moments(wave: Wave, size: int, draw: np.random.Generator) -> np.ndarray:
    """Return a moment within fieldwork for each row, most of them early."""
    start = datetime.combine(wave.fieldwork.start, time(8), tzinfo=UTC)
    seconds = (wave.fieldwork.end - wave.fieldwork.start).days * 86_400
    after = (draw.beta(1, 3, size) * seconds * 0.9).astype(np.int64)
    moments = pd.Timestamp(start) + pd.to_timedelta(after, unit="s")
    return np.asarray(moments.strftime("%Y-%m-%dT%H:%M:%SZ"), dtype=object)


def _texts(written: pd.DataFrame, study: Study, wave: Wave) -> pd.DataFrame:
    """Return the answers under the headings of the file; reasons as the layout writes them, blank where it has none."""
    reasons = {reason: text for text, reason in study.layout.missing}
    texts: dict[str, np.ndarray] = {}
    for question in study.instrument(wave.instrument).questions:
        name = question.variable.name
        codes, distinct = pd.factorize(written[name])
        known = np.array([*map(_written, distinct), ""], dtype=object)  # -1, the code of nothing, takes the last
        silence = written[reason_column(name)].to_numpy(dtype=object)
        options, places = np.unique(silence.astype(str), return_inverse=True)
        blank = np.array([reasons.get(option, "") for option in options.tolist()], dtype=object)[places]
        texts[question.column] = np.where(codes >= 0, known[codes], blank)
    return pd.DataFrame(texts)


def _written(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
