"""A-23: client assertions that are not what they should be, and keys that are fetched."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest
import respx
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from app.auth.oauth.assertions import NotProven, check_assertion
from app.auth.oauth.clients import Client, Kind, find_client
from app.auth.oauth.keysets import KEPT, LARGEST, PAUSE, KeySets
from app.auth.oauth.registration import NewClient, add_client
from tests.oauth.apps import ISSUER, TOKEN, assertion, basic, refused
from tests.server.clients import key
from tests.server.service import Service


def ahead(seconds: int) -> int:
    """A time so far from now, which is when the test runs and not when it is collected."""
    return int(time.time()) + seconds


async def offer(client: httpx.AsyncClient, signed: str, **more: str) -> httpx.Response:
    """A request for a token with this assertion."""
    from app.auth.oauth.assertions import ASSERTION_TYPE

    data = {
        "grant_type": "client_credentials",
        "scope": "system/Patient.rs",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed,
        **more,
    }
    return await client.post("/oauth/token", data=data)


def part(content: Any) -> str:
    return urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def forged(header: dict[str, Any], signature: str = "") -> str:
    """An assertion that nobody signed."""
    claims = {"iss": "system", "sub": "system", "aud": TOKEN, "exp": ahead(200), "jti": "x"}
    return f"{part(header)}.{part(claims)}.{signature}"


def with_public_key_as_secret() -> str:
    """HS256 with what everybody knows."""
    secret = OctKey.import_key(json.dumps(key("system").as_dict(private=False)))
    claims = {"iss": "system", "sub": "system", "aud": TOKEN, "exp": ahead(200), "jti": "x"}
    return jwt.encode({"alg": "HS256", "kid": "system"}, claims, secret, algorithms=["HS256"])


CLAIMS: Final[dict[str, dict[str, Any]]] = {
    "iss of another": {"iss": "other-system"},
    "no iss": {"iss": None},
    "sub of another": {"sub": "other-system"},
    "no aud": {"aud": None},
    "aud of another": {"aud": "https://other.example/oauth/token"},
    "aud prefix": {"aud": f"{TOKEN}/more"},
    "aud slash": {"aud": f"{ISSUER}/"},
    "aud of two": {"aud": [TOKEN, "https://other.example"]},
    "aud of none": {"aud": []},
    "aud object": {"aud": {"a": 1}},
    "no exp": {"exp": None},
    "exp past": {"exp": lambda: ahead(-1)},
    "exp in a year": {"exp": lambda: ahead(365 * 86_400)},
    "exp in six minutes": {"exp": lambda: ahead(400)},
    "exp text": {"exp": lambda: str(ahead(200))},
    "exp true": {"exp": True},
    "exp infinite": {"exp": 2**70},
    "iat ahead": {"iat": lambda: ahead(600)},
    "nbf ahead": {"nbf": lambda: ahead(600)},
    "no jti": {"jti": None},
    "empty jti": {"jti": ""},
    "number jti": {"jti": 1},
    "long jti": {"jti": "x" * 300},
}
HEADERS: Final[dict[str, dict[str, Any]]] = {
    "no kid": {"kid": None},
    "other kid": {"kid": "other-system"},
    "jku": {"jku": "https://evil.example/keys"},
    "jwk": {"jwk": key("evil").as_dict(private=False)},
    "x5u": {"x5u": "https://evil.example/cert"},
    "x5c": {"x5c": ["MIIB"]},
    "crit": {"crit": ["exp"]},
    "unknown crit": {"crit": ["unknown"], "unknown": True},
    "b64": {"b64": False, "crit": ["b64"]},
    "typ": {"typ": "at+jwt"},
    "cty": {"cty": "JWT"},
    "zip": {"zip": "DEF"},
}


@pytest.mark.parametrize("case", CLAIMS)
async def test_a23_claims_that_prove_nothing(client: httpx.AsyncClient, case: str) -> None:
    claims = {name: value() if callable(value) else value for name, value in CLAIMS[case].items()}
    refused(await offer(client, assertion("system", claims=claims)), "invalid_client", 401)


@pytest.mark.parametrize("case", HEADERS)
async def test_a23_headers_that_prove_nothing(client: httpx.AsyncClient, case: str) -> None:
    try:
        signed = assertion("system", header=HEADERS[case])
    except Exception:  # noqa: BLE001 - what no library signs is put together by hand
        head = {"alg": "ES384", "kid": "system", "typ": "JWT", **HEADERS[case]}
        good = assertion("system").split(".")
        signed = ".".join([part(head), *good[1:]])
    refused(await offer(client, signed), "invalid_client", 401)


@pytest.mark.parametrize(
    "signed",
    [
        lambda: forged({"alg": "none", "kid": "system"}),
        lambda: forged({"alg": "None", "kid": "system"}),
        lambda: forged({"alg": "", "kid": "system"}),
        lambda: forged({"alg": "ES384", "kid": "system"}),
        lambda: forged({"alg": "ES384", "kid": "system"}, "AAAA"),
        lambda: forged({"alg": ["ES384"], "kid": "system"}),
        lambda: forged({"alg": "RS384", "kid": "system"}, "AAAA"),
        with_public_key_as_secret,
        "",
        "x",
        "..",
        "a.b.c.d",
        "a.b",
        "é.é.é",
        "x" * 60_000,
        f"{part([1])}.{part([2])}.x",
    ],
    ids=["none", "None", "no alg", "no signature", "short", "list", "other", "HS256", *"abcdefg", "list claims"],
)
async def test_a23_signatures_that_are_none(client: httpx.AsyncClient, signed: str | Callable[[], str]) -> None:
    refused(await offer(client, signed() if callable(signed) else signed), "invalid_client", 401)


async def test_a23_a_name_that_stands_twice(client: httpx.AsyncClient) -> None:
    head, _, signature = assertion("system").split(".")
    twice = '{"iss":"system","sub":"system","sub":"other-system","exp":1,"jti":"x"}'
    claims = urlsafe_b64encode(twice.encode()).rstrip(b"=").decode()
    refused(await offer(client, f"{head}.{claims}.{signature}"), "invalid_client", 401)


async def test_a23_a_key_of_another_client_or_of_nobody(client: httpx.AsyncClient) -> None:
    refused(await offer(client, assertion("system", signed_by=key("other-system"))), "invalid_client", 401)
    refused(await offer(client, assertion("system", signed_by=key("evil"))), "invalid_client", 401)
    refused(await offer(client, assertion("nobody", signed_by=key("evil"))), "invalid_client", 401)
    refused(await offer(client, assertion("app", signed_by=key("evil"))), "invalid_client", 401)
    refused(await offer(client, assertion("system"), client_id="other-system"), "invalid_client", 401)
    answer = await offer(client, assertion("system"), client_assertion_type="urn:other")
    refused(answer, "invalid_client", 401)


async def test_a23_an_assertion_counts_once(client: httpx.AsyncClient) -> None:
    signed = assertion("system")
    assert (await offer(client, signed)).status_code == 200
    refused(await offer(client, signed), "invalid_client", 401)
    same = {"jti": "one"}
    assert (await offer(client, assertion("system", claims=same))).status_code == 200
    refused(await offer(client, assertion("system", claims=same)), "invalid_client", 401)
    assert (await offer(client, assertion("other-system", claims=same))).status_code == 200, "each has its own"


async def test_a23_an_assertion_that_is_offered_many_times_at_once_counts_once(client: httpx.AsyncClient) -> None:
    signed = assertion("system")
    answers = await asyncio.gather(*(offer(client, signed) for _ in range(8)))
    assert sorted(each.status_code for each in answers) == [200] + [401] * 7


@pytest.mark.parametrize("audience", [TOKEN, ISSUER, [TOKEN]])
async def test_a23_the_endpoint_or_the_issuer_is_addressed(client: httpx.AsyncClient, audience: Any) -> None:
    assert (await offer(client, assertion("system", claims={"aud": audience}))).status_code == 200


async def test_a23_both_algorithms_of_smart_are_taken(service: Service, client: httpx.AsyncClient) -> None:
    pair = RSAKey.generate_key(2048, {"kid": "rsa", "alg": "RS384", "use": "sig"})
    asked = NewClient(
        id="rsa-system",
        name="x",
        kind=Kind.PRIVATE_KEY_JWT,
        users=(await found(service, "system")).users,
        scopes="system/*.rs",
        tenant=1,
        organization="clinic",
        jwks={"keys": [pair.as_dict(private=False), dict(key("rsa").as_dict(private=False))]},
    )
    async with service.database.write() as writer:
        await add_client(writer, asked, definitions=service.server.definitions, purposes=[], now=1)
    signed = assertion("rsa-system", signed_by=pair, header={"alg": "RS384", "kid": "rsa"})
    assert (await offer(client, signed)).status_code == 200
    signed = assertion("rsa-system", signed_by=key("rsa"), header={"kid": "rsa"})
    assert (await offer(client, signed)).status_code == 200, "the kind of key tells keys of one id apart"
    bare = RSAKey.import_key({name: each for name, each in pair.as_dict(private=True).items() if name != "alg"})
    signed = assertion("rsa-system", signed_by=bare, header={"alg": "RS256", "kid": "rsa"})
    refused(await offer(client, signed), "invalid_client", 401)


async def found(service: Service, client: str) -> Client:
    known = await find_client(service.database, client)
    assert known is not None
    return known


URL: Final = "https://keys.example/jwks.json"


@pytest.fixture
async def remote(service: Service) -> Client:
    """The system, as one that publishes its keys."""
    return replace(await found(service, "system"), jwks={}, jwks_uri=URL)


def keys_of(*names: str) -> dict[str, Any]:
    return {"keys": [key(name).as_dict(private=False) for name in names]}


async def check(service: Service, client: Client, keys: KeySets, signed: str) -> None:
    await check_assertion(
        service.database, client, signed, audiences=[TOKEN], keys=keys, now=int(time.time() * 1_000_000)
    )


@respx.mock
async def test_a23_keys_are_fetched_once_and_again_when_one_is_new(service: Service, remote: Client) -> None:
    time_now = [10 * KEPT]
    keys = KeySets(lambda: time_now[0])
    route = respx.get(URL).respond(json=keys_of("system"))
    await check(service, remote, keys, assertion("system"))
    await check(service, remote, keys, assertion("system"))
    assert route.call_count == 1
    route.respond(json=keys_of("system", "newer"))
    newer: dict[str, Any] = {"signed_by": key("newer"), "header": {"kid": "newer"}}
    with pytest.raises(NotProven):
        await check(service, remote, keys, assertion("system", **newer))
    assert route.call_count == 1, "not asked again at once"
    time_now[0] += PAUSE + 1
    await check(service, remote, keys, assertion("system", **newer))
    assert route.call_count == 2


@respx.mock
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"location": "https://keys.example/other"}),
        httpx.Response(404, json=keys_of("system")),
        httpx.Response(200, content=b"x" * (LARGEST + 1)),
        httpx.Response(200, content=b"{"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"keys": {}}),
        httpx.Response(200, json={"keys": ["x", None]}),
        httpx.Response(200, json={"keys": [{"kid": "system", "kty": "EC"}]}),
        httpx.Response(200, json={"keys": [*keys_of("system")["keys"], *keys_of("system")["keys"]]}),
        httpx.Response(200, headers={"content-encoding": "gzip"}, content=b"x"),
    ],
    ids=["redirect", "404", "large", "no json", "list", "object", "other", "half", "twice", "packed"],
)
async def test_a23_keys_that_cannot_be_had_prove_nothing(
    service: Service, remote: Client, answer: httpx.Response
) -> None:
    other = respx.get("https://keys.example/other").respond(json=keys_of("system"))
    respx.get(URL).mock(return_value=answer)
    with pytest.raises(NotProven):
        await check(service, remote, KeySets(lambda: 10 * KEPT), assertion("system"))
    assert not other.called, "redirects are not followed"


@respx.mock
async def test_a23_a_key_server_that_is_down_is_not_asked_at_once_again(service: Service, remote: Client) -> None:
    route = respx.get(URL).mock(side_effect=httpx.ConnectError("down"))
    keys = KeySets(lambda: 10 * KEPT)
    for _ in range(3):
        with pytest.raises(NotProven):
            await check(service, remote, keys, assertion("system"))
    assert route.call_count == 1


async def test_a23_a_secret_is_no_proof_of_a_client_with_a_key(client: httpx.AsyncClient) -> None:
    refused(await offer(client, "", client_secret="x"), "invalid_request")
    refused(
        await client.post("/oauth/introspect", data={"token": "x"}, headers=basic("system", "x")), "invalid_client", 401
    )
