"""What a study's simulation.toml says: how its SYNTHETIC people come about, answer, and leave."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from panel.errors import DefinitionError, Fault, Where, did_you_mean, printable
from panel.model.study import Study

FILE = "simulation.toml"
DRAWS = (
    "shares", "ordinal", "amount", "count", "composition", "probability", "share", "multiple", "part", "band", "chance",
    "year", "text",
)  # fmt: skip
ERRORS = (
    "month_for_year", "in_thousands", "turnover_as_profit", "composition_sum", "birth_year", "off_route", "duplicate",
    "correction", "swapped_ids",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    How synthetic people come about.

    `state` is the variable that divides them into classes and changes over time; `initial` its shares, `moves` its
    yearly transition shares. `latents` are hidden numbers of a person; `draws` say for each variable how an answer
    comes from class and latents. Variables without a draw get any value of the instrument.
    """

    members: int = 500
    state: str | None = None
    initial: Mapping[str, float] = field(default_factory=dict)
    moves: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    latents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    draws: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    retention: Mapping[str, Any] = field(default_factory=dict)
    missing: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)


def load_plan(text: str, study: Study) -> Plan:
    """
    Return the plan of a simulation.toml; an empty text gives the default plan, which answers at random.

    Raises:
        DefinitionError: with every fault: an unknown key, variable, kind of draw, latent or error.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"Not TOML: {printable(error)}.", where=Where(file=FILE)) from error
    faults: list[Fault] = []
    state = data.get("state", {})
    plan = Plan(
        members=data.get("members", 500),
        state=state.get("variable"),
        initial=state.get("initial", {}),
        moves=state.get("moves", {}),
        latents=data.get("latent", {}),
        draws=data.get("draw", {}),
        retention=data.get("retention", {}),
        missing=data.get("missing", {}),
        errors=data.get("errors", {}),
    )
    _known(data, ("members", "state", "latent", "draw", "retention", "missing", "errors"), "", faults)
    _known(plan.errors, ERRORS, "errors.", faults)
    _check_draws(plan, study, faults)
    if faults:
        raise DefinitionError(f"The simulation of '{study.key}' has {len(faults)} faults.", faults=faults)
    return plan


def _known(given: Mapping[str, Any], known: tuple[str, ...], path: str, faults: list[Fault]) -> None:
    faults += [
        Fault("is not a key here", Where(file=FILE, key=f"{path}{key}"), did_you_mean(key, known))
        for key in given
        if key not in known
    ]


def _check_draws(plan: Plan, study: Study, faults: list[Fault]) -> None:
    names = {variable.name for variable in study.variables}
    groups = {group.key for instrument in study.instruments for group in instrument.sum_groups}
    for name, draw in plan.draws.items():
        key = f"draw.{name}"
        if name not in names | groups:
            fix = did_you_mean(name, names | groups)
            faults.append(Fault("is neither a variable nor a sum group", Where(file=FILE, key=key), fix))
        if draw.get("kind") not in DRAWS:
            fix = did_you_mean(str(draw.get("kind")), DRAWS)
            faults.append(
                Fault(f"has the kind {printable(draw.get('kind'))!r}", Where(file=FILE, key=f"{key}.kind"), fix)
            )
        for latent in draw.get("index", {}):
            if latent not in plan.latents:
                fix = did_you_mean(latent, plan.latents)
                faults.append(
                    Fault(f"reads the latent '{printable(latent)}'", Where(file=FILE, key=f"{key}.index"), fix)
                )
