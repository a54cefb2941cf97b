"""The tables of docs/importing.md, made of the data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.measurements.importing.apple_types import apple_types
from app.measurements.importing.csv_rows import called, columns
from app.measurements.importing.open_mhealth import schemas
from app.measurements.kinds import kinds
from tests.postgresql import CHECKOUT

PAGE: Final = CHECKOUT / "docs" / "importing.md"
_WHAT: Final = {
    "date": "the day; needed",
    "time": "the time; a day is enough",
    "kind": "what was measured; needed",
    "value": "the number; needed",
    "value2": "the second number of a blood pressure",
    "unit": "the unit, in UCUM or as people write it",
    "moment": "the moment of the day, of blood glucose",
    "context": "circumstances, apart by commas; yes or no as `oxygen=ja`",
    "device": "what measured",
    "note": "a remark, at most 1,000 characters",
}


def _columns() -> Iterator[str]:
    yield "| column | what |"
    yield "|---|---|"
    for name, listed in columns().items():
        yield f"| {', '.join(f'`{each}`' for each in listed)} | {_WHAT[name]} |"


def _kinds() -> Iterator[str]:
    yield "| kind | called |"
    yield "|---|---|"
    for kind in kinds().values():
        if kind.home:
            yield f"| {kind.name} | {', '.join(called(kind))} |"


def _apple() -> Iterator[str]:
    yield "| type | kind | how | units |"
    yield "|---|---|---|---|"
    for each in apple_types().values():
        units = ", ".join(f"`{unit}`" for unit in each.units) or "–"
        yield f"| {each.name} | {each.kind.name} | {each.how} | {units} |"


def _open_mhealth() -> Iterator[str]:
    yield "| schema | kind | units | also |"
    yield "|---|---|---|---|"
    for name, each in schemas().items():
        units = ", ".join(f"`{unit}`" for unit in each.units)
        also = ", ".join(f"`{told.element}`" for told in each.told) or "–"
        yield f"| {name} | {each.kind.name} | {units} | {also} |"


_TABLES: Final = {"columns": _columns, "kinds": _kinds, "apple": _apple, "open-mhealth": _open_mhealth}


def with_tables(text: str) -> str:
    """The page with its tables made anew."""
    for name, rows in _TABLES.items():
        begin = f"<!-- {name}: made by python -m tests.measurements.importing.test_documentation -->\n"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition("<!-- end -->")
        text = "".join((before, begin, "".join(f"{row}\n" for row in rows()), "<!-- end -->", after))
    return text


def example(name: str) -> bytes:
    """A file of the page."""
    found = re.search(rf"<!-- example: {name} -->\n(.*?)<!-- end -->", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1].encode()
