"""Measuring by a protocol, as people use the pages."""

from __future__ import annotations

import re
from typing import Final

import httpx

from app.fhir.resource import Resource, decode
from app.measurements.statistics.spans import local
from app.measurements.watching import watching
from tests.measurements.running import ONE, measured, started, value, week
from tests.server.service import Caller, Service
from tests.web.filling import post
from tests.web.login import logged_in

LIST: Final = "/measurements/protocols"


async def _begun(browser: httpx.AsyncClient, protocol: str, **fields: str) -> httpx.Response:
    page = await browser.get(f"{LIST}/new/{protocol}")
    assert page.status_code == 200, page.text
    return await post(browser, page, f"{LIST}/new/{protocol}", **fields)


async def _task(caller: Caller, task_id: str) -> Resource:
    return decode((await caller.get(f"/Task/{task_id}")).content)


async def test_a_run_is_begun_measured_and_finished(service: Service, anna: Caller) -> None:
    first = local(service.server.clock()).date() - 4 * ONE
    async with logged_in(service, "anna") as browser:
        answer = await _begun(browser, "home-blood-pressure", first=first.isoformat(), days="5")
        assert answer.status_code == 303, answer.text
        address = answer.headers["location"]
        assert (await browser.get(LIST)).text.count(address) == 1
        await measured(anna, *week(first, 2))
        page = await browser.get(address)
        assert "U hebt 8 van de 12 metingen." in page.text
        assert watching()["nl"] in page.text
        assert page.text.count("2 van 2") == 4
        assert 'href="/measurements/new/blood-pressure"' in page.text
        done = await post(browser, page, f"{address}/finish")
        assert done.status_code == 303, done.text
        page = await browser.get(address)
        assert "Uw gemiddelde bloeddruk is 132/82 mmHg." in page.text
        assert "De meetreeks is niet volledig" in page.text
        english = await browser.get(address, params={"lang": "en"})
        assert "Your mean blood pressure is 132/82 mmHg." in english.text
    assert (await _task(anna, address.rpartition("/")[2]))["status"] == "completed"


async def test_more_than_was_asked_is_all_that_was_asked_and_one_value_goes_nowhere(
    service: Service, anna: Caller
) -> None:
    first = local(service.server.clock()).date() - 4 * ONE
    weighed = [value("weight", first, clock, number) for clock, number in (("07:00", "81.5"), ("07:05", "81.4"))]
    async with logged_in(service, "anna") as browser:
        address = (await _begun(browser, "daily-weight", first=first.isoformat(), days="5")).headers["location"]
        await measured(anna, *weighed)
        page = await browser.get(address)
        assert page.text.count("1 van 1") == 1
        assert "2 van 1" not in page.text
        await post(browser, page, f"{address}/finish")
        said = (await browser.get(address)).text
        assert "Uw laatste gewicht is 81,4 kg." in said
        assert "Uw gewicht ging van" not in said


async def test_what_is_wrong_is_said_and_what_was_typed_stays(service: Service) -> None:
    async with logged_in(service, "anna") as browser:
        page = await _begun(browser, "peak-flow", first="morgen", days="veel", **{"personal-best": "hoog"})
        assert page.status_code == 422
        assert len(re.findall(r'href="#(?:first|days|personal-best)"', page.text)) == 3
        assert 'value="hoog"' in page.text
        far = await _begun(browser, "peak-flow", first="2020-01-01", days="14")
        assert (far.status_code, "Dit kan niet." in far.text) == (422, True)


async def test_what_care_asks_is_taken_or_declined(service: Service, anna: Caller, practice: Caller) -> None:
    yes, no = await started(practice, "daily-weight"), await started(practice, "peak-flow")
    async with logged_in(service, "anna") as browser:
        page = await browser.get(f"{LIST}/run/{yes['id']}")
        assert "Dit is u gevraagd." in page.text
        assert (await post(browser, page, f"{LIST}/run/{yes['id']}/accept")).status_code == 303
        page = await browser.get(f"{LIST}/run/{no['id']}")
        assert (await post(browser, page, f"{LIST}/run/{no['id']}/stop")).status_code == 303
        page = await browser.get(f"{LIST}/run/{yes['id']}")
        nothing = await post(browser, page, f"{LIST}/run/{yes['id']}/finish")
        assert (nothing.status_code, "Er is nog niets gemeten" in nothing.text) == (409, True)
    assert (await _task(anna, yes["id"]))["status"] == "in-progress"
    assert (await _task(anna, no["id"]))["status"] == "rejected"
