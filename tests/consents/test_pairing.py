"""An organisation learns by a code of the patient's which patient is meant, and finds them by its own number."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.consents import pairing as pairings
from app.auth.consents.pairing import LIFE, MOST_ATTEMPTS, Pairing, PairingCode, new_text, read_text
from app.auth.recipients import organization
from app.auth.sealing import Seal
from app.errors import Unprocessable
from app.fhir.definitions import load
from app.fhir.resource import decode, encode
from app.fhir.xml import from_xml, to_xml
from tests import builders
from tests.consents.people import Permissions, parameters, registered
from tests.server.service import Caller, issues

STU3 = "http://zelfregie.test/fhir/stu3"
SYSTEM = "http://praktijk-de-linde.example/patient"


def pairing(permissions: Permissions) -> Pairing:
    return Pairing(Seal(permissions.people.server.page_key, "pairing"))


async def code(permissions: Permissions, organization_id: str = "", *, patient: str = "anna") -> PairingCode:
    async with permissions.service.database.write() as writer:
        return await pairing(permissions).make(
            writer,
            patient=await permissions.service.key_of(patient),
            organization=organization_id or permissions.practice.id,
            given_by=await permissions.people.account(patient),
            now=permissions.now,
        )


async def pair(caller: Caller, text: str, value: str = "4711", system: str = SYSTEM) -> httpx.Response:
    body = parameters(code=text, identifier={"system": system, "value": value})
    return await caller.post("/Patient/$pair", body)


@pytest.fixture
async def allowed(permissions: Permissions) -> Permissions:
    """Anna and Bram allow the practice to see everything."""
    for patient in ("anna", "bram"):
        await permissions.give(organization(permissions.practice.id), purpose="treatment", patient=patient)
    return permissions


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_a_system_that_speaks_stu3_pairs_there(allowed: Permissions, form: str) -> None:
    system, definitions = await allowed.system(), load("3.0.1")
    body = parameters(code=(await code(allowed)).text, identifier={"system": SYSTEM, "value": "4711"})
    kind = f"application/fhir+{form}"
    sent = encode(body) if form == "json" else to_xml(body, definitions)
    headers = {"content-type": kind, "accept": f"{kind}; fhirVersion=3.0"}
    answer = await system.post(f"{STU3}/Patient/$pair", sent, headers)
    assert answer.status_code == 200, answer.text
    given = decode(answer.content) if form == "json" else from_xml(answer.content, definitions)
    assert given["parameter"] == [{"name": "patient", "valueReference": {"reference": "Patient/anna"}}]
    assert await system.found(f"{STU3}/Patient?identifier={SYSTEM}|4711") == ["anna"]
    assert (await system.get(f"{STU3}/Patient/$pair?code=x")).status_code == 405


async def test_a_code_gives_the_patient_and_the_number_finds_them(allowed: Permissions, anna: Caller) -> None:
    made = await anna.create(builders.observation())
    system = await allowed.system()
    answer = await pair(system, (await code(allowed)).text)
    assert answer.status_code == 200, answer.text
    assert decode(answer.content)["parameter"] == [{"name": "patient", "valueReference": {"reference": "Patient/anna"}}]
    number = f"{SYSTEM}|4711"
    assert await system.found(f"/Patient?identifier={number}") == ["anna"]
    assert await system.found(f"/Observation?patient.identifier={number}") == [made["id"]]
    assert await system.found(f"/Observation?patient:identifier={number}") == [made["id"]]
    assert await system.found(f"/Observation?subject:Patient.identifier={number}") == [made["id"]]
    assert await system.found(f"/Patient?_has:Observation:patient:_id={made['id']}&identifier={number}") == ["anna"]
    assert await system.found(f"/Patient?identifier={SYSTEM}|4712") == []
    assert SYSTEM not in (await system.get("/Patient/anna")).text


async def test_nobody_else_finds_a_patient_by_the_number(allowed: Permissions, anna: Caller) -> None:
    other = await registered(allowed.service, "Ziekenhuis Oost", "06010101")
    await allowed.give(organization(other.id), purpose="treatment")
    assert (await pair(await allowed.system(), (await code(allowed)).text)).status_code == 200
    for caller in (await allowed.system(other.id), anna, await allowed.session(), allowed.service.caller("operator")):
        assert await caller.found(f"/Patient?identifier={SYSTEM}|4711") == []
        assert await caller.found(f"/Observation?patient.identifier={SYSTEM}|4711") == []


async def test_the_same_exchange_again_has_the_same_answer(allowed: Permissions) -> None:
    system, text = await allowed.system(), (await code(allowed)).text
    first, second = await pair(system, text), await pair(system, text)
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert (await pair(system, text, "4712")).status_code == 404


async def test_exchanges_at_once_link_one_number(allowed: Permissions) -> None:
    system, text = await allowed.system(), (await code(allowed)).text
    answers = await asyncio.gather(*(pair(system, text, value) for value in ("1", "2", "3")))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404]
    assert len(await allowed.service.database.fetch("SELECT value FROM pairing")) == 1


async def test_a_number_that_is_somebody_elses_is_a_conflict(allowed: Permissions) -> None:
    system = await allowed.system()
    assert (await pair(system, (await code(allowed)).text)).status_code == 200
    taken = await pair(system, (await code(allowed, patient="bram")).text)
    assert taken.status_code == 409
    assert await system.found(f"/Patient?identifier={SYSTEM}|4711") == ["anna"]
    assert (await pair(system, (await code(allowed)).text)).status_code == 200, "paired anew with the same patient"


BSN_SYSTEMS = (
    "http://fhir.nl/fhir/NamingSystem/bsn",
    "urn:oid:2.16.840.1.113883.2.4.6.3",
    "FHIR.nl/fhir/NamingSystem/BSN/",
)


@pytest.mark.parametrize("system", BSN_SYSTEMS)
async def test_a_bsn_is_refused_and_nowhere_kept(allowed: Permissions, system: str) -> None:
    caller, text = await allowed.system(), (await code(allowed)).text
    answer = await pair(caller, text, "999911120", system)
    assert answer.status_code == 422
    assert "999911120" not in answer.text + str(allowed.service.journal_lines())
    assert (await pair(caller, text)).status_code == 200, "the code is still good"


WRONG: dict[str, Any] = {"system": "", "value": ""}


@pytest.mark.parametrize("member", WRONG)
async def test_a_number_has_system_and_value(allowed: Permissions, member: str) -> None:
    identifier = {"system": SYSTEM, "value": "4711"}
    del identifier[member]
    body = parameters(code=(await code(allowed)).text, identifier=identifier)
    assert (await (await allowed.system()).post("/Patient/$pair", body)).status_code == 400


async def test_only_the_system_of_the_organisation_pairs(allowed: Permissions, anna: Caller) -> None:
    made = await code(allowed)
    for caller in (anna, await allowed.session(), await allowed.app(), allowed.service.caller("practice")):
        assert (await pair(caller, made.text)).status_code == 403
    assert (await pair(allowed.service.caller(""), made.text)).status_code == 401
    other = await registered(allowed.service, "Ziekenhuis Oost", "06010101")
    await allowed.give(organization(other.id), purpose="treatment")
    assert (await pair(await allowed.system(other.id), made.text)).status_code == 404
    assert (await pair(await allowed.system(), made.text)).status_code == 200


async def test_a_code_is_for_an_organisation_that_has_a_permission(permissions: Permissions) -> None:
    with pytest.raises(Unprocessable):
        await code(permissions)


async def test_a_code_ends(allowed: Permissions) -> None:
    made = await code(allowed)
    system = await allowed.system()
    async with allowed.at(made.expires, system) as late:
        assert (await pair(late, made.text)).status_code == 404
    async with allowed.at(made.expires - 1, system) as in_time:
        assert (await pair(in_time, made.text)).status_code == 200


async def test_a_new_code_takes_the_place_of_the_one_before(allowed: Permissions) -> None:
    first, second = await code(allowed), await code(allowed)
    system = await allowed.system()
    assert (await pair(system, first.text)).status_code == 404
    assert (await pair(system, second.text)).status_code == 200


async def test_withdrawal_ends_code_and_finding(permissions: Permissions) -> None:
    practice = organization(permissions.practice.id)
    consent = await permissions.give(practice, purpose="treatment")
    system = await permissions.system()
    assert (await pair(system, (await code(permissions)).text)).status_code == 200
    waiting = await code(permissions)
    await permissions.withdraw(consent)
    assert await system.found(f"/Patient?identifier={SYSTEM}|4711") == []
    assert (await pair(system, waiting.text)).status_code == 404
    await permissions.give(practice, purpose="treatment")
    assert await system.found("/Patient") == ["anna"]
    assert await system.found(f"/Patient?identifier={SYSTEM}|4711") == [], "it is to be paired anew"


async def test_codes_cannot_be_tried_without_end(allowed: Permissions) -> None:
    system = await allowed.system()
    for _ in range(MOST_ATTEMPTS):
        assert (await pair(system, new_text())).status_code == 404
    good = await code(allowed)
    refused = await pair(system, good.text)
    assert refused.status_code == 429
    assert issues(refused)[0]["code"] == "throttled"
    async with allowed.at(allowed.now + LIFE, system) as later:
        assert (await pair(later, new_text())).status_code == 404


async def test_good_codes_do_not_count_as_attempts(allowed: Permissions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairings, "MOST_ATTEMPTS", 2)
    system = await allowed.system()
    for value in range(4):
        assert (await pair(system, (await code(allowed)).text, str(value))).status_code == 200


async def test_codes_are_stored_as_a_keyed_hash(allowed: Permissions) -> None:
    made = await code(allowed)
    rows = await allowed.service.database.fetch("SELECT * FROM pairing_code")
    assert made.text not in str([tuple(row) for row in rows])
    assert made.text.replace("-", "") not in str([tuple(row) for row in rows])
    assert made.text not in repr(made)


@given(st.randoms(use_true_random=False))
def test_a_code_is_read_as_people_type_it(random: Any) -> None:
    text = new_text(random.randrange)
    plain = read_text(text)
    assert plain is not None
    assert read_text(text.lower().replace("0", "o").replace("1", "l")) == plain
    assert read_text(f" {plain[:3]} {plain[3:]} ") == plain


@given(st.randoms(use_true_random=False), st.integers(0, 9), st.integers(1, 31))
def test_a_wrong_character_is_seen(random: Any, place: int, shift: int) -> None:
    plain = read_text(new_text(random.randrange)) or ""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    wrong = alphabet[(alphabet.index(plain[place]) + shift) % 32]
    assert read_text(plain[:place] + wrong + plain[place + 1 :]) is None
