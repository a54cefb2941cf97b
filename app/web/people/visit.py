"""One request for a page about people: who asks, and how it is answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response

from app.auth.accounts.mandates import Refusal
from app.auth.accounts.service import Accounts, Spent, TooMany
from app.auth.organizations.discovery import Discovery
from app.auth.organizations.identity_providers import SEAL
from app.auth.organizations.openid import OpenId
from app.auth.sealing import Seal
from app.errors import Conflict, Issue, Unprocessable
from app.web.account.following import own_path
from app.web.forms import Form
from app.web.problems import PageProblem
from app.web.site import Site, Visitor

CALLBACK: Final = "/login/callback"
"""Where identity providers send people back to."""
_RULES: Final = frozenset(Refusal)


@dataclass(frozen=True, slots=True)
class People:
    """The parts that these pages need. ``providers`` seals the secrets by which we are known to identity providers;
    ``callback``: where those send people back to.
    """

    accounts: Accounts
    openid: OpenId
    providers: Seal = field(repr=False)
    callback: str


def people_of(accounts: Accounts, secret: bytes) -> People:
    """The parts. ``secret``: the service's own."""
    seal = Seal(secret, SEAL)
    discovery = Discovery(accounts.server.clock)
    callback = accounts.link(CALLBACK)
    return People(accounts, OpenId(accounts.database, discovery, seal, callback=callback), seal, callback)


@dataclass(slots=True)
class Visit:
    """What a page's view is given. ``area``: the folder of its templates."""

    site: Site
    people: People
    request: Request
    visitor: Visitor
    area: str = "people"

    @property
    def accounts(self) -> Accounts:
        """The use cases of accounts."""
        return self.people.accounts

    @property
    def now(self) -> int:
        """The time of the request."""
        return self.visitor.now

    @property
    def following(self) -> str:
        """Where the address says that it goes on, if that is ours."""
        return own_path(self.request.query_params.get("next", ""))

    @property
    def done(self) -> str:
        """What was just done, as the address says it for a line on the page."""
        return self.request.query_params.get("done", "")

    def part(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    async def form(self) -> Form:
        """What was posted."""
        return await self.site.form(self.request, self.visitor)

    def page(
        self, template: str, *, status: int = 200, problems: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """A page of this area. ``problems`` are texts by field."""
        name = f"{self.area}/{template}.html"
        return self.site.page(
            self.request,
            self.visitor,
            name,
            status=422 if problems and status == 200 else status,
            problems=dict(problems or {}),
            done=self.done,
            **values,
        )

    def go(self, address: str) -> Response:
        """On to another page."""
        return self.site.go(self.visitor, address)

    async def record(
        self, interaction: str, status: int = 200, *, patients: Sequence[int] = (), resources: Sequence[str] = ()
    ) -> None:
        """Keep in the access log what was done here."""
        await self.site.recording.record(
            interaction,
            status,
            agent=self.visitor.agent,
            now=self.now,
            patients=patients,
            resources=resources,
            address=self.visitor.address,
        )

    def said(self, issues: Sequence[Issue]) -> dict[str, str]:
        """Problems of fields in the words of the page."""
        return {name: self.visitor.t(f"people.problem.{name}") for each in issues for name in each.expression}


@contextmanager
def explained() -> Iterator[None]:
    """Refusals of the rules, as pages say them."""
    try:
        yield
    except TooMany as error:
        raise PageProblem(429, "site.error.429") from error
    except Spent as error:
        raise PageProblem(410, "site.error.410") from error
    except Unprocessable as error:
        raise PageProblem(422, refusal_key(error)) from error
    except Conflict as error:
        raise PageProblem(409, "people.refusal.duplicate" if error.code == "duplicate" else "site.error.409") from error


def refusal_key(error: Unprocessable) -> str:
    """The text that explains why a mandate is not given."""
    rule = next((each.rule for each in error.issues if each.rule in _RULES), None)
    return "site.error.422" if rule is None else f"people.refusal.{rule}"
