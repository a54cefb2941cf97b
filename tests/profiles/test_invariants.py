"""Every constraint of all packages, evaluated on all examples' elements where it applies and on what is left of these
when something is taken out.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from app.fhir.definitions import Definitions, load
from app.fhir.profiles.elements import Item, members_of
from app.fhir.profiles.invariants import NotEvaluable, _evaluator, _holds, evaluator
from app.fhir.profiles.presence import presence
from app.fhir.profiles.run import Run
from app.fhir.resource import Resource
from app.fhir.terminology.library import LibraryTerminology
from tests.conftest import CLOSING_LINE
from tests.profiles.official import VERSIONS, elements, examples, library, of_version

_SLICE: Final = re.compile(r":[^.]+")
_MOST: Final = 12
"""Elements of one path that a constraint is tried on, as they are and without each of their members."""

_ANOTHER_TYPE: Final = "the value is to be a number, and is of another type; the profile refuses that as well"
NOT_EVALUABLE: Final[Mapping[str, Mapping[str, str]]] = {
    "4.0.1": {"zib-PainScore-1": _ANOTHER_TYPE, "zib-PainScore-2": _ANOTHER_TYPE},
    "3.0.1": {},
}
"""By key, on which elements a constraint cannot be evaluated."""


class Constraint(NamedTuple):
    key: str
    expression: str
    path: str


@functools.cache
def _constraints(fhir_definitions: Path, version: str) -> tuple[Constraint, ...]:
    """Each expression of a profile once for each path that it is about."""
    found: dict[Constraint, None] = {}
    for artifact in of_version(fhir_definitions, version):
        resource = artifact.resource() if artifact.kind == "StructureDefinition" else {}
        if resource.get("derivation") == "constraint":
            for element in resource["differential"]["element"]:
                for each in element.get("constraint", ()):
                    path = _own_path(_SLICE.sub("", element["path"]), load(version))
                    found[Constraint(each["key"], each["expression"], path)] = None
    return tuple(found)


def _own_path(path: str, definitions: Definitions) -> str:
    """The path of an element within the type that has it: ``HumanName.family`` for ``Patient.name.family``."""
    kind, *names = path.split(".")
    for name in names:
        path = f"{kind}.{name}"
        rows = members_of(definitions, kind)
        kind = next(row.type for each, found in rows.items() for row in found if name in (each, row.member))
    return path


@functools.cache
def _elements(fhir_definitions: Path, version: str) -> Mapping[str, list[tuple[Item, Resource]]]:
    """By path, some elements that differ, with their resource."""
    found: dict[str, list[tuple[Item, Resource]]] = defaultdict(list)
    for resource in examples(fhir_definitions, version).by_name.values():
        for path, item in elements(resource, load(version)):
            known = found[path]
            if len(known) < _MOST and all(item != each for each, _ in known):
                known.append((item, resource))
    return found


def _without(item: Item) -> Iterator[Item]:
    """The element as it is, and without each of its members."""
    yield item
    if isinstance(item.value, dict):
        for name in item.value:
            if name != "resourceType":
                yield item._replace(value={each: item.value[each] for each in item.value if each != name})


def _tried(fhir_definitions: Path, version: str, path: str) -> Iterator[tuple[Item, Resource]]:
    for item, resource in _elements(fhir_definitions, version).get(path, ()):
        for each in _without(item):
            yield each, resource


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", VERSIONS)
def test_constraints_that_cannot_be_evaluated_are_listed(
    fhir_definitions: Path, version: str, record_property: Callable[[str, object], None]
) -> None:
    held, definitions = library(fhir_definitions, version), load(version)
    terminology = LibraryTerminology(held, definitions)
    failing: dict[str, str] = {}
    counts: dict[str, int] = defaultdict(int)
    answers: dict[str, set[bool]] = defaultdict(set)
    for constraint in _constraints(fhir_definitions, version):
        evaluate = evaluator(constraint.expression, definitions, terminology)
        for item, resource in _tried(fhir_definitions, version, constraint.path):
            counts[constraint.key] += 1
            try:
                answers[constraint.key].add(_holds(evaluate(item, Run(resource, None))))
            except NotEvaluable as error:
                why = str(error.__cause__)
                failing[constraint.key] = _ANOTHER_TYPE if "did not match type" in why else why
    keys = {each.key for each in _constraints(fhir_definitions, version)}
    assert failing == NOT_EVALUABLE[version]
    assert keys == counts.keys()
    broken = sum(False in answers[each] for each in keys)
    record_property(
        CLOSING_LINE,
        f"profiles: {len(keys)} constraints of FHIR {version}, {len(keys) - len(failing)} evaluable, tried on "
        f"{sum(counts.values())} elements, {broken} of them seen broken",
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_asks_only_what_is_there_answers_as_fhirpathpy_does(fhir_definitions: Path, version: str) -> None:
    held, definitions = library(fhir_definitions, version), load(version)
    terminology = LibraryTerminology(held, definitions)
    taken: set[str] = set()
    answers: set[bool] = set()
    for constraint in _constraints(fhir_definitions, version):
        quick = presence(constraint.expression, definitions)
        if quick is None:
            continue
        slow = _evaluator(constraint.expression.replace("(dataAbsentReason or value)", _SAID), version, terminology)
        for item, resource in _tried(fhir_definitions, version, constraint.path):
            said: list[Any] = slow(item, Run(resource, None))
            assert said == [quick(item)], (constraint, item)
            taken.add(constraint.key)
            answers.add(quick(item))
    assert answers == {True, False}
    assert {"vs-2", "vs-3"} <= taken


_SAID: Final = "(dataAbsentReason.exists() or value.exists())"
"""What STU3's vs-2 says in a way that fhirpathpy does not know."""
