"""A large Bundle is validated in turns, so that the requests of others go on meanwhile.

https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

import re
from asyncio import sleep
from dataclasses import replace
from typing import Any, Final

from app.errors import Issue
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource
from app.fhir.validation import validate

TURN: Final = 25
"""Entries at a time: some milliseconds."""
_MOST_ISSUES: Final = 1000
_ENTRY: Final = re.compile(r"Bundle\.entry\[(\d+)\]")


async def validate_in_turns(bundle: Resource, definitions: Definitions) -> list[Issue]:
    """As ``validate`` says it, but that the whole is looked at without its entries, and those in slices."""
    listed = bundle.get("entry")
    if not isinstance(listed, list) or len(listed) <= 2 * TURN:
        return validate(bundle, definitions)
    found = validate({name: value for name, value in bundle.items() if name != "entry"}, definitions)
    for start in range(0, len(listed), TURN):
        await sleep(0)
        some: list[Any] = listed[start : start + TURN]
        slice_of = {"resourceType": "Bundle", "type": bundle.get("type"), "entry": some}
        found += [
            replace(each, expression=tuple(_moved(path, start) for path in each.expression))
            for each in validate(slice_of, definitions)
        ]
        if len(found) > _MOST_ISSUES:
            break
    return found


def _moved(path: str, start: int) -> str:
    return _ENTRY.sub(lambda found: f"Bundle.entry[{int(found[1]) + start}]", path, count=1)
