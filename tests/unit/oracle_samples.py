"""R's data, R's results, and how an estimate is held against them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from panel.estimate.estimators import Estimand, mean
from panel.estimate.kernel import Design, covariance

ORACLES = Path(__file__).parents[3] / "shared" / "oracles"
near = pytest.approx
EXACT = 1e-8
BESIDE = [
    pytest.mark.shared,
    pytest.mark.skipif(not ORACLES.is_dir(), reason="the R results lie beside the project, not in it"),
]


def raw_results(case: str) -> dict[str, Any]:
    """Return the results R gave for a case, as they are."""
    return json.loads(next((ORACLES / "expected").glob(f"{case}_*.json")).read_text("utf-8"))


def expected(case: str) -> dict[str, Any]:
    """Return the results R gave for a case; which of them are looked at is kept in `READ`."""
    return Watched(raw_results(case), case)


READ: set[str] = set()
"""Paths of the results that this process has looked at, a list of numbers as one."""


class Watched(dict[str, Any]):
    """A mapping of results that remembers what was taken out of it."""

    def __init__(self, content: dict[str, Any], path: str) -> None:
        super().__init__({key: _watched(value, f"{path}/{key}") for key, value in content.items()})
        self.path = path

    def __getitem__(self, key: str) -> Any:
        found = super().__getitem__(key)
        if not isinstance(found, Watched | tuple):
            READ.add(f"{self.path}/{key}")
        return found

    def get(self, key: str, default: Any = None) -> Any:
        """Return what is there, remembered, or the default."""
        return self[key] if key in self else default  # noqa: SIM401 - this is what `get` is

    def items(self) -> Any:
        """Return keys and values, all remembered."""
        return [(key, self[key]) for key in self]

    def values(self) -> Any:
        """Return values, all remembered."""
        return [self[key] for key in self]


def _watched(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return Watched(value, path)
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return tuple(_watched(each, f"{path}/{place}") for place, each in enumerate(value))
    return value


def results(tree: Any, path: str) -> Iterator[str]:
    """Yield the path of every number, text and list of them."""
    nested = isinstance(tree, list) and any(isinstance(each, dict) for each in tree)
    if isinstance(tree, dict) or nested:
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from results(value, f"{path}/{key}")
    else:
        yield path


def data(name: str) -> pd.DataFrame:
    """Return one of R's data frames."""
    return pd.read_csv(ORACLES / "data" / f"{name}.csv")


def designed(frame: pd.DataFrame, *, member: str, stratum: str | None, psu: str | None, share: Any = None) -> Design:
    """Return the design of a data frame, from the names of its columns."""
    empty = pd.Series(pd.NA, index=frame.index, dtype="str")
    columns = {
        "member": frame[member].astype("str"),
        "stratum": frame[stratum].astype("str") if stratum else empty,
        "psu": frame[psu].astype("str") if psu else empty,
    }
    return Design.of(pd.DataFrame(columns), sampled_share=share)


class Sampled:
    """A frame, its weights and its design, asked for estimates with standard errors."""

    def __init__(self, frame: pd.DataFrame, weights: np.ndarray, design: Design) -> None:
        self.frame, self.weights, self.design = frame, weights, design
        self.everybody = np.ones(len(frame), dtype=bool)

    def covariance(self, *found: Estimand) -> np.ndarray:
        """Return the joint covariance of estimates."""
        totals = [self.design.totals(self.weights * each.linear) for each in found]
        return covariance(np.stack(totals, axis=1), self.design)

    def se(self, found: Estimand) -> float:
        """Return one standard error."""
        return float(np.sqrt(self.covariance(found)[0, 0]))

    def mean(self, y: Any, rows: np.ndarray | None = None) -> Estimand:
        """Return the mean of a column, or of an array."""
        values = self.frame[y] if isinstance(y, str) else y
        return mean(np.asarray(values, dtype=float), self.weights, self.everybody if rows is None else rows)

    def agrees(self, found: Estimand, wanted: dict[str, float]) -> None:
        """Hold an estimate and its standard error against R's."""
        assert found.value == near(wanted["est"], rel=EXACT)
        assert self.se(found) == near(wanted["se"], rel=EXACT)


def stratified_schools() -> Sampled:
    """Return the stratified sample of schools, with the finite population correction."""
    frame = data("apistrat")
    share = frame.groupby("stype").apply(lambda each: len(each) / each["fpc"].iloc[0])
    return Sampled(frame, frame["pw"].to_numpy(), designed(frame, member="cds", stratum="stype", psu=None, share=share))
