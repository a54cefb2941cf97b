"""Changing what one logs in with: only with a second factor that was just given; told to the owner; others are out."""

from __future__ import annotations

import re

import pytest

from app.auth.accounts import totp
from app.auth.accounts.recovery_codes import codes_left
from app.web.account.routes import ADDRESSES
from tests.server.service import PASSWORD, Service
from tests.web.account.test_recovery import is_out, let_app_in
from tests.web.browsing import Browser, Time, browsing, code_now, link_in, mails
from tests.web.login import account, logged_in

ANNA = "anna@example.org"
CHOSEN = "zeven-rode-tulpen"
PERSONAL = [path.replace("{ticket}", "x") for path, show, _ in ADDRESSES if show and path.startswith("/account")]
CHANGING = [path.replace("{ticket}", "x") for path, _, do in ADDRESSES if do and path.startswith("/account")]
FRESH = (
    "/account/password",
    "/account/email",
    "/account/email/x",
    "/account/totp",
    "/account/passkeys",
    "/account/codes",
)


@pytest.mark.parametrize("path", PERSONAL)
async def test_nobody_sees_a_page_of_an_account(browser: Browser, path: str) -> None:
    answer = await browser.open(path)
    assert answer.headers["location"].startswith("/login?next=")


@pytest.mark.parametrize("path", CHANGING)
async def test_nobody_changes_an_account(browser: Browser, path: str) -> None:
    await browser.open("/login")
    answer = await browser.submit(path, password=CHOSEN, code="000000", email="x@example.org")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("path", FRESH)
async def test_what_matters_asks_for_the_second_factor_again(service: Service, path: str) -> None:
    async with logged_in(service, "anna", fresh=False) as http:
        answer = await http.get(path)
        assert answer.headers["location"] == f"/account/confirm?next={path.replace('/', '%2F')}"
        token = re.search(r'name="csrf" value="(\w+)"', (await http.get("/account")).text)
        assert token is not None
        answer = await http.post(path, data={"csrf": token[1], "password": CHOSEN, "email": "x@example.org"})
        assert answer.headers["location"] == "/account/confirm"
    assert (await account(service, "anna")).email == ANNA


async def test_the_second_factor_is_fresh_for_five_minutes(browser: Browser, time: Time) -> None:
    await browser.log_in("anna")
    assert (await browser.open("/account/password")).status_code == 200
    time.move(301)
    assert (await browser.open("/account/password")).status_code == 303
    await browser.follow()
    assert (await browser.submit("/account/confirm", code="000000", next="/account/password")).status_code == 422
    answer = await browser.submit("/account/confirm", code=code_now(time), next="/account/password")
    assert answer.headers["location"] == "/account/password"
    assert (await browser.follow()).status_code == 200


@pytest.mark.parametrize("given", ["https://evil.example", "//evil.example", "/\\evil.example", ""])
async def test_a_15_confirming_goes_on_to_no_other_place(browser: Browser, time: Time, given: str) -> None:
    await browser.log_in("anna")
    time.move(31)
    await browser.open("/account/confirm")
    answer = await browser.submit("/account/confirm", code=code_now(time), next=given)
    assert answer.headers["location"] == "/account"


async def test_a_new_password_ends_other_sessions_and_shuts_apps_out(
    browser: Browser, service: Service, time: Time
) -> None:
    async with logged_in(service, "anna") as other:
        await browser.log_in("anna")
        family = await let_app_in(service, time.now)
        await browser.open("/account/password")
        assert (await browser.submit("/account/password", password="kort")).status_code == 422
        answer = await browser.submit("/account/password", password=CHOSEN)
        assert answer.headers["location"] == "/account?done=password"
        assert "Uw wachtwoord is veranderd." in (await browser.follow()).text
        assert (await other.get("/account")).status_code == 303
    assert await is_out(service, family)
    assert any("wachtwoord is veranderd" in each.get_content() for each in await mails(service, ANNA))


async def test_an_address_is_changed_by_who_can_read_the_new_one(
    browser: Browser, service: Service, time: Time
) -> None:
    await browser.log_in("anna")
    await mails(service)
    await browser.open("/account/email")
    assert (await browser.submit("/account/email", email="geen adres")).status_code == 422
    assert (await browser.submit("/account/email", email="Nieuw@Example.org")).status_code == 200
    (mail,) = await mails(service, "nieuw@example.org")
    path = link_in(mail)
    async with browsing(service, time) as bram:
        await bram.log_in("bram")
        await bram.open(path)
        assert (await bram.submit(path)).status_code == 410
    await browser.open("/account/email")
    await browser.submit("/account/email", email="nieuw@example.org")
    (mail,) = await mails(service, "nieuw@example.org")
    path = link_in(mail)
    await browser.open(path)
    assert (await browser.submit(path)).headers["location"] == "/account?done=email"
    (told,) = await mails(service, ANNA)
    assert "e-mailadres is veranderd" in told.get_content()
    async with browsing(service, time) as again:
        assert (await again.give_password("nieuw@example.org")).status_code == 303


async def test_a_link_to_recover_that_went_to_the_old_address_is_over(
    browser: Browser, service: Service, time: Time
) -> None:
    async with browsing(service, time) as other:
        await other.open("/recover")
        await other.submit("/recover", email=ANNA)
        (mail,) = await mails(service, ANNA)
        recover = link_in(mail)
        assert (await other.open(recover)).status_code == 200
        await browser.log_in("anna")
        await browser.open("/account/email")
        await browser.submit("/account/email", email="nieuw@example.org")
        (mail,) = await mails(service, "nieuw@example.org")
        await browser.open(link_in(mail))
        await browser.submit(link_in(mail))
        assert (await other.open(recover)).status_code == 410


async def test_an_address_that_somebody_else_has_is_answered_alike(browser: Browser, service: Service) -> None:
    await browser.log_in("anna")
    texts = []
    for address in ("vrij@example.org", "bram@example.org"):
        await browser.open("/account/email")
        answer = await browser.submit("/account/email", email=address)
        texts.append((answer.status_code, answer.text))
    assert texts[0] == texts[1]
    (told,) = await mails(service, "bram@example.org")
    assert told["Subject"] == "U hebt al een account bij Zelfregie"


async def test_another_app_takes_the_place_of_the_one_before(browser: Browser, service: Service, time: Time) -> None:
    await browser.log_in("anna")
    time.move(31)
    await browser.open("/account/totp")
    written = re.search(r'class="secret" lang="zxx">([A-Z2-7 ]+)<', browser.page.text)
    assert written is not None
    secret, offer = totp.read_secret(written[1]), browser.hidden("offer")
    assert (await browser.submit("/account/totp", offer=offer, code="000000")).status_code == 422
    assert browser.hidden("offer") == offer
    await browser.submit("/account/totp", offer=offer, code=code_now(time, secret))
    assert len(re.findall(r"<li>[0-9a-z]{5}-[0-9a-z]{5}</li>", browser.page.text)) == 10
    time.move(31)
    async with browsing(service, time) as other:
        await other.give_password(ANNA)
        await other.follow()
        assert (await other.submit("/login/second-factor", code=code_now(time))).status_code == 422
        assert (await other.submit("/login/second-factor", code=code_now(time, secret))).status_code == 303


async def test_a_29_the_secret_of_the_app_is_sealed_and_an_offer_is_one_persons(
    browser: Browser, service: Service, time: Time
) -> None:
    await browser.log_in("bram")
    await browser.open("/account/totp")
    offer = browser.hidden("offer")
    async with browsing(service, time) as anna:
        await anna.log_in("anna")
        await anna.open("/account/totp")
        for given in (offer, "nonsense", ""):
            assert (await anna.submit("/account/totp", offer=given, code="000000")).status_code == 422
    stored = (await account(service, "anna")).totp
    assert b"12345678901234567890" not in stored


async def test_the_app_stays_while_it_is_the_last_second_factor(browser: Browser, service: Service) -> None:
    await browser.log_in("anna")
    await browser.open("/account")
    assert "/account/totp/remove" not in browser.page.text
    assert (await browser.submit("/account/totp/remove")).status_code == 422
    assert (await account(service, "anna")).totp


async def test_new_recovery_codes_take_the_place_of_the_old(browser: Browser, service: Service) -> None:
    await browser.log_in("anna")
    made = []
    for _ in range(2):
        await browser.open("/account/codes")
        await browser.submit("/account/codes")
        made.append(re.findall(r"<li>([0-9a-z]{5}-[0-9a-z]{5})</li>", browser.page.text))
    assert not set(made[0]) & set(made[1])
    assert await codes_left(service.database, (await account(service, "anna")).id) == 10
    await browser.open("/account/codes")
    assert not any(each in browser.page.text for each in made[1])


async def test_logging_out_everywhere_else_leaves_this_visit(browser: Browser, service: Service) -> None:
    await browser.log_in("anna")
    async with logged_in(service, "anna") as other:
        assert "Log overal elders uit" in (await browser.open("/account")).text
        assert (await browser.submit("/account/sessions/end")).headers["location"] == "/account?done=sessions"
        assert (await other.get("/account")).status_code == 303
    assert (await browser.open("/account")).status_code == 200


async def test_the_language_holds_for_pages_and_mails(browser: Browser, service: Service) -> None:
    await browser.log_in("anna")
    await browser.open("/account")
    await browser.submit("/account/language", language="en")
    assert "Your account" in (await browser.follow()).text
    assert (await account(service, "anna")).language == "en"
    await browser.submit("/account/language", language="xx")
    assert (await account(service, "anna")).language == "en"
    await mails(service)
    await browser.open("/account/codes")
    await browser.submit("/account/codes")
    (mail,) = await mails(service, ANNA)
    assert mail["Subject"].startswith("Something changed")


async def test_what_the_page_says_was_done_is_one_of_ours(browser: Browser) -> None:
    await browser.log_in("anna")
    for given in ("nonsense", "<script>", "password&done=codes"):
        assert (await browser.open(f"/account?done={given}")).status_code == 200
        assert "<script>" not in browser.page.text
    assert PASSWORD not in browser.page.text
