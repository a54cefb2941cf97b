"""The addresses of the pages for apps. https://fastapi.tiangolo.com"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.auth.oauth.server import AuthorizationServer
from app.web.authorize import apps
from app.web.authorize.flow import act, show
from app.web.authorize.waiting import waiting
from app.web.opened import Opened
from app.web.problems import BACK, TITLE
from app.web.site import Site

_STOPPED: Final = {"many": 429}
Explain = Callable[[Request, str], Awaitable[Response]]


def explaining(site: Opened[Site]) -> Explain:
    """Makes the page that says why a request stops here. Nothing of the request is on it, not even in a link."""

    async def explain(request: Request, reason: str) -> Response:
        opened = site()
        visitor = await opened.visitor(request)
        plain = Request({**request.scope, "query_string": b""})
        said = visitor.t(f"authorize.stopped.{reason}")
        status = _STOPPED.get(reason, 400)
        return opened.page(plain, visitor, "problem.html", status=status, said=said, number="", title=TITLE, back=BACK)

    return explain


def add_authorize_pages(application: FastAPI, site: Opened[Site], oauth: Opened[AuthorizationServer]) -> None:
    """Add ``/authorize/…`` and ``/apps``."""

    @application.get("/authorize/{secret}", response_model=None)
    async def authorize(request: Request, secret: str) -> Response:
        return await show(await waiting(site(), oauth(), request, secret))

    @application.post("/authorize/{secret}", response_model=None)
    async def decide(request: Request, secret: str) -> Response:
        found = await waiting(site(), oauth(), request, secret)
        _ = found.person
        return await act(found, await site().form(request, found.visitor))

    @application.get("/authorize/{secret}/continue", response_model=None)
    async def go_on(request: Request, secret: str) -> Response:
        found = await waiting(site(), oauth(), request, secret)
        return found.page("continue")

    @application.get("/apps", response_model=None)
    async def show_apps(request: Request) -> Response:
        return await apps.show_apps(site(), oauth(), request)

    @application.post("/apps/open", response_model=None)
    async def open_app(request: Request) -> Response:
        return await apps.open_from_here(site(), oauth(), request)

    @application.post("/apps/disconnect", response_model=None)
    async def disconnect(request: Request) -> Response:
        return await apps.disconnect(site(), oauth(), request)
