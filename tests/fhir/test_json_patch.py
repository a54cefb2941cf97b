"""JSON Patch of a resource: https://www.rfc-editor.org/rfc/rfc6902, https://hl7.org/fhir/R4/http.html#patch."""

from __future__ import annotations

import contextlib
import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid, TooLarge, Unprocessable
from app.fhir.patching import apply_json_patch
from app.fhir.patching.json_values import same
from app.fhir.patching.working_copy import MOST_OPERATIONS
from app.fhir.resource import decode, encode
from tests.fhir.samples import PATIENT, PRESSURE, WEIGHT, changed

Json = dict[str, Any]


def doc(**members: Any) -> Json:
    return {"resourceType": "Basic", "id": "b1", **members}


def op(kind: str, path: str, **members: Any) -> Json:
    return {"op": kind, "path": path, **{name.rstrip("_"): each for name, each in members.items()}}


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        (doc(a=1), op("add", "/b", value="x"), doc(a=1, b="x")),
        (doc(a=1), op("add", "/a", value=2), doc(a=2)),
        (doc(a=[1, 3]), op("add", "/a/1", value=2), doc(a=[1, 2, 3])),
        (doc(a=[1]), op("add", "/a/1", value=2), doc(a=[1, 2])),
        (doc(a=[1]), op("add", "/a/-", value=[2, 3]), doc(a=[1, [2, 3]])),
        (doc(a=[]), op("add", "/a/-", value=None), doc(a=[None])),
        (doc(), op("add", "/a", value={"b": {}}), doc(a={"b": {}})),
        (doc(), op("add", "/a", value=1, comment="what a patch does not know it leaves"), doc(a=1)),
        (doc(), op("add", "/", value=1), doc(**{"": 1})),
        (doc(a=1), op("add", "", value=doc(b=2)), doc(b=2)),
        (doc(a=1, b=2), op("remove", "/a"), doc(b=2)),
        (doc(a=[1, 2, 3]), op("remove", "/a/1"), doc(a=[1, 3])),
        (doc(a={"b": [{"c": 1, "d": 2}]}), op("remove", "/a/b/0/c"), doc(a={"b": [{"d": 2}]})),
        (doc(a=1), op("replace", "/a", value={"b": 2}), doc(a={"b": 2})),
        (doc(a=[1, 2]), op("replace", "/a/0", value="x"), doc(a=["x", 2])),
        (doc(a=1), op("replace", "", value=doc(b=2)), doc(b=2)),
        (doc(a={"b": 1}, c={}), op("move", "/c/d", from_="/a/b"), doc(a={}, c={"d": 1})),
        (doc(a=[1, 2, 3]), op("move", "/a/2", from_="/a/0"), doc(a=[2, 3, 1])),
        (doc(a=1), op("move", "/a", from_="/a"), doc(a=1)),
        (doc(a=1), op("move", "", from_=""), doc(a=1)),
        (doc(ab=1), op("move", "/abc", from_="/ab"), doc(abc=1)),
        (doc(a={"b": 1}), op("copy", "/c", from_="/a"), doc(a={"b": 1}, c={"b": 1})),
        (doc(a={"b": 1}), op("copy", "/a/c", from_="/a"), doc(a={"b": 1, "c": {"b": 1}})),
        (doc(a=[1]), op("copy", "/a/0", from_="/a/0"), doc(a=[1, 1])),
        (doc(**{"/": 1, "~": 2, "~1": 3}), op("remove", "/~1"), doc(**{"~": 2, "~1": 3})),
        (doc(**{"/": 1, "~": 2, "~1": 3}), op("remove", "/~0"), doc(**{"/": 1, "~1": 3})),
        (doc(**{"/": 1, "~": 2, "~1": 3}), op("remove", "/~01"), doc(**{"/": 1, "~": 2})),
        (doc(a={"0": 1}), op("replace", "/a/0", value=2), doc(a={"0": 2})),
    ],
)
def test_an_operation_changes_what_it_names(before: Json, operation: Json, after: Json) -> None:
    original = copy.deepcopy((before, operation))
    assert apply_json_patch(before, [operation]) == after
    assert (before, operation) == original


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (Decimal("1.0"), Decimal("1.00")),
        (1, Decimal("1.0")),
        ({"a": 1, "b": [None, True]}, {"b": [None, True], "a": 1}),
        ("é", "é"),
        (None, None),
    ],
)
def test_a_test_of_an_equal_value_holds(value: Any, wanted: Any) -> None:
    assert apply_json_patch(doc(a=value), [op("test", "/a", value=wanted)]) == doc(a=value)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(1, True), (0, False), ("1", 1), ([1, 2], [2, 1]), ([1], [1, 1]), ({"a": 1}, {"a": 1, "b": 2}), (None, 0), (1, 2)],
)
def test_a_test_of_another_value_fails_the_patch(value: Any, wanted: Any) -> None:
    with pytest.raises(Unprocessable) as refused:
        apply_json_patch(doc(a=value), [op("test", "/a", value=wanted)])
    (issue,) = refused.value.all_issues()
    assert issue.code == "conflict"
    assert issue.diagnostics.startswith("Operation [0] (test /a): ")


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (op("add", "/a/b", value=1), "not-found"),
        (op("add", "/list/3", value=1), "value"),
        (op("add", "/list/x", value=1), "value"),
        (op("add", "/list/01", value=1), "value"),
        (op("add", "/list/-1", value=1), "value"),
        (op("add", "/text/x", value=1), "value"),
        (op("add", "", value=[1]), "structure"),
        (op("remove", "/nothing"), "not-found"),
        (op("remove", "/list/2"), "not-found"),
        (op("remove", "/list/-"), "not-found"),
        (op("remove", "/list/" + "9" * 5000), "not-found"),
        (op("remove", "/text/0"), "not-found"),
        (op("replace", "/nothing", value=1), "not-found"),
        (op("replace", "/list/-", value=1), "not-found"),
        (op("move", "/x", from_="/nothing"), "not-found"),
        (op("copy", "/x", from_="/nothing/deeper"), "not-found"),
        (op("test", "/nothing", value=None), "not-found"),
        (op("replace", "/id", value="b2"), "business-rule"),
        (op("remove", "/id"), "business-rule"),
        (op("replace", "/resourceType", value="Patient"), "business-rule"),
        (op("add", "", value={"resourceType": "Basic"}), "business-rule"),
    ],
)
def test_what_cannot_be_applied_is_told_with_its_place(operation: Json, code: str) -> None:
    before = doc(list=[1, 2], text="Geheim")
    with pytest.raises(Unprocessable) as refused:
        apply_json_patch(before, [op("test", "/text", value="Geheim"), operation])
    (issue,) = refused.value.all_issues()
    assert issue.code == code
    assert issue.diagnostics.startswith(f"Operation [1] ({operation['op']} {operation['path'][:200]}")
    assert "Geheim" not in issue.diagnostics
    assert len(issue.diagnostics) < 700
    assert before == doc(list=[1, 2], text="Geheim")


def test_everything_malformed_is_told_at_once() -> None:
    patch = [
        "remove",
        op("remove", "/a"),
        op("delete", "/a"),
        {"op": ["add"], "path": "/a"},
        {"op": "remove"},
        op("remove", "a"),
        op("remove", "/a~2"),
        op("add", "/a"),
        op("copy", "/a"),
        op("copy", "/a", from_="b"),
        op("move", "/a/b", from_="/a"),
        op("remove", ""),
    ]
    with pytest.raises(Invalid) as refused:
        apply_json_patch(doc(a=1), patch)
    texts = [issue.diagnostics for issue in refused.value.all_issues()]
    assert [text.split("]")[0] for text in texts] == [f"Operation [{index}" for index in (0, *range(2, len(patch)))]
    assert texts[-1] == "Operation [11] (remove ): a patch cannot remove the whole resource."


def test_a_patch_must_be_a_list() -> None:
    with pytest.raises(Invalid):
        apply_json_patch(doc(), {"op": "remove"})  # type: ignore[arg-type]


def test_all_operations_or_none() -> None:
    patch = [op("replace", "/status", value="amended"), op("remove", "/valueQuantity"), op("remove", "/note")]
    before = copy.deepcopy(WEIGHT)
    with pytest.raises(Unprocessable, match=r"Operation \[2\] \(remove /note\)"):
        apply_json_patch(before, patch)
    assert before == WEIGHT


def test_digits_of_decimals_stay() -> None:
    patch: list[Any] = [op("replace", "/status", value="amended"), op("copy", "/component", from_="/valueQuantity")]
    assert b'"value":81.50' in encode(apply_json_patch(WEIGHT, patch)["component"])


def test_the_version_is_the_servers() -> None:
    meta = {"versionId": "99", "lastUpdated": "2001-01-01T00:00:00Z", "source": "https://zelfregie.example/app"}
    assert apply_json_patch(WEIGHT, [op("add", "/meta", value=meta)])["meta"] == {
        **WEIGHT["meta"],
        "source": "https://zelfregie.example/app",
    }
    assert apply_json_patch(WEIGHT, [op("remove", "/meta")]) == WEIGHT
    assert apply_json_patch(PRESSURE, [op("add", "/meta", value=meta)])["meta"] == {"source": meta["source"]}
    assert apply_json_patch(PRESSURE, [op("add", "/meta", value={"versionId": "1"})]) == PRESSURE
    # What is no meta at all is left for validation to refuse.
    assert apply_json_patch(WEIGHT, [op("add", "/meta", value="x")])["meta"] == "x"


def test_a_value_given_once_may_be_changed_where_it_is_put() -> None:
    patch: list[Any] = [op("add", "/a", value={"x": [1]}), op("copy", "/b", from_="/a"), op("add", "/a/x/-", value=2)]
    original = copy.deepcopy(patch)
    assert apply_json_patch(doc(), patch) == doc(a={"x": [1, 2]}, b={"x": [1]})
    assert patch == original


def test_the_number_of_operations_is_bounded() -> None:
    patch: list[Any] = [op("replace", "/a", value=number) for number in range(MOST_OPERATIONS)]
    assert apply_json_patch(doc(a=1), patch) == doc(a=MOST_OPERATIONS - 1)
    with pytest.raises(TooLarge):
        apply_json_patch(doc(a=1), [*patch, patch[0]])


def test_copies_of_copies_are_bounded() -> None:
    patch: list[Any] = [op("copy", "/a/-", from_="/a") for _ in range(100)]
    with pytest.raises(TooLarge):
        apply_json_patch(doc(a=["x" * 1000]), patch)
    wide: list[Any] = [op("copy", f"/{number + 1}", from_=f"/{number}") for number in range(999)]
    with pytest.raises(TooLarge):
        apply_json_patch(doc(**{"0": ["x" * 100_000]}), wide)
    deeper: list[Any] = [op("copy", "/a" + "/b" * 2**number, from_="/a") for number in range(12)]
    assert apply_json_patch(doc(a={"b": {}}), deeper[:2]) == doc(a={"b": {"b": {"b": {"b": {}}}}})
    with pytest.raises(Unprocessable, match="levels deep"):
        apply_json_patch(doc(a={"b": {}}), deeper)


def test_what_is_nested_without_end_is_refused() -> None:
    nested: Any = 1
    for _ in range(5000):
        nested = [nested]
    for patch in ([op("add", "/a", value=nested)], [op("test", "/b", value=1), op("add", "/a", value=nested)]):
        with pytest.raises(Unprocessable, match="nested too deeply"):
            apply_json_patch(doc(b=1), patch)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "é"]) | st.just(Decimal("1.50")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "/", "~1", ""]), inner),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.sampled_from(["a", "b", "~", "x/y"]), VALUES, max_size=4).map(lambda each: doc(**each))


def escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


def difference(one: Any, other: Any, path: str = "") -> list[Json]:
    """A patch that makes the other of the one, member by member and from the ends of arrays."""
    if same(one, other):
        return []
    if isinstance(one, dict) and isinstance(other, dict):
        found = [op("remove", f"{path}/{escaped(name)}") for name in one if name not in other]
        for name, each in other.items():
            place = f"{path}/{escaped(name)}"
            found += difference(one[name], each, place) if name in one else [op("add", place, value=each)]
        return found
    if isinstance(one, list) and isinstance(other, list):
        shared = min(len(one), len(other))
        found = [op("remove", f"{path}/{index}") for index in reversed(range(shared, len(one)))]
        for index in range(shared):
            found += difference(one[index], other[index], f"{path}/{index}")
        return found + [op("add", f"{path}/-", value=each) for each in other[shared:]]
    return [op("replace", path, value=other)]


@given(DOCUMENTS, DOCUMENTS)
def test_a_difference_makes_the_one_the_other_and_back(one: Json, other: Json) -> None:
    before = copy.deepcopy(one)
    there = apply_json_patch(one, difference(one, other))
    assert same(there, other)
    assert same(apply_json_patch(there, difference(other, one)), one)
    assert one == before


OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": st.just("")},
    optional={"value": VALUES, "from": st.just("")},
)
POINTERS = st.lists(st.sampled_from(["a", "b", "~0", "x~1y", "0", "1", "-", "id", ""]), max_size=3).map(
    lambda steps: "".join(f"/{step}" for step in steps)
)


@given(DOCUMENTS, st.lists(OPERATIONS, max_size=6), st.data())
def test_any_patch_gives_a_resource_or_a_refusal_and_changes_nothing_given(
    document: Json, patch: list[Json], data: st.DataObject
) -> None:
    for operation in patch:
        for member in ("path", "from"):
            if member in operation:
                operation[member] = data.draw(POINTERS)
    before = copy.deepcopy((document, patch))
    with contextlib.suppress(Invalid, Unprocessable, TooLarge):
        after = apply_json_patch(document, patch)
        assert (after["resourceType"], after["id"]) == ("Basic", "b1")
        encode(after)
        after["a"] = "changed"
    assert (document, patch) == before


@given(DOCUMENTS, st.lists(st.sampled_from(["a", "b", "~0"]), min_size=1, max_size=1), VALUES)
def test_an_addition_is_undone_by_a_removal(document: Json, steps: list[str], value: Any) -> None:
    pointer = f"/{steps[0]}"
    fresh = {name: each for name, each in document.items() if escaped(name) != steps[0]}
    added = apply_json_patch(fresh, [op("add", pointer, value=value), op("test", pointer, value=value)])
    assert apply_json_patch(added, [op("remove", pointer)]) == fresh


def test_a_patch_as_it_is_received() -> None:
    body = b'{"patch":[{"op":"test","path":"/valueQuantity/value","value":81.5},'
    body += b'{"op":"replace","path":"/valueQuantity/value","value":80.10},'
    body += b'{"op":"add","path":"/name/0/given/-","value":"C."}]}'
    first, second, third = decode(body)["patch"]
    assert apply_json_patch(WEIGHT, [first, second]) == changed(WEIGHT, valueQuantity__value=Decimal("80.10"))
    assert apply_json_patch(PATIENT, [third])["name"][0]["given"] == ["Anna", "B.", "C."]
