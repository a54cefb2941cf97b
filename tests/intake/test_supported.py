"""The profiles that the CapabilityStatement lists. https://hl7.org/fhir/R4/capabilitystatement.html"""

from __future__ import annotations

from app.fhir.resource import decode
from app.fhir.validation import validate
from app.server.packages.keeping import install, remove
from tests.intake.profiles import BASE_ONLY, PROFILES, WEIGHING, WISH, package
from tests.server.service import Caller, Service

OTHER = "second.test#1.0.0"


async def supported(caller: Caller) -> dict[str, list[str]]:
    statement = decode((await caller.get("/metadata")).content)
    return {each["type"]: each.get("supportedProfile", []) for each in statement["rest"][0]["resource"]}


async def test_every_profile_that_is_held_is_listed_with_its_type(service: Service, anonymous: Caller) -> None:
    found = await supported(anonymous)
    assert WEIGHING in found["Observation"]
    assert WISH in found["Goal"]
    assert BASE_ONLY not in found["Observation"], "nothing can be of an abstract one"
    held = await service.server.packages.profiles(service.database)
    assert {url for listed in found.values() for url in listed} == {url for _, url in held.every()}
    assert all(listed == sorted(set(listed)) for listed in found.values())
    statement = decode((await anonymous.get("/metadata")).content)
    assert [each for each in validate(statement, service.server.definitions) if each.severity == "error"] == []


async def test_it_follows_what_is_installed_and_so_does_its_etag(service: Service, anonymous: Caller) -> None:
    url = "https://second.test/StructureDefinition/second"
    before = await anonymous.get("/metadata")
    unchanged = await anonymous.get("/metadata", {"if-none-match": before.headers["etag"]})
    assert unchanged.status_code == 304
    await install(service.database, [package({**PROFILES[0], "url": url}, name=OTHER)], now=service.server.clock())
    try:
        after = await anonymous.get("/metadata", {"if-none-match": before.headers["etag"]})
        assert after.status_code == 200
        assert url in (await supported(anonymous))["Observation"]
        assert after.headers["etag"] != before.headers["etag"]
    finally:
        await remove(service.database, OTHER)
    assert (await anonymous.get("/metadata")).headers["etag"] == before.headers["etag"]


async def test_a_claim_is_checked_as_soon_as_its_profile_is_held_and_no_longer(service: Service, anna: Caller) -> None:
    url = "https://second.test/StructureDefinition/second"
    sent = {**PROFILES[0], "url": url}
    claiming = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "meta": {"profile": [url]}}
    assert (await anna.post("/Observation", claiming)).status_code == 201
    await install(service.database, [package(sent, name=OTHER)], now=service.server.clock())
    try:
        assert (await anna.post("/Observation", claiming)).status_code == 422
    finally:
        await remove(service.database, OTHER)
    assert (await anna.post("/Observation", claiming)).status_code == 201
