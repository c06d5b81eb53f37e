"""What the page shows, picked from the estimates: rows with labels and finished numbers, no statistics of its own."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pandas as pd

from panel.errors import PanelError
from panel.model.study import INDICES, Domain, Indicator, Study
from panel.publish.words import WORDS, figure, number

OUTCOMES = {
    "en": {
        "fall": "fall", "fell": "fell", "same": "stay the same", "stayed": "stayed the same", "rise": "rise",
        "rose": "rose", "unclear": "too early to say", "all": "all", "event": "it happens", "no_event": "it does not",
    },
    "nl": {
        "fall": "daling", "fell": "gedaald", "same": "gelijk blijven", "stayed": "gelijk gebleven", "rise": "stijging",
        "rose": "gestegen", "unclear": "nog niet te overzien", "all": "alle", "event": "het gebeurt",
        "no_event": "het gebeurt niet",
    },
}  # fmt: skip
LEVELS = ("share", "mean", "median", *INDICES)
CHANGES = ("change", "relative_change")


Row = dict[str, Any]
"""A row of a table, by the names of its columns: for texts, a series is a slow way to hold a few cells."""


def records(rows: pd.DataFrame) -> list[Row]:
    """Return the rows of a table, each by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def grouped(rows: list[Row], *names: str) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Return the rows alike in some columns together, in rising order of those."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return sorted(found.items(), key=lambda each: each[0])


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A study in one language: every label that a reader sees."""

    study: Study
    language: str

    @property
    def words(self) -> dict[str, str]:
        """Return the fixed words of the page."""
        return WORDS[self.language]

    @property
    def hidden(self) -> str:
        """Return what stands where a figure is hidden."""
        return self.words["hidden"].format(n=self.study.disclosure_threshold)

    def wave(self, number: Any) -> str:
        """Return how a wave is called."""
        return self.study.wave(int(number)).key

    def group(self, domain: Any, group: Any) -> str:
        """Return the label of a group, "everybody" for all, the key itself where the study does not know it."""
        if pd.isna(group) or group == "all":
            return self.words["everybody"]
        try:
            return self.study.domain(str(domain)).group(str(group)).label.in_(self.language)
        except PanelError:
            return str(group)

    def indicator(self, key: str) -> str:
        """Return the label of an indicator, or of the variable or question of that name."""
        for each in self.study.indicators:
            if each.key == key:
                return each.label.in_(self.language)
        for instrument in reversed(self.study.instruments):
            for question in instrument.questions:
                if key in (question.key, question.variable.name):
                    return question.variable.label.in_(self.language)
        return self.variable(key)

    def variable(self, name: str) -> str:
        """Return the label of a variable, or its name where no instrument has it."""
        try:
            return self.study.variable(name).label.in_(self.language)
        except PanelError:
            return name

    def value(self, variable: Any, value: Any) -> str:
        """Return the labels of the codes in `value` ("2", "1,2", "1>2"); what is no code stands as it is."""
        if pd.isna(value):
            return ""
        try:
            labels = {
                str(each.code): each.label.in_(self.language) for each in self.study.variable(str(variable)).values
            }
        except PanelError:
            labels = {}
        return " → ".join(
            " / ".join(labels.get(code.strip(), code.strip()) for code in re.split(r"[,;|]", side))
            for side in str(value).split(">")
        )

    def outcome(self, variable: Any, value: Any) -> str:
        """Return what was predicted or came about: fall, same, rise in words, else as `value` says it."""
        text = "" if pd.isna(value) else str(value)
        sides = [OUTCOMES[self.language].get(side) or self.value(variable, side) for side in text.split(">")]
        return " → ".join(sides)

    def shown(self, row: Row) -> str:
        """Return the figure of a row of estimates as text."""
        if pd.isna(row["estimate"]):
            return self.hidden if row["status"] == "hidden" else "–"
        return figure(float(row["estimate"]), str(row["unit"]), self.language)

    def interval(self, row: Row) -> str:
        """Return the 95 % range of a row of estimates as text, "" where there is none."""
        if pd.isna(row["low"]) or pd.isna(row["high"]):
            return ""
        low, high = (figure(float(row[side]), str(row["unit"]), self.language) for side in ("low", "high"))
        said_once = low.rsplit(" ", 1)[0] if low[:1] != "€" and low.count(" ") else low
        return f"{said_once} {self.words['until']} {high}"

    def held(self, row: Row) -> str:
        """Return how many members checks hold out of a figure, and the figure with them; "" where they hold nobody."""
        if row["status"] == "hidden" or row["n_held"] == 0:
            return ""
        if pd.isna(row["n_held"]):
            return self.words["few_held"]
        with_them = figure(float(row["estimate_with_held"]), str(row["unit"]), self.language)
        return f"{number(float(row['n_held']), 0, self.language)} ({self.words['with_them']}: {with_them})"

    def among(self, indicator: Indicator) -> str:
        """Return among whom an indicator is a figure: the population, or groups of it."""
        whole = self.study.population.in_(self.language)
        if not (indicator.domain and indicator.groups):
            return whole
        return f"{whole}: " + ", ".join(self.group(indicator.domain, key) for key in indicator.groups)

    def status(self, row: Row) -> str:
        """Return the status of a row of estimates as a word."""
        return self.words["hidden_short"] if row["status"] == "hidden" else self.words.get(str(row["status"]), "")


def main_domain(study: Study) -> Domain | None:
    """Return the division the study speaks of most in its indicators and transitions, or its first."""
    used = [*(each.domain for each in study.indicators), *(each.domain for each in study.transitions)]
    named = Counter(key for key in used if key)
    if named:
        return study.domain(named.most_common(1)[0][0])
    return study.domains[0] if study.domains else None


def everybody(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows about everybody."""
    return rows[rows["group"].isna() | (rows["group"] == "all")]


def levels(estimates: pd.DataFrame, indicator: Indicator) -> pd.DataFrame:
    """Return the rows that give the level of an indicator, by wave, in the terms it is meant in."""
    rows = estimates[
        (estimates["indicator"] == indicator.key)
        & estimates["from_wave"].isna()
        & (estimates["statistic"] == indicator.statistic)
    ]
    return _in_terms(rows, indicator).sort_values("wave", kind="stable")


def main_value(rows: pd.DataFrame, indicator: Indicator) -> pd.DataFrame:
    """Return of `rows` those about the indicator's own codes, where other answers have rows of their own."""
    codes = {str(code) for code in indicator.codes}
    own = rows["value"].map(lambda text: pd.isna(text) or set(re.split(r"[,;|]\s*", str(text))) == codes).astype("bool")
    return rows[own] if own.any() else rows[rows["value"] == rows["value"].iloc[0]] if len(rows) else rows


def changes(estimates: pd.DataFrame, indicator: Indicator) -> pd.DataFrame:
    """Return the rows that give the change of an indicator between two waves."""
    rows = estimates[(estimates["indicator"] == indicator.key) & estimates["statistic"].isin(CHANGES)]
    return main_value(_in_terms(rows, indicator), indicator).sort_values(["from_wave", "wave"], kind="stable")


def _in_terms(rows: pd.DataFrame, indicator: Indicator) -> pd.DataFrame:
    wanted = rows["terms"] == ("real" if indicator.in_real_terms else "nominal")
    return rows[wanted] if wanted.any() else rows


def transitions(estimates: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the from-to tables."""
    return estimates[estimates["statistic"] == "transition"]


def attrition(tracking: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cohort and wave since it entered: members, and how many of them answered."""
    rows = tracking[tracking["cohort"].notna() & (tracking["wave"] >= tracking["cohort"])]
    counted = rows.groupby(["cohort", "wave"])["is_interviewed"].agg(["size", "sum"]).reset_index()
    return counted.rename(columns={"size": "members", "sum": "interviewed"})
