"""A small study and the content of its release, made by hand: every number here is chosen, none is computed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from panel.model.instrument import Derived, Instrument, Prediction, Question, Section, Value, Variable
from panel.model.results import Gate, Override, Verdict
from panel.model.study import Domain, Group, Indicator, Layout, Period, Published, Study, Transition, Wave
from panel.model.text import Text
from panel.ports import ReleaseContent
from panel.schema import CLAIMS, ESTIMATES, HELD, PERSON_WAVES, TRACKING, WEIGHTS


def both(nl: str, en: str) -> Text:
    """Return a text in Dutch and English."""
    return Text((("nl", nl), ("en", en)))


WORK = Variable(
    name="emp_class",
    label=both("Werksituatie", "Class of worker"),
    kind="single",
    values=(
        Value(1, both("Zzp'er", "Self-employed")),
        Value(2, both("Werknemer", "Employee")),
        Value(3, both("Geen werk", "No work")),
    ),
    off_scale=(3,),
    is_core=True,
)
ROLE = Variable(
    name="role",
    label=both("Hoofdrol", "Main role"),
    kind="single",
    values=(Value(1, both("Maker", "Creator")), Value(2, both("Uitvoerder", "Executor"))),
)
BORN = Variable(
    name="birth_year", label=both("Geboortejaar", "Year of birth"), kind="whole", sensitivity="quasi", minimum=1945
)
PROVINCE = Variable(
    name="province",
    label=both("Provincie", "Province"),
    kind="single",
    sensitivity="quasi",
    values=tuple(Value(code, both(f"P{code}", f"P{code}")) for code in (20, 21, 22)),
)
WORDS = Variable(name="own_words", label=both("Eigen woorden", "Own words"), kind="text", sensitivity="open_text")
PROFIT = Variable(name="profit", label=both("Winst", "Profit"), kind="money", unit="EUR", concept="income")
EXPECT = Variable(
    name="expect",
    label=both("Verwacht inkomen", "Expected income"),
    kind="single",
    values=(Value(1, both("Daalt", "Falls")), Value(2, both("Stijgt", "Rises"))),
)


def study(**overrides: Any) -> Study:
    """Return a study of three waves, two instruments and one indicator that was published elsewhere."""
    first = Instrument(
        version="2025",
        sections=(
            Section(key="B", label=both("Achtergrond", "Background")),
            Section(key="D", label=both("Geld", "Money")),
        ),
        questions=tuple(
            Question(
                key=variable.name,
                section="D" if variable in (PROFIT, EXPECT) else "B",
                text=both(f"Vraag naar {variable.name}?", f"What is your {variable.name}?"),
                variable=variable,
                column=variable.name,
                asked="first" if variable is BORN else "every",
                route="emp_class == 1" if variable is PROFIT else None,
                predicts=Prediction(variable="profit", kind="direction", horizon="target")
                if variable is EXPECT
                else None,
            )
            for variable in (WORK, ROLE, BORN, PROVINCE, WORDS, PROFIT, EXPECT)
        ),
        derived=(
            Derived(
                variable=Variable(name="profit_fell", label=both("Winst daalde", "Profit fell"), kind="single"),
                expression="1 if profit < 0 else 0",
            ),
        ),
    )
    made = Study(
        key="small",
        title=both("Klein <onderzoek>", "A small <study>"),
        population=both("Makers", "Creative workers"),
        languages=("nl", "en"),
        time_zone="Europe/Amsterdam",
        currency="EUR",
        is_probability_sample=True,
        baseline=1,
        horizon_years=5,
        waves=tuple(
            Wave(
                number=number,
                key=str(2024 + number),
                fieldwork=Period(start=date(2024 + number, 10, 1), end=date(2024 + number, 11, 30)),
                reference=Period(start=date(2024 + number, 1, 1), end=date(2024 + number, 12, 31)),
                instrument="2025" if number < 3 else "2027",
            )
            for number in (1, 2, 3)
        ),
        instruments=(first, replace(first, version="2027")),
        domains=(
            Domain(
                key="work",
                label=both("Werksituatie", "Class of worker"),
                variable="emp_class",
                groups=(
                    Group(key="self", label=both("Zzp'ers", "Self-employed"), codes=(1,)),
                    Group(key="staff", label=both("Werknemers", "Employees"), codes=(2,)),
                ),
            ),
        ),
        indicators=(
            Indicator(
                key="income_fell",
                label=both("Inkomen gedaald", "Income fell"),
                variable="emp_class",
                statistic="share",
                codes=(1,),
                domain="work",
                published=Published(value=0.18, wave=1, source="Report, December 2025"),
            ),
        ),
        transitions=(Transition(variable="role", domain="work"),),
        layout=Layout(),
        benchmarks=None,
        prices=None,
    )
    return replace(made, **overrides)


def figure(**given: Any) -> dict[str, Any]:
    """Return one row of estimates: 20 % of everybody in wave 1, unless told otherwise."""
    row = {
        "indicator": "income_fell", "statistic": "share", "variable": "emp_class", "value": None, "domain": None,
        "group": "all", "from_wave": None, "wave": 1, "estimate": 0.2, "se": 0.02, "low": 0.16, "high": 0.24, "n": 700,
        "n_eff": 600.0, "denominator": "all members", "unit": "share", "terms": "", "weight": "cross-sectional 1",
        "method": "linearised", "status": "final",
    }  # fmt: skip
    return row | given


HIDDEN = dict.fromkeys(("estimate", "se", "low", "high", "n", "n_eff")) | {"status": "hidden"}


def figures(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return rows as a frame of estimates."""
    return ESTIMATES.coerce(pd.DataFrame(list(rows)))


def estimates() -> pd.DataFrame:
    """Return levels by wave and group, one hidden, one provisional; changes; and a from-to table."""
    change = {"statistic": "change", "unit": "points", "estimate": -0.031, "low": -0.05, "high": -0.012}
    rows = [figure(wave=wave, status="provisional" if wave == 3 else "final") for wave in (1, 2, 3)]
    rows += [figure(wave=wave, domain="work", group="self", estimate=0.3, low=0.25, high=0.35) for wave in (1, 2, 3)]
    rows += [figure(wave=wave, domain="work", group="staff", estimate=0.1, low=0.05, high=0.15) for wave in (1, 2)]
    rows += [figure(wave=3, domain="work", group="staff", **HIDDEN)]
    for first, last in ((1, 2), (1, 3), (2, 3)):
        rows += [figure(from_wave=first, wave=last, **change)]
        rows += [figure(from_wave=first, wave=last, domain="work", group="self", **change)]
    for value, share in (("1>1", 0.83), ("1>2", 0.17), ("2>1", 0.05), ("2>2", 0.95)):
        rows += [
            figure(
                indicator="role", variable="role", statistic="transition", value=value, estimate=share,
                low=share - 0.04, high=share + 0.04, from_wave=1, wave=2,
            )
        ]  # fmt: skip
    return figures(*rows)


def predictions() -> pd.DataFrame:
    """Return what was predicted beside what happened, who was right, chances, scores, and the view to 2030."""
    about = {"indicator": "expect", "variable": "profit", "from_wave": 1, "wave": 3}
    return figures(
        figure(**about, statistic="predicted_share", value="fall", estimate=0.65, low=0.6, high=0.7),
        figure(**about, statistic="realised_share", value="fall", estimate=0.41, low=0.35, high=0.47),
        figure(**about, statistic="joint_share", value="fall>fell", estimate=0.33, low=0.3, high=0.36),
        figure(**about, statistic="brier", estimate=0.21, low=0.2, high=0.22, unit="score"),
        figure(**about, statistic="realised_given_predicted", value="fall>fall", estimate=0.45, low=0.4, high=0.5),
        figure(**about, statistic="hit_rate", estimate=0.52, low=0.5, high=0.54),
        *_verdicts(about),
        *_chances(about),
        *_horizon(about),
    )


def _verdicts(about: dict[str, Any]) -> list[dict[str, Any]]:
    """Return who was right: of everybody, and of the self-employed, where one share is hidden."""
    shares = {"right": 0.45, "too_gloomy": 0.36, "too_hopeful": 0.19}
    own = {"domain": "work", "group": "self"}
    return [
        *(figure(**about, statistic=f"{name}_share", value=name, estimate=share) for name, share in shares.items()),
        *(figure(**about, **own, statistic=f"{name}_share", value=name, **HIDDEN) for name in shares),
    ]


def _chances(about: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a reliability curve of three bins, one of them hidden."""
    bins = {"0-20": (0.12, 0.2), "50": (0.5, 0.41), "80-100": (None, None)}
    hidden = {"80-100": HIDDEN}
    return [
        figure(**{**about, "statistic": statistic, "value": name, "estimate": estimate, **hidden.get(name, {})})
        for name, pair in bins.items()
        for statistic, estimate in zip(("bin_probability", "bin_frequency"), pair, strict=True)
    ]


def _horizon(about: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the view to 2030: 65 % said fall, 41 % did by 2027; 30 % not seen, of whom all would be too few."""
    later = {"happened": 0.41, "to_come": 0.24, "unseen": 0.3, "tipping": 1.21}
    units = {"to_come": "points", "tipping": "points"}
    bounds = {"happened": (0.35, 0.47), "to_come": (0.16, 0.32)}
    base = {**about, "from_wave": None, "wave": 1, "value": "fall"}
    rows = [figure(**base, statistic="horizon_predicted", estimate=0.65, low=0.6, high=0.7)]
    for name, estimate in later.items():
        low, high = bounds.get(name, (0.2, 0.4))
        own = {**about, "value": "fall", "statistic": f"horizon_{name}", "unit": units.get(name, "share")}
        rows.append(figure(**own, estimate=estimate, low=low, high=high, status="provisional"))
    return rows


def claims() -> pd.DataFrame:
    """Return a claim that is on track and one that was corrected."""
    shared = {
        "wave": 1, "question": "expect", "variable": "profit", "kind": "direction", "horizon": "target",
        "due_year": 2030, "resolves_by": "direction of profit, beyond 0 %", "made_revision": 1,
        "made_response": "hash-1-1", "read_wave": 2, "read_revision": 1, "read_response": "hash-1-2",
    }  # fmt: skip
    rows = [
        {**shared, "member": "m001", "said": "fall", "state": "on_track", "reason": "as_said_so_far", "outcome": "fall",
         "is_corrected": False, "before": None},
        {**shared, "member": "m002", "said": "rise", "state": "open", "reason": "not_as_said_so_far", "outcome": "fall",
         "is_corrected": True, "before": "rise: on_track rise"},
    ]  # fmt: skip
    return CLAIMS.coerce(pd.DataFrame(rows))


def person_waves(members: int = 24) -> pd.DataFrame:
    """Return two waves of `members`: P20 for most, P21 for three of them, P22 for one."""
    rows = [
        {
            "member": f"m{number:03d}",
            "wave": wave,
            "revision": 1,
            "response": f"hash-{number}-{wave}",
            "disposition": "complete",
            "cohort": 1,
            "stratum": "s1",
            "psu": f"house-{number}",
            "design_weight": 1.5,
            "emp_class": 1 + number % 2,
            "role": 1,
            "birth_year": 1977 if number else 1980,
            "province": 22 if number == 0 else 21 if number < 4 else 20,
            "own_words": "=HYPERLINK(1)",
            "profit": -1200.5,
            "expect": None,
            "expect__missing": "refused",
            "telephone": "0612345678",
        }
        for wave in (1, 2)
        for number in range(members)
    ]
    return PERSON_WAVES.coerce(pd.DataFrame(rows), study().variables)


def gate(*, at: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> Gate:
    """Return a gate with a check that passed and one that failed and was let pass."""
    passed = Verdict(
        check="profit-range", expectation="between", columns=("profit",), severity="critical", owner="data",
        why="a profit is an amount", state="passed", checked_count=24, failing_count=0,
    )  # fmt: skip
    failed = replace(
        passed, check="jump", state="failed", failing_count=2, failing=(("m001", 1), ("m002", 1)), observed="9999999",
        override=Override(by="h.jansen", reason="confirmed by telephone", at=at),
    )  # fmt: skip
    return Gate(
        study="small", wave=1, stage="panel", suite_digest="5" * 64, data_digest="d" * 64, verdicts=(passed, failed)
    )


def held() -> pd.DataFrame:
    """Return one cell that two deliveries repeated, and one whole row of nobody."""
    cell = {"wave": 1, "member": "m003", "variable": "profit", "check": "profit-range", "reason": "too high", "row": 4}
    rows = [{**cell, "delivery": "d1"}, {**cell, "delivery": "d2"}]
    rows += [
        {"wave": 1, "member": None, "variable": None, "check": "no-member", "reason": "?", "delivery": "d1", "row": 9}
    ]
    return HELD.coerce(pd.DataFrame(rows))


def content(**overrides: Any) -> ReleaseContent:
    """Return everything a release of wave 3 publishes."""
    tracking = [
        {"member": f"m{number:03d}", "wave": wave, "cohort": 1, "disposition": "complete",
         "is_interviewed": wave == 1 or number < 18, "is_returning": False}
        for wave in (1, 2) for number in range(24)
    ]  # fmt: skip
    weights = [
        {"member": f"m{number:03d}", "wave": 1, "kind": "cross-sectional", "waves": "1", "weight": 1.25,
         "design_weight": 1.5}
        for number in range(24)
    ]  # fmt: skip
    made = ReleaseContent(
        study=study(),
        wave=3,
        is_synthetic=True,
        person_waves=person_waves(),
        tracking=TRACKING.coerce(pd.DataFrame(tracking)),
        weights=WEIGHTS.coerce(pd.DataFrame(weights)),
        weight_diagnostics="{}",
        estimates=estimates(),
        predictions=predictions(),
        claims=claims(),
        held=held(),
        gates=[gate()],
        receipts=[],
    )
    return replace(made, **overrides)
