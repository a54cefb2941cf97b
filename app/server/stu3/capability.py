"""The CapabilityStatement of STU3, computed from what serves: types with a table, parameters with a counterpart.
https://hl7.org/fhir/STU3/capabilitystatement.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.config import RELEASED, VERSION
from app.fhir.definitions import load
from app.fhir.resource import encode
from app.fhir.stu3 import R4_TYPES, system_to_stu3
from app.fhir.stu3.searching import Offered, offered
from app.server.capability import LANGUAGE, SECURITY, SYSTEM_ROWS, interactions, residence
from app.server.operation_definitions import canonical
from app.server.server import FhirServer
from app.server.stu3.addresses import OPERATIONS

_ALWAYS: Final = frozenset({"_id", "_lastUpdated"})
"""What is read from the row of the resource itself."""
_DESCRIPTION: Final = (
    "The record of Zelfregie in FHIR STU3. What is stored is R4; every resource is translated, and what R4 has no"
    " element for is carried along. Types that are not listed are not given here. There is no patch: what it"
    " names stands elsewhere in R4. Scopes of tokens name types of R4: ServiceRequest is what allows"
    " ProcedureRequest. An unknown search parameter is refused unless Prefer: handling=lenient is sent."
)


def capability_statement(base: str, server: FhirServer, profiles: Mapping[str, list[str]]) -> bytes:
    """What the base at the address ``base`` can do, as JSON; which profiles of R4 are held does not matter here."""
    del profiles
    served = {name: r4 for name, r4 in sorted(R4_TYPES.items()) if r4 in server.registry.stored}
    found = {name: searched(server, name) for name in served}
    referring = _referring(found)
    rest: dict[str, Any] = {"mode": "server", "documentation": LANGUAGE, "security": _security(server)}
    rest["resource"] = [_resource(server, name, r4, found[name], referring) for name, r4 in served.items()]
    rest["interaction"] = [{"code": code} for code in SYSTEM_ROWS]
    if operations := _operations(server):
        rest["operation"] = operations
    rest["compartment"] = ["http://hl7.org/fhir/CompartmentDefinition/patient"]
    return encode(
        {
            "resourceType": "CapabilityStatement",
            "id": "zelfregie-stu3",
            "url": f"{server.canonical_base}/CapabilityStatement/zelfregie-stu3",
            "version": VERSION,
            "name": "ZelfregieSTU3",
            "title": "What this Zelfregie server can do in STU3",
            "status": "active",
            "experimental": False,
            "date": RELEASED,
            "publisher": "Zelfregie",
            "description": _DESCRIPTION,
            "jurisdiction": [{"coding": [{"system": "urn:iso:std:iso:3166", "code": "NL"}]}],
            "kind": "instance",
            "software": {"name": "Zelfregie", "version": VERSION, "releaseDate": RELEASED},
            "implementation": {"description": "Zelfregie, FHIR STU3", "url": base.rstrip("/")},
            "fhirVersion": load("3.0.1").version,
            "acceptUnknown": "extensions",
            "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
            "rest": [rest],
        }
    )


def _security(server: FhirServer) -> dict[str, Any]:
    """How to get a token, with the code system of STU3."""
    stated: dict[str, Any] = {**SECURITY, **server.security}
    services = [
        {**each, "coding": [{**one, "system": system_to_stu3(one["system"])} for one in each["coding"]]}
        for each in stated["service"]
    ]
    return {**stated, "service": services}


def searched(server: FhirServer, name: str) -> dict[str, Offered]:
    """The parameters of a type of STU3 that can be searched by now."""
    ready = server.registry.offered(R4_TYPES[name])
    return {
        code: each for code, each in offered(name).items() if each.r4 in _ALWAYS or each.r4.partition(":")[0] in ready
    }


def _resource(
    server: FhirServer, name: str, r4: str, params: Mapping[str, Offered], referring: Mapping[str, list[str]]
) -> dict[str, Any]:
    place = server.placement[r4]
    writes = not place.refused
    row: dict[str, Any] = {
        "type": name,
        "documentation": residence(name, place),
        "interaction": [{"code": code} for code in interactions(place) if code != "patch"],
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": writes,
        "conditionalCreate": writes,
        "conditionalRead": "full-support",
        "conditionalUpdate": writes,
        "conditionalDelete": "single" if writes else "not-supported",
        "referencePolicy": ["literal", "logical", "local"],
    }
    if includes := [f"{name}:{each.code}" for each in params.values() if each.kind == "reference"]:
        row["searchInclude"] = ["*", *includes]
    if name in referring:
        row["searchRevInclude"] = referring[name]
    row["searchParam"] = [{"name": each.code, "definition": each.url, "type": each.kind} for each in params.values()]
    return row


def _referring(found: Mapping[str, Mapping[str, Offered]]) -> dict[str, list[str]]:
    """Per type, the ``Type:parameter`` of everything that can refer to it."""
    made: dict[str, list[str]] = {}
    for name, params in found.items():
        for each in params.values():
            if each.kind == "reference":
                for target in each.targets or found:
                    made.setdefault(target, []).append(f"{name}:{each.code}")
    return made


def _operations(server: FhirServer) -> list[dict[str, Any]]:
    """STU3 lists the operations of all levels with the base."""
    return [
        {"name": each.name, "definition": {"reference": canonical(server.canonical_base, each)}}
        for each in server.operations.every()
        if each.name in OPERATIONS
    ]
