"""``/record``: problems, medication, allergies and results of all sources side by side, for the person and whoever may
see them in this record; and the summary and the BgZ as files. https://hl7.org/fhir/R4/list.html
"""

from __future__ import annotations

import secrets
from typing import Final, cast

from fastapi import Request
from fastapi.responses import Response

from app.auth.roles import OWN
from app.bgz.overview.listing import overviews
from app.bgz.overview.table import wholes
from app.bgz.summary.content import sources_told, teller_of
from app.bgz.summary.gathering import gather
from app.bgz.whose import Record
from app.careplan.document.dates import Language
from app.errors import Forbidden, NotFound
from app.server.messages import Request as Asked
from app.web.calling import Calls
from app.web.site import Site
from app.web.visitor import Visitor

FILES: Final = {"summary": "$summary", "bgz": "$bgz"}
_PDF: Final = "application/pdf"


async def show(site: Site, request: Request) -> Response:
    """The lists, each entry with its source and date, and what is likely the same."""
    visitor, patient = await _visitor(site, request)
    access, server = visitor.record, site.server
    asked = Asked("GET", [], "", {}, b"", access, visitor.now, secrets.token_hex(8))
    record = Record(patient, access.patient_id, "")
    parts = [part for whole in wholes().values() for part in whole.parts]
    gathered = await gather(server, asked, record, parts)
    language = cast("Language", visitor.language)
    await site.recording.record(
        "$overview",
        200,
        agent=visitor.agent,
        now=visitor.now,
        patients=(patient,),
        resources=(f"Patient/{access.patient_id}",),
        address=visitor.address,
    )
    return site.page(
        request,
        visitor,
        "record/record.html",
        lists=overviews(gathered, language, server.canonical_base),
        sources=sources_told(gathered, teller_of(gathered, language, server.canonical_base).texts),
        own=access.role in OWN,
    )


async def download(site: Site, request: Request) -> Response:
    """The summary or the BgZ on paper. Raises ``NotFound`` for another file."""
    visitor, _ = await _visitor(site, request)
    operation = FILES.get(str(request.path_params["file"]))
    if operation is None:
        raise NotFound("There is no such file.")
    path = f"Patient/{visitor.record.patient_id}/{operation}"
    headers = {"accept": _PDF, "accept_language": visitor.language}
    answer = await Calls(site, visitor).given(path, **headers)
    name = visitor.t(f"record.file.{operation[1:]}")
    sent = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}.pdf"'}
    return site.finish(Response(answer.body, media_type=_PDF, headers=sent), visitor)


async def _visitor(site: Site, request: Request) -> tuple[Visitor, int]:
    """Who visits, and the partition of the record. Raises ``Forbidden`` where none is chosen."""
    visitor = await site.in_record(request)
    patient = visitor.record.patient
    if patient is None:
        raise Forbidden("Choose a record first.", "choose")
    return visitor, patient
