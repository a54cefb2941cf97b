"""``PlanDefinition/$apply``: a template made into a plan to choose from, which is not stored.

What is chosen of it starts a plan (``Patient/$start``) or comes into the one that there is (``CarePlan/$merge``).
https://hl7.org/fhir/R4/plandefinition-operation-apply.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.careplan.applying import Applied, applied
from app.careplan.changing import patient_of
from app.careplan.names import Names
from app.careplan.plan import local
from app.careplan.proposals.reading import part_of
from app.careplan.rules import plan_held
from app.careplan.words import preferred
from app.errors import Conflict, Gone, Invalid, NotFound
from app.fhir.resource import Resource, decode, encode
from app.fhir.scopes import Action
from app.server.access import guarded
from app.server.ids import FHIR_ID
from app.server.interactions.codings import BY_LANGUAGE, DISPLAY_LANGUAGE, languages_of, stored_at
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.interactions.stored import stored_for
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.store.narrowed import is_within

APPLY_PARAMETERS: Final = (
    Parameter("subject", "in", 0, "1", "Reference", "The Patient; the one that the token is for if not said."),
    DISPLAY_LANGUAGE,
    Parameter("return", "out", 1, "1", "CarePlan", "Goals and agreements as examples, to be chosen from and reworded."),
)
_MOST: Final = 500
"""Conditions of one person that are looked through."""
_CONDITIONS: Final = (
    "SELECT r.id, r.version, r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.deleted = 0"
    " AND r.labels & $3 = 0"
    f" AND {guarded(4)}"
    " ORDER BY r.seq DESC LIMIT $7"
)
_KINDS: Final = ("ActivityDefinition", "Questionnaire", "PlanDefinition")


def apply_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def apply(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, APPLY_PARAMETERS)
        template = await stored_at(server, request, target)
        patient_id = _subject(request, inputs)
        patient = await find_patient(server.database, request.access, patient_id, server.registry)
        if patient is None:
            raise NotFound(f"Patient/{patient_id} is not known.")
        held = await plan_held(server.database, patient)
        seen = held and await part_of(server, request, "CarePlan", held.id, patient)
        to = Applied(
            patient_id,
            await _conditions(server, request, patient),
            held.id if held is not None and seen is not None else "",
            await _definitions(server, request, template),
            preferred(languages_of(request, inputs)),
            request.now,
        )
        return Answer(
            200,
            encode(applied(template, to, names)),
            [BY_LANGUAGE],
            interaction="$apply",
            type="PlanDefinition",
            patients=(patient,),
            resources=(f"PlanDefinition/{target.id}",),
        )

    return Operation(
        "apply",
        frozenset({"instance"}),
        frozenset({"PlanDefinition"}),
        Action.READ,
        "http://hl7.org/fhir/OperationDefinition/PlanDefinition-apply",
        "Makes a template into a plan to choose from, in Dutch or English. Nothing is stored: what is chosen of it goes"
        " to Patient/$start or CarePlan/$merge as planResource. Conditions of actions are not evaluated: such actions"
        " are left out, and a note says which.",
        apply,
        parameters=APPLY_PARAMETERS,
    )


def _subject(request: Request, inputs: Inputs) -> str:
    given: Any = inputs.first("subject")
    if given is None:
        return patient_of(request, Target())
    place = local(given)
    if place is None or place[0] != "Patient":
        raise Invalid("The subject is a Patient, as Patient/<id>.", "value")
    return place[1]


async def _conditions(server: FhirServer, request: Request, patient: int) -> list[Resource]:
    """The person's conditions, as far as the caller may see them, the newest first."""
    access = request.access
    if not access.scopes.allow("Condition", Action.READ):
        return []
    number = server.registry.number("Condition")
    denied = access.denied_labels(patient, Action.READ)
    binds = (patient, number, denied, access.hash, access.stamp, request.now, _MOST)
    found = []
    for resource_id, version, body in await server.database.fetch(_CONDITIONS, *binds):
        place = patient, "Condition", resource_id
        if await is_within(server.database, access, server.registry, place, version, body, action=Action.READ):
            found.append(decode(body))
    return found


async def _definitions(server: FhirServer, request: Request, template: Resource) -> dict[str, Resource]:
    """What the actions of a template name by canonical: of a package that is held, or in the catalogue under the id
    with which the canonical ends. What is not found is left as it is named.
    """
    library = await server.packages.library(server.database)
    found: dict[str, Resource] = {}
    for canonical in dict.fromkeys(_named(template)):
        url = canonical.partition("|")[0]
        kind, resource_id = url.rpartition("/")[0].rpartition("/")[2], url.rpartition("/")[2]
        if kind not in _KINDS:
            continue
        artifact = library.find("4.0.1", kind, canonical)
        definition = artifact.resource() if artifact is not None else None
        if definition is None and FHIR_ID.fullmatch(resource_id):
            definition = await _in_catalogue(server, request, kind, resource_id)
        if definition is not None and definition.get("url") == url:
            found[canonical] = definition
    return found


async def _in_catalogue(server: FhirServer, request: Request, kind: str, resource_id: str) -> Resource | None:
    if not request.access.scopes.allow(kind, Action.READ):
        return None
    try:
        stored = await stored_for(server, request, kind, resource_id)
    except (NotFound, Gone, Conflict):
        return None
    return decode(stored.body)


def _named(holder: Resource) -> Iterator[str]:
    for each in holder.get("action", ()):
        if "definitionCanonical" in each:
            yield each["definitionCanonical"]
        yield from _named(each)
