"""Templates: faults are found when a study is loaded, five names and no others, and hostile names do no harm."""

import pytest

from panel.actions.post import in_words, preview
from panel.contacts.letters import JinjaLetters
from panel.contacts.smtp import message
from panel.errors import DefinitionError
from panel.model.load import load_study
from panel.ports.contacts import Letter, LetterFacts
from panel.sources.studyfile import study_files
from tests.unit.contact_factory import CONTACT, WRITING, Office

HOSTILE = "Robin\r\nBcc: everybody@evil.example\n\n{{ 7 * 7 }} {% raw %}\u202e\x1b[2J"
FACTS = LetterFacts(name=HOSTILE, link="https://l/", deadline="1 mei 2026", study_title="S", opt_out="https://o/")


def faults(**files):
    """Return what is wrong with the small study's templates after a change."""
    changed = {**WRITING, **{f"templates/{name.replace('_', '.')}.txt": text for name, text in files.items()}}
    return [fault.what for fault in JinjaLetters().faults(load_study(WRITING), changed)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Subject\nno blank line\n{{ link }}{{ opt_out }}", "is not a subject line"),
        ("S\n\n{{ link }} {{ opt_out }} {{ email }}", "uses 'email'"),
        ("S\n\n{{ link }}", "does not use 'opt_out'"),
        ("S\n\n{{ opt_out }}", "does not use 'link'"),
        ("S\n\n{{ link", "cannot be read"),
        ("S\n\n{{ link }}{{ opt_out }}{{ name.__class__.__mro__ }}", "cannot be"),
        ("S\n\n{{ link }}{{ opt_out }}{% include 'x' %}", "cannot be"),
        ("S\n\n{{ link }}{{ opt_out }}{% for i in range(9) %}x{% endfor %}", "uses 'range'"),
        ("S\n\n{{ link }}{{ opt_out }}{{ name | pprint }}", "cannot be read"),
    ],
)
def test_a_faulty_template_is_refused(text, what):
    """Each fault is named, with its file."""
    assert any(what in each for each in faults(invite_nl=text)), faults(invite_nl=text)


def test_a_missing_or_misnamed_template_is_a_fault():
    """Every kind in every language of the study."""
    there = {name: text for name, text in WRITING.items() if name != "templates/thank.en.txt"}
    (fault,) = JinjaLetters().faults(load_study(WRITING), there)
    assert (fault.what, fault.where.file) == ("is not there", "templates/thank.en.txt")
    assert faults(invoice_nl="x") == ["is no name of a template"]


def test_shipped_templates_are_sound():
    """Those of the first study, and it says who writes."""
    files = study_files("creative-ai")
    study = load_study(files)
    assert study.contact.link.count("{code}") == 1
    assert JinjaLetters().faults(study, files) == []


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (('sender = "panel@bakers.example"', 'sender = "a@b.example\\nBcc: x@y.example"'), "contact.sender"),
        (("https://bakers.example/a/{code}", "http://bakers.example/a/{code}"), "contact.link"),
        (("https://bakers.example/stop/{code}", "https://bakers.example/stop"), "contact.opt_out"),
        (("reply_to", "answer_to"), "contact.answer_to"),
    ],
)
def test_a_wrong_table_contact_is_refused(change, key):
    """Addresses, links and hours are held to what they must be."""
    text = WRITING["study.toml"].replace(CONTACT, CONTACT.replace(*change))
    with pytest.raises(DefinitionError) as refused:
        load_study({**WRITING, "study.toml": text})
    assert key in {fault.where.key for fault in refused.value.faults}


def test_a_hostile_name_adds_no_line_and_runs_nothing():
    """It is one line of plain text in subject, body and headers."""
    template = "Voor {{ name }}\n\nBeste {{ name }},\n{{ link }}\n{{ opt_out }}\n"
    files = {"templates/invite.nl.txt": template}
    made = JinjaLetters().compose(files, kind="invite", ordinal=1, language="nl", facts=FACTS)
    assert "\n" not in made.subject
    assert made.body.count("\n") == 3
    assert "{{ 7 * 7 }}" in made.body
    for mark in ("\r", "\x1b", "\u202e"):
        assert mark not in made.subject + made.body
    letter = Letter(
        key="k1", to="robin@mail.example", to_name=HOSTILE, sender="panel@s.example", sender_name=HOSTILE,
        reply_to="help@s.example", opt_out="https://o/", language="nl", subject=HOSTILE, body=made.body,
    )  # fmt: skip
    mail = message(letter)
    assert mail["Bcc"] is None
    assert all(b"\nBcc:" not in part for part in (mail.as_bytes().partition(b"\n\n")[0],))
    assert [each.addr_spec for each in mail["To"].addresses] == ["robin@mail.example"]


def test_an_ordinal_may_have_a_template_of_its_own(tmp_path):
    """The second reminder takes remind-2 where there is one."""
    office = Office(tmp_path)
    files = {**WRITING, "templates/remind-2.nl.txt": "Laatste kans\n\n{{ link }} {{ opt_out }} {{ deadline }}\n"}
    office.store.keep_study("bakers", files, office.clock.now())
    letters = office.app.correspondence().letters
    said = [
        preview(office.watch.app, letters, "bakers", 1, kind="remind", ordinal=each, language="nl").subject
        for each in (1, 2)
    ]
    assert said == ["Bakkers: remind nl", "Laatste kans"]
    office.close()


def test_a_day_is_in_words_of_the_language():
    """As people write it."""
    from datetime import date

    assert [in_words(date(2026, 3, 1), each) for each in ("nl", "en")] == ["1 maart 2026", "1 March 2026"]
