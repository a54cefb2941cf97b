"""``Task/$finish-protocol``: the result of a run, now. Asked again it is computed anew of what is there by then.

https://hl7.org/fhir/R4/operations.html
"""

from __future__ import annotations

from typing import Final

from app.errors import Conflict, PreconditionFailed
from app.fhir.dates import instant
from app.fhir.resource import Resource
from app.fhir.scopes import Action
from app.measurements.protocols.following import Finishing
from app.measurements.protocols.gathering import Gathering
from app.measurements.protocols.reading import Held, read_run
from app.measurements.protocols.results import VOID, Origin, result_of, same
from app.measurements.protocols.starting import draft_of, need_scopes
from app.measurements.protocols.tasks import OPEN, completed, result_id
from app.measurements.refusals import refusal
from app.server.access import Access
from app.server.interactions.addresses import address, etag
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute, settle
from app.server.store.prepare import check_resource, finish
from app.server.store.read import read

MOST_TRIES: Final = 5
FINISH_PARAMETERS: Final = (
    Parameter("return", "out", 1, "1", "Observation", "The result: complete, or said to be incomplete."),
)


def finish_operation(canonical_base: str) -> Operation:
    """For the server's registry."""

    async def carry_out(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs_of(server, request, FINISH_PARAMETERS)
        need_scopes(request.access, Action.READ, "Observation")
        for _ in range(MOST_TRIES):
            held = await read_run(server, request, target, canonical_base)
            try:
                found = await finish_run(
                    server, request.access, held, canonical_base=canonical_base, now=request.now, request=request.id
                )
            except PreconditionFailed:
                await settle(server)
                continue
            if found is None:
                raise refusal("protocol-nothing", "Task")
            return await _answer(server, request, held, found)
        raise Conflict("Others keep changing this Task; send it again.", "conflict")

    return Operation(
        "finish-protocol",
        frozenset({"instance"}),
        frozenset({"Task"}),
        Action.UPDATE,
        f"{canonical_base}/OperationDefinition/Task-finish-protocol",
        "Finishes a run of a protocol and gives its result, with how complete it is; of a run that is finished it is"
        " computed again of what is there now.",
        carry_out,
        affects_state=True,
        parameters=FINISH_PARAMETERS,
    )


async def finish_run(
    server: FhirServer, access: Access, held: Held, *, canonical_base: str, now: int, request: str
) -> bool | None:
    """Finish a run, or compute the result of one that is finished again: whether anything was written; None where
    nothing was measured that counts. Raises ``Unprocessable`` for one that is not being done, ``PreconditionFailed``
    when it was changed meanwhile.
    """
    again = held.task.get("status") == "completed"
    if not again and held.task.get("status") not in OPEN:
        raise refusal("protocol-not-open", "Task.status", id=held.task["id"])
    gathering = Gathering(server.definitions, canonical_base)
    origin = Origin(held.run, held.task["id"], held.patient_id)
    known = result_id(held.patient, held.task["id"])
    reader = server.database
    aimed = await gathering.with_newest_target(reader, held.patient, origin)
    readings = await gathering.readings(reader, held.patient, held.run)
    made = result_of(readings, aimed, canonical_base=canonical_base, amended=again)
    before = await gathering.one(reader, held.patient, "Observation", known)
    if made["status"] == VOID and before is None:
        return None
    if again and before is not None and same(before, made):
        return False
    task = completed(held.task, known, now=instant(now))
    fresh = not await gathering.was_there(reader, held.patient, "Observation", known)
    drafts = [
        await draft_of(server, access, held.patient, task, version=held.version),
        await _result_draft(server, access, held.patient, {**made, "id": known}, fresh=fresh),
    ]
    await execute(server, access, drafts, now=now, request=request, intent=Finishing(origin))
    return True


async def _result_draft(server: FhirServer, access: Access, patient: int, result: Resource, *, fresh: bool) -> Draft:
    """The result of the service's making, by whoever may change it."""
    await check_resource(server, server.database, access, result, may_hold_bsn=True, patient=patient, derived=True)
    draft = Draft(
        "create" if fresh else "update", "Observation", result["id"], patient, result, fresh=fresh, owned=True
    )
    draft.right = Action.UPDATE
    return finish(server, draft)


async def _answer(server: FhirServer, request: Request, held: Held, wrote: bool) -> Answer:  # noqa: FBT001
    result = result_id(held.patient, held.task["id"])
    stored = await read(
        server.database,
        request.access,
        "Observation",
        result,
        registry=server.registry,
        now=request.now,
        partition=held.patient,
    )
    url = await address(server, server.database, request.access, held.patient, "Observation", result)
    return Answer(
        200,
        b"" if request.prefers("return=minimal") else bytes(stored.body),
        [(b"etag", etag(stored.version)), (b"location", f"{url}/_history/{stored.version}".encode())],
        interaction="$finish-protocol",
        type="Task",
        patients=(held.patient,),
        resources=(f"Task/{held.task['id']}", f"Observation/{result}/_history/{stored.version}"),
        wrote=wrote,
    )
