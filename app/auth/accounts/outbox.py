"""The outbox: mails leave one by one, after the answer and never inside a transaction, so that how long an answer takes
says nothing. A file each in development, SMTP over TLS in production.

https://www.rfc-editor.org/rfc/rfc5322 https://www.rfc-editor.org/rfc/rfc8314 https://www.rfc-editor.org/rfc/rfc3834
"""

from __future__ import annotations

import asyncio
import os
import secrets
import smtplib
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import structlog

from app.config import Settings
from app.errors import Invalid

_MOST: Final = 1000
_TIMEOUT: Final = 20.0
_AGAIN_AFTER: Final = (1.0, 15.0, 120.0)
"""Seconds between tries."""
_PORTS: Final = {"smtps": 465, "smtp": 587}
_log: Final = structlog.get_logger(__name__)
Deliver = Callable[[EmailMessage], None]
"""Hands a mail over, in a thread. Raises OSError or smtplib.SMTPException."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to be sent."""

    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    language: str = "nl"


class Outbox:
    """Takes mails and sends them. What is waiting when the service stops is tried once more; a mail that is lost can be
    asked for again.
    """

    def __init__(self, deliver: Deliver, *, sender: str, again_after: Sequence[float] = _AGAIN_AFTER) -> None:
        self._deliver = deliver
        self._sender = sender
        self._again_after = again_after
        self._waiting: asyncio.Queue[Mail] = asyncio.Queue(_MOST)
        self._worker: asyncio.Task[None] | None = None

    def send(self, mail: Mail) -> None:
        """Have a mail sent soon. Where too many wait, it is left out and the log says so."""
        try:
            self._waiting.put_nowait(mail)
        except asyncio.QueueFull:
            _log.error("outbox.full", waiting=self._waiting.qsize())

    def start(self) -> None:
        """Begin sending, on the running loop."""
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Send what is waiting, each once, and end."""
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker
        self._again_after = ()
        while not self._waiting.empty():
            await self._send(self._waiting.get_nowait())

    async def sent(self) -> None:
        """Wait until nothing is waiting."""
        await self._waiting.join()

    async def _work(self) -> None:
        while True:
            mail = await self._waiting.get()
            try:
                await self._send(mail)
            finally:
                self._waiting.task_done()

    async def _send(self, mail: Mail) -> None:
        message = message_of(mail, sender=self._sender)
        for wait in (*self._again_after, None):
            try:
                await asyncio.to_thread(self._deliver, message)
            except (OSError, smtplib.SMTPException) as error:
                _log.warning("outbox.failed", reason=type(error).__name__, again=wait is not None)
                if wait is not None:
                    await asyncio.sleep(wait)
            else:
                return


def message_of(mail: Mail, *, sender: str) -> EmailMessage:
    """The mail as it goes out: plain text, marked as made by a machine."""
    message = EmailMessage(SMTP)
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].partition("@")[2] or None)
    message["Content-Language"] = mail.language
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def to_folder(folder: Path) -> Deliver:
    """Write each mail as an ``.eml`` file that only its owner can read."""

    def deliver(message: EmailMessage) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
        draft = folder / f".{name}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(message.as_bytes())
        draft.rename(folder / f"{name}.eml")

    return deliver


def to_server(url: str) -> Deliver:
    """Send over SMTP: ``smtps://user:password@host`` (TLS from the start) or ``smtp://…`` (STARTTLS, required).

    Raises ``Invalid`` for another address.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Invalid("ZELFREGIE_SMTP_URL is smtps://user:password@host or smtp://user:password@host.", "value")
    host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")

    def deliver(message: EmailMessage) -> None:
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if parts.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=_TIMEOUT)
        with server:
            if parts.scheme == "smtp":
                server.starttls(context=context)
            if user:
                server.login(user, password)
            server.send_message(message)

    return deliver


def outbox_of(settings: Settings) -> Outbox:
    """The outbox that the settings ask for."""
    url = settings.smtp_url.get_secret_value()
    deliver = to_server(url) if url else to_folder(settings.state / "outbox")
    return Outbox(deliver, sender=settings.mail_from)
