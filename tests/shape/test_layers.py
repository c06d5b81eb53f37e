"""The fence: who may import whom, and which library has which door."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "panel"

LAYERS = (
    ("errors",),
    ("model",),
    ("schema",),
    ("evaluate",),
    (
        "books",
        "calendar",
        "cite",
        "codebook",
        "harmonise",
        "merge",
        "preload",
        "weigh",
        "estimate",
        "forecast",
        "disclose",
    ),
    ("ports",),
    (
        "settings",
        "actions",
        "analysis",
        "store",
        "sources",
        "checks",
        "publish",
        "schedule",
        "alerts",
        "contacts",
        "web",
    ),
    ("app",),
    ("diagnosis", "flows"),
    ("cli",),
)
SIBLINGS = {  # pairs on one layer that may know each other, and why
    ("forecast", "estimate"): "scores use the variance kernel",
    ("weigh", "estimate"): "weights are raked to the groups that estimates are about",
    ("merge", "harmonise"): "a merge computes derived variables anew",
    ("web", "actions"): "the API calls the same use cases as the command",
    ("analysis", "actions"): "the analyst's view may call the use cases",
}
DOORS = {
    "sqlmodel": ("store", "db"),
    "sqlalchemy": ("store", "db"),
    "alembic": ("store", "db"),
    "great_expectations": ("checks",),
    "apscheduler": ("schedule",),
    "prefect": ("flows",),
    "apprise": ("alerts",),
    "cryptography": ("contacts",),
    "jinja2": ("codebook", "contacts", "publish"),
    "smtplib": ("contacts",),
    "fastapi": ("web",),
    "typer": ("cli",),
    "click": ("cli",),
    "rich": ("cli",),
    "altair": ("publish",),
    "vl_convert": ("publish",),
}
DRAWERS = {"utils", "helpers", "common", "misc"}
MOST_LINES = 400


def modules() -> dict[str, Path]:
    """Return every module by its dotted name under `panel`."""
    roots = {"panel": SOURCE} | {f"panel.{name}": ROOT / name for name in ("flows", "db", "expectations")}
    found = {}
    for prefix, folder in roots.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join((prefix, *parts)).removesuffix(".__init__")
            found[name] = path
    return found


MODULES = modules()


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the dotted names a module imports, lazily too, with their lines."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner if inner in MODULES or node.module == "panel" else node.module), node.lineno


def room(name: str) -> str:
    """Return the room of a dotted name: the part after `panel`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def level(name: str) -> int | None:
    """Return the layer of a room."""
    return next((number for number, rooms in enumerate(LAYERS) if name in rooms), None)


def test_every_room_has_a_layer():
    """A new room is given a place before it is used."""
    rooms = {room(name) for name in MODULES} - {"", "db", "expectations"}
    assert {each for each in rooms if level(each) is None} == set()


def test_nobody_imports_upwards():
    """A module imports only from layers below its own; siblings do not know each other."""
    wrong = []
    for name, path in MODULES.items():
        here = room(name)
        for target, line in imports(path):
            there = room(target) if target.startswith("panel.") else ""
            if not there or there == here or here in ("", "db", "expectations") or there in ("db", "expectations"):
                continue
            if (here, there) in SIBLINGS:
                continue
            if level(there) >= level(here):
                wrong.append(f"{path.relative_to(ROOT)}:{line} {here} imports {there}")
    assert wrong == []


@pytest.mark.parametrize("library", sorted(DOORS))
def test_every_library_has_one_door(library):
    """Only the room that is its door imports a library."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for name, path in MODULES.items()
        for target, line in imports(path)
        if target.split(".")[0] == library and room(name) not in DOORS[library]
    ]
    assert wrong == []


def test_the_model_needs_the_standard_library_only():
    """A study can be read where nothing is installed."""
    import sys

    wrong = [
        f"{path.name}:{line} {target}"
        for name, path in MODULES.items()
        if room(name) in ("model", "errors")
        for target, line in imports(path)
        if target.split(".")[0] not in sys.stdlib_module_names and target.split(".")[0] != "panel"
    ]
    assert wrong == []


def test_no_import_cycles():
    """No module needs itself through others."""
    known = MODULES
    graph = {
        name: {target for target, _ in imports(path) if target in known and target != name}
        for name, path in known.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for target in graph[name]:
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_no_drawer_for_anything():
    """No module is named for holding whatever has no place."""
    assert [name for name in MODULES if DRAWERS & set(name.split("."))] == []


def searched(path: Path) -> Iterator[str]:
    """Yield the texts with a word in them in which a module looks for another text; `in ("one")` is one of them."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Compare):
            for how, what in zip(node.ops, node.comparators, strict=True):
                text = what.value if isinstance(what, ast.Constant) else None
                if isinstance(how, ast.In | ast.NotIn) and isinstance(text, str) and re.search("[A-Za-z]{3}", text):
                    yield f"{path.relative_to(ROOT)}:{node.lineno} {text}"


def test_no_name_is_looked_for_inside_a_text():
    """ONS 8: `state in "READY_FOR_REVIEW"` holds for every part of it; names are compared, or looked for in tuples."""
    assert [each for path in MODULES.values() for each in searched(path)] == []


def test_no_module_outgrows_its_reader():
    """No module of the project is longer than 400 lines."""
    tests = {str(path.relative_to(ROOT)): path for path in (ROOT / "tests").rglob("*.py")}
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in {**MODULES, **tests}.items()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_every_package_is_in_the_wheel():
    """The wheel has every package of the tree."""
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    assert listed == there


def test_importing_panel_does_no_work():
    """`import panel` loads none of the heavy libraries and prints nothing."""
    import subprocess
    import sys

    heavy = ["prefect", "great_expectations", "apscheduler", "sqlmodel", "sqlalchemy", "altair", "pandas"]
    code = f"import sys, panel; print([name for name in {heavy!r} if name in sys.modules])"
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (outcome.stdout.strip(), outcome.stderr) == ("[]", "")


def test_every_test_states_its_promise():
    """Each test function carries a docstring of at least a few words."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert silent == []
