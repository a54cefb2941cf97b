"""``Device`` and its use: the name on a UDI label, and when a device was used.
https://hl7.org/fhir/R4/device-version-maps.html https://hl7.org/fhir/R4/deviceusestatement-version-maps.html
"""

from __future__ import annotations

from typing import Final

from app.fhir.stu3.conversions import Direction, Values

_UDI: Final = ("Device.udi", "Device.udiCarrier")
_LABEL: Final = "udi-label-name"


def udi_to_r4(values: Values, direction: Direction) -> Values:
    """``udi`` → ``udiCarrier``, its name → a ``deviceName`` of that type."""
    udi = values.get("udi", {})
    rest = {key: value for key, value in udi.items() if key != "name"}
    made: Values = {}
    if rest:
        made["udiCarrier"] = [direction.objects(*_UDI)(rest)]
    if "name" in udi:
        made["deviceName"] = [{"name": udi["name"], "type": _LABEL}]
    return made


def udi_to_stu3(values: Values, direction: Direction) -> Values:
    """The first carrier, and the first name that stands on a label; other names are carried."""
    udi: Values = {}
    for each in values.get("udiCarrier", ())[:1]:
        udi.update(direction.objects(*reversed(_UDI))(each))
    for each in values.get("deviceName", ()):
        if each.get("type") == _LABEL and "name" in each and "name" not in udi:
            udi["name"] = each["name"]
    return {"udi": udi} if udi else {}


def use_to_r4(values: Values, direction: Direction) -> Values:
    """How often, or else when it was used; beside the former, the latter is carried."""
    made = _timing(values, direction)
    period = values.get("timingPeriod", None if made else values.get("whenUsed"))
    if period is not None:
        made["timingPeriod"] = direction.datatype("Period")(period)
    return made


def use_to_stu3(values: Values, direction: Direction) -> Values:
    """A period is when it was used."""
    made = _timing(values, direction)
    if "timingPeriod" in values:
        made["whenUsed"] = direction.datatype("Period")(values["timingPeriod"])
    return made


def _timing(values: Values, direction: Direction) -> Values:
    made: Values = {}
    if "timingTiming" in values:
        made["timingTiming"] = direction.datatype("Timing")(values["timingTiming"])
    if "timingDateTime" in values:
        made["timingDateTime"] = values["timingDateTime"]
    if "_timingDateTime" in values:
        made["_timingDateTime"] = direction.element(values["_timingDateTime"])
    return made
