"""What the person and the administrator do on the pages in the day of a GP's system."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import httpx
from lxml import html

from tests.day.gp_system import CLIENT, SCOPES
from tests.server.clients import key
from tests.server.service import Service
from tests.web.filling import post as fill_in
from tests.web.filling import step
from tests.web.login import logged_in
from tests.web.test_permissions import post, seen_and_sent

PRACTICE: Final = "Praktijk De Linde"


async def _sent(browser: httpx.AsyncClient, address: str, fields: dict[str, str]) -> httpx.Response:
    root: Any = html.document_fromstring((await browser.get(address)).text)
    (token,) = set(root.xpath("//input[@name='csrf']/@value"))
    return await browser.post(address, data={**fields, "csrf": token})


async def registered(service: Service) -> str:
    """An administrator registers the practice, and its system with the public key that it will sign by. The practice's
    id.
    """
    async with logged_in(service, "beheer", record=None) as browser:
        added = await _sent(browser, "/admin/organizations", {"name": PRACTICE, "agb": "01234567", "ura": ""})
        assert added.status_code == 303, added.text
        root: Any = html.document_fromstring((await browser.get("/admin/clients")).text)
        (practice,) = root.xpath(f"//select[@name='organization']/option[normalize-space()='{PRACTICE}']/@value")
        keys = {"keys": [dict(key(CLIENT).as_dict(private=False))]}
        client = {
            "name": "HIS van De Linde", "id": CLIENT, "kind": "private_key_jwt", "users": "none", "scopes": SCOPES,
            "organization": str(practice), "jwks": json.dumps(keys), "redirect_uris": "", "purpose": "treatment",
        }  # fmt: skip
        made = await _sent(browser, "/admin/clients", client)
        assert made.status_code == 200, made.text
        assert CLIENT in made.text
    return str(practice)


async def consented(service: Service, practice: str, *, actions: tuple[str, ...] = ("see", "add", "change")) -> None:
    """Anna lets the practice see and add everything."""
    fields: dict[str, str | list[str]] = {
        "recipient": f"organization:{practice}", "categories": ["everything"], "actions": list(actions),
        "purposes": ["treatment"], "first": "", "last": "",
    }  # fmt: skip
    async with logged_in(service, "anna") as browser:
        answer = await seen_and_sent(browser, "/permissions/new", fields)
        assert answer.status_code == 303, answer.text


async def code_for(service: Service, practice: str) -> str:
    """Anna makes a code, which she gives to the practice."""
    async with logged_in(service, "anna") as browser:
        answer = await post(browser, "/pairing", {"organization": f"organization:{practice}"})
        found = re.search(r"<strong>([0-9A-Z]{5}-[0-9A-Z]{5})</strong>", answer.text)
        assert found is not None, answer.text
        return found[1]


async def withdrawn(service: Service, practice: str) -> None:
    """Anna withdraws everything that the practice may."""
    async with logged_in(service, "anna") as browser:
        answer = await post(browser, "/permissions/withdraw", {"recipient": f"organization:{practice}"})
        assert answer.status_code == 303, answer.text


async def answered(service: Service, task: str, **answers: str) -> str:
    """Anna finds the question among hers, fills in its first page, and sends it; the id of her answers."""
    async with logged_in(service, "anna") as browser:
        listed = await browser.get("/questionnaires")
        assert PRACTICE in listed.text
        page = await browser.get("/questionnaires/start", params={"task": task})
        begun = await fill_in(browser, page, "/questionnaires/start", who="self")
        assert begun.status_code == 303, begun.text
        draft = str(begun.headers["location"]).removesuffix("/first")
        await step(browser, f"{draft}/fill/0", **answers)
        overview = await browser.get(f"{draft}/overview")
        sent = await fill_in(browser, overview, f"{draft}/overview", task=task)
        assert sent.headers.get("location") == f"{draft}?done=sent", sent.text
    return draft.rpartition("/")[2]


async def page(service: Service, address: str) -> str:
    """A page of Anna's."""
    async with logged_in(service, "anna") as browser:
        shown = await browser.get(address)
        assert shown.status_code == 200, shown.text
        return shown.text


async def let_in(service: Service) -> None:
    """Anna says that what is held is about her."""
    async with logged_in(service, "anna") as browser:
        shown = await browser.get("/data/unread")
        (address,) = re.findall(r'action="(/data/unread/[^"]+)"', shown.text)[:1]
        answer = await post(browser, address, {"decision": "release"}, page=shown.text)
        assert answer.headers.get("location", "").startswith("/data/unread?done=released"), answer.text
