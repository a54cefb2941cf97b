"""Before anything is timed: both sides answer the requests of the load alike, and as the data says.

A fast wrong answer is not an answer. The first requests of every operation go to both sides and what matters in the
two answers is compared: the resource without ``meta``, the hits in their order, the whole record, what was created.
"""

from __future__ import annotations

import http.client
import itertools
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from app.fhir.resource import Resource, decode
from benchmarks.goals import Operation
from benchmarks.rounds import WrongAnswer
from benchmarks.sides import Side
from benchmarks.workload import FEW, PAGE, TRANSACTION, Patient, Request, build, coding

_TRIED: Final = 5
_encode = msgspec.json.Encoder(order="sorted", decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, its body decoded with decimals kept."""

    status: int
    headers: dict[str, str]
    body: Resource


def ask(port: int, request: bytes) -> Answer:
    """Send the very bytes that the load sends."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        content = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, decode(content) if content else {})


def _resource(answer: Answer, patients: list[Patient]) -> tuple[Any, bool]:
    """The resource as it was loaded."""
    same = answer.body["resourceType"], answer.body["id"]
    loaded = [r for patient in patients for r in patient.resources if (r["resourceType"], r["id"]) == same]
    return _content(answer.body), [_content(answer.body)] == [_content(resource) for resource in loaded]


def _content(resource: Resource) -> bytes:
    """All but ``meta``, members in one order, decimals with their digits."""
    return _encode({name: value for name, value in resource.items() if name != "meta"})


def _hits(answer: Answer, _: list[Patient]) -> tuple[Any, bool]:
    """Dates of the hits, newest first; the rest of the page may differ where dates are equal."""
    dates = [entry["resource"]["effectiveDateTime"] for entry in answer.body["entry"]]
    return dates, 0 < len(dates) <= PAGE and dates == sorted(dates, reverse=True)


def _full_page(answer: Answer, patients: list[Patient]) -> tuple[Any, bool]:
    """As ``_hits``, a page that is full and has a next one."""
    dates, right = _hits(answer, patients)
    return dates, right and len(dates) == PAGE and any(link["relation"] == "next" for link in answer.body["link"])


def _newest(answer: Answer, patients: list[Patient]) -> tuple[Any, bool]:
    """The newest few of one patient; of those with the same code and category if that is what the hits have alone."""
    hits = [entry["resource"] for entry in answer.body["entry"]]
    (about,) = {hit["subject"]["reference"] for hit in hits}
    held = next(patient for patient in patients if about == f"Patient/{patient.id}").observations
    codes = {(coding(hit, "code"), coding(hit, "category")) for hit in hits}
    if len(codes) == 1:
        held = [
            observation
            for observation in held
            if (coding(observation, "code"), coding(observation, "category")) in codes
        ]
    dates = [hit["effectiveDateTime"] for hit in hits]
    return dates, dates == sorted((each["effectiveDateTime"] for each in held), reverse=True)[:FEW]


def _newest_of_all(answer: Answer, patients: list[Patient]) -> tuple[Any, bool]:
    """As ``_full_page``, the newest of all patients with the code that the hits have."""
    dates, right = _full_page(answer, patients)
    (code,) = {coding(entry["resource"], "code") for entry in answer.body["entry"]}
    held = [each for patient in patients for each in patient.observations if coding(each, "code") == code]
    return dates, right and dates == sorted((each["effectiveDateTime"] for each in held), reverse=True)[:PAGE]


def _own(types: tuple[tuple[str, str], ...]) -> Callable[[Answer, list[Patient]], tuple[Any, bool]]:
    """Everything of one patient that is of these types, each in its search mode."""

    def check(answer: Answer, patients: list[Patient]) -> tuple[Any, bool]:
        found = [
            (e["search"]["mode"], e["resource"]["resourceType"], e["resource"]["id"]) for e in answer.body["entry"]
        ]
        held = [
            [(mode, type, r["id"]) for mode, type in types for r in patient.resources if r["resourceType"] == type]
            for patient in patients
        ]
        return found, bool(found) and found in held

    return check


def _record(answer: Answer, patients: list[Patient]) -> tuple[Any, bool]:
    """Type and id of everything one patient has."""
    found = sorted((entry["resource"]["resourceType"], entry["resource"]["id"]) for entry in answer.body["entry"])
    held = [sorted((r["resourceType"], r["id"]) for r in patient.resources) for patient in patients]
    return found, found in held


def _created(answer: Answer, _: list[Patient]) -> tuple[Any, bool]:
    """201 and where it is."""
    return answer.status, answer.status == 201 and "/Observation/" in answer.headers.get("location", "")


def _transacted(answer: Answer, _: list[Patient]) -> tuple[Any, bool]:
    """A transaction-response in which every entry was created."""
    codes = [entry["response"]["status"][:3] for entry in answer.body["entry"]]
    places = {entry["response"]["location"] for entry in answer.body["entry"]}
    return codes, codes == ["201"] * TRANSACTION and len(places) == TRANSACTION


_CHECKS: Final[dict[str, Callable[[Answer, list[Patient]], tuple[Any, bool]]]] = {
    "read": _resource,
    "search": _hits,
    "search60": _full_page,
    "everything": _record,
    "tokens": _newest,
    "missing": _newest,
    "has": _own((("match", "Patient"),)),
    "chained": _own((("match", "CarePlan"),)),
    "revinclude": _own((("match", "Goal"), ("include", "CarePlan"))),
    "practice": _newest_of_all,
    "create": _created,
    "transaction": _transacted,
}


def times() -> Iterator[bytes]:
    """Times of measurement that the load does not use."""
    return (f"2019-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}".encode() for n in itertools.count())


def verify(sides: tuple[Side, Side], patients: list[Patient], operations: Iterable[Operation]) -> None:
    """Raise ``WrongAnswer`` for the first request that is answered wrongly or differently."""
    for operation in (each.name for each in operations):
        check = _CHECKS[operation]
        slots = {side.name: times() for side in sides}
        for request in build(operation, patients)[:_TRIED]:
            essences = [_essence(side, request, slots[side.name], check, patients) for side in sides]
            if essences[0] != essences[1]:
                raise WrongAnswer(
                    f"{operation}: the two sides differ for {request.parts[0][:200]!r}:\n"
                    f"  {sides[0].name}: {essences[0]}\n  {sides[1].name}: {essences[1]}"
                )


def _essence(
    side: Side,
    request: Request,
    slots: Iterator[bytes],
    check: Callable[[Answer, list[Patient]], tuple[Any, bool]],
    patients: list[Patient],
) -> Any:
    answer = ask(side.port, request.render(slots))
    try:
        essence, right = check(answer, patients)
    except (LookupError, TypeError) as error:
        raise WrongAnswer(f"{side.name}: {request.parts[0][:200]!r} -> {answer}") from error
    if not right or answer.status != request.status:
        raise WrongAnswer(f"{side.name}: {request.parts[0][:200]!r} -> {str(answer)[:2000]}")
    return essence
