"""Units, languages, media types, currencies, numbers of Dutch registers, and what must agree within an object.

https://hl7.org/fhir/R4/datatypes.html, https://hl7.org/fhir/R4/terminologies-systems.html
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fhir import definitions
from app.fhir.resource import walk_dicts
from app.fhir.validation import validate
from app.fhir.validation.codes import CURRENCIES, FORMAT, LANGUAGE, MEDIA_TYPE
from app.fhir.validation.identifiers import REGISTERS, is_bsn
from tests.fhir.refusals import Refused
from tests.fhir.samples import ABSENT, BUNDLE, PATIENT, WEIGHT, changed, concept

R4 = definitions.load("4.0.1")
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
AGB = "http://fhir.nl/fhir/NamingSystem/agb-z"
PICTURE = b"\x89PNG not really"


def attachment(**changes: Any) -> dict[str, Any]:
    found = {
        "contentType": "image/png",
        "data": base64.b64encode(PICTURE).decode(),
        "size": len(PICTURE),
        "hash": base64.b64encode(hashlib.sha1(PICTURE, usedforsecurity=False).digest()).decode(),
    }
    return changed(PATIENT, photo=[{**found, **changes}])


def identified(system: str, value: Any) -> dict[str, Any]:
    return changed(PATIENT, identifier=[{"system": system, "value": value}])


CASES = {
    "a unit that is none": Refused(
        changed(WEIGHT, valueQuantity__code="lbs"), "code-invalid", "Observation.value.code"
    ),
    "a unit in a component": Refused(
        changed(
            WEIGHT,
            valueQuantity=ABSENT,
            component=[
                {"code": {"text": "x"}, "valueQuantity": {"system": "http://unitsofmeasure.org", "code": "mmHg"}}
            ],
        ),
        "code-invalid",
        "Observation.component[0].value.code",
    ),
    "a unit in a reference range": Refused(
        changed(WEIGHT, referenceRange=[{"low": {"system": "http://unitsofmeasure.org", "code": "Kilo"}}]),
        "code-invalid",
        "Observation.referenceRange[0].low.code",
    ),
    "a unit in an age": Refused(
        changed(
            PATIENT,
            extension=[
                {
                    "url": "urn:x",
                    "valueAge": {"value": 1, "system": "http://unitsofmeasure.org", "code": "jaar"},
                }
            ],
        ),
        "code-invalid",
        "Patient.extension[0].value.code",
    ),
    "a unit in a coding": Refused(
        changed(WEIGHT, method=concept("http://unitsofmeasure.org", "IU")),
        "code-invalid",
        "Observation.method.coding[0].code",
    ),
    "a language with an underscore": Refused(changed(WEIGHT, language="nl_NL"), "code-invalid", "Observation.language"),
    "a language in full": Refused(changed(WEIGHT, language="Nederlands"), "code-invalid", "Observation.language"),
    "a language of an attachment": Refused(attachment(language="n"), "code-invalid", "Patient.photo[0].language"),
    "a language to speak": Refused(
        changed(PATIENT, communication=[{"language": concept("urn:ietf:bcp:47", "nl NL")}]),
        "code-invalid",
        "Patient.communication[0].language.coding[0].code",
    ),
    "a language of what is contained": Refused(
        changed(PATIENT, contained__0__language="nl-"), "code-invalid", "Patient.contained[0].language"
    ),
    "a media type without a subtype": Refused(
        attachment(contentType="pdf"), "code-invalid", "Patient.photo[0].contentType"
    ),
    "a media type of a Binary": Refused(
        {"resourceType": "Binary", "contentType": "text/"}, "code-invalid", "Binary.contentType"
    ),
    "a currency that is none": Refused(
        changed(PATIENT, extension=[{"url": "urn:x", "valueMoney": {"value": 1, "currency": "EURO"}}]),
        "code-invalid",
        "Patient.extension[0].value.currency",
    ),
    "a currency that never was": Refused(
        changed(PATIENT, extension=[{"url": "urn:x", "valueMoney": {"value": 1, "currency": "EUX"}}]),
        "code-invalid",
        "Patient.extension[0].value.currency",
    ),
    "a BSN with a typing error": Refused(
        identified(BSN, "999911121"), "value", "Patient.identifier[0].value", "nl-bsn"
    ),
    "a BSN of eight digits": Refused(identified(BSN, "99991112"), "value", "Patient.identifier[0].value", "nl-bsn"),
    "a BSN by its OID": Refused(
        identified("urn:oid:2.16.840.1.113883.2.4.6.3", "1234"), "value", "Patient.identifier[0].value", "nl-bsn"
    ),
    "an AGB without its zero": Refused(identified(AGB, "1069857"), "value", "Patient.identifier[0].value", "nl-agb"),
    "a UZI of eight digits": Refused(
        identified("http://fhir.nl/fhir/NamingSystem/uzi-nr-pers", "00000111"),
        "value",
        "Patient.identifier[0].value",
        "nl-uzi",
    ),
    "a URA with letters": Refused(
        identified("http://fhir.nl/fhir/NamingSystem/ura", "0602080X"),
        "value",
        "Patient.identifier[0].value",
        "nl-ura",
    ),
    "a BIG of nine digits": Refused(
        identified("http://fhir.nl/fhir/NamingSystem/big", "123456789"),
        "value",
        "Patient.identifier[0].value",
        "nl-big",
    ),
    "an identifier in a reference": Refused(
        changed(WEIGHT, performer=[{"identifier": {"system": AGB, "value": "1"}}]),
        "value",
        "Observation.performer[0].identifier.value",
        "nl-agb",
    ),
    "another size": Refused(attachment(size=3), "value", "Patient.photo[0].size"),
    "another hash": Refused(attachment(hash="aGFsbG8="), "value", "Patient.photo[0].hash"),
    "another type than the reference": Refused(
        changed(WEIGHT, performer=[{"reference": "Patient/p1", "type": "Practitioner"}]),
        "value",
        "Observation.performer[0].type",
    ),
    "another type than the URL": Refused(
        changed(WEIGHT, performer=[{"reference": "https://zelfregie.example/fhir/Patient/p1", "type": "CareTeam"}]),
        "value",
        "Observation.performer[0].type",
    ),
    "a type that is none": Refused(
        changed(PATIENT, extension=[{"url": "urn:x", "valueReference": {"type": "Dokter", "display": "x"}}]),
        "value",
        "Patient.extension[0].value.type",
    ),
    "another type than what is contained": Refused(
        changed(PATIENT, generalPractitioner__0__type="Organization"),
        "structure",
        "Patient.generalPractitioner[0].reference",
    ),
    "the same id twice": Refused(
        changed(PATIENT, contained=[PATIENT["contained"][0]] * 2), "invariant", "Patient.contained"
    ),
    "a fullUrl with another id": Refused(
        changed(BUNDLE, entry__0__fullUrl="https://zelfregie.example/fhir/Patient/p2"),
        "value",
        "Bundle.entry[0].fullUrl",
    ),
    "a fullUrl with another type": Refused(
        changed(BUNDLE, entry__0__fullUrl="https://zelfregie.example/fhir/Person/p1"),
        "value",
        "Bundle.entry[0].fullUrl",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_one_thing_wrong_is_one_issue_at_its_place(case: Refused) -> None:
    assert case.found(R4) == case.expected


@pytest.mark.parametrize(
    "resource",
    [
        changed(WEIGHT, valueQuantity__code="[lb_av]"),
        changed(WEIGHT, valueQuantity__code="{eenheden per dag}"),
        changed(WEIGHT, valueQuantity={"value": 1, "unit": "lbs"}),
        changed(WEIGHT, valueQuantity={"value": 1, "system": "urn:eigen", "code": "lbs"}),
        changed(WEIGHT, valueQuantity={"value": 1, "system": "http://unitsofmeasure.org", "unit": "kg"}),
        changed(WEIGHT, language="nl-NL"),
        changed(PATIENT, communication=[{"language": concept("urn:ietf:bcp:47", "sr-Latn-RS")}]),
        changed(PATIENT, communication=[{"language": concept("urn:eigen", "nl_NL")}]),
        attachment(),
        attachment(contentType='text/plain; charset="utf-8"'),
        changed(PATIENT, photo=[{"contentType": "application/pdf", "url": "https://zelfregie.example/x", "size": 9}]),
        changed(PATIENT, extension=[{"url": "urn:x", "valueMoney": {"value": 1, "currency": "EUR"}}]),
        identified(BSN, "111222333"),
        changed(PATIENT, identifier=[{"system": BSN, "_value": {"extension": [{"url": "urn:x", "valueCode": "y"}]}}]),
        identified(AGB, "01069857"),
        identified("http://fhir.nl/fhir/NamingSystem/uzi-nr-sys", "000001111"),
        identified("http://fhir.nl/fhir/NamingSystem/big", "12345678912"),
        identified("urn:eigen", "x"),
        changed(WEIGHT, subject={"reference": "Patient/p1/_history/2", "type": "Patient"}),
        changed(WEIGHT, subject={"type": "http://hl7.org/fhir/StructureDefinition/Patient", "display": "Anna"}),
        changed(WEIGHT, subject={"identifier": {"system": "urn:eigen", "value": "1"}}),
        changed(WEIGHT, subject={"reference": "urn:oid:1.2.3", "type": "Patient"}),
        changed(WEIGHT, subject={"reference": "https://elders.example/wie?nr=3", "type": "Patient"}),
        changed(PATIENT, generalPractitioner__0__type="Practitioner"),
        changed(BUNDLE, entry__0__fullUrl="https://zelfregie.example/fhir/Patient/p1"),
        changed(BUNDLE, entry__0__fullUrl="https://zelfregie.example/patienten/17"),
        changed(BUNDLE, entry__0__fullUrl="https://zelfregie.example/fhir/Patient/p9", entry__0__resource__id=ABSENT),
        {
            "resourceType": "QuestionnaireResponse",
            "questionnaire": "https://zelfregie.example/Questionnaire/morgen|1.0#begin",
            "status": "completed",
        },
    ],
)  # fmt: skip
def test_what_agrees_has_no_issues(resource: dict[str, Any]) -> None:
    assert validate(resource, R4) == []


@pytest.mark.parametrize(
    ("code", "hint"),
    [("mmHg", "Did you mean mm[Hg]?"), ("bpm", "Did you mean /min?"), ("geheim", "{tablet}")],
)
def test_a_wrong_unit_is_answered_with_what_was_meant(code: str, hint: str) -> None:
    (issue,) = validate(changed(WEIGHT, valueQuantity__code=code), R4)
    assert hint in issue.diagnostics
    assert code not in issue.diagnostics


@pytest.mark.parametrize(
    ("member", "hint"),
    [
        ("subjekt", "Did you mean subject?"),
        ("Status", "Did you mean status?"),
        ("value", "Did you mean value"),
        ("effectiveDate", "Did you mean effectiveDateTime?"),
        ("_statusses", "Take it out"),
    ],
)
def test_an_unknown_element_is_answered_with_the_nearest_name(member: str, hint: str) -> None:
    (issue,) = validate({**WEIGHT, member: "x"}, R4)
    assert hint in issue.diagnostics


@pytest.mark.parametrize(
    "tag",
    ["nl", "nl-NL", "NL-be", "en-US", "fry", "zh-Hant-TW", "zh-cmn-Hans-CN", "sl-rozaj-biske", "de-CH-1901", "es-419",
     "x-eigen", "de-DE-u-co-phonebk", "en-a-bbb-x-a-ccc", "i-klingon", "en-GB-oed", "sgn-BE-NL", "hy-Latn-IT-arevela"],
)  # fmt: skip
def test_a_tag_of_bcp_47_is_a_language(tag: str) -> None:
    assert LANGUAGE.check(tag) is None


@pytest.mark.parametrize(
    "tag", ["", "n", "nl_NL", "nl-", "-nl", "nl--NL", "nl NL", "Nederlands", "nl-N", "12", "nl-x", "é"]
)
def test_another_text_is_no_language(tag: str) -> None:
    assert LANGUAGE.check(tag) is not None


@pytest.mark.parametrize(
    "name",
    ["text/plain", "image/png", "application/fhir+json", "application/fhir+xml; fhirVersion=4.0",
     "text/html;charset=utf-8",
     "application/vnd.openxmlformats-officedocument.wordprocessingml.document", 'a/b; c="d; e"', "x-eigen/x.y-z"],
)  # fmt: skip
def test_a_type_with_a_subtype_is_a_media_type(name: str) -> None:
    assert MEDIA_TYPE.check(name) is None


@pytest.mark.parametrize(
    "name", ["", "pdf", "text/", "/plain", "text/plain/x", "text plain", "text/plain; charset", "*/*"]
)
def test_another_text_is_no_media_type(name: str) -> None:
    assert MEDIA_TYPE.check(name) is not None


@pytest.mark.parametrize("name", ["json", "xml", "ttl", "application/fhir+json"])
def test_a_capability_statement_may_name_formats_shortly(name: str) -> None:
    assert FORMAT.check(name) is None
    statement = {
        "resourceType": "CapabilityStatement", "status": "active", "date": "2026-11-21", "kind": "requirements",
        "description": "x", "fhirVersion": "4.0.1", "format": [name], "rest": [{"mode": "server"}],
    }  # fmt: skip
    assert validate(statement, R4) == []


def test_currencies_are_three_capitals() -> None:
    assert {"EUR", "USD", "SRD", "XCG", "ANG", "AWG"} <= CURRENCIES
    assert all(len(each) == 3 and each.isascii() and each.isupper() for each in CURRENCIES)


@given(st.integers(min_value=1, max_value=99_999_999))
def test_of_eleven_last_digits_at_most_one_makes_a_bsn(first: int) -> None:
    numbers = [f"{first:08}{last}" for last in range(10)]
    assert sum(is_bsn(number) for number in numbers) <= 1


@given(st.integers(min_value=0, max_value=8), st.integers(min_value=1, max_value=9))
def test_one_wrong_digit_is_always_seen_in_a_bsn(place: int, by: int) -> None:
    right = "999911120"
    wrong = right[:place] + str((int(right[place]) + by) % 10) + right[place + 1 :]
    assert is_bsn(right)
    assert not is_bsn(wrong)


def test_a_form_that_no_source_lays_down_is_only_a_warning() -> None:
    by_rule = {register.rule: register.severity for register in REGISTERS.values()}
    assert by_rule == {
        "nl-bsn": "error", "nl-agb": "warning", "nl-uzi": "warning", "nl-ura": "warning", "nl-big": "warning",
        "nl-uzovi": "warning",
    }  # fmt: skip
    (issue,) = validate(identified(AGB, "1"), R4)
    assert issue.severity == "warning"


def test_a_warning_hides_no_error_beside_it() -> None:
    extension = [{"url": "urn:x", "valueIdentifier": {"system": AGB, "value": "1"}}]
    issues = validate(changed(WEIGHT, valueQuantity__code="lbs", valueQuantity__extension=extension), R4)
    assert sorted(issue.severity for issue in issues) == ["error", "warning"]


def test_no_text_repeats_a_number_or_code() -> None:
    secret = "geheim81"
    for resource in (
        identified(BSN, secret),
        identified(AGB, secret),
        attachment(contentType=secret),
        changed(WEIGHT, language=secret + "x"),
        changed(WEIGHT, valueQuantity__code=secret),
        changed(WEIGHT, subject={"type": secret, "display": "x"}),
    ):
        issues = validate(resource, R4)
        assert issues
        assert not [issue for issue in issues if secret in f"{issue.diagnostics} {issue.expression}"]


@given(st.sampled_from(sorted(CASES)), st.integers(min_value=0), st.none() | st.integers() | st.text(max_size=4))
def test_any_junk_in_any_place_gives_issues_and_no_error(case: str, place: int, junk: object) -> None:
    broken = changed(CASES[case].resource)
    places = [(each, member) for each in walk_dicts(broken) for member in each]
    target, member = places[place % len(places)]
    target[member] = junk
    assert all(issue.expression and issue.diagnostics for issue in validate(broken, R4))
