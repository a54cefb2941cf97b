"""The pages about people and of administrators in a browser: they fit and can be used by everybody; and a log-in at a
provider goes there and back. https://www.w3.org/TR/WCAG22/
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from app.cli.sandbox import write_demo
from tests.openid_provider import CLIENT, SECRET, Provider, provider_beside
from tests.pages.visiting import barriers, log_in, resize
from tests.process import Process, serving

pytestmark = pytest.mark.timeout(300)  # many steps, each looked at
WIDTHS: Final = (320, 390, 1280)
SCREENSHOTS: Final = os.environ.get("ZELFREGIE_SCREENSHOTS")
"""A folder to put pictures of the pages in, for people to look at."""


@dataclass(frozen=True, slots=True)
class World:
    """A served demo, its accounts, and a provider that its administrator registered."""

    process: Process
    sandbox: Path
    folder: Path
    provider: Provider
    browser: Browser
    axe: str

    @contextmanager
    def page(self, name: str = "") -> Iterator[Page]:
        """A page of somebody's browser. The pages have no script; the checker is one, and hangs where none may run."""
        context = self.browser.new_context(bypass_csp=True, locale="nl-NL")
        page = context.new_page()
        if name:
            log_in(page, self.process.url, self.sandbox, name)
        yield page
        context.close()

    def look(self, page: Page, name: str) -> None:
        """The page fits every screen and has no known barrier; its colours come from the same sheet as other pages',
        which are looked at in both schemes.
        """
        for width in WIDTHS:
            resize(page, width, name)
            if SCREENSHOTS:
                page.screenshot(path=Path(SCREENSHOTS) / f"people-{name}-{width}.png", full_page=True)
        assert barriers(page, self.axe) == [], name
        assert page.locator("h1").count() == 1


@pytest.fixture(scope="module")
def world(browser: Browser, axe: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("people")
    sandbox = write_demo(folder / "demo")
    arguments = ("serve", "--sandbox", sandbox, "--database", f"sqlite:///{folder / 'zelfregie.db'}")
    with provider_beside() as provider, serving(folder, *arguments) as process:
        provider.automatic = False
        yield World(process, sandbox, folder, provider, browser, axe)


def test_an_administrator_registers_a_provider_and_somebody_logs_in_there(world: World) -> None:
    _registered(world)
    _logged_in_there_and_back(world)


def _registered(world: World) -> None:
    url = world.process.url
    with world.page("beheer") as page:
        page.goto(f"{url}/admin")
        world.look(page, "admin")
        page.get_by_role("link", name="Organisaties").click()
        page.get_by_role("button", name="Voeg toe").click()
        assert page.locator(".problems a").first.get_attribute("href") == "#name"
        world.look(page, "organizations-problems")
        page.fill("#name", "Praktijk De Proeftuin")
        page.fill("#agb", "01234567")
        page.get_by_role("button", name="Voeg toe").click()
        assert page.locator(".done").is_visible()
        world.look(page, "organizations")
        page.goto(f"{url}/admin/providers")
        page.fill("#name", "Voorbeeldinlog")
        page.fill("#issuer", world.provider.issuer)
        page.fill("#client_id", CLIENT)
        page.fill("#client_secret", SECRET)
        page.fill("#strong", "high")
        page.get_by_role("button", name="Voeg toe").click()
        assert page.locator(".done").is_visible()
        world.look(page, "providers")
        page.goto(f"{url}/admin/mandates")
        world.look(page, "mandates")


def _logged_in_there_and_back(world: World) -> None:
    world.provider.claims |= {"acr": "high", "name": "Paula Elders"}
    with world.page() as page:
        page.goto(f"{world.process.url}/login")
        page.get_by_role("link", name="Voorbeeldinlog").click()
        assert page.url.startswith(world.provider.issuer)
        page.get_by_role("button", name="I am Anna").click()
        assert page.url == f"{world.process.url}/choose"
        world.look(page, "choose-none")
        page.get_by_role("link", name="Begin het dossier van uw kind").click()
        world.look(page, "child")
        page.get_by_role("button", name="Vraag dit aan").click()
        assert page.locator(".problems li").count() == 3
        world.look(page, "child-problems")
        page.fill("#given", "Kees")
        page.fill("#family", "Proefkind")
        page.fill("#birth_date", "2022-05-31")
        page.get_by_label("Ik heb het ouderlijk gezag").check()
        page.get_by_role("button", name="Vraag dit aan").click()
        assert "Kees Proefkind" in page.locator("main").inner_text()
        page.goto(f"{world.process.url}/account/elsewhere")
        assert "Ontkoppel Voorbeeldinlog" in page.locator("main").inner_text()
        world.look(page, "elsewhere")
    world.provider.claims["bsn"] = "999999990"
    with world.page() as page:
        page.goto(f"{world.process.url}/login")
        page.get_by_role("link", name="Voorbeeldinlog").click()
        page.get_by_role("button", name="I am Anna").click()
        assert "burgerservicenummer" in page.locator("main").inner_text()
        assert "999999990" not in page.content()
        world.look(page, "bsn")


def test_a_patient_invites_somebody_who_accepts(world: World) -> None:
    url = world.process.url
    with world.page("anna") as page:
        page.goto(f"{url}/people")
        world.look(page, "people-nobody")
        page.get_by_role("link", name="Nodig een mantelzorger uit").click()
        page.get_by_role("button", name="Verder").click()
        assert page.locator(".problems li").count() == 4
        world.look(page, "invite-problems")
        page.fill("#name", "Bram (buurman)")
        page.fill("#email", "bram@example.org")
        page.get_by_label("Metingen").check()
        page.get_by_label("Naam en contactgegevens").check()
        page.get_by_label("Bekijken").check()
        page.get_by_role("button", name="Verder").click()
        assert "Bram (buurman)" in page.locator(".shown").inner_text()
        world.look(page, "invite-check")
        page.get_by_role("button", name="Verstuur de uitnodiging").click()
        assert page.locator(".done").is_visible()
        world.look(page, "people-invited")
        page.goto(f"{url}/people/invite?as=representative")
        world.look(page, "authorise")
    path = _mailed(world.folder)
    with world.page() as page:
        page.goto(url + path)
        world.look(page, "invitation-nobody")
    with world.page("bram") as page:
        page.goto(url + path)
        world.look(page, "invitation")
        page.get_by_role("button", name="Aannemen").click()
        assert page.locator(".done").is_visible()
        assert page.locator(".people li").count() == 2
        world.look(page, "choose")
        page.get_by_role("button", name="Kies Anna Proefstra").click()
        assert "U helpt als mantelzorger" in page.locator("main").inner_text()


def _mailed(folder: Path) -> str:
    """The path of the invitation that was mailed; waits for it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for file in sorted(folder.rglob("outbox/*.eml"), reverse=True):
            text = str(message_from_bytes(file.read_bytes(), policy=default).get_content())
            if "/invitations/" in text:
                return "/invitations/" + text.partition("/invitations/")[2].split(maxsplit=1)[0]
        time.sleep(0.05)
    raise AssertionError("No invitation was mailed.")
