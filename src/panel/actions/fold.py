"""Fold what was received into the panel, and read the panel with its decisions applied."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from panel import merge as merging
from panel.books import booked
from panel.harmonise import correct_cells, hold_cells, reader, with_sources
from panel.model.people import INTERVIEWED
from panel.model.quarantine import Standing, digest_of
from panel.model.study import Study
from panel.model.wave import FIELDED, IN_FIELD
from panel.ports import Adapters
from panel.schema import PERSON_WAVES

log = logging.getLogger(__name__)
KEY = ["member", "wave"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did to a study's panel."""

    waves: tuple[int, ...]
    person_waves: int
    added: int
    revised: int


def current_responses(app: Adapters, study: Study, wave: int) -> pd.DataFrame:
    """Return one row a member: the response of the wave that stands (schema.RESPONSES and variables)."""
    return merging.current(app.store.responses(study.key, wave))


def merge(app: Adapters, study_key: str) -> Merged:
    """
    Rebuild the panel of a study from every response kept.

    Merging twice is merging once, and the order in which deliveries arrived does not matter. What was
    said is never overwritten. Every member has a tracking row for every wave fielded so far.
    """
    study = app.study(study_key)
    fielded = fielded_waves(app, study)
    unused = unused_members(app, study)
    index = app.store.response_index(study.key)
    before = app.store.person_waves(study.key, columns=[])
    result = merging.merge(
        _Responses(app, study, fielded, unused),
        study=study,
        index=index[~index["member"].isin(unused)],
        fielded=fielded,
        open_waves=_open_waves(app, study),
    )
    core = [variable.name for variable in study.variables if variable.is_core]
    emptied = {
        int(wave): PERSON_WAVES.empty(study.variables) for wave in set(before["wave"]) - set(result.person_waves)
    }
    app.store.save_person_waves(study.key, {**result.person_waves, **emptied}, core)
    app.store.save_tracking(study.key, _booked(app, study, result.tracking, fielded))
    return _counted(study, result, before)


def _open_waves(app: Adapters, study: Study) -> list[int]:
    return [wave for wave, state in app.store.wave_states(study.key).items() if state in IN_FIELD]


def _booked(app: Adapters, study: Study, tracking: pd.DataFrame, fielded: Sequence[int]) -> pd.DataFrame:
    members = app.store.members(study.key)
    cases = app.store.cases(study.key) if members else ()
    return booked(tracking, members=members, cases=cases, fielded=fielded, open_waves=_open_waves(app, study))


def unused_members(app: Adapters, study: Study) -> frozenset[str]:
    """Return the members whose answers may not be used any more: what they withdrew reaches that far."""
    return frozenset(each.member for each in app.store.members(study.key) if not each.may_be_used)


class _Responses(Mapping[int, pd.DataFrame]):
    """The responses kept of members who may be used, by wave, read when a wave is asked for."""

    def __init__(self, app: Adapters, study: Study, waves: Sequence[int], unused: frozenset[str]) -> None:
        self._app, self._study, self._waves, self._unused = app, study, waves, unused

    def __getitem__(self, wave: int) -> pd.DataFrame:
        rows = self._app.store.responses(self._study.key, wave)
        return rows[~rows["member"].isin(self._unused)].reset_index(drop=True) if self._unused else rows

    def __iter__(self) -> Iterator[int]:
        return iter(self._waves)

    def __len__(self) -> int:
        return len(self._waves)


def fielded_waves(app: Adapters, study: Study) -> list[int]:
    """Return the numbers of the waves that have been opened, in order."""
    states = app.store.wave_states(study.key)
    return [wave.number for wave in study.waves if states.get(wave.number) in FIELDED]


def _counted(study: Study, result: merging.Merge, before: pd.DataFrame) -> Merged:
    nobody = before.iloc[:0]
    rows = pd.concat(
        [frame[[*KEY, "response"]] for frame in result.person_waves.values()] or [nobody], ignore_index=True
    )
    both = rows.merge(before[[*KEY, "response"]], on=KEY, how="left", suffixes=("", "_before"))
    added = int(both["response_before"].isna().sum())
    revised = int((both["response_before"].notna() & (both["response"] != both["response_before"])).sum())
    log.info("merged study=%s waves=%d person_waves=%d added=%d", study.key, len(result.person_waves), len(rows), added)
    return Merged(
        waves=tuple(result.person_waves),
        person_waves=len(rows),
        added=added,
        revised=revised,
    )


@dataclass(frozen=True)
class Facts:
    """What members said of immutable facts in every wave, read when it is asked for, and once."""

    app: Adapters
    study: Study

    @cached_property
    def known(self) -> pd.DataFrame:
        """Return member, wave and the immutable variables of every person-wave."""
        names = [each.name for each in self.study.variables if each.is_immutable]
        if not names:
            return pd.DataFrame(columns=KEY)
        return self.app.store.person_waves(self.study.key, columns=names)[[*KEY, *names]]

    @cached_property
    def _settled(self) -> dict[str, pd.Series]:
        return {name: merging.settled(self.known, name) for name in self.known.columns.difference(KEY)}

    def differing(self, wave: int) -> str:
        """
        Return what in a wave differs from the member's fact, as a text that never leaves the machine: it is hashed.

        So a wave that was judged before a later one settled the fact otherwise is seen to be judged on other data.
        """
        here = self.known[self.known["wave"] == wave]
        lines = []
        for name, fact in self._settled.items():
            said = here.loc[here[name].notna(), ["member", name]]
            meant = said["member"].map(fact).astype(said[name].dtype)
            other = (said[name] != meant).to_numpy(dtype=bool)
            lines += [
                f"{name}\0{member}\0{value}" for member, value in zip(said["member"][other], meant[other], strict=True)
            ]
        return "\n".join(sorted(lines))


def clean_panel(
    app: Adapters, study: Study, waves: Sequence[int], columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """
    Return person-waves with every held cell set aside and without the rows that a check holds: raw plus decisions.

    Args:
        app: the adapters.
        study: the study.
        waves: wave numbers to read.
        columns: variables to read, with those that they derive from; all by default.
    """
    frame = _usable(app, study, waves, None if columns is None else with_sources(study, columns))
    held = app.store.held(study.key)
    here = held[held["wave"].isin(list(waves))]
    clean = hold_cells(_without_held_rows(frame, here), here, study)
    return correct_cells(clean, corrections(app, study, waves), study)


def _usable(app: Adapters, study: Study, waves: Sequence[int], names: Sequence[str] | None) -> pd.DataFrame:
    """Return person-waves of members who may be used, also where one withdrew since the panel was merged."""
    frame = app.store.person_waves(study.key, waves, names)
    unused = unused_members(app, study)
    return frame[~frame["member"].isin(unused)].reset_index(drop=True) if unused else frame


def as_said(app: Adapters, study: Study, waves: Sequence[int], columns: Sequence[str]) -> pd.DataFrame:
    """Return person-waves as `clean_panel` does, but with nothing set aside: what members said, corrections applied."""
    frame = _usable(app, study, waves, with_sources(study, columns))
    return correct_cells(frame, corrections(app, study, waves), study)


def held_variables(app: Adapters, study: Study, waves: Sequence[int]) -> set[str] | None:
    """Return the variables of which a cell is held, and all that derive from them; None where whole rows are held."""
    held = app.store.held(study.key)
    here = held[held["wave"].isin(list(waves)) & held["delivery"].isna() & held["member"].notna()]
    if here["variable"].isna().any():
        return None
    names = set(here["variable"])
    return {each.name for each in study.variables if names & set(with_sources(study, [each.name]))}


def corrections(app: Adapters, study: Study, waves: Sequence[int]) -> pd.DataFrame:
    """
    Return the values that were decided on: member, wave, variable, value of the variable's kind, and what was `said`.

    A decision is about one value: where a later response says something else, it no longer counts.
    """
    decided = [
        each
        for each in app.store.decided(study.key)
        if each.decision and each.decision.value is not None and each.state == "correct" and each.verdict.wave in waves
    ]
    if not decided:
        return pd.DataFrame(columns=_CORRECTED)
    names = sorted({each.verdict.variable for each in decided})
    raw = app.store.person_waves(study.key, {each.verdict.wave for each in decided}, names)
    said = raw.set_index(["member", "wave"])
    rows = [_correction(each, said, study) for each in decided]
    return pd.DataFrame([row for row in rows if row], columns=_CORRECTED)


_CORRECTED = ["member", "wave", "variable", "value", "said"]


def _correction(standing: Standing, said: pd.DataFrame, study: Study) -> dict[str, object] | None:
    verdict, decision = standing.verdict, standing.decision
    key = (verdict.member, verdict.wave)
    if decision is None or key not in said.index:
        return None
    given = said.at[key, verdict.variable]
    if digest_of(*key, verdict.variable, given) != verdict.value_digest:
        return None
    variable = study.instrument_of(verdict.wave).variable(verdict.variable)
    value = reader(variable)(str(decision.value))
    cell = {"member": verdict.member, "wave": verdict.wave, "variable": verdict.variable}
    return cell | {"value": value, "said": given}


def _without_held_rows(frame: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """Drop the rows that a check holds; a row that intake held was never merged, and has a delivery."""
    rows = held[held["variable"].isna() & held["delivery"].isna() & held["member"].notna()]
    if rows.empty:
        return frame
    keys = pd.MultiIndex.from_frame(rows[["member", "wave"]])
    return frame[~pd.MultiIndex.from_frame(frame[["member", "wave"]]).isin(keys)].reset_index(drop=True)


def as_first_given(app: Adapters, study: Study, panel: pd.DataFrame) -> pd.DataFrame | None:
    """
    Return of `panel` the members of whom anything was ever corrected, as their first responses would have them.

    That is those who gave a different interview later, and those of whose answers somebody decided that another value
    counts: here stands what was said first. A cell that a check holds is set aside here too. None where nothing was
    corrected. See `merge.as_first_given`.
    """
    waves = panel["wave"].unique()
    index = app.store.response_index(study.key)
    interviews = index[index["disposition"].isin(INTERVIEWED) & index["wave"].isin(waves)]
    given = interviews.groupby(KEY)["response"].nunique()
    revised = given[given > 1].reset_index()[KEY]
    decided = corrections(app, study, waves.tolist())
    members = [*revised["member"], *decided["member"]]
    if not members:
        return None
    undone = decided[decided["said"].notna()].assign(value=decided["said"])
    own = correct_cells(panel[panel["member"].isin(members)].reset_index(drop=True), undone, study)
    responses = {int(wave): app.store.responses(study.key, wave) for wave in sorted(revised["wave"].unique())}
    rows = {wave: frame[frame["member"].isin(revised["member"])] for wave, frame in responses.items()}
    is_revised = own["member"].isin(revised["member"])
    first = merging.as_first_given(own[is_revised], rows, study)
    both = pd.concat([first, own[~is_revised]], ignore_index=True)
    return hold_cells(both, app.store.held(study.key), study)
