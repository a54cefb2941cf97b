"""What changed meanwhile in a part of the plan, for who started from an older version of it: which elements, by whom
and when, without a value. MODEL 2, "Concurrency". https://hl7.org/fhir/R4/http.html#concurrency
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from app.careplan.past import Revision
from app.careplan.recent import revisions_back
from app.careplan.refusals import PREFIX, text_of
from app.database import Reader
from app.errors import Issue
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.server.rules import Overtaken
from app.server.store.guarded import GUARD, GuardedReader

MOST_TOLD: Final = 10
"""Versions that are told of; of more, only how many."""
_VERSIONS: Final = (
    "SELECT h.version, h.updated, h.labels, coalesce(h.body, (SELECT r.body FROM resource r WHERE r.patient = h.patient"
    " AND r.type = h.type AND r.id = h.id AND r.version = h.version)) FROM history h"
    " WHERE h.patient = $4 AND h.type = $5 AND h.id = $6 AND h.version >= $7"
    f" AND {GUARD} ORDER BY h.version LIMIT $8"
)
_SEEN: Final = (
    f"SELECT r.n FROM resource r WHERE r.patient = $4 AND r.type = $5 AND r.id = $6 AND r.labels & $7 = 0 AND {GUARD}"
)
_UNTOLD: Final = frozenset({"meta", "id", "resourceType"})


class _Step(NamedTuple):
    """One version, and the elements in which it differs from the one before; None where either may not be seen."""

    version: int
    updated: int
    elements: tuple[str, ...] | None


async def changed_meanwhile(
    reader: Reader, late: Overtaken, plan_id: str, types: Mapping[str, int]
) -> tuple[Issue, ...]:
    """An information issue for each version since the one that the caller knows. ``plan_id``: the plan whose revisions
    say who it was.
    """
    reading = GuardedReader(reader, late.access, late.now)
    steps = await _steps(reading, late, types)
    told = [each for each in steps if each.elements is not None][:MOST_TOLD]
    by_whom = await _authors(reading, late, plan_id, told, types["Provenance"])
    issues = [_issue(late, each, by_whom.get(each.version)) for each in told]
    untold = late.present - late.version - len(told)
    if untold > 0:
        text = text_of("changed-untold", what=f"{late.type}/{late.id}", number=str(untold))
        issues.append(Issue("informational", text, severity="information", rule=f"{PREFIX}changed-untold"))
    return tuple(issues)


async def _steps(reader: GuardedReader, late: Overtaken, types: Mapping[str, int]) -> list[_Step]:
    access = late.access
    # What the scopes' queries would say of each old version is not asked: then nothing is told of them.
    if access.scopes.narrowed is not None or not access.scopes.allow(late.type, Action.READ):
        return []
    denied = access.denied_labels(late.patient, Action.READ)
    rows = await reader.fetch(_VERSIONS, late.patient, types[late.type], late.id, late.version, MOST_TOLD + 1)
    found: list[_Step] = []
    before: Resource | None = None
    for version, updated, labels, body in rows:
        after = None if body is None or labels & denied else decode(body)
        if version > late.version:
            seen = before is not None and after is not None
            elements = tuple(differing(late.type, before or {}, after or {})) if seen else None
            found.append(_Step(version, updated, elements))
        before = after
    return found


async def _authors(
    reader: GuardedReader, late: Overtaken, plan_id: str, steps: list[_Step], provenance: int
) -> dict[int, Revision]:
    """The revision that wrote each version, where the caller may see that. ``provenance``: the number of the type."""
    if not late.access.scopes.allow("Provenance", Action.READ):
        return {}
    denied = late.access.denied_labels(late.patient, Action.READ)
    wanted = {each.version for each in steps}
    found: dict[int, Revision] = {}
    if not wanted or not plan_id:
        return found
    earliest = min(each.updated for each in steps)
    async for revision in revisions_back(reader, late.patient, plan_id):
        if revision.updated < earliest or len(found) == len(wanted):
            break
        made = [each[2] for each in revision.written if each[:2] == (late.type, late.id) and each[2] in wanted]
        if made and await reader.fetch(_SEEN, late.patient, provenance, revision.id, denied):
            found |= dict.fromkeys(made, revision)
    return found


def _issue(late: Overtaken, step: _Step, revision: Revision | None) -> Issue:
    who: dict[str, Any] = {} if revision is None else revision.author.get("who", {})
    elements = step.elements or ()
    text = text_of(
        "changed-meanwhile",
        what=f"{late.type}/{late.id}",
        version=str(step.version),
        when=instant(step.updated),
        who=who.get("reference") or who.get("display") or "-",
        event="-" if revision is None else revision.event,
        elements=", ".join(elements) or "-",
    )
    return Issue("informational", text, elements, severity="information", rule=f"{PREFIX}changed-meanwhile")


def differing(kind: str, before: Resource, after: Resource) -> Iterator[str]:
    """The elements in which two versions differ, as FHIRPaths; each extension by its url."""
    for name in dict.fromkeys((*before, *after)):
        if name in _UNTOLD or before.get(name) == after.get(name):
            continue
        if name != "extension":
            yield f"{kind}.{name}"
            continue
        old, new = _by_url(before), _by_url(after)
        for url in dict.fromkeys((*old, *new)):
            if old.get(url) != new.get(url):
                yield f"{kind}.extension('{url}')"


def _by_url(resource: Resource) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = {}
    for each in resource.get("extension", ()):
        found.setdefault(each.get("url", ""), []).append(each)
    return found
