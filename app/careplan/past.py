"""Revisions and versions as they are found in the history, and what a revision says of itself.
https://hl7.org/fhir/R4/provenance.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple

import msgspec

from app.careplan.names import Names
from app.careplan.shallow import shallow
from app.fhir.resource import Resource, decode, decode_value, encode
from app.server.store.removal import EMPTIED, REMOVAL

Named = tuple[str, str]
"""Type and id."""
Key = tuple[str, str, int]
"""Type, id and version."""
HIDDEN: Final = "hidden"
"""The state of a version that the caller may not see."""
_ABSENT: Final = msgspec.Raw(b"")
_VERSIONED: Final = re.compile(
    r"(?:https?://[^\s]+/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})/_history/([0-9]{1,64})"
).fullmatch
"""A literal reference to a version with a number. https://hl7.org/fhir/R4/references.html#literal"""


class Span(NamedTuple):
    """The versions of one resource from ``low`` to ``high``."""

    type: str
    id: str
    low: int
    high: int


class Member(msgspec.Struct, frozen=True):
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


class _Said(msgspec.Struct):
    """What of a Provenance is asked again and again."""

    target: msgspec.Raw = _ABSENT
    entity: msgspec.Raw = _ABSENT
    activity: msgspec.Raw = _ABSENT
    recorded: Any = None
    reason: Any = None
    agent: msgspec.Raw = _ABSENT


class _Shown(msgspec.Struct):
    """The long list of what the plan showed, which is asked of a revision or two."""

    extension: msgspec.Raw = _ABSENT


class _Manifest(msgspec.Struct):
    """An extension, as far as it may name a version that the plan showed."""

    url: Any = None
    valueReference: Any = None  # noqa: N815 - FHIR's name


_decode_said: Final = msgspec.json.Decoder(_Said, float_hook=Decimal).decode
_decode_shown: Final = msgspec.json.Decoder(_Shown).decode
_NOTHING_SAID: Final = _Said()
_BEFORE_SHOWN: Final = re.compile(
    rb'\{"resourceType":"Provenance","id":"[^"]*",(?:"meta":\{[^{}]*\},)?"extension":\['
).match
_BEHIND_SHOWN: Final = b'],"target":['
"""As this service stores a revision, what it showed is before all else that is asked of it."""
_manifest: Final = msgspec.json.Decoder(list[_Manifest]).decode


@dataclass
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

    def __post_init__(self) -> None:
        self._said, self._behind = (_NOTHING_SAID, 0) if self.body is None else _said(self.body)

    @cached_property
    def _extension(self) -> msgspec.Raw:
        """Its extensions as they are stored."""
        return _ABSENT if self.body is None else _decode_shown(self.body).extension

    @cached_property
    def resource(self) -> Resource:
        """The Provenance, all of it read; empty where it was erased."""
        return {} if self.body is None else decode(self.body)

    def manifest(self, names: Names) -> list[Key]:
        """Every version that the plan showed, in the order in which the plan names them."""
        listed, url = self._extension, names.manifest
        return [] if listed == _ABSENT else _keys(each.valueReference for each in _manifest(listed) if each.url == url)

    @cached_property
    def written(self) -> list[Key]:
        """The versions that it wrote."""
        return _keys(_listed(self._said.target))

    def wrote(self, key: Key) -> bool:
        """Whether it wrote a version."""
        # As a reference is stored, which no text within the same bytes looks like: its quotes would be escaped.
        stored = f'"reference":"{key[0]}/{key[1]}/_history/{key[2]}"'.encode()
        return stored in bytes(self._said.target) or key in self.written

    @cached_property
    def _entities(self) -> list[Any]:
        return _listed(self._said.entity)

    @cached_property
    def replaced(self) -> dict[tuple[str, str], int]:
        """The versions that those took the place of, by type and id."""
        listed = [each.get("what") for each in self._entities if each.get("role") == "revision"]
        return {key[:2]: key[2] for key in _keys(listed)}

    @cached_property
    def sources(self) -> list[str]:
        """The ids of the revisions that it came from."""
        listed = [each.get("what") for each in self._entities if each.get("role") == "source"]
        return [key[1] for key in _keys(listed) if key[0] == "Provenance"]

    @property
    def has_source(self) -> bool:
        """Whether it came from something: a proposal, another plan, a revision that was brought back or objected to."""
        return any(each.get("role") == "source" for each in self._entities)

    @cached_property
    def activity(self) -> dict[str, Any]:
        """What happened, as a concept."""
        said = self._said.activity
        return {} if said == _ABSENT else decode_value(said) or {}

    def with_activity(self, activity: Mapping[str, Any]) -> bytes:
        """The Provenance with another account of what happened. All else is copied as it is."""
        member = b'"activity":'
        said = member + bytes(self._said.activity)
        if self.body is not None and len(said) > len(member):
            shown, rest = self.body[: self._behind], self.body[self._behind :]
            if rest.count(said) == 1:
                return shown + rest.replace(said, member + encode(activity))
        return encode({**shallow(self.body), "activity": activity})

    @property
    def event(self) -> str:
        """The code of what happened."""
        coding = self.activity.get("coding") or [{}]
        found: str = coding[0].get("code", "")
        return found

    @property
    def recorded(self) -> str:
        """When it was written down, an instant."""
        found: str = self._said.recorded or ""
        return found

    @property
    def reasons(self) -> list[dict[str, Any]]:
        """Why, as concepts."""
        found: list[dict[str, Any]] = self._said.reason or []
        return found

    def extensions(self, url: str) -> list[Any]:
        """Its extensions with this url."""
        listed = self._extension
        return [] if listed == _ABSENT else [each for each in decode_value(listed) if each.get("url") == url]

    @cached_property
    def agents(self) -> bytes:
        """Its agents as they are stored: whose are the same bytes were the same; empty where nobody is named."""
        return bytes(self._said.agent)

    @property
    def happened(self) -> bytes:
        """``activity`` as it is stored; empty where it is not there."""
        return bytes(self._said.activity)

    @cached_property
    def author(self) -> dict[str, Any]:
        """The first agent: who did it."""
        listed = self._said.agent
        found: dict[str, Any] = {} if listed == _ABSENT else (decode_value(listed) or [{}])[0]
        return found


def _said(body: bytes) -> tuple[_Said, int]:
    """What a Provenance says behind the list of what the plan showed, which is the most of it and is not looked
    through, and where that begins; all of it where it is stored in another order, as one that was loaded may be.
    """
    at = _behind_shown(body)
    if at:
        # Found within something else, there is a bracket too much behind it, and it is no JSON.
        with suppress(msgspec.DecodeError):
            return _decode_said(b"{" + body[at:]), at
    return _decode_said(body), 0


def _behind_shown(body: bytes) -> int:
    """Where the targets begin that stand right behind that list, before which is nothing that is asked; else 0."""
    before = _BEFORE_SHOWN(body)
    if before is None:
        return 0
    # The list ends no later than at the first bracket with another member behind it. One byte is found many times
    # faster than three, and what is in the list has few brackets.
    end = body.find(b"]", before.end())
    while end >= 0 and not body.startswith(b',"', end + 1):
        end = body.find(b"]", end + 1)
    return end + len(b"],") if end >= 0 and body.startswith(_BEHIND_SHOWN, end) else 0


def _listed(raw: msgspec.Raw) -> list[Any]:
    """A list in JSON; empty where it is not there."""
    return [] if raw == _ABSENT else decode_value(raw) or []


def _keys(references: Iterable[Any]) -> list[Key]:
    found = []
    for each in references:
        text = each.get("reference") if isinstance(each, dict) else None
        named = _VERSIONED(text) if isinstance(text, str) else None
        if named is not None:
            kind, resource_id, version = named.groups()
            found.append((kind, resource_id, int(version)))
    return found
