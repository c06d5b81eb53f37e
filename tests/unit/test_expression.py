"""The language of routes, checks, derived variables and events: what it reads, and what it refuses."""

import ast

import pytest

from panel.errors import DefinitionError
from panel.model.expression import FUNCTIONS, parse


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("job in (1, 5)", ("job",)),
        ("job not in ('a', 'b')", ("job",)),
        ("profit is not null and wage is null", ("profit", "wage")),
        ("not (a > 1 or b <= -2.5)", ("a", "b")),
        ("0 < a < b", ("a", "b")),
        ("total(a, b) / 2 - c * d", ("a", "b", "c", "d")),
        ("1 if a - b >= 20 else (3 if b - a >= 20 else 2)", ("a", "b")),
        ("reason(a) in ('refused', 'dont_know')", ("a",)),
        ("wave_year - birth_year", ("birth_year", "wave_year")),
        ("then < 0.9 * now", ("now", "then")),
        ("a if b == 1 else null", ("a", "b")),
        ("  a\n", ("a",)),
        ("1 + 1", ()),
    ],
)
def test_what_the_language_reads(text, names):
    """An expression knows the variables it reads, each once and sorted; functions and null are none."""
    assert parse(text).names == names


def test_null_is_a_word_and_not_a_text():
    """`null` is what is missing; the text 'null' stays a text."""
    constant = parse("a == 'null'").tree.comparators[0]
    assert isinstance(constant, ast.Constant)
    assert constant.value == "null"
    assert parse("a is null").tree.comparators[0].value is None


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_parses(name):
    """Each function of the language can be called, and none is taken for a variable."""
    assert parse(f"{name}(a)").names == ("a",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "job in (1, 5",
        "job = 1",
        "job; wage",
        "import os",
        "__import__('os').system('true')",
        "open('a')",
        "job.real",
        "job[0]",
        "[a for a in b]",
        "lambda: 1",
        "(a := 1)",
        "a ** 9",
        "a // 2",
        "a % 2",
        "a & b",
        "~a",
        "f'{a}'",
        "{1: 2}",
        "{1, 2}",
        "[1, 2]",
        "total(*a)",
        "total(a, key=b)",
        "total()",
        "reason(a, b)",
        "await a",
        "True",
        "a == False",
        "1j",
        "b'a'",
        "...",
        "a == null",
        "null is null",
        "a is 1",
        "a is not 'b'",
        "a in null",
        "a\x00b",
    ],
)
def test_what_the_language_refuses(text):
    """Whatever else Python can say does not parse, and the answer has a way out or says what is wrong."""
    with pytest.raises(DefinitionError) as refused:
        parse(text)
    assert refused.value.exit_code == 10


@pytest.mark.parametrize("text", ["(" * 10_000, "-" * 100_000 + "1", "not " * 100_000 + "a"])
def test_no_expression_breaks_the_parser(text):
    """An endless expression is refused like any other, in a short message."""
    with pytest.raises(DefinitionError) as refused:
        parse(text)
    assert len(str(refused.value)) < 400


def test_a_refusal_is_printable():
    """What stands in a file cannot move the cursor of who reads the message."""
    with pytest.raises(DefinitionError) as refused:
        parse("a == '\x1b[2J' +")
    assert "\x1b" not in str(refused.value)
