"""Net change by other variances: R's vardpoor and a reference figure through the verbs, long runs, what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from panel.analysis import Panel
from panel.errors import EstimateError, UnknownKey
from panel.estimate.net_change import Redrawn
from tests.unit.held_panel import members, panel_of, person_waves
from tests.unit.oracle_samples import BESIDE, EXACT, expected, near
from tests.unit.panel_factory import Open, opened, row, small
from tests.unit.test_weigh import study as raked

PAIR = (1, 2)


def drawn_anew(people: Panel) -> Open:
    """Return R's panel under weights that no margin made: those of each wave add up to its members."""
    weights = people.release.weights
    own = weights[weights["kind"] == "cross-sectional"]
    by_wave = own.groupby("wave")["weight"]
    made = own["weight"] * by_wave.transform("size") / by_wave.transform("sum")
    tables = {"person_waves": people.release.table("person_waves")}
    tables["weights"] = own.assign(weight=made, design_weight=made)
    return opened(Panel(type(people.release)(people.release.study, tables), "cross-sectional"))


def everybody(count: int = 200, **rules: object) -> Open:
    """Return a panel weighted by the study's rules, asked about everybody."""
    frame = person_waves(members(count, 8))
    study = replace(panel_of(frame).release.study, **rules)
    return opened(replace(panel_of(frame, study=study), weight="cross-sectional"))


@pytest.mark.shared
@BESIDE[1]
def test_the_fixed_overlap_is_that_of_vardpoor_through_the_verb():
    """o05 (vardchanges): the change of everybody between every pair of waves, and its standard error."""
    people, wanted = opened(small(weight="cross-sectional")), expected("o05")["vardchanges"]
    for place, pair in enumerate(zip(wanted["period_1"], wanted["period_2"], strict=True)):
        found = people.change("profit", waves=(int(pair[0]), int(pair[1])), variance="fixed-overlap")
        got = row(found, "change")
        assert (got["estimate"], got["se"]) == near((wanted["estim"][place], wanted["se"][place]), rel=EXACT)
        assert got["method"] == "design-based, overlap held fixed (Berger and Priam)"
        assert row(found, "relative_change")["method"] == got["method"]


@pytest.mark.shared
@BESIDE[1]
def test_rao_wu_gives_the_change_of_a_median_as_the_reference_has_it():
    """The reference of estimation, E23: the self-employed from 1 to 4, -2,643 with 437, within 5 % by chance."""
    people = drawn_anew(small()).by("work")
    found = people.quantile("profit", waves=(1, 4), variance="rao-wu", replicates=1000)
    got = row(found, "quantile_change", group="zzp")
    assert got["estimate"] == near(-2643.0, abs=0.01)
    assert got["se"] == near(437, rel=0.05)
    assert "Rao-Wu bootstrap, 1000 replicates about their mean, scale 1/999, seed 1" in got["method"]
    level = row(found, "quantile", group="zzp", wave=1)
    assert level["method"] == "design-based, rule math, interval mean"


@pytest.mark.shared
@BESIDE[1]
def test_rao_wu_gives_the_change_of_a_mean_as_r_has_it():
    """o05 (change_all): 2,000 draws of R's panel come to R's linearised error, within 6 % by chance."""
    found = drawn_anew(small()).change("profit", waves=PAIR, variance="rao-wu", replicates=2000, seed=3)
    wanted = expected("o05")["change_all"]["1_2"]
    for name, key in (("change", "diff"), ("relative_change", "pct")):
        got, figure = row(found, name), wanted[key]["contrast"]
        assert got["estimate"] == near(figure["est"], rel=EXACT)
        assert got["se"] == near(figure["se"], rel=0.06)


def test_raking_is_done_anew_in_every_draw():
    """Raked to half men, whose incomes alone vary between classes: what the margin explains is no error."""
    rows = [
        {"member": f"m{place}", "wave": wave, "emp_class": place % 2 + 1, "profit": 1000.0 * wave * (place % 2 + 1)}
        for place in range(60)
        for wave in PAIR
    ]
    frame = person_waves(rows)
    made = opened(replace(panel_of(frame, study=raked(bounds=(0.01, 100.0))), weight="cross-sectional"))
    plain = opened(replace(panel_of(frame), weight="cross-sectional"))
    drawn = [people.change("profit", waves=PAIR, variance="rao-wu", replicates=50) for people in (made, plain)]
    assert row(drawn[0], "change")["estimate"] == pytest.approx(1500.0)
    assert row(drawn[0], "change")["se"] == pytest.approx(0.0, abs=1e-6)
    assert row(drawn[1], "change")["se"] > 10


def test_the_same_seed_gives_the_same_figures_and_another_gives_others():
    """The seed stands in the method of every figure, and is all that chance needs."""
    people = everybody().by("work")
    one, two, other = (
        people.change("profit", waves=PAIR, variance="rao-wu", replicates=30, seed=seed) for seed in (5, 5, 6)
    )
    pd.testing.assert_frame_equal(one, two)
    assert (one["estimate"] == other["estimate"]).all()
    assert (one["se"] != other["se"]).all()
    assert one["method"].str.endswith("30 replicates about their mean, scale 1/29, seed 5").all()


def test_members_who_answer_twice_are_drawn_once():
    """Whoever is there has risen by 100: in every draw the change is 100, and its error nothing."""
    rows = [
        {"member": f"m{x}", "wave": wave, "emp_class": 1, "profit": x**2 + 100.0 * wave}
        for x in range(40)
        for wave in PAIR
    ]
    people = opened(replace(panel_of(person_waves(rows)), weight="cross-sectional"))
    found = row(people.change("profit", waves=PAIR, variance="rao-wu", replicates=40), "change")
    assert found["estimate"] == pytest.approx(100.0)
    assert found["se"] == pytest.approx(0.0, abs=1e-9)
    middle = row(people.quantile("profit", waves=PAIR, variance="rao-wu", replicates=40), "quantile_change")
    assert middle["se"] == pytest.approx(0.0, abs=1e-9)


def test_replicates_are_not_made_of_weights_they_cannot_reproduce():
    """Weights that the study's rules do not make of the design weights: refused, with what may be asked instead."""
    whole = everybody()
    weights = whole.release.weights
    odd = weights.assign(weight=weights["weight"].where(weights["member"] != "m0001", 3.0))
    people = replace(panel_of(whole.release.table("person_waves"), weights=odd), weight="cross-sectional")
    with pytest.raises(EstimateError, match="waves 1 and 2 are not those that the study's rules make") as refused:
        people.change("profit", waves=PAIR, variance="rao-wu")
    assert "kernel" in (refused.value.fix or "")
    bare = replace(
        panel_of(whole.release.table("person_waves"), weights=weights.assign(design_weight=0.0)),
        weight="cross-sectional",
    )
    with pytest.raises(EstimateError, match="are not those that the study's rules make"):
        bare.change("profit", waves=PAIR, variance="rao-wu")


def test_a_group_that_a_draw_leaves_out_is_a_sentence():
    """One member of a group: some draw has nobody of it, so there is no figure, and never a NaN."""
    rows = [
        {"member": f"m{x}", "wave": wave, "emp_class": 1 if x else 2, "profit": 100.0 * x}
        for x in range(30)
        for wave in PAIR
    ]
    people = replace(panel_of(person_waves(rows)), weight="cross-sectional").by("work")
    for ask in (people.change, people.quantile):
        with pytest.raises(EstimateError, match=r"Replicate \d+ has no finite estimate"):
            ask("profit", waves=PAIR, variance="rao-wu", replicates=50)


def test_a_margin_that_a_draw_cannot_meet_names_the_draw():
    """One man of forty, raked to half men: a draw without him cannot be weighted, and says which it is."""
    rows = [
        {"member": f"m{x}", "wave": wave, "emp_class": 2 if x else 1, "profit": 1.0} for x in range(40) for wave in PAIR
    ]
    frame = person_waves(rows)
    people = replace(panel_of(frame, study=raked(bounds=(0.001, 1000.0))), weight="cross-sectional")
    with pytest.raises(EstimateError, match=r"Replicate \d+ cannot be weighted\. The margin"):
        people.change("profit", waves=PAIR, variance="rao-wu", replicates=50)


@pytest.mark.parametrize("variance", ["fixed-overlap", "rao-wu"])
def test_what_another_variance_is_not_of_is_refused(variance):
    """The same members, intervals that hold together, and no variance at all: each a sentence with what to do."""
    people = everybody(60)
    with pytest.raises(EstimateError, match="not of the same members") as refused:
        replace(people, weight="longitudinal").change("profit", waves=PAIR, variance=variance)
    assert "--everybody" in (refused.value.fix or "")
    with pytest.raises(EstimateError, match="hold together"):
        replace(people.by("work"), is_simultaneous=True).change("profit", waves=PAIR, variance=variance)
    with pytest.raises(EstimateError, match="quantile in a wave by itself"):
        people.quantile("profit", variance=variance)
    with pytest.raises(UnknownKey, match="no variance 'jackknife'"):
        people.change("profit", waves=PAIR, variance="jackknife")
    with pytest.raises(EstimateError, match="two replicates"):
        people.change("profit", waves=PAIR, variance="rao-wu", replicates=1)


def test_a_jackknife_and_a_fixed_overlap_are_never_of_a_quantile():
    """Neither holds for a quantile, so neither is offered."""
    with pytest.raises(EstimateError, match="fixed-overlap"):
        everybody(60).quantile("profit", waves=PAIR, variance="fixed-overlap")


def test_progress_is_told_while_replicates_are_made(caplog):
    """Every hundredth replicate is a line for stderr: how many are done, and nothing of anybody's answers."""
    with caplog.at_level("INFO", logger="panel"):
        everybody(60).change("profit", waves=PAIR, variance="rao-wu", replicates=200)
    assert [each.getMessage() for each in caplog.records] == ["100 of 200 replicates", "200 of 200 replicates"]


def test_replicates_of_a_part_of_the_waves_are_drawn_among_all_psus():
    """Two waves of three: a PSU of the third only counts among those a draw chooses from."""
    sample = everybody(80).release.sample
    redrawn = Redrawn(sample, PAIR, lambda design: sample.weight[redrawn_rows(sample)] * (design.sum() > 0), 10, 1)
    assert redrawn.draws.drawn.shape == (10, len(sample.design.stratum))
    assert redrawn.draws.drawn.sum(axis=1) == pytest.approx(np.full(10, len(sample.design.stratum) - 1))


def redrawn_rows(sample: object) -> np.ndarray:
    """Return the rows of the two waves."""
    return np.flatnonzero(np.isin(sample.wave, PAIR))
