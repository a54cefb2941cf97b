"""The CapabilityStatement of a data service: that of the whole server, with what the service is for and no more.
https://hl7.org/fhir/STU3/capabilitystatement.html
"""

from __future__ import annotations

from typing import Any

from app.fhir.resource import Resource
from app.medmij.services import INCLUDES, Service


def narrowed(whole: Resource, service: Service) -> Resource:
    """``whole`` in the version of the service."""
    made = dict(whole)
    name = f"MedMij data service {service.id}: {service.names['en']}"
    made["id"], made["name"] = f"medmij-{service.id}", f"MedMij{service.id}"
    made["url"] = f"{str(whole['url']).rpartition('/')[0]}/{made['id']}"
    made["title"] = made["description"] = f"{name}. No qualification is claimed."
    made["rest"] = [_rest(each, service) for each in whole.get("rest", ())]
    return made


def _rest(rest: dict[str, Any], service: Service) -> dict[str, Any]:
    found = {name: each for name, each in rest.items() if name not in ("interaction", "operation", "resource")}
    operations = {each.operation for each in service.rows if each.operation}
    if service.bundles:
        found["interaction"] = [{"code": each} for each in service.bundles]
    kept = [each for each in rest.get("operation", ()) if each.get("name") in operations]
    if kept:
        found["operation"] = kept
    found["resource"] = [_resource(each, service) for each in rest.get("resource", ()) if each["type"] in service.types]
    return found


def _resource(resource: dict[str, Any], service: Service) -> dict[str, Any]:
    kind = resource["type"]
    rows = [each for each in service.rows if each.type == kind]
    interactions = [{"code": "read"}] if service.reading(kind) is not None else []
    interactions += [{"code": "search-type"}] if rows else []
    for each in service.writings:
        if each.type == kind:
            said = {"code": "create" if each.method == "POST" else "update"}
            interactions.append(said if each.alone else {**said, "documentation": "Within a Bundle only."})
    names = {name.partition(":")[0] for row in rows for name in (*row.fixed, *row.free)}
    included = sorted({value for row in rows for name, value in row.includes if name.partition(":")[0] == INCLUDES[0]})
    found: dict[str, Any] = {"type": kind}
    if "profile" in resource:
        found["profile"] = resource["profile"]
    found["interaction"] = interactions
    if included:
        found["searchInclude"] = included
    parameters = [each for each in resource.get("searchParam", ()) if each["name"] in names]
    if parameters:
        found["searchParam"] = parameters
    operations = {each.operation for each in rows if each.operation}
    kept = [each for each in resource.get("operation", ()) if each.get("name") in operations]
    if kept:
        found["operation"] = kept
    return found
