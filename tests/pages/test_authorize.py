"""Apps in a browser: the SMART clients for JavaScript and Python go through the whole launch, and the pages on the way
fit, can be used by everybody, and work without a script.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html https://github.com/smart-on-fhir/client-js
https://github.com/smart-on-fhir/client-py
"""

from __future__ import annotations

import json
import os
import time
from base64 import b32decode
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import pytest
import yaml
from fhirclient.client import FHIRClient
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from playwright.sync_api import Browser, Page, Route

from app.auth.accounts import totp
from app.cli.sandbox import write_demo
from tests.pages.test_browser import SCHEMES
from tests.pages.visiting import barriers, demo_account, log_in, resize
from tests.process import Process, free_port, serving

WIDTHS: Final = (320, 390, 1280)
SCREENSHOTS: Final = os.environ.get("ZELFREGIE_SCREENSHOTS")
LIBRARY: Final = Path(__file__).parents[1] / "clients/javascript/node_modules/fhirclient/build/fhir-client.min.js"
SCOPES: Final = "openid fhirUser offline_access launch/patient patient/*.rs patient/Observation.cruds"
STANDALONE: Final = """<!doctype html><script src="fhir-client.js"></script><script>
FHIR.oauth2.authorize({clientId: "browser-app", iss: "BASE", redirectUri: "index.html", scope: "SCOPES"});
</script>"""
LAUNCH: Final = """<!doctype html><script src="fhir-client.js"></script><script>
FHIR.oauth2.authorize({clientId: "browser-app", redirectUri: "index.html", scope: "launch SCOPES"});
</script>"""
INDEX: Final = """<!doctype html><pre id="said"></pre><script src="fhir-client.js"></script><script>
(async () => {
    const said = {};
    try {
        const client = await FHIR.oauth2.ready();
        said.patient = client.patient.id;
        said.user = await client.user.fhirUser;
        said.name = (await client.patient.read()).name[0].text;
        said.found = (await client.request("Observation?_count=3&_sort=-date")).entry.length;
        const before = client.state.tokenResponse.access_token;
        await client.refresh();
        said.renewed = before !== client.state.tokenResponse.access_token;
        said.again = (await client.request("Patient/" + client.patient.id)).id;
        said.other = await client.request("Patient/OTHER").then(() => "given", error => error.status || error.message);
    } catch (error) { said.error = String(error); }
    document.getElementById("said").textContent = JSON.stringify(said);
})();
</script>"""
OTHER: Final = "hendrik-proefman"


@dataclass(frozen=True, slots=True)
class World:
    """The service, and an app beside it at ``app``; ``sandbox`` is the service's file."""

    service: Process
    app: str
    sandbox: Path


def app_pages(base: str) -> dict[str, tuple[str, bytes]]:
    """What the app's server has, by path."""
    replaced = (("BASE", base), ("SCOPES", SCOPES), ("OTHER", OTHER))
    pages = {"/standalone.html": STANDALONE, "/launch.html": LAUNCH, "/index.html": INDEX, "/callback": "<p>Back.</p>"}
    made: dict[str, tuple[str, bytes]] = {"/fhir-client.js": ("text/javascript", LIBRARY.read_bytes())}
    for path, text in pages.items():
        for name, value in replaced:
            text = text.replace(name, value)  # noqa: PLW2901 - one after the other
        made[path] = ("text/html", text.encode())
    return made


def app_server(port: int, pages: dict[str, tuple[str, bytes]]) -> ThreadingHTTPServer:
    """A server of an app's own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            media_type, content = pages.get(urlsplit(self.path).path, ("text/plain", b""))
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if not LIBRARY.is_file():
        pytest.skip("no JavaScript clients: `make test` installs them when npm is there")
    folder = tmp_path_factory.mktemp("apps")
    sandbox = write_demo(folder / "demo")
    app_port, port = free_port(), free_port()
    app = f"http://127.0.0.1:{app_port}"
    content = yaml.safe_load(sandbox.read_text())
    usual = {"users": "patients", "scopes": f"launch {SCOPES} patient/*.cruds"}
    content["clients"] |= {
        "browser-app": {
            "name": "Een app in de browser",
            "kind": "public",
            "redirect_uris": [f"{app}/index.html"],
            "launch_uri": "https://app.example/launch",
            **usual,
        },
        "python-app": {
            "name": "Een app in Python",
            "kind": "secret",
            "secret": "python-secret",
            "redirect_uris": [f"{app}/callback"],
            **usual,
        },
    }
    sandbox.write_text(yaml.safe_dump(content, allow_unicode=True))
    server = app_server(app_port, app_pages(f"http://127.0.0.1:{port}/fhir"))
    Thread(target=server.serve_forever, daemon=True).start()
    with serving(folder, "serve", "--sandbox", sandbox, port=port) as process:
        yield World(process, app, sandbox)
    server.shutdown()
    server.server_close()


def enter(page: Page, world: World, name: str) -> None:
    """Log in on the page that the app's request led to."""
    account = demo_account(world.sandbox, name)
    page.fill("#email", f"{name}@example.org")
    page.fill("#password", account["password"])
    page.click("main form button")
    page.fill("#code", totp.code_at(b32decode(account["totp"]), int(time.time()) // 30))
    page.click("main form button")


def said(page: Page, world: World) -> dict[str, Any]:
    """What the app found out, once it is back."""
    page.wait_for_url(f"{world.app}/index.html**")
    page.wait_for_function("document.getElementById('said').textContent !== ''")
    found: dict[str, Any] = json.loads(page.locator("#said").inner_text())
    return found


def test_the_javascript_client_goes_through_the_whole_launch(browser: Browser, world: World) -> None:
    context = browser.new_context(locale="nl-NL")
    page = context.new_page()
    page.goto(f"{world.app}/standalone.html")
    page.wait_for_url("**/login?next=**")
    enter(page, world, "anna")
    page.wait_for_url("**/authorize/**")
    assert "Een app in de browser" in page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("button", name="Ja, ik geef toestemming").click()
    found = said(page, world)
    assert found.get("error") is None, found["error"]
    assert found["patient"] == found["again"] == "anna-proefstra"
    assert found["user"] == "Patient/anna-proefstra"
    assert found["found"] == 3
    assert found["renewed"] is True
    assert found["other"] != "given"
    page.goto(f"{world.app}/standalone.html")  # an app that proves nothing of itself is asked about each time
    page.get_by_role("button", name="Ja, ik geef toestemming").click()
    assert said(page, world)["patient"] == "anna-proefstra"
    page.goto(f"{world.service.url}/apps")
    page.get_by_role("button", name="Een app in de browser loskoppelen").click()
    assert page.get_by_role("button", name="loskoppelen").count() == 0
    context.close()


def test_an_app_is_opened_from_the_page_of_apps(browser: Browser, world: World) -> None:
    context = browser.new_context(locale="nl-NL")
    page = context.new_page()
    log_in(page, world.service.url, world.sandbox, "bram")
    page.goto(f"{world.service.url}/apps")
    launched: list[str] = []

    def catch(route: Route) -> None:
        launched.append(route.request.url)
        route.fulfill(body="x")

    page.route("https://app.example/**", catch)
    page.get_by_role("button", name="Een app in de browser openen").click()
    page.wait_for_url("https://app.example/**")
    page.goto(f"{world.app}/launch.html?{urlsplit(launched[0]).query}")
    page.wait_for_url("**/authorize/**")
    page.get_by_role("button", name="Ja, ik geef toestemming").click()
    found = said(page, world)
    assert found.get("patient") == "bram-van-testen", found
    context.close()


def test_the_python_client_goes_through_the_whole_launch(browser: Browser, world: World) -> None:
    client = FHIRClient(
        settings={
            "app_id": "python-app",
            "app_secret": "python-secret",
            "api_base": world.service.address,
            "redirect_uri": f"{world.app}/callback",
            "scope": "openid fhirUser launch/patient patient/*.read offline_access",
            "launch_token": None,
        }
    )
    assert not client.ready
    context = browser.new_context(locale="nl-NL")
    page = context.new_page()
    page.goto(client.authorize_url)
    page.wait_for_url("**/login?next=**")
    enter(page, world, "corrie")
    page.get_by_role("button", name="Ja, ik geef toestemming").click()
    page.wait_for_url(f"{world.app}/callback**")
    client.handle_callback(page.url)
    context.close()
    assert client.ready
    assert client.patient_id == "corrie-demosma"
    assert client.patient.name[0].family
    assert Patient.read("corrie-demosma", client.server).id == "corrie-demosma"
    assert next(iter(Observation.where({"_count": "2"}).perform_resources_iter(client.server)))
    assert client.server.reauthorize() is not None
    assert Patient.read("corrie-demosma", client.server).id == "corrie-demosma"


def test_without_scripts_a_person_allows_less_and_says_no(browser: Browser, world: World) -> None:
    context = browser.new_context(locale="nl-NL", java_script_enabled=False)
    page = context.new_page()
    page.goto(request_of(world))
    page.wait_for_url("**/login?next=**")
    enter(page, world, "daan")
    page.wait_for_url("**/authorize/*")
    assert page.locator(".shown").count() == 2
    page.locator("summary").click()
    for box in page.locator("input[name='cell']:not([value='see:measurements'])").all():
        box.uncheck()
    page.get_by_label("Een maand").check()
    page.get_by_role("button", name="Laat de nieuwe tekst zien").click()
    assert page.locator(".shown").count() == 1
    assert "Metingen" in page.locator(".shown").inner_text()
    assert "Medicijnen" not in page.locator(".shown").inner_text()
    page.get_by_role("button", name="Nee, ga terug naar de app").click()
    page.wait_for_url(f"{world.app}/index.html?error=access_denied**")
    context.close()


def request_of(world: World, **changes: str) -> str:
    """Where an app sends a browser."""
    usual = {
        "response_type": "code",
        "client_id": "browser-app",
        "redirect_uri": f"{world.app}/index.html",
        "scope": SCOPES,
        "state": "s" * 22,
        "aud": world.service.address,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        **changes,
    }
    return f"{world.service.url}/oauth/authorize?{urlencode(usual)}"


def steps(page: Page, world: World) -> Iterator[str]:
    """Every page of this area, as somebody comes by them."""
    page.goto(request_of(world, client_id="nobody"))
    yield "stopped"
    page.goto(request_of(world))
    page.wait_for_url("**/authorize/*")
    yield "consent"
    page.locator("summary").click()
    yield "narrowing"
    for box in page.locator("input[name='cell']").all():
        box.uncheck()
    page.get_by_role("button", name="Laat de nieuwe tekst zien").click()
    yield "nothing"
    page.goto(request_of(world, scope="openid fhirUser"))
    page.wait_for_url("**/authorize/*")
    yield "identity"
    page.get_by_role("button", name="Ja, ik geef toestemming").click()
    page.wait_for_url(f"{world.app}/index.html**")
    page.goto(f"{world.service.url}/apps")
    yield "apps"


def administration(page: Page, world: World) -> Iterator[str]:
    """The administrator's page."""
    page.goto(f"{world.service.url}/admin/clients")
    yield "clients"
    page.get_by_role("button", name="Voeg toe").click()
    assert page.locator(".problems a").count() >= 2
    yield "clients-problems"
    page.get_by_label("Naam").fill("Nog een app")
    page.select_option("#kind", "secret")
    page.get_by_label("Hoogste rechten").fill("launch/patient patient/*.rs")
    page.locator("#redirect_uris").fill("https://nog.example/terug")
    page.get_by_role("button", name="Voeg toe").click()
    assert len(page.locator(".secret").inner_text()) >= 43
    yield "clients-added"
    page.goto(request_of(world))
    page.wait_for_url("**/authorize/*")
    yield "cannot"


@pytest.mark.parametrize(("name", "walk"), [("els", steps), ("beheer", administration)])
def test_every_page_fits_and_has_no_known_barrier(
    browser: Browser, world: World, axe: str, name: str, walk: Any
) -> None:
    context = browser.new_context(bypass_csp=True, locale="nl-NL")
    page = context.new_page()
    log_in(page, world.service.url, world.sandbox, name)
    for step in walk(page, world):
        for width in WIDTHS:
            resize(page, width, step)
            if SCREENSHOTS:
                page.screenshot(path=Path(SCREENSHOTS) / f"authorize-{step}-{width}.png", full_page=True)
        assert page.locator("h1").count() == 1
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert barriers(page, axe) == [], (step, scheme)
    context.close()
