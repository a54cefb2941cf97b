"""The example of ``docs/statistics.md`` is what the service answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from app.fhir.resource import Resource, decode
from tests.measurements.counting import figures, said, target, weight
from tests.postgresql import CHECKOUT
from tests.server.service import Caller

PAGE: Final = CHECKOUT / "docs" / "statistics.md"
_ROW: Final = re.compile(r"^\| (\d{4}-\d\d-\d\d) \| ([0-9.]+) \|$", re.MULTILINE)
_ASKED: Final = re.compile(r"```http\nGET (\S+)\n```")
_ANSWER: Final = re.compile(r"```text\n(.*?)\n?```", re.DOTALL)
IN_EVERY_ANSWER: Final = frozenset({"watching", "text", "method"})


async def test_the_example_is_what_is_answered(anna: Caller) -> None:
    page = PAGE.read_text("utf-8")
    rows = _ROW.findall(page)
    assert len(rows) > 5
    for number, (day, value) in enumerate(rows):
        await anna.keep(weight(f"w-{number}", f"{day}T08:00:00+01:00", Decimal(value)))
    await anna.keep(target("afvallen", "2025-12-01"))
    (asked,) = _ASKED.findall(page)
    (shown,) = _ANSWER.findall(page)
    answer = await anna.get(asked)
    assert answer.status_code == 200
    found = decode(answer.content)
    assert shown.splitlines() == list(lines(found))
    (sentence,) = re.findall(r'"([^"]*streefgebied)"', page)
    assert sentence in said(found, "text")


def lines(answer: Resource) -> Iterator[str]:
    """The answer as the page has it: a line per value, with the names that lead to it."""
    for each in answer["parameter"]:
        if each["name"] not in IN_EVERY_ANSWER:
            yield from _of(each, "")


def _of(parameter: Resource, before: str) -> Iterator[str]:
    name = f"{before}{parameter['name']}"
    if "resource" in parameter:
        for code, value in figures(parameter["resource"]).items():
            yield f"{name}: {code} {value:g}"
    elif "part" in parameter:
        parts = parameter["part"]
        if name == "value.bucket":
            shown = [_shown(next(value for key, value in each.items() if key.startswith("value"))) for each in parts]
            yield f"{name}: " + ", ".join(f"{each['name']} {text}" for each, text in zip(parts, shown, strict=True))
            return
        for each in parts:
            if each["name"] != "text":
                yield from _of(each, f"{name}.")
    else:
        yield f"{name}: {_shown(next(value for key, value in parameter.items() if key.startswith('value')))}"


def _shown(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value).partition("?")[2] or str(value)
    if "low" in value:
        return " … ".join(_shown(value[name]) for name in ("low", "high"))
    if "start" in value:
        return f"{value['start']} … {value['end']}"
    if "coding" in value:
        return str(value["coding"][0]["code"])
    return str(value["reference"]) if "reference" in value else f"{value['value']} {value['code']}"
