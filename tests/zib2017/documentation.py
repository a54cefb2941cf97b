"""What of ``docs/zib2017.md`` is made from the table of maps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from app.bgz.zib2017.table import Map, table
from tests.postgresql import CHECKOUT

PAGE: Final = CHECKOUT / "docs" / "zib2017.md"
_NAMES: Final = {"loinc": "LOINC", "snomed": "SNOMED"}


def _of(each: Map) -> str:
    """What a map is for."""
    if each.kinds:
        return f"{each.type}: {', '.join(each.kinds)}"
    if each.codes:
        return f"{each.type}: {', '.join(f'`{code}`' for _, code in each.codes)}"
    return each.type if each.is_general and each.name != "other-observation" else f"{each.type}: {each.name}"


def of_maps() -> str:
    """What each map is for, what it claims, and what becomes of the rest."""
    lines = ["| of | claims | mapped | carried | claims nothing, or less |", "|---|---|---|---|---|"]
    for each in table().maps:
        claims = ", ".join(dict.fromkeys(f"`{one.profile.rpartition('/')[2]}`" for one in each.claims))
        lines.append(f"| {_of(each)} | {claims} | {each.mapped} | {each.carried} | {each.because} |")
    return "\n".join(lines)


def of_codes() -> str:
    """What is found by another code than it is stored with."""
    lines = ["| of | asked for | stored |", "|---|---|---|"]
    lines += [f"| {_of(each)} | {asked} | {stored} |" for each in table().maps for asked, stored in _found_by(each)]
    return "\n".join(lines)


def _found_by(each: Map) -> Iterator[tuple[str, str]]:
    stored = each.found_by.get("stored")
    for element, row in each.found_by.items():
        if element != "stored":
            yield f"`{element}` {_code(row)}", "without it" if stored is None else _code(stored)


def _code(row: Mapping[str, str]) -> str:
    system, code, _ = table().coding(row)
    short = next(name for name, url in table().systems.items() if url == system)
    return f"{_NAMES.get(short, short)} `{code}`"


TABLES: Final[Mapping[str, Callable[[], str]]] = {"maps": of_maps, "found": of_codes}


def with_tables(text: str) -> str:
    """The page with its tables anew."""
    for name, make in TABLES.items():
        pattern = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
        begin, end = next(pattern.finditer(text)).groups()
        text = pattern.sub(f"{begin}{make()}\n{end}".replace("\\", r"\\"), text)
    return text
