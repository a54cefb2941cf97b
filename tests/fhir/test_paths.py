"""Path walkers against every search expression of HL7, with fhirpathpy as the second opinion."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import fhirpathpy
import pytest
from fhirpathpy.engine.nodes import TypeInfo
from fhirpathpy.models import models

from app.fhir.definitions import Definitions, load
from app.fhir.paths import ExpressionError, Walker, compile_walker
from app.fhir.resource import Resource
from app.fhir.xml import from_xml
from tests.fhir.examples import Maker, hl7, nictiz

R4: Final = load("4.0.1")
STU3: Final = load("3.0.1")
MODELS: Final = {"4.0.1": models["r4"], "3.0.1": models["stu3"]}
EVERY_VERSION: Final = pytest.mark.parametrize("definitions", [R4, STU3], ids=["R4", "STU3"])

# How expressions are rewritten for fhirpathpy 2.2.4, which is wrong, or stricter than the expressions, in these cases:
REWRITTEN: Final = (
    # `Resource.id` finds nothing: a path may start with the resource's own type only, not with a type it specializes.
    (re.compile(r"\b(?:Domain)?Resource\."), "{type}."),
    # STU3 writes primitive types as FHIRPath's system types; FHIR's `dateTime` is not taken for `DateTime`.
    (re.compile(r"\.as\((DateTime|Date|Uri|String)\)"), lambda found: f".as({found[1][0].lower()}{found[1][1:]})"),
    # `as` on several values is an error. So says FHIRPath since 2018, but HL7's expressions have it; `ofType` is meant.
    (re.compile(r"\.as\("), ".ofType("),
    (re.compile(r"\(([\w.]+) as (\w+)\)"), r"\1.ofType(\2)"),
)
# Extensions beside primitives are left out of the resources that fhirpathpy gets: `telecom.where(system = 'phone')` finds
# nothing when there is an `_system`, though equality of primitives is that of their values, and it empties `_given` in
# what it is given.


def search_expressions(definitions: Definitions) -> Iterator[tuple[str, str]]:
    """Every resource type with every expression of its search parameters."""
    for resource_type in sorted(definitions.resource_types):
        parameters = definitions.search_parameters[resource_type].values()
        yield from dict.fromkeys((resource_type, each.expression) for each in parameters if each.expression)


def walk(expression: str, resource: Resource, definitions: Definitions = R4) -> list[tuple[str, Any]]:
    return compile_walker(expression, resource["resourceType"], definitions).walk(resource)


def plain(value: Any) -> Any:
    """The value without what stands beside primitives."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if not name.startswith("_")}
    return [plain(each) for each in value if each is not None] if isinstance(value, list) else value


def distinct(values: list[Any]) -> list[str]:
    """Values as text, without repetitions: a union in FHIRPath has none, a walker leaves them in."""
    return list(dict.fromkeys(json.dumps(plain(value), default=str, sort_keys=True) for value in values))


class Oracle:
    """fhirpathpy for one FHIR version."""

    def __init__(self, definitions: Definitions) -> None:
        self._model = MODELS[definitions.version]
        self._compiled: dict[str, Any] = {}
        self._walkers: dict[tuple[str, str], Walker] = {}
        self._definitions = definitions

    def evaluate(self, expression: str, resource: Resource) -> list[Any]:
        for pattern, replacement in REWRITTEN:
            if isinstance(replacement, str):
                replacement = replacement.replace("{type}", resource["resourceType"])
            expression = pattern.sub(replacement, expression)
        if expression not in self._compiled:
            self._compiled[expression] = fhirpathpy.compile(expression, self._model)
        # Only `as` and `is` tell it the model, without which `ofType` knows no subtypes (a canonical is a uri).
        TypeInfo.model = self._model
        return [getattr(value, "asStr", value) for value in self._compiled[expression](plain(resource))]

    def disagreements(self, resource: Resource) -> Iterator[str]:
        """The expressions of the resource's type for which a walker finds other values, or values in another order."""
        resource_type = resource["resourceType"]
        parameters = self._definitions.search_parameters[resource_type].values()
        for expression in {each.expression for each in parameters if each.expression and "resolve()" not in each.expression}:
            key = (resource_type, expression)
            if key not in self._walkers:
                self._walkers[key] = compile_walker(expression, resource_type, self._definitions)
            found = self._walkers[key].walk(resource)
            if distinct([value for _, value in found]) != distinct(self.evaluate(expression, resource)):
                yield f"{resource_type}: {expression}"


@EVERY_VERSION
def test_every_search_expression_compiles(definitions: Definitions) -> None:
    walkers = [compile_walker(text, name, definitions) for name, text in search_expressions(definitions)]
    assert len(walkers) > 1500
    assert all(walker.kinds for walker in walkers)


@EVERY_VERSION
def test_every_component_of_a_composite_compiles_on_what_the_composite_finds(definitions: Definitions) -> None:
    compiled = 0
    for resource_type in definitions.resource_types:
        for parameter in definitions.search_parameters[resource_type].values():
            for kind in compile_walker(parameter.expression, resource_type, definitions).kinds if parameter.components else ():
                for _, expression in parameter.components:
                    assert compile_walker(expression, kind, definitions).kinds
                    compiled += 1
    assert compiled > 20


@EVERY_VERSION
def test_a_resource_without_elements_has_values_only_where_the_walker_says_always(definitions: Definitions) -> None:
    for resource_type, expression in search_expressions(definitions):
        walker = compile_walker(expression, resource_type, definitions)
        assert walker.elements == () or walker.walk({"resourceType": resource_type}) == [], expression


@EVERY_VERSION
def test_walkers_agree_with_fhirpathpy_on_the_examples_of_nictiz(fhir_definitions: Path, definitions: Definitions) -> None:
    oracle = Oracle(definitions)
    examples = list(nictiz(fhir_definitions, definitions.version))
    assert len(examples) > 200
    for name, document in examples:
        assert list(oracle.disagreements(from_xml(document, definitions))) == [], name


def test_walkers_agree_with_fhirpathpy_on_the_examples_of_hl7(fhir_definitions: Path) -> None:
    oracle = Oracle(STU3)
    examples = [(name, each) for name, each in hl7(fhir_definitions, "3.0.1") if each["resourceType"] in STU3.resource_types]
    assert len(examples) > 250
    for name, resource in examples:
        assert list(oracle.disagreements(resource)) == [], name


@EVERY_VERSION
def test_walkers_agree_with_fhirpathpy_on_made_resources_where_every_expression_finds_something(
    definitions: Definitions,
) -> None:
    oracle = Oracle(definitions)
    never_found = set()
    for resource_type in sorted(definitions.resource_types):
        texts = [text for name, text in search_expressions(definitions) if name == resource_type and "resolve()" not in text]
        names = frozenset(re.findall(r"\w+", re.sub(r"'[^']*'", "", " ".join(texts)))) | {"extension", "url"}
        literals = re.findall(r"'([^']*)'", " ".join(texts))
        missing = set(texts)
        for turn in range(12):
            maker = Maker(definitions, names=names, texts=(*dict.fromkeys(literals), "a", "b", "c"), turn=turn)
            resource = maker.resource(resource_type)
            assert list(oracle.disagreements(resource)) == []
            missing -= {text for text in missing if walk(text, resource, definitions)}
            if not missing:
                break
        never_found |= {(resource_type, text) for text in missing}
    assert never_found == set()
