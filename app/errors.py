"""What can go wrong, as facts. Each border maps them to its own answer (``server/outcomes.py``, later
``web/errors.py``).

    ZelfregieError
    ├── Invalid              the request itself cannot be understood (400)
    ├── Unprocessable        understood, but breaks a rule of FHIR or of this service (422)
    ├── Unauthenticated      no valid token (401)
    ├── Forbidden            a valid token that may not do this (403)
    ├── NotFound             absent, or another patient's: the two answer alike (404)
    ├── Gone                 was deleted (410)
    ├── MethodNotAllowed     the type or level does not have this interaction (405)
    ├── NotAcceptable        no format or FHIR version that we can answer in (406)
    ├── UnsupportedMediaType a body in a format or FHIR version that we do not read (415)
    ├── Conflict             two things cannot both hold (409)
    ├── PreconditionFailed   If-Match, If-None-Exist and the like (412)
    ├── TooLarge             body or answer beyond a stated limit (413)
    ├── TooMany              tried too often for now (429)
    └── Unavailable          try again later (503)

Texts never carry what a resource says; they name elements, parameters, types and ids that the caller sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One problem, as an ``OperationOutcome.issue`` has it.

    ``code`` is from the IssueType value set, ``expression`` holds FHIRPaths such as ``Observation.component[1].code``,
    ``rule`` the key of the invariant or our own rule, where there is one, ``profile`` the canonical of the profile that
    asked, where one did; ``always``: who wrote a resource is told, whatever they prefer. https://hl7.org/fhir/R4/operationoutcome.html
    ``kind`` names the kind of problem where its code says too little, and ``facts`` what fills the text of that kind
    (``server/telling.yaml``): names of types and versions, never what a resource says.
    """

    code: str
    diagnostics: str
    expression: tuple[str, ...] = ()
    severity: Severity = "error"
    rule: str | None = None
    profile: str | None = None
    always: bool = False
    kind: str = field(default="", compare=False)
    facts: tuple[tuple[str, str], ...] = field(default=(), compare=False)


@dataclass(eq=False)
class ZelfregieError(Exception):
    """A refusal with all its problems. ``headers`` are facts the HTTP border must add, such as ``Allow``; ``kind`` is
    that of the one issue that the diagnostics make.
    """

    diagnostics: str = ""
    code: str = "processing"
    issues: tuple[Issue, ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=())
    kind: str = ""

    def __str__(self) -> str:
        """The diagnostics, or those of the issues."""
        return self.diagnostics or "; ".join(issue.diagnostics for issue in self.issues)

    def all_issues(self) -> tuple[Issue, ...]:
        """The issues, made from the diagnostics where none were given."""
        return self.issues or (Issue(self.code, self.diagnostics, kind=self.kind),)


@dataclass(eq=False)
class Invalid(ZelfregieError):
    """The request cannot be understood: bad syntax, unknown parameter, wrong type in the body."""

    code: str = "invalid"


@dataclass(eq=False)
class Unprocessable(ZelfregieError):
    """The request breaks a rule of FHIR or of this service."""

    code: str = "processing"


@dataclass(eq=False)
class Unauthenticated(ZelfregieError):
    """No token, or one that is unknown, expired or withdrawn."""

    code: str = "login"


@dataclass(eq=False)
class Forbidden(ZelfregieError):
    """The token is valid and may not do this."""

    code: str = "forbidden"


@dataclass(eq=False)
class NotFound(ZelfregieError):
    """Absent for this caller."""

    code: str = "not-found"


@dataclass(eq=False)
class Gone(ZelfregieError):
    """It was here and was deleted."""

    code: str = "deleted"


@dataclass(eq=False)
class MethodNotAllowed(ZelfregieError):
    """This interaction does not exist here."""

    code: str = "not-supported"


@dataclass(eq=False)
class NotAcceptable(ZelfregieError):
    """We cannot answer in what ``Accept`` asks for."""

    code: str = "not-supported"


@dataclass(eq=False)
class AnotherVersion(NotAcceptable):
    """``Accept`` asks for a version of FHIR that the base does not speak."""


@dataclass(eq=False)
class UnsupportedMediaType(ZelfregieError):
    """We do not read the body's format."""

    code: str = "not-supported"


@dataclass(eq=False)
class AnotherVersionSent(UnsupportedMediaType):
    """The body is of a version of FHIR that the base does not speak."""


@dataclass(eq=False)
class Conflict(ZelfregieError):
    """Two things that cannot both hold."""

    code: str = "conflict"


@dataclass(eq=False)
class PreconditionFailed(ZelfregieError):
    """A condition that the caller set does not hold."""

    code: str = "conflict"


@dataclass(eq=False)
class TooLarge(ZelfregieError):
    """Beyond a stated limit."""

    code: str = "too-costly"


@dataclass(eq=False)
class TooMany(ZelfregieError):
    """Tried too often for now."""

    code: str = "throttled"


@dataclass(eq=False)
class Unavailable(ZelfregieError):
    """Try again later."""

    code: str = "transient"
