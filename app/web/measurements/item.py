"""``/measurements/item/{id}``: one measurement: whether it is right, and that it was a mistake.

https://hl7.org/fhir/R4/valueset-observation-status.html
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi.responses import Response

from app.errors import Conflict, Forbidden, NotFound, PreconditionFailed, Unprocessable
from app.fhir.resource import Resource, parse_reference
from app.measurements.confirming import flags_of
from app.measurements.kinds import Kind
from app.measurements.limits import findings_of
from app.server.intake.flags import TO_CONFIRM
from app.web.calling import Called
from app.web.measurements.overview import is_measurement
from app.web.measurements.telling import (
    amount,
    circumstances,
    device,
    marks_of,
    measured_by,
    time_of,
    told,
    unit,
    values_told,
    when,
)
from app.web.measurements.visit import Visit
from app.web.problems import PageProblem

_ENTERED_IN_ERROR = "entered-in-error"


async def show(visit: Visit) -> Response:
    """What it is; where the value hardly occurs, whether it is right."""
    called, kind = await _read(visit)
    observation = called.resource
    asked = TO_CONFIRM in flags_of(observation, visit.base) and observation["status"] != _ENTERED_IN_ERROR
    return visit.page(
        "item",
        kind=kind,
        id=observation["id"],
        value=told(visit, kind, values_told(observation, kind, visit.base)),
        when=when(visit, time_of(observation)),
        by=measured_by(visit, observation),
        device=device(str(observation.get("device", {}).get("display", ""))),
        circumstances=list(circumstances(visit, observation, kind)),
        marks=marks_of(visit, observation),
        asked=asked,
        why=list(_why(visit, observation)) if asked else [],
        mistake=observation["status"] == _ENTERED_IN_ERROR,
        own=_is_own(observation),
    )


async def confirm(visit: Visit) -> Response:
    """It is right."""
    await visit.form()
    called, kind = await _read(visit)
    if TO_CONFIRM in flags_of(called.resource, visit.base):
        await visit.calls.post(f"Observation/{called.resource['id']}/$confirm", {"resourceType": "Parameters"})
    return visit.go(f"/measurements/of/{kind.name}?done=confirmed")


async def mistake(visit: Visit) -> Response:
    """It was a mistake: it stays, as such, and counts nowhere any more. Then it is entered again, if that is asked."""
    form = await visit.form()
    called, kind = await _read(visit)
    observation = called.resource
    if observation["status"] != _ENTERED_IN_ERROR:
        if not _is_own(observation):
            raise PageProblem(403, "measurements.item.not_own")
        body = {**observation, "status": _ENTERED_IN_ERROR}
        try:
            await visit.calls.put(f"Observation/{observation['id']}", body, if_match=f'W/"{called.version}"')
        except (PreconditionFailed, Conflict) as error:
            raise PageProblem(409, "measurements.item.changed") from error
        except (Forbidden, Unprocessable) as error:
            raise PageProblem(403, "measurements.item.not_own") from error
    if form.has("again") and kind.home:
        return visit.go(f"/measurements/new/{kind.name}?from={observation['id']}")
    return visit.go(f"/measurements/of/{kind.name}?done=mistake")


async def _read(visit: Visit) -> tuple[Called, Kind]:
    called = await visit.calls.get(f"Observation/{visit.part('id')}")
    kind = is_measurement(called.resource, visit.base)
    if kind is None:
        raise NotFound("This is no measurement.")
    return called, kind


def _is_own(observation: Resource) -> bool:
    """Whether the person, or somebody close, is said to have measured."""
    who = [str(each.get("reference", "")) for each in observation.get("performer", ())]
    types = {literal.type for literal in map(parse_reference, who) if literal is not None}
    return not types - {"Patient", "RelatedPerson"}


def _why(visit: Visit, observation: Resource) -> Iterator[str]:
    """Why it is asked whether this is right: by the same rules that asked it."""
    t = visit.visitor.t
    kind = is_measurement(observation, visit.base)
    assert kind is not None
    values = values_told(observation, kind, visit.base)
    for finding in findings_of(observation, visit.base, now=visit.now):
        if finding.issue.rule == "measurement-diastolic-above-systolic":
            yield t("measurements.item.swapped")
    for value, found in values:
        if not value.unlikely.holds(found):
            yield t(
                "measurements.item.unlikely",
                name=visit.name(value),
                low=amount(visit, value, value.unlikely.low),
                high=amount(visit, value, value.unlikely.high),
                unit=unit(visit, value),
            )
