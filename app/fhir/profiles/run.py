"""One resource that is being held against profiles: where one is in it, and what was found.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.errors import Issue, Severity
from app.fhir.resource import Resource

MOST: Final = 200
"""Issues that one check names."""

Place = tuple[Any, str, int | None]
"""The place around it (None for the root), the element, and its index where it repeats."""
Resolve = Callable[[str], Resource | None]
"""The resource that a literal reference leads to, where it is held and the caller may see it."""


class Enough(Exception):
    """So much is wrong that nobody reads on."""


def written(place: Place | None) -> str:
    """The FHIRPath of a place: ``Observation.component[1].value``."""
    steps: list[str] = []
    while place is not None:
        around, name, index = place
        name = name.removesuffix("[x]")
        steps.append(name if index is None else f"{name}[{index}]")
        place = around
    return ".".join(reversed(steps))


class Run:
    """``resource`` is the whole; what it contains resolves by ``#id``, what is held by ``resolve``.

    ``depth`` counts the references that were followed to come here.
    """

    __slots__ = ("_contained", "depth", "issues", "resolve", "resource", "tried")

    def __init__(
        self, resource: Resource, resolve: Resolve | None, *, depth: int = 0, issues: list[Issue] | None = None
    ) -> None:
        self.resource = resource
        self.resolve = resolve
        self.depth = depth
        self.issues: list[Issue] = [] if issues is None else issues
        self.tried: set[tuple[str, int]] = set()
        self._contained: Mapping[str, Resource] | None = None

    def aside(self, resource: Resource | None = None) -> Run:
        """Another run, to find out whether something conforms; of another resource when one is given."""
        if resource is None or resource is self.resource:
            made = Run(self.resource, self.resolve, depth=self.depth)
            made.tried = self.tried
            return made
        return Run(resource, None, depth=self.depth + 1)

    @property
    def failed(self) -> bool:
        """Whether an error was found."""
        return any(each.severity == "error" for each in self.issues)

    def add(
        self,
        place: Place,
        text: str,
        *,
        code: str,
        rule: str,
        profile: str,
        severity: Severity = "error",
    ) -> None:
        """Note something. Raises ``Enough``."""
        self.issues.append(
            Issue(code, text, expression=(written(place),), severity=severity, rule=rule, profile=profile)
        )
        if len(self.issues) >= MOST:
            raise Enough

    def take(self, issue: Issue) -> None:
        """Note what another run found. Raises ``Enough``."""
        self.issues.append(issue)
        if len(self.issues) >= MOST:
            raise Enough

    def contained(self, fragment: str) -> Resource | None:
        """What the resource contains under an id; "" is the resource itself."""
        if self._contained is None:
            listed = self.resource.get("contained", ())
            self._contained = {each["id"]: each for each in listed if isinstance(each.get("id"), str)}
        return self._contained.get(fragment) if fragment else self.resource

    def target(self, reference: Mapping[str, Any]) -> Resource | None:
        """The resource that a Reference leads to, where that is known."""
        literal = reference.get("reference")
        if not isinstance(literal, str):
            return None
        if literal.startswith("#"):
            return self.contained(literal[1:])
        return self.resolve(literal) if self.resolve is not None else None
