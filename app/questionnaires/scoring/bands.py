"""The classes of a dimension: ranges that leave no result between them and give none two classes. A class may have
several ranges that do not follow each other. https://hl7.org/fhir/uv/sdc/
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

from app.questionnaires.scoring.elements import Place
from app.questionnaires.scoring.program import Band, Interval, Rounding


def read_bands(place: Place, cut_offs: str, rounding: Rounding | None) -> Mapping[str, tuple[Band, ...]]:
    """The bands of a dimension, by version of the cut-offs. What is wrong is noted at the place."""
    if not isinstance(place.value, Mapping):
        return {cut_offs: _bands(place, rounding)}
    return {str(version): _bands(each, rounding) for version, each in place.entries()}


def _bands(place: Place, rounding: Rounding | None) -> tuple[Band, ...]:
    found: list[Band] = []
    for each in place.each():
        band = _band(each)
        if any(band.code == other.code for other in found):
            each.fail("is a class that stands there already; give it ranges.")
        found.append(band)
    if not found:
        place.fail("must have one class at least.")
    else:
        _check_order(place, found, rounding)
    return tuple(found)


def _band(place: Place) -> Band:
    ends = ("from", "above", "to", "below")
    given = place.members("class", "nl", "en", "ranges", *ends, "confirmed", "source", needed=("class", "nl", "en"))
    if "ranges" in given and any(name in given for name in ends):
        place.fail("must have ranges, or the ends of one.")
    if "ranges" in given:
        ranges = [_interval(each, each.members(*ends)) for each in given["ranges"].each()]
    else:
        ranges = [_interval(place, given)]
    return Band(
        given["class"].text() if "class" in given else "",
        given["nl"].text() if "nl" in given else "",
        given["en"].text() if "en" in given else "",
        tuple(ranges),
        given["confirmed"].flag() if "confirmed" in given else True,
        given["source"].text() if "source" in given else "",
    )


def _interval(place: Place, given: Mapping[str, Place]) -> Interval:
    if ("from" in given and "above" in given) or ("to" in given and "below" in given):
        place.fail("must have from or above, and to or below.")
    low = given.get("from") or given.get("above")
    high = given.get("to") or given.get("below")
    made = Interval(
        None if low is None else low.number(),
        None if high is None else high.number(),
        "above" not in given,
        "below" not in given,
    )
    if (
        made.low is not None
        and made.high is not None
        and (made.low > made.high or (made.low == made.high and not (made.low_in and made.high_in)))
    ):
        place.fail("is a range with nothing in it.")
    return made


def _check_order(place: Place, bands: list[Band], rounding: Rounding | None) -> None:
    """No result is of two classes, and none falls between two. Results stand apart by the last decimal that is kept;
    where nothing is rounded they are whole numbers, or the ranges touch.
    """
    step = Fraction(1, 10 ** (rounding.digits if rounding is not None else 0))
    ranges = sorted(
        (each for band in bands for each in band.ranges),
        key=lambda each: (each.low is not None, each.low or 0, not each.low_in),
    )
    for one, next_one in pairwise(ranges):
        if one.high is None or next_one.low is None or _overlap(one, next_one):
            place.fail("has ranges that overlap.")
        elif _first(next_one, step) > _last(one, step) + step:
            place.fail("has results between two ranges that are of no class.")


def _overlap(one: Interval, next_one: Interval) -> bool:
    assert one.high is not None
    assert next_one.low is not None
    return next_one.low < one.high or (next_one.low == one.high and one.high_in and next_one.low_in)


def _last(one: Interval, step: Fraction) -> Fraction:
    """The last possible result in a range."""
    assert one.high is not None
    found = math.floor(one.high / step) * step
    return found - step if found == one.high and not one.high_in else found


def _first(one: Interval, step: Fraction) -> Fraction:
    """The first possible result in a range."""
    assert one.low is not None
    found = math.ceil(one.low / step) * step
    return found + step if found == one.low and not one.low_in else found
