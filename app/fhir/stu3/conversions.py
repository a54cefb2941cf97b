"""How a value of a data type goes from one version to the other: what the parts of a translation share.

A ``Converter`` takes the JSON of one value and gives that of the other version; what has nothing to translate is given
back as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from app.fhir.stu3.sides import Side

Converter = Callable[[Any], Any]
Values = dict[str, Any]
"""Members of one JSON object by name, the ``_name`` of primitives among them."""

REFERENCE: Final = "Reference"
ADDED: Final = "StructureDefinition/added-in-translation"
ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


class Direction(Protocol):
    """One direction of a translation, as the rules see it."""

    source: Side
    target: Side

    def datatype(self, kind: str) -> Converter:
        """The converter of a type of both versions."""
        ...

    def objects(self, source: str, target: str) -> Converter:
        """The converter between two types or backbone paths."""
        ...

    @property
    def element(self) -> Converter:
        """That of what stands beside a primitive: its id and extensions."""
        ...


Pair = tuple[Any, Any]
"""A value and what stands beside it (``_name``); either may be None."""


def pairs_of(values: Mapping[str, Any], name: str, *, many: bool) -> list[Pair]:
    """The values under a name, each with what stands beside it."""
    value, beside = values.get(name), values.get(f"_{name}")
    if not many:
        return [] if value is None and beside is None else [(value, beside)]
    length = max(len(value or ()), len(beside or ()))
    return [(_at(value, place), _at(beside, place)) for place in range(length)]


def _at(values: Any, place: int) -> Any:
    return values[place] if values is not None and place < len(values) else None


def put(values: Values, name: str, pairs: list[Pair], *, many: bool) -> None:
    """The opposite: write pairs as the members ``name`` and ``_name``. A single one takes the first."""
    if not pairs:
        return
    if not many:
        value, beside = pairs[0]
        if value is not None:
            values[name] = value
        if beside is not None:
            values[f"_{name}"] = beside
        return
    if any(value is not None for value, _ in pairs):
        values[name] = [value for value, _ in pairs]
    if any(beside is not None for _, beside in pairs):
        values[f"_{name}"] = [beside for _, beside in pairs]
