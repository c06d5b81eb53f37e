"""
The small language of routes, checks, derived variables and events.

Python's own grammar, a safe part of it: names of variables, numbers, texts, `and or not`, comparisons, `in (…)`,
`+ - * /`, `a if condition else b`, `x is null`, `x is not null`, and the functions of FUNCTIONS. Nothing else parses.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from panel.errors import DefinitionError, printable

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
        tree = _Null().visit(ast.parse(text.strip(), mode="eval"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DefinitionError(
            f"'{printable(text)}' is not an expression.",
            fix="write conditions as in: emp_class in (1, 5) and profit is not null",
        ) from error
    called = set()
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise DefinitionError(
                f"'{printable(text)}' uses {type(node).__name__}, which expressions do not have.",
                fix="use variables, numbers, comparisons, in, and, or, not, + - * /, if else and "
                + ", ".join(sorted(FUNCTIONS)),
            )
        if isinstance(node, ast.Constant):
            _check_constant(node, text)
        if isinstance(node, ast.Compare):
            _check_null(node, text)
        if isinstance(node, ast.Call):
            called.add(id(node.func))
            _check_call(node, text)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}
    return Expression(text=text, tree=tree.body, names=tuple(sorted(names)))


class _Null(ast.NodeTransformer):
    """Read the name `null` as what is missing."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.copy_location(ast.Constant(None), node) if node.id == "null" else node


def _check_constant(node: ast.Constant, text: str) -> None:
    if node.value is not None and type(node.value) not in (int, float, str):
        raise DefinitionError(
            f"'{printable(text)}' holds {printable(node.value)}, which is no number and no text.",
            fix="a yes or no has codes, as in: has_contract == 1",
        )


def _check_null(node: ast.Compare, text: str) -> None:
    sides = (node.left, *node.comparators)
    for sign, left, right in zip(node.ops, sides, sides[1:], strict=False):
        is_null = isinstance(right, ast.Constant) and right.value is None
        if is_null != isinstance(sign, (ast.Is, ast.IsNot)) or (isinstance(left, ast.Constant) and left.value is None):
            raise DefinitionError(
                f"'{printable(text)}' compares with null otherwise than by is, or something else by is.",
                fix="write: x is null, x is not null, x == 1",
            )


def _check_call(node: ast.Call, text: str) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else "?"
    if name not in FUNCTIONS or node.keywords:
        raise DefinitionError(
            f"'{printable(text)}' calls {printable(name)}, which is not a function here.",
            fix="functions: " + ", ".join(sorted(FUNCTIONS)),
        )
    count = FUNCTIONS[name]
    if not node.args or (count is not None and len(node.args) != count):
        raise DefinitionError(
            f"'{printable(text)}' gives {name} {len(node.args)} arguments; it takes {count or 'one or more'}."
        )
