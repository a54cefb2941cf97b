"""Whatever a body says: when its shape is FHIR's, profiles can look at it; when it is not, they are not asked."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.definitions import load
from app.fhir.packages import Library
from app.fhir.packages.library import Artifact
from app.fhir.profiles import Profiles
from app.fhir.profiles.verdicts import claimed_issues
from app.fhir.resource import Resource, decode
from app.fhir.terminology.library import LibraryTerminology
from app.fhir.validation import has_shape, validate
from app.server.intake.claims import claimed_in
from app.server.packages.built_in import FOLDER, built_in
from tests.builders import observation, patient, reference
from tests.intake.profiles import PROFILES, REACHABLE, weighing

R4: Final = load("4.0.1")
JUNK: Final[tuple[Any, ...]] = (
    *(None, "", 0, -1, True, [], {}, "x", ["x"], {"a": 1}, [{}], [None], [[]], "2020-13-45", "urn:uuid:x", "#x"),
    *({"reference": "#x"}, {"reference": 7}, {"extension": [{"url": True}]}, {"profile": 7}, 10**30),
)
ROUNDS: Final = 400


@pytest.fixture(scope="module")
def held() -> Profiles:
    """Our own profiles and those of this folder."""
    artifacts = [Artifact.of(each, fhir_version="4.0.1", package="profiles.test#1.0.0") for each in PROFILES]
    library = Library([*built_in(CANONICAL_BASE), *artifacts])
    return Profiles(R4, library, LibraryTerminology(library, R4))


def samples() -> list[Resource]:
    own = [decode(path.read_bytes()) for path in sorted((FOLDER / "examples").glob("*.json"))]
    inner = {**weighing(), "id": "x", "subject": reference("#p")}
    person = patient("p", meta={"profile": [REACHABLE]}, extension=[{"url": "https://x.test/x", "valueString": "y"}])
    return [*own, weighing(), observation(contained=[inner, person], derivedFrom=[reference("#x")])]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every member of an object and item of an array, with what it is in."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def damaged(resource: Resource, random: Random) -> Resource:
    made = deepcopy(resource)
    for _ in range(random.randint(1, 4)):
        found = [(around, key) for around, key in places(made) if key != "resourceType"]
        if not found:
            break
        around, key = random.choice(found)
        if random.random() < 0.25 and isinstance(around, dict):
            del around[key]
        elif random.random() < 0.3:
            other, name = random.choice(found)
            around[key] = deepcopy(other[name])
        else:
            around[key] = deepcopy(random.choice(JUNK))
    return made


@pytest.mark.parametrize("seed", range(8))
def test_what_has_the_shape_of_fhir_can_be_looked_at_by_profiles(held: Profiles, seed: int) -> None:
    random, looked = Random(seed), 0
    known = samples()
    for _ in range(ROUNDS):
        resource = damaged(random.choice(known), random)
        claimed_in(resource)
        if has_shape(validate(resource, R4)):
            looked += 1
            claimed_issues(held, resource)
    assert looked > ROUNDS // 10
