"""Verdicts about cells and decisions about them, on SQLite and on a real PostgreSQL."""

from dataclasses import replace

import pandas as pd
import pytest
from sqlalchemy import text

from panel.errors import StorageError
from panel.model.quarantine import Decision, RowVerdict
from panel.model.results import Gate
from panel.ports import Settling
from panel.schema import HELD
from tests.contract.deliveries import LATER, NOW, STUDY

CELL = RowVerdict(
    study=STUDY.key, wave=1, member="m", variable="x", check="c", version=1, severity="warning", owner="operator",
    action="hold_cell", why="w", value_digest="one", proposed="12",
)  # fmt: skip
GATE = Gate(study=STUDY.key, wave=1, stage="panel", suite_digest="s", data_digest="d", verdicts=())
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
    store.decide([(CELL, ACCEPT)])
    assert store.standing(STUDY.key)[0].decision == ACCEPT
    for other in (replace(CELL, value_digest="two"), replace(CELL, version=2)):
        store.add_row_verdicts(STUDY.key, 1, [other], NOW)
        assert (store.standing(STUDY.key)[0].state, store.standing(STUDY.key)[0].is_held) == ("open", True)
    store.add_row_verdicts(STUDY.key, 1, [CELL], LATER)
    assert store.standing(STUDY.key)[0].state == "accept"


def test_the_last_decision_counts(store):
    """A decision is taken back by another; both are kept."""
    store.add_row_verdicts(STUDY.key, 1, [CELL], NOW)
    store.decide([(CELL, ACCEPT)])
    store.decide([(CELL, replace(ACCEPT, outcome="correct", value="12"))])
    (standing,) = store.standing(STUDY.key)
    assert (standing.state, standing.decision.value, standing.is_held) == ("correct", "12", False)
    assert store.decided(STUDY.key) == [standing]


def test_decisions_are_kept_all_or_none(store):
    """Where one of a thousand cannot be kept, none is; without a fault every one is."""
    cells = [replace(CELL, member=f"m{number}") for number in range(1000)]
    store.add_row_verdicts(STUDY.key, 1, cells, NOW)
    wrong = replace(ACCEPT, outcome="perhaps")
    with pytest.raises(StorageError):
        store.decide([*((cell, ACCEPT) for cell in cells[1:]), (cells[0], wrong)])
    assert store.decided(STUDY.key) == []
    store.decide((cell, ACCEPT) for cell in cells)
    assert len(store.decided(STUDY.key)) == 1000


@pytest.mark.parametrize("table", ["row_verdict", "row_decision"])
def test_neither_is_ever_changed_or_removed(store, table):
    """The database itself refuses."""
    store.add_row_verdicts(STUDY.key, 1, [CELL], NOW)
    store.decide([(CELL, ACCEPT)])
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET member = 'x'"):
        with pytest.raises(StorageError, match="never changed"), store._writes() as connection:
            connection.execute(text(statement))
    assert store.standing(STUDY.key)[0].state == "accept"


def test_a_rebuild_keeps_decisions(store):
    """What is derived is dropped; what was decided is not."""
    store.add_row_verdicts(STUDY.key, 1, [CELL], NOW)
    store.decide([(CELL, ACCEPT)])
    store.forget_derived(STUDY.key)
    assert store.standing(STUDY.key)[0].state == "accept"


def _settling(held=None):
    def held_of(_gate, standing):
        if held is None:
            raise RuntimeError("the machine stopped")
        return held.assign(check=[each.verdict.check for each in standing if each.is_held])

    return Settling(verdicts_of=lambda _gate, _standing: [CELL], held_of=held_of)


def test_a_gate_its_verdicts_and_what_is_held_are_kept_at_once(store):
    """What is held is told from the verdicts of the same transaction."""
    row = {"wave": 1, "member": "m", "variable": "x", "check": "", "reason": "w"}
    store.save_gate(GATE, NOW, settling=_settling(HELD.coerce(pd.DataFrame([row]))))
    assert [each.verdict for each in store.standing(STUDY.key, 1)] == [CELL]
    assert store.held(STUDY.key)["check"].tolist() == ["c"]


def test_a_gate_that_is_not_kept_whole_is_not_kept(store):
    """Where the machine stops between verdicts and held cells there is neither, and no gate."""
    with pytest.raises(RuntimeError):
        store.save_gate(GATE, NOW, settling=_settling())
    assert store.gates(STUDY.key) == []
    assert store.standing(STUDY.key) == []
