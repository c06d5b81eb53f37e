"""
The small language of routes, checks, derived variables and events.

Python's own grammar, a safe part of it: names of variables, numbers, texts, `and or not`, comparisons, `in (…)`,
`+ - * /`, `a if condition else b`, `x is null`, `x is not null`, and the functions of FUNCTIONS. Nothing else parses.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from panel.errors import DefinitionError

FUNCTIONS: dict[str, int | None] = {
    "reason": 1,  # reason(x): why x is missing, "" where it is not
    "total": None,  # total(a, b, …): the sum of what is known; missing only where all are
    "first_known": None,  # first_known(a, b, …): the first that is not missing
    "lowest": None,  # lowest(a, b, …) of what is known
    "highest": None,  # highest(a, b, …) of what is known
}
_ALLOWED = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub,
    ast.Mult, ast.Div, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is,
    ast.IsNot, ast.IfExp, ast.Call, ast.Name, ast.Load, ast.Constant, ast.Tuple,
)  # fmt: skip
_NULL = re.compile(r"\bnull\b")


@dataclass(frozen=True)
class Expression:
    """A parsed expression: its text, its tree, and the variables it reads."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]


def parse(text: str) -> Expression:
    """
    Parse `text` and return it with the names it reads.

    Raises:
        DefinitionError: it is not an expression of this language.
    """
    try:
        tree = ast.parse(_NULL.sub("None", text).strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError) as error:
        raise DefinitionError(
            f"'{text}' is not an expression.", fix="write conditions as in: emp_class in (1, 5) and profit is not null"
        ) from error
    called = set()
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise DefinitionError(
                f"'{text}' uses {type(node).__name__}, which expressions do not have.",
                fix="use variables, numbers, comparisons, in, and, or, not, + - * /, if else and "
                + ", ".join(sorted(FUNCTIONS)),
            )
        if isinstance(node, ast.Call):
            called.add(id(node.func))
            _check_call(node, text)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}
    return Expression(text=text, tree=tree.body, names=tuple(sorted(names)))


def _check_call(node: ast.Call, text: str) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else "?"
    if name not in FUNCTIONS or node.keywords:
        raise DefinitionError(
            f"'{text}' calls {name}, which is not a function here.", fix="functions: " + ", ".join(sorted(FUNCTIONS))
        )
    count = FUNCTIONS[name]
    if not node.args or (count is not None and len(node.args) != count):
        raise DefinitionError(f"'{text}' gives {name} {len(node.args)} arguments; it takes {count or 'one or more'}.")
