"""Edits of Nictiz's examples that each break one constraint of a profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from app.fhir.resource import Resource

_ZIB: Final = "http://nictiz.nl/fhir/StructureDefinition/"
_CORE: Final = "http://fhir.nl/fhir/StructureDefinition/"
_HL7: Final = "http://hl7.org/fhir/StructureDefinition/"


class Broken(NamedTuple):
    """``implied`` are rules that the same edit breaks."""

    version: str
    key: str
    profile: str
    path: str
    example: str
    edit: Callable[[Resource], object]
    implied: frozenset[str] = frozenset()


def _without_code(code: str) -> Callable[[Resource], object]:
    """Without the component that has a code."""

    def edit(resource: Resource) -> None:
        resource["component"] = [each for each in resource["component"] if each["code"]["coding"][0]["code"] != code]

    return edit


def _without_answers(resource: Resource) -> None:
    del resource["valueInteger"], resource["component"]


def _put(**members: Any) -> Callable[[Resource], object]:
    return lambda resource: resource.update(members)


def _drop(*names: str) -> Callable[[Resource], object]:
    return lambda resource: [resource.pop(name) for name in names]


def _without_extension(url: str, *way: str | int) -> Callable[[Resource], object]:
    def edit(resource: Resource) -> None:
        found: Any = resource
        for each in way:
            found = found[each]
        found["extension"] = [each for each in found["extension"] if not each["url"].endswith(url)]

    return edit


def _house_number(resource: Resource) -> None:
    for each in resource["address"][0]["_line"][0]["extension"]:
        if each["url"].endswith("iso21090-ADXP-additionalLocator"):
            each["valueString"] = "naast"


def _both_outcomes(resource: Resource) -> None:
    resource["activity"][1]["outcomeCodeableConcept"] = [{"text": "Beter"}]


def _scores(name: str, code: str) -> tuple[Broken, Broken]:
    """An answer that is missing; a score without answers of which the sum is missing as well."""
    profile, example = f"{_ZIB}zib-{name}", f"nl-core-{name[0].upper()}{name[1:]}-01.xml"
    key = {"SNAQ65plusScore": "zib-SNAQ65PlusScore"}.get(name, f"zib-{name}")
    return (
        Broken("4.0.1", f"{key}-1", profile, "Observation", example, _without_code(code)),
        Broken("4.0.1", f"{key}-2", profile, "Observation", example, _without_answers),
    )


def _refraction(number: int, code: str) -> Broken:
    """A component without the one that belongs to it."""
    key = f"zib-Refraction-{number}"
    return Broken(
        "4.0.1", key, f"{_ZIB}zib-Refraction", "Observation", "nl-core-Refraction-01.xml", _without_code(code)
    )


def _apgar(number: int, code: str) -> Broken:
    """The components of one minute with the code of another."""
    coding = {"coding": [{"system": "http://loinc.org", "code": code}]}
    edit = _put(code=coding)
    return Broken(
        "3.0.1", f"zib-apgarscore-{number}", f"{_ZIB}zib-ApgarScore", "Observation", "zib-ApgarScore-01.xml", edit
    )


_NHG: Final = "https://referentiemodel.nhg.org/tabellen/nhg-tabel-45-diagnostische-bepalingen"
_OWN_NAME: Final = ("name", 0, "_family")

BROKEN: Final = (
    Broken(
        "4.0.1",
        "vs-1",
        f"{_ZIB}pattern-VitalSigns",
        "Observation.effective",
        "nl-core-BloodPressure-01.xml",
        _put(effectiveDateTime="2020-01"),
    ),
    Broken(
        "4.0.1",
        "vs-2",
        f"{_ZIB}pattern-VitalSigns",
        "Observation",
        "nl-core-BodyHeight-01.xml",
        _drop("valueQuantity", "component"),
    ),
    Broken(
        "4.0.1",
        "vs-3",
        f"{_ZIB}pattern-VitalSigns",
        "Observation.component[0]",
        "nl-core-BloodPressure-01.xml",
        lambda resource: resource["component"][0].pop("valueQuantity"),
    ),
    Broken(
        "4.0.1",
        "houseNumberIndication",
        f"{_ZIB}zib-AddressInformation",
        "Patient.address[0].line[0].extension[3].value",
        "nl-core-TreatmentDirective2-02-Patient-01.xml",
        _house_number,
    ),
    Broken(
        "4.0.1",
        "zib-Alert-2",
        f"{_ZIB}zib-Alert",
        "Flag",
        "nl-core-Alert-01.xml",
        _put(code={"coding": [{"system": "http://snomed.info/sct", "code": "77386006"}]}),
        frozenset({"binding"}),
    ),
    *_scores("MUSTScore", "4005003"),
    *_scores("SNAQ65plusScore", "4030003"),
    *_scores("SNAQScore", "4006003"),
    *_scores("SNAQrcScore", "4029003"),
    *_scores("StrongKidsScore", "4028003"),
    Broken(
        "4.0.1",
        "zib-NameInformation-1",
        f"{_ZIB}zib-NameInformation",
        "Patient.name[0]",
        "nl-core-NameInformation-complete.xml",
        _without_extension("humanname-own-name", *_OWN_NAME),
    ),
    Broken(
        "4.0.1",
        "zib-NameInformation-2",
        f"{_ZIB}zib-NameInformation",
        "Patient.name[0]",
        "nl-core-NameInformation-complete.xml",
        _without_extension("humanname-partner-name", *_OWN_NAME),
    ),
    Broken(
        "4.0.1",
        "zib-PainScore-1",
        f"{_ZIB}zib-PainScore",
        "Observation",
        "nl-core-PainScore-01.xml",
        _put(valueInteger=11),
    ),
    Broken(
        "4.0.1",
        "zib-PainScore-2",
        f"{_ZIB}zib-PainScore",
        "Observation",
        "nl-core-PainScore-01.xml",
        _put(valueInteger=-1),
    ),
    _refraction(1, "251799001"),
    _refraction(2, "251797004"),
    _refraction(3, "246223004"),
    _refraction(4, "251762001"),
    _refraction(5, "251795007"),
    Broken(
        "4.0.1",
        "zib-SOAPReport-1",
        f"{_ZIB}zib-SOAPReport.SOAPLine",
        "Observation",
        "nl-core-SOAPReport.SOAPLine-01.xml",
        _put(code={"coding": [{"system": "http://snomed.info/sct", "code": "11"}]}),
        frozenset({"binding"}),
    ),
    Broken(
        "3.0.1",
        "vs-2",
        f"{_ZIB}zib-VitalSigns",
        "Observation",
        "zib-BodyHeight-01.xml",
        _drop("valueQuantity"),
        frozenset({"slice-min"}),
    ),
    Broken(
        "3.0.1",
        "vs-3",
        f"{_ZIB}zib-VitalSigns",
        "Observation.component[0]",
        "zib-BodyWeight-01.xml",
        lambda resource: resource["component"][0].pop("valueCodeableConcept"),
    ),
    Broken(
        "3.0.1",
        "vs-4",
        f"{_ZIB}zib-VitalSigns",
        "Observation.category[0]",
        "zib-BodyHeight-01.xml",
        _put(category=[{"coding": [{"system": "http://hl7.org/fhir/observation-category", "code": "survey"}]}]),
    ),
    Broken(
        "3.0.1",
        "nl-streetname-if-official-and-other-line-parts",
        f"{_CORE}nl-core-address",
        "Location.address",
        "nl-core-location-01.xml",
        _without_extension("iso21090-ADXP-streetName", "address", "_line", 0),
    ),
    Broken(
        "3.0.1",
        "hicm-outcomeofcare-1",
        f"{_CORE}nl-core-careplan",
        "CarePlan.activity[1]",
        "nl-core-careplan-01.xml",
        _both_outcomes,
    ),
    Broken(
        "3.0.1",
        "hicm-outcomeofcare-1",
        f"{_ZIB}zib-OutcomeOfCare",
        "DiagnosticReport",
        "zib-OutcomeOfCare-01.xml",
        _put(result=[{"display": "Een uitslag"}]),
    ),
    Broken(
        "3.0.1",
        "bg-1",
        f"{_ZIB}vitalsign-bloodglucose",
        "Observation.code",
        "vitalsigns-bloodglucose-01.xml",
        _put(code={"coding": [{"system": _NHG, "code": "381"}]}),
    ),
    Broken(
        "3.0.1",
        "bg-2",
        f"{_ZIB}vitalsign-bloodglucose",
        "Observation.code",
        "vitalsigns-bloodglucose-01.xml",
        lambda resource: resource["code"]["coding"].extend({"system": _NHG, "code": each} for each in ("381", "382")),
    ),
    _apgar(2, "9274-2"),
    Broken(
        "3.0.1",
        "maxValue-for-method",
        f"{_ZIB}zib-PainScore",
        "Observation",
        "zib-PainScore-01.xml",
        lambda resource: resource["valueQuantity"].update(value=101),
    ),
    Broken(
        "3.0.1",
        "minValue-for-method",
        f"{_ZIB}zib-PainScore",
        "Observation",
        "zib-PainScore-01.xml",
        lambda resource: resource["valueQuantity"].update(value=-1),
    ),
    Broken(
        "3.0.1",
        "hcim-pregnancy-1",
        f"{_ZIB}zib-Pregnancy-TermDate",
        "Observation.value",
        "zib-Pregnancy-TermDate-01.xml",
        _put(valueDateTime="2015-01"),
    ),
    Broken(
        "3.0.1",
        "hcim-pregnancy-2",
        f"{_ZIB}zib-Pregnancy-DateLastMenstruation",
        "Observation.value",
        "zib-Pregnancy-DateLastMenstruation-01.xml",
        _put(valueDateTime="2015"),
    ),
    Broken(
        "3.0.1",
        "Zib-SNAQScore-1",
        f"{_ZIB}zib-SNAQScore",
        "Observation",
        "zib-SNAQScore-01.xml",
        _without_code("4.6.3"),
    ),
    Broken(
        "3.0.1",
        "que-1",
        f"{_ZIB}vl-QuestionnaireProvisioningTask",
        "Task",
        "vl-QuestionnaireProvisioningTask-01.xml",
        _put(status="completed", output=[{"type": {"text": "Antwoorden"}, "valueString": "Later"}]),
    ),
)
