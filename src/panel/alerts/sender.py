"""Deliver through Apprise: one target at a time, for it says of several only whether all went well."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from panel.alerts.text import body, title
from panel.model.incident import Message
from panel.model.routing import Kind, Target
from panel.ports import Sent

CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0
_PLUGINS: Mapping[Kind, str] = {
    "email": "NotifyEmail",
    "slack": "NotifySlack",
    "teams": "NotifyWorkflows",
    "mattermost": "NotifyMattermost",
    "ntfy": "NotifyNtfy",
    "webhook": "NotifyJSON",
}


class AppriseSender:
    """
    Implements ports.Sender by Apprise's plugins.

    `address_of` returns the address of a target, a secret, or None where nobody set it. Addresses are in no message,
    reason or log; what Apprise says of them is not logged.
    """

    def __init__(self, address_of: Callable[[Target], str | None]) -> None:
        self._address_of = address_of

    def send(self, target: Target, messages: Sequence[Message]) -> Sent:
        """Deliver one message, or several as one; see ports.Sender."""
        address = self._address_of(target)
        if not address:
            return Sent(is_taken=False, reason="no address is set")
        plugin = _plugin(address)
        if plugin is None:
            return Sent(is_taken=False, reason="the address is none that Apprise knows")
        if type(plugin).__name__ != _PLUGINS[target.kind]:
            return Sent(is_taken=False, reason=f"the address is not one of kind {target.kind}")
        _settle(plugin, target.kind, key_of(messages))
        try:
            taken = plugin.notify(title=title(messages), body=body(messages), notify_type=_tone(messages))
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises, the message is kept and tried again
            return Sent(is_taken=False, reason=type(error).__name__)
        return Sent(is_taken=bool(taken), reason="" if taken else "not taken in")


def key_of(messages: Sequence[Message]) -> str:
    """
    Return the key by which a receiver knows a duplicate: the message's own, or of several a hash of theirs.

    A parcel that is sent again may have more in it by then, and is then another parcel.
    """
    if len(messages) == 1:
        return messages[0].key
    return hashlib.sha256("\n".join(each.key for each in messages).encode()).hexdigest()[:32]


def _plugin(address: str) -> Any:
    """Return the plugin of an address, or None; Apprise is imported here, where it is used."""
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it quotes addresses
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of its own imports
        from apprise import Apprise, AppriseAsset

        asset = AppriseAsset(app_id="panelctl", app_desc="panelctl", app_url="", image_url_mask="", image_url_logo="")
        return Apprise.instantiate(address, asset=asset, suppress_exceptions=True)


def _settle(plugin: Any, kind: Kind, key: str) -> None:
    """Make a plugin plain text, without pictures from elsewhere, and impatient."""
    from apprise import NotifyFormat

    plugin.notify_format = NotifyFormat.TEXT
    plugin.socket_connect_timeout, plugin.socket_read_timeout = CONNECT_SECONDS, READ_SECONDS
    if hasattr(plugin, "include_image"):
        plugin.include_image = False
    if kind == "webhook":
        plugin.headers["Idempotency-Key"] = key


def _tone(messages: Sequence[Message]) -> Any:
    """Return Apprise's word for how bad the worst of the messages is."""
    from apprise import NotifyType

    if all(each.notice == "resolved" for each in messages):
        return NotifyType.SUCCESS
    ranks = {each.severity for each in messages if each.notice not in ("resolved", "alive", "test")}
    if "critical" in ranks:
        return NotifyType.FAILURE
    return NotifyType.WARNING if "warning" in ranks else NotifyType.INFO
