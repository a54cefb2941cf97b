"""JSON to XML and back: nothing lost, and nothing let in that is not FHIR."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from fhir.resources.R4B import get_fhir_model_class as r4b_model
from fhir.resources.STU3 import get_fhir_model_class as stu3_model
from lxml import etree

from app.fhir.definitions import Definitions, load
from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import from_xml, to_xml
from tests.fhir.examples import hl7, nictiz, xml_of

R4: Final = load("4.0.1")
STU3: Final = load("3.0.1")
EVERY_VERSION: Final = pytest.mark.parametrize("definitions", [R4, STU3], ids=["R4", "STU3"])
MODELS: Final = {"4.0.1": r4b_model, "3.0.1": stu3_model}
SCHEMA_LOCATION: Final = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"

# Examples in which `identifier` stands before `masterIdentifier`; we write the order of the definition.
OUT_OF_ORDER: Final = frozenset(
    {"pdfa-DocumentManifest-01.xml", "pdfa-DocumentReference-01.xml", "pdfa-DocumentReference-02.xml"}
)


def canonical(data: bytes) -> bytes:
    """Canonical XML without what carries no FHIR: comments, space between elements, the place of a schema."""
    root = etree.fromstring(data, etree.XMLParser(remove_comments=True))
    for element in root.iter("{http://hl7.org/fhir}*"):
        if SCHEMA_LOCATION in element.attrib:
            del element.attrib[SCHEMA_LOCATION]
        element.text = None
        for child in element:
            child.tail = None
    etree.cleanup_namespaces(root)
    return etree.tostring(root, method="c14n")


def with_canonical_narrative(value: Any) -> Any:
    """The JSON with every ``div`` in canonical form."""
    if isinstance(value, dict):
        return {
            name: etree.tostring(etree.fromstring(each), method="c14n")
            if name == "div"
            else with_canonical_narrative(each)
            for name, each in value.items()
        }
    return [with_canonical_narrative(each) for each in value] if isinstance(value, list) else value


@EVERY_VERSION
def test_the_examples_of_nictiz_come_back_as_they_were(fhir_definitions: Path, definitions: Definitions) -> None:
    examples = list(nictiz(fhir_definitions, definitions.version))
    assert len(examples) == {"4.0.1": 271, "3.0.1": 215}[definitions.version]
    for name, data in examples:
        resource = from_xml(data, definitions)
        written = to_xml(resource, definitions)
        assert (canonical(written) == canonical(data)) == (name not in OUT_OF_ORDER), name
        assert from_xml(written, definitions) == resource, name
        assert from_xml(to_xml(resource, definitions, pretty=True), definitions) == resource, name
        assert decode(encode(resource)) == resource, name


@EVERY_VERSION
def test_the_examples_of_nictiz_parse_in_fhir_resources(fhir_definitions: Path, definitions: Definitions) -> None:
    model = MODELS[definitions.version]
    for _, data in nictiz(fhir_definitions, definitions.version):
        resource = from_xml(data, definitions)
        parsed = model(resource["resourceType"]).model_validate_json(encode(resource))
        assert parsed.get_resource_type() == resource["resourceType"]


@EVERY_VERSION
def test_the_json_of_hl7_comes_back_as_it_was(fhir_definitions: Path, definitions: Definitions) -> None:
    resources = [
        each for each in hl7(fhir_definitions, definitions.version) if each[0] != "ImplementationGuide-fhir.json"
    ]
    assert len(resources) > 10
    for name, resource in resources:
        written = from_xml(to_xml(resource, definitions), definitions)
        assert with_canonical_narrative(written) == with_canonical_narrative(resource), name


RULES: Final[dict[str, tuple[bytes, Resource]]] = {
    "the id of an element and the url of an extension are attributes, the id of a resource is not": (
        xml_of('<id value="p"/><name id="n"><extension url="urn:a"><valueCode value="x"/></extension></name>'),
        {
            "resourceType": "Patient",
            "id": "p",
            "name": [{"id": "n", "extension": [{"url": "urn:a", "valueCode": "x"}]}],
        },
    ),
    "id and extensions of a primitive stand beside it": (
        xml_of(
            '<birthDate id="b" value="1950"><extension url="urn:a"><valueTime value="10:00"/></extension></birthDate>'
        ),
        {
            "resourceType": "Patient",
            "birthDate": "1950",
            "_birthDate": {"id": "b", "extension": [{"url": "urn:a", "valueTime": "10:00"}]},
        },
    ),
    "a primitive may have extensions only": (
        xml_of('<active><extension url="urn:a"><valueCode value="unknown"/></extension></active>'),
        {"resourceType": "Patient", "_active": {"extension": [{"url": "urn:a", "valueCode": "unknown"}]}},
    ),
    "nulls hold the places of an array": (
        xml_of('<name><given value="A"/><given id="2"/><given value="C"/><given id="4" value="D"/></name>'),
        {
            "resourceType": "Patient",
            "name": [{"given": ["A", None, "C", "D"], "_given": [None, {"id": "2"}, None, {"id": "4"}]}],
        },
    ),
    "nulls come first when values come later": (
        xml_of('<name><given id="1"/><given value="B"/></name>'),
        {"resourceType": "Patient", "name": [{"given": [None, "B"], "_given": [{"id": "1"}, None]}]},
    ),
    "an array of which nothing has a value has no array of values": (
        xml_of('<name><given id="1"/><given id="2"/></name>'),
        {"resourceType": "Patient", "name": [{"_given": [{"id": "1"}, {"id": "2"}]}]},
    ),
    "booleans and integers are JSON's, and what looks like one but is a string stays a string": (
        xml_of('<active value="false"/><name><text value="true"/></name><multipleBirthInteger value="2"/>'),
        {"resourceType": "Patient", "active": False, "name": [{"text": "true"}], "multipleBirthInteger": 2},
    ),
    "space in a string stays": (
        xml_of('<name><text value=" a&#9;b&#10;c&#13;&quot;&amp;&lt;&gt; "/></name>'),
        {"resourceType": "Patient", "name": [{"text": ' a\tb\nc\r"&<> '}]},
    ),
    "a contained resource and that of a parameter have an element around them": (
        xml_of(
            '<parameter><name value="p"/><resource><Basic><contained><Patient><id value="c"/></Patient></contained>'
            "</Basic></resource></parameter>",
            resource_type="Parameters",
        ),
        {
            "resourceType": "Parameters",
            "parameter": [
                {
                    "name": "p",
                    "resource": {"resourceType": "Basic", "contained": [{"resourceType": "Patient", "id": "c"}]},
                }
            ],
        },
    ),
    "narrative is a string with its own namespace": (
        xml_of(
            '<text><status value="empty"/><div xmlns="http://www.w3.org/1999/xhtml"> <b>a</b> &lt;<br/></div></text>'
        ),
        {
            "resourceType": "Patient",
            "text": {
                "status": "empty",
                "div": '<div xmlns="http://www.w3.org/1999/xhtml"> <b>a</b> &lt;<br/></div>',
            },
        },
    ),
}


@pytest.mark.parametrize(("data", "resource"), RULES.values(), ids=RULES.keys())
def test_both_formats_say_the_same(data: bytes, resource: Resource) -> None:
    assert from_xml(data, R4) == resource
    assert canonical(to_xml(resource, R4)) == canonical(data)


@pytest.mark.parametrize(
    "text",
    ["81.50", "0.00000001", "-0.0", "-0", "0", "81", "1E+2", "12345678901234567890", "3.14159265358979323846264338"],
)
def test_a_decimal_keeps_its_digits(text: str) -> None:
    data = xml_of(f'<valueQuantity><value value="{text}"/></valueQuantity>', resource_type="Observation")
    resource = from_xml(data, R4)
    assert canonical(to_xml(resource, R4)) == canonical(data)
    assert Decimal(decode(encode(resource))["valueQuantity"]["value"]) == Decimal(text)


def test_a_decimal_that_would_be_very_long_is_written_with_an_exponent() -> None:
    resource = {"resourceType": "Observation", "valueQuantity": {"value": Decimal("1E-999999")}}
    assert b'value="1E-999999"' in to_xml(resource, R4)


def test_numbers_have_the_types_that_json_gives_them() -> None:
    data = xml_of('<valueQuantity><value value="81"/></valueQuantity>', resource_type="Observation")
    assert type(from_xml(data, R4)["valueQuantity"]["value"]) is int
    assert type(from_xml(data.replace(b"81", b"81.0"), R4)["valueQuantity"]["value"]) is Decimal


def test_elements_are_written_in_the_order_of_the_definition() -> None:
    resource = {"name": [{"family": "Jansen", "use": "official"}], "active": True, "id": "p", "resourceType": "Patient"}
    expected = '<id value="p"/><active value="true"/><name><use value="official"/><family value="Jansen"/></name>'
    assert to_xml(resource, R4) == b'<?xml version="1.0" encoding="UTF-8"?>' + xml_of(expected)


def test_pretty_puts_each_element_on_a_line_and_leaves_narrative_alone() -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>a</p><p>b</p></div>'
    resource = {"resourceType": "Patient", "text": {"status": "empty", "div": div}, "active": True}
    assert to_xml(resource, R4, pretty=True).decode().splitlines() == [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<Patient xmlns="http://hl7.org/fhir">',
        "  <text>",
        '    <status value="empty"/>',
        f"    {div}",
        "  </text>",
        '  <active value="true"/>',
        "</Patient>",
    ]


def test_what_is_not_fhir_around_and_between_elements_is_left_out() -> None:
    data = (
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<?xml-stylesheet href="a.xsl"?><!-- a --><f:Patient xmlns:f="http://hl7.org/fhir"'
        b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir a.xsd">\n'
        b'<f:text><h:div xmlns:h="http://www.w3.org/1999/xhtml">a<!-- b --></h:div></f:text>'
        b'<!-- c --><f:active value=" true "/>\n</f:Patient><!-- d -->'
    )
    div = '<h:div xmlns:h="http://www.w3.org/1999/xhtml">a<!-- b --></h:div>'
    assert from_xml(data, R4) == {"resourceType": "Patient", "text": {"div": div}, "active": True}
