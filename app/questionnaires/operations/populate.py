"""``Questionnaire/$populate``: a response to begin with, with what is known already.
https://hl7.org/fhir/uv/sdc/OperationDefinition/Questionnaire-populate

An item gets what it begins with (``initial``), else what was observed, else what its expression gives, the last of
these that there is. Nothing is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.database import Reader
from app.errors import Conflict, Gone, Issue, NotFound
from app.fhir.dates import LOCAL, instant
from app.fhir.resource import Resource, decode, encode, parse_reference
from app.fhir.scopes import Action
from app.questionnaires.answers.choices import initial_of
from app.questionnaires.answers.wording import problem
from app.questionnaires.calculated import calculation, initial
from app.questionnaires.items import Form, Item
from app.questionnaires.library import QuestionnaireLibrary
from app.questionnaires.names import SDC, Names
from app.questionnaires.operations.asked import questionnaire_asked, subject_of
from app.questionnaires.operations.observed import observed
from app.questionnaires.placing import with_answers
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.outcomes import outcome
from app.server.server import FhirServer
from app.server.store.read import read

POPULATE_PARAMETERS: Final = (
    Parameter("canonical", "in", 0, "1", "canonical", "The Questionnaire by its URL, with or without |version."),
    Parameter("identifier", "in", 0, "1", "Identifier", "The Questionnaire by its identifier."),
    Parameter("questionnaireRef", "in", 0, "1", "Reference", "The Questionnaire as Questionnaire/<id>."),
    Parameter("subject", "in", 0, "1", "Reference", "Patient/<id>; not needed by who has one patient."),
    Parameter(
        "context",
        "in",
        0,
        "*",
        "",
        "What expressions may name besides patient and user, which are known by themselves.",
        (
            Parameter("name", "in", 1, "1", "code", "Its name."),
            Parameter("content", "in", 1, "1", "Reference", "What it is, as Type/<id>."),
        ),
    ),
    Parameter("local", "in", 0, "1", "boolean", "Whether to fill in what is known here; true if not said."),
    Parameter("response", "out", 1, "1", "QuestionnaireResponse", "In progress, to be filled in further; not stored."),
    Parameter("issues", "out", 0, "1", "OperationOutcome", "What could not be filled in, and why."),
)
_POPULATION_CONTEXT: Final = tuple(
    f"{SDC}sdc-questionnaire-{each}" for each in ("itemPopulationContext", "candidateExpression", "sourceQueries")
)
_MOST_CONTEXTS: Final = 20


def populate_operation(names: Names, library: QuestionnaireLibrary) -> Operation:
    """For the server's registry."""

    async def populate(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, POPULATE_PARAMETERS)
        async with server.database.snapshot() as reader:
            held = await questionnaire_asked(server, reader, request, target, inputs, library=library)
            given = inputs.first("subject")
            patient, patient_id = await subject_of(server, reader, request, given, what="subject")
            response = begun(held.form, patient_id, now=request.now, known=inputs.first("local") is not False)
            issues: list[Issue] = []
            if inputs.first("local") is not False:
                response, issues = await _filled(
                    server, reader, request, held.form, response=response, patient_id=patient_id, inputs=inputs
                )
        parameters: list[Resource] = [{"name": "response", "resource": response}]
        if issues:
            parameters.append({"name": "issues", "resource": outcome(issues)})
        return Answer(
            200,
            encode({"resourceType": "Parameters", "parameter": parameters}),
            interaction="$populate",
            type="Questionnaire",
            patients=(patient,),
            resources=(f"Questionnaire/{held.id}",),
            parameters=inputs.names,
            rows=1,
        )

    return Operation(
        "populate",
        frozenset({"type", "instance"}),
        frozenset({"Questionnaire"}),
        Action.READ,
        f"{names.base}/OperationDefinition/Questionnaire-populate",
        "Answers to begin with for a Questionnaire of the catalogue: what the Questionnaire gives, what was observed"
        " before as far as the caller may see it, and what its expressions give. Nothing is stored.",
        populate,
        parameters=POPULATE_PARAMETERS,
    )


def begun(form: Form, patient_id: str, *, now: int, known: bool = True) -> Resource:
    """A draft with every group and question of a form, each once, and with what the Questionnaire itself gives unless
    ``known`` is false.
    """
    made: Resource = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": form.canonical,
        "status": "in-progress",
        "subject": {"reference": f"Patient/{patient_id}"},
        "authored": instant(now),
    }
    items = list(_items(form.items, known=known))
    return {**made, "item": items} if items else made


def _items(items: Sequence[Item], *, known: bool) -> Iterator[Resource]:
    for item in items:
        if item.type == "display":
            continue
        made: Resource = {"linkId": item.link_id}
        if "text" in item.raw:
            made["text"] = item.raw["text"]
        below = list(_items(item.children, known=known))
        if not item.is_question:
            yield {**made, "item": below} if below else made
            continue
        answers: list[Resource] = [{f"value{kind}": value} for kind, value in initial_of(item)] if known else []
        if answers:
            made["answer"] = [{**each, "item": below} if below else each for each in answers]
        yield made


async def _filled(
    server: FhirServer,
    reader: Reader,
    request: Request,
    form: Form,
    *,
    response: Resource,
    patient_id: str,
    inputs: Inputs,
) -> tuple[Resource, list[Issue]]:
    """The response with what is known, and what there is to say."""
    seen = await observed(server, reader, request, form, patient_id)
    response = with_answers(form, response, seen.answers)
    context, issues = await _context(server, reader, request, patient_id, inputs)
    now = datetime.fromtimestamp(request.now / 1_000_000, LOCAL)
    made = await asyncio.to_thread(initial, form, response, now, context)
    response = with_answers(form, response, {name: each for name, each in made.answers.items() if each})
    issues += [
        problem("not-found", form.by_link_id[name].path, severity="information", item=name)
        for name, each in made.answers.items()
        if not each
    ]
    computed = await asyncio.to_thread(calculation, form, response, now, context)
    response = with_answers(form, response, computed.answers)
    issues += [
        problem("not-populated", each.path, severity="warning", item=each.link_id)
        for each in form.walk()
        if any(each.extension(url) is not None for url in _POPULATION_CONTEXT)
    ]
    return response, [*seen.issues, *issues, *made.issues, *computed.issues]


async def _context(
    server: FhirServer, reader: Reader, request: Request, patient_id: str, inputs: Inputs
) -> tuple[Mapping[str, Any], list[Issue]]:
    """What expressions know by name, as far as the caller may see it; and what they may not."""
    named = {"patient": f"Patient/{patient_id}", "user": request.access.fhir_user or f"Patient/{patient_id}"}
    for each in inputs.values.get("context", ())[:_MOST_CONTEXTS]:
        named[each.first("name")] = each.first("content").get("reference", "")
    found: dict[str, Any] = {}
    issues = []
    for name, reference in named.items():
        resource = await _seen(server, reader, request, reference)
        found[name] = [] if resource is None else resource
        if resource is None:
            issues.append(problem("context", "Questionnaire", severity="information", name=name))
    return found, issues


async def _seen(server: FhirServer, reader: Reader, request: Request, reference: str) -> Resource | None:
    """A resource as the caller may read it, without its identifiers, which no answer is filled with."""
    literal = parse_reference(reference)
    access = request.access
    if literal is None or literal.base not in ("", server.base) or literal.type not in server.registry.stored:
        return None
    if not access.scopes.allow(literal.type, Action.READ):
        return None
    try:
        stored = await read(reader, access, literal.type, literal.id, registry=server.registry, now=request.now)
    except (NotFound, Gone, Conflict):
        return None
    return {name: value for name, value in decode(stored.body).items() if name != "identifier"}
