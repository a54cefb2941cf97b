"""What the resources of a transaction are checked for as they come in, before anything is placed: the profiles that
they claim, all of them at once, and what features ask of them.

What an entry refers to may be another entry, by its fullUrl or the id that its url gives it.
https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from app.errors import Issue
from app.fhir.resource import Resource, parse_reference
from app.fhir.validation import has_shape
from app.server.intake.checking import partition_to_look_in, placed, profile_issues
from app.server.intake.claims import Claimant, claimed_in
from app.server.intake.findings import Finding, completed, deviations, feature_findings
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
    listed = list(_resources(bundle))
    claiming = [(index, each, claims) for index, each in listed if (claims := claimed_in(each))]
    asked = [listed[place] for place in complete_entries(server, request, bundle)]
    if not claiming and not asked:
        return remarks
    database, access = server.database, request.access
    entries = dict(_named(server, bundle, only=None if claiming else "Patient"))
    names = {name: f"Patient/{_patient_id(request, each)}" for name, each in entries.items() if _is_patient(each)}
    known: dict[str, int | None] = {}
    claimants: list[Claimant] = []
    for index, resource, claims in claiming:
        patient = await partition_to_look_in(server, database, access, resource, names, found=known)
        claimants.append(Claimant(f"{_ENTRY}{index}].resource", resource, claims, patient))
    found = deviations(await profile_issues(server, database, access, claimants, entries=entries)) if claimants else []
    for index, resource in asked:
        patient = await partition_to_look_in(server, database, access, resource, names, found=known)
        claimant = Claimant(f"{_ENTRY}{index}].resource", resource, (), patient)
        said = await feature_findings(server, database, access, resource, patient)
        found += [Finding(placed([each.issue], claimant)[0], each.flags) for each in said]
    return remarks.joined(found, lenient=access.is_system)


def complete_entries(server: FhirServer, request: Request, bundle: Resource) -> list[int]:
    """Have features fill in, in place, what follows from who sends it; the places of those that they look at, among
    what is to be stored.
    """
    if not server.intake:
        return []
    listed = enumerate(each for _, each in _resources(bundle))
    return [place for place, each in listed if completed(server.intake, request.access, each)]


def of_entry(remarks: Remarks, index: int, kind: str) -> Remarks:
    """What was said of one entry; what it is flagged for has places in its resource, which is a ``kind``."""
    within = f"{_ENTRY}{index}]"
    issues = [each for each in remarks.issues if any(path.startswith(within) for path in each.expression)]
    own = [
        Finding(_in_resource(each.issue, f"{within}.resource", kind), each.flags)
        for each in remarks.flagged
        if any(path.startswith(within) for path in each.issue.expression)
    ]
    return Remarks(tuple(issues), tuple(own))


def _in_resource(issue: Issue, before: str, kind: str) -> Issue:
    return replace(issue, expression=tuple(kind + path.removeprefix(before) for path in issue.expression))


def flag_entries(server: FhirServer, bundle: Resource, remarks: Remarks) -> None:
    """Say in the resources of the entries, in place, what they are taken in with."""
    for index, resource in _resources(bundle):
        flag(server, resource, of_entry(remarks, index, "") if remarks.flagged else remarks)


def _resources(bundle: Resource) -> Iterator[tuple[int, Resource]]:
    """What is to be stored as it stands, with the number of its entry."""
    for index, entry in enumerate(bundle.get("entry", ())):
        resource, asked = entry.get("resource"), entry.get("request")
        if resource is not None and asked is not None and asked.get("method") in _CHECKED:
            yield index, resource


def _named(server: FhirServer, bundle: Resource, *, only: str | None) -> Iterator[tuple[str, Resource]]:
    """The resources of entries, those of one type or all, by what refers to them; what is said first counts least."""
    for entry in bundle["entry"]:
        resource: Any = entry.get("resource")
        if resource is None or only not in (None, resource["resourceType"]):
            continue
        given, asked = entry.get("fullUrl"), entry.get("request", {})
        url = given if isinstance(given, str) else ""  # what it is not is told with the structure
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
