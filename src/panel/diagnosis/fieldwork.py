"""Say whether the calendar is kept: actions of the ledger, letters to members, and the process that sees to them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta

from panel.actions.lateness import LATE_AFTER
from panel.actions.ledger import calendar_of
from panel.calendar import Due
from panel.diagnosis.finding import Finding, finding
from panel.errors import PanelError, printable
from panel.model.action import Entry
from panel.ports import Adapters

OVERDUE_AFTER = timedelta(minutes=10)
"""An action that is due for longer, and that nobody holds and nothing keeps waiting, is one that nobody sees to."""


def fieldwork(app: Adapters, port: int) -> Iterator[Finding]:
    """Yield what there is to say of the calendars of all studies, of letters, and of `panelctl serve` on a port."""
    counts: Counter[str] = Counter()
    unreadable = []
    for key in app.store.study_keys():
        try:
            counts += _actions(app, key)
        except PanelError as error:
            unreadable.append(f"{printable(key)} cannot ({type(error).__name__})")
    yield finding(
        "studies can be read",
        ", ".join([f"{len(app.store.study_keys()) - len(unreadable)} can", *unreadable]),
        "`panelctl calendar STUDY` says what is wrong; load the study again" if unreadable else "",
    )
    yield _ledger(counts)
    yield _letters(app)
    yield _serve(port)


def _actions(app: Adapters, key: str) -> Counter[str]:
    """Count the actions of a study that are not over, by what is the matter with them."""
    known = {each.key: each for each in app.store.actions(key)}
    held = app.store.held_actions()
    counts = Counter(each.state for each in known.values() if each.state in ("failed", "missed"))
    running = [each for each in known.values() if each.state == "running"]
    counts += Counter("running" if each.key in held else "left behind" for each in running)
    kept = {each.wave for each in known.values() if each.state in ("failed", "missed", "running")}
    for due in _due(app, key, known):
        entry = known.get(due.key)
        is_put_off = bool(entry and entry.not_before and entry.not_before > app.clock.now())
        kept |= {due.wave} if is_put_off else set()
        is_overdue = due.wave not in kept and app.clock.now() - due.at > OVERDUE_AFTER
        counts += Counter({"due": 1, "put off": is_put_off, "overdue": is_overdue})
    return counts


def _due(app: Adapters, key: str, known: Mapping[str, Entry]) -> list[Due]:
    """Return what is due and still to be begun, in order, also where nobody put it into the ledger yet."""
    since, now = app.store.loaded_at(key), app.clock.now()
    due = [each for each in calendar_of(app, app.study(key)) if each.at <= now]
    return [each for each in due if (known[each.key].state == "planned" if each.key in known else each.at >= since)]


def _ledger(counts: Counter[str]) -> Finding:
    names = ("due", "overdue", "running", "left behind", "put off", "failed", "missed")
    fix = ""
    if counts["failed"] or counts["missed"]:
        fix = "`panelctl actions list STUDY --open` says which and why; then `panelctl actions retry` or `skip`"
    elif counts["overdue"]:
        fix = "keep the calendar: `panelctl serve`, or `panelctl tick` by a timer"
    return finding("actions of the calendar are done", ", ".join(f"{counts[each]} {each}" for each in names), fix)


def _letters(app: Adapters) -> Finding:
    states = app.store.contact_states()
    waited = [app.store.oldest_due_contact(key) or 0.0 for key in app.store.study_keys()]
    longest = max(waited, default=0.0)
    fix = ""
    if states.get("dead"):
        fix = "`panelctl outbox list --state dead` says why; then `panelctl outbox retry`"
    elif longest > LATE_AFTER.total_seconds():
        fix = "run `panelctl serve` where the keys of contact details are, or `panelctl outbox send` every few minutes"
    found = (
        f"{states.get('waiting', 0)} waiting, {states.get('dead', 0)} dead letters, longest due {longest / 3600:.1f} h"
    )
    return finding("letters to members leave", found, fix)


def _serve(port: int) -> Finding:
    """Ask the process that keeps the calendar how it is; that it does not run on this machine is no fault."""
    what = "`panelctl serve` is well"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as reply:
            body = reply.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    except OSError:
        return finding(what, f"nothing answers on port {port}: it does not run on this machine")
    try:
        jobs = json.loads(body)["jobs"]
        unwell = {name: printable(how) for name, how in jobs.items() if how != "ok"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return finding(what, f"something else answers on port {port}", "name the port of serve: --port 8701")
    found = ", ".join(f"{name}: {how}" for name, how in unwell.items()) or f"{len(jobs)} jobs are well"
    is_new = set(unwell.values()) == {"has not run yet"}
    return finding(what, found, "read its log; start it anew where a job hangs" if unwell and not is_new else "")
