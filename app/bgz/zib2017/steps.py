"""The steps of semantic maps, each by the name that the table has: from a resource to one that says the same in another
place. Nothing is changed in place. https://hl7.org/fhir/R4/versions.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from app.bgz.zib2017.around import Around, key_of
from app.bgz.zib2017.needs import type_of, values
from app.bgz.zib2017.table import Row, Table
from app.fhir.resource import Resource
from app.measurements.kinds import kinds


@dataclass(frozen=True, slots=True)
class Asked:
    """What a step is told: its row, the table, and what the resource refers to."""

    row: Row
    table: Table
    around: Around

    def coding(self, name: str) -> dict[str, str]:
        """A coding of the row, as it is written."""
        return self.table.written(self.row[name])

    def is_coded(self, concept: Any, name: str) -> bool:
        """Whether a CodeableConcept has a coding of the row."""
        return has_coding(concept, *self.table.coding(self.row[name])[:2])


Step = Callable[[Resource, Asked], Resource]


def has_coding(concept: Any, system: str, code: str) -> bool:
    """Whether a CodeableConcept has a coding."""
    codings = concept.get("coding", ()) if isinstance(concept, dict) else ()
    return any(each.get("code") == code and each.get("system") == system for each in codings)


def component_from_extension(resource: Resource, asked: Asked) -> Resource:
    """``url``: an extension with a concept becomes a component with ``code``."""
    url = asked.row["url"]
    found = [each for each in resource.get("extension", ()) if each.get("url") == url]
    if not found:
        return resource
    kept = [each for each in resource["extension"] if each.get("url") != url]
    made = [
        {"code": {"coding": [asked.coding("code")]}, "valueCodeableConcept": each["valueCodeableConcept"]}
        for each in found
        if "valueCodeableConcept" in each
    ]
    return _with({**resource, "component": [*resource.get("component", ()), *made]}, "extension", kept)


def component_code(resource: Resource, asked: Asked) -> Resource:
    """A component ``from`` one code has the code ``to``."""
    if "component" not in resource:
        return resource
    to = {"coding": [asked.coding("to")]}
    listed = [
        {**each, "code": to} if asked.is_coded(each.get("code"), "from") else each for each in resource["component"]
    ]
    return {**resource, "component": listed}


def component_boolean(resource: Resource, asked: Asked) -> Resource:
    """A component ``from`` with yes or no has the code ``to``, and a concept that says the same."""
    listed = []
    for each in resource.get("component", ()):
        if not asked.is_coded(each.get("code"), "from") or not isinstance(each.get("valueBoolean"), bool):
            listed.append(each)
            continue
        said = asked.coding("true" if each["valueBoolean"] else "false")
        kept = {name: value for name, value in each.items() if name != "valueBoolean"}
        listed.append({**kept, "code": {"coding": [asked.coding("to")]}, "valueCodeableConcept": {"coding": [said]}})
    return _with(resource, "component", listed)


def coding_from_component(resource: Resource, asked: Asked) -> Resource:
    """A component with one of ``values`` becomes a coding beside that of ``code``."""
    added: list[dict[str, str]] = []
    kept = []
    for each in resource.get("component", ()):
        said = each.get("valueCodeableConcept", {}).get("coding", ())
        rows = [asked.row["values"][one["code"]] for one in said if one.get("code") in asked.row["values"]]
        if rows and asked.is_coded(each.get("code"), "component"):
            added += map(asked.table.written, rows)
        else:
            kept.append(each)
    if not added:
        return resource
    codings = resource["code"]["coding"]
    new = [each for each in added if not has_coding(resource["code"], each["system"], each["code"])]
    return _with({**resource, "code": {**resource["code"], "coding": [*codings, *new]}}, "component", kept)


def method_from_code(resource: Resource, asked: Asked) -> Resource:
    """A coding beside that of the kind, which is one of its ``context``, is the method."""
    choices = {
        choice.code.key
        for kind in kinds().values()
        for context in kind.context
        if context.name == asked.row["context"] and context.place == "code"
        for choice in context.values
    }
    codings = resource.get("code", {}).get("coding", ())
    moved = [each for each in codings if (each.get("system"), each.get("code")) in choices]
    if not moved or "method" in resource:
        return resource
    code = {**resource["code"], "coding": [each for each in codings if each not in moved]}
    return {**resource, "code": code, "method": {"coding": moved}}


def member_into(resource: Resource, asked: Asked) -> Resource:
    """What an Observation of its own says (``member``: its code) stands in the interpretation, or in a component."""
    kept: list[Resource] = []
    said: list[Resource] = []
    for each in resource.get("hasMember", ()):
        found = asked.around.find(each)
        is_it = found is not None and asked.is_coded(found.get("code"), "member")
        if found is None or not is_it or "valueCodeableConcept" not in found or said:
            kept.append(each)
        else:
            said.append(found["valueCodeableConcept"])
    if not said or (asked.row["into"] == "interpretation" and "interpretation" in resource):
        return resource
    if asked.row["into"] == "interpretation":
        return _with({**resource, "interpretation": said}, "hasMember", kept)
    made = {"code": {"coding": [asked.coding("code")]}, "valueCodeableConcept": said[0]}
    return _with({**resource, "component": [*resource.get("component", ()), made]}, "hasMember", kept)


def value_to_component(resource: Resource, asked: Asked) -> Resource:
    """The value stands in a ``component``, and the whole has another ``code``; what was not measured stays so."""
    if asked.is_coded(resource.get("code"), "code"):
        return resource
    moved: Resource = {name: resource[name] for name in ("valueQuantity", "dataAbsentReason") if name in resource}
    if not moved:
        return resource
    made = {"code": {"coding": [asked.coding("component")]}, **moved}
    text: Resource = {name: value for name, value in resource["code"].items() if name == "text"}
    kept = {name: value for name, value in resource.items() if name not in moved}
    return {
        **kept,
        "code": {"coding": [asked.coding("code")], **text},
        "component": [made, *resource.get("component", ())],
    }


def quantities(resource: Resource, _asked: Asked) -> Resource:
    """A whole number as a Quantity: STU3 has no other in an Observation."""
    made = resource
    if "valueInteger" in resource:
        made = _as_quantity(resource)
    listed = resource.get("component", ())
    if any("valueInteger" in each for each in listed):
        made = {**made, "component": [_as_quantity(each) if "valueInteger" in each else each for each in listed]}
    return made


def period_from_day(resource: Resource, _asked: Asked) -> Resource:
    """A use that is told of one day is of the period of that day."""
    when = resource.get("effectiveDateTime")
    if not isinstance(when, str):
        return resource
    kept = {name: value for name, value in resource.items() if name != "effectiveDateTime"}
    return {**kept, "effectivePeriod": {"start": when, "end": when}}


def references_elsewhere(resource: Resource, asked: Asked) -> Resource:
    """References at ``path`` to what is none of ``types`` stand in an extension ``url``."""
    path, types = asked.row["path"], asked.row["types"]
    listed = resource.get(path, ())
    moved = [each for each in listed if type_of(each.get("reference")) not in types]
    if not moved:
        return resource
    kept = [each for each in listed if each not in moved]
    said = [{"url": asked.row["url"], "valueReference": each} for each in moved]
    return _with({**resource, "extension": [*resource.get("extension", ()), *said]}, path, kept)


def add_coding(resource: Resource, asked: Asked) -> Resource:
    """``coding`` is one of the concept at ``path``."""
    concept = resource.get(asked.row["path"], {})
    if asked.is_coded(concept, "coding"):
        return resource
    made = {**concept, "coding": [asked.coding("coding"), *concept.get("coding", ())]}
    return {**resource, asked.row["path"]: made}


def fill(resource: Resource, asked: Asked) -> Resource:
    """What is not said at ``path`` is what is said at the first of ``from`` that is."""
    if asked.row["path"] in resource:
        return resource
    found = next((each for path in asked.row["from"] for each in values(resource, path)), None)
    return resource if found is None else {**resource, asked.row["path"]: found}


def questionnaire_reference(resource: Resource, asked: Asked) -> Resource:
    """A Questionnaire that a Task asks for by its canonical is referred to where it is held."""
    known = asked.around.questionnaires
    listed = resource.get("input", ())
    if not any(each.get("valueCanonical") in known for each in listed):
        return resource
    return {**resource, "input": [_referring(each, known) for each in listed]}


def roles(resource: Resource, asked: Asked) -> Resource:
    """Who refers to somebody in a role refers to the person, and to the role in the extension: STU3 has only the first.
    https://github.com/Nictiz/Nictiz-STU3-Zib2017 (practitionerrole-reference)
    """
    found: Resource = _without_roles(resource, asked.around)
    return found


def extensions(resource: Resource, asked: Asked) -> Resource:
    """Extensions that have another address."""
    found: Resource = _renamed(resource, asked.table.extensions)
    return found


STEPS: Final[Mapping[str, Step]] = {
    "component-from-extension": component_from_extension,
    "component-code": component_code,
    "component-boolean": component_boolean,
    "coding-from-component": coding_from_component,
    "method-from-code": method_from_code,
    "member-into": member_into,
    "value-to-component": value_to_component,
    "period-from-day": period_from_day,
    "references-elsewhere": references_elsewhere,
    "add-coding": add_coding,
    "fill": fill,
    "questionnaire-reference": questionnaire_reference,
}
"""Those that the table names."""
ALWAYS: Final[Mapping[str, Sequence[Step]]] = {"Observation": (quantities,)}
"""Those that every resource of a type takes, before those of its map."""
PRACTITIONER_ROLE: Final = "http://nictiz.nl/fhir/StructureDefinition/practitionerrole-reference"


def _with(resource: Resource, name: str, listed: Sequence[Any]) -> Resource:
    """A copy with a list, or without the member where nothing is in it."""
    if listed:
        return {**resource, name: list(listed)}
    return {member: value for member, value in resource.items() if member != name}


def _as_quantity(element: Resource) -> Resource:
    kept = {name: value for name, value in element.items() if name not in ("valueInteger", "_valueInteger")}
    return {**kept, "valueQuantity": {"value": Decimal(element["valueInteger"])}}


def _referring(element: Resource, known: Mapping[str, str]) -> Resource:
    found = known.get(element.get("valueCanonical", ""))
    if found is None:
        return element
    kept = {name: value for name, value in element.items() if name != "valueCanonical"}
    return {**kept, "valueReference": {"reference": f"Questionnaire/{found}"}}


def _without_roles(value: Any, around: Around) -> Any:
    """The same object where nothing in it refers to a role."""
    if isinstance(value, list):
        made = [_without_roles(each, around) for each in value]
        return value if all(new is old for new, old in zip(made, value, strict=True)) else made
    if not isinstance(value, dict):
        return value
    if value.get("url") == PRACTITIONER_ROLE:
        return value
    text = value.get("reference")
    if isinstance(text, str) and (key_of(value) or ("", ""))[0] == "PractitionerRole":
        return _person_of(value, around)
    members = {name: _without_roles(each, around) for name, each in value.items()}
    return value if all(members[name] is each for name, each in value.items()) else members


def _person_of(reference: Resource, around: Around) -> Resource:
    role = around.find(reference)
    person = {} if role is None else role.get("practitioner", {})
    said = {"url": PRACTITIONER_ROLE, "valueReference": {n: v for n, v in reference.items() if n != "type"}}
    made: Resource = {"extension": [said]}
    if isinstance(person.get("reference"), str):
        made["reference"] = person["reference"]
    display = person.get("display") or reference.get("display")
    return {**made, "display": display} if display else made


def _renamed(value: Any, addresses: Mapping[str, str]) -> Any:
    """The same object where no extension in it has another address."""
    if isinstance(value, list):
        made = [_renamed(each, addresses) for each in value]
        return value if all(new is old for new, old in zip(made, value, strict=True)) else made
    if not isinstance(value, dict):
        return value
    members = {name: _renamed(each, addresses) for name, each in value.items() if isinstance(each, dict | list)}
    url = value.get("url")
    new = addresses.get(url) if isinstance(url, str) else None
    if new is None and all(members[name] is value[name] for name in members):
        return value
    return {**value, **members, **({} if new is None else {"url": new})}
