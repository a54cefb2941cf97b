"""The CapabilityStatement, computed from the tables that serve: it cannot lie.
https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from typing import Any, Final

from app.fhir.resource import encode
from app.server.dispatch import TYPE_INTERACTIONS
from app.server.server import FhirServer

_ALWAYS: Final = (("_id", "token", "http://hl7.org/fhir/SearchParameter/Resource-id"),
                  ("_lastUpdated", "date", "http://hl7.org/fhir/SearchParameter/Resource-lastUpdated"))  # fmt: skip
_EVERYTHING: Final = "http://hl7.org/fhir/OperationDefinition/Patient-everything"


def capability_statement(server: FhirServer) -> bytes:
    """What this server can do, as JSON."""
    statement: dict[str, Any] = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-23",
        "publisher": "Zelfregie",
        "kind": "instance",
        "software": {"name": "Zelfregie", "version": "0.1.0"},
        "implementation": {"description": "Zelfregie, FHIR R4", "url": server.base.rstrip("/")},
        "fhirVersion": server.definitions.version,
        "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "description": "Every request but this one needs an access token: Authorization: Bearer <token>."
                },
                "resource": [_resource(server, name) for name in sorted(server.registry.stored)],
                "interaction": [{"code": "transaction"}],
            }
        ],
    }
    return encode(statement)


def _resource(server: FhirServer, name: str) -> dict[str, Any]:
    place = server.placement[name]
    interactions = [each for each in TYPE_INTERACTIONS if not place.refused or each in ("read", "search-type")]
    params = [
        {"name": param.code, "definition": param.definition.url, "type": param.kind}
        for param in server.registry.offered(name).values()
    ]
    always = [{"name": code, "definition": url, "type": kind} for code, kind, url in _ALWAYS]
    row: dict[str, Any] = {
        "type": name,
        "interaction": [{"code": code} for code in interactions],
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": not place.refused,
        "conditionalCreate": not place.refused,
        "searchParam": always + params,
    }
    if name == "Patient":
        row["operation"] = [{"name": "everything", "definition": _EVERYTHING}]
    return row
