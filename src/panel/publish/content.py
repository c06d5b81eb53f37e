"""What of a wave may leave the house: the tables of a release, in their published form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from panel.codebook import codebook
from panel.errors import DisclosureRefused, Where
from panel.model.instrument import Variable
from panel.model.results import Gate
from panel.model.study import Study
from panel.model.text import Text
from panel.ports import ReleaseContent
from panel.schema import CLAIMS, ESTIMATES, HELD, PERSON_WAVES, TRACKING, WEIGHTS, reason_column

ANSWER_DIGITS = 12
COMPUTED_DIGITS = 9
BAND = 5
WITHHELD = "withheld"
# hashes over all answers: they would confirm a guess of what is coarsened or left out
NOT_RELEASED = ("response", "made_response", "read_response")
FIGURES = ("estimate", "se", "low", "high", "n", "n_eff", "n_held", "estimate_with_held")


@dataclass(frozen=True, kw_only=True)
class Table:
    """
    One table of a release.

    `digits` are the significant digits that count in the digest. `audience` is "public", or "research" for rows about
    single members, which are for researchers under an agreement and not for a web site.
    """

    name: str
    frame: pd.DataFrame
    key: tuple[str, ...]
    digits: int
    audience: str


def tables(content: ReleaseContent) -> tuple[Table, ...]:
    """
    Return every table of a release, rows sorted by key; `content` is not changed.

    Raises:
        DisclosureRefused: an estimate is shown for fewer members than the study's threshold.
    """
    threshold = content.study.disclosure_threshold
    estimates = _figures(content.estimates, "estimates", threshold)
    predictions = _figures(content.predictions, "predictions", threshold)
    return (
        _table("person_waves", person_waves(content.study, content.person_waves), PERSON_WAVES.key, ANSWER_DIGITS),
        _table("tracking", TRACKING.coerce(content.tracking)[TRACKING.names], TRACKING.key, ANSWER_DIGITS),
        _table("weights", WEIGHTS.coerce(content.weights)[WEIGHTS.names], WEIGHTS.key, COMPUTED_DIGITS),
        _table("estimates", estimates, ESTIMATES.key, COMPUTED_DIGITS, audience="public"),
        _table("predictions", predictions, ESTIMATES.key, COMPUTED_DIGITS, audience="public"),
        _table("claims", claims(content.claims), CLAIMS.key, ANSWER_DIGITS),
        Table(
            name="codebook",
            frame=codebook(content.study),
            key=("instrument", "name"),
            digits=ANSWER_DIGITS,
            audience="public",
        ),
        _table("held", held_counts(content.held), ("wave", "check", "variable"), ANSWER_DIGITS, audience="public"),
        _table("checks", check_records(content.gates), ("wave", "stage", "check"), ANSWER_DIGITS, audience="public"),
        Table(name="terms", frame=terms(content.study), key=("kind", "key"), digits=ANSWER_DIGITS, audience="public"),
    )


def person_waves(study: Study, frame: pd.DataFrame) -> pd.DataFrame:
    """
    Return the person-waves that may be handed to researchers; `frame` is not changed.

    Only the fixed columns and variables of the study pass. Text in a member's own words is left out. A quasi-identifier
    that counts or dates becomes a band of five (`birth_year` 1977 is `birth_year_band` 1975-1979); of one with a list
    of answers, codes that fewer members than the threshold ever gave are null with the reason "withheld", together
    with the next rarest, so that "withheld" never stands for one code or for fewer members than the threshold.
    Clusters (`psu`) get numbers of the release's own.
    """
    fixed = [name for name in PERSON_WAVES.names if name not in NOT_RELEASED]
    released = PERSON_WAVES.coerce(frame)[fixed]
    released["psu"] = _renumbered(released["psu"])
    told = [each for each in study.variables if each.kind != "text" and each.sensitivity != "open_text"]
    given = [each for each in told if each.name in frame.columns]
    return pd.concat([released, *(_released(frame, each, study.disclosure_threshold) for each in given)], axis=1)


def claims(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the ledger of predictions that may be handed to researchers, without the hashes of responses."""
    return CLAIMS.coerce(ledger)[[name for name in CLAIMS.names if name not in NOT_RELEASED]]


def held_counts(held: pd.DataFrame) -> pd.DataFrame:
    """
    Count what was held back, by wave, check and variable; a null variable stands for whole rows.

    A cell that several deliveries repeated counts once, so that the figure does not depend on how answers arrived.
    """
    rows = HELD.coerce(held)
    identity = ["wave", "check", "variable", "member"]
    rows = rows[~(rows.duplicated(identity) & rows["member"].notna())]
    counted = rows.groupby(["wave", "check", "variable"], dropna=False).size().rename("held_count")
    return counted.reset_index().astype({"held_count": "Int64"})


def check_records(gates: Sequence[Gate]) -> pd.DataFrame:
    """
    Return one row per verdict of the gates: what was checked, how many rows failed, and who let it pass and why.

    Members, observed values and times are not in it.
    """
    return pd.DataFrame(list(_verdicts(gates)), columns=list(_CHECK_COLUMNS))


_CHECK_COLUMNS = (
    "wave", "stage", "check", "expectation", "columns", "severity", "owner", "why", "state", "checked_count",
    "failing_count", "overridden_by", "override_reason",
)  # fmt: skip


def _verdicts(gates: Sequence[Gate]) -> Iterator[dict[str, object]]:
    for gate in gates:
        for verdict in gate.verdicts:
            yield {
                "wave": gate.wave,
                "stage": gate.stage,
                "check": verdict.check,
                "expectation": verdict.expectation,
                "columns": ", ".join(verdict.columns),
                "severity": verdict.severity,
                "owner": verdict.owner,
                "why": verdict.why,
                "state": verdict.state,
                "checked_count": verdict.checked_count,
                "failing_count": verdict.failing_count,
                "overridden_by": verdict.override.by if verdict.override else None,
                "override_reason": verdict.override.reason if verdict.override else None,
            }


def terms(study: Study) -> pd.DataFrame:
    """Return the names a reader sees and the figures published elsewhere: one row per (kind, key)."""
    rows: list[dict[str, object]] = [
        _term("study", study.key, study.title),
        _term("population", study.key, study.population),
    ]
    for domain in study.domains:
        rows.append(_term("domain", domain.key, domain.label))
        rows.extend(_term("group", f"{domain.key}/{group.key}", group.label) for group in domain.groups)
    for indicator in study.indicators:
        published = indicator.published
        figure = f"{published.value} wave {published.wave}: {published.source}" if published else None
        rows.append(_term("indicator", indicator.key, indicator.label) | {"published": figure})
    rows.extend({"kind": "wave", "key": str(wave.number), "nl": wave.key, "en": wave.key} for wave in study.waves)
    return pd.DataFrame(rows, columns=["kind", "key", "nl", "en", "published"])


def _term(kind: str, key: str, text: Text) -> dict[str, object]:
    return {"kind": kind, "key": key, "nl": text.in_("nl"), "en": text.in_("en"), "published": None}


def _table(name: str, frame: pd.DataFrame, key: tuple[str, ...], digits: int, *, audience: str = "research") -> Table:
    ordered = frame.sort_values(list(key), kind="stable", ignore_index=True)
    return Table(name=name, frame=ordered, key=key, digits=digits, audience=audience)


def _figures(frame: pd.DataFrame, name: str, threshold: int) -> pd.DataFrame:
    figures = ESTIMATES.coerce(frame)[ESTIMATES.names]
    shown = (figures["status"] != "hidden").fillna(value=True)
    small = figures[shown & (figures["n"] < threshold).fillna(value=False)]
    leaking = figures[~shown & figures[list(FIGURES)].notna().any(axis=1)]
    if len(small) or len(leaking):
        raise DisclosureRefused(
            f"{len(small)} figures rest on fewer than {threshold} members; {len(leaking)} hidden ones hold numbers.",
            where=Where(file=name),
            fix="protect the table (panel.disclose) before it is released",
        )
    return figures


def _renumbered(psu: pd.Series) -> pd.Series:
    codes, _ = pd.factorize(psu, sort=True)
    return pd.Series(codes, index=psu.index).map(lambda code: None if code < 0 else f"psu{code + 1}").astype("str")


def _released(frame: pd.DataFrame, variable: Variable, threshold: int) -> pd.DataFrame:
    values = frame[variable.name]
    column = reason_column(variable.name)
    reasons = frame[column].astype("str") if column in frame.columns else pd.Series("", index=frame.index, dtype="str")
    name = variable.name
    if variable.sensitivity == "quasi":
        if variable.is_numeric or variable.kind == "date":
            name, values = f"{name}_band", _banded(values, variable)
        else:
            rare = values.isin(_rare(frame["member"], values, threshold))
            values, reasons = values.mask(rare), reasons.mask(rare, WITHHELD)
    return pd.DataFrame({name: values, reason_column(name): reasons})


def _banded(values: pd.Series, variable: Variable) -> pd.Series:
    numbers = values.astype("str").str[:4].astype("Float64") if variable.kind == "date" else values.astype("Float64")
    low = (numbers // BAND * BAND).astype("Int64")
    return low.astype("str") + "-" + (low + BAND - 1).astype("str")


def _rare(members: pd.Series, values: pd.Series, threshold: int) -> list[object]:
    given = pd.DataFrame({"member": members, "value": values}).dropna().drop_duplicates()
    counts = given["value"].value_counts().reset_index().sort_values(["count", "value"])
    if counts.empty or counts["count"].iloc[0] >= threshold:
        return []
    rare: list[object] = []
    total = 0
    for value, count in zip(counts["value"], counts["count"], strict=True):
        if count >= threshold and total >= threshold and len(rare) > 1:
            break
        rare.append(value)
        total += int(count)
    return rare
