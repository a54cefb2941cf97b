"""MedMij's data services as data: what each one is asked, what it is sent, and by which profiles.
https://catalogus.medmij.nl/overzicht/actueel/actuele-catalogus

Read from ``medmij_profiles/services``. A request is written as the information standard has it: ``{…}`` stands for a
value that is free, and may be left out; several values between commas are a choice, of which one or more are asked for.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from app.errors import Invalid
from app.fhir.resource import Resource

FOLDER: Final = Path(__file__).parents[2] / "medmij_profiles" / "services"
BASE_PROFILES: Final = "base-profiles.yaml"
HL7: Final = "http://hl7.org/fhir/StructureDefinition/"
INCLUDES: Final = ("_include", "_revinclude")
Codes = Mapping[str, tuple[str, ...]]
"""By parameter or element, the codes as ``system|code``, ``system|`` (each of it) or ``code``."""
_SEVERAL_LINES: Final = re.compile(r"\s+(?=&)|(?<=,)\s+")
LINES_HIDDEN: Final = "no-subjective-and-objective-lines"
"""The check that has lines S and O of a GP's journal kept back."""
NO_COMPUTED: Final = "no-computed-values"
"""The check that has what was computed kept back."""
_CHECKS: Final = frozenset({"payload", NO_COMPUTED, LINES_HIDDEN})


@dataclass(frozen=True, slots=True)
class Row:
    """One request of a service. ``fixed``: the parameters that tell it from others; ``added``: those of them that are
    taken as said where they are left out; ``limited``: what is asked besides, whatever is asked; ``brought``: includes
    that always come along.
    """

    section: str
    names: Mapping[str, str]
    written: str
    type: str
    operation: str
    fixed: Codes
    free: tuple[str, ...]
    includes: tuple[tuple[str, str], ...]
    added: tuple[str, ...]
    limited: Codes
    brought: tuple[tuple[str, str], ...]
    profiles: tuple[str, ...]
    confirmed: bool
    source: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A type that is read by id. ``only``: by element, the codes of which one must be there; ``within``: the type of
    the resource that must refer to it and be one that the service gives.
    """

    profiles: tuple[str, ...] = ()
    only: Codes = field(default_factory=dict)
    within: str = ""


@dataclass(frozen=True, slots=True)
class Writing:
    """What is sent. ``alone``: also outside a Bundle."""

    method: str
    type: str
    alone: bool
    only: Codes = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A data service. ``fhir``: the version as ``fhirVersion`` names it; ``direction``: retrieve (*Verzamelen*) or send
    (*Delen*); ``bundles``: the types of Bundle that are taken, and whether that is confirmed; ``profiles``: what a
    resource claims that claims nothing.
    """

    id: str
    names: Mapping[str, str]
    version: str
    fhir: str
    direction: str
    role: str
    companion: str
    source: str
    rows: tuple[Row, ...]
    readings: Mapping[str, Reading]
    bundles: Mapping[str, bool]
    writings: tuple[Writing, ...]
    checks: frozenset[str]
    profiles: Mapping[str, str] = field(repr=False)

    @property
    def takes_reads(self) -> bool:
        """Whether a batch of its requests is taken."""
        return self.direction == "retrieve" and "batch" in self.bundles

    @property
    def types(self) -> frozenset[str]:
        """Every type that the service has to do with."""
        asked = (*(each.type for each in self.rows), *(each.type for each in self.writings))
        return frozenset((*asked, *self.readings))

    def reading(self, resource_type: str) -> Reading | None:
        """How a type is read by id; None for one that is not. What is asked without conditions is read so, too."""
        found = self.readings.get(resource_type)
        if found is None and any(each.type == resource_type and is_whole(each) for each in self.rows):
            return Reading()
        return found

    def claimed(self, resource_type: str) -> str:
        """The profile that a resource of this type claims which claims none."""
        return self.profiles.get(resource_type, f"{HL7}{resource_type}")


def is_whole(row: Row) -> bool:
    """Whether a request gives all there is of its type."""
    return not (row.fixed or row.limited or row.operation)


def fits(resource: Resource, only: Codes) -> bool:
    """Whether each element that is named has one of its codes."""
    return all(any(_is_of(coding, codes) for coding in _codings(resource.get(name))) for name, codes in only.items())


def _codings(value: Any) -> Iterator[Mapping[str, Any]]:
    for each in value if isinstance(value, list) else (value,):
        for coding in each.get("coding", ()) if isinstance(each, dict) else ():
            if isinstance(coding, dict):
                yield coding


def _is_of(coding: Mapping[str, Any], codes: Iterable[str]) -> bool:
    system, code = coding.get("system"), coding.get("code")
    return any(each in (f"{system}|{code}", f"{system}|") for each in codes)


@functools.cache
def load_services(folder: Path = FOLDER) -> Mapping[str, Service]:
    """Every service by id, in order of number. Raises ``Invalid`` naming the file that has a mistake."""
    base: Mapping[str, Mapping[str, str]] = yaml.safe_load((folder / BASE_PROFILES).read_text("utf-8"))
    found = {}
    for path in folder.glob("*.yaml"):
        if path.name == BASE_PROFILES:
            continue
        try:
            service = _service(yaml.safe_load(path.read_text("utf-8")), base)
        except (KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError) as error:
            raise Invalid(f"medmij_profiles/services/{path.name} has a mistake: {error!r}", "structure") from error
        if service.id != path.stem:
            raise Invalid(f"medmij_profiles/services/{path.name} is of another service.", "structure")
        found[service.id] = service
    return MappingProxyType({each: found[each] for each in sorted(found, key=int)})


def _service(read: Mapping[str, Any], base: Mapping[str, Mapping[str, str]]) -> Service:
    checks = frozenset(read["checks"])
    if not checks <= _CHECKS or read["direction"] not in ("retrieve", "send"):
        raise ValueError("check or direction")
    return Service(
        id=read["id"],
        names=read["name"],
        version=read["version"],
        fhir=read["fhir"],
        direction=read["direction"],
        role=read.get("role", ""),
        companion=read.get("companion", ""),
        source=read["source"],
        rows=tuple(map(_row, read["requests"])),
        readings={name: _reading(each) for name, each in read.get("reads", {}).items()},
        bundles={name: _yes(each["confirmed"]) for name, each in read.get("bundles", {}).items()},
        writings=tuple(map(_writing, read.get("writes", ()))),
        checks=checks,
        profiles=base[read["fhir"]],
    )


def _row(read: Mapping[str, Any]) -> Row:
    written = _SEVERAL_LINES.sub("", read["request"]).replace("? ", "?")
    address, _, query = written.partition("?")
    kind, _, operation = address.partition("/$")
    fixed: dict[str, tuple[str, ...]] = {}
    free, includes = [], []
    for name, _, value in (part.partition("=") for part in query.split("&") if part):
        if name.partition(":")[0] in INCLUDES:
            includes.append((name, value))
        elif value.startswith("{"):
            free.append(name)
        else:
            fixed[name] = tuple(value.split(","))
    added = tuple(read.get("added", ()))
    if not set(added) <= set(fixed):
        raise ValueError("added")
    return Row(
        section=read["section"],
        names=read["name"],
        written=written,
        type=kind,
        operation=operation,
        fixed=fixed,
        free=tuple(dict.fromkeys(free)),
        includes=tuple(includes),
        added=added,
        limited=_codes(read.get("limited", {})),
        brought=tuple((name, value) for each in read.get("brings", ()) for name, value in each.items()),
        profiles=tuple(read["profiles"]),
        confirmed=_yes(read["confirmed"]),
        source=read.get("source", ""),
    )


def _reading(read: Mapping[str, Any]) -> Reading:
    return Reading(tuple(read.get("profiles", ())), _codes(read.get("only", {})), read.get("within", ""))


def _writing(read: Mapping[str, Any]) -> Writing:
    return Writing(
        read["method"], read["type"], _yes(read["alone"]), _codes(read.get("only", {})), read.get("note", "")
    )


def _codes(read: Mapping[str, Sequence[str]]) -> Codes:
    return {name: tuple(each) for name, each in read.items()}


def _yes(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("yes or no")
    return value
