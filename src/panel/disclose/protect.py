"""
What may be published: no figure about too few people, and none from which one could be had by subtraction.

A figure is hidden where

1. fewer members than the threshold are in its denominator, counted unweighted;
2. it is a share that one or two people, or all but one or two, make up: below three a contributor can tell the other
   (minimum frequency 3: Hundepool et al. 2010, Handbook on Statistical Disclosure Control, ch. 5). The count is read
   from the published figure, n times the share, as a reader would; under weights it is near the count, not equal to
   it. Nobody and everybody are shown: in a sample they say nothing about who is outside it;
3. it is one of the parts of a whole (a row of a from-to table, what was predicted) and the hidden parts together are
   one or two people: then the next smallest part goes too, so that one less the rest tells nothing;
4. it is of a group of a domain, of the same figure for other groups exactly one is hidden, or everybody less the shown
   groups are fewer than the threshold: then the next smallest group goes too;
5. it is a change, and the level in either of its waves is hidden; or it is a score of predictions of which one of the
   shares it is made of is hidden (of what was predicted, or of what happened; for hits, of who was right; for the mean
   revision, of who revised), in the view to the target year too;
6. it is of a bin of the reliability curve, and exactly one bin is hidden, or the hidden ones hold fewer members than
   the threshold: then the next smallest bin goes too. The two figures of a bin go together;
7. it is a part of a net change (of those who stayed, came, left or changed group), and exactly one part is hidden, or
   the hidden parts hold fewer members than the threshold: then the next smallest part goes too;
8. it is of a group's attrition and another figure that it is made of is hidden: patterns and ways of answering waves
   go together, weighted and unweighted; the levels of stayers and leavers with their difference; and bounds with the
   share that was not seen.

A count in the words of its denominator goes with a hidden figure.

Of a figure that is shown, the number of members whose answers checks hold and the figure with them go under rules of
their own (see `_Table.tells_held`).

Every rule reads only what would be published, and they are applied until none finds anything more. So protecting twice
is protecting once, and the order of rows does not matter. What this does not do: look at figures of different releases
or at groups of two domains crossed, and it gives no certificate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from panel.model.study import INDICES

HELD = ["n_held", "estimate_with_held"]
NUMBERS = ["estimate", "se", "low", "high", "n", "n_eff"]
HIDDEN = "hidden"
FEWEST_COUNTED = 3
COUNTED = r"\b\d+(?= (?:steps|members there|members seen once|answers without|without a base|with a first amount)\b)"
"""A count of members or their steps in the words of a denominator: of a hidden figure it is hidden, too."""
_EVERYBODY = "all"
_FIGURE = ["indicator", "statistic", "variable", "value", "domain", "from_wave", "wave", "terms", "weight"]
_LEVELS = ("share", "share_unclear", "mean", "median", "quantile", "balance", *INDICES)
_CHANGES = ("change", "relative_change", "quantile_change", "relative_quantile_change")
_NO_COUNT = (
    "poverty_gap",
    "mean_probability",
    "bin_probability",
    "hit_by_chance",
    "best_case_low",
    "best_case_high",
    "unseen_share",
)
_MADE_OF = ("realised_frequency", "realised_share", "predicted_share", "horizon_predicted")
_TO_COME = ("horizon_to_come", "horizon_to_come_of_others", "horizon_tipping", "horizon_tipping_apart")
_BINS = ("bin_frequency", "bin_probability")
_OF_CHANGE = (
    "change_by_stayers", "change_by_entrants", "change_by_leavers", "change_by_switchers_in", "change_by_switchers_out"
)  # fmt: skip
_SCORES = (
    "bias", "brier", "skill", "reliability", "resolution", "uncertainty", "within_bin", "auc", "calibration_intercept",
    "calibration_slope", "hit_rate", "hit_by_chance", "hit_over_chance", "peirce", "modal_margin", "median_margin",
    "modal_rule_p", "median_rule_p", "best_case_low", "best_case_high", "best_case_margin", "yes_margin", "no_margin",
    "error_after_fall", "error_otherwise", "error_gap", "predicted_yes_share",
)  # fmt: skip
_GOES_WITH = (  # scores, and the shares from which one could be had
    (_SCORES, _MADE_OF),
    (("hit_rate", "hit_over_chance", "peirce"), ("right_share",)),
    (("revision_mean",), ("revised_down_share", "revised_same_share", "revised_up_share")),
)
_TOGETHER = {  # figures about the attrition of a group of which all go where one goes
    "response_share": "response",
    "pattern_share": "pattern",
    "attrition_share": "pattern",
    **dict.fromkeys(
        ("stayers_level", "leavers_level", "leavers_difference", "leavers_standardised_difference"), "leavers"
    ),
    **dict.fromkeys(("unseen_share", "bound_least", "bound_most", "change_bound_least", "change_bound_most"), "bounds"),
}
_PARTS = {
    "transition": "row",
    "pooled_transition": "row",
    "corrected_transition": "row",
    "flow_share": "flows",
    "realised_given_predicted": "row",
    "predicted_share": "predicted",
    "realised_share": "realised",
    "stayers_share_fell": "stayers",
    "stayers_share_same": "stayers",
    "stayers_share_rose": "stayers",
    "dynamics_share_fell": "dynamics",
    "dynamics_share_same": "dynamics",
    "dynamics_share_rose": "dynamics",
    "dynamics_share_no_base": "dynamics",
    "threshold_share_fell": "threshold",
    "threshold_share_same": "threshold",
    "threshold_share_rose": "threshold",
    "threshold_share_no_base": "threshold",
    "disposition_share": "disposition",
    "right_share": "verdict",
    "too_gloomy_share": "verdict",
    "too_hopeful_share": "verdict",
    "revised_down_share": "revised",
    "revised_same_share": "revised",
    "revised_up_share": "revised",
    "horizon_predicted": "horizon_predicted",
    "horizon_happened": "horizon_happened",
}


def protect(estimates: pd.DataFrame, *, threshold: int) -> pd.DataFrame:
    """
    Return `estimates` with every figure that could disclose a member hidden, its n and effective n included.

    Pure, and the same in any order of rows; protecting twice is protecting once. See the module for the rules.

    Args:
        estimates: schema.ESTIMATES. Not modified.
        threshold: the fewest members a shown figure may be about.
    """
    table = _Table(estimates, threshold)
    while table.hide(table.found()):
        pass
    out = estimates.copy()
    if table.hidden.any():
        out.loc[table.hidden, NUMBERS] = pd.NA
        out.loc[table.hidden, "status"] = HIDDEN
        if "denominator" in out:
            words = out.loc[table.hidden, "denominator"]
            out.loc[table.hidden, "denominator"] = words.str.replace(COUNTED, "some", regex=True)
    if "n_held" in out:
        out.loc[table.hidden | table.tells_held(), HELD] = pd.NA
    return out


class _Table:
    """Figures, and which of them are hidden so far."""

    def __init__(self, estimates: pd.DataFrame, threshold: int) -> None:
        frame = estimates.reset_index(drop=True)
        self.threshold = threshold
        self.n = frame["n"].to_numpy(dtype=float, na_value=np.nan)
        held = frame["n_held"] if "n_held" in frame else pd.Series(0, index=frame.index)
        self.held = held.to_numpy(dtype=float, na_value=np.nan)
        self.estimate = frame["estimate"].to_numpy(dtype=float, na_value=np.nan)
        texts = _Texts(frame)
        self.statistic, self.group, self.value = texts["statistic"], texts["group"], texts["value"]
        self.in_domain = frame["domain"].notna().to_numpy(dtype=bool)
        self.hidden = (frame["status"] == HIDDEN).to_numpy(dtype=bool) | ~(self.n >= threshold)
        self.is_count = (frame["unit"] == "share").to_numpy(dtype=bool) & ~np.isin(self.statistic, _NO_COUNT)
        forecast = texts.keys(["indicator", "domain", "group", "from_wave", "wave", "terms", "weight"])
        ever = texts.keys(["indicator", "value", "domain", "group", "terms"])
        bins = np.where(np.isin(self.statistic, _BINS), forecast, "")
        undivided = [np.full(len(frame), "", dtype=object) if name == "domain" else name for name in _FIGURE]
        self.figure, self.everybody = _coded(texts.keys(_FIGURE), texts.keys(undivided))
        (self.whole,) = _coded(self._wholes(texts))
        self.level, *self.ends = _coded(*self._cells(texts, ever))
        (self.ever,), (self.at,) = _coded(ever), _coded(ever + texts.keys(["wave"]))
        (self.forecast,), (self.bins,) = _coded(forecast), _coded(bins)
        (self.bin,) = _coded(np.where(bins == "", "", bins + "\x1f" + self.value))
        (self.together,) = _coded(self._kin(texts))
        self.is_of_change = np.isin(self.statistic, _OF_CHANGE)
        self.made_of = [tuple(np.isin(self.statistic, names) for names in pair) for pair in _GOES_WITH]

    def _wholes(self, texts: _Texts) -> np.ndarray:
        """Return which whole each row is a part of, "" where of none."""
        kind = self._kinds(_PARTS)
        source = np.array([value.partition(">")[0] for value in self.value], dtype=object)
        place = ["indicator", "domain", "group", "from_wave", "wave", "terms", "weight"]
        key = texts.keys([*place, kind, np.where(kind == "row", source, "")])
        return np.where(kind == "", "", key)

    def _kin(self, texts: _Texts) -> np.ndarray:
        """Return which figures go together, "" where none: of a variable, group and waves, under any weight."""
        kind = self._kinds(_TOGETHER)
        share = np.where(np.isin(kind, ("leavers", "bounds")), self.value, "")
        key = texts.keys(["variable", "domain", "group", "from_wave", "wave", "terms", kind, share])
        return np.where(kind == "", "", key)

    def _kinds(self, of: Mapping[str, str]) -> np.ndarray:
        """Return what each row's statistic is of, "" where of nothing."""
        return np.array([of.get(each, "") for each in self.statistic], dtype=object)

    def _cells(self, texts: _Texts, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the cell and wave of each level, and the two of each change; "" for other rows."""
        first, second = (cell + texts.keys([name]) for name in ("from_wave", "wave"))
        is_change = np.isin(self.statistic, _CHANGES)
        return (
            np.where(np.isin(self.statistic, _LEVELS), second, ""),
            np.where(is_change, first, ""),
            np.where(is_change, second, ""),
        )

    def hide(self, more: np.ndarray) -> bool:
        """Hide more rows, and say whether any was still shown."""
        new = more & ~self.hidden
        self.hidden |= new
        return bool(new.any())

    def tells_held(self) -> np.ndarray:
        """
        Return where n held and the figure with them would tell about fewer held members than the threshold.

        With n, n held and both figures the sum of the held answers is had by arithmetic. So they go where the held are
        few; in every group of a domain where they are few in one, one is hidden, or few are left when the groups are
        taken from everybody, for those could be had by subtraction; and of a change where they go of the level in
        either wave. Figures about the same predictions in the same two waves are made of each other, so there they go
        of all together.
        """
        told = np.isfinite(self.held)
        few = self._with_predictions(told & (self.held > 0) & ((self.held < self.threshold) | self.hidden))
        grouped = _sums(self.figure, np.where(told & self.in_domain, self.held, 0.0))[self.figure]
        whole = ~self.in_domain & (self.group == _EVERYBODY)
        left = self._of(whole, self.everybody, np.nan_to_num(self.held)) - grouped
        unknown = _sums(self.figure, (~told | self.hidden) & self.in_domain)[self.figure] > 0
        others = _sums(self.figure, few & self.in_domain)[self.figure] > 0
        few |= self.in_domain & (others | unknown | ((left > 0) & (left < self.threshold) & (grouped > 0)))
        few = self._with_predictions(few)
        lost = self.level[few & (self.level > 0)]
        return np.asarray(few | np.logical_or.reduce([np.isin(each, lost) for each in self.ends]))

    def _with_predictions(self, rows: np.ndarray) -> np.ndarray:
        """Return these rows, and every figure about the same predictions as one of them."""
        told = ~np.isin(self.statistic, (*_LEVELS, *_CHANGES, "transition"))
        return np.asarray(rows | (told & np.isin(self.forecast, self.forecast[rows & told])))

    def found(self) -> np.ndarray:
        """Return what the rules hide, given what is hidden so far."""
        return (
            self._few()
            | self._parts()
            | self._groups()
            | self._changes()
            | self._scores()
            | self._bins()
            | self._outlook()
            | self._of_change()
            | self._together()
        )

    def _few(self) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            count = self.n * self.estimate
            return self.is_count & (_is_few(count) | _is_few(self.n - count))

    def _parts(self) -> np.ndarray:
        shown = ~self.hidden & (self.whole > 0)
        most = np.zeros(len(self.whole) + 1)
        np.maximum.at(most, self.whole[shown], self.n[shown])
        left = (most * (1 - _sums(self.whole, np.where(shown, self.estimate, 0.0))))[self.whole]
        count = _sums(self.whole, self.hidden)[self.whole]
        with np.errstate(invalid="ignore"):
            open_rows = shown & (count > 0) & ((count == 1) | (left < FEWEST_COUNTED - 0.5))
        nobody_last = np.where(self.estimate > 0, self.estimate, np.inf)  # hiding a zero hides no one
        return self._smallest(open_rows, self.whole, nobody_last)

    def _groups(self) -> np.ndarray:
        shown = ~self.hidden & self.in_domain
        hidden = _sums(self.figure, self.hidden & self.in_domain)[self.figure]
        counted = _sums(self.figure, np.where(shown, self.n, 0.0))[self.figure]
        whole = ~self.in_domain & (self.group == _EVERYBODY) & ~self.hidden
        left = self._of(whole, self.everybody, self.n) - counted
        open_rows = shown & (hidden > 0) & ((hidden == 1) | (left < self.threshold))
        return self._smallest(open_rows, self.figure, self.n)

    def _of(self, rows: np.ndarray, key: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Return for every row the count of the one among `rows` with the same key; infinite where there is none."""
        found = np.full(len(key) * 3 + 1, np.inf)
        found[key[rows]] = count[rows]
        return found[key]

    def _smallest(self, rows: np.ndarray, key: np.ndarray, size: np.ndarray) -> np.ndarray:
        """Return the smallest of these rows for each key; of equals the first by group and value."""
        places, out = np.flatnonzero(rows), np.zeros(len(rows), dtype=bool)
        if not len(places):
            return out
        found = pd.DataFrame(
            {"key": key[places], "size": size[places], "group": self.group[places], "value": self.value[places]},
            index=places,
        )
        out[found.sort_values(["key", "size", "group", "value"]).drop_duplicates("key").index] = True
        return out

    def _changes(self) -> np.ndarray:
        lost = self.level[self.hidden & (self.level > 0)]
        return np.logical_or.reduce([np.isin(each, lost) for each in self.ends])

    def _scores(self) -> np.ndarray:
        lost = [
            is_score & np.isin(self.forecast, self.forecast[self.hidden & is_made_of])
            for is_score, is_made_of in self.made_of
        ]
        return np.asarray(np.logical_or.reduce(lost))

    def _outlook(self) -> np.ndarray:
        """Hide what could be had from what was predicted and what happened, where either of those is hidden."""
        predicted, happened = (
            key[self.hidden & (self.statistic == name)]
            for key, name in ((self.ever, "horizon_predicted"), (self.at, "horizon_happened"))
        )
        told = np.isin(self.ever, predicted) | np.isin(self.at, happened)
        return np.isin(self.statistic, _TO_COME) & told

    def _of_change(self) -> np.ndarray:
        """Hide a second part of a net change where the first could be had by subtraction."""
        own = self.is_of_change
        count = _sums(self.forecast, own & self.hidden)[self.forecast]
        known = _sums(self.forecast, np.where(own & self.hidden, self.n, 0.0))[self.forecast]  # null: hidden before
        open_rows = own & ~self.hidden & (count > 0) & ((count == 1) | (known < self.threshold))
        return self._smallest(open_rows, self.forecast, self.n)

    def _together(self) -> np.ndarray:
        """Hide what goes together with something hidden."""
        own = self.together > 0
        return np.asarray(own & np.isin(self.together, self.together[own & self.hidden]))

    def _bins(self) -> np.ndarray:
        """Hide both figures of a bin together, and a second bin where the first could be had by subtraction."""
        own = self.bins > 0
        out = own & ~self.hidden & np.isin(self.bin, self.bin[own & self.hidden])
        one = own & (self.statistic == "bin_frequency")
        count = _sums(self.bins, one & self.hidden)[self.bins]
        counted = _sums(self.bins, np.where(one & ~self.hidden, self.n, 0.0))[self.bins]
        whole = (self.statistic == "realised_frequency") & ~self.hidden
        left = self._of(whole, self.forecast, self.n) - counted
        open_rows = one & ~self.hidden & (count > 0) & ((count == 1) | (left < self.threshold))
        return out | self._smallest(open_rows, self.bins, self.n)


def _is_few(count: np.ndarray) -> np.ndarray:
    """Say where a count, read from a rounded or weighted share, is nearest to one or two people."""
    return np.asarray((count > 1e-9) & (count < FEWEST_COUNTED - 0.5))


class _Texts:
    """The columns of a table as texts, each made once."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._made: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the text of each row of a column, "" of a null."""
        if name not in self._made:
            self._made[name] = self._frame[name].astype("str").fillna("").to_numpy(dtype=object)
        return self._made[name]

    def keys(self, columns: Sequence[str | np.ndarray]) -> np.ndarray:
        """Return one text a row that stands for these columns, or texts a row, nulls too."""
        out = np.full(len(self._frame), "", dtype=object)
        for each in columns:
            out = out + "\x1f" + (self[each] if isinstance(each, str) else each)
        return out


def _coded(*keys: np.ndarray) -> list[np.ndarray]:
    """Return keys as numbers, equal ones the same across all of them; 0 stands for none ("")."""
    codes, _ = pd.factorize(np.concatenate([np.array([""], dtype=object), *keys]))
    return np.split(codes[1:], len(keys))


def _sums(key: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sum of the values by key."""
    return np.bincount(key, weights=values, minlength=len(key) + 1)
