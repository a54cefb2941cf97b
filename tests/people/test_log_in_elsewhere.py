"""Log-in at a provider through our pages, for patients and for professionals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest

from app.auth.accounts import totp
from app.auth.accounts.acting import records_of
from app.auth.oauth import tables
from app.auth.organizations import identity_providers, registry
from app.auth.organizations.identity_providers import SEAL, Claims, IdentityProvider
from app.auth.organizations.tables import INSERT_IDENTITY
from app.auth.recipients import organization as organization_recipient
from app.auth.recipients import person
from app.auth.roles import Role
from app.auth.sealing import Seal
from app.fhir.scopes import EVERY_ACTION
from app.server.access import FOREVER
from app.server.labels import EVERY_LABEL
from app.server.tables import INSERT_PERMIT
from tests import builders
from tests.openid_provider import CLIENT, SECRET, Provider, running_provider
from tests.people.browsing import Browser, browsing
from tests.people.people import TENANT, People
from tests.server.service import TOTP

BSN: Final = "999999990"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with running_provider() as provider:
        yield provider


async def registered(
    people: People, provider: Provider, *, organization: str = "", strong: tuple[str, ...] = ("high",)
) -> IdentityProvider:
    assert people.service.application.parts is not None
    settings = people.service.application.parts.site.settings
    return await identity_providers.add(
        people.server.database,
        Seal(settings.page_key(), SEAL),
        tenant=TENANT,
        name="Voorbeeldinlog",
        issuer=provider.issuer,
        client_id=CLIENT,
        client_secret=SECRET,
        organization=organization,
        claims=Claims(strong=strong),
        now=people.now,
    )


async def there_and_back(browser: Browser, address: str) -> httpx.Response:
    """Through the provider, to where it sends one back."""
    away = await browser.get(address)
    assert away.status_code == 303, away.text
    return await back(browser, away.headers["location"])


async def back(browser: Browser, address: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        returned = await client.get(address)
    assert returned.status_code == 303
    path = returned.headers["location"].removeprefix("http://zelfregie.test")
    assert path.startswith("/login/callback?")
    return await browser.get(path)


async def session_row(people: People, browser: Browser) -> dict[str, object]:
    session = await people.sessions.find(browser.client.cookies["__Host-session"], now=people.now)
    assert session is not None
    return {name: getattr(session, name) for name in session.__slots__}


async def test_a_patient_logs_in_at_the_provider_and_is_somebody_here(people: People, provider: Provider) -> None:
    provider.claims["acr"] = "high"
    found = await registered(people, provider)
    async with browsing(people) as browser:
        page = await browser.get("/login")
        assert "Voorbeeldinlog" in page.text
        assert f"/login/at/{found.id}" in page.text
        before = dict(browser.client.cookies)
        answer = await there_and_back(browser, f"/login/at/{found.id}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/choose")
        assert browser.client.cookies["__Host-visit"] != before["__Host-visit"], "a new visit at the step up"
        session = await session_row(people, browser)
        assert (session["issuer"], session["assurance"], session["method"]) == (provider.issuer, "high", "openid")
        assert session["fresh"]
        assert "/account/record" in (await browser.get("/choose")).text
    async with browsing(people) as browser:
        onwards = await there_and_back(browser, f"/login/at/{found.id}?next=/account")
        assert onwards.headers["location"] == "/account"
        assert (await session_row(people, browser))["account"] == session["account"]
    async with browsing(people) as browser:
        away = await there_and_back(browser, f"/login/at/{found.id}?next=https://example.org")
        assert away.headers["location"] == "/choose"


async def test_where_the_provider_has_no_second_factor_one_is_made_here_first(
    people: People, provider: Provider
) -> None:
    found = await registered(people, provider)
    async with browsing(people) as browser:
        answer = await there_and_back(browser, f"/login/at/{found.id}")
        assert answer.headers["location"] == "/login/set-up"
        assert "__Host-session" not in browser.client.cookies
        assert (await browser.get("/login/set-up")).status_code == 200


async def test_where_the_provider_has_no_second_factor_the_one_that_is_here_is_given(
    people: People, provider: Provider
) -> None:
    provider.claims["acr"] = "low"
    found = await registered(people, provider)
    anna = await people.account("anna", record="anna")
    row = (provider.issuer, "subject-1", anna, "low", people.now, people.now)
    async with people.server.database.write() as writer:
        await writer.insert(INSERT_IDENTITY, [row])
    async with browsing(people) as browser:
        answer = await there_and_back(browser, f"/login/at/{found.id}?next=/account")
        assert answer.headers["location"] == "/login/second-factor?next=%2Faccount"
        assert "__Host-session" not in browser.client.cookies
        page = "/login/second-factor"
        assert (await browser.post(page, {"code": "000000"}, page=page)).status_code == 422
        code = totp.code_at(totp.read_secret(TOTP), people.now // totp.STEP)
        given = await browser.post(page, {"code": code, "next": "/account"}, page=page)
        assert (given.status_code, given.headers["location"]) == (303, "/account")
        session = await session_row(people, browser)
        assert (session["account"], session["method"]) == (anna, "openid+totp")
        assert (session["issuer"], session["assurance"]) == (provider.issuer, "low")


async def test_a_state_of_another_browser_opens_nothing(people: People, provider: Provider) -> None:
    found = await registered(people, provider)
    async with browsing(people) as browser, browsing(people) as other:
        away = await browser.get(f"/login/at/{found.id}")
        answer = await back(other, away.headers["location"])
        assert answer.status_code == 403
        assert "in een andere browser begonnen" in answer.text
        assert "__Host-session" not in other.client.cookies


async def test_a_bsn_gives_an_own_page_and_no_trace(
    people: People, provider: Provider, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    provider.claims |= {"bsn": BSN, "sub": "subject-with-bsn"}
    found = await registered(people, provider)
    async with browsing(people) as browser:
        answer = await there_and_back(browser, f"/login/at/{found.id}")
        assert answer.status_code == 403
        assert "burgerservicenummer" in answer.text
        assert BSN not in answer.text
        assert "__Host-session" not in browser.client.cookies
    database = people.server.database
    for table in ("account", "identity", "session", "ticket", "account_event", "audit"):
        rows = repr(await database.fetch(f"SELECT * FROM {table}"))
        assert BSN not in rows
        assert "subject-with-bsn" not in rows
    lines = b"".join(file.read_bytes() for file in people.service.journal.folder.glob("*"))
    assert b"login-failed" in lines
    assert BSN.encode() not in lines
    printed = capfd.readouterr()
    assert BSN not in caplog.text + printed.out + printed.err


@pytest.mark.parametrize(("error", "said"), [("access_denied", "gestopt"), ("server_error", "niet bereikbaar")])
async def test_what_went_wrong_at_the_provider_is_said_in_plain_words(
    people: People, provider: Provider, error: str, said: str
) -> None:
    provider.error = error
    found = await registered(people, provider)
    async with browsing(people) as browser:
        answer = await there_and_back(browser, f"/login/at/{found.id}")
    assert answer.status_code == 403
    assert said in answer.text


async def test_a_provider_that_is_not_there_answers_as_one_that_cannot_be_reached(people: People) -> None:
    async with browsing(people) as browser:
        answer = await browser.get("/login/at/nobody")
    assert answer.status_code == 503


async def test_a_patient_links_a_provider_with_a_fresh_second_factor_and_unlinks_it(
    people: People, provider: Provider
) -> None:
    provider.claims["acr"] = "high"
    found = await registered(people, provider)
    anna = await people.account("anna")
    async with browsing(people, "anna", fresh=False) as stale:
        sent = await stale.post(f"/account/elsewhere/{found.id}")
        assert sent.headers["location"].startswith("/account/confirm")
    async with browsing(people, "anna") as browser:
        assert (
            await browser.client.post(f"/account/elsewhere/{found.id}", data={"csrf": "guessed"})
        ).status_code == 403
        page = await browser.post(f"/account/elsewhere/{found.id}")
        address = page.text.split('class="button" href="')[1].split('"')[0].replace("&amp;", "&")
        answer = await back(browser, address)
        assert answer.headers["location"] == "/account/elsewhere?done=linked"
        assert "Ontkoppel Voorbeeldinlog" in (await browser.get("/account/elsewhere")).text
    async with browsing(people) as browser:
        await there_and_back(browser, f"/login/at/{found.id}")
        assert (await session_row(people, browser))["account"] == anna
        async with browsing(people, "anna") as own:
            assert (await own.post(f"/account/elsewhere/{found.id}/unlink")).status_code == 303
            assert (await own.get("/account")).status_code == 200
        assert (await browser.get("/account")).headers["location"].startswith("/login"), "it began there"
    rows = await people.server.database.fetch("SELECT 1 FROM identity WHERE account = $1", anna)
    assert rows == []
    kinds = await people.server.database.fetch("SELECT kind, told FROM account_event WHERE account = $1", anna)
    assert {("identity-linked", 1), ("identity-unlinked", 1)} <= {tuple(row) for row in kinds}


async def test_the_second_factor_is_given_again_at_the_provider(people: People, provider: Provider) -> None:
    provider.claims |= {"acr": "high", "sub": "again"}
    found = await registered(people, provider)
    async with browsing(people) as browser:
        await there_and_back(browser, f"/login/at/{found.id}")
        account = (await session_row(people, browser))["account"]
        await people.server.database.change("UPDATE session SET fresh = 0 WHERE account = $1", account)
        asked = await browser.get("/account/confirm?next=/account")
        assert f'href="/login/at/{found.id}/again?next=%2Faccount"' in asked.text
        answer = await there_and_back(browser, f"/login/at/{found.id}/again?next=/account")
        assert answer.headers["location"] == "/account"
        assert provider.asked[-1]["max_age"] == "0"
        assert (await session_row(people, browser))["fresh"]
        provider.claims["sub"] = "somebody else"
        await people.server.database.change("UPDATE session SET fresh = 0 WHERE account = $1", account)
        assert (await there_and_back(browser, f"/login/at/{found.id}/again")).status_code == 403
        assert not (await session_row(people, browser))["fresh"]


async def test_the_account_leads_to_where_providers_are_linked(people: People, provider: Provider) -> None:
    async with browsing(people, "anna") as anna:
        assert "/account/elsewhere" not in (await anna.get("/account")).text
        found = await registered(people, provider)
        assert 'href="/account/elsewhere"' in (await anna.get("/account")).text
        # Not linked to the account, so there is nothing to prove there.
        assert f"/login/at/{found.id}/again" not in (await anna.get("/account/confirm")).text


async def permitted(people: People, recipient: str, patient_id: str) -> None:
    row = (
        recipient, await people.service.key_of(patient_id), "treatment", "consent/1", EVERY_LABEL, EVERY_ACTION, 0,
        FOREVER,
    )  # fmt: skip
    async with people.server.database.write() as writer:
        await writer.insert(INSERT_PERMIT, [row])


async def test_a_professional_works_for_the_organisation_where_they_logged_in(
    people: People, provider: Provider
) -> None:
    server, now = people.server, people.now
    practice = await registry.add(server, tenant=TENANT, name="De Proeftuin", agb=f"{now % 10**8:08}", now=now)
    other = await registry.add(server, tenant=TENANT, name="Elders", agb=f"{(now + 1) % 10**8:08}", now=now)
    found = await registered(people, provider, organization=practice.id)
    provider.claims |= {"sub": "doctor", "name": "Dokter Proef", "big": "19012345601", "acr": "high"}
    await permitted(people, organization_recipient(practice.id), "anna")
    await permitted(people, organization_recipient(other.id), "bram")
    async with browsing(people) as browser:
        assert (await there_and_back(browser, f"/login/at/{found.id}")).headers["location"] == "/choose"
        row = await session_row(people, browser)
        assert (row["organization"], row["assurance"]) == (practice.id, "high")
        assert row["identifiers"] == {"big": "19012345601"}
        page = await browser.get("/choose")
        assert "Anna Proefstra" in page.text
        assert "Bram" not in page.text
        await people.server.database.change(
            "INSERT INTO pairing (organization, system, value, patient, paired) VALUES ($1, 'urn:own', 'P-17', $2, $3)",
            practice.id, await people.service.key_of("anna"), now,
        )  # fmt: skip
        for number, is_there in (("anna", True), ("P-17", True), ("bram", False), ("Proefstra", False)):
            answer = await browser.post("/choose/find", {"find": number}, page="/choose")
            assert ("Anna Proefstra" in answer.text) is is_there, number
        await browser.post("/choose", {"record": "anna"}, page="/choose")
        session = await people.sessions.find(browser.client.cookies["__Host-session"], now=people.now)
        assert session is not None
        access = await people.sessions.access(session, now=people.now)
        assert access is not None
        assert (access.role, access.purpose, access.organization) == (Role.PROFESSIONAL, "treatment", practice.id)
        assert access.fhir_user.startswith("Practitioner/")
        for address in ("/people", "/people/invite"):
            assert (await browser.get(address)).status_code == 403
        await registry.close(server, tenant=TENANT, organization=practice.id, now=people.now)
        assert await people.sessions.find(browser.client.cookies["__Host-session"], now=people.now) is None
        assert (await browser.get("/choose")).headers["location"].startswith("/login")


async def test_a_consent_to_the_professional_in_person_counts_too(people: People) -> None:
    server, now = people.server, people.now
    practice = await registry.add(server, tenant=TENANT, name="De Tuin", ura=f"{now % 10**8:08}", now=now)
    await people.account("doctor", role=Role.PROFESSIONAL)
    session = await people.session("doctor", organization=practice.id)
    assert await records_of(server, session, now=now) == []
    await permitted(people, person(await people.account("doctor")), "bram")
    (record,) = await records_of(server, session, now=now)
    assert (record.patient_id, record.role, record.organization) == ("bram", Role.PROFESSIONAL, practice.id)
    doctor = await people.api(await people.sessions.choose(session, record.session_grant()))
    created = await doctor.create(builders.observation("Patient/bram"))
    rows = await server.database.fetch(
        "SELECT actor FROM history WHERE patient = $1 AND id = $2", record.patient, created["id"]
    )
    assert rows[0][0] == f"organization:{practice.id} by {await people.account('doctor')}"


async def test_who_logged_in_at_a_provider_that_closes_is_out_and_so_are_the_apps_they_let_in(
    people: People, provider: Provider
) -> None:
    server, now = people.server, people.now
    practice = await registry.add(server, tenant=TENANT, name="De Proeftuin", agb=f"{now % 10**8:08}", now=now)
    found = await registered(people, provider, organization=practice.id)
    provider.claims |= {"sub": "doctor", "big": "19012345601", "acr": "high"}
    async with browsing(people) as browser:
        await there_and_back(browser, f"/login/at/{found.id}")
        doctor = str((await session_row(people, browser))["account"])
        colleague = await people.account("colleague", role=Role.PROFESSIONAL)  # who logs in at another provider
        async with server.database.write() as writer:
            await writer.insert(
                tables.INSERT_AUTHORIZATION,
                [
                    authorization("of-doctor", account=doctor, organization=practice.id),
                    authorization("elsewhere", account=doctor, organization="another"),
                    authorization("of-colleague", account=colleague, organization=practice.id),
                ],
            )
        await identity_providers.close(server.database, tenant=TENANT, provider=found.id, now=now)
        assert (await browser.get("/choose")).headers["location"].startswith("/login")
    rows = await server.database.fetch("SELECT id FROM client_authorization WHERE revoked <> 0")
    assert [row[0] for row in rows] == ["of-doctor"]


def authorization(family: str, **known: object) -> list[object]:
    """One time that somebody let a client in."""
    values = {"id": family, "client": "his", "tenant": TENANT, "expires": FOREVER, **known}
    blank: dict[str, object] = {"TEXT": "", "BLOB": b"", "BIGINT": 0}
    return [values.get(each.name, blank.get(str(each.type), 0)) for each in tables.authorization.columns]
