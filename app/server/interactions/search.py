"""search on one type. https://hl7.org/fhir/R4/http.html#search"""

from __future__ import annotations

from app.server.access import SELECT_PATIENT_ID
from app.server.bundles import searchset
from app.server.interactions.addresses import needs_patient
from app.server.messages import Answer, Request
from app.server.search import page
from app.server.search.parse import split_query
from app.server.search.query import SearchQuery
from app.server.server import FhirServer


async def search(server: FhirServer, request: Request, resource_type: str, patient_id: str | None) -> Answer:
    """A page of matches; ``patient_id`` comes from a compartment address such as ``Patient/x/Observation``."""
    lenient = "handling=lenient" in request.header(b"prefer")
    query = server.parser.parse(resource_type, split_query(request.query), lenient=lenient)
    if patient_id is not None:
        query.nothing = query.nothing or bool(query.patient and query.patient[0] != patient_id)
        query.patient = [patient_id]
    where = f"Patient/{patient_id}/{resource_type}" if patient_id is not None else resource_type
    access = request.access
    if access.patient is not None and (query.patient or not server.placement[resource_type].catalogue):
        return await _answer(
            server, request, query, where, await page.run(server, server.database, access, query, now=request.now)
        )
    async with server.database.snapshot() as reader:
        found = await page.run(server, reader, access, query, now=request.now)
    await page.keep(server, found, now=request.now)
    return await _answer(server, request, query, where, found)


async def _answer(server: FhirServer, request: Request, query: SearchQuery, where: str, found: page.Page) -> Answer:
    asked = query.self_query
    url = f"{server.base}{where}"
    links = [("self", f"{url}?{asked}" if asked else url)]
    if found.next:
        links.append(("next", f"{url}?{asked}{'&' if asked else ''}_page={found.next}"))
    base = f"{server.base}{query.resource_type}/"
    bases: dict[int, str] = {}
    if request.access.patient is None:
        bases = await _patient_bases(server, request, query.resource_type, found)
    entries = [(bases.get(row[0], base) + row[3], row[6], b"match") for row in found.rows]
    return Answer(
        200,
        searchset(links, entries),
        interaction="search-type",
        type=query.resource_type,
        patients=tuple({row[0] for row in found.rows if row[0] > 0})
        or (() if request.access.patient is None else (request.access.patient,)),
        parameters=tuple(query.asked),
        rows=len(found.rows),
    )


async def _patient_bases(server: FhirServer, request: Request, resource_type: str, found: page.Page) -> dict[int, str]:
    """For a caller with several patients: the full address of what has no id of our own form."""
    bases = {}
    for patient in {row[0] for row in found.rows if needs_patient(request.access, row[0], resource_type, row[3])}:
        for (patient_id,) in await server.database.fetch(SELECT_PATIENT_ID, patient, server.registry.number("Patient")):
            bases[patient] = f"{server.base}Patient/{patient_id}/{resource_type}/"
    return bases
