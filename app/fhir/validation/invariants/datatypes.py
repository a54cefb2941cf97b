"""The invariants of the data types, https://hl7.org/fhir/R4/datatypes.html; those of ElementDefinition are in
``elements``.

ele-1 (a value or children) and ref-1 (what ``#id`` names is contained) are rules of structure, txt-1 and txt-2 those of
the narrative: their own modules hold them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from app.fhir.ucum.conversion import canonical
from app.fhir.validation.invariants.moments import in_order
from app.fhir.validation.invariants.rule import (
    UCUM,
    Invariant,
    Value,
    at_least_one,
    exactly_one,
    has_choice,
    if_then,
    not_both,
    present,
    rule,
)

_MEALS: Final = frozenset({"C", "CM", "CD", "CV"})
_has_value, _has_code = present("value"), present("code")


def ext_1(extension: Value) -> bool:
    """Either extensions or a value."""
    return ("extension" in extension) != has_choice(extension, "value")


def _is_ucum(quantity: Value) -> bool:
    return ("system" not in quantity and "_system" not in quantity) or quantity.get("system") == UCUM


def age_1(age: Value) -> bool:
    """A positive value with a code of UCUM."""
    return (_has_code(age) or not _has_value(age)) and _is_ucum(age) and ("value" not in age or age["value"] > 0)


def cnt_3(count: Value) -> bool:
    """A whole number with the code of UCUM for no unit."""
    return (
        (_has_code(count) or not _has_value(count))
        and _is_ucum(count)
        and (not _has_code(count) or count.get("code") == "1")
        and "." not in str(count.get("value", ""))
    )


def dis_1(distance: Value) -> bool:
    """A value with a code of UCUM."""
    return (_has_code(distance) or not _has_value(distance)) and _is_ucum(distance)


def drt_1(duration: Value) -> bool:
    """A code comes with a value, and is one of UCUM."""
    return not _has_code(duration) or (duration.get("system") == UCUM and _has_value(duration))


def rng_2(range_: Value) -> bool:
    """The low is not above the high, as far as they can be compared: in the same unit, or in units of UCUM."""
    low, high = range_.get("low", {}), range_.get("high", {})
    if "value" not in low or "value" not in high:
        return True
    least, most = Decimal(low["value"]), Decimal(high["value"])
    if _unit(low) == _unit(high):
        return least <= most
    if low.get("system") != UCUM or high.get("system") != UCUM:
        return True
    shortest, longest = canonical(least, low.get("code", "")), canonical(most, high.get("code", ""))
    return shortest is None or longest is None or shortest[1] != longest[1] or shortest[0] <= longest[0]


def _unit(quantity: Value) -> tuple[Any, ...]:
    return (quantity.get("system"), quantity["code"]) if "code" in quantity else (quantity.get("unit"),)


def rat_1(ratio: Value) -> bool:
    """A numerator and a denominator, or an extension that says why not."""
    numerator = "numerator" in ratio
    return numerator == ("denominator" in ratio) and (numerator or "extension" in ratio)


def tim_9(repeat: Value) -> bool:
    """An offset is from an event, other than a meal itself."""
    return not present("offset")(repeat) or (present("when")(repeat) and _MEALS.isdisjoint(repeat.get("when", ())))


def trd_3(trigger: Value) -> bool:
    """What each type of trigger needs."""
    kind = trigger.get("type")
    if kind == "named-event":
        return present("name")(trigger)
    if kind == "periodic":
        return has_choice(trigger, "timing")
    return not isinstance(kind, str) or not kind.startswith("data-") or "data" in trigger


def _not_negative(name: str) -> Any:
    return lambda value: value.get(name, 0) >= 0


_CODED_UNIT: Final = if_then("qty-3", "A code of a unit needs the system that it is from.", "code", "system")

INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "Extension": (rule("ext-1", "An extension has either extensions or a value.", ext_1),),
    "Attachment": (if_then("att-1", "An attachment with data needs a contentType.", "data", "contentType"),),
    "ContactPoint": (
        if_then("cpt-2", "A contact point with a value needs a system, such as phone or email.", "value", "system"),
    ),
    "DataRequirement.codeFilter": (
        exactly_one("drq-1", "A codeFilter has either a path or a searchParam.", "path", "searchParam"),
    ),
    "DataRequirement.dateFilter": (
        exactly_one("drq-2", "A dateFilter has either a path or a searchParam.", "path", "searchParam"),
    ),
    "Expression": (at_least_one("exp-1", "An expression needs its text or a reference.", "expression", "reference"),),
    "Period": (rule("per-1", "The start of a period may not be after its end.", in_order("start", "end"), "end"),),
    "Quantity": (_CODED_UNIT,),
    "Age": (rule("age-1", "An age is above zero and has a code, of UCUM where a system is given.", age_1),),
    "Count": (rule("cnt-3", "A count is a whole number and has the code 1, of UCUM where a system is given.", cnt_3),),
    "Distance": (rule("dis-1", "A distance with a value has a code, of UCUM where a system is given.", dis_1),),
    "Duration": (rule("drt-1", "A duration with a code has a value, and the system of UCUM.", drt_1, "code"),),
    "Range": (rule("rng-2", "The low of a range may not be above its high.", rng_2, "low"),),
    "Ratio": (rule("rat-1", "A ratio has both a numerator and a denominator, or only an extension instead.", rat_1),),
    "Timing.repeat": (
        if_then("tim-1", "A duration needs a durationUnit.", "duration", "durationUnit"),
        if_then("tim-2", "A period needs a periodUnit.", "period", "periodUnit"),
        rule("tim-4", "A duration may not be below zero.", _not_negative("duration"), "duration"),
        rule("tim-5", "A period may not be below zero.", _not_negative("period"), "period"),
        if_then("tim-6", "A periodMax needs a period.", "periodMax", "period"),
        if_then("tim-7", "A durationMax needs a duration.", "durationMax", "duration"),
        if_then("tim-8", "A countMax needs a count.", "countMax", "count"),
        rule("tim-9", "An offset needs a when, other than C, CM, CD and CV.", tim_9, "offset"),
        not_both("tim-10", "There may not be both a timeOfDay and a when.", "timeOfDay", "when"),
    ),
    "TriggerDefinition": (
        not_both("trd-1", "A trigger may not have both data and timing.", "data", "timing[x]"),
        if_then("trd-2", "A condition of a trigger needs data.", "condition", "data"),
        rule(
            "trd-3",
            "A trigger of type named-event needs a name, one of type periodic timing, one of a data type data.",
            trd_3,
        ),
    ),
}
