"""The pages on which people import a file of measurements."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from app.web.measurements import importing
from tests.measurements.importing.files import csv_of, export_of, record, zipped
from tests.server.service import Caller, Service
from tests.web.login import logged_in

_TOKEN = re.compile(r'name="csrf" value="([0-9a-f]+)"')


async def sent(browser: httpx.AsyncClient, content: bytes, **fields: str) -> httpx.Response:
    page = await browser.get("/measurements/import")
    token = _TOKEN.search(page.text)
    assert token is not None
    data = {"csrf": token[1], "format": "", **fields}
    return await browser.post("/measurements/import", data=data, files={"file": ("metingen.csv", content, "text/csv")})


async def followed(browser: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 303, answer.text
    for _ in range(400):
        page = await browser.get(answer.headers["location"])
        if "Klaar." in page.text:
            return page
        await asyncio.sleep(0.05)
    raise AssertionError(page.text)


async def test_a_file_is_sent_followed_and_its_report_read(service: Service, anna: Caller) -> None:
    async with logged_in(service, "anna") as browser:
        assert "/measurements/import" in (await browser.get("/measurements")).text
        content = csv_of("02-11-2026;08:00;gewicht;81,5;;kg;;;", "x;08:00;gewicht;<b>;;kg;;;")
        page = await followed(browser, await sent(browser, content))
        assert "2 regels gelezen." in page.text
        assert "Schrijf de datum als dag-maand-jaar" in page.text
        assert "&lt;b&gt;" not in page.text
        report = await browser.get(f"{page.url.path}/report")
        assert report.headers["content-type"] == "text/csv; charset=utf-8"
        assert report.content.decode("utf-8-sig").splitlines()[1].startswith("3;error;import-")
        assert str(page.url.path) in (await browser.get("/measurements/import")).text
        english = await browser.get(f"{page.url.path}?lang=en")
        assert "Write the date as day-month-year" in english.text
    assert len(await anna.found("/Observation?code=29463-7&date=2026-11-02")) == 1


async def test_the_zip_of_a_phone_is_known_by_its_content(service: Service) -> None:
    async with logged_in(service, "anna") as browser:
        content = zipped(export_of(record("HeartRate", "61", "count/min"), record("FlightsClimbed", "1", "count")))
        page = await followed(browser, await sent(browser, content))
        assert "Apple Gezondheid" in page.text
        assert "FlightsClimbed" in page.text


async def test_a_form_without_a_file_or_from_elsewhere_is_not_taken(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with logged_in(service, "anna") as browser:
        empty = await sent(browser, b"")
        assert "Kies een bestand." in empty.text
        binary = await sent(browser, b"\x00\x01\x02")
        assert "We zien niet wat voor bestand dit is." in binary.text
        assert (await sent(browser, b"a;b\n", csrf="0" * 64)).status_code == 403
        monkeypatch.setattr(importing, "LARGEST", 1000)
        assert (await sent(browser, b"x" * 2000)).status_code == 413
        broken = await browser.post(
            "/measurements/import", content=b"nonsense", headers={"content-type": "multipart/form-data; boundary=x"}
        )
        assert broken.status_code in (400, 403)
    assert await service.database.fetch("SELECT 1 FROM import_part") == []


async def test_another_person_does_not_see_it(service: Service) -> None:
    async with logged_in(service, "anna") as browser:
        page = await followed(browser, await sent(browser, csv_of("02-11-2026;08:00;gewicht;81,5;;kg;;;")))
        address = str(page.url.path)
    async with logged_in(service, "bram") as browser:
        assert (await browser.get(address)).status_code == 404
        assert (await browser.get(f"{address}/report")).status_code == 404


async def test_a_cut_off_upload_leaves_nothing(service: Service) -> None:
    async with logged_in(service, "anna") as browser:
        page = await browser.get("/measurements/import")
        token = _TOKEN.search(page.text)
        assert token is not None
        head = f'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{token[1]}\r\n--x\r\n'
        head += 'Content-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
        body = head.encode() + csv_of("02-11-2026;08:00;gewicht;81,5;;kg;;;") * 30_000
        answer = await browser.post(
            "/measurements/import", content=body, headers={"content-type": "multipart/form-data; boundary=x"}
        )
        assert answer.status_code == 400
    assert await service.database.fetch("SELECT 1 FROM import_part") == []
    assert await service.database.fetch("SELECT 1 FROM import_job") == []
