"""What a permission allows holds from the next statement, and so does its end. Attacks A-62 and A-80 of the list."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Any

import pytest

from app.auth.consents import service as consents
from app.auth.consents.allowances import ACTIONS, CATEGORIES, CONTENT, GRANTABLE, PERMISSIONS, labels, labels_of
from app.auth.consents.purposes import PURPOSES, secondary_purposes
from app.auth.oauth import tables
from app.auth.recipients import organization, person
from app.errors import Conflict, NotFound, Unprocessable
from app.server.access import FOREVER
from app.server.labels import EVERY_LABEL, UNCLASSIFIED
from tests import builders
from tests.consents.people import APP, DAY, Permissions
from tests.server.service import Caller, ids, link


@pytest.mark.parametrize("action", ACTIONS)
async def test_every_category_and_action_becomes_a_permit(permissions: Permissions, action: str) -> None:
    practice = organization(permissions.practice.id)
    given = {
        category: await permissions.give(practice, categories=[category], actions=[action], until=10**17)
        for category in CATEGORIES
    }
    rows = await permissions.permits(practice)
    assert {row[0]: row[1:] for row in rows} == {
        f"{consent}/1": (labels_of([category]), ACTIONS[action], 0, 10**17) for category, consent in given.items()
    }


async def test_an_app_sees_what_was_allowed_and_no_more(permissions: Permissions, anna: Caller) -> None:
    await anna.create(builders.observation())
    await anna.create(builders.goal())
    app = await permissions.app()
    assert await app.found("/Observation") == []
    await permissions.give(categories=["measurements"])
    assert len(await app.found("/Observation")) == 1
    assert await app.found("/Goal") == []
    assert (await app.get("/Patient/anna")).status_code == 404
    assert (await app.post("/Observation", builders.observation())).status_code == 403


async def test_two_permissions_add_up(permissions: Permissions, anna: Caller) -> None:
    await anna.create(builders.observation())
    await anna.create(builders.goal())
    first = await permissions.give(categories=["measurements"])
    await permissions.give(categories=["care-plan"])
    app = await permissions.app()
    assert len(await app.found("/Observation")) == len(await app.found("/Goal")) == 1
    await permissions.withdraw(first)
    assert await app.found("/Observation") == []
    assert len(await app.found("/Goal")) == 1


async def test_narrowing_holds_at_once_and_is_a_version(permissions: Permissions, anna: Caller) -> None:
    made = await anna.create(builders.observation())
    consent = await permissions.give(actions=["see", "change"])
    app = await permissions.app()
    address = f"/Observation/{made['id']}"
    assert (await app.get(address)).status_code == 200
    assert await permissions.give(categories=["care-plan"], consent_id=consent) == consent
    assert (await app.get(address)).status_code == 404
    versions = await consents.versions(permissions.service.database, await permissions.anna(), consent)
    assert [(each.version, each.labels) for each in versions] == [(2, labels_of(["care-plan"])), (1, CONTENT)]
    assert [row[0] for row in await permissions.permits()] == [f"{consent}/2"]


async def test_a_carers_app_reaches_no_further_than_the_carer(permissions: Permissions, anna: Caller) -> None:
    await anna.create(builders.observation())
    await anna.create(builders.goal())
    await permissions.give()
    app = await permissions.app(user="carl")
    assert await app.found("/Observation") == []
    await permissions.give(person(await permissions.people.account("carl")), categories=["care-plan"])
    assert await app.found("/Observation") == []
    assert len(await app.found("/Goal")) == 1


async def test_a_permission_ends_at_its_microsecond(permissions: Permissions, anna: Caller) -> None:
    await anna.create(builders.observation())
    end = permissions.now + DAY
    await permissions.give(until=end)
    app = await permissions.app()
    async with permissions.at(end - 1, app) as before:
        assert len(await before.found("/Observation")) == 1
    async with permissions.at(end, app) as after:
        assert await after.found("/Observation") == []


async def test_a_permission_begins_at_its_microsecond(permissions: Permissions, anna: Caller) -> None:
    await anna.create(builders.observation())
    start = permissions.now + DAY
    await permissions.give(since=start)
    app = await permissions.app()
    async with permissions.at(start - 1, app) as before:
        assert await before.found("/Observation") == []
    async with permissions.at(start, app) as after:
        assert len(await after.found("/Observation")) == 1


async def test_a62_a_system_sees_only_patients_who_allow_its_organisation(
    permissions: Permissions, anna: Caller, bram: Caller
) -> None:
    await anna.create(builders.observation())
    await bram.create(builders.observation("Patient/bram"))
    system = await permissions.system()
    assert await system.found("/Patient") == []
    practice = organization(permissions.practice.id)
    await permissions.give(practice, purpose="treatment")
    assert await system.found("/Patient") == ["anna"]
    assert len(await system.found("/Observation")) == 1
    assert (await system.get("/Patient/bram")).status_code == 404
    other = await permissions.system("another")
    assert await other.found("/Patient") == []


async def test_a62_a_permission_for_one_purpose_is_none_for_another(permissions: Permissions) -> None:
    await permissions.give(organization(permissions.practice.id), purpose="treatment")
    for purpose in (*secondary_purposes(), "own-use"):
        assert await (await permissions.system(purpose=purpose)).found("/Patient") == []
    assert await (await permissions.system()).found("/Patient") == ["anna"]


async def test_a62_withdrawal_between_two_pages(permissions: Permissions, anna: Caller) -> None:
    for _ in range(3):
        await anna.create(builders.observation())
    consent = await permissions.give(organization(permissions.practice.id), purpose="treatment")
    system = await permissions.system()
    page = await system.bundle("/Observation?patient=anna&_count=1")
    following = link(page, "next")
    assert following is not None
    assert len(ids(page)) == 1
    await permissions.withdraw(consent)
    assert ids(await system.bundle(following)) == []


async def test_a80_withdrawal_ends_tokens_and_refresh_tokens(permissions: Permissions, anna: Caller) -> None:
    await anna.create(builders.observation())
    consent = await permissions.give()
    await authorization(permissions, "let-in")
    await authorization(permissions, "let-another-in", recipient="app:another")
    app = await permissions.app(family="let-in")
    assert len(await app.found("/Observation")) == 1
    await permissions.withdraw(consent)
    assert (await app.get("/Observation")).status_code == 401
    assert await revoked(permissions) == {"let-in": "consent-withdrawn", "let-another-in": ""}


async def test_a80_what_is_left_of_two_permissions_keeps_an_app_in(permissions: Permissions) -> None:
    first = await permissions.give(categories=["measurements"])
    second = await permissions.give(categories=["care-plan"])
    await authorization(permissions, "let-in")
    await permissions.withdraw(first)
    assert await revoked(permissions) == {"let-in": ""}
    await permissions.withdraw(second)
    assert await revoked(permissions) == {"let-in": "consent-withdrawn"}


async def test_a80_withdrawal_of_a_carers_permission_ends_the_carers_apps(permissions: Permissions) -> None:
    carl = person(await permissions.people.account("carl"))
    consent = await permissions.give(carl)
    await authorization(permissions, "let-in-by-carl", within=carl)
    await permissions.withdraw(consent)
    assert await revoked(permissions) == {"let-in-by-carl": "consent-withdrawn"}


async def test_two_withdrawals_at_once_are_both_fine(permissions: Permissions) -> None:
    consent = await permissions.give()
    ended = await asyncio.gather(*(permissions.withdraw(consent) for _ in range(4)))
    assert {(each.version, each.state) for each in ended} == {(2, consents.WITHDRAWN)}
    assert await permissions.permits() == []


async def test_who_changes_what_was_withdrawn_meanwhile_brings_nothing_back(permissions: Permissions) -> None:
    consent = await permissions.give()
    await permissions.withdraw(consent)
    with pytest.raises(Conflict):
        await permissions.give(categories=["measurements"], consent_id=consent)
    assert await permissions.permits() == []


async def test_changes_and_a_withdrawal_at_once_end_withdrawn(permissions: Permissions) -> None:
    consent = await permissions.give()
    attempts = [permissions.give(categories=["measurements"], consent_id=consent) for _ in range(3)]
    found = await asyncio.gather(*attempts, permissions.withdraw(consent), return_exceptions=True)
    assert all(isinstance(each, str | Conflict | consents.Consent) for each in found)
    assert await permissions.permits() == []
    versions = await consents.versions(permissions.service.database, await permissions.anna(), consent)
    assert versions[0].state == consents.WITHDRAWN
    assert [each.version for each in versions] == list(range(len(versions), 0, -1))


async def test_every_permission_of_one_recipient_ends_in_one_step(permissions: Permissions) -> None:
    for category in ("measurements", "care-plan"):
        await permissions.give(categories=[category])
    kept = await permissions.give("app:another")
    async with permissions.service.database.write() as writer:
        ended = await consents.withdraw_all(
            writer, patient=await permissions.anna(), recipient=APP, given_by="x", method="test", now=permissions.now
        )
    assert len(ended) == 2
    assert await permissions.permits() == []
    assert [row[0] for row in await permissions.permits("app:another")] == [f"{kept}/1"]


async def test_what_is_stored_is_what_was_shown(permissions: Permissions) -> None:
    consent = await permissions.give(categories=["laboratory"], actions=["see", "add"])
    stored = await consents.find(permissions.service.database, await permissions.anna(), consent)
    assert stored is not None
    assert stored.text_hash == sha256(stored.text.encode()).digest()
    assert "- Laboratoriumuitslagen" in stored.text
    assert "- gegevens toevoegen" in stored.text
    assert "- gegevens wijzigen en verwijderen" not in stored.text


WRONG: dict[str, dict[str, Any]] = {
    "no category": {"labels": 0},
    "what nobody but the patient sees": {"labels": UNCLASSIFIED},
    "every label there may ever be": {"labels": EVERY_LABEL},
    "permissions for an app": {"labels": GRANTABLE},
    "no action": {"actions": 0},
    "an action that there is not": {"actions": 64},
    "no recipient": {"recipient": "app:"},
    "another kind of recipient": {"recipient": "service:x"},
    "an unknown purpose": {"purpose": "marketing"},
    "adding for research": {"purpose": "research", "actions": ACTIONS["add"]},
    "an end before the beginning": {"since": 200, "until": 100},
    "an end in the past": {"until": 100},
    "no text": {"text": ""},
    "a language that is not spoken here": {"language": "de"},
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_cannot_be_given(permissions: Permissions, wrong: str) -> None:
    values: dict[str, Any] = {
        "patient": await permissions.anna(),
        "tenant": 1,
        "recipient": APP,
        "recipient_name": "Dagboek",
        "purpose": "own-use",
        "labels": CONTENT,
        "actions": ACTIONS["see"],
        "since": 0,
        "until": FOREVER,
        "given_by": "x",
        "method": "test",
        "language": "nl",
        "text": "tekst",
        "text_version": "1",
        "now": permissions.now,
        **WRONG[wrong],
    }
    with pytest.raises(Unprocessable):
        async with permissions.service.database.write() as writer:
            await consents.give(writer, **values)
    assert await permissions.permits() == []


async def test_nothing_is_given_in_a_record_that_is_not_there(permissions: Permissions) -> None:
    with pytest.raises(NotFound):
        async with permissions.service.database.write() as writer:
            await consents.withdraw(writer, patient=5, consent_id="x", given_by="x", method="test", now=1)
    with pytest.raises(NotFound):
        await permissions.withdraw("0" * 32)


async def test_the_log_names_the_version_that_access_rests_on(permissions: Permissions) -> None:
    consent = await permissions.give()
    await permissions.give(categories=["identity"], consent_id=consent)
    app = await permissions.app()
    assert (await app.get("/Patient/anna")).status_code == 200
    line = permissions.service.journal_lines()[-1]
    assert f'"consent":"{consent}/2"' in str(line).replace("'", '"').replace(": ", ":")


def test_every_secondary_purpose_is_off_by_default_and_the_access_log_is_named_by_itself() -> None:
    assert len(secondary_purposes()) == 8
    assert [key for key, purpose in PURPOSES.items() if not purpose.secondary] == ["own-use", "treatment"]
    assert not CONTENT & PERMISSIONS
    assert not GRANTABLE & UNCLASSIFIED


def test_the_bit_sets_are_those_of_the_table() -> None:
    table = labels()
    assert labels_of(CATEGORIES) == GRANTABLE
    assert labels_of(["permissions"]) == PERMISSIONS
    assert table.bits(table.categories) == GRANTABLE | table.bits(["unclassified", "catalogue"])


async def authorization(permissions: Permissions, family: str, *, recipient: str = APP, within: str = "") -> None:
    """One time that somebody let a client in to Anna's record."""
    known = {
        "id": family,
        "client": "dagboek",
        "tenant": 1,
        "patient": await permissions.anna(),
        "recipient": "app:of-carl" if within else recipient,
        "within": within,
        "expires": FOREVER,
    }
    blank = {"TEXT": "", "BLOB": b"", "BIGINT": 0}
    row = [known.get(column.name, blank.get(str(column.type), 0)) for column in tables.authorization.columns]
    async with permissions.service.database.write() as writer:
        await writer.insert(tables.INSERT_AUTHORIZATION, [row])


async def revoked(permissions: Permissions) -> dict[str, str]:
    rows = await permissions.service.database.fetch("SELECT id, revoked, reason FROM client_authorization")
    assert all(bool(at) is bool(reason) for _, at, reason in rows)
    return {family: reason for family, _, reason in rows}
