"""``$meta``, ``$meta-add`` and ``$meta-delete``: the profiles, tags and security labels of one resource.
https://hl7.org/fhir/R4/resource-operation-meta-add.html

The specification lets these change a version in place. Here nothing is overwritten: what they change is a new version,
checked as any update is. When nothing changes there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from app.errors import Invalid
from app.fhir.resource import Resource, decode, encode
from app.fhir.scopes import Action
from app.server.challenges import beyond_scopes
from app.server.interactions.addresses import version_headers
from app.server.interactions.parameters import inputs_of
from app.server.interactions.patch import change_stored
from app.server.interactions.stored import stored_for
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.server import FhirServer
from app.server.store.read import Stored

_SETS: Final = ("profile", "security", "tag")
_RETURN: Final = Parameter("return", "out", 1, "1", "Meta", "The meta of the resource as it is now.")
META_PARAMETERS: Final = (_RETURN,)
META_ADD_PARAMETERS: Final = (
    Parameter("meta", "in", 1, "1", "Meta", "Profiles, tags and security labels to add; what is there already stays."),
    _RETURN,
)
META_DELETE_PARAMETERS: Final = (
    Parameter("meta", "in", 1, "1", "Meta", "Profiles, tags and security labels to take away, where they are there."),
    _RETURN,
)
Combine = Callable[[Resource, Resource], Resource]
"""From the meta that is there and the one that is given to the one that is to be."""


async def meta(server: FhirServer, request: Request, target: Target) -> Answer:
    """The meta of the current version, or of the one in the address."""
    inputs_of(server, request, META_PARAMETERS)
    if target.version and not (target.version.isdecimal() and len(target.version) <= 9):
        raise Invalid("The version in the address is none of this server's.", "value")
    stored = await _read(server, request, target, version=int(target.version) if target.version else None)
    return _answer(target, stored, "$meta")


async def meta_add(server: FhirServer, request: Request, target: Target) -> Answer:
    """The resource with more in its meta."""
    return await _change(server, request, target, _added, "$meta-add")


async def meta_delete(server: FhirServer, request: Request, target: Target) -> Answer:
    """The resource with less in its meta."""
    return await _change(server, request, target, _removed, "$meta-delete")


async def _change(server: FhirServer, request: Request, target: Target, combine: Combine, name: str) -> Answer:
    if not request.access.scopes.allow(target.type, Action.READ):
        text = f"{name} tells what is there: it takes scopes to read and to update {target.type}."
        raise beyond_scopes(request.access.scopes, text, (target.type, Action.READ | Action.UPDATE))
    given = inputs_of(server, request, META_ADD_PARAMETERS).first("meta")
    if any(each not in _SETS for each in given) or not all(isinstance(each, list) for each in given.values()):
        raise Invalid(f"meta: {', '.join(_SETS)} are changed by this operation, and nothing else.", "value")

    async def find() -> tuple[str, Stored]:
        return target.id, await _read(server, request, target)

    draft = await change_stored(server, request, target.type, find, partial(_combined, given=given, combine=combine))
    answer = _answer(target, Stored(draft.patient, draft.version, draft.updated, draft.body or b""), name)
    answer.wrote = not draft.unchanged
    answer.resources = (f"{target.type}/{target.id}/_history/{draft.version}",)
    return answer


async def _read(server: FhirServer, request: Request, target: Target, *, version: int | None = None) -> Stored:
    return await stored_for(server, request, target.type, target.id, patient_id=target.patient_id, version=version)


def _combined(resource: Resource, given: Resource, combine: Combine) -> Resource:
    """The resource with another meta; the one given stays as it was."""
    return {**resource, "meta": combine(resource.get("meta", {}), given)}


def _added(present: Resource, given: Resource) -> Resource:
    made = dict(present)
    for name in _SETS:
        known = list(present.get(name, ()))
        marks = {_mark(each) for each in known}
        for each in given.get(name, ()):
            if _mark(each) not in marks:
                marks.add(_mark(each))
                known.append(each)
        if known:
            made[name] = known
    return made


def _removed(present: Resource, given: Resource) -> Resource:
    made = dict(present)
    for name in _SETS:
        gone = {_mark(each) for each in given.get(name, ())}
        kept = [each for each in present.get(name, ()) if _mark(each) not in gone]
        if kept:
            made[name] = kept
        else:
            made.pop(name, None)
    return made


def _mark(value: Any) -> object:
    """What makes a label the same: system and code of a Coding, the whole of a profile's URL."""
    if isinstance(value, dict):
        return str(value.get("system")), str(value.get("code"))
    return str(value)


def _answer(target: Target, stored: Stored, name: str) -> Answer:
    """A Parameters with the meta, as every operation with one result that is no resource gives it."""
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "return", "valueMeta": decode(stored.body).get("meta", {})}],
    }
    where = f"{target.type}/{target.id}"
    return Answer(
        200,
        encode(body),
        version_headers(stored),
        interaction=name,
        type=target.type,
        patients=(stored.patient,),
        resources=(f"{where}/_history/{target.version}" if target.version else where,),
        rows=1,
    )
