"""The sandbox with which other teams run their integration tests: its seeds and its tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest
import yaml

from app.auth import hash_token
from app.auth.grants import withdraw
from app.fhir import definitions
from app.fhir.resource import encode
from app.fhir.scopes import EVERY_ACTION
from app.fhir.xml import to_xml
from app.server.access import FOREVER
from app.server.labels import EVERY_LABEL
from tests import builders
from tests.cli.sandboxes import SEEDS, TOKENS, Served, served, written

R4: Final = definitions.load("4.0.1")


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
    all_but_permissions = EVERY_LABEL & ~sandbox.server.labels.bits(["permissions"])
    every = all_but_permissions, int(EVERY_ACTION)
    some = sandbox.server.labels.bits(["identity", "measurements"]), int(EVERY_ACTION)
    assert permits == Counter(
        (f"sandbox:{hash_token(token).hex()}", keys[name], purpose, "", *allowed, 0, FOREVER)
        for token, names, purpose, allowed in (
            ("anna", ["anna"], "own-use", every),
            ("anna-treated", ["anna"], "treatment", every),
            ("some", ["anna"], "own-use", some),
            ("looking", ["anna"], "own-use", (all_but_permissions, 2 | 16)),
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
