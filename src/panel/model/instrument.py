"""What is asked: versioned instruments, their questions, variables and values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from panel.errors import UnknownVariable, did_you_mean
from panel.model.text import Text

Code = int | str
Kind = Literal["whole", "decimal", "money", "share", "probability", "single", "multi", "text", "date"]
KINDS: tuple[str, ...] = ("whole", "decimal", "money", "share", "probability", "single", "multi", "text", "date")
NUMERIC_KINDS = frozenset({"whole", "decimal", "money", "share", "probability"})

MISSING_REASONS: tuple[tuple[str, Text], ...] = (
    ("dont_know", Text((("nl", "Weet niet"), ("en", "Don't know")))),
    ("refused", Text((("nl", "Wil ik niet zeggen"), ("en", "Refused")))),
    ("not_applicable", Text((("nl", "Niet van toepassing"), ("en", "Not applicable")))),
    ("not_fielded", Text((("nl", "Niet gevraagd in deze golf"), ("en", "Not fielded in this wave")))),
    ("no_answer", Text((("nl", "Geen antwoord"), ("en", "No answer")))),
    ("broke_off", Text((("nl", "Afgebroken voor deze vraag"), ("en", "Broke off before this question")))),
    ("invalid", Text((("nl", "Ongeldig, vastgehouden"), ("en", "Invalid, held")))),
    ("withdrawn", Text((("nl", "Ingetrokken"), ("en", "Withdrawn")))),
)
REASONS: tuple[str, ...] = tuple(reason for reason, _ in MISSING_REASONS)


@dataclass(frozen=True, slots=True)
class Value:
    """A (code, label) pair, and the other texts under which a delivery may give it."""

    code: Code
    label: Text
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What a question yields: one column of the panel."""

    name: str
    label: Text
    kind: Kind
    unit: str | None = None
    values: tuple[Value, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    concept: str | None = None
    is_immutable: bool = False
    is_core: bool = False
    sensitivity: Literal["none", "quasi", "open_text"] = "none"
    off_scale: tuple[Code, ...] = ()
    groups: tuple[tuple[str, tuple[Code, ...]], ...] = ()

    @property
    def codes(self) -> tuple[Code, ...]:
        """Return the codes of the values, in the order of the instrument."""
        return tuple(value.code for value in self.values)

    @property
    def is_numeric(self) -> bool:
        """Say whether the values are amounts, counts, shares or probabilities."""
        return self.kind in NUMERIC_KINDS

    @property
    def dtype(self) -> str:
        """Return the pandas dtype of the column."""
        if self.kind == "whole" or (self.kind == "single" and all(isinstance(code, int) for code in self.codes)):
            return "Int64"
        return "Float64" if self.is_numeric else "str"

    def label_of(self, code: Code, language: str = "en") -> str:
        """Return the label of `code`, or the code itself where the instrument has no such value."""
        found = (value.label.in_(language) for value in self.values if value.code == code)
        return next(found, str(code))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """
    How the answers to one question are to be held against what happens later.

    `kind` direction: the answer is fall, same, rise or unclear, by `directions`, and the realisation is the sign of
    the change of `variable` beyond `threshold`, which is a share of the first amount, or by `band` "log" a difference
    of logarithms, alike upwards and downwards. `kind` amount: the answer is the amount itself, and what was
    said is its direction from the amount of that moment, beyond the same threshold. `kind` probability (answer in
    percent) and `kind` category: the realisation is whether `event` holds, an expression over `now` and `then`, the
    values of `variable` when the claim was made and when it resolves; `yes` are the answers of a category that say it
    will. `horizon` is "target" (the study's target year), "next" (the next wave) or a number of years. `variable` is
    empty where no member's later answer can tell: such claims stay open, and are followed as they are revised.
    `better` is the outcome that members hope for, so that a claim can be called gloomy or hopeful; None where nobody
    can say.
    """

    kind: Literal["direction", "amount", "probability", "category"]
    horizon: Literal["target", "next"] | int
    variable: str = ""
    event: str | None = None
    threshold: float = 0.0
    band: Literal["relative", "log"] = "relative"
    directions: tuple[tuple[Code, str], ...] = ()
    yes: tuple[Code, ...] = ()
    better: Literal["fall", "rise", "event", "no_event"] | None = None
    terms: Literal["nominal", "real"] = "nominal"

    @property
    def is_directed(self) -> bool:
        """Say whether what happens is a direction, fall, same or rise, and not an event."""
        return self.kind in ("direction", "amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    One question and the variable it yields.

    `asked` is "every" (each wave), "first" (a member's first wave; the fact is carried to later person-waves) or
    "later" (not in a member's first wave). `route` and `check` are expressions over earlier variables. `column` is
    the heading under which a delivery gives the answer. `is_opinion` says that the answer is what the member thinks of
    something, so that it is never shown to the member again.
    """

    key: str
    section: str
    text: Text
    variable: Variable
    column: str
    asked: Literal["every", "first", "later"] = "every"
    route: str | None = None
    check: str | None = None
    is_required: bool = False
    is_opinion: bool = False
    predicts: Prediction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SumGroup:
    """Variables that must add up to a total, within a tolerance."""

    key: str
    members: tuple[str, ...]
    total: float = 100.0
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A variable that is computed from others and never asked."""

    variable: Variable
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A block of questions."""

    key: str
    label: Text


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """A versioned questionnaire: the one truth for dtypes, codebook, exports and structural checks."""

    version: str
    sections: tuple[Section, ...]
    questions: tuple[Question, ...]
    sum_groups: tuple[SumGroup, ...] = ()
    derived: tuple[Derived, ...] = ()
    _by_name: dict[str, Variable] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {variable.name: variable for variable in self._variables()})

    def _variables(self) -> Iterator[Variable]:
        yield from (question.variable for question in self.questions)
        yield from (derived.variable for derived in self.derived)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return every variable, asked and derived, in the order of the file."""
        return tuple(self._by_name.values())

    def has(self, name: str) -> bool:
        """Say whether the instrument yields a variable of this name."""
        return name in self._by_name

    def variable(self, name: str) -> Variable:
        """
        Return the variable `name`.

        Raises:
            UnknownVariable: the instrument does not have it.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownVariable(
                f"Instrument {self.version} has no variable '{name}'.", fix=did_you_mean(name, self._by_name)
            ) from None

    @property
    def predictions(self) -> tuple[Question, ...]:
        """Return the questions whose answers later waves resolve."""
        return tuple(question for question in self.questions if question.predicts)
