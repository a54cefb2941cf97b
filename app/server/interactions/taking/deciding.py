"""``$kept-deliveries`` and ``$decide-delivery``: the person sees what could not be taken in, and decides about it.

https://hl7.org/fhir/R4/operations.html; MODEL 3
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.errors import Forbidden, Unprocessable
from app.fhir.dates import instant
from app.fhir.resource import encode
from app.fhir.scopes import Action
from app.server.access import OWN_USE, Access
from app.server.intake import quarantine
from app.server.intake.quarantine import Kept
from app.server.interactions.parameters import inputs_of
from app.server.interactions.taking.again import Again
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.store.read import check_guard

_OTHERS: Final = frozenset({"carer", "professional"})
RELEASE: Final = "release"
DROP: Final = "drop"
KEPT_PARAMETERS: Final = (
    Parameter(
        "delivery",
        "out",
        0,
        "*",
        "",
        "One of them, the last first.",
        parts=(
            Parameter("id", "out", 1, "1", "id", "By which it is decided about."),
            Parameter("kind", "out", 1, "1", "code", "entry: one resource; held: a delivery whose person differs."),
            Parameter("source", "out", 1, "1", "string", "Who sent it."),
            Parameter("type", "out", 0, "1", "code", "The type of the resource."),
            Parameter("at", "out", 1, "1", "instant", "When it came in."),
            Parameter("problem", "out", 0, "*", "string", "What is wrong with it."),
        ),
    ),
)
DECIDE_PARAMETERS: Final = (
    Parameter("delivery", "in", 1, "1", "id", "Which one."),
    Parameter(
        "decision",
        "in",
        1,
        "1",
        "code",
        "release: take in what is held, as it was given; drop: forget it, whether held or not to be read.",
    ),
)


def taking_operations(again: Again, canonical_base: str) -> tuple[Operation, Operation]:
    """For the server. ``again`` gives once more what was kept."""

    async def decide(server: FhirServer, request: Request, target: Target) -> Answer:
        return await _decide(server, request, target, again)

    return (
        Operation(
            "kept-deliveries",
            frozenset({"instance"}),
            frozenset({"Patient"}),
            Action.READ,
            f"{canonical_base}/OperationDefinition/Patient-kept-deliveries",
            "What was delivered for this person and is not stored: what could not be read, and what is held because"
            " the birth date or sex in it is another one.",
            _kept,
            parameters=KEPT_PARAMETERS,
        ),
        Operation(
            "decide-delivery",
            frozenset({"instance"}),
            frozenset({"Patient"}),
            Action.READ,
            f"{canonical_base}/OperationDefinition/Patient-decide-delivery",
            "The person lets in a delivery that is held, or has one forgotten that is kept.",
            decide,
            affects_state=True,
            parameters=DECIDE_PARAMETERS,
        ),
    )


def may_decide(server: FhirServer, access: Access) -> int:
    """The record of the person, of who represents them, or of their app. Raises ``Forbidden``."""
    if access.purpose != OWN_USE or access.patient is None or access.is_system or access.role in _OTHERS:
        raise Forbidden("Only the person, or who represents them, decides about what was delivered.")
    content = ~server.labels.bits(("permissions",))
    if any(access.denied_labels(access.patient, each) & content for each in (Action.READ, Action.CREATE)):
        raise Forbidden("Only who may see and add all of this record decides about what was delivered.")
    return access.patient


async def decided(
    server: FhirServer, access: Access, again: Again, kept_id: str, decision: str, *, now: int
) -> tuple[Kept, Answer | None]:
    """Carry out what the person decides; what it was, and what was answered to its sender's stand-in. Raises."""
    patient = may_decide(server, access)
    await check_guard(server.database, access, now)
    kept = await quarantine.found(server.database, patient, kept_id)
    if decision == DROP:
        async with server.database.write() as writer:
            await quarantine.drop(writer, patient, kept_id, now=now)
        return kept, None
    if decision != RELEASE or kept.kind != "held":
        raise Unprocessable("decision is drop; or, for a delivery that is held, release.", "value")
    return kept, await again.release(server, kept, now=now)


async def _patient(server: FhirServer, request: Request, target: Target) -> int:
    patient = may_decide(server, request.access)
    if await find_patient(server.database, request.access, target.id, server.registry) != patient:
        raise Forbidden("Only the person, or who represents them, decides about what was delivered.")
    return patient


async def _kept(server: FhirServer, request: Request, target: Target) -> Answer:
    patient = await _patient(server, request, target)
    await check_guard(server.database, request.access, request.now)
    listed = await quarantine.listed(server.database, patient)
    body = {"resourceType": "Parameters", "parameter": [_told(each) for each in listed]}
    if not listed:
        del body["parameter"]
    return Answer(
        200, encode(body), interaction="$kept-deliveries", type="Patient", patients=(patient,), rows=len(listed)
    )


async def _decide(server: FhirServer, request: Request, target: Target, again: Again) -> Answer:
    patient = await _patient(server, request, target)
    inputs = inputs_of(server, request, DECIDE_PARAMETERS)
    _, answer = await decided(
        server, request.access, again, inputs.first("delivery"), inputs.first("decision"), now=request.now
    )
    return Answer(
        200 if answer is not None else 204,
        b"" if answer is None else answer.body,
        interaction="$decide-delivery",
        type="Patient",
        patients=(patient,),
        resources=() if answer is None else answer.resources,
        wrote=True,
    )


def _told(kept: Kept) -> Mapping[str, Any]:
    parts = [
        {"name": "id", "valueId": kept.id},
        {"name": "kind", "valueCode": kept.kind},
        {"name": "source", "valueString": kept.source_name},
        *([{"name": "type", "valueCode": kept.type}] if kept.type else []),
        {"name": "at", "valueInstant": instant(kept.at)},
        *({"name": "problem", "valueString": each.diagnostics} for each in kept.problems if each.diagnostics),
    ]
    return {"name": "delivery", "part": parts}
