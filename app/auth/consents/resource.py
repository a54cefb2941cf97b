"""A version of a consent as FHIR has it, in the shape of IHE's Privacy Consent on FHIR.

https://hl7.org/fhir/R4/consent.html https://profiles.ihe.net/ITI/PCF/
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.auth.accounts.acting import related_person_id
from app.auth.consents.allowances import CATEGORIES, actions_of, categories_of
from app.auth.consents.purposes import PURPOSES
from app.auth.consents.service import ACTIVE, Consent
from app.auth.organizations.registry import AGB, URA
from app.auth.recipients import parts
from app.database import Reader
from app.fhir.dates import instant
from app.fhir.resource import Resource
from app.server.access import FOREVER, SELECT_PATIENT_ID
from app.server.tables import PATIENT

ID_PREFIX: Final = "consent-"
SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
SCOPE_CODE: Final = "patient-privacy"
CATEGORY: Final = ("http://loinc.org", "59284-0", "Consent Document")
ACTION: Final = "http://terminology.hl7.org/CodeSystem/consentaction"
ACTION_CODES: Final[Mapping[str, tuple[str, str]]] = {
    "see": ("access", "Access"),
    "add": ("collect", "Collect"),
    "change": ("correct", "Access and Correct"),
}
DATA_CATEGORIES: Final = "CodeSystem/data-categories"
"""Our own code system of data categories, below the canonical base."""
RECIPIENT: Final = "NamingSystem/recipient"
"""Our own naming system of apps, accounts and organisations, below the canonical base."""
CONSENT_TEXT: Final = "StructureDefinition/consent-text"
POLICY: Final = "consent-policy"
_TYPES: Final = {"app": "Device", "person": "RelatedPerson", "organization": "Organization"}
_MILLISECOND: Final = 1_000
_OWNER: Final = "SELECT patient FROM account WHERE id = $1"
_ORGANIZATION: Final = "SELECT ura, agb FROM organization WHERE id = $1"


@dataclass(slots=True)
class Names:
    """What a consent's rows refer to, looked up once each."""

    patients: dict[int, str] = field(default_factory=dict)
    owners: dict[str, int | None] = field(default_factory=dict)
    organizations: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def learn(self, reader: Reader, consent: Consent) -> None:
        """Look up what this consent refers to and is not known yet."""
        if consent.patient not in self.patients:
            rows = await reader.fetch(SELECT_PATIENT_ID, consent.patient, PATIENT)
            self.patients[consent.patient] = rows[0][0] if rows else ""
        if consent.given_by not in self.owners:
            rows = await reader.fetch(_OWNER, consent.given_by)
            self.owners[consent.given_by] = rows[0][0] if rows else None
        kind, organization = parts(consent.recipient)
        if kind == "organization" and organization not in self.organizations:
            rows = await reader.fetch(_ORGANIZATION, organization)
            self.organizations[organization] = (rows[0][0], rows[0][1]) if rows else ("", "")


def resource_id(consent_id: str) -> str:
    """The id of a consent as a resource."""
    return f"{ID_PREFIX}{consent_id}"


def consent_resource(consent: Consent, names: Names, canonical_base: str) -> Resource:
    """The Consent. What was withdrawn is ``inactive``, with the moment and the person of the withdrawal."""
    patient = {"reference": f"Patient/{names.patients[consent.patient]}"}
    decider = patient
    if names.owners[consent.given_by] != consent.patient:
        decider = {"reference": f"RelatedPerson/{related_person_id(consent.patient, consent.given_by)}"}
    recorded = instant(consent.recorded)
    return {
        "resourceType": "Consent",
        "id": resource_id(consent.id),
        "meta": {"versionId": str(consent.version), "lastUpdated": recorded},
        "status": "active" if consent.state == ACTIVE else "inactive",
        "scope": {"coding": [{"system": SCOPE, "code": SCOPE_CODE, "display": "Privacy Consent"}]},
        "category": [{"coding": [dict(zip(("system", "code", "display"), CATEGORY, strict=True))]}],
        "patient": patient,
        "dateTime": recorded,
        "performer": [decider],
        "sourceAttachment": _attachment(consent, canonical_base),
        "policy": [{"uri": f"{canonical_base}/{POLICY}/{consent.text_version}"}],
        "policyRule": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN", "display": "opt-in"}
            ]
        },
        "verification": [{"verified": True, "verifiedWith": decider, "verificationDate": recorded}],
        "provision": _provision(consent, names, canonical_base),
    }


def _attachment(consent: Consent, canonical_base: str) -> dict[str, Any]:
    """The text that was shown. ``Attachment.hash`` is SHA-1 in R4, so ours stands in an extension."""
    return {
        "extension": [
            {
                "url": f"{canonical_base}/{CONSENT_TEXT}",
                "extension": [
                    {"url": "version", "valueString": consent.text_version},
                    {"url": "sha256", "valueString": consent.text_hash.hex()},
                ],
            }
        ],
        "contentType": "text/plain; charset=utf-8",
        "language": consent.language,
        "data": base64.b64encode(consent.text.encode()).decode(),
    }


def _provision(consent: Consent, names: Names, canonical_base: str) -> dict[str, Any]:
    period = {"start": instant(consent.since)}
    if consent.until < FOREVER:
        period["end"] = instant(consent.until - _MILLISECOND)  # a Period's end is part of it
    purpose = PURPOSES.get(consent.purpose)
    return {
        "type": "permit",
        "period": period,
        "actor": [
            {
                "role": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                            "code": "IRCP",
                            "display": "information recipient",
                        }
                    ]
                },
                "reference": _recipient(consent, names, canonical_base),
            }
        ],
        "action": [
            {"coding": [{"system": ACTION, "code": code, "display": display}]}
            for code, display in (ACTION_CODES[name] for name in actions_of(consent.actions))
        ],
        "securityLabel": [
            {
                "system": f"{canonical_base}/{DATA_CATEGORIES}",
                "code": name,
                "display": CATEGORIES[name].english,
            }
            for name in categories_of(consent.labels)
        ],
        **({} if purpose is None else {"purpose": [purpose.coding(canonical_base)]}),
    }


def _recipient(consent: Consent, names: Names, canonical_base: str) -> dict[str, Any]:
    """By identifier: URA or AGB where the organisation has one, else our own; an organisation by reference, too."""
    kind, recipient_id = parts(consent.recipient)
    identifier = {"system": f"{canonical_base}/{RECIPIENT}", "value": consent.recipient}
    ura, agb = names.organizations.get(recipient_id, ("", "")) if kind == "organization" else ("", "")
    if ura or agb:
        identifier = {"system": URA if ura else AGB, "value": ura or agb}
    reference = {"reference": f"Organization/{recipient_id}"} if ura or agb else {}
    return {**reference, "type": _TYPES[kind], "identifier": identifier, "display": consent.recipient_name}
