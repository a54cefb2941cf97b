"""What is made from the tables is valid, and with one rule broken it is refused at the place where that is.
https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from app.fhir import definitions, resource, xml
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource
from app.fhir.validation import validate
from tests.fhir.examples import hl7, nictiz
from tests.fhir.generated import Maker
from tests.fhir.near_misses import near_misses

R4: Final = definitions.load("4.0.1")
STU3: Final = definitions.load("3.0.1")
SEEDS: Final = range(4)

EVERY_TYPE: Final = [(loaded, name) for loaded in (R4, STU3) for name in sorted(loaded.resource_types)]


def errors(found: Resource, loaded: Definitions) -> list[str]:
    """The paths of what is wrong, warnings left out."""
    return [issue.expression[0] for issue in validate(found, loaded) if issue.severity == "error"]


def refused(valid: Resource, loaded: Definitions, chance: random.Random) -> Counter[str]:
    """Asserts that every near-miss is refused where it should be; gives the kinds of mistakes."""
    kinds: Counter[str] = Counter()
    for mistake, broken, path in near_misses(valid, loaded, chance):
        assert path in errors(broken, loaded), mistake
        kinds[mistake.partition(":")[0]] += 1
    return kinds


@pytest.mark.parametrize(("loaded", "name"), EVERY_TYPE, ids=lambda each: getattr(each, "version", each))
def test_a_generated_resource_is_valid_and_its_near_misses_are_refused(loaded: Definitions, name: str) -> None:
    for seed in SEEDS:
        chance = random.Random(f"{name} {seed}")
        made = Maker(loaded, chance).resource(name)
        assert errors(made, loaded) == []
        assert made["resourceType"] == name
        assert refused(made, loaded, chance)
        assert as_json(xml.from_xml(xml.to_xml(made, loaded), loaded)) == as_json(made)


def as_json(found: Resource) -> Any:
    """The resource as JSON has it: a Decimal without a fraction is an int there."""
    return resource.decode(resource.encode(found))


def test_every_kind_of_mistake_is_made() -> None:
    kinds: Counter[str] = Counter()
    for seed in SEEDS:
        chance = random.Random(seed)
        kinds += refused(Maker(R4, chance, richness=0.6).resource("Observation"), R4, chance)
    assert len({kind for kind in kinds if " and " not in kind and not kind.startswith("without")}) == 10, kinds
    assert any(kind.startswith("without") for kind in kinds)
    assert any(" and " in kind for kind in kinds)


def test_the_same_seed_makes_the_same_resource() -> None:
    one, same = (Maker(R4, random.Random(7)).resource("Patient") for _ in range(2))
    assert one == same
    assert one != Maker(R4, random.Random(8)).resource("Patient")


def test_near_misses_of_the_examples_of_zib2020_are_refused(fhir_definitions: Path) -> None:
    count = 0
    for name, content in nictiz(fhir_definitions, "4.0.1"):
        example = xml.from_xml(content, R4)
        assert errors(example, R4) == [], name
        count += refused(example, R4, random.Random(name)).total()
    assert count > 2000


def test_near_misses_of_hl7s_examples_of_stu3_are_refused(fhir_definitions: Path) -> None:
    count = 0
    for name, example in hl7(fhir_definitions, "3.0.1"):
        if example["resourceType"] in STU3.resource_types and errors(example, STU3) == []:
            count += refused(example, STU3, random.Random(name)).total()
    assert count > 1000
