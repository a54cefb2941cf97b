"""What of ``docs/protocols.md`` is made from the table of protocols, with an example that is carried out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from app.config import CANONICAL_BASE
from app.measurements.protocols.results import Origin, result_of
from app.measurements.protocols.run import Run
from app.measurements.protocols.table import Figure, Protocol, protocols
from tests.measurements.running import ONE, figures, pressure
from tests.postgresql import CHECKOUT

PAGE: Final = CHECKOUT / "docs" / "protocols.md"
FIRST: Final = date(2026, 11, 9)
MEASURED: Final = {
    0: (("07:00", 148, 92), ("07:02", 144, 90), ("19:00", 146, 90), ("19:02", 142, 88)),
    1: (("07:05", 138, 86), ("07:07", 136, 84), ("19:10", 134, 82), ("19:12", 134, 84)),
    2: (("06:50", 140, 86), ("06:52", 136, 86), ("12:00", 150, 95), ("19:00", 132, 82)),
    3: (("07:30", 136, 84), ("07:32", 134, 82), ("18:40", 130, 80), ("18:42", 132, 82)),
}
"""By day: when, systolic and diastolic."""


def of_protocols() -> str:
    """One row per protocol."""
    lines = ["| protocol | Dutch | days | counted | needed | figures |", "|---|---|---|---|---|---|"]
    for each in protocols().values():
        least, most, usual = each.days
        counted = each.kind.name + (
            f" (with {', '.join(one.name for one in each.kinds[1:])})" if each.kinds[1:] else ""
        )
        shown = ", ".join(f"`{_code(one)}`" for one in each.figures)
        lines.append(
            f"| {each.name} (version {each.version}) | {each.words['nl']} | {least}–{most}, usually {usual} |"
            f" {counted} |"
            f" {_needed(each)} | {shown} |"
        )
    return "\n".join(lines)


def _code(figure: Figure) -> str:
    return figure.name if figure.loinc is None else f"{figure.name} (LOINC {figure.loinc[0]})"


def _needed(protocol: Protocol) -> str:
    needed = protocol.needed
    text = (
        f"{needed.readings} on each day of the run"
        if needed.each_day
        else f"{needed.readings} readings over {needed.days} days"
    )
    if protocol.drop_first is not None:
        text += f"; the first day is left out when {protocol.drop_first} others remain"
    return text


def of_slots() -> str:
    """One row per protocol and moment."""
    lines = ["| protocol | moment | from | until before | readings | used |", "|---|---|---|---|---|---|"]
    for each in protocols().values():
        for slot in each.slots:
            until = slot.ends.strftime("%H:%M") + ("" if slot.ends > slot.begins else " (the next day)")
            used = {"all": "all", "last": "the last", "best": "the highest"}[slot.take]
            moment = f"{slot.words['en']} ({slot.words['nl']})"
            lines.append(f"| {each.name} | {moment} | {slot.begins:%H:%M} | {until} | {slot.times} | {used} |")
    return "\n".join(lines)


def of_sources() -> str:
    """What comes from where."""
    lines = ["| protocol | what | source | status |", "|---|---|---|---|"]
    lines += [
        f"| {each.name} | {one.what} | {one.source} | {one.status} |"
        for each in protocols().values()
        for one in each.sources
    ]
    return "\n".join(lines)


def of_example() -> str:
    """A run of four days, with one reading at another time and one that is missing."""
    run = Run(protocols()["home-blood-pressure"], FIRST, 5)
    readings = [
        {"id": f"{day}-{at}", **pressure(FIRST + day * ONE, clock, systolic, diastolic)}
        for day, listed in MEASURED.items()
        for at, (clock, systolic, diastolic) in enumerate(listed)
    ]
    result = result_of(readings, Origin(run, "run", "truus"), canonical_base=CANONICAL_BASE, amended=False)
    lines = ["A blood pressure that was asked for five days, and measured on four:", ""]
    lines += ["| day | 1st | 2nd | 3rd | 4th |", "|---|---|---|---|---|"]
    for day, listed in MEASURED.items():
        cells = (f"{clock} {systolic}/{diastolic}" for clock, systolic, diastolic in listed)
        lines.append(f"| {(FIRST + day * ONE).isoformat()} | {' | '.join(cells)} |")
    lines += ["", "gives", "", "| component | value |", "|---|---|"]
    for code, value in figures(result).items():
        shown = f"{value[0]}–{value[1]}" if isinstance(value, tuple) else str(value).lower()
        lines.append(f"| `{code}` | {shown} |")
    return "\n".join([*lines, "", "and in words:", "", f"> {result['note'][0]['text']}"])


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "protocols": of_protocols,
    "slots": of_slots,
    "sources": of_sources,
    "example": of_example,
}


def with_tables(text: str) -> str:
    """The page with its tables made anew."""
    for name, make in TABLES.items():
        pattern = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
        found = pattern.search(text)
        assert found is not None, name
        text = f"{text[: found.start()]}{found[1]}{make()}\n{found[2]}{text[found.end() :]}"
    return text
