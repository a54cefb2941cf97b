"""The payload rules on whole resources: Nictiz' examples, and what has nothing to say."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Final

import pytest

from app.fhir.definitions import load
from app.fhir.resource import Resource
from app.fhir.validation import validate
from app.fhir.xml import from_xml, to_xml
from app.medmij.displays import display_of
from app.medmij.payload import ABSENT, ORIGINAL, Payload
from app.server.returning import restored
from tests.fhir.examples import nictiz
from tests.medmij.checker import VERSIONS, problems

OID: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.2.12.1.1"


def payload(version: str) -> Payload:
    return Payload(load(VERSIONS[version]), lambda kind: f"urn:profile:{kind}")


def nobody(_: str) -> str:
    return ""


@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_every_example_follows_the_rules_and_stays_valid(fhir_definitions: Path, version: str) -> None:
    definitions, rules, seen = load(VERSIONS[version]), payload(version), 0
    for name, content in nictiz(fhir_definitions, VERSIONS[version]):
        resource = from_xml(content, definitions)
        before = [each for each in validate(resource, definitions) if each.severity == "error"]
        rules.apply(resource, nobody)
        assert problems(resource, version) == [], name
        after = [each for each in validate(resource, definitions) if each.severity == "error"]
        assert len(after) <= len(before), name
        assert from_xml(to_xml(resource, definitions), definitions) == resource, name
        again = copy.deepcopy(resource)
        rules.apply(again, nobody)
        assert again == resource, name
        seen += 1
    assert seen > 100


def test_what_has_nothing_to_say_says_why() -> None:
    resource: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"display": "iets"}, {"system": OID, "code": "x"}]},
        "category": [{"coding": [{"system": "urn:x", "code": "y"}]}],
        "subject": {"reference": "Patient/p"},
        "performer": [{"reference": "#who"}, {"identifier": {"value": "1"}}],
        "contained": [{"resourceType": "Practitioner", "id": "who", "name": [{"family": "Arts", "prefix": ["Dr."]}]}],
        "identifier": [{"type": {"text": "nummer"}}],
    }
    payload("3.0").apply(resource, {"Patient/p": "Anna"}.get)  # type: ignore[arg-type]
    why: dict[str, Any] = {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}
    first, second = resource["code"]["coding"]
    assert (first["_system"], first["_code"]) == (why, why)
    assert "system" not in second
    assert {"url": ORIGINAL, "valueString": OID} in second["_system"]["extension"]
    assert resource["subject"]["display"] == "Anna"
    assert resource["performer"][0]["display"] == "Dr. Arts"
    assert resource["performer"][1]["_display"] == why
    assert resource["performer"][1]["identifier"]["_system"] == why
    assert resource["identifier"][0]["_value"] == why
    assert resource["meta"]["profile"] == ["urn:profile:Observation"]
    assert problems({**resource, "id": "a"}, "3.0") == []


def test_a_bsn_is_masked_wherever_it_stands() -> None:
    bsn = {"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "999999990"}
    resource: Resource = {
        "resourceType": "Patient",
        "identifier": [bsn],
        "contained": [{"resourceType": "RelatedPerson", "identifier": [dict(bsn)]}],
        "link": [{"other": {"identifier": dict(bsn)}, "type": "seealso"}],
    }
    payload("4.0").apply(resource, nobody)
    assert "999999990" not in str(resource)
    assert problems({**resource, "id": "a"}, "4.0") == []


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ({"name": [{"text": "Dr. A. Arts", "family": "Arts"}]}, "Dr. A. Arts"),
        ({"name": [{"given": ["Anna"], "family": "Proefstra"}]}, "Anna Proefstra"),
        ({"name": "De Proef"}, "De Proef"),
        ({"code": {"coding": [{"display": "Diabetes"}]}}, "Diabetes"),
        ({"deviceName": [{"name": "Rollator", "type": "user-friendly-name"}]}, "Rollator"),
        ({"description": {"text": "Weer lopen"}}, "Weer lopen"),
        ({"practitioner": {"display": "A. Arts"}}, "A. Arts"),
        ({"status": "final"}, ""),
    ],
)
def test_a_resource_is_called_by_what_it_says_it_is(resource: Resource, words: str) -> None:
    assert display_of(resource) == words


def test_what_comes_back_unchanged_stands_as_it_is_stored() -> None:
    stored: Resource = {"resourceType": "Task", "id": "t", "status": "requested", "code": {"x": 1}, "priority": "asap"}
    given: Resource = {"resourceType": "Task", "id": "t", "status": "requested", "code": {"x": 1, "y": 2}, "note": [1]}
    given["meta"] = {"profile": ["urn:added"]}
    sent = {**given, "status": "accepted", "meta": {"profile": ["urn:added"], "tag": [{"code": "t"}]}}
    made = restored(sent, given, stored)
    assert (made["status"], made["code"], made["priority"]) == ("accepted", {"x": 1}, "asap")
    assert "note" not in made
    assert made["meta"] == {"tag": [{"code": "t"}]}


def _claim(profile: str) -> Resource:
    return {"url": "https://x/StructureDefinition/source-profile", "extension": [{"valueCanonical": profile}]}


@pytest.mark.parametrize(
    ("sent", "claims"),
    [
        ({}, ["urn:r4"]),
        ({"extension": [_claim("urn:view")]}, ["urn:r4"]),
        ({"extension": [_claim("urn:changed")]}, ["urn:r4", "urn:changed"]),
        ({"profile": ["urn:changed"], "extension": [_claim("urn:view")]}, ["urn:changed"]),
    ],
)
def test_what_is_claimed_stands_unless_it_was_changed(sent: Resource, claims: list[str]) -> None:
    stored: Resource = {"resourceType": "Task", "meta": {"profile": ["urn:r4"], "extension": [{"url": "urn:other"}]}}
    given: Resource = {
        "resourceType": "Task",
        "meta": {"profile": ["urn:r4"], "extension": [{"url": "urn:other"}, _claim("urn:view")]},
    }
    meta = restored({"resourceType": "Task", "meta": sent}, given, stored)["meta"]
    other, *rest = meta["extension"]
    assert other == {"url": "urn:other"}
    assert [*meta["profile"], *(each["extension"][0]["valueCanonical"] for each in rest)] == claims


@pytest.mark.parametrize("version", ["3.0", "4.0"])
@pytest.mark.parametrize("words", ["BSN 999911120", "Burgerservicenummer:</b> 9999.11.120", "bsn=999911120"])
def test_what_is_called_a_bsn_leaves_in_no_words(version: str, words: str) -> None:
    """Also of what was stored before words were looked at."""
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p><b>{words}</p></div>'
    resource: Resource = {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": div},
        "name": [{"text": words, "given": ["Anna", words]}],
        "managingOrganization": {"display": words},
    }
    payload(version).apply(resource, nobody)
    assert "11120" not in str(resource).replace(".", "")
    assert str(resource).count("*********") == 4
    assert problems(resource, version) == []
