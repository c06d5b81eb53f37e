"""Withdrawal in three levels, on a delivery of many members: what goes, what stays, and that it stays gone."""

from __future__ import annotations

import gzip
import io

import pandas as pd
import pytest

from panel.actions import cases, fieldwork, fold, intake, publication, sample, withdrawal
from panel.errors import MemberState, SourceError, UnknownKey
from panel.model.quarantine import RowVerdict
from panel.sources.files import source_for
from tests.unit import test_sample
from tests.unit.test_sample import deliver, of, states, written

app = test_sample.app
MARK = "887"  # an answer that only ann gave


@pytest.fixture
def fielded(app, tmp_path):
    """Return the adapters after a wave of three members, merged; the file lies in the inbox."""
    sample.load_sample(app, "bakers", 1, written(tmp_path / "s.csv", "ann,north", "bob,north", "cas,north"))
    fieldwork.open_wave(app, "bakers", 1)
    inbox = app.home / "inbox" / "bakers" / "2025"
    inbox.mkdir(parents=True)
    deliver(app, inbox, ("ann", "done"), ("bob", "done"), ("cas", "done"))
    path = inbox / "export.csv"
    path.write_text(path.read_text().replace("one,ann,done,1,10", f"one,ann,done,1,{MARK}"))
    intake.collect(app, "bakers", 1)
    fold.merge(app, "bakers")
    return app


def panel(app):
    """Return the members of the clean panel."""
    return set(fold.clean_panel(app, app.study("bakers"), [1])["member"])


def traces(app, text):
    """Return the files of the home that hold a text, in CSV, Parquet, or the pages of the database."""
    found = []
    for path in sorted(app.home.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if content.startswith(b"PAR1"):
                content += pd.read_parquet(io.BytesIO(content)).to_csv().encode()
            if text.encode() in content:
                found.append(path.name)
    return found


def test_no_contact_stops_contact_and_nothing_else(fielded):
    """The member may not be contacted, its next case is not issued and says why, its answers stay in use."""
    withdrawal.withdraw(fielded, "bakers", of("ann"), "no_contact", reason="asked")
    assert not fielded.store.member("bakers", of("ann")).may_be_contacted
    assert of("ann") in panel(fielded)
    cases.issue(fielded, "bakers", 2)
    assert states(fielded, 2)[of("ann")] == "not_issued"
    assert cases.feed(fielded, "bakers", 1).moved == 0


def test_an_open_case_of_who_withdraws_is_refused(app, tmp_path):
    """A case still open says that the member withdrew, so no contact can be recorded for it."""
    sample.load_sample(app, "bakers", 1, written(tmp_path / "s.csv", "ann,north"))
    cases.issue(app, "bakers", 1)
    assert withdrawal.withdraw(app, "bakers", of("ann"), "no_contact", reason="asked").cases == 1
    (found,) = app.store.cases("bakers", 1)
    assert (found.state, found.why) == ("refused", "withdrawn")


def test_no_use_leaves_the_panel_and_keeps_what_was_received(fielded):
    """Person-waves of the member are in no panel from then on, the books say withdrawn; the responses are kept."""
    withdrawal.withdraw(fielded, "bakers", of("ann"), "no_use", reason="asked")
    assert panel(fielded) == {of("bob"), of("cas")}
    assert set(fielded.store.person_waves("bakers")["member"]) == {of("bob"), of("cas")}
    tracking = fielded.store.tracking("bakers").set_index("member")
    assert tracking.at[of("ann"), "disposition"] == "withdrawn"
    assert of("ann") in set(fielded.store.response_index("bakers")["member"])
    with pytest.raises(MemberState, match="farther"):
        withdrawal.withdraw(fielded, "bakers", of("ann"), "no_contact", reason="asked again")


def test_erased_is_erased_everywhere(fielded):
    """No file of the home holds the answer or a row of the member: database, deliveries, frames, inbox."""
    verdict = RowVerdict(
        study="bakers", wave=1, member=of("ann"), variable="income_eur", check="c", version=1, severity="warning",
        owner="operator", action="hold_cell", why="w", value_digest="d", proposed=MARK,
    )  # fmt: skip
    fielded.store.add_row_verdicts("bakers", 1, [verdict], fielded.clock.now())
    assert len(traces(fielded, MARK)) >= 4  # there is something to find
    done = withdrawal.withdraw(fielded, "bakers", of("ann"), "erase", reason="asked under article 17")
    assert traces(fielded, MARK) == []
    assert (done.deliveries, done.unread) == (2, ())
    assert of("ann") not in set(fielded.store.response_index("bakers")["member"])
    for path in (fielded.home / "blobs").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert b"ann" not in content
        if content.startswith(b"PAR1"):
            frame = pd.read_parquet(io.BytesIO(content))
            rows = frame[frame["member"] == of("ann")]
            assert set(rows.get("disposition", pd.Series(["withdrawn"]))) <= {"withdrawn"}


def test_the_others_are_untouched_by_an_erasure(fielded):
    """Every other member's response is bit for bit the one that was kept, and so are its person-waves."""
    before = fielded.store.response_index("bakers")
    panel_before = fielded.store.person_waves("bakers")
    withdrawal.withdraw(fielded, "bakers", of("ann"), "erase", reason="asked")
    after = fielded.store.response_index("bakers")
    others = before[before["member"] != of("ann")].reset_index(drop=True)
    pd.testing.assert_frame_equal(after, others)
    kept = panel_before[panel_before["member"] != of("ann")].reset_index(drop=True)
    pd.testing.assert_frame_equal(fielded.store.person_waves("bakers"), kept)


def test_a_rebuild_keeps_the_erased_out(fielded):
    """The rewritten deliveries give exactly the responses that are kept, and the member does not come back."""
    withdrawal.withdraw(fielded, "bakers", of("ann"), "erase", reason="asked")
    rebuilt = publication.rebuild(fielded, "bakers")
    assert (rebuilt.deliveries, rebuilt.responses) == (2, 2)  # the answers of bob and cas stand in both
    assert panel(fielded) == {of("bob"), of("cas")}


def test_what_is_delivered_again_does_not_bring_the_erased_back(fielded, tmp_path):
    """The original file, a new one and one of the sample are taken in without the member, before bytes are kept."""
    original = (fielded.home / "inbox" / "bakers" / "2025" / "export.csv").read_bytes()
    withdrawal.withdraw(fielded, "bakers", of("ann"), "erase", reason="asked")
    again = tmp_path / "elsewhere"
    again.mkdir()
    (again / "export.csv").write_bytes(original)
    (receipt,) = intake.collect(fielded, "bakers", 1, [again / "export.csv"])
    assert receipt.is_repeat
    assert receipt.delivery in {each.id for each in fielded.store.deliveries("bakers")}
    deliver(fielded, again, ("ann", "done"), ("dan", "done"), name="new.csv")
    assert of("ann") not in set(fielded.store.response_index("bakers")["member"])
    (again / "broken.csv").write_bytes(b"member\nann\xff\n")
    with pytest.raises(SourceError, match="UTF-8"):
        intake.collect(fielded, "bakers", 1, [again / "broken.csv"])
    assert b"ann\xff" not in b"".join(p.read_bytes() for p in (fielded.home / "blobs").rglob("*") if p.is_file())
    load = sample.load_sample(fielded, "bakers", 2, written(tmp_path / "t.csv", "ann,north", "eve,north"))
    assert (load.added, load.held) == (1, 1)


def test_an_erasure_is_on_record_by_hash(fielded):
    """The tombstone says that and when; steps name each delivery with its old and its new hash, and no answer."""
    old = {each.id: each.sha256 for each in fielded.store.deliveries("bakers")}
    withdrawal.withdraw(fielded, "bakers", of("ann"), "erase", reason="asked")
    (stone,) = fielded.store.erasures("bakers")
    assert (stone.member, stone.state, stone.reason) == (of("ann"), "done", "asked")
    steps = fielded.store.erasure_steps("bakers", of("ann"))
    rewritten = {each.key: (each.old_sha256, each.new_sha256) for each in steps if each.subject == "delivery"}
    new = {each.id: each.sha256 for each in fielded.store.deliveries("bakers")}
    assert rewritten == {name: (old[name], new[name]) for name in old}
    assert {"response", "answers", "person_waves"} <= {each.subject for each in steps}


def test_an_erasure_that_was_cut_off_goes_on(fielded, monkeypatch):
    """Killed before the old files are removed, asking again removes them; the member was out of the panel already."""

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(fielded.store), "_unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            withdrawal.withdraw(fielded, "bakers", of("ann"), "erase", reason="asked")
    assert fielded.store.erasures("bakers")[0].state == "unlinking"
    assert MARK in "".join(p.read_text(errors="ignore") for p in (fielded.home / "blobs").rglob("*") if p.is_file())
    withdrawal.withdraw(fielded, "bakers", of("ann"), "erase", reason="asked")
    assert fielded.store.erasures("bakers")[0].state == "done"
    assert traces(fielded, MARK) == []


def test_who_answered_without_being_listed_can_be_erased(app, tmp_path):
    """In a study without a loaded sample a member can withdraw, too; one nobody heard of cannot."""
    deliver(app, tmp_path, ("ann", "done"), ("bob", "done"))
    withdrawal.withdraw(app, "bakers", of("ann"), "erase", reason="asked")
    assert set(app.store.response_index("bakers")["member"]) == {of("bob")}
    with pytest.raises(UnknownKey):
        withdrawal.withdraw(app, "bakers", of("zoe"), "no_use", reason="asked")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_of_csv_is_blanked_and_the_others_stay_byte_for_byte(end):
    """Quotes, line ends within cells, a byte order mark and the width of the table are kept."""
    lines = ["\ufeffmember,said", 'ann,"a, b"', f'bob,"one{end}two"', "cas,x"]
    content = (end.join(lines) + end).encode()
    blanked = source_for("x.csv", content).blanked("x.csv", content, {3})
    assert blanked == (end.join([*lines[:2], ",", lines[3]]) + end).encode()
    zipped = gzip.compress(content)
    assert gzip.decompress(source_for("x.csv", zipped).blanked("x.csv", zipped, {3})) == blanked


def test_a_row_of_parquet_is_blanked():
    """Its cells are null, and the others what they were."""
    frame = pd.DataFrame({"member": ["ann", "bob"], "n": [1, 2]})
    content = frame.to_parquet()
    source = source_for("x.parquet", content)
    table = source.table("x.parquet", source.blanked("x.parquet", content, {2}))
    assert table.to_numpy().tolist() == [["", ""], ["bob", "2"]]
