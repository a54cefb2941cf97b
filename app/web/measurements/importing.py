"""A file of measurements: sent, followed without a script, and what there is to say of its lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from fastapi.responses import Response

from app.auth.sealing import Seal
from app.errors import Conflict
from app.measurements.importing.counting import OUTCOMES
from app.measurements.importing.formats import FORMATS, guessed
from app.measurements.importing.jobs import Job, ask, found, listed, told
from app.measurements.importing.operations import MOST_IN_FILE
from app.measurements.importing.report import file_of
from app.measurements.kinds import kinds
from app.rounds import Bell
from app.web.forms import check_origin, check_token
from app.web.measurements.visit import Visit
from app.web.problems import PageProblem
from app.web.streaming import Streamed

LARGEST: Final = 512 * 1024 * 1024
"""Bytes of a form with its file."""
SHOWN: Final = 200
"""Rows of the report on the page; the others are in the file."""
_LESS: Final = "less:"


@dataclass(frozen=True, slots=True)
class Importing:
    """What these pages need besides: what files are sealed with, and how those hear of it who carry imports out."""

    seal: Seal
    bell: Bell


async def show(visit: Visit, _: Importing) -> Response:
    """The form, and the imports of this person."""
    jobs = await listed(visit.site.server.database, visit.access)
    return visit.page("import", jobs=jobs, problems={}, formats=FORMATS)


async def send(visit: Visit, importing: Importing) -> Response:
    """Take a file, and have it imported."""
    if not visit.request.headers.get("content-type", "").startswith("multipart/"):
        await visit.form()  # without a file it is a form as others are
        return await _without(visit, "importing.none")
    check_origin(visit.request, visit.site.origin)
    streamed = Streamed(visit.request, largest=LARGEST)
    form = await streamed.begin()
    check_token(form, visit.visitor.csrf)
    pieces = streamed.pieces()
    first = await anext(pieces, b"")
    chosen = form.get("format")
    name = chosen if chosen in FORMATS else guessed(first[:4096])
    if not first or name is None:
        return await _without(visit, "importing.none" if not first else "importing.unknown")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    request = f"page-{visit.site.server.random(8).hex()}"
    try:
        job = await ask(
            visit.site.server.database, importing.seal, visit.access, whole(), name, request=request, now=visit.now
        )
    except Conflict as error:
        raise PageProblem(409, "importing.busy") from error
    await visit.site.recording.record(
        "$import-measurements",
        202,
        agent=visit.visitor.agent,
        now=visit.now,
        patients=(job.patient,),
        request=request,
        address=visit.visitor.address,
    )
    importing.bell.ring()
    return visit.go(f"/measurements/import/{job.id}")


async def _without(visit: Visit, problem: str) -> Response:
    """The form again, with what is wrong with the file."""
    jobs = await listed(visit.site.server.database, visit.access)
    return visit.page("import", jobs=jobs, problems={"file": visit.visitor.t(problem)}, formats=FORMATS)


async def follow(visit: Visit, _: Importing) -> Response:
    """How far an import is; once it has ended, what became of the lines."""
    database = visit.site.server.database
    job = await found(database, visit.access, visit.part("id"))
    rows = await told(database, job, first=0, most=SHOWN)
    counts = job.counts
    by_kind = [(visit.name(kinds()[name]), number) for name, number in sorted(counts.kinds.items())]
    return visit.page(
        "import_progress",
        job=job,
        outcomes=[(each, counts.outcomes[each]) for each in OUTCOMES],
        by_kind=by_kind,
        rows=[_row(visit, each) for each in rows],
        more=max(0, sum(counts.rules.values()) - len(rows)),
        unused=_unused(visit, job),
    )


async def report(visit: Visit, _: Importing) -> Response:
    """The report as a file."""
    database = visit.site.server.database
    job = await found(database, visit.access, visit.part("id"))
    rows = await told(database, job, first=0, most=MOST_IN_FILE)
    headers = {"Content-Disposition": 'attachment; filename="import.csv"', "Cache-Control": "no-store"}
    return Response(file_of(rows), media_type="text/csv; charset=utf-8", headers=headers)


def _row(visit: Visit, row: Any) -> dict[str, Any]:
    severity = "error" if row.severity in ("error", "fatal") else "other"
    text = row.nl if visit.language == "nl" else row.en
    return {"line": row.line, "place": row.place, "text": text, "severity": severity}


def _unused(visit: Visit, job: Job) -> list[tuple[str, int]]:
    said = []
    for name, number in sorted(job.counts.unused.items(), key=lambda each: -each[1]):
        plain = (
            name.removeprefix(_LESS).removeprefix("HKQuantityTypeIdentifier").removeprefix("HKCategoryTypeIdentifier")
        )
        said.append((visit.visitor.t("importing.less", name=plain) if name.startswith(_LESS) else plain, number))
    return said
