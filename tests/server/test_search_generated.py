"""Every parameter of every type, on generated resources: what is found is what slow and obvious comparisons find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from random import Random
from typing import Any, Final
from urllib.parse import quote

import pytest

from app.fhir.definitions.own import served
from app.fhir.resource import Resource, decode, walk_dicts
from app.fhir.ucum import SYSTEM
from app.server.placement import load_placement
from app.server.search.kinds import KINDS
from app.server.search.registry import Param, Registry
from tests import builders
from tests.fhir.generated import Maker
from tests.server.plans import cycle
from tests.server.reference_kinds import (
    PREFIXES,
    Language,
    component_kinds,
    matches,
    measured,
    texts,
    tokens,
)
from tests.server.service import BASE, Caller

REGISTRY: Final = Registry(served(), load_placement())
TYPES: Final = sorted(
    name for name in REGISTRY.stored if not REGISTRY.placement[name].refused and name not in ("Patient", "Binary")
)
RICH: Final = ("Observation", "Condition", "DocumentReference", "Encounter", "MolecularSequence", "PlanDefinition")
"""Types that are tried longer: they have parameters of many kinds."""
RESOURCES: Final = 8
UNITS: Final = (("kg", "kg"), ("gram", "g"), ("mg", "mg"), ("kg", "g"), ("[iU]", "[iU]"))
SIGNS: Final = frozenset(",$|\\")


def some_resource(random: Random, maker: Maker, resource_type: str, id: str) -> Resource:
    """One that belongs to Anna, with what she sees of it decided by nothing but its type."""
    made = {**maker.resource(resource_type), "id": id}
    for each in walk_dicts(made):
        if each.get("code") == "kg" and each.get("system") == SYSTEM:
            unit, code = random.choice(UNITS)
            each.update(unit=unit, code=code)
            if random.random() < 0.2 and "value" in each:
                each["comparator"] = random.choice(("<", "<=", ">=", ">"))
        if "dimensions" in each:
            each["data"] = random.choice(("1 2.5 E", "-3", "L 4", "E"))
    for name in ("meta", "contained", "implicitRules", "modifierExtension", "text"):
        made.pop(name, None)
    if random.random() < 0.5:
        made["meta"] = {
            "profile": [random.choice(("http://a.example/p|1", "http://a.example/p", "http://a.example/q"))],
            "tag": [{"system": "urn:t", "code": random.choice("ab"), "display": random.choice(("Alfa", "Bravo"))}],
            "source": random.choice(("http://a.example/s/1", "urn:s")),
        }
    if resource_type == "Consent":  # others than wishes are permissions, which are not for apps
        made["scope"] = builders.concept("http://terminology.hl7.org/CodeSystem/consentscope", "adr")
    if resource_type == "CarePlan":
        phase, review = random.choice((None, "plan", "do")), random.choice((None, "2027-01-15", "2027-02", "2028"))
        made["extension"] = cycle(random.choice((None, 1, 2, 3)), phase, review) or cycle(1)
    if resource_type == "Observation" and random.random() < 0.4:
        made["focus"] = [{"reference": f"Goal/{random.choice('ab')}"}, *made.get("focus", ())]
    place = REGISTRY.placement[resource_type]
    if len(place.subject) == 1:
        anna = {"reference": "Patient/anna"}
        made[place.subject[0]] = [anna] if place.many else anna
    return made


FILLED_IN = ("authored",)
"""What the service fills in where a person leaves it out."""


async def kept(caller: Caller, random: Random, resource_type: str, count: int) -> list[Resource]:
    """Generated resources as they were stored."""
    maker = Maker(REGISTRY.definitions, random, richness=0.6, beside=0)
    record: list[Resource] = []
    for number in range(5 * count):
        made = some_resource(random, maker, resource_type, f"g-{number}")
        place = REGISTRY.placement[resource_type]
        context = {} if place.subject or place.catalogue else {"X-Security-Context": "Patient/anna"}
        answer = await caller.put(f"/{resource_type}/{made['id']}", made, context)
        assert answer.status_code in (201, 400, 422, 403), answer.text
        if answer.status_code == 201:
            stored = decode((await caller.get(f"/{resource_type}/{made['id']}", context)).content)
            record.append(made | {name: stored[name] for name in FILLED_IN if name in stored})
            if len(record) == count:
                break
    return record


def some_token(random: Random, kind: str, value: Any, modifier: str) -> str | None:
    if modifier == "text":
        found = texts(kind, value)
        text = random.choice(found) if found else "alfa"
        return random.choice((text, text.upper(), text[: random.randint(1, len(text))])).strip() or None
    known = tokens(kind, value)
    system, code = random.choice(known) if known else ("urn:none", "x")
    if modifier == "of-type":
        typed = tokens("CodeableConcept", value.get("type", {})) if kind == "Identifier" else []
        return "|".join((*(random.choice(typed) if typed else ("urn:x", "y")), code))
    return random.choice((code, f"{system}|{code}", f"{system}|{code}", f"{system}|" if system else code))


def some_number(random: Random, value: Decimal) -> str:
    """Near the value, with as many decimals or fewer."""
    shown = value + random.choice((0, 0, 0, 1, -1, Decimal("0.1")))
    text = f"{round(shown, random.choice((0, 1, 3))):f}"
    return random.choice(("", "", *PREFIXES)) + text


def some_amount(random: Random, kind: str, value: Any) -> str:
    found = measured(kind, value)
    if found is None or not abs(found.low) < 10**9 or found.code == "":
        return some_number(random, Decimal(3))
    factor, code = random.choice(((1, found.code), (1000, "g"), (1, "kg"))) if found.code == "kg" else (1, found.code)
    number = some_number(random, found.low * factor)
    return random.choice(
        (number, f"{number}|{found.system}|{code}", f"{number}||{found.unit or code}", f"{number}||{code}")
    )


def some_text(random: Random, value: Any) -> str:
    parts = [value] if isinstance(value, str) else [each for each in value.values() if isinstance(each, str)]
    text = random.choice(parts or ["x"])
    start = random.choice((0, 0, len(text) // 2))
    return random.choice((text, text.upper(), text[start : start + 4])).strip() or "x"


def some_date(random: Random, value: Any) -> str:
    found = [value] if isinstance(value, str) else [each for each in value.values() if isinstance(each, str)]
    text = random.choice([each for each in found if each[:2].isdigit()] or ["2019-05"])
    return random.choice(("", *(prefix for prefix in PREFIXES if prefix != "ap"))) + random.choice(
        (text, text[:10], text[:4])
    )


def some_reference(random: Random, kind: str, value: Any, modifier: str) -> str:
    if modifier == "identifier":
        known = tokens("Identifier", value.get("identifier", {})) if kind == "Reference" else []
        return "|".join(random.choice(known)) if known else "x"
    text = value.get("reference", "x") if kind == "Reference" else value if isinstance(value, str) else "x"
    form, _, id = text.rpartition("/")
    if modifier:
        return id if form == modifier else "x"
    return random.choice((text, text, id, f"{BASE}/{text}" if form.isalpha() else text, text.partition("|")[0]))


def some_uri(random: Random, value: str, modifier: str) -> str:
    if modifier == "above":
        return value + random.choice(("/x/1", "?x", ""))
    return value[: -random.randint(1, 4)] if modifier == "below" else value


def some_value(random: Random, kind_of: str, item: tuple[str, Any], *, modifier: str = "") -> str | None:
    kind, value = item
    match kind_of:
        case "token":
            return some_token(random, kind, value, modifier)
        case "quantity":
            return some_amount(random, kind, value)
        case "number":
            return some_number(random, getattr(measured(kind, value), "low", Decimal(1)))
        case "uri":
            return some_uri(random, value, modifier)
        case "string":
            return some_text(random, value)
        case "date":
            return some_date(random, value)
        case _:
            return some_reference(random, kind, value, modifier)


def queries(
    random: Random, language: Language, param: Param, record: Sequence[Resource]
) -> Iterator[tuple[str, list[str]]]:
    """(modifier, values) to ask of the parameter, mostly for what is there."""
    yield "missing", [random.choice(("true", "false"))]
    if param.kind == "composite":
        groups = [group for each in record for group in language.together(param.code, each)]
        kinds = component_kinds(language, param.definition)
        for group in random.sample(groups, min(len(groups), 4)):
            parts = [some_value(random, kind, random.choice(found)) for kind, found in zip(kinds, group, strict=True)]
            if all(parts):
                yield "", ["$".join(each for each in parts if each)]
        return
    found = [item for each in record for item in language.found(param.code, each)]
    if not found:
        return
    modifiers = sorted(
        KINDS[param.kind].modifiers(param) - ({"in", "not-in", "above", "below"} if param.kind == "token" else set())
    )
    if param.kind == "reference":
        modifiers += random.sample(sorted(param.definition.targets or ("Goal",)), 1)
    for modifier in ("", "", *modifiers):
        values = [
            some_value(random, param.kind, random.choice(found), modifier=modifier)
            for _ in range(random.choice((1, 1, 2)))
        ]
        if param.kind == "uri" and modifier and any(each and each.startswith("urn:") for each in values):
            continue
        if values := [each for each in values if each]:
            yield modifier, values


def written(param: Param, modifier: str, values: Sequence[str]) -> str:
    """As the query string of a URL; commas and the like within a value are escaped."""
    parted = {"token": "|", "quantity": "|", "composite": "$|", "uri": "|", "reference": "|"}.get(param.kind, "")
    texts_ = [
        "".join(letter if letter in parted or letter not in SIGNS else f"\\{letter}" for letter in each)
        for each in values
    ]
    name = f"{param.code}:{modifier}" if modifier else param.code
    return f"{name}={quote(','.join(texts_), safe='')}"


@pytest.mark.parametrize("resource_type", TYPES)
async def test_every_parameter_finds_what_obvious_comparisons_find(
    anna: Caller, practice: Caller, operator: Caller, resource_type: str
) -> None:
    random = Random(resource_type)
    place = REGISTRY.placement[resource_type]
    writer = anna if place.subject or not place.catalogue else operator
    language = Language(REGISTRY.definitions, resource_type, BASE)
    rounds = 4 if resource_type in RICH else 1
    record = await kept(writer, random, resource_type, RESOURCES * rounds)
    assert record
    known = {each["id"] for each in record}
    hits = 0
    for param in REGISTRY.params(resource_type).values():
        if param.owner or param.kind == "special":
            continue
        for modifier, values in [each for _ in range(rounds) for each in queries(random, language, param, record)]:
            address = f"/{resource_type}?{written(param, modifier, values)}&_count=100"
            expected = {each["id"] for each in record if matches(language, param.code, each, modifier, values)}
            for caller in (anna, practice) if random.random() < 0.3 else (anna,):
                assert set(await caller.found(address)) & known == expected, (address, caller.token)
            hits += bool(expected)
    assert hits
