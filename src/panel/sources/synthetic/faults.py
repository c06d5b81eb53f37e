"""Judge a simulation.toml whole: every fault at its key, with a fix."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from panel.errors import Fault, Where, did_you_mean, printable
from panel.model.instrument import Variable
from panel.model.study import Study

FILE = "simulation.toml"
KEYS = ("members", "state", "latent", "effect", "draw", "retention", "missing", "errors")
ERRORS = (
    "month_for_year", "in_thousands", "turnover_as_profit", "composition_sum", "birth_year", "off_route", "duplicate",
    "correction", "swapped_ids",
)  # fmt: skip
SILENCES = ("dont_know", "refused", "no_answer")
LATENT = ("person_sd", "walk_sd", "rho", "shock_sd", "noise_sd", "drift")
ALWAYS = ("kind", "stays")
MOVED = ("index", "growth", "drift")
# kind of draw: keys it needs, keys it may have
DRAWS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "shares": (("shares",), ()),
    "ordinal": (("shares",), ("apart", *MOVED)),
    "amount": (("mean_log", "spread", "person"), ("factor", "losses", "least", "most", *MOVED)),
    "count": (("mean",), ("spread", *MOVED)),
    "probability": (("mean",), ("spread", "fives", "fifty", *MOVED)),
    "share": (("mean",), ("spread", "fives", "fifty", *MOVED)),
    "composition": ((), ("means", "drift", "spread")),
    "multiple": (("of",), ("over",)),
    "part": (("of",), ("share",)),
    "band": (("of", "edges"), ()),
    "changed": (("of", "yes", "no"), ()),
    "revised": (("of",), ("where", "revised", "spread")),
    "year": (("mean_age", "sd"), ()),
    "text": ((), ("says",)),
}
CHANCES = ("losses", "fives", "fifty", "share", "revised", "stays")
POSITIVE = ("sd", "over", "mean_age")
# keys of a draw that are more than a number, and the method that judges them
JUDGED_BY = {
    "index": "_weights",
    "growth": "_weights",
    "shares": "_tables",
    "apart": "_apart",
    "means": "_parts",
    "drift": "_drift",
    "of": "_of",
    "person": "_person",
    "where": "_where",
    "edges": "_edges",
}


def plan_faults(data: Mapping[str, Any], study: Study) -> list[Fault]:
    """Return every fault of the tables of a simulation.toml; an empty list where there is none."""
    judge = _Judge(data, study)
    judge.known(data, KEYS, "")
    if type(data.get("members", 500)) is not int or data.get("members", 500) < 1:
        judge.add("members", "is not a whole number of at least 1")
    judge.state()
    for name, shape in judge.tables("latent"):
        judge.known(shape, LATENT, f"latent.{name}.")
        for key in shape:
            judge.numbers(shape[key], f"latent.{name}.{key}")
    for name, shape in judge.tables("effect"):
        judge.effect(name, shape)
    for name, shape in judge.tables("draw"):
        judge.draw(name, shape)
    judge.retention()
    judge.silence()
    for name, value in judge.table("errors").items():
        judge.known({name: value}, ERRORS, "errors.")
        judge.number(value, f"errors.{name}", 0, 1)
    judge.circles()
    return judge.faults


@dataclass
class _Judge:
    data: Mapping[str, Any]
    study: Study
    faults: list[Fault] = field(default_factory=list)
    classes: tuple[str, ...] = ()

    @property
    def variables(self) -> dict[str, Variable]:
        return {
            question.variable.name: question.variable
            for instrument in self.study.instruments
            for question in instrument.questions
        }

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        return {group.key: group.members for each in self.study.instruments for group in each.sum_groups}

    def add(self, key: str, what: str, fix: str | None = None) -> None:
        self.faults.append(Fault(what, Where(file=FILE, key=key), fix))

    def known(self, given: Iterable[str], known: Iterable[str], path: str) -> None:
        options = tuple(known)
        for key in given:
            if key not in options:
                self.add(f"{path}{printable(key)}", "is not known here", did_you_mean(key, options))

    def table(self, key: str, inside: Mapping[str, Any] | None = None, path: str = "") -> Mapping[str, Any]:
        """Return a table by key, empty where it is absent or, which is a fault, no table."""
        found = (self.data if inside is None else inside).get(key, {})
        if isinstance(found, Mapping):
            return found
        self.add(f"{path}{key}", "is not a table")
        return {}

    def tables(self, key: str) -> list[tuple[str, Mapping[str, Any]]]:
        found = self.table(key)
        for name, value in found.items():
            if not isinstance(value, Mapping):
                self.add(f"{key}.{name}", "is not a table")
        return [(name, value) for name, value in found.items() if isinstance(value, Mapping)]

    def number(self, value: object, key: str, low: float = -math.inf, high: float = math.inf) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            self.add(key, "is not a number")
            return False
        if not low <= value <= high:
            self.add(key, f"is not between {low:g} and {high:g}")
            return False
        return True

    def numbers(self, value: object, key: str, low: float = -math.inf, high: float = math.inf) -> None:
        """Judge a number, or one by class."""
        if not isinstance(value, Mapping):
            self.number(value, key, low, high)
            return
        self.known(value, (*self.classes, "default"), f"{key}.")
        for code, each in value.items():
            self.number(each, f"{key}.{code}", low, high)

    def shares(self, table: Mapping[str, Any], codes: Iterable[object] | None, key: str, *, whole: float = 1.0) -> None:
        if codes is not None:
            self.known(table, map(str, codes), f"{key}.")
        fine = [self.number(value, f"{key}.{code}", 0, 1) for code, value in table.items()]
        if all(fine) and abs(sum(table.values()) - whole) > 0.005:
            self.add(key, f"has shares that add up to {sum(table.values()):.3g}, not {whole:g}")

    def variable(self, name: object, key: str) -> Variable | None:
        found = self.variables.get(name) if isinstance(name, str) else None
        if found is None:
            self.add(key, f"names '{printable(name)}', which nobody is asked", did_you_mean(str(name), self.variables))
        return found

    def state(self) -> None:
        state = self.table("state")
        if not state:
            return
        self.known(state, ("variable", "initial", "moves"), "state.")
        variable = self.variable(state.get("variable"), "state.variable")
        codes = () if variable is None else tuple(map(str, variable.codes))
        self.classes = codes
        self.shares(self.table("initial", state, "state."), codes, "state.initial")
        moves = self.table("moves", state, "state.")
        self.known(moves, codes, "state.moves.")
        for code in moves:
            targets = self.table(code, moves, "state.moves.")
            self.known(targets, codes, f"state.moves.{code}.")
            fine = [self.number(value, f"state.moves.{code}.{to}", 0, 1) for to, value in targets.items()]
            if all(fine) and sum(targets.values()) > 1:
                self.add(f"state.moves.{code}", "moves more people than there are")

    def effect(self, name: str, shape: Mapping[str, Any]) -> None:
        key = f"effect.{name}"
        self.known(shape, ("of", "values", "above"), f"{key}.")
        if name in self.table("latent"):
            self.add(key, "has the name of a latent", "give the effect another name")
        variable = self.variable(shape.get("of"), f"{key}.of")
        if ("values" in shape) == ("above" in shape):
            self.add(key, "has not one of values and above", "give a number by code, or the limit above which it is 1")
        if "above" in shape:
            self.number(shape["above"], f"{key}.above")
        values = self.table("values", shape, f"{key}.")
        if variable is not None:
            self.known(values, map(str, variable.codes), f"{key}.values.")
        for code, value in values.items():
            self.number(value, f"{key}.values.{code}")

    def draw(self, name: str, shape: Mapping[str, Any]) -> None:
        key = f"draw.{name}"
        variables = self.variables
        if name not in variables and name not in self.groups:
            self.add(key, "is neither a variable nor a sum group", did_you_mean(name, {**variables, **self.groups}))
            return
        kind = shape.get("kind")
        if kind not in DRAWS:
            self.add(f"{key}.kind", f"is {printable(kind)!r}", did_you_mean(str(kind), DRAWS))
            return
        if (kind == "composition") != (name in self.groups):
            self.add(f"{key}.kind", "is a composition where there is no sum group, or the other way round")
        needed, possible = DRAWS[kind]
        self.known(shape, (*ALWAYS, *needed, *possible), f"{key}.")
        for each in needed:
            if each not in shape:
                self.add(key, f"lacks '{each}'")
        for each, value in shape.items():
            getattr(self, JUDGED_BY.get(each, "_plain"))(name, each, value)

    def _plain(self, name: str, key: str, value: object) -> None:
        path = f"draw.{name}.{key}"
        if key in CHANCES:
            self.number(value, path, 0, 1)
        elif key in POSITIVE:
            self.number(value, path, 1e-9)
        elif key not in ("kind", "says", "yes", "no"):
            self.numbers(value, path, 0 if key in ("spread", "factor", "mean") else -math.inf)

    def _weights(self, name: str, key: str, value: object) -> None:
        self.weights(value, f"draw.{name}.{key}")

    def weights(self, value: object, path: str) -> None:
        table = value if isinstance(value, Mapping) else {}
        if table is not value:
            self.add(path, "is not a table of weights")
        self.known(table, (*self.table("latent"), *self.table("effect")), f"{path}.")
        for each, weight in table.items():
            self.number(weight, f"{path}.{each}")

    def _tables(self, name: str, key: str, value: object) -> None:
        path = f"draw.{name}.{key}"
        if not isinstance(value, Mapping) or not value:
            self.add(path, "is not a table of shares")
            return
        codes = self.variables[name].codes if name in self.variables else ()
        if not any(isinstance(each, Mapping) for each in value.values()):
            self.shares(value, codes, path)
            return
        self.known(value, (*self.classes, "default"), f"{path}.")
        for code in value:
            self.shares(self.table(code, value, f"{path}."), codes, f"{path}.{code}")
        if "default" not in value and not set(self.classes) <= set(value):
            self.add(path, "has no shares for some classes", "add default")

    def _apart(self, name: str, key: str, value: object) -> None:
        table = self.table(key, {key: value}, f"draw.{name}.")
        self.known(table, map(str, self.variables[name].codes), f"draw.{name}.{key}.")
        for code, chance in table.items():
            self.numbers(chance, f"draw.{name}.{key}.{code}", 0, 1)

    def _parts(self, name: str, key: str, value: object) -> None:
        table = self.table(key, {key: value}, f"draw.{name}.")
        self.known(table, self.groups.get(name, ()), f"draw.{name}.{key}.")
        for part, each in table.items():
            self.numbers(each, f"draw.{name}.{key}.{part}", 1e-9 if key == "means" else -math.inf)

    def _drift(self, name: str, key: str, value: object) -> None:
        (self._parts if name in self.groups else self._plain)(name, key, value)

    def _of(self, name: str, key: str, value: object) -> None:
        self.variable(value, f"draw.{name}.{key}")

    def _person(self, name: str, key: str, value: object) -> None:
        self.known([str(value)], self.table("latent"), f"draw.{name}.{key}.")

    def _where(self, name: str, key: str, value: object) -> None:
        for other in self.table(key, {key: value}, f"draw.{name}."):
            self.variable(other, f"draw.{name}.{key}.{other}")

    def _edges(self, name: str, key: str, value: object) -> None:
        path = f"draw.{name}.{key}"
        if not isinstance(value, list) or not all(self.number(each, path) for each in value):
            self.add(path, "is not a list of numbers")
        elif sorted(set(value)) != value:
            self.add(path, "does not rise from edge to edge")

    def retention(self) -> None:
        rule = self.table("retention")
        self.known(rule, ("first", "later", "skips", "returns", "index"), "retention.")
        for key, value in rule.items():
            if key == "index":
                self.weights(value, "retention.index")
            else:
                self.number(value, f"retention.{key}", 0, 1)

    def silence(self) -> None:
        for name, reasons in self.tables("missing"):
            if name != "default":
                self.variable(name, f"missing.{name}")
            self.known(reasons, SILENCES, f"missing.{name}.")
            fine = [self.number(value, f"missing.{name}.{reason}", 0, 1) for reason, value in reasons.items()]
            if all(fine) and sum(reasons.values()) > 1:
                self.add(f"missing.{name}", "silences more people than there are")

    def circles(self) -> None:
        """Refuse draws that need each other's answers of the same wave."""
        if self.faults:
            return
        effects = self.table("effect")
        group_of = {name: key for key, names in self.groups.items() for name in names}
        reads: dict[str, set[str]] = {}
        for name, shape in self.tables("draw"):
            of = {shape["of"]} if "of" in shape and shape["kind"] != "revised" else set()
            weights = {**shape.get("index", {}), **shape.get("growth", {})}
            of |= {effects[each]["of"] for each in weights if each in effects}
            reads[name] = {group_of.get(each, each) for each in of}
        for name, read in reads.items():
            reached, ahead = set[str](), set(read)
            while ahead:
                reached |= ahead
                ahead = {further for each in ahead for further in reads.get(each, ())} - reached
            if name in reached:
                self.add(f"draw.{name}", "needs its own answer by way of others", "let one of them stand on its own")
