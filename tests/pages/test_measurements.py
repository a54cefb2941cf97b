"""The pages of measurements and of the profile in a browser: they fit, can be used by everybody and by keyboard alone,
and work without a script. https://www.w3.org/TR/WCAG22/
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from app.measurements.watching import watching
from tests.pages.visiting import barriers, log_in, resize
from tests.process import Process

WIDTHS: Final = (320, 390, 1280)
SCREENSHOTS: Final = os.environ.get("ZELFREGIE_SCREENSHOTS")
"""A folder to put pictures of the pages in, for people to look at."""


@pytest.fixture(params=["light", "dark"])
def visited(
    browser: Browser, fresh_demo: tuple[Process, Path], request: pytest.FixtureRequest
) -> Iterator[tuple[Process, BrowserContext, str]]:
    """Anna, logged in."""
    process, sandbox = fresh_demo
    context = browser.new_context(bypass_csp=True, locale="nl-NL")  # for the checker
    context.set_default_timeout(60_000)
    log_in(context.new_page(), process.url, sandbox, "anna")
    yield process, context, request.param
    context.close()


def answered(page: Page, url: str, name: str, choose: int) -> None:
    """Fill in a questionnaire of ours, all on one page: the same number or place for every question."""
    page.goto(f"{url}/questionnaires")
    page.get_by_role("link", name=name).first.click()
    page.get_by_label("Alle vragen op één pagina").check()
    page.locator("main form button").first.click()
    for _ in range(3):
        for group in page.locator("fieldset:has(input[type=radio])").all():
            group.locator("input[type=radio]").nth(choose).check()
        page.locator("main form p.buttons:last-of-type button[value=next]").click()
        if "/overview" in page.url:
            break
    page.locator("main form button").first.click()


def steps(page: Page, url: str) -> Iterator[str]:
    """Every page, as somebody comes by them; what each is."""
    page.goto(f"{url}/measurements")
    yield "overview"
    page.goto(f"{url}/measurements/import")
    yield "import"
    rows = b"datum;tijd;soort;waarde\n02-11-2026;08:00;gewicht;81,5\nx;08:00;gewicht;veel\n"
    page.get_by_label("Bestand", exact=True).set_input_files(
        {"name": "metingen.csv", "mimeType": "text/csv", "buffer": rows}
    )
    page.get_by_role("button", name="Bestand sturen").click()
    while page.get_by_role("link", name="Kijk hoever het is").count():
        page.get_by_role("link", name="Kijk hoever het is").click()
    yield "import-report"
    page.goto(f"{url}/measurements/of/blood-pressure?period=quarter")
    yield "blood-pressure"
    page.goto(f"{url}/measurements/of/weight?period=all&per=month")
    yield "weight-months"
    page.goto(f"{url}/measurements/of/weight")
    page.get_by_role("link", name="Meting invullen").click()
    yield "enter"
    page.fill("#weight", "veel")
    page.get_by_role("button", name="Bewaren").click()
    assert page.locator(".problems a").first.get_attribute("href") == "#weight"
    yield "problems"
    page.fill("#weight", "251,5")
    page.get_by_role("button", name="Bewaren").click()
    assert page.locator("h1").inner_text() == "Klopt deze meting?"
    yield "confirm"
    page.get_by_role("button", name="Ja, dit klopt").click()
    assert page.locator(".done").is_visible()
    yield "weight-confirmed"
    page.locator("tbody a").first.click()
    yield "item"
    page.get_by_role("button", name="Ja, dit was een vergissing").click()
    assert page.locator(".done").is_visible()
    page.goto(f"{url}/measurements/new/blood-glucose")
    yield "enter-glucose"
    page.goto(f"{url}/measurements/new/pain")
    yield "enter-pain"
    page.goto(f"{url}/profile")
    yield "profile-empty"
    for choose in (5, 7):
        answered(page, url, "Levenswiel", choose)
    answered(page, url, "Waar sta ik nu?", 2)
    answered(page, url, "Hoe belangrijk", 7)
    page.goto(f"{url}/profile")
    yield "profile"


def test_every_page_fits_and_has_no_known_barrier(visited: tuple[Process, BrowserContext, str], axe: str) -> None:
    process, context, scheme = visited
    page = context.new_page()
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for name in steps(page, process.url):
        for width in WIDTHS:
            resize(page, width, name)
            if SCREENSHOTS:
                page.screenshot(path=Path(SCREENSHOTS) / f"measurements-{name}-{width}-{scheme}.png", full_page=True)
        assert page.locator("script").count() == 0
        assert page.locator("h1").count() == 1
        assert watching()["nl"] in page.locator("main").inner_text()
        assert barriers(page, axe) == [], name


@pytest.mark.parametrize("visited", ["light"], indirect=True)
def test_a_measurement_is_entered_and_looked_at_by_keyboard_alone(
    visited: tuple[Process, BrowserContext, str],
) -> None:
    process, context, _ = visited
    page = context.new_page()
    page.goto(f"{process.url}/measurements/new/weight")

    def tab_to(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(selector)

    tab_to("#weight")
    page.keyboard.type("82,5")
    tab_to("main form button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/measurements/of/weight?done=entered")
    tab_to("#period")
    page.keyboard.press("ArrowUp")
    tab_to("main form button")
    page.keyboard.press("Enter")
    page.wait_for_url("**period=week**")
    tab_to("tbody a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/measurements/item/**")
    assert "82,5 kg" in page.locator("main").inner_text()
