"""Mails: a file each, or over TLS; after the answer, tried again, and with nothing of anybody in the log."""

from __future__ import annotations

import email
import email.policy
import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

import pytest
from structlog.testing import capture_logs

from app.auth.accounts.mails import is_mailed, mail, told, told_mail
from app.auth.accounts.outbox import Mail, Outbox, message_of, to_folder, to_server
from app.errors import Invalid

TO_ANNA = Mail("anna@example.org", "Uw account – één", "Hallo, café.\nhttps://zelf.example/verify/x\n")


async def test_a_mail_is_a_file_that_its_owner_alone_reads(tmp_path: Path) -> None:
    outbox = Outbox(to_folder(tmp_path / "outbox"), sender="Zelfregie <noreply@zelf.example>")
    outbox.start()
    outbox.send(TO_ANNA)
    await outbox.sent()
    await outbox.stop()
    (path,) = (tmp_path / "outbox").iterdir()
    assert (path.suffix, path.stat().st_mode & 0o777) == (".eml", 0o600)
    read = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    assert (read["To"], read["Subject"], read["Auto-Submitted"]) == (TO_ANNA.to, TO_ANNA.subject, "auto-generated")
    assert read.get_content().splitlines() == TO_ANNA.text.splitlines()


async def test_a_mail_that_fails_is_tried_again_and_the_log_names_nobody(tmp_path: Path) -> None:
    delivered: list[str] = []
    failures = [OSError("anna@example.org"), smtplib.SMTPRecipientsRefused({"anna@example.org": (550, b"no")})]

    def deliver(message: EmailMessage) -> None:
        if failures:
            raise failures.pop()
        delivered.append(message["To"])

    outbox = Outbox(deliver, sender="a@b.example", again_after=(0, 0))
    outbox.start()
    with capture_logs() as logs:
        outbox.send(TO_ANNA)
        await outbox.sent()
    await outbox.stop()
    assert delivered == [TO_ANNA.to]
    assert len(logs) == 2
    assert "anna" not in str(logs)


async def test_what_waits_when_the_service_stops_is_tried_once_more() -> None:
    delivered: list[str] = []
    outbox = Outbox(lambda message: delivered.append(message["To"]), sender="a@b.example")
    outbox.send(TO_ANNA)
    await outbox.stop()
    assert delivered == [TO_ANNA.to]


async def test_a_full_outbox_leaves_mails_out_and_says_so() -> None:
    outbox = Outbox(lambda _: None, sender="a@b.example")
    with capture_logs() as logs:
        for _ in range(1001):
            outbox.send(TO_ANNA)
    assert [each["event"] for each in logs] == ["outbox.full"]


class Server:
    """The far side of SMTP."""

    made: list[Server]

    def __init__(self, host: str, port: int, **options: Any) -> None:
        self.said: list[Any] = [host, port, options["timeout"] > 0]
        self.context = options.get("context")
        type(self).made.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.said.append("quit")

    def starttls(self, *, context: ssl.SSLContext) -> None:
        self.context = context
        self.said.append("starttls")

    def login(self, user: str, password: str) -> None:
        self.said.append((user, password))

    def send_message(self, message: EmailMessage) -> None:
        self.said.append(message["To"])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("smtps://u%40x:p%2F@mail.example", ["mail.example", 465, True, ("u@x", "p/"), "anna@example.org", "quit"]),
        ("smtp://mail.example", ["mail.example", 587, True, "starttls", "anna@example.org", "quit"]),
        ("smtp://u:p@mail.example:25", ["mail.example", 25, True, "starttls", ("u", "p"), "anna@example.org", "quit"]),
    ],
)
def test_mail_goes_over_tls_whose_certificate_is_checked(
    monkeypatch: pytest.MonkeyPatch, url: str, said: list[Any]
) -> None:
    Server.made = []
    monkeypatch.setattr(smtplib, "SMTP", Server)
    monkeypatch.setattr(smtplib, "SMTP_SSL", Server)
    to_server(url)(message_of(TO_ANNA, sender="a@b.example"))
    (server,) = Server.made
    assert server.said == said
    assert isinstance(server.context, ssl.SSLContext)
    assert (server.context.verify_mode, server.context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("url", ["http://mail.example", "mail.example", "smtp://", "smtp:user@host"])
def test_another_address_is_no_server(url: str) -> None:
    with pytest.raises(Invalid):
        to_server(url)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_mail_and_event_is_there_in_both_languages(language: str) -> None:
    links = {name: f"https://zelf.example/{name}" for name in ("link", "log_in", "recover")}
    for kind in ("verify", "already", "recover", "new_email"):
        written = mail(kind, "a@b.example", language, **links)
        assert written.subject
        assert "https://zelf.example/" in written.text
    for kind in ("log-in", "password-changed", "passkey-added", "closed"):
        assert told(kind, language)
    assert is_mailed("password-changed")
    assert not is_mailed("log-in")
    written = told_mail("password-changed", "a@b.example", language, now=1_800_000_000_000_000, recover="https://x/r")
    assert told("password-changed", language) in written.text
    assert "2027" in written.text
