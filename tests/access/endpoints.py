"""Every endpoint of the FHIR base, as a request about what Anna has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.fhir.resource import Resource
from tests import builders
from tests.access.cast import MARK, Cast

_PATCH: Final = [{"op": "replace", "path": "/status", "value": "amended"}]
_JSON_PATCH: Final = {"content-type": "application/json-patch+json"}
_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
_CSV: Final = {"content-type": "text/csv"}
_META: Final = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [{"code": "x"}]}}]}

_FROM_A_TEMPLATE: Final = {
    "resourceType": "CarePlan",
    "instantiatesCanonical": ["https://zelfregie.example/fhir/PlanDefinition/copd"],
    "status": "draft",
    "intent": "proposal",
    "subject": {"reference": "Patient/anna"},
    "activity": [{"id": "x", "detail": {"status": "not-started", "description": MARK}}],
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``row``: which row of the routes or which operation it is. ``changes``: it may write, so each caller finds
    everything as it was.
    """

    method: str
    address: str
    row: str
    body: Callable[[Cast], Resource | bytes | list[Any]] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    changes: bool = False


def _observation(_: Cast) -> Resource:
    return builders.observation(id="weight", note=[{"text": MARK}])


def _lines(_: Cast) -> bytes:
    return b"datum;tijd;soort;waarde\n02-11-2026;08:00;gewicht;81,5\n"


def _new(_: Cast) -> Resource:
    return builders.observation(note=[{"text": MARK}])


def _parameters(*parameters: Resource) -> Callable[[Cast], Resource]:
    given = {"parameter": list(parameters)} if parameters else {}  # FHIR has no empty arrays
    return lambda _: {"resourceType": "Parameters", **given}


def _grant(_: Cast) -> Resource:
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "app", "valueString": "narrow"},
            {"name": "action", "valueCode": "see"},
            {"name": "category", "valueCode": "measurements"},
        ],
    }


def _answers(_: Cast) -> Resource:
    return builders.questionnaire_response(questionnaire="https://zelfregie.example/fhir/Questionnaire/wie-ben-ik")


def _of_goal(name: str, word: Resource) -> Callable[[Cast], Resource]:
    """Parameters with one that has parts: the goal of the plan, and a word about it."""

    def body(cast: Cast) -> Resource:
        goal = {"name": "goal", "valueReference": {"reference": f"Goal/{cast.goal}"}}
        return {"resourceType": "Parameters", "parameter": [{"name": name, "part": [goal, word]}]}

    return body


def _weighing(_: Cast) -> Resource:
    return {"resourceType": "Parameters", "parameter": [{"name": "protocol", "valueCode": "daily-weight"}]}


ENDPOINTS: Final = (
    Endpoint("GET", "/metadata", "metadata"),
    Endpoint("GET", "/Observation/weight", "GET Type/id"),
    Endpoint("GET", "/Patient/anna/Observation/weight", "GET Type/id"),
    Endpoint("GET", "/Goal/kept", "GET Type/id"),
    Endpoint("GET", "/Binary/file", "GET Type/id"),
    Endpoint("GET", "/Observation/weight/_history/1", "GET Type/id/_history/version"),
    Endpoint("GET", "/Observation/weight/_history", "GET Type/id/_history"),
    Endpoint("GET", "/Observation/_history", "GET Type/_history"),
    Endpoint("GET", "/_history", "GET _history"),
    Endpoint("GET", "/Observation?_id=weight", "GET Type"),
    Endpoint("GET", "/Observation?patient=anna&_summary=count", "GET Type"),
    Endpoint("GET", "/Observation?_include=Observation:subject&code=29463-7", "GET Type"),
    Endpoint("POST", "/Observation/_search", "POST Type/_search", lambda _: b"_id=weight", _FORM),
    Endpoint("GET", "/Patient/anna/Observation", "GET Compartment/id/Type"),
    Endpoint("POST", "/Patient/anna/Observation/_search", "POST Compartment/id/Type/_search", lambda _: b"", _FORM),
    Endpoint("GET", "/?_type=Observation,Goal", "GET "),
    Endpoint("POST", "/_search", "POST _search", lambda _: b"_type=Observation", _FORM),
    Endpoint("POST", "/Observation", "POST Type", _new, changes=True),
    Endpoint("POST", "/Patient/anna/Observation", "POST Compartment/id/Type", _new, changes=True),
    Endpoint("PUT", "/Observation/weight", "PUT Type/id", _observation, changes=True),
    Endpoint("PUT", "/Observation?_id=weight", "PUT Type", _observation, changes=True),
    Endpoint("PATCH", "/Observation/weight", "PATCH Type/id", lambda _: _PATCH, _JSON_PATCH, changes=True),
    Endpoint("PATCH", "/Observation?_id=weight", "PATCH Type", lambda _: _PATCH, _JSON_PATCH, changes=True),
    Endpoint("DELETE", "/Observation/weight", "DELETE Type/id", changes=True),
    Endpoint("DELETE", "/Observation?_id=weight", "DELETE Type", changes=True),
    Endpoint(
        "POST",
        "",
        "POST ",
        lambda _: builders.batch(builders.asking("GET", "Observation/weight"), builders.asking("GET", "Goal/kept")),
    ),
    Endpoint("POST", "", "POST ", lambda cast: builders.transaction(builders.put(_observation(cast))), changes=True),
    Endpoint("GET", "/Patient/anna/$everything", "$everything"),
    Endpoint("GET", "/Patient/$everything", "$everything"),
    Endpoint("GET", "/Patient/anna/$bgz", "$bgz"),
    Endpoint("GET", "/$bgz", "$bgz"),
    Endpoint("GET", "/Patient/anna/$summary", "$summary"),
    Endpoint("GET", "/Patient/$summary", "$summary"),
    Endpoint("GET", "/Patient/anna/$overview", "$overview"),
    Endpoint("GET", "/Patient/anna/$kept-deliveries", "$kept-deliveries"),
    Endpoint(
        "POST",
        "/Patient/anna/$decide-delivery",
        "$decide-delivery",
        _parameters({"name": "delivery", "valueId": "none"}, {"name": "decision", "valueCode": "drop"}),
        changes=True,
    ),
    Endpoint("GET", "/Observation/$lastn?patient=anna", "$lastn"),
    Endpoint("GET", "/Observation/$stats?patient=anna&kind=weight&include=true", "$stats"),
    Endpoint("POST", "/QuestionnaireResponse/filled/$rescore", "$rescore", changes=True),
    Endpoint("POST", "/Observation/$import-measurements", "$import-measurements", _lines, _CSV, changes=True),
    Endpoint("GET", "/Observation/$import-status?job=none", "$import-status"),
    Endpoint("GET", "/Observation/$import-report?job=none", "$import-report"),
    Endpoint("POST", "/Observation/weight/$confirm", "$confirm", changes=True),
    Endpoint("POST", "/Patient/anna/$start-protocol", "$start-protocol", _weighing, changes=True),
    Endpoint("POST", "/Task/asked/$accept-protocol", "$accept-protocol", changes=True),
    Endpoint("GET", "/Task/weighing/$protocol-progress", "$protocol-progress"),
    Endpoint("POST", "/Task/weighing/$finish-protocol", "$finish-protocol", changes=True),
    Endpoint("GET", "/Observation/weight/$meta", "$meta"),
    Endpoint("POST", "/Observation/weight/$meta-add", "$meta-add", lambda _: _META, changes=True),
    Endpoint("POST", "/Observation/weight/$meta-delete", "$meta-delete", lambda _: _META, changes=True),
    Endpoint("GET", "/Observation/weight/$validate?mode=delete", "$validate"),
    Endpoint("GET", "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/observation-status", "$expand"),
    Endpoint("GET", "/CodeSystem/$lookup?system=urn:none&code=x", "$lookup"),
    Endpoint(
        "GET",
        "/ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/observation-status&system=http://hl7.org/fhir/observation-status&code=final",
        "$validate-code",
    ),
    Endpoint(
        "GET", "/CodeSystem/$validate-code?url=http://hl7.org/fhir/observation-status&code=final", "$validate-code"
    ),
    Endpoint("GET", "/CodeSystem/$subsumes?system=urn:none&codeA=x&codeB=y", "$subsumes"),
    Endpoint("GET", "/ConceptMap/$translate?system=urn:none&code=x", "$translate"),
    Endpoint("GET", "/AuditEvent?subtype=read", "AuditEvent"),
    Endpoint("GET", "/AuditEvent/{event}", "AuditEvent"),
    Endpoint("DELETE", "/AuditEvent/{event}", "AuditEvent", changes=True),
    Endpoint("GET", "/Consent?scope=patient-privacy", "Consent"),
    Endpoint("GET", "/Consent/{consent}", "Consent"),
    Endpoint("POST", "/Consent/$grant", "$grant", _grant, changes=True),
    Endpoint("POST", "/Consent/{consent}/$withdraw", "$withdraw", _parameters(), changes=True),
    Endpoint(
        "POST",
        "/Patient/$pair",
        "$pair",
        _parameters(
            {"name": "code", "valueString": "0000000000"},
            {"name": "identifier", "valueIdentifier": {"system": "urn:his", "value": "7"}},
        ),
        changes=True,
    ),
    Endpoint(
        "POST",
        "/Observation/weight/$annotate",
        "$annotate",
        _parameters({"name": "text", "valueString": "Dit klopt niet."}),
        changes=True,
    ),
    Endpoint(
        "POST", "/Patient/anna/$start", "$start", _parameters({"name": "goal", "valueString": MARK}), changes=True
    ),
    Endpoint("GET", "/PlanDefinition/copd/$apply?subject=Patient/anna", "$apply"),
    Endpoint("GET", "/Questionnaire/mood/$populate?subject=Patient/anna", "$populate"),
    Endpoint("POST", "/QuestionnaireResponse/$extract", "$extract", _answers),
    Endpoint(
        "POST",
        "/CarePlan/{plan}/$merge",
        "$merge",
        _parameters({"name": "planResource", "resource": _FROM_A_TEMPLATE}, {"name": "dryRun", "valueBoolean": False}),
        changes=True,
    ),
    Endpoint("POST", "/CarePlan/{plan}/$agree", "$agree", _parameters(), changes=True),
    Endpoint(
        "POST",
        "/CarePlan/{plan}/$evaluate",
        "$evaluate",
        _of_goal("evaluation", {"name": "comment", "valueString": MARK}),
        changes=True,
    ),
    Endpoint(
        "POST",
        "/CarePlan/{plan}/$decide",
        "$decide",
        _of_goal("decision", {"name": "decision", "valueCode": "continue"}),
        changes=True,
    ),
    Endpoint(
        "POST",
        "/CarePlan/{plan}/$revise",
        "$revise",
        _parameters({"name": "reason", "valueCode": "life"}),
        changes=True,
    ),
    Endpoint("POST", "/CarePlan/{plan}/$hold", "$hold", _parameters(), changes=True),
    Endpoint("POST", "/CarePlan/{plan}/$resume", "$resume", _parameters(), changes=True),
    Endpoint(
        "POST",
        "/CarePlan/{plan}/$close",
        "$close",
        _parameters({"name": "status", "valueCode": "completed"}),
        changes=True,
    ),
    Endpoint("GET", "/CarePlan/{plan}/$revisions", "$revisions"),
    Endpoint("GET", "/CarePlan/{plan}/$as-of?number=1", "$as-of"),
    Endpoint("GET", "/CarePlan/{plan}/$compare?from=1&to=2", "$compare"),
    Endpoint("GET", "/CarePlan/{plan}/$document", "$document"),
    Endpoint(
        "POST",
        "/CarePlan/{plan}/$restore",
        "$restore",
        _parameters({"name": "number", "valuePositiveInt": 1}),
        changes=True,
    ),
    Endpoint("GET", "/CarePlan/{plan}/$check-in", "$check-in"),
    Endpoint("GET", "/CarePlan/{plan}/$attainment", "$attainment"),
    Endpoint(
        "POST",
        "/CarePlan/{plan}/$propose",
        "$propose",
        _parameters({"name": "title", "valueString": f"{MARK} anders"}),
        changes=True,
    ),
    Endpoint("GET", "/CarePlan/{proposal}/$items", "$items"),
    Endpoint("POST", "/CarePlan/{proposal}/$accept", "$accept", _parameters(), changes=True),
    Endpoint("POST", "/CarePlan/{proposal}/$reject", "$reject", _parameters(), changes=True),
    Endpoint("POST", "/CarePlan/{proposal}/$retract", "$retract", _parameters(), changes=True),
    Endpoint("POST", "/Goal/{proposed}/$accept", "$accept", _parameters(), changes=True),
    Endpoint("POST", "/Goal/{proposed}/$reject", "$reject", _parameters(), changes=True),
    Endpoint("POST", "/Goal/{proposed}/$retract", "$retract", _parameters(), changes=True),
)
