"""Page walks, and what they promise: judged afterwards by the history of every partition that was walked.

What existed at the first page and did not change appears exactly once; what changed meanwhile appears, at the end, as
it is then; what was born later does not appear.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import msgspec

from app.fhir.resource import Resource, decode
from app.server.search.page import _PAIR
from tests.server.service import Caller, link
from tests.service import Instance

_SIGNATURE: Final = 16
_VERSIONS: Final = (
    "SELECT h.patient, h.type, h.id, h.version, h.seq, h.interaction, coalesce(h.body, (SELECT r.body FROM resource r"
    " WHERE r.patient = h.patient AND r.type = h.type AND r.id = h.id AND r.version = h.version)) FROM history h"
    " ORDER BY h.patient, h.seq"
)
Key = tuple[int, str, str]
"""Partition, type, id."""
Matches = Callable[[Resource], bool]


@dataclass(slots=True)
class Walk:
    """What the pages gave: key and version in their order. ``seqs``: up to which change, per partition."""

    seen: list[tuple[Key, int]] = field(default_factory=list)
    pages: int = 0
    seqs: dict[int, int] = field(default_factory=dict)


async def walk(services: list[Instance], token: str, address: str, between: Callable[[], Awaitable[object]]) -> Walk:
    """Follow the page links from ``address``, each in the next service, with ``between`` before each."""
    partitions = {row[1]: row[0] for row in await services[0].database.fetch("SELECT patient, id FROM alias")}
    result = Walk()
    following: str | None = address
    while following is not None:
        service = services[result.pages % len(services)]
        page = await Caller(service.http, token).bundle(following)
        for entry in page.get("entry", ()):
            resource = entry["resource"]
            subject = resource.get("subject", resource.get("patient", {})).get("reference", "/").partition("/")[2]
            owner = (
                partitions[resource["id"] if resource["resourceType"] == "Patient" else subject]
                if subject or resource["resourceType"] == "Patient"
                else -1
            )
            result.seen.append(((owner, resource["resourceType"], resource["id"]), int(resource["meta"]["versionId"])))
        following = link(page, "next")
        if following is not None and not result.pages:
            result.seqs = await _promise(service, following, owner)
        result.pages += 1
        await between()
    return result


async def _promise(service: Instance, following: str, partition: int) -> dict[int, int]:
    """What the first page's link holds: up to which change of which partition the walk goes."""
    text = following.partition("_page=")[2]
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    _, seq, _, _, _, name = msgspec.msgpack.decode(raw[_SIGNATURE:])
    if not name:
        return {partition: seq}
    ((packed,),) = await service.database.fetch("SELECT partitions FROM walk WHERE id = $1", name)
    return dict(_PAIR.iter_unpack(packed))


@dataclass(slots=True)
class Life:
    """The versions of one resource: number, change, interaction, content."""

    versions: list[tuple[int, int, str, Resource | None]] = field(default_factory=list)

    def at(self, seq: int) -> int:
        """The version that stood at ``seq``; 0 when there was none or it was deleted."""
        standing = [each for each in self.versions if each[1] <= seq]
        return 0 if not standing or standing[-1][2] == "delete" else standing[-1][0]

    def since(self, seq: int) -> list[tuple[int, int, str, Resource | None]]:
        return [each for each in self.versions if each[1] > seq]

    def content(self, version: int) -> Resource | None:
        return self.versions[version - 1][3]


async def lives(service: Instance) -> dict[Key, Life]:
    """Everything that ever happened."""
    names = service.server.registry.type_names
    found: dict[Key, Life] = defaultdict(Life)
    for patient, type_number, resource_id, version, seq, interaction, body in await service.database.fetch(_VERSIONS):
        resource = None if body is None else decode(body)
        found[patient, names[type_number], resource_id].versions.append((version, seq, interaction, resource))
    return found


def broken_promises(walked: Walk, lived: dict[Key, Life], matches: Matches) -> list[str]:
    """What the walk did not keep; empty when it kept all. ``matches`` says what the search asked for."""
    deliveries: dict[Key, list[int]] = defaultdict(list)
    for key, version in walked.seen:
        deliveries[key].append(version)
    broken = [f"{key}: nobody ever stored it" for key in deliveries.keys() - lived.keys()]
    still: set[Key] = set()
    for key, life in lived.items():
        if key[0] in walked.seqs:
            seq = walked.seqs[key[0]]
            broken += [f"{key}: {problem}" for problem in _of_one(life, seq, deliveries.get(key, []), matches)]
            if life.at(seq) and not life.since(seq):
                still.add(key)
    places = [place for place, (key, _) in enumerate(walked.seen) if key in still]
    changed = [
        place
        for place, (key, version) in enumerate(walked.seen)
        if key not in still and version != _at(walked, lived, key)
    ]
    if places and changed and min(changed) < max(places):
        broken.append("something that changed came before something that did not")
    return broken


def _at(walked: Walk, lived: dict[Key, Life], key: Key) -> int:
    return lived[key].at(walked.seqs[key[0]])


def _of_one(life: Life, seq: int, delivered: list[int], matches: Matches) -> Iterator[str]:
    standing, since = life.at(seq), life.since(seq)
    deleted = next((each[0] for each in since if each[2] == "delete"), None)
    if not standing:
        if delivered:
            yield f"was born after {seq}, and appeared as {delivered}"
        return
    allowed = {standing, *(each[0] for each in since if deleted is None or each[0] < deleted)}
    contents = [life.content(version) for version in allowed]
    always = all(content is not None and matches(content) for content in contents)
    if not since:
        if delivered != ([standing] if always else []):
            yield f"did not change since {seq}, and appeared as {delivered}"
        return
    if any(version not in allowed for version in delivered):
        yield f"appeared as {delivered}, of {sorted(allowed)}"
    if any(not matches(life.content(version) or {}) for version in delivered):
        yield f"appeared as {delivered}, which was not asked for"
    if deleted is None and always and not delivered:
        yield f"changed after {seq}, and did not appear"
    if len(delivered) > 2 or any(after <= before for before, after in pairwise(delivered)):
        yield f"appeared as {delivered}"


def order_of(walked: Walk, lived: dict[Key, Life]) -> list[Key]:
    """What did not change, in the order in which it appeared."""
    return [key for key, _ in walked.seen if not lived[key].since(walked.seqs[key[0]])]


def anything(_: Resource) -> bool:
    return True


def with_code(code: str) -> Matches:
    """Resources whose first coding is ``code``."""

    def matches(resource: Resource) -> bool:
        codings: list[dict[str, Any]] = resource.get("code", {}).get("coding", [{}])
        return bool(codings[0].get("code") == code)

    return matches
