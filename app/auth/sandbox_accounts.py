"""Accounts of a sandbox, so that its pages can be logged in to: password and TOTP secret stand in the sandbox file.

Their hashes are made at little cost, as the passwords are no secrets; the first log-in makes them anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from app.auth.accounts import totp
from app.auth.accounts.account import TOTP_SEAL, new_account, own_permit
from app.auth.accounts.passwords import Passwords
from app.auth.accounts.tables import INSERT_ACCOUNT
from app.auth.roles import Role
from app.auth.sandbox_file import SandboxAccount
from app.auth.sealing import Seal
from app.database import Writer
from app.server.tables import INSERT_PERMIT

_MEMORY: Final = 8
_ROUNDS: Final = 1


async def write_accounts(
    writer: Writer,
    accounts: Mapping[str, SandboxAccount],
    patients: Mapping[str, int],
    *,
    secret: bytes,
    tenant: int,
    now: int,
) -> None:
    """Store accounts, by e-mail address, and the right of each to its own record. ``patients``: the partition of each
    Patient's id.
    """
    passwords, seal = Passwords(memory=_MEMORY, rounds=_ROUNDS), Seal(secret, TOTP_SEAL)
    for email, asked in accounts.items():
        patient = patients[asked.patient] if asked.patient else None
        account = new_account(
            secrets.token_bytes,
            tenant=tenant,
            role=Role.ADMINISTRATOR if asked.administrator else Role.PATIENT,
            email=email,
            name=asked.name or email.partition("@")[0].title(),
            language=asked.language,
            password=await passwords.hash(asked.password),
            verified=now,
            patient=patient,
            now=now,
        )
        sealed = seal.seal(totp.read_secret(asked.totp), account.id.encode())
        await writer.insert(INSERT_ACCOUNT, [replace(account, totp=sealed).row()])
        if patient is not None:
            await writer.insert(INSERT_PERMIT, [own_permit(account.id, patient)])
