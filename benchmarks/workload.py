"""Requests ready to send, made from the resources that both sides hold, spread over all patients by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final
from urllib.parse import quote

from app.fhir.resource import Resource, decode, encode

SEED: Final = 20240229
SINCE: Final = "2024-01-01"
"""Searches begin here; what the load itself writes is dated 2020, so that searches keep finding the same."""
PAGE: Final = 50
TRANSACTION: Final = 50
FEW: Final = 10
"""Hits of a search for the newest few."""
PRACTICE_TOKEN: Final = "bench-practice"
"""The bearer token of a professional who treats every patient."""
TIME_SLOT: Final = "2020-01-01T00:00:00"
"""Where the sender puts a time of measurement that it has not used before: no two writes are the same reading."""
_BODIES: Final = 2000
_ACCEPT: Final = "Accept: application/fhir+json\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """Bytes to send with ``parts`` joined by times of measurement, and the status of the right answer."""

    parts: tuple[bytes, ...]
    status: int = 200

    def render(self, times: Iterator[bytes]) -> bytes:
        """The request; each gap between parts takes the next time."""
        if len(self.parts) == 1:
            return self.parts[0]
        pieces = [self.parts[0]]
        for part in self.parts[1:]:
            pieces += (next(times), part)
        return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient's resources as they were loaded, the Patient itself first."""

    id: str
    resources: tuple[Resource, ...]

    @property
    def observations(self) -> list[Resource]:
        return [resource for resource in self.resources if resource["resourceType"] == "Observation"]


def token(patient: str) -> str:
    """The bearer token of a patient's own app; the service's sandbox file names the same."""
    return f"bench-{patient}"


def _records(file: Path) -> Iterator[list[bytes]]:
    """The lines of an NDJSON file, a new list at every Patient."""
    record: list[bytes] = []
    with file.open("rb") as lines:
        for line in lines:
            if line.startswith(b'{"resourceType":"Patient"') and record:
                yield record
                record = []
            record.append(line)
    if record:
        yield record


def read_patients(file: Path, *, patients: int = 2000, resources: int = 100) -> list[Patient]:
    """The patients of an NDJSON file in which each Patient is followed by what is theirs. From a large file at most
    ``patients`` are drawn, and of each at most ``resources``.
    """
    draw = random.Random(SEED)
    count = sum(1 for _ in _records(file))
    chosen = set(draw.sample(range(count), min(patients, count)))
    found = []
    for number, lines in enumerate(_records(file)):
        if number in chosen:
            kept = lines if len(lines) <= resources else [lines[0], *draw.sample(lines[1:], resources - 1)]
            held = tuple(decode(line) for line in kept)
            found.append(Patient(held[0]["id"], held))
    return found


def coding(resource: Resource, element: str) -> str:
    """``system|code`` of the first coding of ``code`` or ``category``."""
    concept = resource[element]
    first = (concept[0] if isinstance(concept, list) else concept)["coding"][0]
    return f"{first['system']}|{first['code']}"


def get(patient: str, path: str) -> Request:
    """A GET below ``/fhir/`` by the patient's own app."""
    return get_with(token(patient), path)


def get_with(bearer: str, path: str) -> Request:
    """A GET below ``/fhir/`` with a token."""
    head = f"GET /fhir/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {bearer}\r\n{_ACCEPT}\r\n"
    return Request((head.encode(),))


def send(patient: str, method: str, path: str, body: Resource | None, status: int) -> Request:
    """A write below ``/fhir`` by the patient's own app; every ``TIME_SLOT`` in the body becomes a gap."""
    content = encode(body) if body else b""
    head = (
        f"{method} /fhir{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token(patient)}\r\n{_ACCEPT}"
        f"Content-Type: application/fhir+json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return Request(tuple((head.encode() + content).split(TIME_SLOT.encode())), status)


def searching(**parameters: str) -> str:
    """An Observation search with its values percent-encoded."""
    return "Observation?" + "&".join(
        f"{name.replace('__', ':')}={quote(value, safe='')}" for name, value in parameters.items()
    )


def reading(patients: list[Patient]) -> list[Request]:
    """Every resource of every patient by its id."""
    return [get(patient.id, f"{r['resourceType']}/{r['id']}") for patient in patients for r in patient.resources]


def by_code(patients: list[Patient]) -> list[Request]:
    """Each patient's each code, newest first."""
    return [
        get(patient.id, searching(patient=patient.id, code=code, date="ge" + SINCE, _sort="-date", _count=str(PAGE)))
        for patient in patients
        for code in sorted({coding(observation, "code") for observation in patient.observations})
    ]


def by_category(patients: list[Patient]) -> list[Request]:
    """Each patient's vital signs, newest first."""
    return [
        get(p.id, searching(patient=p.id, category=category, date="ge" + SINCE, _sort="-date", _count=str(PAGE)))
        for p in patients
        for category in sorted({coding(observation, "category") for observation in p.observations})
    ]


def everything(patients: list[Patient]) -> list[Request]:
    """Each patient's whole record; more than it holds is asked for, so that one page has it all."""
    return [get(patient.id, f"Patient/{patient.id}/$everything?_count=1000") for patient in patients]


def reading_to_write(patient: Patient, draw: random.Random) -> Resource:
    """A new Observation like one of the patient's, with a time of measurement still to fill in and another value."""
    like = draw.choice(patient.observations)
    new = {name: value for name, value in like.items() if name not in {"id", "identifier"}}
    new["effectiveDateTime"] = f"{TIME_SLOT}+01:00"
    if "valueQuantity" in new:
        near = Decimal(str(like["valueQuantity"]["value"])) * draw.randint(950, 1000) / 1000
        new["valueQuantity"] = {**new["valueQuantity"], "value": near.quantize(Decimal("0.1"))}
    return new


def creating(patients: list[Patient]) -> list[Request]:
    """Two thousand Observations to create."""
    draw = random.Random(SEED)
    chosen = [draw.choice(patients) for _ in range(_BODIES)]
    return [send(p.id, "POST", "/Observation", reading_to_write(p, draw), 201) for p in chosen]


def transacting(patients: list[Patient]) -> list[Request]:
    """One transaction of fifty Observations per patient."""
    draw = random.Random(SEED)
    requests = []
    for patient in patients:
        entries = [
            {
                "fullUrl": f"urn:uuid:{draw.getrandbits(32):08x}-0000-4000-8000-{draw.getrandbits(48):012x}",
                "resource": reading_to_write(patient, draw),
                "request": {"method": "POST", "url": "Observation"},
            }
            for _ in range(TRANSACTION)
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        requests.append(send(patient.id, "POST", "", bundle, 200))
    return requests


def newest_ten(patients: list[Patient]) -> list[Request]:
    """As ``by_code``, ten hits whatever the size of the record."""
    return [
        get(patient.id, searching(patient=patient.id, code=code, date="ge" + SINCE, _sort="-date", _count=str(FEW)))
        for patient in patients
        for code in sorted({coding(observation, "code") for observation in patient.observations[:20]})
    ]


def two_tokens(patients: list[Patient]) -> list[Request]:
    """Code and category at once, ten hits."""
    return [
        get(p.id, searching(patient=p.id, code=code, category=category, _sort="-date", _count=str(FEW)))
        for p in patients
        for code, category in sorted({(coding(o, "code"), coding(o, "category")) for o in p.observations[:20]})
    ]


def missing(patients: list[Patient]) -> list[Request]:
    """What belongs to no encounter, ten hits."""
    asked = {"encounter__missing": "true", "_sort": "-date", "_count": str(FEW)}
    return [get(patient.id, searching(patient=patient.id, **asked)) for patient in patients]


def having(patients: list[Patient]) -> list[Request]:
    """The patient who has an Observation with this code."""
    return [
        get(patient.id, f"Patient?_has:Observation:patient:code={quote(code, safe='')}")
        for patient in patients
        for code in sorted({coding(observation, "code") for observation in patient.observations[:20]})
    ]


def chained(patients: list[Patient]) -> list[Request]:
    """The plans with an active goal."""
    return [get(p.id, f"CarePlan?patient={p.id}&goal.lifecycle-status=active") for p in patients]


def reverse_included(patients: list[Patient]) -> list[Request]:
    """The goals, and the plans that name them."""
    return [get(p.id, f"Goal?patient={p.id}&_revinclude=CarePlan:goal") for p in patients]


def of_a_practice(patients: list[Patient]) -> list[Request]:
    """The newest of each code, whoever's they are among the patients whom a professional treats."""
    codes = sorted({coding(observation, "code") for patient in patients for observation in patient.observations})
    return [get_with(PRACTICE_TOKEN, searching(code=code, _sort="-date", _count=str(PAGE))) for code in codes]


def updating(patients: list[Patient]) -> list[Request]:
    """Another value and time for Observations that exist, two of each patient."""
    draw = random.Random(SEED)
    requests = []
    for patient in patients:
        for old in draw.sample(patient.observations, 2):
            new = {**reading_to_write(Patient(patient.id, (old,)), draw), "id": old["id"]}
            requests.append(send(patient.id, "PUT", f"/Observation/{old['id']}", new, 200))
    return requests


def deleting(patients: list[Patient]) -> list[Request]:
    """Observations that exist, each once."""
    return [
        send(patient.id, "DELETE", f"/Observation/{observation['id']}", None, 204)
        for patient in patients
        for observation in random.Random(patient.id).sample(patient.observations, min(60, len(patient.observations)))
    ]


BUILDERS: Final[dict[str, Callable[[list[Patient]], list[Request]]]] = {
    "read": reading,
    "search": by_code,
    "search60": by_category,
    "everything": everything,
    "tokens": two_tokens,
    "missing": missing,
    "has": having,
    "chained": chained,
    "revinclude": reverse_included,
    "practice": of_a_practice,
    "create": creating,
    "transaction": transacting,
    "flat-search": newest_ten,
    "flat-two-tokens": two_tokens,
    "flat-missing": missing,
    "flat-has": having,
    "flat-update": updating,
    "flat-delete": deleting,
}


def build(operation: str, patients: list[Patient]) -> list[Request]:
    """The requests of one operation in an order drawn by the seed, the same for every side."""
    requests = BUILDERS[operation](patients)
    random.Random(SEED).shuffle(requests)
    return requests
