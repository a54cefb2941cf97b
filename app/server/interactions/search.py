"""search: on one type, on several, within a compartment, by GET and by POST. https://hl7.org/fhir/R4/http.html#search"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from app.database import Reader, Row
from app.errors import Invalid, Issue, UnsupportedMediaType
from app.fhir.resource import encode
from app.fhir.scopes import Action
from app.server import bsn
from app.server.bundles import Entry, match_entries, match_entry, outcome_entry, searchset
from app.server.challenges import beyond_scopes
from app.server.interactions import provided
from app.server.interactions.addresses import bases_of
from app.server.messages import Answer, Request, Target
from app.server.outcomes import outcome
from app.server.search import page
from app.server.search.include import MOST_INCLUDED, Found, Included, include
from app.server.search.parse import Part, split_query
from app.server.search.permitted import within_scopes
from app.server.search.query import Linked, NoneOf, SearchQuery
from app.server.server import FhirServer
from app.server.urls import EVERY_TYPE

_FORM: Final = "application/x-www-form-urlencoded"
_CUT: Final = (
    f"More than {MOST_INCLUDED} resources would come with these matches; the rest is left out."
    " Ask for fewer matches with _count, or for less with _include and _revinclude."
)


async def search(server: FhirServer, request: Request, target: Target) -> Answer:
    """A page of matches with what is to come with them."""
    if server.providers.by_type and target.type in server.providers.by_type and target.compartment is None:
        parts = split_query(request.query)
        provider = server.providers.searched(target.type, parts)
        if provider is not None:
            return await provided.search(server, request, target, provider, parts)
    query = _query(server, request, target)
    within_scopes(query, request.access.scopes)
    access = request.access
    plain = not (query.includes or query.total or query.types)
    if plain and access.patient is not None and (query.patient or not server.placement[target.type].catalogue):
        found = await page.run(server, server.database, access, query, now=request.now)
        return await answer_page(server, request, query, found, None)
    async with server.database.snapshot() as reader:
        found = await page.run(server, reader, access, query, now=request.now)
        brought = await included(server, reader, request, query, found) if query.includes and found.rows else None
    if found.walk is not None:
        await page.keep(server, found, now=request.now)
    return await answer_page(server, request, query, found, brought)


async def search_by_post(server: FhirServer, request: Request, target: Target) -> Answer:
    """The same with the parameters in the body, so that they are in no address."""
    kind = request.header(b"content-type").partition(";")[0].strip().lower()
    if request.body and kind != _FORM:
        raise UnsupportedMediaType(f"A search by POST sends its parameters as {_FORM}.")
    try:
        body = request.body.decode()
    except UnicodeDecodeError as error:
        raise Invalid("The parameters are not written in UTF-8.", "value") from error
    both = "&".join(each for each in (request.query, body.strip()) if each)
    return await search(server, replace(request, query=both, body=b""), target)


def _query(server: FhirServer, request: Request, target: Target) -> SearchQuery:
    """What is asked, and where. Raises ``Invalid`` or ``Forbidden``."""
    lenient = request.prefers("handling=lenient")
    parts = split_query(request.query)
    _check_no_bsn(parts)
    if target.type in ("", EVERY_TYPE):
        types, parts = _types(server, request, target, parts)
        query = server.parser.parse("", parts, lenient=lenient, types=types)
    else:
        query = server.parser.parse(target.type, parts, lenient=lenient)
        passed_over = tuple(kept for each in request.without if (kept := _id_of(each, target.type)))
        if passed_over:
            query.conditions.append(NoneOf(passed_over))
    query.where = target.type
    if target.patient_id is not None:
        query.nothing = query.nothing or bool(query.patient and query.patient[0] != target.patient_id)
        query.patient = [target.patient_id]
        query.where = f"Patient/{target.patient_id}/{target.type}"
    elif target.compartment is not None:
        query.conditions.append(_compartment(server, target.compartment, query))
        query.where = f"{'/'.join(target.compartment)}/{target.type}"
    return query


def _id_of(name: str, resource_type: str) -> str:
    """The id of a ``Type/id`` of this type, else ""."""
    kind, _, resource_id = name.partition("/")
    return resource_id if kind == resource_type else ""


def _check_no_bsn(parts: list[Part]) -> None:
    """Raises ``Invalid`` for a search by BSN: none is kept, so "nothing found" would say what is not known."""
    named = [name for name, value, _ in parts if "|" in value and bsn.is_asked_for(value)]
    if named:
        text = "Nobody is found by a BSN here: it is never kept. A paired system uses its own patient number."
        raise Invalid(text, issues=tuple(Issue("not-supported", text, (f"http.{name}",)) for name in named))


def _types(
    server: FhirServer, request: Request, target: Target, parts: list[Part]
) -> tuple[tuple[str, ...], list[Part]]:
    """The types of a search over several: those of ``_type``, or all that the token's scopes allow. ``_type`` stays in
    the self link, which the parser makes.
    """
    known = server.registry.stored
    if target.compartment is not None:
        known = known & server.definitions.compartments[target.compartment[0]].keys()
    given = [each for name, value, _ in parts if name == "_type" for each in value.split(",") if each]
    unknown = sorted(set(given) - known)
    if unknown:
        text = f"_type names what is not searched here: {', '.join(unknown)}."
        raise Invalid(text, issues=(Issue("not-supported", text, ("http._type",)),))
    scopes = request.access.scopes
    refused = sorted(each for each in set(given) if not scopes.allow(each, Action.SEARCH))
    types = tuple(sorted(each for each in given or known if scopes.allow(each, Action.SEARCH)))
    if refused or not types:
        text = f"The token's scopes do not allow to search {', '.join(refused) or 'any type'}."
        raise beyond_scopes(scopes, text, *((each, Action.SEARCH) for each in refused))
    return types, parts


def _compartment(server: FhirServer, compartment: tuple[str, str], query: SearchQuery) -> Linked:
    """The parameters that tie the types to a compartment. Raises ``Invalid`` for a type that is never in it."""
    kind, resource_id = compartment
    members = server.definitions.compartments[kind]
    types = query.types or (query.resource_type,)
    pairs = tuple(
        (param.type_number, param.number)
        for each in types
        for code in members.get(each, ())
        if (param := server.registry.params(each).get(code)) is not None and param.kind == "reference"
    )
    if not pairs:
        raise Invalid(f"{', '.join(types)} is not part of the {kind} compartment.", "not-supported")
    return Linked(kind, resource_id, pairs)


async def included(
    server: FhirServer, reader: Reader, request: Request, query: SearchQuery, found: page.Page
) -> Included:
    access = request.access
    matches = [Found(_owner(found, row), row[4], row[0], row[3], row[1]) for row in found.rows]
    own: Sequence[int] = ()
    if any(each.patient <= 0 for each in matches) and any(each.reverse for each in query.includes):
        own = await page.partitions_of(reader, access)
    return await include(
        reader,
        access,
        server.registry,
        server.database.dialect,
        includes=query.includes,
        matches=matches,
        partitions=own,
        now=request.now,
    )


def _owner(found: page.Page, row: Row) -> int:
    """The partition of a row of a page."""
    owner: int = row[2] if found.patient is None else found.patient
    return owner


async def answer_page(
    server: FhirServer, request: Request, query: SearchQuery, found: page.Page, brought: Included | None
) -> Answer:
    asked = query.self_query
    url = f"{server.base}{query.where}" if query.where else server.base.rstrip("/")
    links = [("self", f"{url}?{asked}" if asked else url)]
    if found.next:
        links.append(("next", f"{url}?{asked}{'&' if asked else ''}_page={found.next}"))
    entries = await _entries(server, request, query, found)
    own = {found.patient} if found.patient is not None else {row[2] for row in found.rows}
    if brought is not None:
        entries += await _brought_entries(server, request, brought)
        own |= {each.patient for each in brought.rows}
    return Answer(
        200,
        searchset(links, entries, found.total),
        interaction="search-type" if query.resource_type else "search-system",
        type=query.resource_type,
        patients=tuple(patient for patient in own if patient > 0),
        parameters=tuple(query.asked),
        rows=len(entries),
    )


async def _entries(server: FhirServer, request: Request, query: SearchQuery, found: page.Page) -> list[Entry]:
    """The matches; below their Patient where a caller with several could mean more than one by the short address."""
    if query.resource_type and found.patient is not None and request.access.patient is not None:
        return match_entries(server.base, query.resource_type, found.rows)
    names = server.registry.type_names
    named = [(_owner(found, row), names[row[4]], row[0]) for row in found.rows]
    bases = await bases_of(server, request, named)
    return [
        match_entry(base, name, resource_id, row[1])
        for base, (_, name, resource_id), row in zip(bases, named, found.rows, strict=True)
    ]


async def _brought_entries(server: FhirServer, request: Request, brought: Included) -> list[Entry]:
    """What comes with the matches, and a word on what does not."""
    names = server.registry.type_names
    named = [(each.patient, names[each.type], each.id) for each in brought.rows]
    bases = await bases_of(server, request, named)
    entries = [
        match_entry(base, name, each.id, each.body, "include")
        for base, (_, name, _), each in zip(bases, named, brought.rows, strict=True)
    ]
    if brought.cut:
        entries.append(outcome_entry(encode(outcome([Issue("too-costly", _CUT, severity="warning", kind="cut")]))))
    return entries
