"""
Evaluate the small language of routes, checks, derived variables and events over a frame.

Logic has three values: a comparison with a missing value is missing, `and`/`or` follow Kleene, and a condition that is
missing yields a missing value.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from panel.errors import DefinitionError, UnknownVariable, did_you_mean, printable
from panel.model.expression import Expression
from panel.schema import reason_column

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


def evaluate(expression: Expression, frame: pd.DataFrame, extra: Mapping[str, object] | None = None) -> pd.Series:
    """
    Return the value of `expression` for every row of `frame`, on its index.

    Args:
        expression: parsed by `panel.model.expression.parse`.
        frame: columns by name; `reason(x)` reads the reason column of x. Not modified.
        extra: values of names that are no columns, such as `wave_year`: one for all rows, or a series on the index.

    Raises:
        UnknownVariable: the expression reads a name that is neither a column nor in `extra`.
        DefinitionError: it adds, orders or takes for true what is no number, or no truth.
    """
    try:
        return _Evaluator(frame, extra or {}).series(expression.tree)
    except (TypeError, ValueError) as error:
        # The error's own words may hold an answer, so they are not passed on.
        raise DefinitionError(
            f"'{printable(expression.text)}' uses a text as a number, or a number as yes or no.",
            fix="compare texts with texts and numbers with numbers; a yes or no has codes, as in: has_contract == 1",
        ) from error


def holds(expression: Expression, frame: pd.DataFrame, extra: Mapping[str, object] | None = None) -> np.ndarray:
    """Return whether `expression` holds for every row; where it is missing it does not hold."""
    answer = evaluate(expression, frame, extra)
    try:
        return _truth(answer).fillna(value=False).to_numpy(dtype=bool)
    except TypeError as error:
        raise DefinitionError(
            f"'{printable(expression.text)}' is not a condition.", fix="write a comparison, as in: has_contract == 1"
        ) from error


class _Evaluator:
    def __init__(self, frame: pd.DataFrame, extra: Mapping[str, object]) -> None:
        self.frame = frame
        self.extra = extra

    def value(self, node: ast.expr) -> Any:
        return getattr(self, f"_{type(node).__name__.lower()}")(node)

    def series(self, node: ast.expr) -> pd.Series:
        value = self.value(node)
        return value if isinstance(value, pd.Series) else pd.Series(value, index=self.frame.index)

    def truth(self, node: ast.expr) -> pd.Series:
        return _truth(self.series(node))

    def number(self, node: ast.expr) -> pd.Series:
        return self.series(node).astype("Float64")

    def _constant(self, node: ast.Constant) -> Any:
        return pd.NA if node.value is None else node.value

    def _name(self, node: ast.Name) -> Any:
        if node.id in self.frame.columns:
            return self.frame[node.id]
        if node.id in self.extra:
            return self.extra[node.id]
        known = [*map(str, self.frame.columns), *self.extra]
        raise UnknownVariable(f"There is no variable '{node.id}' to evaluate.", fix=did_you_mean(node.id, known))

    def _boolop(self, node: ast.BoolOp) -> pd.Series:
        join = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        first, *rest = node.values
        answer = self.truth(first)
        for each in rest:
            answer = join(answer, self.truth(each))
        return answer

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            return ~self.truth(node.operand)
        value = self.value(node.operand)
        return -value if not isinstance(value, pd.Series) else -value.astype("Float64")

    def _binop(self, node: ast.BinOp) -> pd.Series:
        left, right = self.number(node.left), self.number(node.right)
        if isinstance(node.op, ast.Div):
            return left / right.mask(right == 0)
        return _ARITHMETIC[type(node.op)](left, right)

    def _compare(self, node: ast.Compare) -> pd.Series:
        answers = []
        left = node.left
        for sign, right in zip(node.ops, node.comparators, strict=True):
            answers.append(self._one_compare(left, sign, right))
            left = right
        answer = answers[0]
        for each in answers[1:]:
            answer = answer & each
        return answer

    def _one_compare(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> pd.Series:
        if isinstance(sign, (ast.Is, ast.IsNot)):
            missing = self.series(left).isna().astype("boolean")
            return missing if isinstance(sign, ast.Is) else ~missing
        if isinstance(sign, (ast.In, ast.NotIn)):
            return self._among(left, right, negated=isinstance(sign, ast.NotIn))
        return self._against(self.series(left), _COMPARE[type(sign)], self.series(right))

    def _against(self, one: pd.Series, compare: Callable[[Any, Any], Any], other: pd.Series) -> pd.Series:
        known = (one.notna() & other.notna()).to_numpy(dtype=bool)
        answer = pd.Series(pd.NA, index=self.frame.index, dtype="boolean")
        if known.any():
            answer[known] = np.asarray(compare(one[known], other[known]), dtype=bool)
        return answer

    def _among(self, left: ast.expr, right: ast.expr, *, negated: bool) -> pd.Series:
        """Return whether left is one of the options; missing where it is, or where only a missing option could be."""
        options = [self.value(each) for each in (right.elts if isinstance(right, ast.Tuple) else [right])]
        one = self.series(left)
        fixed = [option for option in options if not isinstance(option, pd.Series) and not pd.isna(option)]
        found = one.isin(fixed).astype("boolean").mask(one.isna())
        for option in options:
            if isinstance(option, pd.Series):
                found = found | self._against(one, operator.eq, option)
            elif pd.isna(option):
                found = found | pd.Series(pd.NA, index=self.frame.index, dtype="boolean")
        return ~found if negated else found

    def _ifexp(self, node: ast.IfExp) -> pd.Series:
        test = self.truth(node.test)
        yes, no = self.series(node.body), self.series(node.orelse)
        kind = "Float64" if _numeric(yes) and _numeric(no) else "object"
        answer = no.astype(kind).where(~test.fillna(value=False).astype(bool), yes.astype(kind))
        answer = answer.mask(test.isna())
        return answer if kind == "Float64" else answer.astype("str")

    def _call(self, node: ast.Call) -> pd.Series:
        name = node.func.id  # type: ignore[attr-defined]
        if name == "reason":
            return self._reason(node.args[0])
        values = [self.series(each) for each in node.args]
        if name == "first_known":
            return _first_known(values)
        numbers = pd.concat([value.astype("Float64") for value in values], axis=1)
        if name == "total":
            return numbers.sum(axis=1, min_count=1)
        return numbers.min(axis=1) if name == "lowest" else numbers.max(axis=1)

    def _reason(self, node: ast.expr) -> pd.Series:
        name = node.id if isinstance(node, ast.Name) else ""
        if reason_column(name) not in self.frame.columns:
            raise UnknownVariable(f"There is no reason column of '{name}'.", fix="write reason(x) of a variable")
        return self.frame[reason_column(name)].astype("str")


def _truth(series: pd.Series) -> pd.Series:
    """Return a series of yes and no; a number is neither, not even 0 or 1."""
    if not (pd.api.types.is_bool_dtype(series.dtype) or series.isna().all()):
        raise TypeError("not yes or no")
    return series.astype("boolean")


def _numeric(series: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(series.dtype) or series.isna().all())


def _first_known(values: list[pd.Series]) -> pd.Series:
    kind = "Float64" if all(_numeric(value) for value in values) else "object"
    first, *rest = (value.astype(kind) for value in values)
    for each in rest:
        first = first.where(first.notna(), each)
    return first if kind == "Float64" else first.astype("str")
