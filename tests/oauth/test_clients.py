"""What may be registered. https://www.rfc-editor.org/rfc/rfc7591 https://www.rfc-editor.org/rfc/rfc8252"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any, Final

import pytest

from app.auth.consents.purposes import PURPOSES
from app.auth.oauth.clients import Kind, Users, disable, enable, find_client, list_clients, renew_secret
from app.auth.oauth.redirects import answer, form_target, problem_of
from app.auth.oauth.registration import NewClient, add_client, problems_of
from app.errors import Conflict, NotFound, Unprocessable
from app.fhir.definitions import load
from tests.server.clients import key
from tests.server.service import Service

APP: Final = NewClient(
    name="An app",
    kind=Kind.PUBLIC,
    users=Users.PATIENTS,
    scopes="launch/patient patient/*.rs",
    tenant=1,
    redirect_uris=("https://new.example/callback",),
)
SYSTEM: Final = NewClient(
    name="A system",
    kind=Kind.PRIVATE_KEY_JWT,
    users=Users.NONE,
    scopes="system/*.rs",
    tenant=1,
    organization="clinic",
    jwks={"keys": [dict(key("new").as_dict(private=False))]},
)
PROFESSIONAL: Final = replace(APP, users=Users.PROFESSIONALS, organization="clinic", scopes="user/*.rs")


def keys(**changes: Any) -> dict[str, Any]:
    made = {**key("new").as_dict(private=False), **changes}
    return {"keys": [{name: value for name, value in made.items() if value is not None}]}


@pytest.mark.parametrize(
    "good",
    [
        APP,
        SYSTEM,
        PROFESSIONAL,
        replace(APP, kind=Kind.SECRET),
        replace(APP, redirect_uris=("http://127.0.0.1:8765/callback", "http://[::1]:1/x", "http://localhost/y")),
        replace(APP, redirect_uris=("org.example.app:/callback", "https://new.example/a?b=c")),
        replace(APP, launch_uri="https://new.example/launch"),
        replace(APP, id="an-app.2_b"),
        replace(SYSTEM, jwks={}, jwks_uri="https://keys.example/jwks"),
        replace(SYSTEM, purpose="research"),
        replace(SYSTEM, jwks=keys(alg=None, use=None)),
    ],
    ids=str,
)
def test_what_may_be_registered(good: NewClient) -> None:
    assert list(problems_of(good, load("4.0.1"), list(PURPOSES))) == []


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (replace(APP, name=" "), "name"),
        (replace(APP, name="x" * 101), "name"),
        (replace(APP, name="two\nlines"), "name"),
        (replace(APP, id="zelfregie"), "id"),
        (replace(APP, id="app:x"), "id"),
        (replace(APP, id="a"), "id"),
        (replace(APP, organization="clinic"), "organization"),
        (replace(PROFESSIONAL, organization=""), "organization"),
        (replace(SYSTEM, organization=""), "organization"),
        (replace(APP, purpose="treatment"), "purpose"),
        (replace(SYSTEM, purpose="own-use"), "purpose"),
        (replace(SYSTEM, purpose="other"), "purpose"),
        (replace(APP, redirect_uris=()), "redirect_uris"),
        (replace(APP, redirect_uris=[*APP.redirect_uris, *APP.redirect_uris]), "redirect_uris"),
        (replace(SYSTEM, redirect_uris=APP.redirect_uris), "redirect_uris"),
        (replace(APP, kind=Kind.SECRET, redirect_uris=("org.example.app:/callback",)), "redirect_uris"),
        (replace(APP, launch_uri="http://new.example/launch"), "launch_uri"),
        (replace(SYSTEM, kind=Kind.PUBLIC, jwks={}), "kind"),
        (replace(SYSTEM, kind=Kind.SECRET, jwks={}), "kind"),
        (replace(APP, jwks=SYSTEM.jwks), "jwks"),
        (replace(SYSTEM, jwks={}), "jwks"),
        (replace(SYSTEM, jwks_uri="https://keys.example/jwks"), "jwks"),
        (replace(SYSTEM, jwks={}, jwks_uri="http://keys.example/jwks"), "jwks_uri"),
        (replace(SYSTEM, jwks={}, jwks_uri="https://user@keys.example/jwks"), "jwks_uri"),
        (replace(SYSTEM, jwks={"keys": []}), "jwks"),
        (replace(SYSTEM, jwks={"keys": "x"}), "jwks"),
        (replace(SYSTEM, jwks=keys(kid=None)), "jwks"),
        (replace(SYSTEM, jwks={"keys": keys()["keys"] * 2}), "jwks"),
        (replace(SYSTEM, jwks={"keys": [dict(key("new").as_dict(private=True))]}), "jwks"),
        (replace(SYSTEM, jwks=keys(alg="ES256")), "jwks"),
        (replace(SYSTEM, jwks=keys(crv="P-256")), "jwks"),
        (replace(SYSTEM, jwks=keys(use="enc")), "jwks"),
        (replace(SYSTEM, jwks=keys(x="AAAA")), "jwks"),
        (replace(SYSTEM, jwks=keys(kty="oct", k="AAAA")), "jwks"),
        (replace(APP, scopes=""), "scopes"),
        (replace(APP, scopes="patient/Nothing.rs"), "scopes"),
        (replace(APP, scopes="patient/*.sr"), "scopes"),
        (replace(APP, scopes="user/*.rs"), "scopes"),
        (replace(APP, scopes="system/*.rs"), "scopes"),
        (replace(APP, scopes="patient/*.rs everything"), "scopes"),
        (replace(PROFESSIONAL, scopes="system/*.rs"), "scopes"),
        (replace(SYSTEM, scopes="system/*.rs openid"), "scopes"),
        (replace(SYSTEM, scopes="openid"), "scopes"),
    ],
)
def test_what_may_not_be_registered(bad: NewClient, field: str) -> None:
    problems = list(problems_of(bad, load("4.0.1"), list(PURPOSES)))
    assert field in {each.expression[0] for each in problems}


def test_an_rsa_key_is_long_enough() -> None:
    short = {"kty": "RSA", "kid": "s", "e": "AQAB", "n": urlsafe_b64encode(b"\xff" * 128).decode()}
    problems = list(problems_of(replace(SYSTEM, jwks={"keys": [short]}), load("4.0.1"), []))
    assert "2048" in problems[0].diagnostics


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "//new.example/callback",
        "https://",
        "https:///callback",
        "https://new.example/#fragment",
        "https://new.example/#",
        "https://new.example/*",
        "https://*.example/",
        "https://user@new.example/",
        "https://user:password@new.example/",
        "https://NEW.example/",
        "https://new.example:/",
        "https://new.example:0/",
        "https://new.example:99999/",
        "https://new.example:x/",
        "https://n\u00e9w.example/",
        "https://new.example/\u00e9",
        "https://new example/",
        "https://new.example/a b",
        "https://new.example/../a",
        "https://new.example/%2e%2e/a",
        "https://new.example/\\a",
        "http://new.example/",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.2/",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "myapp:/callback",
        "myapp://callback",
        "org.example.app://host/callback",
        "https://new.example/\r\nx",
        "https://new.example/" + "x" * 1000,
    ],
    ids=lambda each: ascii(each)[:50],
)
def test_what_is_no_redirect_uri(uri: str) -> None:
    assert problem_of(uri, public=True)


@pytest.mark.parametrize(
    ("uri", "whole", "target"),
    [
        ("https://a.example/x", "https://a.example/x?state=%26", "https://a.example"),
        ("https://a.example:8443/x?y=1", "https://a.example:8443/x?y=1&state=%26", "https://a.example:8443"),
        ("org.example.a:/x", "org.example.a:/x?state=%26", "org.example.a:"),
    ],
)
def test_an_answer_is_added_to_the_redirect_uri(uri: str, whole: str, target: str) -> None:
    assert answer(uri, {"state": "&", "error": ""}) == whole
    assert form_target(uri) == target


async def test_a_client_is_kept_and_its_secret_is_not(service: Service) -> None:
    definitions = service.server.definitions
    async with service.database.write() as writer:
        client, secret = await add_client(
            writer, replace(APP, kind=Kind.SECRET), definitions=definitions, purposes=[], now=7
        )
    assert len(secret) >= 43
    kept = await find_client(service.database, client.id)
    assert kept == client
    assert secret not in str(kept.row())
    assert client.id in {each.id for each in await list_clients(service.database, tenant=1)}
    assert await list_clients(service.database, tenant=2) == []
    with pytest.raises(Conflict):
        async with service.database.write() as writer:
            await add_client(writer, replace(APP, id=client.id), definitions=definitions, purposes=[], now=7)
    with pytest.raises(Unprocessable):
        async with service.database.write() as writer:
            await add_client(writer, replace(APP, name=""), definitions=definitions, purposes=[], now=7)


async def test_a_client_is_of_one_tenant(service: Service) -> None:
    async with service.database.write() as writer:
        for change in (
            disable(writer, "app", tenant=2, now=1),
            enable(writer, "app", tenant=2),
            renew_secret(writer, "web", tenant=2),
            renew_secret(writer, "app", tenant=1),
            disable(writer, "nobody", tenant=1, now=1),
        ):
            with pytest.raises(NotFound):
                await change
    kept = await find_client(service.database, "app")
    assert kept is not None
    assert kept.is_active
