"""Whether a claim holds: what a profile of zib2017 asks besides STU3 itself, of the R4 form that becomes it.

https://hl7.org/fhir/STU3/profiling.html. The definitions themselves are not held by every service, so what they ask is
in the table, and tests hold the table against the definitions.

    {path: …}              something is there        {path: …, most: 1}          no more than that many are
    has, some, lacks       a coding, one of several, none of it
    own: [system, code]    a coding of our own       is, only, once              a code: this one, of these, once
    type, named            references are to these types, and there is one (named)
    between: [1, 10]       a number is there, within
    every: …, has-member   each object has a member
    component, quantity    one with a value, unit, system and a code of ``units``
    if: …, then: …         the second where the first holds
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from app.bgz.zib2017.table import Row, Table
from app.fhir.resource import Resource, parse_reference
from app.fhir.ucum import SYSTEM as UCUM

_QUANTITY: Final = ("value", "unit", "system", "code")
Check = Callable[[Sequence[Any], Any], bool]
"""Judges what stands at a path by what the table says of it."""


class Needs:
    """Judges needs of one table; ``canonical_base``: of our own code systems."""

    def __init__(self, table: Table, canonical_base: str) -> None:
        self._table = table
        self._base = canonical_base
        self._checks: Mapping[str, Check] = {
            "most": lambda found, number: len(found) <= number,
            "has": self._has,
            "some": lambda found, rows: any(self._has(found, each) for each in rows),
            "lacks": lambda found, row: not self._has(found, row),
            "own": self._has_own,
            "is": lambda found, code: list(found) == [code],
            "only": lambda found, codes: all(each in codes for each in found),
            "once": lambda found, code: found.count(code) == 1,
            "type": lambda found, types: all(type_of(each) in (*types, "") for each in found),
            "named": lambda found, types: bool(found) and all(type_of(each) in (*types, "") for each in found),
            "between": _is_between,
        }

    def hold(self, needs: Sequence[Row], resource: Resource) -> bool:
        """Whether all of them hold. Raises ``KeyError`` for a need that is not known."""
        return all(self._holds(need, resource) for need in needs)

    def _holds(self, need: Row, resource: Resource) -> bool:
        if "component" in need:
            return self._is_measured(need, resource)
        if "quantity" in need:
            return _is_whole(resource.get(need["quantity"]), need["units"])
        if "every" in need:
            return all(need["has-member"] in each for each in values(resource, need["every"]))
        if "if" in need:
            return not self._holds(need["if"], resource) or self._holds(need["then"], resource)
        found = values(resource, need["path"])
        asked = [name for name in need if name != "path"]
        return all(self._checks[name](found, need[name]) for name in asked) if asked else bool(found)

    def _has(self, codings: Sequence[Any], row: Row) -> bool:
        system, code, _ = self._table.coding(row)
        return any(each.get("code") == code and each.get("system") == system for each in codings)

    def _has_own(self, codings: Sequence[Any], row: Sequence[str]) -> bool:
        system, code = f"{self._base}/CodeSystem/{row[0]}", row[1]
        return any(each.get("code") == code and each.get("system") == system for each in codings)

    def _is_measured(self, need: Row, resource: Resource) -> bool:
        """Whether a component with the code is there once, with a whole quantity."""
        found = [
            each
            for each in resource.get("component", ())
            if self._has(each.get("code", {}).get("coding", ()), need["component"])
        ]
        return len(found) == 1 and _is_whole(found[0].get("valueQuantity"), need["units"])


def values(resource: Resource, path: str) -> list[Any]:
    """What stands at a path, through lists; ``name[x]`` is any type of a choice."""
    return list(_values(resource, _names(path), 0))


def type_of(reference: Any) -> str:
    """The type that a literal reference names; empty for one that names none."""
    found = parse_reference(reference) if isinstance(reference, str) else None
    return "" if found is None else found.type


@lru_cache(maxsize=1024)
def _names(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _values(value: Any, names: tuple[str, ...], at: int) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _values(each, names, at)
    elif at == len(names):
        yield value
    elif isinstance(value, dict):
        for member in _members(value, names[at]):
            yield from _values(value[member], names, at + 1)


def _members(value: Mapping[str, Any], name: str) -> Sequence[str]:
    if not name.endswith("[x]"):
        return (name,) if name in value else ()
    stem = name.removesuffix("[x]")
    return [each for each in value if each.startswith(stem) and each[len(stem) :][:1].isupper()]


def _is_between(found: Sequence[Any], limits: Sequence[int]) -> bool:
    low, high = map(Decimal, limits)
    return bool(found) and all(low <= each <= high for each in found)


def _is_whole(quantity: Any, units: Sequence[str]) -> bool:
    if not isinstance(quantity, dict) or any(name not in quantity for name in _QUANTITY):
        return False
    return quantity["system"] == UCUM and quantity["code"] in units
