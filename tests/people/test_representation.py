"""A mandate lets somebody act for a patient, in the open, until it ends: then nothing more, from the next statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from app.auth.accounts import representation
from app.auth.accounts.acting import record_of, records_of, role_for
from app.auth.accounts.mandates import Asked, Ground, Refusal
from app.auth.accounts.persons import birth_of
from app.auth.accounts.representation import Mandate
from app.auth.accounts.sessions import Session
from app.auth.grants import write_grant
from app.auth.roles import Role
from app.auth.tokens import hash_token
from app.errors import Conflict, NotFound, Unprocessable
from app.server.access import load_access
from app.server.store.read import GrantChanged, read
from tests import builders
from tests.people.people import TENANT, People

DAY = 24 * 3600 * 1_000_000
MINUTE = 60_000_000


async def given(people: People, name: str, patient_id: str = "anna", *, until: int | None = None) -> Mandate:
    """Anna authorises somebody in writing."""
    server, now = people.server, people.now
    patient = await people.service.key_of(patient_id)
    asked = Asked(Ground.WRITTEN_AUTHORISATION, "patient", now, until or now + 30 * DAY)
    birth = await birth_of(server, server.database, patient)
    async with server.database.write() as writer:
        return await representation.give(
            writer,
            asked,
            patient=patient,
            tenant=TENANT,
            account=await people.account(name),
            given_by=await people.account("anna"),
            birth=birth,
            now=now,
        )


async def ended(people: People, mandate: Mandate) -> Mandate:
    async with people.server.database.write() as writer:
        return await representation.end(
            writer,
            patient=mandate.patient,
            tenant=TENANT,
            mandate_id=mandate.id,
            ended_by=await people.account("anna"),
            now=people.now,
        )


async def working_for_anna(people: People, name: str = "paula") -> Session:
    session = await people.session(name)
    record = await record_of(people.server, session, "anna", now=people.now)
    assert record is not None
    return await people.sessions.choose(session, record.session_grant())


async def test_a_person_works_in_the_own_record(people: People) -> None:
    (record,) = await records_of(people.server, await people.session("anna"), now=people.now)
    assert (record.patient_id, record.name, record.role) == ("anna", "Anna Proefstra", Role.PATIENT)
    assert record.fhir_user == "Patient/anna"
    assert record.responsible == ""


async def test_without_a_mandate_there_is_no_record_to_choose(people: People) -> None:
    session = await people.session("paula")
    assert await records_of(people.server, session, now=people.now) == []
    assert await record_of(people.server, session, "anna", now=people.now) is None
    assert await record_of(people.server, session, "nobody", now=people.now) is None
    assert await role_for(people.server, session, "anna", now=people.now) is None


async def test_with_a_mandate_the_representative_works_in_that_record_only(people: People) -> None:
    mandate = await given(people, "paula")
    (record,) = await records_of(people.server, await people.session("paula"), now=people.now)
    assert (record.patient_id, record.role, record.reason) == ("anna", Role.REPRESENTATIVE, "written-authorisation")
    assert record.until == mandate.until
    assert record.responsible == "Patient/anna"
    paula = await people.api(await working_for_anna(people))
    assert (await paula.get("/Patient/anna")).status_code == 200
    assert (await paula.get("/Patient/bram")).status_code == 404


async def test_both_people_stand_in_the_history_and_in_the_access_log(people: People) -> None:
    await given(people, "paula")
    paula = await people.api(await working_for_anna(people))
    stored = await paula.create(builders.observation())
    account = await people.account("paula")
    rows = await people.server.database.fetch(
        "SELECT actor FROM history WHERE patient = $1 AND id = $2", await people.service.key_of("anna"), stored["id"]
    )
    assert rows[0][0] == f"person:{account} for Patient/anna"
    written = [line for line in people.service.journal_lines() if account in str(line)]
    agents = [line["event"]["agent"] for line in written if line["event"]["interaction"] == "create"]
    assert agents
    for agent in agents:
        assert agent["person"] == account
        assert agent["responsible"] == "Patient/anna"
        assert agent["role"] == "representative"
        assert agent["consent"], "the mandate that it rests on"


async def test_a_mandate_that_is_ended_holds_no_more_from_the_next_statement(people: People) -> None:
    mandate = await given(people, "paula")
    session = await working_for_anna(people)
    paula = await people.api(session)
    assert (await paula.get("/Patient/anna")).status_code == 200
    assert (await ended(people, mandate)).state == "ended"
    assert (await paula.get("/Patient/anna")).status_code == 401
    assert (await paula.post("/Observation", builders.observation())).status_code == 401
    assert await people.sessions.access(session, now=people.now) is None
    assert await records_of(people.server, await people.session("paula"), now=people.now) == []


async def test_a61_a_mandate_ends_in_the_middle_of_what_is_being_read(people: People) -> None:
    """The access was decided before the end, and is asked to read at the end itself."""
    until = people.now + 3600 * 1_000_000
    await given(people, "paula", until=until)
    session = await people.session("paula")
    record = await record_of(people.server, session, "anna", now=people.now)
    assert record is not None
    server, number = people.server, people.server.registry.number("Patient")
    grant = replace(record.session_grant(hash_token("paula's")), expires=until)
    async with server.database.write() as writer:
        await writer.execute("DELETE FROM access_grant WHERE hash = $1", grant.hash)
        await write_grant(writer, grant)
    access = await load_access(server.database, grant.hash, now=until - 1, patient_type=number)
    assert access is not None
    assert access.horizon == until
    await read(server.database, access, "Patient", "anna", registry=server.registry, now=until - 1)
    with pytest.raises(GrantChanged):
        await read(server.database, access, "Patient", "anna", registry=server.registry, now=until)
    assert await records_of(server, session, now=until) == []


@pytest.fixture
def two_minutes_later(people: People) -> Iterator[Callable[[], None]]:
    """Moves the server's clock."""
    server, clock = people.server, people.server.clock
    yield lambda: object.__setattr__(server, "clock", lambda: clock() + 2 * MINUTE)
    object.__setattr__(server, "clock", clock)


async def test_a_mandate_that_is_over_ends_by_itself(people: People, two_minutes_later: Callable[[], None]) -> None:
    await given(people, "paula", until=people.now + MINUTE)
    paula = await people.api(await working_for_anna(people))
    assert (await paula.get("/Patient/anna")).status_code == 200
    two_minutes_later()
    assert (await paula.get("/Patient/anna")).status_code == 401


async def test_what_ended_can_be_given_anew_but_not_twice_at_once(people: People) -> None:
    first = await given(people, "paula")
    with pytest.raises(Conflict):
        await given(people, "paula")
    await ended(people, first)
    assert (await ended(people, first)).state == "ended"
    assert (await given(people, "paula")).id != first.id


async def test_nobody_represents_themselves(people: People) -> None:
    with pytest.raises(Unprocessable) as raised:
        await given(people, "anna")
    assert raised.value.issues[0].rule == Refusal.ONESELF


async def test_a_mandate_of_another_record_or_tenant_is_not_there(people: People) -> None:
    mandate = await given(people, "paula")
    bram = await people.service.key_of("bram")
    for patient, tenant in ((bram, TENANT), (mandate.patient, 2)):
        with pytest.raises(NotFound):
            async with people.server.database.write() as writer:
                await representation.end(
                    writer, patient=patient, tenant=tenant, mandate_id=mandate.id, ended_by="x", now=people.now
                )


async def test_a_parent_sees_nothing_before_an_administrator_confirms(people: People) -> None:
    server, now = people.server, people.now
    child = builders.patient("kees", birthDate="2020-03-01")
    await people.service.caller("operator").keep(child)
    patient = await people.service.key_of("kees")
    birth = await birth_of(server, server.database, patient)
    account = await people.account("paula")
    async with server.database.write() as writer:
        asked = await representation.ask_as_parent(
            writer, patient=patient, tenant=TENANT, account=account, declaration="ouder", birth=birth, now=now
        )
    session = await people.session("paula")
    assert await records_of(server, session, now=now) == []
    assert [each.id for each in await representation.waiting(server.database, TENANT)] == [asked.id]
    async with server.database.write() as writer:
        confirmed = await representation.confirm(
            writer,
            patient=patient,
            tenant=TENANT,
            mandate_id=asked.id,
            given_by="administrator00",
            evidence="uittreksel gezagsregister gezien",
            birth=birth,
            now=now,
        )
    assert confirmed.until == asked.until
    (record,) = await records_of(server, session, now=now)
    assert record.until == confirmed.until
    assert await records_of(server, session, now=confirmed.until) == []
    with pytest.raises(Conflict):
        async with server.database.write() as writer:
            await representation.refuse(
                writer, patient=patient, tenant=TENANT, mandate_id=asked.id, refused_by="x", now=now
            )
