"""``/measurements``: of every kind the newest value, when it was measured, and by whom.

https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import quote

from fastapi.responses import Response

from app.fhir.resource import Resource
from app.measurements.kinds import OWN, Kind, kind_of, kinds, part_of, recognised
from app.measurements.newest import Newest, in_order, newest_of_kinds
from app.web.measurements.telling import device, marks_of, measured_by, time_of, told, when
from app.web.measurements.visit import Visit

_LAST: Final = "Observation/$lastn"


@dataclass(frozen=True, slots=True)
class Line:
    """One kind. ``value`` "" where there is none yet; ``sources``: who measured the newest, each once."""

    kind: Kind
    value: str = ""
    when: str = ""
    sources: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


async def show(visit: Visit) -> Response:
    """What there is, and what can be measured."""
    called = await visit.calls.get(_LAST, f"code={quote(_codes(visit.base), safe=',:/|.')}")
    newest = newest_of_kinds((each["resource"] for each in called.resource.get("entry", ())), visit.base)
    there = [_line(visit, kind, newest[name]) for name, kind in kinds().items() if name in newest]
    return visit.page(
        "overview",
        there=there,
        others=[kind for name, kind in kinds().items() if name not in newest and kind.home],
    )


def _line(visit: Visit, kind: Kind, newest: list[Newest]) -> Line:
    observations = [each.observation for each in newest]
    if len({time_of(each) for each in observations}) == 1:
        value = told(visit, kind, in_order(kind, [pair for each in newest for pair in each.values]))
        shown = when(visit, time_of(observations[0]))
    else:
        value = told(visit, kind, newest[0].values)
        shown = when(visit, time_of(observations[0]))
    sources = [_source(visit, each) for each in observations]
    said = [mark for each in observations for mark in marks_of(visit, each)]
    return Line(kind, value, shown, tuple(dict.fromkeys(sources)), tuple(dict.fromkeys(said)))


def _source(visit: Visit, observation: Resource) -> str:
    by = measured_by(visit, observation)
    with_what = device(str(observation.get("device", {}).get("display", "")))
    return f"{by} ({with_what})" if with_what else by


@cache
def _codes(canonical_base: str) -> str:
    """Every code of a measurement, as a search has them."""
    listed = {
        code.key: None
        for kind in kinds().values()
        for codes in (kind.codes, *(value.codes for value in kind.values))
        for code in recognised(codes)
    }
    own = f"{canonical_base}/CodeSystem/measurement"
    return ",".join(f"{own if system == OWN else system}|{code}" for system, code in listed)


def is_measurement(observation: Resource, canonical_base: str) -> Kind | None:
    """The kind that an Observation is of, by itself or as a part."""
    kind = kind_of(observation, canonical_base)
    if kind is not None:
        return kind
    part = part_of(observation, canonical_base)
    return None if part is None else part[0]
