"""Who a delivery is about: a Patient in it means somebody who is here already, and is never stored.

Name, address and contact that differ are told; a full birth date or a sex that differs holds the whole delivery, until
the person has looked at it. https://hl7.org/fhir/R4/patient.html; MODEL 3
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from app.errors import Issue, Unprocessable
from app.fhir.resource import Resource, decode, parse_reference
from app.server.access import SELECT_PATIENT_ID
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.tables import PATIENT

_BODY: Final = (
    f"SELECT r.body FROM resource r WHERE r.patient = $1 AND r.type = {PATIENT} AND r.deleted = 0 ORDER BY r.n LIMIT 1"
)
_FULL: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_SEXES: Final = frozenset({"male", "female"})
_REPORTED: Final = ("name", "address", "telecom")
_PARTS: Final = {
    "name": ("family", "given", "text"),
    "address": ("line", "city", "postalCode", "country"),
    "telecom": ("value",),
}
HELD: Final = (
    "The birth date or the sex of the person differs from what is known here, so nothing was stored. The delivery is"
    " kept for the person, who can release it."
)
NOT_KEPT: Final = (
    "The birth date or the sex of a person differs from what is known here, so nothing was stored. Nor is it kept, as"
    " it is about several people or too much: deliver each person's data apart."
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who a Patient means: the partition, the id here, what differs (told), and what may not differ. ``names``: the ids
    that the source calls them by.
    """

    patient: int
    id: str
    names: frozenset[str]
    differences: tuple[Issue, ...]
    conflicts: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Delivered:
    """Whom the Patients among the entries of a delivery mean, by the index of their entry."""

    persons: dict[int, Person] = field(default_factory=dict)

    @property
    def conflicts(self) -> list[tuple[int, str]]:
        """The entries and elements that may not differ and do."""
        return [(index, name) for index, each in self.persons.items() for name in each.conflicts]


NOBODY: Final = Delivered()


async def persons_in(server: FhirServer, request: Request, bundle: Resource) -> Delivered:
    """Whom the Patients in a Bundle mean, which may not be valid. Those that mean nobody are left to who places them.
    Raises ``Unprocessable`` for a Patient who is two people by what it says.
    """
    found = Delivered()
    listed = bundle.get("entry")
    for index, entry in enumerate(listed if isinstance(listed, list) else ()):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or resource.get("resourceType") != "Patient":
            continue
        asked = entry.get("request")
        url = asked.get("url") if isinstance(asked, dict) else None
        named = url.rpartition("/")[2] if isinstance(url, str) and url.partition("?")[0].count("/") else ""
        full = parse_reference(str(entry.get("fullUrl", "")))
        names = frozenset({named, str(resource.get("id", "")), full.id if full is not None else ""} - {""})
        path = f"Bundle.entry[{index}].resource"
        person = await person_of(server, request, resource, named=named, names=names, path=path)
        if person is not None:
            found.persons[index] = person
    return found


async def person_of(
    server: FhirServer,
    request: Request,
    resource: Resource,
    *,
    named: str = "",
    names: frozenset[str] = frozenset(),
    path: str = "Patient",
) -> Person | None:
    """Whom one Patient means. ``named``: the id in the address; ``path``: where it stands."""
    access = request.access
    means: set[int] = set()
    for each in _dicts(resource.get("identifier")):
        system, value = each.get("system"), each.get("value")
        if isinstance(system, str) and isinstance(value, str):
            means.update(await server.known_as(server.database, access, system, value))
    for text in (named, resource.get("id")):
        known = await find_patient(server.database, access, text, server.registry) if isinstance(text, str) else None
        if known is not None:
            means.add(known)
    means = {each for each in means if access.may_see(each)}
    if len(means) > 1:
        raise Unprocessable("The identifiers of this Patient are those of two people.", "conflict", kind="two-people")
    patient = next(iter(means), access.patient)
    if patient is None:
        return None
    bodies = await server.database.fetch(_BODY, patient)
    ids = await server.database.fetch(SELECT_PATIENT_ID, patient, PATIENT)
    if not bodies or not ids:
        return None
    stored = decode(bodies[0][0])
    differences = tuple(_differences(stored, resource, path))
    return Person(patient, ids[0][0], names, differences, tuple(_conflicts(stored, resource)))


def _conflicts(stored: Resource, given: Resource) -> Iterable[str]:
    """A full birth date, or male and female, on both sides."""
    dates = stored.get("birthDate"), given.get("birthDate")
    if all(isinstance(each, str) and _FULL.fullmatch(each) for each in dates) and dates[0] != dates[1]:
        yield "birthDate"
    sexes = stored.get("gender"), given.get("gender")
    if all(isinstance(each, str) and each in _SEXES for each in sexes) and sexes[0] != sexes[1]:
        yield "gender"


def _differences(stored: Resource, given: Resource, path: str) -> Iterable[Issue]:
    for name in _REPORTED:
        if name in given and not _said(given[name], name) <= _said(stored.get(name), name):
            text = f"{name} differs from what is here, which stays as it is."
            yield Issue("informational", text, (f"{path}.{name}",), severity="information")


def _said(listed: Any, name: str) -> set[tuple[str, ...]]:
    """What is said in names, addresses or contacts, whatever their use and how it is written."""
    return {tuple(" ".join(_texts(each.get(part))).casefold() for part in _PARTS[name]) for each in _dicts(listed)} - {
        ("",) * len(_PARTS[name])
    }


def _texts(value: Any) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [" ".join(each.split()) for each in found if isinstance(each, str)]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def held(delivered: Delivered, *, kept: bool) -> Unprocessable:
    """The refusal of a whole delivery."""
    kind, text = "held", HELD
    if not kept:
        kind, text = "not-held", NOT_KEPT
    places = tuple(f"Bundle.entry[{index}].resource.{name}" for index, name in delivered.conflicts)
    return Unprocessable(text, "conflict", issues=(Issue("conflict", text, places, kind=kind),))
