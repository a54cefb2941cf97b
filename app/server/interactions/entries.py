"""An entry of a batch or transaction as a request of its own, and the answer to it as an entry.
https://hl7.org/fhir/R4/bundle.html#batch https://hl7.org/fhir/R4/http.html#transaction-response
"""

from __future__ import annotations

import re
from asyncio import sleep
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import replace
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, unquote

import structlog

from app.errors import Gone, Invalid, TooLarge, Unauthenticated, ZelfregieError
from app.faults import trace_of
from app.fhir.dates import bounds, instant, to_microseconds
from app.fhir.resource import Resource, encode
from app.server.access import load_access
from app.server.interactions.addresses import http_date
from app.server.interactions.carrying_out import Find, carried_out
from app.server.messages import Answer, Request
from app.server.outcomes import fault_bytes, outcome_bytes, status_of
from app.server.presentation import asked_presentation, render
from app.server.server import FhirServer
from app.server.store.read import GrantChanged

MOST_ENTRIES: Final = 5000
LARGEST_ANSWER: Final = 32 * 1024 * 1024
"""How many bytes of answers there may be before the next entry is carried out."""
_JSON: Final = b"application/fhir+json"
_KEPT: Final = (b"prefer", b"x-security-context")
"""What the headers of the whole say for every entry."""
_TAGS: Final = (("ifMatch", b"if-match"), ("ifNoneMatch", b"if-none-match"))
_FIRST, _LAST = 0, 253_402_300_799
"""Seconds of the years that HTTP can write: nothing was changed before, nor will be after."""
_STAMPED: Final = re.compile(
    rb'\{"resourceType":"\w+","id":"[A-Za-z0-9\-.]{1,64}","meta":\{"versionId":"\d+","lastUpdated":"([^"]+)"'
)
_WRITES: Final = frozenset({"create", "update", "patch", "delete"})
_OUTCOME: Final = b'{"resourceType":"OperationOutcome"'
_log: Final = structlog.get_logger(__name__)


def check_count(kind: str, count: int) -> None:
    """Raises ``Invalid`` for more entries than one Bundle may have."""
    if count > MOST_ENTRIES:
        raise Invalid(
            f"A {kind} may have {MOST_ENTRIES} entries here; this one has {count}. Send it in parts.", "too-long"
        )


def split_url(server: FhirServer, url: str) -> tuple[list[str], str]:
    """The path of ``entry.request.url`` below the base, and its query. Raises ``Invalid`` for another server's."""
    address, _, query = url.partition("?")
    if "://" in address:
        below = (address + "/").removeprefix(server.base)
        if below == address + "/":
            raise Invalid(
                "The url of an entry leads to another server; only requests to this one can be made.", "value"
            )
        address = below
    return [unquote(part) for part in address.split("/") if part], query


def own_request(server: FhirServer, whole: Request, entry: dict[str, Any]) -> Request:
    """The request that a valid entry stands for. Raises ``Invalid``."""
    given, resource = entry["request"], entry.get("resource")
    method: str = given["method"]
    path, query = split_url(server, given["url"])
    if not path and method == "POST":
        raise Invalid(
            "A batch or transaction cannot stand inside another; put its entries beside the others.", "not-supported"
        )
    if "_format=" in query:  # an entry is in the format of the whole
        query = "&".join(part for part in query.split("&") if not part.startswith("_format="))
    headers = {name: whole.headers[name] for name in _KEPT if name in whole.headers}
    headers[b"accept"] = _JSON
    for member, name in _TAGS:
        if member in given:
            headers[name] = given[member].encode("latin-1", "replace")
    if "ifModifiedSince" in given:
        seconds = bounds(given["ifModifiedSince"])[0] // 1_000_000
        headers[b"if-modified-since"] = http_date(max(_FIRST, min(seconds, _LAST)))
    if "ifNoneExist" in given:
        text: str = given["ifNoneExist"]
        headers[b"if-none-exist"] = (text if text.isascii() else quote(text, safe="?&=+%:|/,$;@!*'()")).encode()
    body = b""
    if resource is not None:
        if method in ("GET", "HEAD", "DELETE"):
            raise Invalid(f"A {method} has no resource.", "structure")
        headers[b"content-type"], body = content_of(method, resource)
    verb = "GET" if method == "HEAD" else method
    return Request(
        verb, path, query, headers, body, whole.access, whole.now, whole.id, within=True, without=whole.without
    )


def content_of(method: str, resource: Resource) -> tuple[bytes, bytes]:
    """Content-Type and body of an entry's resource; a patch that is not FHIR stands in a Binary. Raises ``Invalid``.
    https://hl7.org/fhir/R4/http.html#patch
    """
    if method != "PATCH" or resource.get("resourceType") != "Binary":
        return _JSON, encode(resource)
    kind, data = resource.get("contentType"), resource.get("data")
    if not isinstance(kind, str) or not isinstance(data, str):
        raise Invalid("A patch in a Binary needs its contentType and data.", "required")
    try:
        return kind.encode("latin-1", "replace"), b64decode("".join(data.split()), validate=True)
    except (NotBase64, ValueError) as error:
        raise Invalid("The data of the Binary is not base64.", "value") from error


async def answer_to(server: FhirServer, whole: Request, own: Request, find: Find, *, before: int) -> Answer:
    """The answer to one entry. What goes wrong is an answer too, so that the other entries get theirs.

    What became of the grant meanwhile is looked up where a statement finds it changed, and holds for the rest.
    ``before``: the bytes of the answers up to here.
    """
    await sleep(0)  # reads of SQLite never wait, and others are to have their turn
    own.access = whole.access
    try:
        if before > LARGEST_ANSWER:
            raise TooLarge(
                "The answers to the entries before this one are too large together, so it was not carried out. Send it"
                " on its own."
            )
        asked = asked_presentation(own.query, counts=True)
        try:
            answer = await carried_out(server, own, find)
        except GrantChanged:
            own.access = whole.access = await _renewed(server, whole)
            answer = await carried_out(server, own, find)
        if asked.cuts and answer.body:
            answer.body = render(answer, "json", asked, server.definitions)
        return answer
    except ZelfregieError as error:
        return refused(error)
    except Exception as error:  # noqa: BLE001 - as for a request of its own: an answer for the caller, the trace for us
        _log.error("fhir.fault", request=whole.id, method=own.method, trace=trace_of(error))
        return Answer(500, fault_bytes(whole.id), interaction="refusal")


def refused(error: ZelfregieError) -> Answer:
    """The answer to an entry that is not carried out."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in error.headers]
    interaction = "read" if isinstance(error, Gone) else "refusal"
    return Answer(status_of(error), outcome_bytes(error), headers, interaction=interaction)


def response_entry(answer: Answer, *, method: str, asked: bool) -> bytes:
    """``answer`` as an entry of the response; ``asked``: Prefer asks for the resource that a write leaves."""
    response: dict[str, Any] = {"status": status_line(answer.status)}
    headers = dict(answer.headers)
    for member, name in (("location", b"location"), ("etag", b"etag")):
        if name in headers:
            response[member] = headers[name].decode("latin-1")
    body = answer.body
    updated = _last_updated(body, headers.get(b"last-modified"))
    if updated is not None:
        response["lastModified"] = updated
    wrote = answer.interaction in _WRITES
    tail = encode(response)
    if body and (answer.status >= 400 or (wrote and body.startswith(_OUTCOME))):
        tail = tail[:-1] + b',"outcome":' + body + b"}"
        body = b""
    elif answer.beside:
        tail = tail[:-1] + b',"outcome":' + answer.beside + b"}"
    if not body or method == "HEAD" or (wrote and not asked):
        return b'{"response":' + tail + b"}"
    return b'{"resource":' + body + b',"response":' + tail + b"}"


def status_line(status: int) -> str:
    """The status as an entry has it, such as ``201 Created``."""
    return f"{status} {HTTPStatus(status).phrase}"


def _last_updated(body: bytes, header: bytes | None) -> str | None:
    """When the resource changed: from its own meta, which knows it to the microsecond, else from the header."""
    stamped = _STAMPED.match(body)
    if stamped is not None:
        return stamped[1].decode()
    return None if header is None else instant(to_microseconds(parsedate_to_datetime(header.decode("latin-1"))))


async def _renewed(server: FhirServer, request: Request) -> Any:
    access = await load_access(
        server.database,
        request.access.hash,
        now=request.now,
        patient_type=server.registry.number("Patient"),
    )
    if access is None:
        raise Unauthenticated("The token was withdrawn or has expired.")
    return replace(access, viewed=request.access.viewed)
