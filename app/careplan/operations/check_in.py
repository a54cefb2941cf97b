"""``CarePlan/$check-in``: what was measured and said since the check before, for who looks back on the plan.
https://hl7.org/fhir/R4/operations.html; MODEL 2, "The cycle".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.careplan.changing import current_of
from app.careplan.names import Names
from app.careplan.offer import Gathering, Offer, Shown
from app.careplan.operations.answers import standing
from app.careplan.plan import goals_of
from app.careplan.recent import since_the_last_check, to_decide
from app.careplan.refusals import text_of
from app.database import Reader
from app.errors import Issue
from app.fhir.dates import bounds, instant
from app.fhir.resource import decode, encode
from app.fhir.scopes import Action
from app.questionnaires.library import Held, QuestionnaireLibrary
from app.server.bundles import Entry, match_entry, outcome_entry, searchset
from app.server.interactions.addresses import bases_of
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.outcomes import outcome
from app.server.server import FhirServer
from app.server.store.guarded import GuardedReader

CHECK_IN_PARAMETERS: Final = (
    Parameter("since", "in", 0, "1", "dateTime", "From when; from the end of the check before if not said."),
    Parameter(
        "return",
        "out",
        1,
        "1",
        "Bundle",
        "Of type searchset: goal by goal what is about it, then what the plan names as supportingInfo, then all other"
        " measurements and answers of the time, each the newest first. The Questionnaires of answers are included, as"
        " these have the words of what was asked.",
    ),
)


def check_in_operation(names: Names) -> Operation:
    """For the server's registry."""
    library = QuestionnaireLibrary(names.base)

    async def check_in(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, CHECK_IN_PARAMETERS)
        current = await current_of(server, request, target, names)
        plan, given = current.plan.resource, inputs.first("since")
        async with server.database.snapshot() as reader:
            if given is None:
                cycle = standing(plan, names, now=request.now)
                guarded = GuardedReader.of(reader, request)
                since = await since_the_last_check(guarded, current.patient, current.id, names, cycle)
            else:
                since = bounds(given)[0]
            offer = await Gathering(server, reader, request, current.patient, since=since).whole(plan)
            forms = await _forms(server, reader, request, library, offer)
        there = await to_decide(server, GuardedReader.of(server.database, request), current.patient, plan)
        offer.hidden = offer.hidden or not there.keys() <= current.goals.keys()
        goals = [(each, encode(current.goals[each].resource)) for each in goals_of(plan) if each in current.goals]
        entries, rows = await _entries(server, request, current.patient, offer, (goals, forms))
        address = f"{server.base}CarePlan/{current.id}/$check-in?since={instant(since)}"
        return Answer(
            200,
            searchset([("self", address)], entries),
            interaction="$check-in",
            type="CarePlan",
            patients=(current.patient,),
            resources=(f"CarePlan/{current.id}",),
            parameters=inputs.names,
            rows=rows,
        )

    return Operation(
        "check-in",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.READ,
        f"{names.base}/OperationDefinition/CarePlan-check-in",
        "What was measured, answered and said of the goals since the check before, to look back on the plan with. What"
        " the caller may not see is left out, and that is said.",
        check_in,
        parameters=CHECK_IN_PARAMETERS,
    )


async def _entries(
    server: FhirServer,
    request: Request,
    patient: int,
    offer: Offer,
    around: tuple[list[tuple[str, bytes]], Sequence[Held]],
) -> tuple[list[Entry], int]:
    """The entries, and how many resources they are. ``around``: the goals, and the Questionnaires of answers."""
    goals, forms = around
    listed: list[tuple[int, Shown, str]] = []
    for goal, body in goals:
        listed.append((patient, Shown("Goal", goal, body), "include"))
        listed += [(patient, each, "match") for each in offer.about.get(goal, ())]
    listed += [(patient, each, "match") for each in (*offer.supporting, *offer.dated)]
    for form in forms:
        listed.append((form.catalogue, Shown("Questionnaire", form.id, encode(form.form.resource)), "include"))
    bases = await bases_of(server, request, [(where, each.type, each.id) for where, each, _ in listed])
    entries = [match_entry(base, *each, mode=mode) for base, (_, each, mode) in zip(bases, listed, strict=True)]
    remarks = []
    if offer.hidden:
        remarks.append(Issue("suppressed", text_of("left-out"), severity="information"))
    if offer.cut:
        remarks.append(Issue("incomplete", text_of("more-there"), severity="warning"))
    if remarks:
        entries.append(outcome_entry(encode(outcome(remarks))))
    return entries, len(listed)


async def _forms(
    server: FhirServer, reader: Reader, request: Request, library: QuestionnaireLibrary, offer: Offer
) -> list[Held]:
    """The Questionnaires that the answers among what is offered are of, each once, as far as the caller may see any."""
    if not request.access.scopes.allow("Questionnaire", Action.READ):
        return []
    answers = [each for each in (*offer.supporting, *offer.dated) if each.type == "QuestionnaireResponse"]
    canonicals = dict.fromkeys(str(decode(each.body).get("questionnaire", "")) for each in answers)
    found = [await library.find(server, reader, request.access.catalogues, each) for each in canonicals if each]
    return list({(each.catalogue, each.id): each for each in found if each is not None}.values())
