"""Logging in: A-15 of the attack checklist (fixation, enumeration, limits, open redirect, cookies), and the way in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app.auth.accounts import logging_in
from app.auth.accounts.sessions import session_hash
from tests.server.service import PASSWORD, Service
from tests.web.browsing import Browser, Time, browsing, code_now, link_in, mails
from tests.web.login import account

SESSION = "__Host-session"
DEVICE = "__Host-device"
_CHANGING = re.compile(r'name="csrf" value="[0-9a-f]+"')


def seen(answer: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    """All of an answer that does not differ from one visit to another."""
    headers = sorted(
        (name, value) for name, value in answer.headers.items() if name not in ("date", "set-cookie", "content-length")
    )
    names = sorted(each.partition("=")[0] for each in answer.headers.get_list("set-cookie"))
    return answer.status_code, _CHANGING.sub("", answer.text), [*headers, *(("cookie", each) for each in names)]


async def test_password_and_code_lead_to_the_own_record(browser: Browser, service: Service) -> None:
    answer = await browser.log_in("anna")
    assert (answer.status_code, answer.headers["location"]) == (303, "/permissions")
    rows = await service.database.fetch(
        "SELECT account, method, patient FROM session WHERE hash = $1", session_hash(browser.cookies[SESSION])
    )
    anna = await account(service, "anna")
    assert [tuple(row) for row in rows] == [(anna.id, "password+totp", anna.patient)]
    assert "anna@example.org" in (await browser.open("/account")).text


async def test_a_password_alone_opens_nothing(browser: Browser) -> None:
    await browser.give_password("anna@example.org")
    assert SESSION not in browser.cookies
    answer = await browser.open("/account")
    assert answer.headers["location"] == "/login?next=%2Faccount"


async def test_the_second_factor_without_a_password_leads_back_to_it(browser: Browser) -> None:
    answer = await browser.open("/login/second-factor")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("role", ["carla", "beheer"])
async def test_who_has_no_record_goes_elsewhere(browser: Browser, role: str) -> None:
    answer = await browser.log_in(role)
    assert answer.headers["location"] == {"carla": "/choose", "beheer": "/admin"}[role]


# --- A-15: session fixation -----------------------------------------------------------------------------------------


async def test_a_15_a_session_cookie_that_was_planted_is_worth_nothing_after_the_log_in(browser: Browser) -> None:
    planted = "planted-by-somebody-else"
    browser.http.cookies.set(SESSION, planted, domain="zelfregie.test")
    await browser.log_in("anna")
    cookies = [each.value for each in browser.http.cookies.jar if each.name == SESSION]
    async with browsing(browser.service, browser.time) as other:
        other.http.cookies.set(SESSION, planted, domain="zelfregie.test")
        assert (await other.open("/account")).status_code == 303
    assert any(each != planted for each in cookies)


async def test_a_15_the_session_before_ends_when_somebody_logs_in_again(browser: Browser, time: Time) -> None:
    await browser.log_in("anna")
    before = browser.cookies[SESSION]
    time.move(31)
    await browser.open("/account/confirm?next=/account/codes")
    answer = await browser.submit("/account/confirm", code=code_now(time), next="/account/codes")
    assert answer.headers["location"] == "/account/codes"
    assert browser.cookies[SESSION] != before
    assert (await browser.open("/account")).status_code == 200
    async with browsing(browser.service, time) as other:
        other.http.cookies.set(SESSION, before, domain="zelfregie.test")
        assert (await other.open("/account")).status_code == 303


async def test_a_15_the_form_token_of_before_the_log_in_does_not_count_after_it(browser: Browser) -> None:
    await browser.open("/login")
    token = browser.hidden("csrf")
    await browser.log_in("anna")
    answer = await browser.submit("/account/sessions/end", csrf=token)
    assert answer.status_code == 403
    assert (await browser.submit("/logout", csrf="")).status_code == 403


# --- A-15: enumeration ----------------------------------------------------------------------------------------------


async def test_a_15_known_unknown_closed_and_locked_accounts_are_answered_alike(
    browser: Browser, service: Service, time: Time
) -> None:
    await service.database.change("UPDATE account SET state = 'closed' WHERE email = 'carla@example.org'")

    async def wrong(address: str, password: str = "helemaal-verkeerd") -> tuple[object, ...]:
        async with browsing(service, time) as other:
            answer = seen(await other.give_password(address, password))
            return answer[0], answer[1].replace(address, "…"), answer[2]

    first = await wrong("anna@example.org")
    assert first[0] == 422
    assert await wrong("nobody@example.org") == first
    assert await wrong("carla@example.org", PASSWORD) == first
    assert await wrong("not an address") == first
    for _ in range(5):
        await wrong("anna@example.org")
    assert await wrong("anna@example.org", PASSWORD) == first


async def test_a_15_an_unknown_account_costs_as_much_work_as_a_known_one(
    browser: Browser, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.auth.accounts.passwords import Passwords

    hashed: list[bool] = []
    verify: Callable[[Passwords, str, str], bool] = Passwords._verify

    def counted(self: Passwords, stored: str, password: str) -> bool:
        hashed.append(bool(stored))
        return verify(self, stored, password)

    monkeypatch.setattr(Passwords, "_verify", counted)
    await browser.give_password("anna@example.org", "helemaal-verkeerd")
    await browser.give_password("nobody@example.org", "helemaal-verkeerd")
    assert hashed == [True, False]


# --- A-15: limits ---------------------------------------------------------------------------------------------------


async def test_a_15_after_five_wrong_passwords_the_right_one_has_to_wait(browser: Browser, time: Time) -> None:
    for _ in range(5):
        assert (await browser.give_password("anna@example.org", "helemaal-verkeerd")).status_code == 422
    assert (await browser.give_password("anna@example.org")).status_code == 422
    time.move(31)
    assert (await browser.give_password("anna@example.org")).status_code == 303


async def test_a_15_each_further_wrong_password_waits_longer_and_never_longer_than_an_hour(
    browser: Browser, time: Time
) -> None:
    for round_, seconds in enumerate([0, 0, 0, 0, 0, 30, 60, 120, 240]):
        if seconds:
            time.move(seconds - 1)
            assert (await browser.give_password("anna@example.org")).status_code == 422, round_
            time.move(1)
        await browser.give_password("anna@example.org", "helemaal-verkeerd")
    for _ in range(8):
        time.move(3600)
        await browser.give_password("anna@example.org", "helemaal-verkeerd")
    time.move(3600)
    assert (await browser.give_password("anna@example.org")).status_code == 303


async def test_a_15_guesses_that_come_at_once_are_no_more_than_those_one_by_one(
    browser: Browser, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.auth.accounts.passwords import Passwords

    judged: list[str] = []

    def wrong(_: Passwords, stored: str, __: str) -> bool:
        judged.append(stored)
        return False

    monkeypatch.setattr(Passwords, "_verify", wrong)
    await browser.open("/login")
    token = browser.hidden("csrf")
    await asyncio.gather(
        *(
            browser.http.post("/login", data={"csrf": token, "email": "anna@example.org", "password": f"poging-{n}"})
            for n in range(12)
        )
    )
    assert len([each for each in judged if each]) == 5


async def test_a_15_others_cannot_lock_out_the_browser_that_somebody_always_uses(
    browser: Browser, service: Service, time: Time
) -> None:
    await browser.log_in("anna")
    await browser.open("/account")
    await browser.submit("/logout")
    async with browsing(service, time) as attacker:
        for _ in range(6):
            await attacker.give_password("anna@example.org", "helemaal-verkeerd")
        assert (await attacker.give_password("anna@example.org")).status_code == 422
    assert (await browser.give_password("anna@example.org")).status_code == 303


async def test_a_15_who_is_locked_out_on_a_new_device_gets_in_by_mail(
    browser: Browser, service: Service, time: Time
) -> None:
    for _ in range(6):
        await browser.give_password("anna@example.org", "helemaal-verkeerd")
    await browser.open("/recover")
    await browser.submit("/recover", email="anna@example.org")
    (mail,) = await mails(service, "anna@example.org")
    link = re.search(r"http://zelfregie\.test(/recover/\S+)", mail.get_content())
    assert link is not None
    await browser.open(link[1])
    assert (await browser.give_password("anna@example.org")).status_code == 303


async def test_a_15_one_address_of_the_network_cannot_try_many_accounts(browser: Browser) -> None:
    for number in range(50):
        answer = await browser.give_password(f"somebody-{number}@example.org", "helemaal-verkeerd")
        assert answer.status_code == 422
    assert (await browser.give_password("somebody-51@example.org", "helemaal-verkeerd")).status_code == 429


async def test_a_15_five_wrong_codes_end_the_log_in(browser: Browser) -> None:
    await browser.give_password("anna@example.org")
    await browser.follow()
    for _ in range(5):
        await browser.submit("/login/second-factor", code="000000")
        assert browser.page.status_code == 422
    assert (await browser.submit("/login/second-factor", code=code_now(browser.time))).status_code == 410
    assert (await browser.open("/login/second-factor")).status_code == 410


async def test_a_15_who_has_the_password_cannot_try_codes_for_ever(browser: Browser, time: Time) -> None:
    for _ in range(2):
        await browser.give_password("anna@example.org")
        await browser.follow()
        for _ in range(5):
            await browser.submit("/login/second-factor", code="000000")
    await browser.give_password("anna@example.org")
    await browser.follow()
    assert (await browser.submit("/login/second-factor", code=code_now(time))).status_code == 422
    time.move(61)
    assert (await browser.submit("/login/second-factor", code=code_now(time))).status_code == 303


@pytest.mark.parametrize("links", [1, 3])
async def test_a_15_who_has_the_password_and_the_mail_cannot_either(service: Service, time: Time, links: int) -> None:
    for tries in ("00000", "00000", ""):
        async with browsing(service, time) as guesser:
            if links:
                await guesser.open("/recover")
                await guesser.submit("/recover", email="anna@example.org")
                *_, mail = await mails(service, "anna@example.org")
                links -= 1
            await guesser.open(link_in(mail))
            await guesser.give_password("anna@example.org")
            await guesser.follow()
            for _ in tries:
                await guesser.submit("/login/second-factor", code="000000")
            right = await guesser.submit("/login/second-factor", code=code_now(time)) if not tries else None
    assert right is not None
    assert right.status_code == 422, "ten codes were tried"


async def test_a_15_a_link_that_is_opened_over_and_over_gives_no_more_passwords_to_try(
    browser: Browser, service: Service, time: Time
) -> None:
    await browser.open("/recover")
    await browser.submit("/recover", email="anna@example.org")
    (mail,) = await mails(service, "anna@example.org")
    for _ in range(5):
        async with browsing(service, time) as guesser:
            await guesser.open(link_in(mail))
            await guesser.give_password("anna@example.org", "helemaal-verkeerd")
    await browser.open(link_in(mail))
    assert (await browser.give_password("anna@example.org")).status_code == 422


# --- codes ----------------------------------------------------------------------------------------------------------


async def test_a_code_counts_once(browser: Browser, service: Service, time: Time) -> None:
    await browser.log_in("anna")
    async with browsing(service, time) as other:
        assert (await other.log_in("anna")).status_code == 422
        time.move(30)
        assert (await other.submit("/login/second-factor", code=code_now(time))).status_code == 303


async def test_of_two_who_come_with_the_same_code_at_once_one_gets_in(service: Service, time: Time) -> None:
    async with browsing(service, time) as one, browsing(service, time) as other:
        for each in (one, other):
            await each.give_password("anna@example.org")
            await each.follow()
        answers = await asyncio.gather(
            *(each.submit("/login/second-factor", code=code_now(time)) for each in (one, other))
        )
    assert sorted(each.status_code for each in answers) == [303, 422]


@pytest.mark.parametrize(("off", "status"), [(-61, 422), (-30, 303), (30, 303), (61, 422)])
async def test_a_clock_may_be_half_a_minute_off(browser: Browser, time: Time, off: int, status: int) -> None:
    await browser.give_password("anna@example.org")
    await browser.follow()
    assert (
        await browser.submit("/login/second-factor", code=code_now(Time(time.now + off * 1_000_000)))
    ).status_code == status


async def test_a_log_in_waits_ten_minutes_for_its_code(browser: Browser, time: Time) -> None:
    await browser.give_password("anna@example.org")
    await browser.follow()
    time.move(601)
    assert (await browser.submit("/login/second-factor", code=code_now(time))).status_code == 410


# --- A-15: open redirect --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", ["/data?x=1", "/oauth/authorize?client_id=a&redirect_uri=https%3A%2F%2Fapp.example%2Fcb"]
)
async def test_the_log_in_goes_on_to_a_page_of_ours(browser: Browser, given: str) -> None:
    answer = await browser.log_in("anna", next=given)
    assert answer.headers["location"] == given


@pytest.mark.parametrize(
    "given",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/a\r\nSet-Cookie:x",
        "/ /evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/a//evil.example/..//",
        "/x/../..//evil.example",
        "/a#b",
        "/" + "a" * 4000,
        "/é",
    ],
)
async def test_a_15_the_log_in_goes_on_to_no_other_place(browser: Browser, given: str) -> None:
    answer = await browser.log_in("anna", next=given)
    assert answer.headers["location"] == "/permissions"
    await browser.open("/login")
    assert browser.page.headers["location"] == "/permissions"


# --- A-15: cookies --------------------------------------------------------------------------------------------------


async def test_a_15_cookies_are_for_this_host_over_tls_and_no_script(browser: Browser) -> None:
    cookies = []
    for answer in (
        await browser.give_password("anna@example.org"),
        await browser.follow(),
        await browser.submit("/login/second-factor", code=code_now(browser.time)),
    ):
        cookies += answer.headers.get_list("set-cookie")
    assert {each.partition("=")[0] for each in cookies} >= {SESSION, DEVICE, "__Host-login", "__Host-visit"}
    for each in cookies:
        parts = [part.strip().lower() for part in each.split(";")]
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= set(parts), each
        assert not any(part.startswith("domain") for part in parts)
    assert not any("max-age" in each.lower() for each in cookies if each.startswith(SESSION))


async def test_a_15_forms_of_other_sites_and_without_a_token_are_refused(browser: Browser) -> None:
    await browser.open("/login")
    fields = {"email": "anna@example.org", "password": PASSWORD}
    assert (await browser.submit("/login", csrf="", **fields)).status_code == 403
    await browser.open("/login")
    token = browser.hidden("csrf")
    answer = await browser.http.post("/login", data={"csrf": token, **fields}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


# --- what is kept and told ------------------------------------------------------------------------------------------


async def test_logging_in_failing_and_out_are_in_the_access_log_without_a_secret(
    browser: Browser, service: Service
) -> None:
    await browser.give_password("anna@example.org", "helemaal-verkeerd")
    await browser.log_in("anna")
    await browser.open("/account")
    await browser.submit("/logout")
    anna = await account(service, "anna")
    lines = [line for line in await log_of(service) if line["interaction"] in ("login", "login-failed", "logout")]
    assert [(line["interaction"], line["agent"].get("person", "")) for line in lines[-3:]] == [
        ("login-failed", anna.id),
        ("login", anna.id),
        ("logout", anna.id),
    ]
    assert lines[-2]["patients"] == [anna.patient]
    assert "anna@example.org" not in str(lines)
    assert "helemaal-verkeerd" not in str(lines)


async def log_of(service: Service) -> list[dict[str, Any]]:
    """Every line, wherever it is by now."""
    import json

    assert service.application.parts is not None
    await service.application.parts.mover.drain()
    rows = await service.database.fetch("SELECT payload FROM audit ORDER BY stream, line")
    return [json.loads(line) for (payload,) in rows for line in bytes(payload).splitlines()]


async def test_a_log_in_with_a_new_browser_is_told_by_mail_and_with_a_known_one_is_not(
    browser: Browser, service: Service, time: Time
) -> None:
    await browser.log_in("anna")
    (mail,) = await mails(service, "anna@example.org")
    assert "browser die wij nog niet kenden" in mail.get_content()
    assert mail["Auto-Submitted"] == "auto-generated"
    await browser.open("/account")
    await browser.submit("/logout")
    time.move(31)
    await browser.log_in("anna")
    assert await mails(service, "anna@example.org") == []
    page = (await browser.open("/account")).text
    assert page.count("browser die wij nog niet kenden") == 1
    assert "U bent ingelogd." in page


async def test_logging_out_ends_the_session_for_whoever_has_its_cookie(browser: Browser, service: Service) -> None:
    await browser.log_in("anna")
    cookie = browser.cookies[SESSION]
    await browser.open("/account")
    assert (await browser.submit("/logout")).headers["location"] == "/login"
    assert await service.database.fetch("SELECT 1 FROM session WHERE hash = $1", session_hash(cookie)) == []
    assert (await browser.http.get("/logout")).status_code == 405


async def test_a_password_that_was_hashed_at_other_costs_is_hashed_anew(browser: Browser, service: Service) -> None:
    from app.auth.accounts.passwords import Passwords

    dear = await Passwords(memory=16, rounds=2).hash(PASSWORD)
    await service.database.change("UPDATE account SET password = $1 WHERE email = 'anna@example.org'", dear)
    await browser.log_in("anna")
    stored = (await account(service, "anna")).password
    assert stored != dear
    assert "m=8,t=1" in stored


async def test_what_waits_for_a_code_is_kept_as_a_hash(browser: Browser, service: Service) -> None:
    await browser.give_password("anna@example.org")
    secret = browser.cookies["__Host-login"]
    rows = await service.database.fetch("SELECT hash, data FROM ticket WHERE kind = $1", logging_in.LOG_IN)
    assert all(secret.encode() not in bytes(key) + data.encode() for key, data in rows)
