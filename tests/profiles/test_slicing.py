"""Every kind of slicing with every rule, in good and bad instances. https://hl7.org/fhir/R4/profiling.html#slicing"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import pytest

from app.fhir.resource import Resource
from tests.builders import LOINC, concept
from tests.profiles.official import VERSIONS
from tests.profiles.own import URL, Own, element, profile, sliced

SYSTEM: Final = "urn:oid:2.999"
_ITEM: Final = "Observation.identifier"
_PART: Final = "Observation.component"


class Kind(NamedTuple):
    """A way to slice ``path`` into ``a`` and ``b``, with instances of these and ``x``, which is of neither."""

    path: str
    by: tuple[tuple[str, str], ...]
    slices: tuple[Resource, ...]
    instances: Mapping[str, Resource]
    beside: tuple[Resource, ...] = ()


def _ab(path: str, below: str, *members: Mapping[str, Any]) -> tuple[Resource, ...]:
    """The slices, each with one element that tells."""
    found = []
    for name, each in zip("ab", members, strict=True):
        found.append(element(f"{path}:{name}"))
        found.append(element(f"{path}:{name}{below}", **each))
    return tuple(found)


def _typed(code: str, *profiles: str) -> dict[str, Any]:
    return {"type": [{"code": code, **({"profile": [URL + each for each in profiles]} if profiles else {})}]}


def _component(**value: Any) -> Resource:
    return {"code": concept(LOINC, "1"), **value}


_CODED: Final = {name: {"code": concept(SYSTEM, name), "valueString": "Ja"} for name in "abx"}
_PERIOD: Final = {"start": "2026-01-01"}

KINDS: Final = {
    "value": Kind(
        _ITEM,
        (("value", "system"),),
        _ab(_ITEM, ".system", {"fixedUri": "urn:a"}, {"fixedUri": "urn:b"}),
        {name: {"system": f"urn:{name}", "value": "1"} for name in "abx"},
    ),
    "value-deep": Kind(
        _PART,
        (("value", "code.coding.code"), ("value", "code.coding.system")),
        (
            *_ab(_PART, ".code.coding.code", {"fixedCode": "a"}, {"fixedCode": "b"}),
            element(f"{_PART}:a.code.coding.system", fixedUri=SYSTEM),
            element(f"{_PART}:b.code.coding.system", fixedUri=SYSTEM),
        ),
        _CODED,
    ),
    "pattern": Kind(
        _PART,
        (("pattern", "code"),),
        _ab(_PART, ".code", *({"patternCodeableConcept": concept(SYSTEM, each)} for each in "ab")),
        _CODED,
    ),
    "pattern-further-out": Kind(
        _PART,
        (("value", "code.coding"),),
        _ab(_PART, ".code", *({"patternCodeableConcept": concept(SYSTEM, each)} for each in "ab")),
        _CODED,
    ),
    "type": Kind(
        _PART,
        (("type", "value"),),
        _ab(_PART, ".value[x]", _typed("string"), _typed("Quantity")),
        {
            "a": _component(valueString="Ja"),
            "b": _component(valueQuantity={"value": 1}),
            "x": _component(valueCodeableConcept={"text": "Ja"}),
        },
    ),
    "type-of-target": Kind(
        "Observation.performer",
        (("type", "$this.resolve()"),),
        _ab(
            "Observation.performer",
            "",
            *(
                {"type": [{"code": "Reference", "targetProfile": [f"http://hl7.org/fhir/StructureDefinition/{each}"]}]}
                for each in ("Patient", "Practitioner")
            ),
        ),
        {
            "a": {"reference": "Patient/1"},
            "b": {"reference": "Practitioner/1"},
            "x": {"reference": "Organization/1"},
        },
    ),
    "profile": Kind(
        _ITEM,
        (("profile", "$this"),),
        _ab(_ITEM, "", _typed("Identifier", "long"), _typed("Identifier", "short")),
        {
            "a": {"system": "urn:long", "value": "1"},
            "b": {"system": "urn:short", "value": "1"},
            "x": {"system": "urn:x", "value": "1"},
        },
        (
            profile("long", "Identifier", element("Identifier.system", min=1, fixedUri="urn:long")),
            profile("short", "Identifier", element("Identifier.system", min=1, fixedUri="urn:short")),
        ),
    ),
    "value-in-profile-of-type": Kind(
        _ITEM,
        (("value", "system"),),
        _ab(_ITEM, "", _typed("Identifier", "long"), _typed("Identifier", "short")),
        {
            "a": {"system": "urn:long", "value": "1"},
            "b": {"system": "urn:short", "value": "1"},
            "x": {"system": "urn:x", "value": "1"},
        },
        (
            profile("long", "Identifier", element("Identifier.system", min=1, fixedUri="urn:long")),
            profile("short", "Identifier", element("Identifier.system", min=1, fixedUri="urn:short")),
        ),
    ),
    "exists": Kind(
        _ITEM,
        (("exists", "period"), ("exists", "use")),
        (
            *_ab(_ITEM, ".period", {"min": 1}, {"max": "0"}),
            element(f"{_ITEM}:a.use", max="0"),
            element(f"{_ITEM}:b.use", min=1),
        ),
        {
            "a": {"value": "1", "period": _PERIOD},
            "b": {"value": "1", "use": "usual"},
            "x": {"value": "1"},
        },
    ),
}
SEQUENCES: Final = ("", "a", "b", "ab", "ba", "aab", "aba", "x", "xab", "axb", "abx", "xx")


def _kilos(code: str) -> Resource:
    return {"value": 1, "system": "http://unitsofmeasure.org", "code": code}


def _observation(kind: Kind, sequence: str) -> Resource:
    resource: Resource = {"resourceType": "Observation", "status": "final", "code": concept(LOINC, "1")}
    if sequence:
        resource[kind.path.partition(".")[2]] = [kind.instances[each] for each in sequence]
    return resource


def _wrong(sequence: str, rules: str, *, ordered: bool) -> Iterator[tuple[str, int]]:
    """What the rules say of a sequence: (rule, index)."""
    furthest, outside = "", False
    for index, each in enumerate(sequence):
        if each == "x":
            outside = True
            if rules == "closed":
                yield "slice-closed", index
        else:
            if (ordered and each < furthest) or (rules == "openAtEnd" and outside):
                yield "slice-order", index
            furthest = max(furthest, each)


@pytest.mark.parametrize("ordered", [False, True], ids=["any order", "ordered"])
@pytest.mark.parametrize("rules", ["open", "closed", "openAtEnd"])
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_slices_are_told_apart_and_stand_as_the_rules_say(
    version: str, name: str, rules: str, *, ordered: bool
) -> None:
    kind = KINDS[name]
    slicing = sliced(kind.path, *kind.by, rules=rules, ordered=ordered)
    own = Own(version, profile("p", "Observation", slicing, *kind.slices), *kind.beside)
    for sequence in SEQUENCES:
        found = own.issues(_observation(kind, sequence), "p")
        wanted = [("error", rule, f"{kind.path}[{at}]", "p") for rule, at in _wrong(sequence, rules, ordered=ordered)]
        assert sorted(found) == sorted(wanted), (sequence, found)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_slices_are_counted(version: str, name: str) -> None:
    kind = KINDS[name]
    limited = [{**each, "min": 1, "max": "2"} if each["id"] == f"{kind.path}:a" else each for each in kind.slices]
    own = Own(version, profile("p", "Observation", sliced(kind.path, *kind.by), *limited), *kind.beside)
    few = [("error", "slice-min", kind.path, "p")]
    assert own.issues(_observation(kind, ""), "p") == few
    assert own.issues(_observation(kind, "bx"), "p") == few
    assert own.issues(_observation(kind, "aab"), "p") == []
    assert own.issues(_observation(kind, "abxaa"), "p") == [("error", "slice-max", f"{kind.path}[4]", "p")]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_asked_of_one_slice_is_asked_of_its_values_alone(version: str) -> None:
    kind = KINDS["value"]
    more = element(f"{_ITEM}:a.period", min=1)
    own = Own(version, profile("p", "Observation", sliced(_ITEM, *kind.by), *kind.slices, more))
    assert own.issues(_observation(kind, "bxa"), "p") == [("error", "min", f"{_ITEM}[2].period", "p")]


@pytest.mark.parametrize("version", VERSIONS)
def test_slices_within_a_slice(version: str) -> None:
    own = Own(
        version,
        profile(
            "p",
            "Observation",
            sliced(_PART, ("pattern", "code")),
            element(f"{_PART}:a"),
            element(f"{_PART}:a.code", patternCodeableConcept=concept(SYSTEM, "a")),
            sliced(f"{_PART}:a.code.coding", ("value", "system"), rules="closed"),
            element(f"{_PART}:a.code.coding:own", max="1"),
            element(f"{_PART}:a.code.coding:own.system", fixedUri=SYSTEM),
            element(f"{_PART}:a.code.coding:loinc", min=1),
            element(f"{_PART}:a.code.coding:loinc.system", fixedUri=LOINC),
        ),
    )
    own_code, loinc, other = ({"system": each, "code": "a"} for each in (SYSTEM, LOINC, "urn:other"))

    def found(*codings: Resource) -> list[tuple[str | None, str]]:
        component = {"code": {"coding": list(codings)}, "valueString": "Ja"}
        resource = {**_observation(KINDS["pattern"], "b"), "component": [_CODED["b"], component]}
        return [(rule, path) for _, rule, path, _ in own.issues(resource, "p")]

    at = f"{_PART}[1].code.coding"
    assert found(own_code, loinc) == []
    assert found(own_code) == [("slice-min", at)]
    assert found(own_code, loinc, own_code) == [("slice-max", f"{at}[2]")]
    assert found(own_code, other, loinc) == [("slice-closed", f"{at}[1]")]
    assert found(other, loinc) == []  # another component, of which nothing is asked


@pytest.mark.parametrize("version", VERSIONS)
def test_a_slice_that_is_sliced_again(version: str) -> None:
    base = profile(
        "base",
        "Observation",
        sliced(_ITEM, ("value", "system")),
        *KINDS["value"].slices,
        element(f"{_ITEM}:a", max="3"),
    )
    own = Own(
        version,
        base,
        profile(
            "p",
            "Observation",
            sliced(f"{_ITEM}:a", ("value", "use"), rules="closed"),
            element(f"{_ITEM}:a/usual", min=1, max="1"),
            element(f"{_ITEM}:a/usual.use", fixedCode="usual"),
            element(f"{_ITEM}:a/old"),
            element(f"{_ITEM}:a/old.use", fixedCode="secondary"),
            element(f"{_ITEM}:a/old.period", min=1),
            base=URL + "base",
        ),
    )

    def found(*uses: str) -> list[tuple[str, str | None, str, str | None]]:
        items = [{"system": "urn:a", "value": str(number), "use": use} for number, use in enumerate(uses)]
        other = {"system": "urn:b", "value": "1", "use": "secondary"}
        return own.issues({**_observation(KINDS["value"], ""), "identifier": [other, *items]}, "p")

    assert found("usual") == []
    assert found() == [("error", "slice-min", _ITEM, "p")]
    assert found("usual", "usual") == [("error", "slice-max", f"{_ITEM}[2]", "p")]
    assert found("usual", "secondary") == [("error", "min", f"{_ITEM}[2].period", "p")]
    assert found("usual", "temp") == [("error", "slice-closed", f"{_ITEM}[2]", "p")]
    assert ("error", "slice-max", f"{_ITEM}[4]", "base") in found("usual", "secondary", "secondary", "secondary")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_default_slice_takes_what_no_other_takes(version: str) -> None:
    kind = KINDS["value"]
    default = (element(f"{_ITEM}:@default"), element(f"{_ITEM}:@default.period", min=1))
    slicing = sliced(_ITEM, *kind.by, rules="closed")
    own = Own(version, profile("p", "Observation", slicing, *kind.slices, *default))
    assert own.issues(_observation(kind, "ab"), "p") == []
    assert own.issues(_observation(kind, "axb"), "p") == [("error", "min", f"{_ITEM}[1].period", "p")]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_closed_slicing_of_which_a_slice_cannot_be_told_refuses_nothing(version: str) -> None:
    kind = KINDS["value"]
    slicing = sliced(_ITEM, *kind.by, rules="closed")
    own = Own(version, profile("p", "Observation", slicing, *kind.slices, element(f"{_ITEM}:untold", min=1)))
    assert own.issues(_observation(kind, "axb"), "p") == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_choice_by_the_name_of_its_type_is_a_slice(version: str) -> None:
    own = Own(
        version,
        profile(
            "p",
            "Observation",
            element("Observation.value[x]:valueQuantity", min=1),
            element("Observation.valueQuantity.code", fixedCode="kg"),
        ),
    )
    plain = _observation(KINDS["value"], "")
    assert own.issues({**plain, "valueQuantity": _kilos("kg")}, "p") == []
    heavy = {**plain, "valueQuantity": _kilos("g")}
    assert own.issues(heavy, "p") == [("error", "fixed", "Observation.value.code", "p")]
    assert own.issues({**plain, "valueString": "1"}, "p") == [("error", "slice-min", "Observation.value", "p")]
