"""A day that comes back every year, in words: "second monday of march", "last friday of october", "1 october"."""

from __future__ import annotations

import calendar
import re
from datetime import date

from panel.errors import DefinitionError, did_you_mean, printable

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
ORDINALS = ("first", "second", "third", "fourth", "last")
_NTH = re.compile(r"^([a-z]+) ([a-z]+) of ([a-z]+)$")
_FIXED = re.compile(r"^(\d{1,2}) ([a-z]+)$")
FIX = 'write "second monday of march", "last friday of october" or "1 october"'


def day_of(rule: str, year: int) -> date:
    """
    Return the day that a rule means in a year; 29 February is 28 February where there is none.

    Raises:
        DefinitionError: the words are no rule, or name a day that no year has.
    """
    text = " ".join(rule.lower().split())
    if found := _NTH.match(text):
        ordinal, weekday, month = found.groups()
        return _nth(_place(ordinal, ORDINALS), _place(weekday, WEEKDAYS), _place(month, MONTHS) + 1, year)
    if found := _FIXED.match(text):
        return _fixed(int(found[1]), _place(found[2], MONTHS) + 1, year)
    raise DefinitionError(f"'{printable(rule)}' is no day that comes back.", fix=FIX)


def _place(word: str, words: tuple[str, ...]) -> int:
    if word not in words:
        raise DefinitionError(f"'{printable(word)}' is not understood.", fix=did_you_mean(word, words) or FIX)
    return words.index(word)


def _nth(ordinal: int, weekday: int, month: int, year: int) -> date:
    days = [week[weekday] for week in calendar.monthcalendar(year, month) if week[weekday]]
    return date(year, month, days[-1] if ORDINALS[ordinal] == "last" else days[ordinal])


def _fixed(day: int, month: int, year: int) -> date:
    longest = max(calendar.monthrange(each, month)[1] for each in (2027, 2028))
    if not 1 <= day <= longest:
        raise DefinitionError(f"There is no {day} {MONTHS[month - 1]}.", fix=FIX)
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))
