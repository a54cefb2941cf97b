"""Every rule lets through what keeps it, and says where it is broken. https://hl7.org/fhir/R4/profiling.html"""

from __future__ import annotations

import pytest

from app.fhir.resource import Resource
from tests.builders import concept
from tests.profiles.official import VERSIONS
from tests.profiles.own import CORE, URL, Own, element, profile
from tests.profiles.rules import CODES, KNOWN, MORE, NOTED, ONLY_NAMES, PLAIN, RULES, SYSTEM, Rule, observed, patient


@pytest.mark.parametrize("rule", [pytest.param(each, id=each.name) for each in RULES])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_rule_lets_through_what_keeps_it_and_says_where_it_is_broken(version: str, rule: Rule) -> None:
    own = Own(version, profile("p", "Observation", *rule.elements), *rule.beside)
    for resource in rule.good:
        assert own.issues(resource, "p", KNOWN) == []
    for resource in rule.bad:
        assert own.issues(resource, "p", KNOWN) == [(rule.severity, rule.rule, rule.path, rule.profile)]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_base_asks_its_derivations_ask_too(version: str) -> None:
    own = Own(
        version,
        profile("base", "Observation", element("Observation.performer", max="3"), element("Observation.issued", min=1)),
        profile("middle", "Observation", element("Observation.performer", min=1), base=URL + "base"),
        profile("p", "Observation", element("Observation.performer", max="1"), base=URL + "middle"),
    )
    assert own.issues(PLAIN, "p") == [
        ("error", "min", "Observation.performer", "middle"),
        ("error", "min", "Observation.issued", "base"),
    ]
    two = observed(issued="2026-01-01T00:00:00Z", performer=[{"display": "A"}, {"display": "B"}])
    assert own.issues(two, "p") == [("error", "max", "Observation.performer[1]", "p")]


@pytest.mark.parametrize("version", VERSIONS)
def test_bindings_are_as_the_chain_has_them(version: str) -> None:
    def bound(strength: str, *names: str) -> Resource:
        return element(
            "Observation.method", binding={"strength": strength, **({"valueSet": URL + names[0]} if names else {})}
        )

    own = Own(
        version,
        *(CODES, MORE),
        profile("base", "Observation", bound("extensible", "codes")),
        profile("stronger", "Observation", bound("required"), base=URL + "base"),
        profile("another", "Observation", bound("extensible", "more"), base=URL + "base"),
        profile("required", "Observation", bound("required", "codes")),
        profile("wider", "Observation", bound("required", "more"), base=URL + "required"),
    )
    resource = observed(method=concept(SYSTEM, "c"))
    at = "Observation.method"
    assert own.issues(resource, "base") == [("warning", "binding", at, "base")]
    assert own.issues(resource, "stronger") == [("error", "binding", at, "stronger")]
    assert own.issues(resource, "another") == []
    assert own.issues(resource, "wider") == [("error", "binding", at, "required")]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_most_that_a_weaker_binding_allows_is_required(version: str) -> None:
    key = "valueCanonical" if version == "4.0.1" else "valueReference"
    most = {"valueCanonical": URL + "more", "valueReference": {"reference": URL + "more"}}[key]
    binding = {
        "strength": "preferred",
        "valueSet": URL + "codes",
        "extension": [{"url": f"{CORE}elementdefinition-maxValueSet", key: most}],
    }
    own = Own(version, CODES, MORE, profile("p", "Observation", element("Observation.method", binding=binding)))
    at = "Observation.method"
    assert own.issues(observed(method=concept(SYSTEM, "a")), "p") == []
    assert own.issues(observed(method=concept(SYSTEM, "c")), "p") == [("warning", "binding", at, "p")]
    assert sorted(own.issues(observed(method=concept(SYSTEM, "d")), "p")) == [
        ("error", "binding", at, "p"),
        ("warning", "binding", at, "p"),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_stands_beside_a_primitive_has_rules_too(version: str) -> None:
    own = Own(
        version,
        NOTED,
        profile(
            "p",
            "Patient",
            element("Patient.birthDate", min=1),
            element(
                "Patient.birthDate.extension:noted", min=1, type=[{"code": "Extension", "profile": [URL + "noted"]}]
            ),
        ),
    )
    noted = {"extension": [{"url": URL + "noted", "valueString": "Ja"}]}
    assert own.issues(patient(birthDate="1980", _birthDate=noted), "p") == []
    assert own.issues(patient(_birthDate=noted), "p") == []
    bare = own.issues(patient(birthDate="1980"), "p")
    assert bare == [("error", "slice-min", "Patient.birthDate.extension", "p")]
    wrong = {"extension": [{"url": URL + "noted", "valueCode": "ja"}]}
    assert own.issues(patient(birthDate="1980", _birthDate=wrong), "p") == [
        ("error", "type", "Patient.birthDate.extension[0].value", "noted")
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_element_with_the_content_of_another_has_its_rules(version: str) -> None:
    own = Own(version, profile("p", "Questionnaire", element("Questionnaire.item.linkId", maxLength=2)))
    deepest = {"linkId": "1.1", "type": "display", "text": "A"}
    deep = {"linkId": "1", "type": "group", "item": [deepest]}
    resource = {
        "resourceType": "Questionnaire",
        "status": "draft",
        "item": [{"linkId": "0", "type": "group", "item": [deep]}],
    }
    assert own.issues(resource, "p") == [("error", "max-length", "Questionnaire.item[0].item[0].item[0].linkId", "p")]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_content_of_another_element_is_found_by_ways_of_which_the_profile_says_nothing(version: str) -> None:
    own = Own(version, profile("p", "QuestionnaireResponse", element("QuestionnaireResponse.item.linkId", maxLength=2)))
    below = {"linkId": "1", "item": [{"linkId": "1.1"}]}
    resource = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "item": [{"linkId": "0", "answer": [{"valueString": "Ja", "item": [below]}]}],
    }
    path = "QuestionnaireResponse.item[0].answer[0].item[0].item[0].linkId"
    assert own.issues(resource, "p") == [("error", "max-length", path, "p")]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_extension_may_stand_where_its_definition_says(version: str) -> None:
    own = Own(version, ONLY_NAMES, profile("p", "Patient"))
    given = {"extension": [{"url": URL + "only-names", "valueString": "Ja"}]}
    resource = patient(name=[{"text": "A", **given}], contact=[{"name": {"text": "B", **given}, **given}])
    assert own.issues(resource, "p") == []
    refused = ("error", "extension-context")
    assert own.issues(patient(gender="other", _gender=given), "p") == [
        (*refused, "Patient.gender.extension[0]", "only-names")
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_profile_of_another_type_and_one_that_is_not_held_are_said_so(version: str) -> None:
    own = Own(version, profile("p", "Patient"))
    claims = [URL + "p", URL + "elsewhere"]
    found = own.profiles.claimed(observed(meta={"profile": claims}))
    assert [(each.severity, each.rule, each.expression[0]) for each in found] == [
        ("error", "profile-type", "Observation.meta.profile[0]"),
        ("information", "profile-unknown", "Observation.meta.profile[1]"),
    ]
