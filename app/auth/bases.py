"""Which tokens hold under which FHIR base: a MedMij token under ``/medmij/<id>/fhir`` of its data services only, every
other one under ``/fhir`` and ``/fhir/stu3`` only. https://www.rfc-editor.org/rfc/rfc8707#section-2

The one place where this is decided: each ``FhirApp`` is given the ``Authenticate`` of its base.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from app.audit import Agent
from app.errors import Unauthenticated
from app.server.access import Access
from app.server.server import Authenticate

_SERVICE: Final = re.compile(r"[1-9][0-9]{0,29}")
_SERVICES: Final = Path(__file__).parents[2] / "medmij_profiles" / "services"
"""A file for each data service, named by its number; what is in it is for the layer above."""


class Profile(StrEnum):
    """By whose rules a client is let in, and which bases its tokens hold under."""

    SMART = "smart"
    MEDMIJ = "medmij"


def holding_under(authenticate: Authenticate, service: str = "") -> Authenticate:
    """Who is asking, at the base of a data service, or at the bases of SMART ("")."""

    async def who(authorization: str, now: int) -> Access:
        access = await authenticate(authorization, now)
        if service in access.services if service else not access.services:
            return _through(access, service) if service else access
        raise Unauthenticated("The token is for another base than this one.")

    return who


def _through(access: Access, service: str) -> Access:
    """The access as the log has it at the base of a data service."""
    agent = msgspec.json.decode(access.agent, type=Agent)
    return replace(access, agent=msgspec.structs.replace(agent, service=service).sealed())


@functools.cache
def known_services() -> frozenset[str]:
    """The numbers of the data services that have a base here."""
    return frozenset(each.stem for each in _SERVICES.glob("*.yaml") if _SERVICE.fullmatch(each.stem))


def audiences(base: str, services: Sequence[str]) -> list[str]:
    """The bases that a client's tokens hold under. ``base``: that of R4, without a slash at the end."""
    if not services:
        return [base, f"{base}/stu3"]
    return [f"{base.removesuffix('/fhir')}/medmij/{each}/fhir" for each in services]


def problem_of_services(profile: str, services: Sequence[str]) -> str:
    """What is wrong with the data services of a token or client; "" when nothing is."""
    if profile != Profile.MEDMIJ:
        return "Only what has the profile medmij has data services." if services else ""
    if not services or len(set(services)) != len(services):
        return "The profile medmij takes data services, each once."
    if not all(_SERVICE.fullmatch(each) for each in services):
        return "A data service is named by its number."
    if not known_services().issuperset(services):
        return "There is no data service of that number here."
    return ""
