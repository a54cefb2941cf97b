"""My permissions, as people use the pages: give after seeing the text, change, withdraw in one step, make a code."""

from __future__ import annotations

import re
from hashlib import sha256
from html import unescape
from typing import Final
from urllib.parse import urlencode

import httpx
import pytest

from app.auth.consents import service as consents
from app.auth.consents.allowances import ACTIONS, CONTENT, labels_of
from app.auth.consents.purposes import secondary_purposes
from app.auth.consents.service import Consent
from app.auth.organizations.registry import Organization
from app.server.access import FOREVER
from tests.consents.people import Permissions, parameters
from tests.consents.people import registered as register
from tests.people.people import People
from tests.server.service import Caller, Service
from tests.web.login import account, logged_in

FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
Fields = dict[str, str | list[str]]


@pytest.fixture
async def practice(service: Service) -> Organization:
    """A registered organisation; nobody gave a permission yet."""
    await service.database.change("DELETE FROM consent")
    return await register(service, "Praktijk De Linde", "01234567")


def to(practice: Organization, **fields: str | list[str]) -> Fields:
    """The fields of a permission for the practice."""
    return {
        "recipient": f"organization:{practice.id}",
        "categories": ["measurements"],
        "actions": ["see"],
        "purposes": ["treatment"],
        "first": "",
        "last": "",
        **fields,
    }


async def post(browser: httpx.AsyncClient, address: str, fields: Fields, *, page: str = "") -> httpx.Response:
    """Send a form with the token of ``page``, else of the list."""
    shown = page or (await browser.get("/permissions")).text
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', shown)
    content = urlencode({"csrf": token[1] if token else "", **fields}, doseq=True)
    return await browser.post(address, content=content, headers=FORM)


async def seen_and_sent(browser: httpx.AsyncClient, address: str, fields: Fields) -> httpx.Response:
    """Fill in, read the text, and send it."""
    check = await post(browser, address, fields)
    assert check.status_code == 200, check.text
    return await post(browser, address, {**fields, "seen": field_of(check, "seen")}, page=check.text)


def field_of(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return unescape(found[1])


async def stored(service: Service, name: str = "anna") -> list[Consent]:
    return await consents.current(service.database, await service.key_of(name))


async def test_nobody_has_a_permission_at_first(service: Service, practice: Organization) -> None:
    async with logged_in(service, "anna") as browser:
        page = await browser.get("/permissions")
    assert page.status_code == 200
    assert "Niemand heeft nu toestemming." in page.text
    assert practice.name not in page.text


async def test_a_permission_is_given_after_its_text_was_seen(service: Service, practice: Organization) -> None:
    async with logged_in(service, "anna") as browser:
        check = await post(browser, "/permissions/new", to(practice, last="2030-12-31"))
        assert await stored(service) == [], "nothing is given before the text was seen"
        shown = re.search(r'class="shown" lang="nl">(.*?)</blockquote>', check.text, re.DOTALL)
        assert shown
        answer = await seen_and_sent(browser, "/permissions/new", to(practice, last="2030-12-31"))
        assert (answer.status_code, answer.headers["location"]) == (303, "/permissions?done=given")
        (given,) = await stored(service)
        assert given.text == unescape(shown[1])
        assert given.text_hash == sha256(given.text.encode()).digest()
        assert (given.labels, given.actions) == (labels_of(["measurements"]), ACTIONS["see"])
        assert "tot en met 31 december 2030" in given.text
        listed = (await browser.get("/permissions?done=given")).text
        assert practice.name in listed
        assert "31 december 2030" in listed
        history = (await browser.get(f"/permissions/{given.id}")).text
        assert given.text.split("\n")[0] in unescape(history)


async def test_every_secondary_purpose_is_off_until_it_is_ticked(service: Service, practice: Organization) -> None:
    async with logged_in(service, "anna") as browser:
        form = (await browser.get("/permissions/new")).text
        for purpose in secondary_purposes():
            box = re.search(rf'<input[^>]*name="purposes" value="{purpose}"[^>]*>', form)
            assert box, purpose
            assert "checked" not in box[0]
        fields = to(practice, purposes=["treatment", "research"], actions=["see", "add"], categories=["everything"])
        await seen_and_sent(browser, "/permissions/new", fields)
    given = {each.purpose: each for each in await stored(service)}
    assert given.keys() == {"treatment", "research"}
    assert given["treatment"].actions == ACTIONS["see"] | ACTIONS["add"]
    assert given["research"].actions == ACTIONS["see"]
    assert {each.labels for each in given.values()} == {CONTENT}


async def test_withdrawing_is_one_step_and_needs_no_second_factor(service: Service, practice: Organization) -> None:
    async with logged_in(service, "anna") as browser:
        await seen_and_sent(browser, "/permissions/new", to(practice))
    (given,) = await stored(service)
    async with logged_in(service, "anna", fresh=False) as browser:
        answer = await post(browser, f"/permissions/{given.id}/withdraw", {})
        assert (answer.status_code, answer.headers["location"]) == (303, "/permissions?done=withdrawn")
        again = await post(browser, f"/permissions/{given.id}/withdraw", {})
        assert again.status_code == 303
        assert "Ingetrokken" in (await browser.get(f"/permissions/{given.id}")).text
    (ended,) = await stored(service)
    assert (ended.version, ended.state) == (2, "withdrawn")
    assert "consent-withdrawn" in str(service.journal_lines())


async def test_everything_of_one_recipient_is_withdrawn_at_once(service: Service, practice: Organization) -> None:
    async with logged_in(service, "anna") as browser:
        await seen_and_sent(browser, "/permissions/new", to(practice, purposes=["treatment", "research"]))
        answer = await post(browser, "/permissions/withdraw", {"recipient": f"organization:{practice.id}"})
        assert answer.status_code == 303
    assert {each.state for each in await stored(service)} == {"withdrawn"}


async def test_giving_needs_a_second_factor_that_was_just_given(service: Service, practice: Organization) -> None:
    async with logged_in(service, "anna", fresh=False) as browser:
        answer = await browser.get("/permissions/new")
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/account/confirm?next=")
        posted = await post(browser, "/permissions/new", to(practice))
        assert (posted.status_code, posted.headers["location"]) == (303, "/account/confirm")
    assert await stored(service) == []


async def test_narrowing_needs_no_second_factor_and_widening_does(service: Service, practice: Organization) -> None:
    wide: Fields = {"categories": ["measurements", "laboratory"], "actions": ["see"], "first": "", "last": ""}
    narrow: Fields = {**wide, "categories": ["measurements"]}
    async with logged_in(service, "anna") as browser:
        await seen_and_sent(browser, "/permissions/new", to(practice, **wide))
    (given,) = await stored(service)
    address = f"/permissions/{given.id}/change"
    async with logged_in(service, "anna", fresh=False) as browser:
        assert (await browser.get(address)).status_code == 200
        answer = await seen_and_sent(browser, address, narrow)
        assert (answer.status_code, answer.headers["location"]) == (303, "/permissions?done=changed")
        refused = await post(browser, address, wide)
        assert (refused.status_code, refused.headers["location"]) == (303, "/account/confirm")
    (changed,) = await stored(service)
    assert (changed.version, changed.labels) == (2, labels_of(["measurements"]))
    assert (changed.since >= given.since, changed.until) == (True, FOREVER)
    async with logged_in(service, "anna") as browser:
        assert (await seen_and_sent(browser, address, wide)).status_code == 303
    assert (await stored(service))[0].version == 3


async def test_what_was_changed_meanwhile_is_not_changed_back(service: Service, practice: Organization) -> None:
    fields: Fields = {"categories": ["measurements"], "actions": ["see"], "first": "", "last": ""}
    async with logged_in(service, "anna") as browser:
        await seen_and_sent(browser, "/permissions/new", to(practice, categories=["measurements", "laboratory"]))
        (given,) = await stored(service)
        await post(browser, f"/permissions/{given.id}/withdraw", {})
        late = await post(browser, f"/permissions/{given.id}/change", fields)
        assert late.status_code == 404
    assert (await stored(service))[0].state == "withdrawn"


PROBLEMS: Final[dict[str, Fields]] = {
    "recipient": {"recipient": "organization:unknown"},
    "categories": {"categories": []},
    "actions": {"actions": ["own"]},
    "purposes": {"purposes": ["own-use"]},
    "first": {"first": "soon"},
    "last": {"last": "2020-01-01"},
}


@pytest.mark.parametrize("field", PROBLEMS)
async def test_what_is_wrong_is_said_at_its_field(service: Service, practice: Organization, field: str) -> None:
    async with logged_in(service, "anna") as browser:
        answer = await post(browser, "/permissions/new", {**to(practice), **PROBLEMS[field]})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    assert await stored(service) == []


async def test_the_text_that_is_sent_must_be_the_one_that_was_seen(service: Service, practice: Organization) -> None:
    async with logged_in(service, "anna") as browser:
        check = await post(browser, "/permissions/new", to(practice))
        more = to(practice, categories=["measurements", "laboratory"], seen=field_of(check, "seen"))
        again = await post(browser, "/permissions/new", more)
        assert again.status_code == 200
        assert "Laboratoriumuitslagen" in again.text
    assert await stored(service) == []


async def test_a_form_of_another_site_changes_nothing(service: Service, practice: Organization) -> None:
    async with logged_in(service, "anna") as browser:
        await seen_and_sent(browser, "/permissions/new", to(practice))
        (given,) = await stored(service)
        answer = await browser.post(f"/permissions/{given.id}/withdraw", content="", headers=FORM)
        assert answer.status_code == 403
    assert (await stored(service))[0].state == "active"


async def test_nobody_sees_or_changes_anothers(service: Service, practice: Organization) -> None:
    async with logged_in(service, "anna") as browser:
        await seen_and_sent(browser, "/permissions/new", to(practice))
    (given,) = await stored(service)
    async with logged_in(service, "bram") as browser:
        assert (await browser.get(f"/permissions/{given.id}")).status_code == 404
        assert (await browser.get(f"/permissions/{given.id}/change")).status_code == 404
        assert (await post(browser, f"/permissions/{given.id}/withdraw", {})).status_code == 404
        assert practice.name not in (await browser.get("/permissions")).text
    assert (await stored(service))[0].state == "active"


@pytest.mark.parametrize("address", ["/permissions", "/permissions/new", "/pairing", "/permissions/x"])
async def test_who_is_not_logged_in_is_sent_to_log_in(site: httpx.AsyncClient, address: str) -> None:
    answer = await site.get(address)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")


async def test_a_carer_has_no_such_page(service: Service, practice: Organization) -> None:
    carla = await account(service, "carla")
    permissions = Permissions(People(service, {"anna": (await account(service, "anna")).id}), practice)
    await permissions.give(f"person:{carla.id}", categories=["permissions", "identity"], actions=list(ACTIONS))
    async with logged_in(service, "carla", record="anna") as browser:
        for address in ("/permissions", "/permissions/new", "/pairing"):
            assert (await browser.get(address)).status_code == 403, address


async def test_a_code_is_shown_once_and_works(service: Service, practice: Organization) -> None:
    async with logged_in(service, "anna") as browser:
        assert "geen organisatie met toestemming" in (await browser.get("/pairing")).text
        await seen_and_sent(browser, "/permissions/new", to(practice, categories=["everything"]))
        assert practice.name in (await browser.get("/pairing")).text
        answer = await post(browser, "/pairing", {"organization": f"organization:{practice.id}"})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        code = re.search(r"<strong>([0-9A-Z]{5}-[0-9A-Z]{5})</strong>", answer.text)
        assert code
        assert "<svg" in answer.text
        assert code[1] not in (await browser.get("/pairing")).text
        wrong = await post(browser, "/pairing", {"organization": "organization:unknown"})
        assert wrong.status_code == 422
    permissions = Permissions(People(service), practice)
    identifier = {"system": "http://praktijk-de-linde.example/patient", "value": "4711"}
    system = await permissions.system()
    paired = await system.post("/Patient/$pair", parameters(code=code[1], identifier=identifier))
    assert paired.status_code == 200, paired.text
    assert code[1] not in str(service.journal_lines())


async def test_a_code_needs_a_second_factor_that_was_just_given(service: Service, practice: Organization) -> None:
    async with logged_in(service, "anna") as browser:
        await seen_and_sent(browser, "/permissions/new", to(practice))
    async with logged_in(service, "anna", fresh=False) as browser:
        answer = await post(browser, "/pairing", {"organization": f"organization:{practice.id}"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/account/confirm")


async def test_a_session_has_a_token_for_the_api(service: Service, practice: Organization) -> None:
    async with logged_in(service, "anna") as browser:
        answer = await post(browser, "/session/token", {})
        assert answer.status_code == 200, answer.text
        given = answer.json()
        assert given["token_type"] == "Bearer"
        assert 0 < given["expires_in"] <= 300
        assert answer.headers["cache-control"] == "no-store"
        anna = Caller(service.client, given["access_token"])
        recipient = {"reference": f"Organization/{practice.id}"}
        granted = await anna.post("/Consent/$grant", parameters(recipient=recipient, action="see"))
        assert granted.status_code == 200, granted.text
        assert (await browser.post("/session/token", content="", headers=FORM)).status_code == 403
        page = (await browser.get("/permissions")).text
        await post(browser, "/logout", {}, page=page)
    assert (await anna.get("/Patient/anna")).status_code == 401


async def test_a_token_needs_a_second_factor_and_a_record(service: Service, site: httpx.AsyncClient) -> None:
    async with logged_in(service, "anna", fresh=False) as browser:
        refused = await post(browser, "/session/token", {})
        assert (refused.status_code, refused.json()["error"]) == (403, "access_denied")
    async with logged_in(service, "carla", record=None) as browser:
        page = (await browser.get("/choose")).text
        refused = await post(browser, "/session/token", {}, page=page)
        assert (refused.status_code, refused.json()["error"]) == (403, "access_denied")
    nobody = await site.post("/session/token", content="", headers=FORM)
    assert nobody.status_code in (401, 403)
    assert nobody.headers["content-type"] == "application/json"


async def test_permissions_themselves_are_not_offered_for_an_app(service: Service, practice: Organization) -> None:
    anna = (await account(service, "anna")).id
    consent = await Permissions(People(service, {"anna": anna}), practice).give(categories=["measurements"])
    address = f"/permissions/{consent}/change"
    wider: Fields = {"categories": ["measurements", "permissions"], "actions": ["see"], "first": "", "last": ""}
    async with logged_in(service, "anna") as browser:
        assert 'value="permissions"' in (await browser.get("/permissions/new")).text
        page = (await browser.get(address)).text
        assert 'value="measurements"' in page
        assert 'value="permissions"' not in page
        assert (await post(browser, address, wider)).status_code == 422
    assert (await stored(service))[0].version == 1
