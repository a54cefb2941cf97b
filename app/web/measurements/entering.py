"""``/measurements/new/{kind}``: a measurement entered in a form that is made from the table of kinds.

It is written as an app writes it, with the same checks. A form that is sent twice is one measurement: it brings an
identifier along. https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

import yaml
from fastapi.responses import Response

from app.errors import NotFound, Unprocessable
from app.fhir.dates import LOCAL
from app.fhir.resource import Resource
from app.measurements.confirming import flags_of
from app.measurements.importing.numbers import number_of
from app.measurements.kinds import Context, Kind, Value
from app.measurements.limits import values_of
from app.measurements.writing import Measured, observation_of
from app.server.intake.flags import TO_CONFIRM
from app.web.dates import local
from app.web.forms import Form
from app.web.measurements.telling import amount, time_of, today, unit, values_told
from app.web.measurements.visit import Visit

_URI: Final = "urn:ietf:rfc:3986"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME: Final = re.compile(r"[0-9]{2}:[0-9]{2}", re.ASCII)
_ONCE: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_CLOCK: Final = 10 * 60
"""Seconds that somebody's clock may be ahead, as for what an app sends."""
_RATINGS: Final = 11


@dataclass(slots=True)
class Filled:
    """What stands in the form: texts by field, and what is wrong with them."""

    given: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


@cache
def _unit_names() -> Mapping[str, Mapping[str, str]]:
    text = Path(__file__).with_name("units.yaml").read_text("utf-8")
    found: Mapping[str, Mapping[str, str]] = yaml.load(text, yaml.CSafeLoader)
    return found


async def show(visit: Visit) -> Response:
    """The form: empty, or with what stood in a measurement that was a mistake."""
    kind = _kind(visit)
    now = local(visit.now)
    given = {"date": now.date().isoformat(), "time": f"{now:%H:%M}", "once": str(uuid.uuid4())}
    if visit.query("from"):
        called = await visit.calls.get(f"Observation/{visit.query('from')}")
        given |= _given(visit, kind, called.resource)
    return _page(visit, kind, Filled(given))


async def enter(visit: Visit) -> Response:
    """Keep it: then it is there, or it is asked whether it is right."""
    form = await visit.form()
    kind = _kind(visit)
    filled = Filled({name: value.strip() for name, value in form.fields if name != "csrf"})
    measured = _measured(visit, kind, form, filled)
    if measured is None:
        return _page(visit, kind, filled)
    body = observation_of(measured, visit.base, visit.subject)
    try:
        kept = await _keep(visit, body, filled.given.get("once", ""))
    except Unprocessable:
        # What the form can say is said above: this is for a rule that it does not know, such as a profile's.
        filled.problems = {"": visit.visitor.t("measurements.enter.problem.refused")}
        return _page(visit, kind, filled)
    if TO_CONFIRM in flags_of(kept, visit.base):
        return visit.go(f"/measurements/item/{kept['id']}")
    return visit.go(f"/measurements/of/{kind.name}?done=entered")


def _kind(visit: Visit) -> Kind:
    kind = visit.kind()
    if not kind.home:
        raise NotFound("This is only shown as it was received.")
    return kind


async def _keep(visit: Visit, body: Resource, once: str) -> Resource:
    """The Observation as it is stored. The same form again gives the one that is there; with other values it is
    another measurement.
    """
    names = [once] if _ONCE.fullmatch(once) else []
    for each in (*names, str(uuid.uuid4())):
        body["identifier"] = [{"system": _URI, "value": f"urn:uuid:{each}"}]
        called = await visit.calls.post("Observation", body)
        found = called.resource
        same = values_of(found, visit.base) == values_of(body, visit.base) and time_of(found) == time_of(body)
        if called.status == 201 or same:
            return found
    return found


def _page(visit: Visit, kind: Kind, filled: Filled) -> Response:
    return visit.page(
        "enter",
        problems=filled.problems,
        kind=kind,
        given=filled.given,
        units={each.name: _units(visit, each) for each in kind.values},
        unit=lambda value: unit(visit, value),
        ratings=[("", visit.visitor.t("measurements.enter.choose"))]
        + [(str(each), str(each)) for each in range(_RATINGS)],
        moments=[("", visit.visitor.t("measurements.enter.not_told"))]
        + [(each.name, visit.name(each)) for each in kind.moments],
        contexts=[(each, _options(visit, each)) for each in kind.context if each.place != "hasMember"],
        today=today(visit),
    )


def _units(visit: Visit, value: Value) -> list[tuple[str, str]]:
    """The units to choose from; one alone is no choice."""
    offered = [(value.unit, unit(visit, value))]
    offered += [(each, _unit_names()[each][visit.language]) for each in value.units if each in _unit_names()]
    return list(dict.fromkeys(offered))


def _options(visit: Visit, context: Context) -> list[tuple[str, str]]:
    t = visit.visitor.t
    listed = [("", t("measurements.enter.not_told"))]
    if context.boolean:
        return [*listed, ("true", t("measurements.yes")), ("false", t("measurements.no"))]
    return [*listed, *((each.name, visit.name(each)) for each in context.values)]


def _measured(visit: Visit, kind: Kind, form: Form, filled: Filled) -> Measured | None:
    """What the form says; None with problems."""
    values, units = _values(visit, kind, form, filled)
    effective = _effective(visit, kind, form, filled)
    moment = form.get("moment") or None
    if moment is not None and moment not in {each.name for each in kind.moments}:
        moment = None
    context = {}
    for each in kind.context:
        told = form.get(f"context-{each.name}")
        if told and told in {"true", "false"} | {choice.name for choice in each.values}:
            context[each.name] = told
        elif each.place == "value":
            filled.problems[f"context-{each.name}"] = visit.visitor.t("measurements.enter.problem.choose")
    if filled.problems:
        return None
    return Measured(kind, values, effective, moment, context, units)


def _values(visit: Visit, kind: Kind, form: Form, filled: Filled) -> tuple[dict[str, Decimal], dict[str, str]]:
    t = visit.visitor.t
    values: dict[str, Decimal] = {}
    units: dict[str, str] = {}
    for each in kind.values:
        text = form.get(each.name)
        if not text:
            if each.needed:
                filled.problems[each.name] = t("measurements.enter.problem.empty", name=visit.name(each))
            continue
        found = number_of(text.replace(" ", ""), each)
        if found is None:
            filled.problems[each.name] = t("measurements.enter.problem.number", name=visit.name(each))
            continue
        chosen = form.get(f"unit-{each.name}") or each.unit
        if chosen not in each.units:
            chosen = each.unit
        exact = each.converted(Fraction(found), chosen)
        if exact is None or not each.hard.holds(exact):
            filled.problems[each.name] = _beyond(visit, each)
        elif each.integer and found != int(found):
            filled.problems[each.name] = t("measurements.enter.problem.whole", name=visit.name(each))
        else:
            values[each.name] = found
            if chosen != each.unit:
                units[each.name] = chosen
    return values, units


def _beyond(visit: Visit, value: Value) -> str:
    return visit.visitor.t(
        "measurements.enter.problem.beyond",
        name=visit.name(value),
        low=amount(visit, value, value.hard.low),
        high=amount(visit, value, value.hard.high),
        unit=unit(visit, value),
    )


def _effective(visit: Visit, kind: Kind, form: Form, filled: Filled) -> str:
    """A FHIR dateTime of the Dutch clock; a day for what is of a whole day."""
    t = visit.visitor.t
    day, time = form.get("date"), form.get("time")
    try:
        found = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=LOCAL) if _DATE.fullmatch(day) else None
    except ValueError:
        found = None
    if found is None or found.year < 1900:
        filled.problems["date"] = t("measurements.enter.problem.date")
        return ""
    if kind.per_day:
        if found > local(visit.now):
            filled.problems["date"] = t("measurements.enter.problem.future")
        return day
    try:
        clock = datetime.strptime(time, "%H:%M").replace(tzinfo=LOCAL) if _TIME.fullmatch(time) else None
    except ValueError:
        clock = None
    if clock is None:
        filled.problems["time"] = t("measurements.enter.problem.time")
        return ""
    found = found.replace(hour=clock.hour, minute=clock.minute)
    if found.timestamp() > visit.now / 1_000_000 + _CLOCK:
        filled.problems["date"] = t("measurements.enter.problem.future")
    return found.isoformat()


def _given(visit: Visit, kind: Kind, observation: Resource) -> dict[str, str]:
    """What stood in a measurement, to change."""
    given = {value.name: _plain(visit, value, found) for value, found in values_told(observation, kind, visit.base)}
    written = time_of(observation)
    if len(written) >= len("2026-01-01T00:00"):
        at = local(int(datetime.fromisoformat(written).timestamp()) * 1_000_000)
        given |= {"date": at.date().isoformat(), "time": f"{at:%H:%M}"}
    elif _DATE.fullmatch(written):
        given["date"] = written
    return given


def _plain(visit: Visit, value: Value, found: Fraction) -> str:
    """A number as it is typed: all its digits, as far as it has an end."""
    denominator = found.denominator
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    if denominator != 1:
        return amount(visit, value, found)
    text = f"{Decimal(found.numerator) / Decimal(found.denominator):f}"
    return text.replace(".", ",") if visit.language == "nl" else text
