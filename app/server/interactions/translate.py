"""``ConceptMap/$translate``: codes of one code system in those of another, by the concept maps that are held here.
https://hl7.org/fhir/R4/conceptmap-operation-translate.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from app.errors import Invalid, NotFound
from app.fhir.terminology.checking import Coding
from app.fhir.terminology.conceptmap import Asked, ConceptMap, Match, Translation, applies, read_concept_map, translate
from app.fhir.terminology.words import display_of
from app.server.interactions.codings import (
    CODE,
    CODING,
    SYSTEM,
    answered,
    codings_of,
    languages_of,
    one_of,
    sent_with,
    stored_at,
    versioned,
)
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.server import FhirServer
from app.server.terminology.held import Held, View, held_by

TRANSLATE_PARAMETERS: Final = (
    Parameter("url", "in", 0, "1", "uri", "The canonical of the concept map; all that apply if none is named."),
    Parameter("conceptMap", "in", 0, "1", "ConceptMap", "A concept map that is not stored."),
    Parameter("conceptMapVersion", "in", 0, "1", "string", "The version that is meant."),
    CODE,
    SYSTEM,
    Parameter("version", "in", 0, "1", "string", "The version of the code system that the code is of."),
    Parameter("source", "in", 0, "1", "uri", "The canonical of the value set that the code was chosen from."),
    CODING,
    Parameter("codeableConcept", "in", 0, "1", "CodeableConcept", "Each of its codings is translated."),
    Parameter("target", "in", 0, "1", "uri", "The canonical of the value set to translate into."),
    Parameter("targetsystem", "in", 0, "1", "uri", "The canonical of the code system to translate into."),
    Parameter(
        "reverse",
        "in",
        0,
        "1",
        "boolean",
        "From the targets of the map to its sources; what source and target mean is turned around, too.",
    ),
    Parameter("result", "out", 1, "1", "boolean", "Whether there is a translation."),
    Parameter("message", "out", 0, "1", "string", "Why there is none, or hints."),
    Parameter(
        "match",
        "out",
        0,
        "*",
        "BackboneElement",
        "A translation: equivalence, concept, products, and source, the canonical of the map.",
    ),
)


async def translate_code(server: FhirServer, request: Request, target: Target) -> Answer:
    """What a code is in another code system. Raises ``NotFound`` where the concept map is not held."""
    inputs = inputs_of(server, request, TRANSLATE_PARAMETERS)
    by = one_of(inputs, target, "url", "conceptMap", what="concept map", required=False)
    codings, _ = codings_of(inputs, version="version")
    held = await held_by(server, server.database, request.access, now=request.now)
    maps: Sequence[ConceptMap] | None = None
    if by == "url":
        maps = [await _named(held, versioned(inputs.first("url"), inputs.first("conceptMapVersion")))]
    elif by is not None:
        given = await stored_at(server, request, target) if target.id else sent_with(server, inputs, "conceptMap")
        maps = [read_concept_map(given)]
    asked = [_asked(each, inputs) for each in codings]
    made = await _translated(held, maps, asked, inputs)
    languages = languages_of(request, inputs)
    parts = await held.ask(lambda view: _told(view, made, languages))
    return answered(parts, inputs, target, "$translate", rows=len(made.matches))


async def _named(held: Held, canonical: str) -> ConceptMap:
    found = await held.ask(lambda view: view.concept_map(canonical))
    if found is None or not await held.tells_of("ConceptMap", canonical):
        raise NotFound(f"The concept map {canonical} is not held here.")
    return found


def _asked(coding: Coding, inputs: Inputs) -> Asked:
    if coding.system is None:
        raise Invalid("system: a code comes with its system.", "required")
    return Asked(
        coding.system,
        coding.code,
        coding.version,
        inputs.first("targetsystem"),
        bool(inputs.first("reverse")),
    )


async def _translated(held: Held, maps: Sequence[ConceptMap] | None, asked: list[Asked], inputs: Inputs) -> Translation:
    """The translations of every code by every map that applies, each once."""
    source, goal = inputs.first("source"), inputs.first("target")
    listed = await held.ask(lambda view: list(view.concept_maps())) if maps is None else maps
    chosen = [(each, one) for each in listed for one in asked if applies(each, one, source=source, target=goal)]
    if maps is None:
        chosen = [pair for pair in chosen if await held.tells_of("ConceptMap", pair[0].canonical)]
    made = await held.ask(lambda view: _by_all(view, chosen))
    known = {each.canonical for each, _ in chosen}
    # A map can lead to another one, of which the caller may not know.
    made.matches = [each for each in made.matches if each.map in known or await held.tells_of("ConceptMap", each.map)]
    if not chosen:
        made.note(
            "No concept map that is held here translates from this code system as it is asked."
            if maps is None
            else "The concept map does not translate from this code system, or not between these value sets or systems."
        )
    elif not made.matches:
        made.note("There is no mapping for this code.")
    elif not any(each.succeeds for each in made.matches):
        made.note("The concept map says that nothing matches this code.")
    return made


def _by_all(view: View, chosen: Sequence[tuple[ConceptMap, Asked]]) -> Translation:
    made = Translation()
    for each, one in chosen:
        found = translate(each, one, view.concept_map)
        made.matches += [match for match in found.matches if match not in made.matches]
        for text in found.notes:
            made.note(text)
    return made


def _told(view: View, made: Translation, languages: Sequence[str]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = [
        {"name": "result", "valueBoolean": any(each.succeeds for each in made.matches)},
    ]
    if made.notes:
        told.append({"name": "message", "valueString": " ".join(made.notes)})
    told += [{"name": "match", "part": _parts(view, each, languages)} for each in made.matches]
    return told


def _parts(view: View, match: Match, languages: Sequence[str]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"name": "equivalence", "valueCode": match.equivalence}]
    if match.code is not None:
        written = (
            ("system", match.system),
            ("version", match.version),
            ("code", match.code),
            ("display", _display(view, match, languages)),
        )
        concept = {name: value for name, value in written if value is not None}
        parts.append({"name": "concept", "valueCoding": concept})
    for each in match.products:
        inner = [{"name": "element", "valueUri": each["element"]}, {"name": "concept", "valueCoding": each["concept"]}]
        parts.append({"name": "product", "part": inner})
    if match.map:
        parts.append({"name": "source", "valueUri": match.map})
    return parts


def _display(view: View, match: Match, languages: Sequence[str]) -> str | None:
    """The code system's words in a language that is wanted, else those of the map, else the code system's own."""
    system = view.code_system(match.system) if match.system else None
    concept = system.find(match.code) if system is not None and match.code is not None else None
    if system is None or concept is None:
        return match.display
    words = concept.json.get("designation", ())
    fallback = match.display or concept.display
    known = (*words, *({"language": system.languages, "value": concept.display},)) if concept.display else words
    return display_of(fallback, known if languages else (), languages)
