"""How what leaves under the base of a data service is written: the payload rules of Nictiz' qualification.
https://github.com/Nictiz/Nictiz-testscripts (common-components/_assert.*)

Each Reference says what it is to, each Coding has a system and a code, each Identifier a system or type and a value,
each CodeableConcept words; where there is nothing to say, an extension tells that. Nothing that a source gave is taken
away: what may not stand in its place is kept beside it. No BSN leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from app.fhir.definitions import Definitions
from app.fhir.resource import Resource
from app.medmij.displays import display_of
from app.server import bsn

ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ORIGINAL: Final = "http://hl7.org/fhir/StructureDefinition/originalText"
VALUE_SETS: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.2"
"""How the OIDs of Nictiz' value sets begin, which are no code systems."""
ANSWERS: Final = frozenset({"Questionnaire", "QuestionnaireResponse"})
"""Options and answers are codes of their own questionnaire, and may have no system."""
Display = Callable[[str], str]
"""What the target of a literal reference is called; "" where nobody knows."""
Object = dict[str, Any]


class Payload:
    """The rules in one version of FHIR. ``claimed``: the profile of a type that a resource claims which claims none."""

    def __init__(self, definitions: Definitions, claimed: Callable[[str], str]) -> None:
        self._definitions = definitions
        self._claimed = claimed

    def references(self, resource: Resource) -> Iterator[str]:
        """The targets of the literal references that say nothing of their own."""
        for kind, value in self._elements(resource, str(resource.get("resourceType"))):
            if kind == "Reference" and "display" not in value and isinstance(value.get("reference"), str):
                yield value["reference"]

    def apply(self, resource: Resource, display: Display) -> None:
        """Make ``resource`` follow the rules, in place."""
        kind = str(resource.get("resourceType"))
        bsn.mask(resource)
        meta = resource.setdefault("meta", {})
        if not meta.get("profile"):
            meta["profile"] = [self._claimed(kind)]
        contained = {
            f"#{each['id']}": each for each in resource.get("contained", ()) if isinstance(each, dict) and "id" in each
        }
        for element, value in self._elements(resource, kind):
            match element:
                case "Reference":
                    _name(value, contained, display)
                case "Coding" if kind not in ANSWERS:
                    _complete_coding(value)
                case "CodeableConcept":
                    _say(value)
                case "Identifier":
                    _complete_identifier(value)

    def _elements(self, value: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Object]]:
        """Every object within one, with the type of element that it is; of contained resources, too."""
        members = self._definitions.types.get(kind)
        if members is None:
            return
        for name, child in list(value.items()):
            element = members.get(name)
            if element is None or element.is_primitive:
                yield from self._extensions(child if name.startswith("_") else None)
                continue
            for each in child if isinstance(child, list) else (child,):
                if isinstance(each, dict):
                    of = str(each["resourceType"]) if "resourceType" in each else element.type
                    yield of, each
                    yield from self._elements(each, of)

    def _extensions(self, beside: Any) -> Iterator[tuple[str, Object]]:
        """What stands in the extensions of a primitive value."""
        for each in beside if isinstance(beside, list) else (beside,):
            if isinstance(each, dict):
                yield from self._elements(each, "Element")


def absent(reason: str) -> Object:
    """What stands beside a primitive value that is not there. https://hl7.org/fhir/R4/extension-data-absent-reason.html"""
    return {"extension": [{"url": ABSENT, "valueCode": reason}]}


def _lacks(value: Object, name: str, reason: str = "unknown") -> None:
    """Say why ``name`` is not there, unless that is said."""
    if name not in value and not value.get(f"_{name}", {}).get("extension"):
        value[f"_{name}"] = {**value.get(f"_{name}", {}), **absent(reason)}


def _name(reference: Object, contained: Mapping[str, Resource], display: Display) -> None:
    if "display" in reference:
        return
    target = reference.get("reference")
    text = ""
    if isinstance(target, str):
        text = display_of(contained[target]) if target in contained else display(target)
    if text:
        reference["display"] = text
    else:
        _lacks(reference, "display")


def _complete_coding(coding: Object) -> None:
    system = coding.get("system")
    if isinstance(system, str) and system.startswith(VALUE_SETS):
        del coding["system"]
        kept = {"url": ORIGINAL, "valueString": system}
        coding["_system"] = {"extension": [{"url": ABSENT, "valueCode": "error"}, kept]}
    _lacks(coding, "system")
    _lacks(coding, "code")


def _say(concept: Object) -> None:
    said = "text" in concept or "extension" in concept
    if not said and not any(isinstance(each, dict) and "display" in each for each in concept.get("coding", ())):
        _lacks(concept, "text")


def _complete_identifier(identifier: Object) -> None:
    if "type" not in identifier:
        _lacks(identifier, "system")
    _lacks(identifier, "value")
