"""Chains and ``_has``. https://hl7.org/fhir/R4/search.html#chaining https://hl7.org/fhir/R4/search.html#has"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

import pytest

from tests.builders import condition, goal, observation, patient, provenance, reference
from tests.server.service import Caller, Service, codes, issues


class Record(NamedTuple):
    """Ids of what one patient's record holds."""

    condition: str
    goal: str
    other_goal: str
    observation: str
    about: str


async def record_of(caller: Caller, name: str) -> Record:
    """A condition with a goal that addresses it, a goal that addresses nothing, a measurement about the first goal."""
    who = f"Patient/{name}"
    problem = await caller.keep(condition(who, id=f"{name}-condition"))
    aim = await caller.keep(goal(who, id=f"{name}-goal", addresses=[reference(f"Condition/{problem['id']}")]))
    other = await caller.keep(goal(who, id=f"{name}-other"))
    seen = await caller.keep(
        observation(who, id=f"{name}-seen", focus=[reference(f"Goal/{aim['id']}")], performer=[reference(who)])
    )
    said = await caller.keep(
        provenance([f"Observation/{seen['id']}"], id=f"{name}-said", agent=[{"who": reference("Practitioner/doctor")}])
    )
    return Record(problem["id"], aim["id"], other["id"], seen["id"], said["id"])


@pytest.fixture
async def record(anna: Caller, bram: Caller) -> Record:
    """Anna's; Bram has the same."""
    await record_of(bram, "bram")
    return await record_of(anna, "anna")


CHAINS = {
    "/Observation?patient.name=proef": ["anna-seen"],
    "/Observation?patient.name=van": [],
    "/Observation?subject:Patient.birthdate=1950-02-28": ["anna-seen"],
    "/Observation?subject.birthdate=lt1950": [],
    "/Observation?subject:Device.identifier=x": [],
    "/Observation?performer:Patient.family:exact=Proefstra": ["anna-seen"],
    "/Observation?performer.family=proefstra": ["anna-seen"],
    "/Observation?focus:Goal.patient.name=proefstra": ["anna-seen"],
    "/Observation?focus:Goal.lifecycle-status=proposed": ["anna-seen"],
    "/Observation?focus:Goal._id=anna-goal": ["anna-seen"],
    "/Observation?focus:Goal._id=anna-other": [],
    "/Observation?focus:Goal.patient=anna": ["anna-seen"],
    "/Observation?focus:Goal.patient=bram": [],
    "/Observation?focus:Goal._lastUpdated=ge2000": ["anna-seen"],
    "/Observation?focus:Goal.target-date:missing=true": ["anna-seen"],
    "/Observation?focus:Goal.lifecycle-status:not=proposed": [],
    "/Provenance?target:Observation.code=29463-7": ["anna-said"],
    "/Provenance?target:Observation.focus:Goal.lifecycle-status=proposed": ["anna-said"],
    "/Provenance?agent:Practitioner.name=nobody": [],
}
HAS = {
    "/Patient?_has:Observation:patient:code=29463-7": ["anna"],
    "/Patient?_has:Observation:patient:code=nonsense": [],
    "/Patient?_has:Observation:subject:status=final": ["anna"],
    "/Goal?_has:Observation:focus:code=29463-7": ["anna-goal"],
    "/Goal?_has:Observation:focus:code=nonsense": [],
    "/Goal?_has:Observation:focus:_has:Provenance:target:agent=Practitioner/doctor": ["anna-goal"],
    "/Goal?_has:Observation:focus:performer.name=proefstra": ["anna-goal"],
    "/Goal?_has:Observation:focus:code=29463-7&_sort=-_lastUpdated": ["anna-goal"],
    "/Observation?_has:Provenance:target:recorded=ge2000": ["anna-seen"],
    "/Practitioner?_has:Provenance:agent:target=Observation/anna-seen": ["doctor"],
    "/Practitioner?_has:Provenance:agent:recorded=lt1990": [],
    "/Observation?patient._has:Goal:patient:_id=anna-goal": ["anna-seen"],
}


@pytest.mark.parametrize("address", CHAINS | HAS)
async def test_links_are_followed_in_ones_own_record(anna: Caller, record: Record, address: str) -> None:
    assert await anna.found(address) == (CHAINS | HAS)[address]


@pytest.mark.parametrize("address", CHAINS | HAS)
async def test_links_are_followed_within_each_of_several_records(
    practice: Caller, operator: Caller, record: Record, address: str
) -> None:
    """What a caller with several patients finds is what each of them would, with the names of the other."""
    expected = set((CHAINS | HAS)[address])
    for caller in (practice, operator):
        found = {each for each in await caller.found(address) if "bram" not in each}
        assert found == expected


async def test_the_same_chain_finds_the_other_patient_for_who_has_both(practice: Caller, record: Record) -> None:
    assert await practice.found("/Observation?patient.name=van") == ["bram-seen"]
    assert sorted(await practice.found("/Goal?_has:Observation:focus:code=29463-7")) == ["anna-goal", "bram-goal"]
    assert await practice.found("/Patient?_has:Goal:patient:_id=bram-goal") == ["bram"]


async def test_a_subject_that_is_no_patient_is_found_and_followed(anna: Caller) -> None:
    made = await anna.create(observation({"reference": "Device/scale"}))
    await anna.keep({"resourceType": "Device", "id": "scale", "status": "active"})
    await anna.create(observation())
    assert await anna.found("/Observation?subject=Device/scale") == [made["id"]]
    assert await anna.found("/Observation?subject:Device=scale") == [made["id"]]
    assert await anna.found("/Observation?subject:Device.status=active") == [made["id"]]
    assert await anna.found("/Observation?subject:missing=true") == []
    assert await anna.found("/Device?_has:Observation:subject:status=final") == ["scale"]


async def test_the_own_resource_hides_the_catalogues_of_the_same_id(anna: Caller, operator: Caller) -> None:
    made = await anna.create(observation(performer=[reference("Practitioner/doctor")]))
    [name] = [
        each["name"][0]["family"]
        for each in [(await operator.bundle("/Practitioner?_id=doctor"))["entry"][0]["resource"]]
    ]
    assert await anna.found(f"/Observation?performer:Practitioner.family={quote(name)}") == [made["id"]]
    await anna.keep({"resourceType": "Practitioner", "id": "doctor", "name": [{"family": "Anders"}]})
    assert await anna.found(f"/Observation?performer:Practitioner.family={quote(name)}") == []
    assert await anna.found("/Observation?performer:Practitioner.family=anders") == [made["id"]]


async def test_what_may_not_be_seen_is_not_there_to_be_asked_about(
    anna: Caller, service: Service, record: Record
) -> None:
    measurements = service.caller("anna-measurements")
    assert await measurements.found("/Observation?_id=anna-seen") == ["anna-seen"]
    # Goals are another data category than measurements: a chain to them must not tell that there is one.
    assert await measurements.found("/Observation?focus:Goal.lifecycle-status=proposed") == []
    assert await measurements.found("/Observation?_has:Provenance:target:recorded=ge2000") == ["anna-seen"]
    assert await measurements.found("/Patient?_has:Goal:patient:lifecycle-status=proposed") == []


async def test_a_scope_for_one_type_does_not_let_another_be_asked_about(service: Service, record: Record) -> None:
    observations = service.caller("anna-observations")
    for query in ("patient.name=proef", "_has:Provenance:target:recorded=ge2000"):
        answer = await observations.get(f"/Observation?{query}")
        assert answer.status_code == 403, query
        assert codes(answer) == ["forbidden"]
    assert (await observations.get("/Observation?_has:Observation:focus:code=x")).status_code == 200


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("Observation?code.name=x", "code.name"),
        ("Observation?patient.nonsense=x", "nonsense"),
        ("Observation?subject:Organization.name=x", "Organization"),
        ("Patient?_has:Observation:patient=x", "_has:<type>"),
        ("Patient?_has:Nonsense:patient:code=x", "Nonsense"),
        ("Patient?_has:Observation:code:code=x", "reference parameter"),
        ("Patient?_has:Observation:encounter:code=x", "does not refer to Patient"),
        ("Patient?_has:Observation:patient:nonsense=x", "nonsense"),
        ("Observation?patient.birthdate=yesterday", "date"),
        ("Observation?" + "has-member." * 8 + "code=x", "references"),
    ],
)
async def test_a_chain_that_leads_nowhere_is_an_error_that_says_why(anna: Caller, query: str, said: str) -> None:
    answer = await anna.get(f"/{query}")
    assert answer.status_code == 400
    assert said in issues(answer)[0]["diagnostics"]


async def test_a_walk_over_a_chain_gives_everything_once(anna: Caller, record: Record) -> None:
    made = [(await anna.create(observation(focus=[reference("Goal/anna-goal")])))["id"] for _ in range(5)]
    for address in ("/Observation?focus:Goal.lifecycle-status=proposed", "/Observation?patient.name=proef"):
        pages = await anna.pages(f"{address}&_count=2")
        assert len(pages) == 3
        seen = [entry["resource"]["id"] for page in pages for entry in page["entry"]]
        assert sorted(seen) == sorted([*made, "anna-seen"])


async def test_a_subjects_identifier_finds_the_record_among_many(practice: Caller, operator: Caller) -> None:
    who = {"identifier": [{"system": "urn:practice", "value": "4711"}]}
    await operator.keep(patient("bram", **who))
    await practice.create(observation("Patient/anna"))
    made = await practice.create(observation("Patient/bram"))
    for caller in (practice, operator):
        assert await caller.found("/Observation?patient.identifier=urn:practice|4711") == [made["id"]]
        assert await caller.found("/Observation?subject:Patient.identifier=urn:practice|4711") == [made["id"]]
        assert await caller.found("/Observation?patient.identifier=urn:practice|4712") == []


async def test_a_catalogues_resource_is_asked_about_in_all_of_the_callers_records(
    practice: Caller, anna: Caller, record: Record
) -> None:
    """Also when its id or identifier has narrowed the search to the catalogue."""
    for caller in (practice, anna):
        for inner in ("recorded=ge2000", "target=Observation/anna-seen", "target:Observation.code=29463-7"):
            address = f"/Practitioner?_id=doctor&_has:Provenance:agent:{inner}"
            assert await caller.found(address) == ["doctor"], address
        assert await caller.found("/Practitioner?_id=doctor&_has:Provenance:agent:recorded=lt1990") == []


async def test_conditions_of_every_kind_hold_in_each_of_several_records(practice: Caller, record: Record) -> None:
    both = ["anna-seen", "bram-seen"]
    for query in ("date=ge2000", "date=ap2026", "value-quantity=gt10", "code:text=x", "performer:missing=false"):
        found = sorted(await practice.found(f"/Observation?{query}&category=vital-signs"))
        assert found == ([] if query == "code:text=x" else both), query
    assert sorted(await practice.found("/Observation?value-quantity=gt10&date=ap2026&_sort=value-quantity")) == both
    assert await practice.found("/Observation?value-quantity=lt10") == []
    assert sorted(await practice.found("/Goal?_has:Observation:focus:value-quantity=gt10")) == [
        "anna-goal",
        "bram-goal",
    ]
