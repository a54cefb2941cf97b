"""What the service's own package defines is in the shared catalogue, under the installation's canonical base.
https://hl7.org/fhir/R4/conformance-module.html
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from app.auth import publish, publishing
from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode, encode
from app.server.packages.built_in import resources
from tests.server.service import Caller, Service, ids

OWN: Final = [
    each
    for _, each in resources(CANONICAL_BASE)
    if each["resourceType"] != "OperationDefinition"  # which tests of operations look at
]
TYPES: Final = sorted({each["resourceType"] for each in OWN})


def _without_meta(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "meta"}


async def _stored(service: Service, kind: str) -> dict[str, Resource]:
    rows = await service.database.fetch(
        "SELECT id, body FROM resource WHERE patient = 0 AND type = $1 AND deleted = 0",
        service.server.registry.number(kind),
    )
    return {resource_id: decode(body) for resource_id, body in rows}


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts another package in the place of the service's own, until the test is over."""

    def becomes(*listed: Resource) -> None:
        monkeypatch.setattr(publishing, "resources", lambda _: ((each["id"], each) for each in listed))
        monkeypatch.setattr(publishing, "_packaged", lambda _: encode(listed))

    return becomes


@pytest.mark.parametrize("kind", TYPES)
async def test_everything_of_the_package_is_read_as_it_is_in_its_file(
    service: Service, anna: Caller, kind: str
) -> None:
    for each in OWN:
        if each["resourceType"] == kind:
            answer = await anna.get(f"/{kind}/{each['id']}")
            assert answer.status_code == 200, answer.text
            assert _without_meta(decode(answer.content)) == _without_meta(each)


@pytest.mark.parametrize("kind", [each for each in TYPES if each != "NamingSystem"])
async def test_a_canonical_is_found_by_its_url(anna: Caller, kind: str) -> None:
    for each in OWN:
        if each["resourceType"] == kind:
            assert await anna.found(f"/{kind}?url={each['url']}") == [each["id"]]


async def test_our_value_sets_are_expanded_in_dutch(anna: Caller) -> None:
    url = f"{CANONICAL_BASE}/ValueSet/plan-phase"
    answer = await anna.get(f"/ValueSet/$expand?url={url}&displayLanguage=nl")
    assert answer.status_code == 200, answer.text
    listed = decode(answer.content)["expansion"]["contains"]
    assert [(each["code"], each["display"]) for each in listed] == [
        ("plan", "Plannen"),
        ("do", "Doen"),
        ("check", "Evalueren"),
        ("act", "Bijstellen"),
    ]


async def test_profiles_are_found_by_the_type_that_they_are_for(anna: Caller) -> None:
    plans = {each["id"] for each in OWN if each.get("type") == "CarePlan" and "derivation" in each}
    assert plans
    assert plans <= set(await anna.found("/StructureDefinition?type=CarePlan&derivation=constraint&_count=1000"))


async def test_the_package_is_published_under_the_base_of_the_installation(service: Service) -> None:
    base = "https://gezond.example/fhir"
    found = [each for _, each in resources(base)]
    assert len(found) > len(OWN)
    assert CANONICAL_BASE.encode() not in encode(found)
    assert {each["url"] for each in found if "url" in each} == {
        each["url"].replace(CANONICAL_BASE, base) for _, each in resources(CANONICAL_BASE) if "url" in each
    }


async def test_only_what_differs_is_stored_again(service: Service, package: Callable[..., None]) -> None:
    assert await publish(service.server) == 0
    changed, *others = OWN
    package({**changed, "title": "Another title"}, *others)
    assert await publish(service.server) == 1
    assert await publish(service.server) == 0
    kind = changed["resourceType"]
    stored = await _stored(service, kind)
    assert {each["meta"]["versionId"] for name, each in stored.items() if name != changed["id"]} == {"1"}
    assert stored[changed["id"]]["title"] == "Another title"
    assert stored[changed["id"]]["meta"]["versionId"] == "2"


async def test_what_the_package_no_longer_has_is_retired_and_can_still_be_read(
    service: Service, anna: Caller, package: Callable[..., None]
) -> None:
    gone, *others = OWN
    package(*others)
    assert await publish(service.server) == 1
    assert await publish(service.server) == 0
    answer = await anna.get(f"/{gone['resourceType']}/{gone['id']}")
    assert decode(answer.content)["status"] == "retired"
    package(gone, *others)
    assert await publish(service.server) == 1
    answer = await anna.get(f"/{gone['resourceType']}/{gone['id']}")
    assert decode(answer.content)["status"] == gone["status"]


@pytest.mark.parametrize("change", ["changed", "deleted"])
async def test_a_definition_that_was_changed_or_deleted_in_the_catalogue_is_put_right(
    service: Service, operator: Caller, change: str
) -> None:
    own = next(each for each in OWN if each["resourceType"] == "ValueSet")
    address = f"/ValueSet/{own['id']}"
    if change == "changed":
        await _as_service(service, {**own, "title": "Another title"})
    else:
        await _deleted(service, own)
    assert await publish(service.server) == 1
    assert _without_meta(decode((await operator.get(address)).content)) == own


async def test_what_others_put_into_the_catalogue_stays(service: Service, package: Callable[..., None]) -> None:
    theirs: dict[str, Any] = {
        "resourceType": "ValueSet",
        "id": "their-own",
        "url": "https://elsewhere.example/ValueSet/their-own",
        "status": "active",
    }
    await _as_service(service, theirs)
    package(*OWN, {**theirs, "url": f"{CANONICAL_BASE}/ValueSet/their-own"})
    assert await publish(service.server) == 0
    stored = await _stored(service, "ValueSet")
    assert _without_meta(stored["their-own"]) == theirs
    package(*OWN)
    await publish(service.server)
    assert _without_meta((await _stored(service, "ValueSet"))["their-own"]) == theirs


async def test_definitions_are_there_after_a_reset(service: Service, anna: Caller) -> None:
    await service.reset_over_http()
    listed = ids(await anna.bundle("/StructureDefinition?_count=1000"))
    assert {each["id"] for each in OWN if each["resourceType"] == "StructureDefinition"} <= set(listed)


async def _as_service(service: Service, resource: Resource) -> None:
    await publishing._store(service.server, [resource])


async def _deleted(service: Service, resource: Resource) -> None:
    async with service.database.write() as writer:
        await writer.execute(
            "UPDATE resource SET deleted = 1, version = version + 1 WHERE patient = 0 AND type = $1 AND id = $2",
            service.server.registry.number(resource["resourceType"]),
            resource["id"],
        )


def test_the_package_is_read_from_the_folder_of_the_project() -> None:
    from app.server.packages.built_in import FOLDER

    assert Path(FOLDER).joinpath("package.json").is_file()
