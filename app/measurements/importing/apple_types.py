"""The types of Apple Health that are a kind here, as ``apple.yaml`` has them.

https://developer.apple.com/documentation/healthkit/data_types
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final, Literal

import yaml

from app.measurements.kinds import Kind, Value, kinds

How = Literal["each", "day", "night", "part"]
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class AppleType:
    """One type. ``units``: UCUM by what Apple writes; ``times``: the number is multiplied with it first; ``asleep``:
    the values of a night that count.
    """

    name: str
    kind: Kind
    value: Value
    how: How
    units: Mapping[str, str]
    times: Decimal = _ONE
    asleep: frozenset[str] = frozenset()


@cache
def apple_types() -> Mapping[str, AppleType]:
    """All of them by name."""
    table = yaml.load(Path(__file__).with_name("apple.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return {name: _type(name, row) for name, row in table.items()}


def _type(name: str, row: Mapping[str, object]) -> AppleType:
    kind = kinds()[str(row["kind"])]
    value = next(each for each in kind.values if each.name == row.get("value", each.name))
    units, asleep = row.get("units", {}), row.get("asleep", ())
    assert isinstance(units, dict)
    assert isinstance(asleep, list | tuple)
    how: How = row["how"]  # type: ignore[assignment]
    return AppleType(name, kind, value, how, units, Decimal(str(row.get("times", 1))), frozenset(asleep))
