"""A-84: what a provider entered is not changed by the person, whose words stand beside it with who wrote them; neither
the annotation nor an old version can be seen by an app that may not see what it is about.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.auth.accounts.tables import INSERT_MANDATE
from app.auth.grants import RAISE_STAMP, NewGrant, write_grant
from app.auth.recipients import app, person
from app.auth.tokens import hash_token
from app.fhir.resource import Resource, decode
from app.fhir.scopes import EVERY_ACTION
from app.server.access import FOREVER
from app.server.labels import EVERY_LABEL
from app.server.tables import INSERT_PERMIT
from tests.builders import condition, observation
from tests.integrity import problems
from tests.rights.people import bearer
from tests.server.service import Caller, Service, codes
from tests.web.login import account

WORDS: Final = "Ik heb nooit gerookt. <b>Echt niet</b>"
RECTIFICATION: Final = "https://zelfregie.example/fhir/CodeSystem/communication|rectification"


def asking(text: str) -> Resource:
    return {"resourceType": "Parameters", "parameter": [{"name": "text", "valueString": text}]}


async def app_with(service: Service, *labels: str, scopes: str = "patient/*.cruds") -> Caller:
    """An app that Anna allowed these data categories."""
    secret, patient = f"app-{'-'.join(labels)}-{scopes}", await service.key_of("anna")
    grant = NewGrant(
        hash_token(secret), app(secret), scopes, 1, "own-use", client=secret, person="anna-zelf", patient=patient,
        patients=[patient], kind="app", role="patient", labels=service.server.labels.bits(labels),
    )  # fmt: skip
    async with service.database.write() as writer:
        await write_grant(writer, grant)
    return service.caller(secret)


async def test_a84_the_words_stand_beside_it_and_it_stays_as_it_is(service: Service, practice: Caller) -> None:
    theirs = await practice.create(condition())
    anna = service.caller(await bearer(service, "anna"))
    answer = await anna.post(f"/Condition/{theirs['id']}/$annotate", asking(WORDS))
    assert answer.status_code == 201, answer.text
    said = decode(answer.content)
    assert said["about"] == [{"reference": f"Condition/{theirs['id']}"}]
    assert said["payload"] == [{"contentString": WORDS}]
    assert said["sender"] == said["subject"] == {"reference": "Patient/anna"}
    assert await anna.found(f"/Communication?category={RECTIFICATION}") == [said["id"]]
    assert decode((await anna.get(f"/Condition/{theirs['id']}")).content) == theirs
    assert await problems(service.database, service.server) == []


async def test_a84_who_wrote_it_is_kept(service: Service, practice: Caller) -> None:
    theirs = await practice.create(condition())
    anna = service.caller(await bearer(service, "anna"))
    said = decode((await anna.post(f"/Condition/{theirs['id']}/$annotate", asking(WORDS))).content)
    found = await anna.bundle(f"/Provenance?target=Communication/{said['id']}")
    assert [entry["resource"]["agent"][0]["who"] for entry in found["entry"]] == [{"reference": "Patient/anna"}]


async def test_a84_a_representative_is_in_it_with_the_person(service: Service, practice: Caller) -> None:
    theirs = await practice.create(condition())
    patient, carla, now = await service.key_of("anna"), await account(service, "carla"), service.server.clock()
    mandate = (patient, "m1", carla.id, "written-authorisation", "active", "brief", 0, FOREVER, "anna", now, 0, "")
    async with service.database.write() as writer:
        await writer.insert(INSERT_MANDATE, [mandate])
        permit = (person(carla.id), patient, "own-use", "m1", EVERY_LABEL, int(EVERY_ACTION), 0, FOREVER)
        await writer.insert(INSERT_PERMIT, [permit])
        await writer.execute(RAISE_STAMP, person(carla.id))
    caller = service.caller(await bearer(service, "carla", record="anna"))
    answer = await caller.post(f"/Condition/{theirs['id']}/$annotate", asking(WORDS))
    assert answer.status_code == 201, answer.text
    found = await caller.bundle(f"/Provenance?target=Communication/{decode(answer.content)['id']}")
    agent = found["entry"][0]["resource"]["agent"][0]
    assert agent["who"]["reference"].startswith("RelatedPerson/")
    assert agent["onBehalfOf"] == {"reference": "Patient/anna"}


async def test_a84_it_has_the_categories_of_what_it_is_about_besides_its_own(
    service: Service, practice: Caller
) -> None:
    theirs = await practice.create(condition())
    anna = service.caller(await bearer(service, "anna"))
    said = decode((await anna.post(f"/Condition/{theirs['id']}/$annotate", asking(WORDS))).content)
    address = f"/Communication/{said['id']}"
    plain = await anna.create({key: value for key, value in said.items() if key not in ("id", "meta", "category")})
    for labels, status in ((("communication",), 404), (("conditions",), 404), (("communication", "conditions"), 200)):
        caller = await app_with(service, *labels)
        assert (await caller.get(address)).status_code == status, labels
        assert (await caller.get(f"{address}/_history/1")).status_code == status, labels
        assert (said["id"] in await caller.found("/Communication")) == (status == 200)
        # Without our category it is a message like any other.
        expected = 200 if "communication" in labels else 404
        assert (await caller.get(f"/Communication/{plain['id']}")).status_code == expected, labels


async def test_a84_an_old_version_is_not_seen_by_an_app_that_may_not_see_it(service: Service, anna: Caller) -> None:
    kept = await anna.create(observation())
    survey = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}]
    await anna.keep({**kept, "category": survey})
    measuring, asking_ = await app_with(service, "measurements"), await app_with(service, "questionnaires")
    first, second = (f"/Observation/{kept['id']}/_history/{each}" for each in (1, 2))
    assert [(await asking_.get(each)).status_code for each in (first, second)] == [404, 200]
    assert [(await measuring.get(each)).status_code for each in (first, second)] == [200, 404]


async def test_a84_what_the_person_entered_is_changed_and_not_annotated(service: Service) -> None:
    anna = service.caller(await bearer(service, "anna"))
    own = await anna.create(condition())
    answer = await anna.post(f"/Condition/{own['id']}/$annotate", asking(WORDS))
    assert answer.status_code == 409
    assert (await anna.put(f"/Condition/{own['id']}", {**own, "recordedDate": "2020-01-01"})).status_code == 200


async def test_a84_an_app_of_the_person_annotates_as_far_as_it_may(service: Service, practice: Caller) -> None:
    theirs = await practice.create(condition())
    address = f"/Condition/{theirs['id']}/$annotate"
    full = await app_with(service, "communication", "conditions", "identity")
    assert (await full.post(address, asking(WORDS))).status_code == 201
    for labels, scopes, status in (
        (("communication",), "patient/*.cruds", 404),
        (("conditions",), "patient/*.cruds", 403),
        (("communication", "conditions"), "patient/Condition.rs", 403),
        (("communication", "conditions"), "patient/Communication.c", 403),
    ):
        caller = await app_with(service, *labels, scopes=scopes)
        assert (await caller.post(address, asking(WORDS))).status_code == status, (labels, scopes)


async def test_a84_nobody_else_annotates(service: Service, practice: Caller, bram: Caller, anonymous: Caller) -> None:
    theirs = await practice.create(condition())
    address = f"/Condition/{theirs['id']}/$annotate"
    assert (await practice.post(address, asking(WORDS))).status_code == 403
    assert (await bram.post(address, asking(WORDS))).status_code == 404
    assert (await anonymous.post(address, asking(WORDS))).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (asking(""), 400),
        (asking("  "), 400),
        (asking("x" * 5001), 400),
        ({"resourceType": "Parameters"}, 400),
        ({"resourceType": "Parameters", "parameter": [{"name": "tekst", "valueString": "x"}]}, 400),
        ({"resourceType": "Parameters", "parameter": [{"name": "text", "valueInteger": 3}]}, 400),
    ],
)
async def test_a84_what_cannot_be_used_is_refused(service: Service, practice: Caller, body: Any, status: int) -> None:
    theirs = await practice.create(condition())
    anna = service.caller(await bearer(service, "anna"))
    assert (await anna.post(f"/Condition/{theirs['id']}/$annotate", body)).status_code == status


async def test_a84_what_is_not_there_or_was_removed_is_not_annotated(service: Service, practice: Caller) -> None:
    anna = service.caller(await bearer(service, "anna"))
    assert (await anna.post("/Condition/nergens/$annotate", asking(WORDS))).status_code == 404
    theirs = await practice.create(condition())
    await practice.delete(f"/Condition/{theirs['id']}")
    answer = await anna.post(f"/Condition/{theirs['id']}/$annotate", asking(WORDS))
    assert answer.status_code == 410
    assert codes(answer) == ["deleted"]
