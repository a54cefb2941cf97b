"""The tables of ``docs/errors.md``, from ``telling.yaml``, and its example, as a service answers it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from app import errors
from app.fhir.resource import Resource
from app.server.outcomes import status_of
from app.server.telling import table
from tests.server.service import Service

PAGE: Final = Path(__file__).parents[2] / "docs" / "errors.md"
WRONG: Final[Resource] = {
    "resourceType": "Goal",
    "lifecycleStatus": "wrong",
    "subject": {"reference": "Patient/anna"},
    "colour": "red",
}
"""What the page sends."""


def with_tables(text: str) -> str:
    """The page with what is made from the table made anew."""
    for name in ("refusals", "codes", "problems"):
        text = _filled(text, name, "\n".join(_lines(name)))
    return text


async def with_example(text: str, service: Service) -> str:
    """The page with the answer that a service gives."""
    answer = await service.caller("anna").post("/Goal", WRONG, {"accept-language": "nl"})
    assert answer.status_code == 422, answer.text
    shown = json.dumps(answer.json(), indent=2, ensure_ascii=False)
    return _filled(text, "example", f"```json\n{shown}\n```")


def _lines(name: str) -> Iterator[str]:
    rows: Mapping[str, Any] = table()[name]
    head = {"refusals": "status", "codes": "`issue.code`", "problems": "problem"}[name]
    yield f"| {head} | English | Dutch |"
    yield "|---|---|---|"
    for key in sorted(rows, key=lambda each: (_first(name, each), each)):
        yield f"| {_first(name, key)} | {_said(rows[key], 'en')} | {_said(rows[key], 'nl')} |"


def _first(name: str, key: str) -> str:
    return str(status_of(getattr(errors, key)())) if name == "refusals" else f"`{key}`"


def _said(row: Any, language: str) -> str:
    text = f"{row['what'][language]} {row['do'][language]}".replace("{where}", " …")
    return re.sub(r"\{(\w+)\}", r"*\1*", text)


def _filled(text: str, name: str, content: str) -> str:
    found = re.search(rf"<!-- {name}: [^>]*-->\n.*?<!-- end -->", text, re.DOTALL)
    assert found is not None, name
    head = found[0].partition("\n")[0]
    return text.replace(found[0], f"{head}\n{content}\n<!-- end -->")
