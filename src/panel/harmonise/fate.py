"""What becomes of whole rows: each is accepted, held or ignored, once, and says why."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from panel.errors import SourceError, Where, printable
from panel.harmonise.cells import trim
from panel.harmonise.identity import plain_id
from panel.model.people import DISPOSITIONS
from panel.model.study import Layout, Study
from panel.schema import HELD, IGNORED

MOST_FOREIGN_SHARE = 0.05
_DAMAGED_ID = re.compile(r"[0-9]+\.0+|[0-9]\.[0-9]+E[+-]?[0-9]+|[0-9]E[+-][0-9]+", re.IGNORECASE)


class Fate:
    """What has become of each row so far; `is_open` marks those not yet held or ignored."""

    def __init__(self, index: pd.Index, delivery: str, wave: int) -> None:
        self.index = index
        self.delivery = delivery
        self.wave = wave
        self.is_open = np.ones(len(index), dtype=bool)
        self._ignored: list[pd.DataFrame] = []
        self._held: list[pd.DataFrame] = []

    def ignore(self, here: np.ndarray, reason: str) -> None:
        """Ignore the open rows that `here` marks."""
        self.ignore_rows(self.index[here & self.is_open], reason)
        self.is_open &= ~here

    def ignore_rows(self, rows: Sequence[int] | pd.Index, reason: object) -> None:
        """Record rows as ignored; `reason` is one text, or one a row."""
        if len(rows):
            self._ignored.append(pd.DataFrame({"row": np.asarray(rows), "reason": reason}))

    def hold(self, here: np.ndarray, check: str, reason: str) -> None:
        """Hold the open rows that `here` marks."""
        rows = self.index[here & self.is_open]
        if len(rows):
            self._held.append(
                pd.DataFrame(
                    {"wave": self.wave, "check": check, "reason": reason, "delivery": self.delivery, "row": rows}
                )
            )
        self.is_open &= ~here

    def held(self) -> pd.DataFrame:
        """Return the rows held so far (schema.HELD)."""
        return HELD.coerce(pd.concat(self._held, ignore_index=True)) if self._held else HELD.empty()

    def ignored(self) -> pd.DataFrame:
        """Return the rows ignored so far (schema.IGNORED), in the order of the file."""
        if not self._ignored:
            return IGNORED.empty()
        return IGNORED.coerce(pd.concat(self._ignored, ignore_index=True)).sort_values("row", ignore_index=True)


def ignore_blank_lines(texts: pd.DataFrame, member: str, fate: Fate) -> None:
    """Ignore the rows without any text in them."""
    nobody = (texts[member].map(trim) == "").to_numpy(dtype=bool)
    blank = np.zeros(len(texts), dtype=bool)
    if nobody.any():  # few: only those are searched cell by cell
        blank[nobody] = (texts[nobody].map(trim) == "").all(axis=1).to_numpy(dtype=bool)
    fate.ignore(blank, "blank line")


def sort_by_wave(texts: pd.DataFrame, study: Study, wave: int, fate: Fate) -> None:
    """
    Hold rows of another wave, or ignore them where a delivery holds every wave.

    Raises:
        SourceError: more than one row in twenty is of another wave; says of which.
    """
    layout = study.layout
    given = texts[layout.wave].map(trim)
    numbers = _wave_numbers(given, study)
    foreign = (numbers != wave).fillna(value=True).to_numpy(dtype=bool) & fate.is_open
    if layout.holds_every_wave:
        fate.hold(numbers.isna().to_numpy(), "intake.unknown_wave", "a wave that the study does not have")
        fate.ignore(foreign, "of another wave")
        return
    if foreign.sum() > MOST_FOREIGN_SHARE * fate.is_open.sum():
        raise _wrong_wave(given[foreign], numbers[foreign], int(fate.is_open.sum()), study, wave)
    fate.hold(foreign, "intake.wrong_wave", "a row of another wave")


def _wave_numbers(given: pd.Series, study: Study) -> pd.Series:
    codes = dict(study.layout.wave_codes) or {
        name: each.number for each in study.waves for name in (each.key, str(each.number))
    }
    meant = {text: codes.get(text, codes.get(text.removesuffix(".0"))) for text in given.unique()}
    return given.map(meant).astype("Float64")


def _wrong_wave(given: pd.Series, numbers: pd.Series, rows: int, study: Study, wave: int) -> SourceError:
    counted = given.value_counts().head(3)
    found = ", ".join(f"'{printable(name)}' in {count:,}" for name, count in counted.items())
    known = numbers.dropna().unique()
    other = study.wave(int(known[0])).key if len(known) == 1 else None
    return SourceError(
        f"{len(given):,} of {rows:,} rows are not of wave {study.wave(wave).key}: {found}.",
        where=Where(column=study.layout.wave),
        fix=f"collect the file for wave {other}" if other else "collect the file for the wave it is of",
    )


def hold_nameless(texts: pd.DataFrame, member: str, fate: Fate) -> None:
    """
    Hold rows without a member id, or with marks in it that cannot be seen.

    Raises:
        SourceError: ids were saved as numbers, which makes one person of several, or several of one.
    """
    given = texts[member].map(plain_id)
    fate.hold((given == "").to_numpy(dtype=bool), "intake.no_member", "no member id")
    distinct = given.unique()
    unseen = {text for text in distinct if not text.isprintable()}
    fate.hold(given.isin(list(unseen)).to_numpy(dtype=bool), "intake.bad_member", "marks in the member id")
    damaged = [text for text in distinct if _DAMAGED_ID.fullmatch(text)]
    if damaged:
        raise SourceError(
            f"{len(damaged):,} member ids were saved as numbers with a decimal point or an exponent.",
            where=Where(row=int(given.index[given == damaged[0]][0]), column=member),
            fix="export the column of member ids as text",
        )


def outcomes(texts: pd.DataFrame, layout: Layout, fate: Fate) -> np.ndarray:
    """Return the disposition that the file gives each row, "" where it gives none; hold unknown ones."""
    if layout.outcome is None:
        return np.full(len(texts), "", dtype=object)
    known = dict(layout.outcomes) or {name: name for name, _ in DISPOSITIONS}
    given = texts[layout.outcome].map(trim)
    outcome = given.map({text: known.get(text, "" if text == "" else None) for text in given.unique()})
    fate.hold(outcome.isna().to_numpy(dtype=bool), "intake.unknown_outcome", "an outcome not in the layout")
    return outcome.fillna("").to_numpy(dtype=object)
