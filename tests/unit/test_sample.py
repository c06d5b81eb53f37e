"""Loading a sample, issuing its cases, and feeding them by hand and by what is received."""

from __future__ import annotations

from dataclasses import replace

import pytest

from panel.actions import cases, intake, members, sample
from panel.app import migrate, open_app
from panel.errors import CaseState, MemberState, SettingsError, SourceError, WaveState
from panel.harmonise.identity import pseudonyms
from panel.settings import Settings
from tests.unit.study_factory import FILES, S
from tests.unit.watch_factory import SetClock

RULES = '\n[sample]\nstrata = ["north", "south"]\ndormant_after = 1\ntarget = 4\neligible_share = 0.5\n'
KEY = b"a key for the tests"


@pytest.fixture
def app(tmp_path):
    """Return the adapters of the bakers with a sample in two strata, on a clock that stands still."""
    settings = Settings(
        home=tmp_path, database_url=f"sqlite:///{tmp_path / 'panel.db'}", pseudonym_key=KEY,
        permissions=frozenset({"codes"}),
    )  # fmt: skip
    settings.make_home()
    migrate(settings)
    made = replace(open_app(settings), clock=SetClock())
    made.store.keep_study("bakers", FILES | {S: FILES[S] + RULES}, made.clock.now())
    yield made
    made.store.close()


def written(path, *rows, heading="member,stratum"):
    """Write a sample file."""
    path.write_text("\n".join([heading, *rows]) + "\n")
    return path


def of(name):
    """Return the pseudonym of a member of the bakers."""
    import pandas as pd

    return pseudonyms(pd.Series([name]), study="bakers", key=KEY)[0]


def deliver(app, tmp_path, *rows, wave=1, name="export.csv"):
    """Take in a delivery of (member, outcome) rows."""
    word = {1: "one", 2: "two"}[wave]
    lines = [
        f"{word},{member},{outcome},1,10,,50,50,1,20,2025-10-0{at}T10:00:00Z,1"
        for at, (member, outcome) in enumerate(rows, 1)
    ]
    heading = "wave,member,outcome,job,income_eur,band,bread_share,cake_share,outlook,chance,submitted_at,w12"
    return intake.collect(app, "bakers", wave, [written(tmp_path / name, *lines, heading=heading)])


def loaded(app, tmp_path, *names, wave=1, cohort="", file="s.csv"):
    """Load members of the north, and issue their cases."""
    sample.load_sample(
        app, "bakers", wave, written(tmp_path / file, *(f"{each},north" for each in names)), cohort=cohort
    )
    return cases.issue(app, "bakers", wave)


def states(app, wave=1):
    """Return the state of each case by member."""
    return {each.member: each.state for each in app.store.cases("bakers", wave)}


def test_a_wrong_row_is_held_and_the_others_go_in(app, tmp_path):
    """No id, a stratum that is none, and an id twice are held with row, column and reason, without the content."""
    file = written(tmp_path / "s.csv", "ann,north", ",north", "bob,nrth", "ann,south", "cas,south")
    load = sample.load_sample(app, "bakers", 1, file)
    assert (load.rows, load.added, load.known, load.held) == (5, 2, 0, 3)
    told = [(each.row, each.column) for each in app.store.sample_faults(load.id)]
    assert told == [(3, "member"), (4, "stratum"), (5, "member")]
    assert "ann" not in str(app.store.sample_faults(load.id))
    assert {each.member for each in app.store.members("bakers")} == {of("ann"), of("cas")}


def test_the_same_sample_twice_is_once(app, tmp_path):
    """The same bytes return the first load; the same people in other bytes are known; another stratum is held."""
    file = written(tmp_path / "s.csv", "ann,north", "bob,south")
    first = sample.load_sample(app, "bakers", 1, file)
    again = sample.load_sample(app, "bakers", 1, file)
    assert (again.id, again.added, again.is_repeat) == (first.id, 2, True)
    other = sample.load_sample(app, "bakers", 1, written(tmp_path / "t.csv", "bob,south", "ann,south", "dan,south"))
    assert (other.added, other.known, other.held) == (1, 1, 1)


def test_contact_details_are_refused(app, tmp_path):
    """A sample file with an e-mail column does not enter the panel database."""
    file = written(tmp_path / "s.csv", "ann,a@b.nl", heading="member,email")
    with pytest.raises(SourceError, match="email") as refusal:
        sample.load_sample(app, "bakers", 1, file)
    assert "contact details" in refusal.value.fix
    assert app.store.members("bakers") == []


def test_a_refreshment_enters_while_the_wave_is_in_the_field(app, tmp_path):
    """Members who are loaded during a wave get cases by issuing again; nothing waits for counts to be equal."""
    loaded(app, tmp_path, "ann", wave=2)
    found = loaded(app, tmp_path, "bob", "cas", wave=2, cohort="refresh", file="t.csv")
    assert (found.members, found.added) == (3, 2)
    assert {each.cohort for each in app.store.members("bakers")} == {"2026", "refresh"}
    assert cases.issue(app, "bakers", 1).members == 0  # before they entered they are not asked


def test_who_answers_before_a_case_was_made_is_in_the_books(app, tmp_path):
    """A member loaded since the wave was issued gets a case when the answers come; strangers are counted."""
    loaded(app, tmp_path, "ann")
    sample.load_sample(app, "bakers", 1, written(tmp_path / "t.csv", "bob,south"))
    deliver(app, tmp_path, ("bob", "done"), ("zoe", "done"))
    assert states(app) == {of("ann"): "issued", of("bob"): "complete"}
    assert cases.feed(app, "bakers", 1).unlisted == 1


def test_responses_move_cases_once(app, tmp_path):
    """What is received moves cases once; feeding again moves nothing."""
    loaded(app, tmp_path, "ann", "bob")
    deliver(app, tmp_path, ("ann", "done"), ("bob", "no"))
    assert states(app) == {of("ann"): "complete", of("bob"): "refused"}
    assert cases.feed(app, "bakers", 1).moved == 0
    (complete,) = [each for each in app.store.case_events("bakers", 1) if each.event == "complete"]
    assert (complete.at, complete.source) == (app.clock.now(), "response")
    assert app.store.member("bakers", of("ann")).state == "active"
    assert app.store.member("bakers", of("bob")).state == "recruited"


def test_a_delivery_that_tells_of_a_death_or_a_withdrawal_is_followed(app, tmp_path):
    """The member is deceased, or withdrawn as far as contact goes, and its next case is not issued."""
    words = FILES[S].replace('no = "refused"', 'no = "refused", dead = "deceased", stop = "withdrawn"')
    app.store.keep_study("bakers", FILES | {S: words + RULES}, app.clock.now())
    loaded(app, tmp_path, "ann", "bob")
    deliver(app, tmp_path, ("ann", "dead"), ("bob", "stop"))
    assert [app.store.member("bakers", of(name)).state for name in ("ann", "bob")] == ["deceased", "withdrawn"]
    assert not app.store.member("bakers", of("bob")).may_be_contacted
    assert cases.finalise(app, "bakers", 1) == {"2.11": 1, "2.31": 1}
    assert cases.issue(app, "bakers", 2).not_issued == 2


def test_what_a_crash_left_is_made_up_for(app, tmp_path, monkeypatch):
    """A delivery accepted by a process that died before it fed the cases is fed the next time."""
    loaded(app, tmp_path, "ann")

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(intake, "feed", killed)
    with pytest.raises(KeyboardInterrupt):
        deliver(app, tmp_path, ("ann", "done"))
    assert states(app) == {of("ann"): "issued"}
    assert cases.feed(app, "bakers", 1).moved == 1


def test_who_refused_is_not_contacted(app, tmp_path):
    """A contact with a refusal is refused, and what is legal is said; who refused may still answer."""
    loaded(app, tmp_path, "ann")
    cases.act(app, "bakers", 1, of("ann"), "refuse")
    with pytest.raises(CaseState, match="refused takes no 'contact'"):
        cases.act(app, "bakers", 1, of("ann"), "contact")
    deliver(app, tmp_path, ("ann", "done"))
    assert states(app) == {of("ann"): "complete"}


def test_leaving_the_sector_is_no_ineligibility(app, tmp_path):
    """A case is screened out only for a reason for which the member never belonged to the population."""
    loaded(app, tmp_path, "ann", "bob")
    with pytest.raises(CaseState, match="never belonged") as refusal:
        cases.act(app, "bakers", 1, of("ann"), "screen_out", why="left the sector")
    assert "outcome" in refusal.value.fix
    assert cases.act(app, "bakers", 1, of("bob"), "screen_out", why="duplicate").state == "ineligible"


def test_every_case_has_an_outcome_when_the_wave_is_over(app, tmp_path):
    """Nobody who was issued is missing from the books, and the counts add up to the cases."""
    loaded(app, tmp_path, "ann", "bob", "cas", "dan")
    cases.act(app, "bakers", 1, of("cas"), "contact")
    deliver(app, tmp_path, ("ann", "done"), ("bob", "no"))
    assert cases.finalise(app, "bakers", 1) == {"1.1": 1, "2.11": 1, "3.11": 1, "3.19": 1}
    assert sum(cases.finalise(app, "bakers", 1).values()) == 4
    assert app.store.member("bakers", of("dan")).state == "dormant"


def test_who_was_interviewed_before_is_known_to_belong(app, tmp_path):
    """Silence of somebody interviewed in an earlier wave is a non-contact, not unknown eligibility."""
    loaded(app, tmp_path, "ann")
    deliver(app, tmp_path, ("ann", "done"))
    cases.issue(app, "bakers", 2)
    assert cases.finalise(app, "bakers", 2) == {"2.20": 1}


def test_an_outcome_is_overridden_with_a_reason_only(app, tmp_path):
    """Before the wave is finalised, without a reason, or to a code that is none, it is refused."""
    loaded(app, tmp_path, "ann")
    with pytest.raises(WaveState, match="not finalised"):
        cases.override(app, "bakers", 1, of("ann"), "2.11", reason="telephone")
    cases.finalise(app, "bakers", 1)
    with pytest.raises(CaseState, match="No reason"):
        cases.override(app, "bakers", 1, of("ann"), "2.11", reason=" ")
    with pytest.raises(CaseState, match=r"'9\.9'"):
        cases.override(app, "bakers", 1, of("ann"), "9.9", reason="x")
    assert cases.override(app, "bakers", 1, of("ann"), "2.11", reason="telephone").outcome == "2.11"
    assert cases.finalise(app, "bakers", 1) == {"2.11": 1}


def test_the_dormant_and_the_dead_are_not_issued(app, tmp_path):
    """Their cases say why; who is found again, or rejoins, is asked again."""
    loaded(app, tmp_path, "ann", "bob", "cas")
    members.move(app, "bakers", of("ann"), "die", reason="family wrote")
    members.move(app, "bakers", of("bob"), "lapse", reason="silent")
    members.move(app, "bakers", of("cas"), "trace", reason="letter came back")
    found = cases.issue(app, "bakers", 2)
    assert (found.members, found.not_issued) == (3, 2)
    assert {each.member: each.why for each in app.store.cases("bakers", 2)} == {
        of("ann"): "deceased", of("bob"): "dormant", of("cas"): "",
    }  # fmt: skip
    assert members.move(app, "bakers", of("cas"), "find", reason="new address").state == "recruited"
    with pytest.raises(MemberState, match="takes no 'rejoin'"):
        members.move(app, "bakers", of("ann"), "rejoin", reason="x")


def test_codes_are_shown_once_and_kept_as_hashes(app, tmp_path):
    """A code opens its case however it is typed; it is issued once, and stands nowhere in the database."""
    loaded(app, tmp_path, "ann", "bob")
    codes = {each.member: each.code for each in sample.issue_codes(app, "bakers", 1)}
    assert sample.issue_codes(app, "bakers", 1) == ()
    typed = f"{codes[of('ann')][:5].lower()} {codes[of('ann')][5:]}"
    assert sample.opened_by(app, "bakers", 1, typed).member == of("ann")
    assert sample.opened_by(app, "bakers", 2, typed) is None
    assert sample.opened_by(app, "bakers", 1, "not a code") is None
    kept = (tmp_path / "panel.db").read_bytes() + (tmp_path / "panel.db-wal").read_bytes()
    assert not any(code.encode() in kept for code in codes.values())
    with pytest.raises(SettingsError, match="permission"):
        sample.issue_codes(replace(app, permissions=frozenset()), "bakers", 1)


def test_a_study_without_a_sample_goes_on_as_before(app, tmp_path):
    """Where no sample was loaded, responses make no cases."""
    deliver(app, tmp_path, ("ann", "done"))
    assert app.store.cases("bakers") == []
