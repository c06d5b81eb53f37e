"""What the store does when something goes wrong: real faults, on SQLite and on a real PostgreSQL."""

import multiprocessing
import resource
import traceback
from datetime import date

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sqlalchemy import inspect, text

from panel.errors import SettingsError, StorageError, UnknownKey
from panel.model.results import Gate, Override, Verdict
from panel.schema import HELD, IGNORED, PERSON_WAVES, REASON_DTYPE, RESPONSES, reason_column
from panel.store import migrate, open_store
from panel.store.engine import make_engine
from panel.store.frames import from_parquet, to_parquet
from tests.contract.deliveries import LATER, NOW, STUDY, accept, receive, typed
from tests.unit.study_factory import FILES

FORBIDDEN = (
    "UPDATE delivery SET sha256 = 'x'",
    "UPDATE delivery SET filename = 'x'",
    "UPDATE delivery SET state = 'received'",
    "DELETE FROM delivery",
    "DELETE FROM held WHERE stage = 'intake'",
    "UPDATE held SET reason = 'x'",
    "DELETE FROM part WHERE kind = 'answers'",
    "UPDATE part SET sha256 = 'x'",
    "DELETE FROM ignored",
    "UPDATE study_version SET files = ''",
)
ONLY_SQLITE = ("REPLACE INTO ignored SELECT delivery, row, 'x' FROM ignored",)
ONLY_POSTGRESQL = ("TRUNCATE response CASCADE", "TRUNCATE delivery CASCADE", "TRUNCATE held")


def test_no_statement_changes_or_removes_what_arrived(store):
    """Deliveries, intake's holds, the places of answers and ignored rows stay, whatever SQL is tried."""
    accept(store, b"one", ("a", "1"))
    accept(store, b"two", ("a", "1"), ("", "1"))
    extra = ONLY_SQLITE if store._engine.dialect.name == "sqlite" else ONLY_POSTGRESQL
    for statement in (*FORBIDDEN, *extra):
        with pytest.raises(StorageError, match="never changed or removed"), store._writes() as connection:
            connection.execute(text(statement))
    assert sorted(store.content(each.id) for each in store.deliveries(STUDY.key)) == [b"one", b"two"]
    assert sorted(each.rows for each in store.receipts(STUDY.key)) == [1, 2]
    assert len(store.held(STUDY.key)) == 1


def test_a_refused_delivery_may_be_taken_in_later_and_then_stays_so(store):
    """A refusal is not the last word; an acceptance is."""
    delivery = receive(store, b"one")
    store.refuse(delivery.id, "a column is missing")
    assert [each.state for each in store.deliveries(STUDY.key)] == ["refused"]
    accept(store, b"one", ("a", "1"))
    store.refuse(delivery.id, "too late")
    assert [each.state for each in store.deliveries(STUDY.key)] == ["parsed"]


def test_a_delivery_that_is_not_there_is_said_to_be_unknown(store):
    """Every way to name a delivery answers an unknown one alike."""
    nothing = (RESPONSES.empty(), HELD.empty(), IGNORED.empty())
    for attempt in (store.content, lambda name: store.refuse(name, "r"), lambda name: store.accept(name, *nothing)):
        with pytest.raises(UnknownKey, match="no delivery 'nowhere'"):
            attempt("nowhere")


def test_an_override_of_a_check_that_was_not_run_is_refused(store):
    """A decision is about something that failed, and the nearest name is offered."""
    verdict = _verdict(1)
    store.save_gate(_gate(verdict), NOW)
    with pytest.raises(UnknownKey, match="incme") as refusal:
        store.override(STUDY.key, 1, "panel", "incme", Override(by="me", reason="because", at=NOW))
    assert "income" in refusal.value.fix


def test_one_response_twice_in_a_delivery_is_kept_once(store):
    """The second row is ignored with the reason, and no row is lost from the count."""
    delivery = receive(store)
    made = typed(delivery, ("a", "1"), ("b", "1"))
    twice = pd.concat([made.rows, made.rows.assign(row=made.rows["row"] + 2)], ignore_index=True)
    receipt = store.accept(delivery.id, twice, made.held, made.ignored)
    assert (receipt.rows, receipt.accepted, receipt.ignored, receipt.revisions) == (4, 2, 2, 0)
    assert receipt.reasons == (("already received", 2),)


def test_responses_have_the_same_dtypes_however_many_deliveries_brought_them(store):
    """A second delivery adds rows and changes no column."""
    accept(store, b"one", ("a", "1"))
    first = store.responses(STUDY.key, 1)
    accept(store, b"two", ("b", "1"))
    accept(store, b"three", ("c", "1"))
    whole = store.responses(STUDY.key, 1)
    assert whole.dtypes.to_dict() == first.dtypes.to_dict()
    assert_frame_equal(whole[whole["delivery"].isin(first["delivery"])].reset_index(drop=True), first)


def test_an_error_of_the_driver_quotes_no_row(store):
    """A refused row leaves no trace in what is raised: neither text nor cause holds a value of it."""
    delivery = receive(store)
    made = typed(delivery, ("a", "1"))
    wrong = made.rows.assign(response=None, member="telltale")
    with pytest.raises(StorageError, match="refused the step") as refusal:
        store.accept(delivery.id, wrong, made.held, made.ignored)
    shown = "".join(traceback.format_exception(refusal.value))
    assert "telltale" not in shown
    assert "sqlalchemy.exc" not in shown
    assert "psycopg.errors" not in shown
    assert store.receipts(STUDY.key) == []


def test_a_locked_database_says_so(store, url, tmp_path):
    """A writer that waits in vain is told what to do; a reader does not wait at all."""
    other = open_store(url, tmp_path, busy_seconds=0.2)
    with store._writes():
        assert other.study_keys() == [STUDY.key]
        with pytest.raises(StorageError) as refusal:
            receive(other)
    assert refusal.value.what == "The database is locked by another process."
    assert "run it again" in refusal.value.fix
    assert receive(other).state == "received"
    other.close()


def test_a_full_disk_says_so_and_keeps_nothing_by_halves(store):
    """A file that does not fit is refused; with room again the same call succeeds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StorageError, match="The disk is full"):
            receive(store, b"x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.deliveries(STUDY.key) == []
    delivery = receive(store, b"x" * 10_000)
    assert store.content(delivery.id) == b"x" * 10_000


def test_a_full_database_says_so(store):
    """SQLite that may not grow refuses in the same words, and keeps what it had."""
    if store._engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has no limit of its own that a test could set")
    with store._writes() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(StorageError, match="The disk is full"):
        store.keep_study(STUDY.key, {**FILES, "study.toml": "#" * 1_000_000}, LATER)
    assert store.study_files(STUDY.key) == FILES


def test_a_migration_that_fails_leaves_nothing_behind(url):
    """All tables, views and triggers are made in one transaction: a fault near its end undoes its beginning."""
    engine = make_engine(url)
    with engine.connect() as connection, connection.begin():
        connection.execute(text("CREATE TABLE published_estimates (mine INTEGER)"))
    with pytest.raises(StorageError):
        migrate(url)
    assert inspect(engine).get_table_names() == ["published_estimates"]
    assert inspect(engine).get_view_names() == []
    engine.dispose()


@pytest.mark.parametrize("address", ["mysql://u:secret@h/x", "postgresql://u:secret@h:port/x", "secret"])
def test_a_wrong_address_is_refused_without_repeating_it(address, tmp_path):
    """The address may hold a password, so the refusal does not show it."""
    with pytest.raises(SettingsError) as refusal:
        open_store(address, tmp_path)
    assert "secret" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def _take_in(url, home, barrier, answers):
    store = open_store(url, home)
    barrier.wait(60)
    for place in range(5):
        receipt = accept(store, f"delivery {place}".encode(), (f"member {place}", "1"))
        answers.put((place, receipt.is_repeat, receipt.accepted))
    store.close()


def test_two_processes_that_take_in_the_same_files_keep_them_once(store, url, tmp_path):
    """The same files at the same moment give one receipt each, and one of the two is told it is a repeat."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(2), context.Queue()
    both = [context.Process(target=_take_in, args=(url, tmp_path, barrier, answers)) for _ in range(2)]
    for process in both:
        process.start()
    said = sorted(answers.get(timeout=120) for _ in range(10))
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    assert said == [(place, is_repeat, 1) for place in range(5) for is_repeat in (False, True)]
    assert len(store.responses(STUDY.key, 1)) == 5


def _verdict(count):
    failing = tuple((f"m{each:06d}", 1) for each in range(count))
    return Verdict(
        check="income", expectation="e", columns=("x",), severity="critical", owner="o", why="w", state="failed",
        checked_count=count, failing_count=count, failing=failing,
    )  # fmt: skip


def _gate(verdict):
    return Gate(study=STUDY.key, wave=1, stage="panel", suite_digest="s", data_digest="d", verdicts=(verdict,))


def test_every_failing_row_is_kept_however_many(store):
    """Long lists lie beside the database, and an override about them still holds."""
    verdict = _verdict(10_001)
    store.save_gate(_gate(verdict), NOW)
    assert store.gates(STUDY.key) == [_gate(verdict)]
    with store._reads() as connection:
        assert len(connection.execute(text("SELECT verdicts FROM gate")).scalar()) < 1000
    store.override(STUDY.key, 1, "panel", "income", Override(by="me", reason="because", at=NOW))
    assert store.gates(STUDY.key)[0].is_open


def test_frames_come_back_bit_for_bit_from_parquet():
    """Negative and very large numbers, nulls and their reasons, days and moments survive; the same rows, one file."""
    frame = PERSON_WAVES.coerce(
        pd.DataFrame(
            {
                "member": ["a", "b", "ç"],
                "wave": [1, 1, 2],
                "design_weight": [0.1, None, 1e-300],
                "profit_eur": pd.array([-1234.56, None, 1e15], dtype="Float64"),
                reason_column("profit_eur"): pd.Categorical(["", "refused", ""], dtype=REASON_DTYPE),
                "count": pd.array([-(2**53) - 1, None, 2**62], dtype="Int64"),
                "day": pd.Series(["2028-02-29", None, "1970-01-01"], dtype="str"),
                "at": pd.to_datetime([NOW, None, LATER], utc=True).as_unit("us"),
            }
        )
    )
    assert_frame_equal(from_parquet(to_parquet(frame)), frame)
    assert date.fromisoformat(from_parquet(to_parquet(frame))["day"][0]) == date(2028, 2, 29)
    assert to_parquet(frame) == to_parquet(frame.copy())
