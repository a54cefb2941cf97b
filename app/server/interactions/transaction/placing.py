"""Whom the entries of a transaction are about, and with that their partitions.
https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.errors import Forbidden, NotFound, Unprocessable, ZelfregieError
from app.fhir.resource import Resource
from app.server.ids import write_key
from app.server.interactions import binary
from app.server.interactions.taking.persons import NOBODY, Delivered, Person
from app.server.interactions.transaction.order import Entry
from app.server.interactions.transaction.refusals import Refusals
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.store.prepare import (
    Context,
    Persons,
    owner_of,
    partition_of_targets,
    person_key,
    place_unnamed,
)

Places = dict[int, tuple[int, bool]]
"""Per entry with a resource: its partition, and whether it names that patient as its subject."""


async def find_persons(
    server: FhirServer, request: Request, entries: Sequence[Entry], delivered: Delivered = NOBODY
) -> Persons:
    """The Patients that entries make or mean; gives those entries their ids. ``delivered``: whom those mean that a
    source gives. Raises ``Forbidden``.
    """
    access, persons, refusals = request.access, Persons(), Refusals()
    for entry in entries:
        if entry.type != "Patient" or entry.method not in ("create", "update"):
            continue
        if entry.index in delivered.persons:
            _mean(entry, delivered.persons[entry.index], persons)
        elif entry.drafted is not None and entry.drafted[0] is not None:
            persons.keys[entry.id] = entry.drafted[0].patient
        elif access.everyone:
            known = await find_patient(server.database, access, entry.id, server.registry) if entry.id else None
            key = known if known is not None else person_key(server, entry.id or None)
            entry.birth = known is None
            entry.id = entry.id or write_key(key)
            persons.keys[entry.id] = key
        elif entry.method == "create":
            if access.patient is None:
                text = "Persons are registered, not posted. Name the patient that you mean by its id."
                refusals.add(entry.index, Forbidden(text, "forbidden"))
            entry.id = access.patient_id
        if entry.full_url:
            persons.names[entry.full_url] = f"Patient/{entry.id}"
    refusals.check("The transaction has entries that you may not send; nothing was stored.")
    return persons


def _mean(entry: Entry, person: Person, persons: Persons) -> None:
    """Somebody who is here already, whatever the source calls them."""
    for each in person.names - {person.id}:
        persons.meant[f"Patient/{each}"] = persons.names[f"Patient/{each}"] = f"Patient/{person.id}"
    entry.method, entry.id, entry.drafted = "create", person.id, None
    entry.query = None
    persons.keys[person.id] = person.patient


async def find_places(
    server: FhirServer, request: Request, entries: Sequence[Entry], context: Context, persons: Persons
) -> Places:
    """Where everything goes. What names nobody goes with the one patient of the rest. Raises with the problems of all
    entries.
    """
    places: Places = {}
    unnamed: list[tuple[Entry, Resource]] = []
    refusals = Refusals()
    for entry in entries:
        if entry.resource is None or entry.method == "patch":
            continue
        _name(entry, entry.resource)
        try:
            place = await _named(server, request, entry, entry.resource, context, persons)
        except ZelfregieError as error:
            refusals.add(entry.index, error, ".resource")
            continue
        if place is None:
            unnamed.append((entry, entry.resource))
        else:
            places[entry.index] = place
    patients = {patient for patient, _ in places.values()}
    asked = context
    if context.patient is None and len(patients) == 1:
        context = replace(context, patient=patients.pop())
    stored = {name: places[each.index][0] for each in entries if each.index in places for name in _names(each)}
    for entry, resource in unnamed:
        # What belongs to the catalogue goes there for who keeps it, even when the Bundle holds a patient's data.
        shared = request.access.keeps_catalogue and server.placement[entry.type].catalogue
        try:
            found = await partition_of_targets(server, server.database, request.access, resource, entries=stored)
            if found is None:
                found = place_unnamed(server, request.access, entry.type, asked if shared else context)
            places[entry.index] = (found, False)
        except ZelfregieError as error:
            refusals.add(entry.index, error, ".resource")
    refusals.check("The transaction has entries that cannot be placed; nothing was stored.")
    return places


def _name(entry: Entry, resource: Resource) -> None:
    """The id of the url, or none yet; a conditional update may say in its body which one it means."""
    if entry.id:
        resource["id"] = entry.id
    elif entry.query is None:
        resource.pop("id", None)
    else:
        entry.id = resource.get("id", "")


async def _named(
    server: FhirServer, request: Request, entry: Entry, resource: Resource, context: Context, persons: Persons
) -> tuple[int, bool] | None:
    """Where the entry says by itself that it goes; None where it does not. Raises."""
    owner = await owner_of(server, server.database, request.access, resource, persons=persons)
    if entry.type != "Binary" and entry.patient_id is None:
        return None if owner is None else (owner, True)
    named = None
    if entry.type == "Binary":
        named = (await binary.context_within(server, request, resource, context)).patient
    if entry.patient_id is not None:
        addressed = await find_patient(server.database, request.access, entry.patient_id, server.registry)
        if addressed is None:
            raise NotFound(f"Patient/{entry.patient_id} is not known.")
        if owner not in (None, addressed) or named not in (None, addressed):
            raise Unprocessable("The address names another patient than the resource does.", "business-rule")
        named = addressed
    if owner is not None:
        return owner, True
    return None if named is None else (named, False)


def _names(entry: Entry) -> list[str]:
    """What other entries refer to this one by."""
    return [name for name in (entry.full_url, f"{entry.type}/{entry.id}" if entry.id else "") if name]
