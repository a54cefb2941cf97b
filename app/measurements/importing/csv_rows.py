"""One line of a CSV file as a measurement, or all that is wrong with it, column by column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from app.measurements.importing.lines import LONGEST_NOTE, Device, Problem, Taken, names
from app.measurements.importing.local_time import moment_of
from app.measurements.importing.numbers import in_own_unit, known_units, number_of, unit_of
from app.measurements.kinds import Kind, Value, kinds

Row = dict[str, str]
"""The fields by column; those that a file does not have are not in it."""
_PRESSURE: Final = re.compile(r"([0-9]{1,3}) ?/ ?([0-9]{1,3})", re.ASCII)
_APART: Final = re.compile(r"[;,|+]")
_YES: Final = {"ja": "true", "yes": "true", "true": "true", "nee": "false", "no": "false", "false": "false"}
_LONGEST_NAME: Final = 100


def taken_of(row: Row) -> tuple[Taken | None, list[Problem]]:
    """The measurement, and what there is to say; None when something of that refuses it."""
    problems: list[Problem] = []
    kind = _kind(row, problems)
    when = moment_of(row.get("date", ""), row.get("time", ""), date_place="datum", time_place="tijd")
    problems += when.problems
    values: dict[str, Decimal] = {}
    moment, context = None, dict[str, str]()
    if kind is not None:
        values = dict(_values(kind, row, problems))
        moment = _moment(kind, row.get("moment", ""), problems)
        told = _context(kind, row.get("context", ""), problems)
        moment = told.pop("", moment) if moment is None else moment
        context = {name: said for name, said in told.items() if name}
    device, note = row.get("device", ""), row.get("note", "")
    if len(device) > _LONGEST_NAME:
        problems.append(Problem("text-too-long", "apparaat", {"most": str(_LONGEST_NAME)}))
    if len(note) > LONGEST_NOTE:
        problems.append(Problem("text-too-long", "opmerking", {"most": str(LONGEST_NOTE)}))
    if kind is None or any(each.refuses for each in problems):
        return None, problems
    made = Device(_printable(device)) if device else None
    at = None if kind.per_day else when.at
    effective = when.text[:10] if kind.per_day else when.text
    return Taken(kind, values, effective, at, made, moment, context, _printable(note)), problems


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text).strip()


@cache
def _names() -> Mapping[str, Mapping[str, Sequence[str]]]:
    found: Mapping[str, Mapping[str, Sequence[str]]] = yaml.load(
        Path(__file__).with_name("csv_columns.yaml").read_text("utf-8"), yaml.CSafeLoader
    )
    return found


def columns() -> Mapping[str, Sequence[str]]:
    """What each column may be called."""
    return _names()["columns"]


def called(kind: Kind) -> Sequence[str]:
    """What a line may call a kind: its name in the table, Dutch and English, and other words for it."""
    listed = (kind.nl, kind.en, kind.name, kind.name.replace("-", " "), *_names()["kinds"].get(kind.name, ()))
    return tuple(dict.fromkeys(each.casefold() for each in listed))


@cache
def kinds_by_name() -> Mapping[str, Kind]:
    """The kinds by everything that they may be called."""
    return {said: kind for kind in kinds().values() for said in called(kind)}


def _kind(row: Row, problems: list[Problem]) -> Kind | None:
    said = row.get("kind", "")
    kind = kinds_by_name().get(said.casefold())
    if kind is None:
        problems.append(Problem("kind" if said else "empty", "soort"))
    elif not kind.home:
        problems.append(Problem("kind-not-entered", "soort", {"kind": names(kind)}))
        return None
    return kind


def _values(kind: Kind, row: Row, problems: list[Problem]) -> Iterator[tuple[str, Decimal]]:
    first, second = row.get("value", ""), row.get("value2", "")
    parts = kind.values[:2]
    pair = _PRESSURE.fullmatch(first) if len(parts) == 2 and not second else None
    if pair is not None:
        first, second = pair.groups()
    given = [(parts[0], first, "waarde")]
    if len(parts) == 2:
        given.append((parts[1], second, "waarde2"))
    elif second:
        problems.append(Problem("value-too-many", "waarde2", {"kind": names(kind)}))
    for value, text, place in given:
        found = _value(value, text, row.get("unit", ""), place, problems)
        if found is not None:
            yield value.name, found


def _value(value: Value, text: str, unit_text: str, place: str, problems: list[Problem]) -> Decimal | None:
    unit = unit_of(unit_text, value)
    if unit is None and place == "waarde":
        problems.append(Problem("unit", "eenheid", {"name": names(value), "units": known_units(value)}))
    if not text:
        problems.append(Problem("empty", place))
        return None
    found = number_of(text, value)
    if found is None:
        problems.append(Problem("number", place, {"name": names(value)}))
    return None if found is None or unit is None else in_own_unit(found, unit, value)


def _moment(kind: Kind, said: str, problems: list[Problem]) -> str | None:
    if not said:
        return None
    for each in kind.moments:
        if said.casefold() in (each.name, each.nl.casefold(), each.en.casefold()):
            return each.name
    problems.append(Problem("moment", "moment", {"kind": names(kind), "moments": names(*kind.moments)}))
    return None


def _context(kind: Kind, text: str, problems: list[Problem]) -> dict[str, str]:
    """By the names of contexts what was told, several apart by commas; a moment of the day under ``""``."""
    found: dict[str, str] = {}
    for said in filter(None, (each.strip().casefold() for each in _APART.split(text))):
        known = _told(kind, said)
        if known is None:
            problems.append(
                Problem("context", "context", {"kind": names(kind), "known": ", ".join(_known(kind)) or "-"})
            )
        elif known[0] in found:
            problems.append(Problem("context-twice", "context"))
        else:
            found[known[0]] = known[1]
    return found


def _told(kind: Kind, said: str) -> tuple[str, str] | None:
    for each in kind.moments:
        if said in (each.name, each.nl.casefold(), each.en.casefold()):
            return "", each.name
    name, _, answer = said.partition("=")
    for context in kind.context:
        if context.place == "hasMember":
            continue
        if context.boolean:
            if name.strip() in (context.name, context.nl.casefold(), context.en.casefold()):
                yes = _YES.get(answer.strip())
                return None if yes is None else (context.name, yes)
            continue
        for choice in context.values:
            if said in (choice.name, choice.nl.casefold(), choice.en.casefold()):
                return context.name, choice.name
    return None


def _known(kind: Kind) -> Iterator[str]:
    for context in kind.context:
        if context.place == "hasMember":
            continue
        if context.boolean:
            yield f"{context.name}=ja"
            yield f"{context.name}=nee"
        yield from (choice.nl for choice in context.values)
    yield from (each.nl for each in kind.moments)
