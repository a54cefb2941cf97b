"""Bundles as systems send them, and what comes back of them."""

from __future__ import annotations

from typing import Any, Final

import httpx

from app.fhir.resource import Resource, decode
from tests import builders
from tests.server.service import Caller

HIS: Final = "https://his.example/fhir"
SYSTEM: Final = "urn:oid:2.16.528.1.1"


def given(resource: Resource, resource_id: str | None = None) -> Resource:
    """An entry without a request, at the address that the resource has with its source."""
    if resource_id is None:
        return {"resource": resource}
    address = f"{HIS}/{resource['resourceType']}/{resource_id}"
    return {"fullUrl": address, "resource": {**resource, "id": resource_id}}


def collection(*entries: Resource, answers: str | None = None) -> Resource:
    made: Resource = {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}
    if answers is not None:
        made["link"] = [{"relation": "self", "url": f"{HIS}/{answers}"}]
    if not entries:
        del made["entry"]
    return made


def document(*entries: Resource) -> Resource:
    composition = {
        "resourceType": "Composition",
        "status": "final",
        "type": builders.concept("http://loinc.org", "60591-5"),
        "subject": {"reference": "Patient/anna"},
        "date": "2026-11-02",
        "author": [{"display": "De Proef"}],
        "title": "Samenvatting",
    }
    return {
        "resourceType": "Bundle",
        "type": "document",
        "identifier": {"system": SYSTEM, "value": "document-1"},
        "timestamp": "2026-11-02T10:00:00+01:00",
        "entry": [given(composition, "c1"), *entries],
    }


def diabetes(subject: str = "Patient/anna", **members: Any) -> Resource:
    return builders.condition(subject, **members)


def named(value: str) -> list[Resource]:
    """An identifier of the source's own."""
    return [{"system": SYSTEM, "value": value}]


async def delivered(caller: Caller, bundle: Resource, headers: dict[str, str] | None = None) -> list[Resource]:
    """What is answered to each entry; fails the test when the whole is refused."""
    answer = await caller.post("/", bundle, headers)
    assert answer.status_code == 200, answer.text
    return [each["response"] for each in decode(answer.content).get("entry", ())]


def statuses(responses: list[Resource]) -> list[int]:
    return [int(each["status"][:3]) for each in responses]


def place(response: Resource) -> str:
    """``/Type/id`` of where an entry was stored."""
    kind, resource_id = response["location"].split("/_history/")[0].split("/")[-2:]
    return f"/{kind}/{resource_id}"


async def read(caller: Caller, address: str) -> Resource:
    answer = await caller.get(address)
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


def said(response: Resource) -> list[str]:
    """The texts beside an entry."""
    return [each["diagnostics"] for each in response.get("outcome", {}).get("issue", ())]


def problems(answer: httpx.Response) -> list[tuple[str, ...]]:
    """Code and places of each error."""
    listed = decode(answer.content)["issue"]
    return [(each["code"], *each.get("expression", ())) for each in listed if each["severity"] == "error"]
