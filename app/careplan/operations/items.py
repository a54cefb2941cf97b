"""``CarePlan/$items``: the items of a proposal, as ``$compare`` has changes, with what stands of each.

https://hl7.org/fhir/R4/parameters.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from app.careplan.comparison import Compared
from app.careplan.difference import PLAN, Item
from app.careplan.names import Names
from app.careplan.operations.compare import change_parts
from app.careplan.proposals.judging import Judged
from app.careplan.proposals.reading import situation_of
from app.careplan.refusals import text_of
from app.careplan.sentences import clause_of
from app.careplan.words import Language, preferred, sentence_of
from app.errors import Issue
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, encode
from app.fhir.scopes import Action
from app.server.interactions.codings import BY_LANGUAGE, DISPLAY_LANGUAGE, languages_of
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.outcomes import outcome
from app.server.server import FhirServer

ITEM_PARTS: Final = (
    Parameter("id", "out", 1, "1", "string", "The item, as $accept and $reject name it: goal.<id>, activity.<id> …"),
    Parameter("kind", "out", 1, "1", "code", "added, changed, removed or moved."),
    Parameter("path", "out", 1, "1", "string", "Where, as FHIRPath."),
    Parameter("about", "out", 1, "1", "Reference", "The resource that it is in."),
    Parameter("sentence", "out", 1, "1", "string", "The same in words, with both languages beside it."),
    Parameter("state", "out", 1, "1", "code", "open, done, conflict, accepted, rejected or withdrawn."),
    Parameter("why", "out", 0, "1", "string", "Of a conflict: why it no longer fits the plan."),
    Parameter("needs", "out", 0, "*", "string", "Items that have to be accepted with it or before."),
    Parameter("reason", "out", 0, "1", "string", "Why it was accepted, rejected or taken back."),
    Parameter("when", "out", 0, "1", "dateTime", "When it was answered."),
    Parameter("who", "out", 0, "1", "Reference", "Who answered."),
    Parameter("before", "out", 0, "1", "Resource", "The goal or network as it was, where it goes."),
    Parameter("after", "out", 0, "1", "Resource", "The goal or network as it would be, where it comes."),
    Parameter("element", "out", 0, "*", "Element", "Each element that differs: path, before, after."),
)
ITEM: Final = Parameter("item", "out", 0, "*", "", "Everything that is proposed, item by item.", parts=ITEM_PARTS)

OUTCOME: Final = Parameter("outcome", "out", 0, "1", "OperationOutcome", "That not all of it can be seen.")
ITEMS_PARAMETERS: Final = (DISPLAY_LANGUAGE, ITEM, OUTCOME)


def items_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def items(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, ITEMS_PARAMETERS)
        situation = await situation_of(server, request, target, names)
        language = preferred(languages_of(request, inputs))
        body = parameters([], situation.judged, language, server.definitions, hidden=situation.hidden)
        return Answer(
            200,
            encode(body),
            [BY_LANGUAGE],
            interaction="$items",
            type="CarePlan",
            patients=(situation.patient,),
            resources=(f"CarePlan/{situation.id}",),
            rows=len(situation.judged),
        )

    return Operation(
        "items",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.READ,
        f"{names.base}/OperationDefinition/CarePlan-items",
        "What a proposal for the individual care plan wants to change, item by item, beside the plan as it is now: what"
        " was accepted, rejected or taken back and why, what waits, and what no longer fits.",
        items,
        parameters=ITEMS_PARAMETERS,
    )


def parameters(
    resources: Iterable[tuple[str, Resource]],
    judged: Sequence[Judged],
    language: Language,
    definitions: Definitions,
    *,
    hidden: bool = False,
) -> Resource:
    """A Parameters resource with some resources, and every item. ``hidden``: there is more that may not be seen."""
    listed: list[Resource] = [{"name": name, "resource": resource} for name, resource in resources]
    listed += [{"name": "item", "part": _parts(each, language, definitions)} for each in judged]
    if hidden:
        said = Issue("suppressed", text_of("proposal-unseen"), severity="information")
        listed.append({"name": "outcome", "resource": outcome([said])})
    return {"resourceType": "Parameters", "parameter": listed}


def _parts(judged: Judged, language: Language, definitions: Definitions) -> msgspec.Raw:
    return change_parts(_compared(judged.item), language, definitions, standing=_standing(judged))


def _compared(item: Item) -> Compared:
    before = after = None
    if item.type != PLAN and item.kind in ("added", "removed"):
        before, after = item.before, item.after
    about = (item.type, item.key) if item.type != PLAN else (PLAN, item.elements[0].id)
    words = sentence_of(clause_of(item).part)
    return Compared(item.id, item.kind, item.path, about, before, after, item.elements, (), words)


def _standing(judged: Judged) -> list[Resource]:
    parts: list[Resource] = [{"name": "state", "valueCode": judged.state}]
    if judged.why:
        parts.append({"name": "why", "valueString": text_of(judged.why, item=judged.item.id)})
    parts += [{"name": "needs", "valueString": each} for each in sorted(judged.needs)]
    answer = judged.answer
    if answer is not None:
        if answer.reason:
            parts.append({"name": "reason", "valueString": answer.reason})
        parts += [
            {"name": "when", "valueDateTime": answer.when},
            {"name": "who", "valueReference": dict(answer.who)},
        ]
    return parts
