"""The addresses of the administrators' pages. https://fastapi.tiangolo.com"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.web.admin import clients, mandates, registering
from app.web.admin.visit import Visit
from app.web.opened import Opened
from app.web.people.visit import People
from app.web.site import Site

View = Callable[[Visit], Awaitable[Response]]
ADDRESSES: Final[tuple[tuple[str, View | None, View | None], ...]] = (
    ("/admin", registering.show_index, None),
    ("/admin/organizations", registering.show_organizations, registering.add_organization),
    ("/admin/organizations/{id}/close", None, registering.close_organization),
    ("/admin/providers", registering.show_providers, registering.add_provider),
    ("/admin/providers/{id}/close", None, registering.close_provider),
    ("/admin/clients", clients.show_clients, clients.add),
    ("/admin/clients/{id}/switch", None, clients.switch),
    ("/admin/clients/{id}/secret", None, clients.new_secret),
    ("/admin/mandates", mandates.show, mandates.give),
    ("/admin/mandates/find", None, mandates.find),
    ("/admin/mandates/ages", None, mandates.set_ages),
    ("/admin/mandates/{patient}/{id}/decide", None, mandates.decide),
    ("/admin/mandates/{patient}/{id}/end", None, mandates.end),
)
"""Each address with what GET shows there and what POST does."""


def add_admin_pages(application: FastAPI, site: Opened[Site], people: Opened[People]) -> None:
    """Add the pages."""

    def view(act: View) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            here = site()
            return await act(Visit(here, request, await here.visitor(request), people()))

        return answer

    for address, show, do in ADDRESSES:
        if show is not None:
            application.add_api_route(address, view(show), methods=["GET", "HEAD"], response_model=None)
        if do is not None:
            application.add_api_route(address, view(do), methods=["POST"], response_model=None)
