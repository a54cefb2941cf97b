"""``Patient/$summary``: an IPS document that says where it comes from and that it may be incomplete."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from pypdf import PdfReader

from app.bgz.summary.table import summary_sections
from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from tests import builders
from tests.bgz.records import (
    ABSENT,
    ALLERGY_VERIFICATION,
    CONDITION_VERIFICATION,
    allergy,
    keep_one_of_each,
    laboratory,
    medication,
)
from tests.builders import SNOMED, concept
from tests.careplan.documents import anna_starts
from tests.careplan.tagged import STANDARD, Tagged
from tests.medmij_profiles.package import definitions
from tests.server.service import Caller, Service, codes

PATH = "/Patient/anna/$summary"
PDF = {"accept": "application/pdf"}


async def summary(caller: Caller, query: str = "") -> Resource:
    answer = await caller.get(f"{PATH}{query}")
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


def composition(bundle: Resource) -> Resource:
    found: Resource = bundle["entry"][0]["resource"]
    assert found["resourceType"] == "Composition"
    return found


def sections(bundle: Resource) -> dict[str, Resource]:
    """By LOINC code."""
    return {each["code"]["coding"][0]["code"]: each for each in composition(bundle)["section"]}


def reason(section: Resource) -> Any:
    return section["emptyReason"]["coding"][0]["code"]


async def test_a_full_record_is_a_valid_document_whose_entries_are_in_it(anna: Caller) -> None:
    await keep_one_of_each(anna)
    await anna_starts(anna, "Ik wil weer naar mijn koor.")
    answer = await anna.get(PATH)
    bundle = decode(answer.content)
    assert [each for each in validate(bundle, definitions()) if each.severity == "error"] == []
    assert Bundle.model_validate_json(answer.content).type == "document"
    found = composition(bundle)
    assert found["type"]["coding"][0]["code"] == "60591-5"
    assert "profile" not in found.get("meta", {})
    urls = [each["fullUrl"] for each in bundle["entry"]]
    assert len(urls) == len(set(urls))
    named = [each["reference"] for section in found["section"] for each in section.get("entry", ())]
    assert len(named) > 20
    assert {*named, found["subject"]["reference"], found["author"][0]["reference"]} <= set(urls)
    assert set(sections(bundle)) == {each.loinc for each in summary_sections().values()} - {"11348-0"}
    goals = [each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Goal"]
    narrowed = [each for each in goals if "nl-core-TreatmentObjective" in str(each["meta"])]
    assert [each["description"]["text"] for each in narrowed] == ["Ik wil weer naar mijn koor."]
    assert len(goals) > 1


async def test_an_empty_record_says_that_it_does_not_know(anna: Caller) -> None:
    found = sections(await summary(anna))
    assert list(found) == [each.loinc for each in summary_sections().values() if each.always]
    assert {reason(each) for each in found.values()} == {"unavailable"}


@pytest.mark.parametrize(
    "code", [concept(SNOMED, "716186003", text="Geen allergie"), concept(ABSENT, "no-known-allergies", text="Geen")]
)
async def test_that_there_is_nothing_is_said_where_a_source_says_so(practice: Caller, code: Resource) -> None:
    await practice.create(allergy(code=code))
    section = sections(await summary(practice))["48765-2"]
    assert reason(section) == "nilknown"
    assert "entry" not in section
    assert f"{code['text']} (De Proef, 3 februari 2020)" in section["text"]["div"]


async def test_what_one_source_says_there_is_none_of_does_not_hide_what_another_gave(
    anna: Caller, practice: Caller
) -> None:
    await practice.create(allergy(code=concept(SNOMED, "716186003", text="Geen allergie")))
    await anna.create(allergy())
    section = sections(await summary(anna))["48765-2"]
    assert "emptyReason" not in section
    assert len(section["entry"]) == 1
    assert "Geen allergie (De Proef" in section["text"]["div"]


async def test_errors_and_what_was_refuted_are_left_out(anna: Caller) -> None:
    await anna.create(allergy(verificationStatus=concept(ALLERGY_VERIFICATION, "refuted")))
    await anna.create(
        allergy(clinicalStatus=None, verificationStatus=concept(ALLERGY_VERIFICATION, "entered-in-error"))
    )
    await anna.create(builders.condition(verificationStatus=concept(CONDITION_VERIFICATION, "refuted")))
    await anna.create(medication(status="entered-in-error"))
    await anna.create(laboratory(status="entered-in-error"))
    found = sections(await summary(anna))
    assert {reason(each) for each in found.values()} == {"unavailable"}


async def test_it_says_first_where_it_comes_from_and_every_entry_has_source_and_date(
    anna: Caller, practice: Caller
) -> None:
    await practice.create(builders.condition())
    await anna.create(builders.condition(code={"text": "Hoofdpijn <i>"}, recordedDate="2026-01-05"))
    bundle = await summary(anna)
    head = composition(bundle)["text"]["div"]
    assert "Dit overzicht kan onvolledig zijn." in head
    assert "De Proef: aantal gegevens 1, laatst bijgewerkt op" in head
    section = sections(bundle)["11450-4"]
    assert [each["display"] for each in section["entry"]] == [
        "De Proef, 6 mei 2019",
        "De persoon of wie namens die persoon handelt, 5 januari 2026",
    ]
    assert "Hoofdpijn &lt;i&gt;" in section["text"]["div"]
    assert section["text"]["div"].count("Van de persoon zelf") == 1


async def test_it_speaks_the_language_that_is_asked(anna: Caller) -> None:
    assert composition(await summary(anna, "?language=en"))["section"][0]["title"] == "Medication"
    answer = await anna.get(PATH, {"accept-language": "fr, en;q=0.8, nl;q=0.2"})
    assert answer.headers["content-language"] == "en"
    assert composition(decode(answer.content))["section"][0]["title"] == "Medication"
    assert codes(await anna.get(f"{PATH}?language=fr")) == ["value"]


async def test_what_may_not_be_seen_is_absent_and_nothing_tells(service: Service, anna: Caller) -> None:
    await keep_one_of_each(anna)
    narrow = service.caller("anna-measurements")
    bundle = await summary(narrow)
    assert {each["resource"]["resourceType"] for each in bundle["entry"]} <= {
        *("Composition", "Patient", "Observation", "Device")
    }
    assert reason(sections(bundle)["10160-0"]) == "unavailable"
    assert "Metformine" not in (await narrow.get(PATH)).text


async def test_it_is_one_patients_only(anna: Caller, bram: Caller, practice: Caller) -> None:
    await anna.create(allergy())
    assert (await bram.get(PATH)).status_code == 404
    assert codes(await practice.get("/Patient/$summary")) == ["too-costly"]
    assert "Penicilline" not in (await bram.get("/$summary")).text


@pytest.mark.parametrize("operation", ["$summary", "$bgz"])
async def test_it_is_printed_for_who_asks_for_pages(anna: Caller, operation: str) -> None:
    await anna.create(allergy())
    answer = await anna.get(f"/Patient/anna/{operation}", {**PDF, "accept-language": "en"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    reader = PdfReader(BytesIO(answer.content))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    assert "Penicilline" in text
    assert "This overview may be incomplete." in text
    catalog: Any = reader.trailer["/Root"]
    assert catalog["/MarkInfo"]["/Marked"].value
    tagged = Tagged(answer.content)
    assert [each for each in tagged.pieces if each.mark is None and each.artifact is None] == []
    assert [(each.page, each.mark) for each in tagged.leaves] == [
        (each.page, each.mark) for each in tagged.pieces if each.mark is not None
    ]
    assert set(tagged.types) <= STANDARD
    assert {each.path[-1] for each in tagged.leaves} <= {"H1", "H2", "P"}
    assert catalog["/Lang"].startswith("en")


def test_each_code_was_held_against_what_hl7_publishes_and_what_differs_is_said() -> None:
    rows = summary_sections()
    assert {name for name, each in rows.items() if not each.confirmed or each.source != "ips-2.0"} == set()
    assert len({each.loinc for each in rows.values()}) == len({each.slice for each in rows.values()}) == len(rows)
    assert [each.slice for each in rows.values() if each.always][:3] == [
        "sectionMedications",
        "sectionAllergies",
        "sectionProblems",
    ], "those that IPS demands come first"
    beyond = {name: each.beyond for name, each in rows.items() if each.beyond}
    assert set(beyond) == {"functional-status", "plan-of-care"}
    said = (Path(__file__).parents[2] / "docs" / "summary.md").read_text("utf-8")
    assert all(kind in said for kinds in beyond.values() for kind in kinds)


@pytest.mark.parametrize(
    ("section", "code"), [("devices", "787483001"), ("immunizations", "787482006"), ("procedures", "787480003")]
)
def test_none_known_is_understood_as_ips_says_it_now_and_as_it_did(section: str, code: str) -> None:
    assert summary_sections()[section].nothing == {
        ("http://snomed.info/sct", code),
        ("http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", f"no-known-{section}"),
    }
