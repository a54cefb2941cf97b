"""``Task/$protocol-progress``: which readings of a run are in, day by day, and what is still to measure.

https://hl7.org/fhir/R4/operations.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.fhir.resource import Resource, decode, encode
from app.fhir.scopes import Action
from app.measurements.holding import observations
from app.measurements.protocols.allotting import Allotment, allotted
from app.measurements.protocols.gathering import codes_of
from app.measurements.protocols.progress import Progress, progress, words_of
from app.measurements.protocols.reading import Held, read_run
from app.measurements.protocols.run import Window
from app.measurements.protocols.starting import need_scopes
from app.measurements.protocols.tasks import RESULT, coding_of
from app.measurements.statistics.spans import written
from app.measurements.watching import watching
from app.measurements.words import Language, Words, preferred, translations
from app.server.interactions.codings import BY_LANGUAGE, languages_of
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer

_SLOT: Final = (
    Parameter("slot", "out", 1, "1", "code", "The moment of the day, as the protocol names it."),
    Parameter("name", "out", 1, "1", "string", "The same in words."),
    Parameter("state", "out", 1, "1", "code", "done, now, later or missed."),
    Parameter("from", "out", 1, "1", "dateTime", "From when it is measured."),
    Parameter("until", "out", 1, "1", "dateTime", "Until before when."),
    Parameter("asked", "out", 1, "1", "unsignedInt", "How many readings it asks for."),
    Parameter("in", "out", 1, "1", "unsignedInt", "How many are in."),
    Parameter("reading", "out", 0, "*", "Reference", "Those, in their order."),
)
PROGRESS_PARAMETERS: Final = (
    Parameter("displayLanguage", "in", 0, "1", "code", "The language of the texts: nl or en."),
    Parameter("text", "out", 1, "1", "string", "All of it in words, with whom to call."),
    Parameter("watching", "out", 1, "1", "string", "That nobody watches, and whom to call."),
    Parameter("protocol", "out", 1, "1", "Coding", "The protocol."),
    Parameter("name", "out", 1, "1", "string", "Its name."),
    Parameter("instruction", "out", 0, "*", "string", "How it is measured, step by step."),
    Parameter("status", "out", 1, "1", "code", "The status of the Task."),
    Parameter("period", "out", 1, "1", "Period", "Its days."),
    Parameter("readings", "out", 1, "1", "unsignedInt", "How many readings count for completeness."),
    Parameter("readingsNeeded", "out", 1, "1", "unsignedInt", "How many the protocol asks for."),
    Parameter("days", "out", 1, "1", "unsignedInt", "On how many days there are readings that count."),
    Parameter("daysNeeded", "out", 1, "1", "unsignedInt", "How many days the protocol asks for."),
    Parameter("complete", "out", 1, "1", "boolean", "Whether that is all that is needed."),
    Parameter("droppedDay", "out", 0, "1", "date", "The first day, where it is left out."),
    Parameter("today", "out", 0, "*", "", "What can still be measured today.", parts=_SLOT),
    Parameter(
        "day",
        "out",
        1,
        "*",
        "",
        "Each day of the run.",
        parts=(
            Parameter("date", "out", 1, "1", "date", "The day."),
            Parameter("moment", "out", 1, "*", "", "Its moments.", parts=_SLOT),
        ),
    ),
    Parameter("extra", "out", 0, "*", "Reference", "A reading at another time, which does not count."),
    Parameter("possibleDouble", "out", 0, "*", "Reference", "A reading that may be another one again: counted once."),
    Parameter(
        "leftOut",
        "out",
        0,
        "*",
        "",
        "How many Observations do not count, and why.",
        parts=(
            Parameter("reason", "out", 1, "1", "code", "beyond-limit, to-confirm, value, time, modified or care."),
            Parameter("count", "out", 1, "1", "unsignedInt", "How many."),
        ),
    ),
    Parameter("result", "out", 0, "1", "Reference", "The result, of a run that is finished."),
)


def progress_operation(canonical_base: str) -> Operation:
    """For the server's registry."""

    async def tell(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, PROGRESS_PARAMETERS)
        need_scopes(request.access, Action.SEARCH, "Observation")
        held = await read_run(server, request, target, canonical_base)
        found = await progress_of(server, request, held, canonical_base)
        language = preferred(languages_of(request, inputs))
        listed = [*_told(found, held, language, canonical_base)]
        return Answer(
            200,
            encode({"resourceType": "Parameters", "parameter": listed}),
            [BY_LANGUAGE],
            interaction="$protocol-progress",
            type="Task",
            patients=(held.patient,),
            resources=(f"Task/{target.id}",),
            parameters=inputs.names,
        )

    return Operation(
        "protocol-progress",
        frozenset({"instance"}),
        frozenset({"Task"}),
        Action.READ,
        f"{canonical_base}/OperationDefinition/Task-protocol-progress",
        "How far a run of a protocol is: which readings are in by day and moment, what is still to measure, and what"
        " does not count and why, as far as the caller may see the readings.",
        tell,
        parameters=PROGRESS_PARAMETERS,
    )


async def progress_of(server: FhirServer, request: Request, held: Held, canonical_base: str) -> Progress:
    """How far a run is, by the readings that the caller may see."""
    run = held.run
    codes = codes_of(run.protocol, canonical_base)
    listed = ",".join(f"{system}|{code}" for system, code in codes)
    span = run.span
    search = [("code", listed, f"code={listed}")]
    search += [
        ("date", f"{prefix}{written(at)}", f"date={prefix}{written(at)}")
        for prefix, at in (("ge", span.start), ("lt", span.end))
        if at is not None
    ]
    async with server.database.snapshot() as reader:
        rows, _ = await observations(
            server,
            reader,
            request.access,
            codes=codes,
            span=span,
            search=search,
            of=held.patient_id,
            now=request.now,
        )
    resources: Iterator[Resource] = ({**decode(row[1]), "id": row[0]} for row in rows)
    allotment = allotted(resources, run, canonical_base)
    return progress(allotment, status=str(held.task.get("status", "")), now=request.now)


def _told(found: Progress, held: Held, language: Language, canonical_base: str) -> Iterator[Resource]:
    run, how, allotment = held.run, found.standing, found.allotment
    protocol = run.protocol
    yield _text("text", words_of(found), language)
    yield _text("watching", watching(), language)
    yield {"name": "protocol", "valueCoding": coding_of(protocol, canonical_base)}
    yield _text("name", protocol.words, language)
    for nl, en in zip(protocol.instructions["nl"], protocol.instructions["en"], strict=True):
        yield _text("instruction", {"nl": nl, "en": en}, language)
    yield {"name": "status", "valueCode": found.status}
    yield {"name": "period", "valuePeriod": {"start": run.first.isoformat(), "end": run.last.isoformat()}}
    yield {"name": "readings", "valueUnsignedInt": how.readings}
    yield {"name": "readingsNeeded", "valueUnsignedInt": how.needed}
    yield {"name": "days", "valueUnsignedInt": len(how.days)}
    yield {"name": "daysNeeded", "valueUnsignedInt": how.needed_days}
    yield {"name": "complete", "valueBoolean": how.complete}
    if how.dropped is not None:
        yield {"name": "droppedDay", "valueDate": run.date(how.dropped).isoformat()}
    if found.goes_on:
        for each in found.today():
            yield {"name": "today", "part": [*_slot(found, each, language)]}
    for day in range(run.days):
        moments = [
            {"name": "moment", "part": [*_slot(found, each, language)]} for each in found.windows if each.day == day
        ]
        yield {"name": "day", "part": [{"name": "date", "valueDate": run.date(day).isoformat()}, *moments]}
    yield from _beside(allotment)
    for output in held.task.get("output", ()):
        if output.get("type", {}).get("text") == RESULT and "valueReference" in output:
            yield {"name": "result", "valueReference": output["valueReference"]}


def _beside(allotment: Allotment) -> Iterator[Resource]:
    for name, readings in (("extra", allotment.extra), ("possibleDouble", allotment.doubles)):
        for each in readings:
            yield {"name": name, "valueReference": {"reference": f"Observation/{each.id}"}}
    for reason, count in sorted(allotment.left_out.items()):
        parts = [{"name": "reason", "valueCode": reason}, {"name": "count", "valueUnsignedInt": count}]
        yield {"name": "leftOut", "part": parts}


def _slot(found: Progress, window: Window, language: Language) -> Iterator[Resource]:
    readings = found.allotment.counted.get((window.day, window.slot.name), [])
    yield {"name": "slot", "valueCode": window.slot.name}
    yield _text("name", window.slot.words, language)
    yield {"name": "state", "valueCode": found.state(window)}
    yield {"name": "from", "valueDateTime": written(window.start)}
    yield {"name": "until", "valueDateTime": written(window.end)}
    yield {"name": "asked", "valueUnsignedInt": window.slot.times}
    yield {"name": "in", "valueUnsignedInt": len(readings)}
    for each in readings:
        yield {"name": "reading", "valueReference": {"reference": f"Observation/{each.id}"}}


def _text(name: str, words: Words, language: Language) -> Resource:
    return {"name": name, "valueString": words[language], "_valueString": translations(words)}
