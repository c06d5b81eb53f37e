"""
The frames that pass between the steps: their columns, dtypes, grain and key.

A variable takes one column of its own name and one more, `reason_column(name)`, that says why a value is missing: ""
where there is a value. No value of a variable is ever a code for missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from panel.errors import UnknownVariable, did_you_mean
from panel.model.instrument import REASONS, Variable

REASON_SUFFIX = "__missing"
REASON_DTYPE = pd.CategoricalDtype(["", *REASONS])


def reason_column(name: str) -> str:
    """Return the name of the column that says why `name` is missing."""
    return f"{name}{REASON_SUFFIX}"


def shown_column(name: str) -> str:
    """Return the name of the column that says whether the earlier answer of `name` was on the member's screen."""
    return f"shown:{name}"


@dataclass(frozen=True)
class Frame:
    """The columns every frame of this kind has; variables and their reasons may follow."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Return the fixed columns, in order."""
        return [name for name, _ in self.columns]

    def empty(self, variables: Iterable[Variable] = ()) -> pd.DataFrame:
        """Return a frame without rows and with the right dtypes."""
        return self.coerce(pd.DataFrame(), variables)

    def coerce(self, frame: pd.DataFrame, variables: Iterable[Variable] = ()) -> pd.DataFrame:
        """
        Return a copy of `frame` with the columns of this kind first, each of its dtype; absent ones are null.

        Variables that `frame` does not have are left out when it has rows, and added when it is empty.
        """
        taken = {name: _series(frame, name, dtype) for name, dtype in self.columns}
        for variable in variables:
            if variable.name in frame.columns or frame.empty:
                taken[variable.name] = _series(frame, variable.name, variable.dtype)
                taken[reason_column(variable.name)] = _reasons(frame, variable.name)
        extra = {name: frame[name] for name in frame.columns if name not in taken}
        return pd.DataFrame({**taken, **extra}, index=frame.index)

    def need(self, frame: pd.DataFrame) -> None:
        """
        Refuse a frame that lacks one of the fixed columns.

        Raises:
            UnknownVariable: names the first column that is absent.
        """
        for name in self.names:
            if name not in frame.columns:
                raise UnknownVariable(
                    f"A frame of {self.name} needs the column '{name}'.",
                    fix=did_you_mean(name, map(str, frame.columns)),
                )


def _series(frame: pd.DataFrame, name: str, dtype: str) -> pd.Series:
    if name in frame.columns:
        return frame[name].astype(dtype)
    return pd.Series(index=frame.index, dtype=dtype)


def _reasons(frame: pd.DataFrame, name: str) -> pd.Series:
    column = reason_column(name)
    if column in frame.columns:
        return frame[column].astype(REASON_DTYPE)
    return pd.Series("", index=frame.index, dtype=REASON_DTYPE)


_UTC = "datetime64[us, UTC]"

RESPONSES = Frame(
    "responses",
    (
        ("response", "str"),  # hash of member, wave and every answer: the same answers are the same response
        ("member", "str"),
        ("wave", "Int64"),
        ("submitted_at", _UTC),
        ("received_at", _UTC),
        ("delivery", "str"),
        ("row", "Int64"),  # data row in the file; the heading is row 1
        ("disposition", "str"),
        ("stratum", "str"),
        ("psu", "str"),
        ("design_weight", "Float64"),
    ),
    key=("response",),
)
"""One row a response as received and typed; append-only. Variables of the wave's instrument follow."""

PERSON_WAVES = Frame(
    "person-waves",
    (
        ("member", "str"),
        ("wave", "Int64"),
        ("revision", "Int64"),  # 1 for the first answers, higher for each different later one
        ("response", "str"),  # the response that stands
        ("disposition", "str"),
        ("cohort", "Int64"),  # wave in which the member entered
        ("stratum", "str"),
        ("psu", "str"),
        ("design_weight", "Float64"),
    ),
    key=("member", "wave"),
)
"""One row per member and wave with an interview. Asked and derived variables follow; amounts are nominal."""

TRACKING = Frame(
    "tracking",
    (
        ("member", "str"),
        ("wave", "Int64"),
        ("cohort", "Int64"),
        ("disposition", "str"),
        ("is_interviewed", "bool"),
        ("is_returning", "bool"),  # interviewed now, not in the wave before, and before that
    ),
    key=("member", "wave"),
)
"""One row for every member and every wave fielded so far, also where nobody answered."""

HELD = Frame(
    "held",
    (
        ("wave", "Int64"),
        ("member", "str"),
        ("variable", "str"),  # null: the whole row is held
        ("check", "str"),  # what held it
        ("reason", "str"),  # in words, without the value
        ("delivery", "str"),
        ("row", "Int64"),
    ),
    key=("wave", "member", "variable", "check", "delivery", "row"),
)
"""One row per cell or row that was held back. The raw value stays in the delivery and never stands here."""

IGNORED = Frame("ignored", (("row", "Int64"), ("reason", "str")), key=("row",))
"""One row per row of a delivery that carries nothing new, with the reason."""

PRELOAD = Frame(
    "preload",
    (
        ("member", "str"),
        ("wave", "Int64"),  # into which it is fed
        ("variable", "str"),
        ("mode", "str"),  # proactive: shown | reactive: compared after the answer
        ("value", "str"),  # as it is shown: a code, a number, a text
        ("source_wave", "Int64"),  # in which the member said it
        ("source_revision", "Int64"),
        ("source_response", "str"),
        ("arm", "str"),  # dependent: fed to the member | independent: asked without it, drawn when the wave was staged
    ),
    key=("member", "wave", "variable"),
)
"""One row per member and variable that is fed forward into a wave, with the answer it comes from; an independent
member is shown nothing, and its earlier answer is kept for the comparison."""

CLAIMS = Frame(
    "claims",
    (
        ("member", "str"),
        ("wave", "Int64"),  # in which the claim was made
        ("question", "str"),
        ("variable", "str"),  # whose later value resolves it; null where none does
        ("kind", "str"),  # direction | amount | probability | category | unclear: impossible to predict
        ("horizon", "str"),  # target | next | a number of years
        ("due_year", "Int64"),  # in which it resolves
        ("resolves_by", "str"),  # what must happen, in words of the instrument
        ("said", "str"),  # fall | same | rise | unclear | a code; null for a probability
        ("probability", "Float64"),  # 0 to 1; null where none was asked
        ("state", "str"),  # open | on_track | resolved | censored | void
        ("reason", "str"),  # why it is in that state
        ("outcome", "str"),  # fall | same | rise | event | no_event, as last read; null where nothing was read
        ("is_true", "boolean"),  # of a resolved claim that said something: whether it came true
        ("read_wave", "Int64"),  # the wave it was last read in
        ("made_revision", "Int64"),
        ("made_response", "str"),  # the response that made it
        ("read_revision", "Int64"),
        ("read_response", "str"),  # the response that decided it
        ("is_corrected", "bool"),  # a later, different response moved it, or a decision that another value counts
        ("before", "str"),  # what was said first would say: claim, state, outcome; null where nothing moved
    ),
    key=("question", "member", "wave"),
)
"""One row a claim: what a member said at a wave would happen, and what has become of it by the newest wave."""

WEIGHTS = Frame(
    "weights",
    (
        ("member", "str"),
        ("wave", "Int64"),  # wave the weight is for; for a longitudinal weight the last of the set
        ("kind", "str"),  # cross-sectional | longitudinal | lost: due in the waves of a longitudinal weight, not there
        ("waves", "str"),  # "2" or "1-2": the waves a member answered, or was due in
        ("weight", "Float64"),  # 0 for the lost
        ("design_weight", "Float64"),  # before calibration, nonresponse adjusted; null where given
        ("calibrated_weight", "Float64"),  # before trimming; null where nothing was trimmed
        ("propensity", "Float64"),  # estimated, to answer the later waves; null where it was not
    ),
    key=("member", "wave", "kind", "waves"),
)
"""One row per member and weight; the last three columns, and the lost, are what standard errors need to know."""

ESTIMATES = Frame(
    "estimates",
    (
        ("indicator", "str"),
        ("statistic", "str"),  # share | mean | median | change | relative_change | transition | ...
        ("variable", "str"),
        ("value", "str"),  # the code or from>to pair a share is about; null for amounts
        ("domain", "str"),
        ("group", "str"),  # "all" for everybody
        ("from_wave", "Int64"),  # null for a level
        ("wave", "Int64"),
        ("estimate", "Float64"),
        ("se", "Float64"),
        ("low", "Float64"),  # 95 %
        ("high", "Float64"),
        ("n", "Int64"),  # members counted in the denominator
        ("n_eff", "Float64"),  # Kish effective n of those
        ("n_held", "Int64"),  # members more that it would count if checks held nothing; null where too few to tell
        ("estimate_with_held", "Float64"),  # the figure with them; null where n_held is
        ("denominator", "str"),  # in words: among whom
        ("unit", "str"),  # share | EUR | hours | count | points | ratio
        ("terms", "str"),  # nominal | real | ""
        ("weight", "str"),  # which weight: cross-sectional 2, longitudinal 1-2
        ("method", "str"),
        ("status", "str"),  # final | provisional | hidden
    ),
    key=("indicator", "statistic", "value", "domain", "group", "from_wave", "wave", "terms", "weight"),
)
"""
One row per figure. A hidden figure has null in every number, n_held and estimate_with_held included. Figures
about predictions do not tell the last two.
"""
