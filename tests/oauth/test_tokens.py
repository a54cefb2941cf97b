"""A-20 … A-22, A-24, A-25: what is offered at the token endpoint, and what comes of offering it twice."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from app.auth.accounts.limits import Limits
from app.auth.accounts.sessions import Sessions
from app.auth.consents.service import active_to, withdraw
from app.auth.oauth.codes import LIFE
from app.auth.oauth.revocation import revoke_account
from app.auth.tidying import Tidying
from app.auth.tokens import hash_token
from tests.oauth.apps import (
    STATE,
    VERIFIER,
    Tokens,
    allowed,
    ask,
    basic,
    press,
    proof,
    read,
    redeem,
    refresh,
    refused,
    sent,
    tokens,
)
from tests.server.clients import CALLBACK, SECRET
from tests.server.service import Service
from tests.web.login import account, logged_in

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def age_code(service: Service, code: str, by: int) -> None:
    """Make a code older."""
    sql = "UPDATE authorization_code SET expires = expires - $2 WHERE hash = $1"
    await service.database.change(sql, hash_token(code), by)


async def test_a20_a_code_that_is_offered_again_ends_what_came_from_it(
    browser: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    code = await allowed(browser)
    first = Tokens(client, (await redeem(client, code)).json())
    assert await first.works()
    refused(await redeem(client, code), "invalid_grant")
    assert not await first.works()
    refused(await refresh(client, first.refresh), "invalid_grant")


@pytest.mark.parametrize("round_", range(3))
async def test_a20_a_code_offered_many_times_at_once_is_redeemed_once_and_then_dead(
    browser: httpx.AsyncClient, client: httpx.AsyncClient, round_: int
) -> None:
    code = await allowed(browser)
    answers = await asyncio.gather(*(redeem(client, code) for _ in range(6)))
    won = [each for each in answers if each.status_code == 200]
    assert len(won) == 1
    for each in answers:
        if each is not won[0]:
            refused(each, "invalid_grant")
    given = Tokens(client, won[0].json())
    assert not await given.works()
    refused(await refresh(client, given.refresh), "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": f"{CALLBACK}/"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"client_id": "marked"}, "invalid_grant"),
        ({"code_verifier": VERIFIER[:-1] + "l"}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"code_verifier": VERIFIER + "="}, "invalid_grant"),
    ],
    ids=str,
)
async def test_a20_a21_a_code_is_spent_by_an_offer_that_fails(
    browser: httpx.AsyncClient, client: httpx.AsyncClient, changes: dict[str, Any], error: str
) -> None:
    code = await allowed(browser)
    refused(await redeem(client, code, **changes), error)
    refused(await redeem(client, code), "invalid_grant")


async def test_a20_a_code_lasts_a_minute(
    service: Service, browser: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    code = await allowed(browser)
    await age_code(service, code, LIFE)
    refused(await redeem(client, code), "invalid_grant")


@pytest.mark.parametrize("code", ["guess", "é", "x" * 5000, "' OR 1=1 --"])
async def test_a20_a_guess_is_refused(client: httpx.AsyncClient, code: str) -> None:
    refused(await redeem(client, code), "invalid_grant")


async def test_a22_parameters_go_in_a_form_and_nowhere_else(
    browser: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    code = await allowed(browser)
    data = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": "app",
    }
    got = await client.get("/oauth/token", params=data)
    assert got.status_code == 405
    refused(await client.post("/oauth/token", json=data), "invalid_request")
    refused(await client.post("/oauth/token", params=data), "invalid_request")
    refused(await client.post("/oauth/token", params={"client_id": "app"}, data=data), "invalid_request")
    twice = "grant_type=authorization_code&client_id=app&client_id=app"
    refused(await client.post("/oauth/token", content=twice, headers=FORM), "invalid_request")
    refused(await client.post("/oauth/token", content=b"\xff=%ff", headers=FORM), "invalid_request")
    refused(await client.post("/oauth/token", content=b"a=" + b"x" * 70_000, headers=FORM), "invalid_request")
    assert (await redeem(client, code)).status_code == 200, "none of these was an offer"


@pytest.mark.parametrize(
    ("headers", "data", "error"),
    [
        ({}, {"client_id": "web"}, "invalid_client"),
        ({}, {"client_id": "web", "client_secret": SECRET}, "invalid_client"),
        ({}, {"client_id": "signing"}, "invalid_client"),
        ({}, {"client_id": "nobody"}, "invalid_client"),
        ({}, {}, "invalid_client"),
        (basic("web", ""), {}, "invalid_client"),
        (basic("web", SECRET + "x"), {}, "invalid_client"),
        (basic("app", ""), {}, "invalid_client"),
        (basic("signing", SECRET), {}, "invalid_client"),
        (basic("web", SECRET), {"client_id": "app"}, "invalid_client"),
        (basic("web", SECRET), {"client_secret": SECRET}, "invalid_request"),
        ({"authorization": "Basic"}, {}, "invalid_client"),
        ({"authorization": "Basic %%%"}, {}, "invalid_client"),
        ({"authorization": "Bearer anna"}, {}, "invalid_client"),
    ],
)
async def test_a22_a_client_has_one_way_to_prove_who_it_is(
    client: httpx.AsyncClient, headers: dict[str, str], data: dict[str, str], error: str
) -> None:
    body = {"grant_type": "authorization_code", "code": "x", **data}
    answer = await client.post("/oauth/token", data=body, headers=headers)
    refused(answer, error, 401 if error == "invalid_client" else 400)
    if headers and error == "invalid_client":
        assert answer.headers["www-authenticate"].startswith("Basic")


async def test_a22_two_ways_at_once_are_one_too_many(client: httpx.AsyncClient) -> None:
    body = {"grant_type": "client_credentials", **proof("system")}
    refused(await client.post("/oauth/token", data=body, headers=basic("web", SECRET)), "invalid_request")


async def test_a22_unknown_and_unproven_clients_are_answered_alike(client: httpx.AsyncClient) -> None:
    body = {"grant_type": "authorization_code", "code": "x"}
    answers = [
        await client.post("/oauth/token", data=body, headers=basic(name, "wrong")) for name in ("web", "nobody", "app")
    ]
    assert len({(each.status_code, each.content, each.headers["www-authenticate"]) for each in answers}) == 1


@pytest.mark.parametrize(
    "kind",
    [
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "refresh_code",
        "",
    ],
)
async def test_a24_other_grant_types_are_not_there(client: httpx.AsyncClient, kind: str) -> None:
    data = {"grant_type": kind, "client_id": "app", "username": "anna@example.org", "password": "drie-groene-fietsen"}
    refused(await client.post("/oauth/token", data=data), "unsupported_grant_type" if kind else "invalid_request")


@pytest.mark.parametrize("name", ["app", "web", "signing"])
async def test_a24_clients_of_people_get_no_token_of_their_own(client: httpx.AsyncClient, name: str) -> None:
    ways: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "app": ({}, {"client_id": "app"}),
        "web": (basic("web", SECRET), {}),
        "signing": ({}, proof("signing")),
    }
    headers, data = ways[name]
    body = {"grant_type": "client_credentials", "scope": "system/*.rs", **data}
    refused(await client.post("/oauth/token", data=body, headers=headers), "unauthorized_client")


@pytest.mark.parametrize(
    "scope", ["", "patient/*.rs", "user/*.rs", "system/Nothing.rs", "openid", "system/*.dus", "system/Patient.rs\n"]
)
async def test_a24_a_system_asks_for_its_own_scopes_only(client: httpx.AsyncClient, scope: str) -> None:
    body = {"grant_type": "client_credentials", "scope": scope, **proof("system")}
    refused(await client.post("/oauth/token", data=body), "invalid_scope")


async def test_a25_a_refresh_token_that_is_offered_again_ends_the_family(
    service: Service, client: httpx.AsyncClient
) -> None:
    first = await tokens(service, client)
    second = Tokens(client, (await refresh(client, first.refresh)).json())
    assert second.refresh != first.refresh
    assert await second.works()
    refused(await refresh(client, first.refresh), "invalid_grant")
    assert not await second.works()
    assert not await first.works()
    refused(await refresh(client, second.refresh), "invalid_grant")


@pytest.mark.parametrize("round_", range(3))
async def test_a25_a_refresh_token_offered_many_times_at_once_is_redeemed_once_and_then_dead(
    service: Service, client: httpx.AsyncClient, round_: int
) -> None:
    first = await tokens(service, client)
    answers = await asyncio.gather(*(refresh(client, first.refresh) for _ in range(6)))
    won = [each for each in answers if each.status_code == 200]
    assert len(won) == 1
    given = Tokens(client, won[0].json())
    assert not await given.works()
    assert not await first.works()
    refused(await refresh(client, given.refresh), "invalid_grant")


async def test_a25_another_client_gets_nothing_for_a_refresh_token(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client)
    refused(await refresh(client, given.refresh, client_id="marked"), "invalid_grant")
    assert not await given.works(), "a refresh token that somebody else has is stolen"


async def test_a25_a_public_client_may_leave_its_name_out_and_no_other_may(
    service: Service, browser: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    given = await tokens(service, client)
    unnamed = {"grant_type": "refresh_token", "refresh_token": given.refresh}
    assert (await client.post("/oauth/token", data=unnamed)).status_code == 200
    refused(await client.post("/oauth/token", data={**unnamed, "refresh_token": "guess"}), "invalid_grant")
    code = await allowed(browser, client_id="web")
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    web = (await client.post("/oauth/token", data=data, headers=basic("web", SECRET))).json()["refresh_token"]
    refused(await client.post("/oauth/token", data={**unnamed, "refresh_token": web}), "invalid_client", 401)
    refused(await refresh(client, web, client_id="web"), "invalid_client", 401)


async def test_a25_less_may_be_asked_for_and_more_not(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client, scope="launch/patient offline_access patient/Patient.rs")
    refused(await refresh(client, given.refresh, scope="patient/*.rs"), "invalid_scope")
    refused(await refresh(client, given.refresh, scope="patient/Patient.cruds"), "invalid_scope")
    refused(await refresh(client, given.refresh, scope="openid"), "invalid_scope")
    less = (await refresh(client, given.refresh, scope="patient/Patient.r")).json()
    assert less["scope"] == "patient/Patient.r"
    assert (await read(client, less["access_token"], "/fhir/Patient")).status_code == 403
    again = (await refresh(client, less["refresh_token"])).json()
    assert "patient/Patient.rs" in again["scope"].split(), "a refresh token keeps what was given first"


async def test_a25_after_withdrawal_nothing_works(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client)
    patient = await service.key_of("anna")
    async with service.database.write() as writer:
        for each in await active_to(writer, patient, "app:app"):
            await withdraw(
                writer, patient=patient, consent_id=each.id, given_by="x", method="test", now=service.server.clock()
            )
    assert not await given.works()
    refused(await refresh(client, given.refresh), "invalid_grant")


async def test_a25_after_the_end_of_consent_nothing_works(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client)
    now = service.server.clock()
    await service.database.change("UPDATE permit SET until = $1 WHERE recipient = 'app:app'", now - 1)
    await service.database.change("UPDATE access_grant SET stamp = stamp + 1 WHERE recipient = 'app:app'")
    assert not await given.works()
    refused(await refresh(client, given.refresh), "invalid_grant")


async def test_a25_after_the_account_is_closed_or_its_password_reset_nothing_works(
    service: Service, client: httpx.AsyncClient
) -> None:
    given = await tokens(service, client)
    who = await account(service, "anna")
    async with service.database.write() as writer:
        assert await revoke_account(writer, who.id, service.server.clock(), "account-closed") == 1
    assert not await given.works()
    refused(await refresh(client, given.refresh), "invalid_grant")


async def test_a25_a_closed_account_gets_nothing_for_a_refresh_token(
    service: Service, client: httpx.AsyncClient
) -> None:
    given = await tokens(service, client)
    who = await account(service, "anna")
    await service.database.change("UPDATE account SET state = 'closed' WHERE id = $1", who.id)
    refused(await refresh(client, given.refresh), "invalid_grant")
    assert not await given.works()


async def test_a25_half_a_year_without_use_is_the_end(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client)
    half = 183 * 86_400 * 1_000_000
    await service.database.change("UPDATE refresh_token SET expires = expires - $1", half)
    refused(await refresh(client, given.refresh), "invalid_grant")


async def test_a25_online_access_ends_with_the_session(service: Service, client: httpx.AsyncClient) -> None:
    async with logged_in(service, "anna") as browser:
        code = await allowed(browser, scope="launch/patient online_access patient/*.rs")
        given = Tokens(client, (await redeem(client, code)).json())
        renewed = Tokens(client, (await refresh(client, given.refresh)).json())
        await service.database.change("DELETE FROM session WHERE account = $1", (await account(service, "anna")).id)
    refused(await refresh(client, renewed.refresh), "invalid_grant")
    assert not await renewed.works()


async def test_a25_without_the_scope_there_is_no_refresh_token(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client, scope="launch/patient patient/*.rs")
    assert "refresh_token" not in given.answer


async def test_a25_neither_token_is_the_other(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client)
    assert (await read(client, given.refresh, "/fhir/Patient/anna")).status_code == 401
    refused(await refresh(client, given.access), "invalid_grant")
    assert await given.works()


async def test_what_has_expired_is_removed_and_refused_as_what_never_was(
    service: Service, client: httpx.AsyncClient
) -> None:
    given = await tokens(service, client)
    year = 400 * 86_400 * 1_000_000
    later = service.server.clock() + 2 * year
    sessions = Sessions(service.database, patient_type=service.server.registry.number("Patient"))
    await Tidying(service.database, sessions, Limits(service.database, b"x"), clock=lambda: later).tidy()
    gone = ("client_authorization", "authorization_code", "refresh_token", "client_assertion", "ticket", "session")
    for table in gone:
        assert not await service.database.fetch(f'SELECT 1 FROM "{table}"')
    refused(await refresh(client, given.refresh), "invalid_grant")


async def test_a_disabled_client_is_at_once_nobody(service: Service, client: httpx.AsyncClient) -> None:
    from app.auth.oauth.clients import disable

    given = await tokens(service, client)
    async with service.database.write() as writer:
        await disable(writer, "app", tenant=1, now=service.server.clock())
    assert not await given.works()
    refused(await refresh(client, given.refresh), "invalid_client", 401)


async def test_narrowing_what_was_allowed_holds_for_tokens_that_are_out(
    service: Service, client: httpx.AsyncClient
) -> None:
    given = await tokens(service, client)
    assert await given.works("/fhir/Observation")
    async with logged_in(service, "anna") as browser:
        page = await ask(browser, prompt="consent")
        only = {"cell": ["see:identity"], "period": "month"}
        shown = await press(browser, page, "change", decision=None, **only)
        page = await browser.get(shown.headers["location"])
        assert sent(await press(browser, page, "allow"))["state"] == STATE
    await client.get("/health")
    assert await given.works(), "identity is still allowed"
    labels = await service.database.fetch("SELECT labels FROM permit WHERE recipient = 'app:app'")
    assert [row[0] for row in labels] == [service.server.labels.bits(["identity"])]
