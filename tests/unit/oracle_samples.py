"""R's data, R's results, and how an estimate is held against them."""

import json
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


def expected(case: str) -> dict[str, Any]:
    """Return the results R gave for a case."""
    return json.loads(next((ORACLES / "expected").glob(f"{case}_*.json")).read_text("utf-8"))


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
