"""What profiles of a few lines and Nictiz's examples do not reach in the engine, and what hostile input costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from app.fhir.definitions import load
from app.fhir.profiles import checks
from app.fhir.profiles.reaching import Step, steps_of
from app.fhir.profiles.run import MOST
from app.fhir.resource import Resource
from tests.builders import LOINC, concept
from tests.profiles.official import VERSIONS
from tests.profiles.own import CORE, URL, Own, element, extension, profile, sliced, value_set
from tests.profiles.rules import PLAIN, SYSTEM, observed, patient

PATHS: Final = {
    "$this": [],
    "code": [Step(name="code")],
    "code.coding.code": [Step(name="code"), Step(name="coding"), Step(name="code")],
    "value[x]": [Step(name="value")],
    "value.ofType(Quantity).code": [Step(name="value"), Step(type="Quantity"), Step(name="code")],
    "resolve()": [Step(resolves=True)],
    "$this.resolve().code": [Step(resolves=True), Step(name="code")],
    "extension('urn:x').value": [Step(name="extension", url="urn:x"), Step(name="value")],
    "extension(url='urn:x')": [Step(name="extension", url="urn:x")],
    "extension(url = 'urn:x')": [Step(name="extension", url="urn:x")],
}


@pytest.mark.parametrize("path", PATHS)
def test_the_path_of_a_discriminator_is_read(path: str) -> None:
    assert steps_of(path) == PATHS[path]


@pytest.mark.parametrize("path", ["coding.where(system='x')", "code coding", "code..coding", "(code)", "code | value"])
def test_a_path_that_no_discriminator_may_have_is_none(path: str) -> None:
    assert steps_of(path) is None


@pytest.mark.parametrize("version", VERSIONS)
def test_a_profile_that_is_derived_from_itself_is_not_held(version: str) -> None:
    own = Own(
        version,
        profile("a", "Observation", base=URL + "b"),
        profile("b", "Observation", base=URL + "a"),
    )
    assert not own.profiles.knows(URL + "a")
    assert own.issues(PLAIN, "a") == [("information", "profile-unknown", "Observation", "a")]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_profile_of_which_the_base_is_missing_is_not_held(version: str) -> None:
    own = Own(version, profile("a", "Observation", base=URL + "missing"))
    assert not own.profiles.knows(URL + "a")
    assert own.issues(PLAIN, "a") == [("information", "profile-unknown", "Observation", "a")]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_profile_with_an_element_that_its_type_has_not_is_not_held(version: str) -> None:
    own = Own(version, profile("a", "Observation", element("Observation.onbekend", min=1)))
    assert not own.profiles.knows(URL + "a")


@pytest.mark.parametrize("version", VERSIONS)
def test_profiles_that_lead_to_each_other_come_to_an_end(version: str) -> None:
    own = Own(
        version,
        profile(
            "a",
            "Patient",
            element("Patient.link.other", type=[{"code": "Reference", "targetProfile": [URL + "b"]}]),
            element("Patient.name", min=1),
        ),
        profile(
            "b", "Patient", element("Patient.link.other", type=[{"code": "Reference", "targetProfile": [URL + "a"]}])
        ),
    )

    def linked(other: str, **members: Any) -> Resource:
        return patient(link=[{"other": {"reference": f"Patient/{other}"}, "type": "seealso"}], **members)

    known = {"Patient/1": linked("2"), "Patient/2": linked("1", id="2")}
    assert own.issues(known["Patient/2"], "b", known) == [("error", "target-profile", "Patient.link[0].other", "b")]
    assert own.issues(linked("2", name=[{"text": "A"}]), "a", known) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_profile_that_has_itself_within_it_is_compiled(version: str) -> None:
    own = Own(
        version,
        extension(
            "within",
            element("Extension.extension", type=[{"code": "Extension", "profile": [URL + "within"]}]),
            element("Extension.value[x]", type=[{"code": "string"}]),
        ),
        profile("p", "Patient"),
    )
    inner = {"url": URL + "within", "valueString": "Ja"}
    assert own.issues(patient(extension=[{"url": URL + "within", "extension": [inner]}]), "p") == []
    wrong = {"url": URL + "within", "extension": [{"url": URL + "within", "valueCode": "ja"}]}
    assert own.issues(patient(extension=[wrong]), "p") == [
        ("error", "type", "Patient.extension[0].extension[0].value", "within")
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_contained_and_what_a_bundle_has_is_held_against_its_own_claims(version: str) -> None:
    own = Own(version, profile("named", "Patient", element("Patient.name", min=1)))
    claims = {"meta": {"profile": [URL + "named"]}}
    within = observed(contained=[patient(id="a", **claims)], subject={"reference": "#a"})
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": "urn:uuid:0c1b8a68-5f46-4d3c-9d5b-0123456789ab", "resource": patient(**claims)}],
    }
    found = [
        [(each.rule, each.expression[0]) for each in own.profiles.claimed(resource)] for resource in (within, bundle)
    ]
    assert found == [
        [("min", "Observation.contained[0].name")],
        [("min", "Bundle.entry[0].resource.name")],
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_more_errors_are_named_than_anybody_reads(version: str) -> None:
    own = Own(version, profile("p", "Observation", element("Observation.component.valueQuantity", min=1)))
    component = {"code": {"text": "A"}, "valueString": "Ja"}
    found = own.issues(observed(component=[component] * (3 * MOST)), "p")
    severities = [severity for severity, *_ in found]
    assert severities.count("error") == MOST
    assert found[-1][0] == "information"
    assert len(found) == MOST + 1


@pytest.mark.parametrize("version", VERSIONS)
def test_an_error_is_seen_behind_any_number_of_remarks(version: str) -> None:
    own = Own(
        version,
        profile(
            "p",
            "Observation",
            element("Observation.component.code", binding={"strength": "required", "valueSet": URL + "elsewhere"}),
            element("Observation.component.valueQuantity", max="0"),
        ),
    )
    coded = {"code": concept(SYSTEM, "a"), "valueString": "Ja"}
    wrong = {"code": concept(SYSTEM, "a"), "valueQuantity": {"value": 1}}
    found = own.issues(observed(component=[*[coded] * (3 * MOST), wrong]), "p")
    assert [each for each in found if each[0] == "error"] == [
        ("error", "slice-max", f"Observation.component[{3 * MOST}].value", "p")
    ]
    assert len(found) == MOST + 2


@contextmanager
def _counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many values the engine looks at."""
    count = [0]
    look = checks.Element.check_item

    def counted(*given: Any) -> None:
        count[0] += 1
        look(*given)

    with monkeypatch.context() as patched:
        patched.setattr(checks.Element, "check_item", counted)
        yield count


def _cost(own: Own, resource: Resource, monkeypatch: pytest.MonkeyPatch) -> int:
    with _counting(monkeypatch) as count:
        assert own.profiles.claimed(resource) == []
    return count[0]


def _claiming(resource: Resource) -> Resource:
    return {**resource, "meta": {"profile": [URL + "p"]}}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resource_of_megabytes_costs_what_its_size_is(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slices = [
        each
        for number in range(20)
        for each in (
            element(f"Observation.component:s{number}"),
            element(f"Observation.component:s{number}.code", patternCodeableConcept=concept(SYSTEM, str(number))),
            element(
                f"Observation.component:s{number}.value[x]",
                binding={"strength": "required", "valueSet": URL + "codes"},
            ),
        )
    ]
    own = Own(
        version,
        value_set("codes", {SYSTEM: ("a", "b")}),
        profile("p", "Observation", sliced("Observation.component", ("pattern", "code")), *slices),
    )

    def of_components(number: int) -> Resource:
        components = [
            {"code": concept(SYSTEM, str(each % 25)), "valueCodeableConcept": concept(SYSTEM, "a")}
            for each in range(number)
        ]
        return _claiming(observed(component=components))

    few, many = (_cost(own, of_components(number), monkeypatch) for number in (3_000, 30_000))
    assert 9 * few < many < 11 * few
    assert many < 5 * 30_000


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_nested_costs_what_its_depth_is(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Own(
        version,
        profile(
            "p",
            "Questionnaire",
            element("Questionnaire.item.linkId", maxLength=9),
            element("Questionnaire.item.item.item.prefix", max="0"),
        ),
    )

    def nested(depth: int) -> Resource:
        item: Resource = {"linkId": "0", "type": "display", "text": "A"}
        for number in range(1, depth):
            item = {"linkId": str(number), "type": "group", "item": [item]}
        return _claiming({"resourceType": "Questionnaire", "status": "draft", "item": [item]})

    shallow, deep = (_cost(own, nested(depth), monkeypatch) for depth in (10, 20))
    assert deep < 3 * shallow


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_contained_and_refers_to_each_other_is_looked_through_once(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = [{"code": "Reference", "targetProfile": [URL + "p"]}]
    own = Own(version, profile("p", "Patient", element("Patient.link.other", type=target)))

    def of_patients(number: int) -> Resource:
        people = [
            _claiming(
                patient(
                    id=f"p{each}",
                    link=[{"other": {"reference": f"#p{(each + 1) % number}"}, "type": "seealso"}],
                )
            )
            for each in range(number)
        ]
        return {"resourceType": "Basic", "code": {"text": "A"}, "contained": people}

    few, many = (_cost(own, of_patients(number), monkeypatch) for number in (50, 500))
    assert many < 11 * few


@pytest.mark.parametrize("version", VERSIONS)
def test_a_profile_with_a_snapshot_only_is_read_by_that(version: str) -> None:
    made = profile("p", "Observation", element("Observation.issued", min=1))
    made["snapshot"] = made.pop("differential")
    assert Own(version, made).issues(PLAIN, "p") == [("error", "min", "Observation.issued", "p")]


def test_every_profile_that_is_not_abstract_is_listed_with_its_type() -> None:
    own = Own(
        "4.0.1",
        profile("b", "Observation"),
        profile("a", "Patient"),
        profile("hidden", "Patient", abstract=True),
        extension("x"),
    )
    assert list(own.profiles.every()) == [("Observation", URL + "b"), ("Patient", URL + "a")]
    assert own.profiles.is_abstract(URL + "hidden")
    assert own.profiles.type_of(f"{CORE}Patient") == "Patient"
    assert own.profiles.type_of(URL + "x") == "Extension"
    assert own.profiles.lineage("Patient") >= {"Patient", "DomainResource", "Resource"}
    assert load("4.0.1") is own.profiles.definitions
    assert concept(LOINC, "1") == PLAIN["code"]
