"""What a study explains nonresponse by: the covariates of the logit, and the classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panel.estimate.domains import domain_codes
from panel.estimate.margins import Cells
from panel.model.study import Domain, Study


@dataclass(frozen=True)
class Classes:
    """The class of each row, and the name of each class."""

    codes: np.ndarray
    names: list[str]


def covariates(frame: pd.DataFrame, study: Study) -> np.ndarray:
    """
    Return an intercept, and a column for each group of each domain and each cohort but the first of them.

    Those in none of a domain's groups have a column, too. Rows are person-waves of one wave.
    """
    columns = [np.ones(len(frame))]
    for domain in explaining(study):
        codes = domain_codes(frame, domain)
        columns += [(codes == place).astype(float) for place in [*range(1, len(domain.groups)), -1]]
    cohort = frame["cohort"].fillna(0).to_numpy(dtype=np.int64)
    columns += [(cohort == each).astype(float) for each in np.unique(cohort)[1:]]
    return np.stack([column for column in columns if column.any()], axis=1)


def classes(frame: pd.DataFrame, study: Study) -> Classes:
    """Return the classes that the domains cut the rows into; rows are person-waves of one wave."""
    codes, names = np.zeros(len(frame), dtype=np.int64), [""]
    for domain in explaining(study):
        labels = [group.key for group in domain.groups] + ["none"]
        own = domain_codes(frame, domain)
        codes = codes * len(labels) + np.where(own < 0, len(labels) - 1, own)
        names = [f"{before}, {domain.key} {label}".strip(", ") for before in names for label in labels]
    return Classes(codes, names)


def regressors(frame: pd.DataFrame, study: Study) -> Cells:
    """Return what the propensities of a study were estimated from: the columns, for each cell of members alike."""
    codes, _ = pd.factorize(frame["cohort"].fillna(0))
    crossed = classes(frame, study).codes * (int(codes.max(initial=0)) + 1) + codes
    _, first, of = np.unique(crossed, return_index=True, return_inverse=True)
    if study.weighting.nonresponse == "classes":
        x = classes(frame.iloc[first], study).codes
        return Cells(of, (x[:, None] == np.unique(x)).astype(float), ())
    return Cells(of, covariates(frame.iloc[first], study), ())


def explaining(study: Study) -> list[Domain]:
    """Return the domains a study explains nonresponse by: those it names, or every one."""
    chosen = study.weighting.nonresponse_domains
    return [study.domain(key) for key in chosen] if chosen else list(study.domains)


@dataclass(frozen=True)
class Term:
    """A column of the logit: a group of a domain, or a cohort, against the first of its kind that has members."""

    domain: str | None
    group: str
    column: np.ndarray


def terms(frame: pd.DataFrame, study: Study) -> list[Term]:
    """
    Return an intercept and the columns of the logit, each with what it stands for; none repeats the others.

    As `covariates`, but that the first group with members is what others are held against, and a column that the ones
    before it already tell (two domains on one variable) is left out. Rows are person-waves of one wave.
    """
    found = [Term(None, "", np.ones(len(frame)))]
    for domain in explaining(study):
        keys, codes = [*(group.key for group in domain.groups), "none"], domain_codes(frame, domain)
        places = [each for each in [*range(len(domain.groups)), -1] if (codes == each).any()]
        found += [Term(domain.key, keys[place], (codes == place).astype(float)) for place in places[1:]]
    cohort = frame["cohort"].fillna(0).to_numpy(dtype=np.int64)
    found += [Term(None, f"cohort {each}", (cohort == each).astype(float)) for each in np.unique(cohort)[1:]]
    return _apart(found)


def _apart(found: list[Term]) -> list[Term]:
    """Return the terms without those that are a sum of others before them."""
    x = np.stack([term.column for term in found], axis=1)
    gram, kept = np.einsum("ip,iq->pq", x, x), [0]
    for place in range(1, len(found)):
        own = [*kept, place]
        if np.linalg.matrix_rank(gram[np.ix_(own, own)], hermitian=True) == len(own):
            kept = own
    return [found[place] for place in kept]
