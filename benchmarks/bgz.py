"""What giving and asking a BgZ costs: ``python -m benchmarks.bgz [--quick] [--database …]``.

Given: a GP's system gives a record of 400 resources (``bgz_record.py``) in one transaction of STU3, each time another
patient's. Beside it the floor's transaction of 400 Observations of such a record, already in R4 and on average of the
same size, and what translating the 400 to R4 costs in this process in the same round: a service that does no more would
cost the sum.

Asked: all 28 requests of service 48 one after another under ``/medmij/48/fhir``, by an app with the patient's
permission for that service. Beside it 28 searches of the floor, each of as many resources of the same size.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode, encode
from app.fhir.stu3 import Translator
from app.medmij.services import load_services
from benchmarks import sides
from benchmarks.alone import measure_alone
from benchmarks.bgz_kinds import Holder
from benchmarks.bgz_record import SIZE, bgz_record, bundle
from benchmarks.figures import Figure, ratio
from benchmarks.goals import BGZ_ASKED_GOALS, BGZ_GIVEN_GOAL
from benchmarks.profile_check import spent
from benchmarks.report import TITLES, quoted, table, verdict
from benchmarks.rounds import WrongAnswer
from benchmarks.sides import Side

SERVICE: Final = "48"
STU3: Final = "application/fhir+json; fhirVersion=3.0"
JSON: Final = "application/fhir+json"
_SYSTEM: Final = "bench-gp-system"
_COLLECTOR: Final = "bench-collector"
_ROUNDS: Final = 7
_GIVEN: Final = 3
"""Records given in a round."""
_ASKED: Final = 3
"""Times that all is asked in a round."""
_TRANSLATED: Final = 12
"""Times that a record is translated in a round."""
_WARM: Final = 2


@dataclass(frozen=True, slots=True)
class BgzCost:
    """Of one database, CPU in ms: one record ``given``, the floor's transaction, the translation, and the first as a
    multiple of their sum; all requests ``asked``, and the floor's searches.
    """

    database: str
    given: Figure
    floor: Figure
    translation: Figure
    times: Figure
    asked: Figure
    searched: Figure
    bytes_given: int
    found: int
    """Resources in the answers to all requests."""


class Client:
    """Who asks a side, on one connection that stays open."""

    def __init__(self, side: Side, bearer: str, base: str, media: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", side.port, timeout=120)
        self._base, self._bearer, self._media = base, bearer, media

    def send(self, method: str, address: str, body: bytes | None = None) -> bytes:
        """The body of an answer. Raises ``WrongAnswer`` for a refusal."""
        headers = {"Authorization": f"Bearer {self._bearer}", "Accept": self._media, "MedMij-Request-ID": str(uuid4())}
        if body is not None:
            headers["Content-Type"] = self._media
        try:
            answered = self._answered(method, f"{self._base}{address}", body, headers)
        except ConnectionError:  # it was closed meanwhile: on a busy machine the other side's turn can take seconds
            self._connection.close()
            answered = self._answered(method, f"{self._base}{address}", body, headers)
        with answered as answer:
            found = answer.read()
            if answer.status != http.client.OK:
                raise WrongAnswer(f"{method} {address}: {answer.status} {found[:1000]!r}")
            return found

    def _answered(
        self, method: str, address: str, body: bytes | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        self._connection.request(method, address, body, headers)
        return self._connection.getresponse()


def measure(database: str, folder: Path, *, rounds: int = _ROUNDS, given: int = _GIVEN, asked: int = _ASKED) -> BgzCost:
    """Give and ask, check the answers, run the rounds. ``given``, ``asked``: how often in a round."""
    names = [f"given-{number:03}" for number in range(rounds * given + _WARM)]
    patients = folder / "persons.ndjson"
    patients.write_bytes(b"".join(encode({"resourceType": "Patient", "id": each}) + b"\n" for each in names))
    tokens: dict[str, dict[str, Any]] = {
        _SYSTEM: {"patients": names, "scopes": "system/*.cruds", "organization": "Praktijk De Linde"},
        _COLLECTOR: {"patient": names[0], "scopes": "patient/*.rs", "profile": "medmij", "services": [int(SERVICE)]},
    }
    with sides.service("bgz", database, folder, patients, tokens=tokens) as side:
        system = Client(side, _SYSTEM, "/fhir/stu3", STU3)
        collector = Client(side, _COLLECTOR, f"/medmij/{SERVICE}/fhir/", STU3)
        bodies = {each: encode(bundle(record_of(each))) for each in names}
        _accepted(system.send("POST", "", bodies[names[0]]))
        answers = {each: decode(collector.send("GET", each)) for each in requests()}
        _verify(answers)
        stand_ins = folder / "stand-ins.ndjson"
        found = _write_stand_ins(stand_ins, names[0], answers)
        with sides.floor("bgz-floor", database, folder, stand_ins) as floor:
            plain = Client(floor, "", "/fhir", JSON)
            return _measured(
                database,
                _Both(side, floor, system, collector, plain),
                _Work(names, bodies, rounds, given, asked, found),
            )


@dataclass(frozen=True, slots=True)
class _Both:
    """The sides, and who asks them."""

    service: Side
    floor: Side
    system: Client
    collector: Client
    plain: Client


@dataclass(frozen=True, slots=True)
class _Work:
    names: Sequence[str]
    bodies: Mapping[str, bytes]
    rounds: int
    given: int
    asked: int
    found: int


def _measured(database: str, both: _Both, work: _Work) -> BgzCost:
    translator = Translator(CANONICAL_BASE)
    record = _read(record_of(work.names[0]))
    filled = fillers(translator, work.names)
    _give(both, work, filled, work.names[1:_WARM])
    _ask(both, work, 1)
    both.service.tidy()
    both.floor.tidy()
    taken = []
    for number in range(work.rounds):
        names = work.names[_WARM + number * work.given :][: work.given]
        translated = spent(lambda: [translator.to_r4(each) for each in record], _TRANSLATED) / 1000
        taken.append((*_give(both, work, filled, names), translated, *_ask(both, work, work.asked)))
    given, floor, translation, asked, searched = (Figure(each) for each in zip(*taken, strict=True))
    least = [a + b for a, b in zip(floor.rounds, translation.rounds, strict=True)]
    times = ratio(given.rounds, least)
    size = len(work.bodies[work.names[0]])
    return BgzCost(database, given, floor, translation, times, asked, searched, size, work.found)


def _give(both: _Both, work: _Work, fillers: Mapping[str, bytes], names: Sequence[str]) -> tuple[float, float]:
    """CPU ms of one record on each side, those of ``names`` given in turn."""
    before = (both.service.usage(), both.floor.usage())
    for each in names:
        _accepted(both.system.send("POST", "", work.bodies[each]))
        both.plain.send("POST", "", fillers[each])
    both.service.settle()
    return _spent(both, before, len(names))


def _ask(both: _Both, work: _Work, often: int) -> tuple[float, float]:
    """CPU ms of all requests together on each side."""
    patient = work.names[0]
    before = (both.service.usage(), both.floor.usage())
    for _ in range(often):
        for number, each in enumerate(requests()):
            both.collector.send("GET", each)
            both.plain.send("GET", f"/Observation?patient={patient}&code={_section(number)}&_count=1000")
    both.service.settle()
    return _spent(both, before, often)


def _spent(both: _Both, before: tuple[Any, Any], times: int) -> tuple[float, float]:
    service, floor = both.service.usage() - before[0], both.floor.usage() - before[1]
    return service.cpu_ns / 1e6 / times, floor.cpu_ns / 1e6 / times


def record_of(patient: str, size: int = SIZE) -> list[Resource]:
    """What is given of a patient."""
    return bgz_record(Holder(f"Patient/{patient}", "S. de Proef", "https://his.example/fhir"), size)


def requests() -> list[str]:
    """The requests of service 48 as an address below its base."""
    return [quote(row.written, safe="/?&=$:,.") for row in load_services()[SERVICE].rows]


def _section(number: int) -> str:
    return quote(f"urn:section|{number}", safe="")


def _accepted(answer: bytes) -> None:
    """Every resource must be there. Raises ``WrongAnswer``."""
    entries = decode(answer)["entry"]
    wrong = [each["response"] for each in entries if not each["response"]["status"].startswith("201")]
    if wrong or len(entries) != SIZE:
        raise WrongAnswer(f"{len(entries)} entries, not created: {wrong[:3]}")


def _verify(answers: Mapping[str, Resource]) -> None:
    """Each request must find something of the record. Raises ``WrongAnswer``."""
    empty = [each for each, answer in answers.items() if not answer.get("entry")]
    if empty or len(answers) != 28:
        raise WrongAnswer(f"{len(answers)} requests, without an entry: {empty}")


def _write_stand_ins(file: Path, patient: str, answers: Mapping[str, Resource]) -> int:
    """For each resource in an answer an Observation of the same size that the floor finds by the request's number;
    how many.
    """
    lines = [encode({"resourceType": "Patient", "id": patient})]
    for number, answer in enumerate(answers.values()):
        for place, entry in enumerate(answer["entry"]):
            stand_in = _stand_in(f"s-{number}-{place}", patient, f"{number}")
            lines.append(encode(_padded(stand_in, len(encode(entry["resource"])))))
    file.write_bytes(b"\n".join(lines))
    return len(lines) - 1


def fillers(translator: Translator, names: Sequence[str]) -> dict[str, bytes]:
    """By patient the floor's transaction: as many Observations as the record has resources, of the same mean size."""
    size = _mean([translator.to_r4(each) for each in _read(record_of(names[0]))])
    found = {}
    for name in names:
        made = [each for each in _read(record_of(name, 2 * SIZE)) if each["resourceType"] == "Observation"][:SIZE]
        listed = [translator.to_r4(each) for each in made]
        more = max(0, size - _mean(listed))
        entries = []
        for each in listed:
            del each["id"]
            padded = _padded(each, len(encode(each)) + more)
            entries.append({"resource": padded, "request": {"method": "POST", "url": "Observation"}})
        found[name] = encode({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    return found


def _read(record: Sequence[Resource]) -> list[Resource]:
    """As a server has it that decoded it."""
    return [decode(encode(each)) for each in record]


def _mean(listed: Sequence[Resource]) -> int:
    """Bytes of one."""
    return sum(len(encode(each)) for each in listed) // len(listed)


def _stand_in(resource_id: str, patient: str, section: str) -> Resource:
    return {
        "resourceType": "Observation",
        "id": resource_id,
        "status": "final",
        "code": {"coding": [{"system": "urn:section", "code": section}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2026-11-20T08:00:00+01:00",
    }


def _padded(resource: Resource, size: int) -> Resource:
    """As large as ``size`` bytes, where it is smaller: with words, as most of a resource is."""
    words = "woord " * size
    room = size - len(encode({**resource, "note": [{"text": ""}]}))
    return {**resource, "note": [{"text": words[:room]}]} if room > 0 else resource


def render(found: Iterable[BgzCost]) -> str:
    """What giving and asking a BgZ costs."""
    text = (
        "## A BgZ given and asked\n\n"
        f"CPU, with PostgreSQL's, of a GP's system that gives {SIZE} resources of STU3 in one transaction, beside the"
        f" floor's transaction of {SIZE} of the same size and what translating them to R4 costs; and of all 28"
        " requests of service 48, one after another, beside as many searches of the floor that give as much"
        " (`benchmarks/bgz.py`).\n\n"
    )
    for each in found:
        asked_goal = BGZ_ASKED_GOALS.get(each.database)
        rows = (
            ("given", quoted(each.given, "ms"), "–", "–"),
            ("the floor's transaction", quoted(each.floor, "ms"), "–", "–"),
            ("translation to R4", quoted(each.translation, "ms"), "–", "–"),
            (
                "given, × floor and translation",
                quoted(each.times),
                f"≤ {BGZ_GIVEN_GOAL} ×",
                verdict(each.times, BGZ_GIVEN_GOAL),
            ),
            (
                "all 28 requests",
                quoted(each.asked, "ms"),
                "–" if asked_goal is None else f"≤ {asked_goal:.0f} ms",
                verdict(each.asked, asked_goal),
            ),
            ("the floor's 28 searches", quoted(each.searched, "ms"), "–", "–"),
        )
        text += (
            f"{table((TITLES[each.database], 'CPU', 'goal', 'met'), rows)}\n"
            f"{each.bytes_given / 1000:,.0f} kB given; {each.found} resources in the answers to all requests.\n\n"
        )
    return text


def main() -> None:
    """Measure and print."""
    measure_alone(
        "benchmarks.bgz",
        "Measure giving and asking a BgZ.",
        measure,
        render,
        quick={"rounds": 3, "given": 1, "asked": 1},
    )


if __name__ == "__main__":
    main()
