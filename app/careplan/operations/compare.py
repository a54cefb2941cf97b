"""``CarePlan/$compare``: what changed between two moments of the plan, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from app.careplan import moment
from app.careplan.attribution import Step
from app.careplan.comparison import Compared, compared, of_proposal
from app.careplan.difference import Element, applied, differences
from app.careplan.moment import Moment
from app.careplan.names import Names
from app.careplan.opening import history_of
from app.careplan.parts import STRING, json_of, listed, part_of, resource_part, sentence_part, text_json, value_part
from app.careplan.past import Revision
from app.careplan.proposals.reading import situation_of
from app.careplan.refusals import refused
from app.careplan.values import parts_at, place_of
from app.careplan.words import Language, preferred, remark
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
        raise refused(Invalid, "from-needed", "from", as_type="required")
    async with server.database.snapshot() as reader:
        history = await history_of(server, reader, request, target, names)
        before = await moment.at(history, start, names)
        after = await (moment.newest(history, names) if end is None else moment.at(history, end, names))
        if before.revision.number > after.revision.number:
            raise refused(Invalid, "turned-round", "from", as_type="value")
        found, _ = await compared(history, before, after, names)
    sides: list[Resource] = [
        {"name": "from", "part": _side(before.revision)},
        {"name": "to", "part": _side(after.revision)},
    ]
    remarks = _remarks((before, after))

    def listed(language: Language) -> list[Resource]:
        makers = Makers()
        changes = [
            {"name": "change", "part": change_parts(each, language, server.definitions, makers)} for each in found
        ]
        return [*sides, *changes, *_outcome(remarks)]

    return listed, len(found), history.place.patient


async def _with_proposal(
    server: FhirServer, request: Request, target: Target, inputs: Inputs, names: Names
) -> tuple[Listed, int, int]:
    """The same about the plan of now and what a proposal would make of it."""
    if not {"from", "to"}.isdisjoint(inputs.names):
        raise refused(Invalid, "moments-or-proposal", "proposal", as_type="invalid")
    proposal_id = str(inputs.first("proposal")).removeprefix("CarePlan/")
    address = Target("CarePlan", proposal_id, target.patient_id)
    situation = await situation_of(server, request, address, names)
    if situation.plan.resource["id"] != target.id:
        raise refused(NotFound, "no-proposal", "proposal", as_type="not-found", id=proposal_id)
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


class Makers:
    """Who made the steps of changes, when and why, as JSON. A revision is told once, and so are the event and the
    people that several have in the same bytes.
    """

    def __init__(self) -> None:
        self._told: dict[int, str] = {}
        self._alike: dict[bytes, str] = {}

    def of(self, step: Step) -> str:
        """The part of a step; empty where that may not be told."""
        revision = step.revision
        if revision is None:
            return part_of("by", (value_part("when", "valueInstant", json_of(instant(step.version.updated))),))
        told = self._told.get(revision.number)
        if told is None:
            told = self._told[revision.number] = self._of(revision)
        return told

    def _of(self, revision: Revision) -> str:
        if not revision.seen or revision.erased:
            return ""
        parts = [
            value_part("revision", "valuePositiveInt", str(revision.number)),
            value_part("when", "valueInstant", json_of(revision.recorded)),
        ]
        stored = revision.happened + revision.agents
        alike = self._alike.get(stored)
        if alike is None:
            author = revision.author
            made = [value_part("event", "valueCode", json_of(revision.event))]
            people = [name for name in ("who", "onBehalfOf") if isinstance(author.get(name), dict)]
            made += [value_part(name, "valueReference", json_of(author[name])) for name in people]
            alike = self._alike[stored] = ",".join(made)
        parts += [alike, *(value_part("why", "valueCodeableConcept", json_of(each)) for each in revision.reasons)]
        return part_of("by", parts)


def change_parts(
    change: Compared,
    language: Language,
    definitions: Definitions,
    makers: Makers | None = None,
    *,
    standing: Sequence[Resource] = (),
) -> msgspec.Raw:
    """The parts of one change. ``makers``: what was said already of revisions; ``standing``: what is said behind the
    sentence.
    """
    kind, resource_id = change.about
    parts = [
        value_part("id", STRING, text_json(change.id)),
        value_part("kind", "valueCode", text_json(change.kind)),
        value_part("path", STRING, text_json(change.path)),
        value_part("about", "valueReference", f'{{"reference":{text_json(f"{kind}/{resource_id}")}}}'),
        sentence_part("sentence", change.words, language),
        *map(json_of, standing),
    ]
    makers = Makers() if makers is None else makers
    parts += [said for each in change.steps if (said := makers.of(each))]
    for name, resource in (("before", change.before), ("after", change.after)):
        if resource is not None:
            parts.append(resource_part(name, resource))
    elements = change.elements
    if change.before is not None or change.after is not None:
        elements = [each for each in elements if each.type == "CarePlan"]
    parts += _elements(change.kind, elements, definitions)
    return listed(parts)


def _elements(kind: str, elements: Sequence[Element], definitions: Definitions) -> list[str]:
    found = []
    for each in elements:
        parts = [value_part("path", STRING, text_json(each.path))]
        if kind == "moved":
            for name, keys in (("before", each.before), ("after", each.after)):
                parts += [value_part(name, STRING, text_json(key)) for key in keys]
        else:
            place = place_of(each.type, each.address, definitions)
            if each.before is not None:
                parts += parts_at("before", place, each.before, definitions)
            if each.after is not None:
                parts += parts_at("after", place, each.after, definitions)
        found.append(part_of("element", parts))
    return found


def _remarks(moments: tuple[Moment, Moment]) -> list[Issue]:
    remarks = list(dict.fromkeys(issue for each in moments for issue in each.remarks()))
    if any(each.code == "suppressed" for each in remarks):
        remarks.append(Issue("suppressed", remark("unseen-compared"), severity="information"))
    return remarks
