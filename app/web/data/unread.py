"""What was delivered and is not in the record: what could not be read, and what is held until the person decides."""

from __future__ import annotations

from fastapi.responses import Response

from app.errors import Forbidden, NotFound, ZelfregieError
from app.server.intake import quarantine
from app.server.interactions.taking.deciding import DROP, RELEASE, decided, may_decide
from app.server.store.read import check_guard
from app.web.data.visit import Visit


async def show(visit: Visit) -> Response:
    """All of it, the last first."""
    return await _page(visit)


async def decide(visit: Visit) -> Response:
    """Let in what is held, or forget what is kept."""
    form = await visit.form()
    decision = form.get("decision")
    if decision not in (RELEASE, DROP):
        raise NotFound("There is no such decision.")
    try:
        kept, answer = await decided(
            visit.server, visit.access, visit.rights.again, visit.part("id"), decision, now=visit.now
        )
    except NotFound:
        raise
    except ZelfregieError:
        return await _page(visit, problems={visit.part("id"): visit.visitor.t("data.unread.not_released")})
    await visit.record(
        f"delivery-{'dropped' if answer is None else 'released'}",
        resources=() if answer is None else answer.resources,
    )
    return visit.go(f"/data/unread?done={'dropped' if answer is None else 'released'}&kind={kept.kind}")


async def download(visit: Visit) -> Response:
    """One resource that could not be read, as it came in; not of what is held, which may be about somebody else."""
    may_decide(visit.server, visit.access)
    await check_guard(visit.server.database, visit.access, visit.now)
    kept = await quarantine.found(visit.server.database, visit.patient, visit.part("id"))
    if kept.kind != "entry":
        raise Forbidden("A delivery that is held is not shown before it is let in.")
    await visit.record("delivery-seen")
    suffix = "xml" if "xml" in kept.media_type else "json"
    headers = {"Content-Disposition": f'attachment; filename="{kept.id}.{suffix}"', "Cache-Control": "no-store"}
    return visit.site.finish(
        Response(kept.received, media_type="application/octet-stream", headers=headers), visit.visitor
    )


async def _page(visit: Visit, *, problems: dict[str, str] | None = None) -> Response:
    may_decide(visit.server, visit.access)
    await check_guard(visit.server.database, visit.access, visit.now)
    kept = await quarantine.listed(visit.server.database, visit.patient)
    if problems is None:
        await visit.record("delivery-seen")
    return visit.page("unread", problems=problems, kept=kept)
