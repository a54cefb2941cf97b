"""Who did something and what was used: STU3 has a choice of uri, Reference and Identifier, R4 a Reference that can hold
each of them.

https://hl7.org/fhir/R4/provenance-version-maps.html https://hl7.org/fhir/STU3/provenance.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.fhir.stu3.conversions import Direction, Values
from app.fhir.stu3.special.demanded import NOT_DEMANDED

_URIS: Final = "urn:ietf:rfc:3986"
_SUFFIXES: Final = ("Uri", "Reference", "Identifier")
_AGENTS: Final = frozenset({"Practitioner", "RelatedPerson", "Patient", "Device", "Organization"})
"""What STU3's agents can be."""


def to_r4(values: Values, direction: Direction) -> Values:
    """The choice as a Reference. A uri need not be a resource's address: it is an identifier."""
    made: Values = {}
    for name, value in values.items():
        plain = name.removeprefix("_")
        suffix = next(each for each in _SUFFIXES if plain.endswith(each))
        other = plain.removesuffix(suffix)
        if suffix == "Uri":
            held = made.setdefault(other, {"identifier": {"system": _URIS}})["identifier"]
            held["value" if name == plain else "_value"] = value if name == plain else direction.element(value)
        elif suffix == "Reference":
            made[other] = direction.datatype("Reference")(value)
        else:
            made[other] = {"identifier": direction.datatype("Identifier")(value)}
    return made


def agent_to_stu3(values: Values, direction: Direction) -> Values:
    """The opposite for those who act. One that STU3 cannot refer to is carried."""
    return _to_stu3(values, direction, lambda kind: kind in _AGENTS, identifiers=False)


def entity_to_stu3(values: Values, direction: Direction) -> Values:
    """The opposite for what was used."""
    return _to_stu3(values, direction, lambda _: True, identifiers=True)


def _to_stu3(values: Values, direction: Direction, may_be: Callable[[str], bool], *, identifiers: bool) -> Values:
    made: Values = {}
    for name, value in values.items():
        identifier: dict[str, Any] = value.get("identifier", {})
        if identifier and value.keys() == {"identifier"}:
            if identifier.get("system") == _URIS and identifier.keys() <= {"system", "value", "_value"}:
                if "value" in identifier:
                    made[f"{name}Uri"] = identifier["value"]
                if "_value" in identifier:
                    made[f"_{name}Uri"] = direction.element(identifier["_value"])
                continue
            if identifiers:
                made[f"{name}Identifier"] = direction.datatype("Identifier")(identifier)
                continue
        kind = _kind(value.get("reference"))
        if not kind or may_be(kind):
            made[f"{name}Reference"] = direction.datatype("Reference")(value)
    return made


def participant(given: Mapping[str, Any]) -> Any:
    """Who takes part in an appointment is demanded where no role is said (app-1)."""
    return None if "actor" in given and "type" not in given else NOT_DEMANDED


def _kind(reference: Any) -> str:
    """The type in a literal reference; empty where it names none."""
    if not isinstance(reference, str) or reference.startswith(("#", "urn:")):
        return ""
    kind = reference.partition("/_history/")[0].rpartition("/")[0].rpartition("/")[2]
    return kind if kind[:1].isupper() else ""
