"""Who may see members: the person at the terminal says so by a setting, and everyone who looked is in the log."""

from __future__ import annotations

import getpass
import logging

from panel.errors import DisclosureRefused
from panel.ports import Adapters

log = logging.getLogger(__name__)
MEMBERS = "members"


def see_members(app: Adapters, what: str) -> None:
    """
    Let on who may see members by id, and log who looked at what; `what` is in words of ours, never from a file.

    Raises:
        DisclosureRefused: who asks was not given the permission.
    """
    if MEMBERS not in app.permissions:
        raise DisclosureRefused(
            f"{what[0].upper()}{what[1:]} are shown by member, and you were not given that permission.",
            fix=f"ask who keeps the study; PANEL_PERMISSIONS={MEMBERS} gives it",
        )
    log.info("shown %s by=%s", what, getpass.getuser())
