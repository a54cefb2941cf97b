"""From nobody to a person with a record of their own; and what others learn of it, which is nothing."""

from __future__ import annotations

import asyncio
import re
from datetime import date, timedelta

import pytest

from app.auth.accounts import totp
from app.auth.accounts.account import account_of, account_of_email
from app.auth.accounts.own_record import make_link_code
from app.auth.accounts.sessions import session_hash
from app.fhir.resource import decode
from app.server.access import load_access
from tests.server.service import PASSWORD, Service
from tests.web.account.test_log_in import seen
from tests.web.browsing import Browser, Time, accounts_of, browsing, code_now, link_in, mails
from tests.web.login import account

NEW = "nieuw@example.org"
CHOSEN = "vijf-gele-paraplus"
FIELDS = {"name": "Nieuwe Persoon", "birth_date": "1980-05-17", "email": NEW, "password": CHOSEN}


async def register(browser: Browser, **fields: str) -> None:
    await browser.open("/register")
    await browser.submit("/register", **{**FIELDS, **fields})
    assert (browser.page.status_code, browser.page.headers.get("location")) == (303, "/register/sent"), (
        browser.page.text
    )


async def verified(browser: Browser) -> None:
    """Up to the page where the second factor is set up."""
    await register(browser)
    (mail,) = await mails(browser.service, NEW)
    await browser.open(link_in(mail))
    await browser.submit(link_in(mail), password=CHOSEN)
    await browser.follow()
    assert browser.page.headers["location"] == "/login/set-up"
    await browser.follow()


async def set_up(browser: Browser) -> list[str]:
    """The app is set up; the recovery codes."""
    offer = browser.hidden("offer")
    written = re.search(r'class="secret" lang="zxx">([A-Z2-7 ]+)<', browser.page.text)
    assert written is not None
    code = code_now(browser.time, totp.read_secret(written[1]))
    await browser.submit("/login/set-up", offer=offer, code=code)
    assert browser.page.status_code == 200, browser.page.text
    return re.findall(r"<li>([0-9a-z]{5}-[0-9a-z]{5})</li>", browser.page.text)


async def test_somebody_registers_and_has_a_record_of_their_own(browser: Browser, service: Service) -> None:
    await verified(browser)
    assert "__Host-session" not in browser.cookies
    codes = await set_up(browser)
    assert len(set(codes)) == 10
    assert 'href="/account/record"' in browser.page.text
    await browser.open("/account/record")
    assert (browser.hidden("csrf"), "Nieuwe" in browser.page.text) != ("", False)
    answer = await browser.submit(
        "/account/record", given="Nieuwe Voornaam", family="van der Persoon", birth_date="1980-05-17"
    )
    assert answer.headers["location"] == "/permissions"
    found = await account_of_email(service.database, 1, NEW)
    assert found is not None
    assert (found.birth_date, found.name, found.role) == ("", "Nieuwe Voornaam van der Persoon", "patient")
    rows = await service.database.fetch("SELECT id, version, body FROM resource WHERE patient = $1", found.patient)
    ((patient_id, version, body),) = rows
    patient = decode(body)
    assert (patient["resourceType"], patient["birthDate"], version) == ("Patient", "1980-05-17", 1)
    assert patient["name"][0]["family"] == "van der Persoon"
    assert patient["name"][0]["given"] == ["Nieuwe", "Voornaam"]
    history = await service.database.fetch("SELECT version FROM history WHERE patient = $1", found.patient)
    assert len(history) == 1
    access = await load_access(
        service.database, session_hash(browser.cookies["__Host-session"]), now=browser.time.now, patient_type=103
    )
    assert access is not None
    assert (access.patient, access.patient_id, access.role) == (found.patient, patient_id, "patient")


async def test_who_gave_no_second_factor_yet_gets_no_further(browser: Browser) -> None:
    await verified(browser)
    for path in ("/account", "/account/record", "/permissions"):
        assert (await browser.open(path)).headers["location"].startswith("/login?next=")
    await browser.give_password(NEW, CHOSEN)
    await browser.follow()
    assert browser.page.headers["location"] == "/login/set-up"


# --- who learns what ------------------------------------------------------------------------------------------------


async def test_a_15_registering_a_known_address_is_answered_exactly_alike(
    browser: Browser, service: Service, time: Time
) -> None:
    answers = []
    for address in (NEW, "anna@example.org"):
        async with browsing(service, time) as each:
            await each.open("/register")
            answers.append([seen(await each.submit("/register", **{**FIELDS, "email": address}))])
            answers[-1].append(seen(await each.follow()))
    assert answers[0] == answers[1]
    assert link_in((await mails(service, NEW))[0]).startswith("/verify/")
    (told,) = await mails(service, "anna@example.org")
    assert told["Subject"] == "U hebt al een account bij Zelfregie"
    assert "/verify/" not in told.get_content()


async def test_a_mail_says_nothing_of_what_somebody_typed(browser: Browser, service: Service) -> None:
    await register(browser, name="Klik op https://evil.example")
    (mail,) = await mails(service, NEW)
    assert "evil" not in str(mail)


async def test_an_address_gets_a_few_mails_and_not_more(browser: Browser, service: Service, time: Time) -> None:
    for _ in range(6):
        await register(browser)
    assert len(await mails(service, NEW)) == 4
    time.move(601)
    await register(browser)
    assert len(await mails(service, NEW)) == 1


async def test_nobody_registers_by_the_dozen(browser: Browser) -> None:
    for number in range(20):
        await register(browser, email=f"nieuw-{number}@example.org")
    await browser.open("/register")
    assert (await browser.submit("/register", **FIELDS)).status_code == 429


# --- the link of the mail -------------------------------------------------------------------------------------------


async def test_who_owns_the_address_but_did_not_choose_the_password_makes_no_account(
    browser: Browser, service: Service, time: Time
) -> None:
    async with browsing(service, time) as attacker:
        await register(attacker)
    (mail,) = await mails(service, NEW)
    path = link_in(mail)
    await browser.open(path)
    assert (await browser.submit(path, password="mijn eigen wachtwoord")).status_code == 422
    assert await account_of_email(service.database, 1, NEW) is None
    await register(browser, password="negen-bruine-paarden")
    (own,) = await mails(service, NEW)
    await browser.open(link_in(own))
    assert (await browser.submit(link_in(own), password="negen-bruine-paarden")).status_code == 303
    async with browsing(service, time) as attacker:
        await attacker.open(path)
        assert (await attacker.submit(path, password=CHOSEN)).status_code == 410


async def test_the_link_counts_once_and_for_a_day(browser: Browser, service: Service, time: Time) -> None:
    await register(browser)
    (mail,) = await mails(service, NEW)
    path = link_in(mail)
    time.move(24 * 3600 + 1)
    assert (await browser.open(path)).status_code == 410
    await register(browser)
    (mail,) = await mails(service, NEW)
    path = link_in(mail)
    await browser.open(path)
    await browser.submit(path, password=CHOSEN)
    assert (await browser.open(path)).status_code == 410
    assert (await browser.open("/verify/nonsense")).status_code == 410


async def test_the_password_at_the_link_is_guessed_at_five_times(browser: Browser, service: Service) -> None:
    await register(browser)
    (mail,) = await mails(service, NEW)
    path = link_in(mail)
    await browser.open(path)
    for _ in range(5):
        assert (await browser.submit(path, password="fout-fout-fout")).status_code == 422
    assert (await browser.submit(path, password=CHOSEN)).status_code == 410
    assert (await browser.open(path)).status_code == 410


async def test_of_two_links_that_are_opened_at_once_one_makes_the_account(
    browser: Browser, service: Service, time: Time
) -> None:
    for _ in range(2):
        await register(browser)
    paths = [link_in(mail) for mail in await mails(service, NEW)]
    async with browsing(service, time) as one, browsing(service, time) as other:
        for each, path in zip((one, other), paths, strict=True):
            await each.open(path)
        answers = await asyncio.gather(
            *(each.submit(path, password=CHOSEN) for each, path in zip((one, other), paths, strict=True))
        )
    assert sorted(each.status_code for each in answers) == [303, 410]


async def test_what_waits_for_the_mail_is_sealed(browser: Browser, service: Service) -> None:
    await register(browser)
    (mail,) = await mails(service, NEW)
    secret = link_in(mail).rpartition("/")[2]
    for row in await service.database.fetch("SELECT hash, data FROM ticket WHERE kind = 'verify'"):
        content = bytes(row[0]) + row[1].encode()
        for part in (secret, NEW, "Persoon", "1980"):
            assert part.encode() not in content


# --- what is asked --------------------------------------------------------------------------------------------------


def born(years: int, days: int = 0) -> str:
    today = date.today()  # noqa: DTZ011 - the birthday is the test's own
    return (today.replace(year=today.year - years, day=min(today.day, 28)) + timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"email": ""}, "email", "Vul uw e-mailadres in."),
        ({"email": "geen adres"}, "email", "Dit is geen e-mailadres."),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "email", "Dit is geen e-mailadres."),
        ({"email": '"a b"@example.org'}, "email", "Dit is geen e-mailadres."),
        ({"name": ""}, "name", "Vul uw voornaam en achternaam in."),
        ({"name": "a" * 101}, "name", "hoogstens 100 letters"),
        ({"name": "a\u202eb"}, "name", "hoogstens 100 letters"),
        ({"birth_date": ""}, "birth_date", "Vul uw geboortedatum in."),
        ({"birth_date": "17-05-1980"}, "birth_date", "bestaat niet"),
        ({"birth_date": "1980-02-30"}, "birth_date", "bestaat niet"),
        ({"birth_date": "1880-02-28"}, "birth_date", "bestaat niet"),
        ({"birth_date": born(-1)}, "birth_date", "bestaat niet"),
        ({"birth_date": born(12)}, "birth_date", "Een eigen account kan vanaf 16 jaar."),
        ({"birth_date": born(16, 40)}, "birth_date", "Een eigen account kan vanaf 16 jaar."),
        ({"password": "kort"}, "password", "te kort"),
        ({"password": "x" * 201}, "password", "te lang"),
        ({"password": "Welkom12345!"}, "password", "zo veel gebruikt"),
        ({"password": "nieuw.persoon"}, "password", "lijkt te veel op uw naam"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_in_a_list_first(
    browser: Browser, service: Service, fields: dict[str, str], field: str, said: str
) -> None:
    await browser.open("/register")
    await browser.submit("/register", **{**FIELDS, **fields})
    assert browser.page.status_code == 422
    assert re.search(rf'<a href="#{field}">[^<]*{re.escape(said)}', browser.page.text)
    assert re.search(rf'id="{field}-problem">[^<]*{re.escape(said)}', browser.page.text)
    assert FIELDS["password"] not in browser.page.text
    assert await mails(service) == []


async def test_sixteen_is_old_enough(browser: Browser, service: Service) -> None:
    await register(browser, birth_date=born(16, -40))
    assert len(await mails(service, NEW)) == 1


# --- linking --------------------------------------------------------------------------------------------------------


async def code_for(service: Service, patient: str, time: Time) -> str:
    return await make_link_code(service.server, patient, tenant=1, now=time.now)


async def test_a_code_of_the_administrator_links_an_existing_record(
    browser: Browser, service: Service, time: Time
) -> None:
    await service.database.change("UPDATE account SET patient = NULL WHERE email = 'bram@example.org'")
    code = await code_for(service, "bram", time)
    await verified(browser)
    await set_up(browser)
    await browser.open("/account/record")
    answer = await browser.submit("/account/record/link", link_code=code)
    assert answer.headers["location"] == "/permissions"
    found = await account_of_email(service.database, 1, NEW)
    assert found is not None
    assert found.patient == await service.key_of("bram")
    assert [each["Subject"] for each in await mails(service, NEW)] != []


async def test_a_linked_record_leaves_the_account_that_nobody_could_get_into(
    browser: Browser, service: Service, time: Time
) -> None:
    async with browsing(service, time) as lost:
        await lost.log_in("anna")
        anna = await account(service, "anna")
        code = await code_for(service, "anna", time)
        await verified(browser)
        await set_up(browser)
        await browser.open("/account/record")
        await browser.submit("/account/record/link", link_code=code)
        assert (await lost.open("/account")).status_code == 303
    assert await account_of_email(service.database, 1, "anna@example.org") is None
    before = await account_of(service.database, anna.id)
    assert before is not None
    assert (before.state, before.patient, before.password, before.totp) == ("closed", None, "", b"")
    permits = await service.database.fetch(
        "SELECT 1 FROM permit WHERE recipient = $1 AND patient = $2",
        f"person:{before.id}",
        await service.key_of("anna"),
    )
    assert permits == []
    assert any("gesloten" in each.get_content() for each in await mails(service, "anna@example.org"))
    async with browsing(service, time) as again:
        answers = [await again.give_password(each) for each in ("anna@example.org", "niemand@example.org")]
        assert [each.status_code for each in answers] == [422, 422]
        for address in ("anna@example.org", "niemand@example.org"):
            await again.open("/recover")
            assert (await again.submit("/recover", email=address)).headers["location"] == "/recover/sent"
            assert await mails(service, address) == []
        await register(again, email="anna@example.org")
        (mail,) = await mails(service, "anna@example.org")
        assert "/verify/" in link_in(mail), "whose address it is may begin anew"


@pytest.mark.parametrize("code", ["", "nonsense", "é" * 40])
async def test_another_code_links_nothing(browser: Browser, service: Service, code: str) -> None:
    await verified(browser)
    await set_up(browser)
    await browser.open("/account/record")
    assert (await browser.submit("/account/record/link", link_code=code)).status_code == 422


async def test_a_link_code_counts_once(browser: Browser, service: Service, time: Time) -> None:
    code = await code_for(service, "bram", time)
    await verified(browser)
    await set_up(browser)
    await browser.open("/account/record")
    await browser.submit("/account/record/link", link_code=code)
    async with browsing(service, time) as other:
        await other.log_in("carla")
        await other.open("/account/record")
        assert (await other.submit("/account/record/link", link_code=code)).status_code == 422


async def test_who_has_a_record_gets_no_second_one(browser: Browser, service: Service, time: Time) -> None:
    await browser.log_in("anna")
    await browser.open("/account")
    code = await code_for(service, "bram", time)
    for path, fields in (
        ("/account/record/link", {"link_code": code}),
        ("/account/record", {"given": "A", "family": "B"}),
    ):
        assert (await browser.submit(path, **fields)).headers["location"] == "/account"
        await browser.open("/account")
    found = await account_of_email(service.database, 1, "anna@example.org")
    assert found is not None
    assert found.patient == await service.key_of("anna")


async def test_a_record_that_was_started_twice_at_once_is_one(browser: Browser, service: Service) -> None:
    await verified(browser)
    await set_up(browser)
    await browser.open("/account/record")
    token = browser.hidden("csrf")
    answers = await asyncio.gather(
        *(
            browser.http.post(
                "/account/record",
                data={"csrf": token, "given": "Nieuwe", "family": "Persoon", "birth_date": "1980-05-17"},
            )
            for _ in range(2)
        )
    )
    assert 303 in {each.status_code for each in answers}
    found = await account_of_email(service.database, 1, NEW)
    assert found is not None
    rows = await service.database.fetch("SELECT COUNT(*) FROM permit WHERE recipient = $1", f"person:{found.id}")
    assert rows[0][0] == 1


async def test_who_has_no_birth_date_here_gives_it_when_the_record_begins(browser: Browser, service: Service) -> None:
    await browser.log_in("carla")
    await browser.open("/account/record")
    assert (await browser.submit("/account/record", given="Carla", family="Proef")).status_code == 422
    assert (
        await browser.submit("/account/record", given="Carla", family="Proef", birth_date=born(10))
    ).status_code == 422
    answer = await browser.submit("/account/record", given="Carla", family="Proef", birth_date="1970-01-02")
    assert answer.status_code == 303
    assert accounts_of(service).tenant == 1
    assert PASSWORD not in browser.page.text
