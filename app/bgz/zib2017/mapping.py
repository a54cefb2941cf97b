"""The interpreter of the table: which map a resource has, its steps, and what it claims. https://hl7.org/fhir/STU3/"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from app.bgz.zib2017.around import ALONE, Around, Looked, look
from app.bgz.zib2017.needs import Needs
from app.bgz.zib2017.plans import plan_view
from app.bgz.zib2017.steps import ALWAYS, STEPS, Asked, extensions, has_coding, roles
from app.bgz.zib2017.table import Map, Table, table
from app.careplan.names import Names
from app.careplan.views import goal_view
from app.fhir.resource import Resource
from app.measurements.kinds import kind_of

_VERSION: Final = "3.0.1"
_PRIVACY: Final = ("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")
_MARKS: Final = ("source-profile", "added-in-translation")
_CARRIED: Final = "http://hl7.org/fhir/3.0/StructureDefinition/extension-"
"""What only the translation from STU3 makes: extensions of ours, and those that carry an element of STU3."""


class Mapper:
    """Makes what was born here the R4 form of zib2017. ``canonical_base``: of what is ours."""

    def __init__(self, canonical_base: str, maps: Table | None = None) -> None:
        self._table = maps or table()
        self._needs = Needs(self._table, canonical_base)
        self._base = canonical_base
        self._names = Names(canonical_base)
        self._marks = (*(f"{canonical_base}/StructureDefinition/{name}" for name in _MARKS), _CARRIED)

    @cached_property
    def _by_type(self) -> Mapping[str, Sequence[Map]]:
        found: dict[str, list[Map]] = {}
        for each in self._table.maps:
            found.setdefault(each.type, []).append(each)
        return found

    def look(self, resource: Resource) -> Looked:
        """What there is to look at besides it, and whether it was received."""
        return look(resource, self._marks, self._table.extensions)

    def view(self, resource: Resource, around: Around = ALONE, looked: Looked | None = None) -> Resource:
        """A copy that claims what it passes of zib2017; what was received as it is."""
        looked = looked or self.look(resource)
        if looked.received:
            return resource
        made = self._of_a_plan(resource, around)
        chosen = self.map_of(resource)
        always = ALWAYS.get(resource.get("resourceType", ""), ())
        for step in (*((roles,) if looked.roles else ()), *((extensions,) if looked.renamed else ()), *always):
            made = step(made, Asked({}, self._table, around))
        if chosen is None:
            return made
        for row in chosen.steps:
            made = STEPS[row["do"]](made, Asked(row, self._table, around))
        claimed = next((each.profile for each in chosen.claims if self._needs.hold(each.needs, made)), None)
        return made if claimed is None else self._claiming(made, claimed)

    def map_of(self, resource: Resource) -> Map | None:
        """The map that a resource has; None where its type has none."""
        return next(
            (each for each in self._by_type.get(resource.get("resourceType", ""), ()) if self._is(each, resource)), None
        )

    def is_received(self, resource: Resource) -> bool:
        """Whether it came in STU3: it keeps the profiles that it claimed, or says what the translation added."""
        return self.look(resource).received

    def _is(self, each: Map, resource: Resource) -> bool:
        if each.kinds:
            kind = kind_of(resource, self._base)
            return kind is not None and kind.name in each.kinds
        if each.codes:
            return any(has_coding(resource.get("code"), *code) for code in each.codes)
        return self._needs.hold(each.when, resource)

    def _of_a_plan(self, resource: Resource, around: Around) -> Resource:
        """The plan and its goals as a plan's; what is no part of it as it is."""
        kind = resource.get("resourceType")
        if kind == "CarePlan":
            return plan_view(resource, self._names)
        if kind == "Goal" and ("Goal", resource.get("id", "")) in around.parts:
            return goal_view(resource, self._names)
        return resource

    def _claiming(self, resource: Resource, profile: str) -> Resource:
        parts: list[Resource] = [
            {"url": "profile", "valueCanonical": profile},
            {"url": "fhirVersion", "valueCode": _VERSION},
        ]
        said = {"url": f"{self._base}/StructureDefinition/source-profile", "extension": parts}
        meta = resource.get("meta", {})
        return {**resource, "meta": {**meta, "extension": [*meta.get("extension", ()), said]}}


def is_privacy_consent(resource: Resource) -> bool:
    """Whether it is a permission, which in zib2017 would be read as a clinical Consent."""
    return resource.get("resourceType") == "Consent" and has_coding(resource.get("scope"), *_PRIVACY)
