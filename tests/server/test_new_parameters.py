"""A database from before our search parameters: they are not offered until the reindex has been through it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest

from app.fhir.definitions import load
from app.fhir.definitions.own import read_search_parameters
from app.fhir.resource import Resource
from app.server.asgi import FhirApp
from app.server.metrics import RequestMetrics
from app.server.reindexing import ReindexReport, load_index_state, reindex
from app.server.server import FhirServer
from tests.builders import concept, goal, reference
from tests.integrity import problems
from tests.server.grants import token_with
from tests.server.plans import about, plan
from tests.server.service import BASE, Caller, Service, codes, issues

OWN: Final = {(base, each["code"]) for each in read_search_parameters() for base in each["base"]}
SEARCHES: Final = (
    "/CarePlan?phase=do",
    "/CarePlan?phase:missing=true",
    "/CarePlan?cycle=2",
    "/CarePlan?next-review=ge2027",
    "/CarePlan?_sort=-next-review",
    "/Observation?goal-focus=g",
    "/Observation?goal-focus.lifecycle-status=active",
    "/Observation?_include=Observation:goal-focus",
    "/Goal?_has:Observation:goal-focus:status=final",
    "/Goal?_has:CarePlan:goal:phase=do",
    "/Observation?based-on:CarePlan.phase=do",
    "?_type=CarePlan&phase=do",
    "/CarePlan?_include=CarePlan:activity-goal",
    "/CarePlan?activity-outcomereference=Observation/o",
    "/CarePlan?activity-medicaldevice=DeviceUseStatement/d",
    "/MedicationDispense?medications-category=422037009",
    "/MedicationAdministration?medications-category=18629005",
    "/MedicationRequest?periodofuse=ge2026",
    "/MedicationDispense?periodofuse=ge2026",
    "/Observation?_include=Observation:related-result",
    "/Goal?_revinclude=DeviceUseStatement:pertains-to-goal",
    "/DeviceUseStatement?pertains-to-goal=g",
)
_OF_ANNA: Final = {"subject": reference("Patient/anna"), "medicationCodeableConcept": {"text": "Metformine"}}
MEDICATION: Final[tuple[Resource, ...]] = (
    {
        "resourceType": "MedicationRequest",
        "id": "asked",
        "status": "active",
        "intent": "order",
        "extension": [
            {
                "url": "http://nictiz.nl/fhir/StructureDefinition/zib-Medication-PeriodOfUse",
                "valuePeriod": {"start": "2026-01-01", "end": "2026-06-30"},
            }
        ],
        **_OF_ANNA,
    },
    {
        "resourceType": "MedicationDispense",
        "id": "given",
        "status": "completed",
        "category": concept("http://snomed.info/sct", "422037009"),
        **_OF_ANNA,
    },
    {
        "resourceType": "MedicationAdministration",
        "id": "taken",
        "status": "completed",
        "effectiveDateTime": "2026-02-01",
        **_OF_ANNA,
    },
)
"""One of each type that has such a parameter."""


def before_them(service: Service, monkeypatch: pytest.MonkeyPatch) -> FhirServer:
    """The server as it was before the upgrade, on the same database."""
    with monkeypatch.context() as patched:
        patched.setattr("app.server.server.served", lambda _: load("4.0.1"))
        return FhirServer(service.database, f"{BASE}/", b"key")


DEVICE: Final[Resource] = {
    "resourceType": "DeviceUseStatement",
    "id": "used",
    "status": "active",
    "subject": reference("Patient/anna"),
    "device": {"display": "rollator"},
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/resource-pertainsToGoal",
            "valueReference": reference("Goal/g"),
        }
    ],
}


@pytest.fixture
async def before(service: Service, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Caller]:
    """Anna's app at the server before the upgrade."""
    server = before_them(service, monkeypatch)
    parts = service.application.parts
    assert parts is not None
    async with service.database.write() as writer:
        for name, code in OWN:
            param = service.server.registry.params(name)[code]
            await writer.execute("DELETE FROM index_state WHERE param = $1", param.number)
    await load_index_state(server)
    fhir = FhirApp(
        server,
        root="/fhir",
        authenticate=parts.authenticator,
        forget=parts.authenticator.forget,
        journal=parts.journal,
        metrics=RequestMetrics(),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(fhir), base_url=BASE) as client:
        yield Caller(client, "anna")


@pytest.fixture
async def upgraded(before: Caller, service: Service) -> Service:
    """The service after the upgrade, on what was stored before."""
    await before.keep(goal(id="g"))
    for each in (
        plan("old", 2, "do", "2027-01-15"),
        plan("none"),
        about("told", "Goal/g"),
        about("untold"),
        *MEDICATION,
        DEVICE,
    ):
        await before.keep(each)
    await load_index_state(service.server)
    return service


async def listed(caller: Caller) -> set[tuple[str, str]]:
    """Ours, in the CapabilityStatement."""
    statement: dict[str, Any] = (await caller.get("/metadata")).json()
    rows = statement["rest"][0]["resource"]
    return {(row["type"], each["name"]) for row in rows for each in row["searchParam"]} & OWN


async def test_before_the_upgrade_they_are_unknown(before: Caller) -> None:
    assert await listed(before) == set()
    answer = await before.get("/CarePlan?phase=do")
    assert (answer.status_code, codes(answer)) == (400, ["not-supported"])


async def test_after_the_upgrade_they_are_refused_until_the_reindex(upgraded: Service, anna: Caller) -> None:
    assert await listed(anna) == set()
    for search in SEARCHES:
        answer = await anna.get(search)
        assert (answer.status_code, codes(answer)) == (400, ["not-supported"]), (search, answer.text)
    assert "not filled yet" in issues(await anna.get("/CarePlan?phase=do"))[0]["diagnostics"]
    assert "goal-focus" not in str((await upgraded.client.get("http://zelfregie.test/openapi.json")).json())
    answer = await anna.post("/CarePlan", plan("x", 1, "plan"), {"if-none-exist": "phase=do"})
    assert (answer.status_code, codes(answer)) == (400, ["not-supported"])


async def test_after_the_reindex_they_find_what_was_stored_before(upgraded: Service, anna: Caller) -> None:
    await anna.keep(plan("new", 3, "check", "2027-06-01"))
    await anna.keep(plan("none", 1, "plan"))
    report = await reindex(upgraded.server, ReindexReport())
    assert report.rows
    assert await listed(anna) == OWN
    assert await anna.found("/CarePlan?phase=do") == ["old"]
    assert await anna.found("/CarePlan?cycle=1") == ["none"]
    assert await anna.found("/CarePlan?phase:missing=false&_sort=-cycle") == ["new", "old", "none"]
    assert await anna.found("/CarePlan?next-review:missing=true") == ["none"]
    assert await anna.found("/CarePlan?next-review=2027-01-15") == ["old"]
    assert await anna.found("/Observation?goal-focus=g") == ["told"]
    assert await anna.found("/Observation?goal-focus:missing=true") == ["untold"]
    assert await anna.found("/Goal?_has:Observation:goal-focus:status=final") == ["g"]
    assert await anna.found("/MedicationRequest?periodofuse=ge2026-06-01") == ["asked"]
    assert await anna.found("/MedicationRequest?periodofuse=ge2026-07-01") == []
    assert await anna.found("/MedicationDispense?medications-category=422037009") == ["given"]
    assert await anna.found("/DeviceUseStatement?pertains-to-goal=Goal/g") == ["used"]
    for search in SEARCHES:
        assert (await anna.get(search)).status_code == 200, search
    assert await problems(upgraded.database, upgraded.server) == []
    again = await reindex(upgraded.server, ReindexReport())
    assert again.rows == 0


async def test_what_was_there_is_found_as_before_all_the_while(upgraded: Service, anna: Caller) -> None:
    async def others() -> list[list[str]]:
        return [
            sorted(await anna.found(search))
            for search in (
                "/CarePlan?status=active",
                "/CarePlan?goal:missing=true",
                "/Observation?focus=Goal/g",
                "/Observation?focus:missing=true",
                "/Observation?value-quantity:missing=true&code:missing=false",
            )
        ]

    found = await others()
    assert found == [["none", "old"], ["none", "old"], ["told"], ["untold"], ["told", "untold"]]
    await reindex(upgraded.server, ReindexReport())
    assert await others() == found


async def test_a_scope_that_is_narrowed_by_one_finds_nothing_until_then(upgraded: Service) -> None:
    narrowed = await token_with(upgraded, "patient/CarePlan.rs?phase=do", "anna")
    assert await narrowed.found("/CarePlan") == []
    await reindex(upgraded.server, ReindexReport())
    assert await narrowed.found("/CarePlan") == ["old"]
    assert (await narrowed.get("/CarePlan/none")).status_code == 404


async def test_where_there_is_nothing_of_the_type_they_are_offered_at_once(
    before: Caller, service: Service, anna: Caller
) -> None:
    assert await listed(before) == set()
    await load_index_state(service.server)
    assert await listed(anna) == OWN
    await anna.keep(plan("p", 1, "plan"))
    assert await anna.found("/CarePlan?phase=plan") == ["p"]
