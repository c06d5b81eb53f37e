"""Type a whole delivery: every row is accepted, held or ignored, and says why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from panel.evaluate import evaluate
from panel.harmonise.cells import REASONS_HELD, Column, read_column, read_moments
from panel.harmonise.fate import Fate, hold_nameless, ignore_blank_lines, outcomes, sort_by_wave
from panel.harmonise.headings import is_fielded, unread
from panel.harmonise.identity import Fingerprint, pseudonyms
from panel.model.expression import parse
from panel.model.instrument import Instrument, Question, Value, Variable
from panel.model.people import INTERVIEWED
from panel.model.study import Study
from panel.model.text import Text
from panel.schema import HELD, REASON_DTYPE, RESPONSES, reason_column, shown_column


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
    whichever file they come in; of rows with the same answers in one file the one submitted last is taken.

    Args:
        table: texts as a Source returns them; the index is the row in the file. Not modified.
        study: names the columns and the missing texts.
        wave: the wave the delivery was handed in for.
        delivery: its id.
        received_at: when its bytes were stored.
        key: makes pseudonyms of external ids, and responses of answers.

    Raises:
        SourceError: a required column is absent, the rows are of another wave, member ids are damaged, or a column
            holds contact details.
    """
    texts = table.rename(columns=lambda name: str(name).strip())
    instrument = study.instrument_of(wave)
    rest = unread(texts, study, instrument, wave)
    fate = Fate(texts.index, delivery, wave)
    ignore_blank_lines(texts, study.layout.member, fate)
    sort_by_wave(texts, study, wave, fate)
    hold_nameless(texts, study.layout.member, fate)
    given = outcomes(texts, study.layout, fate)
    typed = _Typed(texts[fate.is_open], study, instrument, wave, given[fate.is_open])
    rows = _each_once(typed.rows(delivery, received_at, key), fate)
    held = pd.concat([fate.held(), typed.held(rows, delivery)], ignore_index=True)
    return Harmonised(rows.reset_index(drop=True), HELD.coerce(held), fate.ignored(), rest)


def _each_once(rows: pd.DataFrame, fate: Fate) -> pd.DataFrame:
    """Return the rows without repeats; which of them stays does not depend on where they stand in the file."""
    if not rows["response"].duplicated().any():
        return rows
    ranked = rows[["response", "submitted_at", "row"]].sort_values(
        ["response", "submitted_at", "row"], ascending=[True, False, True]
    )
    kept = ranked.drop_duplicates("response").set_index("response")["row"]
    again = ranked[ranked["response"].duplicated()]
    fate.ignore_rows(again["row"], "same answers as row " + kept[again["response"]].astype("str").to_numpy())
    return rows[~rows["row"].isin(again["row"])]


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
        self.design = {
            name: read_column(texts[name], _AMOUNT, missing)
            for name in (study.layout.design_weight, *(given.column for given in study.layout.given_weights))
            if name is not None and name in texts
        }
        self.design |= {
            each.shown: read_column(texts[each.shown], _SHOWN, missing)
            for each in study.sample.preload
            if each.shown and each.shown in texts
        }
        moment = study.layout.submitted_at
        self.submitted = read_moments(texts[moment], study.time_zone) if moment in texts else None

    def rows(self, delivery: str, received_at: datetime, key: bytes) -> pd.DataFrame:
        texts, layout = self.texts, self.study.layout
        answers = self._answers()
        disposition = self._disposition(answers)
        silent = ~np.isin(disposition, INTERVIEWED)
        member = pseudonyms(texts[layout.member], study=self.study.key, key=key)
        base = {
            "response": pd.Series(self._fingerprint(member, disposition, silent, key), index=texts.index),
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
        for each in self.study.sample.preload:
            if each.shown in self.design:
                base[shown_column(each.variable)] = self.design[each.shown].values
        frame = pd.DataFrame({**base, **answers}, index=texts.index)
        return RESPONSES.coerce(
            _silenced(frame, silent, answers), [each.variable for each in self.instrument.questions]
        )

    def _answers(self) -> dict[str, pd.Series]:
        """Return values and reasons by column; a blank takes its reason from the route and the wave."""
        answers: dict[str, pd.Series] = {}
        for question in self.instrument.questions:
            name = question.variable.name
            column = self.columns.get(name)
            empty = pd.Series(index=self.texts.index, dtype=question.variable.dtype)
            answers[name] = empty if column is None else column.values
            answers[reason_column(name)] = self._as_reasons(self._reasons(question, column, answers))
        self._mark_break(answers)
        return answers

    def _as_reasons(self, reasons: np.ndarray) -> pd.Series:
        return pd.Series(reasons, index=self.texts.index, dtype=REASON_DTYPE)

    def _reasons(self, question: Question, column: Column | None, answers: dict[str, pd.Series]) -> np.ndarray:
        if column is None:
            return np.full(len(self.texts), "not_fielded", dtype=object)
        reasons = column.reasons.copy()
        if not is_fielded(question, self.wave):
            reasons[column.is_blank] = "not_fielded"
            return reasons
        reasons[column.is_blank] = "no_answer"
        if question.route:
            reasons[column.is_blank & self._off_route(question.route, answers)] = "not_applicable"
        return reasons

    def _off_route(self, route: str, answers: dict[str, pd.Series]) -> np.ndarray:
        expression = parse(route)
        needed = [column for name in expression.names for column in (name, reason_column(name)) if column in answers]
        frame = pd.DataFrame({column: answers[column] for column in needed}, index=self.texts.index)
        on = evaluate(expression, frame).astype("boolean")
        return (~on).fillna(value=False).to_numpy(dtype=bool)

    def _mark_break(self, answers: dict[str, pd.Series]) -> None:
        """Say of cells after the last answer that the respondent had broken off, where the file says so of the row."""
        open_end = np.isin(self.outcomes, ("partial", "broke_off"))
        for question in reversed(self.instrument.questions) if open_end.any() else ():
            column = self.columns.get(question.variable.name)
            if column is None:
                continue
            name = reason_column(question.variable.name)
            reasons = answers[name].to_numpy(dtype=object)
            open_end = open_end & column.is_blank
            answers[name] = self._as_reasons(np.where(open_end & (reasons == "no_answer"), "broke_off", reasons))

    def _disposition(self, answers: dict[str, pd.Series]) -> np.ndarray:
        required = [each for each in self.instrument.questions if each.is_required and is_fielded(each, self.wave)]
        whole = np.ones(len(self.texts), dtype=bool)
        for question in required:
            name = question.variable.name
            off_route = (answers[reason_column(name)] == "not_applicable").to_numpy()
            whole &= answers[name].notna().to_numpy() | off_route
        own = np.where(whole, "complete", "partial").astype(object)
        return np.where(self.outcomes == "", own, self.outcomes)

    def _fingerprint(self, member: pd.Series, disposition: np.ndarray, silent: np.ndarray, key: bytes) -> np.ndarray:
        """Return the response of each row: its member, wave, outcome, answers and design, and no moment or place."""
        index = self.texts.index
        print_ = Fingerprint(len(index), key=key)
        for name, column in self.columns.items():
            codes, distinct = column.canonical
            print_.add(name, np.where(silent, len(distinct), codes), [*distinct, ""])
        for name, column in self.design.items():
            print_.add(f"design:{name}", *column.canonical)
        for place in filter(None, (self.study.layout.stratum, self.study.layout.psu)):
            print_.add_texts(f"design:{place}", self._label(place).fillna(""))
        print_.add_texts("member", member)
        print_.add_texts("wave", pd.Series(str(self.wave), index=index))
        print_.add_texts("disposition", pd.Series(disposition, index=index))
        return print_.hexadecimal()

    def _submitted(self) -> pd.Series:
        if self.submitted is None:
            return pd.Series(pd.NaT, index=self.texts.index, dtype="datetime64[us, UTC]")
        return self.submitted.values

    def _label(self, name: str | None) -> pd.Series:
        if name is None:
            return pd.Series(index=self.texts.index, dtype="str")
        label = self.texts[name].str.strip()
        return label.mask(label == "")

    def _amount(self, name: str | None) -> pd.Series:
        if name is None or name not in self.design:
            return pd.Series(index=self.texts.index, dtype="Float64")
        return self.design[name].values

    def held(self, rows: pd.DataFrame, delivery: str) -> pd.DataFrame:
        """Return the cells of accepted rows that could not be read."""
        member = rows.set_index("row")["member"]
        accepted = self.texts.index.isin(member.index)
        columns = {**self.columns, **self.design}
        if self.submitted is not None:
            columns["submitted_at"] = self.submitted
        pieces = [HELD.empty()]
        for name, column in columns.items():
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
        return HELD.coerce(pd.concat(pieces[1:] or pieces, ignore_index=True))


_AMOUNT = Variable(name="weight", label=Text.plain("Weight"), kind="decimal", minimum=0)
_SHOWN = Variable(
    name="shown",
    label=Text.plain("Shown"),
    kind="single",
    values=(
        Value(1, Text.plain("yes"), ("yes", "true", "ja")),
        Value(0, Text.plain("no"), ("no", "false", "nee")),
    ),
)
"""Whether something was on the member's screen, as platforms write it."""


def _silenced(frame: pd.DataFrame, silent: np.ndarray, answers: dict[str, pd.Series]) -> pd.DataFrame:
    """Return the rows with no answers where there was no interview."""
    if not silent.any():
        return frame
    quiet = {}
    why = np.where(frame["disposition"] == "broke_off", "broke_off", "no_answer").astype(object)
    for name, answer in answers.items():
        if name.endswith(reason_column("")):
            texts = np.where(silent, why, answer.to_numpy(dtype=object))
            quiet[name] = pd.Series(texts, index=frame.index, dtype=REASON_DTYPE)
        else:
            quiet[name] = answer.mask(silent)
    return frame.assign(**quiet)
