"""Read the table `sample` of a study file."""

from __future__ import annotations

from collections.abc import Sequence

from panel.errors import did_you_mean, printable
from panel.model.instrument import Instrument, Question
from panel.model.panel_rates import Recruited
from panel.model.reading import Table
from panel.model.sample import Preloaded, SampleRules


def read_sample(table: Table, instruments: Sequence[Instrument], *, is_probability_sample: bool) -> SampleRules:
    """Return the rules for the sample, with every fault of them added to those of the file."""
    share = _share(table, "eligible_share", 1.0)
    rules = SampleRules(
        strata=tuple(table.list_of("strata", str, ())),
        target=_count(table, "target", 0, least=0),
        dormant_after=_count(table, "dormant_after", 2, least=1),
        eligible_share=share,
        preload=tuple(_preloaded(each, instruments) for each in table.tables("preload")),
        independent_share=_share(table, "independent_share", 0.0),
        independent_salt=table.get("independent_salt", str, ""),
        recruited=tuple(_recruited(each, is_probability_sample) for each in table.tables("cohort")),
    )
    if len({each.cohort for each in rules.recruited}) < len(rules.recruited):
        table.fault("names a cohort twice", "cohort", "state each cohort once")
    table.done()
    return rules


def _share(table: Table, key: str, default: float | None = None) -> float:
    share = float(table.get(key, float, ... if default is None else default))
    if not 0 <= share <= 1:
        table.fault(f"is {share:g}, no share", key, "write a number from 0 to 1")
    return share


def _recruited(table: Table, is_probability_sample: bool) -> Recruited:
    """Return how a cohort was recruited; an opt-in sample has no such rates, and nobody is to make some up."""
    made = Recruited(
        cohort=table.get("key", str),
        recruitment_rate=_share(table, "recruitment_rate"),
        profile_rate=_share(table, "profile_rate", 1.0),
    )
    if not is_probability_sample:
        table.fault("is of an opt-in sample, which has no recruitment rate", "recruitment_rate", "leave it out")
    table.done()
    return made


def _count(table: Table, key: str, default: int, *, least: int) -> int:
    number = table.get(key, int, default)
    if number < least:
        table.fault(f"is {number}", key, f"write a whole number of {least} or more")
    return number


def _preloaded(table: Table, instruments: Sequence[Instrument]) -> Preloaded:
    name = table.get("variable", str)
    mode = table.one_of("mode", ("proactive", "reactive"), ...)
    questions = [each for instrument in instruments for each in instrument.questions if each.variable.name == name]
    known = [each.variable.name for instrument in instruments for each in instrument.questions]
    if table.has("variable") and not questions:
        table.fault(f"'{printable(name)}' is not asked", "variable", did_you_mean(name, known))
    _only_facts(table, name, questions)
    shown = table.get("shown", str, "")
    if shown in {each.column for instrument in instruments for each in instrument.questions} - {""}:
        table.fault(
            f"'{printable(shown)}' is the column of a question", "shown", "name the one that says what was shown"
        )
    table.done()
    return Preloaded(variable=name, mode=mode, shown=shown)


def _only_facts(table: Table, name: str, questions: Sequence[Question]) -> None:
    is_prediction = any(each.predicts for each in questions)
    is_opinion = any(each.is_opinion for each in questions)
    for what in ["a prediction"] * is_prediction + ["an opinion"] * is_opinion:
        table.fault(
            f"'{printable(name)}' is {what}, which is never fed forward",
            "variable",
            "feed forward facts only: people repeat the opinion they are shown",
        )
