"""``Observation/$stats``: what can be counted of a series of measurements.

https://hl7.org/fhir/R4/observation-operation-stats.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from app.fhir.resource import Resource, encode
from app.fhir.scopes import Action
from app.measurements.series import read_series, search_of
from app.measurements.statistics.answer import Answering
from app.measurements.statistics.asking import Asked, asked
from app.measurements.statistics.counting import counted
from app.measurements.statistics.parameters import STATS_PARAMETERS
from app.measurements.statistics.spans import Span
from app.measurements.targets import newest_targets
from app.measurements.words import preferred
from app.server.interactions.codings import BY_LANGUAGE, languages_of
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation
from app.server.server import FhirServer

DEFINITION: Final = "http://hl7.org/fhir/OperationDefinition/Observation-stats"


def stats_operation(canonical_base: str) -> Operation:
    """For the server's registry."""

    async def stats(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, STATS_PARAMETERS)
        access, now = request.access, request.now
        wanted = asked(inputs, access, target, canonical_base=canonical_base, now=now)
        kind = wanted.wanted.kind
        async with server.database.snapshot() as reader:
            read = replace(wanted.wanted, span=_with_before(wanted, now))
            series = await read_series(server, reader, access, read, canonical_base=canonical_base, now=now)
            targets = {} if wanted.target is not None else await newest_targets(
                server, reader, access, kind, patient=read.of, owner=read.owner, canonical_base=canonical_base, now=now
            )  # fmt: skip
        found = [
            counted(series, each, wanted, wanted.target or targets.get(each.name), now=now)
            for each in wanted.wanted.values
        ]
        search = "&".join(written for _, _, written in search_of(wanted.wanted, canonical_base))
        answering = Answering(
            wanted,
            series,
            f"{server.base}{'' if read.of is None else f'Patient/{read.of}/'}Observation?{search}",
            canonical_base,
            preferred(languages_of(request, inputs)),
            read.of or _subject(wanted) or access.patient_id,
            server.base,
        )
        listed: list[Resource] = answering.parameters(found)
        return Answer(
            200,
            encode({"resourceType": "Parameters", "parameter": listed}),
            [BY_LANGUAGE],
            interaction="$stats",
            type="Observation",
            patients=() if series.patient is None else (series.patient,),
            parameters=inputs.names,
            rows=len(series.rows),
        )

    return Operation(
        "stats",
        frozenset({"type"}),
        frozenset({"Observation"}),
        Action.SEARCH,
        DEFINITION,
        "Statistics of one kind of measurement: count, mean, median, deviation, percentiles, the trend with its"
        " uncertainty, the share within the personal target and the period before, whoever measured.",
        stats,
        parameters=STATS_PARAMETERS,
    )


def _with_before(wanted: Asked, now: int) -> Span:
    """The period with the one before it: both are read at once."""
    before = wanted.span.before(now=now)
    return wanted.span if before is None else Span(before.start, wanted.span.end)


def _subject(wanted: Asked) -> str:
    owner = wanted.wanted.owner
    return "" if owner is None else owner[1].rpartition("/")[2]
