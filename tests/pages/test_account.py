"""The pages of an account in a browser: with and without scripts, passkeys with Chromium's own virtual authenticator,
no barriers, and room on every screen. https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/
"""

from __future__ import annotations

import email
import email.policy
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from app.auth.accounts import totp
from app.cli.sandbox import write_demo
from tests.pages.visiting import barriers, resize
from tests.process import Process, free_port, serving

WIDTHS: Final = (320, 390, 1280)
CHOSEN: Final = "vijf-gele-paraplus"
OPEN: Final = ("/register", "/register/sent", "/login", "/recover", "/recover/sent", "/verify/nonsense")
CLOSED: Final = (
    *("/account", "/account/confirm", "/account/password", "/account/email", "/account/totp"),
    *("/account/passkeys", "/account/codes", "/account/codes-left"),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The demo at an address with a name, where passkeys work; and the folder of its mails."""
    folder = tmp_path_factory.mktemp("account")
    port = free_port()
    url = f"http://localhost:{port}"
    more = {"ZELFREGIE_BASE_URL": url, "ZELFREGIE_ARGON2_MEMORY": "8", "ZELFREGIE_ARGON2_ROUNDS": "1"}
    database = f"sqlite:///{folder / 'zelfregie.db'}"
    file = write_demo(folder / "demo")
    with serving(folder, "serve", "--sandbox", file, "--database", database, port=port, more=more):
        yield url, folder / "outbox"


@contextmanager
def visiting(browser: Browser, **options: Any) -> Iterator[Page]:
    """A new visit; no page writes anything to the console."""
    context = browser.new_context(locale="nl-NL", **options)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert [each for each in said if "status of 4" not in each] == []


def mail_to(outbox: Path, address: str) -> str:
    """The text of the last mail to somebody; waits for it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for path in sorted(outbox.glob("*.eml"), reverse=True):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if message["To"] == address:
                body = message.get_body()
                assert body is not None
                return str(body.get_content())
        time.sleep(0.05)
    raise AssertionError(f"no mail to {address}")


def register(page: Page, home: tuple[str, Path], name: str) -> str:
    """Up to the page where the second factor is set up; the e-mail address."""
    url, outbox = home
    address = f"{name}@voorbeeld.example"
    page.goto(f"{url}/register")
    page.fill("#name", "Robin Voorbeeld")
    page.fill("#birth_date", "1980-05-17")
    page.fill("#email", address)
    page.fill("#password", CHOSEN)
    page.click("main form button")
    page.wait_for_url("**/register/sent")
    link = re.search(r"http://localhost:\d+/verify/\S+", mail_to(outbox, address))
    assert link is not None
    page.goto(link[0])
    page.fill("#password", CHOSEN)
    page.click("main form button")
    page.wait_for_url("**/login/set-up*")
    return address


def code_on(page: Page) -> str:
    """What an app says that was given the secret on the page."""
    return totp.code_at(totp.read_secret(page.locator(".secret").inner_text()), int(time.time()) // 30)


def with_authenticator(context: BrowserContext, page: Page) -> None:
    """A device that makes passkeys and knows its owner."""
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def start_record(page: Page) -> None:
    page.get_by_role("link", name="Ik heb de codes bewaard").click()
    page.wait_for_url("**/account/record")
    page.get_by_role("button", name="Begin mijn dossier").click()
    page.wait_for_url("**/permissions")


def test_without_scripts_somebody_registers_sets_up_an_app_and_has_a_record(
    browser: Browser, home: tuple[str, Path]
) -> None:
    with visiting(browser, java_script_enabled=False) as page:
        register(page, home, "zonder-script")
        assert page.locator("form[data-passkey]").is_hidden()
        assert "JavaScript aan staan" in page.locator("main").inner_text()
        assert page.locator(".qr svg").is_visible()
        page.fill("#code", code_on(page))
        page.get_by_role("button", name="App instellen").click()
        assert page.locator("ol.secret li").count() == 10
        start_record(page)


def test_with_a_passkey_somebody_registers_logs_in_and_confirms(browser: Browser, home: tuple[str, Path]) -> None:
    url, outbox = home
    with visiting(browser) as page:
        with_authenticator(page.context, page)
        address = register(page, home, "met-sleutel")
        page.fill("#name", "mijn telefoon")
        page.get_by_role("button", name="Maak een toegangssleutel").click()
        page.wait_for_selector("ol.secret")
        start_record(page)
        page.goto(f"{url}/account")
        page.get_by_role("button", name="Uitloggen").click()
        page.wait_for_url("**/login")
        page.get_by_role("button", name="Gebruik een toegangssleutel").click()
        page.wait_for_url("**/permissions")
        page.goto(f"{url}/account/confirm?next=/account/passkeys")
        page.get_by_role("button", name="Gebruik een toegangssleutel").click()
        page.wait_for_url(f"{url}/account/passkeys")
        main = page.locator("main").inner_text()
        assert "mijn telefoon" in main
        assert "gebruikt op" in main
        assert "laatste tweede stap" in main
        assert "log-in" not in mail_to(outbox, address)


def test_the_password_and_a_passkey_are_a_log_in_too(browser: Browser, home: tuple[str, Path]) -> None:
    url, _ = home
    with visiting(browser) as page:
        with_authenticator(page.context, page)
        address = register(page, home, "beide")
        page.get_by_role("button", name="Maak een toegangssleutel").click()
        page.wait_for_selector("ol.secret")
        start_record(page)
        page.goto(f"{url}/account")
        page.get_by_role("button", name="Uitloggen").click()
        page.fill("#email", address)
        page.fill("#password", CHOSEN)
        page.get_by_role("button", name="Inloggen").click()
        page.wait_for_url("**/login/second-factor*")
        page.get_by_role("button", name="Gebruik een toegangssleutel").click()
        page.wait_for_url("**/permissions")


def test_a_passkey_that_fails_says_what_else_there_is(browser: Browser, home: tuple[str, Path]) -> None:
    url, _ = home
    with visiting(browser) as page:
        session = page.context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        session.send(
            "WebAuthn.addVirtualAuthenticator",
            {"options": {"protocol": "ctap2", "transport": "internal", "hasUserVerification": False}},
        )
        page.goto(f"{url}/login")
        page.get_by_role("button", name="Gebruik een toegangssleutel").click()
        page.locator("form[data-passkey] [role=alert]", has_text="wachtwoord met een code").wait_for()


def test_passkeys_are_not_offered_at_an_address_of_digits(browser: Browser, served: Process) -> None:
    with visiting(browser) as page:
        page.goto(f"{served.url}/login")
        assert "alleen op een adres met een naam" in page.locator("main").inner_text()
        assert page.locator("form[data-passkey], script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_known_barrier_and_each_fits_every_screen(
    browser: Browser, home: tuple[str, Path], axe: str, tmp_path_factory: pytest.TempPathFactory,
    scheme: Literal["light", "dark"],
) -> None:  # fmt: skip
    url, _ = home
    shown = tmp_path_factory.mktemp(f"screens-{scheme}")

    def check(page: Page, name: str) -> None:
        assert barriers(page, axe) == [], name
        for width in WIDTHS:
            resize(page, width, name)
            if width != WIDTHS[0]:
                page.screenshot(path=shown / f"{name}-{width}.png", full_page=True)

    with visiting(browser, bypass_csp=True, color_scheme=scheme) as page:
        for path in OPEN:
            page.goto(url + path)
            check(page, path.strip("/").replace("/", "-"))
        page.goto(f"{url}/login")
        page.fill("#email", "nobody@voorbeeld.example")
        page.fill("#password", "fout-fout-fout")
        page.get_by_role("button", name="Inloggen").click()
        check(page, "login-wrong")
        page.goto(f"{url}/register")
        page.locator("main form").first.evaluate("form => form.submit()")
        page.wait_for_selector(".problems")
        check(page, "register-wrong")
        register(page, home, f"schermen-{scheme}")
        check(page, "set-up")
        page.fill("#code", code_on(page))
        page.get_by_role("button", name="App instellen").click()
        check(page, "codes")
        page.goto(f"{url}/account/record")
        check(page, "record")
        for path in CLOSED:
            page.goto(url + path)
            assert page.url == url + path
            check(page, path.strip("/").replace("/", "-"))
