"""``/measurements/protocols``: measuring by a protocol: what can be begun, what is still to measure, and the result in
words. https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from fastapi.responses import Response

from app.errors import Conflict, Forbidden, Gone, NotFound, PreconditionFailed, Unprocessable
from app.fhir.resource import Resource
from app.fhir.ucum import SYSTEM as UCUM
from app.measurements.importing.numbers import number_of
from app.measurements.protocols.table import SYSTEM, Protocol, numbers, protocols
from app.measurements.protocols.tasks import ASKED, OPEN, RESULT, coded
from app.web.dates import day, local
from app.web.forms import Form
from app.web.measurements.visit import Visit
from app.web.problems import PageProblem

_LIST: Final = "/measurements/protocols"
_PARAMETERS: Final = {"baseline": "baseline", "personal-best": "personalBest"}
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One run."""

    id: str
    name: str
    status: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Row:
    """One day of a run: of each moment how many readings of how many."""

    day: str
    cells: tuple[str, ...]


async def show_all(visit: Visit) -> Response:
    """The person's own runs, the newest first, and what can be begun."""
    called = await visit.calls.get("Task", f"code={visit.base}/CodeSystem/{SYSTEM}|&_sort=-authored-on&_count={_MOST}")
    runs = [_line(visit, each["resource"]) for each in called.resource.get("entry", ())]
    return visit.page("protocols", runs=[each for each in runs if each is not None], protocols=_named(visit))


async def show_one(visit: Visit) -> Response:
    """How a protocol is measured, and the form to begin it."""
    protocol = _protocol(visit)
    given = {"first": local(visit.now).date().isoformat(), "days": str(protocol.days[2])}
    return _form(visit, protocol, given, {})


async def begin(visit: Visit) -> Response:
    """Begin a run."""
    form, protocol = await visit.form(), _protocol(visit)
    given = {name: form.get(name) for name in ("first", "days", *protocol.asks)}
    parameters, problems = _asked(visit, form, protocol)
    if problems:
        return _form(visit, protocol, given, problems)
    body = {"resourceType": "Parameters", "parameter": parameters}
    try:
        called = await visit.calls.post(f"Patient/{visit.access.patient_id}/$start-protocol", body)
    except Unprocessable:
        return _form(visit, protocol, given, {"first": visit.visitor.t("protocols.refused")})
    return visit.go(f"{_LIST}/run/{called.resource['id']}")


async def show_run(visit: Visit) -> Response:
    """What is still to measure, day by day; and the result in words."""
    task, line, protocol = await _run(visit)
    called = await visit.calls.get(f"Task/{task['id']}/$protocol-progress", f"displayLanguage={visit.language}")
    told: list[Resource] = called.resource["parameter"]
    result = await _result(visit, task)
    return visit.page(
        "protocol_run",
        run=line,
        text=_said(told, "text"),
        instructions=[each["valueString"] for each in told if each["name"] == "instruction"],
        slots=[visit.said(each.words) for each in protocol.slots],
        rows=[*_rows(visit, told)],
        kinds=protocol.kinds,
        result=result,
        asked=task["status"] in ASKED,
        open=task["status"] in OPEN,
    )


async def accept(visit: Visit) -> Response:
    """Say yes to what was asked."""
    return await _done(visit, "accept-protocol")


async def finish(visit: Visit) -> Response:
    """The result now, or again."""
    return await _done(visit, "finish-protocol")


async def stop(visit: Visit) -> Response:
    """Say no, or stop."""
    await visit.form()
    task, line, _ = await _run(visit)
    status = "rejected" if task["status"] in ASKED else "cancelled"
    if task["status"] in OPEN or task["status"] in ASKED:
        try:
            await visit.calls.put(f"Task/{line.id}", {**task, "status": status})
        except (Forbidden, Unprocessable, Conflict, PreconditionFailed) as error:
            raise PageProblem(409, "protocols.refused") from error
    return visit.go(_LIST)


async def _done(visit: Visit, operation: str) -> Response:
    await visit.form()
    run = visit.part("id")
    try:
        await visit.calls.post(f"Task/{run}/${operation}", {"resourceType": "Parameters"})
    except Unprocessable as error:
        raise PageProblem(
            409, "protocols.nothing" if operation == "finish-protocol" else "protocols.refused"
        ) from error
    return visit.go(f"{_LIST}/run/{run}")


def _named(visit: Visit) -> list[tuple[str, str]]:
    return [(name, visit.said(each.words)) for name, each in protocols().items()]


def _protocol(visit: Visit) -> Protocol:
    found = protocols().get(visit.part("protocol"))
    if found is None:
        raise NotFound("There is no such protocol.")
    return found


async def _run(visit: Visit) -> tuple[Resource, Line, Protocol]:
    called = await visit.calls.get(f"Task/{visit.part('id')}")
    line = _line(visit, called.resource)
    coding = coded(called.resource.get("code"), visit.base)
    if line is None or coding is None:
        raise NotFound("This is no series of measurements.")
    return called.resource, line, protocols()[coding["code"]]


def _line(visit: Visit, task: Resource) -> Line | None:
    coding = coded(task.get("code"), visit.base) or {}
    protocol = protocols().get(coding.get("code", ""))
    if protocol is None:
        return None
    period = task.get("executionPeriod", {})
    first, last = (day(str(period.get(each, ""))[:10], visit.language) for each in ("start", "end"))
    return Line(task["id"], visit.said(protocol.words), task["status"], first, last)


async def _result(visit: Visit, task: Resource) -> tuple[str, str] | None:
    """The id of the result and what it says; None where there is none, or it is not to be seen."""
    for each in task.get("output", ()):
        if each.get("type", {}).get("text") == RESULT and "valueReference" in each:
            try:
                called = await visit.calls.get(each["valueReference"]["reference"])
            except (NotFound, Gone, Forbidden):
                return None
            note = called.resource.get("note", [{}])[0]
            return called.resource["id"], _in_language(note.get("_text"), visit.language) or note.get("text", "")
    return None


def _in_language(text: Any, language: str) -> str:
    for each in (text or {}).get("extension", ()):
        parts = {part.get("url"): part for part in each.get("extension", ())}
        if parts.get("lang", {}).get("valueCode") == language:
            return str(parts.get("content", {}).get("valueString", ""))
    return ""


def _said(told: list[Resource], name: str) -> str:
    return next((str(each["valueString"]) for each in told if each["name"] == name), "")


def _rows(visit: Visit, told: list[Resource]) -> Iterator[Row]:
    for each in told:
        if each["name"] != "day":
            continue
        moments = [{part["name"]: part for part in one["part"]} for one in each["part"] if one["name"] == "moment"]
        asked = [(one["in"]["valueUnsignedInt"], one["asked"]["valueUnsignedInt"]) for one in moments]
        cells = [visit.visitor.t("protocols.of", **{"in": min(done, of), "asked": of}) for done, of in asked]
        yield Row(day(each["part"][0]["valueDate"], visit.language), tuple(cells))


def _form(visit: Visit, protocol: Protocol, given: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    value = protocol.measures[0].value
    unit = value.unit_nl if visit.language == "nl" else value.unit_en
    return visit.page(
        "protocol",
        problems=problems,
        protocol=protocol.name,
        named=visit.said(protocol.words),
        instructions=protocol.instructions[visit.language],
        least=protocol.days[0],
        most=protocol.days[1],
        asks=[(each, visit.said(numbers()[each]), unit) for each in protocol.asks],
        given=given,
    )


def _asked(visit: Visit, form: Form, protocol: Protocol) -> tuple[list[Resource], dict[str, str]]:
    """The parameters, and what is wrong with the fields."""
    t, problems = visit.visitor.t, {}
    parameters: list[Resource] = [{"name": "protocol", "valueCode": protocol.name}]
    first, days = form.get("first"), form.get("days")
    try:
        local_day = _date(first)
    except ValueError:
        problems["first"] = t("protocols.bad_day")
    else:
        parameters.append({"name": "start", "valueDate": local_day})
    if days.isascii() and days.isdigit() and len(days) <= len(str(_MOST)):
        parameters.append({"name": "days", "valuePositiveInt": int(days)})
    else:
        problems["days"] = t("protocols.bad_days")
    for name in protocol.asks:
        text = form.get(name)
        amount = number_of(text, protocol.measures[0].value) if text else None
        if text and amount is None:
            problems[name] = t("protocols.bad_number")
        elif amount is not None:
            code = protocol.measures[0].value.unit
            parameters.append(
                {"name": _PARAMETERS[name], "valueQuantity": {"value": amount, "system": UCUM, "code": code}}
            )
    return parameters, problems


def _date(text: str) -> str:
    return date.fromisoformat(text).isoformat()
