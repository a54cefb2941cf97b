"""What leaves as zib2017: viewed, translated, and held against FHIR and Nictiz' definitions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.bgz.zib2017.around import ALONE, Around
from app.bgz.zib2017.mapping import Mapper
from app.config import CANONICAL_BASE
from app.fhir.definitions import load
from app.fhir.profiles.verdicts import claimed_issues
from app.fhir.resource import Resource, decode, encode
from app.fhir.stu3 import Translator
from app.fhir.validation import validate
from tests.profiles.official import profiles

VERSION: Final = "3.0.1"
MAPPER: Final = Mapper(CANONICAL_BASE)
TRANSLATOR: Final = Translator(CANONICAL_BASE)
NICTIZ: Final = "http://nictiz.nl/fhir/StructureDefinition/"
NL: Final = "http://fhir.nl/fhir/StructureDefinition/"


def leaving(resource: Resource, around: Around = ALONE) -> Resource:
    """The STU3 form of what was born here."""
    before = encode(resource)
    made = TRANSLATOR.to_stu3(MAPPER.view(decode(before), around))
    assert encode(resource) == before
    return decode(encode(made))


def claims(resource: Resource) -> list[str]:
    """The names of the profiles that it claims."""
    return [each.rpartition("/")[2] for each in resource.get("meta", {}).get("profile", ())]


def faults(resource: Resource, fhir_definitions: Path) -> list[str]:
    """What STU3, and the profiles that it claims, find wrong with it; that a profile is not held among them."""
    structure = [f"{each.diagnostics} {each.expression}" for each in validate(resource, load(VERSION))]
    held = profiles(fhir_definitions, VERSION)
    missing = [each for each in resource.get("meta", {}).get("profile", ()) if not held.knows(each)]
    found = [each for each in claimed_issues(held, resource, None) if each.severity == "error"]
    return [*structure, *missing, *(f"{each.rule}: {each.diagnostics} {each.expression}" for each in found)]


def components(resource: Resource, code: str) -> Sequence[Resource]:
    """Those with a code."""
    return [
        each
        for each in resource.get("component", ())
        if any(coding.get("code") == code for coding in each["code"].get("coding", ()))
    ]


def codes(concept: Resource) -> list[tuple[str, str]]:
    """System and code of each coding."""
    return [(each.get("system", ""), each["code"]) for each in concept.get("coding", ())]
