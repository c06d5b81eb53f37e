"""o12: every number that R gave about 1,242 forecasts of households in strata, within 1e-8."""

import numpy as np
import pytest

from panel.estimate.kernel import covariance
from panel.forecast.categories import contingency, hits
from panel.forecast.linear import average
from panel.forecast.probabilities import Bins, reliability_curve, scores
from tests.unit.oracle_samples import BESIDE, EXACT, data, designed, raw_results

pytestmark = BESIDE
FIFTHS = Bins(edges=(0.0, 0.2, 0.4, 0.6, 0.8, 1.0))


@pytest.fixture(scope="module")
def ours():
    """Return every number of ours under the path R's has, with the standard error where R gives one."""
    frame = data("forecast")
    design = designed(frame, member="id", stratum="stratum", psu="hh")
    w, p, o = (frame[name].to_numpy(float) for name in ("w", "pred", "o"))
    said, came = (p >= 0.5).astype(int), o.astype(int)

    def told(found):
        return {"est": found.value, "se": float(covariance(design.totals(w * found.linear), design)[0, 0]) ** 0.5}

    found = scores(p, o, w, FIFTHS)
    groups = {name: (frame["status"] == name).to_numpy() for name in ("employee", "hybrid", "zzp")}
    curve = list(reliability_curve(p, o, w, FIFTHS).values())
    places = FIFTHS.of(p)
    bins = [
        {"bin": place, "w": w[places == place].sum(), "n": came_to.n, "o": came_to.value, "p": told_by.value}
        for place, (told_by, came_to) in enumerate(curve)
    ]
    murphy = {"REL": "reliability", "RES": "resolution", "UNC": "uncertainty", "within": "within_bin"}
    slope = [told(found[f"calibration_{name}"]) for name in ("intercept", "slope")]
    return {
        "n": len(frame),
        "brier": {"bs": told(found["brier"])},
        "brier_by": {name: told(average((p - o) ** 2, w, rows)) for name, rows in groups.items()},
        "base": {"o": told(found["realised_frequency"])},
        "bias": {"bias": told(found["bias"])},
        "hit": {"hit": told(hits(said, came, w, 2)["hit_rate"])},
        "hit_by": {name: told(average((said == came).astype(float), w, rows)) for name, rows in groups.items()},
        "reliability": {
            "bins": bins,
            "es": {f"{place}:o": told(each[1]) for place, each in enumerate(curve)}
            | {f"{place}:pred": told(each[0]) for place, each in enumerate(curve)},
        },
        "murphy": {name: found[own].value for name, own in murphy.items()},
        "skill": found["skill"].value,
        "cal_slope": {"coef": [each["est"] for each in slope], "se": [each["se"] for each in slope]},
        "auc": found["auc"].value,
        "contingency": contingency(said, came, w, 2).T.ravel().tolist(),
    }


def leaves(tree, path=""):
    """Yield every number of a tree with its path."""
    if isinstance(tree, dict | list):
        for name, inner in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from leaves(inner, f"{path}/{name}")
    else:
        yield path, tree


def test_every_number_of_r_is_ours(ours):
    """All leaves of the result, and none left out on either side."""
    wanted = {path: value for path, value in leaves(raw_results("o12")) if not path.startswith("/meta")}
    assert dict(leaves(ours)) == pytest.approx(wanted, rel=EXACT)
    assert len(wanted) > 70


def test_the_parts_of_the_brier_score_add_up(ours):
    """Reliability less resolution plus uncertainty plus what the bins hide is the score itself."""
    parts = ours["murphy"]
    whole = parts["REL"] - parts["RES"] + parts["UNC"] + parts["within"]
    assert whole == pytest.approx(ours["brier"]["bs"]["est"], rel=1e-13)


def test_standard_errors_without_a_result_of_r_agree_with_the_jackknife():
    """Of what R's survey gives no error for: leaving out one household at a time, strata kept, gives ours within 3%."""
    frame = data("forecast")
    design = designed(frame, member="id", stratum="stratum", psu="hh")
    w, p, o = (frame[name].to_numpy(float) for name in ("w", "pred", "o"))
    names = ("skill", "reliability", "resolution", "uncertainty", "within_bin", "auc", "calibration_slope")
    found = scores(p, o, w, FIFTHS)
    left_out = np.zeros((len(design.stratum), len(names)))
    in_stratum = np.bincount(design.stratum)
    for psu in range(len(design.stratum)):
        stratum, count = design.stratum[psu], in_stratum[design.stratum[psu]]
        raised = np.where(design.stratum[design.psu] == stratum, count / (count - 1), 1.0)
        one = w * np.where(design.psu == psu, 0.0, raised)
        kept = one > 0
        again = scores(p[kept], o[kept], one[kept], FIFTHS)
        left_out[psu] = [again[name].value for name in names]
    for place, name in enumerate(names):
        centre = np.bincount(design.stratum, left_out[:, place]) / in_stratum
        off = (left_out[:, place] - centre[design.stratum]) ** 2
        jackknife = np.sqrt(np.sum(off * ((in_stratum - 1) / in_stratum)[design.stratum]))
        ours = np.sqrt(covariance(design.totals(w * found[name].linear), design)[0, 0])
        assert ours == pytest.approx(jackknife, rel=0.03), name
