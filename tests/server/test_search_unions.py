"""Parameters that find what others find together need no rows of their own."""

from __future__ import annotations

from app.fhir.definitions import load
from app.server.placement import load_placement
from app.server.search.registry import Param, Registry

REGISTRY = Registry(load("4.0.1"), load_placement())


def observed(code: str) -> Param:
    return REGISTRY.params("Observation")[code]


def names(params: tuple[Param, ...]) -> set[str]:
    return {each.code for each in params}


def test_combinations_are_the_observation_and_its_components() -> None:
    for code in ("code", "value-concept", "value-quantity", "data-absent-reason"):
        assert names(observed(f"combo-{code}").parts) == {code, f"component-{code}"}
    for code in ("code-value-quantity", "code-value-concept"):
        assert names(observed(f"combo-{code}").parts) == {code, f"component-{code}"}
    assert names(REGISTRY.params("Patient")["phonetic"].parts) == {"name"}


def test_what_is_no_union_has_rows_of_its_own() -> None:
    for name in REGISTRY.stored:
        for param in REGISTRY.params(name).values():
            assert len(set(param.numbers)) == len(param.numbers)
            if param.kind in ("date", "reference", "number", "uri") or param.identifying:
                assert param.numbers == (param.number,), (name, param.code)


def test_composites_within_one_resource_ask_for_its_components() -> None:
    assert {code for code, each in REGISTRY.params("Observation").items() if each.joint} == {
        "code-value-concept",
        "code-value-date",
        "code-value-quantity",
        "code-value-string",
    }
    quantity = observed("code-value-quantity").components[1]
    assert quantity.walker.kinds == {"Quantity"}
    assert set(quantity.numbers) < set(observed("value-quantity").numbers)


def test_every_composite_has_components_of_its_type() -> None:
    composites = [
        each for name in REGISTRY.stored for each in REGISTRY.params(name).values() if each.kind == "composite"
    ]
    assert len(composites) > 20
    for each in composites:
        assert len(each.components) == len(each.definition.components)
        assert each.components[0].kind == "token"
