"""What a series needs of an Observation, decoded without the rest: most Observations of somebody say of their code and
their unit what the one before said, so that is found out once. https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal

import msgspec

from app.fhir.dates import bounds
from app.fhir.ucum import SYSTEM
from app.measurements.kinds import OWN, Key, Kind, Value, recognised
from app.measurements.readings import VOID
from app.measurements.statistics.spans import FIRST, LAST
from app.server.intake.flags import BEYOND_LIMIT, TO_CONFIRM, intake_system

_LARGEST: Final = 20
"""Digits before or behind the point of what can be a measurement."""
_NONE: Final = msgspec.Raw()
_NOT_TRUE: Final = frozenset({BEYOND_LIMIT, TO_CONFIRM})
"""Flags of what cannot be right, or may be a typing error until the person has said that it is right."""
Ratio = tuple[int, int]
"""Numerator and denominator, in lowest terms."""
Values = Mapping[str, Ratio]
"""By the name of the value, each once."""
Origin = Literal["home", "care", "unknown"]
Why = Literal["beyond-limit", "to-confirm", "value", "time", "modified"]
"""Why something is left out of statistics: its flag; no number in an accepted unit; no time; a modifier extension."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a reading is from: who is said to have measured it, by name or reference, the device, and the app or system
    (``meta.source``). Empty where it is not said.
    """

    origin: Origin
    by: str = ""
    device: str = ""
    app: str = ""


class Observed(msgspec.Struct, gc=False):
    """One Observation: ``values`` measured from ``at`` until before ``until`` (µs; a day where only the day was told).
    ``place``: among the rows of its series; ``counts``: statistics have it; ``doubles``: the names of the values that
    are perhaps the same as in another one.
    """

    at: int
    until: int
    place: int
    values: Values
    flags: tuple[str, ...] = ()
    counts: bool = True
    doubles: frozenset[str] = frozenset()


class _Coding(msgspec.Struct, gc=False):
    system: str = ""
    code: str = ""


class _Concept(msgspec.Struct, gc=False):
    coding: list[_Coding] = []


class _Quantity(msgspec.Struct, gc=False):
    value: Decimal | None = None
    system: str = ""
    code: str = ""
    comparator: str = ""


class _Component(msgspec.Struct, gc=False):
    code: msgspec.Raw = _NONE
    valueQuantity: msgspec.Raw = _NONE  # noqa: N815 - FHIR's name, as all of these
    valueInteger: int | None = None  # noqa: N815


class _Reference(msgspec.Struct, gc=False):
    reference: str = ""
    type: str = ""
    display: str = ""


class _Period(msgspec.Struct, gc=False):
    start: str = ""
    end: str = ""


class _Meta(msgspec.Struct, gc=False):
    source: str = ""


class _Tags(msgspec.Struct, gc=False):
    tag: msgspec.Raw = _NONE


class _Sourced(msgspec.Struct, gc=False):
    """What says where an Observation is from."""

    performer: list[_Reference] = []
    device: _Reference = msgspec.field(default_factory=_Reference)
    meta: _Meta = msgspec.field(default_factory=_Meta)


class _Observation(msgspec.Struct, gc=False):
    """When, and as it was written what and how much."""

    meta: _Tags | None = None
    status: str = ""
    code: msgspec.Raw = _NONE
    effectiveDateTime: str = ""  # noqa: N815
    effectiveInstant: str = ""  # noqa: N815
    effectivePeriod: _Period | None = None  # noqa: N815
    valueQuantity: msgspec.Raw = _NONE  # noqa: N815
    valueInteger: int | None = None  # noqa: N815
    component: msgspec.Raw = _NONE
    modifierExtension: msgspec.Raw = _NONE  # noqa: N815


_read = msgspec.json.Decoder(_Observation).decode
_read_components = msgspec.json.Decoder(list[_Component]).decode
_read_concept = msgspec.json.Decoder(_Concept).decode
_read_quantity = msgspec.json.Decoder(_Quantity).decode
_read_tags = msgspec.json.Decoder(list[_Coding]).decode
_read_source = msgspec.json.Decoder(_Sourced).decode
_ORIGINS: Final[Mapping[str, Origin]] = {
    "Patient": "home",
    "RelatedPerson": "home",
    "Practitioner": "care",
    "PractitionerRole": "care",
    "Organization": "care",
    "CareTeam": "care",
}


class Taking:
    """Takes Observations of one kind in that have any of ``values``, with all values of the kind, by which they are
    told from each other. ``unread``: those that have no reading, each why and from when.
    """

    def __init__(self, kind: Kind, values: Sequence[Value], canonical_base: str) -> None:
        self.observed: list[Observed] = []
        self.unread: list[tuple[Why, int | None]] = []
        self._flags = intake_system(canonical_base)
        self._wanted = frozenset(each.name for each in values)
        parts = [(code.key, each) for each in kind.values for code in recognised(each.codes)]
        self._parts: dict[Key, Value | None] = _keyed(parts, canonical_base)
        codes = [(code.key, kind.value) for code in recognised(kind.codes)]
        self._own: dict[Key, Value | None] = {**self._parts, **_keyed(codes, canonical_base)}
        self._known: dict[tuple[bytes, bytes, bytes, int | None], Values] = {}
        self._wholes: dict[bytes, Value | None] = {b"": None}
        self._components: dict[bytes, Value | None] = {b"": None}
        self._ratios: dict[tuple[str, bytes], Ratio | None] = {}

    def take(self, place: int, body: bytes) -> None:
        """One Observation, which has a code of the kind or of a part of it."""
        found = _read(body)
        if found.status in VOID:
            return
        text = found.effectiveDateTime
        moment = bounds(text) if text else _moment(found)
        if moment is None or not FIRST <= moment[0] < LAST:
            self.unread.append(("time", None))
            return
        key = bytes(found.code), bytes(found.valueQuantity), bytes(found.component), found.valueInteger
        values = self._known.get(key)
        if values is None:
            values = self._known[key] = self._values_in(*key)
        if not values or found.modifierExtension:
            self.unread.append(("modified" if values else "value", moment[0]))
        elif found.meta is None or not found.meta.tag:
            self.observed.append(Observed(*moment, place, values))
        else:
            flags = tuple(each.code for each in _read_tags(found.meta.tag) if each.system == self._flags)
            self.observed.append(Observed(*moment, place, values, flags, _NOT_TRUE.isdisjoint(flags)))

    def _values_in(self, code: bytes, quantity: bytes, components: bytes, number: int | None) -> Values:
        """Each value once: a panel may have its own value as a component, too. None where no wanted one is there."""
        if code not in self._wholes:
            self._wholes[code] = _meant(code, self._own)
        found: dict[str, Ratio] = {}
        self._add(found, self._wholes[code], quantity, number)
        for each in _read_components(components) if components else ():
            code = bytes(each.code)
            if code not in self._components:
                self._components[code] = _meant(code, self._parts)
            self._add(found, self._components[code], bytes(each.valueQuantity), each.valueInteger)
        return found if self._wanted & found.keys() else {}

    def _add(self, found: dict[str, Ratio], of: Value | None, quantity: bytes, number: int | None) -> None:
        if of is None or of.name in found:
            return
        if quantity:
            key = of.name, quantity
            if key not in self._ratios:
                self._ratios[key] = _ratio_of(_read_quantity(quantity), of)
            ratio = self._ratios[key]
        else:
            ratio = (number, 1) if of.integer and number is not None else None
        if ratio is not None:
            found[of.name] = ratio


def source_of(body: bytes) -> Source:
    """Where an Observation is from."""
    found = _read_source(body)
    who = found.performer[0] if found.performer else _Reference()
    origin = _ORIGINS.get(who.type or who.reference.rpartition("/")[0].rpartition("/")[2], "unknown")
    device = found.device.display or found.device.reference
    return Source(origin, who.display or who.reference, device, found.meta.source)


def system_of(system: str, canonical_base: str) -> str:
    """A code system of the table as it is written in a resource."""
    return f"{canonical_base}/CodeSystem/measurement" if system == OWN else system


def _meant(code: bytes, known: Mapping[Key, Value | None]) -> Value | None:
    """What the value beside a code is; None for a panel, and for what is not asked for."""
    keys = ((each.system, each.code) for each in _read_concept(code).coding)
    found = next((each for each in keys if each in known), None)
    return None if found is None else known[found]


def _ratio_of(quantity: _Quantity, of: Value) -> Ratio | None:
    """The number in the unit of a value; None where it is none in an accepted UCUM unit, or a bound."""
    value = quantity.value
    if value is None or quantity.comparator or quantity.system != SYSTEM:
        return None
    if not value.is_finite() or abs(value.adjusted()) > _LARGEST:
        return None
    amount = of.converted(Fraction(value), quantity.code)
    return None if amount is None else amount.as_integer_ratio()


def _moment(observation: _Observation) -> tuple[int, int] | None:
    if observation.effectiveInstant:
        return bounds(observation.effectiveInstant)
    period = observation.effectivePeriod
    if period is None or not (period.start or period.end):
        return None
    return bounds(period.start or period.end)[0], bounds(period.end or period.start)[1]


def _keyed(pairs: Iterable[tuple[Key, Any]], canonical_base: str) -> dict[Key, Any]:
    return {(system_of(system, canonical_base), code): each for (system, code), each in pairs}
