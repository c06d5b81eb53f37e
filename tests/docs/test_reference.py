"""The documentation is true: every command, error and link on it is there, and none is missing."""

import re
from pathlib import Path

import pytest
import typer

from panel import errors
from panel.cli.main import program

ROOT = Path(__file__).parents[2]
CLI = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def commands(group, prefix="panelctl"):
    """Yield every command by the words a user types."""
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        yield from commands(command, f"{prefix} {name}") if inner else [f"{prefix} {name}"]


def test_every_command_is_in_the_reference():
    """The reference lists exactly the commands there are."""
    listed = set(re.findall(r"^\| `(panelctl [a-z ]+)` \|", CLI, re.MULTILINE))
    assert listed == set(commands(typer.main.get_command(program)))


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
