"""What people see when something went wrong on a page: what it was, in their language, and nothing of anybody's data.

Refusals of the FHIR base and of the authorization server have forms of their own.
"""

from __future__ import annotations

import secrets
from typing import Final
from urllib.parse import quote

import structlog
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from app.errors import Forbidden, Unauthenticated, ZelfregieError
from app.faults import trace_of
from app.server.outcomes import status_of
from app.web.forms import path_of, query_of
from app.web.opened import Opened
from app.web.site import Site

TITLE: Final = "site.error.title"
BACK: Final = ("/", "site.error.home")
"""The heading of such a page, and where people go from it: an address, and the key of what that is called."""
_log: Final = structlog.get_logger(__name__)
_PLAIN: Final = ("/health", "/metrics", "/assets/", "/openapi.json", "/oauth/", "/.well-known/")
"""Addresses that programs ask for: their refusals are not pages."""


class PageProblem(ZelfregieError):
    """A refusal with a text of its own: ``key`` of ``texts/``, and the values that go in. ``title`` is the key of the
    heading, ``back`` where people go from here and the key of what that is called.
    """

    title = TITLE
    back = BACK

    def __init__(self, status: int, key: str, **values: object) -> None:
        super().__init__(key)
        self.status = status
        self.key = key
        self.values = values


def add_problem_pages(application: FastAPI, site: Opened[Site]) -> None:
    """Answer every refusal of a page with a page."""

    async def page(
        request: Request,
        status: int,
        key: str,
        values: dict[str, object],
        *,
        number: str = "",
        kind: type[PageProblem] = PageProblem,
    ) -> Response:
        opened = site()
        visitor = await opened.visitor(request)
        said = visitor.t(key, **values)
        return opened.page(
            request, visitor, "problem.html", status=status, said=said, number=number, title=kind.title, back=kind.back
        )

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, ZelfregieError)
        if isinstance(error, PageProblem):
            return await page(request, error.status, error.key, error.values, kind=type(error))
        if isinstance(error, Unauthenticated) or error.code in _SENT_TO:
            opened = site()
            query = query_of(request)
            asked = path_of(request) + (f"?{query}" if query else "")
            following = f"?next={quote(asked, safe='')}" if request.method == "GET" else ""
            where = "/login" if isinstance(error, Unauthenticated) else _SENT_TO[error.code]
            return opened.go(await opened.visitor(request), where + following)
        status = status_of(error)
        await _record_refusal(site(), request, status)
        key = "site.error.form" if isinstance(error, Forbidden) and error.code == "csrf" else _key(status)
        return await page(request, status, key, {})

    async def failed(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)
        if path_of(request).startswith(_PLAIN) or error.status_code == 503 or not site.is_open:
            return Response(str(error.detail), error.status_code, error.headers, "text/plain")
        answer = await page(request, error.status_code, _key(error.status_code), {})
        for name, value in (error.headers or {}).items():
            answer.headers[name] = value
        return answer

    async def invalid(request: Request, _: Exception) -> Response:
        return await page(request, 400, _key(400), {})

    async def broken(request: Request, error: Exception) -> Response:
        number = secrets.token_hex(4)
        _log.error("page.fault", number=number, method=request.method, trace=trace_of(error))
        return await page(request, 500, _key(500), {}, number=number)

    application.add_exception_handler(ZelfregieError, refused)
    application.add_exception_handler(StarletteHTTPException, failed)
    application.add_exception_handler(HTTPException, failed)
    application.add_exception_handler(RequestValidationError, invalid)
    application.add_exception_handler(Exception, broken)


_SENT_TO: Final = {"choose": "/choose", "fresh": "/account/confirm"}
"""Where people go first, by the code of the refusal."""


async def _record_refusal(site: Site, request: Request, status: int) -> None:
    """Who may not do something in the record that they chose is in its access log, as at the FHIR base."""
    visitor = await site.visitor(request)
    if status == 403 and visitor.access is not None and visitor.access.patient is not None:
        await site.recording.record(
            "refusal",
            status,
            agent=visitor.agent,
            now=visitor.now,
            patients=[visitor.access.patient],
            address=visitor.address,
            durable=False,
        )


_KNOWN: Final = frozenset({400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503})


def _key(status: int) -> str:
    return f"site.error.{status if status in _KNOWN else 400 if status < 500 else 500}"
