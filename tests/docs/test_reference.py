"""The documentation is true: every command, error and link on it is there, and none is missing."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from panel import errors
from panel.cli.main import program

ROOT = Path(__file__).parents[2]
CLI = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


PANELCTL = typer.main.get_command(program)


def commands(group=PANELCTL, prefix="panelctl"):
    """Return every command by the words a user types."""
    found = {}
    for name, command in group.commands.items():
        words = f"{prefix} {name}"
        found |= commands(command, words) if hasattr(command, "commands") else {words: command}
    return found


def test_every_command_is_in_the_reference():
    """The reference lists exactly the commands there are."""
    listed = set(re.findall(r"^\| `(panelctl [a-z -]+)` \|", CLI, re.MULTILINE))
    assert listed == set(commands())


def taken(words):
    """Parse what a user types behind `panelctl`, down to the command; fail where it is refused."""
    command, name = PANELCTL, "panelctl"
    context = command.make_context(name, list(words))
    while hasattr(command, "commands"):
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, list(words), parent=context)


@pytest.mark.parametrize("name", commands())
def test_the_example_of_a_command_is_taken(name):
    """`--help` of every command shows an example of that command, and its arguments and options are there."""
    (example,) = re.findall(r"Example: (.+)", " ".join(commands()[name].help.split()))
    _, _, typed = example.partition("panelctl ")
    assert f"panelctl {typed}".startswith(name)
    taken(shlex.split(typed.split(" > ")[0]))


def test_every_exit_code_is_in_the_reference():
    """Each error class stands in the reference with its exit code, and codes are not shared."""
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.PanelError)]
    own = [each for each in classes if each is not errors.PanelError]
    assert len({each.exit_code for each in own}) == len(own)
    for each in own:
        assert f"| {each.exit_code} | {each.__name__} |" in CLI


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    """A link to a file of the project leads to a file of the project."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_test_that_a_page_names_is_there():
    """A test that documentation gives as proof is a test of the project."""
    named = {each for page in PAGES for each in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text("utf-8"))}
    assert len(named) > 40
    texts = {path: (ROOT / path).read_text("utf-8") if (ROOT / path).exists() else "" for path, _ in named}
    assert [f"{path}::{name}" for path, name in sorted(named) if f"\ndef {name}(" not in texts[path]] == []
