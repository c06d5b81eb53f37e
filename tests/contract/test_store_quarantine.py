"""Verdicts about cells and decisions about them, on SQLite and on a real PostgreSQL."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from panel.errors import StorageError
from panel.model.quarantine import Decision, RowVerdict
from tests.contract.deliveries import LATER, NOW, STUDY

CELL = RowVerdict(
    study=STUDY.key, wave=1, member="m", variable="x", check="c", version=1, severity="warning", owner="operator",
    action="hold_cell", why="w", value_digest="one", proposed="12",
)  # fmt: skip
ACCEPT = Decision(outcome="accept", by="me", reason="because", at=LATER)


def test_a_verdict_is_added_where_value_or_rule_is_another(store):
    """The same verdict twice is one; another value or version is a new one, and the newest stands."""
    assert store.add_row_verdicts(STUDY.key, 1, [CELL], NOW) == 1
    assert store.add_row_verdicts(STUDY.key, 1, [CELL], LATER) == 0
    newer = replace(CELL, version=2)
    assert store.add_row_verdicts(STUDY.key, 1, [newer], LATER) == 1
    (standing,) = store.standing(STUDY.key)
    assert (standing.verdict, standing.since) == (newer, LATER)
    assert store.standing(STUDY.key, 2) == []


def test_a_decision_is_about_one_value_and_one_version(store):
    """It ends where either changes, and holds again where the old value is back."""
    store.add_row_verdicts(STUDY.key, 1, [CELL], NOW)
    store.decide(CELL, ACCEPT)
    assert store.standing(STUDY.key)[0].decision == ACCEPT
    for other in (replace(CELL, value_digest="two"), replace(CELL, version=2)):
        store.add_row_verdicts(STUDY.key, 1, [other], NOW)
        assert (store.standing(STUDY.key)[0].state, store.standing(STUDY.key)[0].is_held) == ("open", True)
    store.add_row_verdicts(STUDY.key, 1, [CELL], LATER)
    assert store.standing(STUDY.key)[0].state == "accept"


def test_the_last_decision_counts(store):
    """A decision is taken back by another; both are kept."""
    store.add_row_verdicts(STUDY.key, 1, [CELL], NOW)
    store.decide(CELL, ACCEPT)
    store.decide(CELL, replace(ACCEPT, outcome="correct", value="12"))
    (standing,) = store.standing(STUDY.key)
    assert (standing.state, standing.decision.value, standing.is_held) == ("correct", "12", False)
    assert store.decided(STUDY.key) == [standing]


@pytest.mark.parametrize("table", ["row_verdict", "row_decision"])
def test_neither_is_ever_changed_or_removed(store, table):
    """The database itself refuses."""
    store.add_row_verdicts(STUDY.key, 1, [CELL], NOW)
    store.decide(CELL, ACCEPT)
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET member = 'x'"):
        with pytest.raises(StorageError, match="never changed"), store._writes() as connection:
            connection.execute(text(statement))
    assert store.standing(STUDY.key)[0].state == "accept"


def test_a_rebuild_keeps_decisions(store):
    """What is derived is dropped; what was decided is not."""
    store.add_row_verdicts(STUDY.key, 1, [CELL], NOW)
    store.decide(CELL, ACCEPT)
    store.forget_derived(STUDY.key)
    assert store.standing(STUDY.key)[0].state == "accept"
