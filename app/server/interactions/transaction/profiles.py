"""The profiles that the resources of a transaction claim: all of them checked at once, before anything is placed.

What an entry refers to may be another entry, by its fullUrl or the id that its url gives it.
https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from app.fhir.resource import Resource, parse_reference
from app.fhir.validation import has_shape
from app.server.intake.checking import partition_to_look_in, profile_issues
from app.server.intake.claims import Claimant, claimed_in
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.changes import Remarks
from app.server.store.prepare import flag

_CHECKED: Final = ("POST", "PUT")
_ENTRY: Final = "Bundle.entry["


async def check_entries(server: FhirServer, request: Request, bundle: Resource, remarks: Remarks) -> Remarks:
    """``remarks`` of the Bundle with what the profiles say that its entries claim; places are those in the Bundle."""
    if not has_shape(remarks.issues):
        return remarks
    claiming = [(index, each, claims) for index, each in _resources(bundle) if (claims := claimed_in(each))]
    if not claiming:
        return remarks
    database, access = server.database, request.access
    entries = dict(_named(server, bundle))
    names = {name: f"Patient/{_patient_id(request, each)}" for name, each in entries.items() if _is_patient(each)}
    claimants: list[Claimant] = []
    for index, resource, claims in claiming:
        patient = await partition_to_look_in(server, database, access, resource, names)
        claimants.append(Claimant(f"{_ENTRY}{index}].resource", resource, claims, patient))
    found = await profile_issues(server, database, access, claimants, entries=entries)
    return remarks.joined(found, lenient=access.is_system)


def of_entry(remarks: Remarks, index: int, kind: str) -> Remarks:
    """What was said of one entry; the places of deviations are those in its resource, which is a ``kind``."""
    within = f"{_ENTRY}{index}]"
    issues = [each for each in remarks.issues if any(path.startswith(within) for path in each.expression)]
    deviations = [each for each in remarks.deviations if any(path.startswith(within) for path in each.expression)]
    own = [
        replace(each, expression=tuple(kind + path.removeprefix(f"{within}.resource") for path in each.expression))
        for each in deviations
    ]
    return Remarks(tuple(issues), tuple(own))


def flag_entries(server: FhirServer, bundle: Resource, remarks: Remarks) -> None:
    """Say in the resources of the entries, in place, what they are taken in with."""
    for index, resource in _resources(bundle):
        flag(server, resource, of_entry(remarks, index, "") if remarks.deviations else remarks)


def _resources(bundle: Resource) -> Iterator[tuple[int, Resource]]:
    """What is to be stored as it stands, with the number of its entry."""
    for index, entry in enumerate(bundle.get("entry", ())):
        resource, asked = entry.get("resource"), entry.get("request")
        if resource is not None and asked is not None and asked.get("method") in _CHECKED:
            yield index, resource


def _named(server: FhirServer, bundle: Resource) -> Iterator[tuple[str, Resource]]:
    """The resources of entries by what refers to them; what is said first counts least."""
    for entry in bundle["entry"]:
        resource: Any = entry.get("resource")
        if resource is None:
            continue
        url, asked = entry.get("fullUrl", ""), entry.get("request", {})
        literal = parse_reference(url)
        if literal is not None and literal.type == resource["resourceType"]:
            yield literal.relative, resource
        if url:
            yield url, resource
        named = parse_reference(str(asked.get("url", "")).removeprefix(server.base))
        if asked.get("method") == "PUT" and named is not None:
            yield named.relative, resource


def _is_patient(resource: Resource) -> bool:
    return bool(resource["resourceType"] == "Patient")


def _patient_id(request: Request, resource: Mapping[str, Any]) -> str:
    return str(resource.get("id") or request.access.patient_id)
