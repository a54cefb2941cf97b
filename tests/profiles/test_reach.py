"""How much of Nictiz's profiles the engine does: which slices nothing tells, and what their own examples reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from app.fhir.definitions import load
from app.fhir.profiles.checks import Element
from app.fhir.profiles.elements import Item
from app.fhir.profiles.slicing import DEFAULT
from tests.conftest import CLOSING_LINE
from tests.profiles.official import VERSIONS, examples, nictiz_artifacts, of_version, profiles
from tests.profiles.walking import Root, spots

_CASE: Final = "the elements of the slice have another slice name in their id: …CodeLijst or …Lijst and …Codelijst"
_UNSAID: Final = "the element is not sliced: it has no discriminator"
_LIPIDS: Final = "the discriminator reference.code leads through a string"
UNTOLD: Final = {
    "4.0.1": {
        "catalog Composition.date:IssueDate": _UNSAID,
        "familymemberhistory-genetic FamilyMemberHistory.relationship:Relationship": _UNSAID,
        "familymemberhistory-genetic FamilyMemberHistory.sex:Sex": _UNSAID,
        "familymemberhistory-genetic FamilyMemberHistory.condition:Condition": _UNSAID,
    },
    "3.0.1": {
        "familymemberhistory-genetic FamilyMemberHistory.relationship:relationship": _UNSAID,
        "familymemberhistory-genetic FamilyMemberHistory.gender:gender": _UNSAID,
        "familymemberhistory-genetic FamilyMemberHistory.condition:condition": _UNSAID,
        **{
            f"lipidprofile DiagnosticReport.result:{each}": _LIPIDS
            for each in ("cholesterol", "triglyceride", "hdlcholesterol", "ldlcholesterol")
        },
        "zib-FamilySituation Observation.component:numberOfChildrenLivingAtHome.code.coding"
        ":numberOfChildrenLivingAtHomeCode": _UNSAID,
        **{
            f"zib-Product Medication.ingredient.item[x]:itemCodeableConcept.coding:ingredientCode{each}": _CASE
            for each in ("GTINCodeLijst", "HPKLijst", "GPKLijst", "SNKLijst", "PRKLijst", "SSKLijst")
        },
    },
}
"""Slices of all packages that nothing tells, and why: their profiles are wrong."""

UNREADABLE: Final = {
    "4.0.1": frozenset[str](),
    "3.0.1": frozenset({"http://hl7.org/fhir/StructureDefinition/consentdirective"}),
}
"""Profiles with elements that their type has not."""

REACHED: Final = {
    "4.0.1": {"elements": (1767, 2415), "slices": (307, 616), "bindings": (191, 264), "constraints": (18, 20)},
    "3.0.1": {"elements": (2160, 3142), "slices": (651, 1068), "bindings": (208, 355), "constraints": (16, 17)},
}
"""Of the elements in Nictiz's differentials, those that an example surely has (slices that only a profile tells are not
counted), and all of them."""


def _untold(element: Element, path: str) -> Iterator[str]:
    if element.slicing is not None:
        for each in element.slicing.slices:
            if each.matches is None and each.name != DEFAULT:
                yield f"{path}:{each.name}"
            assert isinstance(each.rules, Element)
            yield from _untold(each.rules, f"{path}:{each.name}")
    for child in element.children:
        if child.again is None:
            yield from _untold(child, f"{path}.{child.name}")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", VERSIONS)
def test_slices_that_nothing_tells_are_listed(
    fhir_definitions: Path, version: str, record_property: Callable[[str, object], None]
) -> None:
    held = profiles(fhir_definitions, version)
    found: dict[str, None] = {}
    unreadable = set()
    count = 0
    for artifact in of_version(fhir_definitions, version):
        resource = artifact.resource() if artifact.kind == "StructureDefinition" else {}
        if resource.get("derivation") != "constraint":
            continue
        count += 1
        compiled = held.definition(artifact.url)
        if compiled is None:
            unreadable.add(artifact.url)
            continue
        own = {each["id"] for each in resource["differential"]["element"]}
        for path in _untold(compiled[1], resource["type"]):
            if path in own:
                found[f"{artifact.url.rpartition('/')[2]} {path}"] = None
    assert found.keys() == UNTOLD[version].keys()
    assert unreadable == UNREADABLE[version]
    record_property(
        CLOSING_LINE,
        f"profiles: {count} of FHIR {version} compiled, {len(unreadable)} unreadable, {len(found)} slices that nothing "
        "tells, each explained in test_reach.py",
    )


def _reached(fhir_definitions: Path, version: str) -> set[tuple[str, str]]:
    """(Profile, element id) of what an example has."""
    held, definitions = profiles(fhir_definitions, version), load(version)
    found: set[tuple[str, str]] = set()
    for resource in examples(fhir_definitions, version).by_name.values():
        kind = resource["resourceType"]
        for canonical in resource.get("meta", {}).get("profile", ()):
            compiled = held.definition(canonical)
            waiting = [] if compiled is None else [Root(compiled[0], Item(resource, None, kind, None), (), kind)]
            while waiting:
                root = waiting.pop()
                for spot in spots(root, definitions):
                    if not spot.values:
                        continue
                    found |= {(rule.profile, rule.definition["id"]) for rule in spot.node.rules}
                    for value in spot.values:
                        url = value.item.object.get("url", "") if value.item.type == "Extension" else ""
                        within = held.definition(url) if ":" in url else None
                        if within is not None:
                            waiting.append(Root(within[0], value.item, value.keys, value.path))
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_examples_reach_of_the_profiles_is_counted(
    fhir_definitions: Path, version: str, record_property: Callable[[str, object], None]
) -> None:
    reached = _reached(fhir_definitions, version)
    have: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for artifact in nictiz_artifacts(fhir_definitions, version):
        resource = artifact.resource() if artifact.kind == "StructureDefinition" else {}
        for element in resource.get("differential", {}).get("element", ()):
            kinds = {
                "elements": True,
                "slices": "sliceName" in element,
                "bindings": "binding" in element,
                "constraints": "constraint" in element,
            }
            for kind in (name for name, there in kinds.items() if there):
                every[kind] += 1
                have[kind] += (artifact.url, element["id"]) in reached or "." not in element["id"]
    counts = {kind: (have[kind], every[kind]) for kind in every}
    assert counts == REACHED[version]
    listed = ", ".join(f"{own} of {total} {kind}" for kind, (own, total) in counts.items())
    record_property(CLOSING_LINE, f"profiles: Nictiz's examples of FHIR {version} reach {listed} of its differentials")
