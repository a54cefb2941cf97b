"""The page of the record of all sources in a browser: it fits, can be used by everybody, works without a script, and
leads to a file to take along. https://www.w3.org/TR/WCAG22/
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext

from tests import builders
from tests.pages.visiting import barriers, log_in, resize
from tests.process import Process

WIDTHS: Final = (320, 390, 1280)
SCREENSHOTS: Final = os.environ.get("ZELFREGIE_SCREENSHOTS")
"""A folder to put pictures of the pages in, for people to look at."""


def anna_adds_what_her_practice_gave_before(url: str) -> None:
    """A second source of something in her record: she herself."""
    headers = {"authorization": "Bearer demo-anna-proefstra"}
    with httpx.Client(base_url=f"{url}/fhir", headers=headers) as client:
        listed = client.get("/Condition").json()["entry"]
        code = next(each["resource"]["code"] for each in listed if each["resource"]["code"].get("coding"))
        own = builders.condition("Patient/anna-proefstra", code=code, recordedDate="2026-10-01")
        assert client.post("/Condition", json=own).status_code == 201
        medication = {
            "resourceType": "MedicationStatement",
            "status": "active",
            "subject": {"reference": "Patient/anna-proefstra"},
            "medicationCodeableConcept": {"text": "Metformine tablet 500 mg"},
            "effectivePeriod": {"start": "2025-01-01"},
            "dosage": [{"text": "2 keer per dag 1 tablet"}],
        }
        assert client.post("/MedicationStatement", json=medication).status_code == 201


@pytest.fixture(params=["light", "dark"])
def visited(
    browser: Browser, fresh_demo: tuple[Process, Path], request: pytest.FixtureRequest
) -> Iterator[tuple[Process, BrowserContext, str]]:
    """Anna, logged in, with something of two sources."""
    process, sandbox = fresh_demo
    anna_adds_what_her_practice_gave_before(process.url)
    context = browser.new_context(bypass_csp=True, locale="nl-NL")  # for the checker
    context.set_default_timeout(60_000)
    log_in(context.new_page(), process.url, sandbox, "anna")
    yield process, context, request.param
    context.close()


def test_the_record_of_all_sources_fits_has_no_known_barrier_and_can_be_taken_along(
    visited: tuple[Process, BrowserContext, str], axe: str, tmp_path: Path
) -> None:
    process, context, scheme = visited
    page = context.new_page()
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for language in ("nl", "en"):
        page.goto(f"{process.url}/record?lang={language}")
        for width in WIDTHS:
            resize(page, width, "record")
            if SCREENSHOTS:
                page.screenshot(path=Path(SCREENSHOTS) / f"record-{language}-{width}-{scheme}.png", full_page=True)
        assert page.locator("script").count() == 0
        assert page.locator("h1").count() == 1
        assert barriers(page, axe) == [], language
        likely = {"nl": "Waarschijnlijk hetzelfde als:", "en": "Likely the same as:"}[language]
        assert page.get_by_text(likely).count() == 2
        page.locator("summary").click()
        assert barriers(page, axe) == [], language
    page.goto(f"{process.url}/record?lang=nl")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Samenvatting downloaden").click()
    assert waiting.value.suggested_filename == "samenvatting.pdf"
    waiting.value.save_as(tmp_path / "summary.pdf")
    assert (tmp_path / "summary.pdf").read_bytes().startswith(b"%PDF-")
    page.locator("main h3 a").first.click()
    assert "/data/item/" in page.url
