"""The invariants of code systems, value sets, concept maps and naming systems:
https://hl7.org/fhir/R4/terminology-module.html

Those of StructureMap are here too, which maps structures as a ConceptMap maps codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.validation.invariants.rule import (
    Invariant,
    Value,
    all_differ,
    at_least_one,
    if_then,
    nested,
    not_both,
    present,
    rule,
)

_has_system, _has_code = present("system"), present("code")


def csd_1(system: Value) -> bool:
    """Each code means one concept."""
    return all_differ(concept["code"] for concept in nested(system, "concept") if "code" in concept)


def cmd_1(target: Value) -> bool:
    """A match that is not exact is explained."""
    return target.get("equivalence") not in ("narrower", "inexact") or present("comment")(target)


def vsd_2(include: Value) -> bool:
    """Concepts and filters are those of a code system."""
    return ("concept" not in include and "filter" not in include) or _has_system(include)


def vsd_9(contains: Value) -> bool:
    """What can be chosen has a code."""
    return contains.get("abstract") is True or _has_code(contains)


def nsd_1(naming: Value) -> bool:
    """A root is known by an OID or URI."""
    return naming.get("kind") != "root" or not any(each.get("type") == "uuid" for each in naming.get("uniqueId", ()))


def nsd_2(naming: Value) -> bool:
    """One identifier of each type is preferred."""
    preferred = (each for each in naming.get("uniqueId", ()) if each.get("preferred") is True)
    return all_differ(each["type"] for each in preferred if "type" in each)


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "CodeSystem": (rule("csd-1", "No two concepts may have the same code, at any depth.", csd_1, "concept"),),
    "ConceptMap.group.element.target": (
        rule("cmd-1", "A target that is narrower or inexact needs a comment.", cmd_1, "equivalence"),
    ),
    "ConceptMap.group.unmapped": (
        rule(
            "cmd-2",
            "With the mode fixed a code is required.",
            lambda each: each.get("mode") != "fixed" or _has_code(each),
        ),
        rule(
            "cmd-3",
            "With the mode other-map a url is required.",
            lambda each: each.get("mode") != "other-map" or present("url")(each),
        ),
    ),
    "NamingSystem": (
        rule("nsd-1", "A naming system of the kind root may not be identified by a uuid.", nsd_1),
        rule("nsd-2", "Of each type of uniqueId only one may be preferred.", nsd_2),
    ),
    "StructureMap.group.rule.target": (
        if_then("smp-1", "A target with an element needs a context.", "element", "context"),
        if_then("smp-2", "A target with a context needs a contextType.", "context", "contextType"),
    ),
    "ValueSet.compose.include": (
        at_least_one("vsd-1", "An include or exclude needs a system or a valueSet.", "valueSet", "system"),
        rule("vsd-2", "Concepts and filters need the system that they are from.", vsd_2, "concept", "filter"),
        not_both("vsd-3", "There may not be both concepts and filters; write two includes.", "concept", "filter"),
    ),
    "ValueSet.expansion.contains": (
        at_least_one("vsd-6", "A code or a display is required.", "code", "display"),
        rule("vsd-9", "A code is required, unless abstract is true.", vsd_9),
        if_then("vsd-10", "A code needs the system that it is from.", "code", "system"),
    ),
}
