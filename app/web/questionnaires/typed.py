"""Answers as they are typed, and back: numbers with a comma, days in parts, local times, amounts with their unit.
https://hl7.org/fhir/R4/datatypes.html

What is shown of an answer and comes back unchanged stays that very answer, however precise it was.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import urlsplit

from app.fhir.resource import Resource
from app.questionnaires.answers.limits import values_of
from app.questionnaires.answers.values import choice_in
from app.questionnaires.items import VALUES, Item
from app.questionnaires.names import CORE
from app.web.dates import ZONE
from app.web.questionnaires.options import Option, unit_key
from app.web.uploads import File

Parts = Mapping[str, str]
"""What is typed, by the end of the field's name: ``""`` for most; ``d``, ``m``, ``y`` and ``t`` for times, ``u`` for a
unit.
"""
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "date": ("d", "m", "y"),
    "dateTime": ("d", "m", "y", "t"),
    "quantity": ("", "u"),
}
DEFAULT_FILE: Final = 5
"""MB of a file where the Questionnaire does not say."""
MOST_FILE: Final = 20
"""MB of a file whatever the Questionnaire says."""
FILES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/heic", "application/pdf", "text/plain")
"""What can be sent where the Questionnaire does not say."""
MAX_SIZE: Final = f"{CORE}maxSize"
MIME_TYPE: Final = f"{CORE}mimeType"
_MEGABYTE: Final = 1_000_000
_NUMBER: Final = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?")
_WHOLE: Final = re.compile(r"[+-]?\d{1,10}")
_TIME: Final = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)([:.][0-5]\d)?")
_LARGEST_INTEGER: Final = 2**31


class NotRead(Exception):
    """What was typed is no answer. ``rule`` is the end of the text that says so."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def parts_of(kind: str) -> tuple[str, ...]:
    """The fields that one answer of a type is typed in."""
    return PARTS.get(kind, ("",))


def shown(kind: str, answer: Resource, language: str) -> dict[str, str]:
    """What the fields of an answer hold."""
    _, value = choice_in(answer, "value")
    if value is None:
        return {}
    if kind in ("date", "dateTime"):
        return _shown_time(str(value))
    if kind == "quantity":
        return {"": _comma(value.get("value", ""), language), "u": unit_key(value)}
    if kind in ("decimal", "integer"):
        return {"": _comma(value, language)}
    if kind == "time":
        return {"": str(value)[:5]}
    return {"": str(value)}


def read(item: Item, parts: Parts, units: list[Option]) -> Resource | None:
    """The answer (its ``value[x]``) that was typed, None for nothing. Raises ``NotRead``."""
    given = {name: value.strip() for name, value in parts.items()}
    if not any(value for name, value in given.items() if name != "u"):
        return None
    value = _READERS[item.type](given) if item.type != "quantity" else _quantity(given, units)
    return {VALUES[item.type] if item.type != "open-choice" else "valueString": value}


def file_answer(item: Item, file: File) -> Resource:
    """A file as an answer. Raises ``NotRead``."""
    if not file.content:
        raise NotRead("file_empty")
    if len(file.content) > file_limit(item) * _MEGABYTE:
        raise NotRead("file_size")
    kind = file.type.partition(";")[0].strip().lower()
    if not any(kind == each or (each.endswith("/*") and kind.startswith(each[:-1])) for each in file_types(item)):
        raise NotRead("file_type")
    data = b64encode(file.content).decode("ascii")
    title = {"title": file.name} if file.name.strip() else {}
    return {"valueAttachment": {"contentType": kind, "data": data, "size": len(file.content), **title}}


def file_limit(item: Item) -> Decimal:
    """How large a file can be, in MB."""
    return min(Decimal(item.extension(MAX_SIZE) or DEFAULT_FILE), Decimal(MOST_FILE))


def file_types(item: Item) -> tuple[str, ...]:
    """Which types of files can be sent."""
    return tuple(str(each).lower() for each in values_of(item, MIME_TYPE)) or FILES


def _comma(value: Any, language: str) -> str:
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return text.replace(".", ",") if language == "nl" else text


def _shown_time(value: str) -> dict[str, str]:
    """Day, month and year, and the local time where there is one."""
    day, _, time = value.partition("T")
    if time:
        moment = datetime.fromisoformat(value)
        local = moment.astimezone(ZONE) if moment.tzinfo is not None else moment
        day, time = local.date().isoformat(), local.strftime("%H:%M")
    year, month, number, *_ = [*day.split("-"), "", ""]
    return {"d": number.lstrip("0"), "m": month.lstrip("0"), "y": year, "t": time}


def _number(text: str, pattern: re.Pattern[str], rule: str) -> Decimal:
    plain = text.replace(",", ".")
    if not pattern.fullmatch(plain):
        raise NotRead(rule)
    try:
        return Decimal(plain)
    except InvalidOperation as error:
        raise NotRead(rule) from error


def _decimal(parts: Parts) -> Decimal:
    return _number(parts.get("", ""), _NUMBER, "number")


def _integer(parts: Parts) -> int:
    found = int(_number(parts.get("", ""), _WHOLE, "whole"))
    if not -_LARGEST_INTEGER <= found < _LARGEST_INTEGER:
        raise NotRead("whole")
    return found


def _date(parts: Parts) -> str:
    """A day, a month or a year."""
    day, month, year = (parts.get(name, "") for name in ("d", "m", "y"))
    if not (year.isdecimal() and year.isascii() and len(year) == 4 and year != "0000") or (day and not month):
        raise NotRead("date")
    for each in (day, month):
        if each and not (each.isdecimal() and each.isascii() and len(each) <= 2):
            raise NotRead("date")
    try:
        datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
    except ValueError as error:
        raise NotRead("date") from error
    return "-".join([year, *([f"{int(month):02}"] if month else []), *([f"{int(day):02}"] if day else [])])


def _date_time(parts: Parts) -> str:
    day = _date(parts)
    if not parts.get("t"):
        return day
    if len(day) != len("2026-01-01"):
        raise NotRead("date")
    moment = datetime.fromisoformat(f"{day}T{_time({'': parts['t']})}").replace(tzinfo=ZONE)
    return moment.isoformat()


def _time(parts: Parts) -> str:
    found = _TIME.fullmatch(parts.get("", ""))
    if found is None:
        raise NotRead("time")
    return f"{int(found[1]):02}:{found[2]}:{(found[3] or ':00')[1:]}"


def _text(parts: Parts) -> str:
    return parts.get("", "").replace("\r\n", "\n")


def _url(parts: Parts) -> str:
    text = parts.get("", "")
    try:
        fits = bool(urlsplit(text).scheme) and not any(each.isspace() for each in text)
    except ValueError:
        fits = False
    if not fits:
        raise NotRead("url")
    return text


def _quantity(parts: Parts, units: list[Option]) -> Resource:
    value = _number(parts.get("", ""), _NUMBER, "number")
    unit = parts.get("u", "")
    if not units:
        return {"value": value, "unit": unit} if unit else {"value": value}
    found = next((each for each in units if each.key == unit), units[0] if len(units) == 1 else None)
    if found is None:
        raise NotRead("unit_chosen")
    return {"value": value, **found.answer}


_READERS: Final[Mapping[str, Callable[[Parts], Any]]] = {
    "decimal": _decimal,
    "integer": _integer,
    "date": _date,
    "dateTime": _date_time,
    "time": _time,
    "string": _text,
    "text": _text,
    "open-choice": _text,
    "url": _url,
}
