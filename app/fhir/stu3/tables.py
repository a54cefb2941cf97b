"""The tables of the types: what is called or shaped otherwise in the other version. One YAML file per type in
``types/``::

    stu3: ProcedureRequest            # r4: ServiceRequest, where it has another name
    r4: ServiceRequest
    source: https://hl7.org/fhir/R4/servicerequest-version-maps.html
    ProcedureRequest:                 # a path of STU3; members that are not listed are the same, or are carried
      context: encounter              # another name; one or several and kinds of reference follow from the definitions
      comment: {r4: note, as: annotation}
      status: {codes: {suspended: on-hold, cancelled: revoked}}
      related: {r4: [hasMember, derivedFrom], as: related}
      isBrand: carried                # said, so that nobody wonders; the reason stands in a comment
      enableBehavior: {extension: …}  # a member of R4 that STU3 says by an extension; ``but``: codes said otherwise
    add:                              # what one version demands and the other lacks
      r4:
        ServiceRequest.status: {absent: unknown, why: …}
        ServiceRequest.intent: {value: order, why: …}
      stu3:
        ProcedureRequest.code: {absent: unknown, why: …}

``as`` names a way in ``ways.py`` (data types) or ``special/`` (what takes several members). A rule without ``r4`` is
for the member of the same name. ``modifies: true``: what such a rule finds no place for is carried so that it modifies.
``codes`` are from STU3 to R4; ``back`` has those of R4 that none of STU3 becomes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

_CARRIED: Final = "carried"
_FOLDER: Final = Path(__file__).with_name("types")


@dataclass(frozen=True, slots=True)
class Row:
    """One rule: members of STU3 and those of R4 that they are together. ``how``: the way by name, empty for what
    follows from the types; ``options``: what it takes.
    """

    stu3: tuple[str, ...]
    r4: tuple[str, ...]
    how: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lifted:
    """A member of R4, a code, that STU3 has as the value of an extension, except for the codes in ``but``."""

    name: str
    extension: str
    but: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Addition:
    """A member that a version demands: the data-absent-reason ``absent``, the fixed ``value``, or what the function
    ``derive`` makes of the source; ``why`` says on what ground.
    """

    name: str
    why: str
    absent: str = ""
    value: Any = None
    derive: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """All of one type. Rows are by path of STU3, as are those members that are carried though both have the name;
    additions are by path of the version that demands them.
    """

    stu3: str
    r4: str
    rows: Mapping[str, tuple[Row, ...]]
    apart: Mapping[str, frozenset[str]]
    lifted: Mapping[str, tuple[Lifted, ...]]
    add_r4: Mapping[str, tuple[Addition, ...]]
    add_stu3: Mapping[str, tuple[Addition, ...]]


@cache
def tables() -> Mapping[str, Table]:
    """Every table by its type of STU3: resource types and data types."""
    return {made.stu3: made for made in map(_read, sorted(_FOLDER.glob("*.yaml")))}


def _read(file: Path) -> Table:
    data: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    stu3 = data["stu3"]
    said = {path: members or {} for path, members in data.items() if path.partition(".")[0] == stu3}
    rows = {
        path: tuple(_row(name, how) for name, how in members.items() if how != _CARRIED and not _is_lifted(how))
        for path, members in said.items()
    }
    lifted = {
        path: tuple(_lifted(name, **how) for name, how in members.items() if _is_lifted(how))
        for path, members in said.items()
    }
    apart = {path: frozenset(name for name in members if members[name] == _CARRIED) for path, members in said.items()}
    add = data.get("add", {})
    add_r4, add_stu3 = _additions(add.get("r4")), _additions(add.get("stu3"))
    return Table(stu3, data.get("r4", stu3), rows, apart, lifted, add_r4, add_stu3)


def _is_lifted(how: Any) -> bool:
    return isinstance(how, dict) and "extension" in how


def _lifted(name: str, *, extension: str, but: Sequence[str] = ()) -> Lifted:
    return Lifted(name, extension, frozenset(but))


def _row(name: str, said: Any) -> Row:
    if isinstance(said, str):
        return Row((name,), (said,))
    options = dict(said)
    stu3 = _several(options.pop("stu3", name))
    r4 = _several(options.pop("r4", name))
    return Row(stu3, r4, options.pop("as", ""), options)


def _several(names: Any) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _additions(said: Mapping[str, Mapping[str, Any]] | None) -> dict[str, tuple[Addition, ...]]:
    found: dict[str, list[Addition]] = {}
    for where, how in (said or {}).items():
        path, _, name = where.rpartition(".")
        found.setdefault(path, []).append(Addition(name, **how))
    return {path: tuple(additions) for path, additions in found.items()}
