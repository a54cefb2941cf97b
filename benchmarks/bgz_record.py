"""A BgZ of some hundred resources as a GP's system holds it, and gives it: STU3, deterministic, nobody's.

The sections are those of fhir-standards 4 (service 48), with the active care plans of others that GPs keep beside them.
Laboratory results and blood pressures fill it up, as they do in life. The same size gives the same record.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from app.fhir.resource import Resource
from benchmarks import bgz_acts as acts
from benchmarks import bgz_kinds as kinds
from benchmarks.bgz_kinds import Holder, Test

SIZE: Final = 400
PLANS: Final = ("Diabeteszorg", "Valpreventie", "Hartfalen")
_TODAY: Final = date(2026, 11, 20)
_PROBLEMS: Final = (
    ("44054006", "Diabetes mellitus type 2"), ("38341003", "Hoge bloeddruk"), ("84114007", "Hartfalen"),
    ("396275006", "Artrose"), ("13645005", "COPD"), ("35489007", "Depressie"), ("195967001", "Astma"),
    ("40930008", "Traag werkende schildklier"), ("64859006", "Osteoporose"), ("709044004", "Chronische nierschade"),
)  # fmt: skip
_MEDICATION: Final = (
    ("A10BA02", "Metformine 500 mg"), ("C03CA01", "Furosemide 40 mg"), ("C09AA02", "Enalapril 10 mg"),
    ("C07AB02", "Metoprolol 50 mg"), ("C10AA01", "Simvastatine 40 mg"), ("B01AC06", "Acetylsalicylzuur 80 mg"),
    ("N02BE01", "Paracetamol 500 mg"), ("H03AA01", "Levothyroxine 50 mcg"), ("M05BA04", "Alendroninezuur 70 mg"),
    ("A02BC01", "Omeprazol 20 mg"),
)  # fmt: skip
_ALLERGIES: Final = (("373270004", "Penicilline"), ("387406002", "Sulfonamide"), ("111088007", "Latex"))
_TESTS: Final = (
    Test("2160-0", "Kreatinine", "umol/L", 60, 110), Test("59261-8", "HbA1c", "mmol/mol", 20, 42),
    Test("2823-3", "Kalium", "mmol/L", 3.5, 5.0), Test("2951-2", "Natrium", "mmol/L", 135, 145),
    Test("22748-8", "LDL-cholesterol", "mmol/L", 0, 3), Test("718-7", "Hemoglobine", "mmol/L", 7.5, 10),
    Test("3016-3", "TSH", "mU/L", 0.4, 4), Test("1742-6", "ALAT", "U/L", 0, 45),
)  # fmt: skip
_PER_SPECIMEN: Final = 6
"""Results of one sample of blood."""


def bgz_record(holder: Holder, size: int = SIZE, *, plans: int = len(PLANS), seed: int = 48) -> list[Resource]:
    """``size`` resources, the patient themself not among them. Raises ValueError for a size that is too small."""
    draw = random.Random(seed)
    fixed = [
        *kinds.people(holder), kinds.payer(holder), kinds.treatment_directive(holder), kinds.advance_directive(holder),
        *kinds.living(holder), *_health(holder), *_medication(holder), *_done(holder), *acts.planned(holder),
        *(each for number, title in enumerate(PLANS[:plans]) for each in acts.care_plan(holder, number, title)),
    ]  # fmt: skip
    if size < len(fixed):
        raise ValueError(f"a record of {size}: {len(fixed)} are the least")
    measured = _measured(holder, draw)
    return [*fixed, *(next(measured) for _ in range(size - len(fixed)))]


def _day(back: int) -> str:
    return (_TODAY - timedelta(days=back)).isoformat()


def _health(holder: Holder) -> Iterator[Resource]:
    """Problems, of the past and of now, what to watch for, and how somebody manages."""
    for number in range(2 * len(_PROBLEMS)):
        code, display = _PROBLEMS[number % len(_PROBLEMS)]
        past = number >= len(_PROBLEMS)
        over = {"over": str(1990 + number)} if past else {}
        yield kinds.problem(holder, number, code, display, str(1980 + number), **over)
    for number, (code, display) in enumerate(_ALLERGIES):
        yield kinds.allergy(holder, number, code, display)
    for number in range(2):
        yield kinds.alert(holder, number)
    for number in range(6):
        yield kinds.functional_status(holder, number, _day(30 * number))


def _medication(holder: Holder) -> Iterator[Resource]:
    for number, (code, display) in enumerate(_MEDICATION):
        yield kinds.product(holder, number, code, display)
        yield from kinds.medication(holder, number, display, _day(100 * (number + 1)))


def _done(holder: Holder) -> Iterator[Resource]:
    """Aids, vaccinations, operations and admissions."""
    for number in range(2):
        yield from kinds.device(holder, number)
    for number in range(6):
        yield kinds.vaccination(holder, number, f"{2020 + number}-10-20")
        yield acts.procedure(holder, number, f"{2012 + number}-06-05")
    for number in range(4):
        yield acts.admission(holder, number, f"{2012 + number}-08-16", f"{2012 + number}-08-19")


def _measured(holder: Holder, draw: random.Random) -> Iterator[Resource]:
    """The newest first, without end: each time a height, a blood pressure, a weight, and blood that is examined."""
    number = 0
    yield kinds.body_height(holder, 0, _day(400))
    while True:
        day = _day(14 * number)
        yield kinds.blood_pressure(
            holder, number, f"{day}T09:{number % 60:02}:00+01:00", draw.randrange(110, 165), draw.randrange(60, 95)
        )
        yield kinds.body_weight(holder, number, day, round(draw.uniform(76, 84), 1))
        blood = kinds.specimen(holder, number, f"{day}T08:00:00+01:00")
        yield blood
        for place in range(_PER_SPECIMEN):
            test = _TESTS[(number + place) % len(_TESTS)]
            value = round(draw.uniform(test.low, test.high * 1.2), 1)
            yield kinds.lab_result(holder, _PER_SPECIMEN * number + place, test, value, blood)
        number += 1


def address_of(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def urn_of(resource: Resource) -> str:
    """An address for a resource within a Bundle, always the same for the same."""
    drawn = random.Random(address_of(resource)).getrandbits(128)
    return UUID(int=drawn, version=4).urn


def bundle(resources: Sequence[Resource], kind: str = "transaction", *, own: str = "") -> Resource:
    """A ``transaction`` or ``batch`` that creates each. Named by ``urn:uuid`` as MedMij has it, with references to
    those and without ids; or with their ids by the holder's ``own`` base.
    """
    if own:
        names = {address_of(each): f"{own}/{address_of(each)}" for each in resources}
    else:
        names = {address_of(each): urn_of(each) for each in resources}
    entries = []
    for each in resources:
        given = _renamed(each, names.get)
        if not own:
            del given["id"]
        post = {"method": "POST", "url": each["resourceType"]}
        entries.append({"fullUrl": names[address_of(each)], "resource": given, "request": post})
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def _renamed(value: Any, name: Callable[[str], str | None]) -> Any:
    """A copy in which references are those of the Bundle."""
    if isinstance(value, list):
        return [_renamed(each, name) for each in value]
    if not isinstance(value, dict):
        return value
    copy = {key: _renamed(each, name) for key, each in value.items()}
    target = copy.get("reference")
    if isinstance(target, str):
        copy["reference"] = name(target) or target
    return copy


def by_type(resources: Sequence[Resource]) -> dict[str, list[Resource]]:
    """Of each type the resources, in order."""
    found: dict[str, list[Resource]] = {}
    for each in resources:
        found.setdefault(each["resourceType"], []).append(each)
    return found
