"""FHIRPath Patch of a resource. https://hl7.org/fhir/R4/fhirpatch.html

``Parameters`` says what to add, insert, delete, replace or move, by FHIRPath, whatever the format of the resource.
"""

from __future__ import annotations

from typing import Any

from app.fhir.definitions import Definitions
from app.fhir.patching.elements import Item, put_items
from app.fhir.patching.operations import FhirPathOperation, read_operations
from app.fhir.patching.places import Place, Places
from app.fhir.patching.values import placed
from app.fhir.patching.working_copy import Inapplicable, patched
from app.fhir.paths import syntax
from app.fhir.resource import Resource


def apply_fhirpath_patch(resource: Resource, parameters: Resource, definitions: Definitions) -> Resource:
    """The resource after all operations of a FHIRPath Patch; what was given stays as it was.

    Containers that a ``delete`` leaves empty go with it. Raises ``Invalid`` with every operation that is malformed,
    ``TooLarge`` for more than can be done at once, ``Unprocessable`` for the first operation that this resource cannot
    undergo. Changes of ``meta.versionId`` and ``meta.lastUpdated`` have no effect. The resource must be valid.
    """
    places = Places(definitions)

    def apply(document: Resource, operation: FhirPathOperation) -> Resource:
        match operation.kind:
            case "add":
                _add(document, operation, places, definitions)
            case "insert":
                _insert(document, operation, places, definitions)
            case "delete":
                _delete(document, operation, places)
            case "replace":
                _replace(document, operation, places, definitions)
            case "move":
                _move(document, operation, places)
        return document

    return patched(resource, read_operations(parameters, definitions), apply)


def _one(found: list[Place]) -> Place:
    if not found:
        raise Inapplicable("not-found", "there is nothing at the path.")
    if len(found) > 1:
        raise Inapplicable("multiple-matches", f"the path leads to {len(found)} elements; it must lead to one.")
    return found[0]


def _add(document: Resource, operation: FhirPathOperation, places: Places, definitions: Definitions) -> None:
    owner = _one(places.find(operation.path, document))
    name = operation.element
    member, element, item = placed(operation.value, owner.inner_type, name, definitions)
    if element.many:
        put_items(_opened(owner, places), member, [*places.items_of(owner, member), item], many=True)
        return
    for other in places.members_named(owner.inner_type, element.choice or member):
        if places.items_of(owner, other):
            raise Inapplicable("business-rule", f"{name} is there already and does not repeat; replace changes it.")
    put_items(_opened(owner, places), member, [item], many=False)


def _insert(document: Resource, operation: FhirPathOperation, places: Places, definitions: Definitions) -> None:
    owner, member = _list(document, operation, places)
    _, _, item = placed(operation.value, owner.inner_type, member, definitions)
    items = places.items_of(owner, member)
    if operation.index > len(items):
        raise Inapplicable("value", f"index {operation.index} is beyond the end of the list.")
    items.insert(operation.index, item)
    put_items(_opened(owner, places), member, items, many=True)


def _move(document: Resource, operation: FhirPathOperation, places: Places) -> None:
    owner, member = _list(document, operation, places)
    items = places.items_of(owner, member)
    for name, index in (("source", operation.source), ("destination", operation.destination)):
        if index >= len(items):
            raise Inapplicable("value", f"{name} {index} is beyond the end of the list.")
    items.insert(operation.destination, items.pop(operation.source))
    put_items(owner.members, member, items, many=True)


def _list(document: Resource, operation: FhirPathOperation, places: Places) -> tuple[Place, str]:
    """The one place that has the list at the path, and the JSON member of the list, which may be absent."""
    assert isinstance(operation.path, syntax.Member)
    owner = _one(places.find(operation.path.base, document))
    ((member, element), *_) = places.members_named(owner.inner_type, operation.path.name).items()
    if not element.many:
        raise Inapplicable("structure", f"{operation.path.name} of {owner.inner_type} does not repeat.")
    return owner, member


def _delete(document: Resource, operation: FhirPathOperation, places: Places) -> None:
    found = places.find(operation.path, document)
    if found:
        _remove(_one(found), places)


def _replace(document: Resource, operation: FhirPathOperation, places: Places, definitions: Definitions) -> None:
    place = _one(places.find(operation.path, document))
    if place.owner is None or place.element is None:
        raise Inapplicable("not-supported", "a patch cannot replace the whole resource.")
    name = place.element.choice or place.member
    member, element, item = placed(operation.value, place.owner.inner_type, name, definitions)
    if member != place.member:
        put_items(place.owner.members, place.member, [], many=False)
        put_items(place.owner.members, member, [item], many=element.many)
        return
    _set(place, item, places)


def _opened(place: Place, places: Places) -> dict[str, Any]:
    """The object that the members of a place are in, made when a primitive has none yet."""
    if place.is_primitive and place.item[1] is None:
        opened: dict[str, Any] = {}
        _set(place, (place.item[0], opened), places)
        return opened
    return place.members


def _set(place: Place, item: Item, places: Places) -> None:
    assert place.owner is not None
    assert place.element is not None
    items = places.items_of(place.owner, place.member)
    items[place.index] = item
    put_items(place.owner.members, place.member, items, many=place.element.many)


def _remove(place: Place, places: Places) -> None:
    """Takes a place away, and the places around it that are left with nothing."""
    owner = place.owner
    if owner is None or place.element is None:
        raise Inapplicable("not-supported", "a patch cannot delete the whole resource.")
    items = places.items_of(owner, place.member)
    del items[place.index]
    put_items(owner.members, place.member, items, many=place.element.many)
    if owner.members or owner.owner is None:
        return
    if owner.is_primitive and owner.item[0] is not None:
        _set(owner, (owner.item[0], None), places)
    else:
        _remove(owner, places)
