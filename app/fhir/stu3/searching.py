"""The search parameters of STU3, and what each one is in R4.
https://hl7.org/fhir/STU3/searchparameter-registry.html

``searching.yaml`` lists what differs; all else is the parameter of the same name and kind. What R4 has and STU3 does
not is not offered, but for what is listed there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from app.fhir.definitions import load
from app.fhir.stu3.translator import R4_TYPES

_FILE: Final = Path(__file__).with_name("searching.yaml")
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a code of STU3 is in R4: any of ``any_of``; or all but ``none_of``; or ``all_of`` these codes of parameters;
    or nothing, and why it is ``refused``.
    """

    any_of: tuple[str, ...] = ()
    none_of: str = ""
    all_of: tuple[tuple[str, str], ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """A parameter of STU3 that is searched by. ``kind`` is its type in STU3, ``r4`` what stands for it,
    ``targets`` the types of STU3 that it refers to (none: any), ``url`` its canonical. ``codes`` have another form in
    R4, ``systems`` another address. ``included``: parameters of R4 that an ``_include`` by this one stands for, too.
    """

    code: str
    kind: str
    r4: str
    url: str
    targets: tuple[str, ...] = ()
    codes: Mapping[str, Wanted] = field(default_factory=dict)
    systems: Mapping[str, str] = field(default_factory=dict)
    included: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotOffered:
    """A parameter of STU3 that is refused, and why."""

    code: str
    why: str


Parameter = Offered | NotOffered


@cache
def parameters(stu3_type: str) -> Mapping[str, Parameter]:
    """All parameters of a type with a table, by name. Raises ``ValueError`` for one whose counterpart is not known: a
    test asks it of every type.
    """
    definitions = load("3.0.1")
    counterparts = load("4.0.1").search_parameters[R4_TYPES[stu3_type]]
    listed: Mapping[str, Any] = {**_data()["every"], **(_data()["types"].get(stu3_type) or {})}
    found: dict[str, Parameter] = {}
    for code, definition in definitions.search_parameters[stu3_type].items():
        row = _row(listed.get(code, _NOTHING))
        if "refused" in row:
            found[code] = NotOffered(code, row["refused"])
            continue
        name = row.get("r4", code)
        if code not in listed and (name not in counterparts or counterparts[name].type != definition.type):
            raise ValueError(f"{stu3_type}: what {code} is in R4 is not listed")
        found[code] = Offered(
            code,
            definition.type,
            name,
            definition.url,
            definition.targets,
            {each: _wanted(value) for each, value in row.get("codes", _NOTHING).items()},
            row.get("systems", _NOTHING),
        )
    for each in _data()["custom"]:
        if each["types"] == "every" or stu3_type in each["types"]:
            targets = tuple(each.get("targets", ()))
            also = tuple(each.get("included", ()))
            found[each["code"]] = Offered(each["code"], each["kind"], each["r4"], each["url"], targets, included=also)
    unknown = [code for code in _data()["types"].get(stu3_type) or () if code not in found]
    if unknown:
        raise ValueError(f"{stu3_type}: STU3 has no {', '.join(unknown)}")
    return MappingProxyType(found)


def offered(stu3_type: str) -> Mapping[str, Offered]:
    """Those that are searched by."""
    return {code: each for code, each in parameters(stu3_type).items() if isinstance(each, Offered)}


@cache
def _data() -> Mapping[str, Any]:
    data: dict[str, Any] = yaml.safe_load(_FILE.read_text("utf-8"))
    return data


def _row(given: Any) -> Mapping[str, Any]:
    row: Mapping[str, Any] = {"r4": given} if isinstance(given, str) else given
    return row


def _wanted(given: Any) -> Wanted:
    if isinstance(given, str):
        return Wanted((given,))
    if isinstance(given, list):
        return Wanted(tuple(given))
    if "not" in given:
        return Wanted(none_of=given["not"])
    if "refused" in given:
        return Wanted(refused=given["refused"])
    return Wanted(all_of=tuple(given["all"].items()))
