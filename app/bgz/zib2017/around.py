"""What a resource refers to, as far as its reader may see it. https://hl7.org/fhir/R4/references.html"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from app.fhir.resource import Resource, parse_reference, walk_dicts

Key = tuple[str, str]
"""Type and id."""
_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Around:
    """``resources``: by type and id; ``questionnaires``: the id of what a canonical stands for; ``parts``: the goals
    and the network of the person's own plans, which are seen as a plan's.
    """

    resources: Mapping[Key, Resource] = field(default_factory=lambda: _NOTHING)
    questionnaires: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    parts: frozenset[Key] = frozenset()

    def find(self, reference: Any) -> Resource | None:
        """What a Reference names, where its reader may see it."""
        key = key_of(reference)
        return None if key is None else self.resources.get(key)


ALONE: Final = Around()
"""Nothing is known of what is referred to."""


def key_of(reference: Any) -> Key | None:
    """Type and id of a literal Reference; None for another."""
    text = reference.get("reference") if isinstance(reference, dict) else None
    found = parse_reference(text) if isinstance(text, str) else None
    return None if found is None else (found.type, found.id)


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at all of a resource tells. ``received``: it has a mark of what came in STU3; ``roles`` and
    ``members``: the roles and Observations that its view looks at; ``renamed``: an extension has another address.
    """

    received: bool
    renamed: bool
    roles: tuple[Key, ...]
    members: tuple[Key, ...]

    @property
    def wanted(self) -> tuple[Key, ...]:
        """All that is looked at."""
        return (*self.roles, *self.members)


def look(resource: Resource, marks: tuple[str, ...], renamed: Mapping[str, str]) -> Looked:
    """``marks``: how the addresses of extensions begin that only a translation makes."""
    received = other = False
    roles: list[Key] = []
    for each in walk_dicts(resource):
        url = each.get("url")
        if isinstance(url, str):
            received = received or url.startswith(marks)
            other = other or url in renamed
        text = each.get("reference")
        if isinstance(text, str) and "PractitionerRole/" in text and (key := key_of(each)) is not None:
            roles.append(key)
    members = resource.get("hasMember", ()) if resource.get("resourceType") == "Observation" else ()
    keys = [key for each in members if (key := key_of(each)) is not None and key[0] == "Observation"]
    return Looked(received, other, tuple(roles), tuple(keys))


def canonicals(resource: Resource) -> Iterator[str]:
    """The Questionnaires that a Task asks for."""
    if resource.get("resourceType") == "Task":
        for each in resource.get("input", ()):
            if isinstance(each.get("valueCanonical"), str):
                yield each["valueCanonical"]
