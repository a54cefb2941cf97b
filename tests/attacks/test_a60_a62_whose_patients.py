"""A-60…A-62 in the FHIR server: a patient scope needs a patient in context, a user scope reaches the user's patients, a
system the patients that consented; and an administrator keeps the catalogue and sees nobody.

Covered besides: withdrawal and expiry in the middle of a walk, tests/server/test_grants.py; mandates, tests/people.
"""

from __future__ import annotations

import pytest

from app.fhir.resource import Resource
from app.server.labels import EVERY_LABEL
from tests.builders import asking, batch, goal, observation, posted, put, transaction
from tests.server.grants import token_with
from tests.server.service import Caller, Service

ADDRESSES = (
    "/Patient/anna",
    "/Observation",
    "/Observation/hers",
    "/Observation/hers/_history",
    "/Observation?_summary=count",
    "/Patient/anna/Observation",
    "/Patient/anna/$everything",
    "/Observation/$lastn",
    "/?_type=Observation",
    "/_history",
    "/Questionnaire/mood",
    "/Organization",
)


@pytest.fixture
async def hers(anna: Caller) -> None:
    await anna.keep(observation(id="hers"))


@pytest.mark.parametrize("patients", [("anna",), ("anna", "bram")], ids=["one permitted", "several permitted"])
async def test_a60_a_patient_scope_without_a_patient_in_context_allows_nothing(
    service: Service, hers: None, patients: tuple[str, ...]
) -> None:
    for level, status in (("patient", 403), ("user", 200)):
        caller = await token_with(service, f"{level}/*.cruds openid launch/patient", *patients, patient=None)
        for address in ADDRESSES:
            if status == 403 or address != "/Patient/anna/$everything":
                assert (await caller.get(address)).status_code == status, (level, address)
        created = await caller.post("/Observation", observation())
        assert created.status_code == (403 if status == 403 else 201)
        answer = await caller.post("/", batch(asking("GET", "Observation/hers"), posted(goal())))
        assert [entry["response"]["status"][:3] for entry in answer.json()["entry"]] == (
            ["403", "403"] if status == 403 else ["200", "201"]
        )


async def test_a60_levels_count_apart(service: Service, hers: None) -> None:
    caller = await token_with(service, "patient/*.cruds user/Goal.rs", "anna", patient=None)
    assert await caller.found("/Goal") == []
    assert (await caller.get("/Observation")).status_code == 403
    both = await token_with(
        service, "patient/Observation.rs user/Goal.rs", "anna", "bram", patient=await service.key_of("anna")
    )
    assert await both.found("/Observation") == ["hers"]
    assert (await both.get("/Patient/bram/Goal")).json().get("entry") is None


async def test_a60_a_patient_in_context_who_is_not_permitted_shows_nothing(service: Service, hers: None) -> None:
    caller = await token_with(service, "patient/*.cruds", "bram", patient=await service.key_of("anna"))
    assert (await caller.get("/Observation/hers")).status_code == 404
    assert await caller.found("/Observation") == []
    assert (await caller.get("/Patient/anna")).status_code == 404
    assert (await caller.get("/Patient/bram")).status_code == 404


async def test_a60_an_app_has_no_system_scopes(service: Service) -> None:
    for scopes in ("system/*.rs", "patient/*.rs system/Observation.rs"):
        caller = await token_with(service, scopes, "anna", kind="app")
        answer = await caller.get("/Observation")
        assert answer.status_code == 401
    assert (
        await (await token_with(service, "patient/*.rs", "anna", kind="app")).get("/Observation")
    ).status_code == 200


async def test_a61_a_user_reaches_their_own_patients(service: Service, hers: None, bram: Caller) -> None:
    await bram.keep(observation("Patient/bram", id="his"))
    caller = await token_with(service, "user/*.rs", "anna", role="professional", kind="app")
    assert await caller.found("/Observation") == ["hers"]
    for address in ("/Observation/his", "/Patient/bram"):
        assert (await caller.get(address)).status_code == 404
    assert (await caller.bundle("/Observation?patient=bram")).get("entry") is None


async def test_a62_a_system_reaches_what_scope_and_consent_have_in_common(
    service: Service, hers: None, anna: Caller
) -> None:
    await anna.keep(goal(id="aim"))
    measurements = service.server.labels.bits(("measurements",))
    for scopes, labels, status in (
        ("system/*.rs", measurements, {"Observation/hers": 200, "Goal/aim": 404}),
        ("system/Goal.rs", EVERY_LABEL, {"Observation/hers": 403, "Goal/aim": 200}),
        ("system/Goal.rs", measurements, {"Observation/hers": 403, "Goal/aim": 404}),
    ):
        caller = await token_with(service, scopes, "anna", "bram", labels=labels, kind="system")
        found = {name: (await caller.get(f"/{name}")).status_code for name in status}
        assert found == status


@pytest.fixture
async def administrator(service: Service) -> Caller:
    return await token_with(service, "user/*.cruds", role="administrator", kind="session", person="beheer")


@pytest.fixture(params=["permitted nobody", "permitted anna"])
async def any_administrator(service: Service, request: pytest.FixtureRequest) -> Caller:
    """One whom a row of ``permit`` would show a patient, and one without."""
    patients = ("anna",) if request.param == "permitted anna" else ()
    return await token_with(service, "user/*.cruds", *patients, role="administrator", kind="session", patient=None)


async def test_an_administrator_sees_no_patient(any_administrator: Caller, hers: None) -> None:
    caller = any_administrator
    for address in ("/Observation/hers", "/Patient/anna", "/Observation/hers/_history", "/Patient/anna/$everything"):
        assert (await caller.get(address)).status_code == 404, address
    for address in (
        "/Observation",
        "/Patient",
        "/?_type=Observation,Patient",
        "/_history",
        "/Observation/_history",
        "/Patient?_has:Observation:patient:status=final",
        "/Organization?_revinclude=*",
    ):
        answer = await caller.bundle(address)
        kinds = {entry["resource"]["resourceType"] for entry in answer.get("entry", ())}
        assert not kinds & {"Observation", "Patient"}, address
    assert (await caller.bundle("/Patient?_summary=count"))["total"] == 0


async def test_an_administrator_writes_no_patients_data(any_administrator: Caller, hers: None, anna: Caller) -> None:
    caller = any_administrator
    person: Resource = {"resourceType": "Patient", "id": "new", "name": [{"family": "Nieuw"}]}
    attempts = (
        await caller.post("/Observation", observation()),
        await caller.put("/Observation/hers", observation(id="hers")),
        await caller.put("/Observation/new", observation(id="new", subject=None)),
        await caller.delete("/Observation/hers"),
        await caller.post("/Patient", person),
        await caller.put("/Patient/new", person),
        await caller.put("/Patient?family=Nieuw", person),
        await caller.delete("/Patient/anna"),
        await caller.post("/", transaction(put(person))),
        await caller.post("/", transaction(posted(observation()))),
        await caller.post("/Questionnaire", QUESTIONNAIRE, {"x-security-context": "Patient/anna"}),
    )
    assert {each.status_code for each in attempts} <= {400, 403, 404, 422}
    assert len((await anna.bundle("/Observation/hers/_history"))["entry"]) == 1


QUESTIONNAIRE: Resource = {"resourceType": "Questionnaire", "status": "active", "title": "Nieuw"}


async def test_an_administrator_keeps_the_catalogue_of_the_tenant(administrator: Caller, anna: Caller) -> None:
    stored = await administrator.create(QUESTIONNAIRE)
    address = f"/Questionnaire/{stored['id']}"
    assert (await anna.get(address)).status_code == 200
    assert (await administrator.put(address, {**stored, "title": "Anders"})).status_code == 200
    patch = b'[{"op": "replace", "path": "/title", "value": "Weer anders"}]'
    patched = await administrator.send("PATCH", address, patch, {"content-type": "application/json-patch+json"})
    assert patched.status_code == 200
    answer = await administrator.post("/", transaction(posted(QUESTIONNAIRE), put({**QUESTIONNAIRE, "id": "chosen"})))
    assert answer.status_code == 200, answer.text
    assert (await administrator.put("/Questionnaire?_id=chosen", QUESTIONNAIRE)).status_code == 200
    assert (await administrator.delete("/Questionnaire?_id=chosen")).status_code == 204
    assert (await administrator.delete(address)).status_code == 204
    assert (await anna.get(address)).status_code == 410


async def test_an_administrator_leaves_alone_what_all_tenants_share(service: Service, administrator: Caller) -> None:
    number = service.server.registry.number("OperationDefinition")
    rows = await service.database.fetch("SELECT id FROM resource WHERE patient = 0 AND type = $1 LIMIT 1", number)
    address = f"/OperationDefinition/{rows[0][0]}"
    assert (await administrator.get(address)).status_code == 200
    patch = b'[{"op": "replace", "path": "/status", "value": "retired"}]'
    kind = {"content-type": "application/json-patch+json"}
    assert (await administrator.send("PATCH", address, patch, kind)).status_code == 403
    assert (await administrator.delete(address)).status_code in (403, 404)
    assert (await administrator.delete(f"/OperationDefinition?_id={rows[0][0]}")).status_code == 403
    assert (await administrator.get(address)).status_code == 200


async def test_the_catalogue_takes_the_scopes_of_its_types(service: Service) -> None:
    caller = await token_with(service, "user/Questionnaire.rs user/Organization.c", role="administrator")
    assert (await caller.post("/Questionnaire", QUESTIONNAIRE)).status_code == 403
    assert (await caller.post("/Organization", {"resourceType": "Organization", "name": "x"})).status_code == 201
    assert (await caller.get("/Practitioner/doctor")).status_code == 403
