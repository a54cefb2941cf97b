"""An unlikely value is confirmed by the person, and stays confirmed while it stays the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import pytest

from app.fhir.resource import Resource, decode, encode
from app.measurements.kinds import kinds
from tests.builders import UCUM, observation
from tests.measurements.measuring import flags, measured
from tests.server.grants import token_with
from tests.server.service import Caller, Service, codes, issues

WHOLE: Final = {"prefer": "return=representation"}
PATCH: Final = {"content-type": "application/json-patch+json", **WHOLE}


def weight(kilograms: int) -> Resource:
    return observation(valueQuantity={"value": kilograms, "unit": "kg", "system": UCUM, "code": "kg"})


@pytest.fixture
async def unlikely(anna: Caller) -> Resource:
    return await anna.create(weight(260), WHOLE)


@pytest.fixture
async def confirmed(anna: Caller, unlikely: Resource) -> Resource:
    answer = await anna.post(f"/Observation/{unlikely['id']}/$confirm")
    assert answer.status_code == 200
    return decode(answer.content)


async def test_the_person_confirms_as_a_new_version(anna: Caller, unlikely: Resource, confirmed: Resource) -> None:
    assert flags(unlikely) == {"unlikely", "to-confirm"}
    assert flags(confirmed) == {"unlikely"}
    assert confirmed["meta"]["versionId"] == "2"
    assert await anna.found("/Observation?_tag=to-confirm") == []
    history = await anna.bundle(f"/Observation/{confirmed['id']}/_history")
    assert [flags(each["resource"]) for each in history["entry"]] == [{"unlikely"}, {"unlikely", "to-confirm"}]
    again = await anna.post(f"/Observation/{confirmed['id']}/$confirm")
    assert (again.status_code, issues(again)[0]["details"]["text"]) == (422, "measurement-nothing-to-confirm")


async def test_nobody_else_confirms(
    service: Service, anna: Caller, bram: Caller, practice: Caller, unlikely: Resource
) -> None:
    address = f"/Observation/{unlikely['id']}/$confirm"
    professional = await token_with(
        service,
        "user/*.cruds",
        "anna",
        kind="app",
        role="professional",
        person="Practitioner/doctor",
        organization="practice",
        purpose="treatment",
    )
    carer = await token_with(
        service, "patient/*.cruds", "anna", kind="app", role="carer", person="RelatedPerson/zus", purpose="own-use"
    )
    for caller in (practice, professional, carer):
        answer = await caller.post(address)
        assert (answer.status_code, codes(answer)) == (403, ["forbidden"])
    assert (await bram.post(address)).status_code == 404
    assert (await service.caller("anna-reader").post(address)).status_code == 403
    assert (await service.caller("anna-writer").post(address)).status_code == 403
    assert (await anna.get(address)).status_code == 405
    assert flags(decode((await anna.get(f"/Observation/{unlikely['id']}")).content)) == {"unlikely", "to-confirm"}


async def test_who_represents_the_person_confirms(service: Service, unlikely: Resource) -> None:
    representative = await token_with(
        service,
        "patient/*.cruds",
        "anna",
        kind="app",
        role="representative",
        person="RelatedPerson/dochter",
        responsible="Patient/anna",
        purpose="own-use",
    )
    assert (await representative.post(f"/Observation/{unlikely['id']}/$confirm")).status_code == 200


@pytest.mark.parametrize("how", ["put", "patch", "conditional"])
async def test_what_was_confirmed_is_not_asked_again_while_it_stays_the_same(
    anna: Caller, confirmed: Resource, how: str
) -> None:
    address, note = f"/Observation/{confirmed['id']}", [{"text": "Nagekeken"}]
    if how == "patch":
        answer = await anna.send("PATCH", address, encode([{"op": "add", "path": "/note", "value": note}]), PATCH)
    else:
        path = address if how == "put" else f"/Observation?_id={confirmed['id']}"
        answer = await anna.put(path, confirmed | {"note": note}, WHOLE)
    stored = decode(answer.content)
    assert (stored["note"], flags(stored)) == (note, {"unlikely"})


async def test_the_same_in_another_unit_is_the_same_and_another_value_is_asked(
    anna: Caller, confirmed: Resource
) -> None:
    address = f"/Observation/{confirmed['id']}"
    grams = {"value": 260000, "unit": "g", "system": UCUM, "code": "g"}
    stored = decode((await anna.put(address, confirmed | {"valueQuantity": grams}, WHOLE)).content)
    assert flags(stored) == {"unlikely"}
    stored = decode((await anna.put(address, weight(270) | {"id": confirmed["id"]}, WHOLE)).content)
    assert flags(stored) == {"unlikely", "to-confirm"}
    stored = decode((await anna.put(address, weight(81) | {"id": confirmed["id"]}, WHOLE)).content)
    assert flags(stored) == set()


async def test_before_it_is_confirmed_a_change_that_leaves_the_value_asks_again(
    anna: Caller, unlikely: Resource
) -> None:
    sent = {name: value for name, value in unlikely.items() if name != "meta"} | {"note": [{"text": "x"}]}
    stored = decode((await anna.put(f"/Observation/{unlikely['id']}", sent, WHOLE)).content)
    assert flags(stored) == {"unlikely", "to-confirm"}


async def test_a_swapped_pressure_can_be_confirmed_too(anna: Caller) -> None:
    swapped = measured(kinds()["blood-pressure"], systolic=Decimal(80), diastolic=Decimal(130))
    stored = await anna.create(swapped, WHOLE)
    answer = await anna.post(f"/Observation/{stored['id']}/$confirm")
    assert flags(decode(answer.content)) == {"unlikely"}
    assert decode(answer.content)["component"] == stored["component"]
