"""The addresses of the pages. https://fastapi.tiangolo.com"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Final

from fastapi import FastAPI, HTTPException
from fastapi.requests import Request
from fastapi.responses import Response

from app.server.compression import takes_gzip
from app.server.server import FhirServer
from app.web import pages
from app.web.languages import LANGUAGES, language
from app.web.openapi import openapi
from app.web.site import LANGUAGE_COOKIE, SESSION_COOKIE, keep_language

_READ: Final = ["GET", "HEAD"]
_ASSETS: Final = {"style.css": "text/css", "icon.svg": "image/svg+xml", "passkey.js": "text/javascript"}


class _Kept:
    """A large document, made when first asked for and again when something else is offered; only its gzip is kept."""

    def __init__(self, make: Callable[[FhirServer], bytes], media_type: str) -> None:
        self._make = make
        self._media_type = media_type
        self._made_of: object = None
        self._gzip = b""
        self._tag = ""

    def answer(self, server: FhirServer, request: Request) -> Response:
        if self._made_of is not server.registry.unready:
            content = self._make(server)
            self._tag = f'W/"{sha256(content).hexdigest()[:16]}"'
            self._gzip = gzip.compress(content, 6, mtime=0)
            self._made_of = server.registry.unready
        headers = {"ETag": self._tag, "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == self._tag:
            return Response(status_code=304, headers=headers)
        if takes_gzip(request.headers.get("accept-encoding", "").encode("latin-1")):
            return Response(self._gzip, headers={**headers, "Content-Encoding": "gzip"}, media_type=self._media_type)
        return Response(gzip.decompress(self._gzip), headers=headers, media_type=self._media_type)


def add_pages(application: FastAPI, server: Callable[[], FhirServer | None], *, sandbox: bool) -> None:
    """Add ``/``, ``/docs``, ``/openapi.json`` and what they use; ``server`` gives None while it is not open."""

    def opened() -> FhirServer:
        found = server()
        if found is None:
            raise HTTPException(503, "The service is starting.", {"Retry-After": "1"})
        return found

    add = partial(application.api_route, methods=_READ)
    documentation = _Kept(lambda server: pages.documentation(server).encode(), "text/html")
    description = _Kept(openapi, "application/json")

    @add("/")
    async def home(request: Request, lang: str | None = None) -> Response:
        asked = lang if lang in LANGUAGES else None
        kept = request.cookies.get(LANGUAGE_COOKIE)
        chosen = language(asked or kept, request.headers.get("accept-language", ""))
        headers = {"Content-Language": chosen, "Vary": "Accept-Language, Cookie", "Cache-Control": "no-cache"}
        page = pages.home(opened(), chosen, sandbox=sandbox, known=SESSION_COOKIE in request.cookies)
        answer = Response(page, headers=headers, media_type="text/html")
        if asked is not None and asked != kept:
            keep_language(answer, asked)
        return answer

    @add("/docs")
    async def docs(request: Request) -> Response:
        return documentation.answer(opened(), request)

    @add("/openapi.json")
    async def openapi_document(request: Request) -> Response:
        return description.answer(opened(), request)

    @add("/assets/{name}")
    async def asset(name: str) -> Response:
        if name not in _ASSETS:
            raise HTTPException(404)
        return Response(pages.asset(name), headers={"Cache-Control": "public, max-age=3600"}, media_type=_ASSETS[name])
