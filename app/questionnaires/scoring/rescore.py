"""``QuestionnaireResponse/$rescore``: the results of a response by the key of now, beside those of an earlier one.
https://hl7.org/fhir/R4/operations.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.errors import Conflict, Forbidden, PreconditionFailed
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode, encode
from app.fhir.scopes import NAMES, Action
from app.questionnaires.library import QuestionnaireLibrary
from app.questionnaires.names import Names
from app.questionnaires.refusals import refusal
from app.questionnaires.scoring.observations import STATUSES
from app.questionnaires.scoring.results import RESPONSE, Rescored, Results, changed
from app.server.challenges import beyond_scopes
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute, settle
from app.server.store.prepare import check_resource, finish
from app.server.store.read import Stored, read

MOST_TRIES: Final = 5
RESCORE_PARAMETERS: Final = (
    Parameter(
        "cutOffs", "in", 0, "1", "string", "Another version of the cut-offs of the key than the one that counts."
    ),
    Parameter("return", "out", 1, "1", "Bundle", "The panel and its parts, as they are now."),
)


def rescore_operation(names: Names, library: QuestionnaireLibrary) -> Operation:
    """For the server's registry."""

    async def rescore(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, RESCORE_PARAMETERS)
        if not request.access.scopes.allow("Observation", Action.READ):
            text = f"The token's scopes do not allow to {NAMES[Action.READ]} Observation, which this operation answers."
            raise beyond_scopes(request.access.scopes, text, ("Observation", Action.READ))
        results = Results(names, library, server.definitions)
        for _ in range(MOST_TRIES):
            stored = await _read(server, request, target)
            try:
                found = await _rescored(server, request, stored, results, cut_offs=inputs.first("cutOffs") or "")
            except PreconditionFailed:
                await settle(server)
                continue
            bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in found]}
            return Answer(
                200,
                encode(bundle),
                interaction="$rescore",
                type=RESPONSE,
                patients=(stored.patient,),
                resources=(f"{RESPONSE}/{target.id}", *(f"Observation/{each['id']}" for each in found)),
                parameters=inputs.names,
                rows=len(found),
            )
        raise Conflict("Others keep changing this response; send it again.", "conflict")

    return Operation(
        "rescore",
        frozenset({"instance"}),
        frozenset({RESPONSE}),
        Action.UPDATE,
        f"{names.base}/OperationDefinition/QuestionnaireResponse-rescore",
        "The scores of a response that was filled in, by the key of now. Results of an earlier version of the key or of"
        " its cut-offs stay beside it.",
        rescore,
        affects_state=True,
        parameters=RESCORE_PARAMETERS,
    )


async def _read(server: FhirServer, request: Request, target: Target) -> Stored:
    """The response, which the caller may change. Raises ``NotFound`` and ``Forbidden``."""
    access = request.access
    stored = await read(
        server.database,
        access,
        RESPONSE,
        target.id,
        registry=server.registry,
        now=request.now,
        patient_id=target.patient_id,
    )
    labels = server.labels.of(decode(stored.body))
    if labels & access.denied_labels(stored.patient, Action.UPDATE):
        raise Forbidden("You may not change the scores of this response: its data category is not among yours.")
    return stored


async def _rescored(
    server: FhirServer, request: Request, stored: Stored, results: Results, *, cut_offs: str
) -> Sequence[Resource]:
    """The results as they are then. Raises ``PreconditionFailed`` when the response was changed meanwhile."""
    response = decode(stored.body)
    response_id = response["id"]
    if response.get("status") not in STATUSES:
        raise refusal("score-not-complete", f"{RESPONSE}.status")
    before = await results.stored(server.database, stored.patient, response_id)
    when = next((each["effectiveDateTime"] for each in before), instant(stored.updated))
    found = await results.of(
        server.database,
        request.access.catalogues,
        response,
        patient=stored.patient,
        effective=when,
        cut_offs=cut_offs,
    )
    if found is None:
        raise refusal("score-no-key", f"{RESPONSE}.questionnaire")
    program, wanted = found
    if cut_offs and not any(cut_offs in each.bands for each in program.dimensions):
        raise refusal("score-cut-offs", "cutOffs")
    drafts = [await _draft(server, request, stored.patient, each) for each in changed(before, wanted)]
    intent = Rescored(response_id, stored.version)
    await execute(server, request.access, drafts, now=request.now, request=request.id, service=True, intent=intent)
    written = {each.id: decode(each.body) for each in drafts if each.body is not None}
    held = {each["id"]: each for each in before}
    return [written.get(each["id"]) or held[each["id"]] for each in wanted]


async def _draft(server: FhirServer, request: Request, patient: int, resource: Resource) -> Draft:
    await check_resource(
        server, server.database, request.access, resource, may_hold_bsn=True, patient=patient, derived=True
    )
    draft = Draft("update", "Observation", resource["id"], patient, resource, owned=True, right=Action.UPDATE)
    return finish(server, draft)
