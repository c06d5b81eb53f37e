"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, whether it is good or bad, and what to do where it is bad."""

    what: str
    state: str
    found: str
    fix: str = ""


def finding(what: str, found: str, fix: str = "") -> Finding:
    """Return a finding, which is bad where there is something to do."""
    return Finding(what=what, state="bad" if fix else "good", found=found, fix=fix)
