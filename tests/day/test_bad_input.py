"""The same system on a bad day: what it sends is broken, has a BSN in it, or is about somebody else."""

from __future__ import annotations

import re
from typing import Final

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode
from tests.day import person
from tests.day.arrival import Day
from tests.day.gp_system import STU3, counted, delivery
from tests.server.service import codes, issues

BSN: Final = "http://fhir.nl/fhir/NamingSystem/bsn"
NUMBER_OF_A_CITIZEN: Final = "999999990"


def broken(resource: Resource) -> Resource:
    """With a code that is none, and a word that only its own system writes."""
    return {**resource, "clinicalStatus": "bijna beter", "note": [{"text": "kanariepiet"}], "eigenVeld": 1}


def about(resource: Resource, who: str) -> Resource:
    """The same of somebody else, known by another number."""
    number = f"of-{who}"
    identifier = [{"system": "https://his.example/fhir", "value": number}]
    return {**resource, "id": number, "identifier": identifier, "subject": {"reference": f"Patient/{who}"}}


def patient(**members: object) -> Resource:
    bsn = {"system": BSN, "value": NUMBER_OF_A_CITIZEN}
    return {
        "resourceType": "Patient",
        "id": "4711",
        "identifier": [bsn],
        "telecom": [{"system": "phone", "value": "06"}],
        **members,
    }


async def test_of_a_batch_the_rest_is_stored_and_the_person_sees_what_was_not(day: Day) -> None:
    gp = day.gp
    first, second, third = gp.holds("Condition")[:3]
    lab = next(each for each in gp.holds("Observation") if each["id"] == "lab-0")
    responses = await gp.give(delivery("batch", [patient(), broken(first), second, lab, about(third, "bram")]))
    whose, wrong, good, measured, others = responses
    assert [each["status"][:3] for each in responses] == ["200", "422", "201", "201", others["status"][:3]]

    assert whose["location"].startswith(f"{STU3}/Patient/anna/")
    said = [each["diagnostics"] for each in whose["outcome"]["issue"]]
    assert any("BSN" in each for each in said)
    assert NUMBER_OF_A_CITIZEN not in str(responses)

    places = {place for each in wrong["outcome"]["issue"] for place in each.get("expression", ())}
    assert {"Condition.clinicalStatus", "Condition.eigenVeld"} <= places
    listed = await gp.found("/Condition")
    assert f"Condition/{listed[0]['id']}" in good["location"]
    assert len(listed) == 1
    assert "Observation/" in measured["location"]

    page = await person.page(day.service, "/data/unread")
    assert person.PRACTICE in page
    assert "Kon niet worden gelezen" in page
    (file,) = re.findall(r'href="(/data/unread/[^"]+)"', page)
    assert "kanariepiet" in await person.page(day.service, file)
    assert "kanariepiet" not in (await day.anna.get("/Patient/anna/$everything?_count=500")).text


async def test_a_number_of_a_citizen_is_nowhere(day: Day) -> None:
    gp, bsn = day.gp, {"system": BSN, "value": NUMBER_OF_A_CITIZEN}
    first = gp.holds("Condition")[0]
    spread = [
        patient(),
        {**first, "identifier": [*first["identifier"], bsn]},
        broken({**gp.holds("Condition")[1], "identifier": [bsn]}),
    ]
    for kind in ("batch", "collection"):
        answer = await gp.send("POST", "", delivery(kind, spread[: 3 if kind == "batch" else 2]), form="json")
        assert answer.status_code == 200, answer.text
        assert NUMBER_OF_A_CITIZEN not in answer.text
    database = day.service.database
    for table, column in (("resource", "body"), ("history", "body"), ("quarantine", "received"), ("term", "code")):
        rows = await database.fetch(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")
        assert rows or table == "history", "a body that is the present one is not in the history"
        assert all(NUMBER_OF_A_CITIZEN not in str(row[0]) for row in rows), table
    assert NUMBER_OF_A_CITIZEN not in str(day.service.journal_lines())


async def test_another_patients_number_gives_nothing(day: Day) -> None:
    """Bram is here, Zoë is not: the practice cannot tell."""
    gp = day.gp
    condition = gp.holds("Condition")[0]
    for kind in ("batch", "transaction"):
        answers = []
        for who in ("bram", "zoe"):
            answer = await gp.send("POST", "", delivery(kind, [about(condition, who)]))
            answers.append(re.sub(r"bram|zoe", "somebody", answer.text))
        assert answers[0] == answers[1]
    for address in ("/Patient/{}", "/Patient/{}/$everything", "/Condition?patient={}", "/Patient?_id={}"):
        shown = [await gp.send("GET", address.format(who)) for who in ("bram", "zoe")]
        assert shown[0].status_code == shown[1].status_code
        assert shown[0].text.replace("bram", "zoe") == shown[1].text
        assert "Testen" not in shown[0].text, "Bram's name"
    assert await day.service.caller("bram").found("/Condition") == []
    assert "Kon niet worden gelezen" not in await person.page(day.service, "/data/unread")


async def test_a_transaction_with_something_broken_is_refused_whole_with_all_places(day: Day) -> None:
    gp = day.gp
    record = gp.record[:60]
    wrong = [number for number, each in enumerate(record) if each["resourceType"] == "Condition"][:2]
    sent = [broken(each) if number in wrong else each for number, each in enumerate(record)]
    before = await day.anna.found("/?_type=Condition,Organization,Medication,Consent")
    answer = await gp.send("POST", "", delivery("transaction", sent), form="json")
    assert answer.status_code == 422
    places = {place for each in issues(answer) for place in each.get("expression", ())}
    for number in wrong:
        assert f"Bundle.entry[{number}].resource.clinicalStatus" in places
        assert f"Bundle.entry[{number}].resource.eigenVeld" in places
    assert await day.anna.found("/?_type=Condition,Organization,Medication,Consent") == before
    assert counted(await gp.give(delivery("transaction", record))) == {"201": 60}


async def test_a_delivery_about_somebody_born_on_another_day_waits_for_the_person(day: Day) -> None:
    gp = day.gp
    problems = gp.holds("Condition")[:2]
    answer = await gp.send("POST", "", delivery("transaction", [patient(birthDate="1931-03-01"), *problems]))
    assert (answer.status_code, codes(answer)[0]) == (422, "conflict")
    assert "1950-" not in answer.text, "what is known here is not said"
    page = await person.page(day.service, "/data/unread")
    assert "Vastgehouden" in page
    await person.let_in(day.service)
    assert len(await gp.found("/Condition")) == 2
    assert CANONICAL_BASE not in str(decode((await day.anna.get("/Patient/anna")).content).get("birthDate"))


async def test_what_cannot_be_read_at_all_is_refused_in_its_own_form(day: Day) -> None:
    for content, form in ((b'{"resourceType":"Bundle"', "json"), (b"<Bundle xmlns='http://hl7.org/fhir'", "xml")):
        headers = {
            "authorization": f"Bearer {day.gp.token}",
            "content-type": f"application/fhir+{form}",
            "accept": f"application/fhir+{form}",
        }
        answer = await day.gp.http.post(STU3, content=content, headers=headers)
        assert answer.status_code == 400
        assert form in answer.headers["content-type"]
        assert "OperationOutcome" in answer.text
