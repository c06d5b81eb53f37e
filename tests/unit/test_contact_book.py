"""Contact details: sealed, bound to their place, loaded whole or not at all, shown with leave, forgotten for good."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from panel.actions.address_book import forget_contact, load_contacts, show_contact
from panel.contacts.book import SealedBook
from panel.contacts.vault import Vault, new_key
from panel.errors import DisclosureRefused, SettingsError, SourceError, StorageError, UnknownKey
from panel.harmonise.identity import pseudonyms
from panel.settings import KeyFile
from panel.store.contact_book import SealedRow, SealedRows
from tests.unit.contact_factory import Office, addressee


@pytest.fixture
def office(tmp_path):
    """Return a study and its book."""
    made = Office(tmp_path)
    yield made
    made.close()


def load(office, text):
    """Load a file of contact details."""
    path = Path(office.app.home) / "members.csv"
    path.write_text(text, "utf-8")
    return load_contacts(office.app, "bakers", path)


def member(external):
    """Return the member of an id, as deliveries make it."""
    import pandas as pd

    return pseudonyms(pd.Series([external]), study="bakers", key=b"k")[0]


def test_contact_details_are_of_the_member_that_deliveries_name(office):
    """The same id in a delivery and in the file is one member; loading twice changes nothing."""
    text = "member,name,email,language\nB-1,Ank de Vries,ank@mail.example,nl\nB-2,Bo,bo@mail.example,en\n"
    assert (load(office, text).added, load(office, text).unchanged) == (2, 2)
    assert show_contact(office.app, "bakers", member("B-2")).name == "Bo"
    changed = load(office, text.replace("bo@", "bob@"))
    assert (changed.changed, changed.unchanged, changed.not_in_sample) == (1, 1, 2)


@pytest.mark.parametrize(
    "row",
    [
        "B-2,Bo,not an address,en",
        "B-2,,bo@mail.example,en",
        "B-2,Bo http://evil.example/x://,bo@mail.example,en",
        "B-2,Bo,bo@mail.example,fr",
        ",Bo,bo@mail.example,en",
        "B-1,Bo,bo@mail.example,en",
        'B-2,"Bo\nBcc: x",bo@mail.example,en',
        'B-2,Bo,"bo@mail.example\nBcc: x@evil.example",en',
    ],
)
def test_a_wrong_row_refuses_the_file_and_is_not_repeated(office, row):
    """Nothing is loaded, the row is named, and no cell is in the message."""
    text = f"member,name,email,language\nB-1,Ank,ank@mail.example,nl\n{row}\n"
    with pytest.raises(SourceError) as refused:
        load(office, text)
    said = str(refused.value)
    assert "row 3" in said
    assert not any(part in said for part in ("bo@", "evil", "Ank", "not an address"))
    assert office.book.find("bakers", member("B-1")) is None


def test_a_column_that_is_not_kept_is_refused(office):
    """So that nobody believes a telephone number to be there."""
    with pytest.raises(SourceError, match="columns are wrong"):
        load(office, "member,name,email,phone\nB-1,Ank,ank@mail.example,06\n")


def test_who_a_member_is_takes_a_permission_and_is_logged(office, caplog):
    """Without it nothing is shown; with it the log says that somebody looked, and never what."""
    with pytest.raises(DisclosureRefused):
        show_contact(replace(office.app, permissions=frozenset()), "bakers", office.members[0])
    with caplog.at_level(logging.INFO):
        show_contact(office.app, "bakers", office.members[0])
    assert "shown contact details" in caplog.text
    assert "mail.example" not in caplog.text


def test_no_log_of_a_whole_round_holds_a_name_or_address(office, caplog):
    """Loading, selecting, sending and forgetting: ids and counts alone."""
    office.open()
    with caplog.at_level(logging.DEBUG):
        load(office, "member,name,email\nB-1,Ank de Vries,ank@mail.example\n")
        office.select()
        office.send()
        forget_contact(office.app, "bakers", office.members[0])
    assert "Ank" not in caplog.text
    assert "mail.example" not in caplog.text
    assert "sent=3" in caplog.text


def test_neither_database_holds_a_name_or_address_in_the_open(office, tmp_path):
    """Not the panel's, which has only contacts by member, and not that of contact details, which is sealed."""
    office.open()
    office.select()
    office.send()
    office.close()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"mail.example" not in content, path.name
            assert b"Bakker 0" not in content, path.name


def test_forgotten_is_gone(office):
    """Address and codes, and a second time there is nothing."""
    office.open()
    office.select()
    assert office.book.code("bakers", 1, office.members[0])
    assert [forget_contact(office.app, "bakers", office.members[0]) for _ in range(2)] == [1, 0]
    assert office.book.code("bakers", 1, office.members[0]) == ""
    with pytest.raises(UnknownKey):
        show_contact(office.app, "bakers", office.members[0])
    assert office.send().sent == 2
    assert office.reasons(office.members[0], "sending") == [("held", "no_address")]


def test_a_row_put_elsewhere_or_changed_does_not_open(office):
    """Who may write to the database cannot send one member's letters to another."""
    first, second = office.members[:2]
    rows = office.book._rows
    (stolen,) = rows.rows(study="bakers", member=first, part="address")
    rows.put([replace(stolen, member=second)])
    with pytest.raises(StorageError, match="do not open"):
        office.book.find("bakers", second)


def test_keys_are_changed_without_a_stop(tmp_path):
    """The newest seals, older ones still open, and after sealing anew they are needed no more."""
    from datetime import UTC, datetime

    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = SealedRows(f"sqlite:///{tmp_path / 'c.db'}")
    old, new = new_key(), new_key()
    SealedBook(rows, Vault([old]), SealedRow, lambda: at).keep("s", {"m": addressee("m")}, at)
    both = SealedBook(rows, Vault([new, old]), SealedRow, lambda: at)
    assert both.find("s", "m") == addressee("m")
    assert both.reseal() == 1
    assert SealedBook(rows, Vault([new]), SealedRow, lambda: at).find("s", "m") == addressee("m")
    assert both.address_since("s") == {"m": at}
    with pytest.raises(StorageError):
        SealedBook(rows, Vault([old]), SealedRow, lambda: at).find("s", "m")
    rows.close()


@pytest.mark.parametrize("keys", [[], [""], ["changeme"], ["A" * 43 + "="], ["é"]])
def test_a_missing_default_or_short_key_is_refused(keys):
    """Nothing is ever sealed by a key that can be guessed."""
    with pytest.raises(SettingsError):
        Vault(keys)


def test_the_key_file_is_for_its_owner_and_new_keys_come_first(tmp_path):
    """Not there is said in words; it is written whole."""
    file = KeyFile(path=tmp_path / "contacts.key")
    with pytest.raises(SettingsError, match="keys of contact details"):
        file.read()
    file.add("one")
    file.add("two")
    assert file.read() == ("two", "one")
    assert file.path.stat().st_mode & 0o077 == 0
    assert [each.name for each in tmp_path.iterdir()] == ["contacts.key"]
