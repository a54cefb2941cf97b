"""The pages of permissions in a browser: they fit, can be used by everybody, and work without a script.
https://www.w3.org/TR/WCAG22/
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page

from app.cli.sandbox import write_demo
from tests.pages.test_browser import SCHEMES
from tests.pages.visiting import barriers, log_in, resize
from tests.process import Process, serving

WIDTHS: Final = (320, 390, 1280)
"""A small telephone with large letters, a telephone, a desk."""
PRACTICE: Final = "Huisartsenpraktijk De Proeftuin"
SCREENSHOTS: Final = os.environ.get("ZELFREGIE_SCREENSHOTS")
"""A folder to put pictures of the pages in, for people to look at."""


@pytest.fixture(scope="module")
def visited(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Any]]:
    """Anna's cookies after she logged in; her practice has a permission already."""
    folder = tmp_path_factory.mktemp("permissions")
    sandbox = write_demo(folder / "demo")
    with serving(folder, "serve", "--sandbox", sandbox) as process:
        context = browser.new_context(locale="nl-NL")
        log_in(context.new_page(), process.url, sandbox, "anna")
        yield process, context.storage_state()
        context.close()


def steps(page: Page, url: str) -> Iterator[str]:
    """Every page of permissions, as somebody comes by them; what each is."""
    page.goto(f"{url}/permissions")
    yield "permissions"
    page.goto(f"{url}/permissions/new")
    yield "new"
    page.locator("main form button").first.click()
    page.locator(".problems").wait_for()
    assert page.locator(".problems a").first.get_attribute("href") == "#recipient"
    yield "problems"
    page.select_option("#recipient", label=PRACTICE)
    page.get_by_label("Metingen").check()
    page.get_by_label("Onderzoek", exact=True).check()
    page.locator("main form button").first.click()
    page.locator(".shown").first.wait_for()
    assert page.locator(".shown").count() == 2
    yield "check"
    page.locator("main form button").first.click()
    page.locator(".done").wait_for()
    page.locator("summary").first.click()
    yield "given"
    page.get_by_role("link", name="Tekst en versies bekijken").first.click()
    yield "versions"
    page.get_by_role("link", name="Aanpassen").first.click()
    yield "change"
    page.goto(f"{url}/pairing")
    yield "pairing"
    page.select_option("#organization", label=PRACTICE)
    page.locator("main form button").first.click()
    page.locator(".qr svg").wait_for()
    yield "code"
    page.goto(f"{url}/permissions")
    before = page.get_by_role("button", name="Intrekken (").count()
    page.get_by_role("button", name="Intrekken (").first.click()
    page.locator(".done").wait_for()
    assert page.get_by_role("button", name="Intrekken (").count() == before - 1
    yield "withdrawn"


def test_every_page_fits_and_has_no_known_barrier(browser: Browser, visited: tuple[Process, Any], axe: str) -> None:
    process, cookies = visited
    context = browser.new_context(storage_state=cookies, bypass_csp=True, locale="nl-NL")
    page = context.new_page()
    for name in steps(page, process.url):
        for width in WIDTHS:
            resize(page, width, name)
            if SCREENSHOTS:
                page.screenshot(path=Path(SCREENSHOTS) / f"permissions-{name}-{width}.png", full_page=True)
        assert page.locator("h1").count() == 1
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert barriers(page, axe) == [], (name, scheme)
    context.close()


def test_every_step_works_without_a_script(browser: Browser, visited: tuple[Process, Any]) -> None:
    process, cookies = visited
    context = browser.new_context(storage_state=cookies, java_script_enabled=False, locale="nl-NL")
    assert len(list(steps(context.new_page(), process.url))) == 10
    context.close()
