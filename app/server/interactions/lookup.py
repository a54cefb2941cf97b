"""``CodeSystem/$lookup``: what a code means, from the code systems that are held here.
https://hl7.org/fhir/R4/codesystem-operation-lookup.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from app.errors import Invalid, NotFound
from app.fhir.terminology.checking import Coding
from app.fhir.terminology.codesystem import CodeSystem, Concept, read_code_system
from app.fhir.terminology.words import display_of
from app.server.interactions.codings import (
    CODING,
    DISPLAY_LANGUAGE,
    OF_A_CODE_SYSTEM,
    answered,
    coding_in,
    languages_of,
    stored_at,
)
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.server import FhirServer
from app.server.terminology.held import held_by

LOOKUP_PARAMETERS: Final = (
    Parameter("code", "in", 0, "1", "code", "The code; its system comes with it, or is in the address."),
    *OF_A_CODE_SYSTEM,
    CODING,
    DISPLAY_LANGUAGE,
    Parameter("property", "in", 0, "*", "code", "Only these properties of the concept; all if not said."),
    Parameter("name", "out", 1, "1", "string", "What the code system is called."),
    Parameter("version", "out", 0, "1", "string", "The version of the code system that was looked in."),
    Parameter("display", "out", 1, "1", "string", "The concept in words."),
    Parameter("designation", "out", 0, "*", "BackboneElement", "Other words for the concept, with language and use."),
    Parameter(
        "property", "out", 0, "*", "BackboneElement", "Definition, parents, children and properties, by code and value."
    ),
)


async def lookup(server: FhirServer, request: Request, target: Target) -> Answer:
    """The concept of a code. Raises ``NotFound`` where the code or its system is not held."""
    inputs = inputs_of(server, request, LOOKUP_PARAMETERS)
    asked = _asked(inputs)
    system = await system_of(server, request, target, asked.canonical)
    concept = system.find(asked.code)
    if concept is None:
        raise NotFound(system.lacks("this code"))
    parts = _told(system, concept, inputs, languages_of(request, inputs))
    return answered(parts, inputs, target, "$lookup")


async def system_of(server: FhirServer, request: Request, target: Target, canonical: str) -> CodeSystem:
    """The code system at the address, else the one of a canonical. Raises ``NotFound`` where it is not held, and
    ``Invalid`` where none is named, or another than the one at the address.
    """
    if target.id:
        system = read_code_system(await stored_at(server, request, target))
        if canonical.partition("|")[0] not in ("", system.url):
            raise Invalid("system: the code system at this address is another one.", "value")
        return system
    if not canonical:
        raise Invalid("Say in which code system: by system, by coding, or by an id in the address.", "required")
    held = await held_by(server, server.database, request.access, now=request.now)
    found = await held.ask(lambda view: view.code_system(canonical))
    if found is None or not await held.tells_of("CodeSystem", canonical):
        raise NotFound(f"The code system {canonical} is not held here.")
    return found


def _asked(inputs: Inputs) -> Coding:
    """System, version and code. Raises ``Invalid``."""
    if "coding" not in inputs.values:
        code = inputs.first("code")
        if code is None:
            raise Invalid("code: say which code, by code or by coding.", "required")
        return Coding(inputs.first("system"), code, inputs.first("version"))
    if any(name in inputs.values for name in ("code", "system", "version")):
        raise Invalid("coding: it stands in place of code, system and version.", "invalid")
    return coding_in(inputs.first("coding"), "coding")


def _told(system: CodeSystem, concept: Concept, inputs: Inputs, languages: Sequence[str]) -> list[dict[str, Any]]:
    json = concept.json
    designations = json.get("designation", [])
    told: list[dict[str, Any]] = [{"name": "name", "valueString": system.name or system.url}]
    if system.version is not None:
        told.append({"name": "version", "valueString": system.version})
    display = display_of(concept.display, designations, languages, system.languages)
    told.append({"name": "display", "valueString": display or concept.code})
    told += [{"name": "designation", "part": _designation(each)} for each in designations]
    wanted = set(inputs.all("property"))
    told += [
        {"name": "property", "part": part}
        for part in _properties(system, concept)
        if not wanted or part[0]["valueCode"] in wanted
    ]
    return told


def _designation(designation: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = (("language", "valueCode"), ("use", "valueCoding"), ("value", "valueString"))
    return [{"name": name, kind: designation[name]} for name, kind in kinds if name in designation]


def _properties(system: CodeSystem, concept: Concept) -> list[list[dict[str, Any]]]:
    """The parts of each property: code, value, and the words of a concept that it names."""
    found: list[list[dict[str, Any]]] = []
    if "definition" in concept.json:
        found.append([_named("definition"), {"name": "value", "valueString": concept.json["definition"]}])
    written = {(name, str(value)) for name, value in concept.properties}
    for name, codes in (("parent", concept.parents), ("child", system.children.get(concept.code, ()))):
        found += [
            [_named(name), {"name": "value", "valueCode": code}, *_words(system, code)]
            for code in codes
            if (name, code) not in written
        ]
    for each in concept.json.get("property", ()):
        value = {name: content for name, content in each.items() if name.startswith("value")}
        if value:
            words = _words(system, value["valueCode"]) if "valueCode" in value else []
            found.append([_named(each["code"]), {"name": "value", **value}, *words])
    return found


def _named(code: str) -> dict[str, Any]:
    return {"name": "code", "valueCode": code}


def _words(system: CodeSystem, code: str) -> list[dict[str, Any]]:
    concept = system.concepts.get(code)
    display = None if concept is None else concept.display
    return [] if display is None else [{"name": "description", "valueString": display}]
