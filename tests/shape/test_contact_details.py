"""Contact details stay with those who write to members: nobody else imports what reaches them."""

import ast

from tests.shape.test_layers import MODULES, imports

MAY_IMPORT = {
    "panel.contacts.book": {"panel.app"},
    "panel.contacts.vault": {"panel.app", "panel.contacts.book"},
    "panel.contacts.smtp": {"panel.app"},
    "panel.store.contact_book": {"panel.app"},
    "panel.actions.address_book": {"panel.cli.contacts"},
    "panel.actions.contacts": {"panel.actions.post", "panel.actions.ledger", "panel.cli.contacts"},
    "panel.actions.post": {"panel.actions.ledger", "panel.cli.contacts", "panel.cli.calendar"},
}
MAY_ASK = {
    "panel.actions.address_book", "panel.actions.contacts", "panel.actions.post", "panel.app", "panel.cli.contacts",
    "panel.ports",
}  # fmt: skip


def test_only_those_who_write_to_members_import_what_reaches_them():
    """The flows of a wave, estimates and releases have no way there; the calendar writes to members, and has."""
    wrong = [
        f"{name} imports {target}"
        for name, path in MODULES.items()
        for target, _ in imports(path)
        for kept, allowed in MAY_IMPORT.items()
        if (target == kept or target.startswith(f"{kept}.")) and name not in allowed | {kept}
    ]
    assert wrong == []


def test_only_those_who_write_to_members_ask_for_contact_details():
    """No other module names the attribute that opens them, nor what gives it."""
    names = {"correspondence", "open_correspondence"}
    wrong = []
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            said = getattr(node, "attr", None) or getattr(node, "id", None)
            if said in names and name not in MAY_ASK:
                wrong.append(f"{name}:{node.lineno} {said}")
    assert wrong == []
