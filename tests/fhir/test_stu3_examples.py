"""The examples in HL7's package of STU3 go to XML and come back. https://hl7.org/fhir/STU3/xml.html

``test_examples`` has the table of those that are not valid, with the defect of each.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from app.fhir import definitions, xml
from app.fhir.definitions import package
from app.fhir.resource import decode
from tests.fhir.test_xml import with_canonical_narrative

STU3: Final = definitions.load("3.0.1")
LARGEST: Final = 200_000
OF_A_TYPE: Final = 80
"""Thousands of value sets and search parameters would only take long; of all other types this is every one."""


def test_every_example_of_stu3_comes_back_from_xml_as_it_was(fhir_definitions: Path) -> None:
    kinds: Counter[str] = Counter()
    for name, content in package.examples(fhir_definitions / "hl7.fhir.core-3.0.1.tar.gz"):
        example = decode(content)
        kind = example["resourceType"]
        if len(content) <= LARGEST and kind in STU3.resource_types and kinds[kind] < OF_A_TYPE:
            kinds[kind] += 1
            written = xml.from_xml(xml.to_xml(example, STU3), STU3)
            assert with_canonical_narrative(written) == with_canonical_narrative(example), name
    # The package has none of these.
    assert kinds.keys() == STU3.resource_types - {"DataElement"}
