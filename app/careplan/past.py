"""Revisions and versions as they are found in the history, and what a revision says of itself.
https://hl7.org/fhir/R4/provenance.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from app.careplan.names import Names
from app.careplan.shallow import Shallow, member, shallow
from app.fhir.resource import Resource, decode, parse_reference
from app.server.store.removal import EMPTIED, REMOVAL

Key = tuple[str, str, int]
"""Type, id and version."""
HIDDEN: Final = "hidden"
"""The state of a version that the caller may not see."""


class Span(NamedTuple):
    """The versions of one resource from ``low`` to ``high``."""

    type: str
    id: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Member:
    """One version of what a plan showed. ``state``: ``HIDDEN``, or what made the version; ``seq`` its place in the
    order of the partition; ``removed``: when what was erased was (µs).
    """

    type: str
    id: str
    version: int
    seq: int
    updated: int
    state: str
    body: bytes | None
    removed: int | None = None

    @property
    def key(self) -> Key:
        return self.type, self.id, self.version

    @property
    def is_hidden(self) -> bool:
        return self.state == HIDDEN

    @property
    def is_erased(self) -> bool:
        """Whether its content was removed at the person's request."""
        return self.state in (REMOVAL, EMPTIED)

    def resource(self) -> Resource | None:
        """Its content, as far as it is there for the caller."""
        return None if self.body is None else decode(self.body)


@dataclass(frozen=True)
class Revision:
    """One revision of a plan. ``n`` is its place in the order of the partition; ``seen``: whether the caller may see
    the revision itself; ``updated`` in µs.
    """

    number: int
    n: int
    id: str
    version: int
    updated: int
    erased: bool
    seen: bool
    body: bytes | None

    @cached_property
    def members(self) -> Shallow:
        """The Provenance, as far as nobody asked for a part of it; empty where it was erased."""
        return shallow(self.body)

    @cached_property
    def resource(self) -> Resource:
        """The same, all of it read."""
        return {} if self.body is None else decode(self.body)

    def manifest(self, names: Names) -> list[Key]:
        """Every version that the plan showed, in the order in which the plan names them."""
        return _keys(each.get("valueReference") for each in self.extensions(names.manifest))

    @cached_property
    def written(self) -> list[Key]:
        """The versions that it wrote."""
        return _keys(member(self.members, "target") or ())

    @cached_property
    def replaced(self) -> dict[tuple[str, str], int]:
        """The versions that those took the place of, by type and id."""
        listed = [each.get("what") for each in member(self.members, "entity") or () if each.get("role") == "revision"]
        return {key[:2]: key[2] for key in _keys(listed)}

    @cached_property
    def activity(self) -> dict[str, Any]:
        """What happened, as a concept."""
        found: dict[str, Any] = member(self.members, "activity") or {}
        return found

    @property
    def event(self) -> str:
        """The code of what happened."""
        coding = self.activity.get("coding") or [{}]
        found: str = coding[0].get("code", "")
        return found

    @property
    def recorded(self) -> str:
        """When it was written down, an instant."""
        found: str = member(self.members, "recorded") or ""
        return found

    @cached_property
    def reasons(self) -> list[dict[str, Any]]:
        """Why, as concepts."""
        found: list[dict[str, Any]] = member(self.members, "reason") or []
        return found

    def extensions(self, url: str) -> list[Any]:
        """Its extensions with this url."""
        return [each for each in member(self.members, "extension") or () if each.get("url") == url]

    @cached_property
    def author(self) -> dict[str, Any]:
        """The first agent: who did it."""
        found: dict[str, Any] = (member(self.members, "agent") or [{}])[0]
        return found


def _keys(references: Any) -> list[Key]:
    found = []
    for each in references:
        text = each.get("reference") if isinstance(each, dict) else None
        literal = parse_reference(text) if isinstance(text, str) else None
        if literal is not None and literal.version is not None and literal.version.isdecimal():
            found.append((literal.type, literal.id, int(literal.version)))
    return found
