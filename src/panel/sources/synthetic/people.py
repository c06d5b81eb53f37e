"""SYNTHETIC people: who they are, what moves in them from wave to wave, who leaves and who joins."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, Philox
from scipy.special import expit, logit

from panel.sources.synthetic.plan import Plan


def generator(seed: int, *purpose: object) -> Generator:
    """Return a random generator of its own for one purpose, the same on every machine."""
    text = "\x1f".join(map(str, (seed, *purpose)))
    key = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")
    return Generator(Philox(key=key))


@dataclass
class People:
    """Everybody who ever joined, one place a person; grows with each wave and never shrinks."""

    cohort: np.ndarray
    state: np.ndarray  # codes of the state variable as text
    is_member: np.ndarray  # has not left for good
    answers: np.ndarray  # answers this wave
    answered_before: np.ndarray  # how often
    latents: dict[str, np.ndarray]
    parts: dict[str, dict[str, np.ndarray]]  # person, walk and autoregressive part of each latent
    kept: dict[str, np.ndarray]  # facts and habits that stay with a person
    last: dict[str, np.ndarray]  # what was said the last time a person took part

    def __len__(self) -> int:
        return len(self.cohort)


def found(plan: Plan, *, seed: int, members: int) -> People:
    """Return the people of the first wave."""
    empty = np.empty(0)
    people = People(
        cohort=empty.astype(int),
        state=empty.astype(object),
        is_member=empty.astype(bool),
        answers=empty.astype(bool),
        answered_before=empty.astype(int),
        latents={},
        parts={name: {part: empty.copy() for part in ("person", "walk", "rest")} for name in plan.latents},
        kept={},
        last={},
    )
    join(people, plan, seed=seed, count=members, wave=1)
    people.answers = people.is_member.copy()
    move_latents(people, plan, seed=seed, wave=1)
    return people


def join(people: People, plan: Plan, *, seed: int, count: int, wave: int) -> None:
    """Add a cohort."""
    draw = generator(seed, "join", wave)
    codes = list(plan.initial) or [""]
    chances = np.array([plan.initial.get(code, 1.0) for code in codes], dtype=float)
    state = np.array(codes, dtype=object)[draw.choice(len(codes), size=count, p=chances / chances.sum())]
    people.cohort = np.append(people.cohort, np.full(count, wave))
    people.state = np.append(people.state, state)
    people.is_member = np.append(people.is_member, np.ones(count, dtype=bool))
    people.answers = np.append(people.answers, np.ones(count, dtype=bool))
    people.answered_before = np.append(people.answered_before, np.zeros(count, dtype=int))
    for name, shape in plan.latents.items():
        person = draw.normal(0, shape.get("person_sd", 1.0), count)
        people.parts[name]["person"] = np.append(people.parts[name]["person"], person)
        for part in ("walk", "rest"):
            people.parts[name][part] = np.append(people.parts[name][part], np.zeros(count))
    unknown = np.full(count, None, dtype=object)
    people.kept = {name: np.append(values, unknown) for name, values in people.kept.items()}
    people.last = {name: np.append(values, unknown) for name, values in people.last.items()}


def move_latents(people: People, plan: Plan, *, seed: int, wave: int) -> None:
    """
    Give every latent its value at a wave.

    A latent is the sum of what a person is, a random walk, an autoregressive part, noise, and the drift of the
    person's class since the first wave. Spreads may differ by class.
    """
    draw = generator(seed, "latents", wave)
    for name, shape in plan.latents.items():
        parts = people.parts[name]
        size = len(people)
        parts["walk"] = parts["walk"] + draw.normal(0, 1, size) * by_class(shape.get("walk_sd", 0.0), people)
        rho = shape.get("rho", 0.0)
        shock = draw.normal(0, 1, size) * by_class(shape.get("shock_sd", 0.0), people)
        parts["rest"] = rho * parts["rest"] + shock
        noise = draw.normal(0, 1, size) * by_class(shape.get("noise_sd", 0.0), people)
        drift = by_class(shape.get("drift", 0.0), people) * (wave - 1)
        people.latents[name] = parts["person"] + parts["walk"] + parts["rest"] + noise + drift


def by_class(given: object, people: People) -> np.ndarray:
    """Return a number a person: one for all, or one by class, with "default" for the others."""
    if not isinstance(given, dict):
        return np.full(len(people), float(given))  # type: ignore[arg-type]
    out = np.full(len(people), float(given.get("default", 0.0)))
    for code, value in given.items():
        if code != "default":
            out[people.state == code] = float(value)
    return out


def next_wave(people: People, plan: Plan, *, seed: int, wave: int, top_up_to: int) -> None:
    """Let a year pass: people change class, leave, skip or come back, and new ones join."""
    draw = generator(seed, "year", wave)
    _change_class(people, plan, draw)
    rule = plan.retention
    base = np.where(people.answered_before <= 1, rule.get("first", 0.8), rule.get("later", 0.88))
    push = np.zeros(len(people))
    for name, weight in rule.get("index", {}).items():
        push = push + weight * _pull(people, plan, name)
    stays = draw.random(len(people)) < expit(logit(base) + push)
    was_away = people.is_member & ~people.answers
    back = draw.random(len(people)) < rule.get("returns", 0.6)
    people.is_member &= np.where(was_away, back, stays)
    skips = draw.random(len(people)) < rule.get("skips", 0.0)
    people.answers = people.is_member & (was_away | ~skips)
    missing = max(top_up_to - int(people.answers.sum()), 0)
    join(people, plan, seed=seed, count=missing, wave=wave)
    move_latents(people, plan, seed=seed, wave=wave)


def _pull(people: People, plan: Plan, name: str) -> np.ndarray:
    """Return a latent, or what an effect makes of the last answer of each person."""
    if name in people.latents:
        return people.latents[name]
    effect = plan.effects[name]
    return effect_of(effect, people.kept.get(effect["of"], people.last[effect["of"]]))


def effect_of(effect: Mapping[str, Any], answers: np.ndarray) -> np.ndarray:
    """Return the number that an effect gives each answer: by code, or 1 for those above a limit."""
    if "above" in effect:
        return np.array([value is not None and value > effect["above"] for value in answers], dtype=float)
    values = effect["values"]
    distinct = {answer: float(values.get(str(answer), 0.0)) for answer in set(answers)}
    return np.array([distinct[answer] for answer in answers], dtype=float)


def _change_class(people: People, plan: Plan, draw: Generator) -> None:
    before = people.state.copy()
    for code, targets in plan.moves.items():
        here = np.flatnonzero(before == code)
        options = [code, *targets]
        chances = [1 - sum(targets.values()), *targets.values()]
        people.state[here] = np.array(options, dtype=object)[draw.choice(len(options), size=len(here), p=chances)]
