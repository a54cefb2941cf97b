"""Random requests of Anna, most of which try to get at what is Bram's.

Whatever Anna may know or guess of Bram contains ``bram`` or the key of his partition, so that each probe has a twin:
the same request for a person who does not exist. Whatever she may never see contains ``SECRET``.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from app.fhir.resource import Resource, encode
from app.server.ids import write_key
from tests import builders

SECRET: Final = "Zqx7geheim"
PROBED: Final = "urn:probed"
TYPES: Final = (
    "Observation", "Goal", "Condition", "CarePlan", "QuestionnaireResponse", "Provenance", "Binary", "Person", "Task",
    "Organization", "Patient", "Consent",
)  # fmt: skip
_SAFE: Final = "/:,|$-._~"


def record(person: str, secret: str) -> list[Resource]:
    """What a person has, under ids that a stranger could guess; some are the same for everybody."""
    subject, note = f"Patient/{person}", [{"text": secret}]
    names = [*(f"{person}-o{number}" for number in range(12)), *(f"shared-{number}" for number in range(3))]
    observations = [
        builders.observation(
            subject,
            id=name,
            identifier=[{"system": PROBED, "value": f"{person}-i{number}"}],
            effectiveDateTime=f"2026-10-{number + 1:02}",
            note=note,
        )
        for number, name in enumerate(names)
    ]
    return [
        *observations,
        builders.goal(subject, id=f"{person}-g0", description={"text": secret}),
        builders.goal(subject, id="shared-g", description={"text": secret}),
        builders.condition(subject, id=f"{person}-c0", note=note),
        builders.care_plan(subject, id=f"{person}-p0", goal=[builders.reference(f"Goal/{person}-g0")], note=note),
        builders.questionnaire_response(
            subject, id=f"{person}-q0", item=[{"linkId": "1", "answer": [{"valueString": secret}]}]
        ),
        builders.task(subject, id=f"{person}-t0", description=secret),
        builders.binary(id=f"{person}-b0", contentType=f"text/x-{secret}"),
        {"resourceType": "Person", "id": f"{person}-n0", "name": [{"family": f"{person}sma", "text": secret}]},
        builders.organization(id=f"{person}-org", name=f"{person}sma {secret}"),
        builders.consent(subject, id=f"{person}-s0", policyRule={"text": secret}),
    ]


@dataclass(frozen=True, slots=True)
class Probe:
    """One request."""

    method: str
    address: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """All that is sent."""
        return "\n".join([self.method, self.address, (self.body or b"").decode(), *self.headers.values()])

    def replaced(self, names: Mapping[str, str]) -> Probe:
        """The same with other names."""

        def other(text: str) -> str:
            for name, instead in names.items():
                text = text.replace(name, instead)
            return text

        return Probe(
            self.method,
            other(self.address),
            None if self.body is None else other(self.body.decode()).encode(),
            {name: other(value) for name, value in self.headers.items()},
        )


class Probes:
    """Draws probes. ``made``: ids of Bram that the server made; ``pages``: page links of others, below the base."""

    def __init__(self, draw: random.Random, key: int, made: Sequence[str], pages: Sequence[str]) -> None:
        self._draw = draw
        self._key = write_key(key)
        self._absent = write_key(draw.getrandbits(62) | 1)
        self._made = made
        self._pages = pages
        self.known = re.compile(rf"bram[\w-]*|{self._key}[\w-]*")

    @property
    def twins(self) -> Mapping[str, str]:
        """From what names Bram to what names nobody."""
        return {"bram": "brem", self._key: self._absent}

    def next(self) -> Probe:
        """Any request."""
        ways = (
            (self._read, 5), (self._search, 8), (self._page, 3), (self._instance, 3), (self._everything, 1),
            (self._create, 4), (self._update, 4), (self._delete, 2), (self._transaction, 4), (self._odd, 1),
        )  # fmt: skip
        (way,) = self._draw.choices([way for way, _ in ways], [weight for _, weight in ways])
        return way()

    def _type(self) -> str:
        return self._draw.choices(TYPES, [8] + [2] * (len(TYPES) - 1))[0]

    def _id(self) -> str:
        """Mostly Bram's; some of Anna's own, and some that are both's."""
        return self._his_id() if self._draw.random() < 0.6 else self._draw.choice(["shared-0", "shared-1", "anna-o1"])

    def _his_id(self) -> str:
        """One that he has, had, or might have."""
        number = self._draw.choice([0, 0, self._draw.randrange(13)])
        name = f"bram-{self._draw.choice('ooogcpqtbns')}{number}"
        return self._draw.choice(
            [name, name, name, self._draw.choice(self._made), f"{self._key}-{'0' * 16}", "bram-org", "bram"]
        )

    def _reference(self) -> str:
        return f"{self._type()}/{self._id()}"

    def _within(self) -> str:
        """Before the type: nothing, or a patient's address."""
        return self._draw.choice(["", "", "/Patient/bram", "/Patient/bram", "/Patient/anna", f"/Patient/{self._key}"])

    def _read(self) -> Probe:
        headers = {"if-none-match": 'W/"2"'} if self._draw.random() < 0.2 else {}
        query = self._draw.choice(["", "", "?_format=xml", "?_pretty=true", "?_summary=count"])
        return Probe("GET", f"{self._within()}/{self._reference()}{query}", headers=headers)

    def _instance(self) -> Probe:
        version = self._draw.choice(["", "", "?_count=1", "/1", "/2", "/3"])
        return Probe("GET", f"{self._within()}/{self._reference()}/_history{version}")

    def _everything(self) -> Probe:
        patient = self._draw.choice(["bram", "bram", "anna", self._key])
        return Probe("GET", f"/Patient/{patient}/$everything{self._draw.choice(['', '?_count=5'])}")

    def _search(self) -> Probe:
        parameters = [
            ("_id", self._id()),
            ("_id", f"{self._id()},{self._id()}"),
            ("identifier", f"{PROBED}|bram-i{self._draw.randrange(15)}"),
            ("identifier", f"bram-i{self._draw.randrange(15)}"),
            ("patient", self._draw.choice(["bram", "Patient/bram", "anna", self._key])),
            ("subject", self._draw.choice(["Patient/bram", "bram", "Patient/anna", "Group/bram"])),
            ("subject:Patient", "bram"),
            ("goal", "Goal/bram-g0"),
            ("derived-from", f"Observation/{self._id()}"),
            ("focus", self._reference()),
            ("has-member", f"Observation/{self._id()}"),
            ("target", self._reference()),
            ("name", self._draw.choice(["bramsma", "bram"])),
            ("name:contains", "bram"),
            ("family:exact", "bramsma"),
            ("_lastUpdated", "ge2020-01-01"),
            ("date", "ge2020-01-01"),
            ("code", builders.WEIGHT),
            ("code:not", "1"),
            ("status:not", "amended"),
            ("identifier:missing", "false"),
            ("_sort", self._draw.choice(["-date", "date", "_lastUpdated", "-_lastUpdated"])),
            ("_count", str(self._draw.choice([1, 5, 1000]))),
            ("_include", "Observation:subject"),
            ("_revinclude", "Provenance:target"),
            ("_has:Provenance:target:agent", "Patient/bram"),
            ("subject.name", "bramsma"),
            ("_total", "accurate"),
        ]
        chosen = self._draw.sample(parameters, self._draw.randint(0, 3))
        query = "&".join(f"{name}={quote(value, safe=_SAFE)}" for name, value in chosen)
        headers = {"prefer": "handling=lenient"} if self._draw.random() < 0.5 else {}
        return Probe("GET", f"{self._within()}/{self._type()}?{query}", headers=headers)

    def _page(self) -> Probe:
        return Probe("GET", self._draw.choice(self._pages))

    def _resource(self, resource_type: str) -> Resource:
        """With Bram as subject, or as something that is referred to."""
        subject = self._draw.choice(["Patient/anna", "Patient/anna", "Patient/bram", f"Patient/{self._key}"])
        made: dict[str, Resource] = {
            "Observation": builders.observation(
                self._draw.choice([subject, None]),
                identifier=[{"system": PROBED, "value": f"bram-i{self._draw.randrange(15)}"}],
                derivedFrom=[builders.reference(f"Observation/{self._id()}")],
                focus=[builders.reference(self._reference())],
            ),
            "Goal": builders.goal(subject, addresses=[builders.reference(f"Condition/{self._id()}")]),
            "Condition": builders.condition(subject),
            "CarePlan": builders.care_plan(subject, goal=[builders.reference(f"Goal/{self._id()}")]),
            "QuestionnaireResponse": builders.questionnaire_response(self._draw.choice([subject, None])),
            "Provenance": builders.provenance([self._reference(), self._reference()]),
            "Task": builders.task(subject, focus=builders.reference(self._reference())),
            "Person": {
                "resourceType": "Person",
                "link": [{"target": builders.reference(subject)}],
                "name": [{"family": "bramsma"}],
            },
            "Organization": builders.organization(name="bramsma"),
            "Patient": builders.patient(link=[{"other": builders.reference("Patient/bram"), "type": "seealso"}]),
            "Consent": builders.consent(subject, sourceReference=builders.reference(f"DocumentReference/{self._id()}")),
        }
        return made.get(resource_type, builders.binary())

    def _headers(self, *, condition: bool = False) -> dict[str, str]:
        headers: dict[str, str] = {}
        if self._draw.random() < 0.3:
            headers["x-security-context"] = self._draw.choice(["Patient/bram", "Patient/anna", f"Patient/{self._key}"])
        if condition and self._draw.random() < 0.4:
            headers["if-none-exist"] = self._condition()
        elif self._draw.random() < 0.2:
            headers["if-match"] = f'W/"{self._draw.randint(1, 3)}"'
        if self._draw.random() < 0.2:
            headers["prefer"] = "return=minimal"
        return headers

    def _condition(self) -> str:
        return self._draw.choice(
            [
                f"identifier={PROBED}|bram-i{self._draw.randrange(15)}",
                f"_id={self._id()}",
                "subject=Patient/bram",
                f"patient=bram&code={builders.WEIGHT}",
                "name=bramsma",
            ]
        )

    def _create(self) -> Probe:
        resource_type = self._type()
        address = f"{self._draw.choice(['', '', self._within()])}/{resource_type}"
        return Probe("POST", address, encode(self._resource(resource_type)), self._headers(condition=True))

    def _update(self) -> Probe:
        resource_type, resource_id = self._type(), self._id()
        resource = self._resource(resource_type)
        if self.known.match(resource_id) is None:
            # What Anna keeps under other ids names nobody: what is found by Bram's names is found by the twin's too.
            resource = self._draw.choice([builders.goal(), builders.observation(), builders.condition()])
            resource_type = resource["resourceType"]
        address = f"{self._draw.choice(['', '', self._within()])}/{resource_type}/{resource_id}"
        return Probe("PUT", address, encode({**resource, "id": resource_id}), self._headers())

    def _delete(self) -> Probe:
        return Probe("DELETE", f"{self._within()}/{self._reference()}", headers=self._headers())

    def _transaction(self) -> Probe:
        entries: list[Any] = []
        names: set[str] = set()
        for number in range(self._draw.randint(1, 4)):
            resource_type, resource_id = self._type(), self._his_id()
            way = self._draw.choice(["post", "put", "delete"])
            if way == "post":
                condition = {"ifNoneExist": self._condition()} if self._draw.random() < 0.3 else {}
                full_url = self._draw.choice(
                    [f"urn:uuid:00000000-0000-4000-8000-00000000000{number}", f"Observation/bram-o{number}"]
                )
                entries.append(builders.posted(self._resource(resource_type), full_url, **condition))
            elif f"{resource_type}/{resource_id}" not in names:
                names.add(f"{resource_type}/{resource_id}")
                resource = {**self._resource(resource_type), "id": resource_id}
                entries.append(
                    builders.put(resource) if way == "put" else builders.deleted(f"{resource_type}/{resource_id}")
                )
        return Probe("POST", "", encode(builders.transaction(*entries)), self._headers())

    def _odd(self) -> Probe:
        addresses = [
            "/Patient", "/Patient?_id=bram", "/Patient?identifier=bram", "/Patient/bram/Patient/bram", "/metadata",
            "/Patient/bram/Observation/bram-o0/_history/1", "/AuditEvent", "/AuditEvent?patient=bram", "/_history",
            "/Patient/bram/_history", "/Patient/bram/$nothing", "/Observation/bram-o0%2F_history", "/Group/bram",
            "/Patient/bram%2FObservation", "/Observation/../Observation/bram-o0", "/Observation/bram-o0?_elements=note",
            "/Observation/_history",
        ]  # fmt: skip
        return Probe(self._draw.choice(["GET", "GET", "HEAD"]), self._draw.choice(addresses))
