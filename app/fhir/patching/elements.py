"""The repetitions of an element in FHIR JSON, each value with what stands beside it. https://hl7.org/fhir/R4/json.html

A primitive's id and extensions are in ``_birthDate`` beside ``birthDate``; where it repeats both are arrays, filled up
with nulls. Here the two are one list, so that they move and vanish together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from app.fhir.definitions import Definitions, Element

Item = tuple[Any, Any]
"""A value (None when a primitive has extensions only) and what stands beside it (None for nothing)."""


def items_of(owner: Mapping[str, Any], member: str) -> list[Item]:
    """The repetitions of a member; none when it is absent, one when it does not repeat."""
    values, besides = owner.get(member), owner.get("_" + member)
    if isinstance(values, list) or isinstance(besides, list):
        return list(zip_longest(*(each if isinstance(each, list) else [] for each in (values, besides))))
    return [] if values is None and besides is None else [(values, besides)]


def put_items(owner: dict[str, Any], member: str, items: Sequence[Item], *, many: bool) -> None:
    """Makes these the repetitions of a member, which goes when there are none."""
    for name, found in ((member, [value for value, _ in items]), ("_" + member, [beside for _, beside in items])):
        if all(each is None for each in found):
            owner.pop(name, None)
        else:
            owner[name] = found if many else found[0]


def members_named(definitions: Definitions, type_name: str, name: str) -> dict[str, Element]:
    """The JSON members of a type that ``name`` stands for: one, or those of a choice (``value``)."""
    return {member: each for member, each in definitions.types[type_name].items() if name in (member, each.choice)}
