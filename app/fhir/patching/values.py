"""The ``value`` of an operation, made into JSON for the place where it goes. https://hl7.org/fhir/R4/fhirpatch.html

A data type comes as ``value[x]``, a resource as ``resource``, a type without a name (``Patient.contact``) or that
``value[x]`` cannot be (Extension, Narrative) as ``part``, of which each is an element.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from app.fhir.definitions import Definitions, Element
from app.fhir.patching.elements import Item, items_of, members_named, put_items
from app.fhir.patching.json_values import copied
from app.fhir.patching.working_copy import Inapplicable, Malformed
from app.fhir.resource import Resource

# Types whose values are written alike: what is wrong beyond that, validation finds in the outcome.
_ALIKE: Final = (
    frozenset({"string", "code", "id", "markdown", "xhtml"}),
    frozenset({"uri", "url", "canonical", "uuid", "oid"}),
    frozenset({"integer", "unsignedInt", "positiveInt"}),
    frozenset({"date", "dateTime", "instant"}),
    frozenset({"Quantity", "Age", "Count", "Distance", "Duration"}),
)


@dataclass(frozen=True, slots=True)
class Given:
    """A value of a named type (``Resource`` for any resource), or the ``parts`` of one whose type has no name."""

    type: str | None
    item: Item = (None, None)
    parts: tuple[tuple[str, Given], ...] = ()


def given(part: dict[str, Any], definitions: Definitions) -> Given:
    """What a part of ``Parameters`` holds. Raises ``Malformed`` unless it is one value, one resource or parts."""
    members = definitions.types["Parameters.parameter"]
    values = dict.fromkeys(name.removeprefix("_") for name in part if name.removeprefix("_").startswith("value"))
    held = [*values, *(name for name in ("resource", "part") if name in part)]
    if len(held) != 1:
        raise Malformed("structure", "must hold one value[x], one resource or parts")
    (name,) = held
    if name == "part":
        return Given(None, parts=tuple(_named(each, definitions) for each in _objects(part["part"])))
    if name == "resource":
        return Given("Resource", (_resource(part["resource"], definitions), None))
    if name not in members or ("_" + name in part and not members[name].is_primitive):
        raise Malformed("structure", f"holds {name}, which is not a value of FHIR {definitions.version}")
    value, beside = part.get(name), part.get("_" + name)
    if not (_fits(value, members[name]) if beside is None else isinstance(beside, dict)):
        raise Malformed("structure", f"must hold a {members[name].type} in {name}")
    return Given(members[name].type, (value, beside))


def _resource(value: Any, definitions: Definitions) -> Resource:
    if not isinstance(value, dict) or value.get("resourceType") not in definitions.resource_types:
        raise Malformed("structure", f"must hold a resource of FHIR {definitions.version}")
    return value


def _fits(value: Any, element: Element) -> bool:
    if element.is_primitive:
        return value is not None and not isinstance(value, dict | list)
    return isinstance(value, dict)


def _objects(parts: Any) -> Iterable[dict[str, Any]]:
    if not isinstance(parts, list) or not parts or not all(isinstance(each, dict) for each in parts):
        raise Malformed("structure", "must hold an array of parts")
    return parts


def _named(part: dict[str, Any], definitions: Definitions) -> tuple[str, Given]:
    name = part.get("name")
    if not isinstance(name, str):
        raise Malformed("structure", "has a part without a name")
    return name, given(part, definitions)


def placed(value: Given, owner: str, name: str, definitions: Definitions) -> tuple[str, Element, Item]:
    """The JSON member of the type ``owner`` that ``name`` and the value's type lead to, its element, the JSON to put.

    Raises ``Inapplicable`` when there is no such element, or none of that type.
    """
    name = name.removesuffix("[x]")
    members = members_named(definitions, owner, name)
    if not members:
        raise Inapplicable("not-found", f"{owner} has no element {name}.")
    if value.type is None:
        ((member, element), *others) = members.items()
        if others or element.is_primitive or element.type == "Resource":
            raise Inapplicable("structure", f"{name} of {owner} needs a value of a named type, not parts.")
        return member, element, (_assembled(value, element.type, definitions), None)
    exact = [(member, element) for member, element in members.items() if element.type == value.type]
    alike = [each for each in members.items() if _are_alike(each[1].type, value.type)] if len(members) == 1 else []
    if not exact and not alike:
        allowed = ", ".join(element.type for element in members.values())
        raise Inapplicable("structure", f"{name} of {owner} cannot be a {value.type}; it is one of: {allowed}.")
    member, element = (exact or alike)[0]
    return member, element, (copied(value.item[0]), copied(value.item[1]))


def _are_alike(one: str, other: str) -> bool:
    return any(one in types and other in types for types in _ALIKE)


def _assembled(value: Given, type_name: str, definitions: Definitions) -> dict[str, Any]:
    """The object that parts make up."""
    assembled: dict[str, Any] = {}
    for name, part in value.parts:
        member, element, item = placed(part, type_name, name, definitions)
        before = items_of(assembled, member)
        if before and not element.many:
            raise Inapplicable("structure", f"the value has {name} twice, which {type_name} has once.")
        put_items(assembled, member, [*before, item], many=element.many)
    return assembled
