"""The whole way of somebody with a plan: registered and consented on the pages, then over HTTP with the token of an app
that they let in, with a doctor who has their permission.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from app.auth.accounts.acting import record_of
from app.auth.roles import Role
from app.fhir.resource import Resource, decode
from tests import builders
from tests.careplan.turning import LATER, MOUTH, done, event, newest, parameters, part, phase_of, read, rules, where
from tests.consents.people import registered
from tests.oauth.apps import allowed, outside, redeem
from tests.people.people import People
from tests.server.service import Caller, Service
from tests.web.account.test_registration import set_up, verified
from tests.web.browsing import Browser, Time, browsing, mails
from tests.web.test_permissions import seen_and_sent, to

SCOPES = "launch/patient patient/*.cruds offline_access"
FOR_CARE = ["identity", "care-network", "care-plan", "conditions", "measurements"]
SECOND = "urn:uuid:8c6f1d3e-0000-4000-8000-000000000001"


@pytest.fixture
def time(service: Service) -> Iterator[Time]:
    """A clock that moves when it is told to, for sessions and codes."""
    server = service.server
    before = server.clock
    time = Time(before())
    object.__setattr__(server, "clock", time)
    yield time
    object.__setattr__(server, "clock", before)


@dataclass(frozen=True, slots=True)
class Arrived:
    """Who there is after the pages: the person's app, and a doctor with permission to see and to add."""

    patient: str
    app: Caller
    doctor: Caller


async def arrived(service: Service, browser: Browser) -> Arrived:
    """A new person registers, lets an app in and permits a practice, all on the pages."""
    await verified(browser)
    await set_up(browser)
    await browser.open("/account/record")
    await browser.submit("/account/record", given="Nieuwe", family="van der Persoon", birth_date="1980-05-17")
    code = await allowed(browser.http, scope=SCOPES)
    async with outside(service) as client:
        answer = await redeem(client, code)
    assert answer.status_code == 200, answer.text
    given: dict[str, Any] = json.loads(answer.content)
    practice = await registered(service, "Praktijk De Linde", "01234567")
    sent = await seen_and_sent(
        browser.http, "/permissions/new", to(practice, categories=FOR_CARE, actions=["see", "add"])
    )
    assert sent.status_code == 303, sent.text
    people = People(service)
    await people.account("dokter", role=Role.PROFESSIONAL)
    session = await people.session("dokter", organization=practice.id)
    record = await record_of(service.server, session, given["patient"], now=people.now)
    assert record is not None
    doctor = await people.api(await people.sessions.choose(session, record.session_grant()))
    return Arrived(given["patient"], service.caller(given["access_token"]), doctor)


async def written_together(app: Caller, patient: str, plan: str) -> str:
    """A second goal, put in the plan by the same transaction; its id."""
    whole = await read(app, "CarePlan", plan)
    goal = builders.goal(f"Patient/{patient}", description={"text": "Weer in het koor zingen"})
    whole["goal"].append({"reference": SECOND})
    match = f'W/"{whole["meta"]["versionId"]}"'
    answer = await app.post("", builders.transaction(builders.posted(goal, SECOND), builders.put(whole, ifMatch=match)))
    assert answer.status_code == 200, answer.text
    return str(decode(answer.content)["entry"][0]["response"]["location"]).partition("/Goal/")[2].partition("/")[0]


async def measured(app: Caller, patient: str, goal: str, kilograms: int) -> Resource:
    weight = builders.observation(f"Patient/{patient}", focus=[{"reference": f"Goal/{goal}"}])
    return await app.create({**weight, "valueQuantity": {**weight["valueQuantity"], "value": kilograms}})


async def texts(caller: Caller, address: str) -> list[str]:
    """What an answer says in sentences."""
    answer = await caller.get(address)
    assert answer.status_code == 200, answer.text
    return [
        part["valueString"]
        for each in decode(answer.content)["parameter"]
        if each["name"] == "change"
        for part in each["part"]
        if part["name"] == "sentence"
    ]


async def first_round(people: Arrived, time: Time) -> str:
    """Started, agreed by the person, measured, looked back on by both sides, decided about; the plan's id."""
    app, doctor, me = people.app, people.doctor, people.patient
    words = {"name": "goal", "valueString": "Met de kleinkinderen naar het strand"}
    begun = await app.post("/Patient/$start", {"resourceType": "Parameters", "parameter": [words]})
    assert begun.status_code == 201, begun.text
    plan: str = decode(begun.content)["id"]
    beach = decode(begun.content)["goal"][0]["reference"].partition("/")[2]
    choir = await written_together(app, me, plan)

    time.move(60)
    assert where(await done(app, plan, "agree", nextReview=LATER)) == ("active", 1, "do")
    assert (await read(app, "Goal", choir))["lifecycleStatus"] == "active"
    revision = await newest(app, plan)
    assert [each["type"]["coding"][0]["code"] for each in revision["agent"]] == ["author", "assembler"]
    assert revision["agent"][0]["who"] == {"reference": f"Patient/{me}"}

    weight = await measured(app, me, beach, 81)
    offered = await doctor.bundle(f"/CarePlan/{plan}/$check-in")
    assert weight["id"] in [each["resource"]["id"] for each in offered["entry"]]

    time.move(60)
    said = part(goal=beach, achievement="improving", comment="Een uur gewandeld", score=1)
    assert where(await done(app, plan, "evaluate", evaluation=said)) == ("active", 1, "check")
    seen = [part(goal=beach, comment="Conditie is beter", score=0), part(goal=choir, notDiscussed=True)]
    await done(doctor, plan, "evaluate", evaluation=seen)
    decision = part(goal=beach, decision="adjust", reason="Iets verder")
    assert where(await done(app, plan, "decide", decision=decision)) == ("active", 2, "plan")
    return plan


async def printed(people: Arrived, plan: str) -> None:
    """The plan on paper and as a document, for both."""
    for caller in (people.app, people.doctor):
        pages = await caller.get(f"/CarePlan/{plan}/$document", {"accept": "application/pdf"})
        assert (pages.status_code, pages.headers["content-type"]) == (200, "application/pdf"), pages.text
        assert pages.content.startswith(b"%PDF-")
        document = await caller.bundle(f"/CarePlan/{plan}/$document")
        assert document["type"] == "document"
        assert "Met de kleinkinderen naar het strand" in json.dumps(document, ensure_ascii=False)


async def test_from_the_first_page_to_the_printed_plan(service: Service, time: Time) -> None:
    await mails(service)
    async with browsing(service, time) as browser:
        people = await arrived(service, browser)
    plan = await first_round(people, time)
    app, doctor = people.app, people.doctor

    refused = await event(doctor, plan, "agree", nextReview=LATER)
    assert rules(refused) == ["plan-by-mouth"]
    assert where(await done(doctor, plan, "agree", nextReview=LATER, **MOUTH)) == ("active", 2, "do")
    tasks = await app.bundle("/Task?status=requested")
    assert [each["resource"]["focus"]["reference"] for each in tasks["entry"]]
    agreed, _, _ = phase_of(await newest(app, plan))

    time.move(60)
    before = await app.bundle(f"/CarePlan/{plan}/$as-of?number={agreed}")
    made = await doctor.post(f"/CarePlan/{plan}/$propose", parameters(title="Naar het strand", note="Rustig aan"))
    assert made.status_code == 201, made.text
    proposal = _part(decode(made.content), "return")["id"]
    assert (await read(app, "CarePlan", plan)).get("title") is None
    taken = await app.post(f"/CarePlan/{proposal}/$accept")
    assert taken.status_code == 200, taken.text
    assert (await read(app, "CarePlan", plan))["title"] == "Naar het strand"
    assert await app.bundle(f"/CarePlan/{plan}/$as-of?number={agreed}") == before

    changed = await texts(app, f"/CarePlan/{plan}/$compare?from={agreed}&displayLanguage=nl")
    assert changed == [
        "Nieuwe gaf het plan een titel: ‘Naar het strand’.",
        "Nieuwe voegde een opmerking toe: ‘Rustig aan’.",
    ]

    time.move(60)
    back = {"resourceType": "Parameters", "parameter": [{"name": "number", "valuePositiveInt": agreed}]}
    restored = await app.post(f"/CarePlan/{plan}/$restore", back)
    assert restored.status_code == 200, restored.text
    assert "title" not in await read(app, "CarePlan", plan)
    assert where(await read(app, "CarePlan", plan)) == ("active", 2, "do")
    assert await texts(app, f"/CarePlan/{plan}/$compare?from={agreed}") == []

    revisions = await doctor.bundle(f"/CarePlan/{plan}/$revisions")
    numbers = [phase_of(each["resource"])[0] for each in revisions["entry"]]
    assert numbers == list(range(len(numbers), 0, -1))
    assert len(numbers) == 9
    await printed(people, plan)


def _part(answer: Resource, name: str) -> Resource:
    found: Resource = next(each["resource"] for each in answer["parameter"] if each["name"] == name)
    return found
