"""Tokens and accounts for a sandbox that holds the demo patients: a token for each patient, one for a practice, one for
an operator; an account for each patient and one for an administrator.
"""

from __future__ import annotations

from base64 import b32encode
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from app.fhir.resource import Resource

OWN_SCOPES = "patient/*.cruds"
PRACTICE_SCOPES = "system/*.rs"
OPERATOR_SCOPES = "system/*.cruds"
COLLECTED = (48, 49, 52, 53, 54, 59, 60, 61, 900000103)
"""Data services of MedMij: the record, measurements, questionnaires and the plan."""
DEMO_PASSWORD = "drie-groene-fietsen"  # noqa: S105 - of people who do not exist, and printed at every start


def sandbox_tokens(resources: Iterable[Resource]) -> dict[str, dict[str, Any]]:
    """What goes under ``tokens:`` in a sandbox file for these resources, by token.

    ``demo-<patient id>`` is the patient's own token. ``demo-gp`` is that of the practice with most patients, which may
    read and search its own patients' data; it is left out when no patient has a practice. ``demo-operator`` may do
    everything for all patients. ``demo-medmij`` is that of another PGO, which collects for the first patient by the
    data services of ``COLLECTED``.
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
    if patients:
        tokens["demo-medmij"] = {
            "patient": patients[0]["id"],
            "scopes": OWN_SCOPES,
            "purpose": "own-use",
            "profile": "medmij",
            "services": list(COLLECTED),
        }
    return tokens


def sandbox_accounts(resources: Iterable[Resource]) -> dict[str, dict[str, Any]]:
    """What goes under ``accounts:`` in a sandbox file for these resources, by e-mail address: the first name, or
    ``beheer`` for the administrator, at ``example.org``. Everybody's password is known, as nobody is real.
    """
    accounts: dict[str, dict[str, Any]] = {
        f"{patient['id'].partition('-')[0]}@example.org": {
            "patient": patient["id"],
            "name": " ".join([*patient["name"][0].get("given", [])[:1], patient["name"][0].get("family", "")]).strip(),
        }
        for patient in resources
        if patient["resourceType"] == "Patient" and patient.get("name")
    }
    accounts["beheer@example.org"] = {"administrator": True, "name": "Beheer"}
    for email, account in accounts.items():
        account["password"] = DEMO_PASSWORD
        account["totp"] = b32encode(sha256(f"demo {email}".encode()).digest()[:20]).decode()
    return accounts


def _practice(patient: Resource, practice_of_role: dict[str, Resource]) -> str:
    """The name of the organization of the patient's first general practitioner, or "" without one."""
    for general_practitioner in patient.get("generalPractitioner", []):
        organization = practice_of_role.get(general_practitioner["reference"])
        if organization is not None:
            return str(organization["display"])
    return ""
