"""No longer delivered: what a source gave under a request, and does not give any more in its complete answer to it.

It stays visible with that mark, which goes when it is given again. Nothing is concluded from an answer that may leave
something out: ``$lastn``, a period, a status, a page of several. MODEL 3, "Absence never deletes"
https://hl7.org/fhir/R4/bundle.html#searchset
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from app.errors import Issue
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.server.access import Access
from app.server.intake.flags import DISPLAYS, NO_LONGER_DELIVERED, intake_system, since_extension
from app.server.interactions.taking.delivery import Delivery
from app.server.messages import Request
from app.server.search.follow import OWNER_FLAG
from app.server.search.narrowing import narrowing_of
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.prepare import finish

_KINDS: Final = frozenset({"category", "code", "type", "class", "_type"})
"""Parameters that say what kind is asked for, and leave out nothing of that kind."""
_BESIDE: Final = ("_include", "_revinclude")
_ASKER: Final = frozenset({"patient", "subject", "_format"})
"""Parameters that say for whom and how, not what."""
_LONGEST: Final = 500
"""Characters of a request that something is concluded from."""
_UNDER: Final = (
    "SELECT u.type, u.id, r.version, r.deleted, r.body, r.flags, r.labels,"
    " (SELECT count(*) FROM delivered_under o WHERE o.patient = u.patient AND o.source = u.source AND o.type = u.type"
    " AND o.id = u.id AND o.request <> u.request)"
    " FROM delivered_under u LEFT JOIN resource r ON r.patient = u.patient AND r.type = u.type AND r.id = u.id"
    " WHERE u.patient = $1 AND u.source = $2 AND u.request = $3"
)


@dataclass(frozen=True, slots=True)
class Answered:
    """``request`` is what the whole is the complete answer to, in one form whatever the order of its parameters; ""
    where it is not known to be the complete answer to anything.
    """

    request: str = ""
    told: tuple[Issue, ...] = ()


NOTHING_SAID: Final = Answered()


def answered_in(base: str, bundle: Resource) -> Answered:
    """What the ``self`` link of a Bundle says, whose shape is not known to be right."""
    links: dict[str, Any] = {}
    for each in bundle.get("link", ()) if isinstance(bundle.get("link"), list) else ():
        if isinstance(each, dict) and isinstance(each.get("relation"), str):
            links[each["relation"]] = each.get("url")
    url = links.get("self")
    if not isinstance(url, str) or "next" in links:
        return NOTHING_SAID
    path, _, query = url.removeprefix(base).partition("?")
    kind = unquote(path).rstrip("/").rpartition("/")[2]
    asked = parse_qsl(query, keep_blank_values=True)
    if (
        len(url) > _LONGEST
        or not unquote(url).isprintable()
        or not kind.isalpha()
        or not all(_is_of_kind(name) for name, _ in asked)
    ):
        return NOTHING_SAID
    said = sorted((name, value) for name, value in asked if name.partition(":")[0] not in _ASKER)
    return Answered(f"{kind}?{'&'.join(f'{name}={value}' for name, value in said)}")


def _is_of_kind(name: str) -> bool:
    plain = name.partition(":")[0]
    return plain in _KINDS or plain in _ASKER or plain in _BESIDE


async def no_longer_delivered(
    server: FhirServer, request: Request, delivery: Delivery, answered: Answered, drafts: Sequence[Draft]
) -> list[Draft]:
    """The drafts that mark what is missing from the complete answer; ``delivery`` is told of what the answer has. Of
    what the source may not add now it says nothing: that stays as it is.
    """
    patients = {each.patient for each in delivery.parts.values()} or {each.patient for each in drafts}
    if not answered.request or len(patients) != 1:
        return []
    (patient,) = patients
    given = {(part.draft.type, part.draft.id) for part in delivery.parts.values() if part.draft is not None}
    rows = await server.database.fetch(_UNDER, patient, delivery.source.key, answered.request)
    marked: list[Draft] = []
    gone: list[tuple[str, str]] = []
    for number, resource_id, version, deleted, body, flags, labels, others in rows:
        kind = server.registry.type_names[number]
        if (kind, resource_id) in given or not _may_say(server, request.access, patient, kind, labels, body):
            continue
        gone.append((kind, resource_id))
        if body is not None and not deleted and not others:
            resource = _marked(server, decode(body), request.now)
            owned = bool(flags & OWNER_FLAG)
            draft = Draft("update", kind, resource_id, patient, resource, owned=owned, right=Action.CREATE)
            marked.append(finish(server, draft))
            delivery.beside[kind, resource_id] = version
    delivery.under(patient, answered.request, gone)
    return marked


def _may_say(
    server: FhirServer, access: Access, patient: int, kind: str, labels: int | None, body: bytes | None
) -> bool:
    """Whether the source could have given it now."""
    if not access.scopes.allow(kind, Action.CREATE) or (labels or 0) & access.denied_labels(patient, Action.CREATE):
        return False
    if access.scopes.narrowed is None or body is None:
        return True
    return narrowing_of(server.registry).allows(access.scopes, Action.CREATE, decode(body))


def _marked(server: FhirServer, resource: Resource, now: int) -> Resource:
    """With the tag and since when, unless it has them."""
    system = intake_system(server.canonical_base)
    meta = resource["meta"]
    tags = meta.get("tag", [])
    if any((each.get("system"), each.get("code")) == (system, NO_LONGER_DELIVERED) for each in tags):
        return resource
    url = since_extension(server.canonical_base)
    tag = {"system": system, "code": NO_LONGER_DELIVERED, "display": DISPLAYS[NO_LONGER_DELIVERED]}
    kept = [each for each in meta.get("extension", ()) if each["url"] != url]
    said = [*kept, {"url": url, "valueDateTime": instant(now)}]
    return {**resource, "meta": {**meta, "extension": said, "tag": [*tags, tag]}}
