"""The same measurement twice: one where it is known for sure, and two that are shown otherwise (MODEL 3)."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any, Final

import pytest

from app.fhir.resource import Resource, decode
from app.measurements.doubles import possible_doubles
from app.measurements.kinds import kinds
from app.server.store import execute, recognising
from tests.builders import LOINC, UCUM, batch, concept, observation, posted, transaction
from tests.measurements.measuring import measured
from tests.server.grants import token_with
from tests.server.service import Caller, Service, issues

SCALE: Final = {"identifier": {"system": "urn:scales", "value": "serial-1"}}
OUTCOME: Final = {"prefer": "return=OperationOutcome"}
WHOLE: Final = {"prefer": "return=representation"}
FIRST: Final = "urn:uuid:11111111-1111-4111-8111-111111111111"
SECOND: Final = "urn:uuid:22222222-2222-4222-8222-222222222222"


def named(value: str = "42", **members: Any) -> Resource:
    return observation(identifier=[{"system": "urn:app", "value": value}], **members)


def by_scale(time: str = "2026-11-20T08:00:00+01:00", kilograms: Any = 81, **members: Any) -> Resource:
    quantity = {"value": kilograms, "unit": "kg", "system": UCUM, "code": "kg"}
    return observation(effectiveDateTime=time, valueQuantity=quantity, **{"device": SCALE, **members})


async def count(caller: Caller) -> int:
    return len(await caller.found("/Observation?_count=100"))


@pytest.fixture(params=["anna", "practice", "app"])
async def somebody(request: pytest.FixtureRequest, service: Service, anna: Caller, practice: Caller) -> Caller:
    """The person, an app and a system alike."""
    if request.param == "app":
        return await token_with(service, "patient/*.cruds", "anna", kind="app", role="patient", purpose="own-use")
    return anna if request.param == "anna" else practice


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (named(), named()),
        (by_scale(), by_scale()),
        (by_scale(), by_scale("2026-11-20T07:00:00Z", note=[{"text": "nog eens"}])),
        (by_scale(kilograms=Decimal("81.0")), by_scale(kilograms=Decimal("81.00"))),
        (by_scale(), {**by_scale(), "valueQuantity": {"value": 81000, "system": UCUM, "code": "g"}}),
    ],
    ids=["identifier", "device", "device-other-zone", "device-zeros", "device-other-unit"],
)
async def test_what_comes_again_is_answered_with_what_is_there(
    somebody: Caller, anna: Caller, first: Resource, second: Resource
) -> None:
    made = await somebody.post("/Observation", first)
    again = await somebody.post("/Observation", second)
    assert (made.status_code, again.status_code) == (201, 200)
    assert again.headers["location"] == made.headers["location"]
    assert again.headers["etag"] == 'W/"1"'
    assert decode(again.content) == decode(made.content)
    assert await count(anna) == 1


@pytest.mark.parametrize(
    "otherwise",
    [
        {"valueQuantity": {"value": 79, "unit": "kg", "system": UCUM, "code": "kg"}},
        {"status": "entered-in-error"},
        {"effectiveDateTime": "2026-11-19T08:00:00+01:00"},
    ],
    ids=["value", "status", "time"],
)
async def test_what_comes_again_with_another_content_is_not_stored_and_that_is_said(
    somebody: Caller, anna: Caller, otherwise: Resource
) -> None:
    made = await somebody.post("/Observation", named())
    again = await somebody.post("/Observation", named(**otherwise))
    assert (made.status_code, again.status_code) == (201, 200)
    assert again.headers["location"] == made.headers["location"]
    said = next(each for each in issues(again) if each["severity"] == "warning")
    assert said["expression"] == ["Observation.identifier"]
    assert "79" not in said["diagnostics"]
    for bundle in (batch, transaction):
        answer = await somebody.post("/", bundle(posted(named(**otherwise))))
        response = decode(answer.content)["entry"][0]["response"]
        assert response["status"].startswith("200")
        assert said["diagnostics"] in {each["diagnostics"] for each in response["outcome"]["issue"]}
    assert await count(anna) == 1


@pytest.mark.parametrize(
    "other",
    [
        named("43"),
        observation(identifier=[{"system": "urn:other", "value": "42"}]),
        observation(identifier=[{"value": "42"}]),
        named(code=concept(LOINC, "8867-4"), valueQuantity={"value": 70, "system": UCUM, "code": "/min"}),
        observation(),
    ],
    ids=["number", "system", "no-system", "kind", "no-identifier"],
)
async def test_another_identifier_or_kind_is_another_measurement(anna: Caller, other: Resource) -> None:
    await anna.create(named())
    await anna.create(other)
    assert await count(anna) == 2


@pytest.mark.parametrize(
    "other",
    [
        by_scale("2026-11-20T08:00:01+01:00"),
        by_scale("2026-11-20T08:00:00.5+01:00"),
        by_scale("2026-11-20"),
        by_scale(kilograms=Decimal("81.1")),
        by_scale(device={"identifier": {"system": "urn:scales", "value": "serial-2"}}),
        by_scale(device={"display": "Weegschaal"}),
        by_scale(device=None),
    ],
    ids=["a-second-later", "half-a-second-later", "that-day", "value", "device", "device-without-number", "no-device"],
)
async def test_another_time_value_or_device_is_kept_beside_it(anna: Caller, other: Resource) -> None:
    await anna.create(by_scale())
    await anna.create(other)
    assert await count(anna) == 2


async def test_without_a_device_equal_readings_are_two(anna: Caller) -> None:
    await anna.create(observation())
    await anna.create(observation())
    assert await count(anna) == 2


async def test_a_device_by_reference_or_contained_is_told_by_its_address_and_number(anna: Caller) -> None:
    device = await anna.create(
        {"resourceType": "Device", "serialNumber": "serial-9", "deviceName": []}
        | {"deviceName": [{"name": "Meter", "type": "user-friendly-name"}]}
    )
    sent = by_scale(device={"reference": f"Device/{device['id']}"})
    stored = await anna.create(sent)
    assert stored["device"] == {"reference": f"Device/{device['id']}"}
    assert (await anna.post("/Observation", sent)).status_code == 200
    inner = {"resourceType": "Device", "id": "d", "manufacturer": "Proef", "serialNumber": "serial-9"}
    contained = by_scale(device={"reference": "#d"}, contained=[inner])
    await anna.create(contained)
    assert (await anna.post("/Observation", contained)).status_code == 200
    assert await count(anna) == 2
    found = await anna.found(f"/Observation?device=Device/{device['id']}")
    assert found == [stored["id"]]


async def test_panels_are_compared_part_by_part(anna: Caller) -> None:
    pressure = measured(kinds()["blood-pressure"]) | {"device": SCALE}
    await anna.create(pressure)
    assert (await anna.post("/Observation", pressure)).status_code == 200
    other = measured(kinds()["blood-pressure"], diastolic=Decimal(81)) | {"device": SCALE}
    assert (await anna.post("/Observation", other)).status_code == 201


async def test_of_another_patient_it_is_another_measurement(anna: Caller, bram: Caller, practice: Caller) -> None:
    await anna.create(named())
    await bram.create(named(subject="Patient/bram"))
    answer = await practice.post("/Observation", named(subject="Patient/bram"))
    assert (answer.status_code, decode(answer.content)["subject"]) == (200, {"reference": "Patient/bram"})


async def test_what_was_deleted_is_made_again_and_what_was_an_error_stays_one(anna: Caller) -> None:
    stored = await anna.create(named())
    await anna.delete(f"/Observation/{stored['id']}")
    again = await anna.create(named())
    await anna.put(f"/Observation/{again['id']}", again | {"status": "entered-in-error"})
    answer = await anna.post("/Observation", named())
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert decode((await anna.get(f"/Observation/{again['id']}")).content)["status"] == "entered-in-error"


async def test_a_batch_and_a_transaction_answer_each_entry_so(anna: Caller) -> None:
    there = await anna.create(named())
    for bundle in (batch, transaction):
        answer = await anna.post("/", bundle(posted(named()), posted(by_scale("2026-11-20T09:00:00+01:00"))))
        entries = decode(answer.content)["entry"]
        made = "201" if bundle is batch else "200"
        assert [each["response"]["status"][:3] for each in entries] == ["200", made]
        assert f"/Observation/{there['id']}/_history/1" in entries[0]["response"]["location"]
    assert await count(anna) == 2


async def test_twice_in_one_transaction_is_one_and_what_refers_to_it_follows(anna: Caller) -> None:
    panel = observation(
        code=concept(LOINC, "34566-0"), valueQuantity=None, hasMember=[{"reference": FIRST}, {"reference": SECOND}]
    )
    answer = await anna.post(
        "/", transaction(posted(by_scale(), FIRST), posted(by_scale(), SECOND), posted(panel)), WHOLE
    )
    first, second, third = decode(answer.content)["entry"]
    assert [each["response"]["status"][:3] for each in (first, second, third)] == ["201", "200", "201"]
    assert first["response"]["location"] == second["response"]["location"]
    name = f"Observation/{first['resource']['id']}"
    assert second["resource"] == first["resource"]
    assert third["resource"]["hasMember"] == [{"reference": name}, {"reference": name}]
    assert await count(anna) == 2


async def test_on_condition_it_is_recognised_too(anna: Caller) -> None:
    stored = await anna.create(by_scale())
    answer = await anna.post("/Observation", by_scale(), {"if-none-exist": "identifier=urn:none|1"})
    assert (answer.status_code, decode(answer.content)["id"]) == (200, stored["id"])


async def test_who_may_only_write_learns_that_it_is_there_and_no_more(service: Service, anna: Caller) -> None:
    stored = await anna.create(named(note=[{"text": "voor mijzelf"}]))
    writer = service.caller("anna-writer")
    answer = await writer.post("/Observation", named())
    assert answer.status_code == 200
    assert stored["id"] in answer.headers["location"]
    assert answer.content == b""


async def test_what_a_permission_does_not_cover_is_not_recognised(service: Service, anna: Caller) -> None:
    """An attack: to learn from a create what else is in the record."""
    glucose = measured(kinds()["blood-glucose"]) | {"identifier": [{"system": "urn:app", "value": "7"}]}
    await anna.create(glucose)
    narrow = service.caller("anna-measurements")  # not the laboratory's
    vital = glucose | {"category": observation()["category"]}
    answer = await narrow.post("/Observation", vital)
    assert answer.status_code == 201


@pytest.mark.parametrize("sent", [named(), by_scale()], ids=["identifier", "device"])
async def test_at_the_same_time_one_is_made(anna: Caller, practice: Caller, sent: Resource) -> None:
    answers = await asyncio.gather(
        *(caller.post("/Observation", sent) for _ in range(6) for caller in (anna, practice)),
        *(anna.post("/", transaction(posted(sent))) for _ in range(4)),
    )
    places = set()
    for answer in answers:
        assert answer.status_code in (200, 201), answer.text
        body = decode(answer.content)
        places.add(body["entry"][0]["response"]["location"] if "entry" in body else answer.headers["location"])
    assert len({place.rpartition("/Observation/")[2] for place in places}) == 1
    assert await count(anna) == 1


async def test_what_looks_like_it_is_kept_and_said(anna: Caller) -> None:
    there = await anna.create(observation())
    answer = await anna.post("/Observation", by_scale("2026-11-20T08:01:30+01:00"), OUTCOME)
    assert answer.status_code == 201
    (said,) = (each for each in decode(answer.content)["issue"] if each.get("details"))
    assert (said["severity"], said["details"]["text"]) == ("information", "measurement-possible-double")
    assert f"Observation/{there['id']}" in said["diagnostics"]
    assert "81" not in said["diagnostics"].replace(there["id"], "")
    assert await count(anna) == 2


@pytest.mark.parametrize(
    "other",
    [by_scale("2026-11-20T08:02:01+01:00"), by_scale("2026-11-20T08:01:00+01:00", Decimal("81.1"))],
    ids=["later", "value"],
)
async def test_what_does_not_look_like_it_is_not_remarked_on(anna: Caller, other: Resource) -> None:
    await anna.create(observation())
    answer = await anna.post("/Observation", other, OUTCOME)
    assert all("details" not in each for each in decode(answer.content)["issue"])


async def test_what_may_not_be_read_is_not_remarked_on(service: Service, anna: Caller) -> None:
    await anna.create(observation())
    answer = await service.caller("anna-writer").post("/Observation", by_scale("2026-11-20T08:01:00+01:00"), OUTCOME)
    assert all("details" not in each for each in decode(answer.content)["issue"])


def test_possible_doubles_are_two_minutes_apart_at_most_and_alike() -> None:
    minute = 60_000_000
    measured = [
        (0, {"systolic": 130, "diastolic": 80}),
        (2 * minute, {"systolic": 130, "diastolic": 82}),
        (2 * minute, {"systolic": 130}),
        (4 * minute, {"diastolic": 82}),
        (4 * minute + 1, {"systolic": 130, "diastolic": 82}),
        (9 * minute, {"systolic": 130}),
        (11 * minute + 1, {"systolic": 130}),
    ]
    assert sorted(possible_doubles(measured)) == [(0, 2), (1, 2), (1, 3), (3, 4)]


def test_who_is_one_of_many_alike_is_marked_at_no_more_cost() -> None:
    second = 1_000_000
    measured = [(place * second // 50, {"heart-rate": 60 + place % 3}) for place in range(20_000)]
    pairs = list(possible_doubles(measured))
    assert {place for pair in pairs for place in pair} == set(range(20_000))
    assert len(pairs) == 20_000 - 3


@pytest.mark.parametrize(
    ("sent", "looked"),
    [(observation(), 0), (named(), 1), (by_scale(), 1), (named(code=concept(LOINC, "8352-7")), 0)],
    ids=["plain", "identifier", "device", "of-no-kind"],
)
async def test_what_cannot_be_recognised_costs_nothing(
    service: Service, practice: Caller, monkeypatch: pytest.MonkeyPatch, sent: Resource, looked: int
) -> None:
    """Neither a look, nor, on PostgreSQL, the way of a single statement that such a create takes."""
    looks: list[int] = []
    whole: list[int] = []
    before, kind = recognising.recognise, type(service.database)
    transact = kind.transact

    async def recognise(*given: Any, **named: Any) -> dict[str, str]:
        looks.append(1)
        return await before(*given, **named)

    async def counted(self: Any, work: Any) -> Any:
        whole.append(1)
        return await transact(self, work)

    monkeypatch.setattr(execute, "recognise", recognise)
    monkeypatch.setattr(kind, "transact", counted)
    await practice.create(sent)
    assert len(looks) == looked
    if service.database.dialect == "postgresql":
        assert len(whole) == looked


async def test_a_query_in_the_scopes_that_does_not_let_read_shows_nothing(service: Service, anna: Caller) -> None:
    stored = await anna.create(named(note=[{"text": "voor mijzelf"}]))
    scopes = "patient/Observation.c patient/Observation.rs?status=amended"
    narrow = await token_with(service, scopes, "anna", kind="app", role="patient", purpose="own-use")
    answer = await narrow.post("/Observation", named())
    assert (answer.status_code, answer.content) == (200, b"")
    assert stored["id"] in answer.headers["location"]
