"""What a study's simulation.toml says: how its SYNTHETIC people come about, answer, and leave."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from panel.errors import DefinitionError, Where, printable
from panel.model.study import Study
from panel.sources.synthetic.faults import FILE, plan_faults

Tables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    How synthetic people come about.

    `state` is the variable that divides them into classes and changes over time; `initial` its shares, `moves` its
    yearly transition shares. `latents` are hidden numbers of a person, `effects` numbers that an answer stands for;
    `draws` say for each variable how an answer comes from class, latents and effects. Variables without a draw get
    any value of the instrument.
    """

    members: int = 500
    state: str | None = None
    initial: Mapping[str, float] = field(default_factory=dict)
    moves: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    latents: Tables = field(default_factory=dict)
    effects: Tables = field(default_factory=dict)
    draws: Tables = field(default_factory=dict)
    retention: Mapping[str, Any] = field(default_factory=dict)
    missing: Tables = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)

    def sources_of(self, draw: str) -> tuple[str, ...]:
        """Return the variables of the same wave that the draw of a variable or sum group reads."""
        shape = self.draws.get(draw, {})
        weights = {**shape.get("index", {}), **shape.get("growth", {})}
        effects = [self.effects[name]["of"] for name in weights if name in self.effects]
        of = [shape["of"]] if "of" in shape and shape["kind"] != "revised" else []
        return (*of, *effects)

    @property
    def looked_back_on(self) -> frozenset[str]:
        """Return the variables whose last answer matters for a later wave."""
        back = [shape for shape in self.draws.values() if shape["kind"] in ("changed", "revised")]
        names = {shape["of"] for shape in back} | {name for shape in back for name in shape.get("where", {})}
        leavers = self.retention.get("index", {})
        return frozenset(names | {self.effects[name]["of"] for name in leavers if name in self.effects})


def load_plan(text: str, study: Study) -> Plan:
    """
    Return the plan of a simulation.toml; an empty text gives the default plan, which answers at random.

    Raises:
        DefinitionError: with every fault: an unknown key, variable, code, kind of draw, latent, reason or error, a
            number that is none or out of its range, shares that do not add up to one, draws that read each other.
    """
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise DefinitionError(f"Not TOML: {printable(error)}.", where=Where(file=FILE)) from error
    faults = plan_faults(data, study)
    if faults:
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise DefinitionError(f"The simulation of '{study.key}' has {count}.", faults=faults)
    state = data.get("state", {})
    return Plan(
        members=data.get("members", 500),
        state=state.get("variable"),
        initial=state.get("initial", {}),
        moves=state.get("moves", {}),
        latents=data.get("latent", {}),
        effects=data.get("effect", {}),
        draws=data.get("draw", {}),
        retention=data.get("retention", {}),
        missing=data.get("missing", {}),
        errors=data.get("errors", {}),
    )
