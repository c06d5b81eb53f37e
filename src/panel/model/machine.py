"""A machine of states: one literal table, total over states and events, that answers and draws itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NOTHING = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """
    What every event does in every state.

    `moves` has every pair of a state and an event: the state after it, or None where it is not legal. `means` says of
    each event what it is for, so that a refusal can say why.
    """

    name: str
    initial: str
    means: Mapping[str, str]
    moves: Mapping[tuple[str, str], str | None]

    @property
    def states(self) -> tuple[str, ...]:
        """Return the states in the order of the table."""
        return tuple(dict.fromkeys(state for state, _ in self.moves))

    @property
    def events(self) -> tuple[str, ...]:
        """Return the events in the order of the table."""
        return tuple(dict.fromkeys(event for _, event in self.moves))

    @property
    def final(self) -> tuple[str, ...]:
        """Return the states that nothing leaves."""
        return tuple(
            each for each in self.states if all(self.moves[each, event] in (None, each) for event in self.events)
        )

    def legal(self, state: str) -> tuple[str, ...]:
        """Return the events that are legal in a state."""
        return tuple(event for event in self.events if self.moves[state, event] is not None)

    def after(self, state: str, event: str) -> str | None:
        """Return the state after an event, None where it is not legal."""
        return self.moves[state, event]

    def refusal(self, event: str) -> str:
        """Return in which states an event is legal, and what it is for, as the end of a sentence."""
        others = [each for each in self.states if self.moves[each, event] is not None]
        article = "an" if self.name.startswith(tuple("aeiou")) else "a"
        return f"'{event}' ({self.means[event]}) is for {article} {self.name} that is {' or '.join(others)}"

    def diagram(self) -> str:
        """Return the machine as a Mermaid state diagram, made from the table."""
        arrows: dict[tuple[str, str], list[str]] = {}
        for (state, event), to in self.moves.items():
            if to is not None:
                arrows.setdefault((state, to), []).append(event)
        lines = [f"    {state} --> {to}: {', '.join(events)}" for (state, to), events in arrows.items()]
        ends = [f"    {state} --> [*]" for state in self.final]
        return "\n".join(["stateDiagram-v2", f"    [*] --> {self.initial}", *lines, *ends])

    def table(self) -> str:
        """Return the machine as a Markdown table: a row a state, a column an event, "" where it is not legal."""
        rows = [["", *self.events], ["---"] * (len(self.events) + 1)]
        rows += [[state, *(self.moves[state, event] or "" for event in self.events)] for state in self.states]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def machine(name: str, *, initial: str, table: str, means: Mapping[str, str]) -> Machine:
    """
    Return the machine that a table in text says: a heading of events, then a row a state; "-" where not legal.

    Raises:
        ValueError: a row is too short or too long, repeats a state, or leads to a state that has no row; or `means`
            leaves out an event.
    """
    events, *rows = (line.split() for line in table.strip().splitlines())
    states = [row[0] for row in rows]
    moves = {
        (state, event): None if to == NOTHING else to
        for state, *cells in rows
        for event, to in zip(events, cells, strict=True)
    }
    unknown = {to for to in moves.values() if to is not None} - set(states)
    if unknown or len(set(states)) != len(states) or set(means) != set(events) or initial not in states:
        raise ValueError(f"The table of the {name} machine is not whole.")
    return Machine(name=name, initial=initial, means=means, moves=moves)
