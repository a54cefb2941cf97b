"""``CodeSystem/$lookup``: what a code means, from the code systems that are held here.
https://hl7.org/fhir/R4/codesystem-operation-lookup.html
"""

from __future__ import annotations

from typing import Any, Final

from app.errors import Invalid, NotFound
from app.fhir.resource import decode, encode
from app.fhir.terminology.codesystem import CodeSystem, Concept, read_code_system
from app.fhir.terminology.defined import defined_code_system
from app.fhir.terminology.words import display_of
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.server import FhirServer
from app.server.store.read import read

LOOKUP_PARAMETERS: Final = (
    Parameter("code", "in", 0, "1", "code", "The code; its system comes with it, or is in the address."),
    Parameter("system", "in", 0, "1", "uri", "The canonical of the code system."),
    Parameter("version", "in", 0, "1", "string", "The version of the code system that is meant."),
    Parameter("coding", "in", 0, "1", "Coding", "In place of code, system and version."),
    Parameter("displayLanguage", "in", 0, "1", "code", "The language of the words, where they are there."),
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
    url, version, code = _asked(inputs)
    if target.id:
        stored = await read(
            server.database,
            request.access,
            "CodeSystem",
            target.id,
            registry=server.registry,
            now=request.now,
            patient_id=target.patient_id,
        )
        system: CodeSystem | None = read_code_system(decode(stored.body))
        if system is not None and url not in (None, system.url):
            raise Invalid("system: the code system at this address is another one.", "value")
    else:
        if url is None:
            raise Invalid("Say in which code system: by system, by coding, or by an id in the address.", "required")
        url = url if version is None else f"{url}|{version}"
        held = await server.holdings.of(server.database, request.access, now=request.now)
        entry = held.holding.find("CodeSystem", url) if request.access.scopes.narrowed is not None else None
        stored_system = await held.read(entry) if entry is not None else None
        hidden = stored_system is not None and not held.shows(stored_system)
        own = None if hidden else await held.code_system(url)
        system = own or defined_code_system(server.definitions, url)
    if system is None:
        raise NotFound(f"The code system {url} is not held here.")
    concept = system.find(code)
    if concept is None:
        raise NotFound(
            "The code system does not have this code."
            if system.complete
            else "What is held here of the code system does not have this code."
        )
    return Answer(
        200,
        encode({"resourceType": "Parameters", "parameter": _told(system, concept, inputs)}),
        interaction="$lookup",
        type="CodeSystem",
        parameters=inputs.names,
        resources=(f"CodeSystem/{target.id}",) if target.id else (),
        rows=1,
    )


def _asked(inputs: Inputs) -> tuple[str | None, str | None, str]:
    """System, version and code. Raises ``Invalid``."""
    coding = inputs.first("coding")
    if coding is None:
        code = inputs.first("code")
        if code is None:
            raise Invalid("code: say which code, by code or by coding.", "required")
        return inputs.first("system"), inputs.first("version"), code
    if any(name in inputs.values for name in ("code", "system", "version")):
        raise Invalid("coding: it stands in place of code, system and version.", "invalid")
    values = [coding.get(name) for name in ("system", "version", "code")]
    system, version, code = values
    if not isinstance(code, str) or not all(each is None or isinstance(each, str) for each in values):
        raise Invalid("coding: a Coding with a code and its system.", "value")
    return system, version, code


def _told(system: CodeSystem, concept: Concept, inputs: Inputs) -> list[dict[str, Any]]:
    json = concept.json
    designations = json.get("designation", [])
    told: list[dict[str, Any]] = [{"name": "name", "valueString": system.name or system.url}]
    if system.version is not None:
        told.append({"name": "version", "valueString": system.version})
    display = display_of(concept.display, designations, inputs.first("displayLanguage"))
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
