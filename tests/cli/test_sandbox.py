"""The sandbox with which other teams run their integration tests: seeds, tokens, the way back to the seeded state."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from app.auth import hash_token
from app.auth.grants import withdraw
from app.cli.demo.bulk import bulk_patients
from app.config import Settings
from app.database import Database, open_database
from app.errors import Invalid
from app.fhir import definitions
from app.fhir.resource import Resource, encode
from app.fhir.scopes import EVERY_ACTION
from app.fhir.xml import to_xml
from app.main import Application, create_app
from app.server.access import FOREVER
from app.server.labels import EVERY_LABEL
from app.server.server import FhirServer
from tests import builders
from tests.cli.records import differences, records

R4: Final = definitions.load("4.0.1")
SEEDS: Final[tuple[Resource, ...]] = (
    builders.patient("anna", identifier=[{"system": "https://proef.example/patient", "value": "1"}]),
    builders.patient("bram"),
    builders.patient("chris"),
    builders.observation("Patient/anna", id="weight"),
    builders.condition("Patient/anna", id="diabetes"),
    builders.goal("Patient/anna", id="walking"),
    builders.care_plan("Patient/anna", id="plan", goal=[builders.reference("Goal/walking")]),
    builders.goal("Patient/bram", id="swimming"),
    builders.medication(id="pill"),
)
TOKENS: Final[dict[str, dict[str, Any]]] = {
    "anna": {"patient": "anna", "scopes": "patient/*.cruds"},
    "anna-treated": {"patient": "anna", "scopes": "patient/*.rs", "purpose": "treatment"},
    "some": {"patient": "anna", "scopes": "patient/*.cruds", "labels": ["identity", "measurements"]},
    "looking": {"patient": "anna", "scopes": "patient/*.cruds", "actions": "rs"},
    "practice": {"patients": ["anna", "bram"], "scopes": "system/*.rs", "organization": "De Proef"},
    "doctor": {"patients": ["anna"], "scopes": "user/*.rs", "person": "Practitioner/dokter", "purpose": "treatment"},
    "nobody": {"patients": [], "scopes": "system/*.rs"},
    "operator": {"patients": "all", "scopes": "system/*.cruds"},
}


@dataclass(frozen=True, slots=True)
class Served:
    """A sandbox that is being served in this process."""

    application: Application
    http: httpx.AsyncClient

    @property
    def server(self) -> FhirServer:
        assert self.application.parts is not None
        return self.application.parts.server

    @property
    def database(self) -> Database:
        return self.server.database

    async def send(self, token: str, method: str, address: str, resource: Resource | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/fhir+json"}
        content = None if resource is None else encode(resource)
        return await self.http.request(method, f"/fhir{address}", content=content, headers=headers)

    async def found(self, token: str, address: str) -> set[str]:
        """The ids that a search finds."""
        answer = await self.send(token, "GET", address)
        assert answer.status_code == 200, answer.text
        return {entry["resource"]["id"] for entry in answer.json().get("entry", ())}

    async def reset(self) -> None:
        assert (await self.http.post("/sandbox/reset")).status_code == 204


def written(
    folder: Path, seeds: Iterable[Resource] = SEEDS, tokens: Mapping[str, Mapping[str, Any]] | None = None
) -> Path:
    """A sandbox file with its seeds as NDJSON."""
    (folder / "seed.ndjson").write_bytes(b"\n".join(map(encode, seeds)))
    path = folder / "sandbox.yaml"
    path.write_text(yaml.safe_dump({"seed": ["seed.ndjson"], "tokens": TOKENS if tokens is None else tokens}))
    return path


@asynccontextmanager
async def served(file: Path, url: str, *, keep: bool = False) -> AsyncIterator[Served]:
    settings = Settings.model_validate(
        {"database": url, "base_url": "http://zelfregie.test", "state": file.parent / "state"}
    )
    application = create_app(settings, sandbox_file=file, keep=keep)
    async with application.running():
        transport = httpx.ASGITransport(application, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://zelfregie.test", timeout=60) as http:
            yield Served(application, http)


@pytest.fixture
async def sandbox(tmp_path: Path, database_url: str) -> AsyncIterator[Served]:
    async with served(written(tmp_path), database_url) as running:
        yield running


# --- seeds ----------------------------------------------------------------------------------------------------------


def as_bundle(folder: Path) -> list[str]:
    entries = [{"resource": each, "request": {"method": "POST", "url": each["resourceType"]}} for each in SEEDS]
    (folder / "bundle.json").write_bytes(encode({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    return ["bundle.json"]


def as_xml_bundle(folder: Path) -> list[str]:
    entries = [{"resource": each} for each in SEEDS]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    (folder / "bundle.xml").write_bytes(to_xml(bundle, R4))
    return ["bundle.xml"]


def as_lines(folder: Path) -> list[str]:
    (folder / "a.ndjson").write_bytes(b"\n".join(map(encode, SEEDS[:3])))
    (folder / "b.ndjson").write_bytes(b"\n".join(map(encode, SEEDS[3:])))
    return ["b.ndjson", "a.ndjson"]  # what is about a Patient may come before the Patient


def as_folder(folder: Path) -> list[str]:
    for index, each in enumerate(SEEDS):
        into = folder / "seeds" / ("deeper" if index % 2 else ".")
        into.mkdir(parents=True, exist_ok=True)
        if index % 3:
            (into / f"{index}.json").write_bytes(encode(each))
        else:
            (into / f"{index}.xml").write_bytes(to_xml(each, R4))
    return ["seeds"]


def as_files(folder: Path) -> list[str]:
    for each in SEEDS:
        (folder / f"{each['id']}.json").write_bytes(encode(each))
    return [f"{each['id']}.json" for each in SEEDS]


@pytest.mark.parametrize("write", [as_bundle, as_xml_bundle, as_lines, as_folder, as_files])
async def test_seeds_come_in_every_form_and_keep_their_ids(write: Callable[[Path], list[str]], tmp_path: Path) -> None:
    seeds = write(tmp_path)
    path = tmp_path / "sandbox.yaml"
    path.write_text(yaml.safe_dump({"seed": seeds, "tokens": TOKENS}))
    async with served(path, f"sqlite:///{tmp_path / 'x.db'}") as sandbox:
        for each in SEEDS:
            read = await sandbox.send("operator", "GET", f"/{each['resourceType']}/{each['id']}")
            assert read.status_code == 200, read.text
            assert {name: value for name, value in read.json().items() if name != "meta"} == each


# --- tokens ---------------------------------------------------------------------------------------------------------


async def test_a_token_sees_the_patients_that_it_names(sandbox: Served) -> None:
    assert await sandbox.found("anna", "/Patient") == {"anna"}
    assert await sandbox.found("practice", "/Patient") == {"anna", "bram"}
    assert await sandbox.found("operator", "/Patient") == {"anna", "bram", "chris"}
    assert await sandbox.found("nobody", "/Patient") == set()
    assert await sandbox.found("practice", "/Goal") == {"walking", "swimming"}
    assert (await sandbox.send("anna", "GET", "/Goal/swimming")).status_code == 404
    assert (await sandbox.send("stranger", "GET", "/Patient/anna")).status_code == 401


async def test_a_token_with_labels_sees_those_categories_only(sandbox: Served) -> None:
    assert await sandbox.found("some", "/Observation") == {"weight"}
    assert await sandbox.found("some", "/Condition") == set()
    assert (await sandbox.send("some", "GET", "/Goal/walking")).status_code == 404
    assert (await sandbox.send("some", "POST", "/Goal", builders.goal("Patient/anna"))).status_code == 403
    assert (await sandbox.send("some", "POST", "/Observation", builders.observation("Patient/anna"))).status_code == 201


async def test_a_token_with_actions_does_those_only(sandbox: Served) -> None:
    assert await sandbox.found("looking", "/Goal") == {"walking"}
    for method, address, resource in (
        ("POST", "/Goal", builders.goal("Patient/anna")),
        ("PUT", "/Goal/walking", builders.goal("Patient/anna", id="walking")),
        ("DELETE", "/Goal/walking", None),
    ):
        assert (await sandbox.send("looking", method, address, resource)).status_code == 403


async def test_tokens_are_grants_and_permits_like_any_other(sandbox: Served) -> None:
    fetch = sandbox.database.fetch
    keys = {
        row[0]: row[1]
        for row in await fetch("SELECT id, patient FROM alias WHERE type = $1", R4.type_numbers["Patient"])
    }
    columns = "stamp, client, person, organization, tenant, purpose, scopes, patient, everyone, expires, recipient"
    grants = {bytes(row[0]): tuple(row[1:]) for row in await fetch(f"SELECT hash, {columns} FROM access_grant")}
    assert grants.keys() == {hash_token(token) for token in TOKENS}
    expected = {
        "anna": ("Patient/anna", "", "own-use", keys["anna"], 0),
        "anna-treated": ("Patient/anna", "", "treatment", keys["anna"], 0),
        "practice": ("", "De Proef", "treatment", None, 0),
        "doctor": ("Practitioner/dokter", "", "treatment", None, 0),
        "nobody": ("", "", "treatment", None, 0),
        "operator": ("", "", "treatment", None, 1),
    }
    for token, (person, organization, purpose, patient, everyone) in expected.items():
        stamp, client, *found, expires, recipient = grants[hash_token(token)]
        assert found == [person, organization, 1, purpose, TOKENS[token]["scopes"], patient, everyone]
        assert (stamp, client, expires, recipient) == (1, "sandbox", FOREVER, f"sandbox:{hash_token(token).hex()}")

    permits = Counter(
        tuple(row)
        for row in await fetch("SELECT recipient, patient, purpose, consent, labels, actions, since, until FROM permit")
    )
    every = EVERY_LABEL, int(EVERY_ACTION)
    some = sandbox.server.labels.bits(["identity", "measurements"]), int(EVERY_ACTION)
    assert permits == Counter(
        (f"sandbox:{hash_token(token).hex()}", keys[name], purpose, "", *allowed, 0, FOREVER)
        for token, names, purpose, allowed in (
            ("anna", ["anna"], "own-use", every),
            ("anna-treated", ["anna"], "treatment", every),
            ("some", ["anna"], "own-use", some),
            ("looking", ["anna"], "own-use", (EVERY_LABEL, 2 | 16)),
            ("practice", ["anna", "bram"], "treatment", every),
            ("doctor", ["anna"], "treatment", every),
        )
        for name in names
    )


async def test_a_permit_that_is_taken_back_holds_from_the_next_request_until_a_reset(sandbox: Served) -> None:
    assert await sandbox.found("practice", "/Goal") == {"walking", "swimming"}
    async with sandbox.database.write() as writer:
        await withdraw(writer, f"sandbox:{hash_token('practice').hex()}")
    assert await sandbox.found("practice", "/Goal") == set()
    await sandbox.reset()
    assert await sandbox.found("practice", "/Goal") == {"walking", "swimming"}


# --- back to the seeded state ---------------------------------------------------------------------------------------


async def change_much(sandbox: Served) -> None:
    """Something of everything that can be changed."""
    bundle = builders.transaction(
        builders.put(builders.patient("dora")),
        builders.posted(builders.goal("Patient/dora")),
        builders.put(builders.organization(id="other")),
    )
    assert (await sandbox.send("operator", "POST", "", bundle)).status_code == 200
    for index in range(30):
        made = await sandbox.send("anna", "POST", "/Observation", builders.observation("Patient/anna"))
        assert made.status_code == 201
        if index % 3 == 0:
            assert (await sandbox.send("anna", "DELETE", f"/Observation/{made.json()['id']}")).status_code == 204
    for status in ("accepted", "active", "completed"):
        changed = builders.goal("Patient/anna", id="walking", lifecycleStatus=status)
        assert (await sandbox.send("anna", "PUT", "/Goal/walking", changed)).status_code == 200
    for address in ("/Condition/diabetes", "/Medication/pill", "/Goal/swimming"):
        assert (await sandbox.send("operator", "DELETE", address)).status_code == 204
    again = builders.goal("Patient/bram", id="swimming", description={"text": "Toch weer"})
    assert (await sandbox.send("operator", "PUT", "/Goal/swimming", again)).status_code == 201
    assert (await sandbox.send("operator", "GET", "/Observation?_count=5")).status_code == 200  # keeps a walk
    async with sandbox.database.write() as writer:
        await withdraw(writer, f"sandbox:{hash_token('doctor').hex()}")


async def test_a_reset_puts_back_every_row_of_every_table(sandbox: Served) -> None:
    seeded = await records(sandbox.database)
    assert {"partition", "resource", "history", "token", "period", "text", "link", "term", "lookup", "alias"} <= {
        name for name, rows in seeded.items() if rows
    }
    for _ in range(2):
        await change_much(sandbox)
        changed = differences(seeded, await records(sandbox.database))
        assert {
            "partition",
            "resource",
            "history",
            "token",
            "alias",
            "access_grant",
            "permit",
            "walk",
        } <= changed.keys()
        await sandbox.reset()
        assert differences(seeded, await records(sandbox.database)) == {}
    assert await sandbox.found("anna", "/Goal") == {"walking"}
    assert (await sandbox.send("anna", "GET", "/Goal/walking")).headers["etag"] == 'W/"1"'


async def test_resets_while_requests_run_refuse_nobody_and_leave_the_seeded_state(sandbox: Served) -> None:
    seeded = await records(sandbox.database)
    answers: Counter[tuple[str, int]] = Counter()
    stop = asyncio.Event()

    async def keep_asking(method: str, address: str, resource: Resource | None = None) -> None:
        while not stop.is_set():
            answer = await sandbox.send("anna", method, address, resource)
            answers[f"{method} {address}", answer.status_code] += 1
            await asyncio.sleep(0)

    async def keep_resetting() -> None:
        for _ in range(6):
            await sandbox.reset()
            await asyncio.sleep(0.02)

    bundle = builders.transaction(
        builders.posted(builders.observation("Patient/anna")), builders.put(builders.goal("Patient/anna", id="walking"))
    )
    asking = [
        asyncio.create_task(keep_asking(*request))
        for request in (
            ("POST", "/Observation", builders.observation("Patient/anna")),
            ("PUT", "/Goal/walking", builders.goal("Patient/anna", id="walking")),
            ("POST", "", bundle),
            ("GET", "/Observation?_count=3"),
            ("GET", "/Goal/walking"),
            ("GET", "/Patient/anna/$everything"),
        )
    ]
    await asyncio.gather(keep_resetting(), keep_resetting())
    stop.set()
    await asyncio.gather(*asking)
    assert len({request for request, _ in answers}) == 6
    assert {status for _, status in answers} <= {200, 201}, answers
    await sandbox.reset()
    assert differences(seeded, await records(sandbox.database)) == {}


# --- starting again -------------------------------------------------------------------------------------------------


async def test_what_was_changed_is_kept_when_that_is_asked_for_and_the_files_are_the_same(
    database_url: str, tmp_path: Path
) -> None:
    file = written(tmp_path)
    async with served(file, database_url, keep=True) as first:
        seeded = await records(first.database)
        await first.send("anna", "PUT", "/Goal/mine", builders.goal("Patient/anna", id="mine"))
    async with served(file, database_url, keep=True) as second:
        assert await second.found("anna", "/Goal") == {"walking", "mine"}
        await second.reset()
        assert differences(seeded, await records(second.database)) == {}
        await second.send("anna", "PUT", "/Goal/mine", builders.goal("Patient/anna", id="mine"))
    async with served(file, database_url) as third:
        assert await third.found("anna", "/Goal") == {"walking"}
        await third.send("anna", "PUT", "/Goal/mine", builders.goal("Patient/anna", id="mine"))
    written(tmp_path, (*SEEDS, builders.goal("Patient/anna", id="reading")))
    async with served(file, database_url, keep=True) as fourth:
        assert await fourth.found("anna", "/Goal") == {"walking", "reading"}


async def test_a_seeding_that_was_broken_off_is_not_taken_for_the_seeded_state(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path)
    async with served(file, database_url):
        pass
    with monkeypatch.context() as patched:

        async def broken(*_: object, **__: object) -> None:
            raise Invalid("The plug was pulled.")

        patched.setattr("app.auth.sandbox.load", broken)
        with pytest.raises(Invalid, match="plug"):
            async with served(file, database_url):
                pass
    async with served(file, database_url, keep=True) as sandbox:
        assert await sandbox.found("anna", "/Goal") == {"walking"}


async def test_an_unmarked_database_is_taken_when_it_is_empty_and_left_alone_when_it_is_not(
    database_url: str, tmp_path: Path
) -> None:
    file = written(tmp_path)
    async with served(file, database_url) as sandbox:
        before = await records(sandbox.database)
    database = await open_database(database_url, connections=1)
    async with database.write() as writer:
        await writer.execute("DELETE FROM setting WHERE name = 'sandbox'")
    await database.close()
    for keep in (False, True):
        with pytest.raises(Invalid, match="not marked as a sandbox"):
            async with served(file, database_url, keep=keep):
                pass
    database = await open_database(database_url, connections=1)
    assert differences(before, await records(database)) == {}
    await database.close()


@pytest.mark.soak
async def test_a_reset_of_five_thousand_resources(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = [each for record in bulk_patients(50, 97, seed=1) for each in record]
    tokens = {"anna": {"patient": "bulk-000001", "scopes": "patient/*.cruds"}}
    async with served(written(tmp_path, seeds, tokens), database_url) as sandbox:
        seeded = await records(sandbox.database)
        assert len(seeded["resource"]) == len(seeds) == 5000
        times = []
        for _ in range(3):
            for _ in range(50):
                made = builders.observation("Patient/bulk-000001")
                assert (await sandbox.send("anna", "POST", "/Observation", made)).status_code == 201
            began = time.perf_counter()
            await sandbox.reset()
            times.append(time.perf_counter() - began)
            assert differences(seeded, await records(sandbox.database)) == {}
    engine, seconds = database_url.partition(":")[0], sorted(times)[1]
    with capsys.disabled():
        print(f"\n{engine}: {len(seeds)} resources reset in {seconds:.2f} s (goal: 2 s)")  # noqa: T201 - for the report
