"""A-26 … A-30, A-60, A-63, A-64: revoking, introspection, headers, what is stored, keys, and tokens at the API."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc.jwk import RSAKey

from app.audit import Event
from app.auth.oauth.keys import KEPT, RETIRED_AFTER, SigningKeys
from app.auth.oauth.server import AuthorizationServer
from app.auth.sealing import Seal
from app.errors import Conflict
from tests.oauth.apps import (
    BASE,
    CHALLENGE,
    ISSUER,
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
    tokens,
    wanted,
)
from tests.server.clients import CALLBACK, SECRET
from tests.server.service import Service
from tests.web.login import logged_in


async def web_tokens(service: Service, client: httpx.AsyncClient) -> Tokens:
    """What the client with a secret has."""
    async with logged_in(service, "anna") as browser:
        code = await allowed(
            browser, client_id="web", scope="openid fhirUser launch/patient offline_access patient/*.rs"
        )
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    answer = await client.post("/oauth/token", data=data, headers=basic("web", SECRET))
    return Tokens(client, answer.json())


async def test_a26_an_access_token_is_revoked_alone(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client)
    answer = await client.post("/oauth/revoke", data={"token": given.access, "client_id": "app"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert not await given.works()
    assert (await refresh(client, given.refresh)).status_code == 200


async def test_a26_a_refresh_token_is_revoked_with_all_that_came_with_it(
    service: Service, client: httpx.AsyncClient
) -> None:
    given = await tokens(service, client)
    hint = {"token": given.refresh, "client_id": "app", "token_type_hint": "access_token"}
    assert (await client.post("/oauth/revoke", data=hint)).status_code == 200
    assert not await given.works()
    refused(await refresh(client, given.refresh), "invalid_grant")


async def test_a26_others_tokens_and_unknown_ones_are_passed_over(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client)
    answers = [
        await client.post("/oauth/revoke", data={"token": each, "client_id": "marked"})
        for each in (given.access, given.refresh, "unknown", "anna", "operator")
    ]
    assert {(each.status_code, each.content) for each in answers} == {(200, b"")}
    assert await given.works()
    assert (await read(client, "anna", "/fhir/Patient/anna")).status_code == 200


async def test_a26_who_is_nobody_revokes_nothing(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client)
    refused(await client.post("/oauth/revoke", data={"token": given.access}), "invalid_client", 401)
    refused(await client.post("/oauth/revoke", data={"token": given.access, "client_id": "web"}), "invalid_client", 401)
    refused(await client.post("/oauth/revoke", data={"client_id": "app"}), "invalid_request")
    assert await given.works()


async def introspected(client: httpx.AsyncClient, token: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    answer = await client.post("/oauth/introspect", data={"token": token}, headers=headers or basic("web", SECRET))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


async def test_a27_a_client_hears_of_its_own_tokens(service: Service, client: httpx.AsyncClient) -> None:
    given = await web_tokens(service, client)
    found = await introspected(client, given.access)
    assert found["active"] is True
    assert (found["client_id"], found["patient"], found["scope"]) == ("web", "anna", given.answer["scope"])
    assert found["fhirUser"] == f"{BASE}/Patient/anna"
    assert (found["iss"], found["aud"]) == (ISSUER, BASE)
    assert (await introspected(client, given.refresh))["active"] is True


async def test_a27_of_all_other_tokens_it_hears_the_same(service: Service, client: httpx.AsyncClient) -> None:
    given = await web_tokens(service, client)
    other = await tokens(service, client)
    for token in (other.access, other.refresh, "anna", "operator", "unknown"):
        assert await introspected(client, token) == {"active": False}
    await client.post("/oauth/revoke", data={"token": given.refresh}, headers=basic("web", SECRET))
    for token in (given.access, given.refresh):
        assert await introspected(client, token) == {"active": False}


async def test_a27_what_has_expired_is_not_active(service: Service, client: httpx.AsyncClient) -> None:
    given = await web_tokens(service, client)
    await service.database.change("UPDATE access_grant SET expires = 1 WHERE client = 'web'")
    assert await introspected(client, given.access) == {"active": False}


async def test_a27_who_does_not_prove_who_it_is_hears_nothing(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client)
    for data in ({}, {"client_id": "app"}, {"client_id": "web"}):
        answer = await client.post("/oauth/introspect", data={"token": given.access, **data})
        refused(answer, "invalid_client", 401)
    headers = {"authorization": f"Bearer {given.access}"}
    refused(
        await client.post("/oauth/introspect", data={"token": given.access}, headers=headers), "invalid_client", 401
    )


async def test_a28_nothing_that_is_secret_is_in_headers_errors_logs_or_addresses(
    service: Service, browser: httpx.AsyncClient, client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    page = await ask(browser)
    back = await press(browser, page, "allow")
    code = back.url.params.get("code") or httpx.URL(back.headers["location"]).params["code"]
    wrong = await redeem(client, code, code_verifier=VERIFIER[:-1] + "l")
    given = await tokens(service, client)
    again = await refresh(client, given.refresh + "x")
    lines = json.dumps(service.journal_lines())
    said = capsys.readouterr()
    secrets = (code, VERIFIER, given.access, given.refresh, STATE, "example.org", page.url.path.rpartition("/")[2])
    for secret in secrets:
        for text in (wrong.text, again.text, lines, said.out, said.err, str(wrong.headers), str(again.headers)):
            assert secret not in text
    assert back.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_a28_every_exchange_is_in_the_access_log(
    service: Service, browser: httpx.AsyncClient, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Event] = []
    write = service.journal.write

    def recorded(event: Event) -> int:
        written.append(event)
        return write(event)

    monkeypatch.setattr(service.journal, "write", recorded)
    code = await allowed(browser)
    await redeem(client, code)
    await redeem(client, code)
    await client.get("/oauth/authorize", params=wanted(client_id="nobody"))
    await client.get("/oauth/authorize", params=wanted(aud="x"))
    await client.post("/oauth/token", data={"client_id": "nobody"})
    await press(browser, await ask(browser, scope="patient/Goal.rs"), "deny")
    assert [(each.interaction, each.status) for each in written] == [
        ("consent-given", 200),
        ("authorize", 200),
        ("token", 200),
        ("token", 400),
        ("authorize", 400),
        ("authorize", 400),
        ("client-refused", 401),
        ("authorize", 403),
    ]
    assert written[2].patients == (await service.key_of("anna"),)
    agent = json.loads(bytes(written[2].agent))
    assert (agent["client"], agent["role"], agent["purpose"]) == ("app", "patient", "own-use")
    assert agent["person"]


async def test_a29_what_is_stored_is_no_token(
    service: Service, browser: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    code = await allowed(browser)
    given = Tokens(client, (await redeem(client, code)).json())
    web = await web_tokens(service, client)
    waiting = (await ask(browser, scope="patient/Goal.rs")).url.path.rpartition("/")[2]
    secrets = [code, VERIFIER, waiting, SECRET, *(each for one in (given, web) for each in (one.access, one.refresh))]
    for table in (
        "access_grant",
        "authorization_code",
        "refresh_token",
        "client_authorization",
        "client",
        "ticket",
        "client_assertion",
        "signing_key",
        "consent",
        "session",
    ):
        for row in await service.database.fetch(f'SELECT * FROM "{table}"'):
            for value in row:
                for secret in secrets:
                    assert secret != value
                    assert not (isinstance(value, str) and secret in value)
                    assert not (isinstance(value, bytes) and secret.encode() in value)


def oauth_of(service: Service) -> AuthorizationServer:
    assert service.application.parts is not None
    return service.application.parts.oauth


async def test_a30_keys_are_renewed_and_what_they_signed_is_still_known(
    service: Service, client: httpx.AsyncClient
) -> None:
    from joserfc import jwt
    from joserfc.jwk import KeySet

    signed = (await tokens(service, client, scope="openid")).answer["id_token"]
    before = (await client.get("/oauth/jwks")).json()["keys"]
    await oauth_of(service).keys.rotate(now=service.server.clock())
    after = (await client.get("/oauth/jwks")).json()["keys"]
    assert len(after) == len(before) + 1
    newer = (await tokens(service, client, scope="openid profile", prompt="consent")).answer["id_token"]
    keys = KeySet.import_key_set({"keys": after})
    kids = {jwt.decode(each, keys, algorithms=["RS256"]).header["kid"] for each in (signed, newer)}
    assert len(kids) == 2


async def test_a30_a_key_that_signs_no_more_is_published_for_a_day(service: Service) -> None:
    keys = SigningKeys(service.database, Seal(b"another secret", "test"))
    await service.database.change("DELETE FROM signing_key")
    now = service.server.clock()
    first = await keys.rotate(now=now)
    second = await keys.rotate(now=now + 1)
    assert {each["kid"] for each in (await keys.jwks(now=now + 2))["keys"]} == {first, second}
    assert (await keys.signing(now=now + 2)).kid == second
    later = now + RETIRED_AFTER + KEPT + 3
    assert [each["kid"] for each in (await keys.jwks(now=later))["keys"]] == [second]
    with pytest.raises(Conflict):
        await SigningKeys(service.database, Seal(b"not the same", "test")).signing(now=now)
    await service.database.change("DELETE FROM signing_key")
    oauth_of(service).keys._known = None


async def test_a30_only_public_members_are_published(service: Service, client: httpx.AsyncClient) -> None:
    answer = await client.get("/oauth/jwks")
    assert answer.headers["access-control-allow-origin"] == "*"
    for each in answer.json()["keys"]:
        assert set(each) == {"kty", "n", "e", "kid", "use", "alg"}
        assert RSAKey.import_key(each).public_key.key_size == 2048
    for (private,) in await service.database.fetch("SELECT private FROM signing_key"):
        assert b'"d"' not in bytes(private)


async def test_a60_a_patient_scope_without_a_patient_is_nothing(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client)
    await service.database.change("UPDATE access_grant SET patient = NULL, stamp = stamp + 1 WHERE client = 'app'")
    await service.database.change(
        "INSERT INTO permit SELECT recipient, -9, purpose, 'x', labels, actions, since, until"
        " FROM permit WHERE recipient = 'app:app'"
    )
    for address in ("/fhir/Patient/anna", "/fhir/Observation", "/fhir/Patient"):
        assert (await read(client, given.access, address)).status_code in (403, 404)


async def test_a63_a_token_is_for_this_base_and_its_own_patient(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client, scope="launch/patient patient/Patient.rs")
    assert await given.works()
    assert await given.works("/fhir/stu3/Patient/anna")
    assert not await given.works("/fhir/stu3/Patient/bram")
    asked = {"authorization": f"Bearer {given.access}", "medmij-request-id": "9f1c9a3e-6d0f-4b57-9a3c-0a2f6b1f4a11"}
    assert (await client.get("/medmij/48/fhir/Condition", headers=asked)).status_code == 401
    assert not await given.works("/fhir/Patient/bram")
    assert (await read(client, given.access, "/fhir/Observation")).status_code == 403
    assert (await client.get("/apps", headers={"authorization": f"Bearer {given.access}"})).status_code == 303


async def test_a64_a_token_goes_in_one_header_and_nowhere_else(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client)
    good = ("authorization", f"Bearer {given.access}")
    address = "/fhir/Patient/anna"
    assert (await client.get(address, headers=[good, ("authorization", "Bearer bram")])).status_code in (400, 401)
    assert (await client.get(address, params={"access_token": given.access})).status_code == 401
    form = {"access_token": given.access}
    assert (await client.post("/fhir/Patient/_search", data=form)).status_code == 401
    for value in (
        f"Bearer  {given.access}",
        f"Bearer\t{given.access}",
        given.access,
        f"Basic {given.access}",
        "Bearer ",
    ):
        assert (await client.get(address, headers={"authorization": value})).status_code == 401
    assert (await client.get(address, headers={"authorization": f"bearer {given.access}"})).status_code == 200
    forged = {"authorization": good[1], "x-forwarded-host": "evil.example", "x-http-method-override": "DELETE"}
    answer = await client.get("/fhir/Patient", headers=forged)
    assert answer.status_code == 200
    assert "evil.example" not in answer.text
    metadata = await client.get("/.well-known/oauth-authorization-server", headers={"x-forwarded-host": "evil.example"})
    assert "evil.example" not in metadata.text


async def test_a64_pages_of_other_origins_may_redeem_and_may_not_decide(client: httpx.AsyncClient) -> None:
    origin = {"origin": "https://app.example"}
    answer = await client.post("/oauth/token", data={"client_id": "app", "grant_type": "x"}, headers=origin)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    asking = {**origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    before = await client.options("/oauth/token", headers=asking)
    assert before.status_code == 204
    assert "Authorization" in before.headers["access-control-allow-headers"]
    for address in ("/oauth/authorize", "/authorize/x", "/apps"):
        assert "access-control-allow-origin" not in (await client.get(address, headers=origin)).headers


async def test_metadata_is_in_three_places_and_agrees(client: httpx.AsyncClient) -> None:
    oauth = (await client.get("/.well-known/oauth-authorization-server")).json()
    openid = (await client.get("/.well-known/openid-configuration")).json()
    smart = await client.get("/fhir/.well-known/smart-configuration", headers={"accept": "application/fhir+xml"})
    assert smart.headers["content-type"].startswith("application/json")
    assert smart.headers["access-control-allow-origin"] == "*"
    assert {**openid, **oauth} == openid
    AuthorizationServerMetadata({**oauth, "issuer": "https://zelfregie.test"} | _https(oauth)).validate()
    OpenIDProviderMetadata(_https(openid)).validate()
    found = smart.json()
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "issuer", "introspection_endpoint"):
        assert found[name] == oauth[name]
        assert urlsplit(found[name]).netloc == "zelfregie.test"
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert {"launch-ehr", "launch-standalone", "authorize-post", "permission-v2", "sso-openid-connect"} <= set(
        found["capabilities"]
    )
    assert (await client.options("/fhir/.well-known/smart-configuration")).status_code == 204


def _https(metadata: dict[str, Any]) -> dict[str, Any]:
    """As it is behind TLS, which the validators ask for."""
    replaced: dict[str, Any] = json.loads(json.dumps(metadata).replace("http://", "https://"))
    return replaced


async def test_the_capability_statement_says_where_tokens_are_had(client: httpx.AsyncClient) -> None:
    statement = (await client.get("/fhir/metadata")).json()
    security = statement["rest"][0]["security"]
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    (extension,) = security["extension"]
    uris = {each["url"]: each["valueUri"] for each in extension["extension"]}
    assert uris["token"] == f"{ISSUER}/oauth/token"
    assert uris["authorize"] == f"{ISSUER}/oauth/authorize"


async def test_authlibs_client_goes_through_the_flow(service: Service, browser: httpx.AsyncClient) -> None:
    assert create_s256_code_challenge(VERIFIER) == CHALLENGE
    secure = ISSUER.replace("http", "https")
    async with AsyncOAuth2Client(
        "web",
        SECRET,
        scope="launch/patient offline_access patient/*.rs",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic",
        transport=httpx.ASGITransport(service.application),
    ) as app:
        address, state = app.create_authorization_url(f"{secure}/oauth/authorize", code_verifier=VERIFIER, aud=BASE)
        started = await browser.get(address)
        page = await browser.get(started.headers["location"])
        back = await press(browser, page, "allow")
        token = await app.fetch_token(
            f"{secure}/oauth/token",
            authorization_response=back.headers["location"],
            code_verifier=VERIFIER,
            state=state,
        )
        assert token["patient"] == "anna"
        assert (await app.get(f"{secure}/fhir/Patient/anna")).status_code == 200
        renewed = await app.refresh_token(f"{secure}/oauth/token", refresh_token=token["refresh_token"])
        assert renewed["refresh_token"] != token["refresh_token"]
        assert (await app.introspect_token(f"{secure}/oauth/introspect", token=renewed["access_token"])).json()[
            "active"
        ]
        await app.revoke_token(f"{secure}/oauth/revoke", token=renewed["refresh_token"])
        assert (await app.get(f"{secure}/fhir/Patient/anna")).status_code == 401


async def test_a_pushed_request_is_checked_at_once(client: httpx.AsyncClient) -> None:
    for changes, error in (
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"aud": "x"}, "invalid_request"),
        ({"scope": "system/*.rs"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "request_uri_not_supported"),
    ):
        refused(await client.post("/oauth/par", data=wanted(**changes)), error)
    refused(await client.post("/oauth/par", data=wanted(client_id="nobody")), "invalid_client", 401)
    refused(await client.post("/oauth/par", data=wanted(client_id="web")), "invalid_client", 401)
    system = {**wanted(client_id=None), **proof("system")}
    refused(await client.post("/oauth/par", data=system), "unauthorized_client")
    pushed = await client.post("/oauth/par", data=wanted(client_id=None), headers=basic("web", SECRET))
    assert pushed.status_code == 201
    other = {"client_id": "app", "request_uri": pushed.json()["request_uri"]}
    assert (await client.get("/oauth/authorize", params=other)).status_code == 400
