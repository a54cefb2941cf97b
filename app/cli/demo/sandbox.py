"""Tokens for a sandbox that holds the demo patients: one for each patient, one for a practice, one for an operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from app.fhir.resource import Resource

OWN_SCOPES = "patient/*.cruds"
PRACTICE_SCOPES = "system/*.rs"
OPERATOR_SCOPES = "system/*.cruds"


def sandbox_tokens(resources: Iterable[Resource]) -> dict[str, dict[str, Any]]:
    """What goes under ``tokens:`` in a sandbox file for these resources, by token.

    ``demo-<patient id>`` is the patient's own token. ``demo-gp`` is that of the practice with most patients, which may
    read and search its own patients' data; it is left out when no patient has a practice. ``demo-operator`` may do
    everything for all patients.
    """
    patients: list[Resource] = []
    practice_of_role: dict[str, Resource] = {}
    for resource in resources:
        if resource["resourceType"] == "Patient":
            patients.append(resource)
        elif resource["resourceType"] == "PractitionerRole":
            practice_of_role[f"PractitionerRole/{resource['id']}"] = resource["organization"]
    tokens: dict[str, dict[str, Any]] = {
        f"demo-{patient['id']}": {"patient": patient["id"], "scopes": OWN_SCOPES, "purpose": "own-use"}
        for patient in patients
    }
    enrolled = [(_practice(patient, practice_of_role), patient["id"]) for patient in patients]
    largest = Counter(practice for practice, _ in enrolled if practice).most_common(1)
    if largest:
        practice = largest[0][0]
        tokens["demo-gp"] = {
            "patients": [patient for enrolled_at, patient in enrolled if enrolled_at == practice],
            "scopes": PRACTICE_SCOPES,
            "organization": practice,
            "purpose": "treatment",
        }
    tokens["demo-operator"] = {"patients": "all", "scopes": OPERATOR_SCOPES}
    return tokens


def _practice(patient: Resource, practice_of_role: dict[str, Resource]) -> str:
    """The name of the organization of the patient's first general practitioner, or "" without one."""
    for general_practitioner in patient.get("generalPractitioner", []):
        organization = practice_of_role.get(general_practitioner["reference"])
        if organization is not None:
            return str(organization["display"])
    return ""
