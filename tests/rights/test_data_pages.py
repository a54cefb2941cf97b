"""The pages of a person's own data: look, copy, annotate and erase, without a script, for nobody else."""

from __future__ import annotations

import asyncio
import re
import zipfile
from io import BytesIO
from typing import Final

import httpx
import pytest

from app.audit.reading import events_of
from app.auth.accounts.tables import INSERT_MANDATE
from app.auth.grants import RAISE_STAMP
from app.auth.recipients import person
from app.auth.rights.proof import Prover
from app.fhir.scopes import EVERY_ACTION
from app.server.access import FOREVER
from app.server.labels import EVERY_LABEL
from app.server.tables import INSERT_PERMIT
from tests.builders import condition, observation
from tests.rights.people import bearer
from tests.server.service import Caller, Service
from tests.web.login import account, logged_in

PAGES: Final = ("/data", "/data/list/Observation", "/data/export", "/data/erase/everything")


def csrf(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)
    assert found is not None, page.text
    return found.group(1)


async def post(client: httpx.AsyncClient, shown: str, address: str = "", **fields: str) -> httpx.Response:
    """Send the form of a page."""
    page = await client.get(shown)
    assert page.status_code == 200, page.text
    return await client.post(address or shown, data={"csrf": csrf(page), **fields})


async def did(service: Service, patient: str = "anna") -> list[str]:
    """The interactions in the log of a patient."""
    parts = service.application.parts
    assert parts is not None
    await parts.mover.drain()
    key = await service.key_of(patient)
    found = events_of(service.database, key, since=0, until=2**62)
    return [each.event.interaction async for each in found]


async def represented(service: Service, ground: str) -> None:
    patient, carla, now = await service.key_of("anna"), await account(service, "carla"), service.server.clock()
    mandate = (patient, "m1", carla.id, ground, "active", "beschikking", 0, FOREVER, "beheer", now, 0, "")
    async with service.database.write() as writer:
        await writer.insert(INSERT_MANDATE, [mandate])
        permit = (person(carla.id), patient, "own-use", "m1", EVERY_LABEL, int(EVERY_ACTION), 0, FOREVER)
        await writer.insert(INSERT_PERMIT, [permit])
        await writer.execute(RAISE_STAMP, person(carla.id))


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_it_says_what_is_here_by_kind_and_by_source(service: Service, practice: Caller, language: str) -> None:
    own = service.caller(await bearer(service, "anna"))
    await own.create(observation())
    await practice.create(condition())
    async with logged_in(service, "anna") as client:
        page = await client.get(f"/data?lang={language}")
    assert page.status_code == 200
    for text in {"nl": ("Mijn gegevens", "Metingen", "Uzelf"), "en": ("My data", "Measurements", "Yourself")}[language]:
        assert text in page.text
    assert "De Proef" in page.text
    assert "search-type" in await did(service)


async def test_a_list_goes_on_and_leads_to_each_thing(service: Service) -> None:
    own = service.caller(await bearer(service, "anna"))
    for number in range(55):
        await own.create(condition(code={"text": f"klacht {number}"}))
    async with logged_in(service, "anna") as client:
        first = await client.get("/data/list/Condition")
        assert "klacht 54" in first.text
        assert "klacht 4<" not in first.text
        following = re.search(r'href="(/data/list/Condition\?before=\d+)"', first.text)
        assert following is not None
        second = await client.get(following.group(1))
        assert "klacht 4<" in second.text
        item = re.search(r'href="(/data/item/Condition/[^"]+)"', second.text)
        assert item is not None
        shown = await client.get(item.group(1))
        assert shown.status_code == 200
        file = await client.get(f"{item.group(1)}/file")
        assert file.json()["resourceType"] == "Condition"
        assert "attachment" in file.headers["content-disposition"]
        assert (await client.get("/data/list/Condition?before=x")).status_code == 400
        assert (await client.get("/data/list/Nonsense")).status_code == 404


async def test_what_a_resource_says_is_shown_as_text(service: Service) -> None:
    own = service.caller(await bearer(service, "anna"))
    kept = await own.create(condition(code={"text": "<script>alert(1)</script>"}))
    async with logged_in(service, "anna") as client:
        for address in ("/data/list/Condition", f"/data/item/Condition/{kept['id']}"):
            page = await client.get(address)
            assert "<script" not in page.text
            assert "&lt;script&gt;" in page.text


async def test_an_annotation_is_put_with_what_somebody_else_entered(service: Service, practice: Caller) -> None:
    theirs = await practice.create(condition())
    address = f"/data/item/Condition/{theirs['id']}"
    async with logged_in(service, "anna", fresh=False) as client:
        empty = await post(client, address, f"{address}/annotate", text=" ")
        assert empty.status_code == 422
        assert 'href="#text"' in empty.text
        sent = await post(client, address, f"{address}/annotate", text="Ik rook niet")
        assert sent.status_code == 303
        assert "Uw opmerking staat erbij" in (await client.get(sent.headers["location"])).text
    anna = service.caller(await bearer(service, "anna"))
    assert len(await anna.found("/Communication")) == 1
    assert "annotate" in await did(service)


async def test_a_copy_is_asked_for_followed_and_fetched_once(service: Service) -> None:
    own = service.caller(await bearer(service, "anna"))
    await own.create(observation())
    async with logged_in(service, "anna") as client:
        asked = await post(client, "/data/export")
        assert asked.status_code == 303
        for _ in range(600):
            page = await client.get("/data/export")
            if "/link" in page.text:
                break
            assert "Kijk hoe ver het is" in page.text
            await asyncio.sleep(0.05)
        ready = re.search(r'action="(/data/export/[0-9a-f]+/link)"', page.text)
        assert ready is not None
        assert "Kijk hoe ver het is" not in page.text
        linked = await post(client, "/data/export", ready.group(1))
        shown = await client.get(linked.headers["location"])
        link = re.search(r'href="(/data/export/fetch/[^"]+)"', shown.text)
        assert link is not None
        async with logged_in(service, "anna") as elsewhere, logged_in(service, "bram") as other:
            assert (await elsewhere.get(link.group(1))).status_code == 404
            assert (await other.get(link.group(1))).status_code == 404
        fetched = await client.get(link.group(1))
        assert fetched.headers["content-type"] == "application/zip"
        assert fetched.headers["cache-control"] == "no-store"
        assert zipfile.ZipFile(BytesIO(fetched.content)).testzip() is None
        assert (await client.get(link.group(1))).status_code == 404
    assert {"export", "export-downloaded"} <= set(await did(service))


async def test_one_thing_is_erased_in_two_steps(service: Service, practice: Caller) -> None:
    theirs = await practice.create(condition(code={"text": "kanariepiet"}))
    address = f"/data/erase/one/Condition/{theirs['id']}"
    async with logged_in(service, "anna") as client:
        assert "kanariepiet" in (await client.get(address)).text
        assert (await practice.get(f"/Condition/{theirs['id']}")).status_code == 200
        done = await post(client, address)
        assert done.headers["location"] == "/data?done=erased"
        overview = (await client.get("/data?done=erased")).text
        proof = re.search(r'href="(/data/erased/[0-9a-f]+)"', overview)
        assert proof is not None
        said = Prover(service.server.page_key, "").verify((await client.get(proof.group(1))).text)
        assert said["erased"]["resources"] == 1
        async with logged_in(service, "bram") as other:
            assert (await other.get(proof.group(1))).status_code == 404
    assert (await practice.get(f"/Condition/{theirs['id']}")).status_code == 410
    assert "erase" in await did(service)


async def test_a_source_is_erased_in_two_steps(service: Service, practice: Caller) -> None:
    theirs = await practice.create(condition())
    async with logged_in(service, "anna") as client:
        link = re.search(r'href="(/data/erase/source\?source=De[^"]+)"', (await client.get("/data")).text)
        assert link is not None
        shown = await client.get(link.group(1).replace("&amp;", "&"))
        assert "De Proef" in shown.text
        done = await client.post("/data/erase/source", data={"csrf": csrf(shown), "source": "De Proef"})
        assert done.status_code == 303
    assert (await practice.get(f"/Condition/{theirs['id']}")).status_code == 410


async def test_everything_is_erased_once_the_word_is_typed(service: Service) -> None:
    async with logged_in(service, "anna") as client:
        wrong = await post(client, "/data/erase/everything", word="ja")
        assert wrong.status_code == 422
        assert (await client.get("/data")).status_code == 200
        done = await post(client, "/data/erase/everything", word="Wissen")
        assert done.status_code == 303
        told = await client.get(done.headers["location"])
        assert "Alles is gewist" in told.text
        proof = await client.get(f"{done.headers['location']}/file")
        assert Prover(service.server.page_key, "").verify(proof.text)["erased"]["scope"] == "everything"
        after = await client.get("/data")
        assert after.status_code == 303
        assert after.headers["location"].startswith("/login")


@pytest.mark.parametrize("address", PAGES)
async def test_the_pages_are_for_the_person_and_who_represents_them(service: Service, address: str) -> None:
    transport = httpx.ASGITransport(service.application)
    async with httpx.AsyncClient(transport=transport, base_url="https://zelfregie.test") as nobody:
        sent = await nobody.get(address)
        assert (sent.status_code, sent.headers["location"].partition("?")[0]) == (303, "/login")
    async with logged_in(service, "anna") as client:
        assert (await client.get(address)).status_code == 200
    patient, carla = await service.key_of("anna"), await account(service, "carla")
    async with service.database.write() as writer:
        permit = (person(carla.id), patient, "own-use", "c/1", EVERY_LABEL, int(EVERY_ACTION), 0, FOREVER)
        await writer.insert(INSERT_PERMIT, [permit])
        await writer.execute(RAISE_STAMP, person(carla.id))
    async with logged_in(service, "carla", record="anna") as carer:
        assert (await carer.get(address)).status_code == 403


async def test_erasing_and_copying_ask_for_a_fresh_second_factor(service: Service, practice: Caller) -> None:
    theirs = await practice.create(condition())
    one = f"/data/erase/one/Condition/{theirs['id']}"
    async with logged_in(service, "anna", fresh=False) as client:
        for address in ("/data/erase/everything", one, "/data/erase/source?source=De+Proef"):
            sent = await client.get(address)
            assert sent.status_code == 303
            assert sent.headers["location"].startswith("/account/confirm")
        token = csrf(await client.get("/data/export"))
        for address in ("/data/export", one, "/data/erase/everything", "/data/export/x/link"):
            sent = await client.post(address, data={"csrf": token, "word": "wissen"})
            assert sent.headers["location"].startswith("/account/confirm"), address
    assert (await practice.get(f"/Condition/{theirs['id']}")).status_code == 200


@pytest.mark.parametrize("address", ["/data/export", "/data/erase/everything", "/data/item/Patient/anna/annotate"])
async def test_a_form_without_the_token_of_this_visit_does_nothing(service: Service, address: str) -> None:
    async with logged_in(service, "anna") as client:
        for token in ("", "00"):
            assert (await client.post(address, data={"csrf": token, "word": "wissen"})).status_code == 403
        assert (await client.get("/data")).status_code == 200


@pytest.mark.parametrize(("ground", "may"), [("mentor", True), ("written-authorisation", False)])
async def test_who_was_authorised_in_writing_is_not_offered_to_erase(
    service: Service, ground: str, *, may: bool
) -> None:
    await represented(service, ground)
    async with logged_in(service, "carla", record="anna") as client:
        assert ("/data/erase/everything" in (await client.get("/data")).text) is may
        assert (await client.get("/data/erase/everything")).status_code == (200 if may else 403)
        assert (await client.get("/data/export")).status_code == 200


async def test_another_persons_things_are_not_there(service: Service, bram: Caller) -> None:
    kept = await bram.create(condition("Patient/bram"))
    async with logged_in(service, "anna") as client:
        for address in (f"/data/item/Condition/{kept['id']}", f"/data/erase/one/Condition/{kept['id']}"):
            assert (await client.get(address)).status_code == 404
        assert (await client.get("/data/erase/one/Patient/anna")).status_code == 404
