"""search on one type. https://hl7.org/fhir/R4/http.html#search"""

from __future__ import annotations

from app.server.access import SELECT_PATIENT_ID
from app.server.bundles import match_entry, searchset
from app.server.interactions.addresses import needs_patient
from app.server.messages import Answer, Request, Target
from app.server.search import page
from app.server.search.parse import split_query
from app.server.search.query import SearchQuery
from app.server.server import FhirServer


async def search(server: FhirServer, request: Request, target: Target) -> Answer:
    """A page of matches; the patient may come from a compartment address such as ``Patient/x/Observation``."""
    resource_type, patient_id = target.type, target.patient_id
    lenient = request.prefers("handling=lenient")
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
    entries = await _entries(server, request, query.resource_type, found)
    own = (found.patient,) if found.patient is not None else tuple({row[2] for row in found.rows})
    return Answer(
        200,
        searchset(links, entries),
        interaction="search-type",
        type=query.resource_type,
        patients=tuple(patient for patient in own if patient > 0),
        parameters=tuple(query.asked),
        rows=len(found.rows),
    )


async def _entries(server: FhirServer, request: Request, resource_type: str, found: page.Page) -> list[bytes]:
    """The matches; below their Patient where a caller with several could mean more than one by the short address."""
    if found.patient is not None and request.access.patient is not None:
        return [match_entry(server.base, resource_type, row[0], row[1]) for row in found.rows]
    entries = []
    bases: dict[int, str] = {}
    for resource_id, body, owner, *_ in found.rows:
        patient = owner if found.patient is None else found.patient
        base = server.base
        if needs_patient(request.access, patient, resource_type, resource_id):
            if patient not in bases:
                bases[patient] = await _patient_base(server, patient)
            base = bases[patient]
        entries.append(match_entry(base, resource_type, resource_id, body))
    return entries


async def _patient_base(server: FhirServer, patient: int) -> str:
    for (patient_id,) in await server.database.fetch(SELECT_PATIENT_ID, patient, server.registry.number("Patient")):
        return f"{server.base}Patient/{patient_id}/"
    return server.base
