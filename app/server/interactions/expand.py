"""``ValueSet/$expand``: the codes of a value set that is held here, flat and in pages.
https://hl7.org/fhir/R4/valueset-operation-expand.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.errors import Invalid, NotFound, Unprocessable
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode, encode
from app.fhir.terminology.words import display_of
from app.fhir.validation import validate
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.server import FhirServer
from app.server.store.read import read
from app.server.terminology.expansion import (
    Expansion,
    Listed,
    NotHeld,
    TooCostly,
    expansion_of,
    expansion_of_resource,
    is_held,
)
from app.server.terminology.holdings import Held

EXPAND_PARAMETERS: Final = (
    Parameter("url", "in", 0, "1", "uri", "The canonical of the value set; not for an address with an id."),
    Parameter("valueSet", "in", 0, "1", "ValueSet", "A value set that is not stored."),
    Parameter("valueSetVersion", "in", 0, "1", "string", "The version that is meant."),
    Parameter("filter", "in", 0, "1", "string", "Only concepts whose code or words contain this, in any case."),
    Parameter("offset", "in", 0, "1", "integer", "How many concepts to pass over."),
    Parameter("count", "in", 0, "1", "integer", "How many concepts to give; 0 asks for their number only."),
    Parameter("includeDesignations", "in", 0, "1", "boolean", "With other words and languages."),
    Parameter("activeOnly", "in", 0, "1", "boolean", "Without concepts that are no longer in use."),
    Parameter("displayLanguage", "in", 0, "1", "code", "The language of the words, where they are there."),
    Parameter("return", "out", 1, "1", "ValueSet", "The value set with its expansion."),
)
_LEFT_OUT: Final = ("text", "contained", "compose", "expansion", "meta")


async def expand(server: FhirServer, request: Request, target: Target) -> Answer:
    """The value set of the address, of ``url``, or the one that is sent. Raises ``NotFound`` where it is not held, and
    ``Unprocessable`` where something that it needs is not.
    """
    inputs = inputs_of(server, request, EXPAND_PARAMETERS)
    given = [name for name in ("url", "valueSet") if name in inputs.values] + (
        ["the id in the address"] if target.id else []
    )
    if len(given) != 1:
        raise Invalid("Say which value set is meant: by url, by valueSet, or by an id in the address.", "required")
    held = await server.holdings.of(server.database, request.access, now=request.now)
    try:
        value_set, expansion = await _expanded(server, request, target, inputs, held)
    except (NotHeld, TooCostly) as error:
        raise Unprocessable(error.diagnostics, error.code) from error
    head = {name: value for name, value in value_set.items() if name not in _LEFT_OUT}
    body = {**head, "expansion": _expansion(expansion, inputs, now=request.now)}
    return Answer(
        200,
        encode(body),
        interaction="$expand",
        type="ValueSet",
        parameters=inputs.names,
        resources=(f"ValueSet/{target.id}",) if target.id else (),
        rows=len(body["expansion"].get("contains", ())),
    )


async def _expanded(
    server: FhirServer, request: Request, target: Target, inputs: Inputs, held: Held
) -> tuple[Resource, Expansion]:
    """The value set, as far as it is known, and its codes."""
    sent: Resource | None = inputs.first("valueSet")
    if target.id:
        stored = await read(
            server.database,
            request.access,
            "ValueSet",
            target.id,
            registry=server.registry,
            now=request.now,
            patient_id=target.patient_id,
        )
        sent = decode(stored.body)
    elif sent is not None:
        problems = [each for each in validate(sent, server.definitions) if each.severity in ("error", "fatal")]
        if problems:
            raise Unprocessable("The value set is not valid FHIR R4.", issues=tuple(problems))
    if sent is not None:
        return sent, await expansion_of_resource(held, sent)
    version = inputs.first("valueSetVersion")
    url = inputs.first("url")
    canonical = f"{url}|{version}" if version is not None and "|" not in url else url
    if not is_held(held, canonical):
        raise NotFound(f"The value set {canonical} is not held here.")
    entry = held.holding.find("ValueSet", canonical)
    stored_set = await held.read(entry) if entry is not None else None
    if stored_set is not None and not held.shows(stored_set):
        raise NotFound(f"The value set {canonical} is not held here.")
    plain = {
        "resourceType": "ValueSet",
        "url": url.partition("|")[0],
        "version": server.definitions.version,
        "status": "active",
    }
    return stored_set or plain, await expansion_of(held, canonical)


def _expansion(expansion: Expansion, inputs: Inputs, *, now: int) -> dict[str, Any]:
    """The page that is asked for, with what it was made by."""
    language, words = inputs.first("displayLanguage"), inputs.first("filter")
    listed = [
        each
        for each in expansion.concepts.values()
        if (each.active or not inputs.first("activeOnly")) and (words is None or _contains(each, words.casefold()))
    ]
    offset, count = inputs.first("offset") or 0, inputs.first("count")
    chosen = listed[offset:] if count is None else listed[offset : offset + count]
    designations = bool(inputs.first("includeDesignations"))
    made: dict[str, Any] = {"timestamp": instant(now), "total": len(listed)}
    if "offset" in inputs.values or "count" in inputs.values:
        made["offset"] = offset
    parameters = [
        *_said(inputs),
        *({"name": "used-codesystem", "valueUri": each} for each in sorted(expansion.systems)),
    ]
    if parameters:
        made["parameter"] = parameters
    if chosen:
        made["contains"] = [_written(each, language, designations=designations) for each in chosen]
    return made


def _said(inputs: Inputs) -> Iterator[dict[str, Any]]:
    for name, values in inputs.values.items():
        value = values[0]
        if isinstance(value, bool):
            yield {"name": name, "valueBoolean": value}
        elif isinstance(value, int):
            yield {"name": name, "valueInteger": value}
        elif isinstance(value, str):
            yield {"name": name, "valueUri" if name == "url" else "valueString": value}


def _contains(listed: Listed, words: str) -> bool:
    texts = (listed.code, listed.display or "", *(str(each.get("value", "")) for each in listed.designations))
    return any(words in each.casefold() for each in texts)


def _written(listed: Listed, language: str | None, *, designations: bool) -> dict[str, Any]:
    """One ``ValueSet.expansion.contains``."""
    made: dict[str, Any] = {"system": listed.system}
    if listed.abstract:
        made["abstract"] = True
    if not listed.active:
        made["inactive"] = True
    if listed.version is not None:
        made["version"] = listed.version
    made["code"] = listed.code
    display = display_of(listed.display, listed.designations, language)
    if display is not None:
        made["display"] = display
    if designations and listed.designations:
        made["designation"] = list(listed.designations)
    return made
