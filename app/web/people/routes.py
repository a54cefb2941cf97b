"""The addresses of the pages about people. https://fastapi.tiangolo.com"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.web.opened import Opened
from app.web.people import children, choosing, elsewhere, helping, inviting, working
from app.web.people.visit import CALLBACK, People, Visit
from app.web.site import Site

View = Callable[[Visit], Awaitable[Response]]
ADDRESSES: Final[tuple[tuple[str, View | None, View | None], ...]] = (
    ("/choose", choosing.show, choosing.choose),
    ("/choose/find", None, choosing.find),
    ("/working", working.show, None),
    ("/people", helping.show, None),
    ("/people/mandates/{id}/end", None, helping.end_mandate),
    ("/people/carers/{account}/end", None, helping.end_carer),
    ("/people/invitations/{hash}/cancel", None, helping.cancel),
    ("/people/invite", inviting.show_invite, inviting.invite),
    ("/people/child", children.show, children.start),
    ("/invitations/{ticket}", inviting.show_invitation, inviting.accept),
    ("/login/at/{provider}", elsewhere.begin, None),
    ("/login/at/{provider}/again", elsewhere.begin_again, None),
    (CALLBACK, elsewhere.come_back, None),
    ("/account/elsewhere", elsewhere.show_link, None),
    ("/account/elsewhere/{provider}", None, elsewhere.link),
    ("/account/elsewhere/{provider}/unlink", None, elsewhere.unlink),
)
"""Each address with what GET shows there and what POST does."""


def add_people_pages(application: FastAPI, site: Opened[Site], people: Opened[People]) -> None:
    """Add the pages."""

    def view(act: View) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            here = site()
            return await act(Visit(here, request, await here.visitor(request), people()))

        return answer

    for address, show, do in ADDRESSES:
        if show is not None:
            methods = ["GET"] if address.startswith("/login") else ["GET", "HEAD"]  # a log-in begins by GET alone
            application.add_api_route(address, view(show), methods=methods, response_model=None)
        if do is not None:
            application.add_api_route(address, view(do), methods=["POST"], response_model=None)
