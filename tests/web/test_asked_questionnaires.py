"""What care asked to fill in, on the pages: the person says yes or no, and corrects what was sent."""

from __future__ import annotations

from html import unescape

import httpx
import pytest

from app.fhir.resource import Resource
from tests.careplan.histories import started
from tests.careplan.turning import done
from tests.questionnaires.answering import coding
from tests.server.service import Caller, Service
from tests.web.filling import FORM, URL, asked, begun, name, post, step, task
from tests.web.login import logged_in

GOOD = "http://example.org/codes|goed"


@pytest.fixture
async def held(operator: Caller) -> Resource:
    return await operator.keep(asked())


@pytest.fixture
async def request_(practice: Caller, held: Resource) -> Resource:
    """What the practice asks, as its system does."""
    members = {each: value for each, value in task().items() if each not in ("requester", "authoredOn")}
    return await practice.create(members)


async def stored(anna: Caller, place: str) -> Resource:
    found: Resource = (await anna.get(f"/{place}")).json()
    return found


async def answered(browser: httpx.AsyncClient) -> str:
    """Answers that were sent; their address."""
    draft = await begun(browser)
    await step(browser, f"{draft}/fill/0", **{"q0.0": "7"})
    await step(browser, f"{draft}/fill/1", q1=GOOD)
    await post(browser, await browser.get(f"{draft}/overview"), f"{draft}/overview")
    return draft


async def amending(browser: httpx.AsyncClient, address: str) -> str:
    """The working copy; its address."""
    answer = await post(browser, await browser.get(address), f"{address}/amend")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"].removesuffix("/overview"))


@pytest.mark.parametrize("way", ["rejected", "failed"])
async def test_the_person_says_no_and_who_asked_reads_why(
    service: Service, practice: Caller, request_: Resource, way: str
) -> None:
    address = f"/questionnaires/asked/{request_['id']}/decline"
    async with logged_in(service, "anna") as browser:
        listed = await browser.get("/questionnaires")
        assert f'href="{address}"' in listed.text
        page = await browser.get(address)
        assert "Deze lijst is aan u gevraagd door De Proef." in page.text
        answer = await post(browser, page, address, way=way, reason="  Ik vul al\r\nzo veel in. ")
        assert answer.headers["location"] == "/questionnaires?done=declined"
        listed = await browser.get(answer.headers["location"])
        assert "U hebt nee gezegd." in listed.text
        assert address not in listed.text
        again = await post(browser, page, address, way=way, reason="Nog eens")
        assert (again.status_code, "Misschien is hij al beantwoord" in again.text) == (404, True)
    seen = (await practice.get(f"/Task/{request_['id']}")).json()
    assert (seen["status"], seen["statusReason"]) == (way, {"text": "Ik vul al zo veel in."})


async def test_no_is_not_said_without_a_reason_and_what_was_typed_stays(
    service: Service, anna: Caller, request_: Resource
) -> None:
    address = f"/questionnaires/asked/{request_['id']}/decline"
    async with logged_in(service, "anna") as browser:
        page = await browser.get(address)
        nothing = await post(browser, page, address, way="", reason=" ")
        assert nothing.status_code == 422
        assert '<a href="#way">Kies waarom u de lijst niet invult.</a>' in nothing.text
        assert '<a href="#reason">Schrijf de reden op.' in nothing.text
        assert "<title>Fout: " in nothing.text
        long = await post(browser, page, address, way="completed", reason="<b>" + "x" * 1000)
        assert long.status_code == 422
        assert "hooguit 1000 tekens" in long.text
        assert "&lt;b&gt;xxx" in long.text
        english = await post(browser, page, f"{address}?lang=en", way="failed")
        assert "Write down the reason." in english.text
        foreign = await browser.post(address, content="way=failed&reason=x", headers=FORM)
        assert foreign.status_code == 403
    assert (await stored(anna, f"Task/{request_['id']}"))["status"] == "requested"


async def test_what_the_service_offers_is_declined_without_a_reason(service: Service, anna: Caller) -> None:
    journey = await started(anna)
    await done(anna, journey.plan, "agree")
    (offer,) = await anna.found("/Task?code=http://loinc.org|74468-0")
    address = f"/questionnaires/asked/{offer}/decline"
    async with logged_in(service, "anna") as browser:
        page = await browser.get(address)
        assert "Een reden is niet nodig. Niemand anders ziet dit." in page.text
        answer = await post(browser, page, address, way="rejected", reason="")
        assert answer.headers["location"] == "/questionnaires?done=declined"
    kept = await stored(anna, f"Task/{offer}")
    assert kept["status"] == "rejected"
    assert "statusReason" not in kept


async def test_the_person_says_yes_and_fills_in_later(service: Service, anna: Caller, request_: Resource) -> None:
    async with logged_in(service, "anna") as browser:
        address = f"/questionnaires/asked/{request_['id']}/accept"
        answer = await post(browser, await browser.get("/questionnaires"), address)
        assert answer.headers["location"] == "/questionnaires?done=accepted"
        listed = await browser.get(answer.headers["location"])
        assert "U zei ja." in listed.text
        assert address not in listed.text
        version = (await stored(anna, f"Task/{request_['id']}"))["meta"]["versionId"]
        assert (await post(browser, listed, address)).status_code == 303  # twice is once
        held = await stored(anna, f"Task/{request_['id']}")
        assert (held["status"], held["meta"]["versionId"]) == ("accepted", version)
        draft = await begun(browser, task=request_["id"])
        await step(browser, f"{draft}/fill/1", q1=GOOD)
        overview = await browser.get(f"{draft}/overview")
        await post(browser, overview, f"{draft}/overview", task=request_["id"])
    assert (await stored(anna, f"Task/{request_['id']}"))["status"] == "completed"


async def test_what_cannot_be_filled_in_any_more_can_still_be_declined(
    service: Service, anna: Caller, operator: Caller, held: Resource, request_: Resource
) -> None:
    await operator.delete(f"/Questionnaire/{held['id']}")
    async with logged_in(service, "anna") as browser:
        address = f"/questionnaires/asked/{request_['id']}/decline"
        assert address in (await browser.get("/questionnaires")).text
        answer = await post(browser, await browser.get(address), address, way="failed", reason="De lijst is weg.")
        assert answer.status_code == 303
    assert (await stored(anna, f"Task/{request_['id']}"))["status"] == "failed"


async def test_who_else_has_a_request_cannot_answer_it_here(service: Service, bram: Caller, request_: Resource) -> None:
    async with logged_in(service, "bram") as browser:
        address = f"/questionnaires/asked/{request_['id']}"
        assert (await browser.get(f"{address}/decline")).status_code == 404
        page = await browser.get("/questionnaires/start", params={"questionnaire": URL})
        assert (await post(browser, page, f"{address}/accept")).status_code == 404


async def test_answers_are_corrected_and_every_version_stays(service: Service, anna: Caller, held: Resource) -> None:
    async with logged_in(service, "anna") as browser:
        address = await answered(browser)
        place = f"QuestionnaireResponse/{name(address)}"
        before = await stored(anna, place)
        copy = await amending(browser, address)
        assert await amending(browser, address) == copy  # there is one
        assert "verbetering, laatst gewijzigd op" in (await browser.get("/questionnaires")).text
        start = await browser.get("/questionnaires/start", params={"questionnaire": URL})
        assert "U was al begonnen" not in start.text
        await step(browser, f"{copy}/fill/0", **{"q0.0": "8"})
        assert await stored(anna, place) == before
        overview = await browser.get(f"{copy}/overview")
        assert "Verbeterde antwoorden versturen" in overview.text
        sent = await post(browser, overview, f"{copy}/overview")
        assert sent.headers["location"] == f"{address}?done=amended"
        page = await browser.get(sent.headers["location"])
        assert "Uw antwoorden zijn verbeterd." in page.text
        assert "Ingevuld en later verbeterd." in page.text
        assert (await browser.get(copy)).status_code in (404, 410)
    after = await stored(anna, place)
    assert after["status"] == "amended"
    assert after["item"][0]["answer"] == [{"valueInteger": 8}]
    assert after["item"][1:] == before["item"][1:]
    assert "extension" not in after
    assert (await stored(anna, f"{place}/_history/{before['meta']['versionId']}"))["item"] == before["item"]
    assert (await stored(anna, "QuestionnaireResponse?status=in-progress&_summary=count"))["total"] == 0


async def test_what_an_app_began_to_correct_is_finished_on_the_pages(
    service: Service, anna: Caller, held: Resource
) -> None:
    """Also where it names the answers by their whole address."""
    async with logged_in(service, "anna") as browser:
        address = await answered(browser)
        place = f"QuestionnaireResponse/{name(address)}"
        before = await stored(anna, place)
        mark = {
            "url": "https://zelfregie.example/fhir/StructureDefinition/amends",
            "valueReference": {"reference": f"{service.server.base}{place}/_history/{before['meta']['versionId']}"},
        }
        kept = {key: value for key, value in before.items() if key not in ("id", "meta")}
        draft = await anna.create({**kept, "status": "in-progress", "extension": [mark]})
        copy = f"/questionnaires/{draft['id']}"
        await step(browser, f"{copy}/fill/0", **{"q0.0": "8"})
        sent = await post(browser, await browser.get(f"{copy}/overview"), f"{copy}/overview")
        assert sent.headers["location"] == f"{address}?done=amended"
    assert (await stored(anna, place))["item"][0]["answer"] == [{"valueInteger": 8}]


async def test_a_correction_is_held_to_what_is_asked(service: Service, anna: Caller, held: Resource) -> None:
    async with logged_in(service, "anna") as browser:
        address = await answered(browser)
        copy = await amending(browser, address)
        wrong = await step(browser, f"{copy}/fill/0", **{"q0.0": "11"})
        assert (wrong.status_code, "Vul 10 of minder in" in wrong.text) == (422, True)
        await step(browser, f"{copy}/fill/1", q1="")
        overview = await browser.get(f"{copy}/overview")
        refused = await post(browser, overview, f"{copy}/overview")
        assert refused.status_code == 422
        assert "Geef antwoord op: Hoe gaat het?" in unescape(refused.text)
    assert (await stored(anna, f"QuestionnaireResponse/{name(address)}"))["status"] == "completed"


async def test_nothing_is_overwritten_that_was_corrected_elsewhere(
    service: Service, anna: Caller, held: Resource
) -> None:
    async with logged_in(service, "anna") as browser:
        address = await answered(browser)
        place = f"QuestionnaireResponse/{name(address)}"
        copy = await amending(browser, address)
        await step(browser, f"{copy}/fill/0", **{"q0.0": "8"})
        answers = await stored(anna, place)
        answers["item"][0]["answer"] = [{"valueInteger": 3}]
        await anna.put(f"/{place}", {**answers, "status": "amended"})
        sent = await post(browser, await browser.get(f"{copy}/overview"), f"{copy}/overview")
        assert (sent.status_code, "ergens anders verbeterd" in sent.text) == (409, True)
        assert await amending(browser, address) != copy  # one of the answers as they are now
    assert (await stored(anna, place))["item"][0]["answer"] == [{"valueInteger": 3}]


@pytest.mark.parametrize("way", ["stop", "send"])
async def test_a_correction_without_a_change_leaves_the_answers(
    service: Service, anna: Caller, held: Resource, way: str
) -> None:
    async with logged_in(service, "anna") as browser:
        address = await answered(browser)
        before = await stored(anna, f"QuestionnaireResponse/{name(address)}")
        copy = await amending(browser, address)
        overview = await browser.get(f"{copy}/overview")
        answer = await post(browser, overview, f"{copy}/{'stop' if way == 'stop' else 'overview'}")
        assert answer.headers["location"] == f"{address}?done={'kept' if way == 'stop' else 'same'}"
        assert "zoals ze waren" in (await browser.get(answer.headers["location"])).text
    assert await stored(anna, f"QuestionnaireResponse/{name(address)}") == before
    assert (await stored(anna, "QuestionnaireResponse?_summary=count"))["total"] == 1


async def test_what_care_filled_in_is_corrected_by_the_person_in_their_own_name(
    service: Service, anna: Caller, practice: Caller, held: Resource
) -> None:
    answer = {"linkId": "how", "answer": [{"valueCoding": coding("slecht")}]}
    response = {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": URL, "item": [answer]}
    kept = await practice.create({**response, "subject": {"reference": "Patient/anna"}})
    async with logged_in(service, "anna") as browser:
        address = f"/questionnaires/{kept['id']}"
        copy = await amending(browser, address)
        await step(browser, f"{copy}/fill/1", q1=GOOD)
        sent = await post(browser, await browser.get(f"{copy}/overview"), f"{copy}/overview")
        assert sent.headers["location"] == f"{address}?done=amended"
    after = await stored(anna, f"QuestionnaireResponse/{kept['id']}")
    assert after["source"] == after["author"] == {"reference": "Patient/anna"}
    assert after["item"][0]["answer"] == [{"valueCoding": {**coding("goed"), "display": "goed"}}]
