"""What comes out of a translation is parsed by another implementation. https://github.com/nazrulworld/fhir.resources"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Final

import pytest

from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, encode
from app.fhir.stu3 import R4_TYPES, STU3_TYPES, Untranslatable
from tests.stu3.examples import R4, STU3, TRANSLATOR, errors, examples

UNREADABLE: Final = {
    # It lets nothing stand beside the value of an extension, which FHIR does: here the extensions of a status that is
    # carried with them.
    "zib-Problem-03.xml",
}
RELEASES: Final = {"3.0.1": "STU3", "4.0.1": "R4B"}


def parse(resource: Resource, definitions: Definitions) -> None:
    """Raises ``ValidationError`` where the other implementation finds fault."""
    kind = resource["resourceType"]
    module: Any = importlib.import_module(f"fhir.resources.{RELEASES[definitions.version]}.{kind.lower()}")
    getattr(module, kind).model_validate_json(encode(resource))


@pytest.mark.parametrize("kind", sorted(R4_TYPES))
def test_what_came_from_stu3_is_parsed(fhir_definitions: Path, kind: str) -> None:
    for name, example in examples(fhir_definitions, "3.0.1").get(kind, ()):
        try:
            within = TRANSLATOR.to_r4(example)
        except Untranslatable:
            continue
        if name not in UNREADABLE and not errors(within, R4):
            _parse_with_name(within, R4, name)


@pytest.mark.parametrize("kind", sorted(STU3_TYPES))
def test_what_goes_out_is_parsed(fhir_definitions: Path, kind: str) -> None:
    for name, example in examples(fhir_definitions, "4.0.1").get(kind, ()):
        out = TRANSLATOR.to_stu3(example)
        if not errors(out, STU3):
            _parse_with_name(out, STU3, name)


def _parse_with_name(resource: Resource, definitions: Definitions, name: str) -> None:
    try:
        parse(resource, definitions)
    except ValueError as error:
        error.add_note(name)
        raise
