"""A record of STU3 for the requests of the standards: the BgZ of a GP's system, and what the other services ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.fhir.resource import Resource, decode
from benchmarks.bgz_kinds import Holder, concept, reference
from benchmarks.bgz_record import bgz_record, bundle
from tests.server.service import Service

ROOT: Final = "http://zelfregie.test/fhir/stu3"
SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
NHG: Final = "https://referentiemodel.nhg.org/tabellen/nhg-tabel-45-diagnostische-bepalingen"
CATEGORY: Final = "http://hl7.org/fhir/observation-category"
PERIOD_OF_USE: Final = "http://nictiz.nl/fhir/StructureDefinition/zib-Medication-PeriodOfUse"
MEDICAL_DEVICE: Final = "http://nictiz.nl/fhir/StructureDefinition/extension-medicaldevice"
SIZE: Final = 120


def holder(patient: str = "anna") -> Holder:
    return Holder(f"Patient/{patient}", "A. Proefstra", "https://his.example/fhir")


def others(patient: str = "anna") -> Iterator[Resource]:
    """What is not in a BgZ, each under its own id."""
    subject = reference(f"Patient/{patient}", "A. Proefstra")

    def made(kind: str, name: str, **members: object) -> Resource:
        return {"resourceType": kind, "id": f"{patient}-{name}", **members}

    yield made("EpisodeOfCare", "episode", status="active", patient=subject)
    yield made(
        "Composition", "soep", status="final", type=concept(LOINC, "67781-5", "Verslag"), subject=subject,
        date="2026-10-01", author=[{"display": "Huisarts"}], title="Contactverslag",
        encounter=reference(f"Encounter/{patient}-visit", "Consult"),
        section=[{"title": "P", "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Plan</div>'}}],
    )  # fmt: skip
    yield made(
        "Encounter", "visit", status="finished", subject=subject,
        **{"class": {"system": "http://hl7.org/fhir/v3/ActCode", "code": "IMP", "display": "opname"}},
    )  # fmt: skip
    yield made(
        "Observation", "gp", status="final", code=concept(NHG, "1744", "bloeddruk systolisch"), subject=subject,
        category=[concept(CATEGORY, "vital-signs", "Vital Signs")], effectiveDateTime="2026-11-01",
        performer=[reference(f"Patient/{patient}", "A. Proefstra")],
        valueQuantity={"value": 130, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
    )  # fmt: skip
    yield made(
        "Observation", "panel", status="final", code=concept(LOINC, "24323-8", "panel"), subject=subject,
        category=[concept(SNOMED, "275711006", "laboratorium")], effectiveDateTime="2026-11-02",
        performer=[reference(f"Patient/{patient}", "A. Proefstra")],
        related=[{"type": "has-member", "target": reference(f"Observation/{patient}-gp", "bloeddruk")}],
    )  # fmt: skip
    yield made(
        "MedicationRequest", "agreed", intent="order", status="active", subject=subject,
        category=concept(SNOMED, "16076005", "toedieningsafspraak"),
        medicationReference=reference(f"Medication/{patient}-pills", "Metformine"),
        extension=[{"url": PERIOD_OF_USE, "valuePeriod": {"start": "2026-01-01", "end": "2026-12-31"}}],
    )  # fmt: skip
    yield made("Medication", "pills", code=concept("http://www.whocc.no/atc", "A10BA02", "Metformine"))
    yield made(
        "MedicationAdministration", "given", status="completed", subject=subject, effectiveDateTime="2026-11-01",
        category=concept(SNOMED, "18629005", "toediening"),
        medicationReference=reference(f"Medication/{patient}-pills", "Metformine"),
    )  # fmt: skip
    yield made("Goal", "walk", status="in-progress", description={"text": "Weer lopen"}, subject=subject)
    yield made("Device", "frame", type=concept(SNOMED, "266731002", "rollator"), patient=subject)
    yield made(
        "DeviceRequest", "wanted", status="active", subject=subject,
        intent=concept("http://hl7.org/fhir/request-intent", "plan", "Plan"),
        codeReference=reference(f"Device/{patient}-frame", "rollator"),
    )  # fmt: skip
    yield made(
        "DeviceUseStatement", "uses", status="active", subject=subject,
        device=reference(f"Device/{patient}-frame", "rollator"),
    )  # fmt: skip
    yield made(
        "CarePlan", "nursing", status="active", intent="order", subject=subject,
        activity=[
            {
                "outcomeReference": [reference(f"Observation/{patient}-gp", "bloeddruk")],
                "detail": {
                    "status": "in-progress",
                    "goal": [reference(f"Goal/{patient}-walk", "Weer lopen")],
                    "extension": [
                        {"url": MEDICAL_DEVICE,
                         "valueReference": reference(f"DeviceUseStatement/{patient}-uses", "rollator")}
                    ],
                },
            }
        ],
    )  # fmt: skip
    yield made("CareTeam", "team", status="active", subject=subject, participant=[{"member": subject}])
    yield made(
        "Task", "fill", status="requested", intent="order", code=concept(LOINC, "74468-0", "Vragenlijst"),
        authoredOn="2026-11-01T10:00:00+01:00", lastModified="2026-11-01T10:00:00+01:00", owner=subject,
        input=[
            {
                "type": {"text": "Questionnaire"},
                "valueReference": reference("Questionnaire/asked", "Hoe gaat het?"),
            }
        ],
        **{"for": subject},
    )  # fmt: skip
    yield made(
        "ProcedureRequest", "planned", status="suspended", intent="order", subject=subject,
        code=concept(SNOMED, "387713003", "operatie"),
    )  # fmt: skip
    yield made(
        "MedicationStatement", "uses", status="active", taken="y", subject=subject, effectiveDateTime="2026-01-01",
        category=concept("urn:oid:2.16.840.1.113883.2.4.3.11.60.20.77.5.3", "6", "gebruik"),
        medicationReference=reference(f"Medication/{patient}-pills", "Metformine"),
    )  # fmt: skip


QUESTIONNAIRE: Final[Resource] = {
    "resourceType": "Questionnaire",
    "id": "asked",
    "url": "https://his.example/fhir/Questionnaire/asked",
    "status": "active",
    "title": "Hoe gaat het?",
    "item": [{"linkId": "1", "text": "Hoe gaat het?", "type": "string"}],
}


async def fill(service: Service, patient: str = "anna", size: int = SIZE) -> None:
    """Give the whole record by one transaction, in which the questionnaire is asked that the catalogue has."""
    answer = await service.caller("operator").put(f"{ROOT}/Questionnaire/asked", QUESTIONNAIRE)
    assert answer.status_code in (200, 201), answer.text
    given = bundle(bgz_record(holder(patient), size))
    for each in others(patient):
        address = f"{each['resourceType']}/{each['id']}"
        given["entry"].append(
            {"fullUrl": f"{ROOT}/{address}", "resource": each, "request": {"method": "PUT", "url": address}}
        )
    answer = await service.caller(patient).post(ROOT, given)
    assert answer.status_code == 200, answer.text[:3000]
    statuses = [entry["response"]["status"] for entry in decode(answer.content)["entry"]]
    assert {each[:3] for each in statuses} == {"201"}
