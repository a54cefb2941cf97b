"""By profile, as it is claimed, and by tag.

https://hl7.org/fhir/R4/search.html#all https://hl7.org/fhir/R4/search.html#uri
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import pytest

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from tests.builders import care_plan, goal, observation
from tests.server.grants import token_with
from tests.server.service import Caller, Service, codes, ids

NICTIZ: Final = "http://nictiz.nl/fhir/StructureDefinition"
PRESSURE: Final = f"{NICTIZ}/nl-core-BloodPressure"
WEIGHT: Final = f"{NICTIZ}/nl-core-BodyWeight"
OURS: Final = f"{CANONICAL_BASE}/StructureDefinition/proef"
"""Not one that is held: whether a claim is true is tested elsewhere."""
INTAKE: Final = "https://proef.example/fhir/CodeSystem/intake"
DEVIATES: Final = {"system": INTAKE, "code": "profile-deviation", "display": "Does not follow its profile"}
UNLIKELY: Final = {"system": INTAKE, "code": "unlikely"}
CONFIRM: Final = {"system": INTAKE, "code": "to-confirm"}
EVERY: Final = {"plain", "bare", "versioned", "both", "weight"}


def told(
    id: str, subject: str = "Patient/anna", *, profile: tuple[str, ...] = (), tag: tuple[Resource, ...] = ()
) -> Resource:
    """An Observation with these claims and tags."""
    meta = {name: list(value) for name, value in (("profile", profile), ("tag", tag)) if value}
    return observation(subject, id=id, meta=meta or None)


async def fill(operator: Caller) -> None:
    """What an organisation delivered: ``operator`` stands for the service, which keeps claims and tags as they are."""
    for each in (
        told("plain"),
        told("bare", profile=(PRESSURE,), tag=(DEVIATES,)),
        told("versioned", profile=(f"{PRESSURE}|1.0.0",), tag=(UNLIKELY, CONFIRM)),
        told("both", profile=(f"{PRESSURE}|2.0.0", WEIGHT), tag=({"system": "urn:other", "code": "unlikely"},)),
        told("weight", profile=(WEIGHT,), tag=({"code": "unlikely"},)),
        told("brams", "Patient/bram", profile=(PRESSURE,), tag=(DEVIATES,)),
    ):
        await operator.keep(each)


PROFILES: Final = {
    f"_profile={PRESSURE}": {"bare", "versioned", "both"},
    f"_profile={PRESSURE}|1.0.0": {"versioned"},
    f"_profile={PRESSURE}|2.0.0": {"both"},
    f"_profile={PRESSURE}|3.0.0": set(),
    f"_profile={PRESSURE}|1": set(),
    f"_profile={WEIGHT}": {"both", "weight"},
    f"_profile={PRESSURE}|1.0.0,{WEIGHT}": {"versioned", "both", "weight"},
    f"_profile={PRESSURE}&_profile={WEIGHT}": {"both"},
    f"_profile={NICTIZ}": set(),
    f"_profile={PRESSURE.upper()}": set(),
    f"_profile={PRESSURE}/": set(),
    "_profile=nl-core-BloodPressure": set(),
    f"_profile={OURS}": set(),
    f"_profile:below={NICTIZ}": {"bare", "versioned", "both", "weight"},
    f"_profile:below={NICTIZ}/nl-core-Blood": {"bare", "versioned", "both"},
    f"_profile:below={PRESSURE}|1": {"versioned"},
    f"_profile:below={PRESSURE}|": {"versioned", "both"},
    f"_profile:below={CANONICAL_BASE}": set(),
    f"_profile:above={WEIGHT}/child": {"both", "weight"},
    f"_profile:above={PRESSURE}|1.0.0": {"bare", "versioned", "both"},
    "_profile:missing=true": {"plain"},
    "_profile:missing=false": EVERY - {"plain"},
    f"_profile={PRESSURE}&code=29463-7&status=final": {"bare", "versioned", "both"},
    f"_profile={PRESSURE}&_tag=profile-deviation": {"bare"},
}
TAGS: Final = {
    f"_tag={INTAKE}|profile-deviation": {"bare"},
    f"_tag={INTAKE}|unlikely": {"versioned"},
    "_tag=unlikely": {"versioned", "both", "weight"},
    "_tag=|unlikely": {"weight"},
    f"_tag={INTAKE}|": {"bare", "versioned"},
    f"_tag={INTAKE}|beyond-limit": set(),
    f"_tag={INTAKE}|unlikely&_tag={INTAKE}|to-confirm": {"versioned"},
    f"_tag={INTAKE}|profile-deviation,{INTAKE}|to-confirm": {"bare", "versioned"},
    f"_tag:not={INTAKE}|unlikely": EVERY - {"versioned"},
    f"_tag:not={INTAKE}|": EVERY - {"bare", "versioned"},
    "_tag:text=does not": {"bare"},
    "_tag:missing=true": {"plain"},
    "_tag:missing=false": EVERY - {"plain"},
}


@pytest.fixture
async def filled(service: Service, operator: Caller) -> Service:
    await fill(operator)
    return service


def written(query: str) -> str:
    return query.replace("|", quote("|")).replace(" ", "+")


@pytest.mark.parametrize("expected", [PROFILES, TAGS], ids=["_profile", "_tag"])
async def test_they_find_what_was_claimed_and_tagged(
    filled: Service, anna: Caller, practice: Caller, expected: dict[str, set[str]]
) -> None:
    for query, wanted in expected.items():
        address = f"/Observation?{written(query)}"
        assert set(await anna.found(address)) == wanted, query
        assert set(await practice.found(address)) - {"brams"} == wanted, query
        everything = "" if "code=" in query else "?_type=Observation,Goal&"
        assert set(await anna.found(f"{everything or '/Observation?'}{written(query)}")) == wanted, query
        assert set(await practice.found(f"{address}&patient=anna")) == wanted, query


async def test_nothing_of_another_patient_is_found(filled: Service, anna: Caller, bram: Caller) -> None:
    for query in (
        f"_profile={PRESSURE}",
        f"_profile:below={NICTIZ}",
        f"_tag={INTAKE}|profile-deviation",
        "_tag:missing=false",
    ):
        assert await bram.found(f"/Observation?{written(query)}") == ["brams"], query
        assert "brams" not in await anna.found(f"/Observation?{written(query)}"), query
    assert await bram.found(f"/Observation?_profile={WEIGHT}") == []


async def test_profiles_are_put_in_order(filled: Service, anna: Caller) -> None:
    assert await anna.found("/Observation?_id=bare,weight,plain&_sort=_profile") == ["plain", "bare", "weight"]
    assert await anna.found("/Observation?_id=bare,weight,plain&_sort=-_profile") == ["weight", "bare", "plain"]


@pytest.mark.parametrize(
    "query", ["_profile:not=urn:x", "_profile:in=urn:x", "_profile:text=x", "_profile:exact=x", "_tag:exact=x"]
)
async def test_modifiers_that_their_kind_does_not_have_are_refused(anna: Caller, query: str) -> None:
    answer = await anna.get(f"/Observation?{query}")
    assert (answer.status_code, codes(answer)) == (400, ["not-supported"])


async def test_a_urn_is_not_above_or_below_another(anna: Caller, operator: Caller) -> None:
    await operator.keep(told("urn", profile=("urn:oid:2.16.1",)))
    assert await anna.found("/Observation?_profile=urn:oid:2.16.1") == ["urn"]
    answer = await anna.get("/Observation?_profile:below=urn:oid:2.16")
    assert (answer.status_code, codes(answer)) == (400, ["value"])


async def test_they_are_chained_and_asked_backwards(filled: Service, anna: Caller, operator: Caller) -> None:
    await operator.keep(goal(id="ours", meta={"profile": [OURS]}))
    await operator.keep(care_plan(id="plan", goal=[{"reference": "Goal/ours"}]))
    assert await anna.found(f"/CarePlan?goal._profile={OURS}") == ["plan"]
    assert await anna.found(f"/CarePlan?goal:Goal._profile:below={CANONICAL_BASE}") == ["plan"]
    assert await anna.found(f"/CarePlan?goal._profile={WEIGHT}") == []
    assert await anna.found("/Goal?_has:CarePlan:goal:_profile:missing=true") == ["ours"]
    assert await anna.found(f"/Patient?_has:Observation:patient:_tag={quote(INTAKE + '|unlikely')}") == ["anna"]


async def test_a_claim_and_a_tag_that_went_are_not_found(filled: Service, anna: Caller) -> None:
    for name, value in (("profile", "valueUri"), ("tag", "valueCoding")):
        gone = PRESSURE if name == "profile" else DEVIATES
        part = {"name": "meta", "valueMeta": {name: [gone]}}
        answer = await anna.post("/Observation/bare/$meta-delete", {"resourceType": "Parameters", "parameter": [part]})
        assert answer.status_code == 200, (value, answer.text)
    assert await anna.found("/Observation?_id=bare&_profile:missing=true&_tag:missing=true") == ["bare"]
    assert "bare" not in await anna.found(f"/Observation?_profile={PRESSURE}")


async def test_a_scope_is_narrowed_by_them(filled: Service) -> None:
    narrowed = await token_with(
        filled, f"patient/Observation.rs?_profile={PRESSURE} patient/Observation.rs?_tag={INTAKE}|to-confirm", "anna"
    )
    assert set(await narrowed.found("/Observation")) == {"bare", "versioned", "both"}
    assert (await narrowed.get("/Observation/weight")).status_code == 404
    page = await narrowed.bundle(f"/Observation?_profile={WEIGHT}")
    assert ids(page) == ["both"]
