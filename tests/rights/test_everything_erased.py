"""A-83: erasing everything removes data, indexes, history, attachments, copies and tokens; logging in again resurrects
nothing; another patient is untouched byte for byte; the access log remains.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Table

import app.audit.tables
import app.auth.tables
from app.auth.accounts.account import Account
from app.auth.accounts.sessions import LogIn
from app.auth.accounts.tables import INSERT_MANDATE
from app.auth.consents.service import give
from app.auth.consents.tables import INSERT_PAIRING_CODE
from app.auth.grants import NewGrant, write_grant
from app.auth.oauth.tables import INSERT_AUTHORIZATION_CODE, INSERT_REFRESH_TOKEN
from app.auth.organizations.tables import INSERT_IDENTITY, INSERT_PAIRING
from app.auth.recipients import app as app_recipient
from app.auth.recipients import organization, person
from app.auth.rights.erasing import Erasure
from app.auth.rights.proof import Prover
from app.auth.rights.tables import INSERT_EXPORT, INSERT_EXPORT_PART
from app.auth.tickets import issue
from app.auth.tokens import hash_token
from app.database import metadata
from app.errors import Conflict, Forbidden
from app.fhir.resource import Resource
from app.server.access import FOREVER
from tests.builders import binary, condition, counted, goal, patient, reference
from tests.integrity import problems
from tests.rights.people import Visit, bearer, erasures, sessions_of, visit
from tests.server.service import Caller, Service, running_service
from tests.web.login import account

assert app.audit.tables.audit.metadata is app.auth.tables.consents.consent.metadata, "one set of tables"
MARK: Final = "kanariepiet"
_LOG: Final = {"audit", "audit_patient", "audit_head"}


@dataclass(frozen=True, slots=True)
class Planted:
    """Anna and Bram with something of theirs in every table, each with a word that occurs nowhere else."""

    service: Service
    anna: Visit
    before: dict[str, list[bytes]]
    token: str
    patients: tuple[int, int]

    async def erase(self) -> Erasure:
        return await erasures(self.service).everything(self.anna.access, now=self.service.server.clock())


def about(subject: str, word: str) -> list[Resource]:
    return [
        condition(subject, code={"coding": [{"system": f"urn:{word}", "code": word}], "text": word}, id=f"{word}-c",
                  identifier=[{"system": f"https://{word}.example", "value": word}]),
        goal(subject, description={"text": f"{word} " * 30}, id=f"{word}-g"),
        counted(subject=reference(subject), id=f"{word}-o",
                valueQuantity={"value": 5, "unit": word, "system": f"urn:{word}"}),
        binary(id=f"{word}-b", data=b64encode(word.encode() * 400).decode()),
    ]  # fmt: skip


async def rows_of(service: Service, word: str) -> dict[str, list[bytes]]:
    """Every row of every table in which ``word`` occurs, the log aside."""
    found: dict[str, list[bytes]] = {}
    for table in metadata.sorted_tables:
        if table.name in _LOG:
            continue
        rows = [_bytes(row) for row in await service.database.fetch(f'SELECT * FROM "{table.name}"')]
        listed = sorted(row for row in rows if word.encode() in row)
        if listed:
            found[table.name] = listed
    return found


def _bytes(row: Sequence[Any]) -> bytes:
    return b"\x1f".join(bytes(each) if isinstance(each, (bytes, memoryview)) else str(each).encode() for each in row)


async def of_patient(service: Service, table: Table, patient_key: int) -> list[bytes]:
    statement = f'SELECT * FROM "{table.name}" WHERE patient = $1'
    return sorted(_bytes(row) for row in await service.database.fetch(statement, patient_key))


async def plant(service: Service, name: str, word: str) -> None:
    """Something of the person in every table that says anything of anybody."""
    caller, patient_key = service.caller(name), await service.key_of(name)
    who, now = await account(service, name), service.server.clock()
    await caller.keep(patient(name, name=[{"family": word}], address=[{"city": word}]))
    for resource in about(f"Patient/{name}", word):
        kept = await caller.keep(resource)
        await caller.keep({**kept, "language": "nl"})
    await caller.delete(f"/Goal/{word}-g")
    async with service.database.write() as writer:
        await give(
            writer, patient=patient_key, tenant=1, recipient=organization(f"{name}-praktijk"), recipient_name=word,
            purpose="treatment", labels=8, actions=18, since=now, until=now + 10**12, given_by=who.id, method="page",
            language="nl", text=f"Ik sta {word} toe", text_version="1", now=now,
        )  # fmt: skip
        await write_grant(
            writer,
            NewGrant(
                hash_token(f"app-{name}"), app_recipient("weegschaal"), "patient/*.cruds", 1, "own-use",
                client="weegschaal", person=who.id, patients=[patient_key] if name == "anna" else (),
                patient=patient_key, kind="app", family=f"family-{word}",
            ),
        )  # fmt: skip
        columns = {"id": f"family-{word}", "client": "weegschaal", "account": who.id, "patient": patient_key}
        await _insert(writer, "client_authorization", columns, word)
        await writer.insert(INSERT_REFRESH_TOKEN, [(word.encode(), f"family-{word}", "weegschaal", "", FOREVER, 0)])
        code = (word.encode(), f"family-{word}", "weegschaal", "https://x.example", "c", FOREVER, 0)
        await writer.insert(INSERT_AUTHORIZATION_CODE, [code])
        await writer.insert(INSERT_PAIRING, [(f"{name}-praktijk", "urn:nummers", word, patient_key, now)])
        pairing = (word.encode(), patient_key, f"{name}-praktijk", "c", who.id, now, FOREVER)
        await writer.insert(INSERT_PAIRING_CODE, [pairing])
        mandate = (patient_key, word, "wie-dan-ook", "mentor", "ended", word, 0, 1, "beheer", now, 1, "beheer")
        await writer.insert(INSERT_MANDATE, [mandate])
        await writer.insert(INSERT_IDENTITY, [(f"https://{word}.example", word, who.id, "substantial", now, now)])
        await issue(writer, "recovery", now=now, seconds=60, account=who.id, data={"van": word})
        copy = (patient_key, word, who.id, "ready", 1, 1, 1, word.encode(), now, now, FOREVER, word, now, 0)
        await writer.insert(INSERT_EXPORT, [copy])
        await writer.insert(INSERT_EXPORT_PART, [(patient_key, word, 0, word.encode() * 1000)])


async def _insert(writer: Any, table: str, columns: dict[str, Any], word: str) -> None:
    """A row whose other columns are ``word``, or 0."""
    every = metadata.tables[table].columns
    plain = {
        each.name: word if each.type.python_type is str else b"" if each.type.python_type is bytes else 0
        for each in every
    }
    names = list(plain)
    values = [{**plain, **columns}[name] for name in names]
    marks = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    await writer.execute(f'INSERT INTO "{table}" ({", ".join(names)}) VALUES ({marks})', *values)


@pytest.fixture
async def planted(service: Service) -> Planted:
    return await plant_both(service)


async def plant_both(service: Service) -> Planted:
    await service.database.change("UPDATE account SET name = $1 WHERE email = 'anna@example.org'", MARK)
    await plant(service, "anna", MARK)
    await plant(service, "bram", "roodborst")
    token = await bearer(service, "anna")
    found = await visit(service, "anna")
    patients = (await service.key_of("anna"), await service.key_of("bram"))
    return Planted(service, found, await rows_of(service, MARK), token, patients)


async def test_a83_no_table_holds_anything_of_it(planted: Planted) -> None:
    service = planted.service
    assert {
        "resource",
        "history",
        "text",
        "term",
        "consent",
        "pairing",
        "export_part",
    } <= planted.before.keys()
    await planted.erase()
    assert await rows_of(service, MARK) == {}
    for table in metadata.sorted_tables:
        if "patient" in table.columns and table.name not in {*_LOG, "partition", "consent", "erasure", "alias"}:
            assert await of_patient(service, table, planted.patients[0]) == [], table.name
    assert await problems(service.database, service.server) == []


async def test_a83_no_byte_of_it_is_left_in_the_files_of_sqlite(tmp_path: Path) -> None:
    """PostgreSQL keeps files of its own; docs/rights.md says what it does with them."""
    path = tmp_path / "zelfregie.db"
    async with running_service(f"sqlite:///{path}", tmp_path) as service:
        planted = await plant_both(service)
        await service.database.fold()
        assert MARK.encode() in _files(path)
        await planted.erase()
        assert MARK.encode() not in _files(path)
        assert b"roodborst" in _files(path)


def _files(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")) if each.is_file())


async def test_a83_another_patient_is_untouched_byte_for_byte(planted: Planted) -> None:
    service = planted.service

    async def bram() -> dict[str, list[bytes]]:
        listed = [each for each in metadata.sorted_tables if "patient" in each.columns and each.name not in _LOG]
        of_key = {each.name: await of_patient(service, each, planted.patients[1]) for each in listed}
        return {**await rows_of(service, "roodborst"), **{f"by key: {name}": rows for name, rows in of_key.items()}}

    before = await bram()
    await planted.erase()
    assert await bram() == before
    assert (await service.caller("bram").get("/Condition/roodborst-c")).status_code == 200


async def test_a83_sessions_and_tokens_die_at_once(planted: Planted, practice: Caller) -> None:
    service = planted.service
    own = service.caller(planted.token)
    assert (await own.get("/Patient/anna")).status_code == 200
    assert (await practice.get("/Patient/anna")).status_code == 200
    await planted.erase()
    assert (await own.get("/Patient/anna")).status_code == 401
    assert (await service.caller("app-anna").get("/Patient/anna")).status_code == 401
    assert (await service.caller("anna").get("/Patient/anna")).status_code == 401
    assert await sessions_of(service).access(planted.anna.session, now=service.server.clock()) is None
    for caller in (practice, service.caller("operator")):
        for address in ("/Patient/anna", f"/Condition/{MARK}-c", f"/Condition/{MARK}-c/_history/1"):
            assert (await caller.get(address)).status_code == 404, address
        assert MARK not in (await caller.get("/Condition?_count=100")).text
        assert MARK not in (await caller.get("/_history?_count=100")).text


async def test_a83_nobody_logs_in_to_what_is_gone(planted: Planted) -> None:
    service = planted.service
    who = await account(service, "anna")
    await planted.erase()
    sessions, now = sessions_of(service), service.server.clock()
    cookie = await sessions.open(LogIn(who.id, 1, "password+totp"), now=now)
    assert await sessions.find(cookie, now=now) is None
    rows = await service.database.fetch("SELECT state, email, password, patient FROM account WHERE id = $1", who.id)
    assert [tuple(row) for row in rows] == [("closed", f"closed:{who.id}", "", None)]


async def test_a83_loading_the_person_again_is_refused(planted: Planted) -> None:
    service = planted.service
    await planted.erase()
    operator = service.caller("operator")
    answer = await operator.put("/Patient/anna", patient("anna"))
    assert answer.status_code == 409
    assert "removed at the person's request" in answer.text
    assert (await operator.put("/Patient/nieuw", patient("nieuw"))).status_code == 201
    answer = await operator.put(f"/Condition/{MARK}-c", condition("Patient/anna", id=f"{MARK}-c"))
    assert answer.status_code == 422


async def test_a83_whoever_acts_for_others_keeps_the_account_without_the_record(planted: Planted) -> None:
    service = planted.service
    who: Account = await account(service, "anna")
    mandate = (planted.patients[1], "m9", who.id, "mentor", "active", "b", 0, FOREVER, "beheer", 1, 0, "")
    async with service.database.write() as writer:
        await writer.insert(INSERT_MANDATE, [mandate])
    await planted.erase()
    rows = await service.database.fetch("SELECT state, email, patient FROM account WHERE id = $1", who.id)
    assert [tuple(row) for row in rows] == [("active", "anna@example.org", None)]
    assert not await service.database.fetch("SELECT 1 FROM permit WHERE recipient = $1", person(who.id))


async def test_a83_of_consents_stays_that_there_was_one(planted: Planted) -> None:
    service = planted.service
    await planted.erase()
    rows = await service.database.fetch(
        "SELECT state, recipient, purpose, text, recipient_name, labels FROM consent WHERE patient = $1",
        planted.patients[0],
    )
    assert ("erased", "organization:anna-praktijk", "treatment", "", "", 0) in [tuple(row) for row in rows]
    assert {(row[0], *row[3:]) for row in rows} == {("erased", "", "", 0)}


async def test_a83_the_access_log_remains(planted: Planted) -> None:
    service = planted.service
    parts = service.application.parts
    assert parts is not None
    await parts.mover.drain()
    counted = "SELECT count(*) FROM audit_patient WHERE patient = $1"
    before = (await service.database.fetch(counted, planted.patients[0]))[0][0]
    assert before > 0
    await planted.erase()
    assert (await service.database.fetch(counted, planted.patients[0]))[0][0] == before


async def test_a83_the_proof_counts_what_is_gone(planted: Planted) -> None:
    service = planted.service
    resources = (await service.database.fetch("SELECT count(*) FROM resource WHERE patient = $1", planted.patients[0]))[
        0
    ][0]
    versions = (await service.database.fetch("SELECT count(*) FROM history WHERE patient = $1", planted.patients[0]))[
        0
    ][0]
    done = await planted.erase()
    said = Prover(service.server.page_key, "").verify(done.proof)["erased"]
    assert (said["scope"], said["resources"], said["versions"]) == ("everything", resources, versions)


async def test_a83_a_failure_half_way_leaves_everything_as_it_was(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise Conflict("half way")

    monkeypatch.setattr("app.auth.rights.erasing.leave", fail)
    with pytest.raises(Conflict):
        await planted.erase()
    assert await rows_of(planted.service, MARK) == planted.before
    assert (await planted.service.caller("anna").get(f"/Condition/{MARK}-c")).status_code == 200


async def test_a83_it_can_be_done_once(planted: Planted) -> None:
    await planted.erase()
    with pytest.raises(Exception, match=r"not valid|Only the person") as refusal:
        await planted.erase()
    assert type(refusal.value).__name__ == "GrantChanged" or isinstance(refusal.value, Forbidden)
