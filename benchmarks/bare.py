"""The service without its access decision: ``python -m benchmarks.bare serve …``. What token, permit and audit cost on
a read is what the service costs more than this, in the same rounds.

It is a program of its own, so that nothing in the service can turn the decision off. Left out: looking a token up by
its hash and minding its end, the labels and the guard in the statement, the audit line with all that is done for it
later. Left in: the statement's binds, which a bare service would not send.
"""

from __future__ import annotations

from typing import Any, Final

from app.auth import tokens
from app.auth.tokens import TokenAuthenticator
from app.server import asgi
from app.server.access import Access
from app.server.messages import Answer
from app.server.store import read

OPEN_READ: Final = (
    "SELECT r.patient, r.version, r.updated, r.deleted, r.labels, r.body FROM resource r"
    " WHERE r.patient = $1 AND r.type = $2 AND r.id = $3 AND $4::bigint IS NOT NULL AND $5::bytea IS NOT NULL"
    " AND $6::bigint IS NOT NULL AND $7::bigint IS NOT NULL"
)


def lay_bare() -> None:
    """Take the decision out of this process."""
    decided = TokenAuthenticator.__call__
    known: dict[str, Access] = {}

    async def remembered(self: TokenAuthenticator, authorization: str, now: int, *rest: Any) -> Access:
        access = known.get(authorization)
        if access is None:
            access = known[authorization] = await decided(self, authorization, now, *rest)
        return access

    async def unrecorded(_self: asgi.FhirApp, answer: Answer, *_: Any) -> Answer:
        return answer

    for owner, name, instead in (
        (tokens.TokenAuthenticator, "__call__", remembered),
        (asgi.FhirApp, "_record", unrecorded),
        (read, "READ", OPEN_READ),
    ):
        assert hasattr(owner, name), f"the service has no {name} any more: this measures something else"
        setattr(owner, name, instead)


def main() -> None:
    """The command line, laid bare."""
    from app.cli import main as command_line  # noqa: PLC0415 - after everything else was imported

    lay_bare()
    command_line()


if __name__ == "__main__":
    main()
