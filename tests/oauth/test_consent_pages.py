"""A-12 … A-14, A-16: the pages on which a person decides, and what cannot be made of them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from lxml import html

from app.auth.accounts.acting import record_of
from app.auth.accounts.sessions import Sessions
from app.auth.consents.service import Consent, active_to
from app.auth.recipients import person
from app.fhir.scopes import EVERY_ACTION
from app.server.access import FOREVER, OWN_USE
from app.server.tables import INSERT_PERMIT
from tests.oauth.apps import (
    STATE,
    allowed,
    ask,
    fields,
    press,
    redeem,
    refresh,
    sent,
    tokens,
)
from tests.server.service import Service
from tests.web.login import account, logged_in


async def consents(service: Service, client: str = "app") -> list[Consent]:
    return await active_to(service.database, await service.key_of("anna"), f"app:{client}")


async def helps(service: Service, helper: str, patient: str) -> None:
    """A permit by which somebody helps a patient, as a consent to a carer gives it."""
    who = await account(service, helper)
    key = await service.key_of(patient)
    labels = service.server.labels.bits(["identity", "measurements"])
    row = (person(who.id), key, OWN_USE, "helps/1", labels, int(EVERY_ACTION), 0, FOREVER)
    async with service.database.write() as writer:
        await writer.insert(INSERT_PERMIT, [row])


async def test_what_is_shown_is_what_is_kept(service: Service, browser: httpx.AsyncClient) -> None:
    page = await ask(browser)
    root: Any = html.document_fromstring(page.text)
    (shown,) = root.xpath("//p[@class='shown']/text()")
    await press(browser, page, "allow")
    (kept,) = await consents(service)
    assert kept.text == shown
    assert kept.given_by == (await account(service, "anna")).id
    assert kept.purpose == OWN_USE
    day = 86_400 * 1_000_000
    assert 365 * day <= kept.until - kept.since <= 367 * day, "a year, unless somebody says otherwise"
    assert "permissions" not in [
        name for name, each in service.server.labels.categories.items() if kept.labels >> each.bit & 1
    ]


async def test_an_app_may_be_allowed_less(
    service: Service, browser: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    page = await ask(browser, scope="launch/patient patient/*.cruds")
    shown = await press(
        browser, page, "change", cell=["see:identity", "see:measurements", "add:measurements"], period="month"
    )
    page = await browser.get(shown.headers["location"])
    root: Any = html.document_fromstring(page.text)
    assert len(root.xpath("//p[@class='shown']")) == 2, "what may be done differs by category"
    code = sent(await press(browser, page, "allow"))["code"]
    answer = (await redeem(client, code)).json()
    assert answer["scope"] == "launch/patient patient/*.crs"
    bits = service.server.labels.bits
    assert {(each.labels, each.actions) for each in await consents(service)} == {
        (bits(["identity"]), 18),
        (bits(["measurements"]), 19),
    }


async def test_all_switched_off_is_no_consent(service: Service, browser: httpx.AsyncClient) -> None:
    shown = await press(browser, await ask(browser), "change", cell=[], period="year")
    page = await browser.get(shown.headers["location"])
    assert 'value="allow"' not in page.text
    decision = fields(page, "deny")["decision"]
    answer = await browser.post(page.url.path, data={**fields(page, "deny"), "do": "allow", "decision": decision})
    assert answer.status_code == 422
    assert await consents(service) == []


async def test_a_longer_time_is_never_ticked_beforehand(browser: httpx.AsyncClient) -> None:
    root: Any = html.document_fromstring((await ask(browser)).text)
    assert root.xpath("//input[@name='period' and @checked]/@value") == ["year"]


async def test_a12_another_patient_cannot_be_picked(service: Service) -> None:
    await helps(service, "anna", "bram")
    async with logged_in(service, "anna") as browser:
        page = await ask(browser)
        root: Any = html.document_fromstring(page.text)
        assert set(root.xpath("//input[@name='patient']/@value")) == {"anna", "bram"}
        for patient in ("chris", "nobody", "anna,bram", "' OR 1=1 --"):
            assert (await press(browser, page, "pick", patient=patient)).status_code == 403
        assert (await press(browser, page, "pick")).status_code == 422
        chosen = await press(browser, page, "pick", patient="anna")
        page = await browser.get(chosen.headers["location"])
        assert "anna" not in str(page.url)
        assert page.status_code == 200


async def test_a12_a_carers_app_works_where_the_patient_allowed_it(service: Service, client: httpx.AsyncClient) -> None:
    await helps(service, "anna", "bram")
    async with logged_in(service, "anna") as browser:
        page = await ask(browser)
        chosen = await press(browser, page, "pick", patient="bram")
        page = await browser.get(chosen.headers["location"])
        assert page.status_code == 403, "a carer gives no consent on somebody's behalf"
        assert sent(await press(browser, page, "deny"))["error"] == "access_denied"
    await tokens(service, client, "bram")
    async with logged_in(service, "anna") as browser:
        chosen = await press(browser, await ask(browser), "pick", patient="bram")
        code = sent(await browser.get(chosen.headers["location"]))["code"]
    given = (await redeem(client, code)).json()
    assert given["patient"] == "bram"
    headers = {"authorization": f"Bearer {given['access_token']}"}
    assert (await client.get("/fhir/Patient/bram", headers=headers)).status_code == 200
    assert (await client.get("/fhir/Patient/anna", headers=headers)).status_code == 404


async def test_a12_a_right_that_ended_meanwhile_lets_nobody_in(service: Service) -> None:
    await helps(service, "anna", "bram")
    async with logged_in(service, "anna") as browser:
        chosen = await press(browser, await ask(browser), "pick", patient="bram")
        await service.database.change("DELETE FROM permit WHERE consent = 'helps/1'")
        assert (await browser.get(chosen.headers["location"])).status_code == 403


async def test_a13_a_form_without_its_token_is_refused(service: Service, browser: httpx.AsyncClient) -> None:
    page = await ask(browser)
    form = fields(page, "allow")
    for csrf in (None, "", "guess", form["csrf"][:-1]):
        data = {name: value for name, value in {**form, "csrf": csrf}.items() if value is not None}
        assert (await browser.post(page.url.path, data=data)).status_code == 403
    other = {"sec-fetch-site": "cross-site"}
    assert (await browser.post(page.url.path, data=form, headers=other)).status_code == 403
    assert (await browser.post(page.url.path, data=form, headers={"origin": "https://evil.example"})).status_code == 403
    async with logged_in(service, "bram") as stranger:
        theirs = fields(await ask(stranger), "allow")["csrf"]
    assert (await browser.post(page.url.path, data={**form, "csrf": theirs})).status_code == 403
    assert await consents(service) == []


async def test_a13_the_page_is_nobodys_frame_and_may_lead_to_the_app_only(browser: httpx.AsyncClient) -> None:
    headers = (await ask(browser)).headers
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://app.example" in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "script-src" not in policy


async def test_a13_yes_counts_once(service: Service, browser: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    page = await ask(browser)
    form = fields(page, "allow")
    code = sent(await browser.post(page.url.path, data=form))["code"]
    again = await browser.post(page.url.path, data=form)
    assert again.status_code == 410
    assert "location" not in again.headers
    assert (await browser.get(page.url.path)).status_code == 410
    assert len(await consents(service)) == 1
    assert (await redeem(client, code)).status_code == 200


async def test_a13_yes_pressed_twice_at_once_counts_once(service: Service, browser: httpx.AsyncClient) -> None:
    page = await ask(browser)
    form = fields(page, "allow")
    answers = await asyncio.gather(*(browser.post(page.url.path, data=form) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [303, 410, 410, 410]
    assert len(await consents(service)) == 1


async def test_a13_an_address_that_is_opened_decides_nothing(service: Service, browser: httpx.AsyncClient) -> None:
    page = await ask(browser)
    form = fields(page, "allow")
    assert (await browser.get(page.url.path, params=form)).status_code == 200
    assert await consents(service) == []


async def test_a13_a_decision_of_another_request_does_not_count(service: Service, browser: httpx.AsyncClient) -> None:
    small = await ask(browser, scope="launch/patient patient/Patient.r")
    large = await ask(browser, scope="launch/patient patient/*.cruds")
    mixed = {**fields(large, "allow"), "decision": fields(small, "allow")["decision"]}
    assert (await browser.post(large.url.path, data=mixed)).status_code == 403
    mixed = {**fields(small, "allow"), "decision": fields(large, "allow")["decision"]}
    assert (await browser.post(small.url.path, data=mixed)).status_code == 403
    assert (await browser.post(large.url.path, data={**mixed, "decision": "guess"})).status_code == 410
    assert await consents(service) == []


async def test_a13_fields_that_are_added_change_nothing(service: Service, browser: httpx.AsyncClient) -> None:
    page = await ask(browser, scope="launch/patient patient/Patient.r")
    more = {
        "scope": "patient/*.cruds",
        "cell": ["see:medication"],
        "patient": "bram",
        "period": "forever",
        "until": "9",
    }
    assert "code" in sent(await press(browser, page, "allow", **more))
    (kept,) = await consents(service)
    assert kept.labels == service.server.labels.bits(["identity"])
    assert kept.until < FOREVER


async def test_a13_more_than_was_asked_cannot_be_ticked(service: Service, browser: httpx.AsyncClient) -> None:
    page = await ask(browser, scope="launch/patient patient/Patient.r")
    cells = ["see:identity", "change:identity", "see:permissions", "see:unclassified", "see:nothing", "x"]
    shown = await press(browser, page, "change", cell=cells, period="never")
    await press(browser, await browser.get(shown.headers["location"]), "allow")
    (kept,) = await consents(service)
    assert (kept.labels, kept.actions) == (service.server.labels.bits(["identity"]), 18)


async def test_a13_somebody_else_in_the_same_browser_decides_nothing(service: Service) -> None:
    async with logged_in(service, "anna") as browser, logged_in(service, "bram") as other:
        page = await ask(browser)
        form = fields(page, "allow")
        cookie = other.cookies["__Host-session"]
        browser.cookies.set("__Host-session", cookie, domain="zelfregie.test")
        theirs = fields(await ask(browser), "allow")["csrf"]
        answer = await browser.post(page.url.path, data={**form, "csrf": theirs})
        assert answer.status_code == 403
        assert "location" not in answer.headers
    assert await consents(service) == []


async def test_a13_another_session_of_the_same_person_does_not_count(service: Service) -> None:
    async with logged_in(service, "anna") as first, logged_in(service, "anna") as second:
        page = await ask(first)
        token = fields(await ask(second), "allow")["csrf"]
        data = {**fields(page, "allow"), "csrf": token}
        assert (await second.post(page.url.path, data=data)).status_code == 403


async def test_a13_who_logged_out_meanwhile_logs_in_first(service: Service, browser: httpx.AsyncClient) -> None:
    page = await ask(browser)
    form = fields(page, "allow")
    browser.cookies.clear()
    answer = await browser.post(page.url.path, data=form)
    assert answer.headers["location"].startswith("/login")
    assert await consents(service) == []


async def test_a13_a_second_factor_that_is_no_longer_fresh_is_asked_again(
    service: Service, browser: httpx.AsyncClient
) -> None:
    page = await ask(browser)
    form = fields(page, "allow")
    await service.database.change("UPDATE session SET fresh = 0")
    answer = await browser.post(page.url.path, data=form)
    assert answer.headers["location"].startswith("/account/confirm?next=")
    assert await consents(service) == []


MORE: dict[str, dict[str, str]] = {
    "more scopes": {"scope": "launch/patient patient/*.cruds offline_access"},
    "another context": {"scope": "launch/patient patient/*.rs offline_access openid"},
    "another client": {"client_id": "web"},
}


@pytest.mark.parametrize("case", MORE)
async def test_a14_anything_else_is_asked_again(browser: httpx.AsyncClient, case: str) -> None:
    await allowed(browser)
    page = await ask(browser, **MORE[case])
    assert page.status_code == 200
    assert 'value="allow"' in page.text


async def test_a14_another_redirect_uri_is_asked_again(browser: httpx.AsyncClient) -> None:
    request = {"client_id": "narrow", "scope": "launch/patient patient/Observation.rs"}
    await allowed(browser, **request, redirect_uri="https://narrow.example/one")
    assert (await ask(browser, **request, redirect_uri="https://narrow.example/one")).status_code == 303
    assert (await ask(browser, **request, redirect_uri="https://narrow.example/two?x=1")).status_code == 200


async def test_a14_other_words_are_asked_again(service: Service, browser: httpx.AsyncClient) -> None:
    await allowed(browser)
    await service.database.change("UPDATE client_authorization SET text_version = 'older'")
    assert (await ask(browser)).status_code == 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE permit SET labels = labels & 2 WHERE recipient = 'app:app'",
        "UPDATE permit SET actions = 2 WHERE recipient = 'app:app'",
        "UPDATE permit SET until = 1 WHERE recipient = 'app:app'",
        "DELETE FROM permit WHERE recipient = 'app:app'",
        "UPDATE client_authorization SET revoked = 1",
    ],
)
async def test_a14_what_was_narrowed_or_ended_is_asked_again(
    service: Service, browser: httpx.AsyncClient, statement: str
) -> None:
    await allowed(browser)
    await service.database.change(statement)
    assert (await ask(browser)).status_code == 200


async def test_a14_an_app_that_another_on_the_device_can_play_is_asked_about_each_time(
    browser: httpx.AsyncClient,
) -> None:
    request = {
        "client_id": "narrow",
        "scope": "launch/patient patient/Observation.rs",
        "redirect_uri": "org.example.narrow:/callback",
    }
    await allowed(browser, **request)
    assert (await ask(browser, **request)).status_code == 200
    assert sent(await ask(browser, **request, prompt="none"))["error"] == "consent_required"


async def test_a14_the_app_may_have_it_asked_again(browser: httpx.AsyncClient) -> None:
    await allowed(browser)
    assert (await ask(browser, prompt="consent")).status_code == 200


async def test_a14_a_new_answer_takes_the_place_of_the_old_one(service: Service, browser: httpx.AsyncClient) -> None:
    await allowed(browser)
    (before,) = await consents(service)
    await allowed(browser, prompt="consent")
    (after,) = await consents(service)
    assert after.id != before.id
    await allowed(browser, scope="launch/patient patient/Patient.r")
    assert after.id in {each.id for each in await consents(service)}, "what was not asked stays as it is"


async def test_a16_markup_in_a_name_is_text(browser: httpx.AsyncClient) -> None:
    where = "https://marked.example/callback"
    page = await ask(browser, client_id="marked", redirect_uri=where)
    assert "<script>" not in page.text
    root: Any = html.document_fromstring(page.text)
    assert root.xpath("//script") == []
    assert '<script>alert("x")</script> & zo' in root.xpath("string(//h1)")
    await press(browser, page, "allow")
    apps = await browser.get("/apps")
    assert "<script>" not in apps.text
    assert "&lt;script&gt;" in apps.text


async def test_an_app_is_disconnected_from_its_page(
    service: Service, browser: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    given = await tokens(service, client)
    page = await browser.get("/apps")
    root: Any = html.document_fromstring(page.text)
    (form,) = root.xpath("//form[@action='/apps/disconnect']")
    data = {each.get("name"): each.get("value") for each in form.xpath(".//input")}
    assert (await browser.post("/apps/disconnect", data={**data, "csrf": ""})).status_code == 403
    assert await given.works()
    assert (await browser.post("/apps/disconnect", data=data)).status_code == 303
    assert not await given.works()


async def test_an_administrator_lets_no_app_in(service: Service) -> None:
    async with logged_in(service, "beheer", record=None) as browser:
        page = await ask(browser)
        assert page.status_code == 403
        assert sent(await press(browser, page, "deny"))["state"] == STATE


async def professional(service: Service, browser: httpx.AsyncClient, organization: str) -> None:
    """Make the session one of a professional of this organisation."""
    await service.database.change("UPDATE session SET organization = $1", organization)
    sessions = Sessions(service.database, patient_type=service.server.registry.number("Patient"))
    session = await sessions.find(browser.cookies["__Host-session"], now=service.server.clock())
    assert session is not None
    chosen = await record_of(service.server, session, "anna", now=service.server.clock())
    await sessions.choose(session, None if chosen is None else chosen.session_grant())


WHERE = {"client_id": "professional", "redirect_uri": "https://professional.example/callback"}


async def test_a_professional_works_for_who_consented_to_the_organisation(
    service: Service, client: httpx.AsyncClient
) -> None:
    async with logged_in(service, "carla", record=None) as browser:
        await professional(service, browser, "clinic")
        page = await ask(browser, **WHERE, scope="patient/*.rs openid fhirUser")
        root: Any = html.document_fromstring(page.text)
        assert root.xpath("//input[@name='patient']/@value") == ["anna"]
        assert (await press(browser, page, "pick", patient="bram")).status_code == 403
        chosen = await press(browser, page, "pick", patient="anna")
        code = sent(await browser.get(chosen.headers["location"]))["code"]
        every = sent(await ask(browser, **WHERE, scope="user/*.rs"))["code"]
    given = (await redeem(client, code, **WHERE)).json()
    assert given["patient"] == "anna"
    both = (await redeem(client, every, **WHERE)).json()
    assert "patient" not in both
    for token in (given["access_token"], both["access_token"]):
        headers = {"authorization": f"Bearer {token}"}
        assert (await client.get("/fhir/Patient/anna", headers=headers)).status_code == 200
        assert (await client.get("/fhir/Patient/bram", headers=headers)).status_code == 404


async def test_a_professionals_app_ends_with_the_organisation(service: Service, client: httpx.AsyncClient) -> None:
    async with logged_in(service, "carla", record=None) as browser:
        await professional(service, browser, "clinic")
        code = sent(await ask(browser, **WHERE, scope="user/*.rs offline_access"))["code"]
        who = (await account(service, "carla")).id
    given = (await redeem(client, code, **WHERE)).json()
    renewed = await refresh(client, given["refresh_token"], client_id="professional")
    assert renewed.status_code == 200, renewed.text
    ((clinic,),) = await service.database.fetch("SELECT organization FROM client WHERE id = 'professional'")
    await service.database.change("UPDATE organization SET state = 'closed' WHERE id = $1", clinic)
    refused = await refresh(client, renewed.json()["refresh_token"], client_id="professional")
    assert refused.json()["error"] == "invalid_grant"
    assert await service.database.fetch("SELECT 1 FROM access_grant WHERE person = $1 AND kind = 'app'", who) == []


async def test_a_professional_of_another_organisation_is_turned_away(service: Service) -> None:
    async with logged_in(service, "carla", record=None) as browser:
        await professional(service, browser, "other")
        assert (await ask(browser, **WHERE, scope="user/*.rs")).status_code == 403
        assert (await ask(browser)).status_code == 403, "an app of patients is not for a professional at work"
