"""Settings, from the environment (``ZELFREGIE_…``) only. Everything has a default that is safe on one's own machine.

https://docs.pydantic.dev/latest/concepts/pydantic_settings/
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

VERSION = "0.1.0"
RELEASED = "2026-11-23"
"""The day of this version, which what it publishes carries as ``date``."""
CANONICAL_BASE = "https://zelfregie.example/fhir"
"""The canonical base of what is ours; an adopting organisation sets its own before first use (MODEL 4)."""


class Settings(BaseSettings):
    """What differs from one installation to another."""

    model_config = SettingsConfigDict(env_prefix="ZELFREGIE_", extra="ignore")

    database: str = Field(
        "sqlite:///var/zelfregie.db", description="sqlite:///relative.db, sqlite:////absolute.db or postgresql://…"
    )
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    base_url: str = Field(
        "", description="public address of the service, without /fhir; made of host and port when empty"
    )
    state: Path = Field(
        Path("var"), description="folder for the access journal and, without ZELFREGIE_SECRET, the secret"
    )
    secret: SecretStr = Field(SecretStr(""), description="signs page links; the same in every process of a service")
    connections: int = Field(10, ge=1, description="PostgreSQL connections per process")
    partitions: int = Field(
        0, ge=0, description="PostgreSQL: hash partitions of the patient tables, at the first migration only"
    )
    canonical_base: str = CANONICAL_BASE
    allowed_origins: str = Field(
        "*", description="origins whose web pages may use the API, between commas; * for all, empty for none"
    )
    audit_months: dict[str, int] = Field(
        {},
        description="how many months lines of the access log are kept, by class, where the table is not to be followed",
    )
    argon2_memory: int = Field(19_456, ge=8, description="KiB that hashing a password takes")
    argon2_rounds: int = Field(2, ge=1, description="rounds of hashing a password")
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="smtps://user:password@host or smtp://… (STARTTLS); without it mails are files in state/outbox",
    )
    mail_from: str = Field("Zelfregie <noreply@zelfregie.example>", description="sender of mails")
    trusted_proxies: str = Field(
        "", description="addresses of proxies whose X-Forwarded-For is believed, between commas; empty for none"
    )

    strict_correlation: bool = Field(
        default=False, description="MedMij: refuse requests without X-Correlation-ID, which otherwise get one"
    )

    access_token_minutes: int = Field(15, ge=1, le=60, description="how long an app's access token lasts")
    refresh_token_days: int = Field(183, ge=1, le=366, description="how long a refresh token lasts that is not used")

    @property
    def public_url(self) -> str:
        """The address that people and apps use, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url.rstrip("/") or f"http://{host}:{self.port}"

    @property
    def journal(self) -> Path:
        """Where the access journal lies until its lines are in the database."""
        return self.state / "journal"

    def page_key(self) -> bytes:
        """The key that page links are signed with: from ``secret``, else from a file made at first use for this
        machine only.
        """
        if self.secret.get_secret_value():
            return self.secret.get_secret_value().encode()
        path = self.state / "secret"
        if not path.exists():
            self.state.mkdir(parents=True, exist_ok=True)
            draft = self.state / f"secret.{os.getpid()}"
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(secrets.token_hex(32).encode())
            with suppress(FileExistsError):  # of processes that start together, the first one's stays
                path.hardlink_to(draft)
            draft.unlink()
        return path.read_bytes()
