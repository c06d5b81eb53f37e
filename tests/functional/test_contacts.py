"""Members are written to by the command, through a real mail server; and never by a process without the key."""

import json
import shutil
import socket
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from panel.cli.main import run
from tests.contract.test_mailer import Server


@pytest.fixture
def server():
    """Serve mail."""
    handler = Server()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    handler.port = port
    yield handler
    controller.stop()


@pytest.fixture
def say(tmp_path, monkeypatch, capsys):
    """Return the command in a home with the first study loaded and its second wave in the field."""
    from panel.actions.fieldwork import open_wave
    from panel.app import open_app

    for name in ("PANEL_CONTACTS_URL", "PANEL_CONTACTS_KEY_FILE", "PANEL_MAIL_URL", "PANEL_PERMISSIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PANEL_HOME", str(tmp_path / "home"))

    def command(*words, code=0):
        assert run(words) == code, capsys.readouterr().err
        return capsys.readouterr()

    command("init")
    folder = tmp_path / "creative-ai"
    shutil.copytree(Path(__file__).parents[2] / "db" / "studies" / "creative-ai", folder)
    with (folder / "study.toml").open("a") as file:
        file.write('\n[calendar]\nallowed_hours = ["00:00", "23:59"]\n')  # tests run at any hour
    command("study", "load", str(folder))
    (tmp_path / "sample.csv").write_text("member\nC-1\nC-2\n")
    command("sample", "load", "creative-ai", "2025", str(tmp_path / "sample.csv"))
    app = open_app()
    open_wave(app, "creative-ai", "2025")
    app.store.close()
    return command


def rows(out):
    """Return what a command printed as JSON."""
    return json.loads(out.out)


def test_a_round_by_the_command(say, server, tmp_path, monkeypatch):
    """Key, details, preview, dry run, selection, sending: two mails, and their members' names in no output."""
    say("contacts", "key")
    who = "member,name,email,language\nC-1,Ank,ank@mail.example,nl\nC-2,Bo,bo@mail.example,en\n"
    (tmp_path / "who.csv").write_text(who)
    assert rows(say("contacts", "load", "creative-ai", str(tmp_path / "who.csv"), "-f", "json"))[0]["added"] == 2
    assert "30 november 2025" in say("contacts", "preview", "creative-ai", "2025", "invite").out
    words = ("contacts", "select", "creative-ai", "2025", "invite")
    assert rows(say(*words, "--dry-run", "-f", "json"))[0]["allowed"] == 2
    assert rows(say("outbox", "list", "-f", "json")) == []
    assert rows(say(*words, "-f", "json"))[0]["allowed"] == 2
    say("outbox", "send", code=19)  # no mail server is named
    monkeypatch.setenv("PANEL_MAIL_URL", f"smtp://127.0.0.1:{server.port}")
    due = rows(say("outbox", "send", "--dry-run", "-f", "json"))
    assert {each["verdict"] for each in due} == {"allowed"}
    assert server.taken == []
    assert rows(say("outbox", "send", "-f", "json"))[0]["sent"] == 2
    assert {str(each["To"].addresses[0].addr_spec) for each in server.taken} == {"ank@mail.example", "bo@mail.example"}
    assert {each["Subject"].rpartition(": ")[2] for each in server.taken} == {
        "uw vragenlijst staat klaar",
        "your questionnaire is ready",
    }
    listed = say("outbox", "list", "-f", "json")
    assert "mail.example" not in listed.out
    assert {each["state"] for each in rows(listed)} == {"sent"}
    counted = rows(say("contacts", "decisions", "creative-ai", "2025", "-f", "json"))
    assert sum(each["size"] for each in counted if each["stage"] == "selection") == 2
    assert rows(say("outbox", "retry", "--dead", "--dry-run", "-f", "json")) == [{"retried": 0}]


def test_who_a_member_is_takes_the_permission(say, tmp_path, monkeypatch):
    """18 without it; after forgetting, 15."""
    from panel.app import open_correspondence

    say("contacts", "key")
    (tmp_path / "who.csv").write_text("member,name,email\nC-1,Ank,ank@mail.example\n")
    say("contacts", "load", "creative-ai", str(tmp_path / "who.csv"))
    app = open_correspondence()
    (member,) = app.correspondence().book.address_since("creative-ai")
    app.store.close()
    say("contacts", "show", "creative-ai", member, code=18)
    monkeypatch.setenv("PANEL_PERMISSIONS", "members")
    assert rows(say("contacts", "show", "creative-ai", member, "-f", "json"))[0]["name"] == "Ank"
    assert rows(say("contacts", "reseal", "-f", "json")) == [{"resealed": 1}]
    assert rows(say("contacts", "forget", "creative-ai", member, "-f", "json")) == [{"forgotten": 1}]
    say("contacts", "show", "creative-ai", member, code=15)
    said = say("contacts", "forget", "creative-ai", "ank@mail.example", code=15)  # nobody must think it is done
    assert "forgot contact details" not in said.err
    assert "no letter 'nope'" in say("outbox", "retry", "nope", code=15).err


def test_without_the_key_nobody_is_written_to(say, monkeypatch, tmp_path):
    """Every command that reaches contact details exits with 19; and they may not lie in the panel's database."""
    select = ("contacts", "select", "creative-ai", "2025", "invite")
    assert "keys of contact details" in say(*select, code=19).err
    say("outbox", "send", "--dry-run", code=19)
    say("contacts", "key")
    monkeypatch.setenv("PANEL_CONTACTS_URL", f"sqlite:///{tmp_path / 'home' / 'panel.db'}")
    say(*select, code=19)
