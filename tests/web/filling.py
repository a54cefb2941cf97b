"""Filling in on the pages as a browser without scripts does: a questionnaire of every branch, its forms, and a Task
that asks for it.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from app.fhir.resource import Resource
from tests.questionnaires.answering import coding, item, questionnaire, when

FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
URL: Final = "http://example.org/Questionnaire/proef"
LOINC: Final = "http://loinc.org"


def asked() -> Resource:
    choice = item(
        "how", "choice", text="Hoe gaat het?", required=True,
        answerOption=[{"valueCoding": {**coding(each), "display": each}} for each in ("goed", "slecht")],
    )  # fmt: skip
    return questionnaire(
        item("times", "integer", text="Hoeveel keer?", extension=[("maxValue", {"valueInteger": 10})]),
        choice,
        item("why", "text", text="Waardoor?", enableWhen=[when("how", "=", answerCoding=coding("slecht"))]),
        item("day", "date", text="Op welke dag?"),
        id="proef",
        title="Proef",
    )


async def post(browser: httpx.AsyncClient, page: httpx.Response, address: str, **fields: Any) -> httpx.Response:
    """Send a form of a page, with what that page hides in it."""
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text)
    kept = [(name, unescape(value)) for name, value in hidden if name not in fields]
    more = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    return await browser.post(address, content=urlencode([*dict.fromkeys(kept), *more]), headers=FORM)


async def begun(browser: httpx.AsyncClient, **query: str) -> str:
    """A new draft; its address."""
    page = await browser.get("/questionnaires/start", params=query or {"questionnaire": URL})
    assert page.status_code == 200, page.text
    answer = await post(browser, page, "/questionnaires/start", who="self")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"].removesuffix("/first"))


async def step(browser: httpx.AsyncClient, address: str, **fields: Any) -> httpx.Response:
    """Open a page and send its form."""
    return await post(browser, await browser.get(address), address, **{"do": "next", **fields})


def name(address: str) -> str:
    return address.rpartition("/")[2]


def task(**members: Any) -> Resource:
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": LOINC, "code": "74468-0"}]},
        "for": {"reference": "Patient/anna"},
        "authoredOn": "2026-11-01T10:00:00Z",
        "requester": {"display": "Praktijk De Linde"},
        "input": [{"type": {"text": "Questionnaire"}, "valueCanonical": f"{URL}|1"}],
        **members,
    }
