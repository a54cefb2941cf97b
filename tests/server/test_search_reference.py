"""Random searches over random records give what a slow, obvious search gives, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final
from urllib.parse import quote

import pytest

from app.fhir.resource import Resource
from tests.builders import (
    CONDITION_CLINICAL,
    LOINC,
    SNOMED,
    concept,
    condition,
    observation,
    patient,
    put,
    reference,
    transaction,
)
from tests.server.plans import plan
from tests.server.reference_search import BY_DATE, FIRST, LAST, PARAMETERS, Asked, search
from tests.server.service import Caller, ids

QUERIES: Final = 70
SYSTEMS: Final = (LOINC, SNOMED, "urn:own", "")
CODES: Final = ("29463-7", "8867-4", "x", "y|z".replace("|", "-"), "X")
TARGETS: Final = (
    "Goal/a",
    "Goal/b",
    "Condition/a",
    "Practitioner/doctor",
    "Observation/a-1",
    "https://elders.example/fhir/Goal/a",
)
NAMES: Final = (
    "de Boer",
    "De Vries",
    "Zoë",
    "zoe",
    "Ångström",
    "van 't Hof",
    "Boer",
    "李",
    "IJsbrand",
    "d'Été",
    "X" * 70,
    "X" * 70 + "y",
)
PREFIXES: Final = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")


def a_code(random: Random) -> Resource:
    coding: list[Resource] = []
    for _ in range(random.choice((0, 1, 1, 1, 2))):
        system = random.choice(SYSTEMS)
        coding.append({"code": random.choice(CODES), **({"system": system} if system else {})})
    return {"text": "t", **({"coding": coding} if coding else {})}


def a_date(random: Random) -> str:
    """A date of any precision in a few months around two turns of the year and a change of the clock."""
    year, month, day = random.choice((2023, 2024)), random.choice((1, 3, 10, 12)), random.choice((1, 15, 27, 31))
    text = f"{year}-{month:02}-{day:02}"
    clock = f"T{random.choice((0, 1, 12, 23)):02}:{random.choice((0, 30)):02}:{random.choice((0, 59)):02}"
    return random.choice(
        (text[:4], text[:7], text, text, text + clock + "Z", text + clock + "+01:00", text + clock + "-05:00")
    )


def a_period(random: Random) -> Resource:
    start, end = sorted((a_date(random)[:10], a_date(random)[:10]))
    return random.choice(({"start": start, "end": end}, {"start": start}, {"end": end}))


def an_observation(random: Random, subject: str, id: str) -> Resource:
    effective = random.choice(
        (
            {},
            {"effectiveDateTime": a_date(random)},
            {"effectiveDateTime": a_date(random)},
            {"effectivePeriod": a_period(random)},
        )
    )
    return observation(
        subject,
        id=id,
        status=random.choice(("final", "amended", "preliminary")),
        code=a_code(random),
        category=[a_code(random)] if random.random() < 0.7 else None,
        identifier=[{"system": "urn:own", "value": random.choice(CODES)}] if random.random() < 0.5 else None,
        valueQuantity=None,
        valueCodeableConcept=a_code(random) if random.random() < 0.5 else None,
        focus=[reference(each) for each in random.sample(TARGETS, random.randint(1, 2))]
        if random.random() < 0.6
        else None,
        performer=[reference(random.choice(("Practitioner/doctor", "Patient/anna")))]
        if random.random() < 0.5
        else None,
        **{"effectiveDateTime": None, **effective},
    )


def a_condition(random: Random, subject: str, id: str) -> Resource:
    return condition(
        subject,
        id=id,
        clinicalStatus=concept(CONDITION_CLINICAL, random.choice(("active", "resolved", "remission"))),
        code=a_code(random) if random.random() < 0.9 else None,
        recordedDate=a_date(random) if random.random() < 0.8 else None,
        encounter=reference(f"Encounter/{random.choice('ab')}") if random.random() < 0.5 else None,
        asserter=reference(random.choice(("Practitioner/doctor", "Patient/anna"))) if random.random() < 0.5 else None,
        **random.choice(
            ({}, {"onsetDateTime": a_date(random)}, {"onsetPeriod": a_period(random)}, {"onsetString": "vroeger"})
        ),
    )


def a_plan(random: Random, subject: str, id: str) -> Resource:
    told = (
        random.choice((None, 1, 2, 3, 12)),
        random.choice((None, "plan", "do", "check", "act")),
        random.choice((None, a_date(random)[:10], a_date(random)[:7], a_date(random)[:4])),
    )
    return plan(
        id,
        *told,
        subject=subject,
        status=random.choice(("active", "draft", "revoked")),
        category=[a_code(random)] if random.random() < 0.6 else None,
        period=a_period(random) if random.random() < 0.6 else None,
        goal=[reference(random.choice(TARGETS[:2]))] if random.random() < 0.6 else None,
    )


def a_patient(random: Random, id: str) -> Resource:
    names = [
        {"family": random.choice(NAMES), "given": random.sample(NAMES, random.randint(1, 2))}
        for _ in range(random.randint(0, 2))
    ]
    return patient(
        id,
        name=names or None,
        gender=random.choice(("male", "female", None)),
        birthDate=random.choice((None, a_date(random)[:10], a_date(random)[:4])),
        identifier=[{"system": "urn:own", "value": random.choice(CODES)}] if random.random() < 0.5 else None,
        generalPractitioner=[reference("Practitioner/doctor")] if random.random() < 0.5 else None,
        address=[{"city": random.choice(("Gouda", "'s-Gravenhage", "Gouderak"))}] if random.random() < 0.6 else None,
    )


MAKERS: Final[dict[str, Callable[[Random, str, str], Resource]]] = {
    "CarePlan": a_plan,
    "Condition": a_condition,
    "Observation": an_observation,
}


def some_value(random: Random, kind: str, record: Sequence[Resource], values: Any) -> str:
    """What may be asked for: mostly what is there in the record, in one of the forms that it can be asked in."""
    present = [value for resource in record for value in values(resource)]
    if kind == "date":
        return random.choice(PREFIXES) + a_date(random)
    if kind == "number":
        return random.choice(PREFIXES) + random.choice(("0", "1", "2", "2.0", "2.4", "3", "11", "12", "99"))
    if kind == "token":
        system, code = (
            random.choice(present)
            if present and random.random() < 0.8
            else (random.choice(SYSTEMS), random.choice(CODES))
        )
        return str(
            random.choice((code, code, f"{system}|{code}", f"{system}|{code}", f"{system}|" if system else code))
        )
    if kind == "reference":
        return str(random.choice((*present, "Goal/none", "Goal/a", "a", "doctor")))
    text = str(random.choice((*present, *NAMES)))
    begin = random.choice((0, 0, 0, len(text) // 2))
    return random.choice((text, text.upper(), text.lower(), text[begin : begin + random.choice((1, 3, 66, 99))]))


def some_query(random: Random, resource_type: str, record: Sequence[Resource]) -> list[Asked]:
    query = []
    for name in random.choices(list(PARAMETERS[resource_type]), k=random.choice((1, 1, 2, 2, 3))):
        parameter = PARAMETERS[resource_type][name]
        modifiers = {
            "token": ("", "", "", "not"),
            "string": ("", "", "exact", "contains"),
            "date": ("",),
            "number": ("",),
            "reference": ("", "", "", "Goal"),
        }
        modifier = "missing" if random.random() < 0.1 else random.choice(modifiers[parameter.kind])
        count = random.choice((1, 1, 1, 2, 3))
        values = tuple(some_value(random, parameter.kind, record, parameter.values) for _ in range(count))
        if modifier == "missing":
            values = (random.choice(("true", "false")),)
        elif modifier == "Goal":
            values = ("a", "b", "none")[:count]
        query.append(Asked(name, modifier, values))
    return query


def written(query: Sequence[Asked]) -> str:
    """As the query string of a URL."""
    parts = []
    for part in query:
        name = f"{part.of}:{part.modifier}" if part.modifier else part.of
        parts.append(f"{name}={','.join(quote(value, safe='') for value in part.values)}")
    return "&".join(parts)


async def in_order(caller: Caller, address: str, resource_type: str, known: dict[str, Resource]) -> None:
    """Both directions of the type's date, by its first moment; what has none is at the far end."""
    values = PARAMETERS[resource_type][BY_DATE[resource_type]].values
    for sort, far in (("", FIRST), ("-", FIRST)):
        found = await caller.found(f"{address}&_sort={sort}{BY_DATE[resource_type]}&_count=1000")
        keys = [min((low for low, _ in values(known[id])), default=far.replace(day=1)) for id in found]
        assert keys == sorted(keys, reverse=sort == "-"), f"{address} {sort}"
    assert far < LAST


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("resource_type", sorted(MAKERS))
async def test_random_searches_find_what_the_obvious_search_finds(
    anna: Caller, practice: Caller, resource_type: str, seed: int
) -> None:
    random = Random(f"{resource_type} {seed}")
    make = MAKERS[resource_type]
    record = [make(random, "Patient/anna", f"a-{number}") for number in range(40)]
    others = [make(random, "Patient/bram", f"b-{number}") for number in range(10)]
    answer = await practice.post("/", transaction(*(put(each) for each in (*record, *others))))
    assert answer.status_code == 200, answer.text
    known = {each["id"]: each for each in (*record, *others)}
    hits = 0
    for number in range(QUERIES):
        query = some_query(random, resource_type, record)
        address = f"/{resource_type}?{written(query)}"
        expected = search(resource_type, record, query)
        assert set(await anna.found(f"{address}&_count=1000")) == expected, address
        everybodys = search(resource_type, [*record, *others], query)
        assert set(await practice.found(f"{address}&_count=1000")) == everybodys, address
        if number % 10 == 0:
            await in_order(anna, address, resource_type, known)
            walked = [id for page in await practice.pages(f"{address}&_count=7") for id in ids(page)]
            assert sorted(walked) == sorted(everybodys), address
        hits += bool(expected)
    assert hits > QUERIES // 3


@pytest.mark.parametrize("seed", [1])
async def test_random_searches_for_people_find_who_the_obvious_search_finds(operator: Caller, seed: int) -> None:
    random = Random(f"Patient {seed}")
    people = [a_patient(random, f"p-{number}") for number in range(40)]
    for each in people:
        await operator.keep(each)
    hits = 0
    for _ in range(QUERIES):
        query = some_query(random, "Patient", people)
        address = f"/Patient?{written(query)}"
        expected = search("Patient", people, query)
        assert set(await operator.found(f"{address}&_count=1000")) - {"anna", "bram"} == expected, address
        hits += bool(expected)
    assert hits > QUERIES // 3
