"""``CarePlan/$compare``: what changed between two moments of the plan, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from app.careplan import moment
from app.careplan.attribution import Step
from app.careplan.comparison import Compared, compared, of_proposal
from app.careplan.difference import applied, differences
from app.careplan.moment import Moment
from app.careplan.names import Names
from app.careplan.opening import history_of
from app.careplan.past import Revision
from app.careplan.proposals.reading import situation_of
from app.careplan.values import element_at, parts_of
from app.careplan.words import Language, preferred, remark, translations
from app.errors import Invalid, Issue, NotFound
from app.fhir.dates import instant
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, encode
from app.fhir.scopes import Action
from app.server.interactions.codings import BY_LANGUAGE, DISPLAY_LANGUAGE, languages_of
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.outcomes import outcome
from app.server.server import FhirServer

COMPARE_PARAMETERS: Final = (
    Parameter("from", "in", 0, "1", "string", "The first moment: the number of a revision, or a time."),
    Parameter("to", "in", 0, "1", "string", "The second moment, in the same way; the newest revision if not said."),
    Parameter(
        "proposal",
        "in",
        0,
        "1",
        "string",
        "In place of from and to: the id of a proposal for this plan, or CarePlan/<id>: what the plan of now would"
        " become by all of it that waits for an answer.",
    ),
    DISPLAY_LANGUAGE,
    Parameter(
        "return",
        "out",
        1,
        "1",
        "Parameters",
        "from and to with their number and time; a change for each thing that differs: id, kind, path, about, a"
        " sentence in both languages, by (revision, when, who, why), before and after, and the elements that differ;"
        " outcome where not all could be compared.",
    ),
)
_STRING: Final = "valueString"


def compare_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def compare(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, COMPARE_PARAMETERS)
        language = preferred(languages_of(request, inputs))
        if inputs.first("proposal") is not None:
            listed, rows, patient = await _with_proposal(server, request, target, inputs, names)
        else:
            listed, rows, patient = await _moments(server, request, target, inputs, names)
        return Answer(
            200,
            encode({"resourceType": "Parameters", "parameter": listed(language)}),
            [BY_LANGUAGE],
            interaction="$compare",
            type="CarePlan",
            patients=(patient,),
            resources=(f"CarePlan/{target.id}",),
            parameters=inputs.names,
            rows=rows,
        )

    return Operation(
        "compare",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.READ,
        f"{names.base}/OperationDefinition/CarePlan-compare",
        "What changed in the individual care plan between two revisions or times: path, before, after, who, when, why,"
        " and a sentence about it in Dutch and English.",
        compare,
        parameters=COMPARE_PARAMETERS,
    )


Listed = Callable[[Language], list[Resource]]
"""The parameters of the answer in a language."""


async def _moments(
    server: FhirServer, request: Request, target: Target, inputs: Inputs, names: Names
) -> tuple[Listed, int, int]:
    """The answer about two moments, how many changes it has, and whose plan it is."""
    start, end = inputs.first("from"), inputs.first("to")
    if start is None:
        raise Invalid("Say from which moment: from=<number of a revision, or a time>.", "required")
    async with server.database.snapshot() as reader:
        history = await history_of(server, reader, request, target, names)
        before = await moment.at(history, start, names)
        after = await (moment.newest(history, names) if end is None else moment.at(history, end, names))
        if before.revision.number > after.revision.number:
            raise Invalid("from is later than to: turn the two round.", "value")
        found, _ = await compared(history, before, after, names)
    sides: list[Resource] = [
        {"name": "from", "part": _side(before.revision)},
        {"name": "to", "part": _side(after.revision)},
    ]
    remarks = _remarks((before, after))

    def listed(language: Language) -> list[Resource]:
        known: dict[int, list[Resource]] = {}
        changes = [
            {"name": "change", "part": change_parts(each, language, server.definitions, known)} for each in found
        ]
        return [*sides, *changes, *_outcome(remarks)]

    return listed, len(found), history.place.patient


async def _with_proposal(
    server: FhirServer, request: Request, target: Target, inputs: Inputs, names: Names
) -> tuple[Listed, int, int]:
    """The same about the plan of now and what a proposal would make of it."""
    if not {"from", "to"}.isdisjoint(inputs.names):
        raise Invalid("Say either from and to, or proposal: a proposal is compared with the plan of now.", "invalid")
    proposal_id = str(inputs.first("proposal")).removeprefix("CarePlan/")
    address = Target("CarePlan", proposal_id, target.patient_id)
    situation = await situation_of(server, request, address, names)
    if situation.plan.resource["id"] != target.id:
        raise NotFound(f"CarePlan/{proposal_id} is not a proposal for this plan.")
    waiting = [each.item for each in situation.judged if each.state == "open"]
    proposed = applied(situation.current, waiting, names)
    found = [of_proposal(each, situation.current, proposed) for each in differences(situation.current, proposed, names)]
    remarks = [Issue("suppressed", remark("unseen-compared"), severity="information")] if situation.hidden else []

    def listed(language: Language) -> list[Resource]:
        changes = [{"name": "change", "part": change_parts(each, language, server.definitions)} for each in found]
        proposal: Resource = {"name": "proposal", "valueReference": {"reference": f"CarePlan/{proposal_id}"}}
        return [proposal, *changes, *_outcome(remarks)]

    return listed, len(found), situation.patient


def _outcome(remarks: Sequence[Issue]) -> list[Resource]:
    return [{"name": "outcome", "resource": outcome(remarks)}] if remarks else []


def _side(revision: Revision) -> list[Resource]:
    parts: list[Resource] = [{"name": "number", "valuePositiveInt": revision.number}]
    if revision.seen:
        parts.append({"name": "recorded", "valueInstant": revision.recorded})
    return parts


def change_parts(
    change: Compared, language: Language, definitions: Definitions, known: dict[int, list[Resource]] | None = None
) -> list[Resource]:
    """One change, part by part. ``known``: what was said already of revisions, by number."""
    kind, resource_id = change.about
    parts: list[Resource] = [
        {"name": "id", _STRING: change.id},
        {"name": "kind", "valueCode": change.kind},
        {"name": "path", _STRING: change.path},
        {"name": "about", "valueReference": {"reference": f"{kind}/{resource_id}"}},
        {"name": "sentence", _STRING: change.words[language], f"_{_STRING}": translations(change.words)},
    ]
    parts += [{"name": "by", "part": part} for each in change.steps if (part := _by(each, known))]
    for name, resource in (("before", change.before), ("after", change.after)):
        if resource is not None:
            parts.append({"name": name, "resource": resource})
    if change.before is None and change.after is None:
        parts += [{"name": "element", "part": each} for each in _elements(change, definitions)]
    elif change.elements:
        own = [each for each in change.elements if each.type == "CarePlan"]
        parts += [{"name": "element", "part": each} for each in _elements(change, definitions, own)]
    return parts


def _by(step: Step, known: dict[int, list[Resource]] | None) -> list[Resource]:
    """Who, when and why, of a step that may be told."""
    revision = step.revision
    if revision is None:
        return [{"name": "when", "valueInstant": instant(step.version.updated)}]
    if known is None:
        return _of_revision(revision)
    if revision.number not in known:
        known[revision.number] = _of_revision(revision)
    return known[revision.number]


def _of_revision(revision: Revision) -> list[Resource]:
    if not revision.seen or revision.erased:
        return []
    author = revision.author
    parts: list[Resource] = [
        {"name": "revision", "valuePositiveInt": revision.number},
        {"name": "when", "valueInstant": revision.recorded},
        {"name": "event", "valueCode": revision.event},
    ]
    for name, key in (("who", "who"), ("onBehalfOf", "onBehalfOf")):
        if isinstance(author.get(key), dict):
            parts.append({"name": name, "valueReference": author[key]})
    parts += [{"name": "why", "valueCodeableConcept": each} for each in revision.reasons]
    return parts


def _elements(
    change: Compared, definitions: Definitions, chosen: Sequence[Any] | None = None
) -> Iterable[list[Resource]]:
    for each in change.elements if chosen is None else chosen:
        parts: list[Resource] = [{"name": "path", _STRING: each.path}]
        if change.kind == "moved":
            for name, keys in (("before", each.before), ("after", each.after)):
                parts += [{"name": name, _STRING: key} for key in keys]
        else:
            element = element_at(each.type, each.address, definitions)
            parts += parts_of("before", element, each.before, definitions)
            parts += parts_of("after", element, each.after, definitions)
        yield parts


def _remarks(moments: tuple[Moment, Moment]) -> list[Issue]:
    remarks = list(dict.fromkeys(issue for each in moments for issue in each.remarks()))
    if any(each.code == "suppressed" for each in remarks):
        remarks.append(Issue("suppressed", remark("unseen-compared"), severity="information"))
    return remarks
