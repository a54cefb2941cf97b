"""What a Questionnaire asks of one answer by itself: size, form, unit, kind of file, what it refers to.
https://hl7.org/fhir/R4/questionnaire-profiles.html#extensions https://hl7.org/fhir/uv/sdc/
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from app.errors import Issue
from app.fhir.resource import Resource, parse_reference
from app.questionnaires.answers.patterns import NotUnderstood, pattern_of
from app.questionnaires.answers.values import choice_in, compares, same_coding
from app.questionnaires.answers.wording import problem
from app.questionnaires.items import Item
from app.questionnaires.names import CORE, SDC

MIN_VALUE: Final = (f"{CORE}minValue", f"{SDC}sdc-questionnaire-minQuantity", f"{CORE}questionnaire-minQuantity")
MAX_VALUE: Final = (f"{CORE}maxValue", f"{SDC}sdc-questionnaire-maxQuantity", f"{CORE}questionnaire-maxQuantity")
UNIT: Final = f"{CORE}questionnaire-unit"
UNIT_OPTION: Final = f"{CORE}questionnaire-unitOption"
UNIT_VALUE_SET: Final = f"{CORE}questionnaire-unitValueSet"
_UNIT_OPEN: Final = (f"{SDC}sdc-questionnaire-unitOpen", f"{CORE}questionnaire-unitOpen")
_MIN_LENGTH: Final = f"{CORE}minLength"
_REGEX: Final = f"{CORE}regex"
_ENTRY_FORMAT: Final = f"{CORE}entryFormat"
_DECIMALS: Final = f"{CORE}maxDecimalPlaces"
_MAX_SIZE: Final = f"{CORE}maxSize"
_MIME_TYPE: Final = f"{CORE}mimeType"
_REFERENCE_RESOURCE: Final = f"{CORE}questionnaire-referenceResource"
_MEGABYTE: Final = 1_000_000


def limit_problems(item: Item, kind: str, value: Any, path: str) -> Iterator[Issue]:
    """What one value of the right type breaks of its item. ``kind``: its type, such as ``Decimal``."""
    yield from _range(item, kind, value, path)
    if isinstance(value, str | Decimal | int) and not isinstance(value, bool):
        yield from _written(item, str(value), path)
    number = value.get("value") if kind == "Quantity" else value
    if isinstance(number, Decimal | int) and not isinstance(number, bool):
        yield from _decimals(item, number, path)
    if kind == "Quantity":
        yield from _unit(item, value, path)
    elif kind == "Attachment":
        yield from _attachment(item, value, path)
    elif kind == "Reference":
        yield from _reference(item, value, path)


def values_of(item: Item, *urls: str) -> list[Any]:
    """The values of every extension of an item with one of these URLs."""
    listed = [each for each in item.raw.get("extension", ()) if each.get("url") in urls]
    return [found for each in listed if (found := choice_in(each, "value")[1]) is not None]


def _range(item: Item, kind: str, value: Any, path: str) -> Iterator[Issue]:
    for urls, operator, rule in ((MIN_VALUE, ">=", "min-value"), (MAX_VALUE, "<=", "max-value")):
        for each in item.raw.get("extension", ()):
            if each.get("url") not in urls:
                continue
            limit_kind, limit = choice_in(each, "value")
            if limit is None:
                continue
            holds = compares(operator, kind, value, limit_kind, limit)
            if not holds:
                broken = "not-compared" if holds is None else rule
                yield problem(broken, path, item=item.link_id, limit=_limit(limit))


def _limit(limit: Any) -> str:
    if isinstance(limit, dict):
        return f"{limit.get('value', '')} {limit.get('unit', limit.get('code', ''))}".strip()
    return str(limit)


def _written(item: Item, text: str, path: str) -> Iterator[Issue]:
    longest = item.raw.get("maxLength")
    if longest is not None and len(text) > longest:
        yield problem("max-length", path, item=item.link_id, limit=str(longest))
    shortest = item.extension(_MIN_LENGTH)
    if shortest is not None and len(text) < shortest:
        yield problem("min-length", path, item=item.link_id, limit=str(shortest))
    expression = item.extension(_REGEX)
    if isinstance(expression, str):
        try:
            fits = pattern_of(expression).matches(text)
        except NotUnderstood:
            yield problem("regex-unread", path, severity="warning", item=item.link_id)
            return
        if not fits:
            shape = item.extension(_ENTRY_FORMAT) or expression
            yield problem("regex", path, item=item.link_id, shape=shape)


def _decimals(item: Item, number: Decimal | int, path: str) -> Iterator[Issue]:
    most = item.extension(_DECIMALS)
    exponent = Decimal(number).as_tuple().exponent
    if most is not None and isinstance(exponent, int) and -exponent > most:
        yield problem("decimals", path, item=item.link_id, limit=str(most))


def _unit(item: Item, quantity: Resource, path: str) -> Iterator[Issue]:
    """Units by code; the value set of units is for who looks at value sets."""
    allowed = [each for each in values_of(item, UNIT, UNIT_OPTION) if isinstance(each, dict)]
    opened = values_of(item, *_UNIT_OPEN)
    if not allowed or (opened and opened[0] != "optionsOnly") or values_of(item, UNIT_VALUE_SET):
        return
    if not any(is_unit(quantity, each) for each in allowed):
        units = ", ".join(each.get("code") or each.get("display", "") for each in allowed)
        yield problem("unit", path, item=item.link_id, units=units)


def is_unit(quantity: Resource, coding: Resource) -> bool:
    """Whether a quantity is in a unit: by system and code, and by its words where neither has a code."""
    if "code" in quantity or "system" in quantity:
        return same_coding({"system": quantity.get("system"), "code": quantity.get("code")}, {"system": None} | coding)
    return quantity.get("unit") in (coding.get("display", ()), coding.get("code", ()))


def _attachment(item: Item, attachment: Resource, path: str) -> Iterator[Issue]:
    most = item.extension(_MAX_SIZE)
    if most is not None and _size(attachment) > Decimal(most) * _MEGABYTE:
        yield problem("attachment-size", path, item=item.link_id, limit=str(most))
    types = [str(each) for each in values_of(item, _MIME_TYPE)]
    if types and not _fits(attachment.get("contentType", ""), types):
        yield problem("attachment-type", path, item=item.link_id, types=", ".join(types))


def _size(attachment: Resource) -> int:
    """Of the content where it is here, else what is said of it."""
    try:
        there = len(b64decode(attachment.get("data", "")))
    except (Error, ValueError):
        there = len(attachment["data"])
    return max(there, int(attachment.get("size", 0)))


def _fits(kind: str, types: list[str]) -> bool:
    plain = kind.partition(";")[0].strip().lower()
    family = f"{plain.partition('/')[0]}/*"
    return plain != "" and any(each.lower() in (plain, family, "*/*") for each in types)


def _reference(item: Item, reference: Resource, path: str) -> Iterator[Issue]:
    types = [str(each) for each in values_of(item, _REFERENCE_RESOURCE)]
    literal = parse_reference(reference.get("reference", ""))
    kind = reference.get("type") if literal is None else literal.type
    if types and kind not in types:
        yield problem("reference-type", path, item=item.link_id, types=", ".join(types))
