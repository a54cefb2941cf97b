"""One resource that is being held against profiles: where one is in it, and what was found.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.errors import Issue, Severity
from app.fhir.profiles.resolving import Resolve, within_bundle
from app.fhir.resource import Resource

MOST: Final = 200
"""Errors that one check names, and as many warnings and remarks."""

Place = tuple[Any, str, int | None]
"""The place around it (None for the root), the element, and its index where it repeats."""


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


class Noted:
    """What was found so far. ``more``: not all of it is in ``issues``."""

    __slots__ = ("errors", "issues", "more", "others")

    def __init__(self) -> None:
        self.issues: list[Issue] = []
        self.errors = 0
        self.others = 0
        self.more = False

    def take(self, issue: Issue) -> None:
        """Note something. Raises ``Enough`` for errors; of what is none, too much is left out, so that no error stays
        unseen behind it.
        """
        if issue.severity == "error":
            self.errors += 1
        else:
            self.others += 1
            if self.others > MOST:
                self.more = True
                return
        self.issues.append(issue)
        if self.errors >= MOST:
            self.more = True
            raise Enough


class Run:
    """``resource`` is the whole, and ``root`` what contains it, itself where nothing does: what that contains resolves
    by ``#id``, what is held by ``resolve``.

    ``depth`` counts the references that were followed to come here; ``unresolved`` those that lead to what is not
    known, and had to be. ``known`` has what came of whole resources, so that one that is referred to a thousand times
    is looked at once.
    """

    __slots__ = (
        *("_contained", "_within", "depth", "known", "noted", "resolve", "resource", "root"),
        *("tried", "unresolved"),
    )

    def __init__(
        self,
        resource: Resource,
        resolve: Resolve | None,
        *,
        root: Resource | None = None,
        depth: int = 0,
        noted: Noted | None = None,
    ) -> None:
        self.resource = resource
        self.root = resource if root is None else root
        self.resolve = resolve
        self.depth = depth
        self.noted = Noted() if noted is None else noted
        self.tried: set[tuple[str, int]] = set()
        self.known: dict[tuple[str, int], tuple[Resource, Run]] = {}
        self.unresolved = 0
        self._contained: dict[int, tuple[Resource, Mapping[str, Resource]]] = {}
        self._within: Resolve | None = None

    def aside(self, resource: Resource | None = None) -> Run:
        """Another run, to find out whether something conforms; of another resource when one is given."""
        if resource is None or resource is self.resource:
            made = Run(self.resource, self.resolve, root=self.root, depth=self.depth)
            made.tried = self.tried
        else:
            root = self.root if self._contains(resource) else resource
            made = Run(resource, None, root=root, depth=self.depth + 1)
        made.known, made._contained = self.known, self._contained
        return made

    def within(self, resource: Resource) -> Run:
        """The same run of a resource in this one, which it contains or has as an entry: its references are its own."""
        if resource is self.resource:
            return self
        if self._contains(resource):
            made = Run(resource, self.resolve, root=self.root, depth=self.depth, noted=self.noted)
        else:
            if self._within is None and self.resource["resourceType"] == "Bundle":
                self._within = within_bundle(self.resource.get("entry", ()), self.resolve)
            made = Run(resource, self._within or self.resolve, depth=self.depth, noted=self.noted)
        made.tried, made.known, made._contained = self.tried, self.known, self._contained
        return made

    @property
    def issues(self) -> list[Issue]:
        """What was found so far."""
        return self.noted.issues

    @property
    def failed(self) -> bool:
        """Whether an error was found."""
        return self.noted.errors > 0

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
        self.noted.take(Issue(code, text, expression=(written(place),), severity=severity, rule=rule, profile=profile))

    def take(self, found: Run | None) -> None:
        """Note what another run found. Raises ``Enough``."""
        if found is not None:
            self.noted.more |= found.noted.more
            for issue in found.issues:
                self.noted.take(issue)

    def contained(self, fragment: str) -> Resource | None:
        """What is contained under an id; "" is what contains it."""
        if not fragment:
            return self.root
        known = self._contained.get(id(self.root))
        if known is None:
            listed = self.root.get("contained", ())
            known = self.root, {each["id"]: each for each in listed if isinstance(each.get("id"), str)}
            self._contained[id(self.root)] = known
        return known[1].get(fragment)

    def _contains(self, resource: Resource) -> bool:
        return isinstance(resource.get("id"), str) and self.contained(resource["id"]) is resource

    def target(self, reference: Mapping[str, Any]) -> Resource | None:
        """The resource that a Reference leads to, where that is known."""
        literal = reference.get("reference")
        if not isinstance(literal, str):
            return None
        if literal.startswith("#"):
            return self.contained(literal[1:])
        return self.resolve(literal) if self.resolve is not None else None

    def sought(self, reference: Mapping[str, Any]) -> Resource | None:
        """The same for what cannot be told without it."""
        target = self.target(reference)
        if target is None and "reference" in reference:
            self.unresolved += 1
        return target
