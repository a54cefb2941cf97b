"""The addresses of the pages for apps. https://fastapi.tiangolo.com"""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.auth.oauth.server import AuthorizationServer
from app.web.authorize import apps
from app.web.authorize.flow import act, show
from app.web.authorize.waiting import waiting
from app.web.opened import Opened
from app.web.problems import PageProblem
from app.web.site import Site

_STOPPED = {"client": 400, "redirect_uri": 400, "request_uri": 400, "parameters": 400, "many": 429}


async def explain(_request: Request, reason: str) -> Response:
    """Why a request stops here. Raises ``PageProblem``, which is a page of ours."""
    raise PageProblem(_STOPPED[reason], f"authorize.stopped.{reason}")


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
