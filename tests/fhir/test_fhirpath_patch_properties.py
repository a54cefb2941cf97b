"""Properties that every FHIRPath Patch has: https://hl7.org/fhir/R4/fhirpatch.html."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid, Unprocessable
from app.fhir.resource import Resource, decode, encode
from app.fhir.validation import validate
from tests.fhir.patches import R4, WHY, Json, apply, op
from tests.fhir.samples import PATIENT, VALID

NAMES_OF_ELEMENTS = "name given identifier value code component extension contained item id use"
FILTERS = "where(use='official') where(extension.exists()) first() ofType(Quantity) extension('x')"
STEPS = st.sampled_from(["Patient", "Observation", *NAMES_OF_ELEMENTS.split(), *FILTERS.split()])
PATHS = st.lists(st.tuples(STEPS, st.sampled_from(["", "[0]", "[1]"])).map("".join), min_size=1, max_size=4).map(
    ".".join
)
GIVEN = st.sampled_from(
    [
        {"valueString": "x"},
        {"_valueString": WHY},
        {"valueQuantity": {"value": 1}},
        {"valueHumanName": {"given": ["A"]}},
        {"resource": PATIENT},
        {"part": [{"name": "code", "valueCodeableConcept": {}}]},
    ]
)
OPERATIONS = st.one_of(
    st.builds(op, st.just("delete"), PATHS),
    st.builds(op, st.just("replace"), PATHS, GIVEN),
    st.builds(op, st.just("add"), PATHS, GIVEN, name=STEPS),
    st.builds(op, st.just("insert"), PATHS, GIVEN, index=st.integers(0, 2)),
    st.builds(op, st.just("move"), PATHS, source=st.integers(0, 2), destination=st.integers(0, 2)),
)


@given(st.sampled_from(list(VALID.values())), st.lists(OPERATIONS, min_size=1, max_size=5))
def test_any_patch_gives_a_resource_or_a_refusal_and_changes_nothing_given(
    resource: Resource, operations: list[Json]
) -> None:
    with contextlib.suppress(Invalid, Unprocessable):
        after = apply(resource, *operations)
        assert after["resourceType"] == resource["resourceType"]
        assert after.get("id") == resource.get("id")
        validate(decode(encode(after)), R4)


STRINGS = st.sampled_from(["a", "b", "c"])
ITEMS = st.lists(st.tuples(st.none() | STRINGS, st.none() | st.just(WHY)).filter(any), min_size=1, max_size=5)


def patient_of(items: list[tuple[str | None, Json | None]]) -> Resource:
    name: Json = {}
    if any(value for value, _ in items):
        name["given"] = [value for value, _ in items]
    if any(beside for _, beside in items):
        name["_given"] = [beside for _, beside in items]
    return {"resourceType": "Patient", "id": "p", "name": [name]}


@given(ITEMS, st.data())
def test_a_list_of_primitives_behaves_as_a_list_of_pairs(
    items: list[tuple[str | None, Json | None]], data: st.DataObject
) -> None:
    patient = patient_of(items)
    source, destination = (data.draw(st.integers(0, len(items) - 1)) for _ in range(2))
    moved = [*items]
    moved.insert(destination, moved.pop(source))
    assert apply(patient, op("move", "Patient.name[0].given", source=source, destination=destination)) == patient_of(
        moved
    )
    index = data.draw(st.integers(0, len(items)))
    inserted = apply(patient, op("insert", "Patient.name[0].given", {"valueString": "x"}, index=index))
    assert inserted == patient_of([*items[:index], ("x", None), *items[index:]])
    assert apply(inserted, op("delete", f"Patient.name[0].given[{index}]")) == patient


@pytest.mark.parametrize("name", VALID)
def test_deleting_every_element_leaves_the_type_and_id(name: str) -> None:
    resource = VALID[name]
    found = resource
    for member in [each for each in resource if each not in ("resourceType", "id", "meta")]:
        repeats = resource[member] if isinstance(resource[member], list) else [1]
        element = R4.types[resource["resourceType"]][member]
        path = f"{resource['resourceType']}.{element.choice or member}"
        for _ in repeats:
            found = apply(found, op("delete", f"{path}[0]"))
    assert found == {each: resource[each] for each in ("resourceType", "id", "meta") if each in resource}
