"""A page with LHC-Forms of the National Library of Medicine, and the way from it to our server.
https://lhncbc.github.io/lforms/
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, Route

from app.fhir.resource import Resource, decode
from tests.clients.test_javascript import JAVASCRIPT
from tests.process import Process

LFORMS: Final = JAVASCRIPT / "node_modules" / "lforms" / "dist" / "lforms"
TOKEN: Final = "demo-bram-van-testen"
AREA: Final = "/lforms/"
"""Where its files seem to be, so that it is of one origin with our server."""
SCRIPTS: Final = (
    "webcomponent/assets/lib/zone.min.js",
    "webcomponent/runtime.js",
    "webcomponent/polyfills.js",
    "webcomponent/main.js",
    "fhir/R4/lformsFHIR.min.js",
)
PAGE: Final = f"""<!doctype html><html lang="nl"><head><meta charset="utf-8"><title>LHC-Forms</title>
<link rel="stylesheet" href="{AREA}webcomponent/styles.css"></head><body><div id="form"></div>
{"".join(f'<script src="{AREA}{each}"></script>' for each in SCRIPTS)}</body></html>"""
CONTEXT: Final = """([base, token]) => {
    const headers = {Authorization: `Bearer ${token}`, "Content-Type": "application/fhir+json"};
    const request = async asked => {
        const [url, rest] = typeof asked === "string" ? [asked, {}] : [asked.url, asked];
        const full = url.startsWith("http") ? url : `${base}/${url}`;
        const answer = await fetch(full, {method: rest.method ?? "GET", body: rest.body, headers});
        if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
        return answer.json();
    };
    LForms.Util.setFHIRContext({request}, {});
    LForms._serverFHIRReleaseID = "R4";
}"""
SHOW: Final = """async ([questionnaire, response]) => {
    const form = LForms.Util.convertFHIRQuestionnaireToLForms(questionnaire, "R4");
    const filled = response
        ? LForms.Util.mergeFHIRDataIntoLForms("QuestionnaireResponse", response, form, "R4") : form;
    await LForms.Util.addFormToPage(filled, "form", {prepopulate: false}).catch(
        each => { throw new Error([each].flat().map(one => one?.stack ?? JSON.stringify(one)).join("; ")); });
}"""
ANSWERS: Final = """() => LForms.Util.getFormFHIRData("QuestionnaireResponse", "R4", document.querySelector("#form"), {
    extract: false, subject: {resourceType: "Patient", id: "bram-van-testen"}})"""


@contextmanager
def lhc_page(browser: Browser, served: Process) -> Iterator[Page]:
    """A page with the web component; its files come from the folder."""
    if not LFORMS.is_dir():
        pytest.skip("no JavaScript clients: `make test` installs them when npm is there")
    context = browser.new_context(locale="nl-NL", viewport={"width": 1000, "height": 900})
    context.set_default_timeout(60_000)

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(f"{served.url}{AREA}").partition("?")[0]
        path = LFORMS / name
        if not name:
            route.fulfill(body=PAGE, content_type="text/html")
        elif path.is_file():
            route.fulfill(body=path.read_bytes(), content_type=mimetypes.guess_type(name)[0] or "text/plain")
        else:
            route.fulfill(status=404, body="")

    context.route(f"{served.url}{AREA}**", answer)
    yield context.new_page()
    context.close()


def opened(page: Page, served: Process) -> None:
    """Ready, with nothing shown."""
    page.goto(f"{served.url}{AREA}")
    page.wait_for_function("window.LForms?.Util?.addFormToPage && LForms.FHIR?.R4")
    page.evaluate(CONTEXT, [f"{served.url}/fhir", TOKEN])


def shown(page: Page, questionnaire: Resource, response: Resource | None = None) -> None:
    """Show a questionnaire, with answers where there are any."""
    page.evaluate(SHOW, [_plain(questionnaire), None if response is None else _plain(response)])
    page.wait_for_selector("#form .lhc-form-title, #form .lhc-item", state="visible")


def made(page: Page) -> Resource:
    """The response that LHC-Forms makes, as an app would complete it."""
    found: Resource = decode(json.dumps(page.evaluate(ANSWERS)).encode())
    return found


def said(page: Page) -> str:
    """All words that are shown."""
    return " ".join(page.locator("#form").inner_text().split())


def _plain(resource: Resource) -> Resource:
    """With numbers that a browser has."""
    found: Resource = json.loads(json.dumps(resource, default=float))
    return found
