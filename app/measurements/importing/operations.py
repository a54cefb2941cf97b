"""``Observation/$import-measurements``: a file of measurements; ``$import-status`` and ``$import-report``: what became
of it. https://hl7.org/fhir/R4/async.html
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from app.errors import Invalid, NotFound, Unprocessable
from app.fhir.resource import Resource, decode, encode, parse_reference
from app.fhir.scopes import Action
from app.measurements.importing.formats import FORMATS, MEDIA_TYPES, guessed
from app.measurements.importing.jobs import Job, ask, found, import_seal, may_import, told
from app.measurements.importing.report import PAGE, file_of, outcome_of, parameters_of
from app.measurements.importing.worker import at_once
from app.server.access import Access
from app.server.formats import best_asked, media_type_of
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Headers, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.read import read

SMALL: Final = 32_768
"""Bytes of a file that is imported while its sender waits: some 200 lines."""
CSV_TYPE: Final = "text/csv"
MOST_IN_FILE: Final = 10_000
_PARAMETERS_IN_JSON: Final = re.compile(rb'"resourceType"\s*:\s*"Parameters"')
_PARAMETERS_IN_XML: Final = re.compile(rb"<(?:\w+:)?Parameters[\s>]")
IMPORT_PARAMETERS: Final = (
    Parameter(
        "format", "in", 0, "1", "code",
        f"{', '.join(FORMATS)}; where it is not said it follows from the media type, and else from the content.",
    ),
    Parameter(
        "content", "in", 1, "1", "Attachment",
        "The file: data, or a url that names a Binary of the same record. Its own media type in place of Parameters"
        " (text/csv, application/xml, application/zip, application/json, application/x-ndjson) sends it as it is.",
    ),
    Parameter("return", "out", 1, "1", "Parameters", "How far the import is, as $import-status answers it."),
)  # fmt: skip
_JOB: Final = Parameter("job", "in", 1, "1", "string", "The import, as Content-Location names it.")
STATUS_PARAMETERS: Final = (
    _JOB,
    Parameter(
        "return", "out", 1, "1", "Parameters", "State, counts by outcome, kind and rule, and the report's address."
    ),
)
REPORT_PARAMETERS: Final = (
    _JOB,
    Parameter("page", "in", 0, "1", "positiveInt", f"Which page, of {PAGE} rows, from 1."),
    Parameter("return", "out", 1, "1", "OperationOutcome", "What there is to say, line by line; or text/csv."),
)
Wake = Callable[[], None]


def import_operations(canonical_base: str, wake: Wake) -> tuple[Operation, ...]:
    """For the server's registry. ``wake`` tells who carries imports out that there is one."""

    async def importing(server: FhirServer, request: Request, _: Target) -> Answer:
        return await _import(server, request, wake)

    def operation(
        name: str,
        description: str,
        handler: Callable[[FhirServer, Request, Target], Awaitable[Answer]],
        parameters: tuple[Parameter, ...],
        *,
        affects_state: bool = False,
    ) -> Operation:
        return Operation(
            name,
            frozenset({"type"}),
            frozenset({"Observation"}),
            Action.CREATE,
            f"{canonical_base}/OperationDefinition/Observation-{name}",
            description,
            handler,
            affects_state=affects_state,
            parameters=parameters,
            media_types=frozenset({CSV_TYPE}) if name == "import-report" else frozenset(),
        )

    return (
        operation(
            "import-measurements",
            "Imports measurements from a file: CSV, Apple Health (export.xml or its zip), or Open mHealth. Good lines"
            " are stored, the others are told by line and rule. A small file is done at once (200); of others 202 says"
            " by Content-Location where its progress is. Sending a file again stores nothing twice.",
            importing,
            IMPORT_PARAMETERS,
            affects_state=True,
        ),
        operation(
            "import-status",
            "How far an import is: 202 while it goes on, 200 once it has ended. For who asked for it.",
            _status,
            STATUS_PARAMETERS,
        ),
        operation(
            "import-report",
            "What there is to say of the lines of an import, page by page, or all of it as text/csv for who asks for"
            " that. For who asked for it.",
            _report,
            REPORT_PARAMETERS,
        ),
    )


async def _import(server: FhirServer, request: Request, wake: Wake) -> Answer:
    may_import(request.access)
    name, content, asked = await _sent(server, request)

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    seal = import_seal(server.page_key)
    job = await ask(server.database, seal, request.access, pieces(), name, request=request.id, now=request.now)
    if len(content) <= SMALL:
        job = await at_once(server, request.access, job)
    else:
        wake()
    answer = _progress(server, job, "$import-measurements", asked)
    answer.wrote = True
    return answer


async def _sent(server: FhirServer, request: Request) -> tuple[str, bytes, tuple[str, ...]]:
    """Format and content of the file, and the parameters that were given. Raises."""
    media_type = media_type_of(request.header(b"content-type"))
    if media_type in MEDIA_TYPES and not await asyncio.to_thread(_is_parameters, media_type, request.body):
        content = request.body
        if not content:
            raise Invalid("The request has no body.", "structure")
        return MEDIA_TYPES[media_type], content, ()
    inputs = inputs_of(server, request, IMPORT_PARAMETERS)
    attachment = inputs.first("content")
    content, media_type = await _content(server, request, attachment)
    name = inputs.first("format") or MEDIA_TYPES.get(media_type) or guessed(content[:4096])
    if name not in FORMATS:
        raise Invalid(f"format is one of {', '.join(FORMATS)}.", "value")
    return name, content, inputs.names


def _is_parameters(media_type: str, body: bytes) -> bool:
    """Whether this is FHIR's own way to call an operation, in a media type that a file may have as well."""
    if media_type.endswith("json"):
        return _PARAMETERS_IN_JSON.search(body) is not None
    return media_type.endswith("xml") and _PARAMETERS_IN_XML.search(body[:4096]) is not None


async def _content(server: FhirServer, request: Request, attachment: Resource) -> tuple[bytes, str]:
    """What is attached, or the Binary that is named, with its media type."""
    given = media_type_of(str(attachment.get("contentType", "")))
    if "data" in attachment:
        try:
            return b64decode(str(attachment["data"])), given
        except (NotBase64, ValueError) as error:
            raise Invalid("content.data is not base64.", "value") from error
    literal = parse_reference(str(attachment.get("url", "")))
    if literal is None or literal.type != "Binary" or literal.base not in ("", server.base):
        raise Invalid("content has data, or a url that names a Binary here, such as Binary/123.", "required")
    access: Access = request.access
    if not access.scopes.allow("Binary", Action.READ):
        raise NotFound(f"Binary/{literal.id} is not known.")
    stored = await read(
        server.database, access, "Binary", literal.id, registry=server.registry, now=request.now,
        partition=access.patient,
    )  # fmt: skip
    binary = decode(stored.body)
    if "data" not in binary:
        raise Unprocessable("The Binary is empty.", "required")
    return b64decode(binary["data"]), given or media_type_of(str(binary.get("contentType", "")))


def _progress(server: FhirServer, job: Job, interaction: str, asked: tuple[str, ...]) -> Answer:
    address = f"{server.base}Observation/$import-status?job={job.id}"
    report = f"{server.base}Observation/$import-report?job={job.id}"
    headers: Headers = [(b"content-location", address.encode())]
    if not job.ended:
        headers += [(b"x-progress", f"{job.counts.read} lines read".encode()), (b"retry-after", b"2")]
    return Answer(
        200 if job.ended else 202,
        encode(parameters_of(job, report)),
        headers,
        interaction=interaction,
        type="Observation",
        patients=(job.patient,),
        parameters=asked,
    )


async def _status(server: FhirServer, request: Request, _: Target) -> Answer:
    inputs = inputs_of(server, request, STATUS_PARAMETERS)
    job = await found(server.database, request.access, inputs.first("job"))
    return _progress(server, job, "$import-status", inputs.names)


async def _report(server: FhirServer, request: Request, _: Target) -> Answer:
    inputs = inputs_of(server, request, REPORT_PARAMETERS)
    job = await found(server.database, request.access, inputs.first("job"))
    page: int = inputs.first("page") or 1
    as_file = best_asked(request.headers, request.query) == CSV_TYPE
    first, most = (0, MOST_IN_FILE) if as_file else ((page - 1) * PAGE, PAGE)
    rows = await told(server.database, job, first=first, most=most)
    answer = Answer(
        200,
        interaction="$import-report",
        type="Observation",
        patients=(job.patient,),
        parameters=inputs.names,
        rows=len(rows),
    )
    if as_file:
        answer.body, answer.media_type = file_of(rows), b"text/csv; charset=utf-8"
        answer.headers = [(b"content-disposition", b'attachment; filename="import.csv"')]
    else:
        answer.body = encode(outcome_of(job, rows, first=first))
        if first + len(rows) < job.counts.told:
            following = f"{server.base}Observation/$import-report?job={job.id}&page={page + 1}"
            answer.headers = [(b"link", f'<{following}>; rel="next"'.encode())]
    return answer
