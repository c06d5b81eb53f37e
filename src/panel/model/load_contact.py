"""Read the table `contact` of a study file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from panel.errors import printable
from panel.model.contact import ContactRules
from panel.model.reading import Table

ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
"""An e-mail address as every mail server takes it: ASCII, without quotes, comments and addresses of machines."""


def read_contact(table: Table, languages: Sequence[str]) -> ContactRules:
    """Return how a study writes to its members, with every fault of it added to those of the file."""
    rules = ContactRules(
        sender=_address(table, "sender"),
        sender_name=table.text("sender_name", languages),
        reply_to=_address(table, "reply_to"),
        link=_link(table, "link"),
        opt_out=_link(table, "opt_out"),
    )
    table.done()
    return rules


def _address(table: Table, key: str) -> str:
    text = table.get(key, str)
    if text and not ADDRESS.fullmatch(text):
        table.fault(f"is '{printable(text)}', no e-mail address", key, 'write as in "panel@example.org"')
    return str(text)


def _link(table: Table, key: str) -> str:
    text = str(table.get(key, str))
    is_whole = text.startswith("https://") and text.count("{code}") == 1 and text.replace("{code}", "").isprintable()
    if text and (not is_whole or "{" in text.replace("{code}", "") or " " in text):
        table.fault(f"is '{printable(text)}'", key, 'write as in "https://panel.example.org/a/{code}"')
    return text
