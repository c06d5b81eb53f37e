"""What a store lets go of when a member is erased, on SQLite and on a real PostgreSQL."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from panel.errors import StorageError
from panel.model.results import Verdict
from tests.contract.deliveries import LATER, NOW, STUDY, accept
from tests.contract.test_store_quarantine import CELL, GATE


@pytest.fixture
def full(store):
    """Return a store with two members: responses, verdicts, and a gate that both failed."""
    accept(store, b"one", ("a", "1"), ("b", "1"))
    for name in members(store):
        store.add_row_verdicts(STUDY.key, 1, [replace(CELL, member=name)], NOW)
    pairs = tuple((name, 1) for name in members(store))
    verdict = Verdict(
        check="c", expectation="e", columns=(), severity="warning", owner="operator", why="w", state="failed",
        checked_count=2, failing_count=2, failing=pairs, proposed=tuple((*pair, "12") for pair in pairs),
    )  # fmt: skip
    store.save_gate(replace(GATE, verdicts=(verdict,)), NOW)
    return store


def members(store):
    """Return the members who responded."""
    return sorted(store.response_index(STUDY.key)["member"])


def test_only_the_member_is_gone(full):
    """Its responses, verdicts, frames and lines in gates are removed; those of the other are what they were."""
    gone, stays = members(full)
    (delivery,) = full.deliveries(STUDY.key)
    stone = full.erase(STUDY.key, gone, {delivery.id: b"blanked"}, by="me", reason="asked", at=LATER)
    assert (stone.member, stone.state) == (gone, "done")
    assert members(full) == list(full.responses(STUDY.key, 1)["member"]) == [stays]
    assert [each.verdict.member for each in full.standing(STUDY.key)] == [stays]
    (verdict,) = full.gates(STUDY.key)[0].verdicts
    assert (verdict.failing, verdict.proposed, verdict.failing_count) == (((stays, 1),), ((stays, 1, "12"),), 2)
    assert full.content(delivery.id) == b"blanked"
    steps = {each.subject: each for each in full.erasure_steps(STUDY.key, gone)}
    assert (steps["delivery"].old_sha256, steps["delivery"].row_count) == (delivery.sha256, 1)
    assert {"response", "answers", "row_verdict", "gate"} <= set(steps)
    with pytest.raises(StorageError, match="is gone"):
        full._blobs.read(delivery.sha256)


def test_the_door_is_shut_behind_an_erasure(full):
    """After it nothing that was received can be changed or removed, the tombstone neither."""
    gone, _ = members(full)
    full.erase(STUDY.key, gone, {}, by="me", reason="asked", at=LATER)
    for statement in (
        "DELETE FROM response",
        "UPDATE gate SET wave = 2",
        "UPDATE part SET wave = 2",
        "UPDATE delivery SET sha256 = 'x'",
        "DELETE FROM erasure",
        "DELETE FROM erasure_step",
    ):
        with pytest.raises(StorageError, match="never changed"), full._writes() as connection:
            connection.execute(text(statement))


def test_erasing_twice_is_erasing_once(full):
    """The second time there is nothing left to remove, and one tombstone."""
    gone, _ = members(full)
    full.erase(STUDY.key, gone, {}, by="me", reason="asked", at=LATER)
    before = full.erasure_steps(STUDY.key, gone)
    full.erase(STUDY.key, gone, {}, by="me", reason="asked", at=LATER)
    assert full.erasure_steps(STUDY.key, gone) == before
    assert len(full.erasures(STUDY.key)) == 1


def test_a_delivery_rewritten_is_the_one_that_comes_again(full):
    """The blanked bytes are the delivery they were made of, not a new one."""
    gone, _ = members(full)
    (delivery,) = full.deliveries(STUDY.key)
    full.erase(STUDY.key, gone, {delivery.id: b"blanked"}, by="me", reason="asked", at=LATER)
    again = full.receive(
        study=STUDY.key, wave=1, content=b"blanked", filename="x.csv", source="file", is_synthetic=False, at=LATER
    )
    assert again.id == delivery.id


def test_going_back_a_version_keeps_what_was_received(full):
    """Without the tables of erasures the records of before are guarded as they were."""
    from alembic import command

    from panel.store.migrate import _config

    full.close()
    config = _config()
    with full._engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0005_facts")
    with pytest.raises(StorageError, match="never changed"), full._writes() as connection:
        connection.execute(text("DELETE FROM response"))
