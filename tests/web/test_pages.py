"""The pages as they are sent: what they say, in which language, and what they keep a browser from doing."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from lxml import html

from app.config import Settings
from app.main import create_app
from app.server.capability import SYSTEM_ROWS, TYPE_ROWS
from app.web.pages import INTERACTIONS
from app.web.site import LANGUAGE_COOKIE, SESSION_COOKIE
from tests.server.service import TOKENS, Service
from tests.web.conftest import ROOT

PAGES: Final = ("/?lang=nl", "/?lang=en", "/docs")


async def page(site: httpx.AsyncClient, address: str) -> Any:
    """The root element; an xpath of it may be anything."""
    answer = await site.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return html.document_fromstring(answer.text)


@pytest.mark.parametrize("address", PAGES)
async def test_a_page_is_built_for_everybody(site: httpx.AsyncClient, address: str) -> None:
    root = await page(site, address)
    assert root.get("lang") in ("nl", "en")
    assert root.xpath("string(//title)").strip()
    for landmark in ("header", "main", "footer"):
        assert len(root.xpath(f"//{landmark}")) == 1
    assert root.xpath("//a[@class='skip']/@href") == [f"#{root.xpath('//main/@id')[0]}"]
    levels = [int(each.tag[1]) for each in root.xpath("//h1|//h2|//h3|//h4")]
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert all(each.get("aria-label") or each.get("aria-labelledby") for each in root.xpath("//nav"))
    marks = root.xpath("//@id")
    assert len(marks) == len(set(marks))
    assert set(root.xpath("//@aria-labelledby")) <= set(marks)
    assert {each[1:] for each in root.xpath("//a/@href[starts-with(., '#')]")} <= set(marks)


@pytest.mark.parametrize("address", PAGES)
async def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing(site: httpx.AsyncClient, address: str) -> None:
    root = await page(site, address)
    assert root.xpath("//script|//style|//iframe|//object|//@style|//@*[starts-with(name(), 'on')]") == []
    used = [*root.xpath("//link/@href"), *root.xpath("//@src")]
    assert used
    assert all(each.startswith("/") and not each.startswith("//") for each in used)
    for each in used:
        assert (await site.get(each)).status_code == 200


async def test_every_answer_keeps_a_browser_from_running_or_guessing(site: httpx.AsyncClient) -> None:
    for address in (*PAGES, "/openapi.json", "/assets/style.css", "/health", "/metrics", "/nothing"):
        headers = (await site.get(address)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_pages_speak_the_language_asked_for(site: httpx.AsyncClient) -> None:
    for headers, address, expected in (
        ({}, "/", "nl"),
        ({"accept-language": "en-GB,en;q=0.9"}, "/", "en"),
        ({"accept-language": "en"}, "/?lang=nl", "nl"),
        ({"accept-language": "nl"}, "/?lang=en", "en"),
    ):
        answer = await site.get(address, headers=headers)
        root: Any = html.document_fromstring(answer.text)
        assert root.get("lang") == answer.headers["content-language"] == expected
        assert "Accept-Language" in answer.headers["vary"]
        (present,) = root.xpath("//nav//a[@aria-current]/@href")
        assert present == f"/?lang={expected}"


async def test_the_pages_in_both_languages_lead_to_the_same(site: httpx.AsyncClient) -> None:
    dutch, english = [await page(site, f"/?lang={each}") for each in ("nl", "en")]
    for found in ("//main//a/@href", "//pre//text()", "//h2/@id"):
        assert dutch.xpath(found) == english.xpath(found)
    links = set(dutch.xpath("//main//a/@href"))
    assert {"/docs", "/openapi.json", "/health", f"{ROOT}/fhir/metadata"} <= links


async def test_the_first_page_leads_to_a_log_in_and_to_an_account(site: httpx.AsyncClient) -> None:
    for language in ("nl", "en"):
        root = await page(site, f"/?lang={language}")
        assert root.xpath("//main//a[@class]/@href") == ["/login", "/register"]
    known = await site.get("/", headers={"cookie": f"{SESSION_COOKIE}=whatever"})
    main: Any = html.document_fromstring(known.text)
    assert main.xpath("//main//a[@class]/@href") == ["/login"]  # which leads on, or asks to log in
    assert "Cookie" in known.headers["vary"]


async def test_the_language_that_was_chosen_on_the_first_page_holds_on_the_next(site: httpx.AsyncClient) -> None:
    kept = (await site.get("/?lang=en", headers={"accept-language": "nl"})).headers["set-cookie"]
    assert kept.startswith(f"{LANGUAGE_COOKIE}=en;")
    headers = {"accept-language": "nl", "cookie": f"{LANGUAGE_COOKIE}=en"}
    for address in ("/", "/login"):
        assert (await site.get(address, headers=headers)).headers["content-language"] == "en"
    assert "set-cookie" not in (await site.get("/?lang=xx", headers=headers)).headers


async def test_links_of_the_pages_lead_somewhere(site: httpx.AsyncClient) -> None:
    for address in PAGES:
        root = await page(site, address)
        for link in set(root.xpath("//a/@href")):
            if link.startswith(("/", ROOT)):
                assert (await site.get(link)).status_code == 200, link


async def test_a_sandbox_says_so_and_tells_no_token(site: httpx.AsyncClient) -> None:
    for address in PAGES:
        text = (await site.get(address)).text
        words = set(re.findall(r"[\w-]+", re.sub(r"<[^>]*>", " ", unescape(text))))
        assert not {f"Bearer {token}" for token in TOKENS} & {text}
        assert not {token for token in TOKENS if "-" in token} & words
    assert "/sandbox/reset" in (await site.get("/?lang=en")).text


async def test_a_service_that_is_no_sandbox_does_not_say_so(served: Service) -> None:
    from app.web import pages

    for language in ("nl", "en"):
        assert "/sandbox/reset" not in pages.home(served.server, language, sandbox=False)


async def test_the_first_lines_to_paste_work(site: httpx.AsyncClient) -> None:
    root = await page(site, "/?lang=en")
    lines = [each for each in root.xpath("//section[@aria-labelledby='start']//pre/code/text()") if "curl" in each]
    assert len(lines) == 3
    found = []
    for line in lines:
        address = re.search(r"(http://[^\s\"]+)", line)
        assert address is not None
        headers = {"authorization": "Bearer anna"} if "$TOKEN" in line else {}
        answer = await site.get(address[1], headers=headers)
        assert answer.status_code == 200, line
        found.append(answer.json()["resourceType"])
    assert found == ["CapabilityStatement", "Bundle", "Bundle"]


async def test_the_documentation_has_every_type_parameter_and_operation(
    served: Service, site: httpx.AsyncClient
) -> None:
    root = await page(site, "/docs")
    registry = served.server.registry
    assert set(root.xpath("//h3/@id")) == registry.stored
    for name in registry.stored:
        (section,) = root.xpath(f"//section[@aria-labelledby='{name}']")
        assert set(section.xpath("./dl/dt/code/text()")) == {"_id", "_lastUpdated", *registry.offered(name)}
    text = root.text_content()
    for operation in served.server.operations.every():
        assert f"${operation.name}" in text
        assert operation.description in text


def test_every_interaction_is_written_somewhere() -> None:
    assert set(INTERACTIONS) == {*TYPE_ROWS, *SYSTEM_ROWS}


async def test_the_documentation_is_small_on_the_line_and_not_sent_twice(site: httpx.AsyncClient) -> None:
    for address in ("/docs", "/openapi.json"):
        plain = await site.get(address, headers={"accept-encoding": "identity"})
        packed = await site.get(address, headers={"accept-encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == plain.content
        assert int(packed.headers["content-length"]) < len(plain.content) / 5
        again = await site.get(address, headers={"if-none-match": plain.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_pages_can_be_asked_for_by_head(site: httpx.AsyncClient) -> None:
    for address in (*PAGES, "/openapi.json", "/assets/style.css"):
        answer = await site.head(address)
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await site.post(address)).status_code == 405


async def test_other_files_of_the_package_are_not_served(site: httpx.AsyncClient) -> None:
    for name in ("../pages.py", "..%2fpages.py", "pages.py", "style.css/", "%2e%2e/templates/page.html"):
        assert (await site.get(f"/assets/{name}", follow_redirects=False)).status_code in (404, 307), name


async def test_pages_wait_for_the_service_to_open(tmp_path: Path) -> None:
    application = create_app(Settings(database=f"sqlite:///{tmp_path / 'x.db'}", state=tmp_path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=ROOT) as client:
        for address in PAGES:
            answer = await client.get(address)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
