"""The same measurement twice: known as one, or shown as a possible double (MODEL 3, "Home and clinic together").

Two readings are one when an identifier is equal, or when the time is given to the second and device and values are
equal. Otherwise both are kept and both count; of those that look alike it is said: by the answer to a create, in a
series and its statistics, and in a run of a protocol, all by the one rule here. https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.errors import Issue
from app.fhir.dates import bounds
from app.fhir.resource import Resource, parse_reference
from app.measurements.kinds import Kind, Value, kind_of, part_of
from app.measurements.limits import values_of
from app.measurements.readings import VOID, moment_of
from app.measurements.refusals import notice
from app.server.recognition import Marks, Recogniser

MINUTES: Final = 2
"""How far apart two readings of the same value may be and still be a possible double: a device keeps the time of the
measurement, who types it in that of the typing.
"""
AROUND: Final = MINUTES * 60_000_000
_TO_THE_SECOND: Final = re.compile(r".*T\d\d:\d\d:\d\d").match


def measurement_recogniser(canonical_base: str) -> Recogniser:
    """For the server."""

    def is_measurement(observation: Resource) -> bool:
        if "identifier" not in observation and "device" not in observation:
            return False
        return kind_of(observation, canonical_base) is not None or part_of(observation, canonical_base) is not None

    def same(one: Resource, other: Resource) -> bool:
        if _what(one, canonical_base) != _what(other, canonical_base):
            return False
        return bool(set(_identifiers(one)) & set(_identifiers(other))) or _is_reading_again(one, other, canonical_base)

    def remark(one: Resource, other: Resource, name: str) -> Issue | None:
        if VOID & {one.get("status"), other.get("status")}:
            return None
        values, others = values_of(one, canonical_base), values_of(other, canonical_base)
        if values is None or others is None or not alike(values, others):
            return None
        return notice("information", "possible-double", "Observation", other=name, minutes=str(MINUTES))

    def otherwise(sent: Resource, there: Resource) -> Issue | None:
        """Of what has an identifier again, with another content: a device that corrects itself is to update."""
        equal = sent.get("status") == there.get("status") and moment_of(sent) == moment_of(there)
        if equal and values_of(sent, canonical_base) == values_of(there, canonical_base):
            return None
        return notice("warning", "not-stored-again", "Observation.identifier")

    return Recogniser("Observation", is_measurement, _marks, AROUND, same, otherwise, remark)


def alike(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    """Whether two Observations may have the same values, by kind and value: all that both have, and one at least. A
    panel may be there again as single values.
    """
    shared = one.keys() & other.keys()
    return bool(shared) and all(one[each] == other[each] for each in shared)


def possible_doubles(measured: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[tuple[int, int]]:
    """The places of two that may be the same measurement: their values are alike, and they are at most two minutes
    apart. ``measured``: from when (µs; midnight where only the day was told) and the values, in their order in time.

    Of several with exactly the same values each is given with the one before only, so that a device that tells the
    same every second costs no more than others.
    """
    recent: dict[tuple[str, Any], dict[frozenset[tuple[str, Any]], int]] = {}
    count, last = len(measured), measured[0][0] if measured else 0
    for place, (at, values) in enumerate(measured):
        if at - last > AROUND:
            recent.clear()
        last = at
        if not recent and (place + 1 == count or measured[place + 1][0] - at > AROUND):
            continue  # nothing is near it, as with most of what is measured once a day
        whole, found = frozenset(values.items()), set()
        for each in whole:
            with_same = recent.setdefault(each, {})
            for others, before in list(with_same.items()):
                if measured[before][0] < at - AROUND:
                    del with_same[others]
                elif before not in found and alike(measured[before][1], values):
                    found.add(before)
                    yield before, place
            with_same[whole] = place


def device_of(observation: Resource) -> tuple[str, ...] | None:
    """What tells the device that measured from others: its address, its identifier, or what is contained of it; None
    when it is not told, or only by a name.
    """
    device = observation.get("device", {})
    text = device.get("reference", "")
    if text.startswith("#"):
        inner: Resource = next((each for each in observation.get("contained", ()) if f"#{each.get('id')}" == text), {})
        named: Resource = next(iter(inner.get("identifier", ())), {})
        if "value" in named:
            return "identifier", named.get("system", ""), named["value"]
        serial = inner.get("serialNumber")
        return None if serial is None else ("serial", inner.get("manufacturer", ""), serial)
    literal = parse_reference(text)
    if literal is not None:
        return "reference", literal.base, literal.type, literal.id
    named = device.get("identifier", {})
    return ("identifier", named.get("system", ""), named["value"]) if "value" in named else None


def _is_reading_again(one: Resource, other: Resource, canonical_base: str) -> bool:
    at, device = _second(one), device_of(one)
    if at is None or device is None or at != _second(other) or device != device_of(other):
        return False
    values = values_of(one, canonical_base)
    return values is not None and values == values_of(other, canonical_base)


def _second(observation: Resource) -> int | None:
    """When it was measured, in µs, where that is told to the second."""
    text = _time(observation)
    return bounds(text)[0] if text is not None and _TO_THE_SECOND(text) else None


def _time(observation: Resource) -> str | None:
    text = observation.get("effectiveDateTime") or observation.get("effectiveInstant")
    return text if text is None else str(text)


def _what(observation: Resource, canonical_base: str) -> tuple[Kind | None, Value | None]:
    kind = kind_of(observation, canonical_base)
    if kind is not None:
        return kind, None
    return part_of(observation, canonical_base) or (None, None)


def _marks(observation: Resource) -> Marks:
    text = _time(observation)
    return Marks(_identifiers(observation), None if text is None or "T" not in text else bounds(text)[0])


def _identifiers(observation: Resource) -> tuple[tuple[str, str], ...]:
    """Those that say of which system they are: others are nobody's in particular."""
    return tuple(
        (each["system"], each["value"])
        for each in observation.get("identifier", ())
        if each.get("system") and each.get("value")
    )
