"""The page of what was delivered and not taken in, in a browser: it fits, can be used by everybody, without a script.
https://www.w3.org/TR/WCAG22/
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from playwright.sync_api import Browser, BrowserContext, Page

from app.cli.sandbox import write_demo
from tests.pages.serving import reset
from tests.pages.test_data import SCREENSHOTS, WIDTHS
from tests.pages.visiting import barriers, log_in, resize
from tests.process import Process, serving

TOKEN: Final = "demo-deliverer"
PERSON: Final = "Patient/anna-proefstra"


def with_a_deliverer(sandbox: Path) -> None:
    """The practice's system, which may add."""
    content = yaml.safe_load(sandbox.read_text())
    content["tokens"][TOKEN] = {
        "patients": ["anna-proefstra"],
        "scopes": "system/*.cruds",
        "organization": "Huisartsenpraktijk De Proef aan de Nieuwe Kerkstraat",
        "purpose": "treatment",
    }
    sandbox.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def deliver(process: Process) -> None:
    """What cannot be read, and what is held."""
    wrong = {"resourceType": "Condition", "clinicalStatus": "x" * 200, "subject": {"reference": PERSON}}
    other = {"resourceType": "Patient", "id": "anna-proefstra", "birthDate": "1901-01-01"}
    for resource in (wrong, other):
        entry: dict[str, Any] = {
            "resource": resource,
            "request": {"method": "POST", "url": resource["resourceType"]},
        }
        answer = httpx.post(
            f"{process.address}/",
            json={"resourceType": "Bundle", "type": "batch", "entry": [entry]},
            headers={"authorization": f"Bearer {TOKEN}", "content-type": "application/fhir+json"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Path]]:
    """A demo with that system, as the test before left it; and its sandbox file."""
    folder = tmp_path_factory.mktemp("unread")
    sandbox = write_demo(folder / "demo")
    with_a_deliverer(sandbox)
    with serving(folder, "serve", "--sandbox", sandbox) as process:
        yield process, sandbox


@pytest.fixture(params=["light", "dark"])
def visited(
    browser: Browser, demo: tuple[Process, Path], request: pytest.FixtureRequest
) -> Iterator[tuple[Process, BrowserContext, str]]:
    """Anna, logged in, for whom something was delivered."""
    process, sandbox = demo
    reset(process)
    deliver(process)
    context = browser.new_context(bypass_csp=True, locale="nl-NL")  # for the checker
    context.set_default_timeout(60_000)
    log_in(context.new_page(), process.url, sandbox, "anna")
    yield process, context, request.param
    context.close()


def steps(page: Page, url: str) -> Iterator[str]:
    page.goto(f"{url}/data")
    page.locator('a[href="/data/unread"]').click()
    assert page.locator("ul.people > li").count() == 2
    page.locator("summary").click()
    yield "unread"
    page.get_by_role("button", name="Het gaat over mij").click()
    assert page.locator(".done").is_visible()
    assert page.locator("ul.people > li").count() == 1
    yield "unread-released"
    page.locator("main form button").click()
    assert page.locator(".done").is_visible()
    assert page.locator("ul.people").count() == 0
    yield "unread-nothing"


def test_every_page_fits_and_has_no_known_barrier(visited: tuple[Process, BrowserContext, str], axe: str) -> None:
    process, context, scheme = visited
    page = context.new_page()
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for name in steps(page, process.url):
        for width in WIDTHS:
            resize(page, width, name)
            if SCREENSHOTS:
                page.screenshot(path=Path(SCREENSHOTS) / f"data-{name}-{width}-{scheme}.png", full_page=True)
        assert page.locator("script").count() == 0
        assert page.locator("h1").count() == 1
        assert barriers(page, axe) == [], name
