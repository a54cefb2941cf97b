"""The checker of payload rules finds each rule that is broken, and nothing in an answer that is right."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.medmij.checker import problems

BASE: Final = "https://z.example/medmij/52/fhir"
WHY: Final = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}
RIGHT: Final[dict[str, Any]] = {
    "resourceType": "Bundle",
    "type": "searchset",
    "total": 1,
    "link": [{"relation": "self", "url": f"{BASE}/Observation?code=http://loinc.org|8867-4"}],
    "entry": [
        {
            "fullUrl": f"{BASE}/Observation/a",
            "resource": {
                "resourceType": "Observation",
                "id": "a",
                "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/zib-HeartRate"]},
                "identifier": [{"system": "urn:oid:1.2.3", "value": "1"}, {"type": {"text": "number"}, "_value": WHY}],
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
                "subject": {"reference": "Patient/p", "display": "Anna"},
                "performer": [{"reference": "Practitioner/q", "_display": WHY}],
                "interpretation": {"text": "normal"},
            },
            "search": {"mode": "match"},
        },
        {
            "fullUrl": f"{BASE}/Patient/p",
            "resource": {
                "resourceType": "Patient",
                "id": "p",
                "meta": {"profile": ["http://fhir.nl/fhir/StructureDefinition/nl-core-patient"]},
                "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "_value": WHY}],
            },
            "search": {"mode": "include"},
        },
    ],
}
Bundle = dict[str, Any]


def _link(bundle: Bundle, url: str) -> None:
    bundle["link"][0]["url"] = url


def _observation(bundle: Bundle) -> Bundle:
    found: Bundle = bundle["entry"][0]["resource"]
    return found


BROKEN: Final[dict[str, Callable[[Bundle], Any]]] = {
    "self": lambda it: it.pop("link"),
    "self-parameters": lambda it: _link(it, f"{BASE}/Observation"),
    "self-patient": lambda it: _link(it, f"{BASE}/Observation?code=1&subject=Patient/p"),
    "total": lambda it: it.update(total=2),
    "mode": lambda it: it["entry"][1].pop("search"),
    "id": lambda it: (_observation(it).pop("id"), it["entry"][0].update(fullUrl="urn:oid:1.2.3")),
    "full-url": lambda it: it["entry"][0].update(fullUrl="Observation/a"),
    "full-url-id": lambda it: it["entry"][0].update(fullUrl=f"{BASE}/Observation/b"),
    "profile": lambda it: _observation(it).pop("meta"),
    "reference": lambda it: _observation(it)["subject"].pop("display"),
    "coding": lambda it: _observation(it)["code"]["coding"][0].pop("system"),
    "value-set": lambda it: _observation(it)["code"]["coding"][0].update(
        system="urn:oid:2.16.840.1.113883.2.4.3.11.60.40.2.12.1.1"
    ),
    "concept": lambda it: _observation(it)["code"]["coding"][0].pop("display"),
    "identifier": lambda it: _observation(it)["identifier"][0].pop("system"),
    "bsn": lambda it: it["entry"][1]["resource"]["identifier"][0].update(value="999999990"),
}
"""What breaks each rule."""


def test_an_answer_that_is_right_has_no_problems() -> None:
    assert problems(RIGHT, "3.0", asked="code=http://loinc.org|8867-4") == []


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_found_and_no_other(rule: str) -> None:
    broken = copy.deepcopy(RIGHT)
    BROKEN[rule](broken)
    assert {each.rule for each in problems(broken, "3.0", asked="code=http://loinc.org|8867-4")} == {rule}


@pytest.mark.parametrize(
    ("element", "rule"),
    [
        ({"code": {"coding": [{"code": "x", "display": "X"}]}}, "coding"),
        ({"subject": {"reference": "Patient/p"}}, "reference"),
        ({"code": {"coding": [{"system": "urn:x", "code": "x"}]}}, "concept"),
        ({"identifier": [{"system": "urn:x"}]}, "identifier"),
        ({"contained": [{"resourceType": "Device", "owner": {"reference": "Organization/o"}}]}, "reference"),
        ({"extension": [{"url": "urn:x", "valueCoding": {"code": "x"}}]}, "coding"),
        ({"_status": {"extension": [{"url": "urn:x", "valueReference": {"reference": "Patient/p"}}]}}, "reference"),
    ],
)
@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_rules_hold_in_both_versions_and_at_any_depth(version: str, element: Bundle, rule: str) -> None:
    resource = {"resourceType": "Observation", "id": "a", "meta": {"profile": ["urn:p"]}, **element}
    assert [each.rule for each in problems(resource, version)] == [rule]


def test_options_of_a_questionnaire_need_no_system() -> None:
    option = {"linkId": "1", "answer": [{"valueCoding": {"code": "a", "display": "A"}}]}
    answers = {"resourceType": "QuestionnaireResponse", "id": "a", "meta": {"profile": ["urn:p"]}, "item": [option]}
    assert problems(answers, "4.0") == []
