"""HL7's and Nictiz's examples of the types that can be translated, by version and type."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from app.config import CANONICAL_BASE
from app.fhir.definitions import Definitions, load, package
from app.fhir.resource import Resource, decode
from app.fhir.stu3 import Translator
from app.fhir.validation import validate
from app.fhir.xml import from_xml
from tests.fhir.examples import nictiz

STU3: Final = load("3.0.1")
R4: Final = load("4.0.1")
TRANSLATOR: Final = Translator(CANONICAL_BASE)
LARGEST: Final = 1_000_000
"""Bytes: larger ones are HL7's definitions of a whole version in one Bundle."""
OF_A_TYPE: Final = 60
"""HL7 has thousands of value sets; of all other types this is every one."""


@functools.cache
def examples(folder: Path, version: str) -> Mapping[str, Sequence[tuple[str, Resource]]]:
    """File names and resources by type; those of R4 are Nictiz's, since HL7's package has none."""
    found: dict[str, list[tuple[str, Resource]]] = defaultdict(list)
    definitions = load(version)
    for name, content in nictiz(folder, version):
        example = from_xml(content, definitions)
        found[example["resourceType"]].append((name, example))
    if version == "3.0.1":
        for name, content in package.examples(folder / "hl7.fhir.core-3.0.1.tar.gz"):
            if len(content) <= LARGEST:
                example = decode(content)
                if len(found[example["resourceType"]]) < OF_A_TYPE:
                    found[example["resourceType"]].append((name, example))
    return found


def errors(resource: Resource, definitions: Definitions) -> list[tuple[tuple[str, ...], str | None, str]]:
    """What is wrong with a resource."""
    return [
        (each.expression, each.rule, each.diagnostics)
        for each in validate(resource, definitions)
        if each.severity in ("error", "fatal")
    ]
