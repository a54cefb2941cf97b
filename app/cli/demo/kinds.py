"""The kinds of home measurement in the demo data: those of ``app/measurements/kinds.yaml``, with a device's digits.

https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Final

from app.measurements import kinds as table
from app.measurements.writing import R4

LOINC: Final = table.SYSTEMS["loinc"]
NICTIZ: Final = "http://nictiz.nl/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a panel: LOINC code and display."""

    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A measurement. ``category``: system, code and display. ``digits``: decimals that a device shows; ``step``: the
    smallest difference, in the last one.
    """

    codes: tuple[tuple[str, str], ...]
    text: str
    category: tuple[str, str, str]
    unit: str
    unit_text: str
    digits: int = 0
    step: int = 1
    components: tuple[Component, ...] = ()
    profile: str | None = None


def _kind(name: str, *, digits: int = 0, step: int = 1, moment: str | None = None) -> Kind:
    kind = table.kinds()[name]
    when = next((each for each in kind.moments if each.name == moment), None)
    codes = kind.written if when is None else tuple(each for each in kind.codes if each.code == when.code)
    value = kind.values[0]
    (system, code), display = kind.category
    return Kind(
        tuple((each.code, each.display) for each in codes),
        kind.nl if when is None else f"{kind.nl}, {when.nl}",
        (system, code, display),
        value.unit,
        value.unit_nl,
        digits,
        step,
        tuple(Component(each.codes[0].code, each.codes[0].display) for each in kind.components),
        kind.profiles[R4],
    )


def _component(name: str, part: str) -> Kind:
    """A part of a panel by itself."""
    kind = table.kinds()[name]
    value = next(each for each in kind.components if each.name == part)
    (system, code), display = kind.category
    written = ((value.codes[0].code, value.codes[0].display),)
    return Kind(written, value.nl, (system, code, display), value.unit, value.unit_nl)


@cache
def demo_kind(name: str) -> Kind:
    """The kind of a series; or ``systolic``, which a goal can aim at but a series does not measure on its own."""
    if name == "systolic":
        return _component("blood-pressure", name)
    return {
        "blood-pressure": partial(_kind, "blood-pressure"),
        "weight": partial(_kind, "weight", digits=2, step=5),
        "heart-rate": partial(_kind, "heart-rate"),
        "oxygen": partial(_kind, "oxygen-saturation"),
        "glucose": partial(_kind, "blood-glucose", digits=1, moment="fasting"),
        "steps": partial(_kind, "steps"),
        "peak-flow": partial(_kind, "peak-flow", step=10),
    }[name]()
