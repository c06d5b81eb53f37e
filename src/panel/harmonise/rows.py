"""Type a whole delivery: every row is accepted, held or ignored, and says why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from panel.errors import Fault, SourceError, Where, did_you_mean, printable
from panel.evaluate import evaluate
from panel.harmonise.cells import REASONS_HELD, Column, read_column
from panel.harmonise.identity import Fingerprint, pseudonyms
from panel.model.expression import parse
from panel.model.instrument import Instrument, Question
from panel.model.people import DISPOSITIONS, INTERVIEWED
from panel.model.study import Layout, Study
from panel.schema import HELD, IGNORED, REASON_DTYPE, RESPONSES, reason_column

MOST_FOREIGN_SHARE = 0.05
_CONTACT_HEADING = re.compile(r"e-?mail|phone|telefoon|mobiel|\biban\b|\bbsn\b|street|straat|address|postcode|surname")
_CONTACT_CELL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}|NL\d{2}[A-Z]{4}\d{10}", re.IGNORECASE)


@dataclass(frozen=True)
class Harmonised:
    """What became of every row of a delivery: typed responses, cells and rows held, rows ignored."""

    rows: pd.DataFrame
    held: pd.DataFrame
    ignored: pd.DataFrame
    unread: tuple[str, ...] = ()


def harmonise(
    table: pd.DataFrame, *, study: Study, wave: int, delivery: str, received_at: datetime, key: bytes
) -> Harmonised:
    """
    Return the rows of a delivery, typed by the instrument of its wave.

    The rows of `table` are those of `rows`, the whole rows in `held` and those in `ignored`, each once. A cell that
    cannot be read is held: its value is missing, with the reason invalid. The same answers give the same response,
    whichever file they come in.

    Args:
        table: texts as a Source returns them; the index is the row in the file. Not modified.
        study: names the columns and the missing texts.
        wave: the wave the delivery was handed in for.
        delivery: its id.
        received_at: when its bytes were stored.
        key: makes pseudonyms of external ids.

    Raises:
        SourceError: a required column is absent, the rows are of another wave, or a column holds contact details.
    """
    texts = table.rename(columns=lambda name: str(name).strip())
    instrument = study.instrument_of(wave)
    unread = _headings(texts, study, instrument, wave)
    fate = _Fate(texts.index, study.layout, delivery, wave)
    fate.ignore((texts == "").all(axis=1).to_numpy(), "blank line")
    _sort_by_wave(texts, study, wave, fate)
    fate.hold((texts[study.layout.member].str.strip() == "").to_numpy(), "intake.no_member", "no member id")
    dispositions = _outcomes(texts, study.layout, fate)
    taken = texts[fate.is_open]
    typed = _Typed(taken, study, instrument, wave, dispositions[fate.is_open])
    rows = typed.rows(delivery, received_at, key)
    twice = rows.duplicated(["response"]).to_numpy()
    if twice.any():
        first = rows.drop_duplicates("response").set_index("response")["row"]
        fate.ignore_rows(
            rows["row"][twice], "same answers as row " + first[rows["response"][twice]].astype("str").to_numpy()
        )
        rows = rows[~twice]
    held = pd.concat([fate.held(), typed.held(rows, delivery)], ignore_index=True)
    return Harmonised(rows.reset_index(drop=True), HELD.coerce(held), fate.ignored(), unread)


class _Fate:
    """What has become of each row so far."""

    def __init__(self, index: pd.Index, layout: Layout, delivery: str, wave: int) -> None:
        self.index = index
        self.layout = layout
        self.delivery = delivery
        self.wave = wave
        self.is_open = np.ones(len(index), dtype=bool)
        self._ignored: list[pd.DataFrame] = []
        self._held: list[pd.DataFrame] = []

    def ignore(self, here: np.ndarray, reason: str) -> None:
        self.ignore_rows(self.index[here & self.is_open], reason)
        self.is_open &= ~here

    def ignore_rows(self, rows: Sequence[int] | pd.Index, reason: object) -> None:
        if len(rows):
            self._ignored.append(pd.DataFrame({"row": np.asarray(rows), "reason": reason}))

    def hold(self, here: np.ndarray, check: str, reason: str) -> None:
        rows = self.index[here & self.is_open]
        if len(rows):
            self._held.append(
                pd.DataFrame(
                    {"wave": self.wave, "check": check, "reason": reason, "delivery": self.delivery, "row": rows}
                )
            )
        self.is_open &= ~here

    def held(self) -> pd.DataFrame:
        return HELD.coerce(pd.concat([HELD.empty(), *self._held], ignore_index=True) if self._held else HELD.empty())

    def ignored(self) -> pd.DataFrame:
        if not self._ignored:
            return IGNORED.empty()
        return IGNORED.coerce(pd.concat(self._ignored, ignore_index=True)).sort_values("row", ignore_index=True)


def _headings(texts: pd.DataFrame, study: Study, instrument: Instrument, wave: int) -> tuple[str, ...]:
    """Return the headings nobody reads; refuse a file that lacks a required one, or brings contact details."""
    layout = study.layout
    required = [
        layout.member,
        layout.wave,
        *filter(None, (layout.outcome, layout.stratum, layout.psu, layout.design_weight)),
    ]
    required += [each.column for each in instrument.questions if each.is_required and _is_fielded(each, wave)]
    names = list(texts.columns)
    absent = [name for name in required if name not in names]
    if absent:
        raise SourceError(
            f"{len(absent)} required columns are not in the file.",
            faults=[Fault("is not there", Where(column=name), did_you_mean(name, names)) for name in absent],
            fix="is this a file of this study and wave? Export it with every column of the instrument",
        )
    read = {layout.member, layout.wave, layout.submitted_at, layout.outcome, layout.stratum, layout.psu}
    read |= {layout.design_weight, *(given.column for given in layout.given_weights)}
    read |= {question.column for question in instrument.questions}
    unread = tuple(name for name in names if name not in read)
    _refuse_contacts(texts, unread)
    return unread


def _refuse_contacts(texts: pd.DataFrame, unread: Sequence[str]) -> None:
    for name in unread:
        cells = texts[name].head(200)
        if _CONTACT_HEADING.search(name.casefold()) or cells.str.contains(_CONTACT_CELL).any():
            raise SourceError(
                f"The column '{printable(name)}' looks like contact details, which do not belong here.",
                where=Where(column=name),
                fix="remove the column from the export, and send the file again",
            )


def _is_fielded(question: Question, wave: int) -> bool:
    return question.asked == "every" or (wave == 1) == (question.asked == "first")


def _sort_by_wave(texts: pd.DataFrame, study: Study, wave: int, fate: _Fate) -> None:
    layout = study.layout
    codes = dict(layout.wave_codes) or {
        name: each.number for each in study.waves for name in (each.key, str(each.number))
    }
    given = texts[layout.wave].str.strip().str.removesuffix(".0")
    numbers = given.map(codes)
    foreign = (numbers != wave).to_numpy() & fate.is_open
    if layout.holds_every_wave:
        unknown = numbers.isna().to_numpy()
        fate.hold(unknown, "intake.unknown_wave", "a wave that the study does not have")
        fate.ignore(foreign, "of another wave")
        return
    if foreign.sum() > MOST_FOREIGN_SHARE * fate.is_open.sum():
        found = ", ".join(
            f"'{printable(name)}' in {count:,}" for name, count in given[foreign].value_counts().head(3).items()
        )
        raise SourceError(
            f"{int(foreign.sum()):,} of {int(fate.is_open.sum()):,} rows are not of wave {study.wave(wave).key}: "
            f"{found}.",
            where=Where(column=layout.wave),
            fix="collect the file for the wave it is of",
        )
    fate.hold(foreign, "intake.wrong_wave", "a row of another wave")


def _outcomes(texts: pd.DataFrame, layout: Layout, fate: _Fate) -> np.ndarray:
    """Return the disposition that the file gives each row, "" where it gives none."""
    if layout.outcome is None:
        return np.full(len(texts), "", dtype=object)
    known = dict(layout.outcomes) or {name: name for name, _ in DISPOSITIONS}
    given = texts[layout.outcome].str.strip()
    outcome = given.map(known)
    fate.hold(
        outcome.isna().to_numpy() & (given != "").to_numpy(), "intake.unknown_outcome", "an outcome not in the layout"
    )
    return outcome.fillna("").to_numpy(dtype=object)


class _Typed:
    """The open rows of a delivery, column by column."""

    def __init__(
        self, texts: pd.DataFrame, study: Study, instrument: Instrument, wave: int, outcomes: np.ndarray
    ) -> None:
        self.texts = texts
        self.study = study
        self.instrument = instrument
        self.wave = wave
        self.outcomes = outcomes
        missing = dict(study.layout.missing)
        self.columns: dict[str, Column] = {}
        for question in instrument.questions:
            if question.column in texts:
                self.columns[question.variable.name] = read_column(texts[question.column], question.variable, missing)

    def rows(self, delivery: str, received_at: datetime, key: bytes) -> pd.DataFrame:
        texts, layout = self.texts, self.study.layout
        answers = self._answers()
        disposition = self._disposition(answers)
        silent = ~np.isin(disposition, INTERVIEWED)
        member = pseudonyms(texts[layout.member], study=self.study.key, key=key)
        base = {
            "response": pd.Series(self._fingerprint(member, disposition, silent), index=texts.index),
            "member": member,
            "wave": self.wave,
            "submitted_at": self._submitted(),
            "received_at": pd.Timestamp(received_at),
            "delivery": delivery,
            "row": texts.index,
            "disposition": disposition,
            "stratum": self._label(layout.stratum),
            "psu": self._label(layout.psu),
            "design_weight": self._amount(layout.design_weight),
        }
        for given in layout.given_weights:
            base[f"given_weight:{given.column}"] = self._amount(given.column)
        frame = pd.DataFrame({**base, **answers}, index=texts.index)
        return RESPONSES.coerce(_silenced(frame, silent, answers))

    def _answers(self) -> dict[str, pd.Series]:
        """Return values and reasons by column; a blank takes its reason from the route and the wave."""
        values = {name: column.values for name, column in self.columns.items()}
        seen = pd.DataFrame(values, index=self.texts.index)
        answers: dict[str, pd.Series] = {}
        for question in self.instrument.questions:
            name = question.variable.name
            if name not in self.columns:
                seen[name] = pd.Series(index=self.texts.index, dtype=question.variable.dtype)
            reasons = self._reasons(question, seen)
            answers[name] = seen[name]
            answers[reason_column(name)] = pd.Series(reasons, index=self.texts.index, dtype=REASON_DTYPE)
            seen[reason_column(name)] = answers[reason_column(name)]
        return answers

    def _reasons(self, question: Question, seen: pd.DataFrame) -> np.ndarray:
        name = question.variable.name
        blank = "no_answer" if _is_fielded(question, self.wave) or question.asked == "later" else "not_fielded"
        if name not in self.columns or not _is_fielded(question, self.wave):
            blank = "not_fielded"
        column = self.columns.get(name)
        reasons = np.full(len(seen), blank, dtype=object) if column is None else column.reasons.copy()
        empty = np.ones(len(seen), dtype=bool) if column is None else column.is_blank
        reasons[empty] = blank
        if question.route and blank != "not_fielded":
            off = (~evaluate(parse(question.route), seen).astype("boolean")).fillna(value=False).to_numpy(dtype=bool)
            reasons[empty & off] = "not_applicable"
        return reasons

    def _disposition(self, answers: dict[str, pd.Series]) -> np.ndarray:
        required = [each for each in self.instrument.questions if each.is_required and _is_fielded(each, self.wave)]
        whole = np.ones(len(self.texts), dtype=bool)
        for question in required:
            name = question.variable.name
            off_route = (answers[reason_column(name)] == "not_applicable").to_numpy()
            whole &= answers[name].notna().to_numpy() | off_route
        own = np.where(whole, "complete", "partial").astype(object)
        return np.where(self.outcomes == "", own, self.outcomes)

    def _fingerprint(self, member: pd.Series, disposition: np.ndarray, silent: np.ndarray) -> np.ndarray:
        print_ = Fingerprint(len(self.texts))
        for name, column in self.columns.items():
            codes, distinct = column.canonical
            print_.add(name, np.where(silent, len(distinct), codes), [*distinct, ""])
        print_.add_texts("member", member)
        print_.add_texts("wave", pd.Series(str(self.wave), index=self.texts.index))
        print_.add_texts("disposition", pd.Series(disposition, index=self.texts.index))
        return print_.hexadecimal()

    def _submitted(self) -> pd.Series:
        name = self.study.layout.submitted_at
        if name is None or name not in self.texts:
            return pd.Series(pd.NaT, index=self.texts.index, dtype="datetime64[us, UTC]")
        moments = pd.to_datetime(self.texts[name].str.strip(), errors="coerce", utc=False, format="ISO8601")
        if moments.dt.tz is None:
            moments = moments.dt.tz_localize(self.study.time_zone, ambiguous=False, nonexistent="shift_forward")
        return moments.dt.tz_convert("UTC").astype("datetime64[us, UTC]")

    def _label(self, name: str | None) -> pd.Series:
        if name is None:
            return pd.Series(index=self.texts.index, dtype="str")
        label = self.texts[name].str.strip()
        return label.mask(label == "")

    def _amount(self, name: str | None) -> pd.Series:
        if name is None or name not in self.texts:
            return pd.Series(index=self.texts.index, dtype="Float64")
        return pd.to_numeric(self.texts[name].str.strip(), errors="coerce").astype("Float64")

    def held(self, rows: pd.DataFrame, delivery: str) -> pd.DataFrame:
        """Return the cells of accepted rows that could not be read."""
        member = rows.set_index("row")["member"]
        accepted = self.texts.index.isin(member.index)
        pieces = []
        for name, column in self.columns.items():
            bad = (column.faults != "") & accepted
            if bad.any():
                at = self.texts.index[bad]
                checks = column.faults[bad]
                pieces.append(
                    pd.DataFrame(
                        {
                            "wave": self.wave,
                            "member": member[at].to_numpy(),
                            "variable": name,
                            "check": checks,
                            "reason": [REASONS_HELD[check] for check in checks],
                            "delivery": delivery,
                            "row": at,
                        }
                    )
                )
        return HELD.coerce(pd.concat(pieces, ignore_index=True)) if pieces else HELD.empty()


def _silenced(frame: pd.DataFrame, silent: np.ndarray, answers: dict[str, pd.Series]) -> pd.DataFrame:
    """Return the rows with no answers where there was no interview."""
    if not silent.any():
        return frame
    quiet = frame.copy()
    for name in answers:
        quiet.loc[silent, name] = "no_answer" if name.endswith(reason_column("")) else pd.NA
    return quiet
