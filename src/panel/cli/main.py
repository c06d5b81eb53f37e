"""Run the command: parse, call, and turn every error into a sentence and an exit code."""

from __future__ import annotations

import errno
import gc
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer

from panel.cli import (
    alerts,
    attrition,
    balanced,
    calendar,
    change,
    contacts,
    figures,
    flows,
    models,
    operate,
    people,
    predictions,
    publish,
    quality,
    spread,
    waves,
)
from panel.errors import PanelError, StorageError

# Typer brings a copy of Click of its own; its errors are not those of an installed Click.
_UsageFault: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

EXIT_CODES = """
Exit codes: 0 done, 1 unexpected, 2 usage, 10 definition, 11 delivery, 12 merge, 13 check failed, 14 unknown variable,
15 unknown key, 16 wave state, 17 release exists, 18 disclosure, 19 settings or database version, 20 storage,
21 estimate, 22 incident state, 23 alert not delivered, 24 case state, 25 member state,
26 release state.
"""

program = typer.Typer(
    name="panelctl",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)


@program.callback()
def root(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No progress on stderr."),
) -> None:
    """
    Track a panel: field waves, merge them behind a gate, and say what changed.

    Example: panelctl init && panelctl study load creative-ai && panelctl wave status creative-ai
    """
    logging.basicConfig(format="%(message)s", stream=sys.stderr, level=logging.WARNING, force=True)
    logging.getLogger("panel").setLevel(logging.WARNING if quiet else logging.INFO)
    program.info.obj = debug  # type: ignore[attr-defined]


operate.register(program)
waves.register(program)
calendar.register(program)
people.register(program)
figures.register(program)
change.register(program)
balanced.register(program)
attrition.register(program)
flows.register(program)
models.register(program)
spread.register(program)
predictions.register(program)
publish.register(program)
quality.register(program)
alerts.register(program)
contacts.register(program)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `panelctl` with the process's arguments and exit with the code of what happened."""
    # Checks and charts make and drop millions of small objects; looking for cycles at each 700 of them costs a tenth.
    gc.set_threshold(200_000, 50, 100)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run `panelctl` with `arguments`; print what went wrong as a sentence; return the exit code."""
    try:
        outcome = program(args=list(arguments), prog_name="panelctl", standalone_mode=False)
    except PanelError as error:
        return _say(error, arguments)
    except _UsageFault as error:
        error.show()
        return 2
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("Stopped. What was accepted is kept; run the command again to go on.\n")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _say(_storage(error), arguments)
    except Exception as error:
        if "--debug" in arguments:
            raise
        sys.stderr.write(f"Unexpected {type(error).__name__}.\n  fix: run it again with --debug and report it\n")
        return 1
    return outcome if isinstance(outcome, int) else 0


def _storage(error: OSError) -> StorageError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    what = "The disk is full." if full else f"The system refused: {error.strerror or error}."
    return StorageError(what, fix="free space and run the command again; nothing accepted is lost" if full else None)


def _say(error: PanelError, arguments: Sequence[str]) -> int:
    if "--debug" in arguments:
        traceback.print_exception(error)
    sys.stderr.write(f"{error}\n")
    return error.exit_code
