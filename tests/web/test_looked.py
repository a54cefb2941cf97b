"""Who looked: the person sees it by period, person and organisation; others do not; reading it is in the log."""

from __future__ import annotations

import re

import httpx
import pytest

from app.main.definitions import every_operation
from app.web.texts import texts
from tests import builders
from tests.server.service import Service
from tests.web.login import logged_in


async def something_happened(service: Service) -> None:
    """In an empty log: a sandbox keeps its own when the rest is put back."""
    assert service.application.parts is not None
    await service.application.parts.mover.drain()
    for table in ("audit", "audit_patient"):
        await service.database.change(f"DELETE FROM {table}")
    await service.caller("anna").create(builders.goal())
    for _ in range(3):
        await service.caller("practice").get("/Goal?patient=anna")
    await service.caller("bram").get("/Patient/bram")


def said(answer: httpx.Response) -> str:
    """The text of the page's main part."""
    assert answer.status_code == 200, answer.text
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2]).split())


def times(page: str) -> int:
    """How often the practice looked at goals today."""
    found = re.search(r"De Proef[^(]*?bekeken ?: doelen(?:[^(]*\((\d+) keer\))?", page)
    return 0 if found is None else int(found[1] or 1)


async def test_a_person_sees_who_looked(service: Service) -> None:
    async with logged_in(service, "anna") as browser:
        await something_happened(service)
        page = said(await browser.get("/looked?period=week"))
    assert "De Proef" in page
    assert times(page) == 3
    assert "toegevoegd" in page
    assert "bram" not in page.lower()


async def test_it_can_be_narrowed_to_one_organisation(service: Service) -> None:
    await something_happened(service)
    async with logged_in(service, "anna") as browser:
        page = said(await browser.get("/looked?who=organization:De Proef"))
        assert "toegevoegd" not in page
        assert "bekeken" in page
        nobody = said(await browser.get("/looked?who=organization:nobody"))
    assert "In deze periode is er niets gebeurd." in nobody


async def test_it_can_be_narrowed_to_a_period(service: Service) -> None:
    await something_happened(service)
    async with logged_in(service, "anna") as browser:
        past = said(await browser.get("/looked?period=own&first=2020-01-01&last=2020-12-31"))
        assert "In deze periode is er niets gebeurd." in past
        present = said(await browser.get("/looked?period=own&first=2020-01-01&last=2999-12-31"))
        assert "De Proef" in present


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("first=nonsense&last=2026-01-01", "Vul een datum in"),
        ("first=2026-01-01", "Vul een datum in"),
        ("first=2026-02-01&last=2026-01-01", "De laatste dag ligt voor de eerste"),
    ],
)
async def test_a_period_that_cannot_be_is_told_at_its_field(service: Service, query: str, problem: str) -> None:
    async with logged_in(service, "anna") as browser:
        answer = await browser.get(f"/looked?period=own&{query}")
    assert problem in answer.text
    assert 'aria-invalid="true"' in answer.text


async def test_reading_the_log_is_in_the_log(service: Service) -> None:
    async with logged_in(service, "anna") as browser:
        await browser.get("/looked")
        page = said(await browser.get("/looked"))
    assert "bekeken wie heeft gekeken" in page
    assert "Uzelf" in page


async def test_nobody_else_sees_it(service: Service) -> None:
    transport = httpx.ASGITransport(service.application)
    async with httpx.AsyncClient(transport=transport, base_url="https://zelfregie.test") as stranger:
        answer = await stranger.get("/looked")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Flooked")
        token = await stranger.get("/looked", headers={"authorization": "Bearer anna-permissions"})
        assert token.status_code == 303
    async with logged_in(service, "anna", record=None) as browser:
        answer = await browser.get("/looked")
        assert (answer.status_code, answer.headers["location"]) == (303, "/choose?next=%2Flooked")


async def test_what_is_shown_and_refused_on_pages_is_in_the_log(service: Service) -> None:
    await something_happened(service)
    async with logged_in(service, "anna") as browser:
        await browser.get("/permissions")
        refused = await browser.post("/permissions/new", data={"csrf": "0"})
        assert refused.status_code == 403
        page = said(await browser.get("/looked?period=week"))
    assert "de toestemmingen bekeken" in page
    assert "een vraag die niet mocht" in page


def test_every_operation_has_words_of_its_own() -> None:
    """What a person reads about what others did is never just 'did something'."""
    without = sorted({each.name for each in every_operation() if f"looked.did.{each.name}" not in texts()})
    assert without == []
