"""Let Great Expectations judge, and take nothing on trust: every check is counted in and counted out."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from panel.checks.entries import Entry
from panel.checks.pooled import answers_table, facts_table, failing_of, is_about_a_fact, is_about_answers
from panel.errors import DefinitionError, Fault, Where
from panel.model.results import Verdict

_FORMAT = {
    "result_format": "COMPLETE",
    "exclude_unexpected_values": True,
    "return_unexpected_index_query": False,
    "partial_unexpected_count": 0,
}


def judge(
    tables: Mapping[str, pd.DataFrame],
    entries: Sequence[Entry],
    columns: Mapping[str, np.ndarray] | None = None,
    broken: Mapping[str, str] | None = None,
) -> tuple[Verdict, ...]:
    """
    Return a verdict for every entry, in their order.

    Great Expectations spends milliseconds on an expectation whatever the rows, so entries of one form are judged
    together, by one expectation over a long table; every other entry is an expectation of its own.

    Args:
        tables: `rows`, `facts` and `earlier`, each with member and wave. Not modified.
        entries: what must hold.
        columns: by entry about answers, of each of the rows 1 where it holds, 0 where not, NaN where it has no say.
        broken: ids of entries whose column could not be computed, each with what went wrong; they are not judged.

    Raises:
        DefinitionError: Great Expectations does not know an expectation or refuses its arguments, or it lost one.
    """
    failed = dict(broken or {})
    left = [entry for entry in entries if entry.id not in failed]
    answers = [entry for entry in left if is_about_answers(entry) and entry.id in (columns or {})]
    facts = [entry for entry in left if is_about_a_fact(entry)]
    together = {entry.id for entry in (*answers, *facts)}
    batches = _Batches()
    found = _answers(batches, answers, tables["rows"], columns or {}) | _facts(batches, facts, tables.get("facts"))
    for name, frame in tables.items():
        own = [entry for entry in left if entry.table == name and entry.id not in together]
        if own:
            found |= _alone(batches, frame, own)
    return tuple(_verdict(entry, found.get(entry.id), tables[entry.table], failed.get(entry.id)) for entry in entries)


@dataclass(frozen=True)
class _Said:
    """What came back about one entry; `failing` are keys of rows."""

    success: bool
    checked_count: int
    failing_count: int = 0
    failing: tuple[tuple[str, int], ...] = ()
    observed: float | None = None


class _Batches:
    """Tables in one context of Great Expectations, each validated as a whole."""

    def __init__(self) -> None:
        self._gx = _great_expectations()
        self._context = self._gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False}
        self._source = self._context.data_sources.add_pandas("frames")
        self._count = 0

    def validate(self, frame: pd.DataFrame, expectations: Sequence[Any], keys: Sequence[str]) -> list[Any]:
        """Return a result for every expectation, in any order; one that was lost is an error."""
        suite = self._gx.ExpectationSuite(name="stage", expectations=list(expectations))
        if len(suite.expectations) != len(expectations):
            raise DefinitionError(f"Of {len(expectations)} checks Great Expectations kept {len(suite.expectations)}.")
        self._count += 1
        asset = self._source.add_dataframe_asset(f"frame-{self._count}")
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
        outcome = batch.validate(suite, result_format={**_FORMAT, "unexpected_index_column_names": list(keys)})
        return list(outcome.results)


def _alone(batches: _Batches, frame: pd.DataFrame, entries: Sequence[Entry]) -> dict[str, _Said | None]:
    found: dict[str, _Said | None] = {}
    for result in batches.validate(frame, _expectations(entries), ("member", "wave")):
        details = result.result or {}
        failing = [(str(member), int(wave)) for member, wave in _failing(details, ("member", "wave"))]
        observed = details.get("observed_value")
        found[result.expectation_config.meta["check"]] = None if _raised(result) else _Said(
            success=bool(result.success),
            checked_count=_checked(details, frame),
            failing_count=max(int(details.get("unexpected_count") or 0), len(failing)),
            failing=tuple(sorted(failing)),
            observed=observed if isinstance(observed, (int, float)) else None,
        )  # fmt: skip
    return found


def _answers(
    batches: _Batches, entries: Sequence[Entry], rows: pd.DataFrame, columns: Mapping[str, np.ndarray]
) -> dict[str, _Said | None]:
    """Judge the answers that entries are about row by row: none may fail there. Say of each which rows it failed."""
    if not entries:
        return {}
    places = failing_of({entry.id: columns[entry.id] for entry in entries})
    table = answers_table(places, len(rows))
    expectation = _expectation("expect_column_values_to_be_in_set", column="failing", value_set=[0])
    found = _whole(batches.validate(table, [expectation], ("row",)), len(table), ("row",))
    wrong = None if found is None else np.array(sorted(row for (row,) in found), dtype=np.int64)
    if wrong is None or not np.array_equal(wrong, np.flatnonzero(table["failing"])):
        return {}
    keys = rows[["member", "wave"]]
    return {entry.id: _said(places[entry.id], columns[entry.id], keys) for entry in entries}


def _said(places: np.ndarray, column: np.ndarray, keys: pd.DataFrame) -> _Said:
    rows = keys.iloc[places]
    failing = tuple(sorted(zip(map(str, rows["member"]), map(int, rows["wave"]), strict=True)))
    return _Said(not failing, int((~np.isnan(column)).sum()), len(failing), failing)


def _facts(batches: _Batches, entries: Sequence[Entry], facts: pd.DataFrame | None) -> dict[str, _Said | None]:
    """Judge facts as rows of one table: each at least `least` and at most `most`; one that is NaN fails."""
    if not entries or facts is None:
        return {}
    table = facts_table(entries, facts)
    wrong: set[int] = set()
    for larger, smaller in (("value", "least"), ("most", "value")):
        kind = "expect_column_pair_values_a_to_be_greater_than_b"
        expectation = _expectation(kind, column_A=larger, column_B=smaller, or_equal=True, ignore_row_if="neither")
        places = _whole(batches.validate(table, [expectation], ("check",)), len(table), ("check",))
        if places is None:
            return {}
        wrong |= {place for (place,) in places}
    values = table["value"].tolist()
    return {
        entry.id: _Said(place not in wrong, 1, observed=values[place]) for place, entry in enumerate(entries)
    }  # fmt: skip


def _whole(results: Sequence[Any], size: int, keys: Sequence[str]) -> list[tuple[int, ...]] | None:
    """Return the keys of the rows that one expectation failed; None where it did not judge every row."""
    (result,) = results
    details = result.result or {}
    if _raised(result) or details.get("element_count") != size:
        return None
    failing = _failing(details, keys)
    return failing if len(failing) == details.get("unexpected_count") else None


def _expectation(kind: str, **arguments: Any) -> Any:
    from great_expectations.expectations.registry import get_expectation_impl

    return get_expectation_impl(kind)(**arguments)


def _great_expectations() -> Any:
    """Import it where it is used: it takes seconds, and warns of its own imports."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx

        import panel.checks.custom  # noqa: F401 - registers expectations of our own
    for chatty in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    return gx


def _expectations(entries: Sequence[Entry]) -> list[Any]:
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.registry import get_expectation_impl

    made, faults = [], []
    for entry in entries:
        where = Where(check=entry.id)
        try:
            made.append(get_expectation_impl(entry.expectation)(**entry.arguments, meta={"check": entry.id}))
        except ExpectationNotFoundError:
            faults.append(Fault(f"there is no expectation '{entry.expectation}'", where, "correct its type"))
        except (ValueError, TypeError) as error:
            lines = str(error).splitlines()
            faults.append(Fault(f"{entry.expectation} refuses its arguments: {' '.join(lines[1:3])}", where))
    if faults:
        raise DefinitionError(f"{len(faults)} checks are not expectations.", faults=faults)
    return made


def _verdict(entry: Entry, said: _Said | None, frame: pd.DataFrame, fault: str | None) -> Verdict:
    failing = said.failing if said and entry.table == "rows" else ()
    observed = said.observed if said else None
    state = "broken" if said is None else ("passed" if said.success else "failed")
    return Verdict(
        check=entry.id,
        expectation=entry.expectation,
        columns=entry.columns,
        severity=entry.severity,
        owner=entry.owner,
        why=str(entry.why),
        state=state,  # type: ignore[arg-type]
        checked_count=said.checked_count if said else len(frame),
        failing_count=said.failing_count if said else 0,
        failing=failing,
        observed=fault if observed is None else f"{observed:g}",
        action=entry.action,  # type: ignore[arg-type]
        version=entry.version,
        catalogue=entry.catalogue,
        subgroup=entry.subgroup,
        proposed=_proposed(entry, failing, frame),
    )


def _checked(details: Mapping[str, Any], frame: pd.DataFrame) -> int:
    """Return how many rows a check had a say about: a row where its column is missing is not judged."""
    count = details.get("element_count")
    return len(frame) if count is None else int(count) - int(details.get("missing_count") or 0)


def _proposed(entry: Entry, failing: Sequence[tuple[str, int]], frame: pd.DataFrame) -> tuple[Any, ...]:
    if not entry.proposes or not failing:
        return ()
    meant = frame.drop_duplicates(["member", "wave"]).set_index(["member", "wave"])[entry.proposes].dropna()
    known = meant.astype(float if pd.api.types.is_numeric_dtype(meant.dtype) else object).to_dict()
    return tuple((*key, known[key]) for key in failing if key in known)


def _raised(result: Any) -> bool:
    """Say whether the check itself could not run: it raised, and has no result."""
    info = result.exception_info or {}
    if info.get("raised_exception"):
        return True
    return any(isinstance(each, dict) and each.get("raised_exception") for each in info.values())


def _failing(details: Mapping[str, Any], keys: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the keys of failing rows; without values GX lists them by column, in one or more pieces."""
    listed = details.get("unexpected_index_list") or []
    pieces = [listed] if isinstance(listed, dict) else listed
    return [found for piece in pieces for found in zip(*(_listed(piece[key]) for key in keys), strict=True)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
