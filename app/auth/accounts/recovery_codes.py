"""Recovery codes: ten codes that count once each, for who has lost the app or the passkey.

50 random bits each, kept as a keyed hash. https://pages.nist.gov/800-63-4/sp800-63b.html#saved-recovery-codes
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from app.auth.accounts.tables import INSERT_RECOVERY_CODE
from app.auth.sealing import Seal
from app.database import Database, Reader, Writer

HOW_MANY: Final = 10
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_HALF: Final = 5
_CODE: Final = re.compile(rf"[{_LETTERS}]{{{2 * _HALF}}}")
_FORGET: Final = "DELETE FROM recovery_code WHERE account = $1"
_USE: Final = "UPDATE recovery_code SET used = $3 WHERE account = $1 AND hash = $2 AND used = 0 RETURNING account"
_LEFT: Final = "SELECT COUNT(*) FROM recovery_code WHERE account = $1 AND used = 0"


async def make_codes(writer: Writer, seal: Seal, account: str, random: Callable[[int], bytes]) -> list[str]:
    """New codes in place of all old ones; they are shown once and cannot be read back."""
    codes = [_written(random(2 * _HALF)) for _ in range(HOW_MANY)]
    await writer.execute(_FORGET, account)
    await writer.insert(INSERT_RECOVERY_CODE, [(account, _hash(seal, account, each), 0) for each in codes])
    return codes


async def use_code(database: Database, seal: Seal, account: str, code: str, *, now: int) -> bool:
    """Use a code up, durably: of two who come with the same, one gets in."""
    plain = plain_code(code)
    return bool(await database.change(_USE, account, _hash(seal, account, plain), now)) and bool(plain)


async def codes_left(reader: Reader, account: str) -> int:
    """How many were not used yet."""
    return int((await reader.fetch(_LEFT, account))[0][0])


def plain_code(text: str) -> str:
    """A code as it is hashed, however it was typed; "" for what cannot be one."""
    plain = re.sub(r"[\s-]+", "", text).lower().replace("o", "0").replace("i", "1").replace("l", "1")
    return plain if _CODE.fullmatch(plain) else ""


def _written(random: bytes) -> str:
    letters = "".join(_LETTERS[each & 31] for each in random)
    return f"{letters[:_HALF]}-{letters[_HALF:]}"


def _hash(seal: Seal, account: str, code: str) -> bytes:
    return seal.digest(f"{account}\0{plain_code(code)}".encode())
