"""
The ledger: every prediction a dated claim, and what has become of it.

The ledger is derived whole from the panel: the same answers give the same ledger, in any order of arrival. Its states:

- open: not yet due; or due in a wave that is still in the field or was never planned.
- on_track: not yet due, and the last reading is as was said.
- resolved: due, and what happened is known.
- censored: what happened cannot be seen, because the member left or gave no usable answer; a member who comes back
  takes an undue claim back to open or on_track.
- void: the question changed or is no longer put to the member, or the answer it starts from is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from panel.forecast.claims import UNCLEAR, WORD, Answers, Said, happened, needs_start, read_columns, resolves_by, said
from panel.forecast.due import due_wave, due_year
from panel.model.instrument import Prediction, Question
from panel.model.people import INTERVIEWED
from panel.model.study import Study
from panel.schema import CLAIMS, reason_column

STATES = ("open", "on_track", "resolved", "censored", "void")
_VOIDING = {"not_fielded": "question_changed", "not_applicable": "not_applicable"}
_MOVED = ["said", "probability", "state", "outcome"]


def ledger(
    study: Study,
    person_waves: pd.DataFrame,
    tracking: pd.DataFrame,
    *,
    wave: int,
    first_given: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """
    Return every claim made up to a wave, and its state as of that wave.

    Args:
        study: whose instruments say which question predicts what.
        person_waves: all waves so far, held cells set aside. Not modified.
        tracking: every case so far, for who left. Not modified.
        wave: the newest wave.
        first_given: person-waves of the members who were ever corrected, by themselves or by a decision, as their first
            responses alone would make them; a claim that these would have told otherwise is marked as corrected, with
            what it was before.

    Returns:
        schema.CLAIMS, sorted by question, member and wave.
    """
    claims = _claims(study, person_waves, tracking, wave)
    if first_given is None or first_given.empty:
        return claims
    return _with_corrections(claims, _claims(study, first_given, tracking, wave))


def _claims(study: Study, person_waves: pd.DataFrame, tracking: pd.DataFrame, wave: int) -> pd.DataFrame:
    rows = person_waves.loc[person_waves["wave"] <= wave, read_columns(study)]
    so_far = _SoFar(study, rows, tracking[tracking["wave"] <= wave], wave)
    pieces = [piece for made in so_far.answers for piece in so_far.claims_of(made)]
    if not pieces:
        return CLAIMS.empty()
    rows = CLAIMS.coerce(pd.concat(pieces, ignore_index=True))[CLAIMS.names]
    return rows.sort_values(list(CLAIMS.key), ignore_index=True)


def _with_corrections(claims: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    """Mark the claims that the first responses would have told otherwise, or not at all."""
    key = list(CLAIMS.key)
    revised = claims.merge(first[[*key, *_MOVED]], on=key, how="left", suffixes=("", "_first"), indicator="_in")
    same = revised["_in"] == "both"
    for name in _MOVED:
        now, then = revised[name], revised[f"{name}_first"]
        same &= (now == then).fillna(value=False).astype(bool) | (now.isna() & then.isna())
    corrected = (~same & claims["member"].isin(first["member"].unique())).to_numpy(dtype=bool)
    what = revised["said_first"].fillna((100 * revised["probability_first"]).round(6).astype("str") + " %")
    told = what.fillna("no claim") + ": " + revised["state_first"] + " " + revised["outcome_first"].fillna("unknown")
    told = told.where(revised["_in"] == "both", "no claim")
    return claims.assign(is_corrected=corrected, before=told.where(corrected).astype("str"))


@dataclass(frozen=True)
class _SoFar:
    """The waves up to the newest, as the resolution of claims reads them."""

    study: Study
    person_waves: pd.DataFrame
    tracking: pd.DataFrame
    newest: int
    _across: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)

    @cached_property
    def answers(self) -> dict[int, Answers]:
        """Return the person-waves of each wave."""
        parts = self.person_waves.groupby("wave", sort=True)
        return {int(wave): Answers(self.study, int(wave), part.reset_index(drop=True)) for wave, part in parts}

    @cached_property
    def places(self) -> dict[int, pd.Index]:
        """Return the members of each wave, in the order of its rows."""
        return {wave: pd.Index(each.frame["member"]) for wave, each in self.answers.items()}

    def across(self, made: int, wave: int) -> np.ndarray:
        """Return the row in a wave of each member who answered at `made`, -1 where there is none."""
        if (made, wave) not in self._across:
            self._across[made, wave] = self.places[wave].get_indexer(self.places[made])
        return self._across[made, wave]

    @cached_property
    def dispositions(self) -> dict[int, pd.Series]:
        """Return what came of each case, by wave and member."""
        parts = self.tracking.groupby("wave")
        return {int(wave): part.set_index("member")["disposition"] for wave, part in parts}

    def claims_of(self, made: int) -> Iterator[pd.DataFrame]:
        """Yield the claims made at a wave, a frame for each question that predicts."""
        for question in self.study.instrument_of(made).predictions:
            told = question.predicts
            if told is None:
                continue
            found = said(self.answers[made], question, told)
            rows = np.flatnonzero(found.known)
            if len(rows):
                taken = Said(found.category[rows], found.probability[rows])
                yield _Resolving(self, question, told, self.answers[made].take(rows), rows, taken).frame()


@dataclass(frozen=True)
class _Resolving:
    """The claims of one question and wave, one row a claim, on their way to a state."""

    so_far: _SoFar
    question: Question
    told: Prediction
    now: Answers
    rows: np.ndarray
    said: Said

    @cached_property
    def due(self) -> int | None:
        """Return the wave in which these claims resolve."""
        return due_wave(self.so_far.study, self.told, self.now.wave)

    @property
    def is_over(self) -> bool:
        """Say whether that wave has come."""
        return self.due is not None and self.due <= self.so_far.newest

    @property
    def last(self) -> int:
        """Return the newest wave that has a say."""
        return min(self.so_far.newest, self.due) if self.due is not None else self.so_far.newest

    def frame(self) -> pd.DataFrame:
        """Return these claims as schema.CLAIMS."""
        outcome, read = self._readings()
        state, reason = self._states(outcome, read)
        resolved = state == "resolved"
        unclear = self.said.category == UNCLEAR
        rows, study = self.now.frame, self.so_far.study
        return pd.DataFrame(
            {
                "member": rows["member"],
                "wave": self.now.wave,
                "question": self.question.key,
                "variable": self.told.variable or None,
                "kind": np.where(unclear, UNCLEAR, self.told.kind),
                "horizon": str(self.told.horizon),
                "due_year": due_year(study, self.told, self.now.wave),
                "resolves_by": resolves_by(self.told),
                "said": pd.Series(self.said.category, index=rows.index).replace("", None),
                "probability": self.said.probability,
                "state": state,
                "reason": reason,
                "outcome": pd.Series(outcome, index=rows.index).replace("", None),
                "is_true": pd.Series(self._came_true(outcome), index=rows.index).where(resolved & self._has_say),
                "read_wave": pd.Series(read, index=rows.index, dtype="Int64").mask(read == 0),
                "made_revision": rows["revision"],
                "made_response": rows["response"],
                **self._deciding(read),
                "is_corrected": False,
            },
            index=rows.index,
        )

    @cached_property
    def _has_say(self) -> np.ndarray:
        """Return which claims can come true or not: neither "impossible to predict", nor evens."""
        evens = np.isclose(self.said.probability, 0.5)
        if self.told.kind == "category":
            return np.full(len(evens), bool(self.told.yes)) & (self.said.category != UNCLEAR)
        return np.asarray((self.said.category != UNCLEAR) & ~evens)

    def _came_true(self, outcome: np.ndarray) -> np.ndarray:
        if self.told.is_directed:
            return np.asarray(self.said.category == outcome)
        if self.told.kind == "probability":
            yes = self.said.probability > 0.5
        else:
            yes = np.isin(self.said.category, [str(code) for code in self.told.yes])
        return np.asarray(yes == (outcome == "event"))

    def _readings(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the newest outcome of each claim, and the wave it was read in (0 where none)."""
        size = len(self.now.frame)
        outcome, read = np.full(size, "", dtype=WORD), np.zeros(size, dtype=np.int64)
        if not self.told.variable:
            return outcome, read
        in_between = self.told.horizon == "target"
        for wave in sorted(self.so_far.answers):
            if not (self.now.wave < wave <= self.last) or not (in_between or wave == self.due):
                continue
            here, places = self._also_in(wave)
            found = self._happened(wave, here, places)
            known = here[found != ""]
            outcome[known], read[known] = found[found != ""], wave
        return outcome, read

    def _happened(self, wave: int, here: np.ndarray, places: np.ndarray) -> np.ndarray:
        then = self.so_far.answers[wave].take(places, self.told)
        return happened(self.now.take(here, self.told), then, self.told)

    def _also_in(self, wave: int) -> tuple[np.ndarray, np.ndarray]:
        """Return which claims are of members interviewed in a wave, and their rows there."""
        found = self.so_far.across(self.now.wave, wave)[self.rows]
        here = np.flatnonzero(found >= 0)
        return here, found[here]

    def _states(self, outcome: np.ndarray, read: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the state of each claim, and why; later rules overrule earlier ones."""
        so_far = self._has_say & (outcome != "") & self._came_true(outcome)
        state = np.where(so_far, "on_track", "open").astype(object)
        never_read = "not_due" if self.due is not None else "no_wave_planned"
        reason = np.where(so_far, "as_said_so_far", np.where(outcome == "", never_read, "not_as_said_so_far"))
        reason = np.where(self.said.category == UNCLEAR, never_read, reason).astype(object)
        if not self.told.variable:
            return state, np.full(len(state), "nothing_resolves_it", dtype=object)
        if self.last > self.now.wave:
            self._unseen(state, reason, read)
        if needs_start(self.told):
            self._without_start(state, reason)
        return state, reason

    def _unseen(self, state: np.ndarray, reason: np.ndarray, read: np.ndarray) -> None:
        """Settle the claims that the last wave resolves, and those it cannot."""
        cases = self.so_far.dispositions.get(self.last, pd.Series(dtype="str"))
        disposition = self.now.frame["member"].map(cases).fillna("no_response").to_numpy(dtype=object)
        here, places = self._also_in(self.last)
        away = np.ones(len(state), dtype=bool)
        away[here] = False
        away &= ~np.isin(disposition, INTERVIEWED) & (disposition != "pending")
        state[away], reason[away] = "censored", disposition[away]
        pending = disposition == "pending"
        pending[here] = False
        reason[pending] = "in_the_field"
        if self.is_over:
            seen = read == self.last
            state[seen], reason[seen] = "resolved", ""
        self._unanswered(state, reason, read, here, places)

    def _unanswered(
        self, state: np.ndarray, reason: np.ndarray, read: np.ndarray, here: np.ndarray, places: np.ndarray
    ) -> None:
        """Settle the claims of members whose interview in the last wave has no value to read."""
        if not len(here):
            return
        rows = self.so_far.answers[self.last].frame
        why = rows[reason_column(self.told.variable)].astype("str").to_numpy(dtype=object)[places]
        if not self.so_far.study.instrument_of(self.last).has(self.told.variable):
            why = np.full(len(here), "not_fielded", dtype=object)
        unread = read[here] != self.last
        voided = unread & np.isin(why, list(_VOIDING))
        state[here[voided]] = "void"
        reason[here[voided]] = [_VOIDING[each] for each in why[voided]]
        silent = unread & ~voided & self.is_over
        state[here[silent]], reason[here[silent]] = "censored", np.where(why == "", "no_answer", why)[silent]

    def _without_start(self, state: np.ndarray, reason: np.ndarray) -> None:
        """Settle the claims that begin at an answer that is missing: nothing can resolve them."""
        missing = self.now.frame[self.told.variable].isna().to_numpy(dtype=bool)
        state[missing], reason[missing] = "void", "no_answer_to_start_from"

    def _deciding(self, read: np.ndarray) -> dict[str, pd.Series]:
        """Return the revision and response that each claim was last read from."""
        rows = self.now.frame
        revision = pd.Series(pd.NA, index=rows.index, dtype="Int64")
        response = pd.Series(None, index=rows.index, dtype="str")
        for wave in set(read.tolist()) - {0}:
            own = rows.index[read == wave]
            there = self.so_far.answers[wave].frame
            places = self.so_far.across(self.now.wave, wave)[self.rows[read == wave]]
            revision.loc[own] = there["revision"].to_numpy()[places]
            response.loc[own] = there["response"].to_numpy(dtype=object)[places]
        return {"read_revision": revision, "read_response": response}
