"""Home measurements of one demo patient. https://hl7.org/fhir/R4/observation.html"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from fhir.resources.R4B.annotation import Annotation
from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.observation import Observation, ObservationComponent

from app.cli.demo.kinds import LOINC, Kind, demo_kind
from app.cli.demo.persona import Persona, Series, Trend
from app.cli.demo.terms import concept, dutch_time, profiled, quantity
from app.cli.demo.who import patient_reference

NOTED = 12
"""One in so many measurements carries a note."""


def readings(persona: Persona, *, today: date, chance: random.Random) -> Iterator[Observation]:
    """The persona's series one after the other, each from old to new and ending before ``today``."""
    for series in persona.series:
        count = (series.days - 1) // series.every + 1
        for number in range(count):
            day = today - timedelta(days=series.days - number * series.every)
            yield _reading(persona, series, number, count=count, day=day, chance=chance)


def _reading(
    persona: Persona, series: Series, number: int, *, count: int, day: date, chance: random.Random
) -> Observation:
    kind = demo_kind(series.kind)
    first = _drawn(series.trend, kind, number, count=count, chance=chance)
    second = _drawn(series.second, kind, number, count=count, chance=chance) if series.second is not None else None
    taken = dutch_time(day, series.hour, chance.randrange(60))
    note = chance.choice(series.notes) if series.notes and chance.randrange(NOTED) == 0 else None
    return Observation(
        id=f"{persona.short}-{series.kind}-{number + 1:03d}",
        meta=profiled(kind.profile) if kind.profile is not None else None,
        status="final",
        category=[concept(*kind.category)],
        code=CodeableConcept(
            coding=[Coding(system=LOINC, code=code, display=display) for code, display in kind.codes], text=kind.text
        ),
        subject=patient_reference(persona),
        effectiveDateTime=taken,
        performer=[patient_reference(persona)],
        valueQuantity=quantity(first, kind) if second is None else None,
        note=[Annotation(authorReference=patient_reference(persona), text=note)] if note is not None else None,
        component=[
            ObservationComponent(code=concept(LOINC, part.code, part.display), valueQuantity=quantity(value, kind))
            for part, value in zip(kind.components, (first, second), strict=True)
        ]
        if second is not None
        else None,
    )


def _drawn(trend: Trend, kind: Kind, number: int, *, count: int, chance: random.Random) -> Decimal:
    """A value near the trend. Whole numbers all the way: the same digits on every machine, ``81.50`` with its zero."""
    middle = trend.start + (trend.end - trend.start) * number // max(count - 1, 1)
    drawn = middle + chance.randint(-trend.scatter, trend.scatter)
    return Decimal(drawn // kind.step * kind.step).scaleb(-kind.digits)
