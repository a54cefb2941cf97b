"""``Patient/$overview``: the same things of several sources side by side, linked with the reason, never merged."""

from __future__ import annotations

import pytest

from app.bgz.telling.entries import WORDS
from app.careplan.document.texts import words
from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from tests import builders
from tests.bgz.records import PRK, allergy, keep_one_of_each, laboratory, medication
from tests.builders import SNOMED, concept
from tests.medmij_profiles.package import codes_of, definitions, of_type
from tests.server.service import Caller, Service, codes

PATH = "/Patient/anna/$overview"
BASE = "https://zelfregie.example/fhir"
SAME = f"{BASE}/StructureDefinition/likely-same"


async def lists(caller: Caller, query: str = "") -> dict[str, Resource]:
    """By LOINC code."""
    bundle = decode((await caller.get(f"{PATH}{query}")).content)
    assert [each for each in validate(bundle, definitions()) if each.severity == "error"] == []
    found = [each["resource"] for each in bundle["entry"] if each["search"]["mode"] == "match"]
    return {each["code"]["coding"][0]["code"]: each for each in found}


def reasons(found: Resource) -> list[str]:
    """Why entries of a list are linked, once for each side."""
    return [
        part["valueCoding"]["code"]
        for entry in found.get("entry", ())
        for extension in entry["extension"]
        if extension["url"] == SAME
        for part in extension["extension"]
        if part["url"] == "reason"
    ]


RESOLVED = concept(builders.CONDITION_CLINICAL, "resolved")
ENDED = builders.condition(onsetDateTime="2020-05", abatementDateTime="2022", clinicalStatus=RESOLVED)
SAME_MINUTE = "2026-03-02T07:30:40Z"
ANOTHER = {"value": 8.7, "unit": "mmol/L", "system": builders.UCUM, "code": "mmol/L"}
LATER = {"effectivePeriod": {"start": "2026-03-01"}}
OTHER = concept(PRK, "1", text="Iets anders")


@pytest.mark.parametrize(
    ("code", "two", "expected"),
    [
        ("11450-4", (builders.condition(), builders.condition()), "same-code"),
        ("11450-4", (builders.condition(onsetDateTime="2018"), ENDED), "same-code-and-period"),
        ("11450-4", (builders.condition(), builders.condition(code=concept(SNOMED, "1"))), ""),
        ("11450-4", (builders.condition(), builders.condition(code=concept("urn:other", "44054006"))), ""),
        ("11450-4", (builders.condition(code={"text": "Griep"}), builders.condition(code={"text": "Griep"})), ""),
        ("10160-0", (medication(), medication()), "same-code-and-period"),
        ("10160-0", (medication(), medication(**LATER)), ""),
        ("10160-0", (medication(), medication(medicationCodeableConcept=OTHER)), ""),
        ("10160-0", (medication(effectivePeriod=None), medication(effectivePeriod=None)), ""),
        ("48765-2", (allergy(), allergy()), "same-code"),
        ("30954-2", (laboratory(), laboratory(effectiveDateTime=SAME_MINUTE)), "same-code-time-and-value"),
        ("30954-2", (laboratory(), laboratory(effectiveDateTime="2026-03-02T07:31:00Z")), ""),
        ("30954-2", (laboratory(effectiveDateTime="2026-03-02"), laboratory(effectiveDateTime="2026-03-02")), ""),
        ("30954-2", (laboratory(), laboratory(valueQuantity=ANOTHER)), ""),
    ],
)
async def test_what_is_likely_the_same_is_linked_both_ways_with_the_reason(
    anna: Caller, practice: Caller, code: str, two: tuple[Resource, Resource], expected: str
) -> None:
    first, second = await anna.create(two[0]), await practice.create(two[1])
    found = (await lists(anna))[code]
    assert reasons(found) == ([expected, expected] if expected else [])
    assert len(found["entry"]) == 2
    for each in (first, second):
        address = f"/{each['resourceType']}/{each['id']}"
        assert decode((await anna.get(address)).content) == each


async def test_two_of_one_source_are_two(practice: Caller) -> None:
    await practice.create(builders.condition())
    await practice.create(builders.condition())
    assert reasons((await lists(practice))["11450-4"]) == []


async def test_every_entry_has_its_source_and_is_in_the_answer(anna: Caller, practice: Caller) -> None:
    await anna.create(allergy())
    await practice.create(allergy())
    bundle = decode((await anna.get(PATH)).content)
    found = (await lists(anna))["48765-2"]
    named = [
        extension["valueString"]
        for entry in found["entry"]
        for extension in entry["extension"]
        if extension["url"].endswith("/entry-source")
    ]
    assert sorted(named) == ["De Proef", "De persoon of wie namens die persoon handelt"]
    urls = {each["fullUrl"] for each in bundle["entry"]}
    assert {entry["item"]["reference"] for entry in found["entry"]} <= urls


async def test_an_empty_record_and_what_may_not_be_seen_say_the_same(service: Service, anna: Caller) -> None:
    empty = await lists(anna)
    await keep_one_of_each(anna)
    narrow = await lists(service.caller("anna-measurements"))
    for code in ("11450-4", "10160-0", "48765-2", "30954-2"):
        assert narrow[code]["emptyReason"] == empty[code]["emptyReason"]
        assert empty[code]["emptyReason"]["coding"][0]["code"] == "unavailable"


async def test_errors_are_in_no_list(anna: Caller, practice: Caller) -> None:
    await anna.create(medication())
    await practice.create(medication(status="entered-in-error"))
    found = (await lists(anna))["10160-0"]
    assert (len(found["entry"]), reasons(found)) == (1, [])


async def test_it_is_one_patients_only(anna: Caller, bram: Caller, practice: Caller) -> None:
    await anna.create(allergy())
    assert (await bram.get(PATH)).status_code == 404
    assert codes(await practice.get("/Patient/$overview")) == ["too-costly"]


def test_every_reason_has_words_and_a_code() -> None:
    known = codes_of(of_type("CodeSystem")[f"{BASE}/CodeSystem/likeness"])
    assert {f"like.{each}" for each in known} == {each for each in words(WORDS) if each.startswith("like.")}
