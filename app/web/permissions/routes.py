"""The addresses of the pages about permissions. https://fastapi.tiangolo.com"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.web.opened import Opened
from app.web.permissions import giving, listing, pairing
from app.web.permissions.token import session_token
from app.web.permissions.visit import Visit
from app.web.site import Site

View = Callable[[Visit], Awaitable[Response]]
ADDRESSES: Final[tuple[tuple[str, View | None, View | None], ...]] = (
    ("/permissions", listing.show, None),
    ("/permissions/new", giving.show_new, giving.give),
    ("/permissions/withdraw", None, listing.withdraw_all),
    ("/permissions/{id}", listing.show_one, None),
    ("/permissions/{id}/withdraw", None, listing.withdraw),
    ("/permissions/{id}/change", giving.show_change, giving.change),
    ("/pairing", pairing.show, pairing.make),
)
"""Each address with what GET shows there and what POST does."""


def permission_pages(site: Opened[Site]) -> APIRouter:
    """The routes."""
    pages = APIRouter()

    def view(act: View) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await act(await Visit.begin(site(), request))

        return answer

    for address, show, do in ADDRESSES:
        if show is not None:
            pages.add_api_route(address, view(show), methods=["GET", "HEAD"], response_model=None)
        if do is not None:
            pages.add_api_route(address, view(do), methods=["POST"], response_model=None)

    @pages.post("/session/token", response_model=None)
    async def token(request: Request) -> Response:
        return await session_token(site(), request)

    return pages
