"""Erasing in two steps: what it is and what it means; then, with a second factor just given, for good."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from fastapi.responses import Response

from app.auth.rights.erasing import Erasure
from app.auth.rights.sources import sources_of
from app.auth.tickets import Ticket, issue, look
from app.errors import Forbidden, NotFound
from app.fhir.resource import decode
from app.server.store.read import read
from app.web.data.showing import source_name
from app.web.data.visit import Visit
from app.web.site import Site
from app.web.visitor import Visitor

_WORDS: Final = frozenset({"wissen", "erase"})
"""What is typed to erase everything; in either language, as the page can be read in both."""
_PROOF: Final = "erasure-proof"
_PROOF_SECONDS: Final = 3600


async def _check(visit: Visit) -> None:
    """Raises ``Forbidden`` for who may not erase here, or has yet to give a second factor."""
    if not await visit.may_erase():
        raise Forbidden("Only the person, or who decides in their place, can erase.")
    visit.site.check_fresh(visit.visitor)


async def show_one(visit: Visit) -> Response:
    """Which thing it is, and what erasing means."""
    await _check(visit)
    resource_type, resource_id = visit.part("type"), visit.part("id")
    if resource_type not in visit.server.registry.stored or resource_type == "Patient":
        raise NotFound("There is no such data to erase by itself.")
    stored = await read(
        visit.server.database,
        visit.access,
        resource_type,
        resource_id,
        registry=visit.server.registry,
        now=visit.now,
        partition=visit.patient,
    )
    await visit.record("read", resources=(f"{resource_type}/{resource_id}",))
    back = f"/data/item/{resource_type}/{resource_id}"
    return visit.page(
        "erase", what="one", line=visit.described(decode(stored.body)), type=resource_type, back=back, source=""
    )


async def one(visit: Visit) -> Response:
    """Erase one thing."""
    await visit.form()
    await _check(visit)
    resource_type, resource_id = visit.part("type"), visit.part("id")
    await visit.rights.erasures.one(visit.access, resource_type, resource_id, now=visit.now, request="page")
    await visit.record("erase", resources=(f"{resource_type}/{resource_id}",))
    return visit.go("/data?done=erased")


async def show_source(visit: Visit) -> Response:
    """Which source it is, and how much came from it."""
    await _check(visit)
    key = visit.query("source")
    for each in await sources_of(visit.server, visit.access, visit.patient, now=visit.now):
        if each.key == key:
            name = source_name(visit, each)
            return visit.page("erase", what="source", line=name, count=each.total, back="/data", source=key)
    raise NotFound("There is nothing from this source.")


async def source(visit: Visit) -> Response:
    """Erase what came from one source."""
    form = await visit.form()
    await _check(visit)
    await visit.rights.erasures.source(visit.access, form.get("source"), now=visit.now, request="page")
    await visit.record("erase")
    return visit.go("/data?done=erased")


async def show_everything(visit: Visit) -> Response:
    """What goes, what stays, and the word to type."""
    await _check(visit)
    return visit.page("erase_everything")


async def everything(visit: Visit) -> Response:
    """Erase the whole record, after which nobody is logged in any more."""
    form = await visit.form()
    await _check(visit)
    if form.get("word").casefold() not in _WORDS:
        return visit.page("erase_everything", problems={"word": visit.visitor.t("data.everything.word_wrong")})
    done = await visit.rights.erasures.everything(visit.access, now=visit.now)
    await visit.record("erase")
    async with visit.server.database.write() as writer:
        secret = await issue(
            writer, _PROOF, now=visit.now, seconds=_PROOF_SECONDS, data={"id": done.id, "proof": done.proof}
        )
    if visit.access.role == "patient":
        visit.site.log_out(visit.visitor)
    return visit.go(f"/erased/{secret}")


async def proof(visit: Visit) -> Response:
    """The proof of one erasure, as a file."""
    listed = await visit.rights.erasures.listed(visit.server.database, visit.patient)
    found: Erasure | None = next((each for each in listed if each.id == visit.part("id")), None)
    if found is None:
        raise NotFound("There is no such erasure.")
    return _file(visit.site, visit.visitor, found.id, found.proof)


async def show_erased(site: Site, request: Request, visitor: Visitor) -> Response:
    """What is told to whoever erased everything, who has no session any more."""
    secret = str(request.path_params["secret"])
    ticket = await _proof(site, visitor, secret)
    return site.page(request, visitor, "data/erased.html", secret=secret, proof=ticket.data["proof"])


async def proof_of_everything(site: Site, request: Request, visitor: Visitor) -> Response:
    """The proof of that, as a file."""
    ticket = await _proof(site, visitor, str(request.path_params["secret"]))
    return _file(site, visitor, ticket.data["id"], ticket.data["proof"])


async def _proof(site: Site, visitor: Visitor, secret: str) -> Ticket:
    ticket = await look(site.server.database, _PROOF, secret, now=visitor.now)
    if ticket is None:
        raise NotFound("This link is not valid (any more).")
    return ticket


def _file(site: Site, visitor: Visitor, erasure_id: str, text: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="zelfregie-erasure-{erasure_id}.jws"'}
    answer = Response(text, media_type="application/jose", headers={"Cache-Control": "no-store", **headers})
    return site.finish(answer, visitor)
