"""The examples in HL7's package of STU3 go to XML and come back. https://hl7.org/fhir/STU3/xml.html

``test_examples`` has the table of those that are not valid, with the defect of each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from app.fhir import definitions, xml
from app.fhir.definitions import package
from app.fhir.resource import decode
from tests.fhir.test_xml import with_canonical_narrative

STU3: Final = definitions.load("3.0.1")
LARGEST: Final = 200_000
"""Bytes; the few files beyond it are Bundles of the definitions that are there one by one as well."""


def test_every_example_of_stu3_comes_back_from_xml_as_it_was(fhir_definitions: Path) -> None:
    kinds = set()
    for name, content in package.examples(fhir_definitions / "hl7.fhir.core-3.0.1.tar.gz"):
        example = decode(content)
        if len(content) <= LARGEST and example["resourceType"] in STU3.resource_types:
            written = xml.from_xml(xml.to_xml(example, STU3), STU3)
            assert with_canonical_narrative(written) == with_canonical_narrative(example), name
            kinds.add(example["resourceType"])
    # HL7's package has no example of these.
    assert kinds >= STU3.resource_types - {"Parameters"}
