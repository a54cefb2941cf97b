"""The pages of a person's own data in a browser: they fit, can be used by everybody, and work without a script.
https://www.w3.org/TR/WCAG22/
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

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


def fetched(page: Page, folder: Path) -> None:
    """Ask for a copy, wait for it as the page does, and fetch it."""
    page.get_by_role("button", name="Kopie maken").click()
    for _ in range(600):
        again = page.get_by_role("link", name="Kijk hoe ver het is")
        if not again.count():
            break
        again.click()
    page.get_by_role("button", name="Ophalen").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Bestand downloaden").click()
    archive = folder / "copy.zip"
    waiting.value.save_as(archive)
    manifest = json.loads(zipfile.ZipFile(archive).read("manifest.json"))
    assert manifest["patient"] == "anna-proefstra"


def steps(page: Page, url: str, folder: Path) -> Iterator[str]:
    """Every page, as somebody comes by them; what each is."""
    page.goto(f"{url}/data")
    yield "overview"
    page.get_by_role("link", name="doelen (").first.click()
    yield "list"
    page.locator("main ul a").first.click()
    page.locator("summary").click()
    yield "item"
    page.locator("textarea").fill(" ")
    page.get_by_role("button", name="Opmerking erbij zetten").click()
    assert page.locator(".problems a").first.get_attribute("href") == "#text"
    yield "problems"
    page.locator("textarea").fill("Dit heb ik anders gezegd.")
    page.get_by_role("button", name="Opmerking erbij zetten").click()
    assert page.locator(".done").is_visible()
    yield "annotated"
    page.goto(f"{url}/data/export")
    yield "export"
    fetched(page, folder)
    yield "copy"
    page.goto(f"{url}/data")
    page.get_by_role("link", name="doelen (").first.click()
    page.locator("main ul a").first.click()
    page.get_by_role("link", name="Wissen", exact=True).click()
    yield "erase"
    page.get_by_role("button", name="Ja, wis dit gegeven").click()
    assert page.locator(".done").is_visible()
    yield "erased-one"
    page.get_by_role("link", name="Alles van deze bron wissen").first.click()
    yield "erase-source"
    page.goto(f"{url}/data/erase/everything")
    page.fill("#word", "ja")
    page.get_by_role("button", name="Ja, wis alles").click()
    assert page.locator(".problems a").first.get_attribute("href") == "#word"
    yield "erase-everything"
    page.fill("#word", "wissen")
    page.get_by_role("button", name="Ja, wis alles").click()
    assert page.locator("h1").inner_text() == "Alles is gewist"
    page.locator("summary").click()
    yield "erased"


def test_every_page_fits_and_has_no_known_barrier(
    visited: tuple[Process, BrowserContext, str], axe: str, tmp_path: Path
) -> None:
    process, context, scheme = visited
    page = context.new_page()
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for name in steps(page, process.url, tmp_path):
        for width in WIDTHS:
            resize(page, width, name)
            if SCREENSHOTS:
                page.screenshot(path=Path(SCREENSHOTS) / f"data-{name}-{width}-{scheme}.png", full_page=True)
        assert page.locator("script").count() == 0
        assert page.locator("h1").count() == 1
        assert barriers(page, axe) == [], name
    page.goto(f"{process.url}/data")
    assert "/login" in page.url
