"""Intervals of a share that stay between 0 and 1, by the ways that official statistics use."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.special import betaincinv

from panel.estimate.kernel import t_quantile

Edges = tuple[float, float]
NEAR = 1e-15


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share strictly between 0 and 1, its standard error, the members it is of, and degrees of freedom."""

    value: float
    se: float
    n: int
    degrees: int

    @property
    def n_eff(self) -> float:
        """Return the size of a simple random sample that would have this standard error: p (1 - p) / se^2."""
        return self.value * (1 - self.value) / self.se**2


def by_mean(share: Share) -> Edges:
    """Return p -/+ t se; may leave 0 and 1. Oracle: o04, o05 (mean)."""
    reach = t_quantile(share.degrees) * share.se
    return share.value - reach, share.value + reach


def by_logit(share: Share) -> Edges:
    """Return the interval of log(p / (1 - p)), carried back. Oracle: o04, o05 (logit, xlogit), o07 (row_ci)."""
    middle = math.log(share.value / (1 - share.value))
    reach = t_quantile(share.degrees) * share.se / (share.value * (1 - share.value))
    low, high = (1 / (1 + math.exp(-each)) if each > -700 else 0.0 for each in (middle - reach, middle + reach))
    return low, high


def by_arcsine(share: Share) -> Edges:
    """Return the interval of asin(sqrt(p)), carried back. Oracle: o04, o05 (asin)."""
    middle = math.asin(math.sqrt(share.value))
    reach = t_quantile(share.degrees) * share.se / (2 * math.sqrt(share.value * (1 - share.value)))
    return math.sin(middle - reach) ** 2, math.sin(middle + reach) ** 2


def by_beta(share: Share) -> Edges:
    """
    Return the exact binomial interval at the effective n, put right for degrees of freedom.

    Source: Korn and Graubard (1998), Survey Methodology 24. Oracle: o04, o05 (beta), o02 (strat_beta), o07 (row_ci).
    """
    n_eff = share.n_eff * (t_quantile(share.n - 1) / t_quantile(share.degrees)) ** 2
    count = n_eff * share.value
    low = betaincinv(count, n_eff - count + 1, 0.025)
    return float(low), float(betaincinv(count + 1, n_eff - count, 0.975))


def by_wilson(share: Share) -> Edges:
    """Return Wilson's score interval at the effective n. Source: Wilson (1927), JASA 22. Oracle: o04 (wilson)."""
    z = t_quantile(share.degrees) ** 2 / share.n_eff
    middle = (share.value + z / 2) / (1 + z)
    reach = math.sqrt(z * (share.value * (1 - share.value) + z / 4)) / (1 + z)
    return middle - reach, middle + reach


def by_likelihood(share: Share) -> Edges:
    """
    Return the shares that are as likely, at the effective n, as chance allows.

        2 n_eff (p log(p / q) + (1 - p) log((1 - p) / (1 - q))) = t^2 n / (n - 1)

    n / (n - 1) is the dispersion of a binomial fit to n answers. Source: Rao and Scott (1984), Annals of Statistics 12;
    Lumley and Scott (2014), Australian and New Zealand Journal of Statistics 56. Oracle: o04, o05 (likelihood), as far
    as R tells it: R reads both ends off straight lines between the points of a spline.
    """
    from scipy import optimize  # a tenth of a second at the start of every command, for who asks this only

    p = share.value
    wanted = t_quantile(share.degrees) ** 2 * share.n / max(share.n - 1, 1) / (2 * share.n_eff)

    def beyond(q: float) -> float:
        return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q)) - wanted

    bottom, top = NEAR * p, 1 - max(NEAR * (1 - p), NEAR)
    low = optimize.brentq(beyond, bottom, p, xtol=NEAR) if beyond(bottom) > 0 else 0.0
    high = optimize.brentq(beyond, p, top, xtol=NEAR) if beyond(top) > 0 else 1.0
    return float(low), float(high)


WAYS: dict[str, Callable[[Share], Edges]] = {
    "mean": by_mean,
    "logit": by_logit,
    "xlogit": by_logit,
    "asin": by_arcsine,
    "beta": by_beta,
    "wilson": by_wilson,
    "likelihood": by_likelihood,
}
