"""Let Great Expectations judge, and take nothing on trust: every check is counted in and counted out."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from panel.checks.entries import Entry
from panel.errors import DefinitionError, Fault, Where
from panel.model.results import Verdict

_FORMAT = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": ["member", "wave"],
    "exclude_unexpected_values": True,
    "return_unexpected_index_query": False,
    "partial_unexpected_count": 0,
}


def judge(
    tables: Mapping[str, pd.DataFrame], entries: Sequence[Entry], broken: Mapping[str, str] | None = None
) -> tuple[Verdict, ...]:
    """
    Return a verdict for every entry, in their order.

    Args:
        tables: `rows`, `facts` and `earlier`, each with member and wave. Not modified.
        entries: what must hold.
        broken: ids of entries whose column could not be computed, each with what went wrong; they are not judged.

    Raises:
        DefinitionError: Great Expectations does not know an expectation or refuses its arguments, or it lost one.
    """
    found: dict[str, Any] = {}
    failed = dict(broken or {})
    for name, frame in tables.items():
        own = [entry for entry in entries if entry.table == name and entry.id not in failed]
        if own:
            found |= _judged(frame, own)
    return tuple(_verdict(entry, found.get(entry.id), tables[entry.table], failed.get(entry.id)) for entry in entries)


def _judged(frame: pd.DataFrame, entries: Sequence[Entry]) -> dict[str, Any]:
    gx = _great_expectations()
    suite = gx.ExpectationSuite(name="stage", expectations=_expectations(entries))
    if len(suite.expectations) != len(entries):
        raise DefinitionError(f"Of {len(entries)} checks Great Expectations kept {len(suite.expectations)}.")
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    outcome = batch.validate(suite, result_format=_FORMAT)
    return {result.expectation_config.meta["check"]: result for result in outcome.results}


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


def _verdict(entry: Entry, result: Any, frame: pd.DataFrame, fault: str | None) -> Verdict:
    details = {} if result is None else (result.result or {})
    broken = result is None or _raised(result)
    failing = tuple(_failing(details)) if entry.table == "rows" else ()
    observed = details.get("observed_value")
    state = "broken" if broken else ("passed" if result.success else "failed")
    return Verdict(
        check=entry.id,
        expectation=entry.expectation,
        columns=entry.columns,
        severity=entry.severity,
        owner=entry.owner,
        why=str(entry.why),
        state=state,  # type: ignore[arg-type]
        checked_count=_checked(details, frame),
        failing_count=max(int(details.get("unexpected_count") or 0), len(failing)),
        failing=failing,
        observed=fault if observed is None else f"{observed:g}" if isinstance(observed, (int, float)) else None,
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


def _failing(details: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return the keys of failing rows; without values GX lists them by column, in one or more pieces."""
    listed = details.get("unexpected_index_list") or []
    pieces = [listed] if isinstance(listed, dict) else listed
    pairs = [pair for piece in pieces for pair in zip(_listed(piece["member"]), _listed(piece["wave"]), strict=True)]
    return sorted((str(member), int(wave)) for member, wave in pairs)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
