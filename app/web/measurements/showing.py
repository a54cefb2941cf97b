"""``/measurements/of/{kind}``: one kind over a period, as a sentence, a drawing and a table of the same values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Final

from fastapi.responses import Response

from app.fhir.dates import LOCAL, bounds, to_microseconds
from app.measurements.kinds import Kind
from app.measurements.words import number
from app.web.dates import local, short
from app.web.measurements.chart import Chart, Line, Point, draw
from app.web.measurements.stats import Measured, OfValue, Stats, stats_of
from app.web.measurements.telling import amount, by_whom, device, marks, unit, when
from app.web.measurements.visit import Visit

PERIODS: Final = {"week": 7, "month": 30, "quarter": 91, "year": 365, "all": 0}
"""Days until and with today; 0: everything."""
BUCKETS: Final = ("each", "day", "week", "month")
_OPENING: Final = ("month", "year", "all")
"""Periods that are tried in turn where none was chosen, until one has a measurement."""
_USUAL: Final = {"week": "each", "month": "each", "quarter": "each", "year": "week", "all": "month"}
MANY: Final = 31
"""Rows of a table that is shown at once; a longer one is opened."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement in the table."""

    id: str
    when: str
    cells: Sequence[str]
    by: str
    marks: Sequence[str]


@dataclass(frozen=True, slots=True)
class Summed:
    """One day, week or month in the table: how many values and, of each value, average, lowest and highest."""

    when: str
    cells: Sequence[str]


async def show(visit: Visit) -> Response:
    """The page of one kind."""
    kind = visit.kind()
    for period in [visit.query("period")] if visit.query("period") in PERIODS else _OPENING:
        bucket = visit.query("per") if visit.query("per") in BUCKETS else _USUAL[period]
        stats = await _stats(visit, kind, period, bucket)
        if stats.measured:
            break
    chart = _chart(visit, kind, stats, bucket)
    summed = [] if bucket == "each" else _summed(visit, stats, bucket)
    return visit.page(
        "kind",
        kind=kind,
        period=period,
        periods=list(PERIODS),
        bucket=bucket,
        buckets=list(BUCKETS),
        stats=stats,
        chart=chart,
        days=_days(stats, period),
        targets=[(each.value, text) for each in stats.values if (text := _target(visit, each))],
        rows=[_row(visit, kind, each) for each in stats.measured],
        values=[each.value for each in stats.values if chart is None or each.value.name in _shown(stats)],
        summed=summed,
        unit=lambda value: unit(visit, value),
        many=MANY,
        sources=list(dict.fromkeys(_source(visit, each) for each in stats.measured)),
        remarks=sum(1 for each in stats.measured if each.flags or each.double),
    )


def _shown(stats: Stats) -> set[str]:
    return {value.name for each in stats.measured for value, _ in each.values}


async def _stats(visit: Visit, kind: Kind, period: str, bucket: str) -> Stats:
    query = [f"kind={kind.name}", "readings=true"]
    days = PERIODS[period]
    if days:
        today = local(visit.now).date()
        query += [f"date=ge{today - timedelta(days=days - 1)}", f"date=lt{today + timedelta(days=1)}"]
    if bucket != "each":
        query.append(f"bucket={bucket}")
    called = await visit.calls.get("Observation/$stats", "&".join(query), accept_language=visit.language)
    return stats_of(called.resource, kind)


def _days(stats: Stats, period: str) -> tuple[int, int]:
    """On how many days of the period there was a measurement, and of how many days; 0 days for everything."""
    measured = {local(bounds(each.when)[0]).date() for each in stats.measured}
    return len(measured), PERIODS[period]


def _target(visit: Visit, of: OfValue) -> str:
    """The personal target in words."""
    target = of.target
    if target is None or not target.goal:
        return ""
    t = visit.visitor.t
    shown = {
        name: amount(visit, of.value, bound)
        for name, bound in (("low", target.low), ("high", target.high))
        if bound is not None
    }
    key = "between" if len(shown) > 1 else next(iter(shown))
    return t(f"measurements.kind.target_{key}", unit=unit(visit, of.value), **shown)


def _row(visit: Visit, kind: Kind, each: Measured) -> Row:
    found = {value.name: shown for value, shown in each.values}
    cells = [amount(visit, value, found[value.name]) if value.name in found else "–" for value in kind.values]
    return Row(
        each.id,
        when(visit, each.when, brief=True),
        cells,
        _source(visit, each),
        marks(visit, sorted(each.flags), double=each.double),
    )


def _source(visit: Visit, each: Measured) -> str:
    by, with_what = by_whom(visit, each.by), device(each.device)
    return f"{by} ({with_what})" if with_what else by


def _summed(visit: Visit, stats: Stats, bucket: str) -> list[Summed]:
    """The newest first."""
    keys = sorted({(each.first, each.last) for of in stats.values for each in of.buckets}, reverse=True)
    rows = []
    for key in keys:
        cells: list[str] = []
        for of in stats.values:
            found = next((each for each in of.buckets if (each.first, each.last) == key), None)
            if found is None:
                cells += ["–"] * 4
            else:
                three = [amount(visit, of.value, each) for each in (found.average, found.lowest, found.highest)]
                cells += [str(found.count), *three]
        rows.append(Summed(_span(visit, *key, bucket), cells))
    return rows


def _span(visit: Visit, first: str, last: str, bucket: str) -> str:
    if first == last:
        return short(first, visit.language)
    if bucket == "month":
        return short(first[: len("2026-01")], visit.language)
    return visit.visitor.t(
        "measurements.kind.span", first=short(first, visit.language), last=short(last, visit.language)
    )


def _chart(visit: Visit, kind: Kind, stats: Stats, bucket: str) -> Chart | None:
    lines = [
        Line(
            visit.name(of.value),
            _points(stats, of) if bucket == "each" else _averages(of),
            None if of.target is None else of.target.low,
            None if of.target is None else of.target.high,
        )
        for of in stats.values
    ]
    most = max((each.decimals for each in kind.values), default=0)

    def shown(value: Fraction) -> str:
        decimals = 0 if value.denominator == 1 else max(most, 1)
        return visit.said(number(value, decimals))

    def day(at: int) -> str:
        return short(local(at).date().isoformat(), visit.language)

    return draw(lines, number=shown, day=day)


def _points(stats: Stats, of: OfValue) -> list[Point]:
    found = [
        Point(bounds(each.when)[0], value, marked=bool(each.flags) or each.double)
        for each in reversed(stats.measured)
        for own, value in each.values
        if own is of.value and each.counts
    ]
    return sorted(found, key=lambda each: each.at)


def _averages(of: OfValue) -> list[Point]:
    return [Point(_middle(each.first, each.last), each.average, each.lowest, each.highest) for each in of.buckets]


def _middle(first: str, last: str) -> int:
    """Noon of the day in the middle."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    found = begin + (end - begin) // 2
    return to_microseconds(datetime(found.year, found.month, found.day, 12, tzinfo=LOCAL))
