"""Limits on guessing: after a few attempts each further one waits longer, in all processes alike.

An attempt is counted before it is judged, so that many at once are no more guesses than one after the other. What is
counted (an account, a network address) is kept as a keyed hash only.
https://pages.nist.gov/800-63-4/sp800-63b.html#throttle
https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from app.auth.sealing import Seal
from app.database import Database, Writer

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
_LOCK: Final = (
    "INSERT INTO attempt (key, count, since, until) VALUES ($1, 0, $2, 0)"
    " ON CONFLICT (key) DO UPDATE SET count = attempt.count RETURNING count, since, until"
)
_COUNT: Final = "UPDATE attempt SET count = $2, since = $3, until = $4 WHERE key = $1"
_FORGET: Final = "DELETE FROM attempt WHERE key = $1"
_GIVE_BACK: Final = "UPDATE attempt SET count = count - 1 WHERE key = $1 AND count > 0"
_TIDY: Final = "DELETE FROM attempt WHERE until <= $1 AND since <= $2"


@dataclass(frozen=True, slots=True)
class Rule:
    """``free`` attempts without waiting; then each waits twice as long as the one before, from ``first`` to
    ``longest``. Forgotten when nothing happened for ``window``. Times in µs.
    """

    name: str
    free: int
    first: int = 30 * SECOND
    longest: int = HOUR
    window: int = 24 * HOUR

    def wait(self, count: int) -> int:
        """How long to wait after the ``count``-th attempt."""
        if count < self.free:
            return 0
        return min(self.first << min(count - self.free, 30), self.longest)


LOG_IN: Final = Rule("log-in", 5)
"""Per account, for browsers that nobody logged in to it with before."""
LOG_IN_KNOWN: Final = Rule("log-in-known", 5, longest=15 * MINUTE)
"""Per account and browser that somebody logged in with before, or that opened a link from the account's mail: others
cannot lock it out.
"""
LOG_IN_ADDRESS: Final = Rule("log-in-address", 50, first=MINUTE)
FACTOR: Final = Rule("factor", 10, first=MINUTE)
"""Per account: one-time codes by who has the password."""
FACTOR_KNOWN: Final = Rule("factor-known", 10, first=MINUTE, longest=15 * MINUTE)
"""Per account, for all such browsers together: who has the password and the mail may not try codes in one after the
other.
"""
REGISTER_ADDRESS: Final = Rule("register-address", 20, first=10 * MINUTE)
RECOVER_ADDRESS: Final = Rule("recover-address", 20, first=10 * MINUTE)
MAIL: Final = Rule("mail", 4, first=10 * MINUTE, longest=6 * HOUR)
"""Per e-mail address: mails that anybody can have sent there."""
TICKET: Final = Rule("ticket", 5, first=24 * HOUR, longest=24 * HOUR)
"""Per log-in that waits for its second factor, and per link: five tries in all."""
OPTIONS_ADDRESS: Final = Rule("options-address", 100, first=MINUTE, window=HOUR)
Counted = tuple[Rule, str]
"""A rule and what it is about: an account, an address."""


class Limits:
    """The counters. ``secret``: the service's own."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._seal = Seal(secret, "attempt")

    async def take(self, counted: Sequence[Counted], *, now: int) -> bool:
        """Count one attempt for each; False, and nothing counted, while one of them has to wait."""

        async def work(writer: Writer) -> bool:
            found = []
            for key, rule in sorted((self._key(each), each[0]) for each in counted):
                (count, since, until), *_ = await writer.fetch(_LOCK, key, now)
                if now < until:
                    return False
                found.append((key, rule, 0 if now - since > rule.window else count))
            for key, rule, count in found:
                wait = rule.wait(count + 1)
                # Without a wait there is no end to it either: of two at once, one may have begun a moment before.
                await writer.execute(_COUNT, key, count + 1, now, now + wait if wait else 0)
            return True

        return await self._database.transact(work)

    async def forget(self, counted: Sequence[Counted]) -> None:
        """Begin anew: the right person got in."""
        async with self._database.write() as writer:
            for key in sorted(map(self._key, counted)):
                await writer.execute(_FORGET, key)

    async def give_back(self, counted: Counted) -> None:
        """The attempt was none: it is taken from the count, and those before it stay."""
        await self._database.change(_GIVE_BACK, self._key(counted))

    async def tidy(self, *, now: int) -> None:
        """Remove what is forgotten."""
        await self._database.change(_TIDY, now, now - 24 * HOUR)

    def _key(self, counted: Counted) -> bytes:
        rule, about = counted
        return self._seal.digest(f"{rule.name}\0{about}".encode("utf-8", "replace"))


def network(address: str) -> str:
    """What counts as one address: of IPv6 the first 64 bits, which one customer has."""
    try:
        read = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(read, IPv6Address):
        if read.ipv4_mapped is not None:
            return str(read.ipv4_mapped)
        return str(IPv6Address(int(read) >> 64 << 64))
    return str(read)
