"""A line as an Observation, and the id that follows from what it says: the same measurement has the same id, whichever
file it comes in and however often. https://hl7.org/fhir/R4/observation.html

Of lines that differ only in number and time one whole Observation is made, and checked; the others are made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any

from app.fhir.resource import Resource
from app.measurements.importing.lines import Device, Taken
from app.measurements.kinds import Kind, Value
from app.measurements.writing import Measured, observation_of
from app.server.ids import new_id

Shape = tuple[str, tuple[str, ...], str | None, Any, Device | None, bool, int]
"""All that tells Observations of an import from each other, but for numbers, time and note."""


def shape_of(taken: Taken) -> Shape:
    """What of a line does not differ from one line to the next."""
    context = tuple(sorted(taken.context.items())) if taken.context else None
    precision = len(taken.effective)
    return taken.kind.name, tuple(taken.values), taken.moment, context, taken.device, bool(taken.note), precision


@dataclass(slots=True)
class Template:
    """The Observation that others of its shape are made of. ``parts``: the value of each component, by its place;
    ``usual``: from where to where there is nothing to say of the only value that there is.
    """

    whole: Resource
    kind: Kind
    parts: tuple[tuple[int, Value], ...]
    usual: tuple[Decimal, Decimal] | None

    def filled(self, taken: Taken) -> Resource:
        """The Observation of a line; what does not differ is shared with the template."""
        made = dict(self.whole)
        made["effectiveDateTime"] = taken.effective
        if self.kind.value is not None and self.kind.value.name in taken.values:
            _fill(made, self.whole, taken.values[self.kind.value.name])
        if self.parts:
            components = list(self.whole["component"])
            for place, value in self.parts:
                components[place] = dict(components[place])
                _fill(components[place], components[place], taken.values[value.name])
            made["component"] = components
        if taken.note:
            made["note"] = [{"text": taken.note}]
        return made


def template_of(taken: Taken, canonical_base: str, subject: Resource, device: Resource | None, source: str) -> Template:
    """The Observation of a line, to make others of. ``device``: a Reference; ``source``: the format."""
    measured = Measured(taken.kind, taken.values, taken.effective, taken.moment, taken.context)
    made = observation_of(measured, canonical_base, subject)
    whole: Resource = dict(made)
    whole["meta"] = {**whole.get("meta", {}), "source": f"{canonical_base}/NamingSystem/import#{source}"}
    if device is not None:
        whole["device"] = device
    if taken.note:
        whole["note"] = [{"text": taken.note}]
    by_place = {
        part.name: place for place, part in enumerate(p for p in taken.kind.components if p.name in taken.values)
    }
    parts = tuple((by_place[part.name], part) for part in taken.kind.components if part.name in by_place)
    return Template(whole, taken.kind, parts, _usual(taken))


def _usual(taken: Taken) -> tuple[Decimal, Decimal] | None:
    value = taken.kind.value
    if value is None or value.integer or len(taken.values) != 1:
        return None
    low, high = max(value.unlikely.low, value.hard.low), min(value.unlikely.high, value.hard.high)
    return Decimal(low.numerator) / Decimal(low.denominator), Decimal(high.numerator) / Decimal(high.denominator)


def _fill(element: Resource, like: Resource, number: Decimal) -> None:
    if "valueInteger" in like:
        element["valueInteger"] = int(number)
    else:
        element["valueQuantity"] = {**like["valueQuantity"], "value": number}


def number_of(taken: Taken) -> str:
    """What the id is made of: 32 hexadecimal digits that follow from kind, time, values, circumstances and device; of
    the total of a day from kind and day alone.
    """
    when = taken.effective if taken.at is None else str(taken.at)
    if taken.total:
        said = f"total|{taken.kind.name}|{when}"
    else:
        device = "" if taken.device is None else f"{taken.device.name}|{taken.device.manufacturer}|{taken.device.model}"
        values = "|".join(f"{name}={_plain(value)}" for name, value in taken.values.items())
        told = "|".join(f"{name}={value}" for name, value in sorted(taken.context.items())) if taken.context else ""
        said = f"{taken.kind.name}|{when}|{values}|{taken.moment}|{told}|{device}"
    return sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _plain(value: Decimal) -> str:
    """A number as it is, whatever digits it was written with: 81.50 and 81.5 are the same."""
    text = str(value)
    return text if "." not in text and "E" not in text else str(Fraction(value))


def id_of(number: str, key: str) -> str:
    """The id in the partition whose written key is ``key``."""
    return new_id(key, lambda size: bytes.fromhex(number)[:size])


def device_number(device: Device) -> str:
    """The identifier of a device, as ``number_of`` has it."""
    return sha256(f"device|{device.name}|{device.manufacturer}|{device.model}".encode()).hexdigest()[:32]


def device_of(device: Device, number: str, canonical_base: str, subject: Resource) -> Resource:
    """The Device of a person."""
    made: Resource = {
        "resourceType": "Device",
        "identifier": [{"system": f"{canonical_base}/NamingSystem/import-device", "value": number}],
        "deviceName": [{"name": device.name, "type": "user-friendly-name"}],
        "patient": subject,
    }
    told: Mapping[str, str] = {"manufacturer": device.manufacturer, "modelNumber": device.model}
    return {**made, **{name: text for name, text in told.items() if text}}
