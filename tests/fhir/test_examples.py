"""HL7's and Nictiz's own resources are valid, but for those that are really wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from app.fhir import definitions, resource
from app.fhir.definitions import package
from app.fhir.validation import validate
from app.fhir.validation.files import validate_file

# What is wrong in HL7's packages: the beginning of the file's name, the beginning of the element's path, the defect.
WRONG: Final = {
    "4.0.1": (
        ("SearchParameter-codesystem-extensions-CodeSystem-", "SearchParameter.base", "base is missing"),
        ("SearchParameter-questionnaireresponse-extensions-", "SearchParameter.id", "an id of more than 64 characters"),
        ("SearchParameter-valueset-extensions-ValueSet-", "SearchParameter.base", "base is missing"),
        ("StructureDefinition-Definition.json", "StructureDefinition", "neither abstract nor with a baseDefinition"),
        ("StructureDefinition-Event.json", "StructureDefinition", "neither abstract nor with a baseDefinition"),
        ("StructureDefinition-FiveWs.json", "StructureDefinition", "neither abstract nor with a baseDefinition"),
        ("StructureDefinition-Request.json", "StructureDefinition", "neither abstract nor with a baseDefinition"),
    ),
    "3.0.1": (
        ("ActivityDefinition-", "ActivityDefinition.text.div", "an empty div"),
        ("Bundle-10bb101f-", "Bundle.entry.fullUrl", "another id than that of the Patient"),
        ("Bundle-3a0707d3-", "Bundle.entry.fullUrl", "another id than that of the Patient"),
        ("Bundle-b0a5e4277-", "Bundle.entry.resource.payloadMimeType", "DICOM WADO-RS is no media type"),
        ("Bundle-father.json", "Bundle.entry.resource.dosageInstruction.dose.code", "tbl as a unit"),
        ("Bundle-registry.json", "Bundle.entry.fullUrl", "another id than that of the NamingSystem"),
        ("Bundle-terminologies.json", "Bundle.entry.fullUrl", "canonicals instead of addresses"),
        ("Bundle-types.json", "Bundle.entry.resource.snapshot.element.example.value", "a sentence as a uri"),
        ("Bundle-types.json", "Bundle.entry.resource.differential.element.example.value", "a sentence as a uri"),
        ("Claim-960151.json", "Claim.accident.type", "a system that the value set does not have"),
        ("Claim-76015", "Claim.item.quantity.code", "TAB as a unit"),
        ("DeviceRequest-", "DeviceRequest.intent", "a coding without a system"),
        ("DiagnosticReport-example-pgx.json", "DiagnosticReport.presentedForm.contentType", "PDF is no media type"),
        ("DiagnosticReport-report.json", "DiagnosticReport.extension.value.reference", "c1, meant as #c1"),
        ("ImplementationGuide-fhir.json", "ImplementationGuide.name", "name is missing"),
        ("ImplementationGuide-fhir.json", "ImplementationGuide.status", "status is missing"),
        ("Library-library-fhir-helpers.json", "Library.relatedArtifact.resource.reference", "an id without its type"),
        ("Medication-med03", "Medication.ingredient.amount.numerator.code", "IU and mEq as units"),
        ("MedicationAdministration-", "MedicationAdministration.contained.ingredient.amount.", "mEq as a unit"),
        ("MedicationAdministration-", "MedicationAdministration.dosage.dose.code", "mEq as a unit"),
        ("MedicationDispense-", "MedicationDispense.contained.ingredient.amount.", "mEq as a unit"),
        ("MedicationDispense-", "MedicationDispense.dosageInstruction.dose.code", "drop, ea, mcg and mEq as units"),
        ("MedicationDispense-", "MedicationDispense.quantity.code", "gm, patch, RECSUPP and TAB as units"),
        ("MedicationRequest-", "MedicationRequest.contained.ingredient.amount.", "mEq as a unit"),
        ("MedicationRequest-", "MedicationRequest.dosageInstruction.dose.code", "drop, ea, mcg and mEq as units"),
        ("patient-example-f", "Patient.identifier.value", "an invented BSN"),
        ("PlanDefinition-exclusive-", "PlanDefinition.action.action.type", "a coding without a system"),
        ("Practitioner-f", "Practitioner.identifier.value", "an invented BSN"),
        ("Questionnaire-qs1.json", "Questionnaire.item.", "items without a linkId"),
        ("Questionnaire-zika-", "Questionnaire.text.div", "an empty div"),
        ("QuestionnaireResponse-3141.json", "QuestionnaireResponse.contained.identifier.value", "an invented BSN"),
        ("QuestionnaireResponse-ussg-fht-answers.json", "QuestionnaireResponse.item.item.item.answer.", "lb as a unit"),
        ("SearchParameter-", "SearchParameter.base", "base is missing"),
        ("StructureDefinition-Definition.json", "StructureDefinition.type", "a logical model without a type"),
        ("StructureDefinition-Event.json", "StructureDefinition.type", "a logical model without a type"),
        ("StructureDefinition-Request.json", "StructureDefinition.type", "a logical model without a type"),
        ("StructureDefinition-Definition.json", "StructureDefinition", "neither abstract nor with a baseDefinition"),
        ("StructureDefinition-Event.json", "StructureDefinition", "neither abstract nor with a baseDefinition"),
        ("StructureDefinition-Request.json", "StructureDefinition", "neither abstract nor with a baseDefinition"),
        (
            "StructureDefinition-Identifier.json",
            "StructureDefinition.snapshot.element.example.value",
            "a sentence as a uri",
        ),
        ("StructureDefinition-Identifier.json", "StructureDefinition.differential.element.example.value", "the same"),
        ("VisionPrescription-33124.json", "VisionPrescription.dispense.duration.code", "month as a unit"),
        ("ig-r4.json", "ImplementationGuide.", "it is one of R4"),
    ),
}

# Their BIG numbers have eight digits, and one is followed by the OID of the register.
SHORT_BIG: Final = {
    (f"{name}-Practitioner-01.xml", "warning", "nl-big")
    for name in (
        "nl-core-HealthProfessional",
        "nl-core-MedicationContraIndication-01",
        "nl-core-TreatmentDirective2-01",
    )
}


def findings(version: str) -> Iterator[tuple[str, str]]:
    """File name and path without indexes of every error that validation finds in the package of a version."""
    loaded = definitions.load(version)
    for name, content in package.examples(package.tarball(version)):
        for issue in validate(resource.decode(content), loaded):
            if issue.severity == "error":
                yield name, re.sub(r"\[\d+\]", "", issue.expression[0])


@pytest.mark.parametrize("version", WRONG)
def test_the_resources_of_hl7s_package_are_valid_but_for_known_defects(version: str, fhir_definitions: Path) -> None:
    found = set(findings(version))
    explained = {
        (name, path)
        for name, path in found
        for file, place, _ in WRONG[version]
        if name.startswith(file) and path.startswith(place)
    }
    assert found - explained == set()
    for file, place, defect in WRONG[version]:
        assert any(name.startswith(file) and path.startswith(place) for name, path in found), defect


@pytest.mark.parametrize(
    ("folder", "version", "count"),
    [
        ("Nictiz-R4-zib2020/examples", "4.0.1", 271),
        ("Nictiz-R4-zib2020/resources", "4.0.1", 752),
        ("Nictiz-STU3-Zib2017/Examples", "3.0.1", 208),
        ("Nictiz-STU3-Questionnaires/Examples", "3.0.1", 7),
    ],
)
def test_the_resources_of_nictiz_are_valid(folder: str, version: str, count: int, fhir_definitions: Path) -> None:
    files = sorted(path for path in (fhir_definitions / folder).rglob("*.*") if path.name != "package.json")
    resources = [path for path in files if path.suffix in (".json", ".xml")]
    loaded = definitions.load(version)
    issues = {(path.name, issue.severity, issue.rule) for path in resources for issue in validate_file(path, loaded)}
    assert issues <= SHORT_BIG
    assert len(resources) == count
