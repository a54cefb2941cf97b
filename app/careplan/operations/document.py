"""``CarePlan/$document``: the plan as a FHIR document, or on paper for who asks for ``application/pdf``.

https://hl7.org/fhir/R4/operation-composition-document.html
"""

from __future__ import annotations

from typing import Final, cast

from app.careplan.document.beside import looking
from app.careplan.document.bundle import document_of
from app.careplan.document.dates import Language
from app.careplan.document.gather import Gathered, gather
from app.careplan.document.sections import content_of
from app.careplan.document.texts import LANGUAGES
from app.careplan.names import Names
from app.careplan.printing.pages import Press
from app.careplan.refusals import refusal, refused
from app.errors import Invalid
from app.fhir.resource import encode
from app.fhir.scopes import Action
from app.server.formats import best_asked
from app.server.interactions.addresses import bases_of
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Headers, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer

PDF: Final = "application/pdf"
DOCUMENT_PARAMETERS: Final = (
    Parameter("language", "in", 0, "1", "code", "nl (when not said) or en: the language of headings and narratives."),
    Parameter("revision", "in", 0, "1", "positiveInt", "The number of the revision to show; the plan as it is now."),
    Parameter("persist", "in", 0, "1", "boolean", "false, as it is when not said: a document is not kept."),
    Parameter("return", "out", 1, "1", "Bundle", "The document; its pages for who asks for application/pdf."),
)


def document_operation(names: Names) -> Operation:
    """For the server's registry."""
    press, beside = Press(), looking(names)

    async def document(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, DOCUMENT_PARAMETERS)
        language = inputs.first("language") or "nl"
        if language not in LANGUAGES:
            raise refused(Invalid, "language", "language", as_type="value")
        if inputs.first("persist"):
            raise refusal("not-kept", "persist")
        gathered = await gather(server, request, target, names, number=inputs.first("revision"))
        await beside.add(server, request, gathered)
        content = content_of(gathered, names, language=cast(Language, language), now=request.now)
        headers: Headers = [(b"content-language", language.encode())]
        answer = Answer(
            200,
            headers=headers,
            interaction="$document",
            type="CarePlan",
            patients=(gathered.patient,),
            resources=(_address(gathered),),
            parameters=inputs.names,
            rows=len(gathered.resources),
        )
        if best_asked(request.headers, request.query) == PDF:
            answer.body = await press.printed(content, now=request.now)
            answer.media_type = PDF.encode()
            headers.append((b"content-disposition", b'inline; filename="zorgplan.pdf"'))
            return answer
        keys = list(gathered.resources)
        named = [(gathered.partitions[key], *key) for key in keys]
        bases = dict(zip(keys, await bases_of(server, request, named), strict=True))
        bundle = document_of(gathered, content, names, bases=bases, now=request.now, random=server.random(16))
        answer.body = encode(bundle)
        return answer

    return Operation(
        "document",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.READ,
        f"{names.base}/OperationDefinition/CarePlan-document",
        "The individual care plan in sections, in plain words: a FHIR document with everything that it refers to and"
        " the caller may see, or pages to print for who asks for application/pdf.",
        document,
        parameters=DOCUMENT_PARAMETERS,
        media_types=frozenset({PDF}),
    )


def _address(gathered: Gathered) -> str:
    version = gathered.plan.get("meta", {}).get("versionId", "")
    address = f"CarePlan/{gathered.plan['id']}"
    return f"{address}/_history/{version}" if version else address
