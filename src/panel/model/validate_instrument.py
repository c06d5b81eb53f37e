"""What must fit together within an instrument: names, expressions, sums and predictions."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterable, Iterator

from panel.errors import did_you_mean, printable
from panel.model.expression import FUNCTIONS, parse
from panel.model.instrument import REASONS, Code, Instrument, Prediction, Question, Variable
from panel.model.reading import Faults
from panel.model.study import Study

ANSWERED_BY = {"direction": ("single",), "category": ("single",), "probability": ("probability",)}
EVERYWHERE = frozenset({"wave_year"})  # names an expression may read that are no variables
RESERVED = (
    frozenset(keyword.kwlist)
    | frozenset(FUNCTIONS)
    | EVERYWHERE
    | {"null", "now", "then"}
    # columns that every frame of responses, person-waves, tracking and weights has
    | {"response", "member", "wave", "submitted_at", "received_at", "delivery", "row", "disposition", "stratum", "psu"}
    | {"design_weight", "revision", "cohort", "is_interviewed", "is_returning", "weight", "kind", "waves"}
    | {"calibrated_weight", "propensity"}
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,49}")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def is_key(text: str) -> bool:
    """Say whether `text` may name a study, wave or version: it becomes part of paths."""
    return _KEY.fullmatch(text) is not None and ".." not in text


def repeated(names: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield every name that stood earlier, with its place."""
    seen: set[str] = set()
    for place, name in enumerate(names):
        if name in seen:
            yield place, name
        seen.add(name)


def validate_instrument(instrument: Instrument, study: Study, faults: Faults) -> None:
    """Add a fault for everything within `instrument` that does not fit together."""
    _Check(instrument, study, faults).run()


class _Check:
    def __init__(self, instrument: Instrument, study: Study, faults: Faults) -> None:
        self.instrument = instrument
        self.study = study
        self.faults = faults
        self.file = f"instrument-{instrument.version}.toml"
        self.asked = [question.variable.name for question in instrument.questions]
        self.names = self.asked + [derived.variable.name for derived in instrument.derived]

    def run(self) -> None:
        self.unique()
        for place, variable in self.variables():
            self.name(variable.name, place)
            self.variable(variable, place)
        for number, question in enumerate(self.instrument.questions):
            earlier = set(self.asked[:number])
            self.reads(question.route, earlier, f"question[{number}].route")
            self.reads(question.check, earlier | {question.variable.name}, f"question[{number}].check")
            if question.predicts:
                self.prediction(question, question.predicts, f"question[{number}].predicts")
        for number, derived in enumerate(self.instrument.derived):
            earlier = set(self.names[: len(self.asked) + number])
            self.reads(derived.expression, earlier, f"derived[{number}].expression")
        self.sum_groups()

    def fault(self, what: str, key: str, fix: str | None = None) -> None:
        self.faults.add(what, file=self.file, key=key, fix=fix)

    def variables(self) -> Iterator[tuple[str, Variable]]:
        for number, question in enumerate(self.instrument.questions):
            yield f"question[{number}]", question.variable
        for number, derived in enumerate(self.instrument.derived):
            yield f"derived[{number}]", derived.variable

    def unique(self) -> None:
        keys = [question.key for question in self.instrument.questions]
        said = {place for place, _ in repeated(keys)}  # a repeated key is said once, not at column and variable too
        lists = {
            "section[{}].key": repeated(section.key for section in self.instrument.sections),
            "question[{}].key": repeated(keys),
            "question[{}].column": repeated(question.column for question in self.instrument.questions),
            "sum_group[{}].key": repeated(group.key for group in self.instrument.sum_groups),
        }
        for form, found in lists.items():
            for place, name in found:
                if not (form.endswith("column") and place in said):
                    self.fault(f"'{printable(name)}' stands twice", form.format(place), "give each its own")
        for place, name in repeated(self.names):
            if place not in said:
                is_asked = place < len(self.asked)
                key = f"question[{place}].variable" if is_asked else f"derived[{place - len(self.asked)}].name"
                self.fault(f"'{printable(name)}' names two variables", key, "give each its own name")

    def name(self, name: str, place: str) -> None:
        key = f"{place}.name" if place.startswith("derived") else f"{place}.variable"
        if name in RESERVED:
            self.fault(f"'{name}' has a meaning of its own here", key, "choose another name")
        elif not _NAME.fullmatch(name) or "__" in name:
            fix = "use at most 50 letters, digits and single _, a letter first"
            self.fault(f"'{printable(name)}' is no name for a variable", key, fix)

    def variable(self, variable: Variable, place: str) -> None:
        low, high = variable.minimum, variable.maximum
        if low is not None and high is not None and low > high:
            self.fault(f"is {low:g}, above the maximum {high:g}", f"{place}.minimum", "exchange the two")
        if not variable.is_numeric and (low, high) != (None, None):
            self.fault(f"is for numbers, and this is {variable.kind}", f"{place}.minimum", "leave the limits out")

    def reads(self, text: str | None, earlier: set[str], key: str) -> None:
        if text is None:
            return
        for name in parse(text).names:
            if name in earlier or name in EVERYWHERE:
                continue
            if name in self.names:
                self.fault(f"reads '{name}', which comes later", key, "look back only, or move the question up")
            else:
                self.fault(f"reads '{printable(name)}', which is no variable", key, did_you_mean(name, self.names))
        self.constants(text, key)

    def constants(self, text: str, key: str) -> None:
        """Add a fault for every code and reason that a comparison names and its variable cannot have."""
        for side, value in compared(text):
            if isinstance(side, ast.Call) and isinstance(side.func, ast.Name) and side.func.id == "reason":
                if value not in ("", *REASONS):
                    self.fault(f"{printable(value)!r} is no missing reason", key, did_you_mean(str(value), REASONS))
            elif isinstance(side, ast.Name) and self.is_clear(side.id):
                variable = self.instrument.variable(side.id)
                if variable.kind == "single" and value not in variable.codes:
                    fix = f"its codes: {listed(variable.codes)}"
                    self.fault(f"{printable(value)!r} is no code of {side.id}", key, fix)

    def is_clear(self, name: str) -> bool:
        """Say whether the variable is there and could be read whole."""
        return self.instrument.has(name) and name not in self.faults.doubtful

    def prediction(self, question: Question, told: Prediction, key: str) -> None:
        if not told.variable:
            self.unresolved(question, told, key)
            return
        if not self.instrument.has(told.variable):
            fix = did_you_mean(told.variable, self.names)
            self.fault(f"'{printable(told.variable)}' is no variable", f"{key}.variable", fix)
            return
        if not self.is_clear(told.variable) or not self.is_clear(question.variable.name):
            return
        self.resolved(question, told, self.instrument.variable(told.variable), key)

    def resolved(self, question: Question, told: Prediction, resolving: Variable, key: str) -> None:
        """Judge a prediction that a later answer resolves, by that variable."""
        wanted = ANSWERED_BY.get(told.kind, (resolving.kind,))
        if question.variable.kind not in wanted:
            fix = f"a prediction of this kind is the answer to a {wanted[0]} question"
            self.fault(f"is {told.kind}, and the question is {question.variable.kind}", f"{key}.kind", fix)
        if isinstance(told.horizon, int) and told.horizon > self.study.horizon_years > 0:
            fix = f'write "target", or at most {self.study.horizon_years}'
            self.fault(f"is {told.horizon} years, beyond the study's horizon", f"{key}.horizon", fix)
        if told.terms == "real":
            self.real_terms(resolving, key)
        self.meaning(question, told, key)
        if told.is_directed and not resolving.is_numeric:
            self.fault(f"a {resolving.kind} variable has no direction", f"{key}.variable", "name a numeric one")
        if told.kind == "direction":
            self.directions(question, told, key)
        elif not told.is_directed:
            self.event(told, resolving, key)

    def unresolved(self, question: Question, told: Prediction, key: str) -> None:
        """Judge a prediction that no later answer resolves: it says what was said, and nothing of what happens."""
        if told.kind == "direction":
            self.directions(question, told, key)
        elif told.kind != "probability":
            self.fault("is not there", f"{key}.variable", "name the variable that later shows what happened")
        if told.event is not None:
            self.fault("has no variable to be read of", f"{key}.event", "name the variable")

    def meaning(self, question: Question, told: Prediction, key: str) -> None:
        """Judge which answers say yes, and which outcome is hoped for."""
        for code in told.yes:
            if code not in question.variable.codes:
                fix = f"codes: {listed(question.variable.codes)}"
                self.fault(f"{printable(code)!r} is no code of the question", f"{key}.yes", fix)
        if told.band == "log" and not told.is_directed:
            self.fault("is for directions, and this resolves by an event", f"{key}.band", "leave it out")
        known = ("fall", "rise") if told.is_directed else ("event", "no_event")
        if told.better is not None and told.better not in known:
            self.fault(f"is {told.better}, and this resolves as another", f"{key}.better", f"one of {', '.join(known)}")

    def real_terms(self, resolving: Variable, key: str) -> None:
        if resolving.kind != "money":
            self.fault(f"real terms are for amounts, and {resolving.name} is {resolving.kind}", f"{key}.terms")
        if self.study.prices is None:
            self.fault("needs a price index", f"{key}.terms", "add price-index.toml")

    def directions(self, question: Question, told: Prediction, key: str) -> None:
        given = [code for code, _ in told.directions]
        for code in question.variable.codes:
            if given.count(code) != 1:
                fix = "give every code one of fall, same, rise, unclear"
                self.fault(f"has code {printable(code)!r} {given.count(code)} times", f"{key}.directions", fix)
        for code in given:
            if code not in question.variable.codes:
                fix = f"codes: {listed(question.variable.codes)}"
                self.fault(f"{printable(code)!r} is no code of the question", f"{key}.directions", fix)

    def event(self, told: Prediction, resolving: Variable, key: str) -> None:
        if told.event is None:
            self.fault("is not there", f"{key}.event", 'write as in "then < 0.9 * now"')
            return
        names = set(parse(told.event).names)
        for name in sorted(names - {"now", "then"}):
            self.fault(f"reads '{printable(name)}'", f"{key}.event", "an event reads now and then only")
        if "then" not in names:
            self.fault("does not read then", f"{key}.event", 'write as in "then < 0.9 * now"')
        for side, value in compared(told.event):
            if isinstance(side, ast.Name) and resolving.codes and value not in resolving.codes:
                fix = f"its codes: {listed(resolving.codes)}"
                self.fault(f"{printable(value)!r} is no code of {resolving.name}", f"{key}.event", fix)

    def sum_groups(self) -> None:
        for number, group in enumerate(self.instrument.sum_groups):
            for _, member in repeated(group.members):
                self.fault(f"'{printable(member)}' stands twice", f"sum_group[{number}].members", "name it once")
            for member in group.members:
                if member in self.faults.doubtful:
                    continue
                if not self.instrument.has(member) or not self.instrument.variable(member).is_numeric:
                    fix = did_you_mean(member, self.names)
                    self.fault(f"'{printable(member)}' is no numeric variable", f"sum_group[{number}].members", fix)


def listed(codes: tuple[Code, ...]) -> str:
    """Return the first codes, fit for a message."""
    return ", ".join(printable(repr(code), 40) for code in codes[:12]) + (", …" if len(codes) > 12 else "")


def compared(text: str) -> Iterator[tuple[ast.expr, object]]:
    """Yield every (side, constant) that `text` compares for being equal or among."""
    for node in ast.walk(parse(text).tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = (node.left, *node.comparators)
        for sign, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if isinstance(sign, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)):
                yield from ((left, value) for value in _values(right))
                if isinstance(sign, (ast.Eq, ast.NotEq)):
                    yield from ((right, value) for value in _values(left))


def _values(node: ast.expr) -> Iterator[object]:
    for each in node.elts if isinstance(node, ast.Tuple) else (node,):
        if isinstance(each, ast.Constant) and each.value is not None:
            yield each.value
