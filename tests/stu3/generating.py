"""Resources of any type that are hard to translate: extensions beside primitives, nulls in arrays, contained resources,
code systems under the addresses of both versions, elements of other versions in extensions.
"""

from __future__ import annotations

import random
from typing import Any, Final

from app.fhir.definitions import Definitions, Element
from app.fhir.resource import Resource
from tests.fhir.generated import Maker

CONTAINED: Final = ("Organization", "Substance", "Location", "Practitioner")
WITHIN: Final = ("Slot", "PractitionerRole", "Organization", "Schedule")
SYSTEMS: Final = (
    "http://hl7.org/fhir/v3/ActCode",
    "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "http://hl7.org/fhir/v2/0203",
    "http://hl7.org/fhir/observation-category",
    "http://terminology.hl7.org/CodeSystem/observation-category",
    "http://terminology.hl7.org/CodeSystem/condition-clinical",
    "http://loinc.org",
)
OTHERS: Final = (
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-Patient.gender",
    "http://hl7.org/fhir/{other}/StructureDefinition/extension-Basic.created",
    "http://hl7.org/fhir/{other}/StructureDefinition/extension-Basic",
)
"""Elements of other versions, of types that are not this one."""


class Hard(Maker):
    """Makes such resources; ``other`` is the version that they are to be translated to."""

    def __init__(self, definitions: Definitions, seed: str) -> None:
        chance = random.Random(seed)
        super().__init__(definitions, chance, richness=chance.choice((0.2, 0.5, 0.9)), beside=0.1)
        self._other = "4.0" if definitions.version == "3.0.1" else "3.0"

    def resource(self, resource_type: str) -> Resource:
        """A resource of the type, with all that is hard."""
        made = self.object(resource_type)
        if "extension" in self._definitions.types[resource_type] and self._chance.random() < 0.5:
            url = self._chance.choice(OTHERS).format(other=self._other)
            made["extension"] = [*made.get("extension", ()), {"url": url, "valueString": "elsewhere"}]
        self._with_nulls(made)
        return made

    def value(self, owner: str, member: str, element: Element, *, depth: int) -> Any:
        """One value; Codings are often of a system that has two addresses."""
        value = super().value(owner, member, element, depth=depth)
        if element.type == "Coding" and element.binding is None and self._chance.random() < 0.5:
            value["system"] = self._chance.choice(SYSTEMS)
        return value

    def _resource(self, *, contained: bool) -> Resource:
        made = self.object(self._chance.choice(CONTAINED if contained else WITHIN), depth=5)
        if not contained:
            return made
        about = {
            "url": "urn:within",
            "valueReference": {"reference": "#"},
        }  # what is contained is referred to, or refers
        return {**made, "id": f"c{self._chance.randrange(1000)}", "extension": [about]}

    def _with_nulls(self, value: Any) -> None:
        """Some items of arrays of primitives have only an extension."""
        if isinstance(value, list):
            for each in value:
                self._with_nulls(each)
            return
        if not isinstance(value, dict):
            return
        for name, each in list(value.items()):
            if isinstance(each, list) and each and isinstance(each[0], str) and self._chance.random() < 0.3:
                beside = {"extension": [{"url": "urn:x", "valueCode": "y"}]}
                value[name] = [None, *each]
                value[f"_{name}"] = [beside, *value.get(f"_{name}", [None] * len(each))]
            elif not name.startswith("_"):
                self._with_nulls(each)
