"""
Fold responses into the panel. Pure: frames in, frames out; no clock, no store, no log.

Three laws hold: merging twice is merging once; the order in which responses arrive does not matter; nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from panel.evaluate import evaluate
from panel.harmonise import derive
from panel.model.expression import parse
from panel.model.instrument import Question, Variable
from panel.model.people import INTERVIEWED
from panel.model.study import Study
from panel.schema import PERSON_WAVES, REASON_DTYPE, TRACKING, reason_column

KEY = ["member", "wave"]


@dataclass(frozen=True)
class Merge:
    """
    The panel of a study: person-waves by wave, and the tracking of every case.

    `superseded` has the member, wave and response of every response that does not stand: those that stand and these
    are all that were given.
    """

    person_waves: Mapping[int, pd.DataFrame]
    tracking: pd.DataFrame
    superseded: pd.DataFrame


def first_given(responses: pd.DataFrame) -> pd.DataFrame:
    """
    Return one row a member: the interview given first, as `current` would have it before any correction.

    Args:
        responses: schema.RESPONSES of one wave. Not modified.
    """
    ranked = _ranked(responses)
    rows = ranked[ranked["_interview"]].drop_duplicates("member").assign(revision=1)
    return rows.astype({"revision": "Int64"}).drop(columns=["_interview", "_moment"]).reset_index(drop=True)


def as_first_given(person_waves: pd.DataFrame, responses: Mapping[int, pd.DataFrame], study: Study) -> pd.DataFrame:
    """
    Return the person-waves of members as they would be had nobody corrected an interview, derived variables anew.

    Facts that are carried from wave to wave stay as they are.

    Args:
        person_waves: as merged, of all members. Not modified.
        responses: by wave, every response of the members wanted (schema.RESPONSES and variables). Not modified.
        study: its instruments.
    """
    members = {member for frame in responses.values() for member in frame["member"]}
    own = person_waves[person_waves["member"].isin(members)]
    pieces = []
    for wave, rows in own.groupby("wave", sort=True):
        first = first_given(responses[int(wave)]) if int(wave) in responses else pd.DataFrame()
        pieces.append(_with_first(rows.reset_index(drop=True), first, study, int(wave)))
    return pd.concat(pieces, ignore_index=True) if pieces else own


def _with_first(rows: pd.DataFrame, first: pd.DataFrame, study: Study, wave: int) -> pd.DataFrame:
    """Return rows with the answers of first responses where another stands."""
    if first.empty:
        return rows
    before = first.set_index("member").reindex(rows["member"]).reset_index(drop=True)
    other = (before["response"].notna() & (before["response"] != rows["response"])).to_numpy(dtype=bool)
    if not other.any():
        return rows
    asked = [each.variable.name for each in study.instrument_of(wave).questions if each.asked != "first"]
    names = [column for name in asked for column in (name, reason_column(name)) if column in before]
    names = ["response", "revision", *(name for name in names if name in rows)]
    first_answers = before.loc[other, names].astype(rows[names].dtypes)
    replaced = pd.concat([rows[other].drop(columns=names), first_answers], axis=1)[rows.columns]
    year = study.wave(wave).fieldwork.start.year
    instrument = study.instrument_of(wave)
    there = tuple(each for each in instrument.derived if each.variable.name in rows)
    fresh = derive(replaced, replace(instrument, derived=there), wave_year=year)[rows.columns]
    return pd.concat([rows[~other], fresh], ignore_index=True)


def current(responses: pd.DataFrame) -> pd.DataFrame:
    """
    Return one row a member: the response of a wave that stands, with its `revision`.

    Of several different responses an interview beats any other outcome, then the one submitted last stands (received
    last, where the delivery says no moment); responses of one moment are put in order by their hash. The revision
    counts the member's different responses. Nothing is dropped from the store: the others stay as they are.

    Args:
        responses: schema.RESPONSES of one wave. Not modified.
    """
    ranked = _ranked(responses)
    revision = ranked.groupby("member")["response"].transform("size").astype("Int64")
    last = ranked.assign(revision=revision).drop_duplicates("member", keep="last")
    return last.drop(columns=["_interview", "_moment"]).reset_index(drop=True)


def _ranked(responses: pd.DataFrame) -> pd.DataFrame:
    """Return the different responses of each member, the one that stands last."""
    once = responses.drop_duplicates("response")
    moment = once["submitted_at"].fillna(once["received_at"])
    ranked = once.assign(_interview=responses["disposition"].isin(INTERVIEWED), _moment=moment)
    return ranked.sort_values(["member", "_interview", "_moment", "response"], kind="stable")


def cohorts(index: pd.DataFrame) -> pd.Series:
    """Return the wave in which each member entered: the first with any response. Indexed by member."""
    return index.groupby("member")["wave"].min()


def merge(
    responses: Mapping[int, pd.DataFrame],
    *,
    study: Study,
    index: pd.DataFrame,
    fielded: Sequence[int],
    open_waves: Sequence[int] = (),
) -> Merge:
    """
    Return the panel that these responses make.

    Facts asked once are carried to the member's later person-waves. What a member says stays as it was said: an
    immutable fact that differs from the member's other waves is a check's to hold (X2, `settled`), and a decision's to
    release.

    Args:
        responses: by wave, every response kept (schema.RESPONSES and variables); each wave is asked for once, so that
            it may be read then. Not modified.
        study: its waves, instruments and facts.
        index: member, wave, disposition of every response kept, of any wave.
        fielded: waves that have been opened, in order.
        open_waves: those still in the field, where silence is not yet an answer.
    """
    entered = cohorts(index)
    bare, outcomes, superseded = {}, {}, [_NOBODY]
    for wave, frame in responses.items():  # one wave at a time: all of them together may not fit in memory
        standing = current(frame)
        if len(standing):
            outcomes[wave] = standing[["member", "disposition"]]
            superseded.append(_superseded(frame, standing))
            bare[wave] = _person_waves(standing, study, entered)
    finished = _carried(bare, study)
    bare.clear()
    return Merge(
        person_waves={wave: _finished(finished.pop(wave), study, wave) for wave in list(finished)},
        tracking=track(outcomes, entered=entered, fielded=fielded, open_waves=open_waves),
        superseded=pd.concat(superseded).sort_values(["wave", "member", "response"], ignore_index=True),
    )


_NOBODY = pd.DataFrame({"member": [], "wave": [], "response": []}).astype(
    {"member": "str", "wave": "Int64", "response": "str"}
)


def _superseded(responses: pd.DataFrame, standing: pd.DataFrame) -> pd.DataFrame:
    """Return the responses of a wave that do not stand, once each."""
    several = responses.loc[responses["member"].duplicated(keep=False), [*KEY, "response"]]
    own = standing.loc[standing["member"].isin(several["member"].unique()), "response"]
    return several[~several["response"].isin(own)].drop_duplicates().astype(_NOBODY.dtypes)


def _person_waves(frame: pd.DataFrame, study: Study, entered: pd.Series) -> pd.DataFrame:
    """Return the interviews of a wave, with every variable of the study: not fielded, where this wave lacks it."""
    rows = frame[frame["disposition"].isin(INTERVIEWED)].sort_values("member", ignore_index=True)
    columns: dict[str, pd.Series] = {}
    for variable in _asked(study):
        if variable.name not in rows:
            columns[variable.name] = pd.Series(index=rows.index, dtype=variable.dtype)
            columns[reason_column(variable.name)] = pd.Series("not_fielded", index=rows.index, dtype=REASON_DTYPE)
    rows = rows.assign(cohort=rows["member"].map(entered).astype("Int64"), **columns)
    rows = _as_asked(rows, study)
    given = [name for name in rows if name.startswith("given_weight:")]
    kept = PERSON_WAVES.coerce(rows).drop(columns=[*_RESPONSE_ONLY, *given], errors="ignore")
    return kept.assign(**{name: rows[name] for name in given})


def _as_asked(rows: pd.DataFrame, study: Study) -> pd.DataFrame:
    """
    Return the rows of a wave with the reasons of blanks by what a member's first wave asks.

    A delivery alone cannot tell: a blank fact is no answer of who has just entered (unless nobody in the wave was
    asked), and a question for later waves was not put to them.
    """
    if rows.empty:
        return rows
    entering = (rows["cohort"] == rows["wave"]).to_numpy(dtype=bool)
    changed: dict[str, pd.Series] = {}
    for question in study.instrument_of(int(rows["wave"].iloc[0])).questions:
        if question.asked not in ("first", "later"):
            continue
        name = reason_column(question.variable.name)
        reasons = rows[name].astype(REASON_DTYPE)
        unasked = (reasons == "not_fielded").to_numpy(dtype=bool)
        if question.asked == "later":
            changed[name] = reasons.mask(entering & (reasons == "no_answer").to_numpy(dtype=bool), "not_fielded")
        elif entering.any() and not unasked.all():
            off_route = _off_route(question, rows)
            changed[name] = reasons.mask(entering & unasked & off_route, "not_applicable").mask(
                entering & unasked & ~off_route, "no_answer"
            )
    return rows.assign(**changed)


def _off_route(question: Question, rows: pd.DataFrame) -> np.ndarray:
    if not question.route:
        return np.zeros(len(rows), dtype=bool)
    on = evaluate(parse(question.route), rows).astype("boolean")
    return (~on).fillna(value=False).to_numpy(dtype=bool)


_RESPONSE_ONLY = ("submitted_at", "received_at", "delivery", "row")


def _asked(study: Study) -> list[Variable]:
    newest = {question.variable.name: question.variable for each in study.instruments for question in each.questions}
    return list(newest.values())


def settled(known: pd.DataFrame, name: str) -> pd.Series:
    """
    Return each member's fact: what most waves say, and of equals what was said first. Indexed by member.

    Args:
        known: member, wave and the variable `name`, of any waves; rows without an answer have no say. Not modified.
        name: an immutable variable.
    """
    said = known.loc[known[name].notna(), [*KEY, name]]
    counted = said.groupby(["member", name], observed=True)["wave"].agg(["size", "min"]).reset_index()
    ranked = counted.sort_values(["member", "size", "min"], ascending=[True, False, True], kind="stable")
    return ranked.drop_duplicates("member").set_index("member")[name]


def _carried(frames: Mapping[int, pd.DataFrame], study: Study) -> dict[int, pd.DataFrame]:
    """Return the frames with the facts asked once in the member's later waves."""
    carried = dict(frames)
    for name, is_immutable in _asked_once(study).items():
        known = pd.concat(
            [frame.loc[frame[name].notna(), [*KEY, name]] for frame in frames.values()] or [pd.DataFrame()]
        )
        if known.empty:
            continue
        fact = settled(known, name) if is_immutable else known.sort_values("wave").groupby("member")[name].first()
        for wave, frame in carried.items():
            carried[wave] = _with_fact(frame, name, fact)
    return carried


def _asked_once(study: Study) -> dict[str, bool]:
    """Return the variables asked once, and which are immutable."""
    questions = [question for instrument in study.instruments for question in instrument.questions]
    return {each.variable.name: each.variable.is_immutable for each in questions if each.asked == "first"}


def _with_fact(frame: pd.DataFrame, name: str, fact: pd.Series) -> pd.DataFrame:
    told = frame["member"].map(fact).astype(frame[name].dtype)
    reasons = frame[reason_column(name)].astype(REASON_DTYPE)
    carried = frame[name].isna() & told.notna() & (frame["cohort"] < frame["wave"]) & (reasons == "not_fielded")
    value, reason = frame[name].where(~carried, told), reasons.mask(carried, "")
    return frame.assign(**{name: value, reason_column(name): reason})


def _finished(frame: pd.DataFrame, study: Study, number: int) -> pd.DataFrame:
    wave = study.wave(number)
    full = derive(frame, study.instrument(wave.instrument), wave_year=wave.fieldwork.start.year)
    return PERSON_WAVES.coerce(full, study.variables)


def track(
    standing: Mapping[int, pd.DataFrame],
    *,
    entered: pd.Series,
    fielded: Sequence[int],
    open_waves: Sequence[int] = (),
) -> pd.DataFrame:
    """
    Return a row for every member and every fielded wave, also where nobody answered (schema.TRACKING).

    Before a member entered it says `not_yet`; where nothing came `no_response`, or `pending` while the wave is open. A
    member who is back after a gap is marked as returning; the gap stays.

    Args:
        standing: by wave, one row a member with its disposition (`current`). Not modified.
        entered: wave of entry by member (`cohorts`).
        fielded: waves that have been opened, in order.
        open_waves: those still in the field.
    """
    members = entered.sort_index()
    before = np.zeros(len(members), dtype=bool)
    ever = before.copy()
    pieces = []
    for wave in fielded:
        silence = "pending" if wave in open_waves else "no_response"
        disposition = _dispositions(members, standing.get(wave), wave, silence)
        interviewed = np.isin(disposition, INTERVIEWED)
        pieces.append(
            pd.DataFrame(
                {
                    "member": members.index,
                    "wave": wave,
                    "cohort": members.to_numpy(),
                    "disposition": disposition,
                    "is_interviewed": interviewed,
                    "is_returning": interviewed & ever & ~before,
                }
            )
        )
        before, ever = interviewed, ever | interviewed
    return TRACKING.coerce(pd.concat(pieces, ignore_index=True)) if pieces else TRACKING.empty()


def _dispositions(members: pd.Series, frame: pd.DataFrame | None, wave: int, silence: str) -> np.ndarray:
    found = pd.Series(index=members.index, dtype="str")
    if frame is not None:
        found = frame.set_index("member")["disposition"].reindex(members.index)
    late = np.where((members > wave).to_numpy(dtype=bool), "not_yet", silence)
    return np.where(found.isna().to_numpy(), late, found.to_numpy(dtype=object)).astype(object)
