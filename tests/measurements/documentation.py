"""What of ``docs/measurements.md`` is made from the table of kinds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Final

from app.measurements.kinds import OWN, SYSTEMS, Code, Kind, Limit, Value, kinds
from tests.postgresql import CHECKOUT

PAGE: Final = CHECKOUT / "docs" / "measurements.md"
_SHORT: Final = {url: name for name, url in SYSTEMS.items()} | {OWN: "own"}
_NAMES: Final = {
    "loinc": "LOINC",
    "snomed": "SNOMED",
    "nhg45": "NHG-45",
    "own": "own",
    "cuff": "zib cuff type",
    "clothing": "zib clothing",
    "pain": "zib pain scale",
}
_PROFILE: Final = "http://nictiz.nl/fhir/StructureDefinition/"


def _values() -> Iterator[tuple[Kind, Value]]:
    for kind in kinds().values():
        for value in kind.values:
            yield kind, value


def of_kinds() -> str:
    """Names, units and limits."""
    lines = [
        "| kind | Dutch | units | can be right | usual | category |",
        "|---|---|---|---|---|---|",
    ]
    for kind, value in _values():
        own = kind.value is value
        name = kind.name if own else f"{kind.name}: {value.name}"
        dutch = kind.nl if own else f"{kind.nl}: {value.nl.lower()}"
        units = ", ".join(f"`{each}`" for each in value.units)
        if value.integer:
            units = f"whole number; {units}"
        if kind.per_day:
            units += " (of a day)"
        if not kind.home:
            dutch += " (as received)"
        category = kind.category[1]
        lines.append(f"| {name} | {dutch} | {units} | {_limit(value.hard)} | {_limit(value.unlikely)} | {category} |")
    return "\n".join(lines)


def of_sources() -> str:
    """Where limits come from."""
    found: dict[str, list[str]] = {}
    for kind, value in _values():
        for limit in (value.hard, value.unlikely):
            found.setdefault(limit.source, []).append(kind.name)
    return "\n".join(f"* {source} ({', '.join(dict.fromkeys(names))})" for source, names in found.items())


def of_conversions() -> str:
    """Those of the table."""
    lines = ["| kind | from | into | how | because |", "|---|---|---|---|---|"]
    for kind, value in _values():
        for unit, each in value.conversions.items():
            how = "value"
            if each.minus:
                how = f"({how} - {_number(each.minus)})"
            if each.times != 1:
                how += f" × {_number(each.times)}"
            if each.divide != 1:
                how += f" ÷ {_number(each.divide)}"
            lines.append(f"| {kind.name} | `{unit}` | `{value.unit}` | {how} | {each.because} |")
    return "\n".join(lines)


def of_codes() -> str:
    """Codes and profiles."""
    lines = ["| kind | codes | profile in R4 | profile in STU3 |", "|---|---|---|---|"]
    for kind in kinds().values():
        r4, stu3 = (_canonical(kind.profiles[version]) for version in ("4.0.1", "3.0.1"))
        lines.append(f"| {kind.name} | {'; '.join(_code(each) for each in kind.codes)} | {r4} | {stu3} |")
        for part in kind.components:
            listed = "; ".join(_code(each, written=not number) for number, each in enumerate(part.codes))
            lines.append(f"| {kind.name}: {part.name} | {listed} | | |")
    return "\n".join(lines)


def of_context() -> str:
    """Circumstances and where they stand."""
    lines = ["| kind | what | where | answers |", "|---|---|---|---|"]
    for kind in kinds().values():
        for each in kind.context:
            where = f"`{each.place}`"
            if each.url:
                where += f" `{each.url}`"
            if each.code is not None:
                where += f" {_name(each.code)}"
            answers = "; ".join(f"{choice.en}: {_name(choice.code)}" for choice in each.values) or "yes or no"
            lines.append(f"| {kind.name} | {each.en.rstrip('?')} | {where} | {answers} |")
    return "\n".join(lines)


def of_moments() -> str:
    """Moments of the day."""
    lines = ["| moment | Dutch | LOINC | eventTiming | NHG-45 |", "|---|---|---|---|---|"]
    lines += [
        f"| {each.en} | {each.nl} | {each.code} | {each.timing or ''} | {', '.join(each.nhg45)} |"
        for kind in kinds().values()
        for each in kind.moments
    ]
    return "\n".join(lines)


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "kinds": of_kinds,
    "sources": of_sources,
    "conversions": of_conversions,
    "codes": of_codes,
    "context": of_context,
    "moments": of_moments,
}


def with_tables(text: str) -> str:
    """The page with what is made from the table made anew."""
    for name, table in TABLES.items():
        found = re.search(rf"<!-- {name}: [^>]*-->\n.*?<!-- end -->", text, re.DOTALL)
        assert found is not None, name
        head = found[0].partition("\n")[0]
        text = text.replace(found[0], f"{head}\n{table()}\n<!-- end -->")
    return text


def _code(code: Code, *, written: bool = False) -> str:
    name = _name(code)
    if code.written or written:
        name = f"**{name}**"
    return name if code.status == "confirmed" else f"{name} ({code.status})"


def _name(code: Code) -> str:
    return f"{_NAMES[_SHORT[code.system]]} {code.code}"


def _canonical(profile: str | None) -> str:
    return "none" if profile is None else f"`{profile.removeprefix(_PROFILE)}`"


def _limit(limit: Limit) -> str:
    return f"{_number(limit.low)}–{_number(limit.high)}"


def _number(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.10g}"
