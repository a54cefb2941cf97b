"""An OpenID Connect provider, small but real: discovery, authorization with PKCE, codes for one use, signed ID tokens.

It runs on loopback beside the tests. ``attack`` makes it lie in one way. https://openid.net/specs/openid-connect-core-1_0.html
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from app.server.asgi import Receive, Scope, Send

CLIENT: Final = "zelfregie"
SECRET: Final = "a secret: with signs +%"
KEY: Final = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})
"""Made once, as that takes long."""
OTHER_KEY: Final = RSAKey.generate_key(2048, {"kid": "second", "use": "sig", "alg": "RS256"})
ATTACKS: Final = (
    "alg none",
    "signed with the public key as a secret",
    "signed by somebody else",
    "key of its own in the header",
    "another issuer",
    "another audience",
    "further audience without azp",
    "azp of another client",
    "another nonce",
    "no nonce",
    "expired",
    "made long ago",
    "made in the future",
    "no subject",
    "a subject that is no text",
    "another at_hash",
    "a claim twice",
    "not a token",
    "no token",
    "an error",
    "a redirect",
    "too large",
    "not JSON",
    "iss of another in the answer",
    "no iss in the answer",
)


@dataclass
class Provider:
    """Who logs in there, and how it behaves."""

    issuer: str
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "subject-1", "name": "Anna Proefstra"})
    attack: str = ""
    automatic: bool = True
    error: str = ""
    key: RSAKey = field(default_factory=lambda: KEY)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while (message := await receive()).get("type") == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        path = str(scope["path"])
        self.fetched.append(path)
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        if path == "/.well-known/openid-configuration":
            answer = self.respond(self.metadata())
        elif path == "/jwks":
            answer = self.respond({"keys": [self.key.as_dict(private=False)]})
        elif path == "/authorize" and scope["method"] == "GET":
            self.asked.append(query)
            answer = self.returned(query) if self.automatic else self.form(query)
        elif path == "/authorize":
            answer = self.returned({name: values[0] for name, values in parse_qs(body.decode()).items()})
        elif path == "/token":
            answer = self.token(dict(scope["headers"]), dict(parse_qsl(body.decode())))
        else:
            answer = (404, {}, b"")
        status, headers, content = answer
        listed = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": listed})
        await send({"type": "http.response.body", "body": content})

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "authorization_response_iss_parameter_supported": True,
        }

    @staticmethod
    def respond(content: object, status: int = 200) -> tuple[int, dict[str, str], bytes]:
        return status, {"content-type": "application/json"}, json.dumps(content).encode()

    def form(self, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """A page with one button, for browsers."""
        fields = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in query.items()
        )
        page = f'<form method="post">{fields}<button>I am Anna</button></form>'
        return 200, {"content-type": "text/html"}, f'<!DOCTYPE html><html lang="en"><title>P</title>{page}'.encode()

    def returned(self, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Back to who asked, with a code or an error."""
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        assert query["client_id"] == CLIENT
        answer = {"state": query["state"], "iss": self.issuer}
        if self.attack == "iss of another in the answer":
            answer["iss"] = "https://other.example"
        if self.attack == "no iss in the answer":
            del answer["iss"]
        if self.error:
            answer["error"] = self.error
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self.codes[answer["code"]] = query
        return 303, {"location": f"{query['redirect_uri']}?{urlencode(answer)}"}, b""

    def token(self, headers: dict[bytes, bytes], form: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """The ID token of a code."""
        begun = self.codes.pop(form["code"], None)
        scheme, _, credentials = headers.get(b"authorization", b"").decode().partition(" ")
        name, _, secret = b64decode(credentials).decode().partition(":")
        proof = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if (
            begun is None
            or scheme != "Basic"
            or (unquote(name), unquote(secret)) != (CLIENT, SECRET)
            or proof != begun["code_challenge"]
            or form["redirect_uri"] != begun["redirect_uri"]
        ):
            return self.respond({"error": "invalid_grant"}, 400)
        if self.attack == "an error":
            return self.respond({"error": "server_error"}, 500)
        if self.attack == "a redirect":
            return 302, {"location": f"{self.issuer}/token"}, b""
        if self.attack == "too large":
            return self.respond({"id_token": "x" * 400_000})
        if self.attack == "not JSON":
            return 200, {"content-type": "application/json"}, b"{"
        access = secrets.token_urlsafe(16)
        answer = {"access_token": access, "token_type": "Bearer", "id_token": self.id_token(begun["nonce"], access)}
        if self.attack == "no token":
            del answer["id_token"]
        return self.respond(answer)

    def id_token(self, nonce: str, access: str) -> str:
        now = int(time.time())
        half = urlsafe_b64encode(sha256(access.encode()).digest()[:16]).rstrip(b"=").decode()
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "at_hash": half,
            "auth_time": now,
            **self.claims,
        }
        claims |= _LIES.get(self.attack, lambda _: {})(now)
        for name in [name for name, value in claims.items() if value is None]:
            del claims[name]
        return self.signed(claims)

    def signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": "RS256", "kid": "first"}
        if self.attack == "alg none":
            return f"{_part({'alg': 'none'})}.{_part(claims)}."
        if self.attack == "signed with the public key as a secret":
            return jwt.encode({"alg": "HS256", "kid": "first"}, claims, OctKey.import_key(KEY.as_pem(private=False)))
        if self.attack == "signed by somebody else":
            return jwt.encode(header, claims, OTHER_KEY)
        if self.attack == "key of its own in the header":
            own = {**header, "jwk": OTHER_KEY.as_dict(private=False)}
            return jwt.encode(own, claims, OTHER_KEY)
        if self.attack == "a claim twice":
            text = json.dumps(claims)[:-1] + ', "sub": "somebody-else"}'
            return _signed_text(text)
        if self.attack == "not a token":
            return "not.a.token"
        return jwt.encode({**header, "kid": self.key.kid or ""}, claims, self.key)


_LIES: Final[dict[str, Any]] = {
    "another issuer": lambda _: {"iss": "https://other.example"},
    "another audience": lambda _: {"aud": "another"},
    "further audience without azp": lambda _: {"aud": [CLIENT, "another"]},
    "azp of another client": lambda _: {"azp": "another"},
    "another nonce": lambda _: {"nonce": "another"},
    "no nonce": lambda _: {"nonce": None},
    "expired": lambda now: {"exp": now - 120},
    "made long ago": lambda now: {"iat": now - 7200},
    "made in the future": lambda now: {"iat": now + 7200},
    "no subject": lambda _: {"sub": None},
    "a subject that is no text": lambda _: {"sub": 12},
    "another at_hash": lambda _: {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


def _part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _signed_text(text: str) -> str:
    from joserfc import jws

    return jws.serialize_compact({"alg": "RS256", "kid": "first"}, text.encode(), KEY)


@contextmanager
def provider_beside() -> Iterator[Provider]:
    """A provider in a thread of its own, for tests whose loop is a browser's."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        provider = Provider(f"http://127.0.0.1:{bound.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(provider, log_config=None, lifespan="off", ws="none", access_log=False))
        thread = Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield provider
        finally:
            server.should_exit = True
            thread.join()


@asynccontextmanager
async def running_provider() -> AsyncIterator[Provider]:
    """A provider on a free port of this machine."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        provider = Provider(f"http://127.0.0.1:{bound.getsockname()[1]}")
        config = uvicorn.Config(provider, log_config=None, lifespan="off", ws="none", access_log=False)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no other way to say so
            await asyncio.sleep(0.01)
        try:
            yield provider
        finally:
            server.should_exit = True
            await serving
