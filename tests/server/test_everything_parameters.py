"""What $everything is asked: dates, types, changes, and by whom. https://hl7.org/fhir/R4/patient-operation-everything.html"""

from __future__ import annotations

import pytest

from app.fhir.resource import Resource, decode
from tests.builders import (
    appointment,
    care_plan,
    consent,
    goal,
    medication,
    observation,
    organization,
    practitioner,
    reference,
    task,
)
from tests.server.service import BASE, Caller, Service, codes, link
from tests.server.test_everything import addresses
from tests.server.test_operations import parameters


async def found(caller: Caller, query: str) -> list[str]:
    return addresses(*await caller.pages(f"/Patient/anna/$everything?{query}"))


async def dated(anna: Caller) -> None:
    await anna.keep(observation(id="o-1", effectiveDateTime="2025-12-31T23:59:59+01:00"))
    await anna.keep(observation(id="o-2", effectiveDateTime="2026-01-01T00:00:00+01:00"))
    await anna.keep(observation(id="o-3", effectiveDateTime="2026-06-30T23:59:59+02:00"))
    await anna.keep(observation(id="o-4", effectiveDateTime="2026-07-01"))
    await anna.keep(observation(id="o-none", effectiveDateTime=None))
    await anna.keep(care_plan(id="long", period={"start": "2020-01-01", "end": "2026-02-01"}))
    await anna.keep(care_plan(id="past", period={"start": "2020-01-01", "end": "2025-12-31"}))
    await anna.keep(care_plan(id="open", period={"start": "2020-01-01"}))
    night = {"start": "2025-12-31T22:00:00+01:00", "end": "2026-01-01T07:00:00+01:00"}
    await anna.keep(observation(id="night", effectiveDateTime=None, effectivePeriod=night))


@pytest.mark.parametrize("count", [1, 3, 100])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("start=2026-01-01&end=2026-06-30", {"o-2", "o-3", "o-none", "long", "open", "night"}),
        ("start=2026-01-01", {"o-2", "o-3", "o-4", "o-none", "long", "open", "night"}),
        ("end=2026-06-30", {"o-1", "o-2", "o-3", "o-none", "long", "past", "open", "night"}),
        ("end=2025", {"o-1", "o-none", "long", "past", "open", "night"}),
        ("start=2027", {"o-none", "open"}),
    ],
)
async def test_start_and_end_are_care_dates_and_what_has_none_stays(
    anna: Caller, query: str, expected: set[str], count: int
) -> None:
    await dated(anna)
    walked = await found(anna, f"{query}&_count={count}")
    assert len(walked) == len(set(walked))
    assert {each.rpartition("/")[2] for each in walked} == {"anna", *expected}


async def test_since_gives_what_was_changed_and_what_that_refers_to(anna: Caller, operator: Caller) -> None:
    await anna.keep(observation(id="old", performer=[reference("Practitioner/doctor")]))
    await anna.keep(goal(id="g"))
    changed = await anna.keep(task(id="t", owner=reference("Organization/practice")))
    since = changed["meta"]["lastUpdated"]
    assert await found(anna, f"_since={since}") == ["Task/t", "Organization/practice"]
    await anna.keep(goal(id="g", lifecycleStatus="active"))
    assert await found(anna, f"_since={since}") == ["Goal/g", "Task/t", "Organization/practice"]
    await operator.keep(practitioner(id="doctor", active=False))
    assert set(await found(anna, f"_since={since}")) == {
        "Goal/g",
        "Task/t",
        "Organization/practice",
        "Practitioner/doctor",
    }
    assert await found(anna, "_since=2999-01-01T00:00:00Z") == []


async def test_types_are_those_that_are_named(anna: Caller) -> None:
    await anna.keep(observation(id="o", performer=[reference("Practitioner/doctor")]))
    await anna.keep(goal(id="g"))
    assert await found(anna, "_type=Goal") == ["Goal/g"]
    assert await found(anna, "_type=Goal,Patient") == ["Patient/anna", "Goal/g"]
    assert await found(anna, "_type=Goal&_type=Practitioner") == ["Goal/g", "Practitioner/doctor"]
    for bad in ("Never", "goal", "Goal,Never"):
        answer = await anna.get(f"/Patient/anna/$everything?_type={bad}")
        assert (answer.status_code, codes(answer)) == (400, ["not-supported"])


async def test_a_type_that_the_scopes_do_not_allow_is_refused(service: Service, anna: Caller) -> None:
    narrow = service.caller("anna-patient-and-goals")
    assert await found(narrow, "_type=Goal") == []
    answer = await narrow.get("/Patient/anna/$everything?_type=Goal,Observation")
    assert (answer.status_code, codes(answer)) == (403, ["forbidden"])
    assert "Observation" in answer.text
    assert "Goal" not in answer.text


async def test_permissions_are_not_for_apps_even_when_they_are_named(anna: Caller) -> None:
    privacy = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
    refused = await anna.put("/Consent/permission", consent(id="permission", scope=privacy))
    assert (refused.status_code, codes(refused)) == (403, ["forbidden"])
    await anna.keep(goal(id="g"))
    assert await found(anna, "") == ["Patient/anna", "Goal/g"]
    assert await found(anna, "_type=Consent,Goal") == ["Goal/g"]
    assert await found(anna, "_type=AuditEvent") == []


async def test_a_wish_is_no_permission(anna: Caller) -> None:
    await anna.keep(consent(id="wish"))
    assert "Consent/wish" in await found(anna, "")


async def test_parameters_in_the_body_are_the_same(anna: Caller) -> None:
    await dated(anna)
    body = parameters(_count=2)
    body["parameter"] += [
        {"name": "start", "valueDate": "2026-01-01"},
        {"name": "_type", "valueCode": "Observation"},
        {"name": "_type", "valueCode": "CarePlan"},
    ]
    answer = await anna.post("/Patient/anna/$everything", body)
    assert answer.status_code == 200, answer.text
    first = decode(answer.content)
    assert (
        link(first, "self")
        == f"{BASE}/Patient/anna/$everything?_count=2&start=2026-01-01&_type=Observation&_type=CarePlan"
    )
    walked = addresses(first, *await anna.pages(link(first, "next") or ""))
    assert walked == await found(anna, "start=2026-01-01&_type=Observation,CarePlan")
    assert len(walked) == 7


async def test_a_page_link_is_good_for_its_own_question_only(anna: Caller) -> None:
    await dated(anna)
    following = link(await anna.bundle("/Patient/anna/$everything?_count=1&start=2026"), "next") or ""
    assert (await anna.get(following.replace("start=2026", "start=2020"))).status_code == 400
    assert (await anna.get(following)).status_code == 200


async def test_without_an_id_it_is_the_patient_of_the_token(anna: Caller, practice: Caller, operator: Caller) -> None:
    await anna.keep(goal(id="g"))
    bundle = await anna.bundle("/Patient/$everything?_type=Goal")
    assert addresses(bundle) == ["Goal/g"]
    assert link(bundle, "self") == f"{BASE}/Patient/anna/$everything?_type=Goal"
    for caller in (practice, operator):
        answer = await caller.get("/Patient/$everything")
        assert (answer.status_code, codes(answer)) == (403, ["too-costly"])


@pytest.mark.parametrize("shared", [1, 2, 3])
async def test_a_large_catalogue_part_is_paged(
    anna: Caller, operator: Caller, monkeypatch: pytest.MonkeyPatch, shared: int
) -> None:
    monkeypatch.setattr("app.server.interactions.everything.SHARED_COUNT", shared)
    names = [f"m-{number}" for number in range(5)]
    for name in names:
        await operator.keep(medication(id=name))
    await anna.keep(observation(id="o", focus=[reference(f"Medication/{name}") for name in names]))
    pages = await anna.pages("/Patient/anna/$everything")
    assert addresses(*pages)[:2] == ["Patient/anna", "Observation/o"]
    assert addresses(*pages)[2:] == [f"Medication/{name}" for name in names]
    assert all(len(page["entry"]) <= shared for page in pages[1:])


async def test_what_only_hidden_things_refer_to_does_not_come_along(service: Service, anna: Caller) -> None:
    await anna.keep(goal(id="g", expressedBy=reference("Practitioner/doctor")))
    await anna.keep(observation(id="o", performer=[reference("Organization/practice")]))
    narrow = service.caller("anna-measurements")
    assert set(await found(narrow, "")) == {"Patient/anna", "Observation/o", "Organization/practice"}


@pytest.mark.parametrize(
    "query", ["start=x", "end=2026-13", "_since=yesterday", "_count=x", "_type=", "start=2020&start=2021"]
)
async def test_what_cannot_be_used_is_named(anna: Caller, query: str) -> None:
    answer = await anna.get(f"/Patient/anna/$everything?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.text


async def test_what_is_of_another_stays_there(anna: Caller, bram: Caller) -> None:
    await bram.keep(appointment(["Patient/bram"], id="a"))
    await bram.keep(organization(id="own"))
    assert await found(anna, "") == ["Patient/anna"]
    own: Resource = await bram.bundle("/Patient/$everything")
    assert set(addresses(own)) == {"Patient/bram", "Appointment/a", "Organization/own"}
