"""The addresses of the pages about a person's own data. https://fastapi.tiangolo.com"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.auth.rights.service import Rights
from app.web.data import copies, erasing, showing, unread
from app.web.data.visit import Visit, visit_of
from app.web.opened import Opened
from app.web.site import Site

View = Callable[[Visit], Awaitable[Response]]
ADDRESSES: Final[tuple[tuple[str, View | None, View | None], ...]] = (
    ("/data", showing.overview, None),
    ("/data/list/{type}", showing.of_type, None),
    ("/data/item/{type}/{id}", showing.item, None),
    ("/data/item/{type}/{id}/file", showing.download, None),
    ("/data/item/{type}/{id}/annotate", None, showing.write_annotation),
    ("/data/unread", unread.show, None),
    ("/data/unread/{id}", None, unread.decide),
    ("/data/unread/{id}/file", unread.download, None),
    ("/data/export", copies.show, copies.ask),
    ("/data/export/{id}/link", None, copies.link),
    ("/data/export/fetch/{secret}", copies.fetch, None),
    ("/data/erase/one/{type}/{id}", erasing.show_one, erasing.one),
    ("/data/erase/source", erasing.show_source, erasing.source),
    ("/data/erase/everything", erasing.show_everything, erasing.everything),
    ("/data/erased/{id}", erasing.proof, None),
)
"""Each address with what GET shows there and what POST does. None of them answers HEAD: a link counts once."""


def add_data_pages(application: FastAPI, site: Opened[Site], rights: Opened[Rights]) -> None:
    """Add the pages."""

    def view(act: View) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await act(await visit_of(site(), rights(), request))

        return answer

    for address, show, do in ADDRESSES:
        if show is not None:
            application.add_api_route(address, view(show), methods=["GET"], response_model=None)
        if do is not None:
            application.add_api_route(address, view(do), methods=["POST"], response_model=None)

    async def erased(request: Request) -> Response:
        here = site()
        return await erasing.show_erased(here, request, await here.visitor(request))

    async def proof(request: Request) -> Response:
        here = site()
        return await erasing.proof_of_everything(here, request, await here.visitor(request))

    application.add_api_route("/erased/{secret}", erased, methods=["GET"], response_model=None)
    application.add_api_route("/erased/{secret}/file", proof, methods=["GET"], response_model=None)
