"""Resources within others, and what tells slices apart where it is not known. https://hl7.org/fhir/R4/references.html"""

from __future__ import annotations

from typing import Final

import pytest

from app.fhir.resource import Resource
from tests.profiles.official import VERSIONS
from tests.profiles.own import CORE, URL, Own, element, extension, profile, sliced

OBSERVATION: Final[Resource] = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
FIRST: Final = "urn:uuid:1f6b1a5c-0b8e-4a5e-9f5b-0a9d2f0c1a11"
SECOND: Final = "urn:uuid:1f6b1a5c-0b8e-4a5e-9f5b-0a9d2f0c1a12"
PERFORMER: Final = "Observation.performer"
OF_PRACTITIONERS: Final = profile(
    "measured",
    "Observation",
    sliced(PERFORMER, ("type", "resolve()"), rules="closed"),
    element(f"{PERFORMER}:a", min=1, type=[{"code": "Reference", "targetProfile": [f"{CORE}Practitioner"]}]),
)


def bundle(**resources: Resource) -> Resource:
    entries = [{"fullUrl": url, "resource": each} for url, each in resources.items()]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_resource_of_a_constraint_is_the_contained_one_and_its_root_what_contains_it(version: str) -> None:
    rule = {
        "key": "own-1",
        "severity": "error",
        "human": "Its own gender, and the status of what contains it.",
        "expression": "%resource.gender.exists() and %rootResource.status.exists()",
    }
    own = Own(version, profile("p", "Patient", element("Patient", constraint=[rule])))
    inner = {"resourceType": "Patient", "id": "a", "meta": {"profile": [URL + "p"]}}
    outer = {**OBSERVATION, "subject": {"reference": "#a"}}
    assert own.profiles.claimed({**outer, "contained": [{**inner, "gender": "male"}]}) == []
    (issue,) = own.profiles.claimed({**outer, "contained": [inner]})
    assert (issue.rule, issue.expression) == ("own-1", ("Observation.contained[0]",))


@pytest.mark.parametrize("version", VERSIONS)
def test_an_entry_that_a_profile_of_bundles_asks_for_resolves_what_it_contains_and_the_other_entries(
    version: str,
) -> None:
    own = Own(version, profile("collection", "Bundle", *_entries("measured")), OF_PRACTITIONERS)
    practitioner = {"resourceType": "Practitioner"}
    inside = {**OBSERVATION, "contained": [{**practitioner, "id": "a"}], "performer": [{"reference": "#a"}]}
    assert own.issues(bundle(**{FIRST: inside}), "collection") == []
    beside = {**OBSERVATION, "performer": [{"reference": SECOND}]}
    assert own.issues(bundle(**{FIRST: beside, SECOND: practitioner}), "collection") == []
    wrong = own.issues(bundle(**{FIRST: beside, SECOND: {"resourceType": "Patient"}}), "collection")
    assert wrong == [
        ("error", "slice-closed", "Bundle.entry[0].resource.performer[0]", "measured"),
        ("error", "slice-min", "Bundle.entry[0].resource.performer", "measured"),
    ]


def _entries(name: str) -> tuple[Resource, ...]:
    return (
        sliced("Bundle.entry", ("type", "resource")),
        element("Bundle.entry:measured"),
        element("Bundle.entry:measured.resource", type=[{"code": "Observation", "profile": [URL + name]}]),
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_rules_reach_into_a_contained_resource_of_one_type(version: str) -> None:
    own = Own(
        version,
        profile(
            "p",
            "Observation",
            sliced("Observation.contained", ("type", "$this")),
            element("Observation.contained:person", type=[{"code": "Patient"}]),
            element("Observation.contained:person.gender", min=1),
        ),
    )
    resource = {**OBSERVATION, "subject": {"reference": "#a"}}
    known = {"resourceType": "Patient", "id": "a", "gender": "female"}
    assert own.issues({**resource, "contained": [known]}, "p") == []
    unknown = {"resourceType": "Patient", "id": "a"}
    assert own.issues({**resource, "contained": [unknown]}, "p") == [
        ("error", "min", "Observation.contained[0].gender", "p")
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_slice_is_told_by_may_be_behind_a_reference_to_what_is_not_known(version: str) -> None:
    """Nobody is refused for what the caller may not see, or what is two references away."""
    active = profile("active", "Practitioner", element("Practitioner.active", min=1, fixedBoolean=True))
    target = {"type": [{"code": "Reference", "targetProfile": [URL + "active"]}]}
    own = Own(
        version,
        active,
        profile(
            "p",
            "Observation",
            sliced(PERFORMER, ("value", "resolve().active"), rules="closed"),
            element(f"{PERFORMER}:a", min=1, **target),
        ),
        profile(
            "report",
            "DiagnosticReport",
            element("DiagnosticReport.result", type=[{"code": "Reference", "targetProfile": [URL + "p"]}]),
        ),
    )
    good = {"resourceType": "Practitioner", "active": True}
    resource = {**OBSERVATION, "performer": [{"reference": "Practitioner/1"}]}
    assert own.issues(resource, "p") == []
    assert own.issues(resource, "p", {"Practitioner/1": good}) == []
    found = own.issues(resource, "p", {"Practitioner/1": {**good, "active": False}})
    assert [rule for _, rule, _, _ in found] == ["slice-closed", "slice-min"]
    report = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x"}}
    led = {**report, "result": [{"reference": "Observation/1"}]}
    assert own.issues(led, "report", {"Observation/1": resource, "Practitioner/1": good}) == []


def test_the_type_of_what_is_not_known_does_not_tell_which_of_several_profiles_it_follows() -> None:
    """Parts of a finding that are sent after it: each slice may be there once, and all are Observations."""
    member = "Observation.hasMember"
    names = ("first", "second")
    coded = [
        profile(name, "Observation", element("Observation.code", patternCodeableConcept={"text": name}))
        for name in names
    ]
    slices = [
        element(f"{member}:{name}", max="1", type=[{"code": "Reference", "targetProfile": [URL + name]}])
        for name in names
    ]
    own = Own("4.0.1", *coded, profile("p", "Observation", sliced(member, ("profile", "resolve()")), *slices))
    parts = [f"Observation/{number}" for number in (1, 2)]
    for said in ({}, {"type": "Observation"}):
        resource = {**OBSERVATION, "hasMember": [{"reference": each, **said} for each in parts]}
        assert own.issues(resource, "p") == []
        held = {each: {**OBSERVATION, "code": {"text": "first"}} for each in parts}
        assert [rule for _, rule, _, _ in own.issues(resource, "p", held)] == ["slice-max"]


def test_a_closed_slicing_by_a_profile_that_is_not_held_refuses_nothing() -> None:
    own = Own(
        "4.0.1",
        profile(
            "p",
            "Observation",
            sliced("Observation.identifier", ("profile", "$this"), rules="closed"),
            element(
                "Observation.identifier:a", min=1, type=[{"code": "Identifier", "profile": ["https://nobody.test/x"]}]
            ),
        ),
    )
    assert own.issues({**OBSERVATION, "identifier": [{"system": "urn:a"}]}, "p") == []


def test_a_slice_by_profile_may_name_the_type_itself() -> None:
    own = Own(
        "4.0.1",
        profile(
            "p",
            "Bundle",
            sliced("Bundle.entry", ("profile", "resource"), rules="closed"),
            element("Bundle.entry:a", min=1),
            element("Bundle.entry:a.resource", type=[{"code": "Patient", "profile": [f"{CORE}Patient"]}]),
        ),
    )
    assert own.issues(bundle(**{FIRST: {"resourceType": "Patient"}}), "p") == []
    found = own.issues(bundle(**{FIRST: OBSERVATION}), "p")
    assert [rule for _, rule, _, _ in found] == ["slice-closed", "slice-min"]


def test_a_slice_with_the_name_of_a_choice_has_its_type() -> None:
    own = Own(
        "4.0.1",
        profile(
            "p",
            "Observation",
            sliced("Observation.value[x]", ("type", "$this")),
            element("Observation.value[x]:valueQuantity", min=1),
        ),
    )
    assert own.issues({**OBSERVATION, "valueQuantity": {"value": 1}}, "p") == []
    assert own.issues({**OBSERVATION, "valueString": "1"}, "p") == [("error", "slice-min", "Observation.value", "p")]


def test_an_extension_may_be_asked_for_by_a_canonical_with_a_version() -> None:
    asked = {"type": [{"code": "Extension", "profile": [URL + "known|1.0"]}]}
    own = Own(
        "4.0.1",
        extension("known") | {"version": "1.0"},
        profile("p", "Patient", sliced("Patient.extension", ("value", "url")), element("Patient.extension:a", **asked)),
    )
    good = {"resourceType": "Patient", "extension": [{"url": URL + "known", "valueBoolean": True}]}
    assert own.issues(good, "p") == []


def test_only_a_reference_has_the_type_of_what_it_leads_to() -> None:
    choices = [{"code": "RelatedArtifact"}, {"code": "Reference", "targetProfile": [f"{CORE}Patient"]}]
    own = Own("4.0.1", extension("either", element("Extension.value[x]", type=choices)), profile("p", "Patient"))
    value = {"url": URL + "either", "valueRelatedArtifact": {"type": "documentation"}}
    assert own.issues({"resourceType": "Patient", "extension": [value]}, "p") == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("modifies", [True, False])
def test_an_extension_that_modifies_stands_among_those_that_do_and_no_other(version: str, *, modifies: bool) -> None:
    definition = extension("known")
    definition["differential"]["element"][0]["isModifier"] = modifies
    own = Own(version, definition, profile("p", "Patient"))
    value = [{"url": URL + "known", "valueBoolean": True}]
    right, wrong = ("modifierExtension", "extension") if modifies else ("extension", "modifierExtension")
    assert own.issues({"resourceType": "Patient", right: value}, "p") == []
    found = own.issues({"resourceType": "Patient", wrong: value}, "p")
    assert found == [("error", "extension-context", f"Patient.{wrong}[0]", "known")]


@pytest.mark.parametrize(
    "wrong",
    [
        element("Patient.gender", min=1) | {"id": "0c1b2a"},
        element("Patient.gender", max="x"),
        element("Patient.name:" + "/".join("a" * 3000)),
        element("Patient" + ".contact" * 3000),
    ],
    ids=["id-of-another-path", "max-that-is-none", "slices-too-deep", "path-too-deep"],
)
def test_a_profile_that_cannot_be_meant_is_not_read(wrong: Resource) -> None:
    own = Own("4.0.1", profile("p", "Patient", wrong))
    assert not own.profiles.knows(URL + "p")
    (issue,) = own.profiles.check({"resourceType": "Patient"}, URL + "p")
    assert (issue.severity, issue.rule) == ("information", "profile-unknown")


def test_what_is_bound_repeats_no_system_of_the_resource() -> None:
    """Only those that the value set itself names, of which nothing can be told."""
    whole = {
        "resourceType": "ValueSet",
        "url": URL + "whole",
        "status": "active",
        "compose": {"include": [{"system": "urn:not-held"}]},
    }
    bound = element("Observation.code", binding={"strength": "required", "valueSet": URL + "whole"})
    own = Own("4.0.1", whole, profile("p", "Observation", bound))
    coding = [{"system": "urn:not-held", "code": "1"}, {"system": "urn:of-somebody", "code": "2"}]
    (issue,) = own.profiles.check({**OBSERVATION, "code": {"coding": coding}}, URL + "p")
    assert issue.severity == "information"
    assert "urn:not-held" in issue.diagnostics
    assert "somebody" not in issue.diagnostics
