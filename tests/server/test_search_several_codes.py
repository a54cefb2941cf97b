"""Several values of one token, any of which will do: what is found is what each by itself finds, in the order and the
pages of any other search. https://hl7.org/fhir/R4/search.html#combining
"""

from __future__ import annotations

from random import Random
from typing import Final

import pytest

from tests.builders import LOINC, SNOMED, observation, posted, transaction
from tests.server.service import Caller, ids

A, B, C = f"{LOINC}|29463-7", f"{LOINC}|8867-4", f"{SNOMED}|27113001"
MANY: Final = ",".join(f"{LOINC}|{number}-0" for number in range(20))
"""More than lead a search together."""
SEVERAL: Final = {
    "two": (A, B),
    "three, of which some have two": (A, B, C),
    "one of them twice": (A, A),
    "one that nobody has": (B, f"{LOINC}|0-0"),
    "none that anybody has": (f"{LOINC}|0-0", f"{LOINC}|1-0"),
    "without their systems": ("29463-7", "8867-4"),
    "one without its system": ("29463-7", C),
    "none that anybody has, without their systems": ("0-0", "1-0"),
    "more than lead together": (A, MANY, C),
}
BESIDE: Final = (
    "",
    "&date=ge2026-02&date=lt2026-03-10",
    "&date=2026-02-11",
    "&_sort=date",
    "&_sort=_lastUpdated",
    "&_sort=-code,date",
    "&status=final,amended",
    "&status:not=final",
    "&patient=anna",
    "&category=vital-signs",
    "&value-quantity=gt80",
)


@pytest.fixture
async def filled(anna: Caller, practice: Caller) -> Caller:
    """Anna, with observations of one, two or none of the codes, some of the same date and some without any, as a
    system delivers them.
    """
    random = Random(5)
    for name, count in (("anna", 40), ("bram", 5)):
        made = []
        for _ in range(count):
            keys = random.sample((A, B, C, f"{SNOMED}|29463-7", f"{LOINC}|8302-2"), random.choice((1, 1, 2)))
            codings = [dict(zip(("system", "code"), key.split("|"), strict=True)) for key in keys]
            when = f"2026-{random.randint(1, 3):02}-{random.randint(10, 14)}"
            made.append(
                observation(
                    f"Patient/{name}",
                    code={"coding": codings},
                    status=random.choice(("final", "amended", "preliminary")),
                    effectiveDateTime=random.choice((when, when, f"{when}T08:00:00Z", None)),
                    valueQuantity={"value": random.randint(78, 83)},
                )
            )
        answer = await practice.post("", transaction(*map(posted, made)))
        assert answer.status_code == 200, answer.text
    return anna


@pytest.mark.parametrize("several", SEVERAL)
async def test_several_codes_find_what_each_of_them_finds(filled: Caller, practice: Caller, several: str) -> None:
    codes = SEVERAL[several]
    for caller in (filled, practice):
        for beside in BESIDE:
            one_by_one = {
                id for code in codes for id in await caller.found(f"/Observation?code={code}{beside}&_count=99")
            }
            found = await caller.found(f"/Observation?code={','.join(codes)}{beside}&_count=99")
            ordered = await caller.found(f"/Observation?_count=99{beside}")
            assert found == [id for id in ordered if id in one_by_one], beside


@pytest.mark.parametrize("several", SEVERAL)
async def test_pages_and_totals_are_those_of_one_page(filled: Caller, several: str) -> None:
    for beside in BESIDE:
        search = f"/Observation?code={','.join(SEVERAL[several])}{beside}&_total=accurate"
        whole = await filled.bundle(f"{search}&_count=99")
        pages = await filled.pages(f"{search}&_count=7")
        assert [id for page in pages for id in ids(page)] == ids(whole), beside
        assert whole["total"] == len(ids(whole)) == pages[0]["total"]
        counted = await filled.bundle(f"{search}&_summary=count")
        assert counted["total"] == whole["total"]
