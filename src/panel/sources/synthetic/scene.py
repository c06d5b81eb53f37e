"""One wave as the draws see it: people, their latents, and what has been answered so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from panel.model.instrument import Variable
from panel.sources.synthetic.people import People, by_class, effect_of
from panel.sources.synthetic.plan import Plan


def typed(code: object, variable: Variable) -> object:
    """Return the instrument's code that reads as `code`; TOML keys are texts, codes may be numbers."""
    return next((each for each in variable.codes if str(each) == str(code)), code)


@dataclass(frozen=True)
class Scene:
    """People at a wave; `made` grows with every variable that is drawn."""

    people: People
    plan: Plan
    wave: int
    year: int
    made: dict[str, np.ndarray]

    @property
    def size(self) -> int:
        """Return how many people there are."""
        return len(self.people)

    def by_class(self, given: object) -> np.ndarray:
        """Return a number a person: one for all, or one by class."""
        return by_class(given, self.people)

    def tables(self, given: Mapping[str, Any]) -> Iterator[tuple[np.ndarray, Mapping[str, float]]]:
        """Yield each class present, as who is in it, with its table: one for all, or one by class."""
        if not isinstance(next(iter(given.values())), Mapping):
            yield np.ones(self.size, dtype=bool), given
            return
        for code in sorted(set(self.people.state)):
            yield self.people.state == code, given.get(code, given.get("default", {}))

    def last(self, name: str) -> np.ndarray:
        """Return what each person answered the last time they took part; None for those who never did."""
        return self.people.last.get(name, np.full(self.size, None, dtype=object))

    def index(self, shape: Mapping[str, Any]) -> np.ndarray:
        """
        Return the weighted sum of latents and effects, plus what changes since the first wave.

        `index` are weights that hold in every wave; `growth` are weights and `drift` a level that grow by the year.
        """
        years = self.wave - 1
        total = self.by_class(shape.get("drift", 0.0)) * years
        for name, weight in shape.get("index", {}).items():
            total = total + weight * self.push(name)
        for name, weight in shape.get("growth", {}).items():
            total = total + weight * years * self.push(name)
        return total

    def push(self, name: str) -> np.ndarray:
        """Return a latent, or what an effect makes of an answer of this wave, centred within each class."""
        if name in self.people.latents:
            return self.people.latents[name]
        effect = self.plan.effects[name]
        return effect_of(effect, self.made[effect["of"]]) - self._centre(effect)

    def _centre(self, effect: Mapping[str, Any]) -> np.ndarray:
        draw = self.plan.draws.get(effect["of"], {})
        centre = np.zeros(self.size)
        if draw.get("kind") == "shares":
            for here, table in self.tables(draw["shares"]):
                codes = np.array(list(table), dtype=object)
                centre[here] = np.average(effect_of(effect, codes), weights=list(table.values()))
        return centre

    def scatter(self, shape: Mapping[str, Any]) -> float:
        """Return the noise that brings the spread of an index to about one at the first wave."""
        parts = (weight**2 * float(np.var(self.push(name))) for name, weight in shape.get("index", {}).items())
        return float(np.sqrt(max(1 - sum(parts), 0.04)))
