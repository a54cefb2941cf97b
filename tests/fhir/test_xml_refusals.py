"""What is refused on the way from XML to JSON and back, and where the refusal says it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest

from app.errors import Invalid
from app.fhir.definitions import load
from app.fhir.xml import from_xml, to_xml
from tests.fhir.examples import xml_of

R4: Final = load("4.0.1")

REFUSED: Final[dict[str, tuple[str, str, str]]] = {
    "an unknown element": ("<colour/>", "structure", "Patient.colour"),
    "an unknown element deeper": ("<name/><name><colour/></name>", "structure", "Patient.name[1].colour"),
    "an element of another type": ("<valueString value='a'/>", "structure", "Patient.valueString"),
    "an unknown attribute": ("<name colour='a'/>", "structure", "Patient.name[0]"),
    "an unknown attribute of a primitive": ("<active value='true' colour='a'/>", "structure", "Patient.active"),
    "a value where there are elements": ("<name value='a'/>", "structure", "Patient.name[0]"),
    "an id as an attribute of a resource": (
        "<contained><Basic id='a'/></contained>",
        "structure",
        "Patient.contained[0]",
    ),
    "text": ("<name>Jansen</name>", "structure", "Patient.name[0]"),
    "text after an element": ("<name/>Jansen", "structure", "Patient"),
    "text in a primitive": ("<active value='true'>true</active>", "structure", "Patient.active"),
    "text beside a resource": ("<contained><Basic/>a</contained>", "structure", "Patient.contained[0]"),
    "an attribute around a resource": ("<contained id='a'><Basic/></contained>", "structure", "Patient.contained[0]"),
    "two resources in one element": ("<contained><Basic/><Basic/></contained>", "structure", "Patient.contained[0]"),
    "no resource where one is expected": ("<contained/>", "structure", "Patient.contained[0]"),
    "an unknown resource type": ("<contained><Colour/></contained>", "structure", "Patient.contained[0]"),
    "an abstract resource type": ("<contained><Resource/></contained>", "structure", "Patient.contained[0]"),
    "an element in another namespace": ("<active xmlns='urn:a' value='true'/>", "structure", "Patient"),
    "narrative in FHIR's namespace": ("<text><div/></text>", "structure", "Patient.text.div"),
    "XHTML outside of narrative": ("<div xmlns='http://www.w3.org/1999/xhtml'/>", "structure", "Patient"),
    "a second value": ("<gender value='male'/><gender value='female'/>", "structure", "Patient.gender"),
    "a second complex value": ("<maritalStatus/><maritalStatus/>", "structure", "Patient.maritalStatus"),
    "a second value with an id only": ("<gender id='a'/><gender value='male'/>", "structure", "Patient.gender"),
    "an empty primitive": ("<gender/>", "structure", "Patient.gender"),
    "a boolean that is none": ("<active value='1'/>", "value", "Patient.active"),
    "an integer that is none": ("<multipleBirthInteger value='2.0'/>", "value", "Patient.multipleBirth"),
    "an integer with other digits": ("<multipleBirthInteger value='٢'/>", "value", "Patient.multipleBirth"),
    "a processing instruction": ("<?php a?>", "structure", "Patient"),
    "a processing instruction beside a resource": (
        "<contained><?a?><Basic/></contained>",
        "structure",
        "Patient.contained[0]",
    ),
}


@pytest.mark.parametrize(("content", "code", "expression"), REFUSED.values(), ids=REFUSED.keys())
def test_what_json_cannot_hold_is_one_issue_at_its_place(content: str, code: str, expression: str) -> None:
    with pytest.raises(Invalid) as refusal:
        from_xml(xml_of(content), R4)
    assert [(issue.code, issue.expression) for issue in refusal.value.all_issues()] == [(code, (expression,))]


def test_all_problems_come_at_once_with_their_lines() -> None:
    data = xml_of("\n<colour/>\n<active value='1'/>\n<name>\n<given/></name>text")
    with pytest.raises(Invalid) as refusal:
        from_xml(data, R4)
    issues = refusal.value.all_issues()
    assert [issue.expression[0] for issue in issues] == [
        "Patient.colour",
        "Patient.active",
        "Patient.name[0].given[0]",
        "Patient",
    ]
    assert [issue.diagnostics.rpartition("(")[2] for issue in issues] == ["line 2)", "line 3)", "line 5)", "line 1)"]


HOSTILE: Final[dict[str, tuple[bytes, str]]] = {
    "an external entity": (
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + xml_of('<name><text value="a"/>&e;</name>'),
        "security",
    ),
    "entities of entities": (
        b'<?xml version="1.0"?><!-- a --><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
        + b"".join(b'<!ENTITY a%d "%s">' % (n, (b"&a%d;" % (n - 1) if n else b"&a;") * 10) for n in range(20))
        + b"]>"
        + xml_of('<name><text value="&a19;"/></name>'),
        "security",
    ),
    "a document type elsewhere": (b'\n<!DOCTYPE a SYSTEM "https://evil.example/a.dtd">' + xml_of(""), "security"),
    "a document type hidden in UTF-16": (
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a []>' + xml_of("").decode()).encode("utf-16"),
        "structure",
    ),
    "an entity that nobody declared": (xml_of('<name><text value="&e;"/></name>'), "structure"),
    "an entity of HTML": (
        xml_of('<text><div xmlns="http://www.w3.org/1999/xhtml">&nbsp;</div></text>'),
        "structure",
    ),
    "deep nesting": (xml_of("<extension url='a'>" * 5000 + "</extension>" * 5000), "structure"),
    "deep nesting of narrative": (
        xml_of(f'<text><div xmlns="http://www.w3.org/1999/xhtml">{"<b>" * 5000}{"</b>" * 5000}</div></text>'),
        "structure",
    ),
    "a very long value": (xml_of(f'<name><text value="{"a" * 10_000_001}"/></name>'), "structure"),
    "a very long number": (
        xml_of(f'<multipleBirthInteger value="{"9" * 5000}"/>'),
        "value",
    ),
    "bytes of Latin-1 that say so": (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>'
        + xml_of('<name><text value="é"/></name>').decode().encode("latin-1"),
        "structure",
    ),
    "no end": (xml_of("")[:-3], "structure"),
    "nothing": (b"", "structure"),
    "JSON": (b'{"resourceType": "Patient"}', "structure"),
    "another root": (b"<html/>", "structure"),
    "no namespace": (b"<Patient/>", "structure"),
    "another namespace": (b'<Patient xmlns="urn:hl7-org:v3"/>', "structure"),
    "a resource of another FHIR version": (xml_of("", resource_type="BodySite"), "structure"),
}


@pytest.mark.parametrize(("data", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_and_broken_documents_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        from_xml(data, R4)
    assert [issue.code for issue in refusal.value.all_issues()] == [code]


def test_a_prolog_of_many_comments_is_read_in_one_go() -> None:
    data = b"<!-- a -->" * 20_000 + xml_of("<active value='true'/>")
    assert from_xml(data, R4) == {"resourceType": "Patient", "active": True}


def test_a_document_that_is_not_well_formed_is_refused_with_line_and_column() -> None:
    with pytest.raises(Invalid, match=r"line 2, column \d+"):
        from_xml(xml_of("\n</name>"), R4)


NOT_XML: Final[dict[str, tuple[dict[str, Any], str, str]]] = {
    "an unknown member": ({"colour": "red"}, "structure", "Patient.colour"),
    "extensions beside what is no primitive": ({"_name": [{}]}, "structure", "Patient.name"),
    "an object for an array": ({"name": {"family": "a"}}, "structure", "Patient.name"),
    "a string for an object": ({"name": ["a"]}, "structure", "Patient.name[0]"),
    "a number for a string": ({"name": [{"family": 1}]}, "value", "Patient.name[0].family"),
    "a string for a boolean": ({"active": "true"}, "value", "Patient.active"),
    "a boolean for an integer": ({"multipleBirthInteger": True}, "value", "Patient.multipleBirth"),
    "a null": ({"active": None}, "value", "Patient.active"),
    "a null with nothing beside it": ({"name": [{"given": [None]}]}, "value", "Patient.name[0].given[0]"),
    "a character that XML has not": ({"name": [{"family": "a\x00"}]}, "value", "Patient.name[0].family"),
    "half a character": ({"name": [{"family": "\ud800"}]}, "value", "Patient.name[0].family"),
    "a decimal that is no number": (
        {"extension": [{"url": "a", "valueDecimal": Decimal("NaN")}]},
        "value",
        "Patient.extension[0].value",
    ),
    "narrative that is not well-formed": ({"text": {"div": "<div>"}}, "value", "Patient.text.div"),
    "narrative without its namespace": ({"text": {"div": "<div/>"}}, "value", "Patient.text.div"),
    "narrative with a document type": (
        {"text": {"div": '<!DOCTYPE a><div xmlns="http://www.w3.org/1999/xhtml"/>'}},
        "value",
        "Patient.text.div",
    ),
    "narrative that is no string": ({"text": {"div": 1}}, "value", "Patient.text.div"),
    "a resource without its type": ({"contained": [{"id": "a"}]}, "structure", "Patient.contained[0]"),
    "a resourceType where there is no resource": (
        {"name": [{"resourceType": "HumanName"}]},
        "structure",
        "Patient.name[0].resourceType",
    ),
}


@pytest.mark.parametrize(("members", "code", "expression"), NOT_XML.values(), ids=NOT_XML.keys())
def test_what_xml_cannot_hold_is_one_issue_at_its_place(members: dict[str, Any], code: str, expression: str) -> None:
    with pytest.raises(Invalid) as refusal:
        to_xml({"resourceType": "Patient", **members}, R4)
    assert [(issue.code, issue.expression) for issue in refusal.value.all_issues()] == [(code, (expression,))]


def test_a_resource_of_no_type_has_no_xml() -> None:
    with pytest.raises(Invalid):
        to_xml({"resourceType": "Patient<script>"}, R4)


def test_what_is_nested_without_end_has_no_xml() -> None:
    extension: dict[str, Any] = {"url": "a"}
    for _ in range(400):
        extension = {"url": "a", "extension": [extension]}
    with pytest.raises(Invalid, match="200 levels"):
        to_xml({"resourceType": "Patient", "extension": [extension]}, R4)
