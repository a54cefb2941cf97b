"""The pages in a browser: they fit, can be read and used by everybody, and need no script.
https://www.w3.org/TR/WCAG22/
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.process import Process

PAGES: Final = ("/?lang=nl", "/?lang=en", "/docs")
WIDTHS: Final = (320, 390, 1280)
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
LEVELS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MANY_TYPES: Final = "section.type:nth-of-type(n + 4), .index li:nth-child(n + 4)"
"""The sections of the documentation but for the first few: all are made by one template, and checking takes long."""


@contextmanager
def opened(browser: Browser, url: str, *, width: int = 1280, silent: bool = True, **options: Any) -> Iterator[Page]:
    """A page, which writes nothing to the console while it is ``silent``."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    yield page
    context.close()
    assert not silent or said == []


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_fits_every_screen(browser: Browser, served: Process, width: int, address: str) -> None:
    with opened(browser, served.url + address, width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("h1").is_visible()


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_page_has_no_known_barrier(
    browser: Browser, served: Process, axe: str, scheme: Literal["light", "dark"], address: str
) -> None:
    with opened(browser, served.url + address, width=390, color_scheme=scheme, bypass_csp=True) as page:
        page.evaluate("many => document.querySelectorAll(many).forEach(each => each.remove())", MANY_TYPES)
        page.evaluate(axe)
        found = page.evaluate("levels => axe.run({runOnly: {type: 'tag', values: levels}})", LEVELS)
        assert len(found["passes"]) > 15
        barriers = [(each["id"], [node["html"] for node in each["nodes"][:3]]) for each in found["violations"]]
        assert barriers == []


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_all_there_without_scripts(browser: Browser, served: Process, address: str) -> None:
    with opened(browser, served.url + address, java_script_enabled=False) as page:
        assert "curl" in page.locator("main").inner_text()
        assert page.locator("main a").count() > 3


def test_the_keyboard_reaches_everything_and_shows_where_it_is(browser: Browser, served: Process) -> None:
    with opened(browser, f"{served.url}/?lang=en", width=390) as page:
        page.keyboard.press("Tab")
        skip = page.locator("a.skip")
        assert skip.evaluate("each => each === document.activeElement")
        box = skip.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        reached = []
        for _ in range(page.locator("a").count() - 1):
            page.keyboard.press("Tab")
            shown = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert shown == "solid"
            reached.append(page.evaluate("document.activeElement.getAttribute('href')"))
        assert reached == page.locator("a:not(.skip)").evaluate_all("all => all.map(each => each.getAttribute('href'))")


def test_the_skip_link_leads_past_the_header(browser: Browser, served: Process) -> None:
    with opened(browser, f"{served.url}/docs") as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"


def test_the_language_is_chosen_with_one_click(browser: Browser, served: Process) -> None:
    with opened(browser, f"{served.url}/", locale="nl-NL") as page:
        assert page.locator("html").get_attribute("lang") == "nl"
        page.get_by_role("link", name="English").click()
        page.wait_for_url("**/?lang=en")
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.get_by_role("heading", level=1).inner_text() == "My health, my plan"


def test_the_documentation_leads_to_a_type(browser: Browser, served: Process) -> None:
    with opened(browser, f"{served.url}/docs") as page:
        page.get_by_role("navigation", name="Types").get_by_role("link", name="Observation", exact=True).click()
        heading = page.get_by_role("heading", level=3, name="Observation", exact=True)
        heading.wait_for()
        box = heading.bounding_box()
        assert box is not None
        assert 0 <= box["y"] < 900
        assert "combo-code" in page.locator("section[aria-labelledby='Observation']").inner_text()


def test_a_browser_that_opens_an_address_of_fhir_gets_json(browser: Browser, served: Process) -> None:
    with opened(browser, "about:blank", silent=False) as page:
        answer = page.goto(f"{served.url}/fhir/metadata")
        assert answer is not None
        assert answer.headers["content-type"].startswith("application/fhir+json")
        assert answer.json()["resourceType"] == "CapabilityStatement"
        refused = page.evaluate("fetch('/fhir/Patient').then(each => each.json())")
        assert refused["resourceType"] == "OperationOutcome"


def test_a_page_of_another_origin_may_use_the_api(browser: Browser, served: Process) -> None:
    other = served.url.replace("127.0.0.1", "localhost")
    script = """async ([base, token]) => {
        const headers = {
            Authorization: `Bearer ${token}`, "Content-Type": "application/fhir+json", Prefer: "return=minimal"
        };
        const goal = {resourceType: "Goal", id: "from-a-page", lifecycleStatus: "active", description: {text: "x"},
                      subject: {reference: "Patient/anna-proefstra"}};
        const body = JSON.stringify(goal);
        const answer = await fetch(`${base}/fhir/Goal/from-a-page`, {method: "PUT", headers, body});
        return [answer.status, answer.headers.get("ETag"), answer.headers.get("X-Request-Id") !== null];
    }"""
    with opened(browser, f"{other}/fhir/metadata", silent=False) as page:
        # The metadata page itself has no policy of its own that would keep its scripts from asking elsewhere.
        status, tag, identified = page.evaluate(script, [served.url, "demo-anna-proefstra"])
    assert (status, tag, identified) == (201, 'W/"1"', True)
