"""Statistics in words, Dutch and English: neutral, and nothing that tells anybody what to do (MODEL 5).

https://hl7.org/fhir/R4/languages.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import isqrt
from typing import Any, Final

from app.fhir.dates import bounds
from app.measurements.kinds import Value
from app.measurements.statistics.counting import Before, Counted
from app.measurements.statistics.numbers import LEAST_OF_TREND, Trend
from app.measurements.statistics.spans import Span, local
from app.measurements.targets import Target
from app.measurements.words import Words, day, filled, joined, number, table

WEEK: Final = 7
_FINE: Final = 10**40


def texts() -> Mapping[str, Any]:
    """The table of what is said."""
    return table("statistics/texts.yaml")


def sentences(found: Counted, span: Span) -> Words:
    """What there is to say of one value."""
    return joined([*_numbers(found, span), *_target(found), *_trend(found), *_before(found), *_beside(found)])


def name_of(value: Value) -> Words:
    """Its name."""
    return {"nl": value.nl, "en": value.en}


def unit_of(value: Value) -> Words:
    """Its unit as people write it."""
    return {"nl": value.unit_nl, "en": value.unit_en}


def interval(trend: Trend) -> tuple[Fraction, Fraction]:
    """The slope per day less and more its uncertainty."""
    aside = _root(trend.error) * Fraction(trend.times)
    return trend.slope - aside, trend.slope + aside


def difference(found: Counted, before: Before) -> Fraction:
    """The mean of a period less that of the one before it; both have values."""
    assert found.summary is not None
    assert before.summary is not None
    return Fraction(*found.summary.mean) - Fraction(*before.summary.mean)


def _root(value: Fraction) -> Fraction:
    """To forty digits: it is rounded later."""
    return Fraction(isqrt(value.numerator * value.denominator * _FINE * _FINE), value.denominator * _FINE)


def _numbers(found: Counted, span: Span) -> Iterator[Words]:
    value, summary = found.value, found.summary
    name, unit = name_of(value), unit_of(value)
    if summary is None:
        yield filled(texts()["none"], name=name)
        return
    days = span.days()
    period: Words | str = ""
    if days is not None:
        period = filled(texts()["period"], first=day(days[0]), last=day(days[1]))
    row = texts()["one" if summary.count == 1 else "many"]
    yield filled(
        row,
        name=name,
        unit=unit,
        count=str(summary.count),
        period=period,
        mean=number(summary.mean, value.decimals),
        low=number(summary.lowest, value.decimals),
        high=number(summary.highest, value.decimals),
    )


def _target(found: Counted) -> Iterator[Words]:
    target = found.target
    if target is None:
        return
    rows = texts()["target"]
    if found.summary is not None:
        row = rows["own" if target.goal else "given"]
        yield filled(row, within=str(found.within), count=str(found.summary.count))
    elif target.goal:
        yield rows["nothing"]
    if target.date:
        written = day(local(bounds(target.date)[0]).date())
        who = _who(target)
        yield (
            filled(rows["written"], date=written) if who is None else filled(rows["written-by"], who=who, date=written)
        )


def _who(target: Target) -> Words | None:
    author = target.author or {}
    display = author.get("display")
    if display:
        return {"nl": display, "en": display}
    kind = author.get("type") or author.get("reference", "").rpartition("/")[0].rpartition("/")[2]
    found: Words | None = texts()["target"]["author"].get(kind)
    return found


def _trend(found: Counted) -> Iterator[Words]:
    value, trend = found.value, found.trend
    if found.summary is None:
        return
    rows = texts()["trend"]
    if trend is None:
        yield filled(rows["few"], least=str(LEAST_OF_TREND))
        return
    low, high = interval(trend)
    shown = value.decimals + 1
    yield filled(
        rows["line"],
        slope=number(trend.slope * WEEK, shown),
        low=number(low * WEEK, shown),
        high=number(high * WEEK, shown),
        unit=unit_of(value),
    )


def _before(found: Counted) -> Iterator[Words]:
    before, value = found.before, found.value
    if before is None or found.summary is None:
        return
    rows = texts()["before"]
    if before.summary is None:
        yield rows["none"]
        return
    yield filled(
        rows["line"],
        count=str(before.summary.count),
        mean=number(before.summary.mean, value.decimals),
        difference=number(difference(found, before), value.decimals),
        unit=unit_of(value),
    )


def _beside(found: Counted) -> Iterator[Words]:
    for reason, count in found.left_out.items():
        yield filled(texts()["left-out"][reason], count=str(count))
    if found.doubles:
        yield filled(texts()["doubles"], count=str(found.doubles))
