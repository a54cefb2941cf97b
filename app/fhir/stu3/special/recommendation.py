"""``ImmunizationRecommendation``: STU3 has in each recommendation when it was made, R4 one date for all of them.
https://hl7.org/fhir/R4/immunizationrecommendation-version-maps.html
"""

from __future__ import annotations

from typing import Final

from app.fhir.stu3.conversions import Direction, Values

_PATH: Final = "ImmunizationRecommendation.recommendation"
_PROTOCOL: Final = ("description", "series")


def dates_to_r4(values: Values, direction: Direction) -> Values:
    """The date, if all have the same; dates that differ are carried where they stand."""
    each_of = values.get("recommendation", [])
    convert = direction.objects(_PATH, _PATH)
    dates = {each.get("date") for each in each_of}
    if len(dates) != 1 or None in dates or any("_date" in each for each in each_of):
        return {"recommendation": [convert(each) for each in each_of]} if each_of else {}
    rest = [{name: value for name, value in each.items() if name != "date"} for each in each_of]
    return {"date": each_of[0]["date"], "recommendation": [convert(each) for each in rest]}


def dates_to_stu3(values: Values, direction: Direction) -> Values:
    """The date in each recommendation that has none of its own."""
    convert = direction.objects(_PATH, _PATH)
    made = [convert(each) for each in values.get("recommendation", ())]
    if "date" in values:
        made = [each if "date" in each else _dated(each, values["date"]) for each in made]
    return {"recommendation": made} if made else {}


def _dated(recommendation: Values, date: str) -> Values:
    return {**{name: value for name, value in recommendation.items() if name != "_date"}, "date": date}


def protocol_to_r4(values: Values, direction: Direction) -> Values:
    """Description and series of the protocol; who made it and the place of the dose in it are carried."""
    protocol = values.get("protocol", {})
    return _texts(protocol, direction)


def protocol_to_stu3(values: Values, direction: Direction) -> Values:
    """The opposite."""
    found = _texts(values, direction)
    return {"protocol": found} if found else {}


def _texts(values: Values, direction: Direction) -> Values:
    made: Values = {}
    for name in _PROTOCOL:
        if name in values:
            made[name] = values[name]
        if f"_{name}" in values:
            made[f"_{name}"] = direction.element(values[f"_{name}"])
    return made
