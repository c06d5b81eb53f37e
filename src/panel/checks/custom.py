"""Expectations of our own where Great Expectations has none; importing this module registers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import (
    BatchExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.metrics.map_metric_provider.column_pair_condition_partial import (
    column_pair_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_pair_map_metric_provider import (
    ColumnPairMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (
    multicolumn_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_map_metric_provider import (
    MulticolumnMapMetricProvider,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration

from panel.checks import statistics

_MEASURES: dict[str, Callable[..., float]] = {}


def _measure(name: str) -> Callable[[Callable[..., float]], Callable[..., float]]:
    def keep(function: Callable[..., float]) -> Callable[..., float]:
        _MEASURES[name] = function
        return function

    return keep


@_measure("excess")
def _excess(frame: pd.DataFrame, *, column: str, reference: dict[str, int], measure: str, quantile: float,
            floor: float) -> float:  # fmt: skip
    """Return by how much the distance to the reference exceeds both the floor and chance; 0 where it does not."""
    distance = {"psi": statistics.psi, "js": statistics.js_distance}[measure]
    now, before = statistics.aligned(statistics.counted(frame[column]), reference)
    if min(now.sum(), before.sum()) == 0:
        return 0.0
    limit = max(floor, statistics.limit_by_chance(distance, now, before, quantile))
    return max(float(distance(now, before)) - limit, 0.0)


@_measure("gap")
def _gap(frame: pd.DataFrame, *, column: str, groups: dict[str, str], shares: dict[str, float]) -> float:
    named = frame[column].astype("str").map(groups)
    return statistics.largest_gap(statistics.counted(named), shares)


@_measure("lag")
def _lag(frame: pd.DataFrame, *, column: str, group_column: str, codes: list[Any]) -> float:
    inside = frame[group_column].isin(codes).to_numpy(dtype=bool)
    return statistics.lag_behind(frame[column].to_numpy(dtype=bool), inside)


@_measure("r_loss")
def _r_loss(frame: pd.DataFrame, *, column: str, predictors: list[str]) -> float:
    """Return what the R-indicator lacks to 1."""
    if len(frame) < 30 or frame[column].nunique() < 2:
        return 0.0
    return 1 - statistics.r_indicator(frame[column].to_numpy(dtype=bool), [frame[name] for name in predictors])


@_measure("apart")
def _apart(frame: pd.DataFrame, *, column: str, group_column: str) -> float:
    new = frame[group_column].to_numpy(dtype=bool)
    return statistics.apart(frame.loc[new, column], frame.loc[~new, column])


@_measure("heaping")
def _heaping(frame: pd.DataFrame, *, column: str, base: float, reference: float) -> float:
    """Return by how much the share of multiples of `base` rose above the reference."""
    share = statistics.heaped_share(frame[column], base)
    return 0.0 if np.isnan(share) or np.isnan(reference) else share - reference


class TableMeasure(TableMetricProvider):
    """One measure over a whole table: `measure_name` picks it, `measure_arguments` is what it takes."""

    metric_name = "table.panel_measure"
    value_keys = ("measure_name", "measure_arguments")

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(  # type: ignore[no-untyped-def]
        cls,  # noqa: N805
        execution_engine,
        metric_domain_kwargs,
        metric_value_kwargs,
        metrics,  # noqa: ARG002
        runtime_configuration,  # noqa: ARG002
    ):
        frame, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        return _MEASURES[metric_value_kwargs["measure_name"]](frame, **metric_value_kwargs["measure_arguments"])


class _AtMost(BatchExpectation):
    """A measure of the table may be at most `max_value`."""

    max_value: float
    measure: ClassVar[str]
    takes: ClassVar[tuple[str, ...]]
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)
    success_keys: ClassVar[tuple[str, ...]] = ("max_value",)
    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.panel_measure",)

    def get_validation_dependencies(self, execution_engine: Any = None, runtime_configuration: Any = None) -> Any:
        """Ask for the one metric with the arguments of this expectation."""
        needed = super(BatchExpectation, self).get_validation_dependencies(execution_engine, runtime_configuration)
        arguments = {**self._fixed(), **{name: getattr(self, name) for name in self.takes}}
        needed.set_metric_configuration(
            "table.panel_measure",
            MetricConfiguration(
                metric_name="table.panel_measure",
                metric_domain_kwargs={},
                metric_value_kwargs={"measure_name": self.measure, "measure_arguments": arguments},
            ),
        )
        return needed

    def _fixed(self) -> dict[str, Any]:
        return {}

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        del runtime_configuration, execution_engine
        found = float(metrics["table.panel_measure"])
        return {"success": bool(found <= self.max_value), "result": {"observed_value": round(found, 4)}}


class ExpectColumnPsiToBeSmall(_AtMost):
    """Codes are spread as in the reference, but for chance: the PSI's excess over floor and chance is at most that."""

    column: str
    reference: dict[str, int]
    floor: float = 0.1
    quantile: float = 0.99
    max_value: float = 0.0
    measure = "excess"
    takes = ("column", "reference", "floor", "quantile")

    def _fixed(self) -> dict[str, Any]:
        return {"measure": "psi"}


class ExpectColumnJsDistanceToBeSmall(_AtMost):
    """The same by the Jensen-Shannon distance."""

    column: str
    reference: dict[str, int]
    floor: float = 0.1
    quantile: float = 0.99
    max_value: float = 0.0
    measure = "excess"
    takes = ("column", "reference", "floor", "quantile")

    def _fixed(self) -> dict[str, Any]:
        return {"measure": "js"}


class ExpectColumnSharesToBeNear(_AtMost):
    """The groups of a column have shares near those of the population."""

    column: str
    groups: dict[str, str]
    shares: dict[str, float]
    measure = "gap"
    takes = ("column", "groups", "shares")


class ExpectGroupToComeBack(_AtMost):
    """A group comes back as often as everybody else, but for chance."""

    column: str
    group_column: str
    codes: list[Any]
    measure = "lag"
    takes = ("column", "group_column", "codes")


class ExpectRIndicatorToBeHigh(_AtMost):
    """Who comes back does not depend on who one is: the R-indicator lacks at most that much to 1."""

    column: str
    predictors: list[str]
    measure = "r_loss"
    takes = ("column", "predictors")


class ExpectNewcomersToAnswerAlike(_AtMost):
    """Newcomers and those who answered before have one mean, but for chance, in standard deviations."""

    column: str
    group_column: str
    measure = "apart"
    takes = ("column", "group_column")


class ExpectColumnHeapingToBeSteady(_AtMost):
    """The share of amounts that are multiples of `base` rises by at most that much over the reference."""

    column: str
    reference: float
    base: float = 1_000.0
    measure = "heaping"
    takes = ("column", "base", "reference")


class _NearStraight(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.panel_not_near_straight"
    condition_domain_keys = ("batch_id", "table", "column_list", "row_condition", "condition_parser", "ignore_row_if")
    condition_value_keys = ("most_alike",)

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list, most_alike, **kwargs):  # type: ignore[no-untyped-def]  # noqa: N805, ARG002
        answers = column_list.astype("Float64")
        commonest = answers.apply(lambda row: row.value_counts().max(), axis=1)
        return commonest <= most_alike


class ExpectAnswersNotToBeNearStraight(MulticolumnMapExpectation):
    """Of the answers on a grid at most `most_alike` are the same; rows that miss an answer are left out."""

    most_alike: int
    ignore_row_if: Literal["any_value_is_missing"] = "any_value_is_missing"
    map_metric = "multicolumn_values.panel_not_near_straight"
    success_keys = ("mostly", "most_alike", "ignore_row_if")
    args_keys = ("column_list", "most_alike")


class _WithinBand(ColumnPairMapMetricProvider):
    condition_metric_name = "column_pair_values.panel_within_band"
    condition_domain_keys = ("batch_id", "table", "column_A", "column_B", "row_condition", "condition_parser", "ignore_row_if")  # noqa: E501 # fmt: skip
    condition_value_keys = ("edges", "above", "below")

    @column_pair_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_A, column_B, edges, above, below, **kwargs):  # type: ignore[no-untyped-def]  # noqa: N803, N805, ARG002
        bounds = np.array([-np.inf, *edges, np.inf])
        band = column_B.astype(int).to_numpy()
        top, bottom = bounds[band], bounds[band - 1]
        amount = column_A.astype(float).to_numpy()
        high = np.where(np.isfinite(top), amount <= above * top, True)
        low = np.where(np.isfinite(bottom), amount >= below * bottom, True)
        return pd.Series(high & low, index=column_A.index)


class ExpectAmountToAgreeWithBand(ColumnPairMapExpectation):
    """An amount lies within its band, and not beyond `above` times its top or `below` times its bottom."""

    edges: list[float]
    above: float = 1.5
    below: float = 0.5
    ignore_row_if: str = "either_value_is_missing"
    map_metric = "column_pair_values.panel_within_band"
    success_keys = ("mostly", "edges", "above", "below", "ignore_row_if")
    args_keys = ("column_A", "column_B", "edges", "above", "below")


class _UnitSlip(ColumnPairMapMetricProvider):
    condition_metric_name = "column_pair_values.panel_no_unit_slip"
    condition_domain_keys = ("batch_id", "table", "column_A", "column_B", "row_condition", "condition_parser", "ignore_row_if")  # noqa: E501 # fmt: skip
    condition_value_keys = ("factors", "tolerance", "least", "side")

    @column_pair_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_A, column_B, factors, tolerance, least, side, **kwargs):  # type: ignore[no-untyped-def]  # noqa: N803, N805, ARG002
        value, typical = column_A.astype(float).to_numpy(), column_B.astype(float).to_numpy()
        factor, _ = statistics.slip_factor(value, typical, factors, tolerance)
        slipped = factor != 0 if side == "both" else factor > 0 if side == "below" else factor < 0
        return pd.Series(~slipped | (np.maximum(value, typical) < least), index=column_A.index)


class ExpectAmountNotToBeAUnitSlip(ColumnPairMapExpectation):
    """
    An amount is not about a tenth, twelfth, hundredth or thousandth of its typical size, nor so many times it.

    `side` says which is judged: an amount `below` its typical size, `above` it, or `both`.
    """

    factors: list[float]
    tolerance: float = 1.15
    least: float = 0.0
    side: Literal["both", "below", "above"] = "both"
    ignore_row_if: str = "either_value_is_missing"
    map_metric = "column_pair_values.panel_no_unit_slip"
    success_keys = ("mostly", "factors", "tolerance", "least", "side", "ignore_row_if")
    args_keys = ("column_A", "column_B", "factors", "tolerance", "least", "side")
