"""``$lastn`` as service 52 is qualified with it, of kinds and over code sets. fhir-standards 2.1; the answers hold one
Observation per group of codes. https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

from __future__ import annotations

from typing import Final

import pytest

from app.measurements.kinds import kinds_by_code
from tests.builders import LOINC, SNOMED
from tests.measurements.measuring import PATIENT, measured
from tests.server.service import Caller

ASKED: Final = {
    "29463-7": LOINC,
    "59408-5": LOINC,
    "8302-2": LOINC,
    "8310-5": LOINC,
    "85354-9": LOINC,
    "8867-4": LOINC,
    "8893-0": LOINC,
    "422834003": SNOMED,
    "14743-9": LOINC,
    "14770-2": LOINC,
    "14760-3": LOINC,
}


@pytest.mark.parametrize("code", list(ASKED))
async def test_the_newest_of_one_kind_is_exactly_one(anna: Caller, code: str) -> None:
    system = ASKED[code]
    made = measured(kinds_by_code()[system, code], without_profile=True)
    made["code"] = {"coding": [{"system": system, "code": code}]}
    for number in (1, 3, 2):
        when = f"2026-11-0{number}T08:00:00+01:00"
        await anna.keep({**made, "id": f"m-{number}", "subject": PATIENT, "effectiveDateTime": when})
    assert await anna.found(f"/Observation/$lastn?code={system}|{code}") == ["m-3"]
    assert await anna.found(f"/Observation/$lastn?code={system}|{code}&max=2") == ["m-3", "m-2"]


async def test_of_a_code_set_the_newest_of_each_code(anna: Caller) -> None:
    glucose = kinds_by_code()[LOINC, "14743-9"]
    for number, code in enumerate(("14760-3", "14770-2", "14760-3", "14743-9"), 1):
        made = measured(glucose, without_profile=True)
        made["code"] = {"coding": [{"system": LOINC, "code": code}]}
        when = f"2026-11-0{number}T08:00:00+01:00"
        await anna.keep({**made, "id": f"g-{number}", "subject": PATIENT, "effectiveDateTime": when})
    found = await anna.found(f"/Observation/$lastn?code={LOINC}|14760-3,{LOINC}|14770-2")
    assert found == ["g-3", "g-2"]


async def test_an_empty_period_is_an_empty_searchset(anna: Caller) -> None:
    bundle = await anna.bundle(f"/Observation/$lastn?code={LOINC}|29463-7&date=ge2030-01-01&date=le2030-02-01")
    assert (bundle["type"], bundle.get("entry", [])) == ("searchset", [])
