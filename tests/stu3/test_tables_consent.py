"""``Consent``: its rules are a provision in R4, and its scope follows from its category.
https://hl7.org/fhir/R4/consent-version-maps.html
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.stu3.expected import PATIENT, TERMINOLOGY, Members, added, carried, coded, goes_in, goes_out, goes_out_as

RULE: Final = "http://elsewhere.example/policy"
STU3: Final[Members] = {**PATIENT, "status": "active", "category": [{"text": "c"}], "policyRule": RULE}
R4: Final[Members] = {**STU3, "policyRule": {"coding": [{"system": "urn:ietf:rfc:3986", "code": RULE}]}}
NO_SCOPE: Final[Members] = {"scope": added("4.0", absent="unknown")}
PERIOD: Final = {"start": "2026-01-01", "end": "2026-02-01"}
CODING: Final = {"system": "urn:x", "code": "x"}
DOCTOR: Final = {"role": {"text": "arts"}, "reference": {"reference": "Practitioner/doctor"}}
DATA: Final = {"meaning": "related", "reference": {"reference": "Task/t"}}
SNOMED: Final = "http://snomed.info/sct"
RULES: Final[Members] = {
    "period": PERIOD,
    "actor": [DOCTOR],
    "action": [{"text": "inzien"}],
    "securityLabel": [CODING],
    "purpose": [CODING],
    "dataPeriod": PERIOD,
    "data": [DATA],
}


@pytest.mark.parametrize(
    ("system", "code", "scope"),
    [
        (SNOMED, "11291000146105", "treatment"),
        (SNOMED, "11341000146107", "adr"),
        ("http://hl7.org/fhir/consentcategorycodes", "acd", "adr"),
        ("http://hl7.org/fhir/consentcategorycodes", "hcd", "adr"),
        ("http://hl7.org/fhir/consentcategorycodes", "npp", "patient-privacy"),
        ("http://hl7.org/fhir/consentcategorycodes", "research", "research"),
    ],
)
def test_the_scope_follows_from_the_category(system: str, code: str, scope: str) -> None:
    there = system if system == SNOMED else f"{TERMINOLOGY}/consentcategorycodes"
    goes_in(
        "Consent",
        {**STU3, "category": [{"text": "c"}, {"coding": [{"system": system, "code": code}]}]},
        {
            **R4,
            "category": [{"text": "c"}, {"coding": [{"system": there, "code": code}]}],
            "scope": {**coded("consentscope", scope), **added("4.0")},
        },
    )


@pytest.mark.parametrize("kind", ["deny", "permit"])
def test_rules_and_their_exceptions_are_provisions(kind: str) -> None:
    exception: dict[str, Any] = {**RULES, "type": kind, "class": [CODING]}
    goes_in(
        "Consent",
        {**STU3, **RULES, "except": [{**exception, "code": [CODING]}]},
        {**R4, **NO_SCOPE, "provision": {**RULES, "provision": [{**exception, "code": [{"coding": [CODING]}]}]}},
    )


def test_who_consents_and_where_that_was_recorded() -> None:
    party = {"reference": "RelatedPerson/daughter"}
    source = {"system": "urn:x", "value": "1"}
    identifier = {"system": "urn:x", "value": "2"}
    goes_in(
        "Consent",
        {**STU3, "identifier": identifier, "consentingParty": [party], "sourceIdentifier": source},
        {**R4, **NO_SCOPE, "identifier": [identifier], "performer": [party], "sourceReference": {"identifier": source}},
    )


def test_a_consent_without_category() -> None:
    stu3, r4 = ({name: value for name, value in each.items() if name != "category"} for each in (STU3, R4))
    goes_in("Consent", stu3, {**r4, **NO_SCOPE, "category": [added("4.0", absent="unknown")]})


SCOPED: Final[Members] = {**R4, "scope": coded("consentscope", "treatment")}
SCOPE: Final = carried(
    "4.0",
    "Consent.scope",
    valueCodeableConcept={"coding": [{"system": f"{TERMINOLOGY}/consentscope", "code": "treatment"}]},
)


def test_a_denial_as_a_whole_is_an_exception() -> None:
    provision = {"type": "deny", "actor": [DOCTOR]}
    whole = [
        {"url": "type", "valueCode": "deny"},
        {
            "url": "actor",
            "extension": [
                {"url": "role", "valueCodeableConcept": DOCTOR["role"]},
                {"url": "reference", "valueReference": DOCTOR["reference"]},
            ],
        },
    ]
    goes_out(
        "Consent",
        {**SCOPED, "provision": provision},
        {
            **STU3,
            "except": [provision],
            "extension": [carried("4.0", "Consent.provision", extension=whole)],
            "modifierExtension": [SCOPE],
        },
    )


@pytest.mark.parametrize(
    "provision",
    [
        {"class": [CODING], "actor": [DOCTOR]},
        {"type": "deny", "provision": [{"type": "permit"}]},
        {"actor": [DOCTOR], "provision": [{"type": "permit", "provision": [{"type": "deny"}]}]},
    ],
)
def test_a_provision_that_stu3_cannot_say_is_not_said_in_part(provision: Members) -> None:
    without = goes_out_as("Consent", {**SCOPED, "provision": provision})
    assert without.keys() == {"resourceType", "modifierExtension", *STU3}
    assert [each["url"] for each in without["modifierExtension"]] == [
        carried("4.0", "Consent.provision")["url"],
        SCOPE["url"],
    ]


def test_a_policy_that_is_no_uri_and_a_consent_of_nobody() -> None:
    opt_in = coded("v3-ActCode", "OPTIN")
    goes_out(
        "Consent",
        {"status": "active", "scope": {"text": "anders"}, "category": STU3["category"], "policyRule": opt_in},
        {
            "status": "active",
            "category": STU3["category"],
            "patient": added("3.0", absent="unknown"),
            "_policyRule": added("3.0", absent="unsupported"),
            "extension": [
                carried(
                    "4.0",
                    "Consent.policyRule",
                    valueCodeableConcept={"coding": [{"system": "http://hl7.org/fhir/v3/ActCode", "code": "OPTIN"}]},
                )
            ],
            "modifierExtension": [carried("4.0", "Consent.scope", valueCodeableConcept={"text": "anders"})],
        },
    )


def test_beside_a_policy_no_rule_is_demanded() -> None:
    policy = {"policy": [{"uri": RULE}]}
    stu3, r4 = ({name: value for name, value in each.items() if name != "policyRule"} for each in (STU3, SCOPED))
    goes_out("Consent", {**r4, **policy}, {**stu3, **policy, "modifierExtension": [SCOPE]})
