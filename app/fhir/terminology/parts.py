"""What several resources hold of one code system: parts of it, and supplements with more words for its concepts.
https://hl7.org/fhir/R4/codesystem.html#supplements
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from app.fhir.resource import Resource
from app.fhir.terminology.codesystem import CodeSystem, Concept, properties_of, walk

_SUPPLEMENT: Final = "supplement"


def supplemented_url(resource: Resource) -> str | None:
    """The canonical of the code system that a CodeSystem supplements; None when it is one itself."""
    if resource.get("content") != _SUPPLEMENT and "supplements" not in resource:
        return None
    return str(resource.get("supplements", ""))


def combined(found: Sequence[CodeSystem]) -> CodeSystem | None:
    """The one that is complete, if any is, else all parts in one; the first counts where several have a concept."""
    complete = next((each for each in found if each.complete), None)
    parts = [each for each in found if each.concepts]
    if complete is not None or len(parts) <= 1:
        return complete or next(iter(parts or found), None)
    concepts: dict[str, Concept] = {}
    children: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for code, concept in part.concepts.items():
            known = concepts.get(code)
            parents = concept.parents if known is None else _once(known.parents, concept.parents)
            concepts[code] = replace(concept if known is None else known, parents=parents)
        for code, below in part.children.items():
            children[code] = _once(children.get(code, ()), below)
    versions = {each.version for each in parts}
    return replace(
        parts[0],
        version=parts[0].version if len(versions) == 1 else None,
        name=next((each.name for each in parts if each.name), None),
        subsumes=any(each.subsumes for each in parts),
        languages=parts[0].languages if len({each.languages for each in parts}) == 1 else None,
        concepts=concepts,
        children=children,
    )


def supplemented(system: CodeSystem, supplements: Iterable[Resource]) -> CodeSystem:
    """The code system with the words and properties that its supplements add; what it does not have is passed over."""
    concepts: dict[str, Concept] | None = None
    for supplement in supplements:
        _, _, version = str(supplement.get("supplements", "")).partition("|")
        if version not in ("", system.version):
            continue
        for given, _ in walk(supplement.get("concept", ())):
            concept = system.find(given["code"])
            if concept is not None:
                concepts = dict(system.concepts) if concepts is None else concepts
                concepts[concept.code] = _with(concepts[concept.code], given, supplement.get("language"))
    return system if concepts is None else replace(system, concepts=concepts)


def _with(concept: Concept, given: Resource, language: str | None) -> Concept:
    words = [*concept.json.get("designation", ()), *given.get("designation", ())]
    if "display" in given and language is not None:
        words.append({"language": language, "value": given["display"]})
    more = given.get("property", ())
    json = {**concept.json, "property": [*concept.json.get("property", ()), *more], "designation": words}
    kept = {name: value for name, value in json.items() if value or name not in ("property", "designation")}
    return replace(concept, json=kept, properties=(*concept.properties, *properties_of(given)))


def _once(*several: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for one in several for each in one))


def supplements_by_url(resources: Iterable[Resource]) -> Mapping[str, list[Resource]]:
    """The supplements among CodeSystems, by the URL of the code system that each adds to."""
    found: dict[str, list[Resource]] = {}
    for each in resources:
        canonical = supplemented_url(each)
        if canonical:
            found.setdefault(canonical.partition("|")[0], []).append(each)
    return found
