"""What must agree within one object of a data type: https://hl7.org/fhir/R4/datatypes.html

Rules of FHIR's text that have no key as an invariant. Looked at when the members themselves are right.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.fhir.resource import parse_reference
from app.fhir.validation.codes import SYSTEMS
from app.fhir.validation.identifiers import REGISTERS
from app.fhir.validation.problems import Check, LocalReference, Problem, Problems

CheckText = Callable[[str], Problem | None]

_CODES: Final[Mapping[Any, CheckText]] = {system: form.check for system, form in SYSTEMS.items()}
_NUMBERS: Final[Mapping[Any, CheckText]] = {system: register.check for system, register in REGISTERS.items()}


def content_check(lineage: frozenset[str], check: Check, known: frozenset[str]) -> Check:
    """``check`` of an object, and what must agree in it.

    ``lineage`` is its type with the types that this specializes, ``known`` are the resource types of the version.
    """
    if not lineage.isdisjoint(("Coding", "Quantity")):
        return _by_system(check, "code", _CODES)
    if "Identifier" in lineage:
        return _by_system(check, "value", _NUMBERS)
    if "Attachment" in lineage:
        return _looked_at(check, _attachment)
    if "Bundle.entry" in lineage:
        return _looked_at(check, lambda entry: _full_url(entry, known))
    if "Reference" in lineage:
        return _stated(check, known)
    return check


def _by_system(check: Check, member: str, checks: Mapping[Any, CheckText]) -> Check:
    """``check``, and that of the text in ``member`` where there is one for its system."""
    find = checks.get

    def checked(value: Any) -> Problems | None:
        problems = check(value)
        if problems is not None and not _only_warnings(problems):
            return problems
        check_text = find(value.get("system"))
        if check_text is None or member not in value or (found := check_text(value[member])) is None:
            return problems
        found.path.append("." + member)
        return [*(problems or ()), found]

    return checked


def _looked_at(check: Check, look: Callable[[dict[str, Any]], Problems | None]) -> Check:
    def checked(value: Any) -> Problems | None:
        problems = check(value)
        if problems is not None and not _only_warnings(problems):
            return problems
        found = look(value)
        return [*(problems or ()), *found] if found else problems

    return checked


def _only_warnings(problems: Problems) -> bool:
    """Whether the object is well-formed all the same."""
    return all(problem.severity == "warning" or problem.pending for problem in problems)


def _attachment(value: Mapping[str, Any]) -> Problems | None:
    """The size and hash of data. https://hl7.org/fhir/R4/datatypes.html#attachment"""
    if "data" not in value or ("size" not in value and "hash" not in value):
        return None
    data = base64.b64decode(value["data"])
    if value.get("size", len(data)) != len(data):
        text = "The size is not the number of bytes of the data: count them before they become base64, or leave it out."
        return [Problem("value", text, path=(".size",))]
    if "hash" in value and base64.b64decode(value["hash"]) != hashlib.sha1(data, usedforsecurity=False).digest():
        text = "The hash is not the SHA-1 of the data (its 20 bytes in base64): send both anew, or leave it out."
        return [Problem("value", text, path=(".hash",))]
    return None


def _full_url(entry: Mapping[str, Any], known: frozenset[str]) -> Problems | None:
    """The fullUrl of an entry and its resource. https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl"""
    resource, address = entry.get("resource"), parse_reference(entry.get("fullUrl", ""))
    if resource is None or address is None or not address.base or address.type not in known:
        return None
    if address.type == resource["resourceType"] and resource.get("id", address.id) == address.id:
        return None
    text = "The fullUrl names another type or id than the resource has: make them agree, or use a urn:uuid."
    return [Problem("value", text, path=(".fullUrl",))]


def _stated(check: Check, known: frozenset[str]) -> Check:
    """``check`` of a Reference, and that its type is the one that it leads to.

    https://hl7.org/fhir/R4/references-definitions.html#Reference.type
    """

    def checked(value: Any) -> Problems | None:
        problems = check(value)
        if type(value) is not dict or "type" not in value:
            return problems
        text, stated = value.get("reference"), value["type"]
        if type(stated) is not str or not (text is None or type(text) is str):
            return problems
        kind = stated.rpartition("/")[2]
        if kind not in known and "/" not in stated:
            return [*(problems or ()), Problem("value", "The type is not a resource type of FHIR.", path=(".type",))]
        for problem in problems or ():
            if isinstance(problem, LocalReference) and problem.path == [".reference"]:
                problem.targets = frozenset({kind})
        literal = parse_reference(text) if text else None
        if literal is None or literal.type not in known or literal.type == kind:
            return problems
        found = Problem("value", "The reference leads to another type than its type says.", path=(".type",))
        return [*(problems or ()), found]

    return checked


def distinct_ids(check: Check) -> Check:
    """``check`` of an array of contained resources, and that no two have the same id."""

    def checked(value: Any) -> Problems | None:
        problems = check(value)
        if type(value) is not list or len(value) < 2:
            return problems
        ids = [each["id"] for each in value if type(each) is dict and type(each.get("id")) is str]
        if len(set(ids)) == len(ids):
            return problems
        return [*(problems or ()), Problem("invariant", "Two contained resources have the same id: give each its own.")]

    return checked
