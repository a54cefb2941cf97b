"""HL7's and Nictiz's examples of one version go to the other and come back as they were.
https://hl7.org/fhir/R4/versions.html
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from app.fhir.stu3 import R4_TYPES, STU3_TYPES, Untranslatable
from app.fhir.xml import from_xml, to_xml
from tests.fhir.test_xml import with_canonical_narrative
from tests.stu3.examples import R4, STU3, TRANSLATOR, errors, examples


@pytest.mark.parametrize("kind", sorted(R4_TYPES))
def test_every_example_of_stu3_comes_back_as_it_was(fhir_definitions: Path, kind: str) -> None:
    for name, example in examples(fhir_definitions, "3.0.1").get(kind, ()):
        before = copy.deepcopy(example)
        if missing := _missing(example):
            with pytest.raises(Untranslatable, match=missing):
                TRANSLATOR.to_r4(example)
            continue
        within = TRANSLATOR.to_r4(example)
        assert example == before, name
        assert TRANSLATOR.to_stu3(within) == example, name
        if not errors(example, STU3):
            assert errors(within, R4) == [], name


def _missing(value: Any) -> str:
    """A type without a table that stands within a resource; empty where there is none."""
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and value.get("resourceType", "Patient") not in R4_TYPES:
        return str(value["resourceType"])
    return next((found for each in within if (found := _missing(each))), "")


@pytest.mark.parametrize("kind", sorted(STU3_TYPES))
def test_every_example_of_r4_comes_back_as_it_was(fhir_definitions: Path, kind: str) -> None:
    for name, example in examples(fhir_definitions, "4.0.1").get(kind, ()):
        before = copy.deepcopy(example)
        without = TRANSLATOR.to_stu3(example)
        assert example == before, name
        assert TRANSLATOR.to_r4(without) == example, name
        if not errors(example, R4):
            assert errors(without, STU3) == [], name


@pytest.mark.parametrize("kind", sorted(R4_TYPES))
def test_the_xml_of_an_example_comes_back_as_it_was(fhir_definitions: Path, kind: str) -> None:
    for name, example in examples(fhir_definitions, "3.0.1").get(kind, ())[:20]:
        try:
            within = TRANSLATOR.to_r4(from_xml(to_xml(example, STU3), STU3))
        except Untranslatable:
            continue
        out = TRANSLATOR.to_stu3(from_xml(to_xml(within, R4), R4))
        again = from_xml(to_xml(out, STU3), STU3)
        assert with_canonical_narrative(again) == with_canonical_narrative(example), name


def test_every_example_of_nictiz_is_of_a_type_that_can_be_translated(fhir_definitions: Path) -> None:
    for version, known in (("3.0.1", R4_TYPES), ("4.0.1", STU3_TYPES)):
        found = examples(fhir_definitions, version)
        of_nictiz = {kind for kind in found if any(name.endswith(".xml") for name, _ in found[kind])}
        assert of_nictiz <= known.keys()


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        *(("3.0.1", kind) for kind in sorted(STU3.resource_types - R4_TYPES.keys())),
        *(("4.0.1", kind) for kind in sorted(R4.resource_types - STU3_TYPES.keys())),
    ],
)
def test_a_type_without_a_table_is_refused_by_name(version: str, kind: str) -> None:
    translate = TRANSLATOR.to_r4 if version == "3.0.1" else TRANSLATOR.to_stu3
    with pytest.raises(Untranslatable) as refused:
        translate({"resourceType": kind})
    assert kind in refused.value.diagnostics
    assert [each.expression for each in refused.value.issues] == [(kind,)]


def test_what_stands_within_another_resource_is_refused_with_every_place() -> None:
    contained = [{"resourceType": kind, "id": kind.lower()} for kind in ("Group", "Patient", "Sequence")]
    with pytest.raises(Untranslatable, match="Group") as refused:
        TRANSLATOR.to_r4({"resourceType": "Patient", "contained": contained})
    places = [each.expression for each in refused.value.issues]
    assert places == [("Patient.contained[0]",), ("Patient.contained[2]",)]
