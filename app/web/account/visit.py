"""One request for a page of an account: who asks, from where, and how it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

import msgspec
from fastapi.responses import JSONResponse, Response

from app.auth.accounts.account import Account, account_of
from app.auth.accounts.acting import records_of
from app.auth.accounts.devices import new_mark
from app.auth.accounts.logging_in import Browser, entered
from app.auth.accounts.service import Accounts, Spent, TooMany
from app.auth.accounts.sessions import LogIn, Session
from app.auth.recording import agent_of
from app.auth.roles import Role
from app.errors import Unauthenticated
from app.web import visit
from app.web.problems import PageProblem
from app.web.site import Site
from app.web.visitor import Visitor

LOG_IN_COOKIE: Final = "__Host-login"
"""The log-in that waits for its second factor."""
DEVICE_COOKIE: Final = "__Host-device"
_LOG_IN_AGE: Final = 600
_DEVICE_AGE: Final = 400 * 24 * 3600
"""As long as browsers keep a cookie at most."""


@dataclass(frozen=True, slots=True)
class Way:
    """Another way to log in: where it begins, what it is called, and of which organisation it is ("" for people's own
    use).
    """

    address: str
    name: str
    organization: str = ""


OtherWays = Callable[[Site, str], Awaitable[Sequence[Way]]]
"""Gives the other ways, of which each leads on to a path of ours ("" for none) afterwards."""


WaysAgain = Callable[[Site, Session, str], Awaitable[Sequence[Way]]]
"""Gives the ways in which somebody who is logged in may prove anew who they are, likewise."""


async def no_ways_again(_site: Site, _session: Session, _following: str) -> Sequence[Way]:
    """Where there is no identity provider."""
    return ()


async def no_other_ways(_site: Site, _following: str) -> Sequence[Way]:
    """Where there is no identity provider."""
    return ()


@dataclass
class Visit(visit.Visit):
    """What a page's view is given."""

    accounts: Accounts
    other_ways: OtherWays
    ways_again: WaysAgain = no_ways_again

    area: ClassVar[str] = "account"

    @property
    def browser(self) -> Browser:
        """Where the person is."""
        return Browser(self.visitor.address, self.request.cookies.get(DEVICE_COOKIE, ""))

    @property
    def ticket(self) -> str:
        """The secret in the address."""
        return str(self.request.path_params["ticket"])

    @property
    def log_in(self) -> str:
        """The secret of the log-in that waits; "" for none."""
        return self.request.cookies.get(LOG_IN_COOKIE, "")

    async def account(self) -> Account:
        """The account of who is logged in. Raises ``Unauthenticated``."""
        account = await account_of(self.accounts.database, self.visitor.person.account)
        if account is None:
            raise Unauthenticated("Log in first.")
        return account

    async def fresh_account(self) -> Account:
        """The same, where the second factor was just given. Raises ``Forbidden`` to have it given."""
        self.site.check_fresh(self.visitor)
        return await self.account()

    def page(
        self,
        template: str,
        *,
        status: int | None = 200,
        problems: Mapping[str, str] | None = None,
        passkeys: bool = False,
        **values: Any,
    ) -> Response:
        """A page of this area. ``problems`` are keys of texts, by field; ``passkeys``: there is a button for one."""
        party = self.accounts.relying_party
        said = {name: self.visitor.t(key) for name, key in (problems or {}).items()}
        return visit.Visit.page(
            self,
            template,
            status=status,
            scripts=("passkey.js",) if passkeys and party is not None else (),
            problems=said,
            offers_passkeys=party is not None,
            mails_are_files=not self.site.settings.smtp_url.get_secret_value(),
            **values,
        )

    def go(self, address: str, following: str = "") -> Response:
        """On to another page, which leads on to ``following``."""
        return self.site.go(self.visitor, address + (f"?{urlencode({'next': following})}" if following else ""))

    def json(self, content: Mapping[str, Any]) -> Response:
        """An answer to the script of passkeys."""
        return self.site.finish(JSONResponse(dict(content), headers={"Cache-Control": "no-store"}), self.visitor)

    def wait_for_factor(self, secret: str) -> None:
        """Keep a log-in that waits in the browser; "" takes it away."""
        self.visitor.cookies[LOG_IN_COOKIE] = (secret, _LOG_IN_AGE if secret else -1)

    def know(self, account: Account, *, link: str = "") -> None:
        """Mark the browser as one in which this account is used, or a link from its mail was opened."""
        self.visitor.cookies[DEVICE_COOKIE] = (new_mark(self.accounts.device_seal, account.id, link=link), _DEVICE_AGE)

    async def failed(self, account: str = "") -> None:
        """Keep in the access log that a log-in failed."""
        agent = msgspec.structs.replace(self.visitor.agent, person=account)
        await self.site.recording.record(
            "login-failed", 401, agent=agent, now=self.now, address=self.visitor.address, durable=False
        )

    async def enter(self, account: Account, log_in: LogIn) -> Session:
        """Log in: a new session with a new cookie, in the own record where there is one. The session before ends."""
        await entered(self.accounts, account, browser=self.browser, now=self.now)
        session = await enter(self.site, self.visitor, log_in)
        self.wait_for_factor("")
        self.know(account)
        return session

    def start(self, session: Session, account: Account, following: str = "") -> str:
        """Where somebody goes who has just logged in."""
        if following:
            return following
        if session.role is Role.ADMINISTRATOR:
            return "/admin"
        return "/choose" if account.patient is None else "/permissions"


async def enter(site: Site, visitor: Visitor, log_in: LogIn) -> Session:
    """Open a session for who has logged in, in whatever way; it is in the access log, and in the own record where there
    is one. The session before ends, and its cookie is worth nothing.
    """
    if visitor.session is not None:
        await site.sessions.end(visitor.session)
    cookie = await site.sessions.open(log_in, now=visitor.now)
    session = await site.sessions.find(cookie, now=visitor.now)
    if session is None:
        raise Unauthenticated("This account is closed.")
    site.log_in_as(visitor, cookie)
    records = [] if session.organization else await records_of(site.server, session, now=visitor.now)
    own = next((each for each in records if each.role is Role.PATIENT), None)
    if own is not None:
        session = await site.sessions.choose(session, own.session_grant())
    await site.recording.record(
        "login",
        200,
        agent=agent_of(session),
        now=visitor.now,
        patients=[own.patient] if own is not None else [],
        address=visitor.address,
    )
    return session


@contextmanager
def told(over: str = "site.error.410") -> Iterator[None]:
    """What ends a visit, as pages say it; ``over`` is said of what was used, has expired or was guessed at."""
    try:
        yield
    except TooMany as error:
        raise PageProblem(429, "site.error.429") from error
    except Spent as error:
        raise PageProblem(410, over) from error
