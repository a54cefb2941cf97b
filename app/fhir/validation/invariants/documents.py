"""The invariants of lists, documents, parameters and measures: https://hl7.org/fhir/R4/resourcelist.html"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.validation.invariants.rule import (
    Holds,
    Invariant,
    Value,
    at_least_one,
    every,
    exactly_one,
    not_both,
    objects,
    present,
    rule,
    without,
)

_CRITERIA: Final = tuple(present(name) for name in ("code", "description", "criteria"))


def _entries_without(name: str, *, unless: str) -> Holds:
    there = present(name)
    return lambda listed: listed.get("mode") == unless or not any(there(each) for each in listed.get("entry", ()))


def mea_1(stratifier: Value) -> bool:
    """One criterion of its own, or components that each have one."""
    return any(there(stratifier) for there in _CRITERIA) != ("component" in stratifier)


def mrp_2(stratum: Value) -> bool:
    """One value of its own, or components that each have one."""
    return ("value" in stratum) != ("component" in stratum)


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "Composition.section": (
        at_least_one("cmp-1", "A section needs a text, entry or section.", "text", "entry", "section"),
        not_both("cmp-2", "A section with entries has no emptyReason.", "emptyReason", "entry"),
    ),
    "Linkage": (
        rule("lnk-1", "A linkage needs two items at least.", lambda linkage: len(list(objects(linkage, "item"))) > 1),
    ),
    "List": (
        not_both("lst-1", "A list with entries has no emptyReason.", "emptyReason", "entry"),
        rule(
            "lst-2",
            "Only entries of a list with the mode changes are deleted.",
            _entries_without("deleted", unless="changes"),
            "entry",
        ),
        rule(
            "lst-3",
            "Only entries of a list with the mode working have a date.",
            _entries_without("date", unless="working"),
            "entry",
        ),
    ),
    "Measure": (
        rule(
            "mea-1",
            "A stratifier has either a code, description or criteria, or components.",
            every("group.stratifier", mea_1),
            "group",
        ),
    ),
    "MeasureReport": (
        without("mrp-1", "A report of type data-collection has no group.", "type", "data-collection", "group"),
        rule("mrp-2", "A stratum has either a value or components.", every("group.stratifier.stratum", mrp_2), "group"),
    ),
    "Parameters.parameter": (
        exactly_one(
            "inv-1", "A parameter has exactly one of value, resource and part.", "value[x]", "resource", "part"
        ),
    ),
}
