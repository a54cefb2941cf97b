"""Answers that were measured or said before: the newest Observation of the code of an item, within the period that its
Questionnaire gives. https://hl7.org/fhir/uv/sdc/populate.html#observation-based-population

Looked for as a search does it: under the caller's scopes, permits and what narrows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from app.database import Reader
from app.errors import Issue
from app.fhir import ucum
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.questionnaires.answers.choices import kinds_of
from app.questionnaires.answers.limits import UNIT
from app.questionnaires.answers.values import choice_in, same_coding
from app.questionnaires.answers.wording import problem
from app.questionnaires.items import Form, Item
from app.questionnaires.names import SDC
from app.server.intake.flags import BEYOND_LIMIT, TO_CONFIRM, intake_system
from app.server.messages import Request
from app.server.search import page
from app.server.search.parse import Part
from app.server.search.permitted import within_scopes
from app.server.server import FhirServer

LINK_PERIOD: Final = f"{SDC}sdc-questionnaire-observationLinkPeriod"
MOST_ITEMS: Final = 100
"""Of one Questionnaire that are looked for."""
_LOOKED_AT: Final = 5
"""The newest of a code: the first that has a value for the item counts."""
_SECOND: Final = 1_000_000
_DOUBTED: Final = frozenset({BEYOND_LIMIT, TO_CONFIRM})
_PLAIN: Final = frozenset({"", "1"})
"""Codes of UCUM, besides annotations such as ``{score}``, of a number without a unit."""
_STATUS: Final = "final,amended,corrected"


@dataclass(frozen=True, slots=True)
class Observed:
    """The answers that were found, by linkId, and what there is to say of those that were not."""

    answers: Mapping[str, list[Resource]]
    issues: tuple[Issue, ...] = ()


async def observed(server: FhirServer, reader: Reader, request: Request, form: Form, patient_id: str) -> Observed:
    """What the Observations of a patient say for the items of a form."""
    listed = [each for each in form.walk() if each.is_question and each.extension(LINK_PERIOD) is not None]
    if not listed:
        return Observed({})
    scopes = request.access.scopes
    if not (scopes.allow("Observation", Action.SEARCH) and scopes.allow("Observation", Action.READ)):
        issues = tuple(problem("not-seen", each.path, severity="warning", item=each.link_id) for each in listed)
        return Observed({}, issues)
    answers, told = {}, []
    for number, item in enumerate(listed):
        found = None
        if number < MOST_ITEMS and item.raw.get("code"):
            found = await _newest(server, reader, request, item, patient_id)
        if found is None:
            told.append(problem("not-found", item.path, severity="information", item=item.link_id))
        else:
            answers[item.link_id] = [found]
    return Observed(answers, tuple(told))


async def _newest(server: FhirServer, reader: Reader, request: Request, item: Item, patient_id: str) -> Resource | None:
    query = server.parser.parse("Observation", [*_search(item, request.now)], lenient=False)
    within_scopes(query, request.access.scopes)
    query.count = _LOOKED_AT
    query.patient = [patient_id]
    rows = (await page.run(server, reader, request.access, query, now=request.now)).rows
    answers = (_answer(item, each) for row in rows if not _is_doubted(each := decode(row[1]), server.canonical_base))
    return next((each for each in answers if each is not None), None)


def _search(item: Item, now: int) -> Iterator[Part]:
    codes = ",".join(f"{each.get('system', '')}|{each['code']}" for each in item.raw["code"] if "code" in each)
    yield _part("combo-code", codes)
    yield _part("status", _STATUS)
    since = _since(item.extension(LINK_PERIOD), now)
    if since is not None:
        yield _part("date", f"ge{since}")
    yield _part("_sort", "-date")


def _since(period: Resource, now: int) -> str | None:
    """When the period began; None for one that cannot be read as a time."""
    found = ucum.canonical(Decimal(period.get("value", 0)), period.get("code", ""))
    if found is None or found[1] != "s":
        return None
    moment = now - int(found[0] * _SECOND)
    return instant(moment) if moment > 0 else None


def _part(name: str, value: str) -> Part:
    return name, value, f"{name}={quote(value, safe=',:|/.')}"


def _is_doubted(observation: Resource, canonical_base: str) -> bool:
    """Whether it was flagged as what cannot be right, or what nobody has said yet that it is right."""
    system = intake_system(canonical_base)
    flags = {each.get("code") for each in observation.get("meta", {}).get("tag", ()) if each.get("system") == system}
    return not _DOUBTED.isdisjoint(flags)


def _answer(item: Item, observation: Resource) -> Resource | None:
    """The value of an Observation, or of its component with the code, as an answer to an item; None where it has none
    of the type of the item.
    """
    if observation.get("modifierExtension"):
        return None
    for element in (observation, *observation.get("component", ())):
        codings = element.get("code", {}).get("coding", ())
        if any(same_coding(each, code) for each in codings for code in item.raw["code"]):
            kind, value = choice_in(element, "value")
            for made_kind, made in _as_answers(item, kind, value):
                if made_kind in kinds_of(item):
                    return {f"value{made_kind}": made}
    return None


def _as_answers(item: Item, kind: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value of an Observation in the types that an answer can have, the best first."""
    if kind == "CodeableConcept":
        options = [choice_in(each, "value")[1] for each in item.raw.get("answerOption", ())]
        codings = value.get("coding", ())
        if options:
            codings = [
                each for each in codings if any(isinstance(one, dict) and same_coding(each, one) for one in options)
            ]
        yield from (("Coding", each) for each in codings)
        if "text" in value:
            yield "String", value["text"]
    elif kind == "Quantity":
        yield "Quantity", value
        number = _number(item, value)
        if number is not None:
            yield "Decimal", number
            if number == int(number):
                yield "Integer", int(number)
    elif kind == "Integer":
        yield "Integer", value
        yield "Decimal", Decimal(value)
    elif kind == "DateTime":
        yield "DateTime", value
        yield "Date", value[:10]
    elif kind in ("Boolean", "String", "Time"):
        yield kind, value


def _number(item: Item, quantity: Resource) -> Decimal | None:
    """The number of a quantity in the unit of an item; None where it cannot be had: an item without a unit takes a
    number without one only, since nobody would see which it was.
    """
    if "value" not in quantity or "comparator" in quantity:
        return None
    number = Decimal(quantity["value"])
    unit, code = item.extension(UNIT), str(quantity.get("code") or quantity.get("unit") or "")
    if unit is None:
        return number if code in _PLAIN or (code[0], code[-1]) == ("{", "}") else None
    if quantity.get("system") != ucum.SYSTEM or unit.get("system", ucum.SYSTEM) != ucum.SYSTEM:
        return number if _unit(unit) == _unit(quantity) else None
    if unit.get("code") == quantity.get("code"):
        return number
    there = ucum.canonical(number, quantity.get("code", ""))
    one, zero = ucum.canonical(Decimal(1), unit.get("code", "")), ucum.canonical(Decimal(0), unit.get("code", ""))
    if there is None or one is None or zero is None or there[1] != one[1] or one[0] == zero[0]:
        return None
    return ((there[0] - zero[0]) / (one[0] - zero[0])).normalize() + 0


def _unit(coded: Resource) -> tuple[Any, Any]:
    return coded.get("system"), coded.get("code")
