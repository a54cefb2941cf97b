"""A slow and obvious search over a list of resources, written from the specification: the measure for the fast one.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import calendar
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.fhir.resource import Resource
from tests.server.plans import CYCLE

DUTCH: Final = ZoneInfo("Europe/Amsterdam")
UTC: Final = timezone.utc  # noqa: UP017
FIRST: Final = datetime(1, 1, 2, tzinfo=UTC)
LAST: Final = datetime(9999, 12, 30, tzinfo=UTC)

Range = tuple[datetime, datetime]
"""The first moment of a date, and the first one after it."""


def codings(*concepts: Any) -> list[Any]:
    """(system, code) of every coding; a system that is not there is ""."""
    return [
        (each.get("system", ""), each["code"]) for concept in concepts if concept for each in concept.get("coding", ())
    ]


def identifiers(resource: Resource) -> list[Any]:
    return [(each.get("system", ""), each["value"]) for each in resource.get("identifier", ())]


def range_of(text: str) -> Range:
    """What a date stands for, as precise as it was written; without a zone it is Dutch time."""
    day, _, time = text.partition("T")
    parts = [int(part) for part in day.split("-")]
    if not time:
        year, month, date = [*parts, 0, 0][:3]
        if not month:
            return datetime(year, 1, 1, tzinfo=DUTCH), datetime(year + 1, 1, 1, tzinfo=DUTCH)
        if not date:
            following = (year + 1, 1) if month == 12 else (year, month + 1)
            return datetime(year, month, 1, tzinfo=DUTCH), datetime(following[0], following[1], 1, tzinfo=DUTCH)
        last = calendar.monthrange(year, month)[1]
        after = (year, month, date + 1) if date < last else (year, month + 1, 1) if month < 12 else (year + 1, 1, 1)
        return datetime(year, month, date, tzinfo=DUTCH), datetime(after[0], after[1], after[2], tzinfo=DUTCH)
    moment = datetime.fromisoformat(text)
    seconds = time.split("+")[0].split("-")[0].rstrip("Z")
    length = timedelta(minutes=1) if seconds.count(":") == 1 else timedelta(seconds=1)
    return moment, (moment.astimezone(UTC) + length)


def ranges(*values: Any) -> list[Any]:
    """The ranges of dates and Periods; a Period without an end goes on for ever."""
    found = []
    for value in values:
        if isinstance(value, str):
            found.append(range_of(value))
        elif value:
            start = range_of(value["start"])[0] if "start" in value else FIRST
            found.append((start, range_of(value["end"])[1] if "end" in value else LAST))
    return found


def references(*values: Any) -> list[Any]:
    return [each["reference"] for value in values if value for each in (value if isinstance(value, list) else [value])]


def folded(text: str) -> str:
    plain = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    return plain.lower()


def of_goals(values: list[Any]) -> list[Any]:
    """Those references that name a Goal, wherever it is."""
    return [each for each in values if each.split("/")[-2] == "Goal"]


def of_cycle(resource: Resource, name: str) -> list[Any]:
    """What the extension of a plan's cycle says under a name."""
    inner = [part for each in resource.get("extension", ()) if each["url"] == CYCLE for part in each["extension"]]
    return [value for part in inner if part["url"] == name for key, value in part.items() if key != "url"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """``values`` gives what the parameter finds in a resource; ``present`` whether its element is there at all."""

    kind: str
    values: Callable[[Resource], list[Any]]
    present: Callable[[Resource], bool] | None = None

    def is_present(self, resource: Resource) -> bool:
        return bool(self.values(resource)) if self.present is None else self.present(resource)


def has(element: str) -> Callable[[Resource], bool]:
    return lambda resource: element in resource


def parts_of(resource: Resource, *members: str) -> list[Any]:
    found: list[Any] = []
    for name in resource.get("name", ()):
        for member in members:
            part = name.get(member, [])
            found += [part] if isinstance(part, str) else part
    return found


PARAMETERS: Final[dict[str, dict[str, Parameter]]] = {
    "Observation": {
        "code": Parameter("token", lambda r: codings(r["code"]), has("code")),
        "category": Parameter("token", lambda r: codings(*r.get("category", ())), has("category")),
        "status": Parameter("token", lambda r: [("", r["status"])]),
        "identifier": Parameter("token", identifiers),
        "value-concept": Parameter(
            "token", lambda r: codings(r.get("valueCodeableConcept")), has("valueCodeableConcept")
        ),
        "date": Parameter("date", lambda r: ranges(r.get("effectiveDateTime"), r.get("effectivePeriod"))),
        "focus": Parameter("reference", lambda r: references(r.get("focus"))),
        "goal-focus": Parameter("reference", lambda r: of_goals(references(r.get("focus")))),
        "performer": Parameter("reference", lambda r: references(r.get("performer"))),
    },
    "Condition": {
        "code": Parameter("token", lambda r: codings(r.get("code")), has("code")),
        "clinical-status": Parameter("token", lambda r: codings(r.get("clinicalStatus"))),
        "recorded-date": Parameter("date", lambda r: ranges(r.get("recordedDate"))),
        "onset-date": Parameter("date", lambda r: ranges(r.get("onsetDateTime"), r.get("onsetPeriod"))),
        "encounter": Parameter("reference", lambda r: references(r.get("encounter"))),
        "asserter": Parameter("reference", lambda r: references(r.get("asserter"))),
    },
    "CarePlan": {
        "status": Parameter("token", lambda r: [("", r["status"])]),
        "category": Parameter("token", lambda r: codings(*r.get("category", ())), has("category")),
        "date": Parameter("date", lambda r: ranges(r.get("period"))),
        "goal": Parameter("reference", lambda r: references(r.get("goal"))),
        "phase": Parameter("token", lambda r: [("", each) for each in of_cycle(r, "phase")]),
        "cycle": Parameter("number", lambda r: of_cycle(r, "cycle")),
        "next-review": Parameter("date", lambda r: ranges(*of_cycle(r, "nextReview"))),
    },
    "Patient": {
        "identifier": Parameter("token", identifiers),
        "gender": Parameter("token", lambda r: [("", r["gender"])] if "gender" in r else []),
        "birthdate": Parameter("date", lambda r: ranges(r.get("birthDate"))),
        "general-practitioner": Parameter("reference", lambda r: references(r.get("generalPractitioner"))),
        "family": Parameter("string", lambda r: parts_of(r, "family")),
        "given": Parameter("string", lambda r: parts_of(r, "given")),
        "name": Parameter("string", lambda r: parts_of(r, "text", "family", "given", "prefix", "suffix")),
        "address-city": Parameter(
            "string", lambda r: [each["city"] for each in r.get("address", ()) if "city" in each], has("address")
        ),
    },
}
BY_DATE: Final = {"Observation": "date", "Condition": "recorded-date", "CarePlan": "next-review"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One parameter of a query, its modifier and its alternatives; ``of`` is the parameter's name."""

    of: str
    modifier: str
    values: tuple[str, ...]


def search(resource_type: str, record: Sequence[Resource], query: Sequence[Asked]) -> set[str]:
    """The ids of those resources that meet every part of the query."""
    return {
        each["id"] for each in record if all(meets(PARAMETERS[resource_type][part.of], each, part) for part in query)
    }


def meets(parameter: Parameter, resource: Resource, asked: Asked) -> bool:
    if asked.modifier == "missing":
        return parameter.is_present(resource) != (asked.values[0] == "true")
    matches = any(
        matches_one(parameter.kind, found, wanted, asked.modifier)
        for found in parameter.values(resource)
        for wanted in asked.values
    )
    return matches != (asked.modifier == "not")


def matches_one(kind: str, found: Any, wanted: str, modifier: str) -> bool:
    if kind == "token":
        return matches_token(found, wanted)
    if kind == "date":
        return matches_date(found, wanted)
    if kind == "string":
        return matches_string(found, wanted, modifier)
    if kind == "number":
        return matches_number(found, wanted)
    return matches_reference(found, wanted, modifier)


def matches_token(found: tuple[str, str], wanted: str) -> bool:
    if "|" not in wanted:
        return found[1] == wanted
    system, _, code = wanted.partition("|")
    return found[0] == system and code in ("", found[1])


def matches_date(found: Range, wanted: str) -> bool:
    prefix, text = (wanted[:2], wanted[2:]) if wanted[0].isalpha() else ("eq", wanted)
    low, high = range_of(text)
    contained = low <= found[0] and found[1] <= high
    above, below = found[1] > high, found[0] < low
    return {
        "eq": contained,
        "ne": not contained,
        "gt": above,
        "lt": below,
        "ge": above or contained,
        "le": below or contained,
        "sa": found[0] >= high,
        "eb": found[1] <= low,
    }[prefix]


def matches_number(found: int, wanted: str) -> bool:
    """A whole number against one that is written with or without decimals."""
    prefix, text = (wanted[:2], wanted[2:]) if wanted[0].isalpha() else ("eq", wanted)
    asked = Decimal(text)
    half = Decimal(1).scaleb(-len(text.partition(".")[2])) / 2
    equals = asked - half <= found < asked + half
    return {
        "eq": equals,
        "ne": not equals,
        "gt": found > asked,
        "lt": found < asked,
        "ge": found >= asked,
        "le": found <= asked,
        "sa": found > asked,
        "eb": found < asked,
    }[prefix]


def matches_string(found: str, wanted: str, modifier: str) -> bool:
    if modifier == "exact":
        return found == wanted
    if modifier == "contains":
        return folded(wanted) in folded(found)
    return folded(found).startswith(folded(wanted))


def matches_reference(found: str, wanted: str, modifier: str) -> bool:
    if modifier:
        wanted = f"{modifier}/{wanted}"
    return found == wanted or ("/" not in wanted and found.endswith(f"/{wanted}") and "://" not in found)
