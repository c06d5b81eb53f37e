"""The words of an alert. What comes from files or from people is harmless in every channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from panel.errors import printable
from panel.model.incident import Message

_HARMLESS = str.maketrans(
    {
        "<": "‹",  # Slack's <!channel> and <https://…>, and HTML
        ">": "›",
        "&": "＆",  # entities
        "@": "＠",  # mentions
        "*": "∗",  # markup of Slack, Mattermost, Teams
        "`": "'",
        "[": "(",  # links and images
        "]": ")",
        "!": "ǃ",
        "|": "¦",
        "~": "∼",
        "\\": "∖",
        "#": "＃",
    }
)
_TOLD = {
    "opened": "A check fails",
    "reminder": "A check still fails",
    "worsened": "A check fails for more than before",
    "reopened": "A check fails again",
    "resolved": "Resolved",
    "assigned": "Yours now",
    "escalated": "Nobody has taken this on",
    "alive": "Alerts are being delivered",
    "test": "A test: nothing is wrong",
}


def harmless(value: object, limit: int = 200) -> str:
    """
    Return `value` as one line that pings nobody, opens no link and is no markup, in any channel.

    Marks that some channel gives a meaning to are replaced by ones that look alike, rather than escaped: each channel
    escapes otherwise, and a mail or a telephone shows the escape.
    """
    return printable(value, limit).translate(_HARMLESS).replace("://", ":∕∕").replace("www.", "www ")


def title(messages: Sequence[Message]) -> str:
    """Return the heading: of one message its severity, notice, check and incident; of several their number."""
    label = "SYNTHETIC " if all(each.is_synthetic for each in messages) else ""
    if len(messages) > 1:
        studies = ", ".join(sorted({harmless(each.study, 60) for each in messages}))
        return f"{label}{studies}: {len(messages)} alerts"
    (message,) = messages
    if message.notice in ("alive", "test"):
        return _TOLD[message.notice]
    what = f"{message.notice} ({message.severity}): {message.study} {message.wave} {message.check}"
    return f"{label}{harmless(what)} (incident {message.incident})"


def body(messages: Sequence[Message]) -> str:
    """Return the text: what is known of each incident, each with its id, as lines without markup."""
    if len(messages) == 1:
        return "\n".join(_lines(messages[0]))
    return "\n".join(_line(each) for each in messages)


def _line(message: Message) -> str:
    label = "SYNTHETIC " if message.is_synthetic else ""
    what = f"{message.notice}: {message.severity}, {message.wave}, {message.check}, {_rows(message)}"
    return f"{label}{harmless(what)} (incident {message.incident})"


def _lines(message: Message) -> list[str]:
    if message.notice in ("alive", "test"):
        return [f"{_TOLD[message.notice]}.", f"incident {message.incident}"]
    lines = [
        f"{_TOLD[message.notice]}: {harmless(message.why)}",
        f"study {harmless(message.study)}, wave {harmless(message.wave)}, suite {harmless(message.suite)}",
        f"check {harmless(message.check)}, severity {message.severity}, owner {harmless(message.owner)}",
        *([f"about {harmless(message.subgroup)}"] if message.subgroup else []),
        f"{_rows(message)}; seen {message.occurrences} times in {duration(message.at - message.opened_at)}",
        f"incident {message.incident}; panelctl alerts show {message.incident}",
    ]
    return ["SYNTHETIC data: no person answered", *lines] if message.is_synthetic else lines


def _rows(message: Message) -> str:
    if message.is_broken:
        return "the check could not run"
    if not message.failing_count:
        return "it is about the whole wave"
    return f"{message.failing_count} of {message.checked_count} rows"


def duration(span: timedelta) -> str:
    """Return a time span in its two largest units."""
    minutes = int(span.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
