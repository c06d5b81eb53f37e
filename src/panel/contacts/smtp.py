"""Hand letters to a mail server by SMTP."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from panel.contacts.letters import plain
from panel.errors import SettingsError
from panel.ports.contacts import Handover, Letter

SECONDS = 20.0
_FIX = "write smtps://user:password@host:465, smtp+starttls://user:password@host:587, or smtp://localhost:25"
_PORTS = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}
_NO_SUCH_ADDRESS = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
"""Enhanced status codes (RFC 3463) that say of the address, and not of us, that it takes nothing."""


class SmtpMailer:
    """
    Implements ports.Mailer: one connection a letter, with STARTTLS or TLS, certificates checked.

    Without either only this machine is spoken to. The address of the server is a secret: it may hold a password.

    Raises:
        SettingsError: the address is none.
    """

    def __init__(self, url: str, *, seconds: float = SECONDS) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            parts, host, port = urlsplit(""), "", 0
        if parts.scheme not in _PORTS or not host:
            raise SettingsError("PANEL_MAIL_URL is not the address of a mail server.", fix=_FIX)
        if parts.scheme == "smtp" and host not in ("localhost", "127.0.0.1", "::1"):
            raise SettingsError("PANEL_MAIL_URL would send letters unencrypted to another machine.", fix=_FIX)
        self._scheme, self._host, self._port, self._seconds = parts.scheme, host, port, seconds
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")

    def send(self, letter: Letter) -> Handover:
        """Hand over one letter; see ports.Mailer."""
        try:
            mail = message(letter)
        except ValueError as error:
            return Handover(outcome="refused", reason=f"no mail can be made of it: {type(error).__name__}")
        try:
            server = self._connect()
            try:
                server.sendmail(letter.sender, [letter.to], mail.as_bytes(policy=SMTP))
            finally:
                _leave(server)  # whatever comes of it: a letter that was taken in stays so
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            return Handover(outcome="bounced" if is_bounce(code, said) else "refused", reason=f"recipient: {code}")
        except smtplib.SMTPResponseException as error:
            return Handover(outcome="refused", reason=f"{type(error).__name__}: {error.smtp_code}")
        except (OSError, smtplib.SMTPException, ValueError) as error:
            return Handover(outcome="refused", reason=type(error).__name__)
        return Handover(outcome="taken")

    def _connect(self) -> smtplib.SMTP:
        if self._scheme == "smtps":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=self._seconds, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._seconds)
        try:
            if self._scheme == "smtp+starttls":
                server.starttls(context=ssl.create_default_context())
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server


def _leave(server: smtplib.SMTP) -> None:
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


def is_bounce(code: int, said: bytes) -> bool:
    """Say whether a refusal is about the address: not one for now, of our own server's policy, or of a full box."""
    if code < 500:
        return False
    words = said.decode("ascii", "replace").split()
    if words and words[0].count(".") == 2 and words[0].startswith("5."):
        return words[0] in _NO_SUCH_ADDRESS
    return code in (550, 551, 553)


def message(letter: Letter) -> EmailMessage:
    """Return a letter as a plain-text mail; the same letter has the same `Message-ID` every time."""
    mail = EmailMessage()
    mail["Subject"] = plain(letter.subject)
    mail["From"] = Address(display_name=plain(letter.sender_name), addr_spec=letter.sender)
    mail["To"] = Address(display_name=plain(letter.to_name), addr_spec=letter.to)
    mail["Reply-To"] = Address(addr_spec=letter.reply_to)
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = f"<{letter.key}@{letter.sender.rpartition('@')[2]}>"
    mail["Idempotency-Key"] = letter.key
    mail["Content-Language"] = letter.language
    mail["Auto-Submitted"] = "auto-generated"
    mail["List-Unsubscribe"] = f"<{letter.opt_out}>"
    mail.set_content(letter.body, cte="quoted-printable")
    return mail
