"""Value sets expanded to their codes, from what a package holds.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]
Concepts = dict[str, dict[str, None]]
"""system -> its codes, in the order of the definition"""


class NotEnumerable(Exception):
    """The package does not hold what is needed to list the codes; the text says what is missing."""


def expand(canonical: str, resources: Mapping[str, Mapping[str, Json]]) -> Concepts:
    """The codes of a value set by system. Raises NotEnumerable."""
    value_set = resources["ValueSet"].get(canonical)
    if value_set is None:
        raise NotEnumerable(f"{canonical} is not in the package")
    found: Concepts = {}
    for include in value_set.get("compose", {}).get("include", ()):
        for system, codes in _selected(include, resources).items():
            found.setdefault(system, {}).update(codes)
    for exclude in value_set.get("compose", {}).get("exclude", ()):
        for system, codes in _selected(exclude, resources).items():
            found[system] = {code: None for code in found.get(system, {}) if code not in codes}
    if not any(found.values()):
        raise NotEnumerable(f"{canonical} has no codes")
    return found


def _selected(part: Json, resources: Mapping[str, Mapping[str, Json]]) -> Concepts:
    """What one include or exclude selects: the codes of the system that are also in every imported value set."""
    imported = [expand(canonical.partition("|")[0], resources) for canonical in part.get("valueSet", ())]
    if "system" not in part:
        first, *others = imported
        return {
            system: {code: None for code in codes if all(code in other.get(system, ()) for other in others)}
            for system, codes in first.items()
        }
    system = part["system"]
    if part.get("concept"):
        codes = [concept["code"] for concept in part["concept"]]
    else:
        codes = list(_of_system(system, part.get("filter", ()), resources))
    return {system: {code: None for code in codes if all(code in other.get(system, ()) for other in imported)}}


def _of_system(system: str, filters: list[Json], resources: Mapping[str, Mapping[str, Json]]) -> Iterator[str]:
    code_system = resources["CodeSystem"].get(system)
    if code_system is None or code_system.get("content") != "complete":
        raise NotEnumerable(f"{system} is not in the package, or not completely")
    for concept, ancestors in _walk(code_system.get("concept", ()), ()):
        if all(_passes(each, concept, ancestors) for each in filters):
            yield concept["code"]


def _walk(concepts: list[Json], ancestors: tuple[str, ...]) -> Iterator[tuple[Json, tuple[str, ...]]]:
    """Every concept of a hierarchy with the codes above it."""
    for concept in concepts:
        yield concept, ancestors
        yield from _walk(concept.get("concept", []), (*ancestors, concept["code"]))


def _passes(condition: Json, concept: Json, ancestors: tuple[str, ...]) -> bool:
    value = condition["value"]
    match condition["op"]:
        case "is-a":
            return value == concept["code"] or value in ancestors
        case "descendent-of":
            return value in ancestors
        case "is-not-a":
            return value != concept["code"] and value not in ancestors
        case "=":
            properties = [each for each in concept.get("property", ()) if each["code"] == condition["property"]]
            return any(str(content) == value for each in properties for name, content in each.items() if name != "code")
        case operator:
            raise NotEnumerable(f"the filter {operator} is not evaluated here")
