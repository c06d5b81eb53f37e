"""The store, on SQLite and on a real PostgreSQL: one suite, one behaviour."""

import multiprocessing

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sqlalchemy import text

from panel import merge as merging
from panel.errors import (
    DefinitionError,
    ReleaseExists,
    ReleaseState,
    SettingsError,
    StorageError,
    UnknownKey,
    WaveState,
)
from panel.model.results import Gate, Override, ReleaseRecord, Verdict
from panel.schema import CLAIMS, ESTIMATES, HELD, IGNORED, WEIGHTS
from panel.store import migrate, open_store
from tests.contract.deliveries import LATER, NOW, STUDY, accept, receive, typed
from tests.unit.study_factory import FILES


def test_the_same_bytes_for_the_same_wave_are_one_delivery(store):
    """Receiving twice returns the first delivery, whenever the second one came."""
    first, second = receive(store), receive(store, at=LATER)
    assert (first.id, first.received_at) == (second.id, second.received_at)
    assert receive(store, wave=2).id != first.id
    assert store.content(first.id) == b"bytes"


def test_accepting_twice_changes_nothing(store):
    """The second time returns the first receipt, marked as a repeat."""
    first = accept(store, b"one", ("a", "1"), ("b", "1"))
    again = accept(store, b"one", ("a", "1"), ("b", "1"))
    assert (first.rows, first.accepted, first.is_repeat) == (2, 2, False)
    assert (again.rows, again.accepted, again.is_repeat) == (2, 2, True)
    assert len(store.responses(STUDY.key, 1)) == 2


def test_answers_known_from_another_file_are_ignored_with_the_reason(store):
    """A response kept before is not kept again, and rows in are accepted, held or ignored."""
    accept(store, b"one", ("a", "1"))
    receipt = accept(store, b"two", ("a", "1"), ("b", "1"), ("", "1"))
    assert (receipt.rows, receipt.accepted, receipt.held, receipt.ignored) == (3, 1, 1, 1)
    assert dict(receipt.reasons)["already received"] == 1


def test_responses_come_back_as_they_went_in(store):
    """Values, nulls, reasons, moments and dtypes survive the way through Parquet."""
    delivery = receive(store)
    made = typed(delivery, ("a", "1"), ("b", ""))
    store.accept(delivery.id, made.rows, made.held, made.ignored)
    assert_frame_equal(store.responses(STUDY.key, 1), made.rows.sort_values("response", ignore_index=True))
    index = store.response_index(STUDY.key)
    assert sorted(index["response"]) == sorted(made.rows["response"])


def test_what_was_received_is_never_changed_or_removed(store):
    """The database itself refuses to update or delete a response."""
    accept(store, b"one", ("a", "1"))
    for statement in ("DELETE FROM response", "UPDATE response SET member = 'x'", "DELETE FROM receipt"):
        with pytest.raises(StorageError, match="never changed"), store._writes() as connection:
            connection.execute(text(statement))
    assert len(store.response_index(STUDY.key)) == 1


def test_a_changed_instrument_under_its_old_version_is_refused(store):
    """An instrument file that differs needs a new version; other files may change."""
    name = next(name for name in FILES if name.startswith("instrument-"))
    with pytest.raises(DefinitionError) as refusal:
        store.keep_study(STUDY.key, {**FILES, name: FILES[name] + "\n# changed\n"}, LATER)
    assert refusal.value.faults[0].where.file == name
    changed = {**FILES, "study.toml": FILES["study.toml"] + "\n# changed\n"}
    store.keep_study(STUDY.key, changed, LATER)
    assert store.study_files(STUDY.key) == changed


def test_an_unknown_study_is_answered_with_the_nearest(store):
    """A key that is not there is refused with a suggestion."""
    with pytest.raises(UnknownKey) as refusal:
        store.study_files(STUDY.key[:-1] + "x")
    assert STUDY.key in refusal.value.fix


def test_a_wave_moves_only_from_where_it_may(store):
    """A move from another state is refused, and the state stays."""
    assert store.move_wave(STUDY.key, 1, ["stage", "open"], at=NOW, by="me", reason="opened") == "open"
    with pytest.raises(WaveState, match="open"):
        store.move_wave(STUDY.key, 1, ["archive"], at=NOW, by="me", reason="too early")
    assert store.wave_states(STUDY.key) == {1: "open"}


def test_the_panel_is_replaced_whole_and_read_by_column(store):
    """Person-waves come back as merged; asking for columns reads those and the key."""
    accept(store, b"one", ("a", "1"), ("b", "1"))
    merged = merging.merge(
        {1: store.responses(STUDY.key, 1)}, study=STUDY, index=store.response_index(STUDY.key), fielded=[1]
    )
    core = [variable.name for variable in STUDY.variables if variable.is_core]
    for _ in range(2):
        store.save_person_waves(STUDY.key, merged.person_waves, core)
        store.save_tracking(STUDY.key, merged.tracking)
    assert_frame_equal(store.person_waves(STUDY.key), merged.person_waves[1].reset_index(drop=True))
    assert_frame_equal(store.tracking(STUDY.key), merged.tracking)
    name = STUDY.variables[0].name
    assert name in store.person_waves(STUDY.key, columns=[name])
    assert STUDY.variables[1].name not in store.person_waves(STUDY.key, columns=[name])


def test_views_show_what_is_kept(store):
    """The views for analysts read the wave's state, its members and the core answers."""
    accept(store, b"one", ("a", "1"), ("b", "1"))
    store.move_wave(STUDY.key, 1, ["stage", "open"], at=NOW, by="me", reason="opened")
    merged = merging.merge(
        {1: store.responses(STUDY.key, 1)}, study=STUDY, index=store.response_index(STUDY.key), fielded=[1]
    )
    name = STUDY.instrument_of(1).questions[0].variable.name
    store.save_person_waves(STUDY.key, merged.person_waves, [name])
    store.save_tracking(STUDY.key, merged.tracking)
    with store._reads() as connection:
        status = connection.execute(text("SELECT state, members, interviewed, deliveries FROM wave_status")).one()
        answers = connection.execute(text("SELECT variable, value_code, missing_reason FROM panel_long")).all()
    assert tuple(status) == ("open", 2, 2, 1)
    assert {row.variable for row in answers} == {name}
    assert len(answers) == 2


def test_held_cells_of_a_stage_are_replaced_and_those_of_intake_stay(store):
    """A later stage replaces its own holds only."""
    accept(store, b"one", ("", "1"))
    row = {"wave": 1, "member": "m1", "variable": "x", "check": "c", "reason": "r", "delivery": None, "row": None}
    store.save_held(STUDY.key, "check-1", HELD.coerce(pd.DataFrame([row, {**row, "member": "m2"}])))
    store.save_held(STUDY.key, "check-1", HELD.coerce(pd.DataFrame([row])))
    held = store.held(STUDY.key)
    assert held["check"].tolist().count("c") == 1
    assert len(held) == 2


def verdict(state="failed", failing=(("m1", 1),)):
    """Return a critical verdict."""
    return Verdict(
        check="c", expectation="e", columns=(), severity="critical", owner="o", why="w", state=state, checked_count=2,
        failing_count=len(failing), failing=failing,
    )  # fmt: skip


def gate(**values):
    """Return a gate with one verdict."""
    return Gate(
        study=STUDY.key, wave=1, stage="panel", suite_digest="s", data_digest="d", verdicts=(verdict(**values),)
    )


def test_an_override_holds_as_long_as_the_same_rows_fail(store):
    """A decision opens the gate for what it was made about, and for nothing else."""
    store.save_gate(gate(), NOW)
    assert not store.gates(STUDY.key)[0].is_open
    store.override(STUDY.key, 1, "panel", "c", Override(by="me", reason="because", at=NOW))
    assert store.gates(STUDY.key)[0].is_open
    store.save_gate(gate(), LATER)
    assert store.gates(STUDY.key)[0].verdicts[0].override.reason == "because"
    store.save_gate(gate(failing=(("m1", 1), ("m2", 1))), LATER)
    assert not store.gates(STUDY.key)[0].is_open


def test_weights_and_estimates_are_replaced_whole(store):
    """What is computed again takes the place of what was computed before."""
    weights = WEIGHTS.coerce(
        pd.DataFrame([{"member": "m", "wave": 1, "kind": "cross-sectional", "waves": "1", "weight": 1.5}])
    )
    figure = ESTIMATES.coerce(
        pd.DataFrame([{"indicator": "i", "statistic": "mean", "wave": 1, "estimate": -2.5, "n": 3, "status": "final"}])
    )
    for _ in range(2):
        store.save_weights(STUDY.key, 1, weights, "[]")
        store.save_estimates(STUDY.key, 1, {"estimates": figure})
    assert_frame_equal(store.weights(STUDY.key, 1), weights)
    assert_frame_equal(store.estimates(STUDY.key, 1), figure)
    assert store.estimates(STUDY.key, 1, "predictions").empty


def record(**values):
    """Return a release."""
    base = {"study": STUDY.key, "key": "2025.1", "wave": 1, "digest": "d1", "path": "/x", "is_synthetic": True}
    return ReleaseRecord(**{**base, "created_at": NOW, "manifest": "{}", **values})


def test_a_release_is_recorded_once_and_never_replaced(store):
    """The same digest is the same release; other content under a taken key is refused."""
    ready(store, "2025.1")
    store.save_release(record(), by="me")
    assert store.save_release(record(key="2025.2", created_at=LATER), by="me").key == "2025.1"
    with pytest.raises(ReleaseExists):
        store.save_release(record(digest="d2"), by="me")
    assert [each.key for each in store.releases(STUDY.key)] == ["2025.1"]


def ready(store, key):
    """Take a release through its steps up to its review."""
    for event in ("ingest", "validate", "weigh", "estimate", "review"):
        store.move_release(STUDY.key, key, 1, event, at=NOW, by="me")


def test_a_release_is_published_after_its_review_only_and_supersedes_the_one_before(store):
    """Past its gates nothing is recorded; the next one and the end of the one before are one transaction."""
    with pytest.raises(ReleaseState, match="is ingested"):
        store.save_release(record(), by="me")
    assert not store.releases(STUDY.key)
    assert not store.release_states(STUDY.key)
    for number, digest in ((1, "d1"), (2, "d2")):
        ready(store, f"2025.{number}")
        store.save_release(record(key=f"2025.{number}", digest=digest), by="me")
    assert store.release_states(STUDY.key) == {"2025.1": "superseded", "2025.2": "published"}
    assert [each.reason for each in store.release_events(STUDY.key, "2025.1")][-1] == "by 2025.2"
    with pytest.raises(ReleaseState, match="'supersede'"):
        store.move_release(STUDY.key, "2025.1", 1, "supersede", at=NOW, by="me")
    store.move_release(STUDY.key, "2025.1", 1, "retract", at=LATER, by="you", reason="wrong")
    last = store.release_events(STUDY.key, "2025.1")[-1]
    assert (last.from_state, last.to_state, last.by, last.reason) == ("superseded", "retracted", "you", "wrong")
    assert last.at == LATER


@pytest.mark.parametrize("statement", ["DELETE FROM release_event", "UPDATE release_event SET reason = 'x'"])
def test_the_history_of_a_release_is_append_only(store, statement):
    """Neither the program nor a hand in the database can change what happened to a release."""
    ready(store, "2025.1")
    with pytest.raises(StorageError, match="never changed"), store._writes() as connection:
        connection.execute(text(statement))
    assert len(store.release_events(STUDY.key, "2025.1")) == 5


def claims(state="open", **given):
    """Return a ledger of one claim."""
    row = {
        "member": "m1", "wave": 1, "question": "q", "variable": "x", "kind": "direction", "horizon": "target",
        "due_year": 2030, "resolves_by": "direction of x, beyond 5 %", "said": "fall", "probability": None,
        "state": state, "reason": "not_due", "outcome": None, "is_true": None, "read_wave": None, "made_revision": 1,
        "made_response": "r", "read_revision": None, "read_response": None, "is_corrected": False, "before": None,
    }  # fmt: skip
    return CLAIMS.coerce(pd.DataFrame([row | given]))


def test_the_ledger_of_a_wave_is_replaced_and_comes_back_as_it_went_in(store):
    """Claims keep dtypes and nulls; computing a wave anew replaces its ledger, and that of another wave stays."""
    assert list(store.claims(STUDY.key, 1)) == CLAIMS.names
    assert store.claims(STUDY.key, 1).empty
    store.save_claims(STUDY.key, 1, claims())
    resolved = claims("resolved", outcome="fall", is_true=True, read_wave=2, read_revision=1, read_response="s")
    store.save_claims(STUDY.key, 2, resolved)
    assert_frame_equal(store.claims(STUDY.key, 1), claims())
    assert_frame_equal(store.claims(STUDY.key, 2), resolved)
    moved = claims("censored", probability=0.3, said=None, is_corrected=True, before="fall: open unknown")
    store.save_claims(STUDY.key, 1, moved)
    assert_frame_equal(store.claims(STUDY.key, 1), moved)
    assert_frame_equal(store.claims(STUDY.key, 2), resolved)
    store.forget_derived(STUDY.key)
    assert store.claims(STUDY.key, 1).empty
    assert store.claims(STUDY.key, 2).empty


def test_forgetting_what_is_derived_keeps_what_was_received(store):
    """A rebuild starts from responses and intake's holds, and nothing else."""
    accept(store, b"one", ("a", "1"), ("", "1"))
    store.save_weights(STUDY.key, 1, WEIGHTS.empty(), "[]")
    store.forget_derived(STUDY.key)
    assert len(store.responses(STUDY.key, 1)) == 1
    assert len(store.held(STUDY.key)) == 1
    assert store.weight_diagnostics(STUDY.key, 1) == "[]"


def test_bytes_that_were_changed_are_found(store):
    """A kept file that no longer matches its hash is refused."""
    delivery = receive(store)
    path = store._blobs.path(delivery.sha256)
    path.write_bytes(b"other")
    with pytest.raises(StorageError, match="changed"):
        store.content(delivery.id)


def test_a_newer_database_is_refused(url, tmp_path):
    """A database of a later version is left alone, with a sentence."""
    migrate(url)
    store = open_store(url, tmp_path)
    with store._writes() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    for attempt in (lambda: open_store(url, tmp_path), lambda: migrate(url)):
        with pytest.raises(SettingsError, match="newer"):
            attempt()


def test_a_database_without_tables_says_what_to_run(url, tmp_path):
    """Opening before `panelctl init` names the command."""
    with pytest.raises(SettingsError) as refusal:
        open_store(url, tmp_path)
    assert "panelctl init" in refusal.value.fix


def test_migrating_twice_is_migrating_once(url):
    """An up-to-date database stays as it is."""
    assert migrate(url) == migrate(url)


def _write_from_another_process(url, home, number):
    store = open_store(url, home)
    for place in range(5):
        accept(store, f"{number}-{place}".encode(), (f"member-{number}-{place}", "1"))
    store.close()


def test_two_writers_at_once_both_land(url, tmp_path):
    """Two processes that accept at the same time lose nothing."""
    migrate(url)
    store = open_store(url, tmp_path)
    store.keep_study(STUDY.key, FILES, NOW)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_from_another_process, args=(url, tmp_path, each)) for each in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert len(store.responses(STUDY.key, 1)) == 10
    store.close()


def test_tables_and_migration_agree(url):
    """The migration makes exactly the tables that the code describes."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from panel.store.engine import make_engine
    from panel.store.tables import Base

    migrate(url)
    engine = make_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_ignored_rows_are_kept_with_their_reason(store):
    """What carried nothing new is on record, row by row."""
    delivery = receive(store)
    made = typed(delivery, ("a", "1"))
    ignored = IGNORED.coerce(pd.DataFrame([{"row": 9, "reason": "blank line"}]))
    receipt = store.accept(delivery.id, made.rows, made.held, ignored)
    assert (receipt.rows, receipt.ignored) == (2, 1)
    with store._reads() as connection:
        assert connection.execute(text("SELECT row, reason FROM ignored")).all() == [(9, "blank line")]
