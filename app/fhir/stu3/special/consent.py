"""``Consent``: the rules of STU3 are in R4 its ``provision``, the exceptions to them the provisions within that.
https://hl7.org/fhir/STU3/consent.html#rules https://hl7.org/fhir/R4/consent-version-maps.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.fhir.stu3.conversions import Direction, Values
from app.fhir.stu3.special.not_done import converted

_SAME: Final = {
    "period": "Period",
    "action": "CodeableConcept",
    "securityLabel": "Coding",
    "purpose": "Coding",
    "dataPeriod": "Period",
}
_SHAPES: Final = {
    "actor": ("Consent.actor", "Consent.provision.actor"),
    "data": ("Consent.data", "Consent.provision.data"),
}
_EXCEPT: Final = ("Consent.except", "Consent.provision")
_NARROWS: Final = frozenset({"type", "_type", "class", "code"})
"""What STU3 has for exceptions only."""
_SCOPES: Final[Mapping[tuple[str, str], str]] = {
    # Nictiz: the categories of zib-TreatmentDirective and zib-AdvanceDirective
    ("http://snomed.info/sct", "11291000146105"): "treatment",
    ("http://snomed.info/sct", "11341000146107"): "adr",
    # HL7's own: https://hl7.org/fhir/STU3/codesystem-consentcategorycodes.html
    ("http://hl7.org/fhir/consentcategorycodes", "acd"): "adr",
    ("http://hl7.org/fhir/consentcategorycodes", "hcd"): "adr",
    ("http://hl7.org/fhir/consentcategorycodes", "npp"): "patient-privacy",
    ("http://hl7.org/fhir/consentcategorycodes", "research"): "research",
}
_SCOPE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/consentscope"


def provision_to_r4(values: Values, direction: Direction) -> Values:
    """All rules as one provision."""
    made = converted(direction, _SAME, values)
    for name, (here, there) in _SHAPES.items():
        if name in values:
            made[name] = [direction.objects(here, there)(each) for each in values[name]]
    if "except" in values:
        made["provision"] = [direction.objects(*_EXCEPT)(each) for each in values["except"]]
    return {"provision": made} if made else {}


def provision_to_stu3(values: Values, direction: Direction) -> Values:
    """The opposite. A provision that STU3 cannot say as a whole is carried as a whole: without what narrows it, or
    without its exceptions, it would say something else. STU3 demands of an exception whether it permits or denies.
    """
    provision: Values = values.get("provision", {})
    within = provision.get("provision", ())
    narrowed = not _NARROWS.isdisjoint(provision)
    if any("provision" in each or "type" not in each for each in within) or (narrowed and within):
        return {}
    back = tuple(reversed(_EXCEPT))
    if narrowed:
        return {"except": [direction.objects(*back)(provision)]} if "type" in provision else {}
    made = converted(direction, _SAME, provision)
    for name, (here, there) in _SHAPES.items():
        if name in provision:
            made[name] = [direction.objects(there, here)(each) for each in provision[name]]
    if within:
        made["except"] = [direction.objects(*back)(each) for each in within]
    return made


def source_to_r4(values: Values, direction: Direction) -> Values:
    """The identifier of a source as a logical reference to it."""
    if "sourceIdentifier" in values:
        return {"sourceReference": {"identifier": direction.datatype("Identifier")(values["sourceIdentifier"])}}
    return converted(direction, {"sourceReference": "Reference"}, values)


def source_to_stu3(values: Values, direction: Direction) -> Values:
    """The opposite."""
    reference = values.get("sourceReference", {})
    if reference.keys() == {"identifier"}:
        return {"sourceIdentifier": direction.datatype("Identifier")(reference["identifier"])}
    return converted(direction, {"sourceReference": "Reference"}, values)


def scope(source: Mapping[str, Any]) -> Values | None:
    """What the first category that says it says of the scope."""
    for category in source.get("category", ()):
        for coding in category.get("coding", ()):
            found = _SCOPES.get((coding.get("system", ""), coding.get("code", "")))
            if found is not None:
                return {"coding": [{"system": _SCOPE_SYSTEM, "code": found}]}
    return None
