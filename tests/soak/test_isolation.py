"""Whatever a patient asks, in whatever way, shows nothing of another patient, and changes nothing of theirs."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from app.server.ids import write_key
from app.server.tables import RECORD_TABLES
from tests import builders
from tests.server.service import Caller, link
from tests.service import ORIGIN, Instance, serving
from tests.soak.probes import SECRET, Probe, Probes, record

_CROSSING: Final = frozenset({"access_grant", "permit", "walk"})
_COMPARED: Final = ("content-type", "etag", "location", "allow", "www-authenticate", "retry-after")
LISTS: Final = (
    "/Observation?_count=2",
    f"/Observation?code={builders.WEIGHT}&_sort=date&_count=3",
    "/Observation?_sort=-_lastUpdated&_count=3",
    "/Patient/bram/Observation?_count=2",
    "/Observation?patient=bram&_count=2",
    "/Patient/bram/$everything?_count=4",
    "/Organization?_count=1",
    "/Observation/bram-o0/_history?_count=1",
)


async def fill(service: Instance) -> tuple[list[str], list[str]]:
    """Records for both. Gives ids of Bram's that the server made, and page links of others that lead on from there."""
    for person, secret in (("anna", "own"), ("bram", SECRET)):
        caller = Caller(service.http, person)
        for _ in range(2):
            answer = await caller.post("", builders.transaction(*map(builders.put, record(person, secret))))
            assert answer.status_code == 200, answer.text
    bram, operator = Caller(service.http, "bram"), Caller(service.http, "operator")
    await operator.keep(builders.patient("bram", name=[{"family": "bramsma", "text": SECRET}]))
    made = [(await bram.create(builders.observation("Patient/bram", note=[{"text": SECRET}])))["id"] for _ in range(3)]
    made.append((await bram.create(builders.goal("Patient/bram", description={"text": SECRET})))["id"])
    for gone in ("/Observation/bram-o10", "/Goal/bram-g0", f"/Observation/{made[0]}"):
        assert (await bram.delete(gone)).status_code == 204
    pages = []
    for caller in (bram, operator, Caller(service.http, "practice")):
        for address in LISTS:
            answer = await caller.get(address)
            following = link(answer.json(), "next") if answer.status_code == 200 else None
            if following is not None:
                pages.append(following.removeprefix(f"{ORIGIN}/fhir"))
    assert len(pages) > 12
    return made, pages


async def everything_of(service: Instance, partition: int) -> list[Any]:
    """Every row of a partition, in every table."""
    rows: list[Any] = []
    for table in RECORD_TABLES:
        if table not in _CROSSING:
            found = await service.database.fetch(f'SELECT * FROM "{table}" WHERE patient = $1', partition)
            rows += sorted((table, *map(repr, row)) for row in found)
    return rows


class Judge:
    """Sends probes as Anna, and notes whatever they show."""

    def __init__(self, service: Instance, probes: Probes, own_key: str) -> None:
        self._caller = Caller(service.http, "anna")
        self._probes = probes
        self._own_key = own_key
        self._sent: set[str] = set()
        self.findings: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.requests = 0

    async def send(self, probe: Probe) -> httpx.Response:
        self._sent.update(self._probes.known.findall(probe.text()))
        answer = await self._caller.send(probe.method, probe.address, probe.body, probe.headers)
        self.requests += 1
        self.statuses[answer.status_code] += 1
        shown = answer.text + "\n".join(answer.headers.values())
        if SECRET.lower() in shown.lower():
            self.findings.append(f"shows what is secret: {probe}")
        unknown = set(self._probes.known.findall(shown)) - self._sent
        if unknown:
            self.findings.append(f"names {unknown}, which were not asked for: {probe}")
        if answer.status_code >= 500:
            self.findings.append(f"fails with {answer.status_code}: {probe}")
        return answer

    async def judge(self, probe: Probe) -> None:
        """Send it; when it names Bram, its answer is to be that for a person who does not exist."""
        answer = await self.send(probe)
        twin = probe.replaced(self._probes.twins)
        if twin == probe or "_page=" in probe.address:
            return  # a page link of his is no guess: that it is one shows in its signature
        other = await self.send(twin)
        if self._comparable(answer) != self._comparable(other):
            answers = f"{answer.status_code} {answer.text}\n{other.status_code} {other.text}"
            self.findings.append(f"differs from absent: {probe}\n{answers}")

    def _comparable(self, answer: httpx.Response) -> list[str]:
        """An answer without what differs from one moment to the next, and without the difference between the twins."""
        texts = [str(answer.status_code), answer.text, *(answer.headers.get(name, "") for name in _COMPARED)]
        for volatile in (rf"{self._own_key}-\w{{16}}", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", r"_page=[\w-]+"):
            texts = [re.sub(volatile, "…", text) for text in texts]
        for name, instead in self._probes.twins.items():
            texts = [text.replace(instead, name) for text in texts]
        return texts


async def partition_of(service: Instance, person: str) -> int:
    ((partition,),) = await service.database.fetch("SELECT patient FROM alias WHERE id = $1", person)
    return int(partition)


async def probe(service: Instance, requests: int, seed: int) -> Judge:
    """So many requests, and what came of them."""
    made, pages = await fill(service)
    bram = await partition_of(service, "bram")
    before = await everything_of(service, bram)
    probes = Probes(random.Random(seed), bram, made, pages)
    judge = Judge(service, probes, write_key(await partition_of(service, "anna")))
    while judge.requests < requests and len(judge.findings) < 10:
        await judge.judge(probes.next())
    if await everything_of(service, bram) != before:
        judge.findings.append("Bram's record has changed")
    return judge


def judgement(judge: Judge, at_least: Sequence[int]) -> str:
    """For the failure's message: what was found, or which kinds of answers did not occur at all."""
    missing = [str(status) for status in at_least if not judge.statuses[status]]
    return "\n".join([*judge.findings, *(f"no request was answered with {status}" for status in missing)])


@pytest.mark.parametrize("seed", [1, 2])
async def test_three_hundred_random_requests_show_nothing_of_another_patient(
    service_url: str, tmp_path: Path, seed: int
) -> None:
    async with serving(service_url, tmp_path) as service:
        judge = await probe(service, 300, seed)
    assert judgement(judge, (200, 201, 400, 404, 422)) == ""


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_ten_thousand_random_requests_show_nothing_of_another_patient(service_url: str, tmp_path: Path) -> None:
    async with serving(service_url, tmp_path) as service:
        judge = await probe(service, 10_000, 42)
    assert judgement(judge, (200, 201, 204, 304, 400, 403, 404, 410, 412, 422)) == ""
