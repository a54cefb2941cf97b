"""A batch of requests of a data service, each of which is one of its own. https://hl7.org/fhir/STU3/http.html#transaction

Nictiz' CapabilityStatements of services 49 and 52 list the system interaction ``batch``. Only reads and searches are
taken; every entry is answered by itself, as it would be on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote

from msgspec.structs import replace

from app.errors import Invalid, Issue, NotFound, ZelfregieError
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import from_xml
from app.medmij.asking import asked_of
from app.medmij.services import Row, Service
from app.server.formats import check_content_type
from app.server.messages import Refused, Request
from app.server.search.parse import split_query

_READS: Final = frozenset({"GET", "HEAD"})
_UNKEPT: Final = ("ifNoneMatch", "ifModifiedSince")
"""Conditions that would be answered without the resource, which says whether it may be seen."""
_CUTTING: Final = frozenset({"_summary", "_elements"})
_JSON: Final = b"application/fhir+json"


@dataclass(slots=True)
class Batch:
    """What a batch asks for. ``request``: it as it is carried out, in the words of who sent it; ``parts``: what each
    entry is as a request of its own, and of which of the service's it is; ``refused``: those that are none of its own.
    """

    request: Request
    parts: dict[int, tuple[Request, Row | None]] = field(default_factory=dict)
    refused: dict[int, Refused] = field(default_factory=dict)


def read_batch(service: Service, request: Request, definitions: Definitions, base: str) -> Batch:
    """The batch that was sent to ``base``. Raises ``Invalid`` for what is none, and for a body that cannot be read;
    what else is wrong with it the server tells.
    """
    media_type = request.header(b"content-type")
    check_content_type(media_type, service.fhir)
    body = from_xml(request.body, definitions) if "xml" in media_type else decode(request.body)
    if body.get("resourceType") != "Bundle" or body.get("type") != "batch":
        raise Invalid(f"Data service {service.id} takes a Bundle of type batch.", "not-supported")
    made = Batch(request)
    entries = body.get("entry")
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        asked = entry.get("request") if isinstance(entry, dict) else None
        if not isinstance(asked, dict) or not isinstance(asked.get("url"), str):
            continue
        try:
            own, row = _part(service, request, asked, base)
        except ZelfregieError as error:
            made.refused[place] = Refused(error)
            continue
        made.parts[place] = own, row
        address = "/".join(quote(each, safe="$*") for each in own.path)
        entry["request"] = {name: value for name, value in asked.items() if name not in _UNKEPT}
        entry["request"]["url"] = f"{address}?{own.query}" if own.query else address
    made.request = replace(request, body=encode(body), headers={**request.headers, b"content-type": _JSON})
    return made


def _part(service: Service, request: Request, asked: dict[str, Any], base: str) -> tuple[Request, Row | None]:
    """What an entry asks for. Raises ``ZelfregieError``."""
    address, _, query = str(asked["url"]).partition("?")
    path = [unquote(each) for each in address.removeprefix(base).split("/") if each]
    if asked.get("method") not in _READS or not path or "://" in address.removeprefix(base):
        text = f"A batch of data service {service.id} has reads and searches of its own, and nothing else."
        raise NotFound(text, "not-supported", (Issue("not-supported", text),))
    kept = (text for name, value, text in split_query(query) if name not in _CUTTING or value == "count")
    return asked_of(service, replace(request, method="GET", path=path, query="&".join(kept), body=b""))


def narrowed(passage: Request, more: Callable[[int], Iterable[tuple[str, str]]]) -> None:
    """Ask the entries of a batch, in R4 as it goes in, for ``more`` besides, in place."""
    body: Resource = decode(passage.body)
    for place, entry in enumerate(body.get("entry", ())):
        added = "&".join(f"{name}={quote(value, safe='')}" for name, value in more(place))
        if added:
            url = entry["request"]["url"]
            entry["request"]["url"] = f"{url}{'&' if '?' in url else '?'}{added}"
    passage.body = encode(body)
