"""The kinds of measurement, as ``kinds.yaml`` has them. https://hl7.org/fhir/R4/observation-vitalsigns.html

Values are compared in the unit of their kind, exactly: UCUM's definitions are fractions, and so are those of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

import yaml

from app.fhir.resource import Resource
from app.fhir.ucum import parse

SYSTEMS: Final = {
    "loinc": "http://loinc.org",
    "snomed": "http://snomed.info/sct",
    "nhg45": "https://referentiemodel.nhg.org/tabellen/nhg-tabel-45-diagnostische-bepalingen",
    "cuff": "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.15.1",
    "clothing": "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.8.1",
    "pain": "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.9.1",
}
"""Code systems by the short name that the table has; ``own``: the code system ``measurement`` of ours."""
OWN: Final = "own"
TIMING_EVENT: Final = "http://terminology.hl7.org/CodeSystem/v3-TimingEvent"
Status = Literal["confirmed", "unconfirmed", "noted"]
Key = tuple[str, str]
"""System and code. Of our own system the short name, since its canonical depends on the settings."""
T = TypeVar("T")
VERSIONS: Final = {"r4": "4.0.1", "stu3": "3.0.1"}


@dataclass(frozen=True, slots=True)
class Code:
    """One code: ``system`` as a URL, or ``own``; ``status``: whether its use here was confirmed in a source.
    ``written``: we write it; the others are recognised, but for what is only ``noted``.
    """

    system: str
    code: str
    display: str
    status: Status = "confirmed"
    written: bool = False

    @property
    def key(self) -> Key:
        """What it is found by."""
        return self.system, self.code


@dataclass(frozen=True, slots=True)
class Limit:
    """From ``low`` to ``high``, both included, in the unit of the value. ``source``: where the numbers come from."""

    low: Fraction
    high: Fraction
    source: str

    def holds(self, value: Fraction) -> bool:
        """Whether a value is within."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Conversion:
    """(value - ``minus``) x ``times`` / ``divide``; ``because``: where that comes from."""

    minus: Fraction
    times: Fraction
    divide: Fraction
    because: str

    def __call__(self, value: Fraction) -> Fraction:
        """The value in the unit of its kind, exactly."""
        return (value - self.minus) * self.times / self.divide


@dataclass(frozen=True, slots=True)
class Value:
    """A quantity: of the kind itself, or one of its components. ``codes``: the one that we write first, then those by
    which it is recognised too. ``unit``: a UCUM code, in which limits, statistics and what we write are; ``units``:
    all that are accepted, it among them; ``conversions``: of those that UCUM's definitions do not convert.
    ``decimals``: how many are shown. ``hard``: what lies beyond cannot be right; ``unlikely``: what lies beyond is to
    be confirmed. ``needed``: a component that the kind is nothing without. ``integer``: a rating, which is a whole
    number without a unit (``valueInteger``); a Quantity in one of ``units`` is accepted too.
    """

    name: str
    nl: str
    en: str
    codes: tuple[Code, ...]
    unit: str
    unit_nl: str
    unit_en: str
    units: tuple[str, ...]
    decimals: int
    hard: Limit
    unlikely: Limit
    needed: bool = True
    integer: bool = False
    conversions: Mapping[str, Conversion] = field(default_factory=lambda: MappingProxyType({}))

    def converted(self, value: Fraction, unit: str) -> Fraction | None:
        """A value of one of ``units`` in the unit of the kind, exactly; None for any other unit."""
        if unit == self.unit:
            return value
        if unit not in self.units:
            return None
        own = self.conversions.get(unit)
        return conversion(unit, self.unit)(value) if own is None else own(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a context: its code and its names."""

    name: str
    code: Code
    nl: str
    en: str


Place = Literal["extension", "bodySite", "component", "method", "code", "value", "hasMember"]


@dataclass(frozen=True, slots=True)
class Context:
    """What can be told of the circumstances. ``place``: the element that it stands in: ``extension`` (of ``url``), one
    of ``component`` (with ``code``), a coding beside the one of the kind (``code``), the ``value`` of a panel, or an
    Observation of its own (``hasMember``, with ``code`` and ``profile``). ``boolean``: yes or no, without ``values``.
    """

    name: str
    nl: str
    en: str
    place: Place
    values: tuple[Choice, ...]
    url: str | None = None
    code: Code | None = None
    profile: str | None = None
    boolean: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the day. ``code``: the LOINC code that the value is written with; ``timing``: the TimingEvent that
    says it more exactly, in the extension ``observation-eventTiming``; ``nhg45``: what a GP system says it with.
    """

    name: str
    nl: str
    en: str
    code: str
    timing: str | None
    nhg45: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. ``value`` is None for a panel, which has ``components``; ``profiles``: the canonical that it is written
    with per FHIR version, None where there is none; ``category``: code of the observation category (system, code) and
    its display. ``home``: a person can enter it; else it is only shown as it was received. ``per_day``: one value is
    that of a whole day.
    """

    name: str
    nl: str
    en: str
    codes: tuple[Code, ...]
    category: tuple[Key, str]
    profiles: Mapping[str, str | None]
    value: Value | None
    components: tuple[Value, ...] = ()
    home: bool = True
    per_day: bool = False
    context: tuple[Context, ...] = ()
    moments: tuple[Moment, ...] = ()

    @property
    def values(self) -> tuple[Value, ...]:
        """Every quantity that it has."""
        return self.components if self.value is None else (self.value, *self.components)

    @property
    def written(self) -> tuple[Code, ...]:
        """The codes that we write it with."""
        return tuple(each for each in self.codes if each.written)

    def find(self, keys: Sequence[Key]) -> Value | None:
        """The value that a component with one of several codes has: a component of the kind, or its own value where a
        panel has it as one.
        """
        return next((each for each in self.values if any(code.key in keys for code in recognised(each.codes))), None)


def recognised(codes: Sequence[Code]) -> Iterator[Code]:
    """Those that a value is known by: what is only noted waits for somebody who confirms it."""
    return (each for each in codes if each.status != "noted")


@cache
def conversion(unit: str, into: str) -> Callable[[Fraction], Fraction]:
    """How a value of one UCUM unit becomes one of another of the same dimension. Raises ``ValueError``."""
    one, other = parse(unit), parse(into)
    if one is None or other is None or not one.converts or not other.converts or one.canonical != other.canonical:
        msg = f"{unit} cannot be converted into {into}."
        raise ValueError(msg)
    factor = one.factor / other.factor
    plus = (one.offset - other.offset) / other.factor
    return lambda value: value * factor + plus


@cache
def kinds() -> Mapping[str, Kind]:
    """Every kind by name, in the order of the table."""
    table = yaml.load(Path(__file__).with_name("kinds.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return MappingProxyType({name: _kind(name, row, table) for name, row in table["kinds"].items()})


@cache
def kinds_by_code() -> Mapping[Key, Kind]:
    """Every kind by each of the codes that it is recognised by."""
    return {code.key: each for each in kinds().values() for code in recognised(each.codes)}


@cache
def parts_by_code() -> Mapping[Key, tuple[Kind, Value]]:
    """Every component by each of its codes, with its kind: what a GP system sends as a value by itself."""
    return {
        code.key: (kind, part)
        for kind in kinds().values()
        for part in kind.components
        for code in recognised(part.codes)
    }


def keys_of(concept: Resource | None, canonical_base: str) -> Iterator[Key]:
    """The codings of a CodeableConcept; those of our own system under its short name."""
    own = f"{canonical_base}/CodeSystem/measurement"
    for coding in (concept or {}).get("coding", ()):
        system, code = coding.get("system"), coding.get("code")
        if system and code:
            yield (OWN if system == own else system), code


def kind_of(observation: Resource, canonical_base: str) -> Kind | None:
    """The kind that an Observation is of, by its code; None for anything that is not in the table."""
    return _first(kinds_by_code(), observation.get("code"), canonical_base)


def part_of(observation: Resource, canonical_base: str) -> tuple[Kind, Value] | None:
    """The component that an Observation has by itself, with its kind, as GP systems send one Observation per value."""
    return _first(parts_by_code(), observation.get("code"), canonical_base)


def _first(by_code: Mapping[Key, T], concept: Resource | None, canonical_base: str) -> T | None:
    """What the first coding of a concept stands for that stands for something: asked of every Observation that comes
    in, most of which are of no kind.
    """
    for coding in (concept or {}).get("coding", ()):
        system, code = coding.get("system"), coding.get("code")
        found = by_code.get((system, code))
        if found is None and code and system == f"{canonical_base}/CodeSystem/measurement":
            found = by_code.get((OWN, code))
        if found is not None and system and code:
            return found
    return None


def _kind(name: str, row: Mapping[str, Any], table: Mapping[str, Any]) -> Kind:
    sources = table["sources"]
    system, code, display = table["categories"][row["category"]]
    return Kind(
        name,
        row["nl"],
        row["en"],
        _codes(row["codes"]),
        ((SYSTEMS.get(system, system), code), display),
        {version: _none(row["profiles"][short]) for short, version in VERSIONS.items()},
        _value(name, row, sources) if "unit" in row else None,
        tuple(_value(each, part, sources) for each, part in row.get("components", {}).items()),
        home=row.get("home", True),
        per_day=row.get("per") == "day",
        context=tuple(_context(each, part) for each, part in row.get("context", {}).items()),
        moments=tuple(_moment(each, part) for each, part in row.get("moments", {}).items()),
    )


def _value(name: str, row: Mapping[str, Any], sources: Mapping[str, str]) -> Value:
    return Value(
        name,
        row["nl"],
        row["en"],
        _codes(row["codes"]),
        row["unit"],
        row["unit_nl"],
        row.get("unit_en", row["unit_nl"]),
        tuple(dict.fromkeys((row["unit"], *row.get("units", ())))),
        row.get("decimals", 0),
        _limit(row["hard"], sources),
        _limit(row["unlikely"], sources),
        needed=row.get("needed", True),
        integer=row.get("form") == "integer",
        conversions=MappingProxyType({unit: _conversion(each) for unit, each in row.get("conversions", {}).items()}),
    )


def _conversion(row: Mapping[str, str]) -> Conversion:
    return Conversion(
        Fraction(row.get("minus", "0")),
        Fraction(row.get("times", "1")),
        Fraction(row.get("divide", "1")),
        row["because"],
    )


def _context(name: str, row: Mapping[str, Any]) -> Context:
    return Context(
        name,
        row["nl"],
        row["en"],
        row["place"],
        tuple(Choice(each, _code(part), part["nl"], part["en"]) for each, part in row.get("values", {}).items()),
        url=row.get("url"),
        code=_code(row["code"]) if "code" in row else None,
        profile=row.get("profile"),
        boolean=row.get("boolean", False),
    )


def _moment(name: str, row: Mapping[str, Any]) -> Moment:
    return Moment(name, row["nl"], row["en"], row["code"], row.get("timing"), tuple(row.get("nhg45", ())))


def _limit(row: Sequence[Any], sources: Mapping[str, str]) -> Limit:
    low, high, source = row
    return Limit(Fraction(str(low)), Fraction(str(high)), sources[source])


def _codes(rows: Sequence[Mapping[str, Any]]) -> tuple[Code, ...]:
    return tuple(_code(each, first=not number) for number, each in enumerate(rows))


def _code(row: Mapping[str, Any], *, first: bool = False) -> Code:
    (short, code), *_ = ((name, value) for name, value in row.items() if name in {*SYSTEMS, OWN})
    return Code(
        SYSTEMS.get(short, short),
        str(code),
        row["display"],
        row.get("status", "confirmed"),
        written=first or row.get("written", False),
    )


def _none(text: str) -> str | None:
    return None if text == "none" else text
