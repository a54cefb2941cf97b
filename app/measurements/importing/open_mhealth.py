"""Open mHealth data points: header and body, one or many. https://www.openmhealth.org/documentation/#/schema-docs/schema-library

Data points are numbered as they come. What is a statistic (an average, a maximum) is no measurement.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from app.errors import ZelfregieError
from app.fhir.resource import decode
from app.measurements.importing.json_objects import Objects
from app.measurements.importing.lines import Device, Line, Problem, Taken, names
from app.measurements.importing.local_time import Moment, moment_of
from app.measurements.importing.numbers import in_own_unit
from app.measurements.importing.totals import Totals
from app.measurements.kinds import Kind, Value, kinds

_VERSION: Final = re.compile(r"-v?[0-9.]+$|:.*$")
_MOST_NAMES: Final = 500


@dataclass(frozen=True, slots=True)
class _Words:
    """An element of the body whose words say something of the circumstances."""

    name: str
    element: str
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema. ``values``: value and element of the body; ``plain``: the UCUM unit of a bare number."""

    kind: Kind
    values: tuple[tuple[Value, str], ...]
    units: Mapping[str, str]
    plain: str
    total: bool
    told: tuple[_Words, ...]


@cache
def schemas() -> Mapping[str, Schema]:
    """All of them by name."""
    table = yaml.load(Path(__file__).with_name("open_mhealth.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return {name: _schema(row) for name, row in table.items()}


def _schema(row: Mapping[str, Any]) -> Schema:
    kind = kinds()[row["kind"]]
    told = [_Words(name, each["element"], each["words"]) for name, each in row.get("context", {}).items()]
    if "moment" in row:
        told.append(_Words("", row["moment"]["element"], row["moment"]["words"]))
    by_name = {each.name: each for each in kind.values}
    values = tuple((by_name[name], element) for name, element in row["values"].items())
    return Schema(kind, values, row["units"], row.get("plain", ""), row.get("total", False), tuple(told))


class OpenMHealthReader:
    """See ``Reader``."""

    def __init__(self) -> None:
        self.read = 0
        self.unused: Counter[str] = Counter()
        self._objects = Objects()
        self._totals = Totals()

    def feed(self, piece: bytes) -> Iterator[Line]:
        for each in self._objects.feed(piece):
            yield from self._object(each)

    def end(self) -> Iterator[Line]:
        for each in self._objects.end():
            yield from self._object(each)
        if not self.read:
            yield Line(1, None, (Problem("json-empty"),))
        yield from self._totals.lines(until="")
        self.unused.update({f"less:{name}": count for name, count in self._totals.left.items()})

    def _object(self, data: bytes | None) -> Iterator[Line]:
        self.read += 1
        number = self.read
        try:
            point: Any = None if data is None else decode(data)
        except ZelfregieError:
            point = None
        if point is None:
            yield Line(number, None, (Problem("json-broken"),))
            return
        header, body = _dict(point.get("header")), _dict(point.get("body"))
        name = _VERSION.sub("", str(_dict(header.get("schema_id")).get("name", "")))
        schema = schemas().get(name)
        if schema is None and name:
            known = name in self.unused or len(self.unused) < _MOST_NAMES
            self.unused[name[:100] if known else "..."] += 1
            return
        if schema is None:
            yield Line(number, None, (Problem("point-without-schema", "header.schema_id"),))
            return
        line = _point(number, schema, header, body)
        if schema.total and line.taken is not None:
            yield from self._add(line, line.taken, name)
        else:
            yield line

    def _add(self, line: Line, taken: Taken, name: str) -> Iterator[Line]:
        total = self._totals.of(taken.kind, taken.effective, taken.device, line=line.number, name=name)
        if total is None:
            yield Line(line.number, None, (Problem("too-many-days"),))
            return
        total.value += next(iter(taken.values.values()))
        if line.problems:
            yield Line(line.number, None, line.problems)


def _point(number: int, schema: Schema, header: Mapping[str, Any], body: Mapping[str, Any]) -> Line:
    problems: list[Problem] = []
    if body.get("descriptive_statistic", "") not in ("", "count", "sum"):
        problems.append(Problem("statistic", "body.descriptive_statistic"))
    values = {}
    for value, element in schema.values:
        found = _quantity(schema, value, body.get(element), f"body.{element}", problems)
        if found is not None:
            values[value.name] = found
    when = _when(_dict(body.get("effective_time_frame")), problems, wakes=schema.kind.name == "sleep")
    told = {each.name: each.words[word] for each in schema.told if (word := str(body.get(each.element))) in each.words}
    moment = told.pop("", None)
    if any(each.refuses for each in problems):
        return Line(number, None, problems)
    source = str(_dict(header.get("acquisition_provenance")).get("source_name", ""))[:100]
    device = Device("".join(each for each in source if each.isprintable()).strip()) if source.strip() else None
    per_day = schema.kind.per_day
    effective, at = (when.text[:10], None) if per_day else (when.text, when.at)
    return Line(number, Taken(schema.kind, values, effective, at, device, moment, told), problems)


def _quantity(schema: Schema, value: Value, told: Any, place: str, problems: list[Problem]) -> Decimal | None:
    number: Any = told
    unit = schema.plain
    if isinstance(told, dict):
        number, unit = told.get("value"), schema.units.get(str(told.get("unit", "")), "")
    if number is None:
        problems.append(Problem("empty", place))
        return None
    if isinstance(number, int) and not isinstance(number, bool):
        number = Decimal(number)
    if not isinstance(number, Decimal) or abs(number) > 10**12:
        problems.append(Problem("number", place, {"name": names(value)}))
        return None
    if not unit:
        problems.append(Problem("unit", f"{place}.unit", {"name": names(value), "units": ", ".join(schema.units)}))
        return None
    return in_own_unit(number, unit, value)


def _when(frame: Mapping[str, Any], problems: list[Problem], *, wakes: bool) -> Moment:
    """From when it was; of sleep, when it ended."""
    interval = _dict(frame.get("time_interval"))
    named = ("end_date_time", "start_date_time", "date") if wakes else ("start_date_time", "end_date_time", "date")
    places = [("date_time", frame), *((each, interval) for each in named)]
    for name, within in places:
        text = within.get(name)
        if isinstance(text, str):
            place = f"body.effective_time_frame{'' if within is frame else '.time_interval'}.{name}"
            when = moment_of(text, "", date_place=place, time_place=place)
            problems += when.problems
            return when
    problems.append(Problem("empty", "body.effective_time_frame"))
    return Moment()


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
