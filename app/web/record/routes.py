"""The addresses of the pages about the record of all sources. https://fastapi.tiangolo.com"""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.web.opened import Opened
from app.web.record import showing
from app.web.site import Site


def add_record_pages(application: FastAPI, site: Opened[Site]) -> None:
    """Add the pages."""

    async def show(request: Request) -> Response:
        return await showing.show(site(), request)

    async def download(request: Request) -> Response:
        return await showing.download(site(), request)

    application.add_api_route("/record", show, methods=["GET", "HEAD"], response_model=None)
    application.add_api_route("/record/file/{file}", download, methods=["GET"], response_model=None)
