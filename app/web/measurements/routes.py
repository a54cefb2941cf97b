"""The addresses of the pages about measurements. https://fastapi.tiangolo.com"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.web.measurements import entering, item, overview, protocols, showing
from app.web.measurements.visit import Visit, visit_of
from app.web.opened import Opened
from app.web.site import Site

View = Callable[[Visit], Awaitable[Response]]
ADDRESSES: Final[tuple[tuple[str, View | None, View | None], ...]] = (
    ("/measurements", overview.show, None),
    ("/measurements/of/{kind}", showing.show, None),
    ("/measurements/new/{kind}", entering.show, entering.enter),
    ("/measurements/item/{id}", item.show, None),
    ("/measurements/item/{id}/confirm", None, item.confirm),
    ("/measurements/item/{id}/mistake", None, item.mistake),
    ("/measurements/protocols", protocols.show_all, None),
    ("/measurements/protocols/new/{protocol}", protocols.show_one, protocols.begin),
    ("/measurements/protocols/run/{id}", protocols.show_run, None),
    ("/measurements/protocols/run/{id}/accept", None, protocols.accept),
    ("/measurements/protocols/run/{id}/finish", None, protocols.finish),
    ("/measurements/protocols/run/{id}/stop", None, protocols.stop),
)
"""Each address with what GET shows there and what POST does."""


def add_measurement_pages(application: FastAPI, site: Opened[Site]) -> None:
    """Add the pages."""

    def view(act: View) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await act(await visit_of(site(), request))

        return answer

    for address, show, do in ADDRESSES:
        if show is not None:
            application.add_api_route(address, view(show), methods=["GET", "HEAD"], response_model=None)
        if do is not None:
            application.add_api_route(address, view(do), methods=["POST"], response_model=None)
