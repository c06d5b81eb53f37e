"""The command about predictions: figures, the view to the target year, the ledger counted, and its claims."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer
from rich.text import Text

from panel.cli.estimates import answer, interval, print_estimates
from panel.cli.figures import At, By, Figures
from panel.cli.operate import Form, StudyKey, connect
from panel.cli.output import Format, as_table, console, emit, figure, for_a_person
from panel.errors import UnknownKey, did_you_mean
from panel.model.study import Study

if TYPE_CHECKING:
    from panel.forecast import Year


class Show(StrEnum):
    """What is shown of predictions."""

    outcomes = "outcomes"
    scores = "scores"
    revisions = "revisions"
    horizon = "horizon"
    ledger = "ledger"
    claims = "claims"


IN_THE_LEDGER = (Show.ledger, Show.claims)
NOTES = (
    "to come: what was predicted less what has happened; of others: as a share of those to whom it has not happened",
    "unseen: claims without an outcome, because the member left or gave no answer",
    "needed: the share of the unseen to whom it must have happened for the prediction to be just right;",
    "        below 0 or above 100 % nothing that befell them overturns the reading",
    "possible: a yes leaves any share between these open, even if all chose the likelier outcome (Manski 1990)",
)


def predictions(
    study: StudyKey,
    show: Annotated[
        Show,
        typer.Option(
            help="outcomes: predicted and happened; scores; revisions; horizon: the view to the target year; "
            "ledger: claims counted by state; claims: one a row, by pseudonym."
        ),
    ] = Show.outcomes,
    question: Annotated[str | None, typer.Option("--question", help="Only this question.")] = None,
    by: By = None,
    wave: At = None,
    state: Annotated[
        str | None, typer.Option("--state", help="Of the ledger: only claims in this state, e.g. censored.")
    ] = None,
    member: Annotated[str | None, typer.Option("--member", "-m", help="Of the ledger: only this member.")] = None,
    form: Form = Format.auto,
) -> None:
    """
    Show what members predicted against what has happened to them since, and what became of each claim.

    Example: panelctl predictions creative-ai --show horizon --question exp5_income --by employment
    """
    if show in IN_THE_LEDGER:
        if by is not None:
            raise typer.BadParameter("The ledger has no groups; divide the figures instead.", param_hint="--by")
        Ledger.kept(study, wave).of(question).only("state", state).only("member", member).emit(form, show)
        return
    if state is not None or member is not None:
        raise typer.BadParameter(
            "Figures are about all claims; add --show ledger or --show claims.", param_hint="--show"
        )
    _emit(_figures(study, show, question, by, wave), show, form)


def _figures(study: str, show: Show, question: str | None, by: str | None, wave: str | None) -> Figures:
    from panel.forecast import view_of

    kept = Figures.kept(study, wave, "predictions")
    _must_predict(kept.study, question)
    shown = Figures(kept.study, kept.table[view_of(kept.table) == show])
    if question is not None:
        shown = Figures(kept.study, shown.table[shown.table["indicator"] == question])
    if by is not None:
        domain = kept.study.domain(by).key
        shown = Figures(kept.study, shown.table[shown.table["domain"] == domain])
    return shown


def _must_predict(study: Study, question: str | None) -> None:
    """Refuse a question that predicts nothing, with the nearest that does."""
    from panel.forecast import questions_of

    known = questions_of(study)
    if question is not None and question not in known:
        raise UnknownKey("No question of that key predicts anything.", fix=did_you_mean(question, known))


def _emit(shown: Figures, show: Show, form: Format) -> None:
    if not for_a_person(form):
        shown.emit(form, title="")
    elif shown.table.empty:
        console().print(Text(f"No {show} of predictions yet: nothing that was predicted can be read by this wave."))
    elif show is Show.horizon:
        _print_years(shown)
    else:
        print_estimates(shown.table, shown.study, title=f"Predictions, {show},")


def _print_years(shown: Figures) -> None:
    """Print a table for each question: a row for each group, outcome and wave."""
    from panel.forecast import years

    study, screen = shown.study, console()
    screen.print(Text(f"Predictions, to {study.target_year}, of {study.title}", style="bold"))
    for question, own in groupby(years(shown.table), key=lambda year: year.question):
        screen.print()
        screen.print(as_table(_year_rows(own, study), f"{question} · {_label(study, question)}"))
    for note in NOTES:
        screen.print(Text(f" {note}", style="dim"))


def _label(study: Study, question: str) -> str:
    """Return what the newest instrument that asks a question calls it."""
    for instrument in reversed(study.instruments):
        for each in instrument.predictions:
            if each.key == question:
                return str(each.variable.label)
    return question


def _year_rows(years: Iterable[Year], study: Study) -> pd.DataFrame:
    """Return the view to the target year as a table for a person: what was predicted, and below it each later wave."""
    rows: list[dict[str, object]] = []
    seen: set[tuple[str, str]] = set()
    for year in years:
        outcome = answer(study, str(year.figures["predicted"]["variable"]), year.value)
        place = {"group": year.group, "outcome": outcome}
        if (year.group, year.value) not in seen:
            seen.add((year.group, year.value))
            rows.append(place | _level(year, "predicted", f"{study.wave(study.baseline).key}, predicted"))
        if "best_case_low" in year.figures:
            low, high = (year.figures[f"best_case_{end}"]["estimate"] for end in ("low", "high"))
            bounds: dict[str, object] = {"interval": interval(low, high, "share")}
            rows.append(place | {"wave": f"{study.target_year}, possible"} | bounds)
        if "happened" in year.figures:
            rows.append(place | _level(year, "happened", study.wave(year.wave).key) | _to_come(year))
    return pd.DataFrame(rows).fillna("")


def _level(year: Year, name: str, wave: str) -> dict[str, object]:
    row = year.figures[name]
    bounds = interval(row["low"], row["high"], row["unit"])
    return {"wave": wave, "estimate": figure(row["estimate"], row["unit"]), "interval": bounds}


def _to_come(year: Year) -> dict[str, object]:
    def of(name: str, unit: str = "") -> str:
        row = year.figures.get(name)
        return "" if row is None else figure(row["estimate"], unit or row["unit"])

    return {
        "to come": of("to_come"),
        "of others": of("to_come_of_others", "share"),
        "unseen": of("unseen"),
        "needed": of("tipping", "share"),
    }


@dataclass(frozen=True)
class Ledger:
    """Claims of a study as kept (schema.CLAIMS), narrowed down and written to stdout."""

    study: Study
    claims: pd.DataFrame

    @classmethod
    def kept(cls, study_key: str, wave: str | None) -> Ledger:
        """Return the ledger as of a wave, by default the newest that has one, or raise UnknownKey."""
        app = connect()
        study = app.study(study_key)
        numbers = [study.wave(wave).number] if wave else [each.number for each in reversed(study.waves)]
        for number in numbers:
            claims = app.store.claims(study.key, number)
            if len(claims):
                return cls(study, claims)
        next_step = f"panelctl wave close {study.key} {wave or study.waves[0].key}"
        raise UnknownKey(f"Study '{study.key}' has no claims yet.", fix=next_step)

    def of(self, question: str | None) -> Ledger:
        """Return the claims of one question, all where it is None, or raise UnknownKey with a suggestion."""
        _must_predict(self.study, question)
        return self if question is None else Ledger(self.study, self.claims[self.claims["question"] == question])

    def only(self, column: str, wanted: str | None) -> Ledger:
        """Return the claims with `wanted` in a column, all where it is None, or raise UnknownKey with a suggestion."""
        from panel.forecast import STATES

        if wanted is None:
            return self
        known: Sequence[str] = STATES if column == "state" else sorted(self.claims[column].unique())
        if wanted not in known:
            raise UnknownKey(f"No claim has that {column}.", fix=did_you_mean(wanted, known))
        return Ledger(self.study, self.claims[self.claims[column] == wanted])

    def emit(self, form: Format, show: Show) -> None:
        """Write the counts by question and wave, or the claims one by one."""
        from panel.forecast import tally

        table = tally(self.claims) if show is Show.ledger else self.claims
        if for_a_person(form):
            table = table.assign(wave=[self.study.wave(int(number)).key for number in table["wave"]])
            table = _told(table) if show is Show.claims else table
            table = table.rename(columns=lambda name: str(name).removesuffix("_count").replace("_", " "))
        emit(table, form, title=f"{self.study.key}: {show} of predictions")


_FOR_A_PERSON = [
    "member", "question", "wave", "due_year", "said", "state", "reason", "outcome", "is_true", "read_wave", "before",
]  # fmt: skip


def _told(claims: pd.DataFrame) -> pd.DataFrame:
    """Return of claims what a person reads: a probability stands where others have what was said."""
    chance = (100 * claims["probability"]).round(6).map("{:g} %".format, na_action="ignore").astype("str")
    return claims.assign(said=claims["said"].fillna(chance))[_FOR_A_PERSON]


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command()(predictions)
