"""What care asks to fill in, and correcting what was sent, in Chromium: in both languages, on a phone and a desk,
without a known barrier. https://www.w3.org/TR/WCAG22/
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from app.cli.sandbox import write_demo
from app.fhir.resource import Resource
from tests.pages.serving import ours, tell
from tests.pages.visiting import barriers, log_in, resize
from tests.process import Process, serving

pytestmark = pytest.mark.timeout(300)
WIDTHS: Final = (390, 1280)
SCREENSHOTS: Final = os.environ.get("ZELFREGIE_SCREENSHOTS")
"""A folder to put pictures of the pages in, for people to look at."""
PATIENT: Final = "Patient/anna-proefstra"
TOKEN: Final = "demo-anna-proefstra"


@pytest.fixture(scope="module")
def visited(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Page]]:
    """A served demo of its own, in which Anna has logged in."""
    folder = tmp_path_factory.mktemp("asked")
    sandbox = write_demo(folder / "demo")
    arguments = ("serve", "--sandbox", sandbox, "--database", f"sqlite:///{folder / 'zelfregie.db'}")
    with serving(folder, *arguments) as process:
        context = browser.new_context(bypass_csp=True, locale="nl-NL")  # for the checker
        context.set_default_timeout(30_000)
        page = context.new_page()
        log_in(page, process.url, sandbox, "anna")
        yield process, page
        context.close()


def look(page: Page, axe: str, name: str) -> None:
    """It fits, and has no known barrier."""
    for width in WIDTHS:
        resize(page, width, name)
        if SCREENSHOTS:
            page.screenshot(path=Path(SCREENSHOTS) / f"asked-{name}-{width}.png", full_page=True)
    assert barriers(page, axe) == [], name
    assert page.locator("h1").count() == 1, name


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name).first.click()


def asked(process: Process, name: str) -> Resource:
    """What Anna is asked to fill in."""
    return tell(
        process,
        "POST",
        "Task",
        {
            "resourceType": "Task",
            "status": "requested",
            "intent": "order",
            "code": {"coding": [{"system": "http://loinc.org", "code": "74468-0"}]},
            "for": {"reference": PATIENT},
            "owner": {"reference": PATIENT},
            "authoredOn": "2026-11-02T09:00:00+01:00",
            "requester": {"display": "Huisartspraktijk De Linde"},
            "input": [{"type": {"text": "Questionnaire"}, "valueCanonical": ours(name)["url"]}],
        },
        token="demo-operator",
    )


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("nl", ("Ja, dat doe ik later", "Nee zeggen", "U hebt nee gezegd", "Schrijf de reden op")),
        ("en", ("Yes, I will do it later", "Say no", "You said no", "Write down the reason")),
    ],
)
def test_what_is_asked_is_accepted_or_declined(
    visited: tuple[Process, Page], axe: str, language: str, says: tuple[str, str, str, str]
) -> None:
    process, page = visited
    later, no, said, reason = says
    task = asked(process, "consultvoorbereiding")
    page.goto(f"{process.url}/questionnaires?lang={language}")
    look(page, axe, f"list-{language}")
    press(page, later)
    assert tell(process, "GET", f"Task/{task['id']}", token=TOKEN)["status"] == "accepted"
    look(page, axe, f"accepted-{language}")
    with page.expect_navigation():
        page.locator(f'a[href="/questionnaires/asked/{task["id"]}/decline"]').click()
    look(page, axe, f"decline-{language}")
    press(page, no)
    assert reason in page.locator(".problems").inner_text()
    look(page, axe, f"decline-wrong-{language}")
    page.check("input[value=failed]")
    page.fill("textarea", "Ik ben te moe.")
    press(page, no)
    assert said in page.locator(".done").inner_text()
    kept = tell(process, "GET", f"Task/{task['id']}", token=TOKEN)
    assert (kept["status"], kept["statusReason"]["text"]) == ("failed", "Ik ben te moe.")
    page.goto(f"{process.url}/questionnaires?lang=nl")


def test_answers_are_corrected(visited: tuple[Process, Page], axe: str) -> None:
    process, page = visited
    items = [{"linkId": "point", "answer": [{"valueString": "Moe na het wandelen"}]}]
    questionnaire = ours("consultvoorbereiding")
    sent = tell(
        process,
        "POST",
        "QuestionnaireResponse",
        {
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "questionnaire": f"{questionnaire['url']}|{questionnaire['version']}",
            "subject": {"reference": PATIENT},
            "item": items,
        },
        token=TOKEN,
    )
    page.goto(f"{process.url}/questionnaires/{sent['id']}")
    look(page, axe, "answered")
    press(page, "Antwoorden verbeteren")
    look(page, axe, "amending")
    with page.expect_navigation():
        page.get_by_role("link", name="Wijzigen").first.click()
    page.locator("main textarea, main input[type=text]").first.fill("Moe na het fietsen")
    with page.expect_navigation():
        page.locator("button[value=next]:not([tabindex])").click()
    with page.expect_navigation():
        page.get_by_role("link", name="Overzicht van uw antwoorden").click()
    press(page, "Verbeterde antwoorden versturen")
    assert "Uw antwoorden zijn verbeterd" in page.locator(".done").inner_text()
    look(page, axe, "amended")
    kept = tell(process, "GET", f"QuestionnaireResponse/{sent['id']}", token=TOKEN)
    assert kept["status"] == "amended"
    assert kept["item"][0]["answer"] == [{"valueString": "Moe na het fietsen"}]
