"""Every rule that an ElementDefinition can have, as a profile of a few lines with what keeps it and what breaks it.
https://hl7.org/fhir/R4/elementdefinition.html
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from app.fhir.resource import Resource
from tests.builders import LOINC, concept
from tests.profiles.own import CORE, URL, element, extension, profile, value_set

UCUM: Final = "http://unitsofmeasure.org"
SYSTEM: Final = "urn:oid:2.999"
PLAIN: Final[Resource] = {"resourceType": "Observation", "status": "final", "code": concept(LOINC, "1")}
PATIENT: Final[Resource] = {"resourceType": "Patient"}


class Rule(NamedTuple):
    """``good`` keeps what the elements ask; ``bad`` breaks it with one issue at ``path``."""

    name: str
    elements: tuple[Resource, ...]
    good: tuple[Resource, ...]
    bad: tuple[Resource, ...]
    rule: str
    path: str
    severity: str = "error"
    profile: str = "p"
    beside: tuple[Resource, ...] = ()


def observed(**members: Any) -> Resource:
    return {**PLAIN, **members}


def _bound(strength: str) -> Resource:
    return element("Observation.method", binding={"strength": strength, "valueSet": URL + "codes"})


def _constrained(name: str, key: str, severity: str, expression: str) -> Resource:
    constraint = {"key": key, "severity": severity, "human": "Niet zo", "expression": expression}
    return element(f"Observation.{name}", constraint=[constraint])


def _quantity(value: int, code: str | None = None) -> Resource:
    return {"value": value, **({"system": UCUM, "code": code} if code else {})}


def patient(**members: Any) -> Resource:
    return {**PATIENT, **members}


def to(*targets: str) -> list[Resource]:
    return [{"code": "Reference", "targetProfile": [*targets]}]


def _extended(*extensions: Resource) -> Resource:
    return observed(extension=[*extensions])


CODES: Final = value_set("codes", {SYSTEM: ("a", "b")})
MORE: Final = value_set("more", {SYSTEM: ("a", "b", "c")})
_LENGTH: Final = element(
    "Observation.value[x]", minValueQuantity=_quantity(50, "cm"), maxValueQuantity=_quantity(2, "m")
)
_NAMED: Final = profile("named", "Patient", element("Patient.name", min=1))
_ALSO_NAMED: Final = profile("also-named", "Patient", element("Patient.birthDate", min=1))
_LONG: Final = profile("long", "Identifier", element("Identifier.system", min=1, fixedUri="urn:long"))
_SHORT: Final = profile("short", "Identifier", element("Identifier.system", min=1, fixedUri="urn:short"))
NOTED: Final = extension("noted", element("Extension.value[x]", min=1, type=[{"code": "string"}]))
_COMPLEX: Final = extension(
    "complex",
    element("Extension.extension:part", min=1, max="1"),
    element("Extension.extension:part.url", fixedUri="part"),
    element("Extension.extension:part.value[x]", type=[{"code": "string"}]),
    element("Extension.value[x]", max="0"),
)
ONLY_NAMES: Final = extension("only-names", contexts=("HumanName", "Patient.contact"))
_PART: Final = {"url": "part", "valueString": "Ja"}

RULES: Final = (
    Rule(
        "min",
        (element("Observation.issued", min=1),),
        (observed(issued="2026-01-01T00:00:00Z"),),
        (PLAIN,),
        "min",
        "Observation.issued",
    ),
    Rule(
        "min of several",
        (element("Observation.performer", min=2),),
        (observed(performer=[{"display": "A"}, {"display": "B"}]),),
        (observed(performer=[{"display": "A"}]),),
        "min",
        "Observation.performer",
    ),
    Rule(
        "max",
        (element("Observation.performer", max="1"),),
        (observed(performer=[{"display": "A"}]),),
        (observed(performer=[{"display": "A"}, {"display": "B"}]),),
        "max",
        "Observation.performer[1]",
    ),
    Rule(
        "max 0",
        (element("Observation.issued", max="0"),),
        (PLAIN,),
        (observed(issued="2026-01-01T00:00:00Z"),),
        "max",
        "Observation.issued",
    ),
    Rule(
        "type",
        (element("Observation.value[x]", type=[{"code": "Quantity"}]),),
        (PLAIN, observed(valueQuantity=_quantity(1))),
        (observed(valueString="1"), observed(valueCodeableConcept={"text": "1"})),
        "type",
        "Observation.value",
    ),
    Rule(
        "one profile of a type",
        (element("Observation.identifier", type=[{"code": "Identifier", "profile": [URL + "long"]}]),),
        (PLAIN, observed(identifier=[{"system": "urn:long"}])),
        (observed(identifier=[{"system": "urn:short"}]),),
        "fixed",
        "Observation.identifier[0].system",
        profile="long",
        beside=(_LONG,),
    ),
    Rule(
        "one of several profiles of a type",
        (element("Observation.identifier", type=[{"code": "Identifier", "profile": [URL + "long", URL + "short"]}]),),
        (observed(identifier=[{"system": "urn:long"}, {"system": "urn:short"}]),),
        (
            observed(identifier=[{"system": "urn:long"}, {"value": "1"}]),
            observed(identifier=[{"system": "urn:short"}, {"system": "urn:x"}]),
        ),
        "type-profile",
        "Observation.identifier[1]",
        beside=(_LONG, _SHORT),
    ),
    Rule(
        "fixed",
        (element("Observation.code", fixedCodeableConcept=concept(LOINC, "1")),),
        (PLAIN,),
        (observed(code=concept(LOINC, "2")), observed(code={**concept(LOINC, "1"), "text": "1"})),
        "fixed",
        "Observation.code",
    ),
    Rule(
        "pattern",
        (element("Observation.code", patternCodeableConcept=concept(SYSTEM, "a")),),
        (
            observed(code=concept(SYSTEM, "a")),
            observed(
                code={
                    "text": "A",
                    "coding": [*concept(LOINC, "1")["coding"], {"system": SYSTEM, "code": "a", "display": "A"}],
                }
            ),
        ),
        (PLAIN, observed(code={"coding": [{"system": SYSTEM, "code": "b"}, {"system": LOINC, "code": "a"}]})),
        "pattern",
        "Observation.code",
    ),
    Rule(
        "pattern of a number",
        (element("Observation.valueQuantity", patternQuantity={"value": 1}),),
        (observed(valueQuantity=_quantity(1)), observed(valueQuantity=_quantity(1, "kg"))),
        (observed(valueQuantity=_quantity(2)),),
        "pattern",
        "Observation.value",
    ),
    Rule(
        "required binding",
        (_bound("required"),),
        (
            PLAIN,
            observed(method=concept(SYSTEM, "a")),
            observed(method={"coding": [{"code": "x"}, {"system": SYSTEM, "code": "b"}]}),
        ),
        (observed(method=concept(SYSTEM, "c")), observed(method=concept(LOINC, "a")), observed(method={"text": "A"})),
        "binding",
        "Observation.method",
        beside=(CODES,),
    ),
    Rule(
        "extensible binding",
        (_bound("extensible"),),
        (observed(method=concept(SYSTEM, "a")), observed(method={"text": "A"})),
        (observed(method=concept(SYSTEM, "c")),),
        "binding",
        "Observation.method",
        severity="warning",
        beside=(CODES,),
    ),
    Rule(
        "preferred binding",
        (_bound("preferred"),),
        (observed(method=concept(SYSTEM, "a")),),
        (observed(method=concept(SYSTEM, "c")),),
        "binding",
        "Observation.method",
        severity="warning",
        beside=(CODES,),
    ),
    Rule(
        "example binding",
        (
            element("Observation.method", binding={"strength": "example", "valueSet": URL + "codes"}),
            element("Observation.issued", max="0"),
        ),
        (observed(method=concept(SYSTEM, "c")),),
        (observed(method=concept(SYSTEM, "c"), issued="2026-01-01T00:00:00Z"),),
        "max",
        "Observation.issued",
        beside=(CODES,),
    ),
    Rule(
        "value set that is not held",
        (element("Observation.method", binding={"strength": "required", "valueSet": URL + "elsewhere"}),),
        (PLAIN,),
        (observed(method=concept(SYSTEM, "c")),),
        "binding",
        "Observation.method",
        severity="information",
    ),
    Rule(
        "least and most quantity, in other units",
        (_LENGTH,),
        (
            observed(valueQuantity=_quantity(50, "cm")),
            observed(valueQuantity=_quantity(1, "m")),
            observed(valueQuantity=_quantity(9, "kg")),
        ),
        (observed(valueQuantity=_quantity(201, "cm")), observed(valueQuantity=_quantity(3, "m"))),
        "max-value",
        "Observation.value",
    ),
    Rule(
        "least quantity",
        (_LENGTH,),
        (),
        (observed(valueQuantity=_quantity(40, "cm")),),
        "min-value",
        "Observation.value",
    ),
    Rule(
        "least date",
        (element("Observation.effectiveDateTime", minValueDateTime="2026-03"),),
        (
            observed(effectiveDateTime="2026"),
            observed(effectiveDateTime="2026-03-01"),
            observed(effectivePeriod={"start": "2020"}),
        ),
        (observed(effectiveDateTime="2026-02-28T23:00:00+01:00"), observed(effectiveDateTime="2025")),
        "min-value",
        "Observation.effective",
    ),
    Rule(
        "longest",
        (element("Observation.valueString", maxLength=3),),
        (observed(valueString="één"),),
        (observed(valueString="twee"),),
        "max-length",
        "Observation.value",
    ),
    Rule(
        "an extension of another definition",
        (element("Observation.extension", type=[{"code": "Extension", "profile": [URL + "noted"]}]),),
        (_extended({"url": URL + "noted", "valueString": "Ja"}),),
        (_extended({"url": URL + "complex", "extension": [_PART]}),),
        "extension-url",
        "Observation.extension[0]",
        beside=(NOTED, _COMPLEX),
    ),
    Rule(
        "a part that the extension has not",
        (),
        (_extended({"url": URL + "complex", "extension": [_PART]}),),
        (_extended({"url": URL + "complex", "extension": [_PART, {"url": "another", "valueString": "Ja"}]}),),
        "extension-url",
        "Observation.extension[0].extension[1]",
        profile="complex",
        beside=(_COMPLEX,),
    ),
    Rule(
        "a part that is missing",
        (),
        (),
        (_extended({"url": URL + "complex", "extension": [{"url": URL + "noted", "valueString": "Ja"}]}),),
        "slice-min",
        "Observation.extension[0].extension",
        profile="complex",
        beside=(_COMPLEX, NOTED),
    ),
    Rule(
        "an extension where it may not stand",
        (),
        (),
        (_extended({"url": URL + "only-names", "valueString": "Ja"}),),
        "extension-context",
        "Observation.extension[0]",
        profile="only-names",
        beside=(ONLY_NAMES,),
    ),
    Rule(
        "an extension that is not held",
        (),
        (),
        (_extended({"url": "https://elsewhere.test/x", "valueString": "Ja"}),),
        "extension-unknown",
        "Observation.extension[0]",
        severity="information",
        profile="https://elsewhere.test/x",
    ),
    Rule(
        "reference to another type",
        (element("Observation.subject", type=to(f"{CORE}Patient")),),
        (
            observed(subject={"reference": "Patient/1"}),
            observed(subject={"display": "A"}),
            observed(subject={"reference": "urn:uuid:0"}),
        ),
        (
            observed(subject={"reference": "Device/1"}),
            observed(subject={"reference": "https://elsewhere.test/fhir/Group/1"}),
        ),
        "reference-type",
        "Observation.subject",
    ),
    Rule(
        "reference to what does not conform",
        (element("Observation.subject", type=to(URL + "named", URL + "also-named")),),
        (
            observed(subject={"reference": "Patient/named"}),
            observed(subject={"reference": "Patient/born"}),
            observed(subject={"reference": "Patient/unknown"}),
        ),
        (observed(subject={"reference": "Patient/bare"}),),
        "target-profile",
        "Observation.subject",
        beside=(_NAMED, _ALSO_NAMED),
    ),
    Rule(
        "reference to what is contained and does not conform",
        (element("Observation.subject", type=to(URL + "named")),),
        (observed(contained=[patient(id="a", name=[{"text": "A"}])], subject={"reference": "#a"}),),
        (observed(contained=[patient(id="a")], subject={"reference": "#a"}),),
        "target-profile",
        "Observation.subject",
        beside=(_NAMED,),
    ),
    Rule(
        "aggregation",
        (element("Observation.subject", type=[{"code": "Reference", "aggregation": ["contained"]}]),),
        (observed(contained=[patient(id="a")], subject={"reference": "#a"}), observed(subject={"display": "A"})),
        (observed(subject={"reference": "Patient/1"}),),
        "reference-type",
        "Observation.subject",
    ),
    Rule(
        "constraint",
        (_constrained("component", "own-1", "error", "value in ('Ja' | 'Nee')"),),
        (observed(component=[{"code": {"text": "A"}, "valueString": "Ja"}]),),
        (
            observed(
                component=[{"code": {"text": "A"}, "valueString": "Ja"}, {"code": {"text": "A"}, "valueString": "?"}]
            ),
        ),
        "own-1",
        "Observation.component[1]",
    ),
    Rule(
        "constraint that warns",
        (_constrained("code", "own-2", "warning", "text.exists()"),),
        (observed(code={"text": "A"}),),
        (PLAIN,),
        "own-2",
        "Observation.code",
        severity="warning",
    ),
    Rule(
        "constraint that cannot be evaluated",
        (_constrained("code", "own-3", "error", "text.conformsTo('x')"),),
        (),
        (PLAIN,),
        "own-3",
        "Observation.code",
        severity="information",
    ),
)
KNOWN: Final = {
    "Patient/named": patient(id="named", name=[{"text": "A"}]),
    "Patient/born": patient(id="born", birthDate="1980-01-01"),
    "Patient/bare": patient(id="bare"),
}
