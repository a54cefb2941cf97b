"""One request for a page about people: who asks, and how it is answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Final

from app.auth.accounts.mandates import Refusal
from app.auth.accounts.service import Accounts, Spent, TooMany
from app.auth.organizations.discovery import Discovery
from app.auth.organizations.identity_providers import SEAL
from app.auth.organizations.openid import OpenId
from app.auth.sealing import Seal
from app.errors import Conflict, Issue, Unprocessable
from app.web import visit
from app.web.problems import PageProblem

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


@dataclass
class Visit(visit.Visit):
    """What a page's view is given."""

    people: People

    area: ClassVar[str] = "people"

    @property
    def accounts(self) -> Accounts:
        """The use cases of accounts."""
        return self.people.accounts

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
