"""The invariants of resources that say what a system or a guide does:
https://hl7.org/fhir/R4/conformance-module.html

StructureDefinition has its own module, and so has terminology.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.validation.invariants.rule import (
    Invariant,
    Value,
    at_least_one,
    distinct,
    every,
    if_then,
    objects,
    only_when,
    present,
    rule,
    without,
)


def cpb_3(statement: Value) -> bool:
    """Only a running system has endpoints."""
    return statement.get("kind") == "instance" or not any("endpoint" in each for each in statement["messaging"])


def needs_implementation(statement: Value) -> bool:
    """A statement about a running system says which."""
    return statement.get("kind") != "instance" or "implementation" in statement


def needs_software(statement: Value) -> bool:
    """A statement about software says which, and names no installation of it."""
    return statement.get("kind") != "capability" or ("implementation" not in statement and "software" in statement)


def ig_1(definition: Value) -> bool:
    """Each resource is in a grouping that exists."""
    groupings = {each.get("id") for each in definition.get("grouping", ())}
    return all(each["groupingId"] in groupings for each in definition.get("resource", ()) if "groupingId" in each)


def ig_2(guide: Value) -> bool:
    """Each resource is of a version that the guide is for."""
    versions = guide.get("fhirVersion", ())
    return all(
        each in versions for item in objects(guide, "definition.resource") for each in item.get("fhirVersion", ())
    )


def md_1(focus: Value) -> bool:
    """A number above zero, or as many as there are."""
    most = focus.get("max", "*")
    return most == "*" or (most.isdecimal() and int(most) > 0)


def opd_3(parameter: Value) -> bool:
    """Only what refers has a profile of what it refers to."""
    return parameter.get("type") in ("Reference", "canonical") or not present("targetProfile")(parameter)


_OF_KIND = (
    "With the kind instance an implementation is required.",
    "With the kind capability there must be software and may be no implementation.",
    "With the kind requirements there may be no software and no implementation.",
)
_ABOUT = "A description, software or implementation is required."


def _statement(about: str, *kinds: str) -> tuple[Invariant, ...]:
    """What CapabilityStatement and TerminologyCapabilities share, under the keys that each gives it."""
    instance, capability, requirements = kinds
    return (
        at_least_one(about, _ABOUT, "description", "software", "implementation"),
        rule(instance, _OF_KIND[0], needs_implementation),
        rule(capability, _OF_KIND[1], needs_software),
        without(requirements, _OF_KIND[2], "kind", "requirements", "software", "implementation"),
    )


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "CapabilityStatement": (
        at_least_one("cpb-1", "A rest, messaging or document is required.", "rest", "messaging", "document"),
        *_statement("cpb-2", "cpb-14", "cpb-15", "cpb-16"),
        Invariant(
            "cpb-3",
            "Only a statement of the kind instance has a messaging.endpoint.",
            lambda each: "messaging" not in each or cpb_3(each),
            frozenset({"messaging"}),
        ),
        rule(
            "cpb-7",
            "No two documents may have the same profile and mode.",
            distinct("document", "profile", "mode"),
            "document",
        ),
    ),
    "CapabilityStatement.rest": (
        rule("cpb-9", "Each resource type may be there once.", distinct("resource", "type"), "resource"),
    ),
    "CapabilityStatement.rest.resource": (
        rule("cpb-12", "No two searchParams may have the same name.", distinct("searchParam", "name"), "searchParam"),
    ),
    "TerminologyCapabilities": _statement("tcp-2", "tcp-3", "tcp-4", "tcp-5"),
    "TerminologyCapabilities.codeSystem": (
        rule(
            "tcp-1",
            "With more than one version, each needs a code.",
            lambda each: len(each.get("version", ())) <= 1 or every("version", present("code"))(each),
            "version",
        ),
    ),
    "ImplementationGuide": (
        rule("ig-2", "The fhirVersion of a resource must be one of the guide.", ig_2, "definition"),
    ),
    "ImplementationGuide.definition": (
        rule("ig-1", "The groupingId of a resource must be the id of a grouping here.", ig_1, "resource"),
    ),
    "MessageDefinition.focus": (rule("md-1", "The max must be a number above zero, or *.", md_1, "max"),),
    "OperationDefinition.parameter": (
        at_least_one("opd-1", "A parameter needs a type or parts.", "type", "part"),
        only_when("opd-2", "Only a parameter of type string has a searchType.", "searchType", "type", "string"),
        rule("opd-3", "Only a parameter of type Reference or canonical has a targetProfile.", opd_3, "targetProfile"),
    ),
    "SearchParameter": (
        if_then("spd-1", "An xpath needs an xpathUsage.", "xpath", "xpathUsage"),
        only_when("spd-2", "Only a search parameter of type reference has a chain.", "chain", "type", "reference"),
    ),
}
