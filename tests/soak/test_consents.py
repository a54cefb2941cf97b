"""Random requests under random consents that are given, narrowed, widened, withdrawn, begin and end meanwhile: nobody
is shown one byte too much, and what a caller may read is there. A plain model (``allowed.py``) is the judge.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.auth import NewGrant, hash_token, write_grant
from app.auth.consents import service as consents
from app.auth.consents.allowances import CONTENT, categories_of, labels_of
from app.auth.grants import RAISE_STAMP
from app.auth.recipients import app, organization, person
from app.fhir.resource import Resource, decode
from app.fhir.scopes import EVERY_ACTION
from app.server.access import FOREVER
from app.server.labels import EVERY_LABEL
from app.server.tables import INSERT_PERMIT
from tests import builders
from tests.server.service import Caller
from tests.service import TENANT, Instance, serving
from tests.soak.allowed import READ, SEARCH, Allowed, Party, Standing

PATIENTS: Final = ("anna", "bram")
SECOND: Final = 1_000_000
MOST_GIVEN: Final = 12
"""Consents that stand at once; with more of them everybody may soon see everything."""
MARK: Final = re.compile(r"mark-([a-z]+)-([A-Za-z]+)-(\d+)")
REPRESENTATIVE: Final = person("rep")
CARER: Final = person("carer")
PARTIES: Final = (
    *(Party(f"own-{name}", (person(name),), "", "own-use", name) for name in PATIENTS),
    *(Party(f"diary-{name}", (app("diary"),), person(name), "own-use", name) for name in PATIENTS),
    Party("steps-anna", (app("steps"),), person("anna"), "own-use", "anna"),
    Party("rep-anna", (REPRESENTATIVE,), "", "own-use", "anna"),
    Party("diary-rep-anna", (app("diary"),), REPRESENTATIVE, "own-use", "anna"),
    Party("carer-anna", (CARER,), "", "own-use", "anna"),
    Party("diary-carer-anna", (app("diary"),), CARER, "own-use", "anna"),
    Party("practice-system", (organization("practice"),), "", "treatment", ""),
    Party("hospital-system", (organization("hospital"),), "", "treatment", ""),
    Party("doctor", (organization("practice"), person("doctor")), "", "treatment", ""),
    Party("study", (organization("practice"),), "", "research", ""),
)
RECIPIENTS: Final = (
    *((app(name), "own-use") for name in ("diary", "steps")),
    (CARER, "own-use"),
    *((organization(name), "treatment") for name in ("practice", "hospital")),
    (person("doctor"), "treatment"),
    (organization("practice"), "research"),
)


def records() -> Iterator[tuple[str, Resource]]:
    """What the patients have: of each kind a few, each with a mark in its text that stands nowhere else."""
    for patient in PATIENTS:
        subject = f"Patient/{patient}"

        def marked(kind: str, number: int, patient: str = patient) -> str:
            return f"mark-{patient}-{kind}-{number}"

        for number in range(4):
            note = {kind: [{"text": marked(kind, number)}] for kind in ("Observation", "Condition", "CarePlan")}
            yield patient, builders.observation(subject, id=f"{patient}-o{number}", note=note["Observation"])
            yield patient, builders.condition(subject, id=f"{patient}-c{number}", note=note["Condition"])
            yield (
                patient,
                builders.goal(
                    subject,
                    id=f"{patient}-g{number}",
                    description={"text": marked("Goal", number)},
                    addresses=[builders.reference(f"Condition/{patient}-c{number}")],
                ),
            )
            yield (
                patient,
                builders.care_plan(
                    subject,
                    id=f"{patient}-p{number}",
                    goal=[builders.reference(f"Goal/{patient}-g{number}")],
                    note=note["CarePlan"],
                ),
            )
            yield (
                patient,
                builders.questionnaire_response(
                    subject,
                    id=f"{patient}-q{number}",
                    item=[{"linkId": "1", "answer": [{"valueString": marked("QuestionnaireResponse", number)}]}],
                ),
            )
            yield (
                patient,
                builders.task(
                    subject,
                    id=f"{patient}-t{number}",
                    description=marked("Task", number),
                    focus=builders.reference(f"Goal/{patient}-g{number}"),
                ),
            )
            yield (
                patient,
                builders.provenance(
                    [f"Observation/{patient}-o{number}"],
                    id=f"{patient}-v{number}",
                    policy=[marked("Provenance", number)],
                ),
            )


class World:
    """Two records, the callers, the consents that stand, and a clock that the test moves."""

    def __init__(self, service: Instance, draw: random.Random) -> None:
        self.service = service
        self.draw = draw
        self.now = service.server.clock()
        self.allowed = Allowed()
        self.keys: dict[str, int] = {}
        self.labels: dict[str, tuple[str, int]] = {}
        self.resources: list[str] = []
        self.given: dict[str, str] = {}
        self.findings: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.changes: Counter[str] = Counter()
        self.shown = 0

    async def build(self) -> None:
        """Store everything, and give the own rights."""
        database = self.service.database
        for patient in PATIENTS:
            ((key,),) = await database.fetch("SELECT patient FROM alias WHERE id = $1", patient)
            self.keys[patient] = key
        for patient, resource in records():
            await Caller(self.service.http, patient).keep(resource)
            self.resources.append(f"{resource['resourceType']}/{resource['id']}")
        for patient, key in self.keys.items():
            number_of = self.service.server.registry.number
            for name in self.resources:
                resource_type, _, resource_id = name.partition("/")
                rows = await database.fetch(
                    "SELECT labels, body FROM resource WHERE patient = $1 AND type = $2 AND id = $3",
                    key,
                    number_of(resource_type),
                    resource_id,
                )
                for labels, body in rows:
                    found = MARK.search(bytes(body).decode())
                    assert found is not None
                    self.labels[found[0]] = (patient, labels)
                    self.labels[name] = (patient, labels)
        async with database.write() as writer:
            for party in PARTIES:
                await write_grant(writer, self._grant(party))
            for name in (*PATIENTS, "rep"):
                await self._permit(writer, person(name), "anna" if name == "rep" else name)

    def _grant(self, party: Party) -> NewGrant:
        recipient, *also = party.recipients
        return NewGrant(
            hash=hash_token(party.token),
            recipient=recipient,
            also=also[0] if also else "",
            within=party.within,
            scopes="patient/*.cruds" if party.patient else "system/*.cruds",
            tenant=TENANT,
            purpose=party.purpose,
            patient=self.keys[party.patient] if party.patient else None,
            person=party.token,
        )

    async def _permit(self, writer: Any, recipient: str, patient: str, *, until: int = FOREVER) -> None:
        row = (recipient, self.keys[patient], "own-use", "", EVERY_LABEL, EVERY_ACTION, 0, until)
        await writer.insert(INSERT_PERMIT, [row])
        self.allowed.standing[recipient, patient] = Standing(
            recipient, patient, "own-use", EVERY_LABEL, EVERY_ACTION, 0, until
        )

    async def change(self) -> None:
        """One change of what stands, or of the time."""
        way = self.draw.choice(["give", "give", "give", "change", "withdraw", "withdraw", "wait", "mandate"])
        if way == "give" and len(self.given) >= MOST_GIVEN:
            way = "withdraw"
        self.changes[way] += 1
        if way == "wait":
            self.now += self.draw.choice([1, SECOND, 60 * SECOND, 3600 * SECOND])
        elif way == "mandate":
            await self._mandate()
        elif way == "give" or not self.given:
            await self._give(None)
        elif way == "change":
            await self._give(self.draw.choice(list(self.given)))
        else:
            await self._withdraw(self.draw.choice(list(self.given)))

    async def _mandate(self) -> None:
        """The representative's right begins anew, ends later, or ends now."""
        until = self.draw.choice([FOREVER, self.now + 1800 * SECOND, self.now + 1])
        async with self.service.database.write() as writer:
            await writer.execute("DELETE FROM permit WHERE recipient = $1", REPRESENTATIVE)
            await self._permit(writer, REPRESENTATIVE, "anna", until=until)
            await writer.execute(RAISE_STAMP, REPRESENTATIVE)

    async def _give(self, consent_id: str | None) -> None:
        if consent_id is None:
            patient = self.draw.choice(PATIENTS)
            recipient, purpose = self.draw.choice(RECIPIENTS)
        else:
            known = self.allowed.standing[consent_id]
            patient, recipient, purpose = known.patient, known.recipient, known.purpose
        labels = self._some_labels()
        actions = self.draw.choice([EVERY_ACTION, READ | SEARCH, READ | SEARCH, READ, SEARCH, READ | SEARCH | 1])
        if purpose == "research":
            actions &= READ | SEARCH  # a secondary purpose never changes anything
        since = self.draw.choice([0, 0, 0, self.now + 30 * SECOND])
        until = self.draw.choice([FOREVER, FOREVER, self.now + 60 * SECOND, self.now + 7200 * SECOND])
        async with self.service.database.write() as writer:
            given = await consents.give(
                writer,
                patient=self.keys[patient],
                tenant=TENANT,
                recipient=recipient,
                recipient_name=recipient,
                purpose=purpose,
                labels=labels,
                actions=actions,
                since=since,
                until=until,
                given_by=patient,
                method="page",
                language="nl",
                text="Ik vind het goed.",
                text_version="1",
                now=self.now,
                consent_id=consent_id,
            )
        self.given[given] = patient
        self.allowed.standing[given] = Standing(recipient, patient, purpose, labels, actions, since, until)

    def _some_labels(self) -> int:
        if self.draw.random() < 0.2:
            return CONTENT
        names = ["identity", "measurements", "conditions", "care-plan", "questionnaires", "administration"]
        known = [name for name in names if name in categories_of(CONTENT)]
        return labels_of(self.draw.sample(known, self.draw.randint(1, len(known))))

    async def _withdraw(self, consent_id: str) -> None:
        patient = self.given.pop(consent_id)
        async with self.service.database.write() as writer:
            await consents.withdraw(
                writer, patient=self.keys[patient], consent_id=consent_id, given_by=patient, method="page", now=self.now
            )
        del self.allowed.standing[consent_id]

    async def ask(self) -> None:
        """One request, judged."""
        party = self.draw.choice(PARTIES)
        name = self.draw.choice(self.resources)
        patient, labels = self.labels[name]
        if self.draw.random() < 0.35:
            await self._read(party, name, patient, labels)
        else:
            await self._search(party, name, patient)

    async def _read(self, party: Party, name: str, patient: str, labels: int) -> None:
        """A read shows the resource exactly when it may be read."""
        within = self.draw.choice(["", f"/Patient/{patient}"])
        version = self.draw.choice(["", "", "/_history/1", "/_history"])
        answer = await self._send(party, "GET", f"{within}/{name}{version}", READ)
        may = self.allowed.may(party, patient, labels, READ, self.now)
        if may != (answer.status_code == 200):
            self.findings.append(f"{party.token} read {name}{version}: {answer.status_code}, which it may: {may}")

    async def _search(self, party: Party, name: str, patient: str) -> None:
        kind, _, number = name.partition("/")
        ways = (
            f"/{kind}?_id={number}",
            f"/{kind}?patient={patient}&_count=50",
            f"/{kind}?_count=3&_total=accurate",
            f"/{kind}?_summary=count",
            f"/Patient/{patient}/{kind}?_count=20",
            "/Goal?lifecycle-status=proposed&_include=Goal:patient&_revinclude=CarePlan:goal",
            "/CarePlan?goal.lifecycle-status=proposed&_include=CarePlan:goal&_include:iterate=Goal:patient",
            "/CarePlan?goal.lifecycle-status=proposed&_count=9",
            "/Patient?_has:Condition:patient:code=44054006",
            "/Goal?_has:CarePlan:goal:status=active",
            "/Observation?_revinclude=Provenance:target&_count=20",
            f"/Patient/{patient}/$everything?_count=40",
            f"/Observation/$lastn?patient={patient}",
            "/?_type=Goal,Condition,Task&_count=30",
            "/Goal/_history?_count=20",
            "/_history?_count=20",
        )
        answer = await self._send(party, "GET", self.draw.choice(ways), READ | SEARCH)
        body = decode(answer.content)
        following = next((each["url"] for each in body.get("link", ()) if each["relation"] == "next"), None)
        if following is not None and self.draw.random() < 0.5:
            if self.draw.random() < 0.5:
                await self.change()  # between two pages
            await self._send(party, "GET", following.removeprefix("http://zelfregie.test/fhir"), READ | SEARCH)

    async def _send(self, party: Party, method: str, address: str, actions: int) -> Any:
        answer = await Caller(self.service.http, party.token).send(method, address)
        self.statuses[answer.status_code] += 1
        if answer.status_code == 400 and "_page=" not in address:  # a page link does not wait for ever
            self.findings.append(f"{address} is no search: {answer.text}")
        if answer.status_code >= 500:
            self.findings.append(f"{party.token} {address}: {answer.status_code}")
        for found in MARK.finditer(answer.text):
            self.shown += 1
            patient, labels = self.labels[found[0]]
            may = any(
                self.allowed.may(party, patient, labels, action, self.now)
                for action in (READ, SEARCH)
                if actions & action
            )
            if not may:
                self.findings.append(f"{party.token} was shown {found[0]} by {address}")
        return answer


async def run(service: Instance, requests: int, seed: int) -> World:
    """So many requests, with a change of what stands before about one of twelve."""
    world = World(service, random.Random(seed))
    await world.build()
    object.__setattr__(service.server, "clock", lambda: world.now)
    while world.statuses.total() < requests and len(world.findings) < 10:
        if world.draw.random() < 0.08:
            await world.change()
        await world.ask()
    return world


def judgement(world: World) -> str:
    """What was found, or what did not happen at all."""
    silent = [name for name in ("give", "change", "withdraw", "wait", "mandate") if not world.changes[name]]
    missing = [str(each) for each in (200, 404) if not world.statuses[each]]
    few = [] if world.shown > world.statuses.total() / 4 else [f"only {world.shown} marks were shown"]
    return "\n".join([*world.findings, *silent, *missing, *few])


@pytest.mark.parametrize("seed", [1])
async def test_six_hundred_requests_under_changing_consents_show_nothing_too_much(
    service_url: str, tmp_path: Path, seed: int
) -> None:
    async with serving(service_url, tmp_path) as service:
        world = await run(service, 600, seed)
    assert judgement(world) == ""


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_a_hundred_thousand_requests_under_changing_consents_show_nothing_too_much(
    service_url: str, tmp_path: Path
) -> None:
    async with serving(service_url, tmp_path) as service:
        world = await run(service, 100_000, 42)
    assert judgement(world) == ""
