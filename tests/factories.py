"""A small study, and what is delivered and merged in it, built from the model itself: one change at a time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from panel.harmonise import Harmonised, harmonise
from panel.merge import Merge, merge
from panel.model.instrument import Derived, Instrument, Question, Section, Value, Variable
from panel.model.study import Layout, Period, Study, Wave
from panel.model.text import Text
from panel.schema import RESPONSES, reason_column
from panel.sources.files import source_for

KEY = b"a key of the tests"
RECEIVED = datetime(2025, 12, 1, 9, tzinfo=UTC)


def variable(name: str, kind: Any = "whole", **more: Any) -> Variable:
    """Return a variable labelled by its own name."""
    return Variable(name=name, label=Text.plain(name), kind=kind, **more)


def values(*pairs: tuple[int | str, str], synonyms: Mapping[int | str, tuple[str, ...]] | None = None) -> tuple:
    """Return values from (code, English label) pairs."""
    others = synonyms or {}
    return tuple(Value(code, Text.plain(label), others.get(code, ())) for code, label in pairs)


def question(of: Variable, **more: Any) -> Question:
    """Return the question that yields a variable, under a heading of its name."""
    return Question(key=of.name, section="A", text=Text.plain(f"{of.name}?"), variable=of, column=of.name, **more)


JOB = variable("job", "single", values=values((1, "Own account"), (2, "Employee"), synonyms={1: ("zzp",)}))
PROFIT = variable("profit", "money", unit="EUR", minimum=-1000, maximum=1000)
WAGE = variable("wage", "money", unit="EUR", minimum=0, maximum=1000)
BORN = variable("born", "whole", minimum=1930, maximum=2012, is_immutable=True)
SINCE = variable("since", "whole")
CHANGED = variable("changed", "single", values=values((1, "Yes"), (2, "No")))
INCOME = variable("income", "money", unit="EUR")

QUESTIONS = (
    question(JOB, is_required=True),
    question(PROFIT, route="job == 1"),
    question(WAGE, route="job == 2"),
    question(BORN, asked="every"),
    question(SINCE, asked="first"),
    question(CHANGED, asked="later"),
)
DERIVED = (
    Derived(variable=INCOME, expression="total(profit, wage)"),
    Derived(variable=variable("age"), expression="wave_year - born"),
)


def instrument(*questions: Question, derived: Iterable[Derived] = (), version: str = "1") -> Instrument:
    """Return an instrument of these questions."""
    section = Section(key="A", label=Text.plain("All"))
    return Instrument(version=version, sections=(section,), questions=questions, derived=tuple(derived))


def wave(number: int, *, version: str = "1") -> Wave:
    """Return the wave of 2024 + `number`, fielded in November about the year before."""
    year = 2024 + number
    return Wave(
        number=number,
        key=str(year),
        fieldwork=Period(start=date(year, 10, 1), end=date(year, 11, 30)),
        reference=Period(start=date(year - 1, 1, 1), end=date(year - 1, 12, 31)),
        instrument=version,
    )


STUDY = Study(
    key="bakers",
    title=Text.plain("Bakers"),
    population=Text.plain("Bakers"),
    languages=("en",),
    time_zone="Europe/Amsterdam",
    currency="EUR",
    is_probability_sample=True,
    baseline=1,
    horizon_years=3,
    waves=(wave(1), wave(2), wave(3)),
    instruments=(instrument(*QUESTIONS, derived=DERIVED),),
    domains=(),
    indicators=(),
    transitions=(),
    layout=Layout(missing=(("DK", "dont_know"), ("RF", "refused"))),
    benchmarks=None,
    prices=None,
)


def study(*questions: Question, derived: Iterable[Derived] = (), **changes: Any) -> Study:
    """Return the small study, with other questions or with fields replaced."""
    if questions:
        changes["instruments"] = (instrument(*questions, derived=derived),)
    return replace(STUDY, **changes)


def layout(**changes: Any) -> Layout:
    """Return the layout of the small study with fields replaced."""
    return replace(STUDY.layout, **changes)


def cells(text: str) -> list[list[str]]:
    """Return the cells of a table drawn with bars; a row of dashes is for the eye."""
    lines = [line.strip() for line in text.strip().splitlines()]
    return [
        [cell.strip() for cell in line.split("|")]
        for line in lines
        if line and not ("--" in line and set(line) <= set("-|+ "))
    ]


def table(text: str) -> pd.DataFrame:
    """Return a drawn table as a Source would: texts, numbered from row 2."""
    heading, *rows = cells(text)
    return pd.DataFrame(rows, columns=heading, index=pd.RangeIndex(2, len(rows) + 2), dtype="str")


def read(content: bytes, filename: str = "export.csv") -> pd.DataFrame:
    """Return the bytes of a delivery as the source that knows them reads them."""
    return source_for(filename, content).table(filename, content)


def csv(text: str, delimiter: str = ",") -> bytes:
    """Return a drawn table as the bytes of a CSV file."""
    out = io.StringIO()
    for row in cells(text):
        out.write(delimiter.join(row) + "\n")
    return out.getvalue().encode()


def take_in(
    given: str | pd.DataFrame,
    *,
    of: Study = STUDY,
    wave: int = 1,
    delivery: str = "d1",
    received_at: datetime = RECEIVED,
) -> Harmonised:
    """Harmonise a drawn table, or a frame of texts."""
    frame = table(given) if isinstance(given, str) else given
    return harmonise(frame, study=of, wave=wave, delivery=delivery, received_at=received_at, key=KEY)


def row_of(harmonised: Harmonised, row: int) -> pd.Series:
    """Return the accepted row that stood at `row` of the file."""
    rows = harmonised.rows
    return rows[rows["row"] == row].iloc[0]


def told(row: pd.Series, name: str) -> str:
    """Return a cell as one reads it: its value, or its missing reason in brackets."""
    return f"({row[reason_column(name)]})" if pd.isna(row[name]) else _plain(row[name])


def _plain(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def merged(waves: Mapping[int, str], *, of: Study = STUDY, open_waves: Iterable[int] = ()) -> Merge:
    """Take in one drawn table a wave, and merge; members keep the names of the table."""
    return merge_frames({number: named(text, of=of, wave=number) for number, text in waves.items()}, of, open_waves)


def named(text: str, *, of: Study = STUDY, wave: int = 1) -> pd.DataFrame:
    """Return the responses of a drawn table, each member by the name it has there."""
    drawn = table(text)
    rows = take_in(drawn, of=of, wave=wave, delivery=f"d{wave}").rows
    return rows.assign(member=drawn.loc[rows["row"].astype(int), "member"].to_numpy())


def merge_frames(responses: Mapping[int, pd.DataFrame], of: Study = STUDY, open_waves: Iterable[int] = ()) -> Merge:
    """Merge responses of waves, all of which are fielded."""
    index = pd.concat([RESPONSES.empty(), *responses.values()] if not responses else list(responses.values()))
    return merge(responses, study=of, index=index, fielded=sorted(responses), open_waves=tuple(open_waves))


def drawn(frames: Mapping[int, pd.DataFrame] | pd.DataFrame, *columns: str) -> list[list[str]]:
    """Return rows as the cells of a drawn table: variables with their reasons, sorted by wave and member."""
    frame = frames if isinstance(frames, pd.DataFrame) else pd.concat(list(frames.values()), ignore_index=True)
    lines = []
    for _, row in frame.sort_values(["wave", "member"]).iterrows():
        lines.append([told(row, name) if reason_column(name) in frame else str(row[name]) for name in columns])
    return [list(columns), *lines]


def fates(harmonised: object, columns: tuple[str, ...] = ("row", "check", "variable")) -> list[tuple]:
    """Return what was held, as tuples, "" for null."""
    frame = harmonised.held[list(columns)].sort_values(list(columns))
    return [tuple("" if pd.isna(cell) else cell for cell in row) for row in frame.itertuples(index=False)]


def ignored(harmonised: object) -> dict[int, str]:
    """Return what was ignored by row of the file."""
    return dict(zip(harmonised.ignored["row"], harmonised.ignored["reason"], strict=True))
