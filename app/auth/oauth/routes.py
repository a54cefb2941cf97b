"""The addresses that clients use: metadata, authorize, token, introspection, revocation, pushed requests, keys.

https://www.rfc-editor.org/rfc/rfc6749#section-3 https://www.rfc-editor.org/rfc/rfc8414#section-3
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from app.auth.accounts.limits import HOUR, MINUTE, Rule, network
from app.auth.oauth import endpoints
from app.auth.oauth.authorize import begin
from app.auth.oauth.metadata import AUTHORIZE, INTROSPECT, JWKS, PAR, REVOKE, SMART_CONFIGURATION, TOKEN
from app.auth.oauth.parameters import FORM, LARGEST, Parameters, form_parameters
from app.auth.oauth.refusals import OAuthError, invalid_request
from app.auth.oauth.requests import SentBack, Stopped
from app.auth.oauth.server import AuthorizationServer
from app.errors import Unavailable
from app.server.cors import Origins

AUTHORIZE_ADDRESS: Final = Rule("authorize-address", 300, first=MINUTE, longest=HOUR, window=HOUR)
CLIENT_ADDRESS: Final = Rule("client-address", 100, first=MINUTE, longest=HOUR, window=HOUR)
"""Per network address: clients that did not prove who they are."""
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_METADATA: Final = {"Cache-Control": "public, max-age=300"}
_REALM: Final = 'Basic realm="zelfregie", charset="UTF-8"'
Find = Callable[[], AuthorizationServer]
Explain = Callable[[Request, str], Awaitable[Response]]
"""A page of ours that says why a request stops here; the text is that of a reason: client, redirect_uri, …"""
Endpoint = Callable[[AuthorizationServer, Parameters, str], Awaitable[Mapping[str, Any] | None]]


def oauth_routes(find: Find, origins: Origins, explain: Explain) -> APIRouter:
    """Everything below ``/oauth`` and ``/.well-known``. ``find`` raises while the service is not open."""
    router = APIRouter()
    _add_metadata(router, find)
    _add_authorize(router, find, explain)
    _add_endpoint(router, TOKEN, endpoints.token, find, origins)
    _add_endpoint(router, REVOKE, endpoints.revocation, find, origins)
    _add_endpoint(router, INTROSPECT, endpoints.introspection, find, origins)
    _add_endpoint(router, PAR, endpoints.push, find, origins, status=201)
    return router


def _add_metadata(router: APIRouter, find: Find) -> None:
    def answer(content: Mapping[str, Any]) -> JSONResponse:
        return JSONResponse(dict(content), headers={**_METADATA, "Access-Control-Allow-Origin": "*"})

    @router.get("/.well-known/oauth-authorization-server")
    async def oauth() -> Response:
        return answer(find().metadata.oauth())

    @router.get("/.well-known/openid-configuration")
    async def openid() -> Response:
        return answer(find().metadata.openid())

    @router.get(SMART_CONFIGURATION)
    async def smart() -> Response:
        return answer(find().metadata.smart())

    @router.options(SMART_CONFIGURATION)
    @router.options("/.well-known/{name}")
    async def preflight() -> Response:
        headers = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET"}
        return Response(status_code=204, headers={**headers, "Access-Control-Allow-Headers": "Accept, Content-Type"})

    @router.get(JWKS)
    async def jwks() -> Response:
        oauth = find()
        return answer(await oauth.keys.jwks(now=oauth.now()))


def _add_authorize(router: APIRouter, find: Find, explain: Explain) -> None:
    async def started(request: Request, text: bytes) -> Response:
        oauth, address = find(), _address(request)
        if not await oauth.limits.take([(AUTHORIZE_ADDRESS, network(address))], now=oauth.now()):
            return await explain(request, "many")
        try:
            secret = await begin(oauth, text, address=address)
        except Stopped as error:
            return await explain(request, error.reason)
        except SentBack as error:
            return RedirectResponse(error.address(oauth.issuer), 303, _NO_STORE)
        return RedirectResponse(f"/authorize/{secret}", 303, _NO_STORE)

    @router.get(AUTHORIZE)
    async def authorize(request: Request) -> Response:
        return await started(request, request.scope["query_string"][: LARGEST + 1])

    @router.post(AUTHORIZE)
    async def authorize_by_form(request: Request) -> Response:
        body = await _body(request)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.scope["query_string"] or media_type != FORM or body is None:
            return await explain(request, "parameters")
        return await started(request, body)


def _add_endpoint(
    router: APIRouter,
    path: str,
    work: Endpoint,
    find: Find,
    origins: Origins,
    *,
    status: int = 200,
) -> None:
    def headers(request: Request) -> dict[str, str]:
        origin = request.headers.get("origin")
        if origin is None:
            return dict(_NO_STORE)
        shared = {name.decode(): value.decode() for name, value in origins.headers(origin.encode("latin-1"))}
        return {**_NO_STORE, **shared}

    async def answered(request: Request) -> Response:
        oauth = find()
        try:
            body = await _body(request)
            if body is None:
                raise invalid_request("The body is too large.")
            parameters = form_parameters(request.headers.get("content-type", ""), _query(request), body)
            if len(request.headers.getlist("authorization")) > 1:
                raise invalid_request("There are two Authorization headers.")
            found = await work(oauth, parameters, request.headers.get("authorization", ""))
        except OAuthError as error:
            return await _refused(oauth, request, error, headers(request))
        except Unavailable:
            later = {"error": "temporarily_unavailable", "error_description": "Try again in a moment."}
            return JSONResponse(later, 503, {**headers(request), "Retry-After": "1"})
        if found is None:
            return Response(status_code=status, headers=headers(request))
        return JSONResponse(dict(found), status, headers(request))

    async def preflight(request: Request) -> Response:
        asked = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Authorization, Content-Type"}
        return Response(status_code=204, headers={**headers(request), **asked})

    async def wrong(_: Request) -> Response:
        said = {"error": "invalid_request", "error_description": "Use POST."}
        return JSONResponse(said, 405, {**_NO_STORE, "Allow": "OPTIONS, POST"})

    router.add_api_route(path, answered, methods=["POST"])
    router.add_api_route(path, preflight, methods=["OPTIONS"])
    router.add_api_route(path, wrong, methods=["GET", "HEAD", "PUT", "PATCH", "DELETE"])


async def _refused(
    oauth: AuthorizationServer, request: Request, error: OAuthError, headers: dict[str, str]
) -> Response:
    said = {"error": error.error, "error_description": error.description}
    if error.error != "invalid_client":
        return JSONResponse(said, error.status, headers)
    address = _address(request)
    await oauth.record("client-refused", error.status, address=address)
    if not await oauth.limits.take([(CLIENT_ADDRESS, network(address))], now=oauth.now()):
        return JSONResponse(said, 429, {**headers, "Retry-After": "60"})
    if error.challenge:
        headers["WWW-Authenticate"] = _REALM
    return JSONResponse(said, error.status, headers)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


async def _body(request: Request) -> bytes | None:
    """The body; None when it is larger than any form of ours."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return None
    return bytes(body)


def _query(request: Request) -> str:
    """The query as it was sent: ``request.url`` reads it as UTF-8, which a stranger's need not be."""
    return bytes(request.scope["query_string"]).decode("latin-1")
