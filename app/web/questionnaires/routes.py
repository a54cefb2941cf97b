"""The addresses of the pages about questionnaires. https://fastapi.tiangolo.com"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.web.opened import Opened
from app.web.questionnaires import amending, asked, filling, finishing, listing, starting
from app.web.questionnaires.visit import Asking, Visit, visit_of

View = Callable[[Visit], Awaitable[Response]]
ADDRESSES: Final[tuple[tuple[str, View | None, View | None], ...]] = (
    ("/questionnaires", listing.show, None),
    ("/questionnaires/start", starting.show_start, starting.start),
    ("/questionnaires/asked/{id}/accept", None, asked.accept),
    ("/questionnaires/asked/{id}/decline", asked.show_decline, asked.decline),
    ("/questionnaires/{id}", finishing.show_answered, None),
    ("/questionnaires/{id}/start", starting.show_again, None),
    ("/questionnaires/{id}/first", starting.show_first, None),
    ("/questionnaires/{id}/fill/{at}", filling.show, filling.keep),
    ("/questionnaires/{id}/overview", finishing.overview, finishing.finish),
    ("/questionnaires/{id}/help", finishing.show_help, None),
    ("/questionnaires/{id}/amend", None, amending.amend),
    ("/questionnaires/{id}/stop", None, finishing.stop),
)
"""Each address with what GET shows there and what POST does."""


def add_questionnaire_pages(application: FastAPI, asking: Opened[Asking]) -> None:
    """Add the pages."""

    def view(act: View) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await act(await visit_of(asking(), request))

        return answer

    for address, show, do in ADDRESSES:
        if show is not None:
            application.add_api_route(address, view(show), methods=["GET", "HEAD"], response_model=None)
        if do is not None:
            application.add_api_route(address, view(do), methods=["POST"], response_model=None)
