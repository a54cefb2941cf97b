"""A day of a GP's system, from the first page to the last answer: paired, it gives a record of 400 resources, gives it
again changed, asks what is new, sends a questionnaire, reads goals and proposes a change, and loses consent in between.

https://informatiestandaarden.nictiz.nl/wiki/MedMij:V2020.01/FHIR_BGZ_2017
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode, encode, walk_dicts
from benchmarks.bgz_record import PLANS, SIZE, address_of
from tests import builders
from tests.day import person
from tests.day.arrival import WORDS, Day, read
from tests.day.gp_system import NUMBER, NUMBERS, OWN, R4, STU3, counted, delivery
from tests.server.service import issues

LOINC: Final = "http://loinc.org"
MARK: Final = f"{CANONICAL_BASE}/StructureDefinition/no-longer-delivered-since"
QUESTIONS: Final = f"{CANONICAL_BASE}/Questionnaire/consultvoorbereiding"
PROVISIONING: Final = "http://nictiz.nl/fhir/StructureDefinition/vl-QuestionnaireProvisioningTask"


async def given_first(day: Day) -> None:
    """The whole record in one transaction of XML."""
    anna, gp = day.anna, day.gp
    before = await read(anna, f"/CarePlan/{day.plan}")
    responses = await gp.give(delivery("transaction", gp.record), form="xml")
    assert counted(responses) == {"201": SIZE}
    for each, response in zip(gp.record, responses, strict=True):
        day.at[address_of(each)] = response["location"].removeprefix(f"{STU3}/").partition("/_history/")[0]
    assert len(set(day.at.values())) == SIZE
    plans = {each["resource"]["id"]: each["resource"] for each in (await anna.bundle("/CarePlan"))["entry"]}
    assert len(plans) == 1 + len(PLANS)
    assert plans[day.plan] == before, "the person's own plan stays as it is"
    assert {each["status"] for name, each in plans.items() if name != day.plan} == {"active"}
    delivered = await anna.bundle(f"/Provenance?target=CarePlan/{next(name for name in plans if name != day.plan)}")
    (account,) = [each["resource"] for each in delivered["entry"]]
    assert len(account["target"]) == SIZE
    assert account["agent"][0]["who"]["display"] == person.PRACTICE


async def read_back(day: Day) -> None:
    """What the system gave it reads as it gave it, but for what the service adds and where things are."""
    gp = day.gp
    types = sorted({each["resourceType"] for each in gp.record})
    for kind in types:
        found = {f"{each['resourceType']}/{each['id']}": each for each in await gp.found(f"/{kind}?_count=100")}
        for each in gp.holds(kind):
            assert same(found[day.at[address_of(each)]], day) == same(each, day), address_of(each)


def same(resource: Resource, day: Day) -> Resource:
    """A resource without its place, its version, and the words of who keeps it."""
    copy: Any = deepcopy(resource)
    del copy["id"]
    for name in ("versionId", "lastUpdated", "tag", "extension"):
        copy["meta"].pop(name, None)
    for each in walk_dicts(copy):
        target = each.get("reference")
        if isinstance(target, str):
            each["reference"] = day.at.get(target, target).removeprefix(f"{STU3}/")
    return decode(encode(copy))


async def given_again(day: Day) -> None:
    """The next morning: three resources have changed, two are new, one was a mistake; nothing is there twice."""
    gp, anna = day.gp, day.anna
    by_address = {address_of(each): each for each in gp.record}
    by_address["Condition/problem-0"]["note"] = [{"text": "Gaat beter"}]
    by_address["MedicationStatement/use-1"]["status"] = "completed"
    by_address["Goal/goal-2"]["description"] = {"text": "Een half uur wandelen"}
    by_address["Observation/lab-3"]["status"] = "entered-in-error"
    changed = {"Condition/problem-0", "MedicationStatement/use-1", "Goal/goal-2", "Observation/lab-3"}
    for number in ("lab-1", "weight-1"):
        more = {**by_address[f"Observation/{number}"], "id": f"new-{number}", "effectiveDateTime": "2026-11-27"}
        more["identifier"] = [{"system": OWN, "value": f"Observation/new-{number}"}]
        gp.record.append(more)
    responses = await gp.give(delivery("transaction", gp.record))
    assert counted(responses) == {"200": SIZE, "201": 2}
    for each, response in zip(gp.record, responses, strict=True):
        place, _, version = response["location"].removeprefix(f"{STU3}/").partition("/_history/")
        address = address_of(each)
        assert day.at.setdefault(address, place) == place
        assert version == ("2" if address in changed else "1"), address
    assert (await day.kept("Observation", "lab-3"))["status"] == "entered-in-error"
    assert (await day.kept("Goal", "goal-2"))["description"]["text"] == "Een half uur wandelen"
    kinds = await anna.pages("/Observation?_count=1000")
    numbers = [each["resource"]["identifier"][0]["value"] for page in kinds for each in page["entry"]]
    assert len(numbers) == len(set(numbers)) == len(gp.holds("Observation"))


async def no_longer_delivered(day: Day) -> None:
    """A complete list of problems, and later one in which a problem is missing: it stays, with that text."""
    gp, anna = day.gp, day.anna
    problems = gp.holds("Condition")
    assert counted(await gp.give(delivery("collection", problems, answers="Condition"))) == {"200": 20}
    await gp.give(delivery("collection", problems[:-1], answers="Condition"))
    missing = await day.kept("Condition", problems[-1]["id"])
    assert [each["url"] for each in missing["meta"]["extension"]].count(MARK) == 1
    present = await day.kept("Condition", problems[0]["id"])
    assert MARK not in str(present)
    assert len(await anna.found("/Condition?_count=100")) == len(problems)


async def asked_what_is_new(day: Day) -> None:
    """The person measured at home: that is news, what the practice gave itself is not."""
    gp, anna = day.gp, day.anna
    (newest,) = (await gp.get("/Condition?_sort=-_lastUpdated&_count=1"))["entry"]
    since = newest["resource"]["meta"]["lastUpdated"]
    home = await anna.create(builders.observation(performer=[builders.reference("Patient/anna")]))
    last = gp.record[-1]
    last["status"] = "amended"
    assert counted(await gp.give(delivery("batch", [last]))) == {"200": 1}
    own = f"{R4}/Organization/{day.practice}"
    (news,) = await gp.found(f"/Observation?category=vital-signs&_lastUpdated=gt{since}&_source:not={own}")
    assert news["id"] == home["id"]
    assert news["performer"][0]["reference"] in (day.gp.patient, f"{STU3}/{day.gp.patient}")
    assert news["meta"]["profile"] == ["http://nictiz.nl/fhir/StructureDefinition/zib-BodyWeight"]


async def asked_a_questionnaire(day: Day) -> None:
    """A Task as the standard has it; the person answers on the page; the system reads the answers."""
    gp = day.gp
    (questions,) = await gp.found(f"/Questionnaire?url={QUESTIONS}")
    task = {
        "resourceType": "Task",
        "meta": {"profile": [PROVISIONING]},
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": LOINC, "code": "74468-0", "display": "Vragenlijst"}]},
        "for": {"reference": gp.patient, "display": "A. Proefstra"},
        "authoredOn": "2026-11-27T09:00:00+01:00",
        "lastModified": "2026-11-27T09:00:00+01:00",
        "owner": {"reference": gp.patient, "display": "A. Proefstra"},
        "input": [
            {"type": {"text": "Questionnaire"}, "valueReference": {"reference": f"Questionnaire/{questions['id']}"}}
        ],
    }
    made = await gp.send("POST", "/Task", task)
    assert made.status_code == 201, made.text
    assert decode(made.content)["requester"]["agent"]["display"] == person.PRACTICE
    address = made.headers["location"].removeprefix(STU3).partition("/_history/")[0]
    await person.answered(day.service, address.rpartition("/")[2])
    done = await gp.get(address)
    assert done["status"] == "completed"
    (output,) = done["output"]
    answers = await gp.get("/" + output["valueReference"]["reference"].removeprefix(f"{STU3}/"))
    assert answers["resourceType"] == "QuestionnaireResponse"
    assert answers["status"] == "completed"


async def proposed_a_change(day: Day) -> None:
    """The goals as this base shows them; a change is proposed, and the plan is hers until she accepts it."""
    gp, anna = day.gp, day.anna
    goals = {each["id"]: each for each in await gp.found("/Goal?_count=100")}
    assert len(goals) == 1 + len(PLANS)
    seen = goals[day.goal]
    assert WORDS in seen["description"]["text"]
    assert "http://nictiz.nl/fhir/StructureDefinition/zib-TreatmentObjective" in seen["meta"]["profile"]
    refused = await gp.send("PUT", f"/Goal/{day.goal}", {**seen, "priority": {"text": "hoog"}})
    assert refused.status_code == 422, refused.text
    assert "$propose" in str(issues(refused))
    wanted = [{"name": "title", "valueString": "Naar het strand"}]
    proposal = {"resourceType": "Parameters", "parameter": wanted}
    made = await gp.send("POST", f"/CarePlan/{day.plan}/$propose", proposal)
    assert made.status_code == 201, made.text
    (returned,) = [each for each in decode(made.content)["parameter"] if each["name"] == "return"]
    assert "title" not in await read(anna, f"/CarePlan/{day.plan}")
    accepted = await anna.post(f"/CarePlan/{returned['resource']['id']}/$accept")
    assert accepted.status_code == 200, accepted.text
    assert (await gp.get(f"/CarePlan/{day.plan}"))["title"] == "Naar het strand"


async def lost_consent(day: Day) -> None:
    """Withdrawn: the next request gives nothing, and says nothing of whom it would have been about. Given again, with
    a new code, all works as before.
    """
    gp = day.gp
    await person.withdrawn(day.service, day.practice)
    for address in (f"/{gp.patient}", f"/{day.at['Condition/problem-0']}", f"/CarePlan/{day.plan}"):
        gone, never = await gp.send("GET", address), await gp.send("GET", f"{address}x")
        assert gone.status_code == never.status_code == 404, gone.text
        assert issues(gone)[0]["code"] == issues(never)[0]["code"]
        assert "Proefstra" not in gone.text
    for address in ("/Condition", f"/Patient?identifier={NUMBERS}|{NUMBER}", "/Observation?_lastUpdated=gt2026"):
        assert await gp.found(address) == []
    before = await day.anna.bundle("/Condition?_count=100")
    refused = await gp.send("POST", "", delivery("transaction", gp.record[:30]))
    assert refused.status_code in (403, 422), refused.text
    assert "Proefstra" not in refused.text
    assert await day.anna.bundle("/Condition?_count=100") == before
    await person.consented(day.service, day.practice)
    await gp.sign_in()
    assert await gp.found(f"/Patient?identifier={NUMBERS}|{NUMBER}") == [], "it is to be paired anew"
    answer = await gp.send("GET", f"/{day.at['Condition/problem-0']}")
    assert answer.status_code == 200, answer.text


async def test_the_day_of_a_gps_system(day: Day) -> None:
    assert [each["id"] for each in await day.gp.found(f"/Patient?identifier={NUMBERS}|{NUMBER}")] == ["anna"]
    await given_first(day)
    await read_back(day)
    await given_again(day)
    await no_longer_delivered(day)
    await asked_what_is_new(day)
    await asked_a_questionnaire(day)
    await proposed_a_change(day)
    await lost_consent(day)
    responses = await day.gp.give(delivery("transaction", day.gp.record))
    assert counted(responses) == {"200": len(day.gp.record)}
