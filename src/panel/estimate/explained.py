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
    for domain in _domains(study):
        codes = domain_codes(frame, domain)
        columns += [(codes == place).astype(float) for place in [*range(1, len(domain.groups)), -1]]
    cohort = frame["cohort"].fillna(0).to_numpy(dtype=np.int64)
    columns += [(cohort == each).astype(float) for each in np.unique(cohort)[1:]]
    return np.stack([column for column in columns if column.any()], axis=1)


def classes(frame: pd.DataFrame, study: Study) -> Classes:
    """Return the classes that the domains cut the rows into; rows are person-waves of one wave."""
    codes, names = np.zeros(len(frame), dtype=np.int64), [""]
    for domain in _domains(study):
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


def _domains(study: Study) -> list[Domain]:
    chosen = study.weighting.nonresponse_domains
    return [study.domain(key) for key in chosen] if chosen else list(study.domains)
