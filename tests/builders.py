"""Small valid resources, for tests that say only what matters to them.

Every builder takes members of the resource as keywords; None leaves a member out. https://hl7.org/fhir/R4/resourcelist.html
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from typing import Any, Final

from app.fhir.resource import Resource, encode

LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
UCUM: Final = "http://unitsofmeasure.org"
OBSERVATION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
CONDITION_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
BSN: Final = "http://fhir.nl/fhir/NamingSystem/bsn"

WEIGHT: Final = "29463-7"
HEART_RATE: Final = "8867-4"


def concept(system: str, code: str, **members: Any) -> Resource:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}], **members}


def reference(target: str) -> Resource:
    return {"reference": target}


def made(resource_type: str, defaults: Resource, members: Resource) -> Resource:
    """The resource with ``members`` over ``defaults``; those that are None are left out."""
    merged = {"resourceType": resource_type, **defaults, **members}
    return {name: value for name, value in merged.items() if value is not None}


def patient(id: str | None = None, **members: Any) -> Resource:
    return made(
        "Patient", {"id": id, "name": [{"family": "Proefstra", "given": ["Anna"]}], "birthDate": "1950-02-28"}, members
    )


def observation(subject: str | Resource | None = "Patient/anna", **members: Any) -> Resource:
    """A home-measured weight. ``subject`` is a reference, or what is to stand in its place."""
    defaults = {
        "status": "final",
        "category": [concept(OBSERVATION_CATEGORY, "vital-signs")],
        "code": concept(LOINC, WEIGHT),
        "subject": reference(subject) if isinstance(subject, str) else subject,
        "effectiveDateTime": "2026-11-20T08:00:00+01:00",
        "valueQuantity": {"value": 81, "unit": "kg", "system": UCUM, "code": "kg"},
    }
    return made("Observation", defaults, members)


def counted(**members: Any) -> Resource:
    """An Observation that is no measurement of a kind that the service knows, so that its value can be anything."""
    return observation(**{"code": concept("urn:codes", "counted"), **members})


def condition(subject: str = "Patient/anna", **members: Any) -> Resource:
    defaults = {
        "clinicalStatus": concept(CONDITION_CLINICAL, "active"),
        "code": concept(SNOMED, "44054006"),
        "subject": reference(subject),
        "recordedDate": "2019-05-06",
    }
    return made("Condition", defaults, members)


def goal(subject: str = "Patient/anna", **members: Any) -> Resource:
    defaults = {
        "lifecycleStatus": "proposed",
        "description": {"text": "Elke dag naar buiten"},
        "subject": reference(subject),
    }
    return made("Goal", defaults, members)


def care_plan(subject: str = "Patient/anna", **members: Any) -> Resource:
    return made("CarePlan", {"status": "active", "intent": "plan", "subject": reference(subject)}, members)


def questionnaire_response(subject: str | None = "Patient/anna", **members: Any) -> Resource:
    """Answers to a Questionnaire of somebody else, which is not held."""
    defaults = {
        "questionnaire": "http://example.org/Questionnaire/elders",
        "status": "completed",
        "subject": None if subject is None else reference(subject),
        "authored": "2026-11-01T10:00:00Z",
    }
    return made("QuestionnaireResponse", defaults, members)


def task(patient: str | None = "Patient/anna", **members: Any) -> Resource:
    return made(
        "Task",
        {"status": "requested", "intent": "order", "for": None if patient is None else reference(patient)},
        members,
    )


def consent(patient: str = "Patient/anna", **members: Any) -> Resource:
    defaults = {
        "status": "active",
        "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", "adr"),
        "category": [concept("http://loinc.org", "59284-0")],
        "patient": reference(patient),
        "policyRule": {"text": "Eigen wens"},
    }
    return made("Consent", defaults, members)


def appointment(actors: Iterable[str] = ("Patient/anna",), **members: Any) -> Resource:
    participants = [{"actor": reference(actor), "status": "accepted"} for actor in actors]
    return made(
        "Appointment",
        {"status": "booked", "participant": participants},
        {"start": "2026-12-01T09:00:00Z", "end": "2026-12-01T09:10:00Z", **members},
    )


def provenance(targets: Iterable[str], **members: Any) -> Resource:
    defaults = {
        "target": [reference(target) for target in targets],
        "recorded": "2026-11-20T08:00:00Z",
        "agent": [{"who": {"display": "Weegschaal"}}],
    }
    return made("Provenance", defaults, members)


def binary(**members: Any) -> Resource:
    return made("Binary", {"contentType": "text/plain", "data": "aGFsbG8="}, members)


def medication(**members: Any) -> Resource:
    return made("Medication", {"code": {"text": "Metformine 500 mg"}}, members)


def organization(**members: Any) -> Resource:
    return made("Organization", {"name": "Huisartsenpraktijk De Proef"}, members)


def practitioner(**members: Any) -> Resource:
    return made("Practitioner", {"name": [{"family": "Dokter"}]}, members)


def questionnaire(**members: Any) -> Resource:
    return made("Questionnaire", {"status": "active", "title": "Hoe gaat het?"}, members)


def posted(resource: Resource, full_url: str | None = None, **request: Any) -> Resource:
    """The entry of a transaction that creates."""
    entry: Resource = {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"], **request}}
    return entry if full_url is None else {"fullUrl": full_url, **entry}


def put(resource: Resource, full_url: str | None = None, **request: Any) -> Resource:
    """The entry of a transaction that updates under the resource's own id."""
    entry: Resource = {
        "resource": resource,
        "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}", **request},
    }
    return entry if full_url is None else {"fullUrl": full_url, **entry}


def deleted(address: str, **request: Any) -> Resource:
    """The entry of a transaction that deletes."""
    return {"request": {"method": "DELETE", "url": address, **request}}


def asking(method: str, address: str, resource: Resource | None = None, **request: Any) -> Resource:
    """The entry of a batch or transaction that makes this request."""
    entry: Resource = {} if resource is None else {"resource": resource}
    return {**entry, "request": {"method": method, "url": address, **request}}


def patched(address: str, patch: list[Resource] | Resource, **request: Any) -> Resource:
    """The entry of a batch or transaction that patches: a JSON Patch goes in a Binary, a FHIRPath Patch as it is."""
    if isinstance(patch, list):
        data = b64encode(encode(patch)).decode()
        patch = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    return asking("PATCH", address, patch, **request)


def batch(*entries: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": "batch", "entry": list(entries)}


def transaction(*entries: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
