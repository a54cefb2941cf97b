"""``CarePlan/$compare``: what changed between two moments of the plan, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from app.careplan import moment
from app.careplan.attribution import Step
from app.careplan.comparison import Compared, compared
from app.careplan.moment import Moment
from app.careplan.names import Names
from app.careplan.opening import history_of
from app.careplan.past import Revision
from app.careplan.values import element_at, parts_of
from app.careplan.words import Language, preferred, remark, translations
from app.errors import Invalid, Issue
from app.fhir.dates import instant
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, encode
from app.fhir.scopes import Action
from app.server.interactions.codings import BY_LANGUAGE, DISPLAY_LANGUAGE, languages_of
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.outcomes import outcome
from app.server.server import FhirServer

COMPARE_PARAMETERS: Final = (
    Parameter("from", "in", 0, "1", "string", "The first moment: the number of a revision, or a time."),
    Parameter("to", "in", 0, "1", "string", "The second moment, in the same way; the newest revision if not said."),
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
        if inputs.first("from") is None:
            raise Invalid("Say from which moment: from=<number of a revision, or a time>.", "required")
        async with server.database.snapshot() as reader:
            history = await history_of(server, reader, request, target, names)
            before = await moment.at(history, inputs.first("from"), names)
            to = inputs.first("to")
            after = await (moment.newest(history, names) if to is None else moment.at(history, to, names))
            if before.revision.number > after.revision.number:
                raise Invalid("from is later than to: turn the two round.", "value")
            found, _ = await compared(history, before, after, names)
        language = preferred(languages_of(request, inputs))
        body = _parameters((before, after), found, language, server.definitions)
        patient, plan = history.place
        return Answer(
            200,
            encode(body),
            [BY_LANGUAGE],
            interaction="$compare",
            type="CarePlan",
            patients=(patient,),
            resources=(f"CarePlan/{plan}",),
            parameters=inputs.names,
            rows=len(found),
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


def _parameters(
    moments: tuple[Moment, Moment], found: Sequence[Compared], language: Language, definitions: Definitions
) -> Resource:
    before, after = moments
    listed: list[Resource] = [
        {"name": "from", "part": _side(before.revision)},
        {"name": "to", "part": _side(after.revision)},
    ]
    listed += [{"name": "change", "part": change_parts(each, language, definitions)} for each in found]
    remarks = _remarks(moments)
    if remarks:
        listed.append({"name": "outcome", "resource": outcome(remarks)})
    return {"resourceType": "Parameters", "parameter": listed}


def _side(revision: Revision) -> list[Resource]:
    parts: list[Resource] = [{"name": "number", "valuePositiveInt": revision.number}]
    if revision.seen:
        parts.append({"name": "recorded", "valueInstant": revision.recorded})
    return parts


def change_parts(change: Compared, language: Language, definitions: Definitions) -> list[Resource]:
    """One change, part by part."""
    kind, resource_id = change.about
    parts: list[Resource] = [
        {"name": "id", _STRING: change.id},
        {"name": "kind", "valueCode": change.kind},
        {"name": "path", _STRING: change.path},
        {"name": "about", "valueReference": {"reference": f"{kind}/{resource_id}"}},
        {"name": "sentence", _STRING: change.words[language], f"_{_STRING}": translations(change.words)},
    ]
    parts += [{"name": "by", "part": part} for each in change.steps if (part := _by(each))]
    for name, resource in (("before", change.before), ("after", change.after)):
        if resource is not None:
            parts.append({"name": name, "resource": resource})
    if change.before is None and change.after is None:
        parts += [{"name": "element", "part": each} for each in _elements(change, definitions)]
    elif change.elements:
        own = [each for each in change.elements if each.type == "CarePlan"]
        parts += [{"name": "element", "part": each} for each in _elements(change, definitions, own)]
    return parts


def _by(step: Step) -> list[Resource]:
    """Who, when and why, of a step that may be told."""
    revision = step.revision
    if revision is None:
        return [{"name": "when", "valueInstant": instant(step.version.updated)}]
    if not revision.seen or revision.erased:
        return []
    resource, author = revision.resource, revision.author
    parts: list[Resource] = [
        {"name": "revision", "valuePositiveInt": revision.number},
        {"name": "when", "valueInstant": revision.recorded},
        {"name": "event", "valueCode": revision.event},
    ]
    for name, key in (("who", "who"), ("onBehalfOf", "onBehalfOf")):
        if isinstance(author.get(key), dict):
            parts.append({"name": name, "valueReference": author[key]})
    parts += [{"name": "why", "valueCodeableConcept": each} for each in resource.get("reason", ())]
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
