"""The invariants of https://hl7.org/fhir/R4/structuredefinition.html#invs

Those that HL7 declares on the snapshot, its elements or the differential look at the whole definition here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.fhir.validation.invariants.rule import (
    Holds,
    Invariant,
    Value,
    all_differ,
    at_least_one,
    has_choice,
    objects,
    only_when,
    present,
    rule,
)

_OF_FHIR: Final = "http://hl7.org/fhir/StructureDefinition"
_SYSTEM_TYPE: Final = r"http://hl7\.org/fhirpath/System\.[A-Z][A-Za-z]+"
_DIFFERENTIAL_TYPE: Final = re.compile(rf"[a-zA-Z0-9]+|{_SYSTEM_TYPE}").fullmatch
_SNAPSHOT_TYPE: Final = re.compile(rf"[a-zA-Z0-9.]+|{_SYSTEM_TYPE}").fullmatch
_DEFINED: Final = tuple(present(name) for name in ("definition", "min", "max"))
_ROOT_HAS_NOT: Final = tuple(present(name) for name in ("label", "code", "requirements"))


def _elements(definition: Value, *views: str) -> Iterator[Value]:
    for view in views:
        yield from objects(definition, f"{view}.element")


def _both(definition: Value) -> Iterator[Value]:
    return _elements(definition, "snapshot", "differential")


def _roots(definition: Value, *views: str) -> Iterator[Value]:
    """The elements that stand for the whole: those without a point in their path."""
    return (each for each in _elements(definition, *views) if "." not in each.get("path", "."))


def _paths(definition: Value, view: str) -> list[str]:
    return [each.get("path", "") for each in _elements(definition, view)]


def sdf_1(definition: Value) -> bool:
    """A path is one element, but for slices."""
    return definition.get("derivation") == "constraint" or all_differ(filter(None, _paths(definition, "snapshot")))


def sdf_3(definition: Value) -> bool:
    """A snapshot leaves nothing open."""
    return all(there(each) for each in _elements(definition, "snapshot") for there in _DEFINED)


def sdf_4(definition: Value) -> bool:
    """Only what is abstract stands on its own."""
    return definition.get("abstract") is True or present("baseDefinition")(definition)


def sdf_5(definition: Value) -> bool:
    """An extension says what it extends."""
    return (
        definition.get("type") != "Extension"
        or definition.get("derivation") == "specialization"
        or ("context" in definition)
    )


def sdf_8(definition: Value) -> bool:
    """Paths of a snapshot begin with the type."""
    first, *others = _paths(definition, "snapshot") or [""]
    named = definition.get("kind") == "logical" or first == definition.get("type", first)
    return not first or (named and all(path.startswith(first + ".") for path in others))


def sdf_8a(definition: Value) -> bool:
    """Paths of a differential begin with the type."""
    first, *others = _paths(definition, "differential") or [""]
    named = definition.get("kind") == "logical" or first.startswith(definition.get("type", ""))
    root = first.partition(".")[0] + "."
    return not first or (named and all(path.startswith(root) for path in others))


def sdf_9(definition: Value) -> bool:
    """What a label, code and requirements would say of the whole, the definition says."""
    return not any(there(root) for root in _roots(definition, "snapshot", "differential") for there in _ROOT_HAS_NOT)


def sdf_10(definition: Value) -> bool:
    """A binding says to what."""
    bindings = (each["binding"] for each in _elements(definition, "snapshot") if "binding" in each)
    return all(present("valueSet")(each) or present("description")(each) for each in bindings)


def sdf_11(definition: Value) -> bool:
    """A snapshot begins with the type."""
    paths = _paths(definition, "snapshot")
    return (
        definition.get("kind") == "logical"
        or not paths
        or not paths[0]
        or (paths[0] == definition.get("type", paths[0]))
    )


def sdf_14(definition: Value) -> bool:
    """Every element can be told by its id."""
    return all("id" in each for each in _both(definition))


def _untyped(view: str, *, only_root: bool) -> Holds:
    """The first element, if it is the root or in any case, has no type."""

    def holds(definition: Value) -> bool:
        first: Any = next(_elements(definition, view), {})
        concerned = definition.get("kind") != "logical" and not (only_root and "." in first.get("path", "."))
        return not concerned or "type" not in first

    return holds


def _distinct_ids(view: str) -> Holds:
    def holds(definition: Value) -> bool:
        ids = [each.get("id") for each in _elements(definition, view)]
        return None not in ids and all_differ(ids)

    return holds


def sdf_19(definition: Value) -> bool:
    """HL7's own definitions use FHIR's types."""
    return not definition.get("url", "").startswith(_OF_FHIR) or all(
        is_type(kind.get("code", "Element"))
        for view, is_type in (("differential", _DIFFERENTIAL_TYPE), ("snapshot", _SNAPSHOT_TYPE))
        for kind in objects(definition, f"{view}.element.type")
    )


def sdf_20(definition: Value) -> bool:
    """The whole is not sliced."""
    return not any("slicing" in root for root in _roots(definition, "differential"))


def sdf_21(definition: Value) -> bool:
    """Only a new type has default values."""
    return definition.get("derivation") == "specialization" or not any(
        has_choice(each, "defaultValue") for each in _elements(definition, "differential")
    )


def sdf_22(definition: Value) -> bool:
    """HL7's own definitions have no default values."""
    return not definition.get("url", "").startswith(_OF_FHIR) or not any(
        has_choice(each, "defaultValue") for each in _both(definition)
    )


def sdf_23(definition: Value) -> bool:
    """The whole is no slice."""
    return not any(present("sliceName")(root) for root in _roots(definition, "snapshot", "differential"))


def _rule(key: str, text: str, holds: Holds, *views: str) -> Invariant:
    return Invariant(key, text, holds, frozenset(views))


_SNAPSHOT, _DIFFERENTIAL = "snapshot", "differential"

INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "StructureDefinition": (
        _rule(
            "sdf-1", "No two elements of a snapshot may have the same path, except in a constraint.", sdf_1, _SNAPSHOT
        ),
        _rule("sdf-3", "Each element of a snapshot needs a definition, min and max.", sdf_3, _SNAPSHOT),
        rule("sdf-4", "A baseDefinition is required, unless abstract is true.", sdf_4),
        rule("sdf-5", "The definition of an extension needs a context.", sdf_5),
        at_least_one("sdf-6", "A snapshot or a differential is required.", "snapshot", "differential"),
        _rule("sdf-8", "The paths of a snapshot must begin with the type and a point.", sdf_8, _SNAPSHOT),
        _rule("sdf-8a", "The paths of a differential must begin with the type and a point.", sdf_8a, _DIFFERENTIAL),
        _rule(
            "sdf-8b",
            "Each element of a snapshot needs a base.",
            lambda each: all("base" in element for element in _elements(each, _SNAPSHOT)),
            _SNAPSHOT,
        ),
        _rule("sdf-9", "The root element has no label, code or requirements.", sdf_9, _SNAPSHOT, _DIFFERENTIAL),
        _rule("sdf-10", "A binding of a snapshot needs a valueSet or a description.", sdf_10, _SNAPSHOT),
        _rule("sdf-11", "The path of the first element of a snapshot must be the type.", sdf_11, _SNAPSHOT),
        _rule("sdf-14", "Each element needs an id.", sdf_14, _SNAPSHOT, _DIFFERENTIAL),
        _rule(
            "sdf-15",
            "The first element of a snapshot has no type, except in a logical model.",
            _untyped(_SNAPSHOT, only_root=False),
            _SNAPSHOT,
        ),
        _rule(
            "sdf-15a",
            "The root element of a differential has no type, except in a logical model.",
            _untyped(_DIFFERENTIAL, only_root=True),
            _DIFFERENTIAL,
        ),
        _rule(
            "sdf-16", "Each element of a snapshot needs an id that no other has.", _distinct_ids(_SNAPSHOT), _SNAPSHOT
        ),
        _rule(
            "sdf-17",
            "Each element of a differential needs an id that no other has.",
            _distinct_ids(_DIFFERENTIAL),
            _DIFFERENTIAL,
        ),
        only_when(
            "sdf-18",
            "Only the definition of an extension has a contextInvariant.",
            "contextInvariant",
            "type",
            "Extension",
        ),
        rule("sdf-19", "A definition of FHIR itself may use FHIR's own types only.", sdf_19),
        _rule("sdf-20", "The root element of a differential has no slicing.", sdf_20, _DIFFERENTIAL),
        _rule("sdf-21", "Only a specialization has default values.", sdf_21, _DIFFERENTIAL),
        rule("sdf-22", "A definition of FHIR itself has no default values.", sdf_22),
        _rule("sdf-23", "The root element has no sliceName.", sdf_23, _SNAPSHOT, _DIFFERENTIAL),
    ),
    "StructureDefinition.mapping": (at_least_one("sdf-2", "A mapping needs a name or a uri.", "name", "uri"),),
}
