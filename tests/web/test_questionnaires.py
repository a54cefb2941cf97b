"""Filling in questionnaires, as people use the pages: nothing is lost, nothing goes around the API, and whoever fills
in the same draft at the same moment is told.
"""

from __future__ import annotations

from html import unescape

import httpx
import pytest

from app.auth.accounts.acting import record_of
from app.fhir.resource import Resource
from app.web.dates import day_of
from tests.consents.people import Permissions, registered
from tests.people.people import People
from tests.questionnaires.answering import coding
from tests.server.service import Caller, Service
from tests.web.filling import URL, asked, begun, name, post, step, task
from tests.web.login import COOKIE, ORIGIN, logged_in


@pytest.fixture
async def held(service: Service, operator: Caller) -> Resource:
    return await operator.keep(asked())


async def test_each_step_is_saved_as_a_draft_and_leads_on(service: Service, anna: Caller, held: Resource) -> None:
    async with logged_in(service, "anna") as browser:
        draft = await begun(browser)
        answer = await step(browser, f"{draft}/fill/0", **{"q0.0": "7"})
        assert answer.headers["location"] == f"{draft}/fill/1"
        stored = (await anna.get(f"/QuestionnaireResponse/{name(draft)}")).json()
        assert (stored["status"], stored["item"][0]["answer"]) == ("in-progress", [{"valueInteger": 7}])
        assert stored["author"] == stored["source"] == {"reference": "Patient/anna"}
        page = await browser.get(f"{draft}/fill/1")
        assert "Vraag 2 van 3" in page.text
        answer = await post(browser, page, f"{draft}/fill/1", q1="http://example.org/codes|slecht", do="next")
        assert answer.headers["location"] == f"{draft}/fill/2"
        assert "Vraag 3 van 4" in (await browser.get(f"{draft}/fill/2")).text
        answer = await step(browser, f"{draft}/fill/2", do="back", **{"q2.0": "Zo maar.\r\nEcht."})
        assert answer.headers["location"] == f"{draft}/fill/1"
        assert "Zo maar.\nEcht." in unescape((await browser.get(f"{draft}/fill/2")).text)


async def test_what_no_longer_belongs_is_kept_in_the_draft_and_not_sent(
    service: Service, anna: Caller, held: Resource
) -> None:
    async with logged_in(service, "anna") as browser:
        draft = await begun(browser)
        await step(browser, f"{draft}/fill/1", q1="http://example.org/codes|slecht")
        await step(browser, f"{draft}/fill/2", **{"q2.0": "Slecht geslapen"})
        answer = await step(browser, f"{draft}/fill/1", q1="http://example.org/codes|goed")
        assert answer.headers["location"] == f"{draft}/fill/3"
        assert "Slecht geslapen" in (await anna.get(f"/QuestionnaireResponse/{name(draft)}")).text
        overview = await browser.get(f"{draft}/overview")
        assert "Slecht geslapen" not in overview.text
        sent = await post(browser, overview, f"{draft}/overview")
        assert sent.headers["location"] == f"{draft}?done=sent"
    stored = (await anna.get(f"/QuestionnaireResponse/{name(draft)}")).json()
    assert stored["status"] == "completed"
    assert [each["linkId"] for each in stored["item"]] == ["how"]


async def test_all_that_is_wrong_is_said_at_once_and_nothing_is_lost(service: Service, held: Resource) -> None:
    async with logged_in(service, "anna") as browser:
        draft = await begun(browser)
        fields = {"q0.0": "elf", "q3.0.d": "31", "q3.0.m": "2", "q3.0.y": "2024"}
        answer = await step(browser, f"{draft}/fill/all", **fields)
        assert answer.status_code == 422
        said = unescape(answer.text)
        assert "<title>Fout: " in said
        assert '<a href="#q0.0">Vul een heel getal in bij: Hoeveel keer?</a>' in said
        assert '<a href="#q3.0.d">' in said
        assert 'value="elf"' in said
        assert 'name="q3.0.d"' in said
        assert 'value="31"' in said
        assert 'aria-describedby="q0-hint q0-problem" aria-invalid="true"' in said
        answer = await step(browser, f"{draft}/fill/0", **{"q0.0": "11"})
        assert answer.status_code == 422
        assert "Vul 10 of minder in" in answer.text
        overview = await browser.get(f"{draft}/overview")
        refused = await post(browser, overview, f"{draft}/overview")
        assert refused.status_code == 422
        assert f'<a href="{draft}/fill/1#q1-1">Geef antwoord op: Hoe gaat het?</a>' in unescape(refused.text)


async def test_two_who_answer_different_questions_keep_both_and_are_told(
    service: Service, anna: Caller, held: Resource
) -> None:
    async with logged_in(service, "anna") as browser:
        draft = await begun(browser)
        old = await browser.get(f"{draft}/fill/1")
        await step(browser, f"{draft}/fill/0", **{"q0.0": "7"})
        answer = await post(browser, old, f"{draft}/fill/1", q1="http://example.org/codes|goed", do="next")
        assert answer.status_code == 303
        assert "changed=1-2" in answer.headers["location"]
        page = await browser.get(answer.headers["location"])
        assert "Hoeveel keer? Nu bewaard: 7" in " ".join(page.text.split())
        stored = (await anna.get(f"/QuestionnaireResponse/{name(draft)}")).json()
        assert [bool(each.get("answer")) for each in stored["item"][:2]] == [True, True]


async def test_two_who_answer_the_same_question_overwrite_nothing_unseen(
    service: Service, anna: Caller, held: Resource
) -> None:
    async with logged_in(service, "anna") as browser:
        draft = await begun(browser)
        old = await browser.get(f"{draft}/fill/0")
        await step(browser, f"{draft}/fill/0", **{"q0.0": "7"})
        answer = await post(browser, old, f"{draft}/fill/0", do="next", **{"q0.0": "8"})
        assert answer.status_code == 409
        assert "Nu bewaard: 7" in answer.text
        assert 'value="8"' in answer.text
        again = await post(browser, answer, f"{draft}/fill/0", do="next", **{"q0.0": "8"})
        assert again.status_code == 303
        stored = (await anna.get(f"/QuestionnaireResponse/{name(draft)}")).json()
        assert stored["item"][0]["answer"] == [{"valueInteger": 8}]


async def test_what_was_sent_meanwhile_is_not_changed_and_what_was_typed_is_shown(
    service: Service, anna: Caller, held: Resource
) -> None:
    async with logged_in(service, "anna") as browser:
        draft = await begun(browser)
        await step(browser, f"{draft}/fill/1", q1="http://example.org/codes|goed")
        old, before = await browser.get(f"{draft}/fill/0"), await browser.get(f"{draft}/overview")
        await post(browser, before, f"{draft}/overview")
        answer = await post(browser, old, f"{draft}/fill/0", do="next", **{"q0.0": "8"})
        assert answer.status_code == 409
        assert "intussen verstuurd" in answer.text
        assert 'value="8"' in answer.text
        stored = (await anna.get(f"/QuestionnaireResponse/{name(draft)}")).json()
        assert "8" not in str(stored["item"])


async def test_nothing_is_sent_that_was_not_seen(service: Service, anna: Caller, held: Resource) -> None:
    async with logged_in(service, "anna") as browser:
        draft = await begun(browser)
        await step(browser, f"{draft}/fill/1", q1="http://example.org/codes|goed")
        old = await browser.get(f"{draft}/overview")
        await step(browser, f"{draft}/fill/0", **{"q0.0": "7"})
        answer = await post(browser, old, f"{draft}/overview")
        assert answer.status_code == 409
        assert "Hoeveel keer?" in answer.text
        assert (await anna.get(f"/QuestionnaireResponse/{name(draft)}")).json()["status"] == "in-progress"


async def test_what_was_asked_is_accepted_when_begun_and_completed_when_sent(
    service: Service, anna: Caller, operator: Caller, held: Resource
) -> None:
    made = await operator.create(task())
    async with logged_in(service, "anna") as browser:
        listed = await browser.get("/questionnaires")
        assert "gevraagd door Praktijk De Linde" in listed.text
        draft = await begun(browser, task=made["id"])
        assert (await anna.get(f"/Task/{made['id']}")).json()["status"] == "accepted"
        await step(browser, f"{draft}/fill/1", q1="http://example.org/codes|goed")
        overview = await browser.get(f"{draft}/overview")
        assert "de vraag van Praktijk De Linde" in overview.text
        sent = await post(browser, overview, f"{draft}/overview", task=made["id"])
        assert sent.headers["location"] == f"{draft}?done=sent"
        assert "gevraagd door" not in (await browser.get("/questionnaires")).text
    answered = (await anna.get(f"/Task/{made['id']}")).json()
    assert answered["status"] == "completed"
    assert answered["output"][0]["valueReference"] == {"reference": f"QuestionnaireResponse/{name(draft)}"}


async def test_a_representative_fills_in_and_that_stays_with_the_answers(
    service: Service, anna: Caller, held: Resource
) -> None:
    people = People(service)
    await people.account("anna", record="anna")
    await people.account("paula")
    permissions = Permissions(people, await registered(service, "Praktijk De Linde", "01234567"))
    await permissions.represented_by("paula")
    cookie = await people.cookie("paula")
    session = await people.sessions.find(cookie, now=people.now)
    assert session is not None
    chosen = await record_of(service.server, session, "anna", now=people.now)
    assert chosen is not None
    await people.sessions.choose(session, chosen.session_grant())
    transport = httpx.ASGITransport(service.application)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as browser:
        browser.cookies.set(COOKIE, cookie, domain="zelfregie.test")
        page = await browser.get("/questionnaires/start", params={"questionnaire": URL})
        assert "U vult in namens" in page.text
        draft = await begun(browser)
    stored = (await anna.get(f"/QuestionnaireResponse/{name(draft)}")).json()
    assert stored["author"]["reference"].startswith("RelatedPerson/")
    assert stored["subject"] == {"reference": "Patient/anna"}


async def test_a_shell_is_not_begun_however_it_is_asked(service: Service) -> None:
    async with logged_in(service, "anna") as browser:
        url = f"{service.server.canonical_base}/Questionnaire/pam-13"
        page = await browser.get("/questionnaires/start", params={"questionnaire": url})
        assert page.status_code == 422
        assert "is van een ander" in page.text
        assert "<h1>Deze lijst kunt u hier niet invullen</h1>" in page.text  # nothing went wrong
        assert '<p><a href="/questionnaires">Terug naar vragenlijsten</a></p>' in page.text
        token = await browser.get("/questionnaires/start", params={"questionnaire": URL})
        again = await post(browser, await browser.get("/permissions"), "/questionnaires/start", questionnaire=url)
        assert again.status_code == 422
        assert token.status_code == 404


@pytest.mark.parametrize(
    ("authored", "shown"),
    [
        ("2026-01-31T23:30:00Z", "1 februari 2026"),  # after midnight on the Dutch clock
        ("2026-01-31", "31 januari 2026"),
    ],
)
async def test_answers_stand_on_the_day_that_it_was_here(
    service: Service, anna: Caller, held: Resource, authored: str, shown: str
) -> None:
    answer = {"linkId": "how", "answer": [{"valueCoding": coding("goed")}]}
    response = {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": URL, "item": [answer]}
    kept = await anna.create({**response, "subject": {"reference": "Patient/anna"}, "authored": authored})
    async with logged_in(service, "anna") as browser:
        assert f"ingevuld op {shown}" in (await browser.get("/questionnaires")).text
        assert f"Ingevuld op {shown}." in (await browser.get(f"/questionnaires/{kept['id']}")).text


async def test_answers_without_a_date_stand_on_the_day_that_they_were_kept(
    service: Service, practice: Caller, held: Resource
) -> None:
    answer = {"linkId": "how", "answer": [{"valueCoding": coding("goed")}]}
    response = {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": URL, "item": [answer]}
    kept = await practice.create({**response, "subject": {"reference": "Patient/anna"}})
    shown = day_of(kept["meta"]["lastUpdated"], "nl")
    async with logged_in(service, "anna") as browser:
        assert f"ingevuld op {shown}" in (await browser.get("/questionnaires")).text


async def test_every_step_is_in_the_access_log(service: Service, anna: Caller, held: Resource) -> None:
    async with logged_in(service, "anna") as browser:
        draft = await begun(browser)
        await step(browser, f"{draft}/fill/0", **{"q0.0": "7"})
    assert service.application.parts is not None
    await service.application.parts.mover.run()
    rows = await service.database.fetch("SELECT payload FROM audit")
    said = " ".join(bytes(row[0]).decode() for row in rows)
    assert f"QuestionnaireResponse/{name(draft)}" in said
    assert "update" in said
    assert "$populate" in said


@pytest.mark.parametrize("fields", [{"csrf": ""}, {"csrf": "0" * 64}])
async def test_a_form_with_a_file_is_of_this_visit_too(
    service: Service, held: Resource, fields: dict[str, str]
) -> None:
    async with logged_in(service, "anna") as browser:
        draft = await begun(browser)
        files = {"q0": ("x.png", b"png", "image/png")}
        answer = await browser.post(f"{draft}/fill/0", data=fields, files=files)
        assert answer.status_code == 403


async def test_the_page_speaks_the_language_of_the_visitor(service: Service, held: Resource) -> None:
    async with logged_in(service, "anna") as browser:
        url = f"{service.server.canonical_base}/Questionnaire/kom-verder"
        page = await browser.get("/questionnaires/start", params={"questionnaire": url, "lang": "en"})
        assert "Where am I now?" in page.text
        draft = await begun(browser, questionnaire=url)
        page = await browser.get((await browser.get(f"{draft}/first")).headers["location"])
        assert "What fits you best now, in caring for your health?" in page.text
        assert "I leave this mostly to others now" in page.text
