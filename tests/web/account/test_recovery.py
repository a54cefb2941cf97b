"""Who lost the password, the code or both; and that nobody else gets in that way."""

from __future__ import annotations

import asyncio
import re

import pytest

from app.auth.accounts.administration import make_administrator, unlock
from app.auth.accounts.recovery_codes import make_codes
from app.auth.accounts.sessions import session_hash
from app.auth.accounts.tables import INSERT_TICKET
from app.auth.oauth.tables import INSERT_AUTHORIZATION
from tests.server.service import PASSWORD, Service
from tests.web.account.test_log_in import seen
from tests.web.account.test_registration import set_up
from tests.web.browsing import Browser, Time, accounts_of, browsing, code_now, link_in, mails
from tests.web.login import account

CHOSEN = "zeven-rode-tulpen"
ANNA = "anna@example.org"


async def link_for(browser: Browser, address: str = ANNA) -> str:
    await browser.open("/recover")
    await browser.submit("/recover", email=address)
    assert browser.page.headers["location"] == "/recover/sent"
    (mail,) = await mails(browser.service, address)
    return link_in(mail)


async def codes_of(service: Service, name: str = "anna") -> list[str]:
    accounts = accounts_of(service)
    who = await account(service, name)
    async with service.database.write() as writer:
        return await make_codes(writer, accounts.recovery_seal, who.id, service.server.random)


async def let_app_in(service: Service, now: int) -> str:
    """An authorization of Anna's with an access token."""
    anna = await account(service, "anna")
    values: dict[str, object] = dict.fromkeys(INSERT_AUTHORIZATION.columns, "")
    values.update(id="family-1", client="app", account=anna.id, session=b"", tenant=1, patient=anna.patient)
    values.update(authenticated=now, created=now, expires=now * 2, revoked=0)
    async with service.database.write() as writer:
        await writer.insert(INSERT_AUTHORIZATION, [tuple(values[name] for name in INSERT_AUTHORIZATION.columns)])
        await writer.execute(
            "INSERT INTO access_grant (hash, stamp, recipient, client, person, organization, tenant, purpose, scopes,"
            " patient, everyone, expires, kind, role, also, within, responsible, fhir_user, family, fresh)"
            " VALUES ($1, 1, 'app:app', 'app', '', '', 1, 'own-use', 'patient/*.rs', $2, 0, $3, 'app', '', '', '', '',"
            " '', 'family-1', 0)",
            b"token-of-the-app",
            anna.patient,
            now * 2,
        )
    return "family-1"


async def is_out(service: Service, family: str) -> bool:
    grants = await service.database.fetch("SELECT 1 FROM access_grant WHERE family = $1", family)
    ((revoked,),) = await service.database.fetch("SELECT revoked FROM client_authorization WHERE id = $1", family)
    return not grants and revoked > 0


async def test_a_link_and_the_code_give_a_new_password_and_put_everybody_else_out(
    browser: Browser, service: Service, time: Time
) -> None:
    async with browsing(service, time) as thief:
        await thief.log_in("anna")
        cookie = thief.cookies["__Host-session"]
    family = await let_app_in(service, time.now)
    await mails(service)
    time.move(31)
    path = await link_for(browser)
    await browser.open(path)
    answer = await browser.submit(path, password=CHOSEN, code=code_now(time))
    assert answer.headers["location"] == "/permissions"
    assert await service.database.fetch("SELECT 1 FROM session WHERE hash = $1", session_hash(cookie)) == []
    assert await is_out(service, family)
    assert any("wachtwoord is veranderd" in each.get_content() for each in await mails(service, ANNA))
    async with browsing(service, time) as other:
        assert (await other.give_password(ANNA, PASSWORD)).status_code == 422
        assert (await other.give_password(ANNA, CHOSEN)).status_code == 303


async def test_a_log_in_that_waits_for_its_code_ends_with_the_password_it_began_with(
    browser: Browser, service: Service, time: Time
) -> None:
    async with browsing(service, time) as thief:
        await thief.give_password(ANNA, PASSWORD)
        await thief.follow()
        path = await link_for(browser)
        await browser.open(path)
        assert (await browser.submit(path, password=CHOSEN, code=code_now(time))).status_code == 303
        time.move(31)
        assert (await thief.submit("/login/second-factor", code=code_now(time))).status_code == 410
        await thief.give_password(ANNA, CHOSEN)
        await thief.follow()
        await browser.open("/account/password")
        assert (await browser.submit("/account/password", password=PASSWORD)).status_code == 303
        time.move(31)
        assert (await thief.submit("/login/second-factor", code=code_now(time))).status_code == 410


async def test_the_link_alone_opens_nothing(browser: Browser, service: Service) -> None:
    path = await link_for(browser)
    await browser.open(path)
    for code in ("", "000000"):
        assert (await browser.submit(path, password=CHOSEN, code=code)).status_code == 422
    assert "__Host-session" not in browser.cookies
    assert (await browser.give_password(ANNA, PASSWORD)).status_code == 303


async def test_a_recovery_code_is_a_second_factor_once(browser: Browser, service: Service, time: Time) -> None:
    codes = await codes_of(service)
    path = await link_for(browser)
    await browser.open(path)
    await browser.submit(path, password=CHOSEN, code=f" {codes[0].upper()} ")
    assert browser.page.status_code == 303
    told = [each.get_content() for each in await mails(service, ANNA)]
    assert any("herstelcode gebruikt" in each for each in told)
    async with browsing(service, time) as other:
        await other.give_password(ANNA, CHOSEN)
        await other.follow()
        assert (await other.submit("/login/second-factor", code=codes[0])).status_code == 422
        answer = await other.submit("/login/second-factor", code=codes[1])
        assert answer.headers["location"].startswith("/account/codes-left")
        assert "nog werken: 8" in (await other.follow()).text


async def test_of_two_who_come_with_the_same_recovery_code_one_gets_in(service: Service, time: Time) -> None:
    codes = await codes_of(service)
    async with browsing(service, time) as one, browsing(service, time) as other:
        for each in (one, other):
            await each.give_password(ANNA)
            await each.follow()
        answers = await asyncio.gather(*(each.submit("/login/second-factor", code=codes[0]) for each in (one, other)))
    assert sorted(each.status_code for each in answers) == [303, 422]


async def test_a_29_recovery_codes_are_kept_as_keyed_hashes(service: Service, browser: Browser) -> None:
    codes = await codes_of(service)
    rows = await service.database.fetch("SELECT hash FROM recovery_code")
    assert len(rows) == 10
    for (kept,) in rows:
        assert len(bytes(kept)) == 32
        assert all(each.replace("-", "").encode() not in bytes(kept) for each in codes)


async def test_a_15_asking_for_an_unknown_address_is_answered_exactly_alike(
    browser: Browser, service: Service, time: Time
) -> None:
    await service.database.change("UPDATE account SET state = 'closed' WHERE email = 'carla@example.org'")
    answers = []
    for address in (ANNA, "nobody@example.org", "carla@example.org", "geen adres", ""):
        async with browsing(service, time) as each:
            await each.open("/recover")
            answers.append([seen(await each.submit("/recover", email=address)), seen(await each.follow())])
    assert all(each == answers[0] for each in answers)
    assert [each["To"] for each in await mails(service)] == [ANNA]
    rows = await service.database.fetch("SELECT COUNT(*) FROM ticket WHERE kind = 'recover'")
    assert rows[0][0] == 5  # as much is written for each


async def test_the_link_counts_once_for_half_an_hour_and_only_the_last_is_left(
    browser: Browser, service: Service, time: Time
) -> None:
    first, second = await link_for(browser), await link_for(browser)
    await browser.open(second)
    assert (await browser.submit(second, password=CHOSEN, code=code_now(time))).status_code == 303
    for path in (first, second, "/recover/nonsense"):
        assert (await browser.open(path)).status_code == 410
    time.move(601)
    await mails(browser.service)  # of the change
    third = await link_for(browser)
    time.move(1801)
    assert (await browser.open(third)).status_code == 410


async def test_five_wrong_codes_end_the_link(browser: Browser, time: Time) -> None:
    path = await link_for(browser)
    await browser.open(path)
    for _ in range(5):
        await browser.submit(path, password=CHOSEN, code="000000")
    assert (await browser.submit(path, password=CHOSEN, code=code_now(time))).status_code == 410


@pytest.mark.parametrize(("chosen", "said"), [("kort", "te kort"), ("anna@example.org", "lijkt te veel")])
async def test_a_new_password_obeys_the_same_rules(browser: Browser, chosen: str, said: str) -> None:
    path = await link_for(browser)
    await browser.open(path)
    answer = await browser.submit(path, password=chosen, code=code_now(browser.time))
    assert answer.status_code == 422
    assert said in answer.text


async def test_the_owner_gets_a_few_mails_and_not_more(browser: Browser, service: Service) -> None:
    for _ in range(6):
        await browser.open("/recover")
        await browser.submit("/recover", email=ANNA)
    assert len(await mails(service, ANNA)) == 4


async def test_nobody_asks_by_the_dozen(browser: Browser) -> None:
    for number in range(20):
        await browser.open("/recover")
        await browser.submit("/recover", email=f"somebody-{number}@example.org")
    await browser.open("/recover")
    assert (await browser.submit("/recover", email=ANNA)).status_code == 429


async def test_the_page_says_who_helps_when_everything_is_lost(browser: Browser) -> None:
    text = (await browser.open("/recover?lang=nl")).text
    assert "beheerder van deze dienst" in text
    assert 'id="both"' in text


# --- the administrator ----------------------------------------------------------------------------------------------


async def test_unlocking_forgets_wrong_attempts_only(browser: Browser, service: Service, time: Time) -> None:
    for _ in range(5):
        await browser.give_password(ANNA, "helemaal-verkeerd")
    assert await unlock(service.server, "Anna@Example.org", tenant=1, now=time.now, second_factor=False) is None
    assert (await browser.give_password(ANNA)).status_code == 303
    assert (await browser.follow()).status_code == 200
    assert "/login/set-up" not in browser.page.headers.get("location", "")


async def test_a_cleared_second_factor_is_set_up_anew_and_told(browser: Browser, service: Service, time: Time) -> None:
    async with browsing(service, time) as before:
        await before.log_in("anna")
        mail = await unlock(service.server, ANNA, tenant=1, now=time.now, second_factor=True)
        assert mail is not None
        assert (mail.to, "tweede stap gewist" in mail.text) == (ANNA, True)
        assert (await before.open("/account")).status_code == 303
    await browser.give_password(ANNA)
    await browser.follow()
    assert browser.page.headers["location"] == "/login/set-up"
    await browser.follow()
    assert len(await set_up(browser)) == 10
    assert (await browser.open("/account")).status_code == 200


async def test_an_administrator_chooses_a_password_with_the_link_and_sets_up_a_second_factor(
    browser: Browser, service: Service, time: Time
) -> None:
    link = await make_administrator(service.server, "baas@example.org", tenant=1, now=time.now)
    path = link.removeprefix("http://zelfregie.test")
    await browser.open(path)
    assert 'name="code"' not in browser.page.text
    await browser.submit(path, password=CHOSEN)
    await browser.follow()
    await browser.follow()
    await set_up(browser)
    assert 'href="/admin"' in browser.page.text
    assert (await account(service, "baas")).role == "administrator"


async def test_a_new_administrator_that_has_no_password_yet_cannot_log_in(
    browser: Browser, service: Service, time: Time
) -> None:
    await make_administrator(service.server, "baas@example.org", tenant=1, now=time.now)
    for password in ("", PASSWORD):
        assert (await browser.give_password("baas@example.org", password)).status_code == 422


async def test_tickets_of_another_kind_open_no_page(browser: Browser, service: Service, time: Time) -> None:
    from hashlib import sha256

    anna = await account(service, "anna")
    row = (sha256(b"secret").digest(), "log-in", anna.id, "{}", time.now, time.now * 2)
    async with service.database.write() as writer:
        await writer.insert(INSERT_TICKET, [row])
    for path in ("/recover/secret", "/verify/secret"):
        assert (await browser.open(path)).status_code == 410
    assert re.search("verlopen", browser.page.text)
