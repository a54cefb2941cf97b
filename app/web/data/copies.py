"""A copy of everything: asked for, followed without a script, fetched by a link that counts once."""

from __future__ import annotations

from fastapi.responses import Response, StreamingResponse

from app.auth.rights import exports
from app.errors import Conflict
from app.web.data.visit import Visit
from app.web.problems import PageProblem


async def show(visit: Visit) -> Response:
    """The copies of this person, how far the one is that is being made, and a link where one was asked for."""
    listed = await exports.listed(visit.server.database, visit.access)
    under_way = any(each.state in (exports.WAITING, exports.RUNNING) for each in listed)
    link = visit.query("link")
    return visit.page(
        "export", exports=[each for each in listed if each.state != exports.GONE], under_way=under_way, link=link
    )


async def ask(visit: Visit) -> Response:
    """Begin a copy."""
    await visit.form()
    visit.site.check_fresh(visit.visitor)
    try:
        await exports.ask(visit.server.database, visit.access, now=visit.now)
    except Conflict as error:
        key = "data.export.throttled" if error.code == "throttled" else "data.export.busy"
        raise PageProblem(429 if error.code == "throttled" else 409, key) from error
    visit.rights.worker.bell.ring()
    await visit.record("export", status=202)
    return visit.go("/data/export")


async def link(visit: Visit) -> Response:
    """Make the link by which this session fetches a copy."""
    await visit.form()
    visit.site.check_fresh(visit.visitor)
    secret = await exports.link(
        visit.server.database, visit.visitor.person, visit.access, visit.part("id"), now=visit.now
    )
    return visit.go(f"/data/export?link={secret}")


async def fetch(visit: Visit) -> Response:
    """The archive, the first time."""
    download = await exports.fetch(
        visit.server.database,
        visit.rights.archives,
        visit.visitor.person,
        visit.access,
        visit.part("secret"),
        now=visit.now,
    )
    await visit.record("export-downloaded")
    headers = {
        "Content-Disposition": f'attachment; filename="{download.name}"',
        "Content-Length": str(download.export.size),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(download.pieces, media_type="application/zip", headers=headers)
