"""What a delivery may not touch, whatever it says: the person's plan and what belongs to it, permissions, the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from app.fhir.resource import Resource, decode
from tests import builders
from tests.integrity import problems as broken
from tests.server.service import Caller, Service
from tests.taking.deliveries import HIS, collection, delivered, document, given, place, statuses

CANONICAL: Final = "https://zelfregie.example/fhir"
IZP: Final = builders.concept(f"{CANONICAL}/CodeSystem/care-plan-category", "izp")
PRIVACY: Final = builders.concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")

MAKE: Final[dict[str, Callable[[Resource], Resource]]] = {
    "batch": lambda one: builders.batch(builders.put(one)),
    "transaction": lambda one: builders.transaction(builders.put(one)),
    "collection": lambda one: collection(given(one, one["id"])),
    "document": lambda one: document(given(one, one["id"])),
}


async def everything(service: Service) -> list[tuple[Any, ...]]:
    """What is stored of plan, goals, team and revisions."""
    rows = await service.database.fetch("SELECT type, id, version, body FROM resource ORDER BY type, id")
    return [tuple(row) for row in rows]


async def started(anna: Caller) -> dict[str, Resource]:
    answer = await anna.post(
        "/Patient/anna/$start",
        {"resourceType": "Parameters", "parameter": [{"name": "goal", "valueString": "Weer fietsen"}]},
    )
    assert answer.status_code in (200, 201), answer.text
    found = {}
    for kind in ("CarePlan", "Goal", "Provenance"):
        (one,) = [each["resource"] for each in (await anna.bundle(f"/{kind}"))["entry"]]
        found[kind] = one
    return found


@pytest.mark.parametrize("how", ["batch", "transaction"])
@pytest.mark.parametrize("kind", ["CarePlan", "Goal", "Provenance"])
async def test_the_plan_and_what_belongs_to_it_stay_as_they_are(
    service: Service, gp: Caller, anna: Caller, how: str, kind: str
) -> None:
    own = (await started(anna))[kind]
    before = await everything(service)
    changed = {**own, "language": "en"}
    answer = await gp.post("/", MAKE[how](changed))
    status = int(decode(answer.content)["entry"][0]["response"]["status"][:3]) if how == "batch" else answer.status_code
    assert status in (403, 409, 412, 422), answer.text
    assert await everything(service) == before
    assert await broken(service.database, service.server) == []


@pytest.mark.parametrize("how", ["collection", "document"])
@pytest.mark.parametrize("kind", ["Goal", "Provenance"])
async def test_under_its_id_in_a_delivery_it_is_something_of_the_source(
    service: Service, gp: Caller, anna: Caller, how: str, kind: str
) -> None:
    """An id of ours in a fullUrl of theirs is a name of theirs: it leads to nothing of ours."""
    own = (await started(anna))[kind]
    before = await everything(service)
    answer = await gp.post("/", MAKE[how]({**own, "language": "en"}))
    assert answer.status_code in (200, 403, 422), answer.text
    after = await everything(service)
    assert set(before) <= set(after)
    assert await broken(service.database, service.server) == []


FORGED: Final[dict[str, Resource]] = {
    "a plan of ours": builders.care_plan(id="x1", category=[IZP]),
    "a permission": builders.consent(id="x1", scope=PRIVACY),
    "a line of the log": {
        "resourceType": "AuditEvent",
        "id": "x1",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
        "recorded": "2026-11-02T10:00:00Z",
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "x"}},
    },
    "a revision": builders.provenance(
        ["Patient/anna"], id="x1", meta={"profile": [f"{CANONICAL}/StructureDefinition/PlanRevision"]}
    ),
    "a Bundle": {"resourceType": "Bundle", "id": "x1", "type": "collection"},
}


@pytest.mark.parametrize("how", MAKE)
@pytest.mark.parametrize("what", ["a plan of ours", "a permission", "a line of the log"])
async def test_what_only_the_service_makes_is_not_taken(
    service: Service, gp: Caller, anna: Caller, how: str, what: str
) -> None:
    before = await everything(service)
    answer = await gp.post("/", MAKE[how](FORGED[what]))
    status = int(decode(answer.content)["entry"][0]["response"]["status"][:3]) if how == "batch" else answer.status_code
    assert 400 <= status < 500, answer.text
    assert await everything(service) == before
    kept = decode((await anna.get("/Patient/anna/$kept-deliveries")).content)
    assert "parameter" not in kept, "it could be read"


@pytest.mark.parametrize("how", MAKE)
@pytest.mark.parametrize("what", ["a revision", "a Bundle"])
async def test_what_looks_like_ours_becomes_nothing_of_ours(
    service: Service, gp: Caller, anna: Caller, how: str, what: str
) -> None:
    await started(anna)
    before = await everything(service)
    answer = await gp.post("/", MAKE[how](FORGED[what]))
    assert answer.status_code in (200, 403, 422), answer.text
    assert set(before) <= set(await everything(service))
    assert await broken(service.database, service.server) == []


URN: Final = "urn:uuid:11111111-1111-4111-8111-111111111111"
OID: Final = "urn:oid:1.2.3.4"


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        (URN, URN, 422),
        (OID, OID, 422),
        (f"{HIS}/Goal/1", f"{HIS}/Goal/1", 422),
        (URN, OID, 200),
        ("Goal/1", "Goal/2", 200),
        (f"{HIS}/Goal/1", "https://other.example/fhir/Goal/1", 400),
        (f"{HIS}/Condition/1", f"{HIS}/Observation/1", 422),
    ],
)
async def test_full_urls_that_are_odd(gp: Caller, anna: Caller, first: str, second: str, status: int) -> None:
    entries = [{"fullUrl": each, "resource": builders.goal()} for each in (first, second)]
    answer = await gp.post("/", collection(*entries))
    assert answer.status_code == status, answer.text
    assert len(await anna.found("/Goal")) == (2 if status == 200 else 0)


async def test_what_refers_into_another_record_leads_nowhere(
    service: Service, gp: Caller, anna: Caller, bram: Caller
) -> None:
    theirs = await bram.create(builders.condition("Patient/bram"))
    sent = builders.observation(
        focus=[builders.reference(f"Condition/{theirs['id']}")],
        performer=[builders.reference("Patient/bram")],
        contained=[{"resourceType": "Patient", "id": "p", "birthDate": "1901-01-01"}],
        extension=[{"url": "http://example.org/who", "valueReference": builders.reference("#p")}],
    )
    (stored,) = await delivered(gp, collection(given(sent, "1")))
    assert statuses([stored]) == [201]
    found = await anna.bundle("/Observation?_include=Observation:focus")
    assert [each["resource"]["resourceType"] for each in found["entry"]] == ["Observation"]
    assert await bram.found("/Observation") == []
    stranger = await gp.post("/", collection(given(builders.condition("Patient/bram"), "2")))
    assert stranger.status_code == 422


async def test_a_binary_is_taken_and_goes_with_the_person(gp: Caller, anna: Caller, bram: Caller) -> None:
    binary = builders.binary(contentType="text/plain", data="aGFsbG8=")
    (first,) = await delivered(gp, collection(given(binary, "b1")))
    (again,) = await delivered(gp, collection(given(binary, "b1")))
    assert place(first) == place(again)
    assert (await anna.get(place(first))).status_code == 200
    assert (await bram.get(place(first))).status_code == 404


async def test_too_much_is_refused_before_it_is_read(gp: Caller) -> None:
    answer = await gp.post("/", b" " * (33 * 1024 * 1024))
    assert answer.status_code == 413
