"""The administrator's page of apps and systems: who may use it, and what it does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from lxml import html

from app.auth.oauth.clients import find_client, stored_secret
from tests.oauth.apps import allowed, redeem, refresh, refused, tokens
from tests.server.service import Service
from tests.web.login import logged_in

NEW = {
    "name": "Een nieuwe app",
    "kind": "secret",
    "users": "patients",
    "scopes": "launch/patient patient/*.rs",
    "redirect_uris": "https://new.example/one\r\nhttps://new.example/two",
    "id": "new-app",
}


async def token_of(browser: httpx.AsyncClient, address: str = "/admin/clients") -> str:
    """The token of this visit's forms."""
    root: Any = html.document_fromstring((await browser.get(address)).text)
    found: str = root.xpath("//input[@name='csrf']/@value")[0]
    return found


@pytest.mark.parametrize("name", ["anna", "carla"])
@pytest.mark.parametrize("address", ["/admin/clients", "/admin/clients/app/switch", "/admin/clients/web/secret"])
async def test_only_administrators_have_this_page(service: Service, name: str, address: str) -> None:
    async with logged_in(service, name, record=None) as browser:
        data = {**NEW, "csrf": await token_of(browser, "/account")}
        assert (await browser.post(address, data=data)).status_code == 404
        if address.count("/") == 2:
            assert (await browser.get(address)).status_code == 404
    assert await find_client(service.database, "new-app") is None
    kept = await find_client(service.database, "app")
    assert kept is not None
    assert kept.is_active


async def test_nobody_is_sent_to_log_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/admin/clients")
    assert answer.headers["location"].startswith("/login")
    assert (await client.post("/admin/clients", data=NEW)).status_code in (303, 403)


async def test_a_second_factor_is_asked_again(service: Service) -> None:
    async with logged_in(service, "beheer", record=None, fresh=False) as browser:
        answer = await browser.post("/admin/clients", data={**NEW, "csrf": await token_of(browser)})
        assert answer.headers["location"].startswith("/account/confirm")
    assert await find_client(service.database, "new-app") is None


async def test_a_client_is_registered_and_its_secret_shown_once(service: Service) -> None:
    async with logged_in(service, "beheer", record=None) as browser:
        answer = await browser.post("/admin/clients", data={**NEW, "csrf": await token_of(browser)})
        root: Any = html.document_fromstring(answer.text)
        (secret,) = root.xpath("//p[@class='secret']/text()")
        assert answer.headers["cache-control"] == "no-store"
        assert secret not in (await browser.get("/admin/clients")).text
        again = await browser.post("/admin/clients", data={**NEW, "csrf": await token_of(browser)})
        assert "/#id" in str(again.url.join("#id")) or "#id" in again.text
    kept = await find_client(service.database, "new-app")
    assert kept is not None
    assert kept.secret == stored_secret(secret)
    assert kept.redirect_uris == ("https://new.example/one", "https://new.example/two")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"kind": "other"}, "kind"),
        ({"users": ""}, "users"),
        ({"scopes": "system/*.rs"}, "scopes"),
        ({"redirect_uris": "http://new.example"}, "redirect_uris"),
        ({"jwks": "{"}, "jwks"),
        ({"jwks": "[]x"}, "jwks"),
        ({"jwks": "[1]"}, "jwks"),
        ({"kind": "private_key_jwt"}, "jwks"),
        ({"users": "professionals"}, "organization"),
        ({"id": "app"}, "id"),
    ],
)
async def test_what_is_not_right_is_said_beside_its_field(
    service: Service, changes: dict[str, str], field: str
) -> None:
    async with logged_in(service, "beheer", record=None) as browser:
        answer = await browser.post("/admin/clients", data={**NEW, **changes, "csrf": await token_of(browser)})
        root: Any = html.document_fromstring(answer.text)
        assert f"#{field}" in root.xpath("//div[@class='problems']//a/@href")
        assert root.xpath(f"//*[@id='{field}-problem']")
    assert await find_client(service.database, "new-app") is None


async def test_a_client_is_disabled_and_may_begin_anew(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client)
    async with logged_in(service, "beheer", record=None) as browser:
        data = {"csrf": await token_of(browser), "do": "disable"}
        assert (await browser.post("/admin/clients/nobody/switch", data=data)).status_code == 404
        assert (await browser.post("/admin/clients/app/switch", data=data)).status_code == 303
        assert not await given.works()
        refused(await refresh(client, given.refresh), "invalid_client", 401)
        assert (await browser.post("/admin/clients/app/switch", data={**data, "do": "enable"})).status_code == 303
    refused(await refresh(client, given.refresh), "invalid_grant")
    async with logged_in(service, "anna") as browser:
        code = await allowed(browser, prompt="consent")
    assert (await redeem(client, code)).status_code == 200


async def test_a_new_secret_makes_the_old_one_worthless(service: Service) -> None:
    before = await find_client(service.database, "web")
    async with logged_in(service, "beheer", record=None) as browser:
        data = {"csrf": await token_of(browser)}
        assert (await browser.post("/admin/clients/app/secret", data=data)).status_code == 404
        answer = await browser.post("/admin/clients/web/secret", data=data)
        root: Any = html.document_fromstring(answer.text)
        (secret,) = root.xpath("//p[@class='secret']/text()")
    after = await find_client(service.database, "web")
    assert before is not None
    assert after is not None
    assert after.secret == stored_secret(secret) != before.secret
