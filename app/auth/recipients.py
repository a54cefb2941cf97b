"""Who a permit can be for, as ``permit.recipient`` and ``access_grant.recipient`` write it."""

from __future__ import annotations

from typing import Final, Literal

Kind = Literal["app", "person", "organization"]
_SEPARATOR: Final = ":"


def app(client: str) -> str:
    """A registered app, whoever uses it."""
    return f"app{_SEPARATOR}{client}"


def person(account: str) -> str:
    """A person: the patient, a representative, a carer or a professional."""
    return f"person{_SEPARATOR}{account}"


def organization(organization_id: str) -> str:
    """A care provider, with its systems and professionals."""
    return f"organization{_SEPARATOR}{organization_id}"


def parts(recipient: str) -> tuple[str, str]:
    """Kind and id."""
    kind, _, found = recipient.partition(_SEPARATOR)
    return kind, found
