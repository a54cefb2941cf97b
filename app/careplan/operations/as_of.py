"""``CarePlan/$as-of``: the plan as it was, by the number of a revision or by a time, in the bytes of then and under the
permissions of now.
"""

from __future__ import annotations

from typing import Final

from app.careplan import moment
from app.careplan.moment import Moment
from app.careplan.names import Names
from app.careplan.opening import history_of
from app.careplan.refusals import refused
from app.errors import Invalid
from app.fhir.resource import encode
from app.fhir.scopes import Action
from app.server.bundles import match_entry, outcome_entry, searchset
from app.server.interactions.addresses import bases_of
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.outcomes import outcome
from app.server.server import FhirServer

AS_OF_PARAMETERS: Final = (
    Parameter("number", "in", 0, "1", "positiveInt", "The number of a revision; or say a time."),
    Parameter("time", "in", 0, "1", "dateTime", "A time: the plan as it was at the end of that day, second or other."),
    Parameter(
        "return",
        "out",
        1,
        "1",
        "Bundle",
        "Everything that the plan showed, in the versions of then, and the revision, of type searchset.",
    ),
)


def as_of_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def as_of(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, AS_OF_PARAMETERS)
        number, time = inputs.first("number"), inputs.first("time")
        if (number is None) == (time is None):
            raise refused(Invalid, "one-moment", "number", "time", as_type="required")
        async with server.database.snapshot() as reader:
            history = await history_of(server, reader, request, target, names)
            if number is not None:
                found = await moment.at_number(history, number, names)
            else:
                found = await moment.at_time(history, time, names)
        patient, plan = history.place
        query = f"number={number}" if number is not None else inputs.query
        body, rows = await _bundle(server, request, found, patient, f"CarePlan/{plan}/$as-of?{query}")
        return Answer(
            200,
            body,
            interaction="$as-of",
            type="CarePlan",
            patients=(patient,),
            resources=(f"CarePlan/{plan}",),
            parameters=inputs.names,
            rows=rows,
        )

    return Operation(
        "as-of",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.READ,
        f"{names.base}/OperationDefinition/CarePlan-as-of",
        "The individual care plan with its goals, network, conditions, agreements, decisions and evaluations as they"
        " were after a revision or at a time; what the caller may not see now is left out, and that is said.",
        as_of,
        parameters=AS_OF_PARAMETERS,
    )


async def _bundle(server: FhirServer, request: Request, found: Moment, patient: int, what: str) -> tuple[bytes, int]:
    shown = [(each.type, each.id, each.body or b"") for each in found.shown]
    revision = found.revision
    if revision.seen and revision.body is not None:
        shown.append(("Provenance", revision.id, revision.body))
    bases = await bases_of(server, request, [(patient, kind, resource_id) for kind, resource_id, _ in shown])
    entries = [
        match_entry(base, *each, mode="include" if each[0] == "Provenance" else "match")
        for base, each in zip(bases, shown, strict=True)
    ]
    remarks = found.remarks()
    if remarks:
        entries.append(outcome_entry(encode(outcome(remarks))))
    return searchset([("self", f"{server.base}{what}")], entries), len(shown)
