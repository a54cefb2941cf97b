"""A GP's system as its makers write it: it holds a record in STU3, and knows of the service what all can know."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from app.fhir.definitions import load
from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import from_xml, to_xml
from benchmarks.bgz_kinds import Holder
from benchmarks.bgz_record import address_of, bgz_record
from tests.oauth.apps import ISSUER, proof

CLIENT: Final = "his-de-linde"
SCOPES: Final = "system/*.cruds"
NUMBERS: Final = "https://his.example/patient-number"
"""The system of the practice's own numbers of patients."""
NUMBER: Final = "4711"
OWN: Final = "https://his.example/fhir"
STU3: Final = f"{ISSUER}/fhir/stu3"
R4: Final = f"{ISSUER}/fhir"
_DEFINITIONS: Final = load("3.0.1")


@dataclass
class GpSystem:
    """``record`` is what it holds of the patient; ``patient`` the reference that pairing gave."""

    http: httpx.AsyncClient
    token: str = ""
    patient: str = ""
    record: list[Resource] = field(default_factory=list)

    async def sign_in(self) -> None:
        """A token for an assertion that it signs with its own key."""
        asked = {"grant_type": "client_credentials", "scope": SCOPES, **proof(CLIENT)}
        answer = await self.http.post("/oauth/token", data=asked)
        assert answer.status_code == 200, answer.text
        self.token = json.loads(answer.content)["access_token"]

    async def send(
        self, method: str, address: str, body: Resource | None = None, *, form: str = "json", base: str = STU3
    ) -> httpx.Response:
        """One request below a base, in ``json`` or ``xml``."""
        media = f"application/fhir+{form}"
        headers = {"authorization": f"Bearer {self.token}", "accept": media}
        content: bytes | None = None
        if body is not None:
            headers["content-type"] = media
            content = encode(body) if form == "json" else to_xml(body, _DEFINITIONS)
        return await self.http.request(method, f"{base}{address}", content=content, headers=headers)

    async def get(self, address: str, *, base: str = STU3) -> Resource:
        """What a GET gives; fails the test when it is refused."""
        answer = await self.send("GET", address, base=base)
        assert answer.status_code == 200, answer.text
        return decode(answer.content)

    async def found(self, address: str, *, base: str = STU3) -> list[Resource]:
        """Every resource that a search finds, all pages of it."""
        listed, following = [], address
        while following:
            page = await self.get(following.removeprefix(base), base=base)
            listed += [entry["resource"] for entry in page.get("entry", ())]
            following = next((each["url"] for each in page["link"] if each["relation"] == "next"), "")
        return listed

    async def pair(self, code: str) -> None:
        """Say by which number the patient is known here, with the code that they brought along."""
        given = [
            {"name": "code", "valueString": code},
            {"name": "identifier", "valueIdentifier": {"system": NUMBERS, "value": NUMBER}},
        ]
        answer = await self.send("POST", "/Patient/$pair", {"resourceType": "Parameters", "parameter": given})
        assert answer.status_code == 200, answer.text
        self.patient = decode(answer.content)["parameter"][0]["valueReference"]["reference"]
        self.record = bgz_record(Holder(self.patient, "A. Proefstra", OWN))

    def holds(self, kind: str) -> list[Resource]:
        """Its resources of a type."""
        return [each for each in self.record if each["resourceType"] == kind]

    async def give(self, bundle: Resource, *, form: str = "json") -> list[Resource]:
        """Deliver; what is answered to each entry. Fails the test when the whole is refused."""
        answer = await self.send("POST", "", bundle, form=form)
        assert answer.status_code == 200, answer.text
        read = decode(answer.content) if form == "json" else from_xml(answer.content, _DEFINITIONS)
        return [each["response"] for each in read["entry"]]


def delivery(kind: str, resources: Sequence[Resource], *, answers: str = "") -> Resource:
    """A Bundle of its resources, each at its address with the system, and each ``PUT`` there or, in a ``collection``,
    only named. ``answers``: the request that a collection is the complete answer to.
    """
    entries: list[dict[str, Any]] = []
    for each in resources:
        entry: dict[str, Any] = {"fullUrl": f"{OWN}/{address_of(each)}", "resource": each}
        if kind != "collection":
            entry["request"] = {"method": "POST", "url": each["resourceType"]}
        entries.append(entry)
    made: Resource = {"resourceType": "Bundle", "type": kind, "entry": entries}
    if answers:
        made["link"] = [{"relation": "self", "url": f"{OWN}/{answers}"}]
    return made


def counted(responses: Sequence[Resource]) -> Mapping[str, int]:
    """How many entries have each status."""
    found: dict[str, int] = {}
    for each in responses:
        found[each["status"][:3]] = found.get(each["status"][:3], 0) + 1
    return found
