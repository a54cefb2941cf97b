"""The addresses of the pages about importing measurements. https://fastapi.tiangolo.com"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.web.measurements import importing
from app.web.measurements.importing import Importing
from app.web.measurements.visit import Visit, visit_of
from app.web.opened import Opened
from app.web.site import Site

View = Callable[[Visit, Importing], Awaitable[Response]]
ADDRESSES: Final[tuple[tuple[str, View, View | None], ...]] = (
    ("/measurements/import", importing.show, importing.send),
    ("/measurements/import/{id}", importing.follow, None),
    ("/measurements/import/{id}/report", importing.report, None),
)
"""Each address with what GET shows there and what POST does."""


def add_import_pages(application: FastAPI, site: Opened[Site], opened: Opened[Importing]) -> None:
    """Add the pages."""

    def view(act: View) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await act(await visit_of(site(), request), opened())

        return answer

    for address, show, do in ADDRESSES:
        application.add_api_route(address, view(show), methods=["GET", "HEAD"], response_model=None)
        if do is not None:
            application.add_api_route(address, view(do), methods=["POST"], response_model=None)
