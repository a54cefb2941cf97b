"""The page of what was delivered and not taken in, in both languages, without a script; and the copy of everything."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from app.auth.rights.copying import Copying, Wanted
from app.server.intake import quarantine
from tests.rights.people import visit
from tests.rights.test_data_pages import did, post
from tests.server.service import Caller, Service
from tests.taking.deliveries import delivered
from tests.taking.test_identity import whole
from tests.taking.test_quarantine import wrong
from tests.web.login import logged_in


@pytest.mark.parametrize(("language", "words"), [("nl", "Kon niet worden gelezen"), ("en", "Could not be read")])
async def test_the_person_sees_what_could_not_be_read(service: Service, gp: Caller, language: str, words: str) -> None:
    await delivered(gp, wrong())
    async with logged_in(service, "anna") as client:
        overview = await client.get(f"/data?lang={language}")
        assert "/data/unread" in overview.text
        page = await client.get(f"/data/unread?lang={language}")
        assert words in page.text
        assert "Huisartsenpraktijk De Proef" in page.text
        assert "kanariepiet" not in page.text
        (one,) = await quarantine.listed(service.database, await service.key_of("anna"))
        file = await client.get(f"/data/unread/{one.id}/file")
        assert b"kanariepiet" in file.content
        done = await post(client, "/data/unread", f"/data/unread/{one.id}", decision="drop")
        assert done.headers["location"].startswith("/data/unread?done=dropped")
        assert "/data/unread" not in (await client.get("/data")).text
    assert {"delivery-seen", "delivery-dropped"} <= set(await did(service))


async def test_the_person_lets_in_what_was_held(service: Service, gp: Caller, anna: Caller) -> None:
    await gp.post("/", whole("collection", birthDate="1901-01-01"))
    async with logged_in(service, "anna") as client:
        page = await client.get("/data/unread")
        assert "Het gaat over mij" in page.text
        assert "Diabetes" not in page.text
        (one,) = await quarantine.listed(service.database, await service.key_of("anna"))
        assert (await client.get(f"/data/unread/{one.id}/file")).status_code == 403
        done = await post(client, "/data/unread", f"/data/unread/{one.id}", decision="release")
        assert done.headers["location"].startswith("/data/unread?done=released")
    assert len(await anna.found("/Condition")) == 1
    assert "delivery-released" in await did(service)


async def test_somebody_else_sees_nothing_of_it(service: Service, gp: Caller) -> None:
    await delivered(gp, wrong())
    (one,) = await quarantine.listed(service.database, await service.key_of("anna"))
    async with logged_in(service, "bram") as client:
        assert "De Proef" not in (await client.get("/data/unread")).text
        assert (await client.get(f"/data/unread/{one.id}/file")).status_code == 404
        assert (
            await post(client, "/data/erase/everything", f"/data/unread/{one.id}", decision="drop")
        ).status_code == 404
    assert len(await quarantine.listed(service.database, await service.key_of("anna"))) == 1


async def test_a_copy_of_everything_has_what_could_not_be_read_as_it_came(service: Service, gp: Caller) -> None:
    await delivered(gp, wrong())
    anna = await visit(service, "anna")
    wanted = Wanted(await service.key_of("anna"), anna.session.account, "nl", service.server.clock())

    async def told(*_: object) -> None:
        """Nothing is taken before all is there."""

    copying = Copying(service.server, service.database, anna.access, wanted, told)
    archive = zipfile.ZipFile(BytesIO((await copying.make()).taken(least=0)))
    (name,) = [each for each in archive.namelist() if each.startswith("not-read/") and "index" not in each]
    assert b"kanariepiet" in archive.read(name)
    assert "not-read" in archive.read("index.html").decode()
