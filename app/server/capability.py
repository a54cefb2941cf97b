"""The CapabilityStatement, computed from the tables that serve: it cannot lie.
https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.config import RELEASED, VERSION
from app.fhir.profiles.profiles import Profiles
from app.fhir.resource import encode
from app.server.dispatch import ROUTES
from app.server.operation_definitions import canonical
from app.server.operations import Level
from app.server.placement import Place
from app.server.search.description import describe
from app.server.server import FhirServer
from app.server.urls import Form

TYPE_ROWS: Final[Mapping[str, tuple[Form, str]]] = {
    "read": (Form.INSTANCE, "GET"),
    "vread": (Form.VERSION, "GET"),
    "update": (Form.INSTANCE, "PUT"),
    "patch": (Form.INSTANCE, "PATCH"),
    "delete": (Form.INSTANCE, "DELETE"),
    "history-instance": (Form.INSTANCE_HISTORY, "GET"),
    "history-type": (Form.TYPE_HISTORY, "GET"),
    "create": (Form.TYPE, "POST"),
    "search-type": (Form.TYPE, "GET"),
}
"""FHIR's name of each interaction with a type, and the row of ``ROUTES`` by whose presence it is offered."""
SYSTEM_ROWS: Final[Mapping[str, tuple[Form, str]]] = {
    "transaction": (Form.SYSTEM, "POST"),
    "batch": (Form.SYSTEM, "POST"),
    "search-system": (Form.SYSTEM, "GET"),
    "history-system": (Form.SYSTEM_HISTORY, "GET"),
}
NORMATIVE: Final = frozenset(
    {
        "Binary",
        "Bundle",
        "CapabilityStatement",
        "CodeSystem",
        "Observation",
        "OperationDefinition",
        "OperationOutcome",
        "Parameters",
        "Patient",
        "StructureDefinition",
        "ValueSet",
    }
)
"""The types whose definition is normative in R4."""
_READ_ONLY: Final = frozenset({"read", "search-type"})
ALWAYS: Final = (
    ("_id", "token", "http://hl7.org/fhir/SearchParameter/Resource-id", "The id of the resource."),
    (
        "_lastUpdated",
        "date",
        "http://hl7.org/fhir/SearchParameter/Resource-lastUpdated",
        "When the resource was last changed. Prefixes as for every date.",
    ),
)
"""Name, type, definition and documentation of the parameters that are read from the resource's own row."""
LANGUAGE: Final = (
    "What is wrong is told in Dutch or English (OperationOutcome.issue.details.text), whichever Accept-Language likes"
    " best; without it, details.text has the key of a rule alone."
)
SECURITY: Final = {
    "cors": True,
    "service": [
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                    "code": "OAuth",
                    "display": "OAuth",
                }
            ],
            "text": "OAuth 2.0 bearer token",
        }
    ],
    "description": "Every request but this one and OPTIONS needs an access token: Authorization: Bearer <token>. What"
    " a token may see is decided per patient and per category of data; the resource of another patient is answered as"
    " one that does not exist.",
}


def supported_profiles(profiles: Profiles) -> Mapping[str, list[str]]:
    """Per resource type, the canonicals of the profiles that are held and not abstract, in order."""
    found: dict[str, list[str]] = {}
    for name, url in profiles.every():
        found.setdefault(name, []).append(url)
    return found


def capability_statement(server: FhirServer, profiles: Mapping[str, list[str]]) -> bytes:
    """What this server can do, as JSON; ``profiles`` are those that it checks, by type."""
    address = server.base.rstrip("/")
    rest: dict[str, Any] = {
        "mode": "server",
        "documentation": LANGUAGE,
        "security": {**SECURITY, **server.security},
    }
    referring = _referring(server)
    rest["resource"] = [
        _resource(server, name, referring, profiles.get(name, ())) for name in sorted(server.registry.stored)
    ]
    if interactions := [{"code": code} for code, row in SYSTEM_ROWS.items() if row in ROUTES]:
        rest["interaction"] = interactions
    if operations := _operations(server, "system", ""):
        rest["operation"] = operations
    if (Form.COMPARTMENT, "GET") in ROUTES:
        rest["compartment"] = [
            f"http://hl7.org/fhir/CompartmentDefinition/{name[0].lower()}{name[1:]}"
            for name in sorted(server.definitions.compartments)
        ]
    statement: dict[str, Any] = {
        "resourceType": "CapabilityStatement",
        "id": "zelfregie",
        "url": f"{server.canonical_base}/CapabilityStatement/zelfregie",
        "version": VERSION,
        "name": "Zelfregie",
        "title": "What this Zelfregie server can do",
        "status": "active",
        "experimental": False,
        "date": RELEASED,
        "publisher": "Zelfregie",
        "description": "A FHIR R4 server for patient self-management, made of the tables by which it serves. Every"
        " search parameter that is listed works on every type it is listed for; an unknown one is refused unless"
        " Prefer: handling=lenient is sent.",
        "jurisdiction": [{"coding": [{"system": "urn:iso:std:iso:3166", "code": "NL"}]}],
        "kind": "instance",
        "software": {"name": "Zelfregie", "version": VERSION, "releaseDate": RELEASED},
        "implementation": {"description": "Zelfregie, FHIR R4", "url": address},
        "fhirVersion": server.definitions.version,
        "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
    }
    if TYPE_ROWS["patch"] in ROUTES:
        statement["patchFormat"] = ["application/json-patch+json", "application/fhir+json", "application/fhir+xml"]
    return encode({**statement, "rest": [rest]})


def interactions(place: Place) -> list[str]:
    """FHIR's names of the interactions with a type."""
    listed = [code for code, row in TYPE_ROWS.items() if row in ROUTES]
    return [code for code in listed if code in _READ_ONLY] if place.refused else listed


def _resource(
    server: FhirServer, name: str, referring: Mapping[str, list[str]], profiles: Sequence[str]
) -> dict[str, Any]:
    place = server.placement[name]
    writes = not place.refused
    providers = server.providers.by_type.get(name, ())
    whole = next((each for each in providers if each.whole), None)
    params = server.registry.offered(name)
    if whole is not None:
        params = {code: param for code, param in params.items() if code in (*whole.parameters, "patient")}
    row: dict[str, Any] = {
        "type": name,
        **({"supportedProfile": [*profiles]} if profiles else {}),
        "documentation": " ".join([residence(name, place), *(each.documentation for each in providers)]),
        "interaction": [{"code": code} for code in interactions(place)],
        "versioning": "versioned" if whole is None or whole.versioned else "no-version",
        "readHistory": (Form.VERSION, "GET") in ROUTES and (whole is None or whole.versioned),
        "updateCreate": writes,
        "conditionalCreate": writes,
        "conditionalRead": "full-support",
        "conditionalUpdate": writes and (Form.TYPE, "PUT") in ROUTES,
        "conditionalDelete": "single" if writes and (Form.TYPE, "DELETE") in ROUTES else "not-supported",
        "referencePolicy": ["literal", "logical", "local"],
    }
    includes = [f"{name}:{param.code}" for param in params.values() if param.kind == "reference"]
    if includes and whole is None:
        row["searchInclude"] = ["*", *includes]
    if name in referring:
        row["searchRevInclude"] = referring[name]
    row["searchParam"] = [
        *({"name": code, "definition": url, "type": kind, "documentation": text} for code, kind, url, text in ALWAYS),
        *(
            {
                "name": param.code,
                "definition": param.definition.url,
                "type": param.kind,
                "documentation": describe(param),
            }
            for param in params.values()
        ),
    ]
    if operations := [*_operations(server, "type", name), *_operations(server, "instance", name)]:
        unique = {each["definition"]: each for each in operations}
        row["operation"] = list(unique.values())
    return row


def residence(name: str, place: Place) -> str:
    """Where resources of a type live, and who writes them."""
    if place.refused:
        return place.refused
    if place.is_person:
        return "One person, whose record all else is in. Persons are registered, not posted by apps."
    subject = f"in {name}.{'.'.join(place.subject)}, " if place.subject else ""
    named = f"Belongs to one patient, who is named {subject}by the address or by X-Security-Context."
    shared = " Those of no patient are in a catalogue that is written by administrators."
    return named + (shared if place.catalogue else "")


def _referring(server: FhirServer) -> dict[str, list[str]]:
    """Per type, the ``Type:parameter`` of everything that can refer to it."""
    found: dict[str, list[str]] = {}
    provided = {each for each, listed in server.providers.by_type.items() if any(one.whole for one in listed)}
    for name in sorted(server.registry.stored - provided):
        for param in server.registry.offered(name).values():
            if param.kind == "reference":
                for target in param.definition.targets or server.registry.stored:
                    found.setdefault(target, []).append(f"{name}:{param.code}")
    return found


def _operations(server: FhirServer, level: Level, name: str) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "definition": canonical(server.canonical_base, each), "documentation": each.description}
        for each in server.operations.every()
        if each.offers(level, name)
    ]
