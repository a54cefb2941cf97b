"""``QuestionnaireResponse/$extract``: the answers that are observations, as Observations.
https://hl7.org/fhir/uv/sdc/extraction.html#observation-based-extraction

Gives a transaction and stores nothing: who sends it back stores it. Each Observation has an identifier that follows
from its answer, so that sending it again, or after the answers were amended, makes no second one.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from app.database import Reader
from app.errors import Invalid, Issue, NotFound, Unprocessable
from app.fhir.resource import Resource, decode, encode, parse_reference
from app.fhir.scopes import Action
from app.fhir.validation import has_shape, validate
from app.questionnaires import refusals
from app.questionnaires.answers.enabling import Enabling, enabled
from app.questionnaires.answers.filled import Node, Place
from app.questionnaires.answers.intake import COMPLETE, checked
from app.questionnaires.answers.limits import UNIT
from app.questionnaires.answers.values import choice_in
from app.questionnaires.answers.wording import problem
from app.questionnaires.items import Form, Item, extension_value
from app.questionnaires.library import QuestionnaireLibrary
from app.questionnaires.licensing import usable
from app.questionnaires.names import SDC, Names
from app.questionnaires.operations.asked import subject_of
from app.questionnaires.operations.unoffered import asked_ways, way_issues
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.outcomes import outcome
from app.server.server import FhirServer
from app.server.store.read import read

EXTRACT: Final = f"{SDC}sdc-questionnaire-observationExtract"
CATEGORY: Final = f"{SDC}sdc-questionnaire-observation-extract-category"
SURVEY: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}
URN: Final = "urn:ietf:rfc:3986"
EXTRACT_PARAMETERS: Final = (
    Parameter(
        "questionnaire-response",
        "in",
        0,
        "1",
        "QuestionnaireResponse",
        "Answers that are not stored; not for an address with an id.",
    ),
    Parameter("return", "out", 1, "1", "Bundle", "A transaction with the Observations; not stored."),
    Parameter("issues", "out", 0, "1", "OperationOutcome", "What could not be made into an Observation, and why."),
)
_KIND: Final = "QuestionnaireResponse"
_FROM_ANSWER: Final = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_VALUES: Final = {
    "Boolean": "valueBoolean",
    "Integer": "valueInteger",
    "String": "valueString",
    "Uri": "valueString",
    "Date": "valueDateTime",
    "DateTime": "valueDateTime",
    "Time": "valueTime",
    "Quantity": "valueQuantity",
}


def extract_operation(names: Names, library: QuestionnaireLibrary) -> Operation:
    """For the server's registry."""

    async def extract(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, EXTRACT_PARAMETERS)
        async with server.database.snapshot() as reader:
            response, patient = await _answers(server, reader, request, target, inputs)
            if response.get("status") not in COMPLETE:
                raise Unprocessable("", issues=(problem("extract-status", f"{_KIND}.status"),))
            held = await library.find(server, reader, request.access.catalogues, response.get("questionnaire", ""))
            if held is None:
                raise NotFound("The Questionnaire of these answers is not held here, so nothing is known of them.")
            refused = usable(held, now=request.now)
            if refused is not None:
                raise refusals.error(refused)
            wrong = await checked(server, reader, request.access, held, response, complete=True, now=request.now)
            if any(each.severity == "error" for each in wrong):
                raise Unprocessable("", issues=tuple(wrong))
        if not is_marked(held.form) and asked_ways(held.form):
            raise Unprocessable("", issues=tuple(way_issues(held.form, severity="error")))
        bundle, issues = await asyncio.to_thread(extracted, held.form, response, base=server.base)
        parameters: list[Resource] = [{"name": "return", "resource": bundle}]
        if issues:
            parameters.append({"name": "issues", "resource": outcome(issues)})
        return Answer(
            200,
            encode({"resourceType": "Parameters", "parameter": parameters}),
            interaction="$extract",
            type=_KIND,
            patients=(patient,),
            resources=(f"{_KIND}/{target.id}",) if target.id else (),
            parameters=inputs.names,
            rows=len(bundle.get("entry", ())),
        )

    return Operation(
        "extract",
        frozenset({"type", "instance"}),
        frozenset({_KIND}),
        Action.READ,
        f"{names.base}/OperationDefinition/QuestionnaireResponse-extract",
        "The answers that their Questionnaire marks as observations (observationExtract), as a transaction of"
        " Observations that can be sent to this server. Nothing is stored. SDC's extraction by definition, template or"
        " StructureMap is not offered: a Questionnaire that asks for nothing else is answered 422 not-supported, and"
        " where it asks for both, a warning in issues names what was not done.",
        extract,
        parameters=EXTRACT_PARAMETERS,
    )


async def _answers(
    server: FhirServer, reader: Reader, request: Request, target: Target, inputs: Inputs
) -> tuple[Resource, int]:
    """The answers at the address, or those that were sent, and whose partition they are of."""
    if not target.id:
        response = _sent(server, inputs)
        patient, _ = await subject_of(server, reader, request, response.get("subject"), what=f"{_KIND}.subject")
        return response, patient
    if inputs.names:
        raise Invalid("questionnaire-response: it stands in place of an id in the address.", "invalid")
    stored = await read(
        reader,
        request.access,
        _KIND,
        target.id,
        registry=server.registry,
        now=request.now,
        patient_id=target.patient_id,
    )
    return decode(stored.body), stored.patient


def _sent(server: FhirServer, inputs: Inputs) -> Resource:
    given: Resource | None = inputs.first("questionnaire-response")
    if given is None:
        raise Invalid("questionnaire-response: send the answers, or name them by an id in the address.", "required")
    found = validate(given, server.definitions)
    if not has_shape(found) or any(each.severity in ("error", "fatal") for each in found):
        raise Unprocessable("", issues=tuple(found))
    return given


def extracted(form: Form, response: Resource, *, base: str) -> tuple[Resource, list[Issue]]:
    """The transaction, and what there is to say of answers that are in none of its Observations. ``base``: the address
    of this server.
    """
    making = _Making(enabled(form, response), base)
    making.below(Place())
    bundle: Resource = {"resourceType": "Bundle", "type": "transaction"}
    if making.entries:
        bundle["entry"] = making.entries
    issues = [*way_issues(form, severity="warning"), *making.issues]
    if not is_marked(form):
        issues = [problem("extract-unmarked", f"{_KIND}.questionnaire", severity="information"), *issues]
    if "id" not in response:
        issues = [problem("extract-unsaved", f"{_KIND}.id", severity="information"), *issues]
    return bundle, issues


def is_marked(form: Form) -> bool:
    """Whether any of its answers is marked as an observation."""
    return any(item.raw.get("code") and _is_extracted(form, item) for item in form.walk())


def is_extracted(observation: Resource) -> bool:
    """Whether a stored Observation is an answer as this operation gave it: derived from answers alone, and with an
    identifier that follows from its answer.
    """
    sources = [parse_reference(str(each.get("reference", ""))) for each in observation.get("derivedFrom", ())]
    return (
        bool(sources)
        and all(each is not None and each.type == _KIND for each in sources)
        and any(
            each.get("system") == URN and _FROM_ANSWER(str(each.get("value", "")))
            for each in observation.get("identifier", ())
        )
    )


class _Making:
    """Goes through a response and makes the entries, those in a group before the group."""

    def __init__(self, enabling: Enabling, base: str) -> None:
        self._enabling = enabling
        self._tree = enabling.tree
        self._base = base
        self._names: dict[int, str] = {}
        self.entries: list[Resource] = []
        self.issues: list[Issue] = []

    def below(self, place: Place) -> list[str]:
        """The addresses of what was made of all that stands in a place."""
        counted: Counter[str] = Counter()
        above = "" if place.node is None else f"{self._names[id(place.node)]}:{place.answer or 0}"
        made: list[str] = []
        for node in self._tree.at(place):
            link_id = node.raw["linkId"]
            self._names[id(node)] = f"{above}/{link_id}[{counted[link_id]}]"
            counted[link_id] += 1
            made += self._of(node)
        return made

    def _of(self, node: Node) -> Iterator[str]:
        item = node.item
        if item is None or not self._enabling.of(node):
            return
        coded = _is_extracted(self._tree.form, item) and bool(item.raw.get("code"))
        members = [each for place in self._tree.places(node) for each in self.below(place)]
        if not item.is_question:
            if coded and members:
                members = [self._add(item, node, 0, {"hasMember": [{"reference": each} for each in members]})]
            yield from members
            return
        if coded:
            for number, answer in node.answers:
                value = _value(item, *choice_in(answer, "value"))
                if value is None:
                    path = f"{node.path}.answer[{number}].value"
                    self.issues.append(problem("extract-type", path, severity="warning", item=item.link_id))
                else:
                    yield self._add(item, node, number, value)
        yield from members

    def _add(self, item: Item, node: Node, number: int, value: Resource) -> str:
        response = self._tree.response
        address = f"urn:uuid:{uuid5(NAMESPACE_URL, f'{self._base}{_key(response)}#{self._names[id(node)]}/{number}')}"
        observation: Resource = {
            "resourceType": "Observation",
            "identifier": [{"system": URN, "value": address}],
            "status": "amended" if response["status"] == "amended" else "final",
            "category": _category(self._tree.form, item),
            "code": {"coding": item.raw["code"], **({"text": item.raw["text"]} if "text" in item.raw else {})},
        }
        for name in ("subject", "encounter"):
            if name in response:
                observation[name] = response[name]
        if "authored" in response:
            observation["effectiveDateTime"] = response["authored"]
        who = response.get("source", response.get("subject"))
        if who is not None:
            observation["performer"] = [who]
        observation |= value
        if "id" in response:
            observation["derivedFrom"] = [{"reference": f"{_KIND}/{response['id']}"}]
        asked = {"method": "PUT", "url": f"Observation?identifier={URN}|{address}"}
        self.entries.append({"fullUrl": address, "resource": observation, "request": asked})
        return address


def _key(response: Resource) -> str:
    return str(response.get("id") or response.get("identifier", {}).get("value") or response.get("authored", ""))


def _chain(form: Form, item: Item) -> Iterator[Resource]:
    """The item, what it stands in, and the Questionnaire."""
    above: Item | None = item
    while above is not None:
        yield above.raw
        above = above.parent
    yield form.resource


def _is_extracted(form: Form, item: Item) -> bool:
    """Whether an item is marked, or what it stands in is; the nearest mark counts."""
    marks = (extension_value(each, EXTRACT) for each in _chain(form, item))
    return next((each for each in marks if each is not None), False) not in (False, "false")


def _category(form: Form, item: Item) -> Sequence[Resource]:
    """What the Questionnaire says, the nearest to the item; else that it is of a questionnaire."""
    for element in _chain(form, item):
        found = [choice_in(each, "value")[1] for each in element.get("extension", ()) if each.get("url") == CATEGORY]
        if found:
            return found
    return [SURVEY]


def _value(item: Item, kind: str, value: Any) -> Resource | None:
    """The value of an Observation; None for what it cannot have."""
    unit = item.extension(UNIT)
    if kind == "Coding":
        return {"valueCodeableConcept": {"coding": [value]}}
    if kind == "Decimal" or (kind == "Integer" and unit is not None):
        named = unit or {}
        more = {
            "unit": named.get("display", named.get("code")),
            "system": named.get("system"),
            "code": named.get("code"),
        }
        return {"valueQuantity": {"value": value, **{name: each for name, each in more.items() if each}}}
    return {_VALUES[kind]: value} if kind in _VALUES else None
