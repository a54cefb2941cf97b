"""What is found in a resource as it comes in, and what that does: the rows of the intake table (MODEL 3).

Profiles are checked by the server itself. What a feature knows better, such as the limits of a measurement or the
questions of a questionnaire, it checks by an ``IntakeCheck``, handed to the server in ``main``.
https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from app.errors import Issue
from app.server.intake.flags import PROFILE_DEVIATION

if TYPE_CHECKING:
    from app.database import Reader
    from app.fhir.resource import Resource
    from app.server.access import Access
    from app.server.server import FhirServer


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is found. An error refuses what a person or an app enters; what a system delivers is stored with
    it as a warning. ``flags`` (codes of the system ``intake``) are set on what is stored with it, whoever sent it, and
    a Provenance of the same write has the details; without flags it is only told to the sender.
    """

    issue: Issue
    flags: tuple[str, ...] = ()


class _Checks(Protocol):
    def __call__(
        self, server: FhirServer, reader: Reader, access: Access, resource: Resource, patient: int | None
    ) -> Awaitable[Sequence[Finding]]: ...


@dataclass(frozen=True, slots=True)
class IntakeCheck:
    """A check of a feature. It sees each resource of ``types`` for which ``concerns`` holds once its shape is that of
    FHIR, before anything is locked: as it came in, with the partition that it will be in where that is known. Places
    in its issues are FHIRPaths that begin with the type of the resource. ``complete`` fills in, before that and in
    place, what follows from who sends it.
    """

    name: str
    types: frozenset[str]
    check: _Checks
    concerns: Callable[[Resource], bool]
    complete: Callable[[Access, Resource], None] | None = None


def deviations(found: Iterable[Issue]) -> list[Finding]:
    """What profiles say, as findings: an error is a deviation, the rest is told."""
    return [Finding(each, (PROFILE_DEVIATION,) if each.severity in ("error", "fatal") else ()) for each in found]


def concerned(checks: Sequence[IntakeCheck], resource: Resource) -> list[IntakeCheck]:
    """Those that have to look at a resource."""
    kind = resource["resourceType"]
    return [each for each in checks if kind in each.types and each.concerns(resource)]


def completed(checks: Sequence[IntakeCheck], access: Access, resource: Resource) -> bool:
    """Have the features fill in a resource whose shape is right; whether any of them has to look at it."""
    listed = concerned(checks, resource)
    for each in listed:
        if each.complete is not None:
            each.complete(access, resource)
    return bool(listed)


async def feature_findings(
    server: FhirServer, reader: Reader, access: Access, resource: Resource, patient: int | None
) -> list[Finding]:
    """What the features say of one resource."""
    found: list[Finding] = []
    for each in concerned(server.intake, resource):
        found += await each.check(server, reader, access, resource, patient)
    return found
