"""What is here: by category, by source, and each thing by itself with the person's own words beside it."""

from __future__ import annotations

import json
from typing import Any

from fastapi.responses import Response

from app.auth.rights.annotation import LONGEST, annotate
from app.auth.rights.overview import groups_of, newest
from app.auth.rights.sources import Source, sources_of
from app.errors import Conflict, Invalid, NotFound
from app.fhir.resource import decode
from app.server.intake import quarantine
from app.server.store.read import Stored, read
from app.web.data.describing import dated
from app.web.data.visit import Visit
from app.web.dates import day


async def overview(visit: Visit) -> Response:
    """How much there is, of what and from whom; and what was erased before."""
    groups = await groups_of(visit.server, visit.access, visit.patient, now=visit.now)
    sources = await sources_of(visit.server, visit.access, visit.patient, now=visit.now)
    await visit.record("search-type")
    return visit.page(
        "overview",
        unread=await quarantine.number(visit.server.database, visit.patient),
        groups=groups,
        sources=[(each, source_name(visit, each)) for each in sources],
        erasures=await visit.rights.erasures.listed(visit.server.database, visit.patient),
        may_erase=await visit.may_erase(),
    )


def source_name(visit: Visit, source: Source) -> str:
    """Who a source is, for the visitor."""
    t = visit.visitor.t
    if source.kind == "person" and source.id == visit.visitor.person.account:
        return t("data.source.yourself")
    if source.kind == "service":
        return source.origin or t("data.source.service")
    named = source.name or source.id
    return t(f"data.source.{source.kind}", name=named) if source.kind else named


async def of_type(visit: Visit) -> Response:
    """The resources of a type, those that changed last first."""
    resource_type = _type(visit)
    before = visit.query("before")
    if before and not (before.isascii() and before.isdecimal() and len(before) < 19):
        raise Invalid("This is no place in a list.", "value")
    listed, more = await newest(
        visit.server,
        visit.access,
        visit.patient,
        resource_type,
        before=int(before) if before else None,
        now=visit.now,
    )
    await visit.record("search-type")
    items = [
        (each.id, visit.described(each.resource), day(dated(each.resource), visit.visitor.language)) for each in listed
    ]
    return visit.page("list", type=resource_type, items=items, following=listed[-1].seq if more else None)


async def item(visit: Visit) -> Response:
    """One thing: what it is, from when, and as it is stored."""
    return await _item_page(visit)


async def download(visit: Visit) -> Response:
    """One thing as a file."""
    resource_type, resource_id = _type(visit), visit.part("id")
    stored = await _read(visit, resource_type, resource_id)
    await visit.record("read", resources=(f"{resource_type}/{resource_id}",))
    headers = {"Content-Disposition": f'attachment; filename="{resource_type}-{resource_id}.json"'}
    answer = Response(stored.body, media_type="application/fhir+json", headers={"Cache-Control": "no-store", **headers})
    return visit.site.finish(answer, visit.visitor)


async def write_annotation(visit: Visit) -> Response:
    """Put the person's words beside what somebody else entered."""
    form = await visit.form()
    resource_type, resource_id = _type(visit), visit.part("id")
    words = form.get("text").replace("\r\n", "\n")
    t = visit.visitor.t
    try:
        draft = await annotate(
            visit.server, visit.access, (resource_type, resource_id), words, now=visit.now, request="page"
        )
    except Invalid:
        problem = t("data.annotate.empty") if not words else t("data.annotate.long", most=LONGEST)
        return await _item_page(visit, problems={"text": problem}, words=words)
    except Conflict:
        return await _item_page(visit, problems={"text": t("data.annotate.own")}, words=words)
    await visit.record(
        "annotate", resources=(f"{resource_type}/{resource_id}", f"Communication/{draft.id}"), status=201
    )
    return visit.go(f"/data/item/{resource_type}/{resource_id}?done=annotated")


async def _item_page(visit: Visit, *, problems: dict[str, str] | None = None, words: str = "") -> Response:
    resource_type, resource_id = _type(visit), visit.part("id")
    stored = await _read(visit, resource_type, resource_id)
    resource: Any = decode(stored.body)
    await visit.record("read", resources=(f"{resource_type}/{resource_id}",))
    return visit.page(
        "item",
        problems=problems,
        type=resource_type,
        id=resource_id,
        line=visit.described(resource),
        day=day(dated(resource), visit.visitor.language),
        updated=stored.updated,
        version=stored.version,
        stored=json.dumps(resource, ensure_ascii=False, indent=2, default=str),
        words=words,
        may_erase=resource_type != "Patient" and await visit.may_erase(),
    )


async def _read(visit: Visit, resource_type: str, resource_id: str) -> Stored:
    return await read(
        visit.server.database,
        visit.access,
        resource_type,
        resource_id,
        registry=visit.server.registry,
        now=visit.now,
        partition=visit.patient,
    )


def _type(visit: Visit) -> str:
    name = visit.part("type")
    if name not in visit.server.registry.stored:
        raise NotFound("There is no such type of data.")
    return name
