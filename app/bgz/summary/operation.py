"""``Patient/$summary``: the record in brief as an IPS document, or as pages for who asks for ``application/pdf``.

https://hl7.org/fhir/uv/ips/OperationDefinition-summary.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.bgz.language import language_asked
from app.bgz.parts import bgz_sections
from app.bgz.summary.bundle import document_of
from app.bgz.summary.content import bgz_content, summary_content
from app.bgz.summary.gathering import Gathered, gather
from app.bgz.summary.pages import RecordPress
from app.bgz.summary.table import summary_sections
from app.bgz.whose import Record, record_of
from app.careplan.document.dates import Language
from app.careplan.names import Names
from app.fhir.resource import encode
from app.server.formats import best_asked
from app.server.interactions.addresses import bases_of
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer

PDF: Final = "application/pdf"
SUMMARY_PARAMETERS: Final = (
    Parameter(
        "language",
        "in",
        0,
        "1",
        "code",
        "nl or en: that of the headings and narratives; else what Accept-Language says.",
    ),
    Parameter("return", "out", 1, "1", "Bundle", "The document; its pages for who asks for application/pdf."),
)


def summary_operation(names: Names, press: RecordPress) -> Operation:
    """For the server's registry."""

    async def summary(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, SUMMARY_PARAMETERS)
        language = language_asked(inputs.first("language"), request)
        record = await record_of(server, request, target, "summary")
        parts = [part for section in summary_sections().values() for part in section.parts]
        gathered = await gather(server, request, record, parts)
        content = summary_content(gathered, language, names.base, request.now)
        answer = _answer("$summary", record, gathered, language, inputs.names)
        if wants_pages(request):
            return as_pages(answer, await press.printed(content, now=request.now), "samenvatting.pdf")
        keys = list(gathered.resources)
        bases = await bases_of(server, request, [(gathered.partitions[key], *key) for key in keys])
        by_key = dict(zip(keys, bases, strict=True))
        random = server.random(32)
        answer.body = encode(document_of(gathered, content, names, bases=by_key, now=request.now, random=random))
        return answer

    return Operation(
        "summary",
        frozenset({"system", "type", "instance"}),
        frozenset({"Patient"}),
        0,  # the scopes decide per section
        f"{names.base}/OperationDefinition/Patient-summary",
        "A summary of one patient's record in the shape of the International Patient Summary, as far as the caller may"
        " see it: a FHIR document that says first from which sources it comes, or pages to print for who asks for"
        " application/pdf. Without an id: of the one patient that the token is for.",
        summary,
        parameters=SUMMARY_PARAMETERS,
        media_types=frozenset({PDF}),
    )


async def bgz_pages(
    server: FhirServer, request: Request, record: Record, names: Sequence[str], press: RecordPress
) -> Answer:
    """The BgZ on paper."""
    language = language_asked(None, request)
    gathered = await gather(server, request, record, [bgz_sections()[name].part for name in names])
    content = bgz_content(gathered, language, server.canonical_base, request.now, names)
    answer = _answer("$bgz", record, gathered, language, ())
    return as_pages(answer, await press.printed(content, now=request.now), "bgz.pdf")


def wants_pages(request: Request) -> bool:
    """Whether paper is asked for."""
    return best_asked(request.headers, request.query) == PDF


def as_pages(answer: Answer, pages: bytes, name: str) -> Answer:
    """The same answer with pages as its body."""
    answer.body = pages
    answer.media_type = PDF.encode()
    answer.headers.append((b"content-disposition", f'inline; filename="{name}"'.encode()))
    return answer


def _answer(
    interaction: str, record: Record, gathered: Gathered, language: Language, parameters: tuple[str, ...]
) -> Answer:
    return Answer(
        200,
        headers=[(b"content-language", language.encode())],
        interaction=interaction,
        type="Patient",
        patients=(record.patient,),
        resources=(f"Patient/{record.id}",),
        parameters=parameters,
        rows=len(gathered.entries),
    )
